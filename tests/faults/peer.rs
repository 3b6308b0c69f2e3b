//! The other end of a machine's wire: a TCP/IP stack of the test, all in one thread.

use std::time::{Duration, Instant};

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::socket::tcp::{self, SocketBuffer, State};
use smoltcp::wire::{EthernetAddress, HardwareAddress, IpAddress, IpCidr, IpEndpoint, Ipv6Address};

use super::machine::Machine;
use super::wire::{Faults, Wire};
use crate::invoke::PATIENCE;

/// What the test's end of the wire is called.
pub(crate) const CARD: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 9]);
pub(crate) const LINK_LOCAL: Ipv6Address = Ipv6Address::new(0xfe80, 0, 0, 0, 0, 0, 0, 9);
/// The machine, unless it is told otherwise.
pub(crate) const MACHINE: IpAddress = IpAddress::v4(10, 0, 0, 1);
/// What machines are told of the network.
pub(crate) const NETWORK: &str = "ip=10.0.0.1/24 gateway=10.0.0.9 listen=8080";

/// How long a machine of a test may run.
pub(crate) const LIMIT: Duration = Duration::from_secs(240);

const BUFFER_BYTES: usize = 64 << 10;

/// How long what is to be acknowledged may go unanswered, where no timer runs, before it is asked for.
const ASK_AGAIN: smoltcp::time::Duration = smoltcp::time::Duration::from_millis(500);

pub(crate) struct Peer {
    pub(crate) machine: Machine,
    pub(crate) wire: Wire,
    interface: Interface,
    pub(crate) sockets: SocketSet<'static>,
    next_port: u16,
    started: Instant,
}

impl Peer {
    /// Boots a machine and takes the other end of its wire.
    pub(crate) fn start(kind: &str, program: &str, command_line: &str, seed: u64) -> Self {
        let (machine, stream) = Machine::start(kind, program, command_line, LIMIT);
        Self::new(machine, Wire::new(stream, seed), seed)
    }

    pub(crate) fn new(machine: Machine, mut wire: Wire, seed: u64) -> Self {
        let started = Instant::now();
        let mut config = Config::new(HardwareAddress::Ethernet(CARD));
        config.random_seed = seed;
        let mut interface = Interface::new(config, &mut wire, smoltcp::time::Instant::ZERO);
        interface.update_ip_addrs(|addresses| {
            for address in [
                "10.0.0.9/24",
                "fe80::9/64",
                "2001:db8:1::9/64",
                "fd00:5::9/64",
            ] {
                addresses.push(address.parse::<IpCidr>().unwrap()).unwrap();
            }
        });
        Self {
            machine,
            wire,
            interface,
            sockets: SocketSet::new(Vec::new()),
            next_port: 40_000,
            started,
        }
    }

    /// Lets frames and time pass, at most `limit` of it.
    pub(crate) fn step(&mut self, limit: Duration) {
        self.wire.pump();
        let now = smoltcp::time::Instant::from_micros(self.started.elapsed().as_micros() as i64);
        self.interface.poll(now, &mut self.wire, &mut self.sockets);
        self.ask_again();
        self.wire.pump();
        let next = self.interface.poll_delay(now, &self.sockets);
        let next = next.map_or(limit, |next| Duration::from_micros(next.total_micros()));
        self.wire.wait(next.min(limit));
    }

    /// The stack forgets its timer where acknowledgements before an end come thrice, and where the window is shut when the
    /// timer runs out; one that is kept alive asks again. The machine's own network does the same.
    fn ask_again(&mut self) {
        for (_, socket) in self.sockets.iter_mut() {
            let smoltcp::socket::Socket::Tcp(socket) = socket;
            let owes = match socket.state() {
                State::Established | State::CloseWait => socket.send_queue() > 0,
                State::FinWait1 | State::Closing | State::LastAck => true,
                _ => false,
            };
            if owes != socket.keep_alive().is_some() {
                socket.set_keep_alive(owes.then_some(ASK_AGAIN));
            }
        }
    }

    /// Lets time pass until `question` has an answer.
    #[track_caller]
    pub(crate) fn until<T>(
        &mut self,
        what: &str,
        mut question: impl FnMut(&mut Self) -> Option<T>,
    ) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(answer) = question(self) {
                return answer;
            }
            if Instant::now() > deadline {
                while self.machine.line().is_some() {}
                panic!(
                    "waited too long for {what}; the machine:\n{}",
                    self.machine.told()
                );
            }
            self.step(Duration::from_millis(20));
        }
    }

    /// Waits until the program has written just this.
    #[track_caller]
    pub(crate) fn until_line(&mut self, wanted: &str) {
        let found = self.until(wanted, |peer| peer.machine.line());
        assert_eq!(found, wanted, "the machine:\n{}", self.machine.told());
    }

    pub(crate) fn socket(&mut self, handle: SocketHandle) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut(handle)
    }

    /// Asks `to` for a connection.
    pub(crate) fn ask(&mut self, to: IpEndpoint) -> SocketHandle {
        let handle = self.new_socket();
        self.next_port += 1;
        let port = self.next_port;
        let socket = self.sockets.get_mut::<tcp::Socket<'_>>(handle);
        socket.connect(self.interface.context(), to, port).unwrap();
        handle
    }

    /// Waits on `port` for a connection.
    pub(crate) fn listen(&mut self, port: u16) -> SocketHandle {
        let handle = self.new_socket();
        self.socket(handle).listen(port).unwrap();
        handle
    }

    fn new_socket(&mut self) -> SocketHandle {
        let buffer = || SocketBuffer::new(vec![0; BUFFER_BYTES]);
        let mut socket = tcp::Socket::new(buffer(), buffer());
        socket.set_nagle_enabled(false);
        self.sockets.add(socket)
    }

    /// Connects to the machine's program.
    #[track_caller]
    pub(crate) fn connect(&mut self) -> SocketHandle {
        self.connect_to(MACHINE)
    }

    #[track_caller]
    pub(crate) fn connect_to(&mut self, address: IpAddress) -> SocketHandle {
        let handle = self.ask(IpEndpoint::new(address, 8080));
        self.until_open(handle);
        handle
    }

    #[track_caller]
    pub(crate) fn until_open(&mut self, handle: SocketHandle) {
        self.until("a connection", |peer| {
            let state = peer.socket(handle).state();
            assert_ne!(state, State::Closed, "refused");
            matches!(state, State::Established | State::CloseWait).then_some(())
        });
    }

    /// Connects and says what is to be done.
    #[track_caller]
    pub(crate) fn order(&mut self, order: &str) -> SocketHandle {
        let handle = self.connect();
        self.say(handle, order);
        handle
    }

    #[track_caller]
    pub(crate) fn say(&mut self, handle: SocketHandle, line: &str) {
        self.send(handle, format!("{line}\n").as_bytes());
    }

    /// Sends all.
    #[track_caller]
    pub(crate) fn send(&mut self, handle: SocketHandle, bytes: &[u8]) {
        let mut done = 0;
        self.until("room to send", |peer| {
            done += peer.socket(handle).send_slice(&bytes[done..]).unwrap();
            (done == bytes.len()).then_some(())
        });
    }

    /// Receives to the end.
    #[track_caller]
    pub(crate) fn receive_all(&mut self, handle: SocketHandle) -> Vec<u8> {
        let mut all = Vec::new();
        self.until("the end of what comes", |peer| {
            peer.receive_more(handle, &mut all).then_some(())
        });
        all
    }

    /// Takes what is there; returns whether that was the last.
    pub(crate) fn receive_more(&mut self, handle: SocketHandle, all: &mut Vec<u8>) -> bool {
        let socket = self.socket(handle);
        while socket.can_recv() {
            let taken = socket.recv(|bytes| {
                all.extend(&*bytes);
                (bytes.len(), ())
            });
            taken.unwrap();
        }
        !socket.may_recv()
    }

    /// Sends all, says so, and receives to the end meanwhile.
    #[track_caller]
    pub(crate) fn exchange(&mut self, handle: SocketHandle, bytes: &[u8]) -> Vec<u8> {
        let (mut done, mut all) = (0, Vec::new());
        self.until("an exchange", |peer| {
            let socket = peer.socket(handle);
            if done < bytes.len() && socket.may_send() {
                done += socket.send_slice(&bytes[done..]).unwrap();
                if done == bytes.len() {
                    socket.close();
                }
            }
            peer.receive_more(handle, &mut all).then_some(())
        });
        all
    }

    /// Ends a connection well and forgets it.
    #[track_caller]
    pub(crate) fn close(&mut self, handle: SocketHandle) {
        self.socket(handle).close();
        self.until("the end of a connection", |peer| {
            let state = peer.socket(handle).state();
            matches!(state, State::Closed | State::TimeWait).then_some(())
        });
        self.sockets.remove(handle);
    }

    /// Tells the program to stop, on a wire that is good again, and waits for its good end.
    #[track_caller]
    pub(crate) fn stop(mut self) -> String {
        self.wire.faults = Faults::default();
        self.wire.hook = None;
        let handle = self.connect();
        self.socket(handle).send_slice(b"stop").unwrap();
        self.until("the word's arrival", |peer| {
            // The program that reads whole lines wants its end, apart from the word: the other one knows no lines.
            let has_arrived = peer.socket(handle).send_queue() == 0;
            (has_arrived || peer.machine.has_ended()).then_some(())
        });
        let _ = self.socket(handle).send_slice(b"\n");
        self.until("the machine's end", |peer| {
            peer.machine.has_ended().then_some(())
        });
        self.machine.end()
    }
}
