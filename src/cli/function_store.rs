//! Compiled functions of a module, kept from one run to the next: one file a module, in the project's folder
//! `.mewz/cache`, or below the user's cache where there is no project.
//!
//! What was compiled is appended to the file, under a lock; a file that is damaged, or has grown far beyond what is used of
//! it, is written anew and put in place whole. Whoever comes in between finds fewer functions, never wrong ones: each part
//! of the file carries its digest. So the file may be damaged or removed at any moment.
//!
//! Between two builds of a loop functions stay in memory up to a bound; those of a larger module are read again each time,
//! which costs some milliseconds beside the seconds that compiling them would.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::cache::{Cache, write_whole};
use crate::compile::FunctionCache;

/// A file may be so many times as large as what is used of it.
const GROWTH_MAX: usize = 3;

/// Files up to this are never too large, in bytes.
const BYTES_SMALL: usize = 1 << 20;

/// Most bytes of functions that stay in memory when they are saved: as many as a module of some 3 MB has.
const MEMORY_BYTES_MAX: usize = 12 << 20;

/// The store of one module.
#[derive(Debug)]
pub(super) struct FunctionStore {
    path: PathBuf,
    /// Most bytes of this and its neighbours.
    bytes_max: u64,
    /// Names the program that compiled them.
    maker: String,
    /// The compiled functions; `None` where they are in the file alone.
    functions: Option<FunctionCache>,
    /// Most bytes of them that stay in memory.
    memory_bytes_max: usize,
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
        let mut store = Self {
            path,
            bytes_max: cache.function_bytes_max(),
            maker,
            functions: None,
            memory_bytes_max: MEMORY_BYTES_MAX,
            found_bytes: None,
        };
        store.functions();
        store
    }

    /// The compiled functions, to be used and added to.
    pub(super) fn functions(&mut self) -> &mut FunctionCache {
        let Self {
            path,
            maker,
            found_bytes,
            ..
        } = self;
        self.functions.get_or_insert_with(|| {
            let mut functions = FunctionCache::new();
            *found_bytes = fs::read(path).ok().and_then(|stored| {
                let bytes = stored.len();
                functions.load(maker.as_bytes(), stored).ok()?;
                Some(bytes)
            });
            functions
        })
    }

    /// Keeps what was compiled. Where that fails, it is compiled again the next time.
    pub(super) fn save(&mut self) {
        let Some(functions) = &mut self.functions else {
            return;
        };
        let more = functions.unsaved(self.maker.as_bytes());
        let used_bytes = functions.used_bytes();
        // A read-only disk serves as well; whether images can be kept is told where they are.
        let kept = match self.found_bytes {
            Some(found) if more.is_empty() => Ok(found),
            Some(found) if found + more.len() <= used_bytes * GROWTH_MAX + BYTES_SMALL => {
                append(&self.path, found, &more).map(|()| found + more.len())
            }
            _ => {
                let used = functions.in_use(self.maker.as_bytes());
                let written = write_whole(&self.path, &[&used]);
                Cache::evict_functions(&self.path, self.bytes_max);
                written.map(|()| used.len())
            }
        };
        self.found_bytes = kept.ok();
        // What could not be kept stays, however much it is.
        if self.found_bytes.is_some() && functions.bytes() > self.memory_bytes_max {
            self.functions = None;
        }
    }
}

/// Appends to the file, if it is as it was found: where others have written to it, what they keep is as good.
fn append(path: &Path, found_bytes: usize, more: &[u8]) -> io::Result<()> {
    let mut file = File::options().append(true).open(path)?;
    file.lock()?;
    if file.metadata()?.len() == found_bytes as u64 {
        file.write_all(more)?;
    }
    Ok(())
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
        let made = compile_incremental(&wasm, &options, store.functions()).unwrap();
        store.save();
        made.counts.compiled
    }

    #[test]
    fn memory_is_bounded_and_what_is_not_in_it_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path());
        let module = cache.functions_folder().join("app.wasm");
        let mut store = FunctionStore::open(&cache, &module, "me".to_owned());
        // How many functions of so many were compiled, and whether they are in memory afterwards.
        let compiled = |store: &mut FunctionStore, count: u32| {
            let function = |index| format!("(func (result i32) (i32.const {index}))");
            let functions: String = (0..count).map(function).collect();
            let wasm = wat::parse_str(format!("(module {functions})")).unwrap();
            let options = Options::default();
            let made = compile_incremental(&wasm, &options, store.functions()).unwrap();
            store.save();
            (made.counts.compiled, store.functions.is_some())
        };
        assert_eq!(compiled(&mut store, 100), (100, true));
        store.memory_bytes_max = store.functions().bytes() * 3 / 2;
        assert_eq!(compiled(&mut store, 120), (20, true));
        assert_eq!(compiled(&mut store, 200), (80, false));
        assert_eq!(compiled(&mut store, 201), (1, false));
        // What can't be kept in the file is not let go.
        fs::remove_dir_all(cache.functions_folder()).unwrap();
        fs::write(cache.functions_folder(), "no folder").unwrap();
        assert_eq!(compiled(&mut store, 202), (202, true));
        assert_eq!(compiled(&mut store, 203), (1, true));
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
