//! HTTP 1.1: one loop over any number of connections, which stay open between requests.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::wasi::io::{AsRawFd, FromRawFd};

use serde_json::Value;

/// The first of `listen` in mewz.toml.
const LISTENER: i32 = 3;

const HEAD_BYTES_MAX: usize = 16 << 10;
const BODY_BYTES_MAX: usize = 1 << 20;

pub struct Request<'a> {
    pub method: &'a str,
    /// Without what stands behind `?`.
    pub path: &'a str,
    pub body: &'a [u8],
}

pub struct Answer {
    status: &'static str,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Answer {
    pub fn empty(status: &'static str) -> Self {
        Self { status, headers: Vec::new(), body: String::new() }
    }

    pub fn text(status: &'static str, body: &str) -> Self {
        Self { body: body.to_owned(), ..Self::empty(status) }.with("Content-Type", "text/plain".to_owned())
    }

    pub fn json(status: &'static str, body: &Value) -> Self {
        Self { body: format!("{body}\n"), ..Self::empty(status) }.with("Content-Type", "application/json".to_owned())
    }

    pub fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    fn write(&self, stream: &mut TcpStream) -> io::Result<()> {
        let mut text = format!("HTTP/1.1 {}\r\n", self.status);
        for (name, value) in &self.headers {
            text += &format!("{name}: {value}\r\n");
        }
        // RFC 9110, section 8.6: such an answer has no length.
        if !self.status.starts_with("204") {
            text += &format!("Content-Length: {}\r\n", self.body.len());
        }
        // Waits for a client that reads slowly.
        stream.write_all((text + "\r\n" + &self.body).as_bytes())
    }
}

/// Answers requests for ever.
pub fn serve(mut handle: impl FnMut(&Request) -> Answer) -> io::Result<()> {
    // SAFETY: mewz opened it for this program, and nobody else uses it.
    let listener = unsafe { TcpListener::from_raw_fd(LISTENER) };
    let mut connections: Vec<Connection> = Vec::new();
    println!("listening");
    loop {
        let mut polled = vec![PollFd::new(listener.as_raw_fd())];
        polled.extend(connections.iter().map(|one| PollFd::new(one.stream.as_raw_fd())));
        wait(&mut polled)?;
        let mut ready = polled[1..].iter().map(|one| one.revents != 0);
        connections.retain_mut(|one| match ready.next() {
            // A connection that fails is over; the others go on.
            Some(true) => one.serve(&mut handle).unwrap_or(false),
            _ => true,
        });
        if polled[0].revents != 0 {
            if let Ok((stream, _)) = listener.accept() {
                connections.push(Connection { stream, pending: Vec::new() });
            }
        }
    }
}

struct Connection {
    stream: TcpStream,
    /// What came and is not answered yet.
    pending: Vec<u8>,
}

impl Connection {
    /// Takes what came, and answers each whole request in it; says whether the connection goes on.
    fn serve(&mut self, handle: &mut impl FnMut(&Request) -> Answer) -> io::Result<bool> {
        let mut room = [0; 4096];
        let len = self.stream.read(&mut room)?;
        if len == 0 {
            return Ok(false);
        }
        self.pending.extend(&room[..len]);
        loop {
            let end = self.pending.windows(4).position(|window| window == b"\r\n\r\n");
            let end = match end {
                Some(end) => end,
                None if self.pending.len() <= HEAD_BYTES_MAX => return Ok(true),
                None => return self.refuse("431 Request Header Fields Too Large"),
            };
            let head = String::from_utf8_lossy(&self.pending[..end]).into_owned();
            let (method, path, body_bytes) = match parse(&head) {
                Some(parsed) => parsed,
                None => return self.refuse("400 Bad Request"),
            };
            if body_bytes > BODY_BYTES_MAX {
                return self.refuse("413 Content Too Large");
            }
            let whole = end + 4 + body_bytes;
            if self.pending.len() < whole {
                return Ok(true);
            }
            let request = Request { method, path, body: &self.pending[end + 4..whole] };
            handle(&request).write(&mut self.stream)?;
            self.pending.drain(..whole);
        }
    }

    fn refuse(&mut self, status: &'static str) -> io::Result<bool> {
        Answer::text(status, "This is no request that I know\n").write(&mut self.stream)?;
        Ok(false)
    }
}

/// Method, path and length of the body.
fn parse(head: &str) -> Option<(&str, &str, usize)> {
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let mut body_bytes = 0;
    for line in lines {
        let (name, value) = line.split_once(':')?;
        if name.eq_ignore_ascii_case("content-length") {
            body_bytes = value.trim().parse().ok()?;
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            return None;
        }
    }
    Some((method, target.split('?').next()?, body_bytes))
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
        Self { fd, events: 1, revents: 0 }
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
