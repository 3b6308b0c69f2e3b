//! Saves of all kinds while requests come at a fixed rate: none fails, none waits long, and what a good save answers comes.

use std::io::Write as _;
use std::thread;
use std::time::{Duration, Instant};

use crate::client::{ask, connect, hear};
use crate::load::Load;
use crate::server::{Kind, answer, project};
use crate::session::{Session, tell};

/// What a test asks for.
struct Form {
    reloads: usize,
    /// Requests a second.
    rate: u32,
    /// Between two saves.
    pause: Duration,
    /// No request waits longer.
    wait_max: Duration,
}

/// The whole form is for a machine that does nothing else; elsewhere ten times as long is allowed.
fn form() -> Form {
    match crate::reloads() {
        Some(reloads) => Form {
            reloads,
            rate: 1000,
            pause: Duration::from_secs(1),
            wait_max: Duration::from_secs(1),
        },
        None => Form {
            reloads: 12,
            rate: 200,
            pause: Duration::ZERO,
            wait_max: Duration::from_secs(10),
        },
    }
}

#[test]
fn no_request_fails_or_waits_while_programs_come_and_go() {
    let form = form();
    let (place, port) = project();
    let mut dev = Session::start(place);
    dev.outcome("ready");
    let load = Load::start(port, form.rate);
    let begun = Instant::now();
    let mut took = Vec::new();
    // One save in two is bad, in all ways by turns.
    for number in 1..=form.reloads {
        let kind = match number % 2 {
            0 => Kind::Good,
            _ => Kind::BAD[number / 2 % Kind::BAD.len()],
        };
        thread::sleep(form.pause);
        let saved = Instant::now();
        dev.save("version", &kind.version(number));
        dev.outcome(kind.event());
        let last_good = number / 2 * 2;
        let (status, body) = ask(&mut connect(port).unwrap(), "/close").unwrap();
        assert_eq!((status, body), (200, answer(last_good)), "after {kind:?}");
        if kind == Kind::Good {
            took.push(saved.elapsed());
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    let heard = load.stop();
    took.sort();
    tell(&format!(
        "{} saves in {seconds:.1} s, {} requests ({:.0} a second), {} failed; waited: p50 {:?}, p99 {:?}, p99.9 {:?}, most {:?}; \
         good saves to their answer: {:?} in the middle, {:?} at most",
        form.reloads,
        heard.latencies.len(),
        heard.latencies.len() as f64 / seconds,
        heard.failures.len(),
        heard.part(500),
        heard.part(990),
        heard.part(999),
        heard.part(1000),
        took[took.len() / 2],
        took[took.len() - 1],
    ));
    assert!(heard.failures.is_empty(), "{:#?}", heard.failures);
    assert!(heard.part(1000) < form.wait_max, "{:?}", heard.part(1000));
    for answers in &heard.answers {
        // Whoever has seen a new program never sees an older one.
        assert!(answers.is_sorted(), "{answers:?}");
        assert!(answers.len() > 1, "{answers:?}");
    }
    dev.stop();
}

#[test]
fn connections_outlive_the_machines_that_answered_them() {
    let (place, port) = project();
    let mut dev = Session::start(place);
    dev.outcome("ready");
    let mut kept = connect(port).unwrap();
    assert_eq!(ask(&mut kept, "/").unwrap(), (200, answer(0)));
    // One that has said nothing, and one that is in the middle of its request.
    let mut silent = connect(port).unwrap();
    let mut slow = connect(port).unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nHo").unwrap();
    // A machine has it.
    ask(&mut connect(port).unwrap(), "/close").unwrap();
    for number in 1..=3 {
        dev.save("version", &Kind::Good.version(number));
        dev.outcome("ready");
    }
    assert_eq!(ask(&mut kept, "/").unwrap(), (200, answer(3)));
    assert_eq!(ask(&mut silent, "/").unwrap(), (200, answer(3)));
    // The rest goes where the beginning went, or all of it to whoever serves now.
    slow.write_all(b"st: x\r\n\r\n").unwrap();
    let (status, body) = hear(&mut slow).unwrap();
    assert!(
        status == 200 && (body == answer(0) || body == answer(3)),
        "{body}"
    );
    dev.stop();
}
