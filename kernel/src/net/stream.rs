//! Connections: TCP.

use alloc::boxed::Box;
use alloc::vec::Vec;

use smoltcp::iface::{SocketHandle, SocketSet};
use smoltcp::socket::tcp::{self, RecvError, SocketBuffer, State};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{IpAddress, IpEndpoint};

use super::network::{Network, SocketId, send_all, set_of};
use super::segments::LongSegment;
use super::watch::Watch;
use crate::fs::errno::Errno;

/// How long the other end may take to answer a request for a connection.
const CONNECT: Duration = Duration::from_secs(60);

/// How long the other end may leave what was sent to it unanswered.
const SILENCE: Duration = Duration::from_secs(300);

/// How long the other end of a connection that nobody holds any more may take nothing of what is left for it.
const LINGER: Duration = Duration::from_secs(60);

/// How soon the other end is asked again for what it has to acknowledge and no timer is set for.
const ASK_AGAIN: Duration = Duration::from_millis(200);

/// How long it may take to tell the other end that it took too long.
const LAST_WORD: Duration = Duration::from_secs(3);

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The other end was asked.
    Active,
    /// The other end asked.
    Passive,
    /// It was complete; it may have ended since.
    Open,
}

/// How making a connection goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The other end has not answered.
    Waiting,
    /// It is complete.
    Open,
    /// It is not, and won't be.
    Failed(Errno),
}

/// What receiving found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// So many bytes; more than 0.
    Bytes(usize),
    /// Nothing yet.
    Nothing,
    /// The other end has sent all that it will.
    End,
}

/// What receiving so many bytes means.
fn received(bytes: usize) -> Received {
    if bytes == 0 {
        Received::Nothing
    } else {
        Received::Bytes(bytes)
    }
}

pub(super) struct Connection {
    pub(super) id: SocketId,
    pub(super) set: SocketSet<'static>,
    handle: SocketHandle,
    phase: Phase,
    ends: Option<(IpEndpoint, IpEndpoint)>,
    /// Who has not handed it out yet.
    pub(super) listener: Option<SocketId>,
    /// Nobody holds it: it is to end.
    pub(super) is_orphan: bool,
    pub(super) saw_reset: bool,
    is_read_shut: bool,
    is_write_shut: bool,
    /// Nothing will happen to it any more.
    has_ended: bool,
    /// Why it failed, until someone was told.
    error: Option<Errno>,
    /// When it was asked for, lost its holder, or, without one, last came further.
    begun: Instant,
    /// The other end took too long.
    is_late: bool,
    /// Since when the other end leaves something unanswered.
    silent_since: Option<Instant>,
    /// How far it is: its state, and bytes that the other end has not taken.
    progress: (State, usize),
    pub(super) long: Option<LongSegment>,
    /// It is among those that the next poll looks at.
    is_touched: bool,
    /// Its entry among the timers.
    pub(super) due: Option<i64>,
    /// Bytes of each of its buffers.
    pub(super) buffer_bytes: usize,
    pub(super) watch: Watch,
}

impl Connection {
    /// Lets the next poll look at it.
    pub(super) fn touch(&mut self, touched: &mut Vec<SocketId>) {
        if !core::mem::replace(&mut self.is_touched, true) {
            touched.push(self.id);
        }
    }

    pub(super) fn socket(&self) -> &tcp::Socket<'static> {
        self.set.get(self.handle)
    }

    pub(super) fn socket_mut(&mut self) -> &mut tcp::Socket<'static> {
        self.set.get_mut(self.handle)
    }

    /// Whether time alone moves it on: what it has to send may wait until it is known where to.
    pub(super) fn is_due(&self) -> bool {
        self.due.is_some()
    }

    /// Whether it has ended, or is none yet.
    pub(super) fn has_stopped(&self) -> bool {
        matches!(self.socket().state(), State::Closed | State::Listen)
    }

    /// Takes note of a segment that came.
    pub(super) fn hear(&mut self, now: Instant) {
        self.silent_since = self.silent_since.map(|_| now);
    }

    /// Keeps the times from which deadlines count. The other end's silence is bounded while something waits for its
    /// answer, and only then: two ends that have nothing to say may be silent for days.
    fn note_progress(&mut self, now: Instant) {
        let socket = self.socket();
        let progress = (socket.state(), socket.send_queue());
        let waits = match progress {
            (State::Established | State::CloseWait, queued) => queued > 0,
            (State::FinWait2 | State::TimeWait, _) => false,
            _ => true,
        };
        self.silent_since = waits.then(|| self.silent_since.unwrap_or(now));
        if self.is_orphan && self.progress != progress {
            self.begun = now;
        }
        self.progress = progress;
    }

    /// When it must have come further, if it must.
    fn deadline(&self) -> Option<Instant> {
        match (self.phase, self.is_orphan) {
            (_, true) if self.is_late => Some(self.begun + LAST_WORD),
            (_, true) => Some(self.begun + LINGER),
            (Phase::Active | Phase::Passive, false) => Some(self.begun + CONNECT),
            (Phase::Open, false) => self.silent_since.map(|since| since + SILENCE),
        }
    }

    /// The stack may hold what the other end has to acknowledge, and no timer: of an end whose frames before it were
    /// acknowledged thrice; of bytes whose timer ran out while the window was shut, or that were under way when it was shut
    /// and open again. A connection that is kept alive asks the other end, whose answer brings the rest; while an end is its
    /// last word, it says that once more. Returns whether it is to be looked at again.
    fn unblock(&mut self, is_without_timer: bool) -> bool {
        let socket = self.socket_mut();
        let owes = match socket.state() {
            State::Established | State::CloseWait => socket.send_queue() > 0,
            State::FinWait1 | State::Closing | State::LastAck => true,
            _ => false,
        };
        if owes && is_without_timer {
            socket.set_keep_alive(Some(ASK_AGAIN));
            return true;
        }
        if socket.keep_alive().is_some() {
            socket.set_keep_alive(None);
        }
        false
    }

    /// Why it has ended without its holder.
    fn failure(&self) -> Option<Errno> {
        match (self.phase, self.saw_reset) {
            (Phase::Active, true) => Some(Errno::Connrefused),
            (_, true) => Some(Errno::Connreset),
            (Phase::Active | Phase::Passive, false) => Some(Errno::Timedout),
            // Both ends have sent all: it ended well.
            (Phase::Open, false) if self.is_write_shut && !self.is_late => None,
            (Phase::Open, false) => Some(Errno::Timedout),
        }
    }
}

impl Network {
    /// Asks `remote` for a connection, from `local_port` or one that is chosen.
    ///
    /// # Errors
    ///
    /// `Netunreach`: there is no address to speak from; `Addrinuse`; `Nobufs`; `Addrnotavail`: nobody can be there.
    pub fn connect(&mut self, local_port: u16, remote: IpEndpoint) -> Result<SocketId, Errno> {
        let source = self.source_for(remote.addr).ok_or(Errno::Netunreach)?;
        let is_free = |network: &Self, port| {
            let local = IpEndpoint::new(source, port);
            !network.ends.contains_key(&(local, remote))
                && (local_port != 0 || network.listeners.values().all(|other| other.port != port))
        };
        let port = match local_port {
            0 => self.choose_port(is_free).ok_or(Errno::Addrnotavail)?,
            port if is_free(self, port) => port,
            _ => return Err(Errno::Addrinuse),
        };
        let local = IpEndpoint::new(source, port);
        let mut connection = self.new_connection(Phase::Active).ok_or(Errno::Nobufs)?;
        let socket: &mut tcp::Socket<'_> = connection.set.get_mut(connection.handle);
        let asked = socket.connect(self.interface.context(), remote, local);
        if asked.is_err() {
            self.budget_bytes += 2 * connection.buffer_bytes;
            return Err(Errno::Addrnotavail);
        }
        let id = connection.id;
        connection.touch(&mut self.touched);
        self.insert(connection, (local, remote))?;
        Ok(id)
    }

    /// The address to speak from to `remote`, if that is one host that can be reached.
    fn source_for(&self, remote: IpAddress) -> Option<IpAddress> {
        if !self.is_reachable(remote) {
            return None;
        }
        let source = self.interface.get_source_address(&remote);
        source.filter(|source| source.is_unicast())
    }

    /// How making the connection goes; a failure is told once.
    pub fn progress(&mut self, id: SocketId) -> Progress {
        let Some(connection) = self.connections.get_mut(id) else {
            return Progress::Failed(Errno::Badf);
        };
        match (connection.error.take(), connection.phase) {
            (Some(errno), _) => Progress::Failed(errno),
            (None, Phase::Open) => Progress::Open,
            (None, _) if connection.socket().state() == State::Closed => {
                Progress::Failed(Errno::Connrefused)
            }
            (None, _) => Progress::Waiting,
        }
    }

    /// Whether the connection was complete once.
    #[must_use]
    pub fn was_open(&self, id: SocketId) -> bool {
        self.connections
            .get(id)
            .is_some_and(|connection| connection.phase == Phase::Open)
    }

    /// Takes why the connection failed.
    pub fn take_error(&mut self, id: SocketId) -> Option<Errno> {
        self.connections.get_mut(id)?.error.take()
    }

    /// Keeps why the connection failed, which was told to a call that has something else to tell, for the next one.
    pub fn keep_error(&mut self, id: SocketId, errno: Errno) {
        let is_kept = matches!(errno, Errno::Connreset | Errno::Timedout);
        if let Some(connection) = self.connections.get_mut(id)
            && is_kept
        {
            connection.error = Some(errno);
        }
    }

    /// Bytes and ends that were sent and that others have not acknowledged.
    #[must_use]
    pub fn unacknowledged(&self) -> usize {
        let left = self.connections.values().map(|connection| {
            let socket = connection.socket();
            match socket.state() {
                State::Established | State::CloseWait => socket.send_queue(),
                State::FinWait1 | State::Closing | State::LastAck => socket.send_queue() + 1,
                _ => 0,
            }
        });
        left.sum()
    }

    /// The two ends, the local one first.
    #[must_use]
    pub fn ends(&self, id: SocketId) -> Option<(IpEndpoint, IpEndpoint)> {
        self.connections.get(id)?.ends
    }

    /// Receives into `out`, which is not empty; with `peek` what is received stays.
    ///
    /// # Errors
    ///
    /// Why the connection failed, once; `Notconn` before it is complete.
    pub fn receive(&mut self, id: SocketId, out: &mut [u8], peek: bool) -> Result<Received, Errno> {
        if peek {
            let connection = self.connections.get_mut(id).ok_or(Errno::Badf)?;
            let socket = connection.socket_mut();
            if socket.may_recv() && !connection.is_read_shut {
                let peeked = connection.socket_mut().peek_slice(out);
                return Ok(peeked.map_or(Received::Nothing, received));
            }
        }
        let mut rest = &mut *out;
        self.receive_into(id, rest.len(), &mut |bytes| {
            let (now, later) = core::mem::take(&mut rest).split_at_mut(bytes.len());
            now.copy_from_slice(bytes);
            rest = later;
        })
    }

    /// Receives up to `room` bytes, which is not 0, and hands them to `store` piece by piece.
    ///
    /// # Errors
    ///
    /// As for [`Network::receive`].
    pub fn receive_into(
        &mut self,
        id: SocketId,
        room: usize,
        store: &mut dyn FnMut(&[u8]),
    ) -> Result<Received, Errno> {
        let connection = self.connections.get_mut(id).ok_or(Errno::Badf)?;
        if connection.is_read_shut {
            return Ok(Received::End);
        }
        let socket = connection.socket_mut();
        let mut done = 0;
        // The buffer is a ring: what it holds lies in one piece or two.
        let taken = loop {
            let taken = socket.recv(|bytes| {
                let count = bytes.len().min(room - done);
                store(&bytes[..count]);
                (count, count)
            });
            match taken {
                Ok(count) if count > 0 && done + count < room => done += count,
                Ok(count) => break Ok(done + count),
                Err(_) if done > 0 => break Ok(done),
                Err(why) => break Err(why),
            }
        };
        match taken {
            Ok(bytes) => {
                if bytes > 0 {
                    // The window may have opened.
                    connection.touch(&mut self.touched);
                }
                Ok(received(bytes))
            }
            Err(RecvError::Finished) => Ok(Received::End),
            Err(RecvError::InvalidState) => match (connection.error.take(), connection.phase) {
                (Some(errno), _) => Err(errno),
                (None, Phase::Open) => Ok(Received::End),
                (None, _) => Err(Errno::Notconn),
            },
        }
    }

    /// Bytes that can be received at once, and whether nothing more will come; `None` while there is nothing to tell.
    #[must_use]
    pub fn receivable(&self, id: SocketId) -> Option<(usize, bool)> {
        let connection = self.connections.get(id)?;
        let socket = connection.socket();
        let bytes = socket.recv_queue();
        let is_over = connection.is_read_shut
            || (connection.phase == Phase::Open && !socket.may_recv())
            || socket.state() == State::Closed;
        (bytes > 0 || is_over).then_some((bytes, is_over))
    }

    /// Takes up to all of `bytes` to be sent; returns how many.
    ///
    /// # Errors
    ///
    /// Why the connection failed, once; `Pipe` after it ended, `Notconn` before it is complete.
    pub fn send(&mut self, id: SocketId, bytes: &[u8]) -> Result<usize, Errno> {
        let mut done = 0;
        self.send_from(id, bytes.len(), &mut |out| {
            out.copy_from_slice(&bytes[done..done + out.len()]);
            done += out.len();
        })
    }

    /// Takes up to `bytes` bytes to be sent, which `fill` stores piece by piece; returns how many.
    ///
    /// # Errors
    ///
    /// As for [`Network::send`].
    pub fn send_from(
        &mut self,
        id: SocketId,
        bytes: usize,
        fill: &mut dyn FnMut(&mut [u8]),
    ) -> Result<usize, Errno> {
        let connection = self.connections.get_mut(id).ok_or(Errno::Badf)?;
        if let Some(errno) = connection.error.take() {
            return Err(errno);
        }
        match (connection.is_write_shut, connection.phase) {
            (true, _) => return Err(Errno::Pipe),
            (false, Phase::Open) => {}
            (false, _) => return Err(Errno::Notconn),
        }
        let socket = connection.socket_mut();
        let mut done = 0;
        // The buffer is a ring: its room lies in one piece or two.
        loop {
            let taken = socket.send(|room| {
                let count = room.len().min(bytes - done);
                fill(&mut room[..count]);
                (count, count)
            });
            let taken = taken.map_err(|_| Errno::Pipe)?;
            done += taken;
            if taken == 0 || done == bytes {
                break;
            }
        }
        if done > 0 {
            connection.touch(&mut self.touched);
        }
        Ok(done)
    }

    /// Bytes that can be sent at once, or 0 where an attempt would fail; `None` while there is no room.
    #[must_use]
    pub fn sendable(&self, id: SocketId) -> Option<usize> {
        let connection = self.connections.get(id)?;
        let socket = connection.socket();
        if connection.phase != Phase::Open {
            return (socket.state() == State::Closed).then_some(0);
        }
        if connection.is_write_shut || !socket.may_send() {
            return Some(0);
        }
        let room = socket.send_capacity() - socket.send_queue();
        (room > 0).then_some(room)
    }

    /// Ends one direction or both.
    ///
    /// # Errors
    ///
    /// `Notconn` where it is not complete, or not any more.
    pub fn shut_down(&mut self, id: SocketId, read: bool, write: bool) -> Result<(), Errno> {
        let connection = self.connections.get_mut(id).ok_or(Errno::Badf)?;
        if connection.phase != Phase::Open || connection.socket().state() == State::Closed {
            return Err(Errno::Notconn);
        }
        connection.is_read_shut |= read;
        connection.touch(&mut self.touched);
        if write && !connection.is_write_shut {
            connection.is_write_shut = true;
            connection.socket_mut().close();
        }
        Ok(())
    }

    /// Leaves the connection to end by itself: what was sent still arrives; what was not received resets it.
    pub fn close_connection(&mut self, id: SocketId) {
        let Some(connection) = self.connections.get_mut(id) else {
            return;
        };
        connection.is_orphan = true;
        connection.begun = self.now;
        if connection.socket().recv_queue() > 0 {
            connection.socket_mut().abort();
        } else {
            connection.is_write_shut = true;
            connection.socket_mut().close();
        }
        connection.touch(&mut self.touched);
    }

    pub(super) fn new_connection(&mut self, phase: Phase) -> Option<Box<Connection>> {
        let (buffer_bytes, [receive, send]) = self.take_buffers()?;
        let mut socket = tcp::Socket::new(SocketBuffer::new(receive), SocketBuffer::new(send));
        // A program writes what it wants sent; nobody gains from holding it back.
        socket.set_nagle_enabled(false);
        let (set, handle) = set_of(socket);
        Some(Box::new(Connection {
            id: self.new_id(),
            set,
            handle,
            phase,
            ends: None,
            listener: None,
            is_orphan: false,
            saw_reset: false,
            is_read_shut: false,
            is_write_shut: false,
            has_ended: false,
            error: None,
            begun: self.now,
            is_late: false,
            silent_since: None,
            progress: (State::Closed, 0),
            long: None,
            is_touched: false,
            due: None,
            buffer_bytes,
            watch: Watch::default(),
        }))
    }

    /// Takes a new connection in.
    ///
    /// # Errors
    ///
    /// `Nobufs`: memory is short.
    pub(super) fn insert(
        &mut self,
        mut connection: Box<Connection>,
        ends: (IpEndpoint, IpEndpoint),
    ) -> Result<(), Errno> {
        connection.ends = Some(ends);
        let (id, buffer_bytes) = (connection.id, connection.buffer_bytes);
        let inserted = self.connections.insert(id, connection);
        if inserted.is_err() {
            self.budget_bytes += 2 * buffer_bytes;
        } else {
            self.ends.insert(ends, id);
        }
        inserted
    }

    /// Sends what a connection has to send, takes note of what became of it, and sets its timer.
    pub(super) fn serve(&mut self, id: SocketId, now: Instant) {
        self.give_up_long(id, now);
        let Some(connection) = self.connections.get_mut(id) else {
            return;
        };
        connection.is_touched = false;
        let is_overdue = connection
            .deadline()
            .is_some_and(|deadline| deadline <= now);
        let is_hopeless = is_overdue && connection.is_late;
        if is_overdue {
            connection.is_late = true;
            connection.begun = now;
            connection.socket_mut().abort();
        }
        connection.note_progress(now);
        let sent = send_all(
            &mut self.interface,
            &mut *self.card,
            &mut connection.set,
            now,
        );
        connection.note_long(self.long_segments, sent.long_end, now);
        let polled = sent.due;
        let state = connection.socket().state();
        let is_complete = !matches!(
            state,
            State::Closed | State::Listen | State::SynSent | State::SynReceived
        );
        if is_complete && connection.phase != Phase::Open {
            connection.phase = Phase::Open;
            if let Some(listener) = connection.listener
                && let Some(listener) = self.listeners.get_mut(listener)
            {
                listener.half_open -= 1;
                listener.ready.push_back(id);
                listener.watch.tell(&mut self.woken);
            }
        }
        let polled = match connection.unblock(polled.is_none()) {
            true => Some(now),
            false => polled,
        };
        connection.watch.tell(&mut self.woken);
        // A request that turned out to be none leaves the socket listening; a reset of one does too.
        let has_ended = connection.has_stopped();
        if has_ended && !connection.has_ended {
            connection.has_ended = true;
            match connection.phase {
                Phase::Passive => {
                    if let Some(listener) = connection.listener.take()
                        && let Some(listener) = self.listeners.get_mut(listener)
                    {
                        listener.half_open -= 1;
                    }
                    connection.is_orphan = true;
                }
                Phase::Active | Phase::Open => connection.error = connection.failure(),
            }
        }
        let is_done = match state {
            State::Listen => true,
            // The reset that an ended one owes has been sent above, unless the card was full. Or nobody is there who could
            // take it.
            // Who never answered is owed none: RFC 9293, section 3.10.4, SYN-SENT.
            State::Closed => polled.is_none() || is_hopeless || connection.phase == Phase::Active,
            // Both ends have said all and know it. Waiting for strays would hold memory, and sequence numbers are random.
            State::TimeWait => true,
            _ => false,
        };
        if connection.is_orphan && is_done {
            self.remove(id);
            return;
        }
        let deadline = connection.deadline();
        let deadline = deadline.filter(|_| !has_ended || connection.is_orphan);
        let due = [polled, deadline].into_iter().flatten().min();
        let due = due.map(|due| due.max(now).total_micros());
        if connection.due != due {
            let before = core::mem::replace(&mut connection.due, due);
            if let Some(before) = before {
                self.timers.remove(&(before, id));
            }
            if let Some(due) = due {
                self.timers.insert((due, id));
            }
        }
    }

    fn remove(&mut self, id: SocketId) {
        let Some(connection) = self.connections.remove(id) else {
            return;
        };
        if let Some(due) = connection.due {
            self.timers.remove(&(due, id));
        }
        if let Some(ends) = connection.ends {
            self.ends.remove(&ends);
        }
        self.budget_bytes += 2 * connection.buffer_bytes;
    }
}
