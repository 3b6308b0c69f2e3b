//! The network: programs that are reached through forwarded ports, and that reach others.

mod invoke;
mod tools;

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use invoke::{Place, free_port};
use rustix::process::Resource;
use tools::build_c;

/// The machine's connections need a deep stack.
const FLAGS: &[&str] = &["-O1", "-Wl,-z,stack-size=1048576"];

/// How long something that takes milliseconds may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that runs, and the port that leads to it.
struct Server {
    place: Place,
    child: std::process::Child,
    port: u16,
}

impl Server {
    /// Starts `tests/network/echo.c`.
    fn start() -> Self {
        Self::of("network/echo.c", &[])
    }

    /// Starts a server that listens at descriptor 3, with further options of `mewz run`.
    fn of(source: &str, options: &[&str]) -> Self {
        let place = Place::new();
        build_c(source, FLAGS, &place.path("server.wasm"));
        let port = free_port();
        let pair = format!("{port}:8080");
        let arguments = ["run", "-p", &pair, "--listen", "8080"];
        let arguments = [&arguments, options, &["server.wasm"]].concat();
        let (child, _) = place.start_until(&arguments, "listening");
        Self { place, child, port }
    }

    /// Sends a request on a connection of its own; returns all of the answer.
    fn request(&self, request: &str) -> String {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Lets the server end, and checks that it ends well and leaves nothing.
    fn stop(self) {
        self.connect().write_all(b"stop").unwrap();
        self.wait();
    }

    /// Checks that the server ends well and leaves nothing.
    fn wait(mut self) {
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        self.place.assert_clean();
    }
}

/// Bytes that tell where they belong.
fn content(len: usize, seed: usize) -> Vec<u8> {
    (0..len)
        .map(|at| (at * 31 + at / 251 + seed) as u8)
        .collect()
}

/// Sends `sent`, and reads the echo meanwhile.
fn echo(mut stream: TcpStream, sent: Vec<u8>) -> Vec<u8> {
    let mut writer = stream.try_clone().unwrap();
    let writing = thread::spawn(move || {
        writer.write_all(&sent).unwrap();
        writer.shutdown(Shutdown::Write).unwrap();
    });
    let mut echoed = Vec::new();
    stream.read_to_end(&mut echoed).unwrap();
    writing.join().unwrap();
    echoed
}

#[test]
fn large_and_small_messages_come_back_whole() {
    let server = Server::start();
    for len in [1, 40 << 10, 200 << 10, 2 << 20] {
        let sent = content(len, len);
        assert!(echo(server.connect(), sent.clone()) == sent, "{len} bytes");
    }
    server.stop();
}

#[test]
fn a_slow_reader_gets_what_is_its_own() {
    let server = Server::start();
    let mut slow = server.connect();
    let sent = content(60_000, 5);
    slow.write_all(&sent).unwrap();
    // Many others come and go while nobody reads here.
    for round in 0..150 {
        let sent = content(500, round);
        assert_eq!(echo(server.connect(), sent.clone()), sent);
    }
    let mut echoed = vec![0; sent.len()];
    slow.read_exact(&mut echoed).unwrap();
    assert!(echoed == sent, "the slow reader got something else");
    server.stop();
}

#[test]
fn a_thousand_connections_at_once_are_served() {
    raise_open_files();
    let server = Server::of("../benches/network/server.c", &[]);
    let mut streams: Vec<_> = (0..1000).map(|_| server.connect()).collect();
    for (at, stream) in streams.iter_mut().enumerate() {
        let bytes = at + 1;
        write!(stream, "GET /bytes/{bytes} HTTP/1.1\r\n\r\n").unwrap();
    }
    for (at, stream) in streams.iter_mut().enumerate() {
        let bytes = at + 1;
        let mut expected = format!("HTTP/1.1 200 OK\r\nContent-Length: {bytes}\r\n\r\n");
        expected.extend(std::iter::repeat_n('x', bytes));
        let mut answer = vec![0; expected.len()];
        stream.read_exact(&mut answer).unwrap();
        assert!(answer == expected.as_bytes(), "connection {at}");
    }
    drop(streams);
    server.request("GET /stop HTTP/1.1\r\n\r\n");
    server.wait();
}

#[test]
fn connections_leave_the_memory_as_it_was() {
    let used = [100, 1100].map(|connections| {
        let mut server = Server::of("../benches/network/server.c", &["--log", "debug"]);
        for _ in 0..connections {
            let answer = server.request("GET / HTTP/1.1\r\nConnection: close\r\n\r\n");
            assert!(answer.ends_with("hello, world\n"), "{answer}");
        }
        server.request("GET /stop HTTP/1.1\r\n\r\n");
        let mut words = String::new();
        let mut stderr = server.child.stderr.take().unwrap();
        stderr.read_to_string(&mut words).unwrap();
        server.wait();
        let used = words
            .split(", and ")
            .nth(1)
            .and_then(|rest| rest.split(' ').next());
        let used: i64 = used.and_then(|used| used.parse().ok()).expect(&words);
        used
    });
    let [few, many] = used;
    // The last connection may still have its buffers, or not; less than 200 bytes a connection may stay.
    assert!(
        (few - many).abs() < 192,
        "{few} KiB after 100 connections, {many} KiB after 1100"
    );
}

#[test]
fn programs_reach_others_where_they_may() {
    let place = Place::new();
    build_c("network/client.c", FLAGS, &place.path("client.wasm"));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let datagrams = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let ports = [
        listener.local_addr().unwrap().port(),
        free_port(),
        datagrams.local_addr().unwrap().port(),
    ];
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut came = Vec::new();
        stream.read_to_end(&mut came).unwrap();
        stream.write_all(&[b"-", &came[..]].concat()).unwrap();
    });
    thread::spawn(move || {
        let mut room = [0; 64];
        let (count, from) = datagrams.recv_from(&mut room).unwrap();
        let answer = [b"-", &room[..count]].concat();
        datagrams.send_to(&answer, from).unwrap();
    });
    let ports = ports.map(|port| port.to_string());
    let [answers, nobody, datagrams] = &ports;
    let ended = place.run(&[
        "run",
        "--net",
        "client.wasm",
        "--",
        answers,
        nobody,
        datagrams,
    ]);
    let stdout = String::from_utf8(ended.stdout).unwrap();
    let expected = "\
send before connecting: 53
connect: 0
connect again: 30
peer: 0 version 4, 10.0.2.2, that port
local: 0 10.0.2.15, a port
send: 0 5
shutdown: 0
send after it: 64
receive: 0 -hello
receive at the end: 0 0
refused: 14
timeout: 0
send to: 0
receive from: 0 -hello from 10.0.2.2
receive nothing: 6
bind: 0
listen: 0
accepts: 0 1
listen at the same port: 3
no socket: 57
no descriptor: 8
";
    assert_eq!(
        (&stdout[..], ended.status),
        (expected, 0),
        "{}",
        ended.stderr
    );
    place.assert_clean();
}

#[test]
fn programs_that_may_only_be_reached_reach_nobody() {
    let place = Place::new();
    build_c("network/client.c", FLAGS, &place.path("client.wasm"));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let pair = format!("{}:80", free_port());
    let arguments = [
        "run",
        "-p",
        &pair,
        "--timeout",
        "4s",
        "client.wasm",
        "--",
        &port,
        "1",
        "2",
    ];
    let ended = place.run(&arguments);
    assert_ne!(ended.status, 0);
    let stdout = String::from_utf8(ended.stdout).unwrap();
    assert!(!stdout.contains("connect: 0"), "{stdout}");
    assert!(listener.accept().is_err(), "the host was reached");
    place.assert_clean();
}

#[test]
fn ports_that_are_taken_are_told_before_anything_starts() {
    let place = Place::new();
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    place.write("x.wat", "(module (func (export \"_start\")))");
    place
        .run(&["run", "-p", &format!("{port}:80"), "x.wat"])
        .assert(
            2,
            &[
                &format!("port {port}"),
                &format!("(process {}) uses it", std::process::id()),
                "auto",
            ],
        );
    let twice = free_port();
    place
        .run(&[
            "run",
            "-p",
            &format!("{twice}:80"),
            "-p",
            &format!("{twice}:81"),
            "x.wat",
        ])
        .assert(2, &["twice"]);
    place.assert_clean();
}

#[test]
fn a_free_port_is_chosen_and_told() {
    let place = Place::new();
    build_c("network/echo.c", FLAGS, &place.path("echo.wasm"));
    let arguments = ["run", "-p", "auto:8080", "--listen", "8080", "echo.wasm"];
    let (mut child, _) = place.start_until(&arguments, "listening");
    let mut words = String::new();
    let mut stderr = child.stderr.take().unwrap();
    let end = Instant::now() + PATIENCE;
    while !words.contains('\n') {
        assert!(Instant::now() < end, "nothing is told: {words}");
        let mut byte = [0];
        stderr.read_exact(&mut byte).unwrap();
        words.push(char::from(byte[0]));
    }
    let port = words
        .split("127.0.0.1:")
        .nth(1)
        .and_then(|rest| rest.split(' ').next());
    let port: u16 = port.and_then(|port| port.parse().ok()).expect(&words);
    let server = Server { place, child, port };
    assert_eq!(echo(server.connect(), b"hello".to_vec()), b"hello");
    server.stop();
}

/// Lets this process have a file open for each of many connections.
fn raise_open_files() {
    let mut limit = rustix::process::getrlimit(Resource::Nofile);
    limit.current = limit.maximum.map_or(Some(4096), Some);
    rustix::process::setrlimit(Resource::Nofile, limit).unwrap();
}

#[test]
fn sockets_run_out_and_the_program_goes_on() {
    let place = Place::new();
    build_c("network/exhaust.c", FLAGS, &place.path("exhaust.wasm"));
    let arguments = [
        "run",
        "--net",
        "--tmp",
        "/t",
        "--memory",
        "16MiB",
        "exhaust.wasm",
    ];
    let ended = place.run(&arguments);
    assert_eq!(ended.status, 0, "{ended:?}");
    let text = String::from_utf8(ended.stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    // Both rounds alike: what the first used is there again.
    let [rounds @ .., files, last] = &lines[..] else {
        panic!("{text}");
    };
    assert_eq!(rounds.len(), 6, "{text}");
    assert_eq!(rounds[..3], rounds[3..], "{text}");
    // NOBUFS for what has buffers, MFILE for what has none.
    let ends = ["then errno 42", "then errno 42", "then errno 33"];
    for (line, end) in rounds.iter().zip(ends) {
        assert!(line.ends_with(end) && !line.contains(": 0,"), "{text}");
    }
    assert_eq!((*files, *last), ("files: 4092", "went on"));
}
