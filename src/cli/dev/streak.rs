//! Files that every build changes: found out, so that they end no build for ever.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Builds in a row during which a file changes: from the first number on it does not end the build under way, from the
/// second on it is taken for something that building makes.
const STREAK_DEFERRED: u32 = 5;
const STREAK_OUTPUT: u32 = 8;

/// Files that change while a build runs, and how many builds in a row.
#[derive(Debug, Default)]
pub(super) struct Streak {
    counts: BTreeMap<PathBuf, u32>,
    /// Those that have changed during the build under way.
    now: Vec<PathBuf>,
}

impl Streak {
    /// Notes files that have changed while a build runs: those that end it, and those that are built after it.
    pub(super) fn note(&mut self, paths: &[PathBuf]) -> (Vec<PathBuf>, Vec<PathBuf>) {
        let mut ends = Vec::new();
        let mut deferred = Vec::new();
        for path in paths {
            self.now.push(path.clone());
            let count = self.counts.entry(path.clone()).or_default();
            *count += 1;
            match *count {
                ..STREAK_DEFERRED => ends.push(path.clone()),
                STREAK_DEFERRED..STREAK_OUTPUT => deferred.push(path.clone()),
                _ => {}
            }
        }
        (ends, deferred)
    }

    /// A build has come to its end: files that have not changed meanwhile begin anew.
    pub(super) fn end_of_build(&mut self) {
        let now = std::mem::take(&mut self.now);
        self.counts.retain(|path, _| now.contains(path));
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

    use super::Streak;

    #[test]
    fn a_file_that_every_build_makes_is_found_out() {
        let mut streak = Streak::default();
        let made = [PathBuf::from("gen.rs")];
        let mut outputs = Vec::new();
        let mut builds = 0;
        while outputs.is_empty() {
            builds += 1;
            assert!(builds < 20);
            let (ends, _) = streak.note(&made);
            if ends.is_empty() {
                streak.end_of_build();
                outputs = streak.outputs();
            }
        }
        assert_eq!(outputs, made);
        assert_eq!(streak.note(&made), (Vec::new(), Vec::new()));
    }

    #[test]
    fn saves_between_builds_count_as_none() {
        let mut streak = Streak::default();
        let file = [PathBuf::from("a.c")];
        for _ in 0..30 {
            let (ends, _) = streak.note(&file);
            assert_eq!(ends, file);
            streak.end_of_build();
            streak.end_of_build();
            assert!(streak.outputs().is_empty());
        }
    }
}
