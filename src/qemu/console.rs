//! Reads the records of `mewz_abi::record` from a stream of bytes.
//!
//! Output is passed on as it comes, never gathered: a record of a mebibyte costs no buffer of a mebibyte.

use std::io;

use mewz_abi::record::{HEAD_BYTES, RecordKind, parse_head};

use super::error::QemuError;

/// Bytes that one read asks for at least: a virtio buffer of the guest's and more.
const READ_BYTES_MIN: usize = 64 << 10;

/// A whole record, or the next bytes of one that carries output.
#[derive(Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// What it is.
    pub kind: RecordKind,
    /// The payload, or a part of it where `kind` is an output, counters or samples.
    pub bytes: &'a [u8],
}

/// Takes records apart.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: Vec<u8>,
    /// `buffer[start..end]` is not yet decoded.
    start: usize,
    end: usize,
    /// The output record under way, and how much of it is to come.
    output: Option<(RecordKind, usize)>,
}

impl Decoder {
    /// Reads once from `read`; returns how many bytes came, 0 at the end of the stream.
    ///
    /// # Errors
    ///
    /// Those of `read`.
    pub fn fill(&mut self, read: impl FnOnce(&mut [u8]) -> io::Result<usize>) -> io::Result<usize> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.buffer.len() < self.end + READ_BYTES_MIN {
            self.buffer
                .resize((self.end + READ_BYTES_MIN).next_power_of_two(), 0);
        }
        let read_len = read(&mut self.buffer[self.end..])?;
        self.end += read_len;
        Ok(read_len)
    }

    /// The next piece, or `None` until more bytes come.
    ///
    /// # Errors
    ///
    /// [`QemuError::Garbage`] where no record can begin so; nothing sensible follows.
    pub fn next_piece(&mut self) -> Result<Option<Piece<'_>>, QemuError> {
        if self.output.is_none() {
            let Some(head) = self.buffer[self.start..self.end].first_chunk::<HEAD_BYTES>() else {
                return Ok(None);
            };
            let (kind, len) = parse_head(*head)
                .filter(|(kind, _)| is_from_guest(*kind))
                .ok_or(QemuError::Garbage(*head))?;
            if !is_output(kind) {
                return Ok(self.take_whole(kind, len));
            }
            self.start += HEAD_BYTES;
            self.output = Some((kind, len));
        }
        Ok(self.take_output())
    }

    fn take_whole(&mut self, kind: RecordKind, len: usize) -> Option<Piece<'_>> {
        let bytes = self.buffer[self.start..self.end].get(HEAD_BYTES..HEAD_BYTES + len)?;
        self.start += HEAD_BYTES + len;
        Some(Piece { kind, bytes })
    }

    fn take_output(&mut self) -> Option<Piece<'_>> {
        let (kind, left) = self.output?;
        let take = left.min(self.end - self.start);
        if take == 0 && left > 0 {
            return None;
        }
        self.output = (left > take).then_some((kind, left - take));
        let bytes = &self.buffer[self.start..self.start + take];
        self.start += take;
        Some(Piece { kind, bytes })
    }
}

fn is_output(kind: RecordKind) -> bool {
    matches!(
        kind,
        RecordKind::Stdout | RecordKind::Stderr | RecordKind::Counters | RecordKind::Samples
    )
}

fn is_from_guest(kind: RecordKind) -> bool {
    !matches!(
        kind,
        RecordKind::Stdin
            | RecordKind::StdinEnd
            | RecordKind::Time
            | RecordKind::Release
            | RecordKind::Trace
            | RecordKind::TraceEnd
    )
}

#[cfg(test)]
mod tests {
    use mewz_abi::record::{PAYLOAD_BYTES_MAX, RecordKind, head};

    use super::Decoder;

    /// Feeds `stream` in reads of `step` bytes; joins output pieces that follow each other.
    fn decode(stream: &[u8], step: usize) -> Result<Vec<(RecordKind, Vec<u8>)>, String> {
        let mut decoder = Decoder::default();
        let mut pieces: Vec<(RecordKind, Vec<u8>)> = Vec::new();
        for part in stream.chunks(step) {
            let mut rest = part;
            while !rest.is_empty() {
                decoder
                    .fill(|out| {
                        let len = rest.len().min(out.len());
                        out[..len].copy_from_slice(&rest[..len]);
                        rest = &rest[len..];
                        Ok(len)
                    })
                    .unwrap();
            }
            while let Some(piece) = decoder
                .next_piece()
                .map_err(|problem| problem.to_string())?
            {
                match pieces.last_mut() {
                    Some((kind, bytes)) if *kind == piece.kind => bytes.extend(piece.bytes),
                    _ => pieces.push((piece.kind, piece.bytes.to_vec())),
                }
            }
        }
        Ok(pieces)
    }

    fn record(kind: RecordKind, payload: &[u8]) -> Vec<u8> {
        let mut bytes = head(kind, payload.len() as u32).to_vec();
        bytes.extend(payload);
        bytes
    }

    #[test]
    fn records_survive_any_cut() {
        let mut stream = record(RecordKind::Started, &[7; 16]);
        stream.extend(record(RecordKind::Stdout, b"hello\0\xff\n"));
        stream.extend(record(RecordKind::Stderr, b"oops"));
        stream.extend(record(RecordKind::Log, b"\x02text"));
        stream.extend(record(RecordKind::Exit, &3u32.to_le_bytes()));
        for step in 1..stream.len() {
            let pieces = decode(&stream, step).unwrap();
            assert_eq!(pieces.len(), 5, "reads of {step} bytes");
            assert_eq!(pieces[1], (RecordKind::Stdout, b"hello\0\xff\n".to_vec()));
            assert_eq!(pieces[4], (RecordKind::Exit, vec![3, 0, 0, 0]));
        }
    }

    #[test]
    fn an_empty_output_record_does_not_stop_the_stream() {
        let mut stream = record(RecordKind::Stdout, b"");
        stream.extend(record(RecordKind::Exit, &[0; 4]));
        assert_eq!(decode(&stream, 64).unwrap().len(), 2);
    }

    #[test]
    fn the_largest_records_are_read() {
        let payload = vec![0x5a; PAYLOAD_BYTES_MAX];
        for kind in [RecordKind::Stdout, RecordKind::Panic] {
            let pieces = decode(&record(kind, &payload), 100_000).unwrap();
            assert_eq!(pieces, [(kind, payload.clone())]);
        }
    }

    #[test]
    fn garbage_is_named_and_host_records_are_garbage() {
        assert!(
            decode(b"SeaBIOS (version", 64)
                .unwrap_err()
                .contains("no record")
        );
        assert!(decode(&record(RecordKind::Time, &[0; 8]), 64).is_err());
        let mut long = head(RecordKind::Stdout, 0).to_vec();
        long[4..].copy_from_slice(&(PAYLOAD_BYTES_MAX as u32 + 1).to_le_bytes());
        assert!(decode(&long, 64).is_err());
    }
}
