//! Who a socket's ends are, and names resolved.

use alloc::string::String;
use alloc::vec::Vec;

use super::socket::Family;
use super::{address, wait};
use crate::fs::errno::Errno;
use crate::guest::GuestMemory;
use crate::net::{Answer, IpAddress, IpEndpoint};
use crate::wasi::buffers::{read_bytes, read_words, store_u32};
use crate::wasi::{Context, Wasi};

/// Longest name, RFC 1035 section 2.3.4, and a NUL.
const NAME_BYTES_MAX: u32 = 256;
/// Longest name of a service.
const SERVICE_BYTES_MAX: u32 = 64;

/// Services that have names in programs. Source: IANA, "Service Name and Transport Protocol Port Number Registry".
const SERVICES: [(&str, u16); 4] = [("http", 80), ("https", 443), ("domain", 53), ("ssh", 22)];

/// Flag of hints: the addresses are to be listened at.
const PASSIVE: u16 = 1;

/// Fields of an `addrinfo` of 28 bytes.
mod field {
    pub(super) const FAMILY: u32 = 2;
    pub(super) const ADDRESS_BYTES: u32 = 8;
    pub(super) const ADDRESS: u32 = 12;
    pub(super) const NEXT: u32 = 24;
    pub(super) const BYTES: u32 = 28;
}

impl Wasi {
    pub(in crate::wasi) fn sock_getlocaladdr(
        &mut self,
        context: &mut Context<'_>,
        fd: u32,
        to: u32,
        kind: u32,
        port: u32,
    ) -> Result<(), Errno> {
        let here = self.socket(fd, 0)?.1.ends().0;
        store_end(context.memory, here, to, Some(kind), port)
    }

    pub(in crate::wasi) fn sock_getlocaladdr_v2(
        &mut self,
        context: &mut Context<'_>,
        fd: u32,
        to: u32,
        port: u32,
    ) -> Result<(), Errno> {
        let here = self.socket(fd, 0)?.1.ends().0;
        store_end(context.memory, here, to, None, port)
    }

    pub(in crate::wasi) fn sock_getpeeraddr(
        &mut self,
        context: &mut Context<'_>,
        fd: u32,
        to: u32,
        kind: u32,
        port: u32,
    ) -> Result<(), Errno> {
        let there = self.socket(fd, 0)?.1.ends().1.ok_or(Errno::Notconn)?;
        store_end(context.memory, there, to, Some(kind), port)
    }

    pub(in crate::wasi) fn sock_getpeeraddr_v2(
        &mut self,
        context: &mut Context<'_>,
        fd: u32,
        to: u32,
        port: u32,
    ) -> Result<(), Errno> {
        let there = self.socket(fd, 0)?.1.ends().1.ok_or(Errno::Notconn)?;
        store_end(context.memory, there, to, None, port)
    }

    pub(in crate::wasi) fn sock_getaddrinfo(
        &mut self,
        context: &mut Context<'_>,
        node: u32,
        node_bytes: u32,
        service: u32,
        service_bytes: u32,
        hints: u32,
        list: u32,
        room: u32,
        found: u32,
    ) -> Result<(), Errno> {
        let node = text(context.memory, node, node_bytes, NAME_BYTES_MAX)?;
        let service = text(context.memory, service, service_bytes, SERVICE_BYTES_MAX)?;
        let port = service_port(&service)?;
        let mut hint = [0; 4];
        if hints != 0 {
            context.memory.read(hints, &mut hint)?;
        }
        let [low, high, family, socket_type] = hint;
        let wanted = match family {
            0 => None,
            number => Some(address::family(number.into()).map_err(|_| Errno::Aifamily)?),
        };
        context.memory.check(found, 4)?;
        let is_passive = u16::from_le_bytes([low, high]) & PASSIVE != 0;
        let addresses = self.resolve(context, &node, wanted, is_passive)?;
        let mut head = [0; 4];
        context.memory.read(list, &mut head)?;
        let mut at = u32::from_le_bytes(head);
        let mut count = 0;
        for address in addresses.into_iter().take(room as usize) {
            // The caller has allocated the list; it may be shorter than it says.
            if at == 0 {
                break;
            }
            at = store_information(
                context.memory,
                at,
                IpEndpoint::new(address, port),
                socket_type,
            )?;
            count += 1;
        }
        store_u32(context.memory, found, count)
    }

    fn resolve(
        &mut self,
        context: &mut Context<'_>,
        node: &str,
        wanted: Option<Family>,
        is_passive: bool,
    ) -> Result<Vec<IpAddress>, Errno> {
        let fits = |address: &IpAddress| wanted.is_none_or(|family| family == Family::of(*address));
        if node.is_empty() {
            let family = wanted.unwrap_or(Family::V4);
            let address = match (is_passive, family) {
                (true, family) => family.unspecified(),
                (false, Family::V4) => IpAddress::v4(127, 0, 0, 1),
                (false, Family::V6) => IpAddress::v6(0, 0, 0, 0, 0, 0, 0, 1),
            };
            return Ok(alloc::vec![address]);
        }
        if let Ok(address) = node.parse::<IpAddress>() {
            return Some(address)
                .filter(fits)
                .map(|address| alloc::vec![address])
                .ok_or(Errno::Aiaddrfamily);
        }
        let network = self.network_of(context)?;
        let mut addresses = Vec::new();
        for family in [Family::V4, Family::V6] {
            if wanted.is_some_and(|wanted| wanted != family) {
                continue;
            }
            let question = network.borrow_mut().ask(node, family == Family::V6);
            let question = question.map_err(|errno| match errno {
                Errno::Netunreach => Errno::Aiagain,
                Errno::Nobufs => Errno::Aimemory,
                _ => Errno::Ainoname,
            })?;
            loop {
                wait(self, context, &network, None);
                let answer = network.borrow_mut().answer(question);
                match answer {
                    Answer::Waiting => {}
                    Answer::Addresses(found) => {
                        addresses.extend(found);
                        break;
                    }
                    Answer::Nothing => break,
                }
            }
        }
        if addresses.is_empty() {
            return Err(Errno::Ainoname);
        }
        Ok(addresses)
    }
}

/// Stores an end; `kind` is where 4 or 6 goes, where it is wanted.
fn store_end(
    memory: &mut dyn GuestMemory,
    end: IpEndpoint,
    to: u32,
    kind: Option<u32>,
    port: u32,
) -> Result<(), Errno> {
    memory.check(port, 4)?;
    let family = Family::of(end.addr);
    address::check_room(memory, to, family.address_bytes())?;
    if let Some(kind) = kind {
        let version = match family {
            Family::V4 => 4,
            Family::V6 => 6,
        };
        store_u32(memory, kind, version)?;
    }
    address::store(memory, to, end.addr)?;
    store_u32(memory, port, end.port.into())
}

/// Fills the `addrinfo` at `at`; returns where the next one is.
fn store_information(
    memory: &mut dyn GuestMemory,
    at: u32,
    end: IpEndpoint,
    socket_type: u8,
) -> Result<u32, Errno> {
    memory.check(at, field::BYTES)?;
    let (family, (octets, count)) = address::octets(end.addr);
    let [socket_address, next] = [field::ADDRESS, field::NEXT].map(|field| at + field);
    let mut word = [0; 4];
    memory.read(socket_address, &mut word)?;
    let socket_address = u32::from_le_bytes(word);
    memory.read(next, &mut word)?;
    let next = u32::from_le_bytes(word);
    let family = family.to_le_bytes()[0];
    // The address: its family, the length of its data, and where that is: the port, most significant byte first, and the
    // address itself.
    memory.check(socket_address, 12)?;
    let [_, data] = read_words(memory, socket_address + 4)?;
    let mut content = end.port.to_be_bytes().to_vec();
    content.extend(&octets[..count]);
    memory.write(data, &content)?;
    // The type stands behind the family.
    memory.write(at + field::FAMILY, &[family, socket_type])?;
    memory.write(socket_address, &[family])?;
    store_u32(memory, socket_address + 4, content.len() as u32)?;
    store_u32(memory, at + field::ADDRESS_BYTES, 16)?;
    Ok(next)
}

/// A text of the application, which may end with a NUL inside its length.
fn text(memory: &dyn GuestMemory, at: u32, len: u32, len_max: u32) -> Result<String, Errno> {
    if at == 0 {
        return Ok(String::new());
    }
    let mut bytes = read_bytes(memory, at, len, len_max)?;
    if let Some(end) = bytes.iter().position(|byte| *byte == 0) {
        bytes.truncate(end);
    }
    String::from_utf8(bytes).map_err(|_| Errno::Ilseq)
}

fn service_port(service: &str) -> Result<u16, Errno> {
    if service.is_empty() {
        return Ok(0);
    }
    let known = SERVICES.iter().find(|(name, _)| *name == service);
    match known {
        Some((_, port)) => Ok(*port),
        None => service.parse().map_err(|_| Errno::Aiservice),
    }
}
