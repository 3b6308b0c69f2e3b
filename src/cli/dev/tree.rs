//! The files that a program is made of, and what is in them: so that only another content is a change.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use ignore::overrides::{Override, OverrideBuilder};
use ignore::{DirEntry, WalkBuilder};

use crate::cli::own_files;

/// Larger files are judged by their time and size alone.
const DIGEST_BYTES_MAX: u64 = 16 << 20;

/// Folders that hold no sources, whatever git is told.
const LEFT_OUT: [&str; 5] = [".git", ".hg", ".jj", ".svn", ".mewz"];

/// Marks a folder of files that can be made again; cargo's `target` has one. Source: bford.info/cachedir.
const CACHE_TAG: &str = "CACHEDIR.TAG";

/// Files below a folder, as git and the project see them.
#[derive(Debug)]
pub(super) struct Tree {
    root: PathBuf,
    patterns: Option<Override>,
    /// Files that building makes.
    outputs: Vec<PathBuf>,
    /// Device and inode of the files that this process writes its own output to: `mewz dev > log`.
    own: Vec<(u64, u64)>,
    /// The one file that counts, where there is only one.
    only: Option<PathBuf>,
    files: BTreeMap<PathBuf, Known>,
    folders: BTreeSet<PathBuf>,
}

/// What was seen of a file.
#[derive(Clone, Copy, Debug)]
struct Known {
    stamp: Stamp,
    /// `None` until it is read, and where it is too large.
    digest: Option<blake3::Hash>,
}

/// What tells cheaply that a file may be another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: (i64, i64),
    bytes: u64,
    inode: u64,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            bytes: metadata.size(),
            inode: metadata.ino(),
        }
    }
}

/// What a look found.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// Files that are new, gone, or another.
    pub(super) changed: BTreeSet<PathBuf>,
    /// Those of them that are new.
    pub(super) new: BTreeSet<PathBuf>,
    /// Folders that were not known.
    pub(super) folders: BTreeSet<PathBuf>,
}

impl Tree {
    /// The files below `root` that git does not ignore, less `outputs`; with `patterns`, those of them that one matches.
    ///
    /// # Errors
    ///
    /// A pattern is none, in words.
    pub(super) fn of_project(
        root: &Path,
        patterns: &[String],
        always: &[&str],
        outputs: Vec<PathBuf>,
    ) -> Result<Self, String> {
        let mut builder = OverrideBuilder::new(root);
        for pattern in patterns.iter().map(String::as_str).chain(
            // Without patterns everything is taken, these too.
            always.iter().copied().filter(|_| !patterns.is_empty()),
        ) {
            builder
                .add(pattern)
                .map_err(|problem| problem.to_string())?;
        }
        let built = builder.build().map_err(|problem| problem.to_string())?;
        Ok(Self::new(
            root,
            (!patterns.is_empty()).then_some(built),
            outputs,
            None,
        ))
    }

    /// One file.
    pub(super) fn of_file(path: &Path) -> Self {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let only = path.file_name().map(|name| folder.join(name));
        Self::new(folder, None, Vec::new(), only)
    }

    fn new(
        root: &Path,
        patterns: Option<Override>,
        outputs: Vec<PathBuf>,
        only: Option<PathBuf>,
    ) -> Self {
        let mut tree = Self {
            root: root.to_owned(),
            patterns,
            outputs,
            own: own_output(),
            only,
            files: BTreeMap::new(),
            folders: BTreeSet::new(),
        };
        let root = tree.root.clone();
        let found = tree.walk(&root, None);
        for (path, stamp) in found.files {
            let digest = None;
            tree.files.insert(path, Known { stamp, digest });
        }
        tree.folders = found.folders;
        tree
    }

    /// Folders that have to be watched.
    pub(super) fn folders(&self) -> &BTreeSet<PathBuf> {
        &self.folders
    }

    /// The path as people know it: from the root on.
    pub(super) fn short<'a>(&self, path: &'a Path) -> &'a Path {
        path.strip_prefix(&self.root).unwrap_or(path)
    }

    /// Reads what is in the files, so that later saves can be compared; returns those that have changed since they were
    /// found.
    pub(super) fn read(&mut self) -> BTreeSet<PathBuf> {
        let mut changed = BTreeSet::new();
        for (path, known) in &mut self.files {
            let Ok(metadata) = path.metadata() else {
                changed.insert(path.clone());
                continue;
            };
            let stamp = Stamp::of(&metadata);
            if stamp != known.stamp {
                changed.insert(path.clone());
            }
            *known = Known {
                stamp,
                digest: digest(path, stamp),
            };
        }
        let is_gone = |path: &PathBuf| !path.exists();
        let gone: Vec<PathBuf> = changed
            .iter()
            .filter(|path| is_gone(path))
            .cloned()
            .collect();
        for path in gone {
            self.files.remove(&path);
        }
        changed
    }

    /// Looks at all files.
    pub(super) fn look_at_all(&mut self) -> Look {
        let mut look = Look::default();
        let root = self.root.clone();
        self.compare(&root, None, &BTreeSet::new(), &mut look);
        look
    }

    /// Looks at the files in `folders`, and into those of them that are `touched` in any case.
    pub(super) fn look(
        &mut self,
        folders: &BTreeSet<PathBuf>,
        touched: &BTreeSet<PathBuf>,
    ) -> Look {
        let mut look = Look::default();
        // Of a folder that is left out nothing is told; what is in it might not be known as such from inside.
        let known: Vec<PathBuf> = folders.intersection(&self.folders).cloned().collect();
        for folder in &known {
            self.compare(folder, Some(1), touched, &mut look);
        }
        // What is below them was not there before.
        for folder in look.folders.clone() {
            self.compare(&folder, None, touched, &mut look);
        }
        look
    }

    fn compare(
        &mut self,
        folder: &Path,
        depth: Option<usize>,
        touched: &BTreeSet<PathBuf>,
        look: &mut Look,
    ) {
        let found = self.walk(folder, depth);
        let is_below = |path: &Path| match depth {
            // Folders inside are still there, or are found missing here.
            Some(_) => path.parent() == Some(folder) || !is_in(&found.folders, path, folder),
            None => true,
        };
        let gone: Vec<PathBuf> = self
            .files
            .range(folder.to_owned()..)
            .map(|(path, _)| path)
            .take_while(|path| path.starts_with(folder))
            .filter(|path| is_below(path) && !found.files.contains_key(*path))
            .cloned()
            .collect();
        for path in gone {
            self.files.remove(&path);
            look.new.remove(&path);
            look.changed.insert(path);
        }
        for (path, stamp) in found.files {
            let old = self.files.get(&path).copied();
            if old.is_some_and(|old| old.stamp == stamp) && !touched.contains(&path) {
                continue;
            }
            let digest = digest(&path, stamp);
            let is_same = old.is_some_and(|old| match (old.digest, digest) {
                (Some(old), Some(new)) => old == new,
                _ => old.stamp == stamp && old.digest.is_some() == digest.is_some(),
            });
            if !is_same {
                look.changed.insert(path.clone());
                if old.is_none() {
                    look.new.insert(path.clone());
                }
            }
            self.files.insert(path, Known { stamp, digest });
        }
        for folder in found.folders {
            if self.folders.insert(folder.clone()) {
                look.folders.insert(folder);
            }
        }
    }

    fn walk(&self, folder: &Path, depth: Option<usize>) -> Found {
        let mut found = Found::default();
        if let Some(only) = &self.only {
            found.folders.insert(self.root.clone());
            if let Ok(metadata) = only.metadata() {
                found.files.insert(only.clone(), Stamp::of(&metadata));
            }
            return found;
        }
        let mut builder = WalkBuilder::new(folder);
        builder
            .hidden(false)
            .require_git(false)
            .max_depth(depth)
            .filter_entry(is_wanted);
        if let Some(patterns) = &self.patterns {
            builder.overrides(patterns.clone());
        }
        for entry in builder.build().flatten() {
            let Some(kind) = entry.file_type() else {
                continue;
            };
            if kind.is_dir() {
                found.folders.insert(entry.into_path());
            } else if !self.outputs.iter().any(|output| output == entry.path())
                && let Ok(metadata) = entry.path().metadata()
                && metadata.is_file()
                && !self.own.contains(&(metadata.dev(), metadata.ino()))
                && !own_files::has(entry.path())
            {
                found.files.insert(entry.into_path(), Stamp::of(&metadata));
            }
        }
        found
    }
}

fn own_output() -> Vec<(u64, u64)> {
    let streams = [
        rustix::fs::fstat(io::stdout()),
        rustix::fs::fstat(io::stderr()),
    ];
    let streams = streams.into_iter().flatten();
    streams
        .map(|stream| (stream.st_dev, stream.st_ino))
        .collect()
}

/// Files and folders of a walk.
#[derive(Default)]
struct Found {
    files: BTreeMap<PathBuf, Stamp>,
    folders: BTreeSet<PathBuf>,
}

/// Whether `path` lies in one of the folders inside `folder` that were found.
fn is_in(found: &BTreeSet<PathBuf>, path: &Path, folder: &Path) -> bool {
    let child = path
        .ancestors()
        .take_while(|ancestor| *ancestor != folder)
        .last();
    child.is_some_and(|child| found.contains(child))
}

/// Whether an entry may belong to the sources: no folder of caches or of version control, no file of an editor's own.
fn is_wanted(entry: &DirEntry) -> bool {
    let name = entry.file_name();
    if entry.file_type().is_some_and(|kind| kind.is_dir()) {
        return !LEFT_OUT.iter().any(|left_out| name == *left_out)
            && (entry.depth() == 0 || !entry.path().join(CACHE_TAG).exists());
    }
    !is_of_an_editor(name)
}

/// Backups, swap files, locks and trials of Vim, Emacs, JetBrains and others.
fn is_of_an_editor(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    let is_swap = |end: &[u8]| matches!(end, [b'.', b's', b'w', _]);
    name.ends_with(b"~")
        || name.starts_with(b".#")
        || (name.starts_with(b"#") && name.ends_with(b"#"))
        || (name.starts_with(b".") && name.last_chunk::<4>().is_some_and(|end| is_swap(end)))
        || name.ends_with(b"___jb_tmp___")
        || name == b"4913"
}

/// The content's; `None` where it can't be read, or is too large to be read at every save.
fn digest(path: &Path, stamp: Stamp) -> Option<blake3::Hash> {
    if stamp.bytes > DIGEST_BYTES_MAX {
        return None;
    }
    // Piece by piece: memory for all of a module with debug information takes longer than its digest.
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path).ok()?).ok()?;
    Some(hasher.finalize())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::{Look, Tree, is_of_an_editor};

    fn project(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            write(folder.path(), file, file);
        }
        folder
    }

    fn write(folder: &Path, file: &str, content: &str) {
        let path = folder.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn tree(folder: &Path, patterns: &[&str]) -> Tree {
        let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
        let outputs = vec![folder.join("out.wasm")];
        let mut tree = Tree::of_project(folder, &patterns, &["/mewz.toml"], outputs).unwrap();
        assert_eq!(tree.read(), BTreeSet::new());
        tree
    }

    /// What a look at the folder of `file` finds, as one after an event for `file`.
    fn look(tree: &mut Tree, file: &Path) -> Look {
        let folder = file.parent().unwrap().to_owned();
        tree.look(&[folder].into(), &[file.to_owned()].into())
    }

    fn names(folder: &Path, look: &Look) -> Vec<String> {
        let short = |path: &PathBuf| path.strip_prefix(folder).unwrap().display().to_string();
        look.changed.iter().map(short).collect()
    }

    #[test]
    fn only_another_content_is_a_change() {
        let folder = project(&["src/a.c", "b.c"]);
        let folder = folder.path();
        let mut tree = tree(folder, &[]);
        let file = folder.join("src/a.c");
        fs::write(&file, "src/a.c").unwrap();
        assert!(look(&mut tree, &file).changed.is_empty(), "equal");
        let later = std::time::SystemTime::now() + std::time::Duration::from_secs(9);
        let opened = fs::File::options().write(true).open(&file).unwrap();
        opened.set_modified(later).unwrap();
        assert!(look(&mut tree, &file).changed.is_empty(), "touched");
        fs::write(&file, "other").unwrap();
        assert_eq!(names(folder, &look(&mut tree, &file)), ["src/a.c"]);
        fs::remove_file(&file).unwrap();
        assert_eq!(names(folder, &look(&mut tree, &file)), ["src/a.c"]);
        assert!(look(&mut tree, &file).changed.is_empty(), "gone");
    }

    #[test]
    fn new_and_lost_folders_are_seen_with_all_that_is_in_them() {
        let folder = project(&["src/a.c", "src/deep/er/b.c"]);
        let folder = folder.path();
        let mut tree = tree(folder, &[]);
        write(folder, "lib/x/y.c", "y");
        let found = look(&mut tree, &folder.join("lib"));
        assert_eq!(names(folder, &found), ["lib/x/y.c"]);
        assert!(found.folders.contains(&folder.join("lib/x")));
        fs::remove_dir_all(folder.join("src/deep")).unwrap();
        let found = look(&mut tree, &folder.join("src/deep"));
        assert_eq!(names(folder, &found), ["src/deep/er/b.c"]);
        fs::rename(folder.join("lib/x"), folder.join("lib/z")).unwrap();
        let found = look(&mut tree, &folder.join("lib/z"));
        assert_eq!(names(folder, &found), ["lib/x/y.c", "lib/z/y.c"]);
    }

    #[test]
    fn what_git_ignores_and_what_building_makes_is_left_out() {
        let folder = project(&["a.c", "old/CACHEDIR.TAG", "old/b", ".git/HEAD", "made.c"]);
        let folder = folder.path();
        write(folder, ".gitignore", "target/\n*.o\n");
        let mut tree = tree(folder, &[]);
        for file in [
            "a.o",
            "sub/b.o",
            "out.wasm",
            "target/x/y",
            "old/c",
            ".git/index",
            ".a.c.swp",
            "a.c~",
        ] {
            write(folder, file, "new");
            let path = folder.join(file);
            assert!(look(&mut tree, &path).changed.is_empty(), "{file}");
        }
        write(folder, ".gitignore", "target/\n*.o\nmade.c\n");
        assert_eq!(names(folder, &tree.look_at_all()), [".gitignore", "made.c"]);
    }

    #[test]
    fn patterns_choose_and_the_project_file_counts_always() {
        let folder = project(&["src/a.c", "doc/a.md", "mewz.toml"]);
        let folder = folder.path();
        let mut tree = tree(folder, &["src/**"]);
        for file in ["src/a.c", "src/new/b.c", "doc/a.md", "mewz.toml"] {
            write(folder, file, "new");
        }
        let expected = ["mewz.toml", "src/a.c", "src/new/b.c"];
        assert_eq!(names(folder, &tree.look_at_all()), expected);
    }

    #[test]
    fn one_file_has_no_neighbours() {
        let folder = project(&["a.wasm", "b.wasm"]);
        let path = folder.path().join("a.wasm");
        let mut tree = Tree::of_file(&path);
        tree.read();
        write(folder.path(), "b.wasm", "new");
        write(folder.path(), "a.wasm", "new");
        assert_eq!(names(folder.path(), &look(&mut tree, &path)), ["a.wasm"]);
    }

    #[test]
    fn files_of_editors_are_known() {
        for name in ["a~", ".a.c.swp", ".a.c.swx", "4913", ".#a.c", "#a.c#"] {
            assert!(is_of_an_editor(name.as_ref()), "{name}");
        }
        for name in ["a", "a.swp.c", ".env", "491", "#a", ".swc.ts"] {
            assert!(!is_of_an_editor(name.as_ref()), "{name}");
        }
    }
}
