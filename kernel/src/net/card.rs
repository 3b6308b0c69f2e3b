//! The network card, and how the TCP/IP stack sees it: one frame in, any number out.

use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;

/// Bytes of the longest frame: an Ethernet header and 1500 bytes.
pub const FRAME_BYTES_MAX: usize = 1514;

/// A network card: Ethernet frames, without their check sequence.
pub trait Card {
    /// Its hardware address.
    fn address(&self) -> [u8; 6];

    /// Copies the next frame that came into `frame`, cut to its length; returns how many bytes, or `None` where none came.
    /// What the card wrote to is never what the stack reads from.
    fn receive(&mut self, frame: &mut [u8]) -> Option<usize>;

    /// Whether a frame has come.
    fn has_received(&self) -> bool;

    /// Whether a frame can be taken to be sent.
    fn can_transmit(&mut self) -> bool;

    /// Takes a frame of `bytes` bytes, written by `fill`, to be sent; drops it where [`Card::can_transmit`] says no.
    fn transmit(&mut self, bytes: usize, fill: &mut dyn FnMut(&mut [u8]));

    /// Sends what was taken.
    fn flush(&mut self);
}

/// A card with at most one frame that came.
pub(super) struct Port<'a> {
    pub(super) card: &'a mut dyn Card,
    pub(super) frame: Option<&'a [u8]>,
}

pub(super) struct Received<'a>(&'a [u8]);

pub(super) struct Sending<'a>(&'a mut dyn Card);

impl Device for Port<'_> {
    type RxToken<'b>
        = Received<'b>
    where
        Self: 'b;
    type TxToken<'b>
        = Sending<'b>
    where
        Self: 'b;

    fn receive(&mut self, _: Instant) -> Option<(Received<'_>, Sending<'_>)> {
        let frame = self.frame.take()?;
        Some((Received(frame), Sending(self.card)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Sending<'_>> {
        self.card.can_transmit().then_some(Sending(self.card))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME_BYTES_MAX;
        capabilities
    }
}

impl RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(self.0)
    }
}

impl TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, bytes: usize, fill: F) -> R {
        let mut fill = Some(fill);
        let mut answer = None;
        self.0.transmit(bytes, &mut |buffer| {
            if let Some(fill) = fill.take() {
                answer = Some(fill(buffer));
            }
        });
        match (answer, fill) {
            (Some(answer), _) => answer,
            // The card dropped the frame; the stack must still have written it somewhere.
            (None, Some(fill)) => fill(&mut alloc::vec![0; bytes]),
            (None, None) => unreachable!("what was filled has an answer"),
        }
    }
}
