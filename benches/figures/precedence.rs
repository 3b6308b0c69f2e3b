//! Running before all other processes of the host.

/// While it lives, this process and its new children run before all others, so that a busy host disturbs less.
pub(crate) struct Precedence {
    is_taken: bool,
}

impl Precedence {
    /// Takes it, where this user may.
    pub(crate) fn take() -> Self {
        Self {
            is_taken: schedule(libc::SCHED_RR, 10),
        }
    }

    /// What to call the priority.
    pub(crate) fn name(&self) -> &'static str {
        if self.is_taken { "real-time" } else { "usual" }
    }
}

impl Drop for Precedence {
    fn drop(&mut self) {
        schedule(libc::SCHED_OTHER, 0);
    }
}

fn schedule(policy: i32, priority: i32) -> bool {
    let parameters = libc::sched_param {
        sched_priority: priority,
    };
    // SAFETY: the parameters live through the call, which changes nothing but how this process is scheduled.
    unsafe { libc::sched_setscheduler(0, policy, &raw const parameters) == 0 }
}
