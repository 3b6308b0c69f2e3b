//! Checksums of IPv4 headers, TCP and UDP, over whole frames. The stack could do it too, two bytes at a time: at 1500 bytes
//! a frame that took as long as all the rest.
//!
//! Source: RFC 1071; RFC 9293, section 3.1; RFC 768; RFC 8200, section 8.1.

/// Where the parts of an Ethernet frame lie.
const TYPE: usize = 12;
const PACKET: usize = 14;

const IPV4: [u8; 2] = [0x08, 0x00];
const IPV6: [u8; 2] = [0x86, 0xdd];

/// Numbers of protocols.
const HOP_BY_HOP: u8 = 0;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP6: u8 = 58;

const IPV6_HEADER_BYTES: usize = 40;

/// Where the checksum of IPv4 lies in its header, and those of TCP and UDP in theirs.
const IPV4_CHECKSUM: usize = 10;
const TCP_CHECKSUM: usize = 16;
const UDP_CHECKSUM: usize = 6;

/// What of a frame a checksum is over.
struct Transport {
    /// Sum of the pseudo header.
    pseudo: u64,
    protocol: u8,
    /// The transport's header and payload, in the frame.
    start: usize,
    end: usize,
}

/// Why a frame has no checksum of a transport.
enum Other {
    /// It is of another protocol.
    Without,
    /// Its lengths or its own checksum are wrong, or the stack would look into it where nobody has checked.
    Broken,
}

/// Whether the checksums of a frame that came are right: that of an IPv4 header, of TCP, of UDP. Others are not looked at.
pub(super) fn is_intact(frame: &[u8]) -> bool {
    if let Some(header) = ipv4_header(frame)
        && fold(sum(header)) != 0xffff
    {
        return false;
    }
    match transport(frame) {
        Ok(found) => {
            let bytes = &frame[found.start..found.end];
            let is_without = found.protocol == UDP
                && frame[TYPE..PACKET] == IPV4
                && bytes.get(UDP_CHECKSUM..UDP_CHECKSUM + 2) == Some(&[0, 0]);
            is_without || fold(found.pseudo + sum(bytes)) == 0xffff
        }
        Err(Other::Without) => true,
        Err(Other::Broken) => false,
    }
}

/// Fills in the checksums of a frame that the stack made.
pub(super) fn fill(frame: &mut [u8]) {
    if let Some(header) = ipv4_header(frame) {
        let len = header.len();
        let header = &mut frame[PACKET..PACKET + len];
        header[IPV4_CHECKSUM..IPV4_CHECKSUM + 2].fill(0);
        let checksum = !fold(sum(header));
        header[IPV4_CHECKSUM..IPV4_CHECKSUM + 2].copy_from_slice(&checksum.to_le_bytes());
    }
    let Ok(found) = transport(frame) else { return };
    let at = if found.protocol == TCP {
        TCP_CHECKSUM
    } else {
        UDP_CHECKSUM
    };
    let bytes = &mut frame[found.start..found.end];
    let Some(place) = bytes.get_mut(at..at + 2) else {
        return;
    };
    place.fill(0);
    let checksum = match !fold(found.pseudo + sum(bytes)) {
        // For UDP 0 says that there is none.
        0 => 0xffff,
        checksum => checksum,
    };
    bytes[at..at + 2].copy_from_slice(&checksum.to_le_bytes());
}

/// The header of a frame of IPv4, with its options, if it lies in the frame.
fn ipv4_header(frame: &[u8]) -> Option<&[u8]> {
    if frame.get(TYPE..PACKET)? != IPV4 {
        return None;
    }
    let words = frame.get(PACKET)? & 0xf;
    frame.get(PACKET..PACKET + 4 * usize::from(words))
}

fn transport(frame: &[u8]) -> Result<Transport, Other> {
    let word = |at: usize| {
        let bytes = frame.get(at..at + 2).ok_or(Other::Broken)?;
        Ok(usize::from(bytes[0]) << 8 | usize::from(bytes[1]))
    };
    let (protocol, addresses, start, end) = match frame.get(TYPE..PACKET) {
        Some(kind) if kind == IPV4 => {
            let header = ipv4_header(frame).ok_or(Other::Broken)?;
            let (Some(protocol), Some(addresses)) = (header.get(9), header.get(12..20)) else {
                return Err(Other::Broken);
            };
            let start = PACKET + header.len();
            (*protocol, addresses, start, PACKET + word(PACKET + 2)?)
        }
        Some(kind) if kind == IPV6 => {
            let header = frame
                .get(PACKET..PACKET + IPV6_HEADER_BYTES)
                .ok_or(Other::Broken)?;
            let start = PACKET + IPV6_HEADER_BYTES;
            if header[6] == HOP_BY_HOP && frame.get(start) != Some(&ICMP6) {
                return Err(Other::Broken);
            }
            (header[6], &header[8..], start, start + word(PACKET + 4)?)
        }
        _ => return Err(Other::Without),
    };
    if protocol != TCP && protocol != UDP {
        return Err(Other::Without);
    }
    if end < start || end > frame.len() {
        return Err(Other::Broken);
    }
    // Little endian, as `sum`: the order of bytes does not matter to the sum, only that it is one.
    let len = ((end - start) as u16).to_be();
    let pseudo = sum(addresses) + u64::from(len) + (u64::from(protocol) << 8);
    Ok(Transport {
        pseudo,
        protocol,
        start,
        end,
    })
}

/// The sum of the 16-bit words, little endian, not folded. Below 2^48 for all that fits in memory here.
fn sum(bytes: &[u8]) -> u64 {
    let (blocks, rest) = bytes.as_chunks::<32>();
    let mut halves = [0_u64; 2];
    for block in blocks {
        let (words, _) = block.as_chunks::<8>();
        for word in words {
            let word = u64::from_le_bytes(*word);
            halves[0] += word & 0xffff_ffff;
            halves[1] += word >> 32;
        }
    }
    for word in rest.chunks(8) {
        let mut padded = [0; 8];
        padded[..word.len()].copy_from_slice(word);
        let word = u64::from_le_bytes(padded);
        halves[0] += word & 0xffff_ffff;
        halves[1] += word >> 32;
    }
    // Of 32-bit words that of 16-bit ones: 2^16 is 1 to this sum.
    halves.map(|half| u64::from(fold(half))).iter().sum()
}

/// Folds carries back in.
fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

#[cfg(test)]
mod tests {
    use super::{fill, fold, is_intact, sum};

    #[test]
    fn sums_are_those_of_words() {
        let bytes: Vec<u8> = (0..700_u32).map(|at| (at * 37 + at / 9) as u8).collect();
        for len in 0..bytes.len() {
            let words = bytes[..len].chunks(2);
            let plain = words
                .map(|word| u64::from(word[0]) | u64::from(word.get(1).copied().unwrap_or(0)) << 8);
            assert_eq!(fold(sum(&bytes[..len])), fold(plain.sum()), "{len} bytes");
        }
        assert_eq!(fold(sum(&[0xff; 70_000])), 0xffff);
    }

    /// A frame with a transport of `len` bytes behind the headers of a version of IP.
    fn frame(is_v6: bool, protocol: u8, len: usize) -> Vec<u8> {
        let mut frame = vec![7; 12];
        if is_v6 {
            frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
            frame.extend((len as u16).to_be_bytes());
            frame.extend([protocol, 64]);
            frame.extend([0x20; 32]);
        } else {
            frame.extend([0x08, 0x00, 0x45, 0]);
            frame.extend((len as u16 + 20).to_be_bytes());
            frame.extend([0, 0, 0x40, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        }
        frame.extend((0..len).map(|at| (at * 11) as u8));
        frame
    }

    #[test]
    fn a_filled_frame_is_intact_and_each_changed_byte_is_noticed() {
        for (is_v6, protocol) in [(false, 6), (false, 17), (true, 6), (true, 17)] {
            let mut made = frame(is_v6, protocol, 61);
            assert!(!is_intact(&made));
            fill(&mut made);
            assert!(is_intact(&made));
            // Behind the packet a card may have padded.
            made.extend([1, 2, 3]);
            assert!(is_intact(&made));
            made.truncate(made.len() - 3);
            let first = if is_v6 { 22 } else { 14 };
            for at in first..made.len() {
                made[at] ^= 0x10;
                assert!(!is_intact(&made), "{protocol} {at}");
                made[at] ^= 0x10;
            }
            for len in 14..made.len() {
                assert!(!is_intact(&made[..len]), "{protocol} {len}");
            }
        }
    }

    #[test]
    fn others_are_left_alone() {
        assert!(is_intact(&[]));
        assert!(is_intact(&[3; 60]));
        let mut echo = frame(false, 1, 20);
        fill(&mut echo);
        assert!(is_intact(&echo));
        // No checksum at all, which UDP over IPv4 allows.
        let mut datagram = frame(false, 17, 20);
        datagram[40] = 0;
        datagram[41] = 0;
        let mut header = datagram.clone();
        fill(&mut header);
        datagram[24..26].copy_from_slice(&header[24..26]);
        assert!(is_intact(&datagram));
        // TCP where the stack would look for it, and nobody for its checksum.
        assert!(!is_intact(&frame(true, 0, 40)));
    }
}
