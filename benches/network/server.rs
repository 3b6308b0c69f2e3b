//! The server, `server.c`, as each engine runs it.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Clock ticks a second in `/proc`: USER_HZ, 100 on every Linux for x86-64.
const TICKS_PER_SECOND: f64 = 100.0;

/// How long anything of a server may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Memory of the machine.
const MEMORY: &str = "128MiB";

/// What runs the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    /// `mewz run`, under TCG.
    Mewz,
    /// wasmtime, in a process of this host.
    Wasmtime,
    /// The host, by itself.
    Native,
}

pub(crate) const ENGINES: [(Engine, &str); 3] = [
    (Engine::Mewz, "mewz, TCG"),
    (Engine::Wasmtime, "wasmtime"),
    (Engine::Native, "native"),
];

/// The last in PyPI whose library opens sockets for preview 1.
pub(crate) const WASMTIME_VERSION: &str = "18.0.2";

/// The server's files: a module, and a program of this host.
pub(crate) struct Programs {
    folder: tempfile::TempDir,
    /// Python's packages with wasmtime in them.
    wasmtime: PathBuf,
}

impl Programs {
    /// Compiles both, and installs wasmtime where it is not there from an earlier time.
    pub(crate) fn build() -> Result<Self, String> {
        let folder =
            tempfile::tempdir().map_err(|problem| format!("cannot make a folder: {problem}"))?;
        let root = root();
        let source = root.join("benches/network/server.c");
        let clang = root.join("target/tools/bin/clang");
        let mut module = Command::new(clang);
        module.args(["--target=wasm32-wasi", "-Wl,-z,stack-size=1048576"]);
        let wasmtime = root.join(format!("target/tools/wasmtime-{WASMTIME_VERSION}"));
        install_wasmtime(&wasmtime)?;
        let programs = Self { folder, wasmtime };
        for (mut compiler, file) in [
            (module, programs.file("server.wasm")),
            (Command::new("cc"), programs.file("server")),
        ] {
            compiler.arg("-O2").arg("-o").arg(file).arg(&source);
            let status = compiler.status();
            if !status.as_ref().is_ok_and(std::process::ExitStatus::success) {
                return Err(format!(
                    "{compiler:?} failed ({status:?}); `scripts/test-tools` installs compilers"
                ));
            }
        }
        Ok(programs)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The tests' own, which `scripts/test-tools` makes.
fn python() -> PathBuf {
    root().join("target/tools/python/bin/python")
}

/// Puts wasmtime into `folder`, unless it is there.
fn install_wasmtime(folder: &Path) -> Result<(), String> {
    if folder.exists() {
        return Ok(());
    }
    let mut pip = Command::new(python());
    pip.args(["-m", "pip", "install", "--quiet", "--target"])
        .arg(folder)
        .arg(format!("wasmtime=={WASMTIME_VERSION}"));
    let status = pip.status();
    if status.as_ref().is_ok_and(std::process::ExitStatus::success) {
        return Ok(());
    }
    Err(format!(
        "{pip:?} failed ({status:?}); `scripts/test-tools` installs Python"
    ))
}

/// A server that runs.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    /// The process that does the work: QEMU, or the server itself.
    process: u32,
}

impl Server {
    /// Starts it, and waits until it listens.
    pub(crate) fn start(programs: &Programs, engine: Engine) -> Result<Self, String> {
        let port = free_port()?;
        let mut command = match engine {
            Engine::Mewz => {
                let mut command = Command::new(env!("CARGO_BIN_EXE_mewz"));
                let pair = format!("{port}:8080");
                command
                    .args(["run", "--accel", "tcg", "--memory", MEMORY, "--publish"])
                    .args([&pair, "--listen", "8080"])
                    .arg(programs.file("server.wasm"))
                    .env("XDG_CACHE_HOME", programs.file("cache"));
                command
            }
            Engine::Wasmtime => {
                let mut command = Command::new(python());
                command
                    .arg(root().join("benches/network/serve.py"))
                    .arg(format!("127.0.0.1:{port}"))
                    .arg(programs.file("server.wasm"))
                    .env("PYTHONPATH", &programs.wasmtime);
                command
            }
            Engine::Native => {
                let mut command = Command::new(programs.file("server"));
                command.arg(port.to_string());
                command
            }
        };
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command
            .spawn()
            .map_err(|problem| format!("cannot start {command:?}: {problem}"))?;
        let mut line = String::new();
        if let Some(stdout) = &mut child.stdout {
            // Where it fails the line is not what is expected.
            let _ = BufReader::new(stdout).read_line(&mut line);
        }
        let process = match engine {
            Engine::Mewz => child_of(child.id()),
            Engine::Wasmtime | Engine::Native => Some(child.id()),
        };
        let server = Self {
            process: process.unwrap_or(0),
            child,
            port,
        };
        if line != "listening\n" || process.is_none() {
            return Err(format!("{command:?} said {line:?} instead of `listening`"));
        }
        Ok(server)
    }

    /// A connection to it.
    pub(crate) fn connect(&self) -> Result<TcpStream, String> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        let stream = stream.map_err(|problem| format!("cannot connect: {problem}"))?;
        let set = stream
            .set_nodelay(true)
            .and_then(|()| stream.set_read_timeout(Some(PATIENCE)))
            .and_then(|()| stream.set_write_timeout(Some(PATIENCE)));
        set.map_err(|problem| format!("cannot set up a connection: {problem}"))?;
        Ok(stream)
    }

    /// CPU time so far, in seconds. Source: proc(5), `/proc/pid/stat`, fields 14 and 15.
    pub(crate) fn cpu_seconds(&self) -> f64 {
        let ticks: f64 = stat(self.process)
            .iter()
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse::<f64>().ok())
            .sum();
        ticks / TICKS_PER_SECOND
    }

    /// Resident memory, in MB.
    pub(crate) fn resident_mb(&self) -> f64 {
        let path = format!("/proc/{}/status", self.process);
        let status = fs::read_to_string(path).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        kilobytes.map_or(0.0, |kilobytes: f64| kilobytes * 1024.0 / 1e6)
    }

    /// Lets it end.
    pub(crate) fn stop(mut self) -> Result<(), String> {
        let mut stream = self.connect()?;
        let asked = stream.write_all(b"GET /stop HTTP/1.1\r\n\r\n");
        asked.map_err(|problem| format!("cannot stop the server: {problem}"))?;
        let _ = stream.read_to_end(&mut Vec::new());
        match self.child.wait() {
            Ok(status) if status.success() => Ok(()),
            other => Err(format!("the server ended with {other:?}")),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Ends QEMU too, which is on its leash.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The fields of `/proc/pid/stat` behind the name, which may hold spaces.
fn stat(process: u32) -> Vec<String> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields = text.rsplit_once(')').map_or("", |(_, fields)| fields);
    fields.split_whitespace().map(str::to_owned).collect()
}

/// A child of a process.
fn child_of(parent: u32) -> Option<u32> {
    let parent = parent.to_string();
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let mut numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.find(|number| stat(*number).get(1) == Some(&parent))
}

fn free_port() -> Result<u16, String> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|problem| format!("no port is free: {problem}"))
}
