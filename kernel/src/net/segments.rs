//! Segments of TCP that are longer than a frame. Whoever takes the frames may be said to take them, and not do so: then they
//! vanish, and whatever is said again vanishes too. So the first of them is watched: while it is not known that one was
//! answered, one that is not has all of them be short from then on.

use smoltcp::iface::Interface;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{
    EthernetFrame, EthernetProtocol, IpProtocol, Ipv4Packet, TcpPacket, TcpSeqNumber,
};

use super::card::FRAME_BYTES_MAX;
use super::network::{Network, SocketId, new_interface};
use super::stream::Connection;

/// How long the first one may go unanswered: a little less than the shortest time after which TCP says something again.
const ANSWER: Duration = Duration::from_millis(900);

/// Whether segments are longer than a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LongSegments {
    /// The card is not to have them, or nobody answered.
    None,
    /// Nobody has answered one yet.
    Untried,
    /// They are known to arrive.
    Answered,
}

/// The first long segment of a connection, where it is not known yet what becomes of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct LongSegment {
    end: TcpSeqNumber,
    since: Instant,
}

/// The sequence number behind a segment that a frame holds, where that is longer than a frame should be.
pub(super) fn end_of_long(frame: &[u8]) -> Option<TcpSeqNumber> {
    if frame.len() <= FRAME_BYTES_MAX {
        return None;
    }
    let frame = EthernetFrame::new_checked(frame).ok()?;
    if frame.ethertype() != EthernetProtocol::Ipv4 {
        return None;
    }
    let packet = Ipv4Packet::new_checked(frame.payload()).ok()?;
    if packet.next_header() != IpProtocol::Tcp {
        return None;
    }
    let segment = TcpPacket::new_checked(packet.payload()).ok()?;
    Some(segment.seq_number() + segment.payload().len())
}

impl Connection {
    /// Takes note of a long segment that was sent, by the sequence number behind it.
    pub(super) fn note_long(
        &mut self,
        kind: LongSegments,
        end: Option<TcpSeqNumber>,
        now: Instant,
    ) {
        if let (LongSegments::Untried, Some(end), None) = (kind, end, self.long) {
            self.long = Some(LongSegment { end, since: now });
        }
    }

    /// Takes note of what the other end has `acknowledged`; returns whether a long segment was among that.
    pub(super) fn answers_long(&mut self, acknowledged: Option<TcpSeqNumber>) -> bool {
        let is_answered = acknowledged
            .zip(self.long)
            .is_some_and(|(acknowledged, long)| acknowledged >= long.end);
        if is_answered {
            self.long = None;
        }
        is_answered
    }
}

impl Network {
    /// Before a connection says something again: has segments be short where the first long one was not answered.
    pub(super) fn give_up_long(&mut self, id: SocketId, now: Instant) {
        if self.long_segments != LongSegments::Untried {
            return;
        }
        let connection = self.connections.get(id);
        let long = connection.and_then(|connection| connection.long);
        if long.is_none_or(|long| now < long.since + ANSWER) {
            return;
        }
        self.long_segments = LongSegments::None;
        // The stack asks for them once, when it is made. What it has learned of neighbours it learns again.
        // Another seed: sequence numbers are not to begin as they did.
        let seed = self.seed.rotate_left(32);
        let mut interface = new_interface(&mut *self.card, seed, false, now);
        hand_down(&self.interface, &mut interface);
        self.interface = interface;
    }
}

/// Gives `to` the addresses and ways out of `from`.
fn hand_down(from: &Interface, to: &mut Interface) {
    to.update_ip_addrs(|addresses| addresses.extend(from.ip_addrs().iter().copied()));
    let routes = [
        from.routes().get_default_ipv4_route(),
        from.routes().get_default_ipv6_route(),
    ];
    to.routes_mut().update(|known| {
        // There is room for as many as there were.
        known.extend(routes.into_iter().flatten());
    });
}
