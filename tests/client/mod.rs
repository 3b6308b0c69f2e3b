//! A client of HTTP servers, whose connections stay open between requests.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

/// Longest that a server may be silent.
const PATIENCE: Duration = Duration::from_secs(120);

/// A connection that panics where something fails.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in small letters.
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// A connection that gives up after a time that nothing takes.
pub(crate) fn connect(port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Asks for `path`; the status and the body.
pub(crate) fn ask(stream: &mut TcpStream, path: &str) -> io::Result<(u16, String)> {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes())?;
    hear(stream)
}

/// The answer to what was asked.
pub(crate) fn hear(stream: &mut TcpStream) -> io::Result<(u16, String)> {
    let answer = Answer::read(&mut BufReader::new(stream), true)?;
    Ok((answer.status, answer.text().to_owned()))
}

impl Client {
    pub(crate) fn open(port: u16) -> Self {
        let stream = BufReader::new(connect(port).unwrap());
        Self { stream }
    }

    pub(crate) fn send(&mut self, text: impl AsRef<[u8]>) {
        self.stream.get_mut().write_all(text.as_ref()).unwrap();
    }

    /// Sends a whole request and takes its answer.
    #[track_caller]
    pub(crate) fn ask(&mut self, request: impl AsRef<[u8]>) -> Answer {
        let request = request.as_ref();
        self.send(request);
        Answer::read(&mut self.stream, !request.starts_with(b"HEAD")).unwrap_or_else(|problem| {
            let request = String::from_utf8_lossy(request);
            panic!("no answer to {request:?}: {problem}")
        })
    }

    /// Asks for `path`, with these lines of the head and this body.
    #[track_caller]
    pub(crate) fn request(
        &mut self,
        method: &str,
        path: &str,
        more: &str,
        body: impl AsRef<[u8]>,
    ) -> Answer {
        let body = body.as_ref();
        let length = match body.len() {
            0 => String::new(),
            len => format!("Content-Length: {len}\r\n"),
        };
        let head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\n{length}{more}\r\n");
        self.ask([head.as_bytes(), body].concat())
    }

    /// Takes bytes that have come.
    pub(crate) fn take(&mut self, bytes: &mut [u8]) {
        self.stream.read_exact(bytes).unwrap();
    }

    /// All that comes until the other side closes.
    pub(crate) fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.stream.read_to_string(&mut rest).unwrap();
        rest
    }
}

impl Answer {
    fn read(reader: &mut impl BufRead, may_have_body: bool) -> io::Result<Self> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if line == "\r\n" {
                break;
            }
            lines.push(line.trim_end().to_owned());
        }
        let status = lines[0].strip_prefix("HTTP/1.1 ").map(|rest| &rest[..3]);
        let pair = |line: &String| {
            let (name, value) = line.split_once(':').expect("a header has a name");
            (name.to_ascii_lowercase(), value.trim().to_owned())
        };
        let mut answer = Self {
            status: status.unwrap().parse().unwrap(),
            headers: lines[1..].iter().map(pair).collect(),
            body: Vec::new(),
        };
        if may_have_body && ![204, 304].contains(&answer.status) {
            let length = answer.header("content-length").expect("a length");
            answer.body = vec![0; length.parse().unwrap()];
            reader.read_exact(&mut answer.body)?;
        }
        Ok(answer)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(own, _)| own == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    #[track_caller]
    pub(crate) fn assert(&self, status: u16, body: &str) {
        assert_eq!((self.status, self.text()), (status, body), "{self:?}");
    }
}
