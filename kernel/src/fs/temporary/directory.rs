//! The names in a directory. Each has a place that grows with every name that is added, so that a reader which goes on
//! behind a place misses none that stayed, whatever else comes and goes.

use alloc::collections::BTreeMap;
use alloc::rc::{Rc, Weak};

use super::super::errno::Errno;
use super::super::node::NodeKind;
use super::node::Inode;
use super::store::Store;

/// What a name counts for beside its bytes: its entries in both maps.
const ENTRY_COST: u64 = 160;

/// The places of `.` and `..`; those of names follow.
pub(super) const PLACE_OF_SELF: u64 = 1;
pub(super) const PLACE_OF_PARENT: u64 = 2;

pub(super) struct Directory {
    store: Rc<Store>,
    places: BTreeMap<Rc<[u8]>, u64>,
    entries: BTreeMap<u64, Entry>,
    /// The last place that was given.
    last_place: u64,
    /// Entries that are directories.
    pub(super) directories: u64,
    /// The directory above; dangling for the root.
    pub(super) parent: Weak<Inode>,
    /// It has no name any more, and never takes one up again.
    pub(super) is_removed: bool,
}

/// A name and what it leads to.
pub(super) struct Entry {
    pub(super) name: Rc<[u8]>,
    pub(super) inode: Rc<Inode>,
}

fn cost(name: &[u8]) -> u64 {
    ENTRY_COST + name.len() as u64
}

impl Directory {
    pub(super) fn new(store: Rc<Store>, parent: Weak<Inode>) -> Self {
        Self {
            store,
            places: BTreeMap::new(),
            entries: BTreeMap::new(),
            last_place: PLACE_OF_PARENT,
            directories: 0,
            parent,
            is_removed: false,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What `name` leads to.
    pub(super) fn get(&self, name: &[u8]) -> Result<Rc<Inode>, Errno> {
        let place = self.places.get(name).ok_or(Errno::Noent)?;
        let entry = self.entries.get(place).ok_or(Errno::Noent)?;
        Ok(Rc::clone(&entry.inode))
    }

    /// Fails where `name` can't be added now.
    pub(super) fn check_free(&self, name: &[u8]) -> Result<(), Errno> {
        if self.is_removed {
            Err(Errno::Noent)
        } else if self.places.contains_key(name) {
            Err(Errno::Exist)
        } else {
            Ok(())
        }
    }

    /// Counts a name that is about to be added.
    pub(super) fn charge(&self, name: &[u8]) -> Result<(), Errno> {
        self.store.charge(cost(name))
    }

    /// Counts a name that takes the place of another.
    pub(super) fn charge_anyway(&self, name: &[u8]) {
        self.store.charge_anyway(cost(name));
    }

    /// Takes back what [`Directory::charge`] counted.
    pub(super) fn discharge(&self, name: &[u8]) {
        self.store.release(cost(name));
    }

    /// Adds a name that is free and counted.
    pub(super) fn add(&mut self, name: &[u8], inode: Rc<Inode>) {
        let name: Rc<[u8]> = name.into();
        self.directories += u64::from(inode.is_directory());
        self.last_place += 1;
        self.places.insert(Rc::clone(&name), self.last_place);
        self.entries.insert(self.last_place, Entry { name, inode });
    }

    /// Takes a name away; returns what it led to.
    pub(super) fn remove(&mut self, name: &[u8]) -> Option<Rc<Inode>> {
        let place = self.places.remove(name)?;
        let entry = self.entries.remove(&place)?;
        self.directories -= u64::from(entry.inode.is_directory());
        self.discharge(name);
        Some(entry.inode)
    }

    /// Names behind a place, with their places.
    pub(super) fn behind(&self, place: u64) -> impl Iterator<Item = (u64, &Entry)> {
        let from = place.max(PLACE_OF_PARENT).saturating_add(1);
        self.entries
            .range(from..)
            .map(|(place, entry)| (*place, entry))
    }
}

impl Entry {
    pub(super) fn kind(&self) -> NodeKind {
        self.inode.kind_of_content()
    }
}
