//! Keys, one press each. The terminal keeps its signals: Ctrl-C, Ctrl-Z and Ctrl-\ mean what they always do.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd};
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
    lending: Arc<Lending>,
    _held: Held,
}

/// Whether the terminal is another's for a while.
#[derive(Debug)]
struct Lending {
    is_lent: AtomicBool,
    /// Wakes the thread that reads.
    wake: OwnedFd,
}

impl Lending {
    fn set(&self, is_lent: bool) {
        self.is_lent.store(is_lent, Ordering::SeqCst);
        let _ = rustix::io::write(&self.wake, &1u64.to_ne_bytes());
    }

    fn is_lent(&self) -> bool {
        self.is_lent.load(Ordering::SeqCst)
    }
}

impl Keys {
    /// Begins to read keys; `None` where standard input is no terminal of ours.
    pub(super) fn start(events: Sender) -> Option<Self> {
        let before = rustix::termios::tcgetattr(io::stdin()).ok()?;
        if !is_in_front() {
            return None;
        }
        let lending = Arc::new(Lending {
            is_lent: AtomicBool::new(false),
            wake: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).ok()?,
        });
        let held = hold(Holding::Terminal(before.clone()));
        set(&single(&before));
        watch_stops(before.clone(), Arc::clone(&lending));
        let of_thread = Arc::clone(&lending);
        std::thread::spawn(move || read(&events, &of_thread));
        Some(Self {
            before,
            lending,
            _held: held,
        })
    }

    /// Leaves the terminal to another process of this group, as it was.
    pub(super) fn lend(&self) {
        self.lending.set(true);
        set(&self.before);
    }

    /// Takes it back.
    pub(super) fn take_back(&self) {
        set(&single(&self.before));
        self.lending.set(false);
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

fn read(events: &Sender, lending: &Lending) {
    let stdin = io::stdin();
    loop {
        if !wait(&stdin, lending) {
            continue;
        }
        // Reading in the background would stop the process.
        if !is_in_front() {
            std::thread::sleep(BACKGROUND_PAUSE);
            continue;
        }
        let mut key = [0];
        match rustix::io::read(&stdin, &mut key) {
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

/// Waits until a key was pressed that is ours, or something else has happened.
fn wait(stdin: &io::Stdin, lending: &Lending) -> bool {
    let mut descriptors = vec![PollFd::new(&lending.wake, PollFlags::IN)];
    if !lending.is_lent() {
        descriptors.push(PollFd::new(stdin, PollFlags::IN));
    }
    // An interruption is something else.
    let _ = rustix::event::poll(&mut descriptors, None);
    let is_pressed = descriptors
        .get(1)
        .is_some_and(|stdin| !stdin.revents().is_empty());
    let _ = rustix::io::read(&lending.wake, &mut [0; 8]);
    is_pressed && !lending.is_lent()
}

/// Gives the shell its terminal back while this process is stopped.
fn watch_stops(before: Termios, lending: Arc<Lending>) {
    let Ok(mut signals) = Signals::new([SIGTSTP, SIGCONT]) else {
        return;
    };
    std::thread::spawn(move || {
        for signal in signals.forever() {
            if signal == SIGTSTP {
                set(&before);
                // What the signal would have done.
                let _ = signal_hook::low_level::emulate_default_handler(signal);
            } else if is_in_front() && !lending.is_lent() {
                set(&single(&before));
            }
        }
    });
}
