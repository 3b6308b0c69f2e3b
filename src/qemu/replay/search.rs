//! The last stop before the present: there is no way back in a machine, so the past is run through once more.
//!
//! It is gone through in windows that grow with their distance, so what has just happened is found soon, and each is looked
//! through forwards. Where a window has many stops its later half comes first: only the last one is wanted, and each costs
//! a halt.

use std::io;

/// Instructions of the first window.
const FIRST_WINDOW: u64 = 1 << 14;

/// How much longer each window is than the one after it.
const GROWTH: u64 = 8;

/// Stops in a window after which its later half is looked at first.
const STOPS_MAX: u32 = 16;

/// Where a machine stopped that was run with breakpoints and watchpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// Before an instruction that has a breakpoint.
    Breakpoint,
    /// After an instruction that accessed what the watchpoint with this number watches.
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

    /// The last moment.
    fn end(&self) -> u64;

    /// Goes to a moment.
    fn go_to(&mut self, moment: u64) -> io::Result<()>;

    /// Runs on to `limit`, or to the stop before it that is the answer; where both come at once it may be either.
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
        if let Some(hit) = last_in(machine, start, end)? {
            return Ok(Some(hit));
        }
        end = start;
        len = len.saturating_mul(GROWTH);
    }
    Ok(None)
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
        let middle = now + left / 2;
        if let Some(later) = last_in(machine, middle, end)? {
            return Ok(Some(later));
        }
        end = middle;
        stops = 0;
        machine.go_to(now)?;
    }
    Ok(last)
}

/// The next stop before `end`; the machine is behind it then.
fn next(machine: &mut impl Timeline, end: u64) -> io::Result<Option<Hit>> {
    // An access by the last instruction before `end` stops the machine at `end`.
    let limit = (end + 1).min(machine.end());
    let Some(stop) = machine.run_to(limit)? else {
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
        run: u64,
    }

    impl Timeline for Machine {
        fn now(&self) -> u64 {
            self.now
        }

        fn go_to(&mut self, moment: u64) -> io::Result<()> {
            self.now = moment;
            Ok(())
        }

        fn end(&self) -> u64 {
            u64::MAX
        }

        fn step(&mut self) -> io::Result<Option<Stop>> {
            let is_access = self.accesses.contains(&self.now);
            self.halts += 1;
            self.now += 1;
            Ok(is_access.then_some(Stop::Watchpoint(0)))
        }

        fn run_to(&mut self, limit: u64) -> io::Result<Option<Stop>> {
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
    fn what_lies_before_the_beginning_is_not_looked_at() {
        check(vec![5], vec![6], 10, 20);
        check(vec![5, 10], vec![], 10, 20);
        check(vec![5], vec![], 20, 20);
    }

    #[test]
    fn of_many_stops_few_are_made() {
        let machine = check(
            (0..1_000_000).map(|at| at * 10).collect(),
            vec![],
            0,
            9_999_000,
        );
        assert!(machine.halts < 2000, "{}", machine.halts);
        // A burst, long ago.
        let machine = check((1_000_000..1_500_000).collect(), vec![], 0, 100_000_000);
        assert!(machine.halts < 2000, "{}", machine.halts);
        assert!(machine.run < 300_000_000, "{}", machine.run);
        check(vec![], (0..100_000).map(|at| at * 7).collect(), 0, 900_000);
    }
}
