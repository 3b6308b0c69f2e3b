//! `mewz dev`: what is saved runs, and nothing that is no save does anything.

mod invoke;
mod tools;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Child;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use invoke::{PATIENCE, Place, free_port, signal, wait_for};
use serde_json::Value;
use tools::build_c;

/// Nothing more comes when nothing has come for so long; a build of these tests takes some milliseconds.
const SILENCE: Duration = Duration::from_millis(700);

/// A program that prints a line and ends.
fn printing(text: &str) -> String {
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
struct Loop {
    place: Place,
    child: Child,
    events: Receiver<Value>,
    /// All that has come.
    seen: Vec<Value>,
}

impl Loop {
    /// Starts `mewz dev --json` in `place`.
    fn start(place: Place, arguments: &[&str]) -> Self {
        let mut whole = vec!["dev", "--json"];
        whole.extend(arguments);
        let mut child = place.command(&whole).spawn().unwrap();
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
    fn next(&mut self, name: &str) -> Value {
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
    fn next_line(&mut self) -> String {
        loop {
            let log = self.next("log");
            if log["stream"] == "stdout" {
                return log["text"].as_str().unwrap().to_owned();
            }
        }
    }

    /// All that comes until nothing more does.
    fn rest(&mut self) -> Vec<Value> {
        let mut rest = Vec::new();
        loop {
            match self.events.recv_timeout(SILENCE) {
                Ok(event) => rest.push(event),
                Err(RecvTimeoutError::Timeout) => return rest,
                Err(RecvTimeoutError::Disconnected) => panic!("the loop has ended: {rest:?}"),
            }
        }
    }

    fn assert_silent(&mut self, after: &str) {
        let rest = self.rest();
        assert!(rest.is_empty(), "after {after}: {rest:#?}");
    }

    /// Ends the loop by a signal, and looks for what it leaves.
    fn stop(mut self, name: &str) -> Option<i32> {
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
fn project(more: &str) -> Place {
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
fn builds(place: &Place) -> usize {
    fs::read_to_string(place.path("built"))
        .unwrap()
        .lines()
        .count()
}

#[test]
fn a_program_runs_again_at_every_save_and_at_nothing_else() {
    let place = project("");
    let source = place.write("source.wat", printing("one"));
    let mut dev = Loop::start(place, &[]);
    assert_eq!(dev.next_line(), "one");
    assert_eq!(dev.next("exit")["status"], 0);
    dev.assert_silent("the first run");

    // Nothing of this is another content.
    fs::write(&source, printing("one")).unwrap();
    let opened = fs::File::options().write(true).open(&source).unwrap();
    opened.set_modified(std::time::SystemTime::now()).unwrap();
    fs::set_permissions(&source, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    dev.place.write(".source.wat.swp", "swap");
    dev.place.write("built", "x\n");
    dev.assert_silent("saves that change nothing");
    assert_eq!(builds(&dev.place), 1);

    // A save in place, one by renaming, and one as Vim does it.
    fs::write(&source, printing("two")).unwrap();
    assert_eq!(
        dev.next("change")["files"],
        serde_json::json!(["source.wat"])
    );
    assert_eq!(dev.next_line(), "two");
    dev.next("exit");
    let new = dev.place.write("source.wat.new", printing("three"));
    fs::rename(&new, &source).unwrap();
    assert_eq!(dev.next_line(), "three");
    dev.next("exit");
    fs::write(dev.place.path("4913"), "").unwrap();
    fs::remove_file(dev.place.path("4913")).unwrap();
    fs::rename(&source, dev.place.path("source.wat~")).unwrap();
    fs::write(&source, printing("four")).unwrap();
    fs::remove_file(dev.place.path("source.wat~")).unwrap();
    assert_eq!(dev.next_line(), "four");
    dev.next("exit");
    dev.assert_silent("the saves");

    // A build that fails does not end the loop, and the next save mends it.
    fs::write(&source, "(module (func $x").unwrap();
    let error = dev.next("error");
    let text = error["text"].as_str().unwrap();
    assert!(text.contains("made.wat"), "{text}");
    fs::write(&source, printing("five")).unwrap();
    assert_eq!(dev.next_line(), "five");
    dev.next("exit");
    // So does a trap.
    fs::write(
        &source,
        "(module (func $f unreachable) (func (export \"_start\") (call $f)))",
    )
    .unwrap();
    let trap = dev.next("trap");
    let text = trap["text"].as_str().unwrap();
    assert!(
        text.contains("trap: unreachable") && text.contains("`f`"),
        "{text}"
    );
    fs::write(&source, printing("six")).unwrap();
    assert_eq!(dev.next_line(), "six");
    assert_eq!(dev.next("exit")["status"], 0);
    assert_eq!(dev.stop("INT"), Some(130));
}

#[test]
fn of_many_saves_the_last_one_runs() {
    let place = project("");
    let source = place.write("source.wat", printing("first"));
    let mut dev = Loop::start(place, &[]);
    dev.next("exit");
    for save in 0..20 {
        fs::write(&source, printing(&format!("save {save}"))).unwrap();
        thread::sleep(Duration::from_millis(50));
    }
    while dev.next_line() != "save 19" {}
    dev.next("exit");
    dev.assert_silent("the last save");
    assert_eq!(dev.stop("TERM"), Some(143));
}

#[test]
fn a_file_that_every_build_makes_ends_no_build_for_ever() {
    let place = project("");
    let command = "command = \"date +%N > generated; cat source.wat > made.wat\"";
    place.write(
        "mewz.toml",
        format!("mewz = 1\n[build]\n{command}\nwasm = \"made.wat\"\n"),
    );
    let source = place.write("source.wat", printing("one"));
    let mut dev = Loop::start(place, &[]);
    let warning = dev.next("warning");
    let text = warning["text"].as_str().unwrap();
    assert!(
        text.contains("`generated` changes at every build"),
        "{text}"
    );
    dev.rest();
    fs::write(&source, printing("two")).unwrap();
    while dev.next_line() != "two" {}
    assert_eq!(dev.stop("INT"), Some(130));
}

#[test]
fn a_module_that_something_else_makes_is_followed() {
    let place = Place::new();
    place.write("app.wat", printing("one"));
    let mut dev = Loop::start(place, &["app.wat"]);
    assert_eq!(dev.next_line(), "one");
    dev.next("exit");
    dev.place.write("other.wat", printing("other"));
    dev.assert_silent("a file beside it");
    dev.place.write("app.wat", printing("two"));
    assert_eq!(dev.next_line(), "two");
    dev.next("exit");
    assert_eq!(dev.stop("INT"), Some(130));
}

#[test]
fn the_project_file_is_taken_over_by_its_meaning() {
    let place = project("");
    place.write(
        "source.wat",
        fs::read_to_string(invoke::program("arguments.wat")).unwrap(),
    );
    let text = fs::read_to_string(place.path("mewz.toml")).unwrap();
    let mut dev = Loop::start(place, &[]);
    dev.next("exit");
    dev.rest();
    dev.place.write("mewz.toml", format!("# a comment\n{text}"));
    dev.assert_silent("a comment");
    assert_eq!(builds(&dev.place), 1);
    dev.place
        .write("mewz.toml", format!("{text}[run]\nargs = [\"--new\"]\n"));
    dev.next("exit");
    let lines: Vec<&Value> = dev
        .seen
        .iter()
        .filter(|event| event["stream"] == "stdout")
        .collect();
    assert!(format!("{lines:?}").contains("--new"), "{lines:?}");
    dev.place
        .write("mewz.toml", format!("{text}[run]\nargz = []\n"));
    let error = dev.next("error");
    assert!(error["text"].as_str().unwrap().contains("args"), "{error}");
    fs::remove_file(dev.place.path("mewz.toml")).unwrap();
    let warning = dev.next("warning");
    assert!(
        warning["text"].as_str().unwrap().contains("is gone"),
        "{warning}"
    );
    dev.place.write("source.wat", printing("still here"));
    while dev.next_line() != "still here" {}
    assert_eq!(dev.stop("INT"), Some(130));
}

#[test]
fn once_ends_with_the_status_of_the_program() {
    let place = Place::new();
    let status = fs::read_to_string(invoke::program("status.wat")).unwrap();
    place.write("status.wat", status);
    let ended = place.run(&["dev", "--once", "status.wat", "--", "7"]);
    let run = place.run(&["run", "status.wat", "--", "7"]);
    assert_eq!(ended.status, run.status, "{ended:?}");
    assert_ne!(ended.status, 0);
    assert!(!ended.stderr.contains('\x1b'), "{}", ended.stderr);
    place.write("bad.wat", "(module");
    place
        .run(&["dev", "--once", "bad.wat"])
        .assert(1, &["bad.wat"]);
    place.assert_clean();
}

#[test]
fn a_second_loop_in_a_folder_is_refused_and_a_killed_one_leaves_nothing() {
    let place = project("");
    place.write(
        "source.wat",
        fs::read_to_string(invoke::program("doze.wat")).unwrap(),
    );
    let mut dev = Loop::start(place, &[]);
    assert_eq!(dev.next_line(), "asleep");
    let id = dev.child.id();
    dev.place
        .run(&["dev"])
        .assert(2, &["runs in", &format!("process {id}")]);
    // The control socket answers meanwhile.
    let ask = |dev: &Loop, what: &str| {
        let mut stream = UnixStream::connect(dev.place.path(".mewz/dev.sock")).unwrap();
        writeln!(stream, "{what}").unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        serde_json::from_str::<Value>(&line).unwrap()
    };
    let status = ask(&dev, "status");
    assert_eq!(
        (&status["serving"], &status["paused"]),
        (&1.into(), &false.into())
    );
    assert_eq!(ask(&dev, "pause")["paused"], true);
    dev.place.write("source.wat", printing("after the pause"));
    dev.assert_silent("a save while it pauses");
    ask(&dev, "resume");
    assert_eq!(dev.next_line(), "after the pause");
    assert!(ask(&dev, "logs").to_string().contains("after the pause"));
    assert!(
        ask(&dev, "dance")["error"]
            .as_str()
            .unwrap()
            .contains("reload")
    );
    assert_eq!(dev.stop("KILL"), None);
}

/// The same server with two answers, and one that traps at its start.
fn servers() -> &'static Path {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        for (name, flag) in [
            ("one", "-DANSWER=\"one\""),
            ("two", "-DANSWER=\"two\""),
            ("three", "-DANSWER=\"three\""),
            ("trap", "-DTRAPS"),
        ] {
            let wasm = folder.path().join(format!("{name}.wasm"));
            build_c("dev/server.c", &["-O1", flag], &wasm);
        }
        folder
    });
    folder.path()
}

/// A server's project: `version` names what is built.
fn server_project(more: &str) -> (Place, u16) {
    let port = free_port();
    let place = Place::new();
    let command = format!(
        "command = \"cp {}/$(cat version).wasm out.wasm\"",
        servers().display()
    );
    let ports = format!("[run]\nports = [\"{port}:8080\"]\nlisten = [8080]\n{more}");
    place.write(
        "mewz.toml",
        format!("mewz = 1\n[build]\n{command}\nwasm = \"out.wasm\"\n{ports}"),
    );
    (place, port)
}

/// Asks for `path` on `stream`; the status and the body.
fn ask_on(stream: &mut TcpStream, path: &str) -> std::io::Result<(u16, String)> {
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")?;
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    let lower = head.to_lowercase();
    let number = |text: &str| text.split_whitespace().next()?.parse::<u16>().ok();
    let status = lower.strip_prefix("http/1.1 ").and_then(number).unwrap();
    let length = lower.split("content-length: ").nth(1).and_then(number);
    let mut body = vec![0; length.unwrap().into()];
    reader.read_exact(&mut body)?;
    Ok((status, String::from_utf8(body).unwrap()))
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Asks for `path` on a connection of its own.
fn ask(port: u16, path: &str) -> (u16, String) {
    ask_on(&mut connect(port), path).unwrap()
}

#[test]
fn requests_go_on_while_programs_come_and_fail() {
    for reload in ["park", "reboot"] {
        let (place, port) = server_project("");
        place.write("version", "one");
        let mut dev = Loop::start(place, &["--reload", reload]);
        dev.next("ready");
        let stop = Arc::new(AtomicBool::new(false));
        // One that keeps its connection, and one that makes a new one for each request.
        let asked = [(); 2].map(|()| Arc::new(AtomicUsize::new(0)));
        let clients = [true, false].map(|keeps| {
            let stop = Arc::clone(&stop);
            let asked = Arc::clone(&asked[usize::from(!keeps)]);
            thread::spawn(move || {
                let mut stream = connect(port);
                let mut answers: Vec<String> = Vec::new();
                let mut slowest = Duration::ZERO;
                while !stop.load(Ordering::Relaxed) {
                    let since = Instant::now();
                    let path = if keeps { "/" } else { "/close" };
                    let (status, body) = ask_on(&mut stream, path).unwrap();
                    assert_eq!(status, 200, "{body}");
                    slowest = slowest.max(since.elapsed());
                    asked.fetch_add(1, Ordering::Relaxed);
                    if answers.last() != Some(&body) {
                        answers.push(body);
                    }
                    if !keeps {
                        stream = connect(port);
                    }
                }
                (answers, slowest)
            })
        });
        for (version, event) in [
            ("two", "ready"),
            ("nothing", "error"),
            ("trap", "trap"),
            ("three", "ready"),
            ("one", "ready"),
        ] {
            dev.place.write("version", version);
            dev.next(event);
            if event == "ready" {
                assert_eq!(ask(port, "/"), (200, version.to_owned()), "{reload}");
            }
        }
        // Each of them has asked the last one too.
        let told = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        let since = [told(&asked[0]), told(&asked[1])];
        wait_for("the clients' next requests", || {
            let has_asked = |at: usize| told(&asked[at]) > since[at] + 1;
            (has_asked(0) && has_asked(1)).then_some(())
        });
        stop.store(true, Ordering::Relaxed);
        for client in clients {
            let (answers, slowest) = client.join().unwrap();
            assert_eq!(answers, ["one", "two", "three", "one"], "{reload}");
            assert!(slowest < Duration::from_secs(10), "{reload}: {slowest:?}");
        }
        let swaps = dev
            .seen
            .iter()
            .filter(|event| event["start"] == "swap")
            .count();
        // The first one is booted, the one after a trap may be.
        let expected = if reload == "park" { 2..=3 } else { 0..=0 };
        assert!(expected.contains(&swaps), "{reload}: {swaps} swaps");
        assert_eq!(dev.stop("INT"), Some(130));
    }
}

#[test]
fn without_a_program_requests_are_told_why() {
    let (place, port) = server_project("");
    place.write("version", "nothing");
    let mut dev = Loop::start(place, &["--instances", "2"]);
    dev.next("error");
    let (status, body) = ask(port, "/");
    assert_eq!(status, 503);
    assert!(
        body.contains("the build failed") && body.contains("nothing.wasm"),
        "{body}"
    );
    // A connection that says nothing is held, and served when there is a program.
    let mut early = connect(port);
    dev.place.write("version", "one");
    dev.next("ready");
    assert_eq!(ask_on(&mut early, "/").unwrap(), (200, "one".to_owned()));
    assert_eq!(ask(port, "/"), (200, "one".to_owned()));
    // Both machines trap; who asked is told so too.
    assert_eq!(ask(port, "/trap").0, 503);
    dev.next("trap");
    wait_for("the page of the trap", || {
        let (status, body) = ask(port, "/");
        (status == 503 && body.contains("trap: unreachable")).then_some(())
    });
    assert_eq!(dev.stop("HUP"), Some(129));
}

#[test]
fn a_port_in_use_is_told_with_its_holder_and_a_free_one() {
    let (place, port) = server_project("");
    place.write("version", "one");
    let _taken = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    let id = std::process::id();
    place.run(&["dev"]).assert(
        2,
        &[
            &format!("port {port}"),
            &format!("(process {id}) uses it"),
            "is free",
        ],
    );
    place.assert_clean();
}
