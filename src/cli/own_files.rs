//! Files that this process writes and that are no sources, wherever a person wants them: a loop that watches the folder leaves
//! them out.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

static FILES: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Notes a file that is about to be written, or was this moment; its folder is there.
pub(super) fn note(path: &Path) {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return;
    };
    // Loops know files by the paths that lead there without links.
    let folder = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    files().insert(folder.join(name));
}

/// Whether the file at `path`, which has no links in it, is such a file.
pub(super) fn has(path: &Path) -> bool {
    files().contains(path)
}

fn files() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    FILES.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::{has, note};

    #[test]
    fn a_file_is_known_by_every_way_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let root = std::fs::canonicalize(folder.path()).unwrap();
        let link = root.join("link");
        std::os::unix::fs::symlink(&root, &link).unwrap();
        note(&link.join("a.core"));
        assert!(has(&root.join("a.core")));
        assert!(!has(&root.join("b.core")));
    }
}
