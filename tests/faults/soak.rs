//! Many kinds of HTTP requests at once through a wire that loses two frames of a hundred, to a machine for which time makes
//! steps, for a while: `MEWZ_SOAK` seconds (20 where it is not set), `MEWZ_SOAK_RATE` requests a second (200). An hour is
//! `MEWZ_SOAK=3600`.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use fastrand::Rng;
use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::State;

use crate::machine::{MICROVM, Machine};
use crate::peer::{MACHINE, NETWORK, Peer};
use crate::steps::{Steps, WALL_AT_START};
use crate::wire::{Faults, Wire};
use crate::{content, receipt};

/// Connections that are open at once.
const CLIENTS: usize = 16;

/// Requests that one connection carries.
const REQUESTS_PER_CONNECTION: u64 = 30;

/// Longest body of a request or an answer.
const BODY_BYTES_MAX: usize = 30_000;

/// What the machine's process may grow by after a third of the time.
const GROWTH_KIB_MAX: u64 = 4096;

/// Longest time from a request to its answer. A step of 8 s that is taken for the time of a round trip makes the timer 24 s
/// (RFC 6298, section 2.2), and each loss of the same frame doubles it up to a minute.
const ANSWER_MAX: Duration = Duration::from_secs(150);

const FAULTS: Faults = Faults {
    lost: 20,
    repeated: 5,
    delayed: 50,
    cut: 0,
};

/// What an answer is to be.
enum Expected {
    Bytes(Vec<u8>),
    /// The machine's clocks; it had run so long when it was asked.
    Time {
        asked_ns: i128,
    },
}

struct Client {
    number: usize,
    handle: Option<SocketHandle>,
    requests_left: u64,
    request: Vec<u8>,
    sent: usize,
    expected: Option<Expected>,
    answer: Vec<u8>,
    since: Instant,
    next_at: Instant,
    /// What the file of this client holds by now.
    file: Option<Vec<u8>>,
    file_asked: Option<Vec<u8>>,
}

#[derive(Debug, Default)]
struct Totals {
    connections: u64,
    requests: u64,
    bytes: u64,
    slowest: Duration,
}

#[test]
fn mixed_load_through_a_bad_wire() {
    let seconds = setting("MEWZ_SOAK", 20);
    let pause = Duration::from_secs(CLIENTS as u64) / setting("MEWZ_SOAK_RATE", 200) as u32;
    let folder = tempfile::tempdir().unwrap();
    let kind = format!(
        "{MICROVM} -rtc base={WALL_AT_START},clock=vm -fsdev local,id=data,security_model=none,path={} \
         -device virtio-9p-device,fsdev=data,mount_tag=data",
        folder.path().display()
    );
    let line = format!("{NETWORK} mount=data:/data");
    let limit = Duration::from_secs(seconds + 180);
    let (machine, stream) = Machine::start(&kind, "faults/soak.c", &line, limit);
    let process = machine.qemu();
    let mut peer = Peer::new(machine, Wire::new(stream, 21), 21);
    peer.until_line("listening");
    peer.wire.faults = FAULTS;
    let begun = Instant::now();
    let mut random = Rng::with_seed(21);
    let mut clients: Vec<_> = (0..CLIENTS)
        .map(|number| Client::new(number, begun))
        .collect();
    let mut totals = Totals::default();
    let mut early_kib = None;
    let mut steps = Steps::new(Duration::from_secs((seconds / 4).clamp(1, 60)), 21);
    while begun.elapsed() < Duration::from_secs(seconds) {
        for client in &mut clients {
            client.advance(&mut peer, &mut random, &mut totals, &mut steps, pause);
        }
        steps.advance(&peer.machine);
        assert_eq!(peer.machine.line(), None, "the program has words");
        if early_kib.is_none() && begun.elapsed().as_secs() >= seconds / 3 {
            early_kib = Some(resident_kib(process));
        }
        peer.step(Duration::from_millis(2));
    }
    steps.end(&peer.machine);
    // What is asked for is answered still.
    while clients.iter().any(|client| client.expected.is_some()) {
        for client in clients
            .iter_mut()
            .filter(|client| client.expected.is_some())
        {
            client.advance(
                &mut peer,
                &mut random,
                &mut totals,
                &mut steps,
                Duration::from_secs(600),
            );
        }
        peer.step(Duration::from_millis(20));
    }
    let late_kib = resident_kib(process);
    let early_kib = early_kib.unwrap();
    let (carried, lost) = (peer.wire.carried, peer.wire.lost);
    let _ = writeln!(
        std::io::stderr(),
        "soak: {seconds} s, {totals:?}, {lost} of {carried} frames lost, {steps}, {early_kib} KiB, then {late_kib} KiB"
    );
    for client in &clients {
        let path = folder.path().join(format!("f{}", client.number));
        assert_eq!(fs::read(path).ok(), client.file, "file {}", client.number);
    }
    assert!(totals.requests > seconds, "{totals:?}");
    assert!(steps.processes > 0 && steps.machines > 0, "{steps}");
    assert!(
        late_kib < early_kib + GROWTH_KIB_MAX,
        "{early_kib} KiB became {late_kib} KiB"
    );
    peer.wire.faults = Faults::default();
    let last = peer.connect();
    peer.send(last, &request("GET", "/stop", b""));
    peer.until("the machine's end", |peer| {
        peer.machine.has_ended().then_some(())
    });
    peer.machine.end();
}

impl Client {
    fn new(number: usize, now: Instant) -> Self {
        Self {
            number,
            handle: None,
            requests_left: 0,
            request: Vec::new(),
            sent: 0,
            expected: None,
            answer: Vec::new(),
            since: now,
            next_at: now,
            file: None,
            file_asked: None,
        }
    }

    /// Goes on as far as that is possible now.
    fn advance(
        &mut self,
        peer: &mut Peer,
        random: &mut Rng,
        totals: &mut Totals,
        steps: &mut Steps,
        pause: Duration,
    ) {
        if self.since.elapsed() > ANSWER_MAX {
            panic!("client {} waits: {}", self.number, self.describe(peer));
        }
        let Some(handle) = self.handle else {
            self.handle = Some(peer.ask((MACHINE, 8080).into()));
            self.requests_left = REQUESTS_PER_CONNECTION;
            self.since = Instant::now();
            totals.connections += 1;
            return;
        };
        let state = peer.socket(handle).state();
        if self.requests_left == 0 && self.expected.is_none() {
            peer.socket(handle).close();
            if matches!(state, State::Closed | State::TimeWait) {
                peer.sockets.remove(handle);
                self.handle = None;
            }
            return;
        }
        assert_ne!(
            state,
            State::Closed,
            "the connection of client {}",
            self.number
        );
        if !peer.socket(handle).may_send() {
            return;
        }
        if self.expected.is_none() {
            if Instant::now() < self.next_at {
                self.since = Instant::now();
                return;
            }
            self.ask(random, steps);
            self.next_at = Instant::now() + pause;
        }
        let socket = peer.socket(handle);
        self.sent += socket.send_slice(&self.request[self.sent..]).unwrap();
        peer.receive_more(handle, &mut self.answer);
        if self.is_answered(steps) {
            totals.requests += 1;
            totals.bytes += (self.request.len() + self.answer.len()) as u64;
            totals.slowest = totals.slowest.max(self.since.elapsed());
            self.requests_left -= 1;
            self.expected = None;
            self.since = Instant::now();
            self.answer.clear();
            if let Some(file) = self.file_asked.take() {
                self.file = Some(file);
            }
        }
    }

    /// How far it is, and what its end of the connection knows, without what buffers hold.
    fn describe(&self, peer: &mut Peer) -> String {
        let progress = format!(
            "{} of {} bytes sent, {} came",
            self.sent,
            self.request.len(),
            self.answer.len()
        );
        let socket = self
            .handle
            .map(|handle| format!("{:?}", peer.socket(handle)));
        let socket = socket.unwrap_or_default();
        let is_word = |part: &&str| !part.starts_with(|first: char| first.is_ascii_digit());
        let words: Vec<_> = socket.split(", ").filter(is_word).collect();
        format!("{progress}; {}", words.join(", "))
    }

    fn ask(&mut self, random: &mut Rng, steps: &Steps) {
        let len = random.usize(..BODY_BYTES_MAX);
        let mut body = content(len);
        body.iter_mut().for_each(|byte| *byte ^= self.number as u8);
        let receipt = answer(receipt(&body).as_bytes());
        (self.request, self.expected) = match random.u64(..8) {
            0..=3 => {
                let expected = Expected::Bytes(answer(&content(len)));
                (request("GET", &format!("/{len}"), b""), Some(expected))
            }
            4 | 5 => {
                let request = request("POST", "/hash", &body);
                (request, Some(Expected::Bytes(receipt)))
            }
            6 => {
                let request = request("PUT", &format!("/data/f{}", self.number), &body);
                self.file_asked = Some(body);
                (request, Some(Expected::Bytes(receipt)))
            }
            _ => {
                let [asked_ns, _] = steps.machine_ns();
                let expected = Expected::Time { asked_ns };
                (request("GET", "/time", b""), Some(expected))
            }
        };
        self.sent = 0;
        self.since = Instant::now();
    }

    /// Whether the answer is whole; it is the expected one.
    fn is_answered(&self, steps: &mut Steps) -> bool {
        match &self.expected {
            None => false,
            Some(Expected::Bytes(bytes)) => {
                assert!(
                    bytes.starts_with(&self.answer),
                    "client {} got another answer",
                    self.number
                );
                self.sent == self.request.len() && self.answer.len() == bytes.len()
            }
            Some(Expected::Time { asked_ns }) => {
                let text = str::from_utf8(&self.answer).unwrap();
                let Some((_, text)) = text.split_once("\r\n\r\n") else {
                    return false;
                };
                let Some(text) = text.strip_suffix('\n') else {
                    return false;
                };
                let clocks: Vec<_> = text.split(' ').map(|ns| ns.parse().unwrap()).collect();
                steps.check(*asked_ns, clocks.try_into().unwrap());
                true
            }
        }
    }
}

pub(crate) fn request(method: &str, path: &str, body: &[u8]) -> Vec<u8> {
    let len = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

pub(crate) fn answer(body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// Memory of a process that is in use, in KiB. Source: proc(5).
fn resident_kib(process: u32) -> u64 {
    let status = fs::read_to_string(Path::new("/proc").join(process.to_string()).join("status"));
    let status = status.unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn setting(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(value) => value
            .parse()
            .unwrap_or_else(|_| panic!("{name} is no number: {value}")),
        Err(_) => default,
    }
}
