//! The way to a 9p server: one request, one reply.

/// Why no reply came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelError {
    /// The device does not answer, or is in a state it can't leave.
    Device,
    /// The request or the room for its reply is larger than [`Channel::message_bytes_max`].
    TooLarge,
}

/// A transport of 9p messages, such as a virtio-9p device.
pub trait Channel {
    /// Most bytes of a request and of a reply. At least 4096; 128 KiB and more make reading large files fast.
    fn message_bytes_max(&self) -> usize;

    /// Sends `request` and waits for its reply; stores it at the start of `reply` and returns its length, as the device
    /// tells it: never more than `reply.len()`.
    ///
    /// # Errors
    ///
    /// Nothing came back; `reply` holds nothing of worth.
    fn exchange(&mut self, request: &[u8], reply: &mut [u8]) -> Result<usize, ChannelError>;
}
