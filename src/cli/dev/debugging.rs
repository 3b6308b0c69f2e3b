//! A debugger on a machine of the loop: on the one that crashed, else on the one that serves.

use std::fs;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;
use tempfile::TempDir;

use super::build::Build;
use super::event::Event;
use super::guest::Guest;
use super::work::Work;
use crate::cli::failure::Failure;
use crate::cli::interrupt::{self, Held, Holding, hold};
use crate::cli::{debug, image};
use crate::qemu::debug_line::{Entrance, Server};

/// Where debuggers find what they need.
#[derive(Debug)]
pub(super) struct Doors {
    folder: TempDir,
    _held: Held,
}

/// The way to a machine.
#[derive(Debug)]
pub(super) struct Door {
    /// The build that it runs.
    number: u64,
    /// The image with symbols.
    image: PathBuf,
    /// The socket that leads to its stub.
    line: PathBuf,
}

impl Doors {
    fn new() -> std::io::Result<Self> {
        // Nobody else may enter it.
        let folder = tempfile::Builder::new().prefix("mewz-debug-").tempdir()?;
        let held = hold(Holding::Folder(folder.path().to_owned()));
        Ok(Self {
            folder,
            _held: held,
        })
    }

    /// Opens one to `guest`, which runs `build`; it closes with the machine.
    fn open(&self, guest: &mut Guest, build: &Build, number: u64) -> Result<Door, Failure> {
        let failed = |problem: std::io::Error| {
            Failure::new("cannot open a door for debuggers").cause(problem)
        };
        let line = self.folder.path().join(format!("line-{}", guest.id));
        if let Some(stream) = guest.take_debug_line() {
            let entrance = Entrance::Unix(UnixListener::bind(&line).map_err(failed)?);
            // Served until the machine ends.
            Server::start(Some(stream), vec![entrance], false).map_err(failed)?;
        } else if !line.exists() {
            return Err(
                Failure::new("this machine has no stub that a debugger could talk to")
                    .hint("with a kernel of your own there is none"),
            );
        }
        let image = self.folder.path().join(format!("{number}.elf"));
        if !image.exists() {
            self.forget_images();
            let linked = image::link(&build.module, &build.object, &build.source.making, false)?;
            fs::write(&image, linked.bytes).map_err(failed)?;
        }
        Ok(Door {
            number,
            image,
            line,
        })
    }

    /// Removes the images of earlier builds; a debugger that has one open keeps it.
    fn forget_images(&self) {
        for file in fs::read_dir(self.folder.path())
            .into_iter()
            .flatten()
            .flatten()
        {
            if file.path().extension().is_some_and(|kind| kind == "elf") {
                let _ = fs::remove_file(file.path());
            }
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Work {
    /// Opens a door to the machine that is worth looking at.
    fn open_door(&mut self) -> Result<Door, Failure> {
        if self.doors.is_none() {
            let doors = Doors::new().map_err(|problem| {
                Failure::new("cannot make a folder for debuggers").cause(problem)
            })?;
            self.doors = Some(doors);
        }
        let machines = &mut self.machines;
        let crashed = machines.crashed.as_mut().map(|crashed| {
            let build = Arc::clone(&crashed.build);
            (&mut crashed.guest, build, crashed.number)
        });
        let running = machines.serving.as_mut().or(machines.next.as_mut());
        let running = running.and_then(|crew| {
            let (build, number) = (Arc::clone(&crew.build), crew.number());
            Some((&mut crew.members.first_mut()?.guest, build, number))
        });
        match (crashed.or(running), &self.doors) {
            (Some((guest, build, number)), Some(doors)) => doors.open(guest, &build, number),
            _ => Err(Failure::new("no program runs, and none has crashed")
                .hint("`mewz debug` runs it from its first instruction on")),
        }
    }

    /// Opens gdb in this terminal.
    pub(super) fn debug(&mut self) {
        if let Err(failure) = self.try_debug() {
            self.screen.failure("error", self.number, &failure);
        }
    }

    fn try_debug(&mut self) -> Result<(), Failure> {
        let door = self.open_door()?;
        let Some(doors) = &self.doors else {
            return Ok(());
        };
        self.screen.say(&format!(
            "gdb on #{}: what happens meanwhile is told when you leave it",
            door.number
        ));
        let command = debug::gdb_on(&door.line, &door.image, doors.path())?;
        if let Some(keys) = &self.keys {
            keys.lend();
        }
        let mut child = match debug::start_gdb(command) {
            Ok(child) => child,
            Err(failure) => {
                self.take_back();
                return Err(failure);
            }
        };
        self.screen.hold();
        interrupt::leave_to_debugger();
        let held = hold(Holding::Process(child.id()));
        let events = self.sender.clone();
        std::thread::spawn(move || {
            // However it ends, it has ended.
            let _ = child.wait();
            drop(held);
            let _ = events.send(Event::DebuggerLeft);
        });
        Ok(())
    }

    /// gdb has ended: the terminal is ours again.
    pub(super) fn take_back(&mut self) {
        interrupt::take_back();
        if let Some(keys) = &self.keys {
            keys.take_back();
        }
        self.screen.release();
    }

    /// Tells a debugger elsewhere where to go.
    pub(super) fn door_for_others(&mut self) -> String {
        match self.open_door() {
            Ok(door) => json!({
                "number": door.number,
                "image": door.image.display().to_string(),
                "line": door.line.display().to_string(),
            }),
            Err(failure) => json!({ "error": failure.text().trim_end() }),
        }
        .to_string()
    }
}
