//! Where a debugger finds a machine: a folder for each, with the line's socket, the image with symbols, and a note.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::core::Writer;
use crate::cli::failure::Failure;
use crate::cli::image::BootImage;
use crate::cli::interrupt::{Held, Holding, hold};
use crate::qemu::debug_line::{Entrance, Server, Successor};

/// Names of the files in a machine's folder.
const LINE_FILE: &str = "line";
const NOTE_FILE: &str = "machine.json";
const IMAGE_FILE: &str = "image.elf";
pub(super) const CORE_FILE: &str = "core";

/// What is noted of a machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Note {
    /// The process of mewz that it belongs to.
    pub(super) process: u32,
    /// The module's file.
    pub(super) module: PathBuf,
    /// Where its image is asked for first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) control: Option<PathBuf>,
}

/// The way to a machine; closed, and its folder gone, when this is dropped.
#[derive(Debug)]
pub(in crate::cli) struct Door {
    folder: PathBuf,
    /// Where debuggers on a port find it.
    pub(super) address: Option<SocketAddr>,
    server: Server,
    /// Images that have come after the first.
    images: AtomicUsize,
    _held: Held,
}

impl Door {
    /// Opens one to the machine behind `line` that boots `image`. With a port, debuggers may come by it too.
    pub(in crate::cli) fn open(
        line: UnixStream,
        module: &Path,
        image: &BootImage<'_>,
        port: Option<u16>,
    ) -> Result<Self, Failure> {
        let image = image
            .with_symbols()
            .ok_or_else(|| Failure::new("cannot link the image's symbols"))?;
        Self::make(Some(line), module, Some(&image), port, None)
    }

    /// Opens one to machines that [`Door::lead_on`] leads to, one after the other. Who comes asks for the image first, by the
    /// request `debug` at the socket `control`; [`Door::put_image`] is to answer that.
    #[expect(dead_code, reason = "for the machines of `mewz dev`")]
    pub(in crate::cli) fn without_machine(
        module: &Path,
        control: PathBuf,
    ) -> Result<Self, Failure> {
        Self::make(None, module, None, None, Some(control))
    }

    fn make(
        line: Option<UnixStream>,
        module: &Path,
        image: Option<&[u8]>,
        port: Option<u16>,
        control: Option<PathBuf>,
    ) -> Result<Self, Failure> {
        let process = std::process::id();
        let folder = runtime_folder().join(process.to_string());
        let failure = |problem: io::Error| {
            Failure::new(format!(
                "cannot open a door for debuggers in `{}`",
                folder.display()
            ))
            .cause(problem)
        };
        let held = hold(Holding::Folder(folder.clone()));
        // One that an earlier process of this number left.
        let _ = fs::remove_dir_all(&folder);
        let mut builder = fs::DirBuilder::new();
        builder
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(failure)?;
        let has_successors = control.is_some();
        let note = Note {
            process,
            module: std::path::absolute(module).unwrap_or_else(|_| module.to_owned()),
            control,
        };
        if let Some(image) = image {
            fs::write(folder.join(IMAGE_FILE), image).map_err(failure)?;
        }
        let note = serde_json::to_vec(&note).map_err(|problem| failure(problem.into()))?;
        fs::write(folder.join(NOTE_FILE), note).map_err(failure)?;
        // The socket comes last: where it is, all else is.
        let listener = UnixListener::bind(folder.join(LINE_FILE)).map_err(failure)?;
        let mut entrances = vec![Entrance::Unix(listener)];
        let mut address = None;
        if let Some(port) = port {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|problem| {
                Failure::usage(format!("port {port} of this host cannot be listened on"))
                    .cause(problem)
            })?;
            address = listener.local_addr().ok();
            entrances.push(Entrance::Tcp(listener));
        }
        let server = Server::start(line, entrances, has_successors).map_err(failure)?;
        Ok(Self {
            folder,
            address,
            server,
            images: AtomicUsize::new(0),
            _held: held,
        })
    }

    /// Whether a debugger is there.
    #[expect(dead_code, reason = "for the machines of `mewz dev`")]
    pub(in crate::cli) fn is_attached(&self) -> bool {
        self.server.is_attached()
    }

    /// Leads to the machine behind `line` from now on. A debugger that is there needs the `image` that the machine runs, with
    /// symbols: it reads that, sets its breakpoints again, and lets the machine go. So the machine has to wait for one before
    /// its first instruction (`mewz_abi::application::window_flags::WAITS_FOR_DEBUGGER`).
    #[expect(dead_code, reason = "for the machines of `mewz dev`")]
    pub(in crate::cli) fn lead_on(
        &self,
        line: UnixStream,
        image: Option<&[u8]>,
    ) -> Result<(), Failure> {
        let image = image.map(|image| self.put_image(image)).transpose()?;
        self.server.switch(Successor { line, image });
        Ok(())
    }

    /// Keeps the image of the machine that is there, for debuggers that come; its path.
    pub(in crate::cli) fn put_image(&self, image: &[u8]) -> Result<PathBuf, Failure> {
        let failure =
            |problem: io::Error| Failure::new("cannot keep an image for debuggers").cause(problem);
        // A debugger looks again only at a file of another name.
        let number = self.images.fetch_add(1, Ordering::Relaxed);
        let path = |number: usize| self.folder.join(format!("image-{number}.elf"));
        fs::write(path(number), image).map_err(failure)?;
        // Who comes later finds it by the name that all machines have.
        let link = self.folder.join("link");
        fs::hard_link(path(number), &link).map_err(failure)?;
        fs::rename(link, self.image()).map_err(failure)?;
        if let Some(old) = number.checked_sub(2) {
            // The debugger may still read the one before.
            let _ = fs::remove_file(path(old));
        }
        Ok(path(number))
    }

    /// Lets debuggers ask for cores of the machine.
    pub(in crate::cli) fn serve_cores(&self, writer: Writer, module: &Path) -> Result<(), Failure> {
        let listener = UnixListener::bind(self.core())
            .map_err(|problem| Failure::new("cannot open a door for cores").cause(problem))?;
        writer.serve(listener, module.to_owned());
        Ok(())
    }

    /// The socket where cores are asked for.
    pub(super) fn core(&self) -> PathBuf {
        self.folder.join(CORE_FILE)
    }

    /// The line's socket.
    pub(super) fn line(&self) -> PathBuf {
        self.folder.join(LINE_FILE)
    }

    /// The image with symbols.
    pub(super) fn image(&self) -> PathBuf {
        self.folder.join(IMAGE_FILE)
    }

    /// The folder, for what belongs to a session.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
        // The last one out: succeeds only where no other machine's folder is left.
        let _ = fs::remove_dir(runtime_folder());
    }
}

/// A machine that a debugger can be led to.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) folder: PathBuf,
    pub(super) note: Note,
}

impl Found {
    pub(super) fn line(&self) -> PathBuf {
        self.folder.join(LINE_FILE)
    }

    pub(super) fn image(&self) -> PathBuf {
        self.folder.join(IMAGE_FILE)
    }

    /// The socket where cores are asked for.
    pub(super) fn core(&self) -> PathBuf {
        self.folder.join(CORE_FILE)
    }

    /// Has the image made where that waits for someone who wants it.
    pub(super) fn prepare(&self) -> Result<(), Failure> {
        let Some(control) = &self.note.control else {
            return Ok(());
        };
        let answer = ask_for_image(control).map_err(|problem| {
            Failure::new("cannot attach to the program of `mewz dev`").cause(problem)
        })?;
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap_or_default();
        match answer["error"].as_str() {
            Some(why) => Err(Failure::new("cannot attach to the program of `mewz dev`").cause(why)),
            None => Ok(()),
        }
    }
}

/// How long linking an image may take, a build before it included.
const IMAGE_PATIENCE: Duration = Duration::from_secs(60);

fn ask_for_image(control: &Path) -> io::Result<String> {
    let mut stream = UnixStream::connect(control)?;
    stream.set_read_timeout(Some(IMAGE_PATIENCE))?;
    stream.write_all(b"debug\n")?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(line)
}

/// The machines that are there; what ended without taking its folder along is cleared away.
pub(super) fn all() -> Vec<Found> {
    let mut found = Vec::new();
    for entry in fs::read_dir(runtime_folder())
        .into_iter()
        .flatten()
        .flatten()
    {
        let folder = entry.path();
        let note = fs::read(folder.join(NOTE_FILE)).ok();
        let Some(note) = note.and_then(|note| serde_json::from_slice::<Note>(&note).ok()) else {
            continue;
        };
        if Path::new(&format!("/proc/{}", note.process)).exists() {
            found.push(Found { folder, note });
        } else {
            let _ = fs::remove_dir_all(&folder);
        }
    }
    found.sort_by_key(|found| found.note.process);
    found
}

/// A folder of this user's alone: that of the session, else one among the temporary files.
fn runtime_folder() -> PathBuf {
    match std::env::var_os("XDG_RUNTIME_DIR").filter(|folder| !folder.is_empty()) {
        Some(folder) => PathBuf::from(folder).join("mewz"),
        None => {
            let user = rustix::process::getuid().as_raw();
            std::env::temp_dir().join(format!("mewz-{user}"))
        }
    }
}
