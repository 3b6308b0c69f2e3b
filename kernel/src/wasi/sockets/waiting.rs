//! Waiting of calls: what is there is tried first, so that a busy connection costs no look at the card.

use super::{SharedNetwork, poll, wait};
use crate::fs::errno::Errno;
use crate::wasi::{Context, Wasi};

/// How long a call may wait.
pub(super) struct Waiting<'a> {
    /// What the call leaves alone while it waits.
    wasi: &'a Wasi,
    nonblocking: bool,
    timeout_ns: u64,
    /// Known from the first wait on.
    deadline_ns: Option<u64>,
    has_looked: bool,
}

impl<'a> Waiting<'a> {
    /// `timeout_ns` is 0 where it may wait for ever.
    pub(super) fn new(wasi: &'a Wasi, nonblocking: bool, timeout_ns: u64) -> Self {
        Self {
            wasi,
            nonblocking,
            timeout_ns,
            deadline_ns: None,
            has_looked: false,
        }
    }

    /// Lets the network take in what came; from the second time on waits for something to come, where that is allowed.
    ///
    /// # Errors
    ///
    /// `Again` where it may not wait, or waited long enough.
    pub(super) fn pause(
        &mut self,
        context: &mut Context<'_>,
        network: &SharedNetwork,
    ) -> Result<(), Errno> {
        if !core::mem::replace(&mut self.has_looked, true) {
            poll(context, network);
            return Ok(());
        }
        if self.nonblocking {
            return Err(Errno::Again);
        }
        if self.timeout_ns > 0 {
            let now_ns = context.system.monotonic_ns();
            let end_ns = now_ns.saturating_add(self.timeout_ns);
            if *self.deadline_ns.get_or_insert(end_ns) <= now_ns {
                return Err(Errno::Again);
            }
        }
        wait(self.wasi, context, network, self.deadline_ns);
        Ok(())
    }
}
