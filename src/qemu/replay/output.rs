//! What the program writes while its machine repeats a recording: each byte is passed on once, however often the machine
//! goes back.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;

use mewz_abi::record::RecordKind;

use crate::qemu::console::{Decoder, Piece};

/// The console of a machine, which QEMU writes to a file.
pub(super) struct Output {
    file: File,
    /// Bytes that have been passed on.
    passed: u64,
    decoder: Decoder,
    /// Standard output takes no more.
    is_quiet: bool,
}

impl Output {
    /// The console in `file`, empty so far.
    pub(super) fn new(file: File) -> Self {
        Self {
            file,
            passed: 0,
            decoder: Decoder::default(),
            is_quiet: false,
        }
    }

    /// The program begins anew, and writes to `file`.
    pub(super) fn begin(&mut self, file: File) {
        self.file = file;
    }

    /// Passes on what has not been.
    pub(super) fn pass_on(&mut self) -> io::Result<()> {
        loop {
            let len = self
                .decoder
                .fill(|out| self.file.read_at(out, self.passed))?;
            if len == 0 {
                return Ok(());
            }
            self.passed += len as u64;
            self.show();
        }
    }

    fn show(&mut self) {
        // A recording of which nothing can be read has nothing to show.
        while let Ok(Some(Piece { kind, bytes })) = self.decoder.next_piece() {
            let is_written = match kind {
                _ if self.is_quiet => Ok(()),
                RecordKind::Stdout => {
                    let mut stdout = io::stdout().lock();
                    stdout.write_all(bytes).and_then(|()| stdout.flush())
                }
                RecordKind::Stderr => io::stderr().write_all(bytes),
                _ => Ok(()),
            };
            // Nobody reads any more.
            self.is_quiet |= is_written.is_err();
        }
    }
}
