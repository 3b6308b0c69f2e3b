//! HTTP servers as people build them, from registries: they keep connections alive, serve several at once, and take and
//! give large bodies.
//!
//! `scripts/test-tools` has their toolchains, and builds them.

mod client;
mod invoke;
mod tools;

use std::thread;

use client::Client;
use invoke::{Place, free_port};
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
    let mut client = Client::open(port);
    for number in 0..50 {
        let answer = client.request("GET", &format!("/number-{number}"), "", "");
        answer.assert(200, &format!("hello number-{number}\n"));
    }
    // Others beside it, which give and take much.
    let others: Vec<_> = (0..6)
        .map(|number| thread::spawn(move || exchange(port, number)))
        .collect();
    for other in others {
        other.join().unwrap();
    }
    client
        .request("GET", "/still", "", "")
        .assert(200, "hello still\n");
    // Someone who leaves in the middle.
    let mut half = Client::open(port);
    half.send("GET /bytes/3000000 HTTP/1.1\r\nHost: x\r\n\r\n");
    half.take(&mut [0; 100]);
    drop(half);
    client.send("GET /stop HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    place.assert_clean();
}

fn exchange(port: u16, number: usize) {
    let mut client = Client::open(port);
    for round in 0..3 {
        let sent = content(LARGE + number * 100 + round);
        let answer = client.request("POST", "/hash", "", &sent);
        answer.assert(200, &format!("{} {:016x}\n", sent.len(), hash(&sent)));
        let answer = client.request("GET", &format!("/bytes/{LARGE}"), "", "");
        let is_whole = (answer.status, answer.body) == (200, content(LARGE));
        assert!(is_whole, "another body came");
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
