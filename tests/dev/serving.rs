//! Ports: requests while programs come and fail, datagrams, and pages that load themselves again.

use std::fs;
use std::io::{BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use crate::client::{self, connect};
use crate::invoke::{PATIENCE, Place, free_port, program, wait_for};
use crate::session::Loop;
use crate::tools::build_c;

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
        // It sleeps before anyone could wait for it.
        let silent = fs::read_to_string(program("doze.wat")).unwrap();
        let silent = silent.replace("3000000000", "600000000000");
        let silent = wat::parse_str(silent).unwrap();
        fs::write(folder.path().join("silent.wasm"), silent).unwrap();
        folder
    });
    folder.path()
}

/// A server's project: `version` names what is built.
pub(crate) fn server_project(more: &str) -> (Place, u16) {
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

/// Asks for `path` on a connection of its own.
pub(crate) fn ask(port: u16, path: &str) -> (u16, String) {
    client::ask(&mut connect(port).unwrap(), path).unwrap()
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
                let mut stream = connect(port).unwrap();
                let mut answers: Vec<String> = Vec::new();
                let mut slowest = Duration::ZERO;
                while !stop.load(Ordering::Relaxed) {
                    let since = Instant::now();
                    let path = if keeps { "/" } else { "/close" };
                    let (status, body) = client::ask(&mut stream, path).unwrap();
                    assert_eq!(status, 200, "{body}");
                    slowest = slowest.max(since.elapsed());
                    asked.fetch_add(1, Ordering::Relaxed);
                    if answers.last() != Some(&body) {
                        answers.push(body);
                    }
                    if !keeps {
                        stream = connect(port).unwrap();
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
                // Each of the clients asks it too.
                let told = |at: usize| asked[at].load(Ordering::Relaxed);
                let since = [told(0), told(1)];
                wait_for("the clients' next requests", || {
                    let has_asked = |at: usize| told(at) > since[at] + 1;
                    (has_asked(0) && has_asked(1)).then_some(())
                });
            }
        }
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
        // All but the first one, and the one that traps where that is told of as ready.
        let expected = if reload == "park" { 3..=4 } else { 0..=0 };
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
    let mut early = connect(port).unwrap();
    dev.place.write("version", "one");
    dev.next("ready");
    assert_eq!(
        client::ask(&mut early, "/").unwrap(),
        (200, "one".to_owned())
    );
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

#[test]
fn datagrams_go_to_the_newest_program_and_answers_find_their_clients() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["one", "two"] {
        let wasm = folder.path().join(format!("{name}.wasm"));
        build_c(
            "dev/datagrams.c",
            &["-O1", &format!("-DANSWER=\"{name} \"")],
            &wasm,
        );
    }
    let place = Place::new();
    let command = format!(
        "cp {}/$(cat version).wasm out.wasm",
        folder.path().display()
    );
    place.write(
        "mewz.toml",
        format!(
            "mewz = 1\n[build]\ncommand = \"{command}\"\nwasm = \"out.wasm\"\n[run]\nports = [\"auto:5353/udp\"]\nnet = true\n"
        ),
    );
    place.write("version", "one");
    let mut dev = Loop::start(place, &[]);
    dev.next("ready");
    let status = dev.ask("status");
    let port = status["ports"][0]["host"].as_u64().unwrap();
    assert_eq!(status["ports"][0]["udp"], true);
    let port = u16::try_from(port).unwrap();
    let clients = [(); 2].map(|()| {
        let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        client.connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client
    });
    let answers = |program: &str| {
        for (at, client) in clients.iter().enumerate() {
            client.send(format!("client {at}").as_bytes()).unwrap();
        }
        for (at, client) in clients.iter().enumerate() {
            let mut answer = [0; 64];
            let len = client.recv(&mut answer).unwrap();
            let expected = format!("{program} client {at}");
            assert_eq!(String::from_utf8_lossy(&answer[..len]), expected);
        }
    };
    answers("one");
    dev.place.write("version", "two");
    dev.next("ready");
    answers("two");
    assert_eq!(dev.stop("INT"), Some(130));
}

/// What comes on `stream` up to `end`.
fn until(stream: &mut BufReader<TcpStream>, end: &str) -> String {
    let mut text = String::new();
    while !text.ends_with(end) {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap_or_else(|problem| {
            panic!("{problem} before {end:?} in {text:?}");
        });
        text.push(char::from(byte[0]));
    }
    text
}

#[test]
fn pages_load_themselves_again_where_that_is_asked_for() {
    let (place, port) = server_project("");
    place.write("version", "one");
    let mut dev = Loop::start(place, &["--live-reload"]);
    dev.next("ready");
    let mut stream = BufReader::new(connect(port).unwrap());
    let browse = |stream: &mut BufReader<TcpStream>, path: &str| {
        let words = "Host: x\r\nAccept: text/html\r\nAccept-Encoding: gzip\r\n\r\n";
        write!(stream.get_mut(), "GET {path} HTTP/1.1\r\n{words}").unwrap();
    };
    // Twice on one connection: lengths are right.
    let mut script = String::new();
    for _ in 0..2 {
        browse(&mut stream, "/page");
        let page = until(&mut stream, "</script>\n");
        script = page.split('"').nth(1).unwrap().to_owned();
        let (head, body) = page.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains(&format!("Content-Length: {}", body.len())),
            "{page}"
        );
        assert!(body.starts_with("<p>one<script src="), "{page}");
    }
    browse(&mut stream, "/chunked");
    let page = until(&mut stream, "0\r\n\r\n");
    assert!(page.contains("<script src="), "{page}");
    // What is no page stays as it is.
    browse(&mut stream, "/");
    assert!(until(&mut stream, "one").ends_with("Length: 3\r\n\r\none"));
    // The script, and the news that it hears.
    let (status, body) = ask(port, &script);
    assert!(status == 200 && body.contains("EventSource"), "{body}");
    let own = script.split('?').nth(1).unwrap();
    let mut news = BufReader::new(connect(port).unwrap());
    browse(&mut news, "/.mewz/live");
    let first = until(&mut news, &format!("data: {own}\n\n"));
    assert!(first.contains("text/event-stream"), "{first}");
    dev.place.write("version", "two");
    dev.next("ready");
    let next = until(&mut news, "\n\n");
    assert!(next.starts_with("data: ") && !next.contains(own), "{next}");
    // Who asks for no page gets none of this; a client that does not ask for it either.
    assert_eq!(ask(port, "/page"), (200, "<p>two".to_owned()));
    assert_eq!(dev.stop("INT"), Some(130));
}
