//! The network card, and how the TCP/IP stack sees it: one frame in, any number out.

use core::num::NonZeroUsize;

use smoltcp::phy::{Checksum, Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;
use smoltcp::wire::TcpSeqNumber;

use super::checksum;
use super::segments::end_of_long;

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

    /// Whether a frame of any length can be taken to be sent.
    fn can_transmit(&mut self) -> bool;

    /// Bytes of the longest frame with a segment of TCP over IPv4: more than [`FRAME_BYTES_MAX`] where whoever takes the frames needs
    /// them no shorter.
    fn segment_bytes_max(&self) -> usize {
        FRAME_BYTES_MAX
    }

    /// Takes a frame of `bytes` bytes, written by `fill`, to be sent; drops it where [`Card::can_transmit`] says no.
    fn transmit(&mut self, bytes: usize, fill: &mut dyn FnMut(&mut [u8]));

    /// Sends what was taken.
    fn flush(&mut self);

    /// Whether the card is to interrupt when a frame has come, or where it could take none to be sent when it can again. It
    /// does so until told otherwise; one that comes meanwhile may go unnoticed.
    fn set_interrupts(&mut self, _: bool) {}
}

/// A card with at most one frame that came.
pub(super) struct Port<'a> {
    pub(super) card: &'a mut dyn Card,
    pub(super) frame: Option<&'a [u8]>,
    /// Segments may be as long as the card has them.
    pub(super) takes_long: bool,
    /// The sequence number behind the first segment that was sent and is longer than a frame.
    pub(super) long_end: Option<TcpSeqNumber>,
}

impl<'a> Port<'a> {
    pub(super) fn new(card: &'a mut dyn Card, frame: Option<&'a [u8]>) -> Self {
        Self {
            card,
            frame,
            takes_long: true,
            long_end: None,
        }
    }

    fn sending(&mut self) -> Sending<'_> {
        Sending {
            card: self.card,
            long_end: &mut self.long_end,
        }
    }
}

pub(super) struct Received<'a>(&'a [u8]);

pub(super) struct Sending<'a> {
    card: &'a mut dyn Card,
    long_end: &'a mut Option<TcpSeqNumber>,
}

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
        Some((Received(frame), self.sending()))
    }

    fn transmit(&mut self, _: Instant) -> Option<Sending<'_>> {
        self.card.can_transmit().then(|| self.sending())
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME_BYTES_MAX;
        // They are looked at in `checksum`.
        capabilities.checksum.ipv4 = Checksum::None;
        capabilities.checksum.tcp = Checksum::None;
        capabilities.checksum.udp = Checksum::None;
        let longest = self.takes_long.then(|| self.card.segment_bytes_max());
        let longer = longest.filter(|bytes| *bytes > FRAME_BYTES_MAX);
        let longer = longer.and_then(NonZeroUsize::new);
        // QEMU's user network takes them over IPv4 alone, and answers others of IPv6 with "too big".
        capabilities.segmentation.tcpv4 = longer;
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
        let long_end = self.long_end;
        self.card.transmit(bytes, &mut |buffer| {
            if let Some(fill) = fill.take() {
                answer = Some(fill(buffer));
                checksum::fill(buffer);
                *long_end = long_end.or_else(|| end_of_long(buffer));
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
