//! What the firmware hands over: memory map, command line, modules. Source: Xen's `public/arch-x86/hvm/start_info.h`.

use super::direct;

/// First word of the structure.
const MAGIC: u32 = 0x336e_c578;
/// Type of a memory map entry that is memory.
const USABLE: u32 = 1;
/// Entries of the memory map that are read.
const MAP_LEN_MAX: usize = 128;
/// Bytes of a command line that are read.
const COMMAND_LINE_BYTES_MAX: usize = 64 << 10;
/// What the boot tables map; nothing that is read before the real ones may lie beyond.
const BOOT_MAP_BYTES: u64 = 1 << 30;

/// `hvm_start_info`, version 1.
#[derive(Clone, Copy)]
#[repr(C)]
struct Head {
    magic: u32,
    version: u32,
    flags: u32,
    modules_len: u32,
    modules: u64,
    command_line: u64,
    rsdp: u64,
    memory_map: u64,
    memory_map_len: u32,
    reserved: u32,
}

/// `hvm_modlist_entry`.
#[derive(Clone, Copy)]
#[repr(C)]
struct Module {
    start: u64,
    bytes: u64,
    command_line: u64,
    reserved: u64,
}

/// `hvm_memmap_table_entry`.
#[derive(Clone, Copy, Default)]
#[repr(C)]
struct MapEntry {
    start: u64,
    bytes: u64,
    kind: u32,
    reserved: u32,
}

/// A range of physical addresses, end exclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PhysicalRange {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

/// What the kernel keeps of the start information.
pub(crate) struct StartInformation {
    memory: [PhysicalRange; MAP_LEN_MAX],
    memory_len: usize,
    /// Where the command line lies; empty where there is none.
    pub(crate) command_line: PhysicalRange,
    /// Where the first module lies; empty where there is none.
    pub(crate) module: PhysicalRange,
}

impl StartInformation {
    /// Reads the structure at physical address `address`.
    ///
    /// # Errors
    ///
    /// It can't be one, or lies where the boot tables don't reach.
    pub(crate) fn read(address: u64) -> Result<Self, &'static str> {
        let head: Head = read(address).ok_or("the start information lies above 1 GiB")?;
        if head.magic != MAGIC {
            return Err("the firmware passed no PVH start information");
        }
        if head.version < 1 {
            return Err("the start information has no memory map");
        }
        let mut information = Self {
            memory: [PhysicalRange::default(); MAP_LEN_MAX],
            memory_len: 0,
            command_line: PhysicalRange::default(),
            module: PhysicalRange::default(),
        };
        for at in 0..u64::from(head.memory_map_len) {
            let entry: MapEntry = read(head.memory_map + at * size_of::<MapEntry>() as u64)
                .ok_or("the memory map lies above 1 GiB")?;
            if entry.kind == USABLE && information.memory_len < MAP_LEN_MAX {
                let end = entry.start.saturating_add(entry.bytes);
                information.memory[information.memory_len] = PhysicalRange {
                    start: entry.start,
                    end,
                };
                information.memory_len += 1;
            }
        }
        if head.modules_len > 0 {
            let module: Module =
                read(head.modules).ok_or("the list of modules lies above 1 GiB")?;
            information.module = PhysicalRange {
                start: module.start,
                end: module.start.saturating_add(module.bytes),
            };
        }
        if head.command_line != 0 {
            let mut end = head.command_line;
            while read::<u8>(end).is_some_and(|byte| byte != 0)
                && end - head.command_line < COMMAND_LINE_BYTES_MAX as u64
            {
                end += 1;
            }
            information.command_line = PhysicalRange {
                start: head.command_line,
                end,
            };
        }
        Ok(information)
    }

    /// The ranges that are memory.
    pub(crate) fn memory(&self) -> &[PhysicalRange] {
        &self.memory[..self.memory_len]
    }
}

/// Reads a value that the firmware wrote, where the boot tables map it.
fn read<T: Copy>(address: u64) -> Option<T> {
    if address > BOOT_MAP_BYTES - size_of::<T>() as u64 {
        return None;
    }
    // SAFETY: the boot tables map the first GiB; the firmware wrote plain integers there, and nobody writes any more.
    Some(unsafe { direct::pointer::<T>(address).read_unaligned() })
}
