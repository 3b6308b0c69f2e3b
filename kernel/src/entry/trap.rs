//! The end of an application that trapped: a report with the calls that led there.

use core::fmt;

use mewz_abi::exit::STATUS_TRAP;
use mewz_abi::record::{BACKTRACE_LEN_MAX, TRAP_REPORT_BYTES_MAX, TrapReport};
use mewz_abi::trap::TrapKind;

use super::{WINDOW, calls, console, debugger};
use crate::arch::frame::InterruptFrame;
use crate::arch::gate;
use crate::arch::vectors::SavedVectors;
use crate::memory::stack;

/// Why an application trapped.
pub(super) struct Cause {
    pub(super) kind: TrapKind,
    /// Offset of the operator in the module, where the trap table tells.
    pub(super) wasm_offset: Option<u32>,
    /// What was accessed, or the tag of the exception, where that is the cause.
    pub(super) accessed: u64,
    /// The import that nobody answers.
    pub(super) import: Option<&'static str>,
}

/// Reports the trap and ends the machine, unless a debugger has the instruction tried once more.
pub(super) fn answer(frame: &mut InterruptFrame, vectors: &mut SavedVectors, cause: Cause) {
    calls::settle();
    let kind = cause.kind;
    let report = report(frame, &cause);
    let mut bytes = [0; TRAP_REPORT_BYTES_MAX];
    let len = report.encode(&mut bytes);
    // Who hears of the trap may look at the machine at once.
    debugger::keep_for_core();
    console::tell_trap(&bytes[..len], format_args!("{}", Words { report, cause }));
    if !debugger::retries_trap(frame, vectors, kind) {
        console::end_after_trap(STATUS_TRAP);
    }
}

/// The report: for a fault in a part of the kernel that runs as the application, as if its caller had faulted.
fn report(frame: &InterruptFrame, cause: &Cause) -> TrapReport {
    let mut report = TrapReport {
        kind: cause.kind as u32,
        wasm_offset: cause.wasm_offset.unwrap_or(u32::MAX),
        instruction: frame.rip,
        accessed: cause.accessed,
        registers: frame.registers(),
        backtrace: [0; BACKTRACE_LEN_MAX],
        backtrace_len: 0,
    };
    let mut base = frame.rbp;
    if gate::is_application_part(frame.rip) {
        // Such a part has a frame, or has just been called.
        if let Some((caller, next)) = call(base) {
            report.instruction = caller - 1;
            base = next;
        }
    } else if cause.import.is_some() {
        // A linker's stub has no frame: its caller's address is on top of the stack.
        push(&mut report, stack::word(frame.rsp));
    }
    while let Some((caller, next)) = call(base) {
        if !push(&mut report, Some(caller)) {
            break;
        }
        base = next;
    }
    report
}

/// The return address and the next frame of the frame at `base`; `None` at the end of the application's stack.
fn call(base: u64) -> Option<(u64, u64)> {
    let next = stack::word(base)?;
    let caller = stack::word(base.checked_add(8)?)?;
    // Frames ascend; the last one leads to the kernel's stack.
    (next > base).then_some((caller, next))
}

/// Adds a return address; returns `false` where it is none of the application's, or there is no more room.
fn push(report: &mut TrapReport, address: Option<u64>) -> bool {
    let is_text = |address: u64| WINDOW.get().is_some_and(|window| window.is_text(address));
    let Some(address) = address.filter(|address| is_text(*address)) else {
        return false;
    };
    let Some(slot) = report.backtrace.get_mut(report.backtrace_len) else {
        return false;
    };
    *slot = address;
    report.backtrace_len += 1;
    true
}

/// A trap in words, for COM1.
struct Words {
    report: TrapReport,
    cause: Cause,
}

impl fmt::Display for Words {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "trap: {}", self.cause.kind.name())?;
        if let Some(import) = self.cause.import {
            write!(out, " `{import}`")?;
        }
        if let Some(offset) = self.cause.wasm_offset {
            write!(out, " at wasm offset {offset:#x}")?;
        }
        write!(out, ", instruction {:#x}", self.report.instruction)?;
        let is_access = matches!(
            self.cause.kind,
            TrapKind::MemoryOutOfBounds | TrapKind::NullDereference
        );
        if self.report.accessed != 0 || is_access {
            write!(out, ", address {:#x}", self.report.accessed)?;
        }
        for address in &self.report.backtrace[..self.report.backtrace_len] {
            write!(out, "\n  called from {address:#x}")?;
        }
        Ok(())
    }
}
