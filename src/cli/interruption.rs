//! Ctrl-C while something must be put back before the process may end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::SigId;
use signal_hook::consts::SIGINT;

use super::failure::Failure;

/// Status after Ctrl-C: 128 and the signal's number, as shells have it.
pub(super) const STATUS_INTERRUPTED: u8 = 130;

/// While this lives Ctrl-C is noted and does not end the process; children on the same terminal get theirs all the same.
#[derive(Debug)]
pub(super) struct Interruption {
    came: Arc<AtomicBool>,
    handler: Option<SigId>,
}

impl Interruption {
    /// Notes from now on.
    pub(super) fn watch() -> Self {
        let came = Arc::new(AtomicBool::new(false));
        let handler = signal_hook::flag::register(SIGINT, Arc::clone(&came)).ok();
        Self { came, handler }
    }

    /// `failure`, unless it only came about because of Ctrl-C.
    pub(super) fn or(&self, failure: Failure) -> Failure {
        if self.came.load(Ordering::Relaxed) {
            return Failure::new("interrupted").with_status(STATUS_INTERRUPTED);
        }
        failure
    }
}

impl Drop for Interruption {
    fn drop(&mut self) {
        if let Some(handler) = self.handler.take() {
            signal_hook::low_level::unregister(handler);
        }
    }
}
