//! Noise and mutilated packets on the line of a program that goes on. `MEWZ_FUZZ_SECONDS` makes it longer.

use std::io::{Read, Write as _};
use std::os::unix::net::UnixStream;
use std::process::ChildStdout;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fastrand::Rng;

use super::invoke::{Place, signal, wait_for};
use super::{Kept, command, line_socket, source};

/// How long it takes where nobody wants more.
const SECONDS: u64 = 4;

/// Bytes that are sent in a second at most: each is an interrupt of the machine, and what waits in between is not seen.
const BYTES_PER_SECOND: u64 = 30_000;

/// Packets that a debugger sends, less those that end or change the program.
const PACKETS: [&[u8]; 20] = [
    b"?",
    b"g",
    b"m0,40",
    b"mffffffff80100000,800",
    b"qSupported:xmlRegisters=i386",
    b"qC",
    b"qfThreadInfo",
    b"qXfer:features:read:target.xml:0,fff",
    b"vCont?",
    b"vMustReplyEmpty",
    b"Hg0",
    b"qRcmd,68656170",
    b"qRcmd,666473",
    b"qAttached",
    b"z0,1000,1",
    b"p18",
    b"T1",
    b"x0,10",
    b"bc",
    b"R00",
];

/// What comes on the line.
struct Words(Rng);

impl Words {
    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.0.u8(..)).collect()
    }

    /// Bytes that hold no whole packet.
    fn noise(&mut self) -> Vec<u8> {
        let len = self.0.usize(..800) + 1;
        match self.0.usize(..4) {
            0 => vec![b'$'; len],
            1 => vec![3; len % 100],
            2 => {
                let mut packet = framed(&self.body());
                packet.pop();
                packet.push(b'z');
                packet
            }
            _ => self
                .bytes(len)
                .into_iter()
                .filter(|byte| *byte != b'#')
                .collect(),
        }
    }

    /// A packet's body: one of a debugger, or one with mistakes.
    fn body(&mut self) -> Vec<u8> {
        let mut body = PACKETS[self.0.usize(..PACKETS.len())].to_vec();
        match self.0.usize(..4) {
            0 => {
                let len = self.0.usize(..300) + 1;
                body = self.bytes(len);
            }
            1 => {
                let at = self.0.usize(..body.len() + 1);
                let parts: [&[u8]; 5] = [b",", b":", b"ffffffffffffffff", b"-1", b"\x85"];
                let part = parts[self.0.usize(..parts.len())];
                body.splice(at..at, part.iter().copied());
            }
            2 => {
                let at = self.0.usize(..body.len());
                body[at] = self.0.u8(..);
            }
            _ => {}
        }
        body.retain(|byte| !matches!(byte, b'#' | b'$' | 3));
        let changes = matches!(
            body.first(),
            None | Some(b'G' | b'P' | b'M' | b'X' | b'Z' | b'k' | b'c' | b'C' | b's' | b'S' | b'D')
        ) || [&b"vKill"[..], b"vCont;", b"vRun"]
            .iter()
            .any(|word| body.starts_with(word));
        if changes { b"?".to_vec() } else { body }
    }
}

fn framed(body: &[u8]) -> Vec<u8> {
    let sum = body.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    [b"$", body, format!("#{sum:02x}").as_bytes()].concat()
}

/// Counts what a program writes.
fn count(mut stdout: ChildStdout) -> Arc<AtomicU64> {
    let counted = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&counted);
    std::thread::spawn(move || {
        let mut part = [0; 4096];
        while let Ok(len @ 1..) = stdout.read(&mut part) {
            counter.fetch_add(len as u64, Ordering::Relaxed);
        }
    });
    counted
}

/// A machine with a program that writes points, for ever.
pub(crate) struct Ticking {
    pub(crate) child: Kept,
    counted: Arc<AtomicU64>,
}

impl Ticking {
    /// Starts it, and waits until the program writes.
    pub(crate) fn new(place: &Place) -> Self {
        let machine = command(place, &["run", "--debuggable", &source("tick.wat")]).spawn();
        let mut child = Kept(machine.unwrap());
        let counted = count(child.stdout.take().unwrap());
        let program = Self { child, counted };
        program.goes_on("the program's first points");
        program
    }

    /// Waits for more points; `words` say whose they are.
    pub(crate) fn goes_on(&self, words: &str) {
        let wanted = self.counted.load(Ordering::Relaxed) + 8;
        wait_for(words, || {
            (self.counted.load(Ordering::Relaxed) >= wanted).then_some(())
        });
    }
}

#[test]
fn what_comes_on_the_line_does_not_stop_a_program() {
    let seconds = std::env::var("MEWZ_FUZZ_SECONDS").ok();
    let seconds = seconds
        .and_then(|text| text.parse().ok())
        .unwrap_or(SECONDS);
    let place = Place::new();
    let mut program = Ticking::new(&place);
    let socket = line_socket(&place);
    let mut words = Words(Rng::with_seed(seconds));
    let end = Instant::now() + Duration::from_secs(seconds);
    for round in 0.. {
        if Instant::now() > end {
            break;
        }
        let mut line = UnixStream::connect(&socket).unwrap();
        // Answers are nobody's.
        let mut answers = line.try_clone().unwrap();
        std::thread::spawn(move || std::io::copy(&mut answers, &mut std::io::sink()));
        let mut send = |bytes: &[u8]| {
            line.write_all(bytes).unwrap();
            std::thread::sleep(Duration::from_micros(
                bytes.len() as u64 * 1_000_000 / BYTES_PER_SECOND,
            ));
        };
        let parts = words.0.usize(..8) + 1;
        if round % 2 == 0 {
            for _ in 0..parts {
                send(&words.noise());
            }
        } else {
            for _ in 0..parts {
                send(&[b"+", &framed(&words.body())[..]].concat());
            }
            // Whatever it was told: it lets the program go.
            send(&[&framed(b"QStartNoAckMode")[..], b"+", &framed(b"D")].concat());
        }
        program.goes_on(&format!("the program, in round {round}"));
        line.shutdown(std::net::Shutdown::Both).unwrap();
    }
    signal("INT", program.child.id());
    program.child.wait().unwrap();
    place.assert_clean();
}
