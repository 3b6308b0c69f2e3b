//! Saves, and how long it takes until they are answered.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use super::answer;
use super::application::Application;
use super::peer::{Peer, Running};

/// Nothing that is waited for takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two saves: people take longer.
const PAUSE: Duration = Duration::from_millis(400);

/// What a server came to.
pub(crate) struct Figures {
    saves: usize,
    pub(crate) answer: Times,
    /// From the linked window on; empty where nothing is linked.
    linked: Times,
    compiled: String,
    failed: usize,
    longest: Duration,
}

/// Times in ms.
#[derive(Default)]
pub(crate) struct Times(Vec<f64>);

impl Times {
    fn add(&mut self, time: Duration) {
        self.0.push(time.as_secs_f64() * 1e3);
        self.0.sort_by(f64::total_cmp);
    }

    pub(crate) fn middle(&self) -> f64 {
        self.part(50)
    }

    /// What so many of a hundred do not exceed.
    fn part(&self, of_hundred: usize) -> f64 {
        let rank = (self.0.len() * of_hundred).div_ceil(100).max(1);
        self.0.get(rank - 1).copied().unwrap_or(f64::NAN)
    }
}

impl Figures {
    pub(crate) fn cells(&self, name: &str) -> Vec<String> {
        let ms = |time: f64| match time.is_nan() {
            true => String::new(),
            false => format!("{time:.1}"),
        };
        vec![
            name.to_owned(),
            self.saves.to_string(),
            ms(self.answer.middle()),
            ms(self.answer.part(95)),
            ms(self.answer.part(100)),
            ms(self.linked.middle()),
            ms(self.linked.part(95)),
            self.compiled.clone(),
            self.failed.to_string(),
            ms(self.longest.as_secs_f64() * 1e3),
        ]
    }
}

/// Starts `peer` and saves so often.
pub(crate) fn measure(
    peer: &Peer,
    application: &Application,
    saves: usize,
) -> Result<Figures, String> {
    (peer.save)(application, 0)?;
    let running = Running::start(peer, application)?;
    let mut figures = Figures {
        saves,
        answer: Times::default(),
        linked: Times::default(),
        compiled: String::new(),
        failed: 0,
        longest: Duration::ZERO,
    };
    // What happens before the first answer is no reload.
    until(&running, 0, &mut (0, Duration::ZERO))?;
    // One save to get warm.
    for number in 1..=saves + 1 {
        thread::sleep(PAUSE);
        running.forget();
        let mut troubles = (0, Duration::ZERO);
        let saved = Instant::now();
        (peer.save)(application, number)?;
        until(&running, number, &mut troubles)?;
        let answered = Instant::now();
        if number == 1 {
            continue;
        }
        figures.answer.add(answered - saved);
        figures.failed += troubles.0;
        figures.longest = figures.longest.max(troubles.1);
        if peer.tells {
            let told = running.reload()?;
            figures
                .linked
                .add(answered.saturating_duration_since(told.linked));
            figures.compiled = format!("{} of {}", told.compiled, told.functions);
        }
    }
    Ok(figures)
}

/// Asks until the answer has this number; counts requests that fail, and the longest that one took.
fn until(
    running: &Running,
    number: usize,
    (failed, longest): &mut (usize, Duration),
) -> Result<(), String> {
    let wanted = format!("answer-{number:05}");
    let end = Instant::now() + PATIENCE;
    loop {
        let begun = Instant::now();
        let answer = ask(running.port, running.path);
        *longest = begun.elapsed().max(*longest);
        match answer {
            Some(body) if body.contains(&wanted) => return Ok(()),
            Some(_) => {}
            // Refused at once: others want the processor too.
            None => {
                *failed += 1;
                thread::sleep(Duration::from_millis(1));
            }
        }
        if Instant::now() > end {
            return Err(format!(
                "no `{wanted}` within {PATIENCE:?}: {}",
                running.words()
            ));
        }
    }
}

/// The answer, if there is one and its status is 200.
fn ask(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.set_nodelay(true).ok()?;
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut bytes = Vec::new();
    loop {
        let mut part = [0; 4096];
        let len = stream.read(&mut part).ok()?;
        bytes.extend(&part[..len]);
        // Not the end of the connection: workerd keeps it open for five seconds, whatever it is asked for.
        if let Some((status, body)) = answer::whole(&bytes, len == 0) {
            return (status == 200).then_some(body);
        }
        if len == 0 {
            return None;
        }
    }
}
