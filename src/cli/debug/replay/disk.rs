//! Disks in a recording: copies of what they held before the run. Most of a disk is empty, and takes no room.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use rustix::fs::SeekFrom;
use rustix::io::Errno;

/// Begins the names of their files.
const FILE: &str = "disk";

/// Bytes that are looked at at once.
const PART_BYTES: u64 = 64 << 10;

/// The name of the file that holds the disk with this number.
pub(super) fn file(index: usize) -> String {
    format!("{FILE}{index}")
}

/// Whether a file of this name holds a disk.
pub(super) fn is_file(name: &str) -> bool {
    name.starts_with(FILE)
}

/// Copies a disk.
pub(super) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let (from, to) = (File::open(from)?, File::create_new(to)?);
    to.set_len(from.metadata()?.len())?;
    each_part(&from, |at, bytes| to.write_all_at(bytes, at))
}

/// The digest of what a disk holds, and where: the same for a copy, whichever parts of it have room in their file.
pub(super) fn digest(path: &Path) -> io::Result<String> {
    let file = File::open(path)?;
    let mut hasher = blake3::Hasher::new();
    hasher.update(&file.metadata()?.len().to_le_bytes());
    each_part(&file, |at, bytes| {
        hasher.update(&at.to_le_bytes()).update(bytes);
        Ok(())
    })?;
    Ok(hasher.finalize().to_string())
}

/// Shows `visit` each part that is not zero, and its offset.
fn each_part(file: &File, mut visit: impl FnMut(u64, &[u8]) -> io::Result<()>) -> io::Result<()> {
    let end = file.metadata()?.len();
    let mut buffer = vec![0; PART_BYTES as usize];
    let mut at = 0;
    while at < end {
        // Parts begin at multiples of their length, wherever a file's data begins.
        at = match rustix::fs::seek(file, SeekFrom::Data(at)) {
            Ok(data) => data / PART_BYTES * PART_BYTES,
            Err(Errno::NXIO) => break,
            Err(problem) => return Err(problem.into()),
        };
        let part = &mut buffer[..(end - at).min(PART_BYTES) as usize];
        file.read_exact_at(part, at)?;
        if part.iter().any(|byte| *byte != 0) {
            visit(at, part)?;
        }
        at += PART_BYTES;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::os::unix::fs::{FileExt as _, MetadataExt as _};

    use super::{copy, digest};

    #[test]
    fn a_copy_holds_the_same_and_takes_no_more_room() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let disk = File::create_new(path("from")).unwrap();
        disk.set_len((64 << 20) + 100).unwrap();
        for (at, text) in [(5, "one"), ((33 << 20) - 1, "two"), (64 << 20, "three")] {
            disk.write_all_at(text.as_bytes(), at).unwrap();
        }
        copy(&path("from"), &path("to")).unwrap();
        let same = || fs::read(path("from")).unwrap() == fs::read(path("to")).unwrap();
        assert!(same());
        assert!(fs::metadata(path("to")).unwrap().blocks() * 512 < 1 << 20);
        let first = digest(&path("from")).unwrap();
        assert_eq!(digest(&path("to")).unwrap(), first);
        // Zeros that are written are none.
        disk.write_all_at(&[0; 4096], 10 << 20).unwrap();
        assert_eq!(digest(&path("from")).unwrap(), first);
        disk.write_all_at(b"1", 10 << 20).unwrap();
        assert_ne!(digest(&path("from")).unwrap(), first);
        disk.write_all_at(b"\0", 10 << 20).unwrap();
        disk.set_len((64 << 20) + 101).unwrap();
        assert_ne!(digest(&path("from")).unwrap(), first);
    }
}
