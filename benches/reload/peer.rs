//! Servers that reload: `mewz dev` in both ways, and what npm and PyPI have.

use std::fs;
use std::io::{BufRead as _, BufReader, Read};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use super::application::{Application, write};

/// Versions, so that figures of different days mean the same.
const WRANGLER: &str = "4.50.0";
const VITE: &str = "8.3.8";
const WATCHFILES: &str = "1.3.0";
/// The last one whose library hands over a listener.
const WASMTIME: &str = "18.0.2";

/// A server that reloads.
pub(crate) struct Peer {
    pub(crate) name: String,
    /// It may be missing.
    pub(crate) is_optional: bool,
    /// It tells of its reloads, as `mewz dev --json` does.
    pub(crate) tells: bool,
    /// What is asked for.
    path: &'static str,
    /// Puts it on this machine, once.
    install: fn() -> Result<(), String>,
    /// What to run, with this port.
    command: fn(&Application, u16) -> Command,
    /// Saves what answers with this number.
    pub(crate) save: fn(&Application, usize) -> Result<(), String>,
}

/// All of them; the first is what the others are compared with.
pub(crate) fn all() -> Vec<Peer> {
    let mewz = |how: &str, command| Peer {
        name: format!("mewz dev, {how}"),
        is_optional: false,
        tells: true,
        path: "/",
        install: || Ok(()),
        command,
        save: save_module,
    };
    vec![
        mewz("park", |application, port| {
            mewz_dev(application, port, "park")
        }),
        mewz("reboot", |application, port| {
            mewz_dev(application, port, "reboot")
        }),
        Peer {
            name: format!("watchfiles {WATCHFILES}, wasmtime {WASMTIME}"),
            is_optional: true,
            tells: false,
            path: "/",
            install: install_python,
            command: watchfiles,
            save: save_module,
        },
        Peer {
            name: format!("wrangler {WRANGLER}"),
            is_optional: true,
            tells: false,
            path: "/",
            install: || install_node("wrangler", WRANGLER),
            command: wrangler,
            save: |_, number| {
                let text = format!(
                    "export default {{ fetch: () => new Response('answer-{number:05}') }};\n"
                );
                replace(&folder("wrangler").join("worker.js"), text.as_bytes())
            },
        },
        Peer {
            name: format!("Vite {VITE}"),
            is_optional: true,
            tells: false,
            path: "/answer.js",
            install: || install_node("vite", VITE),
            command: vite,
            save: |_, number| {
                let text = format!("export default 'answer-{number:05}';\n");
                replace(&folder("vite").join("answer.js"), text.as_bytes())
            },
        },
    ]
}

fn save_module(application: &Application, number: usize) -> Result<(), String> {
    replace(&application.file(), &application.answering(number))
}

/// Saves as editors do.
fn replace(path: &Path, content: &[u8]) -> Result<(), String> {
    let new = path.with_extension("new");
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|problem| problem.to_string())?;
    }
    write(&new, content)?;
    fs::rename(&new, path).map_err(|problem| format!("cannot save {path:?}: {problem}"))
}

fn mewz_dev(application: &Application, port: u16, reload: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mewz"));
    command
        .args(["dev", "--json", "--accel", "tcg", "--reload", reload])
        .args(["--publish", &format!("{port}:8080"), "--listen", "8080"])
        .arg(application.file())
        .env("XDG_CACHE_HOME", application.file().with_extension("cache"));
    command
}

fn watchfiles(application: &Application, port: u16) -> Command {
    let python = folder("wasmtime/bin/python");
    let serve = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/network/serve.py");
    let file = application.file();
    let run = format!(
        "{} {} 127.0.0.1:{port} {}",
        python.display(),
        serve.display(),
        file.display()
    );
    let mut command = Command::new(folder("wasmtime/bin/watchfiles"));
    // The file is replaced, so its folder is watched; nothing else is in there that changes.
    command.args([
        "--filter",
        "all",
        "--sigint-timeout",
        "0",
        "--target-type",
        "command",
    ]);
    command
        .arg(run)
        .arg(file.parent().unwrap_or(Path::new(".")));
    command
}

fn wrangler(_: &Application, port: u16) -> Command {
    let mut command = Command::new(folder("wrangler/node_modules/.bin/wrangler"));
    command
        .args([
            "dev",
            "worker.js",
            "--local",
            "--ip",
            "127.0.0.1",
            "--port",
            &port.to_string(),
        ])
        .args([
            "--inspector-port",
            "0",
            "--compatibility-date",
            "2025-01-01",
            "--show-interactive-dev-session=false",
        ])
        .env("WRANGLER_SEND_METRICS", "false")
        .env("CI", "1")
        .current_dir(folder("wrangler"));
    command
}

fn vite(_: &Application, port: u16) -> Command {
    let mut command = Command::new(folder("vite/node_modules/.bin/vite"));
    command
        .args([
            "--host",
            "127.0.0.1",
            "--strictPort",
            "--port",
            &port.to_string(),
        ])
        .current_dir(folder("vite"));
    command
}

/// Where peers are.
fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("target/tools/reload")
        .join(name)
}

fn install_node(name: &str, version: &str) -> Result<(), String> {
    let installed = folder(name)
        .join("node_modules")
        .join(name)
        .join("package.json");
    let manifest = fs::read_to_string(installed).unwrap_or_default();
    if manifest.contains(&format!("\"version\": \"{version}\"")) {
        return Ok(());
    }
    fs::create_dir_all(folder(name)).map_err(|problem| problem.to_string())?;
    let package = format!("{name}@{version}");
    let mut npm = Command::new("npm");
    npm.args([
        "install",
        "--silent",
        "--no-audit",
        "--no-fund",
        "--prefix",
        ".",
        &package,
    ]);
    finish(npm.current_dir(folder(name)))
}

fn install_python() -> Result<(), String> {
    let python = folder("wasmtime/bin/python");
    let packages = [
        format!("wasmtime=={WASMTIME}"),
        format!("watchfiles=={WATCHFILES}"),
    ];
    let stamp = folder("wasmtime/packages");
    if fs::read_to_string(&stamp).is_ok_and(|stamped| stamped == packages.join(" ")) {
        return Ok(());
    }
    finish(
        Command::new("python3")
            .args(["-m", "venv"])
            .arg(folder("wasmtime")),
    )?;
    let mut pip = Command::new(python);
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]);
    finish(pip.args(&packages))?;
    write(&stamp, packages.join(" ").as_bytes())
}

fn finish(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|problem| format!("cannot start {command:?}: {problem}"))?;
    let words = String::from_utf8_lossy(&output.stderr);
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{command:?} failed: {}", words.trim())),
    }
}

/// What `mewz dev` told of a reload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told {
    /// When it said that the window was linked.
    pub(crate) linked: Instant,
    pub(crate) compiled: u64,
    pub(crate) functions: u64,
}

/// What a server said since it was to forget.
#[derive(Default)]
struct Heard {
    words: String,
    linked: Option<Instant>,
    told: Option<Told>,
}

/// A server that runs.
pub(crate) struct Running {
    child: Child,
    pub(crate) port: u16,
    pub(crate) path: &'static str,
    heard: Arc<Mutex<Heard>>,
}

impl Running {
    pub(crate) fn start(peer: &Peer, application: &Application) -> Result<Self, String> {
        (peer.install)()?;
        let port = free_port()?;
        let mut command = (peer.command)(application, port);
        // Its children end with it.
        command.process_group(0).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let spawned = command.spawn();
        let mut child =
            spawned.map_err(|problem| format!("cannot start {command:?}: {problem}"))?;
        let heard = Arc::new(Mutex::new(Heard::default()));
        for source in [
            child
                .stdout
                .take()
                .map(|pipe| Box::new(pipe) as Box<dyn Read + Send>),
            child
                .stderr
                .take()
                .map(|pipe| Box::new(pipe) as Box<dyn Read + Send>),
        ]
        .into_iter()
        .flatten()
        {
            let heard = Arc::clone(&heard);
            thread::spawn(move || listen(source, &heard));
        }
        Ok(Self {
            child,
            port,
            path: peer.path,
            heard,
        })
    }

    /// Forgets what was told of earlier reloads.
    pub(crate) fn forget(&self) {
        if let Ok(mut heard) = self.heard.lock() {
            *heard = Heard::default();
        }
    }

    /// What was told of the reload; its line may come after the first answer.
    pub(crate) fn reload(&self) -> Result<Told, String> {
        let end = Instant::now() + Duration::from_secs(10);
        while Instant::now() < end {
            let told = self.heard.lock().ok().and_then(|heard| heard.told);
            if let Some(told) = told {
                return Ok(told);
            }
            thread::sleep(Duration::from_millis(1));
        }
        Err(format!("nothing was told of a reload: {}", self.words()))
    }

    /// What it said.
    pub(crate) fn words(&self) -> String {
        let heard = self.heard.lock();
        heard.map(|heard| heard.words.clone()).unwrap_or_default()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(group) = Pid::from_raw(self.child.id().cast_signed()) {
            // One that has ended has no group.
            let _ = rustix::process::kill_process_group(group, Signal::TERM);
            thread::sleep(Duration::from_millis(500));
            let _ = rustix::process::kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

fn listen(source: Box<dyn Read + Send>, heard: &Mutex<Heard>) {
    for line in BufReader::new(source).lines().map_while(Result::ok) {
        let now = Instant::now();
        let Ok(mut heard) = heard.lock() else { return };
        let event: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
        if event["event"] == "phase" && event["phase"] == "link" {
            heard.linked = Some(now);
        }
        if event["event"] == "ready" {
            heard.told = heard.linked.map(|linked| Told {
                linked,
                compiled: event["functions_compiled"].as_u64().unwrap_or_default(),
                functions: event["functions"].as_u64().unwrap_or_default(),
            });
        }
        heard.words.push_str(&line);
        heard.words.push('\n');
    }
}

fn free_port() -> Result<u16, String> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|problem| format!("no port is free: {problem}"))
}
