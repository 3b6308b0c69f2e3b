//! Each template of `mewz new`, built with its own toolchain, run in a machine, and run again after a save.
//!
//! A toolchain that is not there leaves its template out, and the output says so.

mod client;
mod invoke;
mod toolchain;
mod tools;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command};

use client::Client;
use invoke::{Place, free_port, signal};
use serde_json::Value;
use toolchain::{Toolchain, left_out};

/// What each template says.
const GREETING: &str = "Hello from mewz";

/// What it says after a save; as long as the greeting, for the text format counts bytes.
const CHANGED: &str = "Hello from afar";

#[test]
fn wat_runs() {
    check_program("wat", "src/main.wat", "my-app", Arguments::Ignored);
}

#[test]
fn c_runs() {
    check_program("c", "src/main.c", "int", Arguments::Shown);
}

#[test]
fn cpp_runs() {
    check_program("cpp", "src/main.cpp", "my--app-", Arguments::Shown);
}

#[test]
fn rust_runs() {
    check_program("rust", "src/main.rs", "My-app2", Arguments::Shown);
}

#[test]
fn zig_runs() {
    check_program("zig", "src/main.zig", "error", Arguments::Ignored);
}

#[test]
fn go_runs() {
    check_program("go", "main.go", "internal", Arguments::Shown);
}

#[test]
fn assemblyscript_runs() {
    check_program(
        "assemblyscript",
        "src/main.ts",
        "node_modules",
        Arguments::Shown,
    );
}

#[test]
fn wat_http_serves() {
    check_server("wat-http", "src/main.wat", Bodies::Refused);
}

#[test]
fn c_http_serves() {
    check_server("c-http", "src/main.c", Bodies::Skipped);
}

#[test]
fn cpp_http_serves() {
    check_server("cpp-http", "src/main.cpp", Bodies::Skipped);
}

#[test]
fn rust_http_serves() {
    check_server("rust-http", "src/main.rs", Bodies::Skipped);
}

#[test]
fn zig_http_serves() {
    check_server("zig-http", "src/main.zig", Bodies::Skipped);
}

#[test]
fn go_http_serves() {
    check_server("go-http", "main.go", Bodies::Skipped);
}

#[test]
fn assemblyscript_http_serves() {
    check_server("assemblyscript-http", "src/main.ts", Bodies::Skipped);
}

/// Whether a program shows the arguments that it is given.
#[derive(PartialEq, Eq)]
enum Arguments {
    Shown,
    Ignored,
}

/// Whether a server takes requests that are not `GET`.
#[derive(PartialEq, Eq)]
enum Bodies {
    Skipped,
    Refused,
}

/// A project fresh from its template, and the toolchain that builds it.
struct Scaffold {
    place: Place,
    name: String,
    toolchain: Toolchain,
}

impl Scaffold {
    fn new(template: &str, name: &str) -> Option<Self> {
        let toolchain = Toolchain::find(template.trim_end_matches("-http"))?;
        let place = Place::new();
        place
            .run(&["new", name, "--template", template])
            .assert(0, &["Created `"]);
        toolchain.prepare(&place.path(name));
        Some(Self {
            place,
            name: name.to_owned(),
            toolchain,
        })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.place.command(arguments);
        command
            .envs(self.toolchain.environment.iter().cloned())
            // The program under test is built by cargo: its settings are not those of the template's cargo.
            .env_remove("CARGO_TARGET_DIR")
            .env_remove("RUSTFLAGS")
            .env("MEWZ_TIMEOUT", "600s");
        command
    }

    /// Starts `mewz dev`, with these arguments behind the project.
    fn develop(&self, arguments: &[&str]) -> Loop {
        let words = [&["dev", &self.name, "--json"], arguments].concat();
        let mut child = self.command(&words).spawn().unwrap();
        let mut stderr = child.stderr.take().unwrap();
        std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::stderr()));
        Loop {
            events: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    /// Saves `source` with another greeting.
    fn change(&self, source: &str) {
        let file = self.place.path(&self.name).join(source);
        let text = fs::read_to_string(&file).unwrap();
        assert_eq!(text.matches(GREETING).count(), 1, "{text}");
        fs::write(&file, text.replace(GREETING, CHANGED)).unwrap();
    }

    /// What a build leaves is named in the template's `.gitignore`, and no process goes on.
    fn assert_tidy(&self) {
        self.place.assert_clean();
        assert_only_ignored_files_came(&self.place.path(&self.name));
    }
}

/// `mewz dev --json`, under way.
struct Loop {
    child: Child,
    events: BufReader<ChildStdout>,
}

impl Loop {
    /// The next event of this name.
    fn next(&mut self, name: &str) -> Value {
        loop {
            let mut line = String::new();
            assert!(
                self.events.read_line(&mut line).unwrap() > 0,
                "no {name} came"
            );
            let event: Value = serde_json::from_str(&line).unwrap();
            assert!(name == "error" || event["event"] != "error", "{event}");
            if event["event"] == name {
                return event;
            }
        }
    }

    /// What the program printed until it ended, with status 0.
    fn printed(&mut self) -> String {
        let mut printed = String::new();
        loop {
            let mut line = String::new();
            assert!(
                self.events.read_line(&mut line).unwrap() > 0,
                "the loop ended"
            );
            let event: Value = serde_json::from_str(&line).unwrap();
            match event["event"].as_str().unwrap() {
                "log" if event["stream"] == "stdout" => {
                    printed += event["text"].as_str().unwrap();
                    printed.push('\n');
                }
                "exit" => {
                    assert_eq!(event["status"], 0, "{event}");
                    return printed;
                }
                "error" | "trap" => panic!("{event}"),
                _ => {}
            }
        }
    }

    fn stop(mut self) {
        signal("INT", self.child.id());
        assert_eq!(self.child.wait().unwrap().code(), Some(130));
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        // After a failure too nothing goes on.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a program with the arguments `a b` and nothing, then under the loop, where it is saved with another greeting.
fn check_program(template: &str, source: &str, name: &str, arguments: Arguments) {
    let Some(scaffold) = Scaffold::new(template, name) else {
        return;
    };
    let shown = match arguments {
        Arguments::Shown => "argument 1: a b\nargument 2: \n",
        Arguments::Ignored => "",
    };
    let mut command = scaffold.command(&["run", name, "--", "a b", ""]);
    let ended = invoke::Ended::new(command.output().unwrap());
    ended.assert(0, &[]);
    let printed = String::from_utf8(ended.stdout).unwrap();
    assert_eq!(printed, format!("{GREETING}\n{shown}"), "{template}");

    let mut dev = scaffold.develop(&["--", "a b", ""]);
    assert_eq!(dev.printed(), format!("{GREETING}\n{shown}"), "{template}");
    scaffold.change(source);
    assert_eq!(dev.printed(), format!("{CHANGED}\n{shown}"), "{template}");
    dev.stop();
    scaffold.assert_tidy();
}

/// Asks a server under the loop over connections that stay open, and again after a save.
fn check_server(template: &str, source: &str, bodies: Bodies) {
    let Some(scaffold) = Scaffold::new(template, "my-app") else {
        return;
    };
    let port = free_port();
    let pair = format!("{port}:8080");
    let mut dev = scaffold.develop(&["--publish", &pair]);
    dev.next("ready");
    let (mut one, mut other) = (Client::open(port), Client::open(port));
    let greets = |greeting: &str, method: &str| format!("{greeting}\nYou sent a {method}\n");
    let get = greets(GREETING, "GET");
    for _ in 0..3 {
        asks(&mut one, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 200, &get);
        let nothing = "There is nothing here\n";
        asks(
            &mut other,
            "GET /x HTTP/1.1\r\nHost: x\r\n\r\n",
            404,
            nothing,
        );
    }
    // A head in two pieces, while another is answered.
    one.send("GET / HTTP/1.1\r\nho");
    asks(&mut other, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 200, &get);
    asks(&mut one, "st: x\r\n\r\n", 200, &get);
    if bodies == Bodies::Skipped {
        let request = "POST / HTTP/1.1\r\nHost: x\r\ncontent-length: 5\r\n\r\n12345";
        asks(&mut one, request, 200, &greets(GREETING, "POST"));
        asks(&mut one, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 200, &get);
    }
    // What is no request ends its own connection and no other.
    one.send("nonsense\r\n\r\n");
    let refused = match bodies {
        Bodies::Skipped => "HTTP/1.1 400 ",
        Bodies::Refused => "HTTP/1.1 501 ",
    };
    let rest = one.rest();
    assert!(rest.starts_with(refused), "{template}: {rest}");
    asks(&mut other, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 200, &get);

    scaffold.change(source);
    dev.next("ready");
    let changed = greets(CHANGED, "GET");
    asks(
        &mut Client::open(port),
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        200,
        &changed,
    );
    dev.stop();
    scaffold.assert_tidy();
}

/// Asks, and compares what is answered: plain text.
#[track_caller]
fn asks(client: &mut Client, request: &str, status: u16, body: &str) {
    let answer = client.ask(request);
    answer.assert(status, body);
    let kind = answer.header("content-type").unwrap();
    assert!(kind.starts_with("text/plain"), "{kind}");
}

fn assert_only_ignored_files_came(project: &Path) {
    let git = |arguments: &[&str]| {
        Command::new("git")
            .args(arguments)
            .current_dir(project)
            .output()
    };
    if git(&["init", "--quiet"]).is_err() {
        return left_out("what a build leaves", "no `git`");
    }
    let output = git(&["status", "--porcelain", "--untracked-files=all"]).unwrap();
    assert!(output.status.success(), "{output:?}");
    let untracked = String::from_utf8(output.stdout).unwrap();
    assert!(untracked.contains("mewz.toml"), "{untracked}");
    let mut paths = untracked.lines().map(|line| &line[3..]);
    let given = |path: &str| {
        path.starts_with("src/")
            || [
                ".gitignore",
                "Cargo.lock",
                "Cargo.toml",
                "README.md",
                "asconfig.json",
                "go.mod",
                "main.go",
                "mewz.toml",
                "package.json",
            ]
            .contains(&path)
    };
    let foreign = paths.find(|path| !given(path));
    assert_eq!(foreign, None, "{}", project.display());
}
