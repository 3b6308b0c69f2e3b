//! The time of day: what the host told, else what the configuration says, else the machine's own clock.

use spin::Mutex;

use super::console;
use crate::arch::{calendar, clock};
use crate::virtio::wait;

/// How good what is known is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// Nothing yet.
    Unknown,
    /// The configuration or the machine's own clock.
    Rough,
    /// The host's answer.
    Host,
}

struct WallClock {
    source: Source,
    /// Nanoseconds since 1970 at 0 of the monotonic clock.
    epoch_ns: u64,
    /// The monotonic clock when the host was asked.
    asked_ns: u64,
}

static WALL_CLOCK: Mutex<WallClock> = Mutex::new(WallClock {
    source: Source::Unknown,
    epoch_ns: 0,
    asked_ns: 0,
});

/// A machine that takes longer to reach the kernel has a time stamp counter that did not start with it.
const FIRMWARE_NS_MAX: u64 = 60_000_000_000;

/// Notes the time that the configuration tells, that of the machine's start; call it right before the host is asked.
pub(super) fn start(machine_epoch_ns: Option<u64>) {
    let mut wall = WALL_CLOCK.lock();
    if let Some(epoch) = machine_epoch_ns {
        let firmware = clock::start_ns();
        wall.epoch_ns = epoch.saturating_add(if firmware < FIRMWARE_NS_MAX {
            firmware
        } else {
            0
        });
        wall.source = Source::Rough;
    }
    wall.asked_ns = clock::now_ns();
}

/// Longest wait for the host's answer, from the question on: without it the clock would step when it comes.
const ANSWER_NS_MAX: u64 = 1_000_000_000;

/// Nanoseconds since 1970.
pub(super) fn now_ns() -> u64 {
    let mut wall = WALL_CLOCK.lock();
    if wall.source != Source::Host
        && let Some(host) = answer_ns(wall.asked_ns)
    {
        wall.epoch_ns = host.saturating_sub(wall.asked_ns);
        wall.source = Source::Host;
    }
    let now = clock::now_ns();
    if wall.source == Source::Unknown {
        let seconds = calendar::seconds().unwrap_or(0);
        wall.epoch_ns = seconds.saturating_mul(1_000_000_000).saturating_sub(now);
        wall.source = Source::Rough;
    }
    wall.epoch_ns.saturating_add(now)
}

/// The host's time when it was asked at `asked_ns`, if it answers.
fn answer_ns(asked_ns: u64) -> Option<u64> {
    if !console::is_virtio() {
        return None;
    }
    let end = asked_ns.saturating_add(ANSWER_NS_MAX);
    let mut answer = None;
    wait::until(|| {
        answer = console::take_time_ns();
        answer.is_some() || clock::now_ns() > end
    });
    answer
}
