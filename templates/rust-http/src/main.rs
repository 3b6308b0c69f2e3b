//! An HTTP server: one loop over any number of connections, which stay open between requests.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd};

/// The first of `listen` in mewz.toml.
const LISTENER: i32 = 3;

/// Longest head of a request.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// A request's first line.
struct Request<'a> {
    method: &'a str,
    path: &'a str,
}

/// Your application: the status and the body that answer one request.
fn handle(request: &Request) -> (&'static str, String) {
    match request.path {
        "/" => (
            "200 OK",
            format!("Hello from mewz\nYou sent a {}\n", request.method),
        ),
        _ => ("404 Not Found", "There is nothing here\n".to_owned()),
    }
}

struct Connection {
    stream: TcpStream,
    /// What came and is not answered yet.
    pending: Vec<u8>,
    /// Bytes of a body that nobody reads.
    to_skip: usize,
}

impl Connection {
    /// Takes what came, and answers each whole request in it; says whether the connection goes on.
    fn serve(&mut self) -> io::Result<bool> {
        let mut room = [0; 4096];
        let len = self.stream.read(&mut room)?;
        if len == 0 {
            return Ok(false);
        }
        self.pending.extend(&room[..len]);
        loop {
            let skipped = self.to_skip.min(self.pending.len());
            self.pending.drain(..skipped);
            self.to_skip -= skipped;
            let Some(end) = self
                .pending
                .windows(4)
                .position(|window| window == b"\r\n\r\n")
            else {
                return Ok(self.pending.len() <= HEAD_BYTES_MAX);
            };
            let head = String::from_utf8_lossy(&self.pending[..end]).into_owned();
            let (request, body_bytes) = match parse(&head) {
                Some(parsed) => parsed,
                None => {
                    self.respond("400 Bad Request", "This is no request that I know\n")?;
                    return Ok(false);
                }
            };
            let (status, body) = handle(&request);
            self.respond(status, &body)?;
            self.to_skip = end + 4 + body_bytes;
        }
    }

    fn respond(&mut self, status: &str, body: &str) -> io::Result<()> {
        let len = body.len();
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {len}\r\n\r\n"
        );
        // Waits for a client that reads slowly.
        self.stream.write_all((head + body).as_bytes())
    }
}

/// The request that a head holds, and how many bytes of body follow.
fn parse(head: &str) -> Option<(Request<'_>, usize)> {
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let request = Request {
        method: words.next()?,
        path: words.next()?,
    };
    let mut body_bytes = 0;
    for line in lines {
        let (name, value) = line.split_once(':')?;
        if name.eq_ignore_ascii_case("content-length") {
            body_bytes = value.trim().parse().ok()?;
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            return None;
        }
    }
    Some((request, body_bytes))
}

fn main() -> io::Result<()> {
    // SAFETY: mewz opened it for this program, and nobody else uses it.
    let listener = unsafe { TcpListener::from_raw_fd(LISTENER) };
    let mut connections: Vec<Connection> = Vec::new();
    println!("listening");
    loop {
        let mut polled = vec![PollFd::new(listener.as_raw_fd())];
        polled.extend(
            connections
                .iter()
                .map(|one| PollFd::new(one.stream.as_raw_fd())),
        );
        wait(&mut polled)?;
        let mut ready = polled[1..].iter().map(|one| one.revents != 0);
        connections.retain_mut(|one| match ready.next() {
            // A connection that fails is over; the others go on.
            Some(true) => one.serve().unwrap_or(false),
            _ => true,
        });
        if polled[0].revents != 0 {
            if let Ok((stream, _)) = listener.accept() {
                connections.push(Connection {
                    stream,
                    pending: Vec::new(),
                    to_skip: 0,
                });
            }
        }
    }
}

/// The C library's `struct pollfd`.
#[repr(C)]
struct PollFd {
    fd: i32,
    events: i16,
    revents: i16,
}

impl PollFd {
    /// Waits for bytes, or for a connection.
    fn new(fd: i32) -> Self {
        Self {
            fd,
            events: 1,
            revents: 0,
        }
    }
}

/// Waits until one of them is ready.
fn wait(polled: &mut [PollFd]) -> io::Result<()> {
    extern "C" {
        fn poll(fds: *mut PollFd, count: usize, timeout_ms: i32) -> i32;
    }
    // SAFETY: the slice is `count` of them, and nobody else has it.
    let ready = unsafe { poll(polled.as_mut_ptr(), polled.len(), -1) };
    if ready < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
