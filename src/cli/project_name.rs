//! Names that a project may have: good as a file's name, a Cargo package's and an executable's.

use std::fmt;

/// More would only be cut by what shows it.
const NAME_LEN_MAX: usize = 64;

/// Names that Cargo refuses for a package: Rust's keywords and its own crates.
const RESERVED: &[&str] = &[
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "const",
    "continue",
    "core",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "proc_macro",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
];

/// Names of devices, which Windows has in every folder; Go refuses them everywhere. Some have a digit behind them.
const DEVICES: &[&str] = &["aux", "con", "nul", "prn"];
const NUMBERED_DEVICES: &[&str] = &["com", "lpt"];

/// A project's name: ASCII letters, digits, `-` and `_`, a letter first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ProjectName(String);

impl ProjectName {
    /// Takes `name` if a project may be called so.
    ///
    /// # Errors
    ///
    /// Why not.
    pub(super) fn new(name: &str) -> Result<Self, ProjectNameError> {
        let first = name.chars().next().ok_or(ProjectNameError::Empty)?;
        if name.len() > NAME_LEN_MAX {
            return Err(ProjectNameError::Long);
        }
        if let Some(symbol) = name
            .chars()
            .find(|symbol| !symbol.is_ascii_alphanumeric() && !"-_".contains(*symbol))
        {
            return Err(ProjectNameError::Symbol(symbol));
        }
        if !first.is_ascii_alphabetic() {
            return Err(ProjectNameError::First(first));
        }
        let lower = name.to_ascii_lowercase();
        if RESERVED.contains(&lower.as_str()) {
            return Err(ProjectNameError::Reserved);
        }
        let numbered = lower.strip_suffix(|symbol: char| symbol.is_ascii_digit());
        if DEVICES.contains(&lower.as_str())
            || numbered.is_some_and(|name| NUMBERED_DEVICES.contains(&name))
        {
            return Err(ProjectNameError::Device);
        }
        Ok(Self(name.to_owned()))
    }

    /// The name, written so that programming languages take it as one word.
    pub(super) fn identifier(&self) -> String {
        self.0.replace('-', "_")
    }
}

impl fmt::Display for ProjectName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Why a project can't be called so.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ProjectNameError {
    /// There is nothing.
    #[error("a name has at least one letter")]
    Empty,
    /// Too many letters.
    #[error("a name has at most {NAME_LEN_MAX} letters")]
    Long,
    /// A letter that some tool would stumble over.
    #[error("a name is made of ASCII letters, digits, `-` and `_`; `{}` is none of them", .0.escape_debug())]
    Symbol(char),
    /// A first letter that some tool would stumble over.
    #[error("a name begins with a letter, not with `{0}`")]
    First(char),
    /// A word that Cargo keeps.
    #[error("Cargo keeps that word for Rust")]
    Reserved,
    /// A device of Windows.
    #[error("Windows keeps that word for a device, and Go refuses it")]
    Device,
}

#[cfg(test)]
mod tests {
    use super::{NAME_LEN_MAX, ProjectName, ProjectNameError};

    #[test]
    fn plain_names_are_taken() {
        for name in [
            "a",
            "hello",
            "Hello-2_x",
            "com",
            "console",
            &"a".repeat(NAME_LEN_MAX),
        ] {
            assert_eq!(
                ProjectName::new(name)
                    .map(|name| name.to_string())
                    .as_deref(),
                Ok(name)
            );
        }
        assert_eq!(ProjectName::new("a-b").unwrap().identifier(), "a_b");
    }

    #[test]
    fn names_that_a_tool_stumbles_over_are_refused() {
        let refused = |name: &str| ProjectName::new(name).unwrap_err();
        assert_eq!(refused(""), ProjectNameError::Empty);
        assert_eq!(
            refused(&"a".repeat(NAME_LEN_MAX + 1)),
            ProjectNameError::Long
        );
        assert_eq!(refused("a b"), ProjectNameError::Symbol(' '));
        assert_eq!(refused("../x"), ProjectNameError::Symbol('.'));
        assert_eq!(refused("größe"), ProjectNameError::Symbol('ö'));
        assert_eq!(refused("a\"\n"), ProjectNameError::Symbol('"'));
        assert_eq!(refused("2fast"), ProjectNameError::First('2'));
        assert_eq!(refused("-x"), ProjectNameError::First('-'));
        assert_eq!(refused("fn"), ProjectNameError::Reserved);
        assert_eq!(refused("Test"), ProjectNameError::Reserved);
        assert_eq!(refused("Con"), ProjectNameError::Device);
        assert_eq!(refused("lpt1"), ProjectNameError::Device);
    }
}
