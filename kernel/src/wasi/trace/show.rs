//! Values and what pointers lead to, in words. Nothing here trusts a pointer: what can't be read is shown as its address.

use core::fmt::{self, Write};

use super::parameters::Parameter;
use crate::guest::GuestMemory;
use crate::wasi::poll;
use crate::wasi::sockets;

/// Longest text or data that is shown, in bytes.
const TEXT_BYTES_MAX: usize = 256;
const DATA_BYTES_MAX: usize = 32;

/// Ranges of one call that are looked at.
const RANGES_MAX: u32 = 64;

/// Types of files by number.
const FILETYPES: [&str; 8] = [
    "unknown",
    "block device",
    "character device",
    "directory",
    "file",
    "datagrams",
    "stream",
    "symbolic link",
];

/// The low half of a parameter: the other one is not defined where it has 32 bits.
fn low(value: u64) -> u32 {
    value as u32
}

/// The 32 bits that a pointer leads to.
pub(super) fn word(memory: &dyn GuestMemory, pointer: u64) -> Option<u32> {
    bytes(memory, low(pointer)).map(u32::from_le_bytes)
}

fn bytes<const N: usize>(memory: &dyn GuestMemory, address: u32) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    memory.read(address, &mut bytes).ok().map(|()| bytes)
}

/// Writes an argument; `values` are the parameters that it takes.
pub(super) fn argument(
    parameter: Parameter,
    values: &[u64],
    memory: &dyn GuestMemory,
    out: &mut dyn Write,
) -> fmt::Result {
    let [first, rest @ ..] = values else {
        return Ok(());
    };
    let second = low(rest.first().copied().unwrap_or(0));
    match parameter {
        Parameter::Descriptor | Parameter::Number => write!(out, "{}", low(*first)),
        Parameter::Long => write!(out, "{first}"),
        Parameter::Offset => write!(out, "{}", first.cast_signed()),
        Parameter::Rights => write!(out, "{first:#x}"),
        Parameter::Flags(names) => flags(low(*first), names, out),
        Parameter::Choice(names) => match names.get(low(*first) as usize) {
            Some(name) => out.write_str(name),
            None => write!(out, "{}", low(*first)),
        },
        Parameter::Text => text(memory, low(*first), second, TEXT_BYTES_MAX, out),
        Parameter::Room | Parameter::RoomForText => write!(out, "[{second}]"),
        Parameter::Gather => gather(memory, low(*first), second, u32::MAX, out),
        Parameter::Scatter => write!(
            out,
            "[{}]",
            ranges(memory, low(*first), second).sum::<u64>()
        ),
        Parameter::Address => match sockets::read_address(memory, low(*first)) {
            Some(address) => write!(out, "{address}"),
            None => write!(out, "{:#x}", low(*first)),
        },
        Parameter::Subscriptions => {
            let count = low(rest.get(1).copied().unwrap_or(0));
            poll::describe_subscriptions(memory, low(*first), count, out)
        }
        _ => write!(out, "{:#x}", low(*first)),
    }
}

/// Writes what was stored; `count` is how much of a buffer, where the call tells.
pub(super) fn result(
    parameter: Parameter,
    values: &[u64; 3],
    count: Option<u32>,
    memory: &dyn GuestMemory,
    out: &mut dyn Write,
) -> fmt::Result {
    let [at, second, _] = values.map(low);
    let written = match parameter {
        Parameter::Stored16 => {
            bytes(memory, at).map(|bytes| write!(out, "{}", u16::from_le_bytes(bytes)))
        }
        Parameter::Stored32 | Parameter::StoredCount => {
            bytes(memory, at).map(|bytes| write!(out, "{}", u32::from_le_bytes(bytes)))
        }
        Parameter::Stored64 => {
            bytes(memory, at).map(|bytes| write!(out, "{}", u64::from_le_bytes(bytes)))
        }
        Parameter::StoredFilestat => bytes::<64>(memory, at).map(|stat| filestat(&stat, out)),
        Parameter::StoredFdstat => bytes::<24>(memory, at).map(|stat| {
            let names = |number: u8| FILETYPES.get(usize::from(number)).copied();
            write!(out, "{{{}, ", names(stat[0]).unwrap_or("?"))?;
            let halves = u32::from(u16::from_le_bytes([stat[2], stat[3]]));
            flags(halves, super::parameters::FDFLAGS, out)?;
            let field = |at: usize| stat[at..].first_chunk().copied().unwrap_or_default();
            write!(
                out,
                ", {:#x}, {:#x}}}",
                u64::from_le_bytes(field(8)),
                u64::from_le_bytes(field(16))
            )
        }),
        Parameter::StoredPrestat => word(memory, u64::from(at.wrapping_add(4)))
            .map(|len| write!(out, "{{directory, {len}}}")),
        Parameter::StoredAddress => {
            sockets::read_address(memory, at).map(|address| write!(out, "{address}"))
        }
        Parameter::RoomForText => {
            let len = count.unwrap_or(second).min(second);
            Some(text(memory, at, len, TEXT_BYTES_MAX, out))
        }
        Parameter::Scatter => Some(gather(memory, at, second, count.unwrap_or(0), out)),
        Parameter::Subscriptions => Some(poll::describe_events(
            memory,
            second,
            count.unwrap_or(0),
            out,
        )),
        _ => None,
    };
    written.unwrap_or_else(|| write!(out, "{at:#x}"))
}

fn filestat(stat: &[u8; 64], out: &mut dyn Write) -> fmt::Result {
    let field = |at: usize| {
        let bytes = stat[at..].first_chunk().copied().unwrap_or_default();
        u64::from_le_bytes(bytes)
    };
    let kind = FILETYPES.get(usize::from(stat[16])).copied();
    write!(
        out,
        "{{{}, inode {}, {} links, {} bytes}}",
        kind.unwrap_or("?"),
        field(8),
        field(24),
        field(32)
    )
}

/// Names of the bits that are set, 0 where none is; what has no name in hexadecimal.
fn flags(bits: u32, names: &[&str], out: &mut dyn Write) -> fmt::Result {
    let mut rest = bits;
    let mut is_first = true;
    for (bit, name) in names.iter().enumerate() {
        if bits >> bit & 1 == 0 {
            continue;
        }
        rest &= !(1 << bit);
        out.write_str(if is_first { "" } else { "|" })?;
        out.write_str(name)?;
        is_first = false;
    }
    match rest {
        0 if is_first => out.write_char('0'),
        0 => Ok(()),
        rest if is_first => write!(out, "{rest:#x}"),
        rest => write!(out, "|{rest:#x}"),
    }
}

/// Writes `len` bytes of text in quotes, at most `most` of them.
fn text(
    memory: &dyn GuestMemory,
    address: u32,
    len: u32,
    most: usize,
    out: &mut dyn Write,
) -> fmt::Result {
    if memory.check(address, len).is_err() {
        return write!(out, "{address:#x}[{len}]");
    }
    out.write_char('"')?;
    let shown = most.min(len as usize);
    quote(memory, address, shown, out)?;
    out.write_str(if shown < len as usize { "\"…" } else { "\"" })
}

/// Writes the `len` bytes at `address`, which are there, without quotes.
fn quote(memory: &dyn GuestMemory, address: u32, len: usize, out: &mut dyn Write) -> fmt::Result {
    let mut bytes = [0; TEXT_BYTES_MAX];
    let Some(bytes) = bytes.get_mut(..len) else {
        return Ok(());
    };
    if memory.read(address, bytes).is_err() {
        return Ok(());
    }
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '"' => out.write_str("\\\"")?,
                '\'' => out.write_char('\'')?,
                _ if character.is_control() || character == '\\' => {
                    write!(out, "{}", character.escape_default())?;
                }
                _ => out.write_char(character)?,
            }
        }
        for byte in chunk.invalid() {
            write!(out, "\\x{byte:02x}")?;
        }
    }
    Ok(())
}

/// The lengths of the first ranges of a list that can be read.
fn ranges(memory: &dyn GuestMemory, address: u32, count: u32) -> impl Iterator<Item = u64> {
    list(memory, address, count).map(|(_, len)| u64::from(len))
}

/// The first ranges of a list, as far as they can be read.
fn list(memory: &dyn GuestMemory, address: u32, count: u32) -> impl Iterator<Item = (u32, u32)> {
    (0..count.min(RANGES_MAX)).map_while(move |index| {
        let at = address.checked_add(index.checked_mul(8)?)?;
        let [a, b, c, d, e, f, g, h] = bytes(memory, at)?;
        Some((
            u32::from_le_bytes([a, b, c, d]),
            u32::from_le_bytes([e, f, g, h]),
        ))
    })
}

/// Writes the first bytes of ranges, of which `filled` hold something, and how many there are.
fn gather(
    memory: &dyn GuestMemory,
    address: u32,
    count: u32,
    filled: u32,
    out: &mut dyn Write,
) -> fmt::Result {
    let mut room = DATA_BYTES_MAX;
    let mut total = 0_u64;
    out.write_char('"')?;
    for (at, len) in list(memory, address, count) {
        let left = u64::from(filled) - total;
        let len = u64::from(len).min(left);
        total += len;
        let shown = room.min(usize::try_from(len).unwrap_or(room));
        // What can't be read shows nothing.
        quote(memory, at, shown, out)?;
        room -= shown;
    }
    let is_whole = total <= DATA_BYTES_MAX as u64;
    write!(out, "\"{}[{total}]", if is_whole { "" } else { "…" })
}
