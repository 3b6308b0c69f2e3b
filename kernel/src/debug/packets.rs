//! The debugger's line, byte by byte: packets with their checksums in both directions; all else is noise.
//!
//! Source: "Overview" and "Packet Acknowledgment" of the remote serial protocol, GDB's manual, appendix E. The crate behind
//! it takes any byte out of place for the end of the session; so it is given whole packets, and never acknowledges.

/// Longest packet that is taken, without its frame.
pub const PACKET_BYTES_MAX: usize = 2048;
/// Longest packet that is sent, with its frame: memory in hexadecimal digits, and some words.
const REPLY_BYTES_MAX: usize = 2 * PACKET_BYTES_MAX + 64;

/// What a byte brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Nothing yet, or noise.
    Nothing,
    /// A whole packet; [`Receiver::packet`] has it.
    Packet,
    /// The debugger wants the program to stop.
    Interrupt,
    /// The debugger has not understood the last reply.
    Resend,
    /// A packet that arrived broken.
    Broken,
    /// A packet that is too long.
    TooLong,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Outside,
    Inside,
    /// The first digit of the checksum is to come.
    Checksum,
    /// The second is; this was the first.
    LastDigit(u8),
}

/// Takes the debugger's bytes apart.
#[derive(Debug)]
pub struct Receiver {
    bytes: [u8; PACKET_BYTES_MAX],
    /// Bytes of the packet, those that found no room included.
    len: usize,
    sum: u8,
    state: State,
}

impl Default for Receiver {
    fn default() -> Self {
        Self::new()
    }
}

impl Receiver {
    /// One that has seen nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            bytes: [0; PACKET_BYTES_MAX],
            len: 0,
            sum: 0,
            state: State::Outside,
        }
    }

    /// Takes a byte.
    pub fn push(&mut self, byte: u8) -> Event {
        match (self.state, byte) {
            // Inside of a packet this byte is never itself: here another one begins, the rest of the first was lost.
            (_, b'$') => {
                self.len = 0;
                self.sum = 0;
                self.state = State::Inside;
            }
            (State::Outside, 3) => return Event::Interrupt,
            (State::Outside, b'-') => return Event::Resend,
            (State::Outside, _) => {}
            (State::Inside, b'#') => self.state = State::Checksum,
            (State::Inside, _) => {
                if let Some(slot) = self.bytes.get_mut(self.len) {
                    *slot = byte;
                }
                self.len = self.len.saturating_add(1);
                self.sum = self.sum.wrapping_add(byte);
            }
            (State::Checksum, _) => self.state = State::LastDigit(byte),
            (State::LastDigit(first), _) => {
                self.state = State::Outside;
                let digits = digit(first).zip(digit(byte));
                let is_whole = digits.map(|(high, low)| high << 4 | low) == Some(self.sum);
                return match is_whole {
                    true if self.len <= PACKET_BYTES_MAX => Event::Packet,
                    true => Event::TooLong,
                    false => Event::Broken,
                };
            }
        }
        Event::Nothing
    }

    /// The last whole packet, without its frame; good until the next byte is taken.
    #[must_use]
    pub fn packet(&self) -> &[u8] {
        &self.bytes[..self.len.min(PACKET_BYTES_MAX)]
    }
}

/// Whether `packet` asks for memory without end, or beyond the last address: the crate would read and send it all before it
/// looks at the line again. Debuggers ask for what fits into a packet.
#[must_use]
pub fn reads_too_much(packet: &[u8]) -> bool {
    let Some(range) = packet.strip_prefix(b"m") else {
        return false;
    };
    let mut numbers = range.split(|byte| *byte == b',').map(number);
    let (Some(Some(start)), Some(Some(len))) = (numbers.next(), numbers.next()) else {
        // Too large for a number, or none, which the crate refuses.
        return true;
    };
    len > PACKET_BYTES_MAX as u64 || start.checked_add(len).is_none()
}

/// What these hexadecimal digits stand for.
fn number(digits: &[u8]) -> Option<u64> {
    u64::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}

/// What the hexadecimal digit `byte` stands for.
#[must_use]
pub fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

/// The digit for the low four bits of `number`.
#[must_use]
pub fn hex(number: u8) -> u8 {
    b"0123456789abcdef"[usize::from(number & 15)]
}

/// Passes replies on, keeps the last, and drops what stands between packets: acknowledgments are given elsewhere.
#[derive(Debug)]
pub struct Sender {
    last: [u8; REPLY_BYTES_MAX],
    len: usize,
    /// Bytes of the packet that are to come behind the checksum's mark, plus one; 0 outside of a packet.
    left: u8,
}

impl Default for Sender {
    fn default() -> Self {
        Self::new()
    }
}

impl Sender {
    /// One that has sent nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            last: [0; REPLY_BYTES_MAX],
            len: 0,
            left: 0,
        }
    }

    /// Notes a byte of a reply; returns whether it is to be sent.
    pub fn pass(&mut self, byte: u8) -> bool {
        match (self.left, byte) {
            (0, b'$') => {
                self.len = 0;
                self.left = 4;
            }
            (0, _) => return false,
            // 4 is the body, then two digits.
            (4, b'#') => self.left = 3,
            (4, _) => {}
            (3, _) => self.left = 2,
            _ => self.left = 0,
        }
        if let Some(slot) = self.last.get_mut(self.len) {
            *slot = byte;
        }
        self.len = self.len.saturating_add(1);
        true
    }

    /// The last packet, to be sent once more; empty where there is none or it was too long to keep.
    #[must_use]
    pub fn last(&self) -> &[u8] {
        match self.left {
            0 => self.last.get(..self.len).unwrap_or(&[]),
            _ => &[],
        }
    }

    /// Forgets the last packet.
    pub fn forget(&mut self) {
        self.len = 0;
        self.left = 0;
    }
}

/// Shows the bytes of the packet with this body, frame included.
pub fn frame(body: &[u8], see: &mut dyn FnMut(u8)) {
    let sum = body.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    see(b'$');
    for &byte in body {
        see(byte);
    }
    for byte in [b'#', hex(sum >> 4), hex(sum)] {
        see(byte);
    }
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::{Event, PACKET_BYTES_MAX, Receiver, Sender, frame, reads_too_much};

    fn framed(body: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        frame(body, &mut |byte| bytes.push(byte));
        bytes
    }

    /// What `bytes` bring, packets as their text.
    fn events(bytes: &[u8]) -> Vec<String> {
        let mut receiver = Receiver::new();
        let mut seen = Vec::new();
        for byte in bytes {
            match receiver.push(*byte) {
                Event::Nothing => {}
                Event::Packet => seen.push(String::from_utf8_lossy(receiver.packet()).into_owned()),
                event => seen.push(format!("{event:?}")),
            }
        }
        seen
    }

    #[test]
    fn packets_are_found_between_noise() {
        let mut bytes = b"+garbage\xff\0#00".to_vec();
        bytes.extend(framed(b"qSupported:x"));
        bytes.extend(b"+");
        bytes.extend(framed(b""));
        bytes.extend(b"\x03");
        assert_eq!(events(&bytes), ["qSupported:x", "", "Interrupt"]);
    }

    #[test]
    fn broken_packets_are_told_and_their_successors_found() {
        assert_eq!(events(b"$g#00$g#67"), ["Broken", "g"]);
        assert_eq!(events(b"$g#zz$m0,4#fd"), ["Broken", "m0,4"]);
        assert_eq!(events(b"$lost and $g#67"), ["g"]);
        assert_eq!(events(b"$g#6$g#67-"), ["g", "Resend"]);
    }

    #[test]
    fn binary_content_is_no_interrupt() {
        assert_eq!(events(&framed(b"X0,1:\x03")), ["X0,1:\x03"]);
    }

    #[test]
    fn long_packets_are_refused_and_harmless() {
        let longest = vec![b'a'; PACKET_BYTES_MAX];
        assert_eq!(events(&framed(&longest))[0].len(), PACKET_BYTES_MAX);
        let mut bytes = framed(&vec![b'a'; PACKET_BYTES_MAX + 1]);
        bytes.extend(framed(b"g"));
        assert_eq!(events(&bytes), ["TooLong", "g"]);
    }

    /// What `bytes` bring by the rules, looked at as a whole: where, and what.
    fn expected(bytes: &[u8]) -> Vec<(usize, Event, &[u8])> {
        let mut found = Vec::new();
        let mut at = 0;
        while let Some(first) = bytes.get(at) {
            let start = at + 1;
            at = start;
            match first {
                3 => found.push((start, Event::Interrupt, &bytes[..0])),
                b'-' => found.push((start, Event::Resend, &bytes[..0])),
                b'$' => {
                    let is_mark = |byte: &u8| matches!(byte, b'#' | b'$');
                    let len = bytes[start..].iter().position(is_mark);
                    let Some(len) = len else { break };
                    let end = start + len;
                    let tail = &bytes[end..bytes.len().min(end + 3)];
                    // Another packet begins before this one has ended.
                    if let Some(next) = tail.iter().position(|byte| *byte == b'$') {
                        at = end + next;
                        continue;
                    }
                    let [b'#', digits @ ..] = tail else { break };
                    if digits.len() < 2 {
                        break;
                    }
                    let body = &bytes[start..end];
                    let sum = body.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
                    let is_whole = digits.eq_ignore_ascii_case(format!("{sum:02x}").as_bytes());
                    at = end + 3;
                    found.push(match is_whole {
                        true if body.len() <= PACKET_BYTES_MAX => (at, Event::Packet, body),
                        true => (at, Event::TooLong, &bytes[..0]),
                        false => (at, Event::Broken, &bytes[..0]),
                    });
                }
                _ => {}
            }
        }
        found
    }

    #[test]
    fn fuzz_packets() {
        let mut random = Rng::with_seed(1);
        let mut next = |bound: usize| random.usize(..bound);
        let mut counts = [0; 5];
        for _ in 0..crate::fuzz::rounds(200) {
            let mut bytes = Vec::new();
            for _ in 0..next(100) {
                let len = [next(6), next(300), next(2 * PACKET_BYTES_MAX)][next(100).min(19) / 9];
                // Half of them are bytes that mean something.
                let mut body: Vec<u8> = (0..len)
                    .map(|_| match next(2) {
                        0 => b"$#+-\x0300af"[next(9)],
                        _ => next(256) as u8,
                    })
                    .collect();
                match next(3) {
                    0 => {}
                    1 => body = framed(&body),
                    _ => {
                        body.retain(|byte| !matches!(byte, b'#' | b'$'));
                        body = framed(&body);
                    }
                }
                bytes.extend(body);
            }
            let mut receiver = Receiver::new();
            let mut wanted = expected(&bytes).into_iter().peekable();
            for (at, byte) in bytes.iter().enumerate() {
                let event = receiver.push(*byte);
                assert!(receiver.packet().len() <= PACKET_BYTES_MAX);
                let Some((_, told, body)) = wanted.next_if(|(end, ..)| *end == at + 1) else {
                    assert_eq!(event, Event::Nothing, "{}", bytes[..=at].escape_ascii());
                    continue;
                };
                assert_eq!(event, told, "{}", bytes[..=at].escape_ascii());
                if event == Event::Packet {
                    assert_eq!(receiver.packet(), body);
                }
                let events = [
                    Event::Packet,
                    Event::Interrupt,
                    Event::Resend,
                    Event::Broken,
                    Event::TooLong,
                ];
                counts[events.iter().position(|one| *one == event).unwrap()] += 1;
            }
            assert_eq!(wanted.next(), None);
            // Whatever it was told, it finds what comes next.
            let last = framed(b"?").iter().map(|byte| receiver.push(*byte)).last();
            assert_eq!(last, Some(Event::Packet));
        }
        println!("packets, interrupts, resends, broken, too long: {counts:?}");
        assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
    }

    #[test]
    fn reads_without_end_are_known() {
        for packet in ["m0,40", "mffffffff80100000,800", "m0,0", "g", "qC"] {
            assert!(!reads_too_much(packet.as_bytes()), "{packet}");
        }
        for packet in [
            "m0,801",
            "m0,ffffffffffffffff",
            "mfffffffffffffff0,40",
            "m10000000000000000,1",
            "m0,10000000000000000",
            "m,",
            "m",
        ] {
            assert!(reads_too_much(packet.as_bytes()), "{packet}");
        }
    }

    #[test]
    fn replies_are_kept_without_acknowledgments() {
        let mut sender = Sender::new();
        let sent: Vec<u8> = b"+$OK#9a+$E01#a6+"
            .iter()
            .copied()
            .filter(|byte| sender.pass(*byte))
            .collect();
        assert_eq!(sent, b"$OK#9a$E01#a6");
        assert_eq!(sender.last(), b"$E01#a6");
        sender.forget();
        assert_eq!(sender.last(), b"");
        assert!(sender.pass(b'$'));
        assert_eq!(sender.last(), b"");
    }
}
