//! A debugger's session with a recording: what moves the machine is answered here, all else by QEMU's stub.
//!
//! Source: "Packets" and "Stop Reply Packets" of the remote serial protocol, GDB's manual, appendix E.

use std::io;

use mewz_abi::address::DIRECT_MAP_BASE;

use super::Facts;
use super::debugger::Debugger;
use super::machine::Machine;
use super::points::{Point, Points};
use super::search::{Stop, Timeline as _, last_stop};

/// Signals, by the numbers of GDB's `signals.def`.
const SIGNAL_INTERRUPT: u8 = 2;
const SIGNAL_TRAP: u8 = 5;

/// What a debugger is told that wants to change a recording.
const REFUSED: &[u8] = b"E01";

/// A recording, and where in it the debugger is.
pub(super) struct Travel {
    machine: Machine,
    facts: Facts,
    /// The moment before the program's first instruction.
    begin: u64,
    /// The moment before the instruction that trapped, once it has been looked for.
    trap: Trap,
    /// The debugger has been told that it is there, since it last moved.
    is_trap_told: bool,
}

#[derive(Clone, Copy)]
enum Trap {
    None,
    /// The instruction's address, and the signal.
    At(u64, u8),
    /// The same, and the moment.
    Found(u64, u8, u64),
}

/// What the debugger wants done.
enum Wish {
    Continue,
    Step,
    ContinueBack,
    StepBack,
    Set(Point),
    Clear(Point),
    Supported,
    Reason,
    /// A command for the monitor.
    Monitor,
    /// Something would change.
    Write,
    Detach,
    End,
    /// What QEMU's stub answers.
    Other,
}

impl Wish {
    fn of(packet: &[u8]) -> Self {
        let point = |text: &[u8]| Point::parse(text);
        match packet {
            b"bc" => Wish::ContinueBack,
            b"bs" => Wish::StepBack,
            b"?" => Wish::Reason,
            b"k" => Wish::End,
            _ if packet.starts_with(b"vKill") => Wish::End,
            _ if packet.starts_with(b"qSupported") => Wish::Supported,
            _ if packet.starts_with(b"qRcmd,") => Wish::Monitor,
            _ if packet.starts_with(b"vCont;s") || packet.starts_with(b"vCont;S") => Wish::Step,
            _ if packet.starts_with(b"vCont;") => Wish::Continue,
            [b'c' | b'C', ..] => Wish::Continue,
            [b's' | b'S', ..] => Wish::Step,
            [b'D', ..] => Wish::Detach,
            [b'M' | b'X' | b'G' | b'P', ..] => Wish::Write,
            [b'Z', text @ ..] => point(text).map_or(Wish::Other, Wish::Set),
            [b'z', text @ ..] => point(text).map_or(Wish::Other, Wish::Clear),
            _ => Wish::Other,
        }
    }
}

impl Travel {
    /// Goes to the program's first instruction.
    pub(super) fn begin(mut machine: Machine, facts: Facts) -> io::Result<Self> {
        let begin = match Self::first_moment(&mut machine, facts) {
            Ok(moment) => moment,
            Err(problem) => return Err(machine.explain(problem)),
        };
        Ok(Self {
            begin,
            machine,
            facts,
            trap: facts
                .trap
                .map_or(Trap::None, |(address, signal)| Trap::At(address, signal)),
            is_trap_told: false,
        })
    }

    fn first_moment(machine: &mut Machine, facts: Facts) -> io::Result<u64> {
        machine.points = Points::at(&[facts.start_address]);
        // One that never came to its program begins where the machine does.
        let first = machine.now();
        if machine.run_to(facts.end)?.is_none() {
            machine.go_to(first)?;
        }
        machine.points = Points::default();
        Ok(machine.now())
    }

    /// Serves one debugger until it is gone. Where the machine fails, the debugger stays until this is dropped: so who waits for
    /// it can be told before.
    pub(super) fn serve(&mut self, debugger: Debugger) -> io::Result<()> {
        self.machine.debugger = Some(debugger);
        match self.answer_all() {
            Err(problem) if !has_left(&problem) => return Err(self.machine.explain(problem)),
            // One may leave in the middle of something.
            _ => {}
        }
        self.machine.debugger = None;
        self.machine.points = Points::default();
        Ok(())
    }

    fn answer_all(&mut self) -> io::Result<()> {
        while let Some(debugger) = &mut self.machine.debugger
            && let Some(packet) = debugger.packet()?
        {
            // One that detaches closes its end itself, after it has acknowledged the answer.
            if let Some(answer) = self.answer(&Wish::of(&packet), &packet)? {
                self.send(&answer)?;
            }
        }
        Ok(())
    }

    fn answer(&mut self, wish: &Wish, packet: &[u8]) -> io::Result<Option<Vec<u8>>> {
        let answer = match wish {
            Wish::Continue => self.moved(Self::forward)?,
            Wish::Step => self.moved(Self::step)?,
            Wish::ContinueBack => self.moved(Self::back)?,
            Wish::StepBack => self.moved(Self::step_back)?,
            Wish::Reason => self.stopped(SIGNAL_TRAP, ""),
            Wish::Set(point) => {
                let alias = self.alias(*point);
                self.machine.points.set(*point, alias);
                b"OK".to_vec()
            }
            Wish::Clear(point) => {
                self.machine.points.clear(*point);
                b"OK".to_vec()
            }
            Wish::Supported => self.supported(packet)?,
            Wish::Monitor => {
                let words = format!(
                    "instruction {} of {} to {}\n",
                    self.machine.now(),
                    self.begin,
                    self.facts.end
                );
                if let Some(debugger) = &mut self.machine.debugger {
                    debugger.tell(&words)?;
                }
                b"OK".to_vec()
            }
            Wish::Write => REFUSED.to_vec(),
            Wish::Detach => b"OK".to_vec(),
            Wish::End => match packet {
                // Nobody waits for an answer.
                b"k" => return Ok(None),
                _ => b"OK".to_vec(),
            },
            Wish::Other => self.machine.ask(packet)?,
        };
        Ok(Some(answer))
    }

    fn send(&mut self, body: &[u8]) -> io::Result<()> {
        match &mut self.machine.debugger {
            Some(debugger) => debugger.send(body),
            None => Ok(()),
        }
    }

    /// Does a movement; one that the debugger interrupts ends where it is, or where it began if that was later.
    fn moved(&mut self, movement: fn(&mut Self) -> io::Result<Vec<u8>>) -> io::Result<Vec<u8>> {
        self.machine.set_out();
        match movement(self) {
            Err(problem) if problem.kind() == io::ErrorKind::Interrupted => {
                Ok(self.stopped(SIGNAL_INTERRUPT, ""))
            }
            answer => answer,
        }
    }

    /// What QEMU's stub can, and both ways.
    fn supported(&mut self, packet: &[u8]) -> io::Result<Vec<u8>> {
        let mut answer = self.machine.ask(packet)?;
        for feature in [&b"ReverseStep+"[..], b"ReverseContinue+"] {
            if !answer.windows(feature.len()).any(|part| part == feature) {
                answer.push(b';');
                answer.extend(feature);
            }
        }
        Ok(answer)
    }

    /// A stop, for the debugger.
    fn stopped(&self, signal: u8, reason: &str) -> Vec<u8> {
        format!("T{signal:02x}thread:{};{reason}", self.machine.thread()).into_bytes()
    }

    fn stopped_by(&self, stop: Stop) -> Vec<u8> {
        let point = self.machine.points.of(stop);
        self.stopped(SIGNAL_TRAP, &point.map_or(String::new(), Point::reason))
    }

    /// Runs to the next stop, the trap, or the end.
    fn forward(&mut self) -> io::Result<Vec<u8>> {
        if let Some(signal) = self.trap_here()? {
            return Ok(self.trapped(signal));
        }
        let from = self.machine.now();
        let has_watchpoints = !self.machine.points.watchpoints().is_empty();
        let limit = match self.trap {
            // What the instruction before accesses stops the machine at the same moment, and would not be told.
            Trap::Found(.., moment) if moment > from => moment + u64::from(has_watchpoints),
            _ => self.facts.end,
        };
        if let Some(stop) = self.machine.run_to(limit)? {
            return Ok(self.stopped_by(stop));
        }
        self.find_trap()?;
        match self.trap {
            // The end is behind the trap, and so may the debugger have been.
            Trap::Found(_, signal, moment) if moment > from => {
                self.machine.go_to(moment)?;
                Ok(self.trapped(signal))
            }
            _ => Ok(self.stopped(SIGNAL_TRAP, "replaylog:end;")),
        }
    }

    /// Where the trap has not been looked for, looks for the last time that the program was at the instruction. The machine is at the
    /// end then.
    fn find_trap(&mut self) -> io::Result<()> {
        let Trap::At(address, signal) = self.trap else {
            return Ok(());
        };
        let end = self.facts.end;
        let points = std::mem::replace(&mut self.machine.points, Points::at(&[address]));
        let found = last_stop(&mut self.machine, self.begin, end);
        self.machine.points = points;
        let found = found?;
        self.machine.go_to(end)?;
        self.trap = found.map_or(Trap::None, |hit| Trap::Found(address, signal, hit.at));
        Ok(())
    }

    /// The trap's signal where the instruction is the next one and the debugger does not know: something else stopped it here.
    fn trap_here(&mut self) -> io::Result<Option<u8>> {
        let (Trap::At(address, _) | Trap::Found(address, ..)) = self.trap else {
            return Ok(None);
        };
        if std::mem::take(&mut self.is_trap_told) || self.machine.instruction_pointer()? != address
        {
            return Ok(None);
        }
        let now = self.machine.now();
        self.find_trap()?;
        self.machine.go_to(now)?;
        Ok(match self.trap {
            Trap::Found(_, signal, moment) if moment == now => Some(signal),
            _ => None,
        })
    }

    fn trapped(&mut self, signal: u8) -> Vec<u8> {
        self.is_trap_told = true;
        self.stopped(signal, "")
    }

    fn step(&mut self) -> io::Result<Vec<u8>> {
        if let Some(signal) = self.trap_here()? {
            return Ok(self.trapped(signal));
        }
        if self.machine.now() >= self.facts.end {
            return Ok(self.stopped(SIGNAL_TRAP, "replaylog:end;"));
        }
        let stop = self.machine.step()?;
        Ok(self.stopped_by(stop.unwrap_or(Stop::Breakpoint)))
    }

    /// Goes to the last stop before this moment, or to the beginning.
    fn back(&mut self) -> io::Result<Vec<u8>> {
        self.is_trap_told = false;
        let present = self.machine.now();
        let found = match last_stop(&mut self.machine, self.begin, present) {
            Err(problem) if problem.kind() == io::ErrorKind::Interrupted => {
                self.machine.go_to(present)?;
                return Err(problem);
            }
            found => found?,
        };
        let Some(hit) = found else {
            return self.at_beginning();
        };
        self.machine.go_to(hit.at)?;
        // An instruction that faults counts for nothing, so its handler may begin at the same moment.
        if hit.stop == Stop::Breakpoint {
            let address = self.machine.instruction_pointer()?;
            if !self.machine.points.has_breakpoint(address) {
                self.machine.run_to(hit.at + 1)?;
            }
        }
        Ok(self.stopped_by(hit.stop))
    }

    fn step_back(&mut self) -> io::Result<Vec<u8>> {
        self.is_trap_told = false;
        let now = self.machine.now();
        if now <= self.begin {
            return self.at_beginning();
        }
        self.machine.go_to(now - 1)?;
        Ok(self.stopped(SIGNAL_TRAP, ""))
    }

    fn at_beginning(&mut self) -> io::Result<Vec<u8>> {
        self.machine.go_to(self.begin)?;
        Ok(self.stopped(SIGNAL_TRAP, "replaylog:begin;"))
    }

    /// The address by which the kernel reaches what `point` watches of the program's memory.
    fn alias(&mut self, point: Point) -> Option<u64> {
        let physical = self.machine.physical(point.watched()?)?;
        DIRECT_MAP_BASE.checked_add(physical)
    }
}

/// Whether the debugger is gone.
fn has_left(problem: &io::Error) -> bool {
    matches!(
        problem.kind(),
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset
    )
}
