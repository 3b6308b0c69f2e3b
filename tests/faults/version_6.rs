//! IPv6: the address of the link, one that is given, and one that a router tells.

use std::cell::Cell;
use std::rc::Rc;

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, EthernetRepr, Icmpv6Message, Icmpv6Packet,
    IpAddress, IpProtocol, IpRepr, Ipv6Address, Ipv6Repr,
};

use crate::machine::MICROVM;
use crate::peer::{CARD, LINK_LOCAL, Peer};
use crate::{BAD, content, receipt};

/// Where the ICMP message of a frame begins.
const MESSAGE: usize = 54;

#[test]
fn every_address_is_answered() {
    let line = "ip=10.0.0.1/24 ip=fd00:5::1/64 listen=8080";
    let mut peer = Peer::start(MICROVM, "faults/server.c", line, 6);
    let is_asked = Rc::new(Cell::new(false));
    let asked = is_asked.clone();
    peer.wire.hook = Some(Box::new(move |_, frame| {
        let is_6 = frame[12..14] == [0x86, 0xdd];
        let question = u8::from(Icmpv6Message::RouterSolicit);
        if is_6 && frame.get(MESSAGE) == Some(&question) {
            asked.set(true);
        }
        true
    }));
    peer.until_line("listening");
    peer.until("a question to routers", |_| is_asked.get().then_some(()));
    peer.wire.inject(&advertisement());
    // The card's number is QEMU's, 52:54:00:12:34:56.
    let host = [0x5054, 0xff, 0xfe12, 0x3456];
    let told = IpAddress::v6(0x2001, 0xdb8, 1, 0, host[0], host[1], host[2], host[3]);
    let of_link = IpAddress::v6(0xfe80, 0, 0, 0, host[0], host[1], host[2], host[3]);
    let given = IpAddress::v6(0xfd00, 5, 0, 0, 0, 0, 0, 1);
    peer.wire.faults = BAD;
    for address in [told, of_link, given] {
        let one = peer.connect_to(address);
        peer.say(one, "take");
        let sent = content(50_000);
        assert_eq!(peer.exchange(one, &sent), receipt(&sent).as_bytes());
        for line in ["took: 0", "answered: 23", "closed: 0"] {
            peer.until_line(line);
        }
    }
    // The other way round.
    for (order, line) in [
        ("reach 20010db8000100000000000000000009 7001", "reach: 0 14"),
        ("reach fd000005000000000000000000000009 7001", "reach: 0 14"),
    ] {
        let one = peer.order(order);
        peer.until_line(line);
        peer.until_line("closed: 0");
        peer.close(one);
    }
    peer.stop();
}

/// A router tells a prefix, for an hour.
fn advertisement() -> Vec<u8> {
    let everyone = Ipv6Address::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
    let prefix = Ipv6Address::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0);
    let mut message = vec![0; 16];
    message[4] = 64;
    message[6..8].copy_from_slice(&1800_u16.to_be_bytes());
    message.extend([3, 4, 64, 0xc0]);
    message.extend(3600_u32.to_be_bytes());
    message.extend(3600_u32.to_be_bytes());
    message.extend([0; 4]);
    message.extend(prefix.octets());
    let packet = IpRepr::Ipv6(Ipv6Repr {
        src_addr: LINK_LOCAL,
        dst_addr: everyone,
        next_header: IpProtocol::Icmpv6,
        payload_len: message.len(),
        hop_limit: 255,
    });
    let head = EthernetRepr {
        src_addr: CARD,
        dst_addr: EthernetAddress([0x33, 0x33, 0, 0, 0, 1]),
        ethertype: EthernetProtocol::Ipv6,
    };
    let mut frame = vec![0; MESSAGE];
    frame.extend(message);
    let mut outer = EthernetFrame::new_unchecked(&mut frame[..]);
    head.emit(&mut outer);
    packet.emit(outer.payload_mut(), &ChecksumCapabilities::default());
    let mut content = Icmpv6Packet::new_unchecked(&mut frame[MESSAGE..]);
    content.set_msg_type(Icmpv6Message::RouterAdvert);
    content.fill_checksum(&LINK_LOCAL, &everyone);
    frame
}
