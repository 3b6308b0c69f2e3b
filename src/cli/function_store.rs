//! Compiled functions of a module, kept from one run to the next: one file a module, in the project's folder
//! `.mewz/cache`, or below the user's cache where there is no project.
//!
//! What was compiled is appended to the file, under a lock; a file that is damaged, or has grown far beyond what is used of
//! it, is written anew and put in place whole. Whoever comes in between finds fewer functions, never wrong ones: each part
//! of the file carries its digest. So the file may be damaged or removed at any moment.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::cache::{Cache, write_whole};
use crate::compile::FunctionCache;

/// A file may be so many times as large as what is used of it.
const GROWTH_MAX: usize = 3;

/// Files up to this are never too large, in bytes.
const BYTES_SMALL: usize = 1 << 20;

/// The store of one module.
#[derive(Debug)]
pub(super) struct FunctionStore {
    path: PathBuf,
    /// Most bytes of this and its neighbours.
    bytes_max: u64,
    /// Names the program that compiled them.
    maker: String,
    /// The compiled functions.
    pub(super) functions: FunctionCache,
    /// Bytes of the file as it was found; `None` where it must be written anew.
    found_bytes: Option<usize>,
}

impl FunctionStore {
    /// Opens the store of the module at `module`; `maker` names this program.
    pub(super) fn open(cache: &Cache, module: &Path, maker: String) -> Self {
        // A module that was read has a path that leads somewhere.
        let module = fs::canonicalize(module).unwrap_or_else(|_| module.to_owned());
        let name = blake3::hash(module.as_os_str().as_encoded_bytes());
        let path = cache.functions_folder().join(name.to_hex().as_str());
        let mut functions = FunctionCache::new();
        let found_bytes = fs::read(&path).ok().and_then(|stored| {
            let bytes = stored.len();
            functions.load(maker.as_bytes(), stored).ok()?;
            Some(bytes)
        });
        Self {
            path,
            bytes_max: cache.function_bytes_max(),
            maker,
            functions,
            found_bytes,
        }
    }

    /// Keeps what was compiled. Where that fails, it is compiled again the next time.
    pub(super) fn save(&mut self) {
        let more = self.functions.unsaved(self.maker.as_bytes());
        let used_bytes = self.functions.used_bytes();
        // A read-only disk serves as well; whether images can be kept is told where they are.
        let kept = match self.found_bytes {
            Some(found) if more.is_empty() => Ok(found),
            Some(found) if found + more.len() <= used_bytes * GROWTH_MAX + BYTES_SMALL => {
                self.append(found, &more).map(|()| found + more.len())
            }
            _ => {
                let used = self.functions.in_use(self.maker.as_bytes());
                let written = write_whole(&self.path, &[&used]);
                Cache::evict_functions(&self.path, self.bytes_max);
                written.map(|()| used.len())
            }
        };
        self.found_bytes = kept.ok();
    }

    /// Appends to the file, if it is as it was found: where others have written to it, what they keep is as good.
    fn append(&self, found_bytes: usize, more: &[u8]) -> io::Result<()> {
        let mut file = File::options().append(true).open(&self.path)?;
        file.lock()?;
        if file.metadata()?.len() == found_bytes as u64 {
            file.write_all(more)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::FunctionStore;
    use crate::cli::cache::Cache;
    use crate::compile::{Options, compile_incremental};

    /// Compiles a module of functions with these constants as a run does; returns how many were compiled.
    fn compiled(cache: &Cache, maker: &str, constants: &[u32]) -> usize {
        let functions: String = constants
            .iter()
            .map(|constant| format!("(func (result i32) (i32.const {constant}))"))
            .collect();
        let wasm = wat::parse_str(format!("(module {functions})")).unwrap();
        let module = cache.functions_folder().join("app.wasm");
        let mut store = FunctionStore::open(cache, &module, maker.to_owned());
        let options = Options::default();
        let made = compile_incremental(&wasm, &options, &mut store.functions).unwrap();
        store.save();
        made.counts.compiled
    }

    /// The only file in the folder.
    fn file(cache: &Cache) -> std::path::PathBuf {
        let mut files = fs::read_dir(cache.functions_folder()).unwrap();
        files.next().unwrap().unwrap().path()
    }

    #[test]
    fn runs_find_what_runs_before_them_compiled() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path());
        assert_eq!(compiled(&cache, "me", &[1, 2, 3]), 3);
        assert_eq!(compiled(&cache, "me", &[1, 2, 3]), 0);
        assert_eq!(compiled(&cache, "me", &[1, 4, 3]), 1);
        assert_eq!(compiled(&cache, "me", &[1, 2, 4]), 0);
        assert_eq!(compiled(&cache, "another", &[1, 2, 4]), 3);
    }

    #[test]
    fn a_damaged_file_costs_time_alone() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path());
        compiled(&cache, "me", &[1, 2, 3]);
        let path = file(&cache);
        let whole = fs::read(&path).unwrap();
        for at in (0..whole.len()).step_by(7) {
            let mut damaged = whole.clone();
            damaged[at] ^= 4;
            fs::write(&path, damaged).unwrap();
            assert_eq!(compiled(&cache, "me", &[1, 2, 3]), 3, "byte {at}");
            assert_eq!(fs::read(&path).unwrap(), whole);
        }
        fs::remove_file(&path).unwrap();
        assert_eq!(compiled(&cache, "me", &[1, 2, 3]), 3);
        // An appended part that was torn leaves what is before it.
        compiled(&cache, "me", &[5]);
        let longer = fs::read(&path).unwrap();
        fs::write(&path, &longer[..longer.len() - 1]).unwrap();
        assert_eq!(compiled(&cache, "me", &[1, 2, 3, 5]), 1);
        assert_eq!(compiled(&cache, "me", &[1, 2, 3, 5]), 0);
    }

    #[test]
    fn a_file_does_not_grow_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path());
        let mut largest = 0;
        for round in 0..60 {
            let constants: Vec<u32> = (0..400).map(|index| index + round * 400).collect();
            compiled(&cache, "me", &constants);
            largest = largest.max(fs::metadata(file(&cache)).unwrap().len());
        }
        assert!(largest < 3 << 20, "{largest} bytes");
    }

    #[test]
    fn threads_that_write_at_once_leave_a_sound_file() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path());
        compiled(&cache, "me", &[1]);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let cache = &cache;
                scope.spawn(move || {
                    for round in 0..8 {
                        compiled(cache, "me", &[1, 10 + thread, 100 + round]);
                    }
                });
            }
        });
        assert_eq!(compiled(&cache, "me", &[1]), 0);
    }
}
