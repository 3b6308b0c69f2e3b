//! Broken input, made of whole one.

use crate::random::Random;

/// Bytes that begin or end numbers of all lengths.
const BYTES: [u8; 8] = [0x00, 0x01, 0x40, 0x60, 0x7f, 0x80, 0xfe, 0xff];

/// Numbers that are too large for what they count, as LEB128.
const LARGE: [&[u8]; 4] = [
    &[0xff, 0xff, 0xff, 0xff, 0x0f],
    &[0xff, 0xff, 0xff, 0xff, 0x07],
    &[0x80, 0x80, 0x80, 0x80, 0x10],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
];

/// One to four changes to `bytes`; `other` is what parts may be taken from.
pub(crate) fn mutate(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    for _ in 0..1 + random.below(4) {
        if bytes.is_empty() {
            return;
        }
        let at = random.below(bytes.len());
        let len = random.below(bytes.len() - at).min(1 << random.below(10));
        match random.below(10) {
            0..=1 => bytes[at] ^= 1 << random.below(8),
            2 => bytes[at] = random.pick(&BYTES),
            3 if random.chance(1, 2) => bytes.truncate(at),
            4 => drop(bytes.drain(at..at + len)),
            5 => {
                let copy = bytes[at..at + len].to_vec();
                let to = random.below(bytes.len());
                bytes.splice(to..to, copy);
            }
            6 => {
                let from = random.below(other.len());
                bytes.splice(at.., other[from..].iter().copied());
            }
            7 => {
                let large = random.pick(&LARGE);
                bytes.splice(at..at + 1, large.iter().copied());
            }
            8 => sections(bytes, random),
            // A number of four bytes, as objects have them.
            _ => {
                let number = (random.bits() as u32 >> random.below(32)).to_le_bytes();
                let end = bytes.len().min(at + 4);
                bytes[at..end].copy_from_slice(&number[..end - at]);
            }
        }
    }
}

/// Moves, doubles or leaves out a section of a module.
fn sections(bytes: &mut Vec<u8>, random: &mut Random) {
    let Some(mut found) = split(bytes) else {
        return;
    };
    if found.is_empty() {
        return;
    }
    let section = random.below(found.len());
    match random.below(3) {
        0 => drop(found.remove(section)),
        1 => {
            let copy = found[section].clone();
            found.insert(random.below(found.len() + 1), copy);
        }
        _ => {
            let moved = found.remove(section);
            found.insert(random.below(found.len() + 1), moved);
        }
    }
    bytes.truncate(8);
    bytes.extend(found.concat());
}

/// The sections of a module, each with its head.
fn split(module: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut found = Vec::new();
    let mut rest = module.get(8..)?;
    while !rest.is_empty() {
        let mut len = 0usize;
        let mut at = 1;
        loop {
            let byte = *rest.get(at)?;
            len |= usize::from(byte & 0x7f).checked_shl(7 * (at as u32 - 1))?;
            at += 1;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let (section, after) = rest.split_at_checked(at.checked_add(len)?)?;
        found.push(section.to_vec());
        rest = after;
    }
    Some(found)
}

#[test]
fn sections_are_found() {
    let module = wat::parse_str("(module (memory 1) (func) (data \"x\"))").unwrap();
    // Type, function, memory, code, data.
    assert_eq!(split(&module).unwrap().len(), 5);
    assert_eq!(split(&module).unwrap().concat(), &module[8..]);
}
