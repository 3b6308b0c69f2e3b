//! Disks that somebody made up: absurd content below right checksums. Whatever is done with them comes to an end.
//!
//! redoxfs asserts what it takes for granted, so a panic of its own is an end too; ours, a loop or a flood of memory is none.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::DerefMut as _;
use std::panic::{self, AssertUnwindSafe, Location, catch_unwind};

use redoxfs::{BlockAddr, BlockData, BlockRaw, Header};

use super::Random;
use super::damage::{use_up, used};
use super::device::MemoryDevice;
use crate::device::BLOCK_BYTES;

/// Blocks in front of all others.
const RING: u64 = redoxfs::HEADER_RING;

/// Where a pointer lies: the block that it is in, and the offset there.
type Place = (u64, usize);

/// The pointer's checksum of a block.
fn checksum(bytes: &[u8]) -> u64 {
    let mut block: BlockData<BlockRaw> = BlockData::empty(BlockAddr::default()).unwrap();
    block.data_mut().copy_from_slice(bytes);
    block.create_ptr().hash()
}

fn word(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

/// A disk whose blocks can be changed with the sums that others have of them.
struct Forgery {
    device: MemoryDevice,
    /// Who points to a block.
    parents: BTreeMap<u64, Vec<Place>>,
    /// The block with the newest header.
    header: u64,
    /// Blocks that hold pointers or are pointed to.
    live: Vec<u64>,
}

impl Forgery {
    fn new(device: MemoryDevice) -> Self {
        let written = device.written();
        let sums: BTreeMap<u64, u64> = written
            .iter()
            .map(|block| (*block, checksum(&device.block(*block))))
            .collect();
        let newest = (0..RING).max_by_key(|block| {
            let header = Self::read_header(&device, *block);
            (header.valid(), header.generation())
        });
        let header = newest.unwrap();
        let mut parents: BTreeMap<u64, Vec<Place>> = BTreeMap::new();
        let mut live = vec![header];
        let mut at = 0;
        while let Some(block) = live.get(at).copied() {
            at += 1;
            let bytes = device.block(block);
            // Pointers of hash trees stand at multiples of four.
            for offset in (0..BLOCK_BYTES - 16).step_by(4) {
                let (address, sum) = (word(&bytes, offset) >> 8, word(&bytes, offset + 8));
                if address >= RING && sums.get(&address) == Some(&sum) {
                    let places = parents.entry(address).or_default();
                    if places.is_empty() {
                        live.push(address);
                    }
                    places.push((block, offset));
                }
            }
        }
        Self {
            device,
            parents,
            header,
            live,
        }
    }

    fn read_header(device: &MemoryDevice, block: u64) -> Header {
        let mut header = Header::default();
        header.deref_mut().copy_from_slice(&device.block(block));
        header
    }

    /// A copy with another content of a block, and all sums above it made right.
    fn with(&self, block: u64, bytes: &[u8]) -> MemoryDevice {
        let device = self.device.anew();
        let mut wait = vec![(block, bytes.to_vec())];
        while let Some((block, bytes)) = wait.pop() {
            device.store(block, &bytes);
            if block == self.header {
                let mut header = Self::read_header(&device, block);
                let generation = header.update(None);
                device.store(generation % RING, &header);
                continue;
            }
            let sum = checksum(&bytes);
            for (parent, offset) in self.parents.get(&block).into_iter().flatten() {
                let mut bytes = device.block(*parent).to_vec();
                bytes[offset + 8..offset + 16].copy_from_slice(&sum.to_le_bytes());
                wait.push((*parent, bytes));
            }
        }
        device
    }
}

/// Changes a few bytes, at the places where meaning is likely.
fn change(bytes: &mut [u8], live: &[u64], random: &mut Random) {
    let words = bytes.len() as u64 / 4;
    let used = bytes.iter().rposition(|byte| *byte != 0).unwrap_or(0) as u64 / 4 + 1;
    for _ in 0..=random.below(2) {
        let at = match random.below(4) {
            0 => random.below(words),
            1 => random.below(32),
            _ => random.below(used),
        } as usize
            * 4;
        let room = &mut bytes[at..];
        let absurd: u64 = match random.below(8) {
            0 => 0,
            1 => u64::MAX,
            2 => 1 << random.below(64),
            3 => random.next(),
            // A pointer to elsewhere, or with other levels.
            4 | 5 => live[random.below(live.len() as u64) as usize] << 8 | random.below(256),
            6 => random.below(5000),
            _ => word(&[&*room, &[0; 8]].concat(), 0) ^ 1 << random.below(12),
        };
        let len = room.len().min([1, 2, 4, 8][random.below(4) as usize]);
        room[..len].copy_from_slice(&absurd.to_le_bytes()[..len]);
    }
}

thread_local! {
    /// The places of panics in this thread, while it tries forged disks.
    static PANICS: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// Notes the panics of this thread instead of telling them.
fn note_panics() {
    PANICS.set(Some(Vec::new()));
    let tell = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        let place = panic
            .location()
            .map(Location::to_string)
            .unwrap_or_default();
        let is_noted = PANICS
            .with_borrow_mut(|panics| panics.as_mut().map(|panics| panics.push(place)).is_some());
        if !is_noted {
            tell(panic);
        }
    }));
}

#[test]
fn what_somebody_made_up_comes_to_an_end() {
    let count = super::count("MEWZ_DISK_FORGERIES", 300);
    let forgery = Forgery::new(used(7).0);
    assert!(forgery.live.len() > 50, "{}", forgery.live.len());
    let mut random = Random::new(7);
    let (mut found, mut refused) = (0, 0);
    note_panics();
    for _ in 0..count {
        let block = forgery.live[random.below(forgery.live.len() as u64) as usize];
        let mut bytes = forgery.device.block(block).to_vec();
        change(&mut bytes, &forgery.live, &mut random);
        let forged = forgery.with(block, &bytes);
        match catch_unwind(AssertUnwindSafe(|| use_up(forged))) {
            Ok(Ok(0)) | Err(_) => {}
            Ok(Ok(_)) => found += 1,
            Ok(Err(_)) => refused += 1,
        }
    }
    let panics = PANICS.take().unwrap();
    println!("of {count} disks redoxfs gave up on {}", panics.len());
    // Names are never left to it.
    let is_known = |place: &String| place.contains("redoxfs") && !place.contains("dir.rs");
    assert!(panics.iter().all(is_known), "{panics:?}");
    // Most of the rest is found before it meets that.
    assert!((panics.len() as u64) < count / 20 + 2, "{panics:?}");
    assert!(
        found > count / 30 && refused > count / 30,
        "{found} {refused}"
    );
}
