//! Runs `mewz` in an empty place of its own and looks for what it leaves behind.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

/// Marks every process of a place, through its environment.
const MARK: &str = "MEWZ_TEST_PLACE";

/// Nothing that is waited for takes longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// No run to the end takes longer: the longest of them compile large programs.
const RUN_MAX: Duration = Duration::from_secs(600);

/// A folder with a cache, a temporary folder and files of its own.
pub(crate) struct Place {
    folder: tempfile::TempDir,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The exit status, or 1000 and the number of the signal.
    pub(crate) status: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["work", "cache", "tmp"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self { folder }
    }

    /// A path in the folder where `mewz` runs.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("work").join(name)
    }

    pub(crate) fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    pub(crate) fn temporary(&self) -> PathBuf {
        self.folder.path().join("tmp")
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Writes an executable shell script.
    pub(crate) fn script(&self, name: &str, text: &str) -> PathBuf {
        let path = self.write(name, format!("#!/bin/sh\n{text}\n"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mewz"));
        command
            .args(arguments)
            .current_dir(self.path(""))
            .env(MARK, self.folder.path())
            .env("HOME", self.folder.path())
            .env("XDG_CACHE_HOME", self.cache())
            .env("TMPDIR", self.temporary())
            // A machine that hangs ends all the same.
            .env("MEWZ_TIMEOUT", "120s")
            .env_remove("MEWZ_QEMU")
            .env_remove("MEWZ_MEMORY")
            .env_remove("MEWZ_ACCEL")
            .env_remove("MEWZ_MACHINE")
            .env_remove("MEWZ_LOG")
            .env_remove("NO_COLOR")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        Ended::of(&mut self.command(arguments))
    }

    /// Runs with `stdin` as standard input.
    pub(crate) fn run_with(&self, arguments: &[&str], stdin: &[u8]) -> Ended {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut pipe = child.stdin.take().unwrap();
        let stdin = stdin.to_vec();
        // A program that reads less than it is given closes the pipe.
        let writer = std::thread::spawn(move || drop(pipe.write_all(&stdin)));
        let ended = Ended::new(child.wait_with_output().unwrap());
        writer.join().unwrap();
        ended
    }

    /// Starts, and waits until the program has written `line`.
    pub(crate) fn start_until(
        &self,
        arguments: &[&str],
        line: &str,
    ) -> (Child, BufReader<std::process::ChildStdout>) {
        let mut child = self.command(arguments).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        stdout.read_line(&mut first).unwrap();
        if first.trim_end() != line {
            let mut stderr = String::new();
            child.kill().unwrap();
            std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut stderr).unwrap();
            panic!("instead of {line:?} came {first:?}; stderr: {stderr}");
        }
        (child, stdout)
    }

    /// Ids of the living processes of this place.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let mark = format!("{MARK}={}", self.folder.path().display());
        let mut ids = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let Some(id) = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok())
            else {
                continue;
            };
            // Processes come and go while this looks; those of others can't be read.
            let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
            if environment
                .split(|byte| *byte == 0)
                .any(|variable| variable == mark.as_bytes())
            {
                ids.push(id);
            }
        }
        ids
    }

    /// The process of this place whose command line holds `word`.
    pub(crate) fn process(&self, word: &str) -> u32 {
        let is_it = |id: &u32| {
            let line = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
            // The leash names the program too, before it becomes it.
            let line = String::from_utf8_lossy(&line).into_owned();
            line.contains(word) && !line.contains("__leash")
        };
        wait_for("the process", || self.processes().into_iter().find(is_it))
    }

    /// The machines of this place, the oldest one first.
    pub(crate) fn machines(&self) -> Vec<u32> {
        let mut machines = self.processes();
        machines.retain(|id| {
            let name = fs::read_to_string(format!("/proc/{id}/comm")).unwrap_or_default();
            name.starts_with("qemu-system")
        });
        machines.sort_unstable();
        machines
    }

    /// Fails unless all processes of this place have ended, or end soon, and no unfinished file is left.
    pub(crate) fn assert_clean(&self) {
        wait_for("the end of all processes", || {
            self.processes().is_empty().then_some(())
        });
        let mut left = files(&self.temporary());
        left.extend(files(self.folder.path()).into_iter().filter(|file| {
            file.file_name()
                .is_some_and(|name| name.to_string_lossy().contains("unfinished"))
        }));
        assert_eq!(left, Vec::<PathBuf>::new(), "files are left behind");
    }
}

impl Ended {
    /// Runs `command` to its end; one that never ends is killed, since a test that hangs tells nothing.
    pub(crate) fn of(command: &mut Command) -> Self {
        let child = command.spawn().unwrap();
        let id = child.id();
        let (done, is_done) = std::sync::mpsc::channel::<()>();
        let watcher = std::thread::spawn(move || {
            if is_done.recv_timeout(RUN_MAX) == Err(RecvTimeoutError::Timeout) {
                signal("KILL", id);
            }
        });
        let output = child.wait_with_output().unwrap();
        drop(done);
        watcher.join().unwrap();
        Self::new(output)
    }

    pub(crate) fn new(output: Output) -> Self {
        Self {
            status: output
                .status
                .code()
                .unwrap_or_else(|| 1000 + output.status.signal().unwrap()),
            stdout: output.stdout,
            stderr: String::from_utf8(output.stderr).expect("stderr is UTF-8"),
        }
    }

    /// Fails unless the run ended with `status` and said each of `words`.
    #[track_caller]
    pub(crate) fn assert(&self, status: i32, words: &[&str]) {
        assert_eq!(self.status, status, "{self:?}");
        for word in words {
            assert!(
                self.stderr.contains(word),
                "{word:?} is missing in:\n{}",
                self.stderr
            );
        }
    }
}

/// Asks `question` again until it has an answer.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, mut question: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = question() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A port of this host that nobody uses now.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// All files below `folder`.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}

/// The path of a program of `tests/programs`.
pub(crate) fn program(name: &str) -> String {
    format!("{}/tests/programs/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Sends a signal by its name, as `INT`.
pub(crate) fn signal(name: &str, id: u32) {
    let signal = match name {
        "ABRT" => Signal::ABORT,
        "CONT" => Signal::CONT,
        "HUP" => Signal::HUP,
        "INT" => Signal::INT,
        "KILL" => Signal::KILL,
        "QUIT" => Signal::QUIT,
        "STOP" => Signal::STOP,
        "TERM" => Signal::TERM,
        _ => panic!("no test sends {name}"),
    };
    let process = Pid::from_raw(id.try_into().unwrap()).unwrap();
    rustix::process::kill_process(process, signal).unwrap();
}
