//! QEMU's monitor protocol, as far as a machine's memory and recordings need it.
//!
//! Source: "QEMU Machine Protocol Specification" of QEMU's documentation.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

/// How long QEMU may take to an answer: it writes a machine's memory to a disk meanwhile.
const PATIENCE: Duration = Duration::from_secs(120);

/// A machine's monitor.
#[derive(Debug)]
pub struct Monitor {
    stream: UnixStream,
    lines: BufReader<UnixStream>,
    is_greeted: bool,
}

impl Monitor {
    /// The monitor behind `stream`.
    pub(super) fn new(stream: UnixStream) -> io::Result<Self> {
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            lines: BufReader::new(stream.try_clone()?),
            stream,
            is_greeted: false,
        })
    }

    /// Writes the machine's memory, as its page tables show it, to an ELF core at `path`. The machine stands still meanwhile.
    ///
    /// # Errors
    ///
    /// QEMU is gone, or refuses: the error has its words. There may be a file then.
    pub fn dump_memory(&mut self, path: &Path) -> io::Result<()> {
        let path = path.to_str().ok_or(io::ErrorKind::InvalidInput)?;
        let protocol = format!("file:{path}");
        self.execute(
            "dump-guest-memory",
            json!({ "paging": true, "protocol": protocol }),
        )?;
        Ok(())
    }

    /// Stops the machine.
    pub(super) fn stop(&mut self) -> io::Result<()> {
        self.execute("stop", json!({})).map(drop)
    }

    /// Ends QEMU.
    pub(super) fn quit(&mut self) -> io::Result<()> {
        self.execute("quit", json!({})).map(drop)
    }

    /// How many instructions a machine has run that makes or repeats a recording.
    pub(super) fn instructions(&mut self) -> io::Result<u64> {
        let answer = self.execute("query-replay", json!({}))?;
        answer["icount"]
            .as_u64()
            .ok_or_else(|| io::Error::other("QEMU does not tell how many instructions have run"))
    }

    /// Lets the machine stop when it has run so many instructions of its recording; it has not yet.
    pub(super) fn stop_at(&mut self, instructions: u64) -> io::Result<()> {
        self.execute("replay-break", json!({ "icount": instructions }))
            .map(drop)
    }

    /// Takes [`Monitor::stop_at`] back.
    pub(super) fn stop_nowhere(&mut self) -> io::Result<()> {
        self.execute("replay-delete-break", json!({})).map(drop)
    }

    /// Where a byte of the address space that the processor sees is in the machine's memory, if it is there.
    pub(super) fn physical(&mut self, address: u64) -> io::Result<Option<u64>> {
        let line = format!("gva2gpa {address:#x}");
        let answer = self.execute("human-monitor-command", json!({ "command-line": line }))?;
        // `gpa: 0x1234`, or `Unmapped`.
        let digits = answer
            .as_str()
            .and_then(|text| text.trim().strip_prefix("gpa: 0x"));
        Ok(digits.and_then(|digits| u64::from_str_radix(digits, 16).ok()))
    }

    fn execute(&mut self, command: &str, arguments: Value) -> io::Result<Value> {
        if !self.is_greeted {
            self.is_greeted = true;
            self.ask("qmp_capabilities", json!({}))?;
        }
        self.ask(command, arguments)
    }

    fn ask(&mut self, command: &str, arguments: Value) -> io::Result<Value> {
        let order = json!({ "execute": command, "arguments": arguments });
        self.stream.write_all(format!("{order}\n").as_bytes())?;
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let mut answer: Value = serde_json::from_str(&line)?;
            if let Some(words) = answer["error"]["desc"].as_str() {
                return Err(io::Error::other(words.to_owned()));
            }
            // Greetings and events come between.
            if let Some(value) = answer.get_mut("return") {
                return Ok(value.take());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::os::unix::net::UnixStream;
    use std::path::Path;

    use super::Monitor;

    #[test]
    fn answers_are_found_among_events_and_refusals_told() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let server = std::thread::spawn(move || {
            let mut lines = BufReader::new(theirs.try_clone().unwrap()).lines();
            theirs.write_all(b"{\"QMP\": {}}\r\n").unwrap();
            let mut asked = Vec::new();
            for answer in [
                "{\"return\": {}}\r\n",
                "{\"event\": \"STOP\"}\r\n{\"return\": {}}\r\n",
                "{\"error\": {\"class\": \"GenericError\", \"desc\": \"no room\"}}\r\n",
            ] {
                asked.push(lines.next().unwrap().unwrap());
                theirs.write_all(answer.as_bytes()).unwrap();
            }
            asked
        });
        let mut monitor = Monitor::new(ours).unwrap();
        monitor.dump_memory(Path::new("/a")).unwrap();
        let refused = monitor.dump_memory(Path::new("/a")).unwrap_err();
        assert_eq!(refused.to_string(), "no room");
        let asked = server.join().unwrap();
        assert!(asked[0].contains("qmp_capabilities"));
        assert!(asked[1].contains("file:/a") && asked[1].contains("\"paging\":true"));
    }
}
