//! Files that can be made again: images by what they are made of, compiled functions, and which QEMU was found new enough.
//!
//! An entry is written under another name and renamed, so nobody sees half of one; a hash at its end tells one that was
//! damaged later. The oldest go when the folder grows over its bound.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::interrupt::{Holding, hold_made};

/// Most bytes of all images together.
const BYTES_MAX: u64 = 1 << 30;

/// Most bytes of all compiled functions together: of this user, and of a project.
const FUNCTION_BYTES_MAX: u64 = 1 << 29;
const PROJECT_FUNCTION_BYTES_MAX: u64 = 1 << 27;

/// The folder in a project for what can be made again.
pub(super) const PROJECT_FOLDER: &str = ".mewz";

/// Unfinished files older than this belong to nobody.
const UNFINISHED_AGE_MAX: Duration = Duration::from_secs(3600);

/// How an unfinished file's name begins.
const UNFINISHED_PREFIX: &str = ".unfinished-";

/// Last bytes of an entry.
const MAGIC: [u8; 8] = *b"mewzimg1";

/// Length of the note (u64), BLAKE3 of all before it (32 bytes), magic.
const TRAILER_BYTES: usize = 8 + 32 + 8;

/// The cache's folder.
#[derive(Clone, Debug)]
pub(super) struct Cache {
    folder: PathBuf,
    /// Where a project keeps compiled functions.
    functions: Option<PathBuf>,
}

/// An image that was found, open at its start, and the note that was kept with it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) file: File,
    pub(super) note: Vec<u8>,
}

/// What a look into the cache found.
#[derive(Debug)]
pub(super) enum Found {
    Entry(Entry),
    Nothing,
    /// An entry that is not as it was written; it has been removed.
    Damaged,
}

impl Cache {
    /// The cache of this user; `None` where the environment names no place for one.
    pub(super) fn of_user() -> Option<Self> {
        let absolute = |name: &str| {
            std::env::var_os(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        let base = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
        Some(Self {
            folder: base.join("mewz"),
            functions: None,
        })
    }

    /// The same, with compiled functions in the project's own folder, so that they are gone when it is. Where nothing can be
    /// written there, or there is no project, they stay with the user's.
    pub(super) fn for_project(self, root: Option<&Path>) -> Self {
        let folder = root.and_then(|root| project_folder(root).ok());
        let functions = folder.map(|folder| folder.join("cache"));
        Self {
            functions: functions.filter(|folder| fs::create_dir_all(folder).is_ok()),
            ..self
        }
    }

    /// The cache in `folder`.
    #[cfg(test)]
    pub(super) fn at(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            functions: None,
        }
    }

    /// Where compiled functions are.
    pub(super) fn functions_folder(&self) -> PathBuf {
        match &self.functions {
            Some(functions) => functions.clone(),
            None => self.folder.join("functions"),
        }
    }

    /// Most bytes that they may take together.
    pub(super) fn function_bytes_max(&self) -> u64 {
        match self.functions {
            Some(_) => PROJECT_FUNCTION_BYTES_MAX,
            None => FUNCTION_BYTES_MAX,
        }
    }

    /// Removes the oldest stores of compiled functions where they take more than `bytes_max`; never `newest`.
    pub(super) fn evict_functions(newest: &Path, bytes_max: u64) {
        if let Some(folder) = newest.parent() {
            evict(folder, bytes_max, newest);
        }
    }

    fn entry_path(&self, key: &blake3::Hash) -> PathBuf {
        self.folder.join("images").join(key.to_hex().as_str())
    }

    /// Looks for the image made of what `key` stands for.
    pub(super) fn find(&self, key: &blake3::Hash) -> Found {
        let path = self.entry_path(key);
        let Ok(file) = File::open(&path) else {
            return Found::Nothing;
        };
        match check(file) {
            Ok(entry) => Found::Entry(entry),
            Err(_) => {
                // It would be found damaged again and again. Where it can't be removed, it will be.
                let _ = fs::remove_file(&path);
                Found::Damaged
            }
        }
    }

    /// Whether there is an entry, damaged or not.
    pub(super) fn has(&self, key: &blake3::Hash) -> bool {
        self.entry_path(key).exists()
    }

    /// Notes that `entry` was used, so that it is not among the oldest.
    pub(super) fn touch(entry: &Entry) {
        // A cache on a read-only disk serves as well.
        let _ = entry.file.set_modified(SystemTime::now());
    }

    /// Keeps `image` and `note` under `key`; gives the image back as a file.
    pub(super) fn store(&self, key: &blake3::Hash, image: &[u8], note: &[u8]) -> io::Result<File> {
        let path = self.entry_path(key);
        let mut hasher = blake3::Hasher::new();
        hasher.update(image).update(note);
        let mut trailer = (note.len() as u64).to_le_bytes().to_vec();
        trailer.extend(hasher.update(&trailer).finalize().as_bytes());
        trailer.extend(MAGIC);
        write_whole(&path, &[image, note, &trailer])?;
        if let Some(folder) = path.parent() {
            evict(folder, BYTES_MAX, &path);
        }
        File::open(&path)
    }

    /// Whether the fact `key` was noted before.
    pub(super) fn knows(&self, key: &blake3::Hash) -> bool {
        self.folder
            .join("known")
            .join(key.to_hex().as_str())
            .exists()
    }

    /// Notes the fact `key`; where that fails it is found out again the next time.
    pub(super) fn learn(&self, key: &blake3::Hash) {
        self.note(key, &[]);
    }

    /// What was noted under `key`.
    pub(super) fn noted(&self, key: &blake3::Hash) -> Option<Vec<u8>> {
        fs::read(self.folder.join("known").join(key.to_hex().as_str())).ok()
    }

    /// Notes a few bytes under `key`; where that fails they are found out again the next time.
    pub(super) fn note(&self, key: &blake3::Hash, bytes: &[u8]) {
        let path = self.folder.join("known").join(key.to_hex().as_str());
        let _ = write_whole(&path, &[bytes]);
    }

    /// The folder; it may not be there yet.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }
}

/// Makes the folder of the project at `root` for what can be made again, which git leaves out; returns its path.
pub(super) fn project_folder(root: &Path) -> io::Result<PathBuf> {
    let folder = root.join(PROJECT_FOLDER);
    fs::create_dir_all(&folder)?;
    let ignore = folder.join(".gitignore");
    if !ignore.exists() {
        fs::write(ignore, "*\n")?;
    }
    Ok(folder)
}

/// Writes a file that is there whole or not at all, whatever ends this process; makes its folder. What is no regular
/// file, as `/dev/stdout`, is written in place.
pub(super) fn write_whole(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|file| !file.is_file()) {
        let mut file = File::options().write(true).open(path)?;
        return parts.iter().try_for_each(|part| file.write_all(part));
    }
    // A link stays one; what it leads to is replaced.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let (mut unfinished, _held) = hold_made(
        || {
            tempfile::Builder::new()
                .prefix(UNFINISHED_PREFIX)
                .tempfile_in(folder)
        },
        |file| Holding::File(file.path().to_owned()),
    )?;
    for part in parts {
        unfinished.write_all(part)?;
    }
    // Files that people asked for are theirs to share; tempfile's are not.
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o666 & !mask());
    unfinished.as_file().set_permissions(mode)?;
    unfinished.persist(path)?;
    Ok(())
}

/// The process's file mode creation mask.
fn mask() -> u32 {
    let mask = rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    rustix::process::umask(mask);
    mask.bits()
}

/// Reads an entry through; an error where it is not as it was written.
fn check(mut file: File) -> io::Result<Entry> {
    let damaged = || io::Error::from(io::ErrorKind::InvalidData);
    let bytes = file.metadata()?.len();
    let trailer_start = bytes
        .checked_sub(TRAILER_BYTES as u64)
        .ok_or_else(damaged)?;
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader((&mut file).take(trailer_start))?;
    let mut trailer = [0; TRAILER_BYTES];
    file.read_exact(&mut trailer)?;
    let (len, rest) = trailer.split_at(8);
    let (hash, magic) = rest.split_at(32);
    if magic != MAGIC || hasher.update(len).finalize() != *hash {
        return Err(damaged());
    }
    let note_bytes = len
        .first_chunk()
        .copied()
        .map_or(u64::MAX, u64::from_le_bytes);
    let image_bytes = trailer_start.checked_sub(note_bytes).ok_or_else(damaged)?;
    let mut note = Vec::new();
    file.seek(SeekFrom::Start(image_bytes))?;
    (&mut file).take(note_bytes).read_to_end(&mut note)?;
    file.rewind()?;
    Ok(Entry { file, note })
}

/// Removes the oldest files of `folder` until at most `bytes_max` are left; never `newest`. What can't be removed stays.
fn evict(folder: &Path, bytes_max: u64, newest: &Path) {
    let Ok(listing) = fs::read_dir(folder) else {
        return;
    };
    let mut files: Vec<(SystemTime, u64, PathBuf)> = listing
        .flatten()
        .filter_map(|file| {
            let metadata = file.metadata().ok()?;
            Some((metadata.modified().ok()?, metadata.len(), file.path()))
        })
        .collect();
    files.retain(|(modified, _, path)| {
        let is_unfinished = path.file_name().is_some_and(|name| {
            name.as_encoded_bytes()
                .starts_with(UNFINISHED_PREFIX.as_bytes())
        });
        if is_unfinished && modified.elapsed().is_ok_and(|age| age > UNFINISHED_AGE_MAX) {
            let _ = fs::remove_file(path);
        }
        !is_unfinished
    });
    files.sort();
    let mut bytes: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
    for (_, file_bytes, path) in files {
        if bytes <= bytes_max {
            break;
        }
        if path != newest && fs::remove_file(&path).is_ok() {
            bytes -= file_bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::Read as _;
    use std::time::{Duration, SystemTime};

    use super::{Cache, Found, evict};

    fn cache() -> (tempfile::TempDir, Cache, blake3::Hash) {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path());
        (folder, cache, blake3::hash(b"key"))
    }

    #[test]
    fn what_is_stored_is_found() {
        let (_folder, cache, key) = cache();
        assert!(matches!(cache.find(&key), Found::Nothing));
        let mut image = Vec::new();
        cache
            .store(&key, b"image", b"note")
            .unwrap()
            .read_to_end(&mut image)
            .unwrap();
        assert!(image.starts_with(b"image"));
        let Found::Entry(mut entry) = cache.find(&key) else {
            panic!("the entry is not found");
        };
        assert_eq!(entry.note, b"note");
        let mut content = Vec::new();
        entry.file.read_to_end(&mut content).unwrap();
        assert!(content.starts_with(b"image"));
    }

    #[test]
    fn damage_of_any_byte_is_noticed_and_removed() {
        let (_folder, cache, key) = cache();
        cache.store(&key, b"image", b"note").unwrap();
        let path = cache.entry_path(&key);
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            fs::write(&path, damaged).unwrap();
            assert!(matches!(cache.find(&key), Found::Damaged), "byte {at}");
            assert!(!path.exists());
            fs::write(&path, &whole[..at]).unwrap();
            assert!(matches!(cache.find(&key), Found::Damaged), "{at} bytes");
        }
    }

    #[test]
    fn the_oldest_go_first_and_the_newest_stays() {
        let folder = tempfile::tempdir().unwrap();
        for (name, age) in [("old", 30), ("middle", 20), ("new", 10)] {
            let path = folder.path().join(name);
            fs::write(&path, [0; 100]).unwrap();
            let modified = SystemTime::now() - Duration::from_secs(age);
            File::options()
                .write(true)
                .open(path)
                .unwrap()
                .set_modified(modified)
                .unwrap();
        }
        let left = || {
            let mut names: Vec<_> = fs::read_dir(folder.path())
                .unwrap()
                .map(|file| file.unwrap().file_name())
                .collect();
            names.sort();
            names
        };
        evict(folder.path(), 250, &folder.path().join("new"));
        assert_eq!(left(), ["middle", "new"]);
        evict(folder.path(), 0, &folder.path().join("middle"));
        assert_eq!(left(), ["middle"]);
    }

    #[test]
    fn facts_are_remembered() {
        let (_folder, cache, key) = cache();
        assert!(!cache.knows(&key));
        cache.learn(&key);
        assert!(cache.knows(&key));
        cache.note(&key, b"more");
        assert_eq!(cache.noted(&key).unwrap(), b"more");
    }
}
