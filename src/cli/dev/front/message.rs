//! Where a message of HTTP/1.1 ends: what follows its head passes, and the next head is handed out. Source: RFC 9112.

use super::live::field;

/// A head that is longer is none.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// Digits of a chunk's length and what may follow them.
const LINE_BYTES_MAX: usize = 4 << 10;

/// What came of some bytes.
#[derive(Debug)]
pub(super) enum Step {
    /// A head is whole; it has not been passed on.
    Head(Vec<u8>),
    /// All was passed on, or is held until more comes.
    Passed,
}

/// One direction of a connection.
#[derive(Debug, Default)]
pub(super) struct Message {
    part: Part,
    /// What is held: of a head, or of a line between chunks.
    held: Vec<u8>,
    /// What is put behind the body.
    tail: Vec<u8>,
}

/// What comes next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Head,
    /// So many bytes of a body.
    Body(u64),
    /// The line that tells a chunk's length.
    ChunkLength,
    /// So many bytes of a chunk and the line's end after it.
    Chunk(u64),
    /// Lines after the last chunk.
    Trailer,
    /// A body that ends with its connection.
    UntilEnd,
    /// Something else, for ever.
    Anything,
}

impl Message {
    /// Passes on what it can of `bytes`, which then hold what is left.
    pub(super) fn pass(&mut self, bytes: &mut &[u8], out: &mut Vec<u8>) -> Step {
        while !bytes.is_empty() {
            match self.part {
                Part::Head => {
                    if let Some(head) = self.hold(bytes, b"\r\n\r\n", HEAD_BYTES_MAX, out) {
                        return Step::Head(head);
                    }
                }
                Part::Body(left) => {
                    let left = take(bytes, left, out);
                    self.part = Part::Body(left);
                    if left == 0 {
                        self.finish(out);
                    }
                }
                Part::ChunkLength => {
                    if let Some(line) = self.hold(bytes, b"\n", LINE_BYTES_MAX, out) {
                        self.begin_chunk(&line, out);
                    }
                }
                Part::Chunk(left) => {
                    let left = take(bytes, left, out);
                    self.part = match left {
                        0 => Part::ChunkLength,
                        left => Part::Chunk(left),
                    };
                }
                Part::Trailer => {
                    if let Some(line) = self.hold(bytes, b"\n", LINE_BYTES_MAX, out) {
                        out.extend(&line);
                        if line.trim_ascii().is_empty() {
                            self.part = Part::Head;
                        }
                    }
                }
                Part::UntilEnd | Part::Anything => {
                    out.extend(*bytes);
                    *bytes = &[];
                }
            }
        }
        Step::Passed
    }

    /// A head was handed out: settles what follows it. A response's body may end with its connection.
    pub(super) fn begin(&mut self, headers: &[httparse::Header<'_>], is_response: bool) {
        let is_chunked = field(headers, "transfer-encoding")
            .is_some_and(|codings| codings.to_ascii_lowercase().trim_end().ends_with("chunked"));
        self.part = match field(headers, "content-length").map(|length| length.trim().parse()) {
            _ if is_chunked => Part::ChunkLength,
            Some(Ok(0)) => Part::Head,
            Some(Ok(length)) => Part::Body(length),
            Some(Err(_)) => Part::Anything,
            None if is_response => Part::UntilEnd,
            None => Part::Head,
        };
    }

    /// Puts `tail` behind the body that follows; `false` where there is none to follow.
    pub(super) fn append(&mut self, tail: &[u8]) -> bool {
        self.part = match self.part {
            Part::Body(_) | Part::ChunkLength | Part::UntilEnd => self.part,
            _ => return false,
        };
        tail.clone_into(&mut self.tail);
        true
    }

    /// The length of the body that follows with what is put behind it, where it is told beforehand.
    pub(super) fn length(&self) -> Option<u64> {
        match self.part {
            Part::Body(length) => Some(length + self.tail.len() as u64),
            _ => None,
        }
    }

    /// Whether a message has ended and nothing of the next one has come.
    pub(super) fn is_between(&self) -> bool {
        self.part == Part::Head && self.held.is_empty()
    }

    /// Passes on everything from here on.
    pub(super) fn pass_all(&mut self) {
        self.part = Part::Anything;
    }

    /// The connection has ended.
    pub(super) fn end(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.held);
        if self.part == Part::UntilEnd {
            self.finish(out);
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.tail);
        self.part = Part::Head;
    }

    /// Holds bytes up to `end` and hands them out when they are whole. More than `bytes_max` are passed on.
    fn hold(
        &mut self,
        bytes: &mut &[u8],
        end: &[u8],
        bytes_max: usize,
        out: &mut Vec<u8>,
    ) -> Option<Vec<u8>> {
        while let Some((byte, rest)) = bytes.split_first() {
            self.held.push(*byte);
            *bytes = rest;
            if self.held.ends_with(end) {
                return Some(std::mem::take(&mut self.held));
            }
            if self.held.len() == bytes_max {
                out.append(&mut self.held);
                self.part = Part::Anything;
                return None;
            }
        }
        None
    }

    fn begin_chunk(&mut self, line: &[u8], out: &mut Vec<u8>) {
        let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit());
        let digits: String = digits.map(|byte| char::from(*byte)).collect();
        match u64::from_str_radix(&digits, 16) {
            Ok(0) => {
                if !self.tail.is_empty() {
                    out.extend(format!("{:x}\r\n", self.tail.len()).bytes());
                    out.append(&mut self.tail);
                    out.extend(b"\r\n");
                }
                self.part = Part::Trailer;
            }
            Ok(length) => self.part = Part::Chunk(length.saturating_add(2)),
            Err(_) => self.part = Part::Anything,
        }
        out.extend(line);
    }
}

/// Passes on at most `left` bytes; how many are left then.
fn take(bytes: &mut &[u8], left: u64, out: &mut Vec<u8>) -> u64 {
    let len = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
    let (now, rest) = bytes.split_at(len);
    out.extend(now);
    *bytes = rest;
    left - len as u64
}
