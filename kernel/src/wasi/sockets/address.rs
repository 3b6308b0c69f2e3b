//! Addresses as WasmEdge's interface has them: a structure of a pointer (u32) and a length (u32) to 4 bytes (version 4), 16
//! bytes (version 6), or 128 bytes that begin with the family (u16) and have the address behind it.
//!
//! Source: the crate `wasmedge_wasi_socket` 0.5.

use super::socket::Family;
use crate::fs::errno::Errno;
use crate::guest::GuestMemory;
use crate::net::IpAddress;
use crate::wasi::buffers::read_words;

/// Bytes of the form that tells its family.
const STORAGE_BYTES: u32 = 128;

/// Numbers of families.
const INET4: u16 = 1;
const INET6: u16 = 2;

pub(super) fn family(number: u32) -> Result<Family, Errno> {
    match u16::try_from(number) {
        Ok(INET4) => Ok(Family::V4),
        Ok(INET6) => Ok(Family::V6),
        _ => Err(Errno::Afnosupport),
    }
}

pub(super) fn port(number: u32) -> Result<u16, Errno> {
    u16::try_from(number).map_err(|_| Errno::Inval)
}

/// Reads the address that the structure at `at` points to.
pub(super) fn read(memory: &dyn GuestMemory, at: u32) -> Result<IpAddress, Errno> {
    let [buffer, len] = read_words(memory, at)?;
    let v4 = |at: u32| {
        let mut octets = [0; 4];
        memory.read(at, &mut octets)?;
        Ok(IpAddress::Ipv4(octets.into()))
    };
    let v6 = |at: u32| {
        let mut octets = [0; 16];
        memory.read(at, &mut octets)?;
        Ok(IpAddress::Ipv6(octets.into()))
    };
    match len {
        4 => v4(buffer),
        16 => v6(buffer),
        STORAGE_BYTES => {
            memory.check(buffer, len)?;
            let mut family = [0; 2];
            memory.read(buffer, &mut family)?;
            match u16::from_le_bytes(family) {
                INET4 => v4(buffer + 2),
                INET6 => v6(buffer + 2),
                _ => Err(Errno::Afnosupport),
            }
        }
        _ => Err(Errno::Inval),
    }
}

/// Fails unless an address of `bytes` bytes has room where the structure at `at` points to.
pub(super) fn check_room(memory: &dyn GuestMemory, at: u32, bytes: u32) -> Result<(), Errno> {
    let [buffer, len] = read_words(memory, at)?;
    memory.check(buffer, len)?;
    match len < bytes {
        true => Err(Errno::Inval),
        false => Ok(()),
    }
}

/// Stores an address where the structure at `at` points to.
pub(super) fn store(
    memory: &mut dyn GuestMemory,
    at: u32,
    address: IpAddress,
) -> Result<(), Errno> {
    let [buffer, len] = read_words(memory, at)?;
    memory.check(buffer, len)?;
    let (family, octets) = octets(address);
    let count = octets.1;
    let octets = &octets.0[..count];
    if len == STORAGE_BYTES {
        memory.write(buffer, &family.to_le_bytes())?;
        return Ok(memory.write(buffer + 2, octets)?);
    }
    if (len as usize) < count {
        return Err(Errno::Inval);
    }
    Ok(memory.write(buffer, octets)?)
}

/// The number of an address's family, and its bytes with their count.
pub(super) fn octets(address: IpAddress) -> (u16, ([u8; 16], usize)) {
    match address {
        IpAddress::Ipv4(address) => {
            let mut octets = [0; 16];
            octets[..4].copy_from_slice(&address.octets());
            (INET4, (octets, 4))
        }
        IpAddress::Ipv6(address) => (INET6, (address.octets(), 16)),
    }
}
