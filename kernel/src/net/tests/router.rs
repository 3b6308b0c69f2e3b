//! What routers tell, good and bad.

use std::cell::RefCell;
use std::rc::Rc;

use smoltcp::wire::{
    EthernetAddress, EthernetFrame, Icmpv6Message, IpAddress, IpEndpoint, Ipv6Address,
};

use super::forge;
use super::wire::Pair;
use super::{BUDGET_BYTES, connect_at, content, transfer};
use crate::fs::errno::Errno;
use crate::net::Progress;

const ROUTER: Ipv6Address = Ipv6Address::new(0xfe80, 0, 0, 0, 0, 0, 0, 9);
const PREFIX: Ipv6Address = Ipv6Address::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, 0);

/// The address that the card with this number makes of [`PREFIX`].
fn address(number: u16) -> Ipv6Address {
    Ipv6Address::new(0x2001, 0xdb8, 0, 1, 0, 0xff, 0xfe00, number)
}

fn tell(pair: &mut Pair, lifetime_s: u16, options: &[u8]) {
    let frame = forge::advertisement(ROUTER, lifetime_s, options);
    pair.inject(&frame);
    pair.inject_left(&frame);
    pair.step();
}

#[test]
fn addresses_are_made_of_what_a_router_tells() {
    let mut pair = Pair::new(BUDGET_BYTES);
    let far = IpAddress::v6(0x2001, 0xdb8, 0, 2, 0, 0, 0, 1);
    assert!(!pair.left.is_reachable(far));
    assert!(!pair.left.is_configured(far));
    tell(&mut pair, 1800, &forge::prefix(PREFIX, 3600));
    assert!(pair.left.is_configured(far) && pair.left.is_reachable(far));
    assert_eq!(pair.left.address(true), Some(address(1).into()));
    let right = IpEndpoint::new(address(2).into(), 80);
    let ends = connect_at(&mut pair, right);
    assert_eq!(pair.left.ends(ends.0).unwrap().0.addr, address(1).into());
    transfer(&mut pair, ends, &content(100_000), 5000);
    // An hour later nobody has said it again.
    pair.now_ns += 3600 * 1_000_000_000;
    pair.step();
    assert!(!pair.left.is_reachable(far));
    let link_local = IpAddress::v6(0xfe80, 0, 0, 0, 0, 0xff, 0xfe00, 1);
    assert_eq!(pair.left.address(true), Some(link_local));
    assert_eq!(pair.left.connect(0, right), Err(Errno::Netunreach));
    // What was connected has ended, and says so.
    pair.step();
    assert!(pair.left.receivable(ends.0).is_some());
}

#[test]
fn a_router_that_leaves_is_no_way_out() {
    let mut pair = Pair::new(BUDGET_BYTES);
    let far = IpAddress::v6(0x2001, 0xdb8, 0, 2, 0, 0, 0, 1);
    tell(&mut pair, 1800, &forge::prefix(PREFIX, 3600));
    tell(&mut pair, 0, &[]);
    assert!(!pair.left.is_reachable(far));
    assert!(pair.left.is_reachable(address(2).into()));
}

#[test]
fn routers_are_asked_three_times_and_then_no_more() {
    let mut pair = Pair::new(BUDGET_BYTES);
    let asked = Rc::new(RefCell::new(0));
    let counter = asked.clone();
    pair.hook = Some(Box::new(move |from, frame| {
        let whole = EthernetFrame::new_unchecked(&frame[..]);
        let is_question = whole.dst_addr() == EthernetAddress([0x33, 0x33, 0, 0, 0, 2])
            && frame[54] == u8::from(Icmpv6Message::RouterSolicit);
        *counter.borrow_mut() += usize::from(from == 0 && is_question);
        vec![frame]
    }));
    for _ in 0..30_000 {
        pair.step();
    }
    assert_eq!(*asked.borrow(), 3);
    // From now on nothing wakes the machine.
    assert_eq!(pair.left.next_ns(pair.now_ns), None);
    assert!(pair.left.is_configured(address(2).into()));
}

#[test]
fn servers_that_resolve_names_are_taken_where_there_are_none() {
    let mut pair = Pair::new(BUDGET_BYTES);
    assert_eq!(pair.left.ask("name", false).err(), Some(Errno::Netunreach));
    let mut option = vec![25, 3, 0, 0, 0, 0, 1, 0];
    option.extend(ROUTER.octets());
    tell(&mut pair, 1800, &option);
    assert!(pair.left.ask("name", false).is_ok());
}

#[test]
fn advertisements_of_no_use_change_nothing() {
    let mut pair = Pair::new(BUDGET_BYTES);
    let group = Ipv6Address::new(0xff02, 0, 0, 0, 0, 0, 0, 0);
    let version_4 = Ipv6Address::UNSPECIFIED;
    let before = pair.right.address(true);
    for prefix in [group, version_4, ROUTER] {
        tell(&mut pair, 0, &forge::prefix(prefix, 3600));
    }
    // Options of no length, longer than the message, of unknown kinds.
    tell(&mut pair, 0, &[3, 0, 64, 0xc0, 0, 0, 0, 0]);
    tell(&mut pair, 0, &[3, 9, 64, 0xc0, 0, 0, 0, 0]);
    tell(&mut pair, 0, &[77, 1, 0, 0, 0, 0, 0, 0]);
    tell(&mut pair, 0, &[1]);
    // From elsewhere than the link.
    let far = Ipv6Address::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7);
    pair.inject(&forge::advertisement(
        far,
        1800,
        &forge::prefix(PREFIX, 3600),
    ));
    let mut broken = forge::advertisement(ROUTER, 1800, &forge::prefix(PREFIX, 3600));
    broken[56] ^= 1;
    pair.inject(&broken);
    pair.step();
    assert_eq!(pair.right.address(true), before);
    // More prefixes than anybody needs.
    for number in 0..40 {
        let prefix = Ipv6Address::new(0x2001, 0xdb8, number, 0, 0, 0, 0, 0);
        tell(&mut pair, 1800, &forge::prefix(prefix, 3600));
    }
    assert_eq!(
        pair.right.address(true),
        Some(IpAddress::v6(0x2001, 0xdb8, 3, 0, 0, 0xff, 0xfe00, 2))
    );
}

#[test]
fn addresses_that_nobody_can_be_at_are_told_at_once() {
    let mut pair = Pair::new(BUDGET_BYTES);
    let nobody = [
        IpAddress::v6(0, 0, 0, 0, 0, 0, 0, 0),
        IpAddress::v4(0, 0, 0, 0),
        IpAddress::v4(224, 0, 0, 1),
        IpAddress::v4(255, 255, 255, 255),
        IpAddress::v4(192, 168, 0, 1),
        IpAddress::v6(0xff02, 0, 0, 0, 0, 0, 0, 1),
        IpAddress::v6(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1),
    ];
    let (datagrams, _) = pair.left.open_datagrams(None, 0).unwrap();
    for address in nobody {
        let end = IpEndpoint::new(address, 80);
        assert_eq!(pair.left.connect(0, end), Err(Errno::Netunreach), "{end}");
        let sent = pair.left.send_datagram(datagrams, b"x", end);
        let is_for_many = !address.is_unspecified() && !address.is_unicast();
        assert_eq!(sent.is_ok(), is_for_many, "{end}");
        pair.step();
    }
    let end = IpEndpoint::new(super::RIGHT, 0);
    assert_eq!(pair.left.connect(0, end), Err(Errno::Addrnotavail));
    let link_local = IpAddress::v6(0xfe80, 0, 0, 0, 0, 0xff, 0xfe00, 2);
    let client = pair
        .left
        .connect(0, IpEndpoint::new(link_local, 81))
        .unwrap();
    let mut told = Progress::Waiting;
    pair.until(5, |pair| {
        told = pair.left.progress(client);
        told != Progress::Waiting
    });
    assert_eq!(told, Progress::Failed(Errno::Connrefused));
}
