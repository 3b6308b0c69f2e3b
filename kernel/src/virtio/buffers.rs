//! A queue and the buffers that go through it in one direction.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::sync::atomic::{Ordering, fence};

use virtio_drivers::queue::VirtQueue;
use virtio_drivers::transport::Transport as _;

use super::find::DeviceTransport;
use super::hal::Machine;

/// Descriptors of a queue.
const QUEUE_LEN: usize = 16;

/// Bytes of a buffer where memory is short: few enough that the heap does not refuse them.
const BYTES_MIN: usize = 1024;

/// Who writes to the buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    ToDevice,
    FromDevice,
}

/// A buffer that the queue owns.
struct Buffer {
    bytes: Box<[u8]>,
    /// The queue's name for it while the device has it.
    token: Option<u16>,
}

/// The device broke the rules of the queue, or did not set it up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueueError;

/// A queue with buffers of its own: while the device has a buffer, nobody else reaches it.
pub(super) struct BufferQueue {
    queue: VirtQueue<Machine, QUEUE_LEN>,
    index: u16,
    direction: Direction,
    /// Made when they are needed, and no larger: memory that is touched first costs the host most.
    buffers: Vec<Buffer>,
    buffers_max: usize,
}

impl BufferQueue {
    /// Sets up the device's queue `index`, which takes up to `count` buffers.
    ///
    /// # Errors
    ///
    /// The device has no such queue.
    pub(super) fn new(
        transport: &mut DeviceTransport,
        index: u16,
        direction: Direction,
        count: usize,
    ) -> Result<Self, QueueError> {
        assert!(count <= QUEUE_LEN, "each buffer needs a descriptor");
        let queue = VirtQueue::new(transport, index, false, false).map_err(|_| QueueError)?;
        Ok(Self {
            queue,
            index,
            direction,
            buffers: Vec::new(),
            buffers_max: count,
        })
    }

    /// Whether there is a buffer that the device does not have, or could be.
    pub(super) fn has_free(&self) -> bool {
        self.buffers.len() < self.buffers_max
            || self.buffers.iter().any(|buffer| buffer.token.is_none())
    }

    /// A buffer that the device does not have, to be filled and sent with [`BufferQueue::submit`]: of at least `bytes`, or
    /// where memory is short of less.
    pub(super) fn free(&mut self, bytes: usize) -> Option<(usize, &mut [u8])> {
        let is_free = |buffer: &Buffer| buffer.token.is_none();
        let at = match self.buffers.iter().position(is_free) {
            Some(at) => at,
            None if self.buffers.len() < self.buffers_max => {
                self.buffers.push(Buffer {
                    bytes: Box::new([]),
                    token: None,
                });
                self.buffers.len() - 1
            }
            None => return None,
        };
        let buffer = &mut self.buffers[at];
        if buffer.bytes.len() < bytes {
            let mut larger = bytes.next_power_of_two();
            while larger > buffer.bytes.len().max(BYTES_MIN) {
                if let Some(made) = make(larger) {
                    buffer.bytes = made;
                    break;
                }
                larger /= 2;
            }
            if buffer.bytes.is_empty() {
                buffer.bytes = vec![0; BYTES_MIN].into();
            }
        }
        Some((at, &mut buffer.bytes))
    }

    /// Whether the device has no buffer.
    pub(super) fn is_idle(&self) -> bool {
        self.buffers.iter().all(|buffer| buffer.token.is_none())
    }

    /// Whether the device has returned a buffer.
    pub(super) fn has_returned(&self) -> bool {
        self.queue.can_pop()
    }

    /// Gives the device the first `len` bytes of buffer `at`, which it does not have.
    ///
    /// # Errors
    ///
    /// The queue is broken.
    pub(super) fn submit(
        &mut self,
        transport: &mut DeviceTransport,
        at: usize,
        len: usize,
    ) -> Result<(), QueueError> {
        let buffer = &mut self.buffers[at];
        assert!(buffer.token.is_none(), "the device has the buffer already");
        let bytes = &mut buffer.bytes[..len];
        let added = match self.direction {
            // SAFETY: the buffer lives as long as the queue and is reached again only when the device has returned it.
            Direction::ToDevice => unsafe { self.queue.add(&[bytes], &mut []) },
            // SAFETY: as above.
            Direction::FromDevice => unsafe { self.queue.add(&[], &mut [bytes]) },
        };
        buffer.token = Some(added.map_err(|_| QueueError)?);
        // The device must see the buffer before it is asked whether it looks: else both may miss the other's word.
        fence(Ordering::SeqCst);
        if self.queue.should_notify() {
            transport.notify(self.index);
        }
        Ok(())
    }

    /// Takes back a buffer: its number and how many bytes the device stored.
    ///
    /// # Errors
    ///
    /// The device returned what it did not have.
    pub(super) fn take_back(&mut self) -> Result<Option<(usize, usize)>, QueueError> {
        let Some(token) = self.queue.peek_used() else {
            return Ok(None);
        };
        let at = self
            .buffers
            .iter()
            .position(|buffer| buffer.token == Some(token))
            .ok_or(QueueError)?;
        let buffer = &mut self.buffers[at];
        let bytes = &mut buffer.bytes[..];
        let popped = match self.direction {
            // SAFETY: the token was given for this buffer; its length plays no part, as nothing is copied back.
            Direction::ToDevice => unsafe { self.queue.pop_used(token, &[bytes], &mut []) },
            // SAFETY: as above.
            Direction::FromDevice => unsafe { self.queue.pop_used(token, &[], &mut [bytes]) },
        };
        let len = popped.map_err(|_| QueueError)? as usize;
        buffer.token = None;
        Ok(Some((at, len.min(buffer.bytes.len()))))
    }

    /// The content of buffer `at`, which the device does not have.
    pub(super) fn bytes(&self, at: usize) -> &[u8] {
        &self.buffers[at].bytes
    }
}

/// A buffer of so many bytes, if they can be had.
fn make(bytes: usize) -> Option<Box<[u8]>> {
    let mut buffer = Vec::new();
    buffer.try_reserve_exact(bytes).ok()?;
    buffer.resize(bytes, 0);
    Some(buffer.into_boxed_slice())
}
