//! A machine of the loop: started with its program in memory, or parked until there is one.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileExt as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use mewz_abi::address::WINDOW_PHYSICAL;
use mewz_abi::application::WindowHeader;

use super::build::{Build, Window};
use super::event::{Event, GuestEvent, GuestId, Sender};
use crate::cli::boot::{KVM_PATIENCE, Wishes};
use crate::cli::debug::Writer;
use crate::cli::emulator;
use crate::cli::failure::Failure;
use crate::cli::interrupt::{self, Held, Holding, hold};
use crate::cli::program::NetworkWishes;
use crate::cli::trace::{Call, TRACING};
use crate::link::window::{parked_header, wait_for_debugger};
use crate::qemu::accelerator::{Accelerator, AcceleratorChoice};
use crate::qemu::config::{Forward, Network};
use crate::qemu::machine::{self, Process, Running, Settings};
use crate::qemu::monitor::Monitor;
use crate::qemu::session::{self, Deadlines, Streams, wish};

/// Bytes of the window's head.
const HEADER_BYTES: usize = size_of::<WindowHeader>();

/// What every machine is started with, until settings change.
#[derive(Debug)]
pub(super) struct Plan {
    /// QEMU's file.
    pub(super) qemu: PathBuf,
    /// What the program is given.
    pub(super) wishes: Wishes,
    /// What of the network.
    pub(super) network: Option<NetworkWishes>,
    /// The accelerator, settled.
    pub(super) accelerator: Accelerator,
    /// The kernel without its sections, open.
    pub(super) kernel: File,
    /// The program's own name.
    pub(super) program_name: std::ffi::OsString,
    /// KVM was found not to work as it says.
    pub(super) is_without_kvm: AtomicBool,
}

impl Plan {
    /// Whether nobody said that KVM it must be, and it is.
    pub(super) fn may_fall_back(&self) -> bool {
        self.wishes.accelerator == AcceleratorChoice::Auto && self.accelerator() == Accelerator::Kvm
    }

    /// Goes on without KVM.
    pub(super) fn lose_kvm(&self) {
        self.is_without_kvm.store(true, Ordering::Relaxed);
    }

    /// How machines run now.
    fn accelerator(&self) -> Accelerator {
        match self.is_without_kvm.load(Ordering::Relaxed) {
            true => Accelerator::Tcg,
            false => self.accelerator,
        }
    }
}

/// How a program begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    /// It waits for a debugger.
    pub(super) waits: bool,
    /// Its calls of WASI are told, from the first one on.
    pub(super) is_traced: bool,
}

/// A machine.
#[derive(Debug)]
pub(super) struct Guest {
    pub(super) id: GuestId,
    process: Process,
    memory: File,
    /// Bytes kept for a program; 0 where there is one already.
    room_bytes: u64,
    /// Asks for things (`session::wish`).
    wishes: UnixStream,
    /// Leads to its stub.
    debug_line: Option<UnixStream>,
    /// Its monitor, until it is the writer's.
    monitor: Option<Monitor>,
    writer: Option<Writer>,
    /// Where its ports are reached on this host.
    pub(super) forwards: Vec<Forward>,
    _held: Held,
}

impl Guest {
    /// Starts a machine that runs `window`, in that `manner`.
    pub(super) fn boot(
        id: GuestId,
        plan: &Plan,
        window: &Window,
        manner: Manner,
        events: &Sender,
    ) -> Result<Self, Failure> {
        Self::start(id, plan, manner.is_traced, events, |memory| {
            write_window(memory, window, manner.waits)?;
            Ok(0)
        })
    }

    /// Starts a machine that waits for a window of up to `room_bytes`.
    pub(super) fn park(
        id: GuestId,
        plan: &Plan,
        room_bytes: u64,
        events: &Sender,
    ) -> Result<Self, Failure> {
        Self::start(id, plan, false, events, |memory| {
            memory.write_all_at(&parked_header(room_bytes), WINDOW_PHYSICAL)?;
            Ok(room_bytes)
        })
    }

    fn start(
        id: GuestId,
        plan: &Plan,
        is_traced: bool,
        events: &Sender,
        fill: impl FnOnce(&File) -> io::Result<u64>,
    ) -> Result<Self, Failure> {
        let failed =
            |problem: io::Error| Failure::new("cannot make a machine's memory").cause(problem);
        let memory = machine::guest_memory(plan.wishes.memory_bytes)
            .map_err(|problem| emulator::not_run(&problem))?;
        let room_bytes = fill(&memory).map_err(failed)?;
        let network = plan.network.as_ref().map(private_network).transpose();
        let network = network
            .map_err(|problem| Failure::new("no port of this host is free").cause(problem))?;
        let forwards = network
            .as_ref()
            .map(|network| network.forwards.clone())
            .unwrap_or_default();
        let wishes = &plan.wishes;
        let settings = Settings {
            program: plan.qemu.clone(),
            machine: wishes.machine,
            accelerator: plan.accelerator(),
            memory_bytes: wishes.memory_bytes,
            command_line: wishes.command_line.clone() + wishes.debugging.option(),
            arguments: std::iter::once(plan.program_name.clone())
                .chain(wishes.arguments.iter().cloned())
                .collect(),
            environment: wishes.environment.clone(),
            mounts: wishes.mounts.clone(),
            disks: wishes.disks.clone(),
            network,
            options: options(wishes, is_traced),
            pack: wishes.pack.clone(),
            terminals: 0,
            memory: Some(memory.try_clone().map_err(failed)?),
            debug_line: wishes.debugging.line(),
            has_monitor: wishes.debugging.line().is_some(),
            recording: None,
        };
        let mut running = machine::start(&settings, &plan.kernel)
            .map_err(|problem| emulator::not_run(&problem))?;
        let (debug_line, monitor) = (running.take_debug_line(), running.take_monitor());
        let process = running.process();
        let held = hold(Holding::Machine(process.clone()));
        let (wishes, asked) = UnixStream::pair().map_err(failed)?;
        let events = events.clone();
        let deadlines = Deadlines {
            end: None,
            ready: None,
            start: plan.may_fall_back().then(|| Instant::now() + KVM_PATIENCE),
        };
        std::thread::spawn(move || listen(id, running, &asked, deadlines, &events));
        Ok(Self {
            id,
            process,
            memory,
            room_bytes,
            wishes,
            debug_line,
            monitor,
            writer: None,
            forwards,
            _held: held,
        })
    }

    /// A line to its stub, where it has one.
    pub(super) fn debug_line(&self) -> Option<UnixStream> {
        self.debug_line.as_ref()?.try_clone().ok()
    }

    /// What writes its cores, where it has a monitor; `build` is what it runs.
    pub(super) fn writer(&mut self, build: &Arc<Build>) -> Option<Writer> {
        if let Some(monitor) = self.monitor.take() {
            let build = Arc::clone(build);
            let image = Box::new(move || build.with_symbols().unwrap_or_default());
            self.writer = Some(Writer::new(monitor, image));
        }
        self.writer.clone()
    }

    /// Whether `window` fits into the room of this parked machine.
    pub(super) fn has_room(&self, window: &Window) -> bool {
        window.end_bytes <= self.room_bytes
    }

    /// Puts `window` into a machine that has told that it is parked, and lets it run, in that `manner`.
    pub(super) fn release(&self, window: &Window, manner: Manner) -> io::Result<()> {
        write_window(&self.memory, window, manner.waits)?;
        if manner.is_traced {
            self.trace(true);
        }
        (&self.wishes).write_all(&[wish::RELEASE])
    }

    /// Has calls of WASI told from now on, or no more.
    pub(super) fn trace(&self, is_wanted: bool) {
        let wish = match is_wanted {
            true => wish::TRACE,
            false => wish::TRACE_END,
        };
        // A machine that is gone calls nothing.
        let _ = (&self.wishes).write_all(&[wish]);
    }

    /// Ends the machine, and returns when it is gone.
    pub(super) fn end(&self) {
        self.process.kill();
    }

    /// The number of QEMU's process.
    pub(super) fn process_id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        // The system takes its time to free the memory, and nobody waits for that.
        let process = self.process.clone();
        std::thread::spawn(move || process.kill());
    }
}

/// What the kernel is told beside its command line.
fn options(wishes: &Wishes, is_traced: bool) -> Vec<String> {
    let mut options = wishes.options.clone();
    if is_traced {
        options.push(TRACING.to_owned());
    }
    options
}

/// The head comes last: until it is whole, what is there is the old one.
fn write_window(memory: &File, window: &Window, waits: bool) -> io::Result<()> {
    let bytes = window.bytes();
    let (head, rest) = bytes
        .split_first_chunk::<HEADER_BYTES>()
        .ok_or(io::ErrorKind::InvalidData)?;
    let mut head = *head;
    if waits {
        wait_for_debugger(&mut head);
    }
    memory.write_all_at(rest, WINDOW_PHYSICAL + HEADER_BYTES as u64)?;
    memory.write_all_at(&head, WINDOW_PHYSICAL)
}

/// Passes on what a machine tells until it is gone.
fn listen(
    id: GuestId,
    mut running: Running,
    asked: &UnixStream,
    deadlines: Deadlines,
    events: &Sender,
) {
    // The terminal is for keys, so the program's input is empty.
    let Ok(nothing) = File::open("/dev/null") else {
        return;
    };
    // Where the loop has ended, nobody has to be told any more.
    let tell = |event| drop(events.send(Event::Guest(id, event)));
    let streams = Streams {
        stdin: nothing.as_fd(),
        stdout: None,
        stderr: None,
        wishes: Some(asked.as_fd()),
    };
    let mut on_event = |event: session::Event<'_>| {
        tell(match event {
            session::Event::Parked => GuestEvent::Parked,
            session::Event::Started { build_id } => {
                GuestEvent::Started(build_id.try_into().unwrap_or_default())
            }
            session::Event::Listening(port) => GuestEvent::Listening(port),
            session::Event::Output { is_error, bytes } => GuestEvent::Output {
                is_error,
                bytes: bytes.to_vec(),
            },
            session::Event::Log { level, text } => GuestEvent::Log(level, text.to_owned()),
            session::Event::Trap(report) => GuestEvent::Trap(Box::new(*report)),
            session::Event::Panic(text) => GuestEvent::Panic(text.to_owned()),
            session::Event::Call(report) => GuestEvent::Call(Call::of(&report)),
            // Nobody asks a machine of the loop for these.
            session::Event::Counters(_) | session::Event::Samples(_) => return,
        });
    };
    let end = session::talk(&mut running, streams, deadlines, &mut on_event);
    interrupt::go_on();
    tell(GuestEvent::Ended(Box::new(end)));
}

/// A network whose ports are reached at an address of this machine alone.
fn private_network(wishes: &NetworkWishes) -> io::Result<Network> {
    let address = private_address()?;
    let forwards = wishes.pairs.iter().map(|pair| {
        Ok(Forward {
            address,
            host: free_port(address, pair.is_udp)?,
            guest: pair.guest,
            is_udp: pair.is_udp,
        })
    });
    Ok(Network {
        forwards: forwards.collect::<io::Result<_>>()?,
        listeners: wishes.listeners.clone(),
        is_open: wishes.is_open,
        capture: None,
    })
}

/// An address of the host's own network that nobody else is likely to use: so a port that is free stays free until QEMU has
/// it.
fn private_address() -> io::Result<Ipv4Addr> {
    let mut random = [0; 3];
    File::open("/dev/urandom")?.read_exact(&mut random)?;
    let [a, b, c] = random;
    // 127.0.0.1 and its neighbours are in use; so may be those that end in 0 or 255.
    Ok(Ipv4Addr::new(127, a.max(1), b, c.clamp(1, 254)))
}

fn free_port(address: Ipv4Addr, is_udp: bool) -> io::Result<u16> {
    let bound = if is_udp {
        UdpSocket::bind((address, 0))?.local_addr()?
    } else {
        TcpListener::bind((address, 0))?.local_addr()?
    };
    Ok(bound.port())
}
