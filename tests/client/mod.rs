//! A client of HTTP servers, with one connection that stays open between requests.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// Longest that a server may be silent.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in small letters.
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Client {
    pub(crate) fn open(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self {
            stream: BufReader::new(stream),
        }
    }

    pub(crate) fn send(&mut self, text: &str) {
        self.stream.get_mut().write_all(text.as_bytes()).unwrap();
    }

    /// Sends a whole request and takes its answer.
    #[track_caller]
    pub(crate) fn ask(&mut self, request: &str) -> Answer {
        self.send(request);
        let mut answer = self.head(request);
        let length = answer.header("content-length").map(str::to_owned);
        let has_body = !request.starts_with("HEAD") && ![204, 304].contains(&answer.status);
        if has_body {
            let length = length.unwrap_or_else(|| panic!("{request:?} has no length: {answer:?}"));
            let mut body = vec![0; length.parse().unwrap()];
            self.stream.read_exact(&mut body).unwrap();
            answer.body = String::from_utf8(body).unwrap();
        }
        answer
    }

    /// Asks for `path`, with these lines of the head and this body.
    #[track_caller]
    pub(crate) fn request(&mut self, method: &str, path: &str, more: &str, body: &str) -> Answer {
        let length = match body.len() {
            0 => String::new(),
            len => format!("Content-Length: {len}\r\n"),
        };
        let head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\n{length}{more}\r\n");
        self.ask(&(head + body))
    }

    /// All that comes until the other side closes.
    pub(crate) fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.stream.read_to_string(&mut rest).unwrap();
        rest
    }

    #[track_caller]
    fn head(&mut self, request: &str) -> Answer {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            let count = self.stream.read_line(&mut line).unwrap();
            assert!(count > 0, "no answer to {request:?}: {lines:?}");
            if line == "\r\n" {
                break;
            }
            lines.push(line.trim_end().to_owned());
        }
        let status = lines[0].strip_prefix("HTTP/1.1 ").map(|rest| &rest[..3]);
        let pair = |line: &String| {
            let (name, value) = line.split_once(": ").expect("a header has a name");
            (name.to_ascii_lowercase(), value.to_owned())
        };
        Answer {
            status: status.unwrap().parse().unwrap(),
            headers: lines[1..].iter().map(pair).collect(),
            body: String::new(),
        }
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(own, _)| own == name);
        found.map(|(_, value)| value.as_str())
    }

    #[track_caller]
    pub(crate) fn assert(&self, status: u16, body: &str) {
        assert_eq!((self.status, &self.body[..]), (status, body), "{self:?}");
    }
}
