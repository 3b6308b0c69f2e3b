//! HTTP servers as people build them, from registries: they keep connections alive, serve several at once, and take and
//! give large bodies.
//!
//! `scripts/test-tools` has their toolchains, and builds them.

mod invoke;
mod tools;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::thread;

use invoke::{PATIENCE, Place, free_port};
use tools::tool;

/// Bytes of a body that no buffer holds at once.
const LARGE: usize = 300_000;

/// How the listener comes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listener {
    /// It is there when the program starts.
    Given,
    /// The program opens it.
    Own,
}

#[test]
fn rust_with_its_standard_library_serves() {
    check("rust_std", Listener::Given);
}

#[test]
fn rust_with_tokio_and_hyper_serves() {
    check("rust_hyper", Listener::Given);
}

#[test]
fn rust_with_sockets_of_wasmedge_serves() {
    check("rust_wasmedge", Listener::Own);
}

#[test]
fn go_with_its_standard_library_serves() {
    check("go", Listener::Given);
}

fn check(name: &str, listener: Listener) {
    let program = tool(&format!("servers/{name}.wasm"));
    let place = Place::new();
    let port = free_port();
    let pair = format!("{port}:8080");
    let mut arguments = vec!["run", "--opt", "1", "-p", &pair];
    if listener == Listener::Given {
        arguments.extend(["--listen", "8080"]);
    }
    let program = program.to_str().unwrap();
    arguments.extend(["-m", "256M", program]);
    let (mut child, _output) = place.start_until(&arguments, "listening");
    // One connection for all of these.
    let mut client = Client::connect(port);
    for number in 0..50 {
        let (status, body) = client.ask("GET", &format!("/number-{number}"), b"");
        assert_eq!(
            (status, &body[..]),
            (200, format!("hello number-{number}\n").as_bytes())
        );
    }
    // Others beside it, which give and take much.
    let others: Vec<_> = (0..6)
        .map(|number| thread::spawn(move || exchange(port, number)))
        .collect();
    for other in others {
        other.join().unwrap();
    }
    let (status, body) = client.ask("GET", "/still", b"");
    assert_eq!((status, &body[..]), (200, &b"hello still\n"[..]));
    // Someone who leaves in the middle.
    let mut half = Client::connect(port);
    half.send("GET", "/bytes/3000000", b"");
    half.stream.read_exact(&mut [0; 100]).unwrap();
    drop(half);
    client.send("GET", "/stop", b"");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    place.assert_clean();
}

fn exchange(port: u16, number: usize) {
    let mut client = Client::connect(port);
    for round in 0..3 {
        let sent = content(LARGE + number * 100 + round);
        let (status, body) = client.ask("POST", "/hash", &sent);
        let receipt = format!("{} {:016x}\n", sent.len(), hash(&sent));
        assert_eq!(
            (status, String::from_utf8_lossy(&body).as_ref()),
            (200, &receipt[..])
        );
        let (status, body) = client.ask("GET", &format!("/bytes/{LARGE}"), b"");
        assert!((status, body) == (200, content(LARGE)), "another body came");
    }
}

/// A connection that is kept alive.
struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    fn connect(port: u16) -> Self {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        let stream = BufReader::new(stream);
        Self { stream }
    }

    fn send(&mut self, method: &str, path: &str, body: &[u8]) {
        let len = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len}\r\n\r\n");
        let stream = self.stream.get_mut();
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
    }

    /// Status and body of the answer.
    fn ask(&mut self, method: &str, path: &str, body: &[u8]) -> (u16, Vec<u8>) {
        self.send(method, path, body);
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            assert!(
                self.stream.read_line(&mut line).unwrap() > 0,
                "no answer to {path}"
            );
            if line == "\r\n" {
                break;
            }
            head.push(line.to_lowercase());
        }
        let status = head[0].split(' ').nth(1).unwrap().parse().unwrap();
        let len = head
            .iter()
            .find_map(|line| line.strip_prefix("content-length:"));
        let len = len.unwrap_or_else(|| panic!("no length in {head:?}"));
        let mut body = vec![0; len.trim().parse().unwrap()];
        self.stream.read_exact(&mut body).unwrap();
        (status, body)
    }
}

/// Bytes that tell where they belong; the servers have the same.
fn content(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 31 + at / 251) as u8).collect()
}

/// FNV-1a, as the servers have it.
fn hash(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}
