//! Where a debugger finds a machine: a folder for each, with the line's socket, the image with symbols, and a note.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::core::{self, Writer};
use super::listen::listen;
use crate::cli::dev::control_socket;
use crate::cli::failure::Failure;
use crate::cli::image::BootImage;
use crate::cli::interrupt::{Held, Holding, hold};
use crate::cli::words;
use crate::qemu::debug_line::{Server, Successor, Watcher};
use crate::qemu::entrance::Entrance;
use crate::qemu::output::Output;

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
    /// The loop that it is of, if it is of one.
    #[serde(default, rename = "loop", skip_serializing_if = "Option::is_none")]
    pub(super) of_loop: Option<Loop>,
}

/// A loop, whose machine is another with every save.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::cli) struct Loop {
    /// The folder that it watches.
    pub(in crate::cli) folder: PathBuf,
    /// Where it is asked for a way to the machine, which makes the image too.
    pub(in crate::cli) control: PathBuf,
}

/// Images that stay: a debugger may hold an older program still, and read of its image what it has not read yet.
const IMAGES_KEPT: usize = 4;

/// The way to a machine; closed, and its folder gone, when this is dropped.
#[derive(Debug)]
pub(in crate::cli) struct Door {
    folder: PathBuf,
    /// Where debuggers on a port find it.
    pub(super) address: Option<SocketAddr>,
    server: Server,
    /// Images that have come after the first.
    images: AtomicUsize,
    /// What writes the cores of the machine that is there.
    cores: Arc<Mutex<Option<Writer>>>,
    _held: Held,
}

impl Door {
    /// Opens one to the machine behind `line`, with that `output`, that boots `image`. With a port, debuggers may come by it too.
    pub(in crate::cli) fn open(
        line: UnixStream,
        output: Output,
        module: &Path,
        image: &BootImage<'_>,
        port: Option<u16>,
    ) -> Result<Self, Failure> {
        let image = image
            .with_symbols()
            .ok_or_else(|| Failure::new("cannot link the image's symbols"))?;
        let folder = Folder::make(module, None)?;
        fs::write(folder.path.join(IMAGE_FILE), image)
            .map_err(|problem| folder.failure(problem))?;
        let mut entrances = Vec::new();
        let mut address = None;
        if let Some(port) = port {
            let listener = listen(port)?;
            address = listener.local_addr().ok();
            entrances.push(Entrance::Tcp(listener));
        }
        folder.open(entrances, address, |entrances| {
            Server::start(line, entrances, Some(output))
        })
    }

    /// Opens one to the machines of a loop, that [`Door::lead_on`] leads to, one after the other. Who comes asks the loop for
    /// the way first, by the request `debug`; [`Door::put_image`] is to answer that. `watcher` hears what debuggers are about.
    pub(in crate::cli) fn of_loop(
        module: &Path,
        of_loop: Loop,
        watcher: Watcher,
    ) -> Result<Self, Failure> {
        let folder = Folder::make(module, Some(of_loop))?;
        let door = folder.open(Vec::new(), None, |entrances| {
            Server::of_successors(entrances, watcher)
        })?;
        door.answer_for_cores(module)?;
        Ok(door)
    }

    /// Leads to `machine`, behind `line`, from now on; a debugger that is there is led along as [`Server::switch`] says, if it
    /// is told the `image` that the machine runs ([`Door::put_image`]). `waits`: for a debugger, before the first instruction
    /// (`mewz_abi::application::window_flags::WAITS_FOR_DEBUGGER`).
    pub(in crate::cli) fn lead_on(
        &self,
        machine: u64,
        line: UnixStream,
        image: Option<PathBuf>,
        waits: bool,
    ) {
        self.server.switch(Successor {
            machine,
            line,
            image,
            waits,
        });
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
        if let Some(old) = number.checked_sub(IMAGES_KEPT) {
            let _ = fs::remove_file(path(old));
        }
        Ok(path(number))
    }

    /// Lets debuggers ask for cores of the machine.
    pub(in crate::cli) fn serve_cores(&self, writer: Writer, module: &Path) -> Result<(), Failure> {
        self.set_cores(Some(writer));
        self.answer_for_cores(module)
    }

    /// Says what writes the cores of the machine that is there now.
    pub(in crate::cli) fn set_cores(&self, writer: Option<Writer>) {
        *self.cores.lock().unwrap_or_else(PoisonError::into_inner) = writer;
    }

    fn answer_for_cores(&self, module: &Path) -> Result<(), Failure> {
        let listener = UnixListener::bind(self.core())
            .map_err(|problem| Failure::new("cannot open a door for cores").cause(problem))?;
        let cores = Arc::clone(&self.cores);
        let writer = move || cores.lock().unwrap_or_else(PoisonError::into_inner).clone();
        core::serve(listener, module.to_owned(), writer);
        Ok(())
    }

    /// The socket where cores are asked for.
    pub(super) fn core(&self) -> PathBuf {
        self.folder.join(CORE_FILE)
    }

    /// The line's socket.
    pub(in crate::cli) fn line(&self) -> PathBuf {
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

/// A machine's folder before its door is open.
struct Folder {
    path: PathBuf,
    held: Held,
}

impl Folder {
    /// Makes it, with the note.
    fn make(module: &Path, of_loop: Option<Loop>) -> Result<Self, Failure> {
        let process = std::process::id();
        let path = runtime_folder().join(process.to_string());
        let folder = Self {
            held: hold(Holding::Folder(path.clone())),
            path,
        };
        // One that an earlier process of this number left.
        let _ = fs::remove_dir_all(&folder.path);
        let mut builder = fs::DirBuilder::new();
        builder
            .recursive(true)
            .mode(0o700)
            .create(&folder.path)
            .map_err(|problem| folder.failure(problem))?;
        let note = Note {
            process,
            module: std::path::absolute(module).unwrap_or_else(|_| module.to_owned()),
            of_loop,
        };
        let note = serde_json::to_vec(&note).map_err(io::Error::from);
        note.and_then(|note| fs::write(folder.path.join(NOTE_FILE), note))
            .map_err(|problem| folder.failure(problem))?;
        Ok(folder)
    }

    fn failure(&self, problem: io::Error) -> Failure {
        let path = self.path.display();
        Failure::new(format!("cannot open a door for debuggers in `{path}`")).cause(problem)
    }

    /// Opens the door; its socket comes last: where it is, all else is.
    fn open(
        self,
        mut entrances: Vec<Entrance>,
        address: Option<SocketAddr>,
        serve: impl FnOnce(Vec<Entrance>) -> io::Result<Server>,
    ) -> Result<Door, Failure> {
        let listener = UnixListener::bind(self.path.join(LINE_FILE));
        let listener = listener.map_err(|problem| self.failure(problem))?;
        entrances.push(Entrance::Unix(listener));
        let server = serve(entrances).map_err(|problem| self.failure(problem))?;
        Ok(Door {
            folder: self.path,
            address,
            server,
            images: AtomicUsize::new(0),
            cores: Arc::default(),
            _held: self.held,
        })
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
    /// Which of the machines of a loop is wanted, from 1 on; without, the one that is worth looking at.
    pub(super) machine: Option<u8>,
}

/// What a debugger finds at the door.
#[derive(Debug)]
pub(super) struct Prepared {
    /// The image of the machine.
    pub(super) image: PathBuf,
    /// Which machine it is, of how many.
    pub(super) place: Option<(u64, u64)>,
}

impl Prepared {
    /// Says which machine it is, where there are several.
    pub(super) fn tell(&self) {
        if let Some((machine, machines @ 2..)) = self.place {
            words::plain(format_args!(
                "machine {machine} of {machines} (`--instance` names another)"
            ));
        }
    }
}

impl Found {
    pub(super) fn line(&self) -> PathBuf {
        self.folder.join(LINE_FILE)
    }

    fn image(&self) -> PathBuf {
        self.folder.join(IMAGE_FILE)
    }

    /// The socket where cores are asked for.
    pub(super) fn core(&self) -> PathBuf {
        self.folder.join(CORE_FILE)
    }

    /// Whether it is of the project in `folder`, or its module is that file.
    pub(super) fn is_of(&self, place: &Path) -> bool {
        let is_below = |path: &Path| path.starts_with(place);
        let of_loop = self.note.of_loop.as_ref();
        of_loop.is_some_and(|of_loop| of_loop.folder == place) || is_below(&self.note.module)
    }

    /// Has a loop lead to the machine that is worth looking at, and make its image; where that is.
    pub(super) fn prepare(&self) -> Result<Prepared, Failure> {
        let Some(of_loop) = &self.note.of_loop else {
            return self.of_one_machine();
        };
        let end = Instant::now() + BUSY_PATIENCE;
        loop {
            match ask_for_way(&of_loop.control, self.machine)? {
                Way::Open(image, place) => {
                    let image = image.unwrap_or_else(|| self.image());
                    return Ok(Prepared { image, place });
                }
                Way::Closed(why) => return Err(no_way().cause(why)),
                Way::Busy(why, _) if Instant::now() > end => return Err(no_way().cause(why)),
                // One that is just leaving is gone soon.
                Way::Busy(..) => std::thread::sleep(BUSY_PAUSE),
            }
        }
    }

    /// What there is where no loop is asked.
    fn of_one_machine(&self) -> Result<Prepared, Failure> {
        match self.machine {
            None | Some(1) => Ok(Prepared {
                image: self.image(),
                place: None,
            }),
            Some(machine) => Err(Failure::usage(format!("there is no machine {machine}"))
                .cause(format!("process {} has one machine", self.note.process))
                .hint("`mewz dev --instances COUNT` lets several run a program")),
        }
    }

    /// Has a loop say what writes the core of the machine that is worth looking at: that which a debugger is at, if one is.
    pub(super) fn prepare_core(&self) -> Result<(), Failure> {
        let Some(of_loop) = &self.note.of_loop else {
            return self.of_one_machine().map(drop);
        };
        match ask_for_way(&of_loop.control, self.machine)? {
            Way::Open(image, place) => {
                let image = image.unwrap_or_else(|| self.image());
                Prepared { image, place }.tell();
                Ok(())
            }
            Way::Busy(why, at) => match self.machine {
                Some(machine) if at != Some(machine.into()) => Err(no_way().cause(why)),
                _ => Ok(()),
            },
            Way::Closed(why) => Err(no_way().cause(why)),
        }
    }
}

/// What a loop answers to one who wants to get to its machine.
enum Way {
    /// It is at the door; its image is there, and which one of how many it is.
    Open(Option<PathBuf>, Option<(u64, u64)>),
    /// Another debugger is there, at this machine.
    Busy(String, Option<u64>),
    Closed(String),
}

/// What a loop is asked.
const REQUEST: &str = "debug";

fn no_way() -> Failure {
    Failure::new("cannot attach to the program of `mewz dev`")
}

/// How long linking an image may take, a build before it included.
const IMAGE_PATIENCE: Duration = Duration::from_secs(60);

/// How long another debugger may take to leave, and how often that is looked at.
const BUSY_PATIENCE: Duration = Duration::from_secs(2);
const BUSY_PAUSE: Duration = Duration::from_millis(50);

fn ask_for_way(control: &Path, machine: Option<u8>) -> Result<Way, Failure> {
    let request = match machine {
        Some(machine) => format!("{REQUEST} {machine}"),
        None => REQUEST.to_owned(),
    };
    let answer = ask(control, &request).map_err(|problem| no_way().cause(problem))?;
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap_or_default();
    Ok(match answer["error"].as_str().map(str::to_owned) {
        None => Way::Open(
            answer["image"].as_str().map(PathBuf::from),
            answer["machine"].as_u64().zip(answer["machines"].as_u64()),
        ),
        Some(why) if answer["busy"] == true => Way::Busy(why, answer["machine"].as_u64()),
        Some(why) => Way::Closed(why),
    })
}

/// Has the loop that works in `folder`, or in that of the file that it is, open its door, if there is one.
pub(super) fn knock(folder: &Path) {
    let folder = match folder.is_dir() {
        true => folder,
        false => folder.parent().unwrap_or(folder),
    };
    // What it answers is asked for again when it is known which machine is wanted.
    let _ = ask(&control_socket(folder), REQUEST);
}

fn ask(control: &Path, request: &str) -> io::Result<String> {
    let mut stream = connect(control)?;
    stream.set_read_timeout(Some(IMAGE_PATIENCE))?;
    writeln!(stream, "{request}")?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(line)
}

/// A path of a socket has 107 bytes; a longer one is reached through its folder's number.
fn connect(path: &Path) -> io::Result<UnixStream> {
    match UnixStream::connect(path) {
        Err(problem) if problem.kind() == io::ErrorKind::InvalidInput => {
            let folder = fs::File::open(path.parent().unwrap_or(Path::new("/")))?;
            let number = std::os::fd::AsRawFd::as_raw_fd(&folder);
            let short = Path::new("/proc/self/fd").join(number.to_string());
            UnixStream::connect(short.join(path.file_name().unwrap_or_default()))
        }
        other => other,
    }
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
            found.push(Found {
                folder,
                note,
                machine: None,
            });
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
