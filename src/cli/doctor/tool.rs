//! Other programs, asked a question that they should answer at once.

use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Pid;

use super::super::interrupt::{Holding, hold};
use crate::qemu::leash::{self, Limits};

/// How long a program may take to tell its version; some begin by making caches.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often an answer is looked for.
const PAUSE: Duration = Duration::from_millis(2);

/// What a program answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) is_success: bool,
    pub(super) stdout: String,
    pub(super) stderr: String,
    pub(super) took: Duration,
}

impl Answer {
    /// The first line of standard error that is not empty, or how it ended.
    pub(super) fn complaint(&self) -> String {
        let line = self.stderr.lines().find(|line| !line.trim().is_empty());
        line.map_or("it failed without a word".to_owned(), |line| {
            line.trim().to_owned()
        })
    }
}

/// Runs a program with `input`, in a process group that ends with this process; the error is a sentence.
pub(super) fn ask(program: &Path, arguments: &[&str], input: &str) -> Result<Answer, String> {
    let start = Instant::now();
    let mut child = leash::command(program, Limits::default())
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|problem| format!("cannot be run: {problem}"))?;
    let group = Pid::from_child(&child);
    let _held = hold(Holding::ProcessGroup(group));
    // It may not want its input.
    let _ = child
        .stdin
        .take()
        .map(|mut pipe| pipe.write_all(input.as_bytes()));
    let stdout = reader(child.stdout.take());
    let stderr = reader(child.stderr.take());
    let Some(is_success) = wait(&mut child) else {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        let _ = child.wait();
        return Err(format!("gave no answer in {} s", PATIENCE.as_secs()));
    };
    let took = start.elapsed();
    Ok(Answer {
        is_success,
        stdout: stdout.join().unwrap_or_default(),
        stderr: stderr.join().unwrap_or_default(),
        took,
    })
}

fn wait(child: &mut Child) -> Option<bool> {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status.success()),
            Ok(None) => std::thread::sleep(PAUSE),
            Err(_) => return Some(false),
        }
    }
    None
}

fn reader<T: std::io::Read + Send + 'static>(pipe: Option<T>) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What came is what there is.
            let _ = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::packages::find;
    use super::reader;

    #[test]
    fn what_a_pipe_holds_is_read_whole() {
        let text = reader(Some(&b"one\ntwo"[..]));
        assert_eq!(text.join().unwrap(), "one\ntwo");
        assert_eq!(reader(None::<&[u8]>).join().unwrap(), "");
        assert!(find("sh").is_some());
    }
}
