//! Packets of the remote serial protocol, taken out of a stream of bytes and put into one.
//!
//! Source: "Overview" of the remote serial protocol, GDB's manual, appendix E.

/// Longer packets are passed on as the bytes that they are.
const PACKET_BYTES_MAX: usize = 64 << 10;

/// A part of a stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Bytes outside of packets: acknowledgments, interrupts, noise.
    Other(Vec<u8>),
    /// A packet.
    Packet {
        /// With its frame.
        raw: Vec<u8>,
        /// Without.
        body: Vec<u8>,
    },
}

/// Takes a stream apart; what it gives joins to what it was given.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    /// The packet under way.
    packet: Vec<u8>,
    /// Where its checksum begins.
    checksum: Option<usize>,
}

impl Splitter {
    /// The parts that end with `bytes`.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<Part> {
        let mut parts = Vec::new();
        for &byte in bytes {
            if self.packet.is_empty() && byte != b'$' {
                other(&mut parts, byte);
                continue;
            }
            self.packet.push(byte);
            match (byte, self.checksum) {
                (b'#', None) => self.checksum = Some(self.packet.len()),
                (_, Some(start)) if self.packet.len() == start + 2 => {
                    let raw = std::mem::take(&mut self.packet);
                    self.checksum = None;
                    let body = raw[1..start - 1].to_vec();
                    parts.push(Part::Packet { raw, body });
                }
                _ if self.packet.len() > PACKET_BYTES_MAX => {
                    parts.push(Part::Other(std::mem::take(&mut self.packet)));
                    self.checksum = None;
                }
                _ => {}
            }
        }
        parts
    }
}

fn other(parts: &mut Vec<Part>, byte: u8) {
    match parts.last_mut() {
        Some(Part::Other(bytes)) => bytes.push(byte),
        _ => parts.push(Part::Other(vec![byte])),
    }
}

/// A packet with its frame. `body` has none of the bytes that would have to be escaped.
pub(super) fn framed(body: &[u8]) -> Vec<u8> {
    let sum = body.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    let mut packet = vec![b'$'];
    packet.extend(body);
    packet.extend(format!("#{sum:02x}").bytes());
    packet
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::{PACKET_BYTES_MAX, Part, Splitter, framed};

    #[test]
    fn packets_are_found_however_they_are_cut() {
        let stream = b"+$g#67\x03$OK#9a+";
        for step in 1..=stream.len() {
            let mut splitter = Splitter::default();
            let mut joined = Vec::new();
            let mut bodies = Vec::new();
            for bytes in stream.chunks(step) {
                for part in splitter.push(bytes) {
                    match part {
                        Part::Other(bytes) => joined.extend(bytes),
                        Part::Packet { raw, body } => {
                            joined.extend(raw);
                            bodies.push(body);
                        }
                    }
                }
            }
            assert_eq!(joined, stream);
            assert_eq!(bodies, [&b"g"[..], b"OK"]);
        }
    }

    #[test]
    fn packets_without_an_end_are_passed_on() {
        let mut splitter = Splitter::default();
        let long = vec![b'$'; PACKET_BYTES_MAX + 1];
        assert_eq!(splitter.push(&long), [Part::Other(long.clone())]);
        assert_eq!(splitter.push(b"$?#3f").len(), 1);
    }

    #[test]
    fn packets_have_checksums() {
        assert_eq!(framed(b"OK"), b"$OK#9a");
        assert_eq!(framed(b""), b"$#00");
    }
}
