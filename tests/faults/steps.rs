//! Steps of time: the host takes the machine's processor away for seconds, or stops the machine with its clocks, while it
//! works. Its clocks must be the host's all the while.

use std::fmt;
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::invoke::signal;
use crate::machine::Machine;

/// Shortest step.
const STEP_MIN: Duration = Duration::from_millis(500);

/// Longest step.
const STEP_MAX_MS: u64 = 8_000;

/// How far the machine's clock may go wrong, of a thousand; its first measurements are good to a twentieth of that.
const DRIFT: i128 = 1;

/// What the machine's own clock of the day says when it starts: some seconds before 2^31.
pub(crate) const WALL_AT_START: &str = "2038-01-19T03:13:55";
const WALL_AT_START_NS: i128 = ((1 << 31) - 13) * 1_000_000_000;

/// How wrong that clock may be: it counts seconds, and a busy machine starts late.
const WALL_ERROR_NS: i128 = 60_000_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Its process stands still, and the clocks go on: for the machine time jumps.
    Process,
    /// It stands still with its clocks: time jumps for everyone else.
    Machine,
}

/// The steps that a machine is put through.
pub(crate) struct Steps {
    begun: Instant,
    every: Duration,
    next: Instant,
    /// The step that is on: since when, and until when.
    now: Option<(Kind, [Instant; 2], Instant)>,
    random: Rng,
    /// How many there were of either kind.
    pub(crate) processes: u32,
    pub(crate) machines: u32,
    /// Time that the machine's clocks have not seen, at least and at most.
    unseen: [Duration; 2],
    /// What the machine's clock said at the beginning, at least and at most, in nanoseconds.
    offset: [i128; 2],
    /// What the clock of the day said when the other was 0, at least and at most.
    epoch: [i128; 2],
}

impl Steps {
    /// A step about `every` so often.
    pub(crate) fn new(every: Duration, seed: u64) -> Self {
        let begun = Instant::now();
        Self {
            begun,
            every,
            next: begun + every,
            now: None,
            random: Rng::with_seed(seed),
            processes: 0,
            machines: 0,
            unseen: [Duration::ZERO; 2],
            offset: [i128::MIN, i128::MAX],
            epoch: [i128::MIN, i128::MAX],
        }
    }

    /// Begins or ends a step, where it is time for that.
    pub(crate) fn advance(&mut self, machine: &Machine) {
        match self.now {
            None if Instant::now() >= self.next => self.begin(machine),
            Some((.., end)) if Instant::now() >= end => self.end(machine),
            _ => {}
        }
    }

    /// Ends a step that is on.
    pub(crate) fn end(&mut self, machine: &Machine) {
        let Some((kind, since, _)) = self.now.take() else {
            return;
        };
        match kind {
            Kind::Process => signal("CONT", machine.qemu()),
            Kind::Machine => {
                let before = Instant::now();
                machine.set_running(true);
                self.unseen[0] += before - since[1];
                self.unseen[1] += since[0].elapsed();
            }
        }
        self.next = Instant::now() + self.every;
    }

    fn begin(&mut self, machine: &Machine) {
        let before = Instant::now();
        let kind = if self.processes > self.machines {
            machine.set_running(false);
            self.machines += 1;
            Kind::Machine
        } else {
            signal("STOP", machine.qemu());
            self.processes += 1;
            Kind::Process
        };
        let after = Instant::now();
        let longest = (self.every / 4).as_millis() as u64;
        let length = Duration::from_millis(self.random.u64(..longest.clamp(1, STEP_MAX_MS)));
        self.now = Some((kind, [before, after], after + STEP_MIN + length));
    }

    /// How long the machine has run since the beginning by its own clock, at least and at most, in nanoseconds.
    pub(crate) fn machine_ns(&self) -> [i128; 2] {
        let now = match self.now {
            Some((Kind::Machine, since, _)) => since,
            _ => [Instant::now(); 2],
        };
        let [least, most] = self.unseen;
        [(now[0] - self.begun, most), (now[1] - self.begun, least)]
            .map(|(passed, unseen)| passed.as_nanos() as i128 - unseen.as_nanos() as i128)
    }

    /// Looks at what the machine's clocks said after it had run for `asked_ns`: the monotonic one, that of the day, the
    /// first again.
    pub(crate) fn check(&mut self, asked_ns: i128, clocks: [i128; 3]) {
        let [before, wall, after] = clocks;
        let [_, now_ns] = self.machine_ns();
        narrow(&mut self.offset, before - now_ns, before - asked_ns);
        let [least, most] = self.offset;
        let drift = now_ns * DRIFT / 1000;
        assert!(
            least <= most + drift,
            "the machine's clock is wrong by {} ns after {now_ns} ns",
            least - most
        );
        narrow(&mut self.epoch, wall - after, wall - before);
        let [least, most] = self.epoch;
        assert!(least <= most, "the clocks part by {} ns", least - most);
        let error = (least - WALL_AT_START_NS).abs();
        assert!(
            error < WALL_ERROR_NS,
            "the clock of the day is wrong by {error} ns"
        );
    }
}

impl fmt::Display for Steps {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            processes,
            machines,
            unseen: [unseen, _],
            ..
        } = self;
        let drift = self.offset[0] - self.offset[1];
        write!(
            out,
            "the process stopped {processes} times, the machine {machines} times, for {unseen:?}, clock within {drift} ns"
        )
    }
}

fn narrow(bounds: &mut [i128; 2], least: i128, most: i128) {
    *bounds = [bounds[0].max(least), bounds[1].min(most)];
}
