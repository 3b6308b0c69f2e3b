//! Time since the start, by the time stamp counter.
//!
//! The counter's rate is measured twice: once from the start of the kernel to the first use of the clock, at least a
//! millisecond, and again over growing spans while the machine runs, so that boot waits for nothing and long programs
//! have an exact clock. Both sides of a measurement are single readings of free-running counters, so it does not matter
//! when the host takes the processor away in between.
//!
//! The reference is the programmable interval timer. Its counter wraps every 55 ms: the local APIC's timer, which counts
//! nanoseconds on QEMU, tells the laps of the first measurement, the rate so far those of the later ones.

use core::sync::atomic::{AtomicU64, Ordering};

use spin::Mutex;

use super::apic;
use super::cpu::{read_port_u8, time_stamp, write_port_u8};

/// Rate of the programmable interval timer, in Hz.
const PIT_HZ: u128 = 1_193_182;
/// Steps of its counter.
const PIT_LAP: u64 = 1 << 16;
/// Nanoseconds of its lap.
const PIT_LAP_NS: u64 = (PIT_LAP as u128 * NS_PER_S / PIT_HZ) as u64;
const NS_PER_S: u128 = 1_000_000_000;
/// Shortest span of the first measurement: the reading's error of about 1 µs is then 0.1 %.
const FIRST_SPAN_NS: u64 = 1_000_000;
/// The second measurement; each later one spans ten times more.
const SECOND_SPAN_NS: u64 = 20_000_000;
/// A span over which an error of 0.1 % stays well within a lap.
const SURE_SPAN_NS: u64 = 10_000_000_000;
/// Readings of which the quickest is taken.
const READINGS: usize = 4;
/// Bus rate of QEMU's local APIC: one tick is a nanosecond.
const VIRTUAL_BUS_HZ: u64 = 1_000_000_000;

/// Both counters at one moment.
#[derive(Clone, Copy)]
struct Reading {
    stamp: u64,
    pit: u16,
    apic: u32,
}

/// The clock, from its first reading on.
struct Clock {
    first: Reading,
    is_virtual: bool,
    /// `None` until the first measurement.
    rate: Option<Rate>,
}

/// How time follows from the time stamp counter.
#[derive(Clone, Copy)]
struct Rate {
    /// Nanoseconds per step of the time stamp counter, times 2^32.
    ns_per_step: u64,
    /// Ticks of the local APIC's bus per second.
    bus_hz: u64,
    /// A moment: time stamp, and nanoseconds since the start.
    base_stamp: u64,
    base_ns: u64,
    /// From where the next measurement counts.
    reading: Reading,
    /// Its span.
    next_span_ns: u64,
}

/// When the timer interrupts, 0 where it is not set.
static ALARM_NS: AtomicU64 = AtomicU64::new(0);

static CLOCK: Mutex<Option<Clock>> = Mutex::new(None);

/// Starts the counters. `is_virtual`: the local APIC's timer is known to count nanoseconds.
pub(crate) fn start(is_virtual: bool) {
    // Channel 2, which makes no interrupt: gate on, speaker off; low then high byte, rate generator, full lap.
    write_port_u8(0x61, read_port_u8(0x61) & !2 | 1);
    write_port_u8(0x43, 0b1011_0100);
    write_port_u8(0x42, 0);
    write_port_u8(0x42, 0);
    apic::start_counter(u32::MAX);
    *CLOCK.lock() = Some(Clock {
        first: read_counters(),
        is_virtual,
        rate: None,
    });
}

/// Nanoseconds since [`start`]; never goes back.
pub(crate) fn now_ns() -> u64 {
    with_rate(|rate| rate.at(time_stamp()))
}

/// Nanoseconds from the machine's start to [`start`], as far as the time stamp counter tells: QEMU starts it at 0.
pub(crate) fn start_ns() -> u64 {
    let stamp = CLOCK.lock().as_ref().map_or(0, |clock| clock.first.stamp);
    with_rate(|rate| rate.span_ns(stamp))
}

/// Ticks of the local APIC's bus per second.
pub(crate) fn bus_hz() -> u64 {
    with_rate(|rate| rate.bus_hz)
}

/// Lets the timer interrupt in `ns` or earlier, where it is set already or can't count so far.
pub(crate) fn start_timer(ns: u64) {
    let ns = ns.min(SURE_SPAN_NS);
    let now = now_ns();
    let end = now.saturating_add(ns);
    // Setting it is dear on a virtual machine, and to be woken too early is cheap and rare.
    if (now + 1..=end).contains(&ALARM_NS.load(Ordering::Relaxed)) {
        return;
    }
    ALARM_NS.store(end, Ordering::Relaxed);
    let hz = bus_hz() / apic::TIMER_DIVISOR;
    let ticks = u128::from(ns) * u128::from(hz) / NS_PER_S + 1;
    apic::start_timer(u32::try_from(ticks).unwrap_or(u32::MAX));
}

/// Takes note that the timer has interrupted.
pub(super) fn note_timer() {
    ALARM_NS.store(0, Ordering::Relaxed);
}

fn with_rate<T>(then: impl FnOnce(&mut Rate) -> T) -> T {
    let mut clock = CLOCK.lock();
    let clock = clock
        .as_mut()
        .expect("the clock is started before it is read");
    let rate = clock
        .rate
        .get_or_insert_with(|| first_rate(clock.first, clock.is_virtual));
    rate.improve();
    then(rate)
}

/// The rate since `first`; waits until [`FIRST_SPAN_NS`] have passed.
fn first_rate(first: Reading, is_virtual: bool) -> Rate {
    loop {
        let reading = read_counters();
        let apic_ticks = u64::from(first.apic.wrapping_sub(reading.apic)) * apic::TIMER_DIVISOR;
        let pit_ns = pit_ns(first.pit, reading.pit);
        let is_pit_there = first.pit != reading.pit;
        let ns = match (is_virtual, is_pit_there) {
            (true, true) => pit_ns + laps(apic_ticks, pit_ns) * PIT_LAP_NS,
            (true, false) => apic_ticks,
            // Nobody takes a real processor away for a lap.
            (false, _) => pit_ns,
        };
        if ns < FIRST_SPAN_NS {
            continue;
        }
        let steps = reading.stamp.wrapping_sub(first.stamp).max(1);
        let rate = Rate {
            ns_per_step: ns_per_step(ns, steps),
            bus_hz: if is_virtual {
                VIRTUAL_BUS_HZ
            } else {
                (u128::from(apic_ticks) * NS_PER_S / u128::from(ns)) as u64
            },
            base_stamp: first.stamp,
            base_ns: 0,
            reading: first,
            next_span_ns: if is_pit_there {
                SECOND_SPAN_NS
            } else {
                u64::MAX
            },
        };
        return rate;
    }
}

impl Rate {
    fn at(&self, stamp: u64) -> u64 {
        self.base_ns + self.span_ns(stamp.wrapping_sub(self.base_stamp))
    }

    fn span_ns(&self, steps: u64) -> u64 {
        ((u128::from(steps) * u128::from(self.ns_per_step)) >> 32) as u64
    }

    /// Measures again where the next span has passed.
    fn improve(&mut self) {
        let passed = self.span_ns(time_stamp().wrapping_sub(self.reading.stamp));
        if passed < self.next_span_ns {
            return;
        }
        let reading = read_counters();
        let steps = reading.stamp.wrapping_sub(self.reading.stamp);
        let rough = self.span_ns(steps);
        // Where nobody asked for so long that a lap could be miscounted, measure from here on instead.
        let is_sure = rough / SURE_SPAN_NS < self.next_span_ns / SECOND_SPAN_NS;
        if is_sure {
            let pit_ns = pit_ns(self.reading.pit, reading.pit);
            let ns = pit_ns + laps(rough, pit_ns) * PIT_LAP_NS;
            self.base_ns = self.at(reading.stamp);
            self.base_stamp = reading.stamp;
            self.ns_per_step = ns_per_step(ns, steps);
            self.next_span_ns = self.next_span_ns.saturating_mul(10);
        } else {
            self.reading = reading;
        }
    }
}

/// Whole laps of the interval timer in about `rough_ns`, of which `part_ns` are the part of a lap.
fn laps(rough_ns: u64, part_ns: u64) -> u64 {
    (rough_ns + PIT_LAP_NS / 2).saturating_sub(part_ns) / PIT_LAP_NS
}

/// Nanoseconds between two values of the interval timer's counter, which counts down, less whole laps.
fn pit_ns(from: u16, to: u16) -> u64 {
    (u128::from(from.wrapping_sub(to)) * NS_PER_S / PIT_HZ) as u64
}

fn ns_per_step(ns: u64, steps: u64) -> u64 {
    ((u128::from(ns) << 32) / u128::from(steps.max(1))) as u64
}

/// Reads all counters as near to one moment as the quickest of some attempts comes.
fn read_counters() -> Reading {
    let mut best = (
        u64::MAX,
        Reading {
            stamp: 0,
            pit: 0,
            apic: 0,
        },
    );
    for _ in 0..READINGS {
        let before = time_stamp();
        write_port_u8(0x43, 0b1000_0000);
        let apic = apic::counter();
        let after = time_stamp();
        let low = read_port_u8(0x42);
        let high = read_port_u8(0x42);
        let width = after.wrapping_sub(before);
        if width < best.0 {
            best = (
                width,
                Reading {
                    stamp: before + width / 2,
                    pit: u16::from_le_bytes([low, high]),
                    apic,
                },
            );
        }
    }
    best.1
}
