//! A device that does whatever it likes with what it can reach, and whoever watches it.

use core::ptr::NonNull;
use std::cell::RefCell;
use std::collections::BTreeMap;

use fastrand::Rng;
use virtio_drivers::transport::{DeviceStatus, DeviceType, InterruptStatus, Transport};
use virtio_drivers::{BufferDirection, PhysAddr};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Bytes of a descriptor: address (u64), length (u32), flags (u16), next (u16). Source: virtio 1.2, section 2.7.5.
const DESCRIPTOR_BYTES: u64 = 16;
const NEXT: u16 = 1;
const WRITE: u16 = 2;

/// Most queues that a device has.
const QUEUES_MAX: u16 = 8;

/// Of a thousand deeds so many are foul, by the mood of a device.
const MOODS: [u64; 4] = [0, 20, 150, 600];

/// A message that names a port of a console. Source: virtio 1.2, section 5.3.6.2.
const PORT_ADD: u16 = 1;

/// A buffer that the device has.
struct Lent {
    at: *mut u8,
    /// What must be there: as it was lent, and what the device wrote since.
    content: Vec<u8>,
    is_written: bool,
}

/// A queue as the driver has set it up.
#[derive(Clone, Copy)]
struct Queue {
    number: u16,
    len: u16,
    descriptors: PhysAddr,
    available: PhysAddr,
    used: PhysAddr,
    /// Chains that were taken, and entries that were made.
    taken: u16,
    made: u16,
    /// The device wrote over what it reads itself, or said what is not so: it does not know any more what it has.
    is_spoiled: bool,
}

struct World {
    random: Rng,
    kind: DeviceType,
    mood: u64,
    has_features: u64,
    is_legacy: bool,
    status: DeviceStatus,
    queues: BTreeMap<u16, Queue>,
    /// Pages of queues, by their address for the device.
    pages: BTreeMap<PhysAddr, (*mut u8, usize)>,
    lent: BTreeMap<PhysAddr, Lent>,
    next: PhysAddr,
    problems: Vec<String>,
    deeds: u64,
}

thread_local! {
    static WORLD: RefCell<Option<World>> = const { RefCell::new(None) };
}

fn with<T>(then: impl FnOnce(&mut World) -> T) -> T {
    WORLD.with_borrow_mut(|world| then(world.as_mut().expect("a device was begun")))
}

/// Begins with a new device.
pub(super) fn begin(kind: DeviceType, seed: u64) {
    let mut random = Rng::with_seed(seed.wrapping_mul(0xd134_2543_de82_ef95));
    let mood = random.choice(MOODS).unwrap();
    let has_features = match random.u64(..4) {
        0 => random.u64(..),
        _ => u64::MAX,
    };
    let world = World {
        is_legacy: random.u64(..3) == 0,
        random,
        kind,
        mood,
        has_features,
        status: DeviceStatus::empty(),
        queues: BTreeMap::new(),
        pages: BTreeMap::new(),
        lent: BTreeMap::new(),
        next: 0x10_0000,
        problems: Vec::new(),
        deeds: 0,
    };
    WORLD.set(Some(world));
}

/// Ends with the device: what went wrong, and how much it did.
pub(super) fn end() -> (Vec<String>, u64) {
    let mut world = WORLD.take().expect("a device was begun");
    if !world.lent.is_empty() && !std::thread::panicking() {
        world.problems.push("it was left with buffers".into());
    }
    (world.problems, world.deeds)
}

/// Lets the device do something.
pub(super) fn act() {
    with(World::act);
}

/// Lets the device say on each queue that it has returned something.
pub(super) fn answer() {
    with(|world| {
        for number in 0..QUEUES_MAX {
            if !world.complete(number) {
                world.spoil(number);
                world.push(number, None, None);
            }
        }
    });
}

pub(super) fn is_memory_short() -> bool {
    with(|world| world.random.u64(..100) == 0)
}

pub(super) fn add_pages(memory: NonNull<u8>, bytes: usize) -> PhysAddr {
    with(|world| {
        let at = world.new_range(bytes);
        world.pages.insert(at, (memory.as_ptr(), bytes));
        at
    })
}

pub(super) fn remove_pages(at: PhysAddr) {
    with(|world| {
        let (_, bytes) = world.pages.remove(&at).expect("pages are freed once");
        let span = at..at + bytes as u64;
        let is_running = world.status.contains(DeviceStatus::DRIVER_OK);
        let is_of_queue = world.queues.values().any(|queue| {
            let parts = [queue.descriptors, queue.available, queue.used];
            parts.iter().any(|part| span.contains(part))
        });
        if is_running && is_of_queue {
            let problem = "a queue was freed while the device runs";
            world.problems.push(problem.into());
        }
        world.queues.retain(|_, queue| {
            let parts = [queue.descriptors, queue.available, queue.used];
            !parts.iter().any(|part| span.contains(part))
        });
    });
}

pub(super) fn lend(buffer: NonNull<[u8]>, direction: BufferDirection) -> PhysAddr {
    with(|world| {
        let start = buffer.cast::<u8>().as_ptr();
        let span = start as usize..start as usize + buffer.len();
        let is_lent = world.lent.values().any(|lent| {
            let other = lent.at as usize..lent.at as usize + lent.content.len();
            other.start < span.end && span.start < other.end
        });
        if is_lent {
            world
                .problems
                .push("what the device has was lent again".into());
        }
        // SAFETY: the driver promises that the buffer is there until it is taken back.
        let content = unsafe { buffer.as_ref() }.to_vec();
        let at = world.new_range(content.len());
        let lent = Lent {
            at: start,
            content,
            is_written: direction != BufferDirection::DriverToDevice,
        };
        world.lent.insert(at, lent);
        at
    })
}

pub(super) fn take_back(at: PhysAddr, buffer: NonNull<[u8]>) {
    with(|world| {
        let Some(lent) = world.lent.remove(&at) else {
            let problem = "what the device did not have was taken back";
            world.problems.push(problem.into());
            return;
        };
        if lent.at != buffer.cast().as_ptr() || lent.content.len() > buffer.len() {
            world.problems.push("another buffer was taken back".into());
        } else if !lent.is_as_left() {
            let problem = "a buffer was changed while the device had it";
            world.problems.push(problem.into());
        }
    });
}

impl Lent {
    fn is_as_left(&self) -> bool {
        // SAFETY: the driver has the buffer, which is as long as it was when it was lent.
        let now = unsafe { core::slice::from_raw_parts(self.at, self.content.len()) };
        now == self.content
    }

    /// Writes as the device.
    fn write(&mut self, offset: usize, bytes: &[u8]) {
        self.content[offset..offset + bytes.len()].copy_from_slice(bytes);
        // SAFETY: the buffer is lent, so its memory is there, as long as it was, and nobody else writes to it.
        let memory = unsafe { core::slice::from_raw_parts_mut(self.at, self.content.len()) };
        memory[offset..offset + bytes.len()].copy_from_slice(bytes);
    }
}

impl World {
    fn new_range(&mut self, bytes: usize) -> PhysAddr {
        let at = self.next;
        self.next += (bytes as u64).next_multiple_of(0x1000) + 0x1000;
        at
    }

    /// The memory of a queue at an address; `None` where there is none.
    fn page(&self, at: PhysAddr, bytes: u64) -> Option<*mut u8> {
        let (start, (memory, len)) = self.pages.range(..=at).next_back()?;
        let offset = at - start;
        if offset + bytes > *len as u64 {
            return None;
        }
        // SAFETY: inside the pages, as was looked at.
        Some(unsafe { memory.add(offset as usize) })
    }

    fn read<const N: usize>(&self, at: PhysAddr) -> [u8; N] {
        let Some(memory) = self.page(at, N as u64) else {
            return [0; N];
        };
        // SAFETY: `page` says that the bytes are there.
        unsafe { memory.cast::<[u8; N]>().read_unaligned() }
    }

    fn write<const N: usize>(&mut self, at: PhysAddr, bytes: [u8; N]) {
        if let Some(memory) = self.page(at, N as u64) {
            // SAFETY: `page` says that the bytes are there.
            unsafe { memory.cast::<[u8; N]>().write_unaligned(bytes) };
        }
    }

    fn act(&mut self) {
        let number = self.random.u16(..QUEUES_MAX);
        if self.random.u64(..1000) < self.mood {
            self.misbehave(number);
        } else {
            self.complete(number);
        }
    }

    /// Adds an entry to the used ring: of a chain, or of what is none.
    fn push(&mut self, number: u16, id: Option<u32>, len: Option<u32>) {
        let random = [self.random.u64(..), self.random.u64(..)];
        let Some(queue) = self.queues.get_mut(&number) else {
            return;
        };
        let id = id.unwrap_or(match random[0] % 4 {
            0 => random[0] as u32,
            _ => (random[0] >> 8) as u32 % (u32::from(queue.len) + 2),
        });
        let len = len.unwrap_or(match random[1] % 4 {
            0 => random[1] as u32,
            _ => (random[1] >> 8) as u32 % 9000,
        });
        let slot = u64::from(queue.made % queue.len);
        queue.made = queue.made.wrapping_add(1);
        let (used, made) = (queue.used, queue.made);
        self.write(used + 4 + slot * 8, id.to_le_bytes());
        self.write(used + 8 + slot * 8, len.to_le_bytes());
        self.write(used + 2, made.to_le_bytes());
        self.deeds += 1;
    }

    /// Does what a device should with the next chain of a queue, if there is one.
    fn complete(&mut self, number: u16) -> bool {
        let Some(&queue) = self.queues.get(&number) else {
            return false;
        };
        let available = u16::from_le_bytes(self.read(queue.available + 2));
        if available == queue.taken || !self.status.contains(DeviceStatus::DRIVER_OK) {
            return false;
        }
        let slot = u64::from(queue.taken % queue.len);
        let head = u16::from_le_bytes(self.read(queue.available + 4 + slot * 2));
        let written = self.follow(&queue, head);
        if let Some(queue) = self.queues.get_mut(&number) {
            queue.taken = queue.taken.wrapping_add(1);
        }
        self.push(number, Some(head.into()), Some(written));
        true
    }

    /// Fills what a chain has room for; returns how many bytes that are.
    fn follow(&mut self, queue: &Queue, head: u16) -> u32 {
        let (mut at, mut written) = (head, 0);
        for _ in 0..queue.len {
            if at >= queue.len {
                break;
            }
            let descriptor = queue.descriptors + u64::from(at) * DESCRIPTOR_BYTES;
            let address = u64::from_le_bytes(self.read(descriptor));
            let len = u32::from_le_bytes(self.read(descriptor + 8));
            let flags = u16::from_le_bytes(self.read(descriptor + 12));
            let found = self.lent.range(..=address).next_back();
            let is_lent = found.is_some_and(|(start, lent)| {
                let fits = address - start + u64::from(len) <= lent.content.len() as u64;
                fits && (flags & WRITE == 0 || lent.is_written)
            });
            if !is_lent {
                if !queue.is_spoiled {
                    let problem = "a descriptor leads to what was not lent";
                    self.problems.push(problem.into());
                }
                break;
            }
            if flags & WRITE != 0 {
                written += self.fill(queue.number, address, len);
            }
            if flags & NEXT == 0 {
                break;
            }
            at = u16::from_le_bytes(self.read(descriptor + 14));
        }
        written
    }

    /// Writes something like what the driver waits for to a buffer; returns how much.
    fn fill(&mut self, queue: u16, address: PhysAddr, len: u32) -> u32 {
        let count = match self.random.u64(..4) {
            0 => self.random.usize(..=len as usize),
            _ => len as usize,
        };
        let mut bytes: Vec<u8> = match self.random.u64(..3) {
            0 => (0..count).map(|_| self.random.u8(..)).collect(),
            // A request that was done, a record without a payload.
            _ => vec![0; count],
        };
        if self.kind == DeviceType::Console && queue == 2 {
            let port = self.random.u32(..3);
            let message = [&port.to_le_bytes()[..], &PORT_ADD.to_le_bytes(), &[0; 2]].concat();
            let known = message.len().min(bytes.len());
            bytes[..known].copy_from_slice(&message[..known]);
        }
        if let Some((start, lent)) = self.lent.range_mut(..=address).next_back() {
            lent.write((address - start) as usize, &bytes);
        }
        bytes.len() as u32
    }

    fn misbehave(&mut self, number: u16) {
        let noise = self.random.u64(..);
        let Some(&queue) = self.queues.get(&number) else {
            return;
        };
        self.deeds += 1;
        let slot = noise % u64::from(queue.len);
        let deed = self.random.u64(..9);
        if deed < 7 {
            self.spoil(number);
        }
        match deed {
            0 | 1 => self.push(number, None, None),
            // The same once more, with another length.
            2 => {
                let last = u64::from(queue.made.wrapping_sub(1) % queue.len);
                let id = u32::from_le_bytes(self.read(queue.used + 4 + last * 8));
                self.push(number, Some(id), None);
            }
            // So many at once.
            3 => {
                let made = queue.made.wrapping_add(noise as u16);
                self.queues
                    .entry(number)
                    .and_modify(|queue| queue.made = made);
                self.write(queue.used + 2, made.to_le_bytes());
            }
            // What it said already, it says otherwise.
            4 => self.write(queue.used + 4 + slot * 8, noise.to_le_bytes()),
            // What is the driver's.
            5 => {
                self.write(
                    queue.descriptors + slot * DESCRIPTOR_BYTES,
                    noise.to_le_bytes(),
                );
                let flags = queue.descriptors + slot * DESCRIPTOR_BYTES + 8;
                self.write(flags, noise.rotate_left(9).to_le_bytes());
            }
            6 => {
                self.write(
                    queue.available + 2 * (noise % u64::from(queue.len)),
                    [noise as u8; 2],
                );
            }
            // Whether it wants to be told.
            7 => self.write(queue.used, (noise as u16).to_le_bytes()),
            // A buffer that it has and does not return.
            _ => {
                let held: Vec<PhysAddr> = self.lent.keys().copied().collect();
                if held.is_empty() {
                    return;
                }
                let at = held[(noise >> 8) as usize % held.len()];
                if let Some(lent) = self.lent.get_mut(&at)
                    && lent.is_written
                {
                    let offset = (noise >> 32) as usize % lent.content.len();
                    lent.write(offset, &[noise as u8]);
                }
            }
        }
    }

    fn spoil(&mut self, number: u16) {
        let spoiled = self.queues.entry(number);
        spoiled.and_modify(|queue| queue.is_spoiled = true);
    }
}

/// The device's registers, as drivers reach them. Dropping them resets the device, as those of machines do.
pub(super) struct Registers;

impl Drop for Registers {
    fn drop(&mut self) {
        self.set_status(DeviceStatus::empty());
    }
}

impl Transport for Registers {
    fn device_type(&self) -> DeviceType {
        with(|world| world.kind)
    }

    fn read_device_features(&mut self) -> u64 {
        with(|world| world.has_features)
    }

    fn write_driver_features(&mut self, _: u64) {}

    fn max_queue_size(&mut self, _: u16) -> u32 {
        with(|world| match world.random.u64(..200) {
            0 => world.random.u32(..300),
            _ => 1024,
        })
    }

    fn notify(&mut self, queue: u16) {
        with(|world| {
            if world.random.bool() {
                world.complete(queue);
            }
            world.act();
        });
    }

    fn get_status(&self) -> DeviceStatus {
        with(|world| world.status)
    }

    fn set_status(&mut self, status: DeviceStatus) {
        with(|world| {
            if status.is_empty() {
                let changed = world.lent.values().filter(|lent| !lent.is_as_left());
                if changed.count() > 0 {
                    let problem = "a buffer was changed while the device had it";
                    world.problems.push(problem.into());
                }
                // A device that was reset has nothing any more.
                world.lent.clear();
                world.queues.clear();
            }
            world.status = status;
        });
    }

    fn set_guest_page_size(&mut self, _: u32) {}

    fn requires_legacy_layout(&self) -> bool {
        with(|world| world.is_legacy)
    }

    fn queue_set(
        &mut self,
        number: u16,
        len: u32,
        descriptors: PhysAddr,
        available: PhysAddr,
        used: PhysAddr,
    ) {
        let queue = Queue {
            number,
            len: len as u16,
            descriptors,
            available,
            used,
            taken: 0,
            made: 0,
            is_spoiled: false,
        };
        with(|world| world.queues.insert(number, queue));
    }

    fn queue_unset(&mut self, number: u16) {
        with(|world| world.queues.remove(&number));
    }

    fn queue_used(&mut self, number: u16) -> bool {
        with(|world| world.queues.contains_key(&number) || world.random.u64(..500) == 0)
    }

    fn ack_interrupt(&mut self) -> InterruptStatus {
        InterruptStatus::empty()
    }

    fn read_config_generation(&self) -> u32 {
        with(|world| world.random.u32(..))
    }

    /// Configuration is another each time it is read.
    fn read_config_space<T: FromBytes + IntoBytes>(
        &self,
        offset: usize,
    ) -> virtio_drivers::Result<T> {
        with(|world| {
            if world.random.u64(..100) == 0 {
                return Err(virtio_drivers::Error::ConfigSpaceTooSmall);
            }
            let is_large = offset < 4 && world.random.u64(..4) > 0;
            let bytes: Vec<u8> = (0..size_of::<T>())
                .map(|_| if is_large { 0xff } else { world.random.u8(..) })
                .collect();
            T::read_from_bytes(&bytes).map_err(|_| virtio_drivers::Error::IoError)
        })
    }

    fn write_config_space<T: IntoBytes + Immutable>(
        &mut self,
        _: usize,
        _: T,
    ) -> virtio_drivers::Result<()> {
        Ok(())
    }
}
