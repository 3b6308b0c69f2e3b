//! A `mewz dev` that runs, and what it tells.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::process::Child;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Instant;

use serde_json::Value;

use crate::invoke::{PATIENCE, Place, signal};

/// Events with which a save ends.
const OUTCOMES: [&str; 4] = ["ready", "error", "trap", "exit"];

/// Events that a failure shows.
const SHOWN: usize = 30;

pub(crate) struct Session {
    pub(crate) place: Place,
    child: Child,
    events: Receiver<Value>,
    seen: Vec<Value>,
}

impl Session {
    /// Starts `mewz dev --json` in `place`.
    pub(crate) fn start(place: Place) -> Self {
        let mut command = place.command(&["dev", "--json"]);
        command.env_remove("MEWZ_TIMEOUT");
        // It is for these tests, and mewz warns of variables that it does not know.
        command.env_remove("MEWZ_RELOADS");
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut stderr = child.stderr.take().unwrap();
        thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::stderr()));
        let (sender, events) = channel();
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let event = serde_json::from_str(&line).expect("each line is an object");
                if sender.send(event).is_err() {
                    return;
                }
            }
        });
        Self {
            place,
            child,
            events,
            seen: Vec::new(),
        }
    }

    /// The process of the command line.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How the next save ends: the event `name` is expected.
    #[track_caller]
    pub(crate) fn outcome(&mut self, name: &str) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.events.recv_timeout(left) {
                Ok(event) => {
                    self.seen.push(event.clone());
                    if is_outcome(&event) {
                        assert_eq!(event["event"], name, "{event}");
                        return event;
                    }
                }
                Err(problem) => {
                    let last = self.seen.len().saturating_sub(SHOWN);
                    panic!("{problem}: no {name:?} after {:#?}", &self.seen[last..])
                }
            }
        }
    }

    /// What the control socket says to `request`.
    pub(crate) fn ask(&self, request: &str) -> Value {
        let mut stream = UnixStream::connect(self.place.path(".mewz/dev.sock")).unwrap();
        writeln!(stream, "{request}").unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    /// Saves as editors do: a new file takes the place of the old one.
    pub(crate) fn save(&self, name: &str, text: &str) {
        let new = self.place.write(&format!(".{name}.new"), text);
        std::fs::rename(new, self.place.path(name)).unwrap();
    }

    /// Ends the loop as Ctrl-C does, and looks for what it leaves.
    pub(crate) fn stop(mut self) {
        signal("INT", self.id());
        assert_eq!(self.child.wait().unwrap().code(), Some(130));
        self.place.assert_clean();
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // After a failure too nothing goes on.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a save ends with `event`. Of a server that ends before it listens there are two: one that it began, and its end.
fn is_outcome(event: &Value) -> bool {
    let has_begun_only = event["event"] == "ready" && event["ready_ms"].is_null();
    !has_begun_only && OUTCOMES.iter().any(|name| event["event"] == *name)
}

/// Says what a test found: it passes all the same, so the harness would keep it to itself.
pub(crate) fn tell(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
