//! Random sequences of changes, on a disk and in the model.

use std::collections::BTreeMap;

use super::Random;
use super::device::{Held, MemoryDevice};
use super::model::{Content, Model};
use crate::disk::{Kind, Options, ROOT};
use crate::error::Error;
use crate::format;

pub(super) const DISK_BYTES: u64 = 16 << 20;

pub(super) fn new_disk(bytes: u64) -> Held {
    let device = MemoryDevice::new(bytes);
    format(Box::new(device.clone()), [7; 16], 1_000_000_001).unwrap();
    Held::open(device.anew(), Options::default()).unwrap()
}

/// A disk, the model of it, and files that are open without a name.
pub(super) struct Pair {
    pub(super) disk: Held,
    pub(super) model: Model,
    random: Random,
    now_ns: u64,
    open: BTreeMap<u32, Vec<u8>>,
}

impl Pair {
    pub(super) fn new(disk: Held, model: Model, seed: u64) -> Self {
        Self {
            disk,
            model,
            random: Random::new(seed),
            now_ns: 2_000_000_000,
            open: BTreeMap::new(),
        }
    }

    /// The number behind a path.
    pub(super) fn id(&mut self, path: &str) -> Result<u32, Error> {
        let mut id = ROOT;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            id = self.disk.lookup(id, name)?.id;
        }
        Ok(id)
    }

    fn parent<'a>(&mut self, path: &'a str) -> Result<(u32, &'a str), Error> {
        let (directory, name) = path.rsplit_once('/').unwrap();
        Ok((self.id(directory)?, name))
    }

    /// A path that is there, mostly.
    fn path(&mut self) -> String {
        let count = self.model.names.len() as u64;
        let at = self.random.below(count) as usize;
        self.model.names.keys().nth(at).unwrap().clone()
    }

    fn new_path(&mut self) -> String {
        let directories: Vec<String> = self
            .model
            .names
            .keys()
            .filter(|path| self.model.get(path) == Some(&Content::Directory))
            .cloned()
            .collect();
        let directory = &directories[self.random.below(directories.len() as u64) as usize];
        let letters = ["a", "b", "c:d", "long name with é", "x", "y", "z"];
        let letter = letters[self.random.below(7) as usize];
        format!("{directory}/{letter}{}", self.random.below(40))
    }

    fn bytes(&mut self) -> Vec<u8> {
        let largest = [10, 300, 5_000, 20_000, 150_000][self.random.below(5) as usize];
        let len = self.random.below(largest) as usize + 1;
        let first = self.random.next() as u8;
        (0..len)
            .map(|at| first.wrapping_add((at / 7) as u8))
            .collect()
    }

    /// One change, the same to both.
    pub(super) fn step(&mut self) {
        self.now_ns += 1_000_003;
        let now = self.now_ns;
        match self.random.below(24) {
            0..=3 => {
                let path = self.new_path();
                let (parent, name) = self.parent(&path).unwrap();
                let kind = [Kind::File, Kind::Directory][self.random.below(3) as usize / 2];
                let made = self.disk.create(parent, name, kind, now);
                if made == Err(Error::Full) {
                    return;
                }
                if self.model.get(&path).is_some() {
                    assert_eq!(made, Err(Error::Exists));
                } else {
                    made.unwrap();
                    self.model.add(
                        &path,
                        match kind {
                            Kind::Directory => Content::Directory,
                            _ => Content::File(Vec::new()),
                        },
                    );
                }
            }
            4..=10 => {
                let path = self.path();
                let (id, bytes) = (self.id(&path).unwrap(), self.bytes());
                let size = self.model.file(&path).map_or(0, |file| file.len());
                let offset = match self.random.below(4) {
                    0 => self.random.below(size as u64 + 1),
                    1 => size as u64 + self.random.below(10_000),
                    _ => size as u64,
                };
                match self.disk.write(id, offset, &bytes, now) {
                    Ok(count) => {
                        let file = self.model.file(&path).unwrap();
                        let end = offset as usize + count;
                        file.resize(file.len().max(end), 0);
                        file[offset as usize..end].copy_from_slice(&bytes[..count]);
                    }
                    Err(Error::Full) => {}
                    Err(error) => {
                        assert!(self.model.file(&path).is_none(), "{path}: {error:?}");
                    }
                }
            }
            11 | 12 => {
                let path = self.path();
                let id = self.id(&path).unwrap();
                let size = self.random.below(60_000);
                match self.disk.set_size(id, size, now) {
                    Ok(()) => self.model.file(&path).unwrap().resize(size as usize, 0),
                    Err(Error::Full) => {}
                    Err(error) => {
                        assert!(self.model.file(&path).is_none(), "{path}: {error:?}");
                    }
                }
            }
            13 => {
                let path = self.new_path();
                let (parent, name) = self.parent(&path).unwrap();
                let made = self.disk.create_symbolic_link(parent, name, b"a/b", now);
                if made == Err(Error::Full) {
                    return;
                }
                if self.model.get(&path).is_some() {
                    assert_eq!(made, Err(Error::Exists));
                } else {
                    made.unwrap();
                    self.model.add(&path, Content::Link(b"a/b".to_vec()));
                }
            }
            14 => {
                let (from, to) = (self.path(), self.new_path());
                let id = self.id(&from).unwrap();
                let (parent, name) = self.parent(&to).unwrap();
                let linked = self.disk.link(id, parent, name, now);
                if linked == Err(Error::Full) {
                    return;
                }
                if self.model.get(&from) == Some(&Content::Directory) {
                    assert_eq!(linked, Err(Error::IsDirectory));
                } else if self.model.get(&to).is_some() {
                    assert_eq!(linked, Err(Error::Exists));
                } else {
                    linked.unwrap();
                    let number = self.model.names[&from];
                    self.model.names.insert(to, number);
                }
            }
            15..=17 => self.remove(),
            18 | 19 => self.rename(),
            20 => {
                let path = self.path();
                if let Some(Content::File(bytes)) = self.model.get(&path).cloned() {
                    let id = self.id(&path).unwrap();
                    let offset = self.random.below(bytes.len() as u64 + 10);
                    let mut read = vec![0; self.random.below(50_000) as usize + 1];
                    let count = self.disk.read(id, offset, &mut read).unwrap();
                    let rest = bytes.get(offset as usize..).unwrap_or(&[]);
                    assert!(
                        read[..count] == rest[..rest.len().min(read.len())],
                        "{path}"
                    );
                }
            }
            21 => {
                let path = self.path();
                let id = self.id(&path).unwrap();
                match self.disk.set_times(id, Some(5), Some(now), now) {
                    Err(Error::Full) => {}
                    set => {
                        set.unwrap();
                        let attributes = self.disk.attributes(id).unwrap();
                        assert_eq!(attributes.accessed_ns, 5);
                        assert_eq!((attributes.modified_ns, attributes.changed_ns), (now, now));
                    }
                }
            }
            22 => self.unnamed(),
            _ => self.disk.sync().unwrap(),
        }
    }

    fn remove(&mut self) {
        let path = self.path();
        if path.is_empty() {
            return;
        }
        let (parent, name) = self.parent(&path).unwrap();
        let is_directory = self.model.get(&path) == Some(&Content::Directory);
        let now = self.now_ns;
        if self.random.below(2) == 0 {
            let removed = self.disk.remove_directory(parent, name, now);
            if !is_directory {
                assert_eq!(removed, Err(Error::NotDirectory));
            } else if self.model.has_inside(&path) {
                assert_eq!(removed, Err(Error::NotEmpty));
            } else {
                removed.unwrap();
                self.model.remove(&path);
            }
            return;
        }
        let holds = self.random.below(3) == 0;
        let id = self.id(&path).unwrap();
        if holds && !is_directory {
            self.disk.hold(id);
        }
        let removed = self.disk.unlink(parent, name, now);
        if is_directory {
            assert_eq!(removed, Err(Error::IsDirectory));
            return;
        }
        removed.unwrap();
        let content = self.model.get(&path).cloned();
        let number = self.model.names[&path];
        self.model.remove(&path);
        if holds {
            match content {
                Some(Content::File(bytes)) if !self.model.contents.contains_key(&number) => {
                    self.open.insert(id, bytes);
                }
                _ => self.disk.release(id),
            }
        }
    }

    fn rename(&mut self) {
        let from = self.path();
        let to = match self.random.below(2) {
            0 => self.path(),
            _ => self.new_path(),
        };
        if from.is_empty() || to.is_empty() {
            return;
        }
        let (old_parent, old_name) = self.parent(&from).unwrap();
        let (new_parent, new_name) = self.parent(&to).unwrap();
        let now = self.now_ns;
        let renamed = self
            .disk
            .rename(old_parent, old_name, new_parent, new_name, now);
        let is_directory = self.model.get(&from) == Some(&Content::Directory);
        let place = self.model.get(&to).cloned();
        if renamed == Err(Error::Full) {
            return;
        }
        if is_directory && to.starts_with(&format!("{from}/")) {
            assert_eq!(renamed, Err(Error::Invalid), "{from} to {to}");
            return;
        }
        if place.is_some() && self.model.names[&from] == self.model.names[&to] {
            assert_eq!(renamed, Ok(()));
            return;
        }
        let is_over_directory = place == Some(Content::Directory);
        match (is_directory, place.is_some()) {
            (true, true) if !is_over_directory => assert_eq!(renamed, Err(Error::NotDirectory)),
            (false, true) if is_over_directory => assert_eq!(renamed, Err(Error::IsDirectory)),
            (true, true) if self.model.has_inside(&to) => {
                assert_eq!(renamed, Err(Error::NotEmpty));
            }
            _ => {
                renamed.unwrap();
                self.model.rename(&from, &to);
            }
        }
    }

    /// Something with a file that is open and has no name.
    fn unnamed(&mut self) {
        let Some(id) = self.open.keys().next().copied() else {
            return;
        };
        let bytes = self.bytes();
        let file = self.open.get_mut(&id).unwrap();
        let mut read = vec![0; file.len()];
        assert_eq!(self.disk.read(id, 0, &mut read), Ok(file.len()));
        assert!(read == *file);
        assert_eq!(self.disk.attributes(id).unwrap().links, 0);
        if let Ok(count) = self.disk.write(id, file.len() as u64, &bytes, self.now_ns) {
            file.extend(&bytes[..count]);
        }
        if self.random.below(2) == 0 {
            self.open.remove(&id);
            self.disk.release(id);
        }
    }

    pub(super) fn close_all(&mut self) {
        for id in core::mem::take(&mut self.open).into_keys() {
            self.disk.release(id);
        }
    }
}

/// Runs `steps` changes; looks at the disk now and then, at the end, and after mounting it anew.
fn run(seed: u64, steps: u32, bytes: u64) {
    let mut pair = Pair::new(new_disk(bytes), Model::new(), seed);
    for step in 0..steps {
        pair.step();
        if step % 100 == 99 {
            let report = pair.disk.check().unwrap();
            assert!(report.findings.is_empty(), "{seed} {step}: {report:?}");
        }
    }
    Model::of(&mut pair.disk).assert_same(&pair.model, &format!("seed {seed}"));
    pair.close_all();
    pair.disk.sync().unwrap();
    let device = pair.disk.into_device();
    let mut disk = Held::open(device, Options::default()).unwrap();
    Model::of(&mut disk).assert_same(&pair.model, &format!("seed {seed}, anew"));
    let report = disk.check().unwrap();
    assert!(report.findings.is_empty(), "{seed}: {report:?}");
}

#[test]
fn random_changes_are_what_the_model_says() {
    let seeds = super::count("MEWZ_DISK_SEEDS", 3);
    for seed in 1..=seeds {
        run(seed, 1500, DISK_BYTES);
    }
}

#[test]
fn random_changes_of_a_small_disk_fill_it() {
    for seed in 100..100 + super::count("MEWZ_DISK_SEEDS", 3) {
        run(seed, 1500, 3 << 20);
    }
}
