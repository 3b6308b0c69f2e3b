//! The virtio console: one port, a stream of records each way. Source: virtio 1.2, section 5.3.
//!
//! With the multiport feature the port is the first that the device names; without, port 0. QEMU drops what a *console*
//! port (`virtconsole`) can't hand over at once, but holds a *serial* port back: a host that wants every byte offers
//! `virtserialport,nr=1`, which needs multiport.

use alloc::collections::VecDeque;

use mewz_abi::record::{HEAD_BYTES, RecordKind, head};
use mewz_kernel::inbox::{BadRecord, Inbox, Incoming};
use virtio_drivers::transport::{DeviceStatus, Transport as _};

use super::buffers::{BufferQueue, Direction, QueueError};
use super::find::{Device, DeviceTransport};
use super::wait;

/// Buffers for what comes, and their size: QEMU reads no more from a socket at once.
const RECEIVE: (usize, usize) = (8, 4096);
/// Buffers for what goes, and their size: the longest record.
const TRANSMIT: (usize, usize) = (8, 32 << 10);
/// Buffers for control messages of the device, and their size: a message, and the name of a port.
const CONTROL_RECEIVE: (usize, usize) = (16, 128);
/// Buffers for control messages to the device.
const CONTROL_TRANSMIT: (usize, usize) = (4, MESSAGE_BYTES);
/// Most bytes of input that are asked for at once, and fewest where memory is short.
const REQUEST_BYTES_MAX: usize = 64 << 10;
const REQUEST_BYTES_MIN: usize = 1024;
/// Input that is held before the host is held back.
const INPUT_BYTES_MAX: usize = 1 << 20;
/// How long the device may take to name its port, and to take the last words of a kernel that fails.
const HANDSHAKE_NS: u64 = 200_000_000;
const LAST_WORDS_NS: u64 = 2_000_000_000;

/// Feature bit: ports are named by messages on queues of their own.
const MULTIPORT: u64 = 1 << 1;
/// Numbers of the control queues.
const CONTROL_QUEUES: (u16, u16) = (2, 3);

/// Bytes of a control message: port (u32), event (u16), value (u16), little endian.
const MESSAGE_BYTES: usize = 8;

/// Events of control messages.
mod event {
    pub(super) const DEVICE_READY: u16 = 0;
    pub(super) const PORT_ADD: u16 = 1;
    pub(super) const PORT_READY: u16 = 3;
    pub(super) const PORT_OPEN: u16 = 6;
}

/// Why a console can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConsoleError {
    /// A queue is not there or broke.
    Queue,
    /// The device named no port in time.
    NoPort,
    /// The host sent what is no record.
    Record(BadRecord),
}

impl From<QueueError> for ConsoleError {
    fn from(_: QueueError) -> Self {
        Self::Queue
    }
}

/// What standard input holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// So many bytes can be read.
    Bytes(usize),
    /// Nothing yet.
    Empty,
    /// Nothing any more.
    Ended,
}

/// A console.
pub(crate) struct Console {
    transport: DeviceTransport,
    receive: BufferQueue,
    transmit: BufferQueue,
    inbox: Inbox,
    input: VecDeque<u8>,
    has_ended: bool,
    /// The host was asked for input and has not answered.
    has_asked: bool,
    /// What the host answered to [`RecordKind::Started`].
    time_ns: Option<u64>,
    /// The host has said that the application window is there.
    is_released: bool,
    /// What the host said last of telling calls, until it is taken.
    is_tracing: Option<bool>,
    /// Queues that are not used again, but that the device still knows.
    _kept: (Option<Control>, [Option<(BufferQueue, BufferQueue)>; 2]),
}

impl Console {
    /// Brings the device up; its interrupts are not connected.
    ///
    /// # Errors
    ///
    /// It can't be used.
    pub(crate) fn new(mut device: Device) -> Result<Self, ConsoleError> {
        let has_ports = device.negotiate(MULTIPORT) & MULTIPORT != 0;
        device.connect_interrupt();
        let mut transport = device.transport;
        let queues = |transport: &mut DeviceTransport, first: u16| {
            Ok::<_, QueueError>((
                BufferQueue::new(transport, first, Direction::FromDevice, RECEIVE.0)?,
                BufferQueue::new(transport, first + 1, Direction::ToDevice, TRANSMIT.0)?,
            ))
        };
        let mut ports = [Some(queues(&mut transport, 0)?), None];
        let mut control = None;
        if has_ports {
            ports[1] = Some(queues(&mut transport, 4)?);
            control = Some(Control::new(&mut transport)?);
        }
        transport.finish_init();
        let opened = open(&mut control, &mut ports, &mut transport);
        if opened.is_err() {
            // Or it could use buffers after they are gone: a slow device may name its port yet.
            transport.set_status(DeviceStatus::empty());
        }
        let (receive, transmit) = opened?;
        Ok(Self {
            transport,
            receive,
            transmit,
            inbox: Inbox::default(),
            input: VecDeque::new(),
            has_ended: false,
            has_asked: false,
            time_ns: None,
            is_released: false,
            is_tracing: None,
            _kept: (control, ports),
        })
    }

    /// Sends `payload` as records of `kind`, one for each [`TRANSMIT`] buffer that it fills; waits while all are in use.
    ///
    /// # Errors
    ///
    /// The device is broken.
    pub(crate) fn send(
        &mut self,
        kind: RecordKind,
        mut payload: &[u8],
    ) -> Result<(), ConsoleError> {
        loop {
            wait::until(|| self.transmit.has_free() || self.transmit.has_returned());
            while self.transmit.take_back()?.is_some() {}
            let wanted = TRANSMIT.1.min(HEAD_BYTES + payload.len());
            let (at, buffer) = self.transmit.free(wanted).ok_or(ConsoleError::Queue)?;
            let now = payload.len().min(TRANSMIT.1.min(buffer.len()) - HEAD_BYTES);
            let (piece, rest) = payload.split_at(now);
            buffer[..HEAD_BYTES].copy_from_slice(&head(kind, now as u32));
            buffer[HEAD_BYTES..HEAD_BYTES + now].copy_from_slice(piece);
            self.transmit
                .submit(&mut self.transport, at, HEAD_BYTES + now)?;
            payload = rest;
            if payload.is_empty() {
                return Ok(());
            }
        }
    }

    /// Waits until the device has taken all that was sent.
    ///
    /// # Errors
    ///
    /// The device is broken.
    pub(crate) fn drain(&mut self) -> Result<(), ConsoleError> {
        while !self.transmit.is_idle() {
            wait::until(|| self.transmit.has_returned());
            self.transmit.take_back()?;
        }
        Ok(())
    }

    /// As [`Console::drain`], but gives up after a while.
    pub(crate) fn drain_briefly(&mut self) {
        wait::briefly(LAST_WORDS_NS, || {
            let is_broken = self.transmit.take_back().is_err();
            is_broken || self.transmit.is_idle()
        });
    }

    /// Whether a buffer is free, so that sending does not wait.
    pub(crate) fn can_send(&mut self) -> bool {
        while let Ok(Some(_)) = self.transmit.take_back() {}
        self.transmit.has_free()
    }

    /// Whether the device has brought something that [`Console::poll`] would take in.
    pub(crate) fn has_news(&self) -> bool {
        self.input.len() < INPUT_BYTES_MAX && self.receive.has_returned()
    }

    /// Takes in what the device has brought.
    ///
    /// # Errors
    ///
    /// The device is broken, or the host sent what is no record.
    pub(crate) fn poll(&mut self) -> Result<(), ConsoleError> {
        // What is not taken in holds the host back.
        while self.input.len() < INPUT_BYTES_MAX {
            let Some((at, len)) = self.receive.take_back()? else {
                break;
            };
            let Self {
                inbox,
                input,
                has_ended,
                has_asked,
                time_ns,
                is_released,
                is_tracing,
                receive,
                ..
            } = self;
            let taken = inbox.take(&receive.bytes(at)[..len], &mut |incoming| match incoming {
                Incoming::Stdin(bytes) => {
                    input.extend(bytes);
                    *has_asked = false;
                }
                Incoming::StdinEnd => *has_ended = true,
                Incoming::Time(ns) => *time_ns = Some(ns),
                Incoming::Release => *is_released = true,
                Incoming::Trace(is_wanted) => *is_tracing = Some(is_wanted),
            });
            taken.map_err(ConsoleError::Record)?;
            self.receive.submit(&mut self.transport, at, RECEIVE.1)?;
        }
        Ok(())
    }

    /// What standard input holds; asks the host for up to `wanted` bytes where it holds nothing.
    ///
    /// # Errors
    ///
    /// As for [`Console::poll`].
    pub(crate) fn input(&mut self, wanted: usize) -> Result<Input, ConsoleError> {
        self.poll()?;
        if !self.input.is_empty() {
            return Ok(Input::Bytes(self.input.len()));
        }
        if self.has_ended {
            return Ok(Input::Ended);
        }
        if !self.has_asked {
            let wanted = u32::try_from(self.make_room(wanted)).unwrap_or(1);
            self.send(RecordKind::StdinRequest, &wanted.to_le_bytes())?;
            self.has_asked = true;
            // The answer may be there already.
            self.poll()?;
        }
        Ok(if self.input.is_empty() {
            Input::Empty
        } else {
            Input::Bytes(self.input.len())
        })
    }

    /// Makes room for `wanted` bytes of input, fewer where memory is short; returns how many.
    fn make_room(&mut self, wanted: usize) -> usize {
        let mut room = wanted.clamp(1, REQUEST_BYTES_MAX);
        while room > REQUEST_BYTES_MIN && self.input.try_reserve(room).is_err() {
            room /= 2;
        }
        room
    }

    /// Takes input out; returns how many bytes.
    pub(crate) fn read(&mut self, out: &mut [u8]) -> usize {
        let count = out.len().min(self.input.len());
        for (byte, from) in out.iter_mut().zip(self.input.drain(..count)) {
            *byte = from;
        }
        count
    }

    /// The host's time, once, when it has come.
    pub(crate) fn take_time_ns(&mut self) -> Option<u64> {
        self.time_ns.take()
    }

    /// Whether the host has said that the application window is there.
    pub(crate) fn is_released(&self) -> bool {
        self.is_released
    }

    /// Whether the host wants calls told from now on, once, where it has said something of it.
    #[cfg(feature = "debugger")]
    pub(crate) fn take_tracing(&mut self) -> Option<bool> {
        self.is_tracing.take()
    }
}

/// Opens the device's port and lends it buffers; takes its queues out of `ports` at the end alone.
fn open(
    control: &mut Option<Control>,
    ports: &mut [Option<(BufferQueue, BufferQueue)>; 2],
    transport: &mut DeviceTransport,
) -> Result<(BufferQueue, BufferQueue), ConsoleError> {
    let port = match control {
        Some(control) => control.open_port(transport)?,
        None => 0,
    };
    let queues = ports.get_mut(port as usize).ok_or(ConsoleError::NoPort)?;
    let (receive, _) = queues.as_mut().ok_or(ConsoleError::NoPort)?;
    while let Some((at, _)) = receive.free(RECEIVE.1) {
        receive.submit(transport, at, RECEIVE.1)?;
    }
    queues.take().ok_or(ConsoleError::NoPort)
}

/// The control queues.
struct Control {
    receive: BufferQueue,
    transmit: BufferQueue,
}

impl Control {
    fn new(transport: &mut DeviceTransport) -> Result<Self, QueueError> {
        let (receive, transmit) = CONTROL_QUEUES;
        Ok(Self {
            receive: BufferQueue::new(
                transport,
                receive,
                Direction::FromDevice,
                CONTROL_RECEIVE.0,
            )?,
            transmit: BufferQueue::new(
                transport,
                transmit,
                Direction::ToDevice,
                CONTROL_TRANSMIT.0,
            )?,
        })
    }

    /// Opens the first port that the device names; returns its number.
    fn open_port(&mut self, transport: &mut DeviceTransport) -> Result<u32, ConsoleError> {
        while let Some((at, _)) = self.receive.free(CONTROL_RECEIVE.1) {
            self.receive.submit(transport, at, CONTROL_RECEIVE.1)?;
        }
        self.send(transport, 0, event::DEVICE_READY, 1)?;
        let mut port = None;
        while port.is_none() {
            if !wait::briefly(HANDSHAKE_NS, || self.receive.has_returned()) {
                return Err(ConsoleError::NoPort);
            }
            while let Some((at, len)) = self.receive.take_back()? {
                let message = self.receive.bytes(at)[..len].first_chunk::<MESSAGE_BYTES>();
                if let Some([a, b, c, d, e, f, ..]) = message
                    && u16::from_le_bytes([*e, *f]) == event::PORT_ADD
                {
                    port = port.or(Some(u32::from_le_bytes([*a, *b, *c, *d])));
                }
            }
        }
        let port = port.ok_or(ConsoleError::NoPort)?;
        self.send(transport, port, event::PORT_READY, 1)?;
        self.send(transport, port, event::PORT_OPEN, 1)?;
        Ok(port)
    }

    fn send(
        &mut self,
        transport: &mut DeviceTransport,
        port: u32,
        event: u16,
        value: u16,
    ) -> Result<(), ConsoleError> {
        while self.transmit.take_back()?.is_some() {}
        let (at, buffer) = self
            .transmit
            .free(MESSAGE_BYTES)
            .ok_or(ConsoleError::Queue)?;
        buffer[..4].copy_from_slice(&port.to_le_bytes());
        buffer[4..6].copy_from_slice(&event.to_le_bytes());
        buffer[6..8].copy_from_slice(&value.to_le_bytes());
        Ok(self.transmit.submit(transport, at, MESSAGE_BYTES)?)
    }
}
