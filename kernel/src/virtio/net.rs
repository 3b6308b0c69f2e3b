//! The virtio network card. Source: virtio 1.2, section 5.1.
//!
//! Frames are copied between the card's buffers and the stack's, so that neither ever sees what the other writes.
//!
//! The card interrupts only where the kernel is about to sleep: while the program runs it looks at the queue whenever it
//! calls. Offloads of checksums and segmentation are not asked for: QEMU's user network, which `mewz run` uses, has none. It
//! takes segments of TCP that are longer than its own frames, though, where the kernel is told so.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::sync::atomic::{Ordering, fence};

use mewz_kernel::net::{Card, FRAME_BYTES_MAX};
use virtio_drivers::queue::VirtQueue;
use virtio_drivers::transport::{DeviceStatus, Transport as _};

use super::find::{Device, DeviceTransport, VERSION_1};
use super::hal::Machine;

/// Buffers of each queue; one descriptor each. As many as QEMU's card has.
const QUEUE_LEN: usize = 256;
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

/// Buffers for long frames, where they are taken: twice what a window of 64 KiB of some connections fills.
const LONG_BUFFERS: usize = 32;
/// Bytes of the longest frame that is sent where long ones are taken: four fill a window of 64 KiB, so that one can be read
/// while the next is written.
const LONG_FRAME_BYTES: usize = 54 + (16 << 10);

/// Buffers of one size, and which of them wait for something to carry.
struct Pool {
    buffer_bytes: usize,
    buffers_max: usize,
    /// Made when they are needed.
    buffers: Vec<Box<[u8]>>,
    /// Buffers that the device does not have.
    free: Vec<usize>,
}

impl Pool {
    fn new(buffer_bytes: usize, buffers_max: usize) -> Self {
        Self {
            buffer_bytes,
            buffers_max,
            buffers: Vec::new(),
            free: Vec::with_capacity(buffers_max),
        }
    }

    /// Sees to it that there is a free buffer; `false` where there can be none.
    fn has_free(&mut self) -> bool {
        if !self.free.is_empty() {
            return true;
        }
        if self.buffers.len() == self.buffers_max {
            return false;
        }
        let mut buffer = Vec::new();
        if buffer.try_reserve_exact(self.buffer_bytes).is_err() {
            return false;
        }
        buffer.resize(self.buffer_bytes, 0);
        self.free.push(self.buffers.len());
        self.buffers.push(buffer.into_boxed_slice());
        true
    }
}

/// A buffer: pool and number.
type Place = (usize, usize);

/// A queue, and the buffer that each of its tokens stands for while the device has it.
struct Frames<const POOLS: usize> {
    queue: VirtQueue<Machine, QUEUE_LEN>,
    pools: [Pool; POOLS],
    of_token: [Option<Place>; QUEUE_LEN],
}

/// The device returned what it did not have.
struct Broken;

impl<const POOLS: usize> Frames<POOLS> {
    /// Sets up the device's queue `index`. In the heap: it takes kilobytes of notes, which the stack should not carry about.
    #[inline(never)]
    fn new(transport: &mut DeviceTransport, index: u16, pools: [Pool; POOLS]) -> Option<Box<Self>> {
        let mut queue = VirtQueue::new(transport, index, false, false).ok()?;
        queue.set_dev_notify(false);
        Some(Box::new(Self {
            queue,
            pools,
            of_token: [None; QUEUE_LEN],
        }))
    }

    /// Gives a buffer to the device, to be filled.
    fn lend(&mut self, (pool, at): Place) {
        let buffer = &mut self.pools[pool].buffers[at][..];
        // SAFETY: the buffer lives as long as the queue and is reached again only when the device has returned it.
        let added = unsafe { self.queue.add(&[], &mut [buffer]) };
        self.note((pool, at), added.ok());
    }

    /// Gives the first `len` bytes of a buffer to the device, to be sent.
    fn send(&mut self, (pool, at): Place, len: usize) {
        let buffer = &self.pools[pool].buffers[at][..len];
        // SAFETY: as in `lend`.
        let added = unsafe { self.queue.add(&[buffer], &mut []) };
        self.note((pool, at), added.ok());
    }

    fn note(&mut self, (pool, at): Place, token: Option<u16>) {
        match token {
            Some(token) => self.of_token[usize::from(token)] = Some((pool, at)),
            // A queue that takes no more.
            None => self.pools[pool].free.push(at),
        }
    }

    /// The next buffer that the device returns, and how many bytes it stored there.
    fn take_back(&mut self, is_sent: bool) -> Result<Option<(Place, usize)>, Broken> {
        let Some(token) = self.queue.peek_used() else {
            return Ok(None);
        };
        let lent = self.of_token.get_mut(usize::from(token));
        let (pool, at) = lent.and_then(Option::take).ok_or(Broken)?;
        let buffer = &mut self.pools[pool].buffers[at][..];
        let popped = if is_sent {
            // SAFETY: the token was given for this buffer; its length plays no part, as nothing is copied back.
            unsafe { self.queue.pop_used(token, &[buffer], &mut []) }
        } else {
            // SAFETY: as above.
            unsafe { self.queue.pop_used(token, &[], &mut [buffer]) }
        };
        let stored = popped.map_err(|_| Broken)? as usize;
        Ok(Some(((pool, at), stored)))
    }
}

/// A network card.
pub(crate) struct NetworkCard {
    transport: DeviceTransport,
    address: [u8; 6],
    header_bytes: usize,
    receive: Box<Frames<1>>,
    /// Short frames, and long ones.
    transmit: Box<Frames<2>>,
    takes_long: bool,
    /// Something was put into a queue that the device was not told of.
    is_receive_due: bool,
    is_transmit_due: bool,
    /// There was no buffer to send with when one was asked for last.
    is_full: bool,
    /// The device broke the rules of a queue and was reset: nothing comes any more, and what is sent is lost.
    is_broken: bool,
}

impl NetworkCard {
    /// Brings the card up; `None` where it can't be used. `takes_long`: whoever takes its frames takes long ones.
    pub(crate) fn new(mut device: Device, takes_long: bool) -> Option<Self> {
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
        let long = if takes_long { LONG_BUFFERS } else { 0 };
        let receive = [Pool::new(BUFFER_BYTES, QUEUE_LEN)];
        let transmit = [
            Pool::new(BUFFER_BYTES, QUEUE_LEN - long),
            Pool::new(HEADER_BYTES + LONG_FRAME_BYTES, long),
        ];
        let receive = Frames::new(&mut transport, RECEIVE, receive)?;
        let transmit = Frames::new(&mut transport, TRANSMIT, transmit)?;
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
            takes_long: false,
            is_receive_due: false,
            is_transmit_due: false,
            is_full: false,
            is_broken: false,
        };
        while card.receive.pools[0].has_free() {
            let at = card.receive.pools[0].free.pop()?;
            card.receive.lend((0, at));
        }
        // Where memory is short of even one of them, frames stay short.
        card.takes_long = card.transmit.pools[1].has_free();
        card.is_receive_due = true;
        card.flush();
        Some(card)
    }

    /// Has nothing to do any more with a device that breaks the rules.
    fn give_up(&mut self) {
        self.is_broken = true;
        self.transport.set_status(DeviceStatus::empty());
    }
}

impl Card for NetworkCard {
    fn address(&self) -> [u8; 6] {
        self.address
    }

    fn receive(&mut self, frame: &mut [u8]) -> Option<usize> {
        if self.is_broken {
            return None;
        }
        let Ok(returned) = self.receive.take_back(false) else {
            self.give_up();
            return None;
        };
        let ((pool, at), stored) = returned?;
        let content = &self.receive.pools[pool].buffers[at];
        let content = content.get(self.header_bytes..stored.min(BUFFER_BYTES));
        let content = content.unwrap_or(&[]);
        let len = content.len().min(frame.len());
        frame[..len].copy_from_slice(&content[..len]);
        self.receive.lend((pool, at));
        self.is_receive_due = true;
        Some(len)
    }

    fn has_received(&self) -> bool {
        !self.is_broken && self.receive.queue.can_pop()
    }

    fn can_transmit(&mut self) -> bool {
        while !self.is_broken {
            match self.transmit.take_back(true) {
                Ok(Some(((pool, at), _))) => self.transmit.pools[pool].free.push(at),
                Ok(None) => break,
                Err(Broken) => self.give_up(),
            }
        }
        if self.is_broken {
            return true;
        }
        let [short, long] = &mut self.transmit.pools;
        self.is_full = !short.has_free() || (self.takes_long && !long.has_free());
        if self.is_full {
            // The device can only take what it knows of.
            self.flush();
        }
        !self.is_full
    }

    fn segment_bytes_max(&self) -> usize {
        if self.takes_long {
            LONG_FRAME_BYTES
        } else {
            FRAME_BYTES_MAX
        }
    }

    fn transmit(&mut self, bytes: usize, fill: &mut dyn FnMut(&mut [u8])) {
        if self.is_broken {
            return;
        }
        let pool = usize::from(bytes > FRAME_BYTES_MAX);
        let Some(at) = self.transmit.pools[pool].free.pop() else {
            return;
        };
        let end = self.header_bytes + bytes;
        let buffer = &mut self.transmit.pools[pool].buffers[at];
        let Some(frame) = buffer.get_mut(self.header_bytes..end) else {
            self.transmit.pools[pool].free.push(at);
            return;
        };
        fill(frame);
        self.transmit.send((pool, at), end);
        self.is_transmit_due = true;
    }

    fn flush(&mut self) {
        if self.is_broken || (!self.is_receive_due && !self.is_transmit_due) {
            return;
        }
        // The device must see what it is given before it is asked whether it looks: else both may miss the other's word.
        fence(Ordering::SeqCst);
        if core::mem::take(&mut self.is_receive_due) && self.receive.queue.should_notify() {
            self.transport.notify(RECEIVE);
        }
        if core::mem::take(&mut self.is_transmit_due) && self.transmit.queue.should_notify() {
            self.transport.notify(TRANSMIT);
        }
    }

    fn set_interrupts(&mut self, are_wanted: bool) {
        self.receive.queue.set_dev_notify(are_wanted);
        self.transmit
            .queue
            .set_dev_notify(are_wanted && self.is_full);
        // What the device did before it saw this is to be seen by who looks now.
        fence(Ordering::SeqCst);
    }
}
