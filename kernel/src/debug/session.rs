//! One stop after the other: what a debugger is told, and what it wants.
//!
//! The protocol's state machine lives for one stop and is made anew for the next, since the first packet that it does not
//! understand is its end. What lasts is here: who is attached, what it waits for, breakpoints.

#[cfg(test)]
#[path = "fuzz.rs"]
mod fuzz;

use core::cell::RefCell;
use core::fmt;

use gdbstub::common::Signal;
use gdbstub::conn::Connection;
use gdbstub::stub::state_machine::GdbStubStateMachine;
use gdbstub::stub::{DisconnectReason, GdbStub, SingleThreadStopReason};
use mewz_abi::exit::STATUS_KILLED;
use mewz_kernel::breakpoints::{Breakpoints, control};
use mewz_kernel::packets::{
    Event, PACKET_BYTES_MAX, Receiver, Sender, digit, frame, hex, reads_too_much,
};

use super::registers::Processor;
use super::target::{Action, Stopped, watch_kind};
use super::{Manner, Monitor, signal};
use crate::arch::frame::InterruptFrame;
use crate::arch::vectors::SavedVectors;
use crate::arch::{cpu, debug_line, debug_registers, power};
use crate::memory::peek;

/// `int3`.
const BREAKPOINT: u8 = 0xcc;
/// Bytes of a packet beside its body.
const FRAME_BYTES: usize = 4;
/// What stands for the debugger's own words at the start of a session: those that the crate would understand change how it
/// names threads, and it would have forgotten that by the next stop.
const GREETING: &[u8] = b"qSupported:xmlRegisters=i386";
/// The answer to a packet that the crate refuses: `EINVAL`.
const REFUSED: &[u8] = b"E16";

type Reason = SingleThreadStopReason<u64>;
type Machine<'a, 'b> = GdbStubStateMachine<'a, Stopped<'b>, Line<'a>>;

/// How the machine goes on after a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Going {
    /// The program runs.
    On,
    /// It is over: the debugger's user passed the crash on, or ended the machine.
    Ended,
}

/// Why the machine stands still.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stop {
    reason: Reason,
    /// What is told to a debugger that comes later.
    signal: u8,
    /// The program can't go on by itself.
    is_crash: bool,
}

impl Stop {
    pub(super) fn crash(number: u8) -> Self {
        Self {
            is_crash: true,
            ..Self::signal(number)
        }
    }

    fn signal(number: u8) -> Self {
        Self {
            reason: Reason::Signal(Signal(number)),
            signal: number,
            is_crash: false,
        }
    }

    fn trap(reason: Reason) -> Self {
        Self {
            reason,
            ..Self::signal(signal::TRAP)
        }
    }
}

/// What is sent, and how.
struct Output {
    sender: Sender,
    /// Nothing is sent: the crate is told what no debugger said.
    is_quiet: bool,
}

/// The crate's way out.
struct Line<'a>(&'a RefCell<Output>);

impl Connection for Line<'_> {
    type Error = ();

    fn write(&mut self, byte: u8) -> Result<(), ()> {
        let mut output = self.0.borrow_mut();
        if !output.is_quiet && output.sender.pass(byte) {
            debug_line::write(byte);
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), ()> {
        Ok(())
    }
}

/// The stub.
pub(super) struct Stub {
    receiver: Receiver,
    output: RefCell<Output>,
    breakpoints: Breakpoints,
    /// A debugger has begun a session.
    is_attached: bool,
    /// It waits to be told of the next stop.
    is_awaited: bool,
    /// Packets are acknowledged.
    has_acknowledgments: bool,
    /// How the program was let go.
    action: Action,
    manner: Manner,
    monitor: Monitor,
}

impl Stub {
    pub(super) fn new(manner: Manner, monitor: Monitor) -> Self {
        Self {
            receiver: Receiver::new(),
            output: RefCell::new(Output {
                sender: Sender::new(),
                is_quiet: false,
            }),
            breakpoints: Breakpoints::new(),
            is_attached: false,
            is_awaited: false,
            has_acknowledgments: true,
            action: Action::Continue,
            manner,
            monitor,
        }
    }

    /// Whether a crash would be shown to someone.
    pub(super) fn is_wanted(&self) -> bool {
        self.is_attached || self.manner.waits_at_crash
    }

    /// Takes what is on the line while the program runs.
    pub(super) fn listen(&mut self, frame: &mut InterruptFrame, vectors: &mut SavedVectors) {
        while let Some(byte) = debug_line::read() {
            match self.receiver.push(byte) {
                Event::Interrupt if self.is_awaited => {
                    self.stop(frame, vectors, Stop::signal(signal::INTERRUPT));
                }
                // A debugger that comes, or comes back: the one before waits no more.
                Event::Packet => {
                    self.is_awaited = false;
                    self.serve(frame, vectors, Stop::signal(signal::TRAP), true);
                }
                _ => {}
            }
        }
    }

    /// Answers a single step that is done, or a debug register.
    pub(super) fn answer_debug(&mut self, frame: &mut InterruptFrame, vectors: &mut SavedVectors) {
        let status = debug_registers::take_status();
        let is_step = status & debug_registers::STATUS_STEP != 0 && self.is_awaited;
        let is_step = is_step && self.action != Action::Continue;
        let changed = is_step.then(|| self.breakpoints.changed(look)).flatten();
        if let Some(watch) = self.breakpoints.hit(status, look).or(changed) {
            let (address, _, kind) = watch.asked;
            let reason = match watch_kind(kind) {
                None => Reason::HwBreak(()),
                Some(kind) => Reason::Watch {
                    tid: (),
                    kind,
                    addr: address,
                },
            };
            self.stop(frame, vectors, Stop::trap(reason));
            return;
        }
        // A step that an interrupt's handler came before, and that ended there by a breakpoint, is nobody's any more.
        if !is_step {
            frame.rflags &= !cpu::RFLAGS_TRAP;
            return;
        }
        if let Action::StepThrough(start, end) = self.action
            && (start..end).contains(&frame.rip)
        {
            // A loop in one line would keep the debugger out, were the line not looked at: no other interrupt comes.
            self.listen(frame, vectors);
            return;
        }
        self.stop(frame, vectors, Stop::trap(Reason::DoneStep));
    }

    /// Answers `int3`; returns `false` where it is none of ours. `waits_by`: the signal by which the kernel waits for a
    /// debugger, or 0.
    pub(super) fn answer_breakpoint(
        &mut self,
        frame: &mut InterruptFrame,
        vectors: &mut SavedVectors,
        waits_by: u8,
    ) -> bool {
        let before = frame.rip.wrapping_sub(1);
        let stop = if self.breakpoints.is_code(before) {
            frame.rip = before;
            Stop::trap(Reason::SwBreak(()))
        } else if waits_by != 0 {
            Stop::signal(waits_by)
        } else if peek_byte(before).is_some_and(|byte| byte != BREAKPOINT) {
            // It was ours until a moment ago: between it and this its debugger was heard, and took it out.
            frame.rip = before;
            return true;
        } else if self.is_attached {
            Stop::signal(signal::TRAP)
        } else {
            return false;
        };
        self.stop(frame, vectors, stop);
        true
    }

    /// Answers a fault of what has gone where nothing is executed; returns `false` unless a breakpoint is there. So does what
    /// gdb's user calls: it returns to a breakpoint on the stack.
    pub(super) fn answer_fetch(
        &mut self,
        frame: &mut InterruptFrame,
        vectors: &mut SavedVectors,
    ) -> bool {
        let is_there = self.breakpoints.is_code(frame.rip);
        if is_there {
            self.stop(frame, vectors, Stop::trap(Reason::SwBreak(())));
        }
        is_there
    }

    /// Tells the debugger, if it waits, that the program has ended.
    pub(super) fn tell_exit(&mut self, status: u8) {
        if !self.is_awaited {
            return;
        }
        self.is_attached = false;
        self.is_awaited = false;
        let digits = [b'W', hex(status >> 4), hex(status)];
        self.send(&digits);
    }

    /// Stands still and serves the debugger until it lets the program go.
    pub(super) fn stop(
        &mut self,
        frame: &mut InterruptFrame,
        vectors: &mut SavedVectors,
        stop: Stop,
    ) -> Going {
        self.serve(frame, vectors, stop, false)
    }

    /// `has_packet`: one has come already.
    fn serve(
        &mut self,
        frame: &mut InterruptFrame,
        vectors: &mut SavedVectors,
        stop: Stop,
        has_packet: bool,
    ) -> Going {
        self.take_out();
        let rip = frame.rip;
        let (going, signal) = self.talk(frame, vectors, stop, has_packet);
        if going == Going::Ended {
            // The machine's end is not told to the host's console, which the interrupted code may be using.
            power::end(STATUS_KILLED, true, || {});
        }
        self.put_in(frame);
        // An instruction that crashed ends the program, as a signal does elsewhere, unless the debugger says otherwise.
        let is_end = stop.is_crash && signal.is_some() && frame.rip == rip;
        if is_end {
            if self.is_awaited {
                self.is_attached = false;
                self.is_awaited = false;
                self.send(&[b'X', hex(stop.signal >> 4), hex(stop.signal)]);
            }
            return Going::Ended;
        }
        going
    }

    /// Puts what belongs there back into the code, and lets the debug registers rest.
    fn take_out(&mut self) {
        // Two addresses may lead to one byte: what was put in last found the first there.
        for breakpoint in self.breakpoints.code().rev() {
            if let Some(original) = breakpoint.original.take() {
                peek::write(breakpoint.address, &[original]);
            }
        }
        debug_registers::set([0; 4], 0);
    }

    /// Puts all breakpoints in place and sets up how the program goes on.
    fn put_in(&mut self, frame: &mut InterruptFrame) {
        for breakpoint in self.breakpoints.code() {
            let mut original = [0];
            if peek::read(breakpoint.address, &mut original) == 1
                && peek::write(breakpoint.address, &[BREAKPOINT])
            {
                breakpoint.original = Some(original[0]);
            }
        }
        self.breakpoints.note_content(look);
        let is_step = self.is_awaited && self.action != Action::Continue;
        // QEMU tells of a step and of what the same instruction wrote one after the other, the second at the first instruction
        // of the first one's handler, on the same stack. So steps look at what is watched by themselves.
        let watches = self.breakpoints.watches();
        let watches = watches.map(|watch| watch.filter(|watch| !is_step || watch.is_of_code()));
        let addresses = watches.map(|watch| watch.map_or(0, |watch| watch.address));
        debug_registers::set(addresses, control(&watches));
        frame.rflags &= !cpu::RFLAGS_TRAP;
        // The instruction that was stopped at is executed once before it can stop again.
        frame.rflags |= cpu::RFLAGS_RESUME;
        if is_step {
            frame.rflags |= cpu::RFLAGS_TRAP;
        }
    }

    /// Talks until the debugger lets the program go; the answer has the signal that it goes on with.
    fn talk(
        &mut self,
        frame: &mut InterruptFrame,
        vectors: &mut SavedVectors,
        stop: Stop,
        has_packet: bool,
    ) -> (Going, Option<u8>) {
        let mut has_packet = has_packet;
        let mut report = core::mem::take(&mut self.is_awaited).then_some(stop.reason);
        loop {
            let ended = self.talk_once(frame, vectors, stop, report.take(), &mut has_packet);
            match ended {
                Ended::Going(going, signal) => return (going, signal),
                Ended::Broken => self.send(REFUSED),
            }
        }
    }

    /// As [`Stub::talk`], with one state machine.
    fn talk_once(
        &mut self,
        frame: &mut InterruptFrame,
        vectors: &mut SavedVectors,
        stop: Stop,
        report: Option<Reason>,
        has_packet: &mut bool,
    ) -> Ended {
        let Self {
            receiver,
            output,
            breakpoints,
            is_attached,
            is_awaited,
            has_acknowledgments,
            action,
            manner,
            monitor,
        } = self;
        let mut buffer = [0; PACKET_BYTES_MAX + FRAME_BYTES];
        let mut target = Stopped {
            frame,
            vectors,
            breakpoints,
            action: Action::Continue,
            signal: None,
        };
        let stub = GdbStub::builder(Line(output)).with_packet_buffer(&mut buffer);
        let Ok(stub) = stub.build() else {
            return Ended::Going(Going::Ended, None);
        };
        let Ok(mut machine) = stub.run_state_machine(&mut target) else {
            return Ended::Going(Going::Ended, None);
        };
        if let Some(reason) = report {
            match tell(machine, &mut target, output, reason) {
                Some(told) => machine = told,
                None => return Ended::Broken,
            }
        }
        loop {
            let event = match core::mem::take(has_packet) {
                true => Event::Packet,
                false => next_event(receiver),
            };
            match event {
                Event::Nothing | Event::Interrupt => continue,
                Event::Resend => {
                    if *has_acknowledgments {
                        send_all(output.borrow().sender.last());
                    }
                    continue;
                }
                Event::Broken => {
                    if *has_acknowledgments {
                        debug_line::write(b'-');
                    }
                    continue;
                }
                Event::Packet | Event::TooLong => {}
            }
            if *has_acknowledgments {
                debug_line::write(b'+');
            }
            if event == Event::TooLong {
                send(output, REFUSED);
                continue;
            }
            let mut packet = receiver.packet();
            *is_attached = true;
            match packet {
                // The crate's answer is always the same.
                b"?" => {
                    let [high, low] = [hex(stop.signal >> 4), hex(stop.signal)];
                    send(
                        output,
                        &[
                            b'T', high, low, b't', b'h', b'r', b'e', b'a', b'd', b':', b'1', b';',
                        ],
                    );
                    continue;
                }
                _ if packet.starts_with(b"qSupported") => {
                    // A new session, whatever became of the one before.
                    target.breakpoints.clear();
                    if !*has_acknowledgments {
                        *has_acknowledgments = true;
                        debug_line::write(b'+');
                    }
                    packet = GREETING;
                }
                // Whether it kills the program at its end, or lets it go; the crate lets it go.
                _ if packet.starts_with(b"qAttached") && manner.ends_with_debugger => {
                    send(output, b"0");
                    continue;
                }
                // The crate ends without a word, which a debugger takes for an accident.
                _ if packet.starts_with(b"vKill;") => {
                    send(output, b"OK");
                    return Ended::Going(Going::Ended, None);
                }
                _ if reads_too_much(packet) => {
                    send(output, REFUSED);
                    continue;
                }
                // The crate would gather the answer on the heap, which the interrupted code may be changing.
                [b'q', b'R', b'c', b'm', b'd', b',', command @ ..] => {
                    answer_command(output, *monitor, command);
                    continue;
                }
                _ => {}
            }
            let is_last_acknowledged = packet == b"QStartNoAckMode";
            let Some(next) = feed(machine, &mut target, packet) else {
                return Ended::Broken;
            };
            if is_last_acknowledged {
                *has_acknowledgments = false;
            }
            match next {
                GdbStubStateMachine::Running(_) => {
                    *is_awaited = true;
                    *action = target.action;
                    return Ended::Going(Going::On, target.signal);
                }
                GdbStubStateMachine::Disconnected(inner) => {
                    *is_attached = false;
                    *has_acknowledgments = true;
                    target.breakpoints.clear();
                    output.borrow_mut().sender.forget();
                    if inner.get_reason() == DisconnectReason::Kill {
                        return Ended::Going(Going::Ended, None);
                    }
                    if !(stop.is_crash && manner.waits_at_crash) {
                        let signal = stop.is_crash.then_some(stop.signal);
                        return Ended::Going(Going::On, signal);
                    }
                    machine = inner.return_to_idle();
                }
                next => machine = next,
            }
        }
    }

    fn send(&self, body: &[u8]) {
        send(&self.output, body);
    }
}

/// How a state machine ended.
enum Ended {
    /// The program goes on, with a signal or without.
    Going(Going, Option<u8>),
    /// It was given what it does not understand.
    Broken,
}

/// Gives the machine a packet; `None` where that is its end.
fn feed<'a, 'b>(
    mut machine: Machine<'a, 'b>,
    target: &mut Stopped<'b>,
    body: &[u8],
) -> Option<Machine<'a, 'b>> {
    let mut bytes = [0; PACKET_BYTES_MAX + FRAME_BYTES];
    let mut len = 0;
    frame(body, &mut |byte| {
        if let Some(slot) = bytes.get_mut(len) {
            *slot = byte;
            len += 1;
        }
    });
    for &byte in &bytes[..len] {
        machine = match machine {
            GdbStubStateMachine::Idle(inner) => inner.incoming_data(target, byte).ok()?,
            other => other,
        };
    }
    Some(machine)
}

/// Tells the debugger why the machine stopped. The crate reports stops of programs that it let run, so it is let believe so.
fn tell<'a, 'b>(
    machine: Machine<'a, 'b>,
    target: &mut Stopped<'b>,
    output: &RefCell<Output>,
    reason: Reason,
) -> Option<Machine<'a, 'b>> {
    output.borrow_mut().is_quiet = true;
    let running = feed(machine, target, b"c");
    output.borrow_mut().is_quiet = false;
    match running? {
        GdbStubStateMachine::Running(inner) => inner.report_stop(target, reason).ok(),
        _ => None,
    }
}

/// Answers a command of the debugger's user, in hexadecimal digits.
fn answer_command(output: &RefCell<Output>, monitor: Monitor, digits: &[u8]) {
    let mut command = [0; 64];
    let (pairs, _) = digits.as_chunks::<2>();
    let len = pairs.len().min(command.len());
    for (slot, [high, low]) in command.iter_mut().zip(pairs) {
        *slot = digit(*high).unwrap_or(0) << 4 | digit(*low).unwrap_or(0);
    }
    let mut lines = Lines {
        output,
        line: [b'O'; _],
        len: 1,
    };
    monitor(command[..len].trim_ascii(), &mut lines);
    lines.flush();
    send(output, b"OK");
}

/// Gathers text and sends it line by line, each in a packet.
struct Lines<'a> {
    output: &'a RefCell<Output>,
    /// The letter of such packets, then hexadecimal digits.
    line: [u8; 1 + 2 * 120],
    len: usize,
}

impl Lines<'_> {
    fn flush(&mut self) {
        if self.len > 1 {
            send(self.output, &self.line[..self.len]);
            self.len = 1;
        }
    }
}

impl fmt::Write for Lines<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for &byte in text.as_bytes() {
            if self.len == self.line.len() {
                self.flush();
            }
            self.line[self.len] = hex(byte >> 4);
            self.line[self.len + 1] = hex(byte);
            self.len += 2;
            if byte == b'\n' {
                self.flush();
            }
        }
        Ok(())
    }
}

/// Fills `content` from `address` on, as far as there is memory.
fn look(address: u64, content: &mut [u8]) {
    peek::read(address, content);
}

fn peek_byte(address: u64) -> Option<u8> {
    let mut content = [0];
    (peek::read(address, &mut content) == 1).then_some(content[0])
}

/// Waits for the next byte and takes it.
fn next_event(receiver: &mut Receiver) -> Event {
    loop {
        if let Some(byte) = debug_line::read() {
            return receiver.push(byte);
        }
        core::hint::spin_loop();
    }
}

fn send(output: &RefCell<Output>, body: &[u8]) {
    let mut output = output.borrow_mut();
    frame(body, &mut |byte| {
        output.sender.pass(byte);
        debug_line::write(byte);
    });
}

fn send_all(bytes: &[u8]) {
    for &byte in bytes {
        debug_line::write(byte);
    }
}

const _: fn() = || {
    // The crate's architecture is this one.
    fn is_arch<A: gdbstub::arch::Arch<Usize = u64>>() {}
    is_arch::<Processor>();
};
