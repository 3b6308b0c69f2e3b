//! What a debugger is told while it waits: a movement takes as long as the program's run, or several times that.

use std::time::{Duration, Instant};

/// What takes less needs no words.
const FIRST: Duration = Duration::from_secs(1);

/// As long as this there is a word at most, after the first ones.
const PAUSE_MAX: Duration = Duration::from_secs(8);

/// How a movement gets on.
pub(super) struct Progress {
    /// Instructions of the recording.
    end: u64,
    began: Instant,
    /// When there is something to tell.
    next: Duration,
}

impl Progress {
    /// That of movements in a recording of `end` instructions.
    pub(super) fn new(end: u64) -> Self {
        Self {
            end,
            began: Instant::now(),
            next: FIRST,
        }
    }

    /// A movement begins.
    pub(super) fn set_out(&mut self) {
        *self = Self::new(self.end);
    }

    /// What is to be told where the machine is at the instruction `now`, if it is time to.
    pub(super) fn words(&mut self, now: u64) -> Option<String> {
        self.words_after(now, self.began.elapsed())
    }

    fn words_after(&mut self, now: u64, elapsed: Duration) -> Option<String> {
        if elapsed < self.next {
            return None;
        }
        while self.next <= elapsed {
            self.next += self.next.min(PAUSE_MAX);
        }
        let percent = now.saturating_mul(100) / self.end.max(1);
        Some(format!(
            "(repeating the recording: at {percent} % of it after {} s; Ctrl-C stops)\n",
            elapsed.as_secs()
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Progress;

    #[test]
    fn there_is_a_word_now_and_then() {
        let mut progress = Progress::new(1000);
        let mut told = Vec::new();
        for second in 0..30 {
            told.extend(progress.words_after(250, Duration::from_millis(second * 1000 + 10)));
        }
        assert_eq!(told.len(), 6, "{told:?}");
        assert!(told[0].contains("at 25 % of it after 1 s"), "{told:?}");
        assert!(told[5].contains("after 24 s"), "{told:?}");
        progress.set_out();
        assert_eq!(progress.words(0), None);
        assert!(
            Progress::new(0)
                .words_after(0, Duration::from_secs(9))
                .is_some()
        );
    }
}
