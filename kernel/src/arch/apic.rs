//! The local APIC, its timer, and the I/O APICs. Source: Intel's manual, volume 3, chapter 11; 82093AA data sheet.

use mewz_abi::address::DIRECT_MAP_BASE;

use super::cpu::write_port_u8;
use super::device_memory::DeviceMemory;
use super::exceptions::{FIRST_LINE_VECTOR, SPURIOUS_VECTOR, TIMER_VECTOR};
use super::processor::enable_local_apic;

/// Where the local APIC's registers lie after reset.
const LOCAL_PHYSICAL: u64 = 0xfee0_0000;
/// Where QEMU has its I/O APICs, and the first interrupt line of each. The second one is there on microvm with ACPI.
const IO_PHYSICAL: [(u64, usize); 2] = [(0xfec0_0000, 0), (0xfec1_0000, 24)];

/// Registers of the local APIC.
mod local_register {
    pub(super) const ID: u64 = 0x20;
    pub(super) const TASK_PRIORITY: u64 = 0x80;
    pub(super) const END_OF_INTERRUPT: u64 = 0xb0;
    pub(super) const SPURIOUS: u64 = 0xf0;
    pub(super) const TIMER: u64 = 0x320;
    pub(super) const LINT0: u64 = 0x350;
    pub(super) const LINT1: u64 = 0x360;
    pub(super) const ERROR: u64 = 0x370;
    pub(super) const INITIAL_COUNT: u64 = 0x380;
    pub(super) const CURRENT_COUNT: u64 = 0x390;
    pub(super) const DIVIDE: u64 = 0x3e0;
}

const MASKED: u32 = 1 << 16;
const PERIODIC: u32 = 1 << 17;
/// Delivery mode of a non-maskable interrupt; without it, injecting one does nothing.
const NON_MASKABLE: u32 = 0x400;

/// Ticks of the bus for one of the timer.
pub(crate) const TIMER_DIVISOR: u64 = 16;
/// The divide configuration for [`TIMER_DIVISOR`].
const DIVIDE_BY_16: u32 = 0b0011;

/// The registers of the processor's own interrupt controller.
fn local() -> DeviceMemory {
    // SAFETY: the direct map reaches over all of the first 4 GiB.
    unsafe { DeviceMemory::new(DIRECT_MAP_BASE + LOCAL_PHYSICAL, 4096) }
}

/// Switches the local APIC on and every other source of interrupts off.
pub(crate) fn start() {
    // The old interrupt controller: a firmware may have left its timer ticking.
    write_port_u8(0x21, 0xff);
    write_port_u8(0xa1, 0xff);
    enable_local_apic();
    let local = local();
    local.write_u32(local_register::TASK_PRIORITY, 0);
    local.write_u32(local_register::LINT0, MASKED);
    local.write_u32(local_register::LINT1, NON_MASKABLE);
    local.write_u32(local_register::ERROR, MASKED);
    local.write_u32(local_register::TIMER, MASKED | TIMER_VECTOR as u32);
    local.write_u32(local_register::DIVIDE, DIVIDE_BY_16);
    local.write_u32(local_register::SPURIOUS, 0x100 | SPURIOUS_VECTOR as u32);
    for (io, _) in io_controllers() {
        for entry in 0..io.entries() {
            io.write(entry, u64::from(MASKED));
        }
    }
}

/// Tells the local APIC that the interrupt being answered is done.
pub(crate) fn end_of_interrupt() {
    local().write_u32(local_register::END_OF_INTERRUPT, 0);
}

/// Lets the timer count down from `count` without an interrupt.
pub(crate) fn start_counter(count: u32) {
    local().write_u32(local_register::TIMER, MASKED | TIMER_VECTOR as u32);
    local().write_u32(local_register::INITIAL_COUNT, count);
}

/// What the timer has left to count.
pub(crate) fn counter() -> u32 {
    local().read_u32(local_register::CURRENT_COUNT)
}

/// Interrupts once after `count` ticks; 0 stops the timer.
pub(crate) fn start_timer(count: u32) {
    local().write_u32(local_register::TIMER, TIMER_VECTOR as u32);
    local().write_u32(local_register::INITIAL_COUNT, count);
}

/// Interrupts every `count` ticks.
pub(crate) fn start_periodic_timer(count: u32) {
    local().write_u32(local_register::TIMER, PERIODIC | TIMER_VECTOR as u32);
    local().write_u32(local_register::INITIAL_COUNT, count.max(1));
}

/// What makes a line an interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trigger {
    /// Its rise.
    Edge,
    /// That it is held.
    Level,
}

/// Makes the rise of interrupt line `line` an interrupt that can't be masked; returns `false` where no I/O APIC has it.
#[cfg(feature = "debugger")]
pub(crate) fn enable_line_unmaskable(line: usize) -> bool {
    route(line, NON_MASKABLE.into())
}

/// Lets interrupt line `line` through; returns `false` where no I/O APIC has it.
pub(crate) fn enable_line(line: usize, trigger: Trigger) -> bool {
    let level = u64::from(trigger == Trigger::Level) << 15;
    route(line, level | (FIRST_LINE_VECTOR + line as u64))
}

/// Routes `line` to this processor; `how` holds the other bits of its entry.
fn route(line: usize, how: u64) -> bool {
    let Some((io, first)) =
        io_controllers().find(|(io, first)| (*first..first + io.entries()).contains(&line))
    else {
        return false;
    };
    let processor = u64::from(local().read_u32(local_register::ID) >> 24);
    io.write(line - first, processor << 56 | how);
    true
}

/// Whether the second I/O APIC is there.
pub(crate) fn has_second_controller() -> bool {
    io_controllers().any(|(_, first)| first != 0)
}

/// The I/O APICs that answer, with their first lines.
fn io_controllers() -> impl Iterator<Item = (IoController, usize)> {
    IO_PHYSICAL.into_iter().filter_map(|(physical, first)| {
        // SAFETY: the direct map reaches over all of the first 4 GiB; on a PC nothing else lies at these addresses.
        let registers = unsafe { DeviceMemory::new(DIRECT_MAP_BASE + physical, 4096) };
        let io = IoController { registers };
        // A second one reads as all ones or zeros where there is none.
        let version = io.read_register(1);
        (version != 0 && version != u32::MAX).then_some((io, first))
    })
}

/// An I/O APIC.
struct IoController {
    registers: DeviceMemory,
}

impl IoController {
    fn entries(&self) -> usize {
        (self.read_register(1) >> 16 & 0xff) as usize + 1
    }

    fn write(&self, entry: usize, value: u64) {
        let register = 0x10 + 2 * entry as u32;
        self.write_register(register, MASKED);
        self.write_register(register + 1, (value >> 32) as u32);
        self.write_register(register, value as u32);
    }

    fn read_register(&self, register: u32) -> u32 {
        self.registers.write_u32(0, register);
        self.registers.read_u32(0x10)
    }

    fn write_register(&self, register: u32, value: u32) {
        self.registers.write_u32(0, register);
        self.registers.write_u32(0x10, value);
    }
}
