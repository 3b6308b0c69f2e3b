//! The projects of `examples/`: built by their own commands, run in a machine, asked over HTTP.
//!
//! A toolchain that is not there leaves its example out, and the output says so.

mod client;
mod invoke;
mod toolchain;
mod tools;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use client::Client;
use invoke::{Place, files, free_port, signal};
use serde_json::{Value, json};
use toolchain::Toolchain;

/// A copy of an example, with what builds it.
struct Example {
    place: Place,
    toolchain: Toolchain,
}

/// One that runs.
struct Server<'a> {
    example: &'a Example,
    port: u16,
    child: Child,
    _output: BufReader<ChildStdout>,
}

impl Example {
    fn new(name: &str, toolchain: Toolchain) -> Self {
        let place = Place::new();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("examples")
            .join(name);
        for file in files(&folder) {
            let path = file.strip_prefix(&folder).unwrap();
            // What somebody built or left there by hand is none of it.
            if !path.starts_with("target") && !path.starts_with(".mewz") {
                let is_state = path.starts_with("data") && !path.ends_with(".gitkeep");
                assert!(!is_state, "{} is in the way", file.display());
                place.write(path.to_str().unwrap(), fs::read(&file).unwrap());
            }
        }
        toolchain.prepare(&place.path(""));
        Self { place, toolchain }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.place.command(arguments);
        command
            .envs(self.toolchain.environment.iter().cloned())
            // The program under test is built by cargo: its settings are not those of the example's cargo.
            .env_remove("CARGO_TARGET_DIR")
            .env_remove("RUSTFLAGS")
            .env("MEWZ_TIMEOUT", "600s");
        command
    }

    /// Builds and boots it, with these arguments too.
    fn start(&self, arguments: &[&str]) -> Server<'_> {
        let port = free_port();
        let pair = format!("{port}:8080");
        let words = [&["run", "--publish", &pair], arguments].concat();
        let mut child = self.command(&words).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut errors = child.stderr.take().unwrap();
        std::thread::spawn(move || std::io::copy(&mut errors, &mut std::io::stderr()));
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let server = Server {
            example: self,
            port,
            child,
            _output: output,
        };
        assert_eq!(line, "listening\n");
        server
    }
}

impl Server<'_> {
    fn stop(mut self) {
        signal("INT", self.child.id());
        assert_eq!(self.child.wait().unwrap().code(), Some(130));
        self.example.place.assert_clean();
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        // After a failure too nothing goes on.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn parsed(text: impl AsRef<[u8]>) -> Value {
    let text = text.as_ref();
    serde_json::from_slice(text).unwrap_or_else(|problem| {
        let text = String::from_utf8_lossy(text);
        panic!("{text:?}: {problem}")
    })
}

#[test]
fn notes_are_kept() {
    let Some(toolchain) = Toolchain::cargo("notes-api") else {
        return;
    };
    let example = Example::new("notes-api", toolchain);
    let server = example.start(&[]);
    let mut client = Client::open(server.port);
    client.request("GET", "/notes", "", "").assert(200, "[]\n");
    for (id, text) in [(1, "buy milk"), (2, "größer \\ \"than\" 1\u{1f980}")] {
        let note = client.request("POST", "/notes", "", json!({ "text": text }).to_string());
        assert_eq!(note.status, 201, "{note:?}");
        assert_eq!(note.header("content-type"), Some("application/json"));
        assert_eq!(note.header("location"), Some(&format!("/notes/{id}")[..]));
        assert_eq!(parsed(&note.body), json!({ "id": id, "text": text }));
    }
    let changed = client.request("PUT", "/notes/2?x=y", "", r#"{"text": "changed"}"#);
    assert_eq!(parsed(&changed.body), json!({ "id": 2, "text": "changed" }));
    client.request("DELETE", "/notes/1", "", "").assert(204, "");
    for (method, path, body, status) in [
        ("GET", "/notes/1", "", 404),
        ("GET", "/notes/x", "", 404),
        ("GET", "/nothing", "", 404),
        ("PATCH", "/notes", "", 405),
        ("POST", "/notes", "{\"text\": ", 400),
        ("POST", "/notes", "{\"text\": 7}", 422),
    ] {
        let answer = client.request(method, path, "", body);
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        assert!(parsed(&answer.body)["error"].is_string(), "{answer:?}");
    }
    client.send("nonsense\r\n\r\n");
    assert!(client.rest().starts_with("HTTP/1.1 400 "));
    server.stop();

    // In the file of the host, and for the next machine.
    let file = fs::read_to_string(example.place.path("data/notes.json")).unwrap();
    assert_eq!(parsed(&file), json!([{ "id": 2, "text": "changed" }]));
    // And on a disk, which the notes of the folder do not reach.
    let create = ["disk", "create", "notes.img", "--size", "16MiB"];
    example.place.run(&create).assert(0, &[]);
    let server = example.start(&["--disk", "notes.img::/data"]);
    let mut client = Client::open(server.port);
    client.request("GET", "/notes", "", "").assert(200, "[]\n");
    let note = client.request("POST", "/notes", "", r#"{"text": "on a disk"}"#);
    assert_eq!(note.status, 201, "{note:?}");
    server.stop();
    let listed = example.place.run(&["disk", "ls", "notes.img"]);
    assert_eq!(String::from_utf8_lossy(&listed.stdout), "notes.json\n");
}

#[test]
fn a_site_is_served_from_the_image() {
    let Some(toolchain) = Toolchain::find("c") else {
        return;
    };
    let example = Example::new("static-site", toolchain);
    let public = |name: &str| fs::read_to_string(example.place.path("public").join(name)).unwrap();
    let server = example.start(&[]);
    let mut client = Client::open(server.port);
    let home = client.request("GET", "/", "", "");
    home.assert(200, &public("index.html"));
    assert_eq!(
        home.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    client
        .request("GET", "/docs?a=b", "", "")
        .assert(200, &public("docs/index.html"));
    client
        .request("GET", "/%64ocs/", "", "")
        .assert(200, &public("docs/index.html"));
    let missing = client.request("GET", "/nowhere", "", "");
    missing.assert(404, &public("404.html"));
    for outside in ["/../site/index.html", "/docs/%2e%2e/../x", "/%zz", "/a%00b"] {
        let answer = client.request("GET", outside, "", "");
        answer.assert(404, &public("404.html"));
    }

    // Tags.
    let style = public("style.css");
    let whole = client.request("GET", "/style.css", "", "");
    whole.assert(200, &style);
    assert_eq!(
        whole.header("content-type"),
        Some("text/css; charset=utf-8")
    );
    let tag = whole.header("etag").unwrap();
    assert_ne!(Some(tag), home.header("etag"));
    let fresh = client.request(
        "GET",
        "/style.css",
        &format!("If-None-Match: {tag}\r\n"),
        "",
    );
    fresh.assert(304, "");
    let stale = client.request("GET", "/style.css", "If-None-Match: \"x\"\r\n", "");
    stale.assert(200, &style);
    let head = client.request("HEAD", "/style.css", "", "");
    assert_eq!(
        head.header("content-length"),
        whole.header("content-length")
    );

    // Parts.
    let len = style.len();
    for (range, from, to) in [
        ("0-4", 0, 5),
        ("5-", 5, len),
        ("-7", len - 7, len),
        ("10-99999", 10, len),
    ] {
        let more = format!("Range: bytes={range}\r\nIf-Range: {tag}\r\n");
        let part = client.request("GET", "/style.css", &more, "");
        part.assert(206, &style[from..to]);
        let expected = format!("bytes {from}-{}/{len}", to - 1);
        assert_eq!(part.header("content-range"), Some(&expected[..]));
    }
    for whole in ["5-1", "x", "0-1,3-4", "-", "99999999999999999999-x"] {
        let more = format!("Range: bytes={whole}\r\n");
        let answer = client.request("GET", "/style.css", &more, "");
        answer.assert(200, &style);
    }
    let old = "Range: bytes=0-4\r\nIf-Range: \"old\"\r\n";
    client
        .request("GET", "/style.css", old, "")
        .assert(200, &style);
    let beyond = client.request("GET", "/style.css", "Range: bytes=99999-\r\n", "");
    assert_eq!(beyond.status, 416, "{beyond:?}");
    let expected = format!("bytes */{len}");
    assert_eq!(beyond.header("content-range"), Some(&expected[..]));

    client.send("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc");
    assert!(client.rest().starts_with("HTTP/1.1 405 "));
    server.stop();

    // The image alone, by the line that is printed for it.
    let port = free_port();
    let file = example.place.path("mewz.toml");
    let settings = fs::read_to_string(&file).unwrap();
    let elsewhere = settings.replace("\"8080:8080\"", &format!("\"{port}:8080\""));
    assert_ne!(settings, elsewhere);
    fs::write(&file, elsewhere).unwrap();
    let built = example.command(&["build", "--release"]).output().unwrap();
    assert!(built.status.success(), "{built:?}");
    fs::remove_dir_all(example.place.path("public")).unwrap();
    let line = String::from_utf8(built.stdout).unwrap();
    let mut machine = Command::new("sh");
    machine
        .args(["-c", &format!("exec timeout 120 {line}")])
        .current_dir(example.place.path(""))
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut machine = machine.spawn().unwrap();
    let mut output = BufReader::new(machine.stdout.take().unwrap());
    let mut said = String::new();
    output.read_line(&mut said).unwrap();
    assert_eq!(said.trim_end(), "listening");
    let answer = Client::open(port).request("GET", "/style.css", "", "");
    answer.assert(200, &style);
    signal("TERM", machine.id());
    machine.wait().unwrap();
}

#[test]
fn links_are_shortened() {
    let Some(toolchain) = Toolchain::find("go") else {
        return;
    };
    let example = Example::new("links", toolchain);
    let server = example.start(&[]);
    let mut client = Client::open(server.port);
    let page = client.request("GET", "/", "", "");
    page.assert(
        200,
        &fs::read_to_string(example.place.path("index.html")).unwrap(),
    );
    client
        .request("GET", "/api/links", "", "")
        .assert(200, "[]\n");
    let wish = r#"{"url": "https://example.org/a/long/way"}"#;
    let link = client.request("POST", "/api/links", "", wish);
    assert_eq!(link.status, 201, "{link:?}");
    let link = json!({ "name": "1", "url": "https://example.org/a/long/way", "hits": 0 });
    let named = r#"{"url": "https://example.org/b", "name": "b"}"#;
    assert_eq!(client.request("POST", "/api/links", "", named).status, 201);
    for (body, status) in [(named, 409), ("{", 400), (r#"{"url": "nowhere"}"#, 422)] {
        let answer = client.request("POST", "/api/links", "", body);
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(parsed(&answer.body)["error"].is_string(), "{answer:?}");
    }
    let followed = client.request("GET", "/b", "", "");
    assert_eq!(followed.status, 302);
    assert_eq!(followed.header("location"), Some("https://example.org/b"));
    assert_eq!(client.request("GET", "/none", "", "").status, 404);
    let all = client.request("GET", "/api/links", "", "");
    let other = json!({ "name": "b", "url": "https://example.org/b", "hits": 1 });
    assert_eq!(parsed(&all.body), json!([link, other]));
    server.stop();
    let kept = fs::read_to_string(example.place.path("data/links.json")).unwrap();
    assert_eq!(parsed(&kept).as_array().unwrap().len(), 2);
}
