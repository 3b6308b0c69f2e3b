//! What the WASI functions need of the machine; a trait, so that they are tested on a host without one.

use super::Wasi;

/// An output stream of the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// What reading standard input found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StdinRead {
    /// So many bytes were stored; more than 0.
    Bytes(usize),
    /// Nothing is there yet; the host has been asked.
    Pending,
    /// The input has ended.
    End,
}

/// The machine below WASI.
pub trait System {
    /// Nanoseconds since boot; never goes back.
    fn monotonic_ns(&self) -> u64;

    /// Nanoseconds since 1970.
    fn realtime_ns(&mut self) -> u64;

    /// Fills `out` with bytes fit for keys.
    fn fill_random(&mut self, out: &mut [u8]);

    /// Writes all of `bytes`; waits while the host does not take them.
    fn write(&mut self, stream: Stream, bytes: &[u8]);

    /// Takes what is there of standard input, at most `out.len()` bytes; asks the host for more where nothing is.
    fn read_stdin(&mut self, out: &mut [u8]) -> StdinRead;

    /// Bytes of standard input that can be read at once, or `None` where the input has ended; asks the host where nothing is there.
    fn stdin_available(&mut self) -> Option<usize>;

    /// Sleeps until an interrupt that brought something, or until `deadline_ns` of [`System::monotonic_ns`].
    /// May return early.
    fn wait(&mut self, deadline_ns: Option<u64>);

    /// As [`System::wait`], in a call that leaves `wasi` alone meanwhile: a debugger may look at it.
    fn wait_in_call(&mut self, deadline_ns: Option<u64>, _wasi: &Wasi) {
        self.wait(deadline_ns);
    }

    /// Writes a warning to the kernel's log.
    fn warn(&mut self, text: core::fmt::Arguments<'_>);

    /// Tells whoever runs the machine that the application accepts connections at `port` from now on.
    fn tell_listening(&mut self, port: u16);

    /// Ends the machine with the application's `status`.
    fn exit(&mut self, status: u32) -> !;
}
