//! What routers of the link tell everyone: prefixes to make addresses of (SLAAC), the way out, servers that resolve names.
//!
//! Source: RFC 4861 (neighbour discovery), RFC 4862 (addresses), RFC 8106 (servers). Smoltcp has this too; its timers hide
//! those of sockets, and an advertisement with a prefix of no use ends in a panic.

use alloc::vec::Vec;

use smoltcp::iface::Interface;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::socket::dns;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, EthernetRepr, HardwareAddress, Icmpv6Message,
    Icmpv6Packet, Icmpv6Repr, IpAddress, IpCidr, IpProtocol, Ipv6Address, Ipv6Cidr, Ipv6Packet,
    Ipv6Repr, NdiscRepr,
};

use super::card::Card;
use super::network::{Network, SERVERS_MAX};

/// How often routers are asked, and how long each time is waited. RFC 4861, section 10.
const SOLICITATIONS_MAX: u8 = 3;
const SOLICITATION_INTERVAL: Duration = Duration::from_secs(4);

/// Addresses that are made of prefixes, at most.
const ADDRESSES_MAX: usize = 4;

/// No advertisement that nobody has signed makes an address live shorter than this. RFC 4862, section 5.5.3.
const LIFETIME_MIN: Duration = Duration::from_secs(2 * 60 * 60);

/// A lifetime without end.
const FOR_EVER: u32 = u32::MAX;

/// Every router of the link.
const ALL_ROUTERS: Ipv6Address = Ipv6Address::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
const ALL_ROUTERS_CARD: EthernetAddress = EthernetAddress([0x33, 0x33, 0, 0, 0, 2]);

/// Hops of packets that have not left their link.
const HOPS_OF_LINK: u8 = 255;

/// Bytes of an advertisement in front of its options, and of the options that are read. RFC 4861, sections 4.2 and 4.6;
/// RFC 8106, section 5.1.
const HEAD_BYTES: usize = 16;
const PREFIX_BYTES: usize = 32;
const SERVERS_HEAD_BYTES: usize = 8;

/// Types of options.
const PREFIX: u8 = 3;
const SERVERS: u8 = 25;

/// Flags of a prefix: its addresses are on the link; an address may be made of it.
const ON_LINK: u8 = 0x80;
const AUTONOMOUS: u8 = 0x40;

/// Something that holds until then; `None` is for ever.
type Until = Option<Instant>;

/// A prefix of 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Prefix {
    bits: [u8; 8],
    is_on_link: bool,
    lifetime_s: u32,
}

/// What a router tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Advertisement {
    router: Ipv6Address,
    /// How long it is a way out; 0 if it is none.
    lifetime_s: u16,
    prefixes: Vec<Prefix>,
    servers: Vec<Ipv6Address>,
}

/// What was learned of routers.
pub(super) struct Discovery {
    link_local: Ipv6Address,
    solicitations_left: u8,
    /// When routers are asked next, or are known to be none.
    solicit_at: Option<Instant>,
    addresses: Vec<(Ipv6Cidr, Until)>,
    gateway: Option<(Ipv6Address, Instant)>,
    /// The way out was told otherwise.
    is_gateway_given: bool,
}

impl Discovery {
    pub(super) fn new(link_local: Ipv6Address, is_gateway_given: bool, now: Instant) -> Self {
        Self {
            link_local,
            solicitations_left: SOLICITATIONS_MAX,
            solicit_at: Some(now),
            addresses: Vec::new(),
            gateway: None,
            is_gateway_given,
        }
    }

    /// Whether a router may still answer for the first time.
    pub(super) fn is_waiting(&self) -> bool {
        self.solicit_at.is_some()
    }

    /// When there is something to do.
    pub(super) fn next(&self) -> Option<Instant> {
        let addresses = self.addresses.iter().filter_map(|(_, until)| *until);
        let gateway = self.gateway.map(|(_, until)| until);
        addresses.chain(gateway).chain(self.solicit_at).min()
    }

    /// Asks routers where that is due.
    fn solicit(&mut self, card: &mut dyn Card, now: Instant) {
        if self.solicit_at.is_none_or(|at| at > now) || !card.can_transmit() {
            return;
        }
        if self.solicitations_left == 0 {
            self.solicit_at = None;
            return;
        }
        self.solicitations_left -= 1;
        self.solicit_at = Some(now + SOLICITATION_INTERVAL);
        solicitation(card, self.link_local);
    }

    fn take(&mut self, advertisement: &Advertisement, now: Instant) {
        self.solicit_at = None;
        let after = |seconds: u64| now + Duration::from_secs(seconds);
        let is_ours = |gateway: &(Ipv6Address, Instant)| gateway.0 == advertisement.router;
        let until = after(advertisement.lifetime_s.into());
        match advertisement.lifetime_s {
            0 => self.gateway = self.gateway.filter(|gateway| !is_ours(gateway)),
            _ if self.gateway.as_ref().is_none_or(is_ours) => {
                self.gateway = Some((advertisement.router, until));
            }
            _ => {}
        }
        for prefix in &advertisement.prefixes {
            let address = address_of(prefix, self.link_local);
            let until = match prefix.lifetime_s {
                FOR_EVER => None,
                seconds => Some(after(seconds.into())),
            };
            let has_room = self.addresses.len() < ADDRESSES_MAX;
            let mut addresses = self.addresses.iter_mut();
            match addresses.find(|(known, _)| *known == address) {
                Some((_, held)) => *held = renewed(*held, until, now),
                None if prefix.lifetime_s > 0 && has_room => {
                    self.addresses.push((address, until));
                }
                None => {}
            }
        }
    }

    /// Forgets what does not hold any more.
    fn expire(&mut self, now: Instant) {
        let holds = |until: Until| until.is_none_or(|until| until > now);
        self.addresses.retain(|(_, until)| holds(*until));
        self.gateway = self.gateway.filter(|(_, until)| *until > now);
    }

    /// Gives the interface the addresses and the way out; returns whether addresses are gone.
    fn apply(&self, before: &[(Ipv6Cidr, Until)], interface: &mut Interface) -> bool {
        let has = |list: &[(Ipv6Cidr, Until)], cidr| list.iter().any(|(known, _)| *known == cidr);
        let gone = |cidr: &IpCidr| match cidr {
            IpCidr::Ipv6(cidr) => has(before, *cidr) && !has(&self.addresses, *cidr),
            IpCidr::Ipv4(_) => false,
        };
        let is_new = |interface: &Interface, cidr| !interface.ip_addrs().contains(&cidr);
        let addresses = self.addresses.iter().map(|(cidr, _)| IpCidr::Ipv6(*cidr));
        let new: Vec<IpCidr> = addresses.filter(|cidr| is_new(interface, *cidr)).collect();
        let is_any_gone = interface.ip_addrs().iter().any(gone);
        // Costs the interface what it knows of its neighbours.
        if !new.is_empty() || is_any_gone {
            interface.update_ip_addrs(|addresses| {
                addresses.retain(|cidr| !gone(cidr));
                for cidr in new {
                    // What does not fit is left out, and so not answered.
                    let _ = addresses.push(cidr);
                }
            });
        }
        if self.is_gateway_given {
            return is_any_gone;
        }
        let routes = interface.routes_mut();
        match self.gateway {
            Some((gateway, _)) => {
                // There is room for it: the other version has one at most.
                let _ = routes.add_default_ipv6_route(gateway);
            }
            None => {
                routes.remove_default_ipv6_route();
            }
        }
        is_any_gone
    }
}

impl Network {
    /// Does what an advertisement says.
    pub(super) fn follow(&mut self, advertisement: &Advertisement, now: Instant) {
        let before = self.discovery.addresses.clone();
        self.discovery.take(advertisement, now);
        self.apply_discovery(&before, now);
        if !self.has_servers && !advertisement.servers.is_empty() {
            self.has_servers = true;
            let servers: Vec<IpAddress> = advertisement
                .servers
                .iter()
                .map(|server| (*server).into())
                .collect();
            let socket = self.common.get_mut::<dns::Socket<'_>>(self.dns);
            socket.update_servers(&servers);
        }
    }

    /// Asks routers, and forgets what they said too long ago.
    pub(super) fn serve_discovery(&mut self, now: Instant) {
        if self.discovery.next().is_none_or(|at| at > now) {
            return;
        }
        self.discovery.solicit(&mut *self.card, now);
        let before = self.discovery.addresses.clone();
        self.apply_discovery(&before, now);
    }

    fn apply_discovery(&mut self, before: &[(Ipv6Cidr, Until)], now: Instant) {
        self.discovery.expire(now);
        if self.discovery.apply(before, &mut self.interface) {
            self.touch_all();
        }
    }
}

/// Until when an address holds that held until `held` and is now said to hold until `told`. RFC 4862, section 5.5.3.
fn renewed(held: Until, told: Until, now: Instant) -> Until {
    let least = now + LIFETIME_MIN;
    match (held, told) {
        (_, None) => None,
        (Some(held), Some(told)) if told > held => Some(told),
        (_, Some(told)) if told > least => Some(told),
        (Some(held), Some(_)) if held <= least => Some(held),
        (_, Some(_)) => Some(least),
    }
}

/// The address that a card with the address `link_local` makes of a prefix.
fn address_of(prefix: &Prefix, link_local: Ipv6Address) -> Ipv6Cidr {
    let mut octets = link_local.octets();
    octets[..8].copy_from_slice(&prefix.bits);
    let bits = if prefix.is_on_link { 64 } else { 128 };
    Ipv6Cidr::new(octets.into(), bits)
}

/// Asks all routers of the link to tell what they have to.
fn solicitation(card: &mut dyn Card, from: Ipv6Address) {
    let own = EthernetAddress(card.address());
    let question = Icmpv6Repr::Ndisc(NdiscRepr::RouterSolicit {
        lladdr: Some(HardwareAddress::Ethernet(own).into()),
    });
    let packet = Ipv6Repr {
        src_addr: from,
        dst_addr: ALL_ROUTERS,
        next_header: IpProtocol::Icmpv6,
        payload_len: question.buffer_len(),
        hop_limit: HOPS_OF_LINK,
    };
    let head = EthernetRepr {
        src_addr: own,
        dst_addr: ALL_ROUTERS_CARD,
        ethertype: EthernetProtocol::Ipv6,
    };
    let bytes = head.buffer_len() + packet.buffer_len() + question.buffer_len();
    card.transmit(bytes, &mut |buffer| {
        let mut frame = EthernetFrame::new_unchecked(buffer);
        head.emit(&mut frame);
        let mut body = Ipv6Packet::new_unchecked(frame.payload_mut());
        packet.emit(&mut body);
        let mut content = Icmpv6Packet::new_unchecked(body.payload_mut());
        let checksums = ChecksumCapabilities::default();
        question.emit(&from, &ALL_ROUTERS, &mut content, &checksums);
    });
}

/// The advertisement in a frame, if it is a good one. RFC 4861, section 6.1.2.
pub(super) fn advertisement(frame: &[u8]) -> Option<Advertisement> {
    let frame = EthernetFrame::new_checked(frame).ok()?;
    if frame.ethertype() != EthernetProtocol::Ipv6 {
        return None;
    }
    let packet = Ipv6Packet::new_checked(frame.payload()).ok()?;
    let router = packet.src_addr();
    let is_of_link = router.is_unicast_link_local() && packet.hop_limit() == HOPS_OF_LINK;
    if !is_of_link || packet.next_header() != IpProtocol::Icmpv6 {
        return None;
    }
    let content = packet.payload();
    let message = Icmpv6Packet::new_checked(content).ok()?;
    if message.msg_type() != Icmpv6Message::RouterAdvert
        || message.msg_code() != 0
        || !message.verify_checksum(&router, &packet.dst_addr())
    {
        return None;
    }
    let (head, mut rest) = content.split_at_checked(HEAD_BYTES)?;
    let mut found = Advertisement {
        router,
        lifetime_s: u16::from_be_bytes([head[6], head[7]]),
        prefixes: Vec::new(),
        servers: Vec::new(),
    };
    while let [kind, octets, ..] = *rest {
        // An option without length makes the whole void.
        if octets == 0 {
            return None;
        }
        let (option, others) = rest.split_at_checked(usize::from(octets) * 8)?;
        rest = others;
        match kind {
            PREFIX if found.prefixes.len() < ADDRESSES_MAX => {
                found.prefixes.extend(prefix(option));
            }
            SERVERS if found.servers.is_empty() => found.servers = servers(option),
            _ => {}
        }
    }
    rest.is_empty().then_some(found)
}

/// A prefix that an address can be made of.
fn prefix(option: &[u8]) -> Option<Prefix> {
    let option: &[u8; PREFIX_BYTES] = option.try_into().ok()?;
    let word = |at: usize| {
        let bytes = [option[at], option[at + 1], option[at + 2], option[at + 3]];
        u32::from_be_bytes(bytes)
    };
    let (lifetime_s, preferred_s) = (word(4), word(8));
    let bits: [u8; 8] = *option[16..].first_chunk()?;
    let is_of_use = option[2] == 64
        && option[3] & AUTONOMOUS != 0
        && preferred_s <= lifetime_s
        && is_for_hosts(&bits);
    is_of_use.then_some(Prefix {
        bits,
        is_on_link: option[3] & ON_LINK != 0,
        lifetime_s,
    })
}

/// Whether hosts can have addresses of this prefix: not those of a link, of groups, of nobody, of version 4.
fn is_for_hosts(bits: &[u8; 8]) -> bool {
    let mut octets = [0; 16];
    octets[..8].copy_from_slice(bits);
    let lowest = Ipv6Address::from(octets);
    !lowest.is_multicast() && !lowest.is_unicast_link_local() && *bits != [0; 8]
}

/// Servers that resolve names, unless they are to be forgotten.
fn servers(option: &[u8]) -> Vec<Ipv6Address> {
    let Some((head, list)) = option.split_at_checked(SERVERS_HEAD_BYTES) else {
        return Vec::new();
    };
    if head[4..] == [0; 4] {
        return Vec::new();
    }
    let (addresses, _) = list.as_chunks::<16>();
    let addresses = addresses.iter().map(|octets| Ipv6Address::from(*octets));
    let good = addresses.filter(|server| !server.is_multicast() && !server.is_unspecified());
    good.take(SERVERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::{Prefix, renewed};
    use smoltcp::time::{Duration, Instant};

    #[test]
    fn an_address_lives_two_hours_at_least() {
        let now = Instant::from_secs(1000);
        let after = |hours: u64| Some(now + Duration::from_secs(hours * 3600));
        for (held, told, then) in [
            (after(1), after(3), after(3)),
            (after(9), after(3), after(3)),
            (after(9), after(0), after(2)),
            (after(1), after(0), after(1)),
            (None, after(1), after(2)),
            (after(1), None, None),
        ] {
            assert_eq!(renewed(held, told, now), then, "{held:?} {told:?}");
        }
    }

    #[test]
    fn prefixes_of_no_use_are_left_alone() {
        let good = |change: &dyn Fn(&mut [u8; 32])| {
            let mut option = [0; 32];
            option[..4].copy_from_slice(&[3, 4, 64, 0xc0]);
            option[4..12].copy_from_slice(&[0, 0, 14, 16, 0, 0, 7, 8]);
            option[16..20].copy_from_slice(&[0x20, 1, 0xd, 0xb8]);
            change(&mut option);
            super::prefix(&option)
        };
        let expected = Prefix {
            bits: [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0],
            is_on_link: true,
            lifetime_s: 3600,
        };
        assert_eq!(good(&|_| {}), Some(expected));
        assert_eq!(good(&|option| option[2] = 48), None);
        assert_eq!(good(&|option| option[3] = 0x80), None);
        assert_eq!(good(&|option| option[8] = 1), None);
        assert_eq!(good(&|option| option[16] = 0xff), None);
        assert_eq!(good(&|option| option[16..24].fill(0)), None);
        assert_eq!(
            good(&|option| option[16..18].copy_from_slice(&[0xfe, 0x80])),
            None
        );
        assert_eq!(super::prefix(&[3, 1, 64, 0xc0, 0, 0, 0, 1]), None);
    }
}
