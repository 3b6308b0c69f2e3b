//! Colours of text on a terminal, and names that a terminal does not obey.

use std::borrow::Cow;
use std::fmt;

/// Whether text is coloured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint {
    /// It is.
    pub(super) is_colored: bool,
}

/// Text in a colour.
pub(super) struct Painted<T> {
    text: T,
    code: Option<&'static str>,
}

impl<T: fmt::Display> fmt::Display for Painted<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(out, "\x1b[{code}m{}\x1b[0m", self.text),
            None => write!(out, "{}", self.text),
        }
    }
}

impl Paint {
    /// What says something about the code.
    pub(super) fn comment<T>(self, text: T) -> Painted<T> {
        self.paint(text, "32")
    }

    /// A function's or block's name where it begins.
    pub(super) fn label<T>(self, text: T) -> Painted<T> {
        self.paint(text, "1")
    }

    /// A place that traps.
    pub(super) fn trap<T>(self, text: T) -> Painted<T> {
        self.paint(text, "31")
    }

    /// What is less important than the rest.
    pub(super) fn faint<T>(self, text: T) -> Painted<T> {
        self.paint(text, "2")
    }

    fn paint<T>(self, text: T, code: &'static str) -> Painted<T> {
        let code = self.is_colored.then_some(code);
        Painted { text, code }
    }
}

/// A name from a file, fit for a line.
pub(super) fn name(name: &str) -> Cow<'_, str> {
    if !name.contains(char::is_control) {
        return name.into();
    }
    name.replace(char::is_control, "\u{fffd}").into()
}

#[cfg(test)]
mod tests {
    use super::{Paint, name};

    #[test]
    fn text_is_coloured_only_on_demand() {
        let painted = |is_colored| Paint { is_colored }.trap("x").to_string();
        assert_eq!(painted(false), "x");
        assert_eq!(painted(true), "\x1b[31mx\x1b[0m");
    }

    #[test]
    fn names_do_not_reach_the_terminal_raw() {
        assert_eq!(name("a\x1b[31m"), "a\u{fffd}[31m");
    }
}
