//! Recordings: the files that a machine makes or repeats one with, and what it has beside others for that.
//!
//! Source: "Record/replay" of QEMU's documentation. What a machine does follows from what it was given and from what came from
//! outside, in which order: QEMU counts instructions and notes both with their number. The console's input is noted where
//! it is also a serial line's; its output goes to a file, since one that has to wait is not noted.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{CWD, FileType, Mode};

use super::arguments::{Arguments, image_option, push_path};
use super::config::Mount;
use super::error::{Action as _, QemuError};

/// Names of the files in a recording's folder; QEMU adds `.out` and `.in` to the console's.
const LOG_FILE: &str = "log";
const CONFIG_FILE: &str = "config";
const CONSOLE_FILE: &str = "console";
const CONSOLE_OUTPUT_FILE: &str = "console.out";
const CONSOLE_INPUT_FILE: &str = "console.in";

/// What repeating takes; a log that lacks anything makes QEMU wait for it for ever.
pub const NEEDED_FILES: [&str; 2] = [LOG_FILE, CONFIG_FILE];

/// How often a console that goes to a file is looked at: QEMU's writing can't be waited for.
const LOOK: Duration = Duration::from_millis(4);

/// Bytes that are passed on at once.
const PART_BYTES: usize = 64 << 10;

/// What a machine has to do with a recording.
#[derive(Debug)]
pub struct Recording {
    /// Its folder.
    pub folder: PathBuf,
    /// Whether it is made or repeated.
    pub role: Role,
    /// Where the console of a machine that repeats one is written to; it stays open in children.
    pub console: Option<File>,
}

/// What is done with a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It is made.
    Make,
    /// It is repeated.
    Repeat,
}

impl Recording {
    /// What QEMU notes.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.folder.join(LOG_FILE)
    }

    /// The configuration block that the machine was given.
    pub(super) fn config(&self) -> PathBuf {
        self.folder.join(CONFIG_FILE)
    }

    /// Makes `end` the other end of the console of a machine that is about to start.
    pub(super) fn connect(&self, end: UnixStream) -> Result<(), QemuError> {
        if self.role == Role::Repeat {
            // Its input is in the recording.
            return Ok(());
        }
        const ACTION: &str = "make the console's files of a recording";
        let output = File::create_new(self.folder.join(CONSOLE_OUTPUT_FILE)).action(ACTION)?;
        drop(output);
        let output = File::open(self.folder.join(CONSOLE_OUTPUT_FILE)).action(ACTION)?;
        let pipe = self.folder.join(CONSOLE_INPUT_FILE);
        let mode = Mode::RUSR | Mode::WUSR;
        rustix::fs::mknodat(CWD, &pipe, FileType::Fifo, mode, 0).action(ACTION)?;
        // With both ends here opening it waits for nobody.
        let input = File::options()
            .read(true)
            .write(true)
            .open(&pipe)
            .action(ACTION)?;
        std::thread::spawn(move || carry(&end, &output, &input));
        Ok(())
    }

    /// The part of QEMU's arguments that makes it count instructions, and note or repeat.
    pub(super) fn push_clock(&self, list: &mut Arguments) {
        let mode = match self.role {
            Role::Make => "record",
            Role::Repeat => "replay",
        };
        let mut option = format!("shift=auto,rr={mode},rrfile=").into_bytes();
        push_path(&mut option, &self.log());
        list.two("-icount", std::ffi::OsString::from_vec(option));
        // At the end of the program the machine stands still: how far it came is to be asked, and looked at.
        list.one("-no-shutdown");
    }

    /// The console.
    pub(super) fn push_console(&self, list: &mut Arguments) {
        let (mut option, path) = match &self.console {
            None => (
                b"pipe,id=console,path=".to_vec(),
                self.folder.join(CONSOLE_FILE),
            ),
            Some(file) => {
                let descriptor = file.as_raw_fd();
                (
                    b"file,id=console,path=".to_vec(),
                    format!("/proc/self/fd/{descriptor}").into(),
                )
            }
        };
        push_path(&mut option, &path);
        list.two("-chardev", std::ffi::OsString::from_vec(option));
        // A second serial line, which a microvm does not have: only what is given as one is noted.
        list.two("-serial", "chardev:console");
    }

    /// What makes the network card's traffic part of the recording.
    pub(super) fn push_network(list: &mut Arguments) {
        list.two("-object", "filter-replay,id=replay,netdev=net");
        // Frames are sent by the machine's own clock, not when the host comes to it; and at once: where a machine is stopped
        // and goes on, QEMU sets this timer anew, so that a frame that still waits for it would be sent later than it was.
        list.two("-global", "virtio-net-device.tx=timer");
        list.two("-global", "virtio-net-device.x-txtimer=0");
    }

    /// A disk: QEMU notes when what is asked of it is done. What a machine that repeats writes is gone with it.
    pub(super) fn push_disk(list: &mut Arguments, role: Role, index: usize, disk: &Mount) {
        let image = format!("image{index}");
        match role {
            Role::Make => list.two("-blockdev", image_option(&image, disk)),
            Role::Repeat => {
                let mut option =
                    format!("if=none,id={image},format=raw,snapshot=on,file=").into_bytes();
                push_path(&mut option, &disk.host);
                list.two("-drive", std::ffi::OsString::from_vec(option));
            }
        }
        let mode = if disk.is_read_only { "on" } else { "off" };
        list.two(
            "-drive",
            format!("driver=blkreplay,if=none,id=disk{index},read-only={mode},image={image}"),
        );
    }

    /// Removes what only a machine that runs needs.
    pub fn tidy(&self) {
        let _ = std::fs::remove_file(self.folder.join(CONSOLE_INPUT_FILE));
    }
}

/// Carries bytes between a session's end of the console and the files that QEMU has, until the session is over.
fn carry(mut end: &UnixStream, mut output: &File, mut input: &File) {
    let mut part = vec![0; PART_BYTES];
    loop {
        loop {
            match output.read(&mut part) {
                Ok(0) | Err(_) => break,
                Ok(len) => {
                    if end.write_all(&part[..len]).is_err() {
                        return;
                    }
                }
            }
        }
        let look = Timespec {
            tv_sec: 0,
            tv_nsec: LOOK.subsec_nanos().into(),
        };
        let mut descriptors = [PollFd::from_borrowed_fd(end.as_fd(), PollFlags::IN)];
        match rustix::event::poll(&mut descriptors, Some(&look)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => continue,
            Ok(_) => {}
            Err(_) => return,
        }
        match end.read(&mut part) {
            Err(problem) if problem.kind() == io::ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => return,
            Ok(len) => {
                if input.write_all(&part[..len]).is_err() {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    use super::{CONSOLE_INPUT_FILE, CONSOLE_OUTPUT_FILE, Recording, Role};

    #[test]
    fn a_console_goes_through_files() {
        let folder = tempfile::tempdir().unwrap();
        let recording = Recording {
            folder: folder.path().to_owned(),
            role: Role::Make,
            console: None,
        };
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        ours.set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        recording.connect(theirs).unwrap();
        let path = |name: &str| folder.path().join(name);
        let mut output = fs::OpenOptions::new()
            .append(true)
            .open(path(CONSOLE_OUTPUT_FILE))
            .unwrap();
        let mut input = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(path(CONSOLE_INPUT_FILE))
            .unwrap();
        for text in [b"one", b"two"] {
            let mut bytes = [0; 3];
            output.write_all(text).unwrap();
            ours.read_exact(&mut bytes).unwrap();
            assert_eq!(&bytes, text);
            ours.write_all(text).unwrap();
            input.read_exact(&mut bytes).unwrap();
            assert_eq!(&bytes, text);
        }
        recording.tidy();
        assert!(!path(CONSOLE_INPUT_FILE).exists());
    }
}
