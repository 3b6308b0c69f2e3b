//! Requests at a fixed rate, whether or not the ones before were answered in time: half of them on connections that stay,
//! half on connections of their own. A latency counts from the moment at which its request was due.

use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::client::{ask, connect};

/// Clients of each sort. Each has one request under way at most; one that is late catches up.
const CLIENTS: u32 = 16;

/// A load under way.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Heard>>,
}

/// What clients have heard.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// Of each answered request, in the order of the clients.
    pub(crate) latencies: Vec<Duration>,
    /// Those that were not answered, or not with status 200, and when.
    pub(crate) failures: Vec<String>,
    /// The answers of each client, without repetitions.
    pub(crate) answers: Vec<Vec<String>>,
}

impl Load {
    /// Begins to send `rate` requests a second to `port`.
    pub(crate) fn start(port: u16, rate: u32) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let pause = Duration::from_secs((2 * CLIENTS).into()) / rate;
        let begin = Instant::now();
        let clients = (0..2 * CLIENTS).map(|number| {
            let client = Client {
                port,
                keeps: number % 2 == 0,
                pause,
                due: begin + pause * number / (2 * CLIENTS),
                stream: None,
            };
            let stop = Arc::clone(&stop);
            thread::spawn(move || client.run(begin, &stop))
        });
        Self {
            clients: clients.collect(),
            stop,
        }
    }

    /// Ends it.
    pub(crate) fn stop(self) -> Heard {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Heard::default();
        for client in self.clients {
            let heard = client.join().unwrap();
            all.latencies.extend(heard.latencies);
            all.failures.extend(heard.failures);
            all.answers.extend(heard.answers);
        }
        all.latencies.sort();
        all
    }
}

impl Heard {
    /// The latency that so many of a thousand requests do not exceed; call it when the latencies are sorted.
    pub(crate) fn part(&self, of_thousand: usize) -> Duration {
        let last = self.latencies.len() - 1;
        self.latencies[last * of_thousand / 1000]
    }
}

struct Client {
    port: u16,
    /// Asks on one connection as long as that lasts.
    keeps: bool,
    pause: Duration,
    /// When the next request is to be sent.
    due: Instant,
    stream: Option<TcpStream>,
}

impl Client {
    fn run(mut self, begin: Instant, stop: &AtomicBool) -> Heard {
        let mut heard = Heard::default();
        let mut answers: Vec<String> = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            thread::sleep(self.due.saturating_duration_since(Instant::now()));
            match self.ask() {
                Ok((200, body)) => {
                    heard.latencies.push(self.due.elapsed());
                    if answers.last() != Some(&body) {
                        answers.push(body);
                    }
                }
                other => heard.failures.push(format!(
                    "after {:?}, connection kept: {}, due {:?} before: {other:?}",
                    begin.elapsed(),
                    self.keeps,
                    self.due.elapsed()
                )),
            }
            self.due += self.pause;
        }
        heard.answers.push(answers);
        heard
    }

    fn ask(&mut self) -> std::io::Result<(u16, String)> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => connect(self.port)?,
        };
        let answer = ask(&mut stream, if self.keeps { "/" } else { "/close" })?;
        if self.keeps {
            self.stream = Some(stream);
        }
        Ok(answer)
    }
}
