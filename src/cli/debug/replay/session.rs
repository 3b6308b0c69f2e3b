//! `mewz debug --replay`: gdb on a recording, forwards and backwards.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};

use super::super::gdb::{Script, Target};
use super::super::{in_foreground, places};
use super::{Found, IMAGE_FILE, SYMBOLS_FILE, disk};
use crate::cli::failure::Failure;
use crate::cli::interrupt::{Holding, hold};
use crate::cli::{Outcome, emulator, words};
use crate::qemu::accelerator::Accelerator;
use crate::qemu::config::{Mount, Network};
use crate::qemu::entrance::Entrance;
use crate::qemu::machine::{self, DebugLine, MachineKind, Settings};
use crate::qemu::program;
use crate::qemu::recording::{Recording, Role};
use crate::qemu::replay::{Repeated, Server, Source};

/// Who is to go through a recording, and with what.
pub(in crate::cli) struct Wanted {
    /// QEMU's file.
    pub(in crate::cli) qemu: PathBuf,
    /// gdb's; `None` where one is waited for on `port`.
    pub(in crate::cli) gdb: Option<PathBuf>,
    pub(in crate::cli) port: Option<u16>,
    pub(in crate::cli) script: Script,
}

/// Opens the recording in `folder`; the answer is gdb's exit status.
pub(in crate::cli) fn replay(folder: &Path, wanted: Wanted) -> Outcome {
    let failure = || Failure::new(format!("cannot repeat `{}`", folder.display()));
    let found = Found::open(folder)?;
    let version = program::version(&wanted.qemu).map_err(|problem| emulator::not_run(&problem))?;
    if version.to_string() != found.note.qemu {
        return Err(failure()
            .cause(format!(
                "QEMU {} made it, and this is QEMU {version}, which repeats only its own",
                found.note.qemu
            ))
            .hint("`--qemu FILE` names another one; or record once more"));
    }
    let symbols = folder.join(SYMBOLS_FILE);
    if !wanted.script.breakpoints.is_empty() {
        let image = std::fs::read(&symbols).map_err(|problem| failure().cause(problem))?;
        places::check(&wanted.script.breakpoints, &image)?;
    }
    let broken = |problem: io::Error| failure().cause(problem);
    let place = tempfile::tempdir().map_err(broken)?;
    let _held = hold(Holding::Folder(place.path().to_owned()));
    let line = place.path().join("line");
    let mut entrances = vec![Entrance::Unix(UnixListener::bind(&line).map_err(broken)?)];
    let mut address = None;
    if let Some(port) = wanted.port {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|problem| {
            Failure::usage(format!("port {port} of this host cannot be listened on")).cause(problem)
        })?;
        address = listener.local_addr().ok();
        entrances.push(Entrance::Tcp(listener));
    }
    let facts = found.facts();
    let source = Box::new(Machines {
        qemu: wanted.qemu,
        found,
    });
    let (tell, told) = mpsc::channel();
    // Machines end with the thread that starts them.
    let server = std::thread::spawn(move || {
        let begun = Server::new(source, facts, entrances);
        let mut server = match begun {
            Ok(server) => server,
            Err(problem) => return drop(tell.send(Err(problem))),
        };
        // Nobody listens any more where gdb has ended.
        let _ = tell.send(Ok(()));
        let _ = tell.send(server.serve());
    });
    match told.recv() {
        Ok(Ok(())) => {}
        Ok(Err(problem)) => {
            return Err(failure().cause(problem).hint(DAMAGE_HINT));
        }
        Err(_) => return Err(failure().cause("the machine is gone")),
    }
    let failed = |problem: io::Error| {
        Failure::new(format!("cannot go on in `{}`", folder.display()))
            .cause(problem)
            .hint(DAMAGE_HINT)
    };
    if let Some(gdb) = &wanted.gdb {
        let status = in_foreground(gdb, &symbols, Target::Recording(&line), &wanted.script)?;
        // The server says so before gdb's connection ends.
        return match told.try_recv() {
            Ok(Err(problem)) => Err(failed(problem)),
            _ => Ok(status),
        };
    }
    if let Some(address) = address {
        words::plain(format_args!(
            "waiting for a debugger on {address}: `gdb {} -ex 'target remote {address}'`",
            symbols.display()
        ));
    }
    let end = told.recv();
    // Machines end with their thread.
    let _ = server.join();
    match end {
        Ok(Err(problem)) => Err(failed(problem)),
        _ => Ok(0),
    }
}

/// What to do about a machine that does not repeat its recording.
const DAMAGE_HINT: &str = "record once more";

/// Starts machines that repeat a recording.
struct Machines {
    qemu: PathBuf,
    found: Found,
}

impl Source for Machines {
    fn start(&mut self) -> io::Result<Repeated> {
        let note = &self.found.note;
        let console = machine::memory_file("mewz-console", &[]).map_err(io::Error::other)?;
        let written = console.try_clone()?;
        let settings = Settings {
            program: self.qemu.clone(),
            machine: MachineKind::Microvm,
            accelerator: Accelerator::Tcg,
            memory_bytes: note.memory_bytes,
            command_line: note.command_line.clone(),
            arguments: Vec::new(),
            environment: Vec::new(),
            mounts: Vec::new(),
            disks: (note.disks.iter().enumerate())
                .map(|(index, is_read_only)| Mount {
                    host: self.found.folder.join(disk::file(index)),
                    guest: String::new(),
                    is_read_only: *is_read_only,
                })
                .collect(),
            // What came from it is in the recording, what goes to it is dropped.
            network: note.has_network.then(|| Network {
                // What captures packets asks for the time, once, and what it is told is part of the recording.
                capture: note.has_capture.then(|| PathBuf::from("/dev/null")),
                ..Network::default()
            }),
            options: Vec::new(),
            pack: Arc::default(),
            terminals: 0,
            memory: None,
            debug_line: Some(DebugLine::Qemu),
            has_monitor: true,
            recording: Some(Recording {
                folder: self.found.folder.clone(),
                role: Role::Repeat,
                console: Some(console),
            }),
        };
        let image = File::open(self.found.folder.join(IMAGE_FILE))?;
        let mut running = machine::start(&settings, &image).map_err(io::Error::other)?;
        let line = running.take_debug_line();
        let monitor = running.take_monitor();
        let (Some(line), Some(monitor)) = (line, monitor) else {
            unreachable!("both are asked for above")
        };
        Ok(Repeated {
            running,
            line,
            monitor,
            console: written,
        })
    }
}
