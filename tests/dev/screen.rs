//! A pseudo-terminal with a screen behind it, as a person has one.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::num::NonZero;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use crate::invoke::{PATIENCE, wait_for};

/// Rows and columns.
const SIZE: (u16, u16) = (30, 110);
/// Rows that have scrolled out of sight and can be looked at.
const SCROLLBACK: usize = 500;

/// A terminal, and the program that has it.
pub(crate) struct Terminal {
    keyboard: File,
    pub(crate) child: Child,
    shown: Arc<Mutex<Shown>>,
}

struct Shown {
    screen: vt100::Parser,
    /// Every byte that came.
    bytes: Vec<u8>,
}

impl Terminal {
    /// Starts `command` in a session of its own, with a terminal.
    pub(crate) fn start(mut command: Command) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        set_size(&ours, SIZE);
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let theirs = ioctl_tiocgptpeer(&ours, flags).unwrap();
        command
            .env("TERM", "xterm-256color")
            .stdin(Stdio::from(theirs.try_clone().unwrap()))
            .stdout(Stdio::from(theirs.try_clone().unwrap()))
            .stderr(Stdio::from(theirs));
        // SAFETY: both are system calls without allocation or locks, on a descriptor that is open until `exec`.
        unsafe {
            command.pre_exec(|| {
                rustix::process::setsid()?;
                rustix::process::ioctl_tiocsctty(std::io::stdin())?;
                Ok(())
            });
        }
        let child = command.spawn().unwrap();
        // Its copies of the terminal would keep it open.
        drop(command);
        let keyboard = File::from(ours);
        let shown = Arc::new(Mutex::new(Shown {
            screen: vt100::Parser::new(of(SIZE.0), of(SIZE.1), SCROLLBACK),
            bytes: Vec::new(),
        }));
        let mut reader = keyboard.try_clone().unwrap();
        let of_thread = Arc::clone(&shown);
        thread::spawn(move || {
            let mut part = [0; 4096];
            // Without anyone at the other end reading fails.
            while let Ok(len @ 1..) = reader.read(&mut part) {
                let mut shown = of_thread.lock().unwrap();
                shown.screen.process(&part[..len]);
                shown.bytes.extend(&part[..len]);
            }
        });
        Self {
            keyboard,
            child,
            shown,
        }
    }

    /// Presses keys.
    pub(crate) fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// All text on the screen, and what has scrolled out of sight.
    pub(crate) fn text(&self) -> String {
        let mut shown = self.shown.lock().unwrap();
        let screen = shown.screen.screen_mut();
        let columns = screen.size().1.get();
        screen.set_scrollback(SCROLLBACK);
        let mut lines = Vec::new();
        for back in (0..=screen.scrollback()).rev() {
            screen.set_scrollback(back);
            match back {
                0 => lines.extend(screen.rows(0, columns)),
                _ => lines.extend(screen.rows(0, columns).next()),
            }
        }
        lines.join("\n").trim_end().to_owned()
    }

    /// Every byte that came.
    pub(crate) fn bytes(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap().bytes).into_owned()
    }

    /// Waits until `text` is shown `count` times.
    #[track_caller]
    pub(crate) fn wait_for(&self, text: &str, count: usize) {
        let end = Instant::now() + PATIENCE;
        while self.text().matches(text).count() < count {
            let shown = self.text();
            assert!(
                Instant::now() < end,
                "no {text:?} {count} times on:\n{shown}"
            );
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Whether keys are told one by one and not shown.
    pub(crate) fn is_for_keys(&self) -> bool {
        let modes = tcgetattr(&self.keyboard).unwrap().local_modes;
        !modes.intersects(LocalModes::ICANON | LocalModes::ECHO)
    }

    /// Waits until that is so, or no more.
    #[track_caller]
    pub(crate) fn wait_for_modes(&self, is_for_keys: bool) {
        wait_for("the terminal's modes", || {
            (self.is_for_keys() == is_for_keys).then_some(())
        });
    }

    /// Makes the window larger or smaller.
    pub(crate) fn resize(&self, size: (u16, u16)) {
        set_size(&self.keyboard, size);
        let mut shown = self.shown.lock().unwrap();
        shown.screen.screen_mut().set_size(of(size.0), of(size.1));
    }

    /// Waits for the program's end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        wait_for("the program's end", || self.child.try_wait().unwrap())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // After a failure too nothing goes on.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A count that is not zero.
fn of(count: u16) -> NonZero<u16> {
    NonZero::new(count).unwrap()
}

fn set_size(terminal: impl AsFd, (rows, columns): (u16, u16)) {
    let size = Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(terminal, size).unwrap();
}
