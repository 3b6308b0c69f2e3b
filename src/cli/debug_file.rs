//! Debug files: what crash reports and debuggers read of a stripped image, found by the name of its build.

use std::fmt;
use std::path::{Path, PathBuf};

use mewz_abi::address::WINDOW_BASE;
use object::{Object as _, ObjectSegment as _};

/// Bytes of a build's name.
const BUILD_ID_BYTES: usize = 16;

/// Where the name is in the window's header.
const BUILD_ID_OFFSET: usize = 16;

/// Below a project's folder, or that of a module: what gdb calls a debug-file-directory.
const FOLDER: &str = ".mewz/debug";

/// The name of a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BuildId(pub(super) [u8; BUILD_ID_BYTES]);

impl fmt::Display for BuildId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl BuildId {
    /// That of an image or of a debug file; `None` where the bytes are neither.
    pub(super) fn of(elf: &[u8]) -> Option<Self> {
        let file = object::File::parse(elf).ok()?;
        let mut segments = file.segments();
        let window = segments.find(|segment| segment.address() == WINDOW_BASE)?;
        let header = window.data().ok()?;
        // A debug file has nothing of the window but the note.
        if let Some(id) = header.get(BUILD_ID_OFFSET..).and_then(<[u8]>::first_chunk) {
            return Some(Self(*id));
        }
        file.build_id().ok()??.try_into().ok().map(Self)
    }

    /// Where a debugger looks for the debug file below one of its folders.
    ///
    /// Source: the manual of gdb, "Debugging Information in Separate Files".
    fn place(&self) -> PathBuf {
        let text = self.to_string();
        let (folder, name) = text.split_at(2);
        [".build-id", folder, &format!("{name}.debug")]
            .iter()
            .collect()
    }
}

/// Where the debug file of build `id` is kept, for a project or module in `folder`.
pub(super) fn default_path(folder: &Path, id: &BuildId) -> PathBuf {
    folder.join(FOLDER).join(id.place())
}

/// Finds the debug file of build `id`: beside `image`, or in the folder of debug files of its folder, of the current one, or of
/// those around these.
pub(super) fn find(image: &Path, id: &BuildId) -> Option<PathBuf> {
    let image = std::path::absolute(image).ok()?;
    let here = std::env::current_dir().unwrap_or_default();
    let mut appended = image.clone().into_os_string();
    appended.push(".debug");
    let beside = [appended.into(), image.with_extension("debug")];
    let around = image.ancestors().skip(1).chain(here.ancestors());
    let kept = around.map(|folder| default_path(folder, id));
    let mut candidates = beside.into_iter().chain(kept);
    candidates.find(|path| std::fs::read(path).is_ok_and(|elf| BuildId::of(&elf) == Some(*id)))
}

/// An ELF file with what is known of the code of the image `bytes` at `image`, whose build is `id`: itself, if nothing was taken
/// out of it, or its debug file.
pub(super) fn symbols(image: &Path, id: &BuildId, bytes: Vec<u8>) -> Option<Vec<u8>> {
    let has_symbols =
        object::File::parse(&bytes[..]).is_ok_and(|image| image.symbols().next().is_some());
    match has_symbols {
        true => Some(bytes),
        false => std::fs::read(find(image, id)?).ok(),
    }
}

/// Whether the ELF file is a debug file: nothing of its window is in it.
pub(super) fn is_one(elf: &[u8]) -> bool {
    let Ok(file) = object::File::parse(elf) else {
        return false;
    };
    let mut segments = file.segments();
    let window = segments.find(|segment| segment.address() == WINDOW_BASE);
    window.is_some_and(|window| window.data().is_ok_and(<[u8]>::is_empty))
}

/// What to do where the debug file of build `id` is not found.
pub(super) fn hint(id: &BuildId) -> String {
    format!(
        "functions and lines are in the debug file of this build ({id}), which `mewz build --release` left in `{FOLDER}` of its \
         project: put that folder, or the file as `IMAGE.debug`, beside the image"
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{BuildId, default_path};

    #[test]
    fn files_lie_where_gdb_looks() {
        let mut id = [0; 16];
        id[0] = 0xab;
        id[15] = 1;
        assert_eq!(
            default_path(Path::new("a"), &BuildId(id)),
            Path::new("a/.mewz/debug/.build-id/ab/000000000000000000000000000001.debug")
        );
    }

    #[test]
    fn what_is_no_image_has_no_build() {
        assert_eq!(BuildId::of(b""), None);
        assert_eq!(BuildId::of(b"\x7fELF"), None);
    }
}
