//! The virtio network card. Source: virtio 1.2, section 5.1.
//!
//! Frames are copied between the card's buffers and the stack's, so that neither ever sees what the other writes.

use alloc::boxed::Box;
use alloc::vec::Vec;

use mewz_kernel::net::{Card, FRAME_BYTES_MAX};
use virtio_drivers::queue::VirtQueue;
use virtio_drivers::transport::{SomeTransport, Transport as _};

use super::find::{Device, VERSION_1};
use super::hal::Machine;

/// Buffers of each queue; one descriptor each.
const QUEUE_LEN: usize = 128;
/// Numbers of the queues.
const RECEIVE: u16 = 0;
const TRANSMIT: u16 = 1;

/// Feature bit: the device tells the card's address.
const MAC: u64 = 1 << 5;

/// Bytes in front of each frame: flags, offloads, and of all but legacy devices the number of buffers (section 5.1.6). All
/// zeros means that the frame is as it will be.
const HEADER_BYTES: usize = 12;
const HEADER_BYTES_LEGACY: usize = 10;
const BUFFER_BYTES: usize = HEADER_BYTES + FRAME_BYTES_MAX;

/// A queue, and buffers that the device has or that wait for something to carry.
struct Frames {
    queue: VirtQueue<Machine, QUEUE_LEN>,
    /// Made when they are needed.
    buffers: Vec<Box<[u8]>>,
    /// Buffers that the device does not have.
    free: Vec<usize>,
    /// The buffer that each of the queue's tokens stands for.
    of_token: [usize; QUEUE_LEN],
}

impl Frames {
    fn new(transport: &mut SomeTransport<'static>, index: u16) -> Option<Self> {
        Some(Self {
            queue: VirtQueue::new(transport, index, false, false).ok()?,
            buffers: Vec::new(),
            free: Vec::with_capacity(QUEUE_LEN),
            of_token: [0; QUEUE_LEN],
        })
    }

    /// A buffer that the device does not have.
    fn take_free(&mut self) -> Option<usize> {
        if let Some(at) = self.free.pop() {
            return Some(at);
        }
        if self.buffers.len() == QUEUE_LEN {
            return None;
        }
        let mut buffer = Vec::new();
        buffer.try_reserve_exact(BUFFER_BYTES).ok()?;
        buffer.resize(BUFFER_BYTES, 0);
        self.buffers.push(buffer.into_boxed_slice());
        Some(self.buffers.len() - 1)
    }

    /// Gives buffer `at` to the device, to be filled.
    fn lend(&mut self, at: usize) {
        let buffer = &mut self.buffers[at][..];
        // SAFETY: the buffer lives as long as the queue and is reached again only when the device has returned it.
        let added = unsafe { self.queue.add(&[], &mut [buffer]) };
        self.note(at, added.ok());
    }

    /// Gives the first `len` bytes of buffer `at` to the device, to be sent.
    fn send(&mut self, at: usize, len: usize) {
        let buffer = &self.buffers[at][..len];
        // SAFETY: as in `lend`.
        let added = unsafe { self.queue.add(&[buffer], &mut []) };
        self.note(at, added.ok());
    }

    fn note(&mut self, at: usize, token: Option<u16>) {
        match token {
            Some(token) => self.of_token[usize::from(token)] = at,
            // A queue that takes no more.
            None => self.free.push(at),
        }
    }

    /// The next buffer that the device returns, and how many bytes it stored there.
    fn take_back(&mut self, is_sent: bool) -> Option<(usize, usize)> {
        let token = self.queue.peek_used()?;
        let at = *self.of_token.get(usize::from(token))?;
        let buffer = &mut self.buffers.get_mut(at)?[..];
        let popped = if is_sent {
            // SAFETY: the token was given for this buffer; its length plays no part, as nothing is copied back.
            unsafe { self.queue.pop_used(token, &[buffer], &mut []) }
        } else {
            // SAFETY: as above.
            unsafe { self.queue.pop_used(token, &[], &mut [buffer]) }
        };
        Some((at, popped.ok()? as usize))
    }
}

/// A network card.
pub(crate) struct NetworkCard {
    transport: SomeTransport<'static>,
    address: [u8; 6],
    header_bytes: usize,
    receive: Frames,
    transmit: Frames,
    /// Something was put into a queue that the device was not told of.
    is_receive_due: bool,
    is_transmit_due: bool,
}

impl NetworkCard {
    /// Brings the card up; `None` where it can't be used.
    pub(crate) fn new(mut device: Device) -> Option<Self> {
        let features = device.negotiate(MAC);
        if features & MAC == 0 {
            return None;
        }
        let header_bytes = if features & VERSION_1 == 0 {
            HEADER_BYTES_LEGACY
        } else {
            HEADER_BYTES
        };
        device.connect_interrupt();
        let mut transport = device.transport;
        let receive = Frames::new(&mut transport, RECEIVE)?;
        let transmit = Frames::new(&mut transport, TRANSMIT)?;
        let mut address = [0; 6];
        for (at, byte) in address.iter_mut().enumerate() {
            *byte = transport.read_config_space(at).ok()?;
        }
        transport.finish_init();
        let mut card = Self {
            transport,
            address,
            header_bytes,
            receive,
            transmit,
            is_receive_due: false,
            is_transmit_due: false,
        };
        while let Some(at) = card.receive.take_free() {
            card.receive.lend(at);
        }
        card.is_receive_due = true;
        card.flush();
        Some(card)
    }
}

impl Card for NetworkCard {
    fn address(&self) -> [u8; 6] {
        self.address
    }

    fn receive(&mut self, frame: &mut [u8]) -> Option<usize> {
        let (at, stored) = self.receive.take_back(false)?;
        let content = self.receive.buffers[at].get(self.header_bytes..stored.min(BUFFER_BYTES));
        let content = content.unwrap_or(&[]);
        let len = content.len().min(frame.len());
        frame[..len].copy_from_slice(&content[..len]);
        self.receive.lend(at);
        self.is_receive_due = true;
        Some(len)
    }

    fn has_received(&self) -> bool {
        self.receive.queue.can_pop()
    }

    fn can_transmit(&mut self) -> bool {
        while let Some((at, _)) = self.transmit.take_back(true) {
            self.transmit.free.push(at);
        }
        if let Some(at) = self.transmit.take_free() {
            self.transmit.free.push(at);
            return true;
        }
        // The device can only take what it knows of.
        self.flush();
        false
    }

    fn transmit(&mut self, bytes: usize, fill: &mut dyn FnMut(&mut [u8])) {
        let Some(at) = self.transmit.take_free() else {
            return;
        };
        let end = self.header_bytes + bytes;
        let Some(frame) = self.transmit.buffers[at].get_mut(self.header_bytes..end) else {
            self.transmit.free.push(at);
            return;
        };
        fill(frame);
        self.transmit.send(at, end);
        self.is_transmit_due = true;
    }

    fn flush(&mut self) {
        if core::mem::take(&mut self.is_receive_due) && self.receive.queue.should_notify() {
            self.transport.notify(RECEIVE);
        }
        if core::mem::take(&mut self.is_transmit_due) && self.transmit.queue.should_notify() {
            self.transport.notify(TRANSMIT);
        }
    }
}
