//! Questions that wake QEMU while it makes a recording.
//!
//! What a disk has done is seen by QEMU's main loop, which sleeps on beside a processor that runs (QEMU 7.2, with instructions
//! counted): the answer to a request then comes after some 60 ms, and a program's first look at a disk takes 500 requests.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::monitor::Monitor;

/// How often it is woken.
const PAUSE: Duration = Duration::from_millis(1);

/// What wakes a machine, until it is ended.
#[derive(Debug)]
pub(super) struct Nudge {
    over: mpsc::Sender<()>,
    thread: JoinHandle<Monitor>,
}

impl Nudge {
    /// Wakes the machine behind `monitor` from now on.
    pub(super) fn begin(mut monitor: Monitor) -> Self {
        let (over, is_over) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            while is_over.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                // A machine that is gone needs no more.
                if monitor.instructions().is_err() {
                    break;
                }
            }
            monitor
        });
        Self { over, thread }
    }

    /// Gives the monitor back.
    pub(super) fn end(self) -> Option<Monitor> {
        drop(self.over);
        self.thread.join().ok()
    }
}
