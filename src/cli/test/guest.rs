//! One run of a module in a machine of its own: this program once more, as `mewz run`.

use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::Pid;

use super::super::failure::Failure;
use super::super::interrupt::{Holding, hold};
use super::super::project::Settings;
use super::super::values::{self, Folder, Variable};
use super::Binary;
use crate::qemu::leash::{self, Limits};

/// Variables of this process that tests find too: what cargo tells of the package, and what their harness reads.
const VARIABLES_PASSED: [&str; 4] = [
    "CARGO_PKG_",
    "CARGO_MANIFEST_DIR",
    "CARGO_CRATE_NAME",
    "RUST_",
];

/// A module, and what each of its machines is given.
#[derive(Debug)]
pub(super) struct Guest {
    module: PathBuf,
    options: Vec<OsString>,
}

/// A folder in memory, for tests that write files.
const TEMPORARY: &str = "/tmp";

/// Where a piece of output came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    Stdout,
    Stderr,
}

impl Guest {
    /// Settles the options of `mewz run`.
    pub(super) fn new(
        binary: &Binary,
        variables: Vec<Variable>,
        folders: Vec<Folder>,
        memory_bytes: Option<u64>,
        timeout: Option<Duration>,
        settings: &Settings,
    ) -> Result<Self, Failure> {
        let package = std::fs::canonicalize(&binary.package).map_err(|problem| {
            Failure::new(format!("cannot use `{}`", binary.package.display())).cause(problem)
        })?;
        let mut options: Vec<OsString> = Vec::new();
        let mut option = |name: &str, value: OsString| options.extend([name.into(), value]);
        let own = [Some("."), package.to_str()];
        for guest in own.into_iter().flatten() {
            if folders.iter().all(|folder| folder.guest != guest) {
                option("--dir", mount(&package, guest, true));
            }
        }
        for folder in &folders {
            option(
                "--dir",
                mount(&folder.host, &folder.guest, folder.is_read_only),
            );
        }
        let temporaries = settings.temporaries();
        for temporary in &temporaries {
            option("--tmp", temporary.argument().into());
        }
        let is_free = folders.iter().all(|folder| folder.guest != TEMPORARY)
            && temporaries.iter().all(|other| other.guest != TEMPORARY);
        if is_free {
            option("--tmp", TEMPORARY.into());
        }
        for (name, value) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if VARIABLES_PASSED
                .iter()
                .any(|prefix| text.starts_with(prefix))
            {
                option("--env", pair(&name, &value));
            }
        }
        for Variable { name, value } in &variables {
            let text = match value {
                Some(value) => pair(name, value),
                None => name.clone(),
            };
            option("--env", text);
        }
        if let Some(bytes) = memory_bytes {
            option("--memory", bytes.to_string().into());
        }
        if let Some(timeout) = timeout {
            option("--timeout", format!("{}ms", timeout.as_millis()).into());
        }
        let kernel = settings.kernel();
        for (name, choice) in [
            ("--log", values::name_of(values::LOG_LEVELS, kernel.log)),
            (
                "--accel",
                values::name_of(values::ACCELERATORS, kernel.accel),
            ),
            (
                "--machine",
                values::name_of(values::MACHINES, kernel.machine),
            ),
        ] {
            if let Some(choice) = choice {
                option(name, choice.into());
            }
        }
        for port in &settings.run().listen {
            option("--listen", port.to_string().into());
        }
        if settings.run().net {
            options.push("--net".into());
        }
        Ok(Self {
            module: binary.module.clone(),
            options,
        })
    }

    /// The module, as people read it.
    pub(super) fn name(&self) -> String {
        self.module.display().to_string()
    }

    /// Boots the module with `arguments`, hands over what it writes as it comes, and gives its exit status.
    pub(super) fn run(
        &self,
        arguments: &[String],
        mut take: impl FnMut(Stream, &[u8]),
    ) -> Result<u8, Failure> {
        let failure = || Failure::new(format!("cannot run `{}`", self.module.display()));
        let mut child = leash::command(Path::new("/proc/self/exe"), Limits::default())
            .arg("run")
            .args(&self.options)
            .arg(&self.module)
            .arg("--")
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|problem| failure().cause(problem))?;
        let _held = hold(Holding::ProcessGroup(Pid::from_child(&child)));
        let (sender, pieces) = mpsc::channel();
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        std::thread::scope(|scope| {
            let other = sender.clone();
            scope.spawn(move || relay(stdout, Stream::Stdout, &sender));
            scope.spawn(move || relay(stderr, Stream::Stderr, &other));
            for (stream, piece) in pieces {
                take(stream, &piece);
            }
        });
        let status = child.wait().map_err(|problem| failure().cause(problem))?;
        match status.code().map(u8::try_from) {
            Some(Ok(code)) => Ok(code),
            _ => Err(failure().cause(format!("its machine ended with {status}"))),
        }
    }
}

fn relay(pipe: Option<impl Read>, stream: Stream, to: &mpsc::Sender<(Stream, Vec<u8>)>) {
    let Some(mut pipe) = pipe else { return };
    let mut room = [0; 8192];
    // A pipe that can't be read is at its end.
    while let Ok(len @ 1..) = pipe.read(&mut room) {
        if to.send((stream, room[..len].to_vec())).is_err() {
            return;
        }
    }
}

fn mount(host: &Path, guest: &str, is_read_only: bool) -> OsString {
    let mut text = host.as_os_str().to_owned();
    text.push("::");
    text.push(guest);
    text.push(if is_read_only { ":ro" } else { ":rw" });
    text
}

fn pair(name: &std::ffi::OsStr, value: &std::ffi::OsStr) -> OsString {
    let mut text = name.to_owned();
    text.push("=");
    text.push(value);
    text
}
