//! What `poll_oneoff` waited for last. Programs wait for the same again and again; then only what the network told of is
//! looked at, so that a connection that nothing happens to costs a comparison of its subscription.

use alloc::vec::Vec;

use super::poll::SUBSCRIPTION_BYTES_MAX;
use crate::fs::errno::Errno;
use crate::guest::GuestMemory;

/// Where a subscription has its tag, and that of a clock.
const TAG: usize = 8;
const CLOCK: u8 = 0;

/// Subscriptions, and which of them must be looked at.
#[derive(Debug, Default)]
pub(super) struct Interest {
    /// The subscriptions as the application has them.
    bytes: Vec<u8>,
    subscription_bytes: u32,
    /// The descriptors were as they are in this version.
    version: u64,
    /// Numbers of those that the network does not tell of, ascending: clocks, files, mistakes.
    others: Vec<u32>,
    /// Numbers of those that may be ready, beside the others.
    pub(super) candidates: Vec<u32>,
    /// Room for the next candidates.
    room: Vec<u32>,
}

impl Interest {
    /// Reads the subscriptions; returns whether they are those of last time, and stand for the same.
    ///
    /// # Errors
    ///
    /// `Fault`; `Nomem` where there is no room to keep them.
    pub(super) fn update(
        &mut self,
        memory: &dyn GuestMemory,
        address: u32,
        bytes: u32,
        subscription_bytes: u32,
        version: u64,
    ) -> Result<bool, Errno> {
        let is_same = self.bytes.len() == bytes as usize
            && (self.subscription_bytes, self.version) == (subscription_bytes, version);
        if is_same && self.is_same_as(memory, address)? {
            return Ok(true);
        }
        self.subscription_bytes = subscription_bytes;
        self.version = version;
        let len = bytes as usize;
        let more = len.saturating_sub(self.bytes.len());
        self.bytes.try_reserve(more).map_err(|_| Errno::Nomem)?;
        self.bytes.resize(len, 0);
        memory.read(address, &mut self.bytes)?;
        Ok(false)
    }

    /// Compares with what lies at `address`. A clock whose time alone is another is taken over.
    fn is_same_as(&mut self, memory: &dyn GuestMemory, address: u32) -> Result<bool, Errno> {
        let mut is_same = true;
        let mut before = &self.bytes[..];
        let len = before.len() as u32;
        memory.for_each_piece(address, len, &mut |now| {
            let (piece, rest) = before.split_at(now.len());
            is_same &= are_equal(piece, now);
            before = rest;
        })?;
        if is_same {
            return Ok(true);
        }
        let step = self.subscription_bytes as usize;
        let mut now = [0; SUBSCRIPTION_BYTES_MAX];
        let now = &mut now[..step];
        for (number, before) in (0..).zip(self.bytes.chunks_mut(step)) {
            // Inside what was shown above, so below its end, which fits.
            memory.read(address + number * self.subscription_bytes, now)?;
            if before != now {
                let are_clocks = before[TAG] == CLOCK && now[TAG] == CLOCK;
                if !are_clocks {
                    return Ok(false);
                }
                before.copy_from_slice(now);
            }
        }
        Ok(true)
    }

    /// Makes all of them candidates, and parts them by what `is_told` says of each.
    ///
    /// # Errors
    ///
    /// Those of `is_told`; `Nomem`.
    pub(super) fn begin(
        &mut self,
        mut is_told: impl FnMut(&[u8]) -> Result<bool, Errno>,
    ) -> Result<(), Errno> {
        self.others.clear();
        self.candidates.clear();
        let subscriptions = self.bytes.chunks(self.subscription_bytes as usize);
        let count = subscriptions.len();
        for list in [&mut self.others, &mut self.candidates, &mut self.room] {
            // So many that what follows never asks for more, but for a socket that is waited for twice.
            list.try_reserve(count).map_err(|_| Errno::Nomem)?;
        }
        for (number, subscription) in (0..).zip(subscriptions) {
            let list = if is_told(subscription)? {
                &mut self.candidates
            } else {
                &mut self.others
            };
            list.push(number);
        }
        Ok(())
    }

    /// Takes out those that must be looked at, ascending.
    pub(super) fn take_candidates(&mut self) -> Vec<u32> {
        let room = core::mem::take(&mut self.room);
        let mut candidates = core::mem::replace(&mut self.candidates, room);
        candidates.extend(&self.others);
        candidates.sort_unstable();
        candidates.dedup();
        candidates
    }

    /// Makes `number` a candidate of the next time.
    pub(super) fn keep(&mut self, number: u32) {
        self.candidates.push(number);
    }

    /// Gives back the list of [`Interest::take_candidates`], which is empty now.
    pub(super) fn return_room(&mut self, room: Vec<u32>) {
        self.room = room;
    }

    /// The subscription with this number.
    pub(super) fn subscription(&self, number: u32) -> &[u8] {
        let step = self.subscription_bytes as usize;
        let start = number as usize * step;
        self.bytes.get(start..start + step).unwrap_or(&[])
    }
}

/// Whether two pieces of equal length hold the same. By words: a vector's comparison is dear where it is emulated.
fn are_equal(left: &[u8], right: &[u8]) -> bool {
    let (left_words, left_rest) = left.as_chunks::<8>();
    let (right_words, right_rest) = right.as_chunks::<8>();
    let differences = left_words
        .iter()
        .zip(right_words)
        .fold(0, |all, (one, two)| {
            all | (u64::from_le_bytes(*one) ^ u64::from_le_bytes(*two))
        });
    differences == 0 && left_rest == right_rest
}

#[cfg(test)]
mod tests {
    use super::Interest;
    use crate::guest::{GuestFault, GuestMemory};

    struct Memory(Vec<u8>);

    impl GuestMemory for Memory {
        fn check(&self, address: u32, len: u32) -> Result<(), GuestFault> {
            let end = address as usize + len as usize;
            (end <= self.0.len()).then_some(()).ok_or(GuestFault)
        }

        fn read(&self, address: u32, out: &mut [u8]) -> Result<(), GuestFault> {
            let from = self.0.get(address as usize..).ok_or(GuestFault)?;
            out.copy_from_slice(from.get(..out.len()).ok_or(GuestFault)?);
            Ok(())
        }

        fn write(&mut self, _: u32, _: &[u8]) -> Result<(), GuestFault> {
            unreachable!("nothing is written here")
        }

        fn for_each_piece(
            &self,
            address: u32,
            len: u32,
            see: &mut dyn FnMut(&[u8]),
        ) -> Result<(), GuestFault> {
            self.check(address, len)?;
            let shown = &self.0[address as usize..][..len as usize];
            shown.chunks(777).for_each(see);
            Ok(())
        }
    }

    #[test]
    fn the_same_is_known_again_and_clocks_may_move() {
        // 300 subscriptions of 48 bytes, of which every third is a clock.
        let mut memory = Memory(vec![0; 8 + 300 * 48]);
        let tag = |number: usize| 8 + number * 48 + 8;
        for number in 0..300 {
            memory.0[tag(number)] = u8::from(number % 3 != 0);
            memory.0[tag(number) + 8] = number as u8;
        }
        let mut interest = Interest::default();
        let ask = |interest: &mut Interest, memory: &Memory, version| {
            interest.update(memory, 8, 300 * 48, 48, version).unwrap()
        };
        assert!(!ask(&mut interest, &memory, 1));
        interest.begin(|one| Ok(one[8] == 1)).unwrap();
        let all = interest.take_candidates();
        assert_eq!(all.len(), 300);
        assert!(ask(&mut interest, &memory, 1));
        let clocks = interest.take_candidates();
        assert!(clocks.iter().all(|number| number % 3 == 0) && clocks.len() == 100);
        interest.keep(7);
        interest.keep(9);
        assert_eq!(interest.take_candidates().len(), 101);
        // Another time of a clock.
        memory.0[tag(150) + 20] = 9;
        assert!(ask(&mut interest, &memory, 1));
        assert_eq!(interest.subscription(150)[28], 9);
        // Another descriptor, another version, another number of them.
        memory.0[tag(151) + 8] = 9;
        assert!(!ask(&mut interest, &memory, 1));
        assert!(!ask(&mut interest, &memory, 2));
        assert!(ask(&mut interest, &memory, 2));
        assert!(!interest.update(&memory, 8, 299 * 48, 48, 2).unwrap());
        assert!(!ask(&mut interest, &memory, 2));
        // A clock that became a descriptor.
        memory.0[tag(150)] = 1;
        assert!(!ask(&mut interest, &memory, 2));
    }
}
