//! As much of HTTP as it takes to tell a request from other bytes, and to answer one with a page.

use std::fmt::Write as _;

/// Methods that requests begin with. Source: RFC 9110, section 9, and RFC 5789.
const METHODS: [&[u8]; 9] = [
    b"GET ",
    b"HEAD ",
    b"POST ",
    b"PUT ",
    b"DELETE ",
    b"CONNECT ",
    b"OPTIONS ",
    b"TRACE ",
    b"PATCH ",
];

/// Whether `bytes` begin as a request does.
pub(super) fn is_request(bytes: &[u8]) -> bool {
    METHODS.iter().any(|method| bytes.starts_with(method))
}

/// Whether the request changes nothing, so that it may be sent once more.
pub(super) fn is_repeatable(request: &[u8]) -> bool {
    let safe: [&[u8]; 4] = [b"GET ", b"HEAD ", b"OPTIONS ", b"TRACE "];
    safe.iter().any(|method| request.starts_with(method))
}

/// Whether the head of the request is whole.
pub(super) fn is_whole(request: &[u8]) -> bool {
    request.windows(4).any(|end| end == b"\r\n\r\n")
}

/// What is said while no program serves.
#[derive(Clone, Debug)]
pub(in crate::cli::dev) struct Page {
    /// The first line.
    pub(in crate::cli::dev) title: String,
    /// The text below it.
    pub(in crate::cli::dev) text: String,
}

impl Page {
    /// The answer to `request`: a page that asks again by itself, or plain text for what is no browser.
    pub(super) fn response(&self, request: &[u8]) -> Vec<u8> {
        let text = String::from_utf8_lossy(request).to_ascii_lowercase();
        let wants_page = text
            .lines()
            .any(|line| line.starts_with("accept:") && line.contains("text/html"));
        let (kind, body) = if wants_page {
            ("text/html", self.html())
        } else {
            ("text/plain", format!("{}\n\n{}\n", self.title, self.text))
        };
        let mut head = String::from("HTTP/1.1 503 Service Unavailable\r\n");
        let _ = write!(
            head,
            "Content-Type: {kind}; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
             Retry-After: 1\r\nRefresh: 1\r\nConnection: close\r\n\r\n",
            body.len()
        );
        let mut response = head.into_bytes();
        if !request.starts_with(b"HEAD ") {
            response.extend(body.as_bytes());
        }
        response
    }

    fn html(&self) -> String {
        let (title, text) = (escaped(&self.title), escaped(&self.text));
        format!(
            "<!doctype html><meta charset=utf-8><title>{title}</title>\
             <style>body{{font:15px/1.5 sans-serif;margin:3em auto;max-width:60em;padding:0 1em;\
             background:#fff;color:#222}}pre{{overflow:auto;padding:1em;background:#f4f4f4}}\
             @media(prefers-color-scheme:dark){{body{{background:#1b1b1b;color:#ddd}}pre{{background:#272727}}}}\
             </style><h1>{title}</h1><pre>{text}</pre><p>This page asks again by itself.\n"
        )
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::{Page, is_repeatable, is_request, is_whole};

    #[test]
    fn requests_are_told_from_other_bytes() {
        assert!(is_request(b"GET / HTTP/1.1\r\n"));
        assert!(is_request(b"PATCH /x"));
        for other in [&b"GETTING"[..], b"", b"\x16\x03\x01", b"hello"] {
            assert!(!is_request(other), "{other:?}");
        }
        assert!(is_whole(b"GET / HTTP/1.1\r\nA: b\r\n\r\n") && !is_whole(b"GET / HTTP/1.1\r\n"));
        assert!(is_repeatable(b"GET /") && !is_repeatable(b"POST /"));
    }

    #[test]
    fn browsers_get_a_page_and_others_plain_text() {
        let page = Page {
            title: "it failed".to_owned(),
            text: "a < b & c".to_owned(),
        };
        let answer = |request: &str| String::from_utf8(page.response(request.as_bytes())).unwrap();
        let browser = answer("GET / HTTP/1.1\r\nAccept: text/html,*/*\r\n\r\n");
        assert!(browser.starts_with("HTTP/1.1 503 "), "{browser}");
        assert!(browser.contains("a &lt; b &amp; c"), "{browser}");
        let other = answer("GET / HTTP/1.1\r\nAccept: */*\r\n\r\n");
        assert!(other.ends_with("it failed\n\na < b & c\n"), "{other}");
        assert!(answer("HEAD / HTTP/1.1\r\n\r\n").ends_with("\r\n\r\n"));
    }
}
