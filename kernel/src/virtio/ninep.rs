//! The virtio transport of 9p: one queue, a request and its reply at a time. Source: virtio 1.2, section 5.14; the device
//! tells its mount tag.

use alloc::vec::Vec;
use core::sync::atomic::{Ordering, fence};

use mewz_kernel::fs::channel::{Channel, ChannelError};
use virtio_drivers::queue::VirtQueue;
use virtio_drivers::transport::{DeviceStatus, Transport as _};

use super::find::{Device, DeviceTransport};
use super::hal::Machine;
use super::wait;

/// Descriptors of the queue; a request and its reply take one each.
const QUEUE_LEN: usize = 8;
/// Feature bit: the device has a mount tag.
const MOUNT_TAG: u64 = 1;
/// Longest mount tag. QEMU's is 31 bytes.
const TAG_BYTES_MAX: u16 = 255;
/// Most bytes of a message.
const MESSAGE_BYTES_MAX: usize = 256 << 10;

/// A 9p device.
pub(crate) struct HostFolder {
    transport: DeviceTransport,
    queue: VirtQueue<Machine, QUEUE_LEN>,
    /// The device broke the rules of the queue: it is asked nothing more.
    is_broken: bool,
}

impl HostFolder {
    /// Brings the device up; returns its mount tag too, or `None` where it can't be used.
    pub(crate) fn new(mut device: Device) -> Option<(Vec<u8>, Self)> {
        device.negotiate(MOUNT_TAG);
        device.connect_interrupt();
        let mut transport = device.transport;
        let queue = VirtQueue::new(&mut transport, 0, false, false).ok()?;
        let len: u16 = transport.read_config_space(0).ok()?;
        let tag = (0..len.min(TAG_BYTES_MAX))
            .map(|at| transport.read_config_space::<u8>(2 + usize::from(at)).ok())
            .collect::<Option<Vec<u8>>>()?;
        transport.finish_init();
        let folder = Self {
            transport,
            queue,
            is_broken: false,
        };
        Some((tag, folder))
    }
}

impl Channel for HostFolder {
    fn message_bytes_max(&self) -> usize {
        MESSAGE_BYTES_MAX
    }

    fn exchange(&mut self, request: &[u8], reply: &mut [u8]) -> Result<usize, ChannelError> {
        if request.len() > MESSAGE_BYTES_MAX {
            return Err(ChannelError::TooLarge);
        }
        if self.is_broken || request.is_empty() || reply.is_empty() {
            return Err(ChannelError::Device);
        }
        let room = reply.len().min(MESSAGE_BYTES_MAX);
        let reply = &mut reply[..room];
        // SAFETY: both buffers are borrowed until this function returns, which it does when the device has returned them or
        // is reset.
        let token = unsafe { self.queue.add(&[request], &mut [reply]) };
        let token = token.map_err(|_| ChannelError::Device)?;
        // The device must see the request before it is asked whether it looks: else both may miss the other's word.
        fence(Ordering::SeqCst);
        if self.queue.should_notify() {
            self.transport.notify(0);
        }
        wait::until(|| self.queue.can_pop());
        // SAFETY: these are the buffers that the token was given for.
        let len = unsafe { self.queue.pop_used(token, &[request], &mut [reply]) };
        let Ok(len) = len else {
            self.is_broken = true;
            // Or it could use the buffers after they are gone.
            self.transport.set_status(DeviceStatus::empty());
            return Err(ChannelError::Device);
        };
        Ok(room.min(len as usize))
    }
}
