//! What a command says when it fails: what failed, why, what to do; and its exit status.

use super::words;

/// Status of whatever fails and has no status of its own.
pub(super) const STATUS_FAILURE: u8 = 1;

/// Status of a wrong command line, project file included.
pub(super) const STATUS_USAGE: u8 = 2;

/// Why a command ended early, in words for the person who typed it. Lower case, no full stops, names in backticks.
#[derive(Debug)]
pub(super) struct Failure {
    status: u8,
    what: String,
    notes: Vec<String>,
    causes: Vec<String>,
    /// Boxed: a failure is returned by many functions, and so is small.
    excerpt: Option<Box<str>>,
    hints: Vec<String>,
}

impl Failure {
    /// A failure of status 1: `what` could not be done.
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self {
            status: STATUS_FAILURE,
            what: what.into(),
            notes: Vec::new(),
            causes: Vec::new(),
            excerpt: None,
            hints: Vec::new(),
        }
    }

    /// A failure of status 2: what was asked for makes no sense.
    pub(super) fn usage(what: impl Into<String>) -> Self {
        Self::new(what).with_status(STATUS_USAGE)
    }

    /// Adds a line below the first, as it is.
    pub(super) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Adds the reason; the outermost first.
    pub(super) fn cause(mut self, cause: impl ToString) -> Self {
        self.causes.push(cause.to_string());
        self
    }

    /// Shows lines of a file below the reasons, as they are.
    pub(super) fn excerpt(mut self, lines: String) -> Self {
        self.excerpt = Some(lines.into());
        self
    }

    /// Adds something to do about it.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Ends the process with `status` instead.
    pub(super) fn with_status(mut self, status: u8) -> Self {
        self.status = status;
        self
    }

    /// The status that the process ends with.
    pub(super) fn status(&self) -> u8 {
        self.status
    }

    /// The three parts as plain text, for whoever does not read standard error.
    pub(super) fn text(&self) -> String {
        let mut text = format!("error: {}\n", self.what);
        let notes = self.notes.iter().map(|note| format!("  {note}\n"));
        let causes = self
            .causes
            .iter()
            .map(|cause| format!("  cause: {cause}\n"));
        let excerpt = self.excerpt.iter().map(|lines| format!("{lines}\n"));
        let hints = self.hints.iter().map(|hint| format!("\nhint: {hint}\n"));
        text.extend(notes.chain(causes).chain(excerpt).chain(hints));
        text
    }

    /// Prints the three parts to standard error.
    pub(super) fn report(&self) {
        words::error(&self.what);
        for note in &self.notes {
            words::plain(format!("  {note}"));
        }
        for cause in &self.causes {
            words::plain(format!("  cause: {cause}"));
        }
        if let Some(lines) = &self.excerpt {
            words::plain(lines);
        }
        if !self.hints.is_empty() {
            words::plain("");
        }
        for hint in &self.hints {
            words::hint(hint);
        }
    }
}
