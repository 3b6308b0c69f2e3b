//! One test binary: run, and where a test takes its machine down, on behind it in another.

use std::collections::VecDeque;
use std::io::Write as _;
use std::time::Instant;

use console::Style;

use super::super::failure::Failure;
use super::STATUS_TESTS_FAILED;
use super::guest::{Guest, Stream};
use super::libtest::{self, Asked};
use super::output::{Counts, Failed, Output};

/// Most bytes of tests' names that one machine is given.
const NAME_BYTES_MAX: usize = 32 << 10;

/// How a binary ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// 0, 101 where a test failed, or the module's own where it has no harness.
    pub(super) status: u8,
}

/// Where what is said goes: to the standard streams at once, or kept until it is its turn.
#[derive(Debug)]
pub(super) struct Sink {
    kept: Option<Vec<(Stream, Vec<u8>)>>,
}

impl Sink {
    pub(super) fn standard() -> Self {
        Self { kept: None }
    }

    pub(super) fn kept() -> Self {
        Self {
            kept: Some(Vec::new()),
        }
    }

    /// Says what was kept.
    pub(super) fn print(self) {
        for (stream, bytes) in self.kept.unwrap_or_default() {
            print(stream, &bytes);
        }
    }

    fn say(&mut self, stream: Stream, bytes: &[u8]) {
        match &mut self.kept {
            Some(kept) => kept.push((stream, bytes.to_owned())),
            None => print(stream, bytes),
        }
    }

    fn show(&mut self, text: &str) {
        self.say(Stream::Stdout, text.as_bytes());
    }
}

/// A reader that went away is no failure of a test.
fn print(stream: Stream, bytes: &[u8]) {
    let _ = match stream {
        Stream::Stdout => {
            let mut stdout = std::io::stdout().lock();
            stdout.write_all(bytes).and_then(|()| stdout.flush())
        }
        Stream::Stderr => std::io::stderr().write_all(bytes),
    };
}

/// Runs the tests of `guest` that `words` ask for.
pub(super) fn run(guest: &Guest, words: &[String], sink: &mut Sink) -> Result<Verdict, Failure> {
    let asked = Asked::new(words);
    if asked.is_plain {
        let status = guest.run(words, |stream, bytes| sink.say(stream, bytes))?;
        return Ok(Verdict { status });
    }
    let start = Instant::now();
    let mut total = Counts::default();
    let mut failed: Vec<Failed> = Vec::new();
    // What the machine at work was asked for by name, and what is left for others; nothing of it before a machine ended early.
    let mut batch: Option<Vec<String>> = None;
    let mut rest = VecDeque::new();
    let mut words = asked.all();
    loop {
        let mut output = Output::new(batch.is_some());
        let mut stderr = Vec::new();
        let status = guest.run(&words, |stream, bytes| match stream {
            Stream::Stdout => output.take(bytes, &mut |text| sink.show(text)),
            Stream::Stderr if asked.shows_output => sink.say(stream, bytes),
            Stream::Stderr => stderr.extend(bytes),
        })?;
        if !output.is_harness() {
            sink.say(Stream::Stderr, &stderr);
            return Ok(Verdict { status });
        }
        let interrupted = output.interrupted(&mut |text| sink.show(text));
        total.passed += output.counts.passed;
        total.failed += output.counts.failed;
        total.ignored += output.counts.ignored;
        if batch.is_none() {
            total.filtered_out = output.counts.filtered_out;
        }
        failed.append(&mut output.failed);
        if let Some(name) = interrupted {
            sink.show(&format!("{}\n", Style::new().red().apply_to("FAILED")));
            let text = match asked.shows_output {
                true => "its output stands above\n".to_owned(),
                false => alone(guest, &asked, &name, &stderr)?,
            };
            let names = match batch.take() {
                Some(names) => names,
                None => {
                    let names = list(guest, &asked.list())?;
                    if asked.is_choice() {
                        let all = list(guest, &asked.list_all())?;
                        total.filtered_out = all.len().saturating_sub(names.len());
                    }
                    names
                }
            };
            let behind = names.iter().position(|other| *other == name);
            let behind = &names[behind.map_or(names.len(), |at| at + 1)..];
            for name in behind.iter().rev() {
                rest.push_front(name.clone());
            }
            failed.push(Failed { name, text });
        } else {
            sink.say(Stream::Stderr, &stderr);
            if !output.is_whole() {
                // The harness itself came to nothing.
                return Ok(Verdict {
                    status: status.max(1),
                });
            }
        }
        if rest.is_empty() {
            break;
        }
        let names = take_batch(&mut rest);
        words = asked.exactly(&names);
        batch = Some(names);
    }
    summarise(sink, &total, &failed, start);
    let status = if total.failed == 0 {
        0
    } else {
        STATUS_TESTS_FAILED
    };
    Ok(Verdict { status })
}

/// As many of the tests left as one machine is given: at least one.
fn take_batch(rest: &mut VecDeque<String>) -> Vec<String> {
    let mut bytes = 0;
    let fit = rest.iter().take_while(|name| {
        bytes += name.len() + 1;
        bytes <= NAME_BYTES_MAX
    });
    let count = fit.count().clamp(1, rest.len());
    rest.drain(..count).collect()
}

/// What a test writes that took its machine down: its output was kept there, so it runs once more, by itself.
fn alone(guest: &Guest, asked: &Asked, name: &str, before: &[u8]) -> Result<String, Failure> {
    let mut output = Output::new(true);
    let mut shown = String::new();
    let mut stderr = Vec::new();
    guest.run(&asked.with_output(name), |stream, bytes| match stream {
        Stream::Stdout => output.take(bytes, &mut |text| shown += text),
        Stream::Stderr => stderr.extend(bytes),
    })?;
    if output.interrupted(&mut |text| shown += text).is_none() {
        return Ok(format!(
            "{}\n(it passed when it was run once more, by itself)\n",
            String::from_utf8_lossy(before)
        ));
    }
    let prefix = format!("test {name} ... ");
    let own = shown.strip_prefix(&prefix).unwrap_or(&shown);
    let gap = if own.is_empty() || own.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    Ok(format!("{own}{gap}{}", String::from_utf8_lossy(&stderr)))
}

fn list(guest: &Guest, words: &[String]) -> Result<Vec<String>, Failure> {
    let mut text = Vec::new();
    guest.run(words, |stream, bytes| {
        if stream == Stream::Stdout {
            text.extend(bytes);
        }
    })?;
    Ok(libtest::names(&String::from_utf8_lossy(&text)))
}

/// The harness's own words at its end, over all machines.
fn summarise(sink: &mut Sink, total: &Counts, failed: &[Failed], start: Instant) {
    if !failed.is_empty() {
        sink.show("\nfailures:\n");
        for Failed { name, text } in failed {
            sink.show(&format!("\n---- {name} stdout ----\n{}\n", text.trim_end()));
        }
        sink.show("\n\nfailures:\n");
        for Failed { name, .. } in failed {
            sink.show(&format!("    {name}\n"));
        }
    }
    let (word, style) = match total.failed {
        0 => ("ok", Style::new().green()),
        _ => ("FAILED", Style::new().red()),
    };
    sink.show(&format!(
        "\ntest result: {}. {} passed; {} failed; {} ignored; 0 measured; {} filtered out; finished in {:.2}s\n\n",
        style.apply_to(word),
        total.passed,
        total.failed,
        total.ignored,
        total.filtered_out,
        start.elapsed().as_secs_f64()
    ));
}
