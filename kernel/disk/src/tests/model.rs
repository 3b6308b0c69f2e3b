//! What files should be: a tree in memory, and comparing it with a disk.

use std::collections::BTreeMap;

use super::device::Held;
use crate::disk::{Kind, ROOT};

/// The content of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    File(Vec<u8>),
    Directory,
    Link(Vec<u8>),
}

/// All files by path: the names of a path are parted by `/`, the root is the empty one. Names of one file share a number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Model {
    pub(super) names: BTreeMap<String, u32>,
    pub(super) contents: BTreeMap<u32, Content>,
    next: u32,
}

impl Model {
    pub(super) fn new() -> Self {
        let mut model = Self::default();
        model.add("", Content::Directory);
        model
    }

    pub(super) fn add(&mut self, path: &str, content: Content) {
        self.contents.insert(self.next, content);
        self.names.insert(path.to_owned(), self.next);
        self.next += 1;
    }

    pub(super) fn get(&self, path: &str) -> Option<&Content> {
        self.contents.get(self.names.get(path)?)
    }

    pub(super) fn file(&mut self, path: &str) -> Option<&mut Vec<u8>> {
        match self.contents.get_mut(self.names.get(path)?) {
            Some(Content::File(bytes)) => Some(bytes),
            _ => None,
        }
    }

    pub(super) fn remove(&mut self, path: &str) {
        self.names.remove(path);
        self.forget();
    }

    /// Moves `from` and what lies in it.
    pub(super) fn rename(&mut self, from: &str, to: &str) {
        self.names.remove(to);
        let inside = format!("{from}/");
        let moved: Vec<String> = self
            .names
            .keys()
            .filter(|path| *path == from || path.starts_with(&inside))
            .cloned()
            .collect();
        for path in moved {
            let number = self.names.remove(&path).unwrap();
            self.names
                .insert(format!("{to}{}", &path[from.len()..]), number);
        }
        self.forget();
    }

    pub(super) fn has_inside(&self, directory: &str) -> bool {
        let inside = format!("{directory}/");
        self.names.keys().any(|path| path.starts_with(&inside))
    }

    fn forget(&mut self) {
        let names = &self.names;
        self.contents
            .retain(|number, _| names.values().any(|named| named == number));
    }

    /// What is on a disk.
    pub(super) fn of(disk: &mut Held) -> Self {
        let mut model = Self::new();
        let mut numbers = BTreeMap::from([(ROOT, 0)]);
        let mut wait = vec![(String::new(), ROOT)];
        while let Some((path, directory)) = wait.pop() {
            for entry in disk.entries(directory).unwrap() {
                let path = format!("{path}/{}", entry.name);
                if let Some(number) = numbers.get(&entry.id) {
                    model.names.insert(path, *number);
                    continue;
                }
                numbers.insert(entry.id, model.next);
                let attributes = disk.lookup(directory, &entry.name).unwrap();
                assert_eq!(attributes.id, entry.id);
                let content = match attributes.kind {
                    Kind::Directory => {
                        wait.push((path.clone(), entry.id));
                        Content::Directory
                    }
                    Kind::SymbolicLink => Content::Link(disk.read_link(entry.id).unwrap()),
                    Kind::File => {
                        let mut bytes = vec![0; attributes.size as usize];
                        assert_eq!(disk.read(entry.id, 0, &mut bytes).unwrap(), bytes.len());
                        Content::File(bytes)
                    }
                };
                model.add(&path, content);
            }
        }
        model
    }

    /// Whether both hold the same under the same names.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.names.keys().eq(other.names.keys())
            && self
                .names
                .keys()
                .all(|path| self.get(path) == other.get(path))
    }

    /// Fails unless both hold the same under the same names.
    pub(super) fn assert_same(&self, other: &Self, when: &str) {
        let names = |model: &Self| model.names.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(self), names(other), "{when}");
        for path in self.names.keys() {
            assert!(self.get(path) == other.get(path), "{when}: {path}");
        }
        // Names that share a file do so on both sides.
        for (path, number) in &self.names {
            for (second, of_second) in &self.names {
                let is_shared = number == of_second;
                assert_eq!(
                    is_shared,
                    other.names[path] == other.names[second],
                    "{when}: {path} {second}"
                );
            }
        }
    }
}
