//! Both directions of a connection, followed message by message: so it is known when nothing is under way. What is not
//! understood passes as it is from then on.
//!
//! Pages that load themselves again: HTML answers get a script at their end, which hears of new programs from here. Without
//! that, all bytes pass as they are and when they come.

use std::collections::VecDeque;

use super::message::{Message, Step};

/// Where the script and its news are; no program is likely to have such paths.
const SCRIPT_PATH: &str = "/.mewz/live.js";
const NEWS_PATH: &str = "/.mewz/live";

/// Header fields of one message that are looked at. More pass as they are.
const FIELDS_MAX: usize = 128;

/// What loads the page again. The page's own program is named in the script's address, since another may serve before the
/// script runs. A page that was told of twice has one source of news.
const SCRIPT: &str = "\
if (!window.mewzLive) {\n  \
  const own = new URL(document.currentScript.src).search.slice(1);\n  \
  window.mewzLive = new EventSource('/.mewz/live');\n  \
  window.mewzLive.onmessage = event => { if (event.data !== own) location.reload(); };\n\
}\n";

/// What a client asks of the front itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// The script.
    Script,
    /// The news, as they come.
    News,
}

/// What is known of a connection.
#[derive(Debug, Default)]
pub(super) struct Live {
    /// Pages get the script.
    reloads_pages: bool,
    /// A side has said that the connection ends with the answer.
    ends: bool,
    requests: Message,
    responses: Message,
    /// Requests without an answer yet.
    waiting: VecDeque<Request>,
    /// What is to be answered here.
    asked: Option<Asked>,
}

#[derive(Clone, Copy, Debug)]
struct Request {
    is_head: bool,
    /// By someone who shows pages.
    wants_page: bool,
}

impl Live {
    pub(super) fn new(reloads_pages: bool) -> Self {
        Self {
            reloads_pages,
            ..Self::default()
        }
    }

    /// Whether every request is answered, to its end, and more may come.
    pub(super) fn is_between(&self) -> bool {
        let is_between = self.requests.is_between() && self.responses.is_between();
        is_between && self.waiting.is_empty() && !self.ends
    }

    /// Passes on what a client says.
    pub(super) fn request(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if self.reloads_pages {
            return self.follow_requests(bytes, out);
        }
        out.extend(bytes);
        self.follow_requests(bytes, &mut Vec::new());
    }

    fn follow_requests(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) {
        while !bytes.is_empty() && self.asked.is_none() {
            if let Step::Head(head) = self.requests.pass(&mut bytes, out) {
                self.begin_request(&head, out);
            }
        }
    }

    /// Passes on what the machines `crew` answer.
    pub(super) fn response(&mut self, bytes: &[u8], crew: u64, out: &mut Vec<u8>) {
        if self.reloads_pages {
            return self.follow_responses(bytes, crew, out);
        }
        out.extend(bytes);
        self.follow_responses(bytes, crew, &mut Vec::new());
    }

    fn follow_responses(&mut self, mut bytes: &[u8], crew: u64, out: &mut Vec<u8>) {
        while !bytes.is_empty() {
            if let Step::Head(head) = self.responses.pass(&mut bytes, out) {
                self.begin_response(&head, crew, out);
            }
        }
    }

    /// The answer has ended with its connection.
    pub(super) fn end_response(&mut self, out: &mut Vec<u8>) {
        if self.reloads_pages {
            self.responses.end(out);
        }
    }

    /// A request is sent once more: what came of an answer is void.
    pub(super) fn ask_again(&mut self) {
        self.responses = Message::default();
    }

    /// What is to be answered here, once.
    pub(super) fn take_asked(&mut self) -> Option<Asked> {
        self.asked.take()
    }

    fn begin_request(&mut self, head: &[u8], out: &mut Vec<u8>) {
        let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
        let mut request = httparse::Request::new(&mut fields);
        if !matches!(request.parse(head), Ok(httparse::Status::Complete(_))) {
            out.extend(head);
            self.requests.pass_all();
            return;
        }
        let (method, path) = (
            request.method.unwrap_or_default(),
            request.path.unwrap_or_default(),
        );
        let own = match path.split('?').next() {
            Some(SCRIPT_PATH) => Some(Asked::Script),
            Some(NEWS_PATH) => Some(Asked::News),
            _ => None,
        };
        if self.reloads_pages && own.is_some() && self.waiting.is_empty() && method == "GET" {
            self.asked = own;
            return;
        }
        let wants_page = self.reloads_pages
            && field(request.headers, "accept")
                .is_some_and(|accept| accept.to_ascii_lowercase().contains("text/html"));
        self.ends |= ends(request.version, request.headers);
        self.requests.begin(request.headers, false);
        self.waiting.push_back(Request {
            is_head: method == "HEAD",
            wants_page,
        });
        // Into what is compressed nothing can be put.
        match wants_page {
            true => out.extend(without(head, "accept-encoding")),
            false => out.extend(head),
        }
    }

    fn begin_response(&mut self, head: &[u8], crew: u64, out: &mut Vec<u8>) {
        let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
        let mut response = httparse::Response::new(&mut fields);
        let status = match response.parse(head) {
            Ok(httparse::Status::Complete(_)) => response.code.unwrap_or_default(),
            _ => {
                out.extend(head);
                self.responses.pass_all();
                return;
            }
        };
        // Another protocol begins.
        if status == 101 {
            out.extend(head);
            self.requests.pass_all();
            self.responses.pass_all();
            return;
        }
        if (100..200).contains(&status) {
            out.extend(head);
            return;
        }
        self.ends |= ends(response.version, response.headers);
        let request = self.waiting.pop_front();
        let has_body = !matches!(status, 204 | 304) && !request.is_some_and(|asked| asked.is_head);
        if !has_body {
            out.extend(head);
            return;
        }
        let headers = &*response.headers;
        self.responses.begin(headers, true);
        let tail = format!("<script src=\"{SCRIPT_PATH}?{}\"></script>\n", token(crew));
        let is_ours = request.is_some_and(|asked| asked.wants_page)
            && status != 206
            && is_plain_page(headers)
            && self.responses.append(tail.as_bytes());
        match self.responses.length() {
            Some(length) if is_ours => {
                let head = without(head, "content-length");
                let end = head.len().saturating_sub(2);
                out.extend(&head[..end]);
                out.extend(format!("Content-Length: {length}\r\n\r\n").bytes());
            }
            _ => out.extend(head),
        }
    }
}

/// The answer to what is asked of the front; without an end where that is news.
pub(super) fn answer(asked: Asked) -> Vec<u8> {
    let (kind, length) = match asked {
        Asked::Script => (
            "text/javascript",
            format!("Content-Length: {}\r\n", SCRIPT.len()),
        ),
        Asked::News => ("text/event-stream", String::new()),
    };
    let mut answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n{length}Cache-Control: no-store\r\nConnection: close\r\n\r\n"
    );
    answer.push_str(match asked {
        Asked::Script => SCRIPT,
        // Milliseconds until a page asks again when mewz has ended.
        Asked::News => "retry: 500\n\n",
    });
    answer.into_bytes()
}

/// What pages are told when the machines `crew` serve.
pub(super) fn news(crew: u64) -> String {
    format!("data: {}\n\n", token(crew))
}

/// Names a program among all that were ever served at this port.
fn token(crew: u64) -> String {
    format!("{}.{crew}", std::process::id())
}

/// Whether a body is HTML as people write it, and its fields say nothing of its very bytes.
fn is_plain_page(headers: &[httparse::Header<'_>]) -> bool {
    let is_page = field(headers, "content-type").is_some_and(|kind| {
        kind.trim_start()
            .to_ascii_lowercase()
            .starts_with("text/html")
    });
    let is_encoded = field(headers, "content-encoding").is_some_and(|coding| coding != "identity");
    let digests = ["digest", "content-digest", "repr-digest", "content-md5"];
    is_page && !is_encoded && digests.iter().all(|name| field(headers, name).is_none())
}

/// Whether the sender of a head, of HTTP/1.`version`, takes it for the connection's last.
fn ends(version: Option<u8>, headers: &[httparse::Header<'_>]) -> bool {
    let is_last = |options: &str| options.to_ascii_lowercase().contains("close");
    version != Some(1) || field(headers, "connection").is_some_and(is_last)
}

/// The first field of this name.
pub(super) fn field<'a>(headers: &[httparse::Header<'a>], name: &str) -> Option<&'a str> {
    let found = headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case(name))?;
    std::str::from_utf8(found.value).ok()
}

/// The head less the fields of this name.
fn without(head: &[u8], name: &str) -> Vec<u8> {
    let is_it = |line: &[u8]| {
        line.split(|byte| *byte == b':')
            .next()
            .is_some_and(|own| own.eq_ignore_ascii_case(name.as_bytes()))
    };
    head.split_inclusive(|byte| *byte == b'\n')
        .filter(|line| !is_it(line))
        .flatten()
        .copied()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Asked, Live};

    const PAGE: &str = "GET / HTTP/1.1\r\nAccept: text/html,*/*\r\nAccept-Encoding: gzip\r\n\r\n";

    /// What reaches the client of `answers` to `requests`, cut into parts of `part` bytes.
    fn through(requests: &str, answers: &str, part: usize) -> (String, String) {
        let mut live = Live::new(true);
        let (mut up, mut down) = (Vec::new(), Vec::new());
        for bytes in requests.as_bytes().chunks(part) {
            live.request(bytes, &mut up);
        }
        for bytes in answers.as_bytes().chunks(part) {
            live.response(bytes, 7, &mut down);
        }
        live.end_response(&mut down);
        (
            String::from_utf8(up).unwrap(),
            String::from_utf8(down).unwrap(),
        )
    }

    #[test]
    fn it_is_known_when_nothing_is_under_way() {
        let get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
        let short = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
        let cases = [
            (get, short, true),
            (get, &short[..short.len() - 1], false),
            (&get[..20], "", false),
            (get, "", false),
            (get, "HTTP/1.1 100 Continue\r\n\r\n", false),
            ("HEAD / HTTP/1.1\r\n\r\n", &short[..short.len() - 3], true),
            (get, "HTTP/1.1 304 Not Modified\r\n\r\n", true),
            (
                get,
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
                true,
            ),
            (
                get,
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n",
                false,
            ),
            (get, "HTTP/1.1 200 OK\r\n\r\nuntil the end", false),
            (
                get,
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
                false,
            ),
            (get, "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", false),
            ("GET / HTTP/1.1\r\nConnection: close\r\n\r\n", short, false),
            (get, "HTTP/1.1 101 Switching Protocols\r\n\r\n", false),
            (
                "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab",
                short,
                false,
            ),
            (get, "nothing of the kind\r\n\r\n", false),
        ];
        for (request, response, is_between) in cases {
            for reloads_pages in [true, false] {
                let mut live = Live::new(reloads_pages);
                let (mut up, mut down) = (Vec::new(), Vec::new());
                live.request(request.as_bytes(), &mut up);
                live.response(response.as_bytes(), 7, &mut down);
                assert_eq!(live.is_between(), is_between, "{request:?} {response:?}");
                assert!(reloads_pages || (up, down) == (request.into(), response.into()));
            }
        }
    }

    fn script() -> String {
        format!(
            "<script src=\"/.mewz/live.js?{}.7\"></script>\n",
            std::process::id()
        )
    }

    #[test]
    fn pages_get_a_script_whatever_delimits_them() {
        let script = script();
        let len = script.len();
        for part in [1, 7, 4096] {
            let (up, down) = through(
                PAGE,
                "HTTP/1.1 200 OK\r\ncontent-length: 4\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>x",
                part,
            );
            assert_eq!(up, "GET / HTTP/1.1\r\nAccept: text/html,*/*\r\n\r\n");
            let length = 4 + len;
            assert_eq!(
                down,
                format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {length}\r\n\r\n\
                     <p>x{script}"
                )
            );
            let head = "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\nContent-Type: text/html\r\n\r\n";
            let (_, down) = through(
                PAGE,
                &format!("{head}4;x=y\r\n<p>x\r\n00\r\nTrailer: a\r\n\r\nHTTP/1.1 "),
                part,
            );
            assert_eq!(
                down,
                format!(
                    "{head}4;x=y\r\n<p>x\r\n{len:x}\r\n{script}\r\n00\r\nTrailer: a\r\n\r\nHTTP/1.1 "
                )
            );
            let head = "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n";
            let (_, down) = through(PAGE, &format!("{head}<p>x"), part);
            assert_eq!(down, format!("{head}<p>x{script}"));
        }
    }

    #[test]
    fn all_else_passes_as_it_is() {
        let html = "Content-Type: text/html\r\n";
        for (requests, answers) in [
            (
                PAGE.replace("GET", "HEAD"),
                format!("HTTP/1.1 200 OK\r\n{html}Content-Length: 4\r\n\r\n"),
            ),
            (
                PAGE.to_owned(),
                format!("HTTP/1.1 304 Not Modified\r\n{html}\r\n"),
            ),
            (
                PAGE.to_owned(),
                "HTTP/1.1 200 OK\r\nContent-Type: text/css\r\nContent-Length: 1\r\n\r\nx"
                    .to_owned(),
            ),
            (
                PAGE.to_owned(),
                format!(
                    "HTTP/1.1 200 OK\r\n{html}Content-Encoding: br\r\nContent-Length: 1\r\n\r\nx"
                ),
            ),
            (
                PAGE.to_owned(),
                format!("HTTP/1.1 206 Partial\r\n{html}Content-Length: 1\r\n\r\nx"),
            ),
            (
                "GET / HTTP/1.1\r\nAccept: */*\r\n\r\n".to_owned(),
                format!("HTTP/1.1 200 OK\r\n{html}Content-Length: 1\r\n\r\nx"),
            ),
            (
                PAGE.to_owned(),
                "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n\x01\x02 HTTP/1.1 200\r\n\r\n"
                    .to_owned(),
            ),
            (PAGE.to_owned(), "no answer at all\r\n\r\nx".to_owned()),
            (
                PAGE.to_owned(),
                format!("HTTP/1.1 200 OK\r\n{html}Content-Length: x\r\n\r\n<p>"),
            ),
        ] {
            for part in [1, 4096] {
                assert_eq!(through(&requests, &answers, part).1, answers);
            }
        }
    }

    #[test]
    fn answers_find_their_requests() {
        let other = "POST /x HTTP/1.1\r\nContent-Length: 3\r\n\r\nGETPUT /y HTTP/1.1\r\n\
                     Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
        let answer = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1\r\n\r\nx";
        let requests = format!("{other}{PAGE}{other}");
        let continues = "HTTP/1.1 100 Continue\r\n\r\n";
        let answers = format!("{answer}{continues}{answer}{answer}{answer}{answer}");
        let (up, down) = through(&requests, &answers, 5);
        assert_eq!(up, requests.replace("Accept-Encoding: gzip\r\n", ""));
        let ours = format!("{}x{}", answer_head(script().len() + 1), script());
        assert_eq!(
            down,
            format!("{answer}{continues}{answer}{ours}{answer}{answer}")
        );
    }

    fn answer_head(length: usize) -> String {
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n\r\n")
    }

    #[test]
    fn news_are_asked_for_here() {
        for (path, asked) in [
            ("/.mewz/live.js?1.2", Some(Asked::Script)),
            ("/.mewz/live", Some(Asked::News)),
            ("/.mewz/lives", None),
        ] {
            let mut live = Live::new(true);
            let mut out = Vec::new();
            live.request(format!("GET {path} HTTP/1.1\r\n\r\n").as_bytes(), &mut out);
            assert_eq!(live.take_asked(), asked, "{path}");
            assert_eq!(out.is_empty(), asked.is_some(), "{path}");
        }
    }
}
