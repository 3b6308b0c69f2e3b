//! A loop that runs for a test, and what it tells; and projects that are built in a millisecond.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::invoke::{PATIENCE, Place, signal};

/// Nothing more comes when nothing has come for so long; a build of these tests takes some milliseconds.
const SILENCE: Duration = Duration::from_millis(700);

/// A program that prints a line and ends.
pub(crate) fn printing(text: &str) -> String {
    format!(
        r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "{text}\n")
  (data (i32.const 0) "\10\00\00\00\{:02x}\00\00\00")
  (func (export "_start") (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))
"#,
        text.len() + 1
    )
}

/// A loop that runs, and what it tells.
pub(crate) struct Loop {
    pub(crate) place: Place,
    pub(crate) child: Child,
    events: Receiver<Value>,
    /// All that has come.
    pub(crate) seen: Vec<Value>,
}

impl Loop {
    /// Starts `mewz dev --json` in `place`.
    pub(crate) fn start(place: Place, arguments: &[&str]) -> Self {
        let mut whole = vec!["dev", "--json"];
        whole.extend(arguments);
        let child = place.command(&whole).spawn().unwrap();
        Self::listen_to(place, child)
    }

    /// Starts it by another command, which becomes it.
    pub(crate) fn start_as(place: Place, mut command: Command) -> Self {
        let usual = place.command(&[]);
        command
            .current_dir(place.path(""))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for (name, value) in usual.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let child = command.spawn().unwrap();
        Self::listen_to(place, child)
    }

    fn listen_to(place: Place, mut child: Child) -> Self {
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut stderr = child.stderr.take().unwrap();
        thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::stderr()));
        let (sender, events) = channel();
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let value: Value = serde_json::from_str(&line)
                    .unwrap_or_else(|problem| panic!("{line:?} is no object: {problem}"));
                if sender.send(value).is_err() {
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

    /// The next event of this name.
    #[track_caller]
    pub(crate) fn next(&mut self, name: &str) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.events.recv_timeout(left) {
                Ok(event) => {
                    self.seen.push(event.clone());
                    if event["event"] == name {
                        return event;
                    }
                }
                Err(problem) => panic!("{problem}: no {name:?} after {:#?}", self.seen),
            }
        }
    }

    /// The next line that the program prints on standard output.
    #[track_caller]
    pub(crate) fn next_line(&mut self) -> String {
        loop {
            let log = self.next("log");
            if log["stream"] == "stdout" {
                return log["text"].as_str().unwrap().to_owned();
            }
        }
    }

    /// All that comes until nothing more does.
    #[track_caller]
    pub(crate) fn rest(&mut self) -> Vec<Value> {
        let end = Instant::now() + PATIENCE;
        let mut rest = Vec::new();
        loop {
            assert!(Instant::now() < end, "no end of what comes: {rest:#?}");
            match self.events.recv_timeout(SILENCE) {
                Ok(event) => rest.push(event),
                Err(RecvTimeoutError::Timeout) => return rest,
                Err(RecvTimeoutError::Disconnected) => panic!("the loop has ended: {rest:?}"),
            }
        }
    }

    #[track_caller]
    pub(crate) fn assert_silent(&mut self, after: &str) {
        let rest = self.rest();
        assert!(rest.is_empty(), "after {after}: {rest:#?}");
    }

    /// Asks by the control socket.
    #[track_caller]
    pub(crate) fn ask(&self, what: &str) -> Value {
        let mut stream = UnixStream::connect(self.place.path(".mewz/dev.sock")).unwrap();
        writeln!(stream, "{what}").unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    /// Ends the loop by a signal, and looks for what it leaves.
    pub(crate) fn stop(mut self, name: &str) -> Option<i32> {
        signal(name, self.child.id());
        let status = self.child.wait().unwrap().code();
        self.place.assert_clean();
        status
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        // After a failure too nothing goes on.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A project whose command copies what lies in `source`.
pub(crate) fn project(more: &str) -> Place {
    let place = Place::new();
    place.write(
        "mewz.toml",
        format!(
            "mewz = 1\n[build]\ncommand = \"echo x >> built; cat source.wat > made.wat\"\nwasm = \"made.wat\"\n{more}"
        ),
    );
    place.write(".gitignore", "built\n");
    place
}

/// How often the project was built.
pub(crate) fn builds(place: &Place) -> usize {
    fs::read_to_string(place.path("built"))
        .unwrap()
        .lines()
        .count()
}
