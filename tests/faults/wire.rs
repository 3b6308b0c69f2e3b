//! The wire between a machine's card and the test: it loses, repeats, delays, cuts and forges frames.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use fastrand::Rng;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};

/// Bytes on their way to the machine from which on nothing more is taken.
const OUTGOING_BYTES_MAX: usize = 1 << 20;

/// Bytes of a frame without its check sequence.
const FRAME_BYTES_MAX: usize = 1514;

/// Who a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum To {
    Machine,
    Test,
}

/// What the wire does to frames: to so many of a thousand, either way.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    pub(crate) lost: u64,
    pub(crate) repeated: u64,
    /// Others overtake them, by up to 5 ms.
    pub(crate) delayed: u64,
    pub(crate) cut: u64,
}

/// What may be done to a frame besides; it goes on its way where that says so.
type Hook = Box<dyn FnMut(To, &mut Vec<u8>) -> bool>;

pub(crate) struct Wire {
    stream: UnixStream,
    incoming: Vec<u8>,
    outgoing: VecDeque<u8>,
    /// Frames for the test's own stack.
    arrived: VecDeque<Vec<u8>>,
    delayed: Vec<(Instant, To, Vec<u8>)>,
    pub(crate) faults: Faults,
    pub(crate) hook: Option<Hook>,
    pub(crate) random: Rng,
    pub(crate) carried: u64,
    pub(crate) lost: u64,
}

impl Wire {
    pub(crate) fn new(stream: UnixStream, seed: u64) -> Self {
        stream.set_nonblocking(true).unwrap();
        Self {
            stream,
            incoming: Vec::new(),
            outgoing: VecDeque::new(),
            arrived: VecDeque::new(),
            delayed: Vec::new(),
            faults: Faults::default(),
            hook: None,
            random: Rng::with_seed(seed),
            carried: 0,
            lost: 0,
        }
    }

    /// Carries what can be carried now.
    pub(crate) fn pump(&mut self) {
        let now = Instant::now();
        let (due, later) = std::mem::take(&mut self.delayed)
            .into_iter()
            .partition(|(at, ..)| *at <= now);
        self.delayed = later;
        let due: Vec<_> = due;
        for (_, to, frame) in due {
            self.deliver(to, frame);
        }
        self.read();
        self.write();
    }

    /// Waits until there is something to carry, at most so long.
    pub(crate) fn wait(&self, limit: Duration) {
        let now = Instant::now();
        let next = self
            .delayed
            .iter()
            .map(|(at, ..)| at.saturating_duration_since(now));
        let limit = next.chain([limit]).min().unwrap_or(limit);
        let mut wanted = PollFlags::IN;
        if !self.outgoing.is_empty() {
            wanted |= PollFlags::OUT;
        }
        let limit = Timespec {
            tv_sec: limit.as_secs().try_into().unwrap(),
            tv_nsec: limit.subsec_nanos().into(),
        };
        // An interrupted wait is a short one.
        let _ = poll(&mut [PollFd::new(&self.stream, wanted)], Some(&limit));
    }

    /// Puts a frame on the wire, to the machine, whatever the faults.
    pub(crate) fn inject(&mut self, frame: &[u8]) {
        self.deliver(To::Machine, frame.to_vec());
    }

    fn read(&mut self) {
        let mut room = [0; 65536];
        loop {
            match self.stream.read(&mut room) {
                Ok(0) => break,
                Ok(count) => self.incoming.extend(&room[..count]),
                Err(problem) if problem.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        // Each frame has its length in front: QEMU's `-netdev stream`.
        let mut rest = &self.incoming[..];
        let mut frames = Vec::new();
        while let Some((head, after)) = rest.split_first_chunk::<4>() {
            let Some((frame, after)) = after.split_at_checked(u32::from_be_bytes(*head) as usize)
            else {
                break;
            };
            frames.push(frame.to_vec());
            rest = after;
        }
        self.incoming = rest.to_vec();
        for frame in frames {
            self.carry(To::Test, frame);
        }
    }

    fn write(&mut self) {
        while !self.outgoing.is_empty() {
            match self.stream.write(self.outgoing.as_slices().0) {
                Ok(count) => drop(self.outgoing.drain(..count)),
                Err(problem) if problem.kind() == ErrorKind::Interrupted => {}
                // The machine is busy, or gone: whoever waits for it will tell.
                Err(_) => break,
            }
        }
    }

    fn carry(&mut self, to: To, mut frame: Vec<u8>) {
        self.carried += 1;
        if let Some(hook) = &mut self.hook
            && !hook(to, &mut frame)
        {
            self.lost += 1;
            return;
        }
        if self.happens(self.faults.lost) {
            self.lost += 1;
            return;
        }
        if self.happens(self.faults.repeated) {
            self.deliver(to, frame.clone());
        }
        if self.happens(self.faults.cut) {
            frame.truncate(self.random.usize(..frame.len()));
        }
        if self.happens(self.faults.delayed) {
            let delay = Duration::from_micros(self.random.u64(..5000));
            self.delayed.push((Instant::now() + delay, to, frame));
            return;
        }
        self.deliver(to, frame);
    }

    fn happens(&mut self, of_thousand: u64) -> bool {
        self.random.u64(..1000) < of_thousand
    }

    fn deliver(&mut self, to: To, frame: Vec<u8>) {
        match to {
            To::Test => self.arrived.push_back(frame),
            To::Machine => {
                self.outgoing.extend((frame.len() as u32).to_be_bytes());
                self.outgoing.extend(frame);
            }
        }
    }
}

impl Device for Wire {
    type RxToken<'a> = Arrived;
    type TxToken<'a> = Sending<'a>;

    fn receive(&mut self, _: smoltcp::time::Instant) -> Option<(Arrived, Sending<'_>)> {
        let frame = self.arrived.pop_front()?;
        Some((Arrived(frame), Sending(self)))
    }

    fn transmit(&mut self, _: smoltcp::time::Instant) -> Option<Sending<'_>> {
        (self.outgoing.len() < OUTGOING_BYTES_MAX).then_some(Sending(self))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME_BYTES_MAX;
        capabilities
    }
}

pub(crate) struct Arrived(Vec<u8>);

impl RxToken for Arrived {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(&self.0)
    }
}

pub(crate) struct Sending<'a>(&'a mut Wire);

impl TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, bytes: usize, fill: F) -> R {
        let mut frame = vec![0; bytes];
        let answer = fill(&mut frame);
        self.0.carry(To::Machine, frame);
        answer
    }
}
