//! An HTTP server of the standard library alone, for many connections, over the listener at descriptor 3.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::wasi::io::FromRawFd as _;
use std::time::Duration;

struct Connection {
    stream: TcpStream,
    input: Vec<u8>,
    output: Vec<u8>,
}

fn main() {
    // SAFETY: the listener is there from the start, and nobody else has it.
    let listener = unsafe { TcpListener::from_raw_fd(3) };
    listener.set_nonblocking(true).unwrap();
    println!("listening");
    let mut connections: Vec<Connection> = Vec::new();
    loop {
        let mut is_busy = false;
        while let Ok((stream, _)) = listener.accept() {
            stream.set_nonblocking(true).unwrap();
            connections.push(Connection { stream, input: Vec::new(), output: Vec::new() });
            is_busy = true;
        }
        connections.retain_mut(|connection| match connection.serve() {
            Some(moved) => {
                is_busy |= moved;
                true
            }
            None => false,
        });
        if !is_busy {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Connection {
    /// Does what can be done now; returns whether that was something, and `None` at the end.
    fn serve(&mut self) -> Option<bool> {
        let mut room = [0; 16384];
        let mut is_busy = false;
        match self.stream.read(&mut room) {
            Ok(0) => return None,
            Ok(count) => {
                self.input.extend_from_slice(&room[..count]);
                is_busy = true;
            }
            Err(problem) if problem.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return None,
        }
        while let Some((len, body)) = answer(&self.input) {
            self.input.drain(..len);
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            self.output.extend_from_slice(head.as_bytes());
            self.output.extend_from_slice(&body);
        }
        if !self.output.is_empty() {
            match self.stream.write(&self.output) {
                Ok(count) => drop(self.output.drain(..count)),
                Err(problem) if problem.kind() == ErrorKind::WouldBlock => return Some(is_busy),
                Err(_) => return None,
            }
            is_busy = true;
        }
        Some(is_busy)
    }
}

/// Answers the first request of `input` if that is whole: its length, and the answer's body.
fn answer(input: &[u8]) -> Option<(usize, Vec<u8>)> {
    let head_len = input.windows(4).position(|part| part == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&input[..head_len]).to_lowercase();
    let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
    let body_len = field("content-length:").map_or(0, |len| len.trim().parse().unwrap_or(0));
    let body = input.get(head_len..head_len + body_len)?;
    let path = head.split(' ').nth(1)?.get(1..)?;
    let answer = match path {
        "hash" => hash(body).into_bytes(),
        "stop" => std::process::exit(0),
        path => match path.strip_prefix("bytes/").and_then(|number| number.parse().ok()) {
            Some(count) => (0..count).map(|at: usize| (at * 31 + at / 251) as u8).collect(),
            None => format!("hello {}\n", path).into_bytes(),
        },
    };
    Some((head_len + body_len, answer))
}

/// Length and FNV-1a of a body.
fn hash(body: &[u8]) -> String {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    format!("{} {:016x}\n", body.len(), body.iter().fold(0xcbf2_9ce4_8422_2325, step))
}
