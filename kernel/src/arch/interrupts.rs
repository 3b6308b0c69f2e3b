//! Interrupts of devices and the timer: acknowledge, note, return.

use core::arch::asm;
use core::sync::atomic::{AtomicBool, Ordering};

use spin::Mutex;

use super::apic::{self, Trigger};
use super::clock;
use super::cpu::{
    are_interrupts_enabled, disable_interrupts, enable_interrupts, sleep_until_interrupt,
};
use super::device_memory::DeviceMemory;
use super::frame::InterruptFrame;
use super::serial;

/// Interrupt lines that have a vector.
pub(crate) const LINES: usize = 48;
/// Most devices that interrupt.
const DEVICES_MAX: usize = 32;

/// How a device is told that its interrupt was seen.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Acknowledge {
    /// The registers of a virtio-mmio device. Source: virtio 1.2, section 4.2.2.
    VirtioMmio(DeviceMemory),
    /// The interrupt status of a virtio-pci device; reading it is enough. Source: virtio 1.2, section 4.1.4.5.
    VirtioPci(DeviceMemory),
    /// COM1: its bytes are taken out.
    Serial,
}

/// Devices and their lines. Locked only while interrupts are off.
static DEVICES: Mutex<[Option<(usize, Acknowledge)>; DEVICES_MAX]> =
    Mutex::new([None; DEVICES_MAX]);
/// Something came that a sleeper may wait for.
static HAPPENED: AtomicBool = AtomicBool::new(false);
/// The timer's interrupts are a test's: each uses all that a handler may use.
static IS_STORM: AtomicBool = AtomicBool::new(false);
/// The timer interrupts all the time.
static IS_TICKING: AtomicBool = AtomicBool::new(false);
/// The processor sleeps.
static IS_ASLEEP: AtomicBool = AtomicBool::new(false);

/// Lets a device interrupt on `line`; returns `false` where the line leads nowhere.
pub(crate) fn register(line: usize, trigger: Trigger, acknowledge: Acknowledge) -> bool {
    without(|| {
        let mut devices = DEVICES.lock();
        let Some(free) = devices.iter_mut().find(|device| device.is_none()) else {
            return false;
        };
        *free = Some((line, acknowledge));
        line < LINES && apic::enable_line(line, trigger)
    })
}

/// Runs `then` while no interrupt is taken.
pub(crate) fn without<T>(then: impl FnOnce() -> T) -> T {
    let was_on = are_interrupts_enabled();
    disable_interrupts();
    let answer = then();
    if was_on {
        enable_interrupts();
    }
    answer
}

/// As [`start_ticks`], with handlers that use all that one may use.
pub(crate) fn start_storm(hz: u32, bus_hz: u64) {
    IS_STORM.store(true, Ordering::Relaxed);
    start_ticks(hz, bus_hz);
}

/// Interrupts `hz` times a second, with `bus_hz` ticks of the local APIC's bus in one. Nobody sets the timer any more.
pub(crate) fn start_ticks(hz: u32, bus_hz: u64) {
    IS_TICKING.store(true, Ordering::Relaxed);
    let count = bus_hz / apic::TIMER_DIVISOR / u64::from(hz.max(1));
    apic::start_periodic_timer(u32::try_from(count).unwrap_or(u32::MAX));
}

/// Whether the timer interrupts all the time, and so is not to be set.
pub(crate) fn is_ticking() -> bool {
    IS_TICKING.load(Ordering::Relaxed)
}

/// Sleeps until an interrupt, unless `is_ready` or one came since the last sleep.
pub(crate) fn sleep_unless(mut is_ready: impl FnMut() -> bool) {
    disable_interrupts();
    if !HAPPENED.swap(false, Ordering::Acquire) && !is_ready() {
        IS_ASLEEP.store(true, Ordering::Relaxed);
        sleep_until_interrupt();
        IS_ASLEEP.store(false, Ordering::Relaxed);
    }
    enable_interrupts();
}

/// Whether the interrupt that is being answered woke the processor.
#[cfg(feature = "debugger")]
pub(crate) fn was_asleep() -> bool {
    IS_ASLEEP.load(Ordering::Relaxed)
}

/// What is done in the timer's handler beside.
#[cfg(feature = "debugger")]
static TICK: spin::Once<fn(&mut InterruptFrame)> = spin::Once::new();

/// Calls `tick` at each interrupt of the timer from now on; the first one to ask for it has it.
#[cfg(feature = "debugger")]
pub(crate) fn call_at_ticks(tick: fn(&mut InterruptFrame)) {
    TICK.call_once(|| tick);
}

/// Answers the timer.
#[cfg_attr(
    not(feature = "debugger"),
    expect(unused_variables, reason = "only what is done beside looks at it")
)]
pub(super) fn answer_timer(frame: &mut InterruptFrame) {
    clock::note_timer();
    HAPPENED.store(true, Ordering::Release);
    #[cfg(feature = "debugger")]
    if let Some(tick) = TICK.get() {
        tick(frame);
    }
    if IS_STORM.load(Ordering::Relaxed) {
        use_everything();
    }
    apic::end_of_interrupt();
}

/// Answers every device on `line`.
pub(super) fn answer_line(line: usize) {
    let devices = DEVICES.lock();
    for &(_, acknowledge) in devices.iter().flatten().filter(|(of, _)| *of == line) {
        match acknowledge {
            Acknowledge::VirtioMmio(registers) => {
                const STATUS: u64 = 0x60;
                const ACKNOWLEDGE: u64 = 0x64;
                registers.write_u32(ACKNOWLEDGE, registers.read_u32(STATUS));
            }
            Acknowledge::VirtioPci(status) => {
                status.read_u8(0);
            }
            Acknowledge::Serial => serial::take_input(),
        }
    }
    drop(devices);
    HAPPENED.store(true, Ordering::Release);
    apic::end_of_interrupt();
}

/// Overwrites every register that the calling convention lets a handler use, and the stack below.
fn use_everything() {
    // SAFETY: all that is written is told; the stack's room lies below the stack pointer of this function, which has no
    // red zone.
    unsafe {
        asm!(
            "mov ecx, 64",
            "2: mov qword ptr [rsp + rcx * 8 - 520], -1",
            "dec ecx",
            "jnz 2b",
            "pcmpeqd xmm0, xmm0", "pcmpeqd xmm1, xmm1", "pcmpeqd xmm2, xmm2", "pcmpeqd xmm3, xmm3",
            "pcmpeqd xmm4, xmm4", "pcmpeqd xmm5, xmm5", "pcmpeqd xmm6, xmm6", "pcmpeqd xmm7, xmm7",
            "pcmpeqd xmm8, xmm8", "pcmpeqd xmm9, xmm9", "pcmpeqd xmm10, xmm10", "pcmpeqd xmm11, xmm11",
            "pcmpeqd xmm12, xmm12", "pcmpeqd xmm13, xmm13", "pcmpeqd xmm14, xmm14", "pcmpeqd xmm15, xmm15",
            "mov rax, -1", "mov rdx, -1", "mov rsi, -1", "mov rdi, -1",
            "mov r8, -1", "mov r9, -1", "mov r10, -1", "mov r11, -1",
            "add al, al",
            out("rax") _, out("rcx") _, out("rdx") _, out("rsi") _, out("rdi") _,
            out("r8") _, out("r9") _, out("r10") _, out("r11") _,
            out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _,
            out("xmm4") _, out("xmm5") _, out("xmm6") _, out("xmm7") _,
            out("xmm8") _, out("xmm9") _, out("xmm10") _, out("xmm11") _,
            out("xmm12") _, out("xmm13") _, out("xmm14") _, out("xmm15") _,
        );
    };
}
