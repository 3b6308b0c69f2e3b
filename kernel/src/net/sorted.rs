//! A map in a sorted list: for what is few, or is added in the order of its keys. Each type of tree would be 4 KB of code.

use alloc::vec::Vec;

use crate::fs::errno::Errno;

/// A map whose keys are looked for by halving; what is added at the end moves nothing.
#[derive(Debug)]
pub(super) struct SortedMap<K, V> {
    entries: Vec<(K, V)>,
}

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
        }
    }
}

impl<K: Copy + Ord, V> SortedMap<K, V> {
    /// Where `key` is, or would be.
    fn place(&self, key: K) -> Result<usize, usize> {
        self.entries.binary_search_by_key(&key, |(key, _)| *key)
    }

    pub(super) fn get(&self, key: K) -> Option<&V> {
        let place = self.place(key).ok()?;
        Some(&self.entries[place].1)
    }

    pub(super) fn get_mut(&mut self, key: K) -> Option<&mut V> {
        let place = self.place(key).ok()?;
        Some(&mut self.entries[place].1)
    }

    pub(super) fn contains(&self, key: K) -> bool {
        self.place(key).is_ok()
    }

    /// Adds `value`, or puts it in the place of that with the same key.
    ///
    /// # Errors
    ///
    /// `Nobufs`: memory is short; nothing has changed.
    pub(super) fn insert(&mut self, key: K, value: V) -> Result<(), Errno> {
        match self.place(key) {
            Ok(place) => self.entries[place].1 = value,
            Err(place) => {
                self.entries.try_reserve(1).map_err(|_| Errno::Nobufs)?;
                self.entries.insert(place, (key, value));
            }
        }
        Ok(())
    }

    pub(super) fn remove(&mut self, key: K) -> Option<V> {
        let place = self.place(key).ok()?;
        Some(self.entries.remove(place).1)
    }

    pub(super) fn values(&self) -> impl ExactSizeIterator<Item = &V> {
        self.entries.iter().map(|(_, value)| value)
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.iter_mut().map(|(_, value)| value)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (K, &mut V)> {
        self.entries.iter_mut().map(|(key, value)| (*key, value))
    }

    /// Takes those away that `keeps` does not keep.
    pub(super) fn retain(&mut self, mut keeps: impl FnMut(K, &mut V) -> bool) {
        self.entries.retain_mut(|(key, value)| keeps(*key, value));
    }
}
