//! Files that come while a build runs. Most are its own, as a linker's unfinished output, and go before it ends: they end no
//! build. What is still there when the build has ended may be a person's, and is built then.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Builds in a row that nothing but such files asked for; if these make new ones too, builds make them.
const ROW_MAX: u32 = 8;

/// So long is remembered which files have gone: that is told a moment later.
const MEMORY: Duration = Duration::from_secs(10);

/// Files that came while a build ran.
#[derive(Debug, Default)]
pub(super) struct Newcomers {
    /// Those of the build under way, or of the one that still has to end before that.
    waiting: BTreeSet<PathBuf>,
    /// Those that have gone again, and since when that is known.
    gone: BTreeMap<PathBuf, Instant>,
    /// Builds in a row that nothing else asked for.
    row: u32,
    /// Every build makes some, under new names.
    are_made: bool,
}

impl Newcomers {
    /// Takes out of `paths`, below `root`, what nobody has to build for now: `new` files that wait for the end of the build
    /// where one runs, and those that have come and gone.
    pub(super) fn hold_back(
        &mut self,
        paths: &mut Vec<PathBuf>,
        new: &BTreeSet<&PathBuf>,
        root: &Path,
        is_building: bool,
    ) {
        paths.retain(|path| {
            let is_there = root.join(path).exists();
            let is_new = new.contains(path);
            if is_there && is_building && (is_new || self.waiting.contains(path)) {
                self.waiting.insert(path.clone());
                return false;
            }
            if is_there {
                return true;
            }
            if is_new {
                self.gone.insert(path.clone(), Instant::now());
            }
            !is_new && !self.waiting.contains(path) && self.gone.remove(path).is_none()
        });
    }

    /// A build has ended, and the next one has not begun: returns what came meanwhile and is there.
    pub(super) fn settle(&mut self, root: &Path) -> Vec<PathBuf> {
        self.gone.retain(|_, since| since.elapsed() < MEMORY);
        let mut there = Vec::new();
        for path in std::mem::take(&mut self.waiting) {
            match root.join(&path).exists() {
                true => there.push(path),
                false => drop(self.gone.insert(path, Instant::now())),
            }
        }
        there
    }

    /// Something else has changed.
    pub(super) fn end_row(&mut self) {
        self.row = 0;
    }

    /// Whether one build more is made where nothing but such files asks for it; a person's are in the first one.
    pub(super) fn may_build(&mut self) -> bool {
        self.row += 1;
        self.row <= if self.are_made { 1 } else { ROW_MAX }
    }

    /// Whether it has just turned out that every build makes such files.
    pub(super) fn are_found_out(&mut self) -> bool {
        self.row > ROW_MAX && !std::mem::replace(&mut self.are_made, true)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::{Newcomers, ROW_MAX};

    /// What is left of a change of `path`.
    fn left(newcomers: &mut Newcomers, root: &Path, path: &str, how: (bool, bool)) -> bool {
        let (is_new, is_building) = how;
        let mut paths = vec![PathBuf::from(path)];
        let changed = paths.clone();
        let new = changed.iter().filter(|_| is_new).collect();
        newcomers.hold_back(&mut paths, &new, root, is_building);
        !paths.is_empty()
    }

    #[test]
    fn what_comes_and_goes_is_never_built() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let mut newcomers = Newcomers::default();
        let file = root.join("out.tmp1");
        fs::write(&file, "").unwrap();
        assert!(!left(&mut newcomers, root, "out.tmp1", (true, true)));
        // It grows.
        assert!(!left(&mut newcomers, root, "out.tmp1", (false, true)));
        fs::remove_file(&file).unwrap();
        // Its end is told before that of the build, or after it; another file of that name is one like any other.
        assert!(!left(&mut newcomers, root, "out.tmp1", (false, true)));
        assert!(newcomers.settle(root).is_empty());
        assert!(!left(&mut newcomers, root, "out.tmp1", (false, false)));
        fs::write(&file, "").unwrap();
        assert!(left(&mut newcomers, root, "out.tmp1", (true, false)));
        fs::remove_file(&file).unwrap();
        assert!(left(&mut newcomers, root, "out.tmp1", (false, false)));
        // It had gone before it was told of at all.
        assert!(!left(&mut newcomers, root, "out.tmp2", (true, false)));
        assert!(!left(&mut newcomers, root, "out.tmp2", (false, true)));
    }

    #[test]
    fn what_stays_is_built_when_the_build_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let mut newcomers = Newcomers::default();
        fs::write(root.join("a.c"), "").unwrap();
        assert!(!left(&mut newcomers, root, "a.c", (true, true)));
        assert_eq!(newcomers.settle(root), [PathBuf::from("a.c")]);
        // From then on it is a file like any other, in a build too, and when it goes.
        assert!(left(&mut newcomers, root, "a.c", (false, true)));
        fs::remove_file(root.join("a.c")).unwrap();
        assert!(left(&mut newcomers, root, "a.c", (false, true)));
        // So are those that were there before.
        assert!(left(&mut newcomers, root, "b.c", (false, true)));
        assert!(newcomers.settle(root).is_empty());
    }

    #[test]
    fn builds_that_always_make_files_do_not_go_on_for_ever() {
        let mut newcomers = Newcomers::default();
        for _ in 0..ROW_MAX {
            assert!(newcomers.may_build());
            assert!(!newcomers.are_found_out());
        }
        assert!(!newcomers.may_build());
        assert!(newcomers.are_found_out());
        newcomers.end_row();
        // A person's file may have come in that build.
        assert!(newcomers.may_build());
        assert!(!newcomers.may_build());
        assert!(!newcomers.are_found_out());
    }
}
