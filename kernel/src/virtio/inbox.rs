//! Records of the host, put together from whatever pieces the console brings.

use mewz_abi::record::{HEAD_BYTES, RecordKind, parse_head};

/// What the host said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// Bytes of standard input.
    Stdin(&'a [u8]),
    /// Standard input has ended.
    StdinEnd,
    /// Nanoseconds since 1970.
    Time(u64),
    /// The application window is in memory.
    Release,
    /// Whether calls of WASI are to be told from now on.
    Trace(bool),
}

/// The host sent what is no record; nothing after it can be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadRecord {
    /// The bytes where a head should be.
    pub head: [u8; HEAD_BYTES],
}

/// Puts records together.
#[derive(Debug, Default)]
pub struct Inbox {
    head: [u8; HEAD_BYTES],
    head_len: usize,
    /// The record whose payload is coming, and how much of it is still to come.
    current: Option<(RecordKind, usize)>,
    /// Payload of a record that is only understood whole.
    whole: [u8; 8],
}

impl Inbox {
    /// Takes `bytes`, the next of the stream, and shows what they complete. Input is shown in the pieces in which it comes.
    ///
    /// # Errors
    ///
    /// The host sent what is no record.
    pub fn take(
        &mut self,
        mut bytes: &[u8],
        see: &mut dyn FnMut(Incoming<'_>),
    ) -> Result<(), BadRecord> {
        while !bytes.is_empty() {
            bytes = match self.current {
                None => self.take_head(bytes, see)?,
                Some((kind, left)) => self.take_payload(kind, left, bytes, see),
            };
        }
        Ok(())
    }

    fn take_head<'a>(
        &mut self,
        bytes: &'a [u8],
        see: &mut dyn FnMut(Incoming<'_>),
    ) -> Result<&'a [u8], BadRecord> {
        let (now, later) = bytes.split_at(bytes.len().min(HEAD_BYTES - self.head_len));
        self.head[self.head_len..self.head_len + now.len()].copy_from_slice(now);
        self.head_len += now.len();
        if self.head_len < HEAD_BYTES {
            return Ok(later);
        }
        self.head_len = 0;
        match parse_head(self.head) {
            Some((RecordKind::StdinEnd, 0)) => see(Incoming::StdinEnd),
            Some((RecordKind::Release, 0)) => see(Incoming::Release),
            Some((RecordKind::Trace, 0)) => see(Incoming::Trace(true)),
            Some((RecordKind::TraceEnd, 0)) => see(Incoming::Trace(false)),
            Some((RecordKind::Stdin, 0)) => {}
            Some(record @ ((RecordKind::Stdin, _) | (RecordKind::Time, 8))) => {
                self.current = Some(record);
            }
            _ => return Err(BadRecord { head: self.head }),
        }
        Ok(later)
    }

    fn take_payload<'a>(
        &mut self,
        kind: RecordKind,
        left: usize,
        bytes: &'a [u8],
        see: &mut dyn FnMut(Incoming<'_>),
    ) -> &'a [u8] {
        let (now, later) = bytes.split_at(bytes.len().min(left));
        let still = left - now.len();
        self.current = (still > 0).then_some((kind, still));
        if kind == RecordKind::Stdin {
            see(Incoming::Stdin(now));
        } else {
            let at = self.whole.len() - left;
            self.whole[at..at + now.len()].copy_from_slice(now);
            if still == 0 {
                see(Incoming::Time(u64::from_le_bytes(self.whole)));
            }
        }
        later
    }
}

#[cfg(test)]
mod tests {
    use super::{BadRecord, Inbox, Incoming};
    use alloc::vec::Vec;
    use mewz_abi::record::{PAYLOAD_BYTES_MAX, RecordKind, head};

    #[derive(Debug, Default, PartialEq, Eq)]
    struct Seen {
        input: Vec<u8>,
        ends: usize,
        times: Vec<u64>,
        releases: usize,
        traces: Vec<bool>,
    }

    fn feed(stream: &[u8], piece: usize) -> Result<Seen, BadRecord> {
        let mut inbox = Inbox::default();
        let mut seen = Seen::default();
        for piece in stream.chunks(piece) {
            inbox.take(piece, &mut |incoming| match incoming {
                Incoming::Stdin(bytes) => seen.input.extend_from_slice(bytes),
                Incoming::StdinEnd => seen.ends += 1,
                Incoming::Time(ns) => seen.times.push(ns),
                Incoming::Release => seen.releases += 1,
                Incoming::Trace(is_wanted) => seen.traces.push(is_wanted),
            })?;
        }
        Ok(seen)
    }

    #[test]
    fn records_come_in_pieces_of_any_size() {
        let mut stream = Vec::new();
        stream.extend(head(RecordKind::Time, 8));
        stream.extend(0x0102_0304_0506_0708u64.to_le_bytes());
        stream.extend(head(RecordKind::Stdin, 5));
        stream.extend(b"ab\0cd");
        stream.extend(head(RecordKind::Stdin, 0));
        stream.extend(head(RecordKind::Stdin, 2));
        stream.extend(b"ef");
        stream.extend(head(RecordKind::StdinEnd, 0));
        stream.extend(head(RecordKind::Release, 0));
        stream.extend(head(RecordKind::Trace, 0));
        stream.extend(head(RecordKind::TraceEnd, 0));
        let whole = Seen {
            input: b"ab\0cdef".to_vec(),
            ends: 1,
            times: [0x0102_0304_0506_0708].into(),
            releases: 1,
            traces: [true, false].into(),
        };
        for piece in 1..=stream.len() {
            assert_eq!(
                feed(&stream, piece).as_ref(),
                Ok(&whole),
                "pieces of {piece}"
            );
        }
    }

    #[test]
    fn what_is_no_record_of_the_host_is_an_error() {
        let heads = [
            *b"garbage!",
            head(RecordKind::Stdout, 1),
            head(RecordKind::StdinEnd, 1),
            head(RecordKind::Release, 1),
            head(RecordKind::Trace, 1),
            head(RecordKind::Time, 7),
            head(RecordKind::Stdin, PAYLOAD_BYTES_MAX as u32 + 1),
        ];
        for head in heads {
            assert_eq!(feed(&head, 3), Err(BadRecord { head }));
        }
    }
}
