//! Frames made by hand, with checksums that hold.

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol,
    EthernetRepr, Icmpv6Message, Icmpv6Packet, IpAddress, IpProtocol, IpRepr, Ipv4Packet,
    Ipv6Address, Ipv6Packet, Ipv6Repr, TcpPacket, TcpRepr, UdpPacket,
};

/// A card's address by its number.
pub(super) fn card(number: u8) -> EthernetAddress {
    EthernetAddress([2, 0, 0, 0, 0, number])
}

/// A TCP segment.
pub(super) fn segment(
    from: (EthernetAddress, IpAddress),
    to: (EthernetAddress, IpAddress),
    segment: &TcpRepr<'_>,
) -> Vec<u8> {
    let packet = IpRepr::new(from.1, to.1, IpProtocol::Tcp, segment.buffer_len(), 64);
    let (mut frame, at) = head(from.0, to.0, &packet);
    let checksums = ChecksumCapabilities::default();
    let mut content = TcpPacket::new_unchecked(&mut frame[at..]);
    segment.emit(&mut content, &from.1, &to.1, &checksums);
    frame
}

fn head(from: EthernetAddress, to: EthernetAddress, packet: &IpRepr) -> (Vec<u8>, usize) {
    let head = EthernetRepr {
        src_addr: from,
        dst_addr: to,
        ethertype: match packet {
            IpRepr::Ipv4(_) => EthernetProtocol::Ipv4,
            IpRepr::Ipv6(_) => EthernetProtocol::Ipv6,
        },
    };
    let mut frame = vec![0; head.buffer_len() + packet.buffer_len()];
    let mut outer = EthernetFrame::new_unchecked(&mut frame[..]);
    head.emit(&mut outer);
    packet.emit(outer.payload_mut(), &ChecksumCapabilities::default());
    (frame, head.buffer_len() + packet.header_len())
}

/// Makes a frame with a TCP segment of version 4 a reset without content; `false` if it is none.
pub(super) fn make_reset(bytes: &mut Vec<u8>) -> bool {
    let mut frame = EthernetFrame::new_unchecked(&mut bytes[..]);
    if frame.ethertype() != EthernetProtocol::Ipv4 {
        return false;
    }
    let mut packet = Ipv4Packet::new_unchecked(frame.payload_mut());
    let ends = (packet.src_addr().into(), packet.dst_addr().into());
    if packet.next_header() != IpProtocol::Tcp {
        return false;
    }
    let mut segment = TcpPacket::new_unchecked(packet.payload_mut());
    let bytes_kept = usize::from(segment.header_len());
    segment.set_rst(true);
    segment.set_fin(false);
    segment.set_psh(false);
    segment.set_syn(false);
    let mut segment = TcpPacket::new_unchecked(&mut packet.payload_mut()[..bytes_kept]);
    segment.fill_checksum(&ends.0, &ends.1);
    let whole = usize::from(packet.header_len()) + bytes_kept;
    packet.set_total_len(whole as u16);
    packet.fill_checksum();
    bytes.truncate(14 + whole);
    true
}

/// A question for the card of `target`.
pub(super) fn arp_question(number: u8, from: [u8; 4], target: [u8; 4]) -> Vec<u8> {
    let question = ArpRepr::EthernetIpv4 {
        operation: ArpOperation::Request,
        source_hardware_addr: card(number),
        source_protocol_addr: from.into(),
        target_hardware_addr: EthernetAddress::BROADCAST,
        target_protocol_addr: target.into(),
    };
    let head = EthernetRepr {
        src_addr: card(number),
        dst_addr: EthernetAddress::BROADCAST,
        ethertype: EthernetProtocol::Arp,
    };
    let mut frame = vec![0; head.buffer_len() + question.buffer_len()];
    let mut outer = EthernetFrame::new_unchecked(&mut frame[..]);
    head.emit(&mut outer);
    question.emit(&mut ArpPacket::new_unchecked(outer.payload_mut()));
    frame
}

/// What the router `from` tells everyone: its lifetime in seconds, and options.
pub(super) fn advertisement(from: Ipv6Address, lifetime_s: u16, options: &[u8]) -> Vec<u8> {
    let everyone = Ipv6Address::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
    let packet = IpRepr::Ipv6(Ipv6Repr {
        src_addr: from,
        dst_addr: everyone,
        next_header: IpProtocol::Icmpv6,
        payload_len: 16 + options.len(),
        hop_limit: 255,
    });
    let to = EthernetAddress([0x33, 0x33, 0, 0, 0, 1]);
    let (mut frame, at) = head(card(9), to, &packet);
    frame[at + 4] = 64;
    frame[at + 6..at + 8].copy_from_slice(&lifetime_s.to_be_bytes());
    frame[at + 16..].copy_from_slice(options);
    let mut content = Icmpv6Packet::new_unchecked(&mut frame[at..]);
    content.set_msg_type(Icmpv6Message::RouterAdvert);
    content.fill_checksum(&from, &everyone);
    frame
}

/// The option that tells a prefix of 64 bits, on the link and for addresses.
pub(super) fn prefix(address: Ipv6Address, lifetime_s: u32) -> Vec<u8> {
    let mut option = vec![3, 4, 64, 0xc0];
    option.extend(lifetime_s.to_be_bytes());
    option.extend(lifetime_s.to_be_bytes());
    option.extend([0; 4]);
    option.extend(address.octets());
    option
}

/// Sets the checksums of a frame again as far as it is one that has any.
pub(super) fn mend(bytes: &mut [u8]) {
    let Ok(mut frame) = EthernetFrame::new_checked(bytes) else {
        return;
    };
    match frame.ethertype() {
        EthernetProtocol::Ipv4 if Ipv4Packet::new_checked(frame.payload_mut()).is_ok() => {
            let mut packet = Ipv4Packet::new_unchecked(frame.payload_mut());
            packet.fill_checksum();
            let ends = (packet.src_addr().into(), packet.dst_addr().into());
            mend_content(packet.next_header(), ends, packet.payload_mut());
        }
        EthernetProtocol::Ipv6 if Ipv6Packet::new_checked(frame.payload_mut()).is_ok() => {
            let mut packet = Ipv6Packet::new_unchecked(frame.payload_mut());
            let ends = (packet.src_addr().into(), packet.dst_addr().into());
            mend_content(packet.next_header(), ends, packet.payload_mut());
        }
        _ => {}
    }
}

fn mend_content(protocol: IpProtocol, ends: (IpAddress, IpAddress), content: &mut [u8]) {
    match protocol {
        IpProtocol::Tcp if content.len() >= 20 => {
            TcpPacket::new_unchecked(content).fill_checksum(&ends.0, &ends.1);
        }
        IpProtocol::Udp if UdpPacket::new_checked(&content[..]).is_ok() => {
            UdpPacket::new_unchecked(content).fill_checksum(&ends.0, &ends.1);
        }
        IpProtocol::Icmpv6 if content.len() >= 4 => {
            if let (IpAddress::Ipv6(from), IpAddress::Ipv6(to)) = ends {
                Icmpv6Packet::new_unchecked(content).fill_checksum(&from, &to);
            }
        }
        _ => {}
    }
}
