//! A rehearsal: what servers do most, done once before there is a program, with a memory and a network of its own.
//!
//! Code that runs for the first time takes QEMU's translator many times as long as running it, and other machines some cold
//! caches. A parked kernel has the time, so that the first request after a reload takes little longer than the second.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec;
use core::cell::RefCell;
use core::fmt::Arguments;

use super::exports::{Call, PARAMETERS_MAX};
use super::system::{StdinRead, Stream, System};
use super::{Context, Settings, Wasi};
use crate::guest::{GuestMemory as _, VecMemory};
use crate::net::{
    self, AddressConfig, Card, IpAddress, IpEndpoint, Network, Received, SocketId, wire,
};

/// Requests, each on a connection of its own: one is read and answered as a file, the other as a socket.
const REQUESTS: usize = 2;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n";

const CLIENT: IpAddress = IpAddress::v4(10, 0, 0, 1);
const SERVER: IpAddress = IpAddress::v4(10, 0, 0, 2);
const PORT: u16 = 80;

/// The descriptor of the listener.
const LISTENER: u32 = 3;

/// The clock goes on by so much at each wait, and no wait is longer than this.
const STEP_NS: u64 = 1_000_000;
const PATIENCE_NS: u64 = 100 * STEP_NS;

/// What buffers of sockets may take on each side, in bytes.
const BUDGET_BYTES: usize = 64 << 10;

/// Linear memory, and what lies where.
const MEMORY_BYTES: usize = 4096;
const OUT: u32 = 64;
const IOVEC: u32 = 128;
const SUBSCRIPTIONS: u32 = 256;
const EVENTS: u32 = 512;
const BUFFER: u32 = 1024;
const BUFFER_BYTES: u32 = 512;

/// Layout of a subscription, and its kinds. Source: `subscription`, WASI preview 1.
const SUBSCRIPTION_BYTES: u32 = 48;
const CLOCK: u8 = 0;
const FD_READ: u8 = 1;
const MONOTONIC: u64 = 1;
const NONBLOCK: u64 = 4;

/// Plays a server that answers; returns whether all went as it should.
#[must_use]
pub fn rehearse() -> bool {
    let Some(mut play) = Play::new() else {
        return false;
    };
    play.start();
    for at in 0..REQUESTS {
        play.serve(at % 2 == 1);
    }
    // The last connection ends.
    play.wait_for(&[]);
    play.goes_well && play.stage.client.answers == REQUESTS
}

/// A program of WASI, by the calls that it makes.
struct Play {
    wasi: Wasi,
    memory: VecMemory,
    stage: Stage,
    goes_well: bool,
}

impl Play {
    fn new() -> Option<Self> {
        let [here, there] = wire::cards();
        let server = network(here, SERVER);
        let settings = Settings {
            arguments: vec![b"rehearsal".to_vec()],
            environment: vec![b"NAME=value".to_vec()],
            network: Some(Rc::new(RefCell::new(server))),
            listeners: vec![PORT],
            ..Settings::default()
        };
        Some(Self {
            wasi: Wasi::new(settings).ok()?,
            memory: VecMemory(vec![0; MEMORY_BYTES]),
            stage: Stage {
                now_ns: 0,
                client: Client {
                    network: network(there, CLIENT),
                    connection: None,
                    has_asked: false,
                    answers: 0,
                },
            },
            goes_well: true,
        })
    }

    /// Calls, and notes when that fails.
    fn call(&mut self, call: Call, arguments: &[u64]) {
        let mut all = [0; PARAMETERS_MAX];
        all[..arguments.len()].copy_from_slice(arguments);
        let mut context = Context {
            memory: &mut self.memory,
            system: &mut self.stage,
        };
        self.goes_well &= call.answer(&mut self.wasi, &mut context, &all) == 0;
    }

    /// What a program's libraries do before its own first line, and that line.
    fn start(&mut self) {
        let (out, buffer) = (u64::from(OUT), u64::from(BUFFER));
        for (sizes, get) in [
            (Call::args_sizes_get, Call::args_get),
            (Call::environ_sizes_get, Call::environ_get),
        ] {
            self.call(sizes, &[out, out + 4]);
            self.call(get, &[out, buffer]);
        }
        self.call(Call::random_get, &[buffer, 16]);
        self.call(Call::clock_time_get, &[MONOTONIC, 0, out]);
        self.call(Call::fd_fdstat_get, &[1, out]);
        self.bytes(b"listening\n");
        self.call(Call::fd_write, &[1, IOVEC.into(), 1, out]);
        self.call(Call::fd_fdstat_get, &[LISTENER.into(), out]);
        self.call(Call::fd_fdstat_set_flags, &[LISTENER.into(), NONBLOCK]);
    }

    /// Waits for a connection, answers it and closes it.
    fn serve(&mut self, as_socket: bool) {
        let (iovec, out) = (u64::from(IOVEC), u64::from(OUT));
        self.wait_for(&[LISTENER]);
        self.call(Call::sock_accept, &[LISTENER.into(), NONBLOCK, out]);
        let client = number(&self.memory, OUT);
        self.wait_for(&[LISTENER, client]);
        let client = u64::from(client);
        self.room();
        match as_socket {
            true => self.call(Call::sock_recv, &[client, iovec, 1, 0, out, out + 4]),
            false => self.call(Call::fd_read, &[client, iovec, 1, out]),
        }
        self.bytes(ANSWER);
        match as_socket {
            true => self.call(Call::sock_send, &[client, iovec, 1, 0, out]),
            false => self.call(Call::fd_write, &[client, iovec, 1, out]),
        }
        self.call(Call::fd_close, &[client]);
    }

    /// Waits until one of `descriptors` can be read, or it is late.
    fn wait_for(&mut self, descriptors: &[u32]) {
        let mut at = SUBSCRIPTIONS;
        for descriptor in descriptors {
            store(&mut self.memory, at + 8, &[FD_READ]);
            store(&mut self.memory, at + 16, &descriptor.to_le_bytes());
            at += SUBSCRIPTION_BYTES;
        }
        store(&mut self.memory, at + 8, &[CLOCK]);
        store(&mut self.memory, at + 16, &1u32.to_le_bytes());
        let patience_ns = match descriptors {
            [] => REQUESTS as u64 * STEP_NS,
            _ => PATIENCE_NS,
        };
        store(&mut self.memory, at + 24, &patience_ns.to_le_bytes());
        let count = descriptors.len() as u64 + 1;
        let places = [SUBSCRIPTIONS, EVENTS].map(u64::from);
        self.call(
            Call::poll_oneoff,
            &[places[0], places[1], count, OUT.into()],
        );
    }

    /// Makes the range that of the buffer, with `bytes` in it.
    fn bytes(&mut self, bytes: &[u8]) {
        store(&mut self.memory, BUFFER, bytes);
        self.range(bytes.len() as u32);
    }

    /// Makes the range that of the whole buffer.
    fn room(&mut self) {
        self.range(BUFFER_BYTES);
    }

    fn range(&mut self, len: u32) {
        store(&mut self.memory, IOVEC, &BUFFER.to_le_bytes());
        store(&mut self.memory, IOVEC + 4, &len.to_le_bytes());
    }
}

/// The machine below: time passes when the program waits, and only then does the client act.
struct Stage {
    now_ns: u64,
    client: Client,
}

impl System for Stage {
    fn monotonic_ns(&self) -> u64 {
        self.now_ns
    }

    fn realtime_ns(&mut self) -> u64 {
        self.now_ns
    }

    fn fill_random(&mut self, out: &mut [u8]) {
        out.fill(0);
    }

    fn write(&mut self, _: Stream, _: &[u8]) {}

    fn read_stdin(&mut self, _: &mut [u8]) -> StdinRead {
        StdinRead::End
    }

    fn stdin_available(&mut self) -> Option<usize> {
        None
    }

    fn wait(&mut self, _: Option<u64>) {
        self.now_ns += STEP_NS;
        self.client.act(self.now_ns);
    }

    fn warn(&mut self, _: Arguments<'_>) {}

    fn tell_listening(&mut self, _: u16) {}

    fn exit(&mut self, _: u32) -> ! {
        unreachable!("nobody in a rehearsal asks for the machine's end")
    }
}

/// Who asks.
struct Client {
    network: Network,
    connection: Option<SocketId>,
    has_asked: bool,
    /// Connections that ended as they should.
    answers: usize,
}

impl Client {
    fn act(&mut self, now_ns: u64) {
        self.network.poll(now_ns);
        match self.connection {
            None if self.answers < REQUESTS => {
                let server = IpEndpoint::new(SERVER, PORT);
                self.connection = self.network.connect(0, server).ok();
                self.has_asked = false;
            }
            None => {}
            Some(id) if !self.has_asked => {
                self.has_asked = self.network.was_open(id)
                    && self.network.send(id, REQUEST) == Ok(REQUEST.len());
            }
            Some(id) => self.hear(id),
        }
        self.network.poll(now_ns);
    }

    fn hear(&mut self, id: SocketId) {
        let mut answer = [0; ANSWER.len()];
        while let Ok(Received::Bytes(_)) = self.network.receive(id, &mut answer, true) {
            if answer != ANSWER {
                return;
            }
            let _ = self.network.receive(id, &mut answer, false);
        }
        if self.network.receivable(id) == Some((0, true)) {
            self.network.close_connection(id);
            self.connection = None;
            self.answers += 1;
        }
    }
}

/// A network of one address.
fn network(card: Box<dyn Card>, address: IpAddress) -> Network {
    let settings = net::Settings {
        addresses: vec![AddressConfig::new(address, 24)],
        ..net::Settings::default()
    };
    Network::new(card, &settings, 1, BUDGET_BYTES, 0)
}

/// Stores what lies at a place that is fixed above.
fn store(memory: &mut VecMemory, address: u32, bytes: &[u8]) {
    let stored = memory.write(address, bytes);
    debug_assert!(stored.is_ok(), "what lies where is fixed above");
}

fn number(memory: &VecMemory, address: u32) -> u32 {
    let mut bytes = [0; 4];
    let read = memory.read(address, &mut bytes);
    debug_assert!(read.is_ok(), "what lies where is fixed above");
    u32::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_rehearsal_goes_well() {
        assert!(super::rehearse());
    }
}
