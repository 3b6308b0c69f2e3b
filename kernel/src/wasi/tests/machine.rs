//! A machine without a machine: memory in a vector, a scripted console and clock, a folder on a server in memory.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt::Arguments;
use std::panic::panic_any;
use std::rc::Rc;

use super::super::exports::{Call, PARAMETERS_MAX};
use super::super::system::{StdinRead, Stream, System};
use super::super::{Context, Mount, Settings, SharedNetwork, Wasi};
use crate::fs::ninep::tests::server::SharedServer;
use crate::fs::ninep::{MountOptions, mount};
use crate::fs::temporary::{self, TemporaryOptions};
use crate::guest::{GuestMemory, VecMemory};
use crate::net::wire;
use crate::net::{self, Card, Network};

/// The folder `/`.
pub(super) const ROOT: u64 = 3;

/// The folder `/ro`, which can't be changed.
pub(super) const READ_ONLY: u64 = 4;

pub(super) const MEMORY_BYTES: u32 = 1 << 18;

/// Where results are stored that a test asks for by number.
pub(super) const OUT: u32 = 64;

/// Where paths are put, the first and the second.
const PATHS: [u32; 2] = [0x400, 0x2400];

/// Where ranges are put, and what they point to.
pub(super) const IOVECS: u32 = 0x5000;
pub(super) const DATA: u32 = 0x10000;

pub(super) const BADF: u32 = 8;
pub(super) const EXIST: u32 = 20;
pub(super) const FAULT: u32 = 21;
pub(super) const INVAL: u32 = 28;
pub(super) const ISDIR: u32 = 31;
pub(super) const LOOP: u32 = 32;
pub(super) const MFILE: u32 = 33;
pub(super) const NAMETOOLONG: u32 = 37;
pub(super) const NOBUFS: u32 = 42;
pub(super) const NOENT: u32 = 44;
pub(super) const NETDOWN: u32 = 38;
pub(super) const NOTDIR: u32 = 54;
pub(super) const ROFS: u32 = 69;
pub(super) const SPIPE: u32 = 70;
pub(super) const XDEV: u32 = 75;
pub(super) const NOTCAPABLE: u32 = 76;

pub(super) const READ: u64 = 1 << 1;
pub(super) const WRITE: u64 = 1 << 6;
/// All rights.
pub(super) const ALL: u64 = (1 << 30) - 1;

pub(super) const CREATE: u64 = 1;
pub(super) const DIRECTORY: u64 = 2;
pub(super) const EXCLUSIVE: u64 = 4;
pub(super) const TRUNCATE: u64 = 8;

/// What a program was ended with.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Exited(pub(super) u32);

#[derive(Default)]
pub(super) struct FakeSystem {
    pub(super) now_ns: u64,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    /// What standard input holds now.
    pub(super) stdin: Vec<u8>,
    /// What arrives with each wait; then the end.
    pub(super) stdin_later: VecDeque<Vec<u8>>,
    /// Deadlines of all waits.
    pub(super) waits: Vec<Option<u64>>,
    pub(super) warnings: Vec<String>,
    /// Who is at the other end of the wire; works while the machine waits.
    pub(super) peer: Option<Network>,
    /// Ports that were told.
    pub(super) listening: Vec<u16>,
}

/// A call that waits more often waits for ever. A minute without an answer takes some thousand.
const WAITS_MAX: usize = 10_000;

/// How long each wait is where someone is at the other end of the wire.
const PEER_STEP_NS: u64 = 1_000_000;

/// What the wall clock shows at boot.
pub(super) const EPOCH_NS: u64 = 1_700_000_000_000_000_000;

impl System for FakeSystem {
    fn monotonic_ns(&self) -> u64 {
        self.now_ns
    }

    fn realtime_ns(&mut self) -> u64 {
        EPOCH_NS + self.now_ns
    }

    fn fill_random(&mut self, out: &mut [u8]) {
        out.fill(0xa5);
    }

    fn write(&mut self, stream: Stream, bytes: &[u8]) {
        match stream {
            Stream::Stdout => self.stdout.extend(bytes),
            Stream::Stderr => self.stderr.extend(bytes),
        }
    }

    fn read_stdin(&mut self, out: &mut [u8]) -> StdinRead {
        if self.stdin.is_empty() {
            if self.stdin_later.is_empty() {
                return StdinRead::End;
            }
            return StdinRead::Pending;
        }
        let count = out.len().min(self.stdin.len());
        out[..count].copy_from_slice(&self.stdin[..count]);
        self.stdin.drain(..count);
        StdinRead::Bytes(count)
    }

    fn stdin_available(&mut self) -> Option<usize> {
        match (self.stdin.len(), self.stdin_later.len()) {
            (0, 0) => None,
            (count, _) => Some(count),
        }
    }

    fn wait(&mut self, deadline_ns: Option<u64>) {
        self.waits.push(deadline_ns);
        assert!(self.waits.len() < WAITS_MAX, "waits for ever");
        if let Some(peer) = &mut self.peer {
            self.now_ns += PEER_STEP_NS;
            peer.poll(self.now_ns);
            return;
        }
        match self.stdin_later.pop_front() {
            Some(bytes) => {
                self.now_ns += 10;
                self.stdin.extend(bytes);
            }
            // Half of the way, as if another interrupt had come.
            None => {
                let deadline_ns = deadline_ns.expect("waits for nothing");
                self.now_ns += (deadline_ns - self.now_ns).div_ceil(2);
            }
        }
    }

    fn warn(&mut self, text: Arguments<'_>) {
        self.warnings.push(text.to_string());
    }

    fn tell_listening(&mut self, port: u16) {
        self.listening.push(port);
    }

    fn exit(&mut self, status: u32) -> ! {
        panic_any(Exited(status));
    }
}

/// A card on which nothing comes and everything is lost.
struct DeafCard;

impl Card for DeafCard {
    fn address(&self) -> [u8; 6] {
        [2, 0, 0, 0, 0, 1]
    }

    fn receive(&mut self, _: &mut [u8]) -> Option<usize> {
        None
    }

    fn has_received(&self) -> bool {
        false
    }

    fn can_transmit(&mut self) -> bool {
        true
    }

    fn transmit(&mut self, _: usize, _: &mut dyn FnMut(&mut [u8])) {}

    fn flush(&mut self) {}
}

/// A network at 10.0.0.`number`.
fn network(number: u8, card: Box<dyn Card>) -> Network {
    let settings = net::Settings {
        addresses: vec![format!("10.0.0.{number}/24").parse().unwrap()],
        servers: vec!["10.0.0.3".parse().unwrap()],
        ..net::Settings::default()
    };
    Network::new(card, &settings, number.into(), 1 << 20, 0)
}

pub(super) struct Machine {
    pub(super) memory: VecMemory,
    pub(super) system: FakeSystem,
    pub(super) wasi: Wasi,
    pub(super) server: SharedServer,
}

impl Machine {
    /// A machine with the folder `/`, and the same once more as `/ro`, to be read only.
    pub(super) fn new() -> Self {
        Self::with(None, Vec::new(), Vec::new())
    }

    /// The same with a network on which nobody answers, and a listener in front of the folders.
    pub(super) fn with_network() -> Self {
        let network = network(1, Box::new(DeafCard));
        Self::with(Some(Rc::new(RefCell::new(network))), vec![80], Vec::new())
    }

    /// The same with another machine on the wire, 10.0.0.2, and a folder `/tmp` in memory.
    pub(super) fn with_peer() -> Self {
        let [card, other] = wire::cards();
        let network = network(1, card);
        let memory = Mount {
            path: b"/tmp".to_vec(),
            root: temporary::mount(TemporaryOptions {
                number: 3,
                bytes_max: 1 << 20,
                clock: Box::new(|| EPOCH_NS),
            }),
        };
        let network = Some(Rc::new(RefCell::new(network)));
        let mut machine = Self::with(network, vec![80], vec![memory]);
        machine.system.peer = Some(self::network(2, other));
        machine
    }

    fn with(network: Option<SharedNetwork>, listeners: Vec<u16>, more: Vec<Mount>) -> Self {
        let server = SharedServer::new();
        let other = SharedServer::new();
        other.put_file("f", b"fixed");
        other.put_directory("d");
        let mounted = |server: &SharedServer, path: &str, read_only, number| Mount {
            path: path.as_bytes().to_vec(),
            root: mount(Box::new(server.clone()), MountOptions { read_only, number }).unwrap(),
        };
        let mut mounts = vec![
            mounted(&server, "/", false, 1),
            mounted(&other, "/ro", true, 2),
        ];
        mounts.extend(more);
        let settings = Settings {
            arguments: vec![b"program".to_vec(), b"".to_vec(), b"last".to_vec()],
            environment: vec![b"A=b".to_vec()],
            mounts,
            terminals: [false, true, false],
            network,
            listeners,
        };
        Self {
            memory: VecMemory(vec![0xcc; MEMORY_BYTES as usize]),
            system: FakeSystem::default(),
            wasi: Wasi::new(settings).unwrap(),
            server,
        }
    }

    pub(super) fn call(&mut self, call: Call, arguments: &[u64]) -> u32 {
        // What stands behind the parameters is not looked at.
        let mut all = [0xdead_beef_dead_beef; PARAMETERS_MAX];
        all[..arguments.len()].copy_from_slice(arguments);
        let mut context = Context {
            memory: &mut self.memory,
            system: &mut self.system,
        };
        call.answer(&mut self.wasi, &mut context, &all)
    }

    pub(super) fn put(&mut self, address: u32, bytes: &[u8]) {
        self.memory.write(address, bytes).unwrap();
    }

    pub(super) fn bytes(&self, address: u32, len: usize) -> &[u8] {
        &self.memory.0[address as usize..][..len]
    }

    pub(super) fn u32(&self, address: u32) -> u32 {
        u32::from_le_bytes(self.bytes(address, 4).try_into().unwrap())
    }

    pub(super) fn u64(&self, address: u32) -> u64 {
        u64::from_le_bytes(self.bytes(address, 8).try_into().unwrap())
    }

    fn put_path(&mut self, index: usize, path: &str) -> [u64; 2] {
        self.put(PATHS[index], path.as_bytes());
        [PATHS[index].into(), path.len() as u64]
    }

    /// A call of a folder and a path, with what stands in front of the path and behind it.
    pub(super) fn at(&mut self, call: Call, before: &[u64], path: &str, behind: &[u64]) -> u32 {
        let path = self.put_path(0, path);
        self.call(call, &[before, &path, behind].concat())
    }

    /// A call of two paths in `/`.
    pub(super) fn two(&mut self, call: Call, from: &str, to: &str) -> u32 {
        let from = self.put_path(0, from);
        let to = self.put_path(1, to);
        let arguments = match call {
            Call::path_link => [&[ROOT, 0], &from[..], &[ROOT], &to].concat(),
            Call::path_symlink => [&from[..], &[ROOT], &to].concat(),
            _ => [&[ROOT], &from[..], &[ROOT], &to].concat(),
        };
        self.call(call, &arguments)
    }

    /// Opens a path, links at its end followed; the errno, or the descriptor.
    pub(super) fn open(
        &mut self,
        folder: u64,
        path: &str,
        oflags: u64,
        rights: u64,
        fdflags: u64,
    ) -> Result<u64, u32> {
        let behind = [oflags, rights, 0, fdflags, OUT.into()];
        match self.at(Call::path_open, &[folder, 1], path, &behind) {
            0 => Ok(self.u32(OUT).into()),
            errno => Err(errno),
        }
    }

    /// Puts ranges of `lens` bytes each, one behind the other from `DATA` on.
    pub(super) fn put_iovecs(&mut self, lens: &[u32]) -> [u64; 2] {
        let mut address = DATA;
        for (index, len) in lens.iter().enumerate() {
            let at = IOVECS + 8 * u32::try_from(index).unwrap();
            self.put(at, &address.to_le_bytes());
            self.put(at + 4, &len.to_le_bytes());
            address += len;
        }
        [IOVECS.into(), lens.len() as u64]
    }

    /// Writes `bytes` as one range; the errno, or the count that was stored.
    pub(super) fn write(&mut self, fd: u64, bytes: &[u8]) -> Result<u32, u32> {
        let [iovecs, count] = self.put_iovecs(&[u32::try_from(bytes.len()).unwrap()]);
        self.put(DATA, bytes);
        match self.call(Call::fd_write, &[fd, iovecs, count, OUT.into()]) {
            0 => Ok(self.u32(OUT)),
            errno => Err(errno),
        }
    }

    /// Reads into one range of `len` bytes.
    pub(super) fn read(&mut self, fd: u64, len: u32) -> Result<Vec<u8>, u32> {
        let [iovecs, count] = self.put_iovecs(&[len]);
        match self.call(Call::fd_read, &[fd, iovecs, count, OUT.into()]) {
            0 => Ok(self.bytes(DATA, self.u32(OUT) as usize).to_vec()),
            errno => Err(errno),
        }
    }
}
