//! The card, the sockets and what moves frames between them.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use smoltcp::iface::{Config, Interface, PollResult, SocketHandle, SocketSet};
use smoltcp::socket::{AnySocket, dhcpv4, dns};
use smoltcp::time::Instant;
use smoltcp::wire::{
    EthernetAddress, HardwareAddress, IpAddress, IpCidr, IpEndpoint, Ipv4Address, Ipv6Address,
    Ipv6Cidr, TcpSeqNumber,
};

use super::card::{Card, FRAME_BYTES_MAX, Port};
use super::checksum;
use super::datagram::Datagrams;
use super::frame::{About, look_at};
use super::listener::Listener;
use super::router::{Discovery, advertisement};
use super::segments::LongSegments;
use super::settings::Settings;
use super::sorted::SortedMap;
use super::stream::Connection;
use super::watch::Woken;

/// Frames that are taken in before the application goes on.
const FRAMES_PER_POLL_MAX: usize = 512;

/// When a card that is full is asked again, in case that its interrupt is lost.
const CARD_NS: u64 = 10_000_000;

/// First port that the system chooses, RFC 6335 section 6.
const EPHEMERAL_PORT_MIN: u16 = 49152;

/// Servers that resolve names, at most; those further on are not asked.
pub(super) const SERVERS_MAX: usize = 3;

/// Smallest and largest buffer of a socket, each way.
const BUFFER_BYTES_MIN: usize = 2 << 10;
const BUFFER_BYTES_MAX: usize = 64 << 10;

/// A new socket gets buffers of this part of what is left, so that the last of many are small instead of refused.
const BUDGET_PARTS: usize = 512;

/// The number of a socket; never given twice.
pub type SocketId = u64;

/// The network.
pub struct Network {
    pub(super) card: Box<dyn Card>,
    pub(super) interface: Interface,
    /// Sockets that are the network's own.
    pub(super) common: SocketSet<'static>,
    pub(super) dhcp: Option<SocketHandle>,
    pub(super) dns: SocketHandle,
    pub(super) has_servers: bool,
    pub(super) discovery: Discovery,
    pub(super) connections: SortedMap<SocketId, Box<Connection>>,
    /// Connections by their two ends, the local one first.
    pub(super) ends: BTreeMap<(IpEndpoint, IpEndpoint), SocketId>,
    pub(super) listeners: SortedMap<SocketId, Listener>,
    pub(super) datagrams: Datagrams,
    /// When which connection must be looked at, in microseconds.
    pub(super) timers: BTreeSet<(i64, SocketId)>,
    /// Connections that something happened to.
    pub(super) touched: Vec<SocketId>,
    /// Who was told that a socket may be ready.
    pub(super) woken: Woken,
    /// Bytes that buffers of sockets may still take.
    pub(super) budget_bytes: usize,
    /// When the sockets that are the network's own must be looked at.
    common_due: Option<Instant>,
    /// The card took no more: what is due waits for it.
    is_card_full: bool,
    /// The time of the last poll.
    pub(super) now: Instant,
    frame: Box<[u8]>,
    next_id: SocketId,
    next_port: u16,
    pub(super) long_segments: LongSegments,
    pub(super) seed: u64,
}

impl Network {
    /// Brings the stack up on `card`. `seed` is random; buffers of sockets take at most `budget_bytes` together.
    #[must_use]
    pub fn new(
        mut card: Box<dyn Card>,
        settings: &Settings,
        seed: u64,
        budget_bytes: usize,
        now_ns: u64,
    ) -> Self {
        let address = EthernetAddress(card.address());
        let long_segments = match card.segment_bytes_max() > FRAME_BYTES_MAX {
            true => LongSegments::Untried,
            false => LongSegments::None,
        };
        let mut interface = new_interface(&mut *card, seed, true, instant(now_ns));
        let link_local = link_local(address);
        let given = settings.addresses.iter();
        let given = given.filter(|address| address.address().is_unicast());
        interface.update_ip_addrs(|addresses| {
            // More than fit are left out, and so not answered.
            let _ = addresses.push(IpCidr::Ipv6(Ipv6Cidr::new(link_local, 64)));
            for address in given {
                let _ = addresses.push(*address);
            }
        });
        for gateway in settings.gateways.iter().filter(|one| one.is_unicast()) {
            set_gateway(&mut interface, *gateway);
        }
        let has_gateway = interface.routes().get_default_ipv6_route().is_some();
        let mut common = SocketSet::new(Vec::new());
        let has_address = interface.ipv4_addr().is_some();
        let dhcp = (!has_address).then(|| common.add(dhcpv4::Socket::new()));
        let servers = settings.servers.iter().filter(|one| one.is_unicast());
        let servers: Vec<IpAddress> = servers.take(SERVERS_MAX).copied().collect();
        let dns = common.add(dns::Socket::new(&servers, Vec::new()));
        Self {
            card,
            interface,
            common,
            dhcp,
            dns,
            has_servers: !servers.is_empty(),
            discovery: Discovery::new(link_local, has_gateway, instant(now_ns)),
            connections: SortedMap::default(),
            ends: BTreeMap::new(),
            listeners: SortedMap::default(),
            datagrams: Datagrams::default(),
            timers: BTreeSet::new(),
            touched: Vec::new(),
            woken: Woken::default(),
            budget_bytes,
            common_due: Some(Instant::ZERO),
            is_card_full: false,
            now: instant(now_ns),
            frame: alloc::vec![0; FRAME_BYTES_MAX].into(),
            next_id: 1,
            next_port: EPHEMERAL_PORT_MIN | seed as u16,
            long_segments,
            seed,
        }
    }

    /// Takes in what came, sends what is due. Costs next to nothing where nothing is.
    pub fn poll(&mut self, now_ns: u64) {
        let now = instant(now_ns);
        self.now = now;
        let mut is_idle = true;
        for _ in 0..FRAMES_PER_POLL_MAX {
            // A frame may want an answer at once.
            if !self.card.has_received() || !self.card.can_transmit() {
                break;
            }
            is_idle = false;
            let mut frame = core::mem::take(&mut self.frame);
            if let Some(len) = self.card.receive(&mut frame)
                && checksum::is_intact(&frame[..len])
            {
                self.take_in(&frame[..len], now);
            }
            self.frame = frame;
        }
        while let Some(&(due, id)) = self.timers.first()
            && due <= now.total_micros()
        {
            self.timers.pop_first();
            if let Some(connection) = self.connections.get_mut(id) {
                connection.due = None;
                connection.touch(&mut self.touched);
            }
        }
        if !self.touched.is_empty() {
            is_idle = false;
            let mut touched = core::mem::take(&mut self.touched);
            for id in touched.drain(..) {
                self.serve(id, now);
            }
            // Serving touches nothing, so the list is empty and its room is kept.
            self.touched = touched;
        }
        is_idle &= !self.serve_datagrams(now);
        if self.common_due.is_some_and(|due| due <= now) {
            is_idle = false;
            self.serve_common(now);
            self.common_due = self.interface.poll_at(now, &self.common);
        }
        if self.discovery.next().is_some_and(|due| due <= now) {
            is_idle = false;
            self.serve_discovery(now);
        }
        // A card that was full is asked again too: else whoever waits for it never sleeps.
        if !is_idle || self.is_card_full {
            self.card.flush();
            self.is_card_full = !self.card.can_transmit();
        }
    }

    /// Whether [`Network::poll`] would find something to do at once.
    #[must_use]
    pub fn has_news(&mut self) -> bool {
        // A card that is full is not received from either: an answer may be due.
        if self.is_card_full {
            return self.card.can_transmit();
        }
        self.card.has_received() || !self.touched.is_empty()
    }

    /// Whether the card is to interrupt, as it should before the processor sleeps; ask [`Network::has_news`] in between.
    pub fn set_interrupts(&mut self, are_wanted: bool) {
        self.card.set_interrupts(are_wanted);
    }

    /// When [`Network::poll`] is wanted next, by the clock that it is given; `None` while only a frame can bring work.
    #[must_use]
    pub fn next_ns(&self, now_ns: u64) -> Option<u64> {
        if self.is_card_full {
            return Some(now_ns.saturating_add(CARD_NS));
        }
        let common = self.common_due.map(|at| at.total_micros());
        let first = self.timers.first().map(|(due, _)| *due);
        let discovery = self.discovery.next().map(|at| at.total_micros());
        let next = [common, discovery, first, self.datagrams.due()];
        let next = next.into_iter().flatten().min()?;
        let next = u64::try_from(next).unwrap_or(0).saturating_mul(1000);
        Some(next.max(now_ns))
    }

    /// Whether it is known how `remote` is reached, or that it is not; DHCP or a router may still have to tell.
    #[must_use]
    pub fn is_configured(&self, remote: IpAddress) -> bool {
        match remote {
            IpAddress::Ipv4(_) => self.interface.ipv4_addr().is_some() || self.dhcp.is_none(),
            IpAddress::Ipv6(_) => self.is_reachable(remote) || !self.discovery.is_waiting(),
        }
    }

    /// Whether `remote` is one host, and on the link or behind a way out.
    pub(super) fn is_reachable(&self, remote: IpAddress) -> bool {
        if !remote.is_unicast() {
            return false;
        }
        let routes = self.interface.routes();
        let default = match remote {
            IpAddress::Ipv4(_) => routes.get_default_ipv4_route(),
            IpAddress::Ipv6(_) => routes.get_default_ipv6_route(),
        };
        let mut networks = self.interface.ip_addrs().iter();
        default.is_some() || networks.any(|network| network.contains_addr(&remote))
    }

    /// The card's address of a version, if it has one.
    #[must_use]
    pub fn address(&self, is_v6: bool) -> Option<IpAddress> {
        let of_version = |cidr: &&IpCidr| matches!(cidr, IpCidr::Ipv6(_)) == is_v6;
        let found = self.interface.ip_addrs().iter().rev().find(of_version);
        found.map(IpCidr::address)
    }

    fn take_in(&mut self, frame: &[u8], now: Instant) {
        match look_at(frame) {
            About::Tcp {
                local,
                remote,
                is_syn,
                is_reset,
                acknowledged,
            } => {
                let mut id = self.ends.get(&(local, remote)).copied();
                if id.is_none() && is_syn && self.interface.has_ip_addr(local.addr) {
                    match self.begin_accepting(local, remote) {
                        Ok(begun) => id = begun,
                        // The other end will ask again.
                        Err(_) => return,
                    }
                }
                if let Some(id) = id
                    && let Some(connection) = self.connections.get_mut(id)
                {
                    let queued = connection.socket().send_queue();
                    hand_over(
                        &mut self.interface,
                        &mut *self.card,
                        &mut connection.set,
                        frame,
                        now,
                    );
                    let has_taken = connection.socket().send_queue() < queued;
                    if has_taken && connection.answers_long(acknowledged) {
                        self.long_segments = LongSegments::Answered;
                    }
                    // One that is not of this connection changes nothing.
                    connection.saw_reset |= is_reset && connection.has_stopped();
                    connection.hear(now);
                    connection.touch(&mut self.touched);
                    return;
                }
            }
            About::Udp(to) => {
                if let Some(set) = self.datagrams.of_port(to, &mut self.woken) {
                    hand_over(&mut self.interface, &mut *self.card, set, frame, now);
                    return;
                }
            }
            About::Nobody => return,
            // It may tell where others are, which whoever has something to send waits for.
            About::Other => {
                let waiting = self.connections.values_mut().filter(|one| one.is_due());
                waiting.for_each(|one| one.touch(&mut self.touched));
                self.datagrams.hurry();
                if let Some(advertisement) = advertisement(frame) {
                    self.follow(&advertisement, now);
                }
            }
        }
        hand_over(
            &mut self.interface,
            &mut *self.card,
            &mut self.common,
            frame,
            now,
        );
        self.touch_common();
    }

    /// Lets the next poll look at the sockets that are the network's own.
    pub(super) fn touch_common(&mut self) {
        self.common_due = Some(Instant::ZERO);
    }

    fn serve_common(&mut self, now: Instant) {
        send_all(&mut self.interface, &mut *self.card, &mut self.common, now);
        let Some(dhcp) = self.dhcp else { return };
        let Some(event) = self.common.get_mut::<dhcpv4::Socket<'_>>(dhcp).poll() else {
            return;
        };
        let (address, router, servers) = match event {
            dhcpv4::Event::Configured(config) => {
                let servers = config.dns_servers.iter().take(SERVERS_MAX);
                let servers: Vec<IpAddress> = servers.map(|server| (*server).into()).collect();
                (Some(config.address), config.router, servers)
            }
            dhcpv4::Event::Deconfigured => (None, None, Vec::new()),
        };
        self.interface.update_ip_addrs(|addresses| {
            addresses.retain(|address| matches!(address, IpCidr::Ipv6(_)));
            if let Some(address) = address {
                let _ = addresses.push(IpCidr::Ipv4(address));
            }
        });
        self.touch_all();
        self.interface.routes_mut().remove_default_ipv4_route();
        if let Some(router) = router.filter(|router| IpAddress::from(*router).is_unicast()) {
            set_gateway(&mut self.interface, router.into());
        }
        if !servers.is_empty() {
            self.has_servers = true;
            self.common
                .get_mut::<dns::Socket<'_>>(self.dns)
                .update_servers(&servers);
        }
    }

    /// Has every connection looked at: one whose address is gone ends.
    pub(super) fn touch_all(&mut self) {
        let all = self.connections.values_mut();
        all.for_each(|one| one.touch(&mut self.touched));
    }

    pub(super) fn new_id(&mut self) -> SocketId {
        self.next_id += 1;
        self.next_id
    }

    /// A port of those that the system chooses which `is_free`.
    pub(super) fn choose_port(&mut self, is_free: impl Fn(&Self, u16) -> bool) -> Option<u16> {
        for _ in EPHEMERAL_PORT_MIN..=u16::MAX {
            self.next_port = self.next_port.checked_add(1).unwrap_or(EPHEMERAL_PORT_MIN);
            if is_free(self, self.next_port) {
                return Some(self.next_port);
            }
        }
        None
    }

    /// Takes buffers of two equal parts out of the budget; the length of one.
    pub(super) fn take_buffers(&mut self) -> Option<(usize, [Vec<u8>; 2])> {
        let part = (self.budget_bytes / BUDGET_PARTS).clamp(BUFFER_BYTES_MIN, BUFFER_BYTES_MAX);
        let bytes = 1 << part.ilog2();
        let left = self.budget_bytes.checked_sub(2 * bytes)?;
        let buffers = [buffer(bytes)?, buffer(bytes)?];
        self.budget_bytes = left;
        Some((bytes, buffers))
    }
}

/// Hands a frame to the stack, for the sockets of `set`. Once in the kernel: all of the stack hangs on it.
#[inline(never)]
fn hand_over(
    interface: &mut Interface,
    card: &mut dyn Card,
    set: &mut SocketSet<'static>,
    frame: &[u8],
    now: Instant,
) {
    interface.poll_ingress_single(now, &mut Port::new(card, Some(frame)), set);
}

/// What sending found.
pub(super) struct Sent {
    /// When there will be more.
    pub(super) due: Option<Instant>,
    /// The sequence number behind the first segment that was longer than a frame.
    pub(super) long_end: Option<TcpSeqNumber>,
}

/// Sends all that the sockets of `set` have to send now. Once in the kernel, as [`hand_over`] is.
#[inline(never)]
pub(super) fn send_all(
    interface: &mut Interface,
    card: &mut dyn Card,
    set: &mut SocketSet<'static>,
    now: Instant,
) -> Sent {
    let mut port = Port::new(card, None);
    loop {
        let has_sent = port.card.can_transmit()
            && interface.poll_egress(now, &mut port, set) != PollResult::None;
        let due = interface.poll_at(now, set);
        if !has_sent || due.is_none_or(|due| due > now) {
            let long_end = port.long_end;
            return Sent { due, long_end };
        }
    }
}

/// The stack's own part, without addresses. `takes_long`: segments may be as long as the card has them.
pub(super) fn new_interface(
    card: &mut dyn Card,
    seed: u64,
    takes_long: bool,
    now: Instant,
) -> Interface {
    let address = EthernetAddress(card.address());
    let mut config = Config::new(HardwareAddress::Ethernet(address));
    config.random_seed = seed;
    let mut port = Port::new(card, None);
    port.takes_long = takes_long;
    Interface::new(config, &mut port, now)
}

/// A set of one socket.
pub(super) fn set_of<T: AnySocket<'static>>(socket: T) -> (SocketSet<'static>, SocketHandle) {
    let mut set = SocketSet::new(Vec::with_capacity(1));
    let handle = set.add(socket);
    (set, handle)
}

/// A buffer of zeros, if it can be had.
pub(super) fn buffer(bytes: usize) -> Option<Vec<u8>> {
    let mut buffer = Vec::new();
    buffer.try_reserve_exact(bytes).ok()?;
    buffer.resize(bytes, 0);
    Some(buffer)
}

fn instant(now_ns: u64) -> Instant {
    Instant::from_micros(i64::try_from(now_ns / 1000).unwrap_or(i64::MAX))
}

fn set_gateway(interface: &mut Interface, gateway: IpAddress) {
    // The table of routes has room for one of each version.
    match gateway {
        IpAddress::Ipv4(gateway) => {
            let _: Result<Option<_>, _> = interface
                .routes_mut()
                .add_default_ipv4_route(gateway as Ipv4Address);
        }
        IpAddress::Ipv6(gateway) => {
            let _: Result<Option<_>, _> = interface
                .routes_mut()
                .add_default_ipv6_route(gateway as Ipv6Address);
        }
    }
}

/// The address that a card has on its own link: RFC 4291, section 2.5.6 and appendix A.
fn link_local(EthernetAddress([a, b, c, d, e, f]): EthernetAddress) -> Ipv6Address {
    Ipv6Address::from([
        0xfe,
        0x80,
        0,
        0,
        0,
        0,
        0,
        0,
        a ^ 2,
        b,
        c,
        0xff,
        0xfe,
        d,
        e,
        f,
    ])
}
