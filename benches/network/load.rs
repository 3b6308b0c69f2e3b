//! Loads: wrk with connections that stay, and clients of our own for what wrk does not do.

use std::io::{Read as _, Write as _};
use std::process::Command;
use std::time::{Duration, Instant};

use super::server::Server;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n";
const LAST_REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n";
const ANSWER_END: &[u8] = b"hello, world\n";

/// What a load came to.
pub(crate) struct Figures {
    pub(crate) requests: f64,
    pub(crate) seconds: f64,
    /// Latencies, in ms.
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) errors: u64,
}

/// Whether wrk is there.
pub(crate) fn has_wrk() -> bool {
    // It has no option that succeeds without a host.
    Command::new("wrk").arg("--version").output().is_ok()
}

/// `connections` that stay, each with the next request as soon as the last is answered.
pub(crate) fn keep_alive(
    server: &Server,
    connections: usize,
    seconds: u64,
) -> Result<Figures, String> {
    let mut command = Command::new("wrk");
    command
        .args(["--latency", "--timeout", "30", "--threads", "1"])
        .args(["--connections", &connections.to_string()])
        .args(["--duration", &format!("{seconds}s")])
        .arg(format!("http://127.0.0.1:{}/", server.port));
    let output = command
        .output()
        .map_err(|problem| format!("cannot start wrk: {problem}"))?;
    let words = String::from_utf8_lossy(&output.stdout);
    parse(&words).ok_or_else(|| format!("{command:?} said: {words}"))
}

/// Reads what wrk says.
fn parse(words: &str) -> Option<Figures> {
    let behind = |name: &str| {
        let mut lines = words.lines().map(str::trim);
        lines.find_map(|line| Some(line.strip_prefix(name)?.trim()))
    };
    let in_ms = |text: &str| {
        let (number, factor) = if let Some(number) = text.strip_suffix("us") {
            (number, 1e-3)
        } else if let Some(number) = text.strip_suffix("ms") {
            (number, 1.0)
        } else if let Some(number) = text.strip_suffix('m') {
            (number, 6e4)
        } else {
            (text.strip_suffix('s')?, 1e3)
        };
        Some(number.parse::<f64>().ok()? * factor)
    };
    // `1234 requests in 5.00s, 1.00MB read`
    let total = words.lines().find(|line| line.contains(" requests in "))?;
    let (requests, rest) = total.trim().split_once(" requests in ")?;
    let seconds = in_ms(rest.split(',').next()?)? / 1e3;
    let numbers = |text: &str| -> u64 {
        let fields = text.split(|letter: char| !letter.is_ascii_digit());
        fields.filter_map(|field| field.parse::<u64>().ok()).sum()
    };
    Some(Figures {
        requests: requests.parse().ok()?,
        seconds,
        p50_ms: in_ms(behind("50%")?)?,
        p99_ms: in_ms(behind("99%")?)?,
        errors: behind("Socket errors:").map_or(0, numbers)
            + behind("Non-2xx or 3xx responses:").map_or(0, numbers),
    })
}

/// Connections one after another, with one request each.
pub(crate) fn in_a_row(server: &Server, connections: usize) -> Figures {
    let one = || -> Option<()> {
        let mut stream = server.connect().ok()?;
        stream.write_all(LAST_REQUEST).ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        answer.ends_with(ANSWER_END).then_some(())
    };
    repeat(connections, one)
}

/// Connections that are there at once, with one request each, sent when all of them are made. Latencies count from there.
pub(crate) fn at_once(server: &Server, connections: usize) -> Result<Figures, String> {
    let begun = Instant::now();
    let streams: Result<Vec<_>, _> = (0..connections).map(|_| server.connect()).collect();
    let mut streams = streams?;
    let made = Instant::now();
    let mut errors = 0;
    for stream in &mut streams {
        errors += u64::from(stream.write_all(REQUEST).is_err());
    }
    let mut latencies = Vec::new();
    for stream in &mut streams {
        match answer(stream) {
            Some(()) => latencies.push(made.elapsed()),
            None => errors += 1,
        }
    }
    Ok(figures(latencies, begun.elapsed(), errors))
}

/// Requests on one connection beside `idle` ones, that have had one request each.
pub(crate) fn beside_idle(
    server: &Server,
    idle: usize,
    requests: usize,
) -> Result<Figures, String> {
    let mut others = Vec::new();
    for _ in 0..idle {
        let mut stream = server.connect()?;
        let asked = stream.write_all(REQUEST).is_ok();
        if !asked || answer(&mut stream).is_none() {
            return Err("an idle connection was not served".to_owned());
        }
        others.push(stream);
    }
    let mut stream = server.connect()?;
    Ok(repeat(requests, || {
        stream.write_all(REQUEST).ok()?;
        answer(&mut stream)
    }))
}

/// Bytes a second from the server, and to it, on one connection: in MB/s.
pub(crate) fn bulk(server: &Server, bytes: usize) -> Result<(f64, f64), String> {
    let rate = |begun: Instant| bytes as f64 / 1e6 / begun.elapsed().as_secs_f64();
    let failed = |problem: std::io::Error| format!("a transfer failed: {problem}");
    let mut room = vec![0; 1 << 18];
    let mut stream = server.connect()?;
    let begun = Instant::now();
    let request = format!("GET /bytes/{bytes} HTTP/1.1\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(failed)?;
    let mut got = 0;
    loop {
        match stream.read(&mut room).map_err(failed)? {
            0 => break,
            count => got += count,
        }
    }
    if got < bytes {
        return Err(format!("{got} bytes of {bytes} came"));
    }
    let out = rate(begun);
    let mut stream = server.connect()?;
    let begun = Instant::now();
    let request =
        format!("POST / HTTP/1.1\r\nContent-Length: {bytes}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(failed)?;
    for piece in vec![7; bytes].chunks(room.len()) {
        stream.write_all(piece).map_err(failed)?;
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(failed)?;
    if !answer.ends_with(&format!("\r\n{bytes}\n")) {
        return Err(format!("the server counted something else: {answer}"));
    }
    Ok((out, rate(begun)))
}

/// Takes one answer.
fn answer(stream: &mut std::net::TcpStream) -> Option<()> {
    let mut room = [0; 512];
    let mut len = 0;
    while !room[..len].ends_with(ANSWER_END) {
        match stream.read(&mut room[len..]).ok()? {
            0 => return None,
            count => len += count,
        }
    }
    Some(())
}

fn repeat(count: usize, mut one: impl FnMut() -> Option<()>) -> Figures {
    let begun = Instant::now();
    let mut latencies = Vec::new();
    let mut errors = 0;
    for _ in 0..count {
        let start = Instant::now();
        match one() {
            Some(()) => latencies.push(start.elapsed()),
            None => errors += 1,
        }
    }
    figures(latencies, begun.elapsed(), errors)
}

fn figures(mut latencies: Vec<Duration>, all: Duration, errors: u64) -> Figures {
    latencies.sort();
    let part = |of_hundred: usize| {
        let at = latencies.len() * of_hundred / 100;
        let latency = latencies.get(at).copied().unwrap_or_default();
        latency.as_secs_f64() * 1e3
    };
    Figures {
        requests: latencies.len() as f64,
        seconds: all.as_secs_f64(),
        p50_ms: part(50),
        p99_ms: part(99),
        errors,
    }
}
