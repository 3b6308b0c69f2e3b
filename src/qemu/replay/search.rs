//! The last stop before the present: there is no way back in a machine, so the past is run through once more.
//!
//! It is gone through in windows that grow with their distance, so what has just happened is found soon, and each is looked
//! through forwards. A window costs all that lies before it too, so there are to be few. Where one has many stops its last part
//! comes first, then its later half: only the last stop is wanted, and each costs a halt.

use std::io;

/// Instructions of the first window.
const FIRST_WINDOW: u64 = 1 << 16;

/// How much longer each window is than the one after it.
const GROWTH: u64 = 64;

/// How much longer a window is whose machine did not go on, one after the other: it is stopped elsewhere then.
const DETOURS: [u64; 4] = [10_007, 300_007, 5_000_011, u64::MAX];

/// Stops in a window after which its end is looked at first.
const STOPS_MAX: u32 = 16;

/// Where a machine stopped that was run with breakpoints and watchpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// Before an instruction that has a breakpoint.
    Breakpoint,
    /// After an instruction that accessed what the watchpoint with this number watches; one for writes: that changed it.
    Watchpoint(usize),
}

/// What stopped the machine, and when: as many instructions had run before the one that has the breakpoint, or that made
/// the access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) at: u64,
    pub(super) stop: Stop,
}

/// A machine whose execution is a recording; a moment is the number of instructions before it.
pub(super) trait Timeline {
    /// The moment that it is at.
    fn now(&self) -> u64;

    /// Goes to a moment.
    fn go_to(&mut self, moment: u64) -> io::Result<()>;

    /// Runs on to `limit`, or to the stop before it that is the answer; where both come at once it may be either. There is an
    /// instruction behind the last moment.
    fn run_to(&mut self, limit: u64) -> io::Result<Option<Stop>>;

    /// Runs one instruction, whether it has a breakpoint or not; the watchpoint that it hit.
    fn step(&mut self) -> io::Result<Option<Stop>>;
}

/// The last stop in `[begin, present)`. The machine is left anywhere.
pub(super) fn last_stop(
    machine: &mut impl Timeline,
    begin: u64,
    present: u64,
) -> io::Result<Option<Hit>> {
    let mut end = present;
    let mut len = FIRST_WINDOW;
    while end > begin {
        let start = end.saturating_sub(len).max(begin);
        if let Some(hit) = last_by_detours(machine, begin, start, end)? {
            return Ok(Some(hit));
        }
        end = start;
        len = len.saturating_mul(GROWTH);
    }
    Ok(None)
}

/// As [`last_in`], from earlier moments down to `begin` where the machine does not go on.
fn last_by_detours(
    machine: &mut impl Timeline,
    begin: u64,
    start: u64,
    end: u64,
) -> io::Result<Option<Hit>> {
    let mut tried = start;
    let mut found = last_in(machine, start, end);
    for detour in DETOURS {
        let other = start.saturating_sub(detour).max(begin);
        let stalls = matches!(&found, Err(problem) if problem.kind() == io::ErrorKind::TimedOut);
        // From where it was stopped before it would not go on again.
        if !stalls || other == tried {
            break;
        }
        tried = other;
        found = last_in(machine, other, end);
    }
    found
}

/// The last stop in `[start, end)`.
fn last_in(machine: &mut impl Timeline, start: u64, end: u64) -> io::Result<Option<Hit>> {
    machine.go_to(start)?;
    let mut end = end;
    let mut last = None;
    let mut stops = 0;
    while let Some(hit) = next(machine, end)? {
        last = Some(hit);
        stops += 1;
        let now = machine.now();
        let left = end.saturating_sub(now);
        // The later half of few instructions is no less work than all of them.
        if stops < STOPS_MAX || left < u64::from(STOPS_MAX) {
            continue;
        }
        // Where stops are as far apart everywhere, the last ones are as near to the end.
        let part = match stops == STOPS_MAX {
            true => (now - start).min(left / 2),
            false => left / 2,
        };
        let middle = end - part;
        if let Some(later) = last_in(machine, middle, end)? {
            return Ok(Some(later));
        }
        end = middle;
        machine.go_to(now)?;
    }
    Ok(last)
}

/// The next stop before `end`; the machine is behind it then.
fn next(machine: &mut impl Timeline, end: u64) -> io::Result<Option<Hit>> {
    // An access by the last instruction before `end` stops the machine at `end`.
    let Some(stop) = machine.run_to(end + 1)? else {
        return Ok(None);
    };
    let now = machine.now();
    Ok(match stop {
        Stop::Watchpoint(_) if now <= end => Some(Hit { at: now - 1, stop }),
        Stop::Breakpoint if now < end => {
            // Past it; what the instruction accesses is later than the instruction's beginning.
            let access = machine.step()?;
            Some(Hit {
                at: now,
                stop: access.unwrap_or(stop),
            })
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::{Hit, Stop, Timeline, last_stop};

    /// A machine whose breakpoints and accesses are known; it counts what is done with it.
    #[derive(Default)]
    struct Machine {
        now: u64,
        breakpoints: Vec<u64>,
        accesses: Vec<u64>,
        halts: u64,
        /// How often it has begun anew.
        passes: u64,
        run: u64,
        /// The moments from which it does not go on.
        stalls: Vec<u64>,
        stalled: u64,
    }

    impl Timeline for Machine {
        fn now(&self) -> u64 {
            self.now
        }

        fn go_to(&mut self, moment: u64) -> io::Result<()> {
            if moment < self.now {
                self.passes += 1;
                self.now = 0;
            }
            self.run += moment - self.now;
            self.now = moment;
            Ok(())
        }

        fn step(&mut self) -> io::Result<Option<Stop>> {
            let is_access = self.accesses.contains(&self.now);
            self.halts += 1;
            self.now += 1;
            Ok(is_access.then_some(Stop::Watchpoint(0)))
        }

        fn run_to(&mut self, limit: u64) -> io::Result<Option<Stop>> {
            if self.stalls.contains(&self.now) {
                self.stalled += 1;
                self.now = u64::MAX;
                return Err(io::ErrorKind::TimedOut.into());
            }
            let mut breakpoints = self.breakpoints.iter();
            let breakpoint = breakpoints.find(|at| (self.now..limit).contains(at));
            // A stop behind the last instruction comes too late.
            let mut accesses = self.accesses.iter();
            let access = accesses.find(|at| (self.now..limit - 1).contains(at));
            let (now, stop) = match (breakpoint, access) {
                (Some(at), access) if access.is_none_or(|access| at <= access) => {
                    (*at, Some(Stop::Breakpoint))
                }
                (_, Some(at)) => (at + 1, Some(Stop::Watchpoint(0))),
                (_, None) => (limit, None),
            };
            self.halts += 1;
            self.run += now - self.now;
            self.now = now;
            Ok(stop)
        }
    }

    fn check(breakpoints: Vec<u64>, accesses: Vec<u64>, begin: u64, present: u64) -> Machine {
        let breaks = breakpoints.iter().map(|at| (*at, Stop::Breakpoint));
        let watches = accesses.iter().map(|at| (*at, Stop::Watchpoint(0)));
        // The access of an instruction is later than its beginning.
        let expected = breaks
            .chain(watches)
            .filter(|(at, _)| (begin..present).contains(at))
            .max_by_key(|(at, stop)| (*at, *stop != Stop::Breakpoint))
            .map(|(at, stop)| Hit { at, stop });
        let mut machine = Machine {
            now: present,
            breakpoints,
            accesses,
            ..Machine::default()
        };
        let found = last_stop(&mut machine, begin, present).unwrap();
        assert_eq!(found, expected);
        machine
    }

    #[test]
    fn the_last_stop_is_found_wherever_it_is() {
        for present in [1, 2, 100, 1 << 14, (1 << 14) + 1, 10_000_000] {
            check(vec![], vec![], 0, present);
            for at in [0, 1, 99, 16_383, 16_384, 5_000_000, 9_999_999] {
                check(vec![at], vec![], 0, present);
                check(vec![], vec![at], 0, present);
                check(vec![at], vec![at], 0, present);
                check(vec![at], vec![at + 1], 0, present);
                check(vec![at, at + 1], vec![at], 0, present);
            }
        }
    }

    #[test]
    fn where_a_machine_does_not_go_on_it_is_stopped_elsewhere() {
        let search = |stalls: Vec<u64>, begin: u64| {
            let mut machine = Machine {
                now: 100_000,
                breakpoints: vec![99_000],
                stalls,
                ..Machine::default()
            };
            let found = last_stop(&mut machine, begin, 100_000);
            (
                found
                    .map(|hit| hit.unwrap().at)
                    .map_err(|problem| problem.kind()),
                machine.stalled,
            )
        };
        let start = 100_000 - super::FIRST_WINDOW;
        let detour = start - super::DETOURS[0];
        assert_eq!(search(vec![start], 0), (Ok(99_000), 1));
        assert_eq!(search(vec![start, detour], 0), (Ok(99_000), 2));
        // Nowhere is it stopped twice.
        let stalls = vec![start, detour, 0];
        assert_eq!(search(stalls, 0), (Err(io::ErrorKind::TimedOut), 3));
        assert_eq!(
            search(vec![start], start),
            (Err(io::ErrorKind::TimedOut), 1)
        );
    }

    #[test]
    fn what_lies_before_the_beginning_is_not_looked_at() {
        check(vec![5], vec![6], 10, 20);
        check(vec![5, 10], vec![], 10, 20);
        check(vec![5], vec![], 20, 20);
    }

    #[test]
    fn what_is_long_ago_is_found_in_few_passes() {
        for at in [0, 1_000_000_000, 2_900_000_000] {
            let machine = check(vec![at], vec![], 0, 3_000_000_000);
            assert!(machine.passes <= 4, "{}", machine.passes);
            assert!(machine.run < 13_000_000_000, "{}", machine.run);
        }
    }

    #[test]
    fn of_many_stops_few_are_made() {
        let check_many = |stops: Vec<u64>, present: u64| {
            for is_access in [false, true] {
                let (breakpoints, accesses) = match is_access {
                    false => (stops.clone(), vec![]),
                    true => (vec![], stops.clone()),
                };
                let machine = check(breakpoints, accesses, 0, present);
                assert!(machine.halts < 500, "{} halts", machine.halts);
                assert!(machine.passes <= 30, "{} passes", machine.passes);
            }
        };
        check_many((0..1_000_000).map(|at| at * 10).collect(), 9_999_000);
        check_many((0..100_000).map(|at| at * 7).collect(), 900_000);
        check_many((0..1000).map(|at| at * 90_000).collect(), 99_999_000);
        // A burst, long ago.
        check_many((1_000_000..1_500_000).collect(), 100_000_000);
        check_many((1_000_000..1_500_000).chain([1_600_000]).collect(), 1 << 40);
    }
}
