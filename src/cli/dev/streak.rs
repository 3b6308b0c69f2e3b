//! Files that every build changes: found out, so that they end no build for ever.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Builds in a row during which a file changes: from the first number on it does not end the build under way, from the
/// second on it is taken for something that building makes.
const STREAK_DEFERRED: u32 = 5;
const STREAK_OUTPUT: u32 = 8;

/// When nothing has happened for so long, one build more tells what a build makes from what a person saves all the time.
const PROBE_AFTER: Duration = Duration::from_millis(500);

/// Files that change while a build runs, and how many builds in a row.
#[derive(Debug, Default)]
pub(super) struct Streak {
    counts: BTreeMap<PathBuf, u32>,
    /// Those that have changed during the build under way, or since the last one.
    now: BTreeSet<PathBuf>,
    /// Those of them that were counted since a build began.
    counted: BTreeSet<PathBuf>,
    /// Changes that no build was made for, and when the last of them came.
    passed_over: Option<(BTreeSet<PathBuf>, Instant)>,
    /// Files that were built for once more since then: what they do after that is a build's doing.
    probed: BTreeSet<PathBuf>,
}

impl Streak {
    /// Notes files that have changed while a build runs: those that end it, and those that are built after it.
    pub(super) fn note(&mut self, paths: &[PathBuf], at: Instant) -> (Vec<PathBuf>, Vec<PathBuf>) {
        let mut ends = Vec::new();
        let mut deferred = Vec::new();
        for path in paths {
            let count = self.counts.entry(path.clone()).or_default();
            // Once a build, however often it is saved meanwhile.
            *count += u32::from(self.counted.insert(path.clone()));
            self.now.insert(path.clone());
            match *count {
                ..STREAK_DEFERRED => ends.push(path.clone()),
                STREAK_DEFERRED..STREAK_OUTPUT => deferred.push(path.clone()),
                _ if self.probed.contains(path) => {}
                _ => {
                    let passed_over = self
                        .passed_over
                        .get_or_insert_with(|| (BTreeSet::new(), at));
                    let (files, last) = passed_over;
                    files.insert(path.clone());
                    *last = at;
                }
            }
        }
        (ends, deferred)
    }

    /// A build begins: it is made of all changes so far.
    pub(super) fn begin_build(&mut self) {
        self.passed_over = None;
        self.counted.clear();
    }

    /// A build has come to its end: files that have not changed meanwhile begin anew.
    pub(super) fn end_of_build(&mut self) {
        let now = std::mem::take(&mut self.now);
        self.counts.retain(|path, _| now.contains(path));
        self.probed.retain(|path| now.contains(path));
    }

    /// Whether a build more may be due later.
    pub(super) fn may_probe(&self) -> bool {
        self.passed_over.is_some()
    }

    /// Files that want one build more, now that nothing else happens: the last of their changes may have been a person's.
    pub(super) fn probe(&mut self) -> Option<Vec<PathBuf>> {
        let (files, _) = self
            .passed_over
            .take_if(|(_, last)| last.elapsed() > PROBE_AFTER)?;
        self.probed.extend(files.iter().cloned());
        Some(files.into_iter().collect())
    }

    /// Files that are taken for something that building makes from now on, each once.
    pub(super) fn outputs(&mut self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for (path, count) in &mut self.counts {
            if *count == STREAK_OUTPUT {
                *count += 1;
                found.push(path.clone());
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Instant;

    use super::{PROBE_AFTER, Streak};

    /// A time for which nothing has happened since.
    fn long_ago() -> Instant {
        Instant::now().checked_sub(2 * PROBE_AFTER).unwrap()
    }

    #[test]
    fn a_file_that_every_build_makes_is_found_out() {
        let mut streak = Streak::default();
        let made = [PathBuf::from("gen.rs")];
        let mut outputs = Vec::new();
        let mut builds = 0;
        while outputs.is_empty() {
            builds += 1;
            assert!(builds < 20);
            streak.begin_build();
            let (ends, _) = streak.note(&made, long_ago());
            if ends.is_empty() {
                streak.end_of_build();
                outputs = streak.outputs();
            }
        }
        assert_eq!(outputs, made);
        // One build more shows that it is as it seemed.
        assert_eq!(streak.probe().unwrap(), made);
        assert_eq!(streak.note(&made, long_ago()), (Vec::new(), Vec::new()));
        streak.end_of_build();
        assert!(!streak.may_probe());
        assert_eq!(streak.note(&made, long_ago()), (Vec::new(), Vec::new()));
    }

    #[test]
    fn of_a_file_that_is_saved_all_the_time_the_last_save_is_built() {
        let mut streak = Streak::default();
        let file = [PathBuf::from("a.c")];
        for _ in 0..30 {
            // Twice a build.
            streak.begin_build();
            streak.note(&file, Instant::now());
            let (ends, _) = streak.note(&file, Instant::now());
            if ends.is_empty() {
                streak.end_of_build();
            }
        }
        assert!(streak.may_probe());
        // Not while it is still being saved.
        assert_eq!(streak.probe(), None);
        streak.note(&file, long_ago());
        assert_eq!(streak.probe().unwrap(), file);
        // Nothing changes in that build: it is a file like any other.
        streak.end_of_build();
        streak.end_of_build();
        assert_eq!(streak.note(&file, long_ago()).0, file);
    }

    #[test]
    fn saves_between_builds_count_as_none() {
        let mut streak = Streak::default();
        let file = [PathBuf::from("a.c")];
        for _ in 0..30 {
            let (ends, _) = streak.note(&file, long_ago());
            assert_eq!(ends, file);
            streak.end_of_build();
            streak.end_of_build();
            assert!(streak.outputs().is_empty());
        }
    }
}
