//! The application's linear memories: growth, lazy mapping, and the one checked way into the one that WASI works on.

use alloc::vec::Vec;
use core::fmt;

use mewz_abi::address::{
    MEMORIES_END, MEMORY_BASE, MEMORY_ROOM_BYTES, MEMORY64_ROOM_BYTES, PAGE_BYTES,
};
use mewz_abi::application::{MemoryInstance, application_flags, memory_flags};
use mewz_kernel::frames::CHUNK;
use mewz_kernel::guest::{GuestFault, GuestMemory};
use mewz_kernel::zeros::ZEROS;
use spin::Mutex;

use super::paging::{Access, OutOfPages, map, translate};
use super::window::Window;
use super::{direct, physical};

/// Most bytes of a memory with a 32-bit index: what its room holds before the guard.
const MEMORY_BYTES_MAX: u64 = 8 << 30;
/// Memory for page tables: a page maps 2 MiB, and every memory begins some of its own.
const TABLES_SHARE: u64 = 512;

/// The application's memories.
struct Memories {
    /// Addresses of the instances, ascending by base; none before the application starts.
    instances: Vec<u64>,
    /// Address of the instance that WASI works on, `None` where the module has no memory.
    of_wasi: Option<u64>,
    /// Bytes at the first one's start that are never mapped, for a program that has nothing there.
    guard_bytes: u64,
    /// Bytes that are mapped, of all of them.
    mapped_bytes: u64,
}

/// Never locked while the application runs, so a page fault of it finds it free.
static MEMORIES: Mutex<Memories> = Mutex::new(Memories {
    instances: Vec::new(),
    of_wasi: None,
    guard_bytes: 0,
    mapped_bytes: 0,
});

/// Why the memories can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MemoryError {
    /// An imported memory that nobody provides, by its index.
    Unresolved(usize),
    /// Its descriptor lies outside the window's data, or tells an impossible size.
    Broken(usize),
    /// All of them, so many, need more address space than there is.
    TooMany(usize),
}

impl fmt::Display for MemoryError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MemoryError::Unresolved(at) => {
                write!(out, "memory {at} is imported, and nobody has it")
            }
            MemoryError::Broken(at) => {
                write!(out, "memory {at} is larger than its room, or broken")
            }
            MemoryError::TooMany(len) => {
                write!(
                    out,
                    "there are {len} memories, more than the address space holds"
                )
            }
        }
    }
}

/// Gives every memory its place. Nothing is mapped yet.
///
/// # Errors
///
/// A memory can't be given one.
pub(crate) fn start(window: &Window) -> Result<(), MemoryError> {
    let instances = window.memories();
    let mut base = MEMORY_BASE;
    for (at, &address) in instances.iter().enumerate() {
        if address == 0 {
            return Err(MemoryError::Unresolved(at));
        }
        let bytes = size_of::<MemoryInstance>() as u64;
        if !address.is_multiple_of(8) || !window.is_data(address, bytes) {
            return Err(MemoryError::Broken(at));
        }
        let mut instance = read_instance(address);
        if instance.bytes > bytes_max(&instance) || instance.page_bytes_log2 > 16 {
            return Err(MemoryError::Broken(at));
        }
        instance.base = base;
        base += room_bytes(&instance);
        if base > MEMORIES_END {
            return Err(MemoryError::TooMany(instances.len()));
        }
        write_instance(address, instance);
    }
    let exported = window.exported_memory(b"memory");
    let exported = exported.filter(|address| instances.contains(address));
    let mut memories = MEMORIES.lock();
    memories.instances = instances.to_vec();
    memories.of_wasi = exported.or(instances.first().copied());
    let has_guard = window.application().flags & application_flags::NULL_GUARD != 0;
    memories.guard_bytes = if has_guard { PAGE_BYTES } else { 0 };
    Ok(())
}

/// Address space that belongs to a memory.
fn room_bytes(memory: &MemoryInstance) -> u64 {
    if memory.flags & memory_flags::INDEX_64 == 0 {
        MEMORY_ROOM_BYTES
    } else {
        MEMORY64_ROOM_BYTES
    }
}

/// Most bytes that a memory's room can hold.
fn bytes_max(memory: &MemoryInstance) -> u64 {
    MEMORY_BYTES_MAX.max(room_bytes(memory) - MEMORY_ROOM_BYTES)
}

/// Answers `memory.grow`: the old size in pages, or -1 and nothing has changed.
pub(crate) fn grow(instance: u64, pages: u64) -> i64 {
    let memories = MEMORIES.lock();
    let instances = &memories.instances;
    if !instances.contains(&instance) {
        return -1;
    }
    let mut memory = read_instance(instance);
    let old_pages = memory.bytes >> memory.page_bytes_log2;
    let new_bytes = pages
        .checked_mul(1 << memory.page_bytes_log2)
        .and_then(|bytes| bytes.checked_add(memory.bytes))
        .filter(|bytes| *bytes <= memory.bytes_max.min(bytes_max(&memory)));
    let Some(new_bytes) = new_bytes else {
        return -1;
    };
    let all: u64 = instances
        .iter()
        .map(|address| read_instance(*address).bytes)
        .sum();
    let all = all - memory.bytes + new_bytes;
    let unmapped = all.saturating_sub(memories.mapped_bytes);
    let tables = unmapped / TABLES_SHARE;
    if new_bytes > memory.bytes && unmapped + tables > physical::free_bytes() {
        return -1;
    }
    memory.bytes = new_bytes;
    write_instance(instance, memory);
    i64::try_from(old_pages).unwrap_or(-1)
}

/// Writes a line for each memory, without waiting: `None` while one is being changed.
#[cfg(feature = "debugger")]
pub(crate) fn try_describe(out: &mut dyn fmt::Write) -> Option<fmt::Result> {
    let memories = MEMORIES.try_lock()?;
    let mut lines = memories.instances.iter().enumerate();
    let told = lines.try_for_each(|(at, address)| {
        let memory = read_instance(*address);
        writeln!(
            out,
            "memory {at} at {:#x}: {} bytes of at most {}",
            memory.base, memory.bytes, memory.bytes_max
        )
    });
    Some(told.and_then(|()| writeln!(out, "{} bytes of them are mapped", memories.mapped_bytes)))
}

/// What a fault at an address of the lower half turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Touch {
    /// A page of a memory; it is mapped now.
    Mapped,
    /// Not inside a memory.
    Outside,
    /// At the start of the first one, where the program has nothing.
    Null,
    /// A page of a memory, and nothing is left to back it.
    OutOfMemory,
}

/// Maps what a memory has at `address`.
pub(super) fn touch(address: u64) -> Touch {
    let mut memories = MEMORIES.lock();
    let instances = &memories.instances;
    let after = instances.partition_point(|instance| read_instance(*instance).base <= address);
    let Some(&instance) = after.checked_sub(1).and_then(|at| instances.get(at)) else {
        return Touch::Outside;
    };
    let memory = read_instance(instance);
    if address - memory.base >= memory.bytes {
        return Touch::Outside;
    }
    if is_guard(&memories, address) {
        return Touch::Null;
    }
    match map_chunk(&mut memories, address / CHUNK * CHUNK) {
        Ok(_) => Touch::Mapped,
        Err(OutOfPages) => Touch::OutOfMemory,
    }
}

/// Makes the memory at `instance` the first one; its room is clean. What backed the one before is not given back.
pub(crate) fn replace_first(instance: u64) {
    let mut memories = MEMORIES.lock();
    let mut memory = read_instance(instance);
    memory.base = MEMORY_BASE;
    write_instance(instance, memory);
    super::paging::forget(MEMORY_BASE, MEMORY_BASE + MEMORY64_ROOM_BYTES);
    memories.instances[0] = instance;
}

/// Whether `address` lies where the program has nothing.
fn is_guard(memories: &Memories, address: u64) -> bool {
    address.wrapping_sub(MEMORY_BASE) < memories.guard_bytes
}

/// Backs the chunk at `address` with clean memory; returns its physical address.
fn map_chunk(memories: &mut Memories, address: u64) -> Result<u64, OutOfPages> {
    let chunk = physical::application_chunk().ok_or(OutOfPages)?;
    // SAFETY: the chunk was just taken, and the direct map shows it.
    unsafe { direct::bytes_mut(chunk, CHUNK as usize) }.fill(0);
    let left_out = match is_guard(memories, address) {
        true => memories.guard_bytes,
        false => 0,
    };
    let pages = (CHUNK - left_out) / PAGE_BYTES;
    let access = Access::Application;
    // SAFETY: the address is one of linear memory, and the chunk is nobody else's.
    unsafe { map(address + left_out, chunk + left_out, pages, access) }?;
    memories.mapped_bytes += CHUNK;
    Ok(chunk)
}

/// The linear memory that calls of the application work on.
pub(crate) struct LinearMemory {
    /// Address of the instance, `None` where the module has no memory.
    instance: Option<u64>,
    /// Address of byte 0.
    base: u64,
    /// Bytes at its start where the program has nothing.
    guard_bytes: u64,
}

impl LinearMemory {
    /// The memory that is exported as `memory`, else the first. The caller has the only one while it uses it.
    pub(crate) fn of_wasi() -> Self {
        let memories = MEMORIES.lock();
        let instance = memories.of_wasi;
        let base = instance.map_or(0, |instance| read_instance(instance).base);
        Self {
            instance,
            base,
            guard_bytes: match base {
                MEMORY_BASE => memories.guard_bytes,
                _ => 0,
            },
        }
    }

    /// The parts of `len` bytes from `address` on that lie in one chunk each: address and length.
    fn parts(address: u32, len: u32) -> impl Iterator<Item = (u64, usize)> {
        let end = u64::from(address) + u64::from(len);
        let mut at = u64::from(address);
        core::iter::from_fn(move || {
            if at >= end {
                return None;
            }
            let part = (at, ((at / CHUNK + 1) * CHUNK).min(end) - at);
            at += part.1;
            Some((part.0, part.1 as usize))
        })
    }
}

impl GuestMemory for LinearMemory {
    fn check(&self, address: u32, len: u32) -> Result<(), GuestFault> {
        let bytes = self
            .instance
            .map_or(0, |instance| read_instance(instance).bytes);
        let is_null = len != 0 && u64::from(address) < self.guard_bytes;
        if u64::from(address) + u64::from(len) <= bytes && !is_null {
            Ok(())
        } else {
            Err(GuestFault)
        }
    }

    fn read(&self, address: u32, out: &mut [u8]) -> Result<(), GuestFault> {
        let mut rest = out;
        let len = u32::try_from(rest.len()).map_err(|_| GuestFault)?;
        self.for_each_piece(address, len, &mut |piece| {
            let (now, later) = core::mem::take(&mut rest).split_at_mut(piece.len());
            now.copy_from_slice(piece);
            rest = later;
        })
    }

    fn write(&mut self, address: u32, bytes: &[u8]) -> Result<(), GuestFault> {
        let len = u32::try_from(bytes.len()).map_err(|_| GuestFault)?;
        self.check(address, len)?;
        for (at, _) in Self::parts(address, len) {
            if translate(self.base + at).is_none() {
                let chunk = self.base + at / CHUNK * CHUNK;
                map_chunk(&mut MEMORIES.lock(), chunk).map_err(|_| GuestFault)?;
            }
        }
        let mut rest = bytes;
        for (at, len) in Self::parts(address, len) {
            let physical = translate(self.base + at).ok_or(GuestFault)?;
            let (now, later) = rest.split_at(len);
            // SAFETY: `check` found the range inside the memory, chunks lie side by side in physical memory, and the
            // application, which alone knows this memory beside us, does not run.
            unsafe { direct::bytes_mut(physical, len) }.copy_from_slice(now);
            rest = later;
        }
        Ok(())
    }

    fn for_each_piece(
        &self,
        address: u32,
        len: u32,
        see: &mut dyn FnMut(&[u8]),
    ) -> Result<(), GuestFault> {
        self.check(address, len)?;
        for (at, len) in Self::parts(address, len) {
            if let Some(physical) = translate(self.base + at) {
                // SAFETY: as in `write`; `&self` keeps writers away while the slice lives.
                see(unsafe { direct::bytes(physical, len) });
            } else {
                for start in (0..len).step_by(ZEROS.len()) {
                    see(&ZEROS[..ZEROS.len().min(len - start)]);
                }
            }
        }
        Ok(())
    }
}

fn read_instance(address: u64) -> MemoryInstance {
    // SAFETY: `start` found every instance aligned inside the window's data, which is mapped; compiled code only reads it.
    unsafe { (address as *const MemoryInstance).read_volatile() }
}

fn write_instance(address: u64, instance: MemoryInstance) {
    // SAFETY: `start` found every instance aligned inside the window's data; the application does not run meanwhile.
    unsafe { (address as *mut MemoryInstance).write_volatile(instance) };
}
