//! Keys, one press each. The terminal keeps its signals: Ctrl-C, Ctrl-Z and Ctrl-\ mean what they always do.

use std::io;
use std::time::Duration;

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios};
use signal_hook::consts::{SIGCONT, SIGTSTP};
use signal_hook::iterator::Signals;

use super::event::{Event, Sender};
use crate::cli::interrupt::{Held, Holding, hold};

/// How often a process in the background looks whether it has its terminal back.
const BACKGROUND_PAUSE: Duration = Duration::from_millis(200);

/// Reads keys until it is dropped, which gives the terminal back as it was.
#[derive(Debug)]
pub(super) struct Keys {
    before: Termios,
    _held: Held,
}

impl Keys {
    /// Begins to read keys; `None` where standard input is no terminal of ours.
    pub(super) fn start(events: Sender) -> Option<Self> {
        let before = rustix::termios::tcgetattr(io::stdin()).ok()?;
        if !is_in_front() {
            return None;
        }
        let held = hold(Holding::Terminal(before.clone()));
        set(&single(&before));
        watch_stops(before.clone());
        std::thread::spawn(move || read(&events));
        Some(Self {
            before,
            _held: held,
        })
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        set(&self.before);
    }
}

/// Keys come one by one and are not shown.
fn single(before: &Termios) -> Termios {
    let mut modes = before.clone();
    modes
        .local_modes
        .remove(LocalModes::ICANON | LocalModes::ECHO);
    modes.special_codes[SpecialCodeIndex::VMIN] = 1;
    modes.special_codes[SpecialCodeIndex::VTIME] = 0;
    modes
}

/// A terminal that is gone needs no modes.
fn set(modes: &Termios) {
    let _ = rustix::termios::tcsetattr(io::stdin(), OptionalActions::Now, modes);
}

/// Whether this process may use the terminal now.
fn is_in_front() -> bool {
    rustix::termios::tcgetpgrp(io::stdin()).is_ok_and(|group| group == rustix::process::getpgrp())
}

fn read(events: &Sender) {
    loop {
        // Reading in the background would stop the process.
        if !is_in_front() {
            std::thread::sleep(BACKGROUND_PAUSE);
            continue;
        }
        let mut key = [0];
        match rustix::io::read(io::stdin(), &mut key) {
            Ok(1) => {
                if events.send(Event::Key(key[0])).is_err() {
                    return;
                }
            }
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
            // The terminal is gone: a signal says what that means.
            _ => return,
        }
    }
}

/// Gives the shell its terminal back while this process is stopped.
fn watch_stops(before: Termios) {
    let Ok(mut signals) = Signals::new([SIGTSTP, SIGCONT]) else {
        return;
    };
    std::thread::spawn(move || {
        for signal in signals.forever() {
            if signal == SIGTSTP {
                set(&before);
                // What the signal would have done.
                let _ = signal_hook::low_level::emulate_default_handler(signal);
            } else if is_in_front() {
                set(&single(&before));
            }
        }
    });
}
