//! The whole stub on a made-up machine, and debuggers that say anything at any time. `MEWZ_KERNEL_FUZZ=N` makes N times as
//! many sessions.
//!
//! What must hold: no panic; a debugger that comes later is always answered, and can let the program go; what is sent is
//! packets with their checksums; memory and registers are as the debugger left them, with breakpoints in place only while the
//! program runs; the segments and the flags of the kernel are nobody's to change.

use core::fmt;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use fastrand::Rng;

use super::{Going, Stop, Stub};
use crate::arch::cpu::{RFLAGS_RESUME, RFLAGS_TRAP};
use crate::arch::frame::InterruptFrame;
use crate::arch::vectors::SavedVectors;
use crate::arch::{self as machine, MachineEnded, debug_registers};
use crate::debug::Manner;
use crate::memory::{self, MAPPED, MEMORY_BYTES};
use mewz_abi::address::DIRECT_MAP_BASE;
use mewz_kernel::packets::{digit, frame};

/// Sessions where nobody wants more.
const SESSIONS: u64 = 1500;

/// Events of a session at most, and chunks of bytes before each.
const EVENTS_MAX: u64 = 12;
const CHUNKS_MAX: u64 = 6;

/// Longest packet that is sent, without its frame.
const SENT_BYTES_MAX: usize = 2 * 2048 + 64;

/// Packets that look and let go; `@` stands for an address, `%` for a number.
const LOOKS: [&[u8]; 41] = [
    b"?",
    b"g",
    b"m@,%",
    b"m@,40",
    b"m@,800",
    b"x@,%",
    b"p10",
    b"qSupported:multiprocess+;swbreak+;hwbreak+;vContSupported+;xmlRegisters=i386",
    b"qC",
    b"qfThreadInfo",
    b"qsThreadInfo",
    b"qThreadExtraInfo,1",
    b"qXfer:features:read:target.xml:%,%",
    b"qXfer:memory-map:read::0,1000",
    b"vCont?",
    b"vMustReplyEmpty",
    b"Hg0",
    b"Hc-1",
    b"Hgp1.1",
    b"qRcmd,68656170",
    b"qRcmd,6c6f67",
    b"qRcmd,%",
    b"qAttached",
    b"qAttached:1",
    b"qOffsets",
    b"qSymbol::",
    b"qTStatus",
    b"QStartNoAckMode",
    b"QNonStop:1",
    b"!",
    b"T1",
    b"c",
    b"s",
    b"vCont;c",
    b"vCont;s:1;c",
    b"vCont;C0b",
    b"vCont;r@,@:1",
    b"C05",
    b"S0b",
    b"D",
    b"D;1",
];

/// Packets about breakpoints.
const BREAKS: [&[u8]; 11] = [
    b"Z0,@,1", b"Z0,@,1", b"z0,@,1", b"Z1,@,1", b"z1,@,1", b"Z2,@,%", b"Z2,@,4", b"z2,@,4",
    b"Z3,@,8", b"Z4,@,2", b"z4,@,2",
];

/// Packets that let the program go on.
const GOES: [&[u8]; 4] = [
    b"c",
    b"vCont;c",
    b"vCont;s:1",
    b"vCont;r0,ffffffffffffffff:1",
];

/// Packets that change the program or end it.
const CHANGES: [&[u8]; 12] = [
    b"G",
    b"G0011223344556677",
    b"P10=0",
    b"M@,4:01020304",
    b"M@,%:00",
    b"X@,4:abcd",
    b"X@,0:",
    b"k",
    b"vKill;1",
    b"vRun;61",
    b"R00",
    b"vFlashErase:@,%",
];

/// Where commands of a debugger's user that are not answered in words begin to change something.
const CHANGING: [&[u8]; 9] = [
    b"G", b"P", b"M", b"X", b"k", b"R", b"vKill", b"vRun", b"vFlash",
];

/// What debuggers say.
struct Words(Rng);

impl Words {
    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        *self.0.choice(all).unwrap()
    }

    fn bytes(&mut self, len: u64) -> Vec<u8> {
        (0..len).map(|_| self.0.u8(..)).collect()
    }

    /// An address in or near what is mapped, or anywhere.
    fn address(&mut self) -> u64 {
        let (start, physical, pages) = self.of(&MAPPED);
        match self.0.u64(..12) {
            // Few places, so that several packets mean the same one, each by two addresses.
            4..7 => start + self.0.u64(..2),
            7..9 => DIRECT_MAP_BASE + physical + self.0.u64(..2),
            0 => self.0.u64(..),
            1 => u64::MAX - self.0.u64(..16),
            2 => start
                .wrapping_add(pages * 4096)
                .wrapping_sub(self.0.u64(..8)),
            3 => 0xffff_8000_fec0_0000 + self.0.u64(..16),
            _ => start.wrapping_add(self.0.u64(..pages * 4096)),
        }
    }

    fn number(&mut self) -> u64 {
        match self.0.u64(..6) {
            0 => self.0.u64(..),
            1 => self.0.u64(..) >> 32,
            2 => self.0.u64(..4096),
            _ => self.0.u64(..80),
        }
    }

    /// A packet's body: as debuggers send them, or with mistakes.
    fn body(&mut self, only_looks: bool) -> Vec<u8> {
        let pattern = match self.0.u64(..5) {
            0 if !only_looks => self.of(&CHANGES),
            1 | 2 => self.of(&BREAKS),
            _ => self.of(&LOOKS),
        };
        let mut body = Vec::new();
        for &byte in pattern {
            match byte {
                b'@' => body.extend(format!("{:x}", self.address()).bytes()),
                b'%' => body.extend(format!("{:x}", self.number()).bytes()),
                _ => body.push(byte),
            }
        }
        let at = self.0.usize(..=body.len());
        match self.0.u64(..20) {
            0 => {
                let len = self.0.u64(..300);
                body = self.bytes(len);
            }
            1 => {
                let parts: [&[u8]; 6] = [b",", b":", b";", b"ffffffffffffffff", b"-1", b"\x85"];
                let part = self.of(&parts);
                body.splice(at..at, part.iter().copied());
            }
            2 => body.truncate(at),
            3 if at < body.len() => body[at] = self.0.u8(..),
            4 if self.0.u64(..20) == 0 => body.resize(2000 + self.0.usize(..200), b'0'),
            _ => {}
        }
        body.retain(|byte| !matches!(byte, b'#' | b'$'));
        let changes = CHANGING.iter().any(|word| body.starts_with(word));
        if changes && only_looks {
            body = b"?".to_vec();
        }
        body
    }

    /// What comes on the line at once.
    fn chunk(&mut self, only_looks: bool) -> Vec<u8> {
        match self.0.u64(..16) {
            0 => vec![3],
            1 => vec![b'-'],
            2 => {
                let len = self.0.u64(..400);
                let noise = self.bytes(len).into_iter();
                // Noise that happens to be a packet would be one.
                noise.filter(|byte| *byte != b'#').collect()
            }
            3 => {
                let mut packet = framed(&self.body(only_looks));
                packet.pop();
                packet.push(b'z');
                packet
            }
            _ => [b"+", &framed(&self.body(only_looks))[..]].concat(),
        }
    }
}

fn framed(body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame(body, &mut |byte| bytes.push(byte));
    bytes
}

/// The bodies of what was sent; acknowledgments stand between.
fn sent(bytes: &[u8]) -> Vec<&[u8]> {
    let mut bodies = Vec::new();
    let mut rest = bytes;
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        match first {
            b'+' | b'-' => {}
            b'$' => {
                let end = behind.iter().position(|byte| *byte == b'#');
                let end = end.expect("a packet that was begun is ended");
                let (body, behind) = behind.split_at(end);
                let sum = body.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
                let told = digit(behind[1]).unwrap() << 4 | digit(behind[2]).unwrap();
                assert_eq!(told, sum, "the checksum of {}", body.escape_ascii());
                assert!(body.len() <= SENT_BYTES_MAX, "{} bytes", body.len());
                bodies.push(body);
                rest = &behind[3..];
            }
            other => panic!("{other:#x} stands between packets"),
        }
    }
    bodies
}

/// Looks whether breakpoints are out, and answers at length.
fn monitor(command: &[u8], out: &mut dyn fmt::Write) {
    IS_ASKED.set(true);
    if ONLY_LOOKS.get() {
        memory::look(|bytes| assert!(!bytes.contains(&0xcc), "a breakpoint is in place"));
    }
    let _ = writeln!(out, "{:?}", command.escape_ascii().to_string());
    for number in 0..command.len() {
        let _ = write!(out, "{number} of many words, ");
    }
}

thread_local! {
    static IS_ASKED: Cell<bool> = const { Cell::new(false) };
    static ONLY_LOOKS: Cell<bool> = const { Cell::new(false) };
}

/// What the sessions came to, so that they are known to come to something.
#[derive(Debug, Default)]
struct Seen {
    bytes: u64,
    packets: u64,
    running: u64,
    ended: u64,
    rescued: u64,
    in_place: u64,
    watched: u64,
    steps: u64,
    commands: u64,
}

struct Session {
    words: Words,
    stub: Stub,
    frame: InterruptFrame,
    vectors: SavedVectors,
    /// Nothing that is sent changes memory or registers.
    only_looks: bool,
    content: Box<[u8; MEMORY_BYTES]>,
}

impl Session {
    fn new(seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let mut content = Box::new([0; MEMORY_BYTES]);
        for word in content.as_chunks_mut::<8>().0 {
            *word = random.u64(..).to_le_bytes();
        }
        // A breakpoint's byte among them would look like one in place.
        for byte in content.iter_mut().filter(|byte| **byte == 0xcc) {
            *byte = 0x90;
        }
        memory::fill(&content);
        machine::begin();
        let manner = Manner {
            waits_at_crash: random.bool(),
            ends_with_debugger: random.u64(..3) == 0,
        };
        let mut next = || random.u64(..);
        let frame = InterruptFrame {
            r15_to_r8: core::array::from_fn(|_| next()),
            rbp: next(),
            rdi: next(),
            rsi: next(),
            rdx: next(),
            rcx: next(),
            rbx: next(),
            rax: next(),
            vector: 2,
            error: 0,
            rip: 0xffff_ffff_8010_0000 + (next() & 0xfff),
            cs: 8,
            rflags: 0x202,
            rsp: next(),
            ss: 16,
        };
        let mut vectors = SavedVectors([0; 512]);
        vectors.0.fill_with(|| next() as u8);
        let only_looks = next() & 1 == 0;
        ONLY_LOOKS.set(only_looks);
        Self {
            only_looks,
            words: Words(random),
            stub: Stub::new(manner, monitor),
            frame,
            vectors,
            content,
        }
    }

    fn run(&mut self, seen: &mut Seen) {
        for _ in 0..=self.words.0.u64(..EVENTS_MAX) {
            let mut input = Vec::new();
            for _ in 0..self.words.0.u64(..CHUNKS_MAX) {
                input.extend(self.words.chunk(self.only_looks));
            }
            if self.words.0.u64(..3) > 0 {
                input.extend(framed(self.words.of(&GOES)));
            }
            seen.bytes += input.len() as u64;
            let going = self.event(&input);
            seen.packets += sent(&machine::take_output()).len() as u64;
            if going == Going::Ended {
                seen.ended += 1;
                return;
            }
            self.assert_program_is_as_it_was(seen);
        }
        self.assert_debugger_can_come();
    }

    /// Something happens to the program; meanwhile, or then, the debugger sends `input`.
    fn event(&mut self, input: &[u8]) -> Going {
        let before = general(&self.frame);
        let rip = self.frame.rip;
        let kind = self.words.0.u64(..8);
        let status = match kind {
            1 | 2 => debug_registers::STATUS_STEP,
            3 => 1 << self.words.0.u64(..4) | (self.words.0.u64(..2) << 14),
            _ => 0,
        };
        machine::begin_event(status, input);
        let (frame, vectors) = (&mut self.frame, &mut self.vectors);
        let mut going = Going::On;
        match kind {
            1..=3 => self.stub.answer_debug(frame, vectors),
            4 => {
                let places: Vec<u64> = self
                    .stub
                    .breakpoints
                    .code()
                    .map(|one| one.address)
                    .collect();
                let waits_by = self.words.of(&[0, 0, 5]);
                frame.rip = match places.is_empty() {
                    true => self.words.address(),
                    false => self.words.of(&places),
                }
                .wrapping_add(1);
                self.stub.answer_breakpoint(frame, vectors, waits_by);
            }
            5 if self.stub.is_wanted() => {
                let number = self.words.of(&[4, 8, 11]);
                going = self.stub.stop(frame, vectors, Stop::crash(number));
            }
            6 if self.words.0.u64(..8) == 0 => {
                self.stub.tell_exit(self.words.0.u8(..));
                going = Going::Ended;
            }
            _ => self.stub.listen(frame, vectors),
        }
        assert_eq!(
            [
                self.frame.vector,
                self.frame.error,
                self.frame.cs,
                self.frame.ss
            ],
            [2, 0, 8, 16]
        );
        if self.only_looks {
            assert_eq!(general(&self.frame), before);
            assert!(kind == 4 || self.frame.rip == rip);
        }
        going
    }

    /// The program runs: breakpoints are in place, all else is as it was.
    fn assert_program_is_as_it_was(&mut self, seen: &mut Seen) {
        const FLAGS: u64 = 0xed5 | RFLAGS_TRAP | RFLAGS_RESUME;
        assert_eq!(self.frame.rflags & !FLAGS, 0x202 & !FLAGS);
        let is_stepped = self.frame.rflags & RFLAGS_TRAP != 0;
        let in_place: Vec<u64> = self
            .stub
            .breakpoints
            .code()
            .filter_map(|one| one.original.map(|_| one.address))
            .collect();
        let (_, control) = machine::watched();
        if !self.stub.is_attached {
            assert!(in_place.is_empty() && control == 0 && !is_stepped);
        }
        seen.running += 1;
        seen.in_place += in_place.len() as u64;
        seen.watched += u64::from(control != 0);
        seen.steps += u64::from(is_stepped);
        seen.commands += u64::from(IS_ASKED.take());
        if self.only_looks {
            memory::look(|bytes| {
                let differ = bytes.iter().zip(self.content.iter());
                let changed = differ.filter(|(now, before)| now != before);
                let mut count = 0;
                for (now, _) in changed {
                    assert_eq!(*now, 0xcc);
                    count += 1;
                }
                // Several addresses may lead to the same byte.
                assert!(count <= in_place.len(), "{count} bytes, {in_place:x?}");
            });
        }
    }

    /// Whatever was said before: a debugger is told that the machine stands still, and lets it go, whole.
    fn assert_debugger_can_come(&mut self) {
        let script = [&b"qSupported:swbreak+"[..], b"?", b"g", b"D"].map(framed);
        machine::begin_event(0, &script.join(&b'+'));
        self.stub.listen(&mut self.frame, &mut self.vectors);
        let output = machine::take_output();
        let bodies = sent(&output);
        let [.., greeting, reason, registers, farewell] = bodies[..] else {
            panic!("too few answers: {}", output.escape_ascii());
        };
        assert!(greeting.starts_with(b"PacketSize="));
        // What was left on the line may have been a wish to stop.
        let is_told = reason.starts_with(b"T05thread:") || reason.starts_with(b"T02thread:");
        assert!(is_told, "{}", output.escape_ascii());
        assert!(registers.len() > 100);
        assert_eq!(farewell, b"OK");
        assert_eq!(machine::watched(), ([0; 4], 0));
        assert_eq!(self.stub.breakpoints.code().count(), 0);
        if self.only_looks {
            memory::look(|bytes| assert!(bytes == &*self.content, "memory has changed"));
        }
    }
}

/// The general registers, without the flags behind them.
fn general(frame: &InterruptFrame) -> [u64; 16] {
    *frame.registers().first_chunk().unwrap()
}

#[test]
fn fuzz_stub() {
    let mut seen = Seen::default();
    for seed in 1..=crate::fuzz::rounds(SESSIONS) {
        let mut session = Session::new(seed);
        let ended = catch_unwind(AssertUnwindSafe(|| session.run(&mut seen)));
        seen.rescued += machine::rescued();
        match ended {
            Ok(()) => {}
            // A debugger may end the machine, if it says so.
            Err(problem) if problem.is::<MachineEnded>() && !session.only_looks => seen.ended += 1,
            Err(_) => panic!("session {seed}: see above"),
        }
    }
    println!("{seen:?}");
    let Seen {
        packets,
        in_place,
        watched,
        steps,
        commands,
        rescued,
        ended,
        ..
    } = seen;
    for count in [packets, in_place, watched, steps, commands, rescued, ended] {
        assert!(count > SESSIONS / 50, "the sessions come to nothing");
    }
}
