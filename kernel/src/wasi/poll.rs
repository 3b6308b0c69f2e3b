//! Waiting for clocks and descriptors: `poll_oneoff`.

use core::fmt::{self, Write};

use super::buffers::store_u32;
use super::clocks::Clock;
use super::descriptor::{Object, Table};
use super::interest::Interest;
use super::system::System;
use super::types::rights;
use super::{Context, Wasi, sockets};
use crate::fs::errno::Errno;
use crate::guest::GuestMemory;

const EVENT_BYTES: u32 = 32;

/// Bytes that a writable descriptor says it takes; in truth it takes any number.
const WRITABLE_BYTES: u64 = 64 << 10;

/// Flag of a clock subscription: the timeout is a time, not a span.
const ABSTIME: u16 = 1;

/// Flag of an event: nothing more will come.
const HANGUP: u16 = 1;

/// Where the parts of a subscription lie. It starts with userdata (u64) and tag (u8).
#[derive(Clone, Copy)]
struct Layout {
    bytes: u32,
    /// Of a clock: its number (u32), timeout (u64), precision (u64), flags (u16). A descriptor lies at the union's start.
    clock: usize,
    timeout: usize,
    flags: usize,
}

const UNION: usize = 16;

const PREVIEW1: Layout = Layout {
    bytes: 48,
    clock: 16,
    timeout: 24,
    flags: 40,
};

/// Snapshot 0 has a further number in front of the clock's.
const UNSTABLE: Layout = Layout {
    bytes: 56,
    clock: 24,
    timeout: 32,
    flags: 48,
};

/// Bytes of the longest subscription.
pub(super) const SUBSCRIPTION_BYTES_MAX: usize = 56;

/// What is waited for.
#[derive(Clone, Copy)]
enum Wanted {
    Clock {
        number: u32,
        timeout_ns: u64,
        flags: u16,
    },
    Read(u32),
    Write(u32),
}

struct Subscription {
    userdata: u64,
    tag: u8,
    wanted: Wanted,
}

/// How it stands with what is waited for.
enum State {
    /// It is there: bytes, and flags of the event.
    Ready(u64, u16),
    /// It will be there when the monotonic clock shows this.
    At(u64),
    /// An interrupt will bring it.
    Pending,
}

impl Wasi {
    pub(super) fn poll_oneoff(
        &mut self,
        context: &mut Context<'_>,
        subscriptions: u32,
        events: u32,
        count: u32,
        events_count: u32,
    ) -> Result<(), Errno> {
        let at = (subscriptions, events, events_count);
        self.poll(context, at, count, PREVIEW1)
    }

    pub(super) fn poll_oneoff_unstable(
        &mut self,
        context: &mut Context<'_>,
        subscriptions: u32,
        events: u32,
        count: u32,
        events_count: u32,
    ) -> Result<(), Errno> {
        let at = (subscriptions, events, events_count);
        self.poll(context, at, count, UNSTABLE)
    }

    fn poll(
        &mut self,
        context: &mut Context<'_>,
        (subscriptions, events, events_count): (u32, u32, u32),
        count: u32,
        layout: Layout,
    ) -> Result<(), Errno> {
        if count == 0 {
            return Err(Errno::Inval);
        }
        let subscriptions_bytes = count.checked_mul(layout.bytes).ok_or(Errno::Fault)?;
        context.memory.check(subscriptions, subscriptions_bytes)?;
        // Fewer bytes than those just checked to fit.
        context.memory.check(events, count * EVENT_BYTES)?;
        context.memory.check(events_count, 4)?;
        let start_ns = context.system.monotonic_ns();
        self.poll_network(context);
        let mut interest = core::mem::take(&mut self.interest);
        let known = interest.update(
            context.memory,
            subscriptions,
            subscriptions_bytes,
            layout.bytes,
            self.descriptors.version,
        );
        let answer = known.and_then(|is_known| {
            if !is_known {
                self.sort(&mut interest, layout)?;
            }
            self.wait_for(context, &mut interest, layout, events, start_ns)
        });
        match answer {
            Ok(ready) => {
                self.interest = interest;
                store_u32(context.memory, events_count, ready)
            }
            // What is half known is known no more.
            Err(errno) => Err(errno),
        }
    }

    /// Parts the subscriptions into those that the network tells of and the others.
    fn sort(&mut self, interest: &mut Interest, layout: Layout) -> Result<(), Errno> {
        if let Some(network) = &self.network {
            network.borrow_mut().forget_watches();
        }
        interest.begin(|subscription| {
            let wanted = Subscription::new(subscription, layout)?.wanted;
            let (Wanted::Read(fd) | Wanted::Write(fd)) = wanted else {
                return Ok(false);
            };
            Ok(match self.descriptors.get(fd).map(|found| &found.object) {
                Ok(Object::Socket(socket)) => socket.can_be_watched(),
                _ => false,
            })
        })
    }

    /// Waits until something is there, and stores its events; returns how many.
    fn wait_for(
        &mut self,
        context: &mut Context<'_>,
        interest: &mut Interest,
        layout: Layout,
        events: u32,
        start_ns: u64,
    ) -> Result<u32, Errno> {
        loop {
            if let Some(network) = &self.network {
                network.borrow_mut().take_woken(&mut interest.candidates);
            }
            let mut deadline_ns = None;
            let mut ready = 0;
            let mut candidates = interest.take_candidates();
            for number in candidates.drain(..) {
                let subscription = Subscription::new(interest.subscription(number), layout)?;
                let state = self
                    .descriptors
                    .state(context.system, subscription.wanted, start_ns);
                let event = match state {
                    Ok(State::Ready(bytes, flags)) => subscription.event(0, bytes, flags),
                    Err(errno) => subscription.event(errno.number(), 0, 0),
                    Ok(State::At(ns)) => {
                        deadline_ns = Some(deadline_ns.map_or(ns, |other: u64| other.min(ns)));
                        continue;
                    }
                    Ok(State::Pending) => {
                        self.descriptors.watch(subscription.wanted, number);
                        continue;
                    }
                };
                // It may be there next time too.
                interest.keep(number);
                context.memory.write(events + ready * EVENT_BYTES, &event)?;
                ready += 1;
            }
            interest.return_room(candidates);
            if ready > 0 {
                return Ok(ready);
            }
            sockets::wait_for_any(self, context, deadline_ns);
        }
    }
}

impl Table {
    fn state(
        &mut self,
        system: &mut dyn System,
        wanted: Wanted,
        start_ns: u64,
    ) -> Result<State, Errno> {
        match wanted {
            Wanted::Clock {
                number,
                timeout_ns,
                flags,
            } => clock_state(system, number, timeout_ns, flags, start_ns),
            Wanted::Read(fd) => self.readable(system, fd),
            Wanted::Write(fd) => self.writable(fd),
        }
    }

    /// Lets the network tell `number` when what is wanted may be there.
    fn watch(&mut self, wanted: Wanted, number: u32) {
        if let Wanted::Read(fd) | Wanted::Write(fd) = wanted
            && let Ok(descriptor) = self.get(fd)
            && let Object::Socket(socket) = &descriptor.object
        {
            socket.watch(number);
        }
    }

    fn readable(&mut self, system: &mut dyn System, fd: u32) -> Result<State, Errno> {
        let descriptor = self.get(fd)?;
        if descriptor.rights & rights::FD_READ == 0 {
            return Err(Errno::Badf);
        }
        descriptor.need(rights::POLL_FD_READWRITE)?;
        match &mut descriptor.object {
            Object::Stdin => Ok(match system.stdin_available() {
                None => State::Ready(0, HANGUP),
                Some(0) => State::Pending,
                Some(bytes) => State::Ready(bytes as u64, 0),
            }),
            Object::File(open) => {
                let size = open.file.attributes()?.size;
                Ok(State::Ready(size.saturating_sub(open.cursor), 0))
            }
            Object::Socket(socket) => {
                socket.attend(system);
                Ok(socket.readable().map_or(State::Pending, ready))
            }
            Object::Output(_) | Object::Directory(_) => Err(Errno::Badf),
        }
    }

    fn writable(&mut self, fd: u32) -> Result<State, Errno> {
        let descriptor = self.get(fd)?;
        if descriptor.rights & rights::FD_WRITE == 0 {
            return Err(Errno::Badf);
        }
        descriptor.need(rights::POLL_FD_READWRITE)?;
        match &descriptor.object {
            Object::Socket(socket) => Ok(socket.writable().map_or(State::Pending, ready)),
            Object::Output(_) | Object::File(_) => Ok(State::Ready(WRITABLE_BYTES, 0)),
            Object::Stdin | Object::Directory(_) => Err(Errno::Badf),
        }
    }
}

/// Bytes, and whether nothing more will come, as an event has it.
fn ready((bytes, is_over): (usize, bool)) -> State {
    State::Ready(bytes as u64, if is_over { HANGUP } else { 0 })
}

fn clock_state(
    system: &mut dyn System,
    number: u32,
    timeout_ns: u64,
    flags: u16,
    start_ns: u64,
) -> Result<State, Errno> {
    let clock = Clock::from_number(number)?;
    if flags & !ABSTIME != 0 {
        return Err(Errno::Inval);
    }
    let now_ns = system.monotonic_ns();
    let at_ns = match (flags, clock) {
        (ABSTIME, Clock::Monotonic) => timeout_ns,
        (ABSTIME, Clock::Realtime) => {
            now_ns.saturating_add(timeout_ns.saturating_sub(system.realtime_ns()))
        }
        _ => start_ns.saturating_add(timeout_ns),
    };
    Ok(if at_ns <= now_ns {
        State::Ready(0, 0)
    } else {
        State::At(at_ns)
    })
}

/// Subscriptions and events that are described.
const DESCRIBED_MAX: u32 = 16;

/// Writes what the `count` subscriptions at `address` wait for.
pub(super) fn describe_subscriptions(
    memory: &dyn GuestMemory,
    address: u32,
    count: u32,
    out: &mut dyn Write,
) -> fmt::Result {
    out.write_char('[')?;
    for index in 0..count.min(DESCRIBED_MAX) {
        let mut bytes = [0; SUBSCRIPTION_BYTES_MAX];
        let bytes = &mut bytes[..PREVIEW1.bytes as usize];
        let at = address.wrapping_add(index * PREVIEW1.bytes);
        if memory.read(at, bytes).is_err() {
            break;
        }
        out.write_str(if index == 0 { "" } else { ", " })?;
        match Subscription::new(bytes, PREVIEW1).map(|subscription| subscription.wanted) {
            Ok(Wanted::Read(fd)) => write!(out, "read {fd}")?,
            Ok(Wanted::Write(fd)) => write!(out, "write {fd}")?,
            Ok(Wanted::Clock {
                number,
                timeout_ns,
                flags,
            }) => {
                let how = if flags & ABSTIME == 0 { "+" } else { "" };
                write!(out, "clock {number} {how}{timeout_ns} ns")?;
            }
            Err(_) => out.write_char('?')?,
        }
    }
    out.write_str(if count > DESCRIBED_MAX { ", …]" } else { "]" })
}

/// Writes what the `count` events at `address` tell.
pub(super) fn describe_events(
    memory: &dyn GuestMemory,
    address: u32,
    count: u32,
    out: &mut dyn Write,
) -> fmt::Result {
    out.write_char('[')?;
    for index in 0..count.min(DESCRIBED_MAX) {
        let mut event = [0; EVENT_BYTES as usize];
        let at = address.wrapping_add(index * EVENT_BYTES);
        if memory.read(at, &mut event).is_err() {
            break;
        }
        out.write_str(if index == 0 { "" } else { ", " })?;
        out.write_str(match event[10] {
            0 => "clock",
            1 => "read",
            2 => "write",
            _ => "?",
        })?;
        let errno = u16::from_le_bytes([event[8], event[9]]);
        if errno != 0 {
            let name = mewz_abi::observe::errno_name(errno).unwrap_or("?");
            write!(out, " {name}")?;
        }
    }
    out.write_str(if count > DESCRIBED_MAX { ", …]" } else { "]" })
}

impl Subscription {
    /// Reads one at the front of `bytes`.
    fn new(bytes: &[u8], layout: Layout) -> Result<Self, Errno> {
        let field = |at: usize| bytes[at..].first_chunk().copied().unwrap_or_default();
        let word = |at: usize| bytes[at..].first_chunk().copied().unwrap_or_default();
        let tag = bytes[8];
        let wanted = match tag {
            0 => Wanted::Clock {
                number: u32::from_le_bytes(word(layout.clock)),
                timeout_ns: u64::from_le_bytes(field(layout.timeout)),
                flags: u16::from_le_bytes([bytes[layout.flags], bytes[layout.flags + 1]]),
            },
            1 => Wanted::Read(u32::from_le_bytes(word(UNION))),
            2 => Wanted::Write(u32::from_le_bytes(word(UNION))),
            _ => return Err(Errno::Inval),
        };
        Ok(Self {
            userdata: u64::from_le_bytes(field(0)),
            tag,
            wanted,
        })
    }

    fn event(&self, errno: u16, bytes: u64, flags: u16) -> [u8; EVENT_BYTES as usize] {
        let mut event = [0; EVENT_BYTES as usize];
        event[0..8].copy_from_slice(&self.userdata.to_le_bytes());
        event[8..10].copy_from_slice(&errno.to_le_bytes());
        event[10] = self.tag;
        event[16..24].copy_from_slice(&bytes.to_le_bytes());
        event[24..26].copy_from_slice(&flags.to_le_bytes());
        event
    }
}
