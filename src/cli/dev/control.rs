//! The control socket: programs ask by a line, and get lines.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::num::NonZero;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::time::Duration;

use super::event::{Event, Sender};

/// Who asks and says nothing is not waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// What can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// Build and run again.
    Reload,
    /// Let saves pass, or no more.
    Pause(bool),
    /// Tell the program's calls of WASI, or no more.
    Trace(bool),
    /// What runs.
    Status,
    /// The last lines.
    Logs,
    /// A way to the machine for a debugger; from 1 on, which of several.
    Debug(Option<NonZero<usize>>),
}

/// Names of requests.
const REQUESTS: [(&str, Request); 8] = [
    ("reload", Request::Reload),
    ("pause", Request::Pause(true)),
    ("resume", Request::Pause(false)),
    ("trace", Request::Trace(true)),
    ("untrace", Request::Trace(false)),
    ("status", Request::Status),
    ("logs", Request::Logs),
    ("debug", Request::Debug(None)),
];

/// The socket, until it is dropped.
#[derive(Debug)]
pub(super) struct Control {
    path: PathBuf,
}

impl Control {
    /// Listens at `path`; whoever listened there before is gone.
    ///
    /// # Errors
    ///
    /// The operating system refuses.
    pub(super) fn start(path: PathBuf, events: Sender) -> io::Result<Self> {
        let _ = std::fs::remove_file(&path);
        let listener = bind(&path)?;
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let events = events.clone();
                std::thread::spawn(move || answer(stream, &events));
            }
        });
        Ok(Self { path })
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A path of a socket has 107 bytes; a longer one is reached through its folder's number.
fn bind(path: &Path) -> io::Result<UnixListener> {
    match UnixListener::bind(path) {
        Err(problem) if problem.kind() == io::ErrorKind::InvalidInput => {
            let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
                return Err(problem);
            };
            let folder = std::fs::File::open(folder)?;
            let number = std::os::fd::AsRawFd::as_raw_fd(&folder);
            let short = Path::new("/proc/self/fd").join(number.to_string());
            UnixListener::bind(short.join(name))
        }
        other => other,
    }
}

/// Whether a test asks for a mistake of this program; released builds never make one on request.
fn is_failure(line: &str) -> bool {
    cfg!(debug_assertions) && line == "panic"
}

/// What a line asks for.
fn request(line: &str) -> Option<Request> {
    let mut words = line.split_whitespace();
    let name = words.next()?;
    let (_, request) = REQUESTS.iter().find(|(known, _)| *known == name)?;
    match (request, words.next()) {
        (request, None) => Some(*request),
        (Request::Debug(_), Some(machine)) => Some(Request::Debug(Some(machine.parse().ok()?))),
        _ => None,
    }
}

/// Answers every line of one who asks.
fn answer(mut stream: UnixStream, events: &Sender) {
    let Ok(reader) = stream.try_clone() else {
        return;
    };
    let _ = stream.set_read_timeout(Some(PATIENCE));
    for line in BufReader::new(reader).lines() {
        let Ok(line) = line else { return };
        assert!(!is_failure(&line), "it was asked for");
        let text = match request(&line) {
            Some(request) => {
                let (sender, answer) = channel();
                if events.send(Event::Control(request, sender)).is_err() {
                    return;
                }
                match answer.recv() {
                    Ok(text) => text,
                    Err(_) => return,
                }
            }
            None => {
                let names = REQUESTS.map(|(name, _)| name).join(", ");
                serde_json::json!({ "error": format!("no such request; there are {names}") })
                    .to_string()
            }
        };
        if stream.write_all(format!("{text}\n").as_bytes()).is_err() {
            return;
        }
    }
}
