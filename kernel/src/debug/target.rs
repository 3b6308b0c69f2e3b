//! The stopped machine, as the protocol's crate wants it.

use gdbstub::common::Signal;
use gdbstub::target::ext::base::BaseOps;
use gdbstub::target::ext::base::singlethread::{
    SingleThreadBase, SingleThreadRangeStepping, SingleThreadRangeSteppingOps, SingleThreadResume,
    SingleThreadResumeOps, SingleThreadSingleStep, SingleThreadSingleStepOps,
};
use gdbstub::target::ext::breakpoints::{
    Breakpoints as BreakpointSupport, BreakpointsOps, HwBreakpoint, HwBreakpointOps, HwWatchpoint,
    HwWatchpointOps, SwBreakpoint, SwBreakpointOps, WatchKind,
};
use gdbstub::target::{Target, TargetError, TargetResult};
use mewz_kernel::breakpoints::Breakpoints;

use super::registers::{self, Processor, Registers};
use crate::arch::frame::InterruptFrame;
use crate::arch::vectors::SavedVectors;
use crate::memory::peek;

/// What a failed access to memory says: `EFAULT`.
const FAULT: u8 = 14;

/// How the program goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Until something stops it.
    Continue,
    /// One instruction.
    Step,
    /// Until it leaves the range.
    StepThrough(u64, u64),
}

/// The stopped machine.
pub(super) struct Stopped<'a> {
    pub(super) frame: &'a mut InterruptFrame,
    pub(super) vectors: &'a mut SavedVectors,
    pub(super) breakpoints: &'a mut Breakpoints,
    /// What the debugger chose.
    pub(super) action: Action,
    /// The signal that it goes on with; the one that stopped it where the debugger lets it pass.
    pub(super) signal: Option<u8>,
}

impl Target for Stopped<'_> {
    type Arch = Processor;
    type Error = ();

    fn base_ops(&mut self) -> BaseOps<'_, Processor, ()> {
        BaseOps::SingleThread(self)
    }

    fn support_breakpoints(&mut self) -> Option<BreakpointsOps<'_, Self>> {
        Some(self)
    }
}

impl SingleThreadBase for Stopped<'_> {
    fn read_registers(&mut self, out: &mut Registers) -> TargetResult<(), Self> {
        *out = registers::read(self.frame, self.vectors);
        Ok(())
    }

    fn write_registers(&mut self, new: &Registers) -> TargetResult<(), Self> {
        registers::write(new, self.frame, self.vectors);
        Ok(())
    }

    fn read_addrs(&mut self, start: u64, data: &mut [u8]) -> TargetResult<usize, Self> {
        match peek::read(start, data) {
            0 if !data.is_empty() => Err(TargetError::Errno(FAULT)),
            count => Ok(count),
        }
    }

    fn write_addrs(&mut self, start: u64, data: &[u8]) -> TargetResult<(), Self> {
        match peek::write(start, data) {
            true => Ok(()),
            false => Err(TargetError::Errno(FAULT)),
        }
    }

    fn support_resume(&mut self) -> Option<SingleThreadResumeOps<'_, Self>> {
        Some(self)
    }
}

impl SingleThreadResume for Stopped<'_> {
    fn resume(&mut self, signal: Option<Signal>) -> Result<(), ()> {
        self.go(Action::Continue, signal)
    }

    fn support_single_step(&mut self) -> Option<SingleThreadSingleStepOps<'_, Self>> {
        Some(self)
    }

    fn support_range_step(&mut self) -> Option<SingleThreadRangeSteppingOps<'_, Self>> {
        Some(self)
    }
}

impl SingleThreadSingleStep for Stopped<'_> {
    fn step(&mut self, signal: Option<Signal>) -> Result<(), ()> {
        self.go(Action::Step, signal)
    }
}

impl SingleThreadRangeStepping for Stopped<'_> {
    fn resume_range_step(&mut self, start: u64, end: u64) -> Result<(), ()> {
        self.go(Action::StepThrough(start, end), None)
    }
}

impl Stopped<'_> {
    fn go(&mut self, action: Action, signal: Option<Signal>) -> Result<(), ()> {
        self.action = action;
        self.signal = signal.map(|signal| signal.0).filter(|number| *number != 0);
        Ok(())
    }
}

impl BreakpointSupport for Stopped<'_> {
    fn support_sw_breakpoint(&mut self) -> Option<SwBreakpointOps<'_, Self>> {
        Some(self)
    }

    fn support_hw_breakpoint(&mut self) -> Option<HwBreakpointOps<'_, Self>> {
        Some(self)
    }

    fn support_hw_watchpoint(&mut self) -> Option<HwWatchpointOps<'_, Self>> {
        Some(self)
    }
}

impl SwBreakpoint for Stopped<'_> {
    fn add_sw_breakpoint(&mut self, address: u64, _: usize) -> TargetResult<bool, Self> {
        // It is put in place when the program goes on; here is where it can be refused.
        let is_there = peek::read(address, &mut [0]) == 1;
        Ok(is_there && self.breakpoints.add_code(address))
    }

    fn remove_sw_breakpoint(&mut self, address: u64, _: usize) -> TargetResult<bool, Self> {
        // What is not there is gone, as was asked for.
        self.breakpoints.remove_code(address);
        Ok(true)
    }
}

/// The kind of breakpoint instructions among the protocol's kinds of breakpoints.
const KIND_EXECUTE: u8 = 1;

impl HwBreakpoint for Stopped<'_> {
    fn add_hw_breakpoint(&mut self, address: u64, _: usize) -> TargetResult<bool, Self> {
        Ok(self.breakpoints.add_watch(address, 1, KIND_EXECUTE, None))
    }

    fn remove_hw_breakpoint(&mut self, address: u64, _: usize) -> TargetResult<bool, Self> {
        self.breakpoints.remove_watch(address, 1, KIND_EXECUTE);
        Ok(true)
    }
}

impl HwWatchpoint for Stopped<'_> {
    fn add_hw_watchpoint(
        &mut self,
        address: u64,
        bytes: u64,
        kind: WatchKind,
    ) -> TargetResult<bool, Self> {
        // The kernel writes to linear memory by another address.
        let alias = peek::alias(address);
        Ok(self
            .breakpoints
            .add_watch(address, bytes, watch_number(kind), alias))
    }

    fn remove_hw_watchpoint(
        &mut self,
        address: u64,
        bytes: u64,
        kind: WatchKind,
    ) -> TargetResult<bool, Self> {
        self.breakpoints
            .remove_watch(address, bytes, watch_number(kind));
        Ok(true)
    }
}

/// The kinds of watches among the protocol's kinds of breakpoints.
const KINDS: [(WatchKind, u8); 3] = [
    (WatchKind::Write, 2),
    (WatchKind::Read, 3),
    (WatchKind::ReadWrite, 4),
];

fn watch_number(kind: WatchKind) -> u8 {
    let known = KINDS.iter().find(|(known, _)| *known == kind);
    known.map_or(0, |(_, number)| *number)
}

/// The kind that a number of [`KINDS`] stands for; `None` for breakpoints.
pub(super) fn watch_kind(number: u8) -> Option<WatchKind> {
    let known = KINDS.iter().find(|(_, known)| *known == number);
    known.map(|(kind, _)| *kind)
}
