//! The command line of Rust's test harness, as far as it matters for running tests again in another machine.

/// Flags that take the next word as their value.
const WITH_VALUE: [&str; 7] = [
    "--skip",
    "--test-threads",
    "--format",
    "--color",
    "--logfile",
    "-Z",
    "--shuffle-seed",
];

/// What is asked for, taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// Flags that do not choose tests by name.
    flags: Vec<String>,
    /// Names, `--skip` and `--exact`.
    chooses: Vec<String>,
    /// Whether the output is for somebody who wants it as the harness writes it.
    pub(super) is_plain: bool,
    /// Whether what tests write is shown as it comes.
    pub(super) shows_output: bool,
}

impl Asked {
    /// Takes `words` apart.
    pub(super) fn new(words: &[String]) -> Self {
        let mut asked = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let (flag, inline) = match word.split_once('=') {
                Some((flag, value)) => (flag, Some(value)),
                None => (word.as_str(), None),
            };
            let mut value = inline.map(str::to_owned);
            if value.is_none() && WITH_VALUE.contains(&flag) {
                value = words.next().cloned();
            }
            match flag {
                "--nocapture" | "--no-capture" => asked.shows_output = true,
                "--list" | "--help" | "-h" | "-q" | "--quiet" | "--bench" | "--logfile"
                | "--shuffle" | "--shuffle-seed" => asked.is_plain = true,
                "--format" => asked.is_plain |= value.as_deref() != Some("pretty"),
                _ => {}
            }
            let list = match flag {
                // One at a time: else nobody knows which one took the machine down.
                "--test-threads" => continue,
                "--skip" | "--exact" => &mut asked.chooses,
                _ if !flag.starts_with('-') => {
                    asked.chooses.push(word.clone());
                    continue;
                }
                _ => &mut asked.flags,
            };
            list.push(flag.to_owned());
            list.extend(value);
        }
        asked
    }

    /// The words for the tests that were asked for.
    pub(super) fn all(&self) -> Vec<String> {
        self.with(&[&self.chooses[..]].concat())
    }

    /// The words that list them.
    pub(super) fn list(&self) -> Vec<String> {
        let mut words = self.all();
        words.extend(["--list", "--format", "terse"].map(str::to_owned));
        words
    }

    /// Whether only some tests were asked for.
    pub(super) fn is_choice(&self) -> bool {
        !self.chooses.is_empty()
    }

    /// The words that list all tests there are.
    pub(super) fn list_all(&self) -> Vec<String> {
        let mut words = self.with(&[]);
        words.extend(["--list", "--format", "terse"].map(str::to_owned));
        words
    }

    /// The words for `names` and no others.
    pub(super) fn exactly(&self, names: &[String]) -> Vec<String> {
        self.with(&[&["--exact".to_owned()], names].concat())
    }

    /// The words for one test whose output is wanted.
    pub(super) fn with_output(&self, name: &str) -> Vec<String> {
        let mut words = self.exactly(&[name.to_owned()]);
        words.push("--nocapture".to_owned());
        words
    }

    fn with(&self, chooses: &[String]) -> Vec<String> {
        let threads = "--test-threads=1".to_owned();
        [&self.flags, &[threads][..], chooses].concat()
    }
}

/// The names in what `--list --format terse` printed, in order.
pub(super) fn names(list: &str) -> Vec<String> {
    list.lines()
        .filter_map(|line| line.strip_suffix(": test"))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Asked, names};

    fn asked(line: &str) -> Asked {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Asked::new(&words)
    }

    #[test]
    fn what_chooses_tests_is_told_from_flags() {
        let asked = asked("parser --skip slow --include-ignored --test-threads 4 --color=never");
        assert!(!asked.is_plain && asked.is_choice());
        assert_eq!(
            asked.all().join(" "),
            "--include-ignored --color never --test-threads=1 parser --skip slow"
        );
        assert_eq!(
            asked.exactly(&["a::b".to_owned()]).join(" "),
            "--include-ignored --color never --test-threads=1 --exact a::b"
        );
        assert!(asked.with_output("x").contains(&"--nocapture".to_owned()));
    }

    #[test]
    fn output_that_is_for_programs_is_left_alone() {
        for line in [
            "--list",
            "--format json -Z unstable-options",
            "--format=terse",
            "-q",
        ] {
            assert!(asked(line).is_plain, "{line}");
        }
        for line in ["", "--format pretty", "--exact a", "--nocapture"] {
            assert!(!asked(line).is_plain, "{line}");
        }
        assert!(asked("--nocapture").shows_output);
    }

    #[test]
    fn lists_are_read() {
        assert_eq!(
            names("a::b: test\nbench_x: benchmark\nc: test\n\n2 tests, 1 benchmark\n"),
            ["a::b", "c"]
        );
    }
}
