//! Whose a frame is: looked at before the stack takes it, so that each socket costs nothing while others are busy.

use smoltcp::wire::{
    EthernetFrame, EthernetProtocol, IpAddress, IpEndpoint, IpProtocol, Ipv4Packet, Ipv6Packet,
    TcpPacket, TcpSeqNumber, UdpPacket,
};

/// What a frame is about. Nothing of it is checked beyond its lengths: the stack does that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// A segment between two ends.
    Tcp {
        local: IpEndpoint,
        remote: IpEndpoint,
        /// It asks for a new connection.
        is_syn: bool,
        /// It ends the connection at once.
        is_reset: bool,
        /// What it acknowledges all before.
        acknowledged: Option<TcpSeqNumber>,
    },
    /// A datagram to this port.
    Udp(u16),
    /// It comes from where nobody can be: an answer would go to everyone or to no one.
    Nobody,
    /// Anything else.
    Other,
}

/// Looks at a frame.
pub(super) fn look_at(frame: &[u8]) -> About {
    parse(frame).unwrap_or(About::Other)
}

fn parse(frame: &[u8]) -> Option<About> {
    let frame = EthernetFrame::new_checked(frame).ok()?;
    match frame.ethertype() {
        EthernetProtocol::Ipv4 => {
            let packet = Ipv4Packet::new_checked(frame.payload()).ok()?;
            if !IpAddress::from(packet.src_addr()).is_unicast() {
                return Some(About::Nobody);
            }
            let ends = (packet.src_addr().into(), packet.dst_addr().into());
            transport(packet.next_header(), ends, packet.payload())
        }
        EthernetProtocol::Ipv6 => {
            let packet = Ipv6Packet::new_checked(frame.payload()).ok()?;
            let ends = (packet.src_addr().into(), packet.dst_addr().into());
            transport(packet.next_header(), ends, packet.payload())
        }
        _ => None,
    }
}

fn transport(
    protocol: IpProtocol,
    (source, destination): (IpAddress, IpAddress),
    payload: &[u8],
) -> Option<About> {
    match protocol {
        IpProtocol::Tcp => {
            let segment = TcpPacket::new_checked(payload).ok()?;
            Some(About::Tcp {
                local: IpEndpoint::new(destination, segment.dst_port()),
                remote: IpEndpoint::new(source, segment.src_port()),
                is_syn: segment.syn() && !segment.ack() && !segment.rst(),
                is_reset: segment.rst(),
                acknowledged: segment.ack().then(|| segment.ack_number()),
            })
        }
        IpProtocol::Udp => {
            let datagram = UdpPacket::new_checked(payload).ok()?;
            Some(About::Udp(datagram.dst_port()))
        }
        _ => None,
    }
}
