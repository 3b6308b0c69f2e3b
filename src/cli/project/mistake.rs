//! What is wrong with settings, with its place, the line, and the name that was meant.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use toml::de::DeTable;

use super::super::failure::Failure;
use super::super::nearest::nearest;
use super::layers::{Origin, Source};

/// The version of the file's keys that this program reads.
const VERSION: i64 = 1;

/// The sentence for what TOML or serde complain about.
pub(super) fn failure(source: &Source<'_>, problem: &toml::de::Error) -> Failure {
    failure_at(source, problem.message(), problem.span())
}

/// The sentence for `message`, about `span` of the text.
pub(super) fn failure_at(
    source: &Source<'_>,
    message: &str,
    span: Option<Range<usize>>,
) -> Failure {
    let words = in_words(message);
    let failure = match &source.origin {
        Origin::Variable(name) => {
            return with_suggestion(
                Failure::usage(format!("the variable `{name}` is not as it must be")).cause(words),
                message,
            );
        }
        Origin::Inferred(file) => {
            return Failure::usage(format!("cannot use what `{file}` says")).cause(words);
        }
        Origin::File(path) => {
            let name = path.display();
            let failure = Failure::usage(format!("`{name}` is not as it must be"));
            match span {
                Some(span) => {
                    let (line, column) = line_and_column(source.text, span.start);
                    let failure = failure.cause(format!("{name}:{line}:{column}: {words}"));
                    failure.excerpt(excerpt(source.text, span))
                }
                None => failure.cause(format!("{name}: {words}")),
            }
        }
    };
    with_suggestion(failure, message)
}

/// Refuses a file of a version that this program does not read.
pub(super) fn check_version(source: &Source<'_>, table: &DeTable<'_>) -> Result<(), Failure> {
    let Some(value) = table.get("mewz") else {
        return Ok(());
    };
    let Some(version) = value.get_ref().as_integer() else {
        return Ok(());
    };
    let version: i64 = version.to_string().parse().unwrap_or(i64::MAX);
    if version == VERSION {
        return Ok(());
    }
    let message = format!("this mewz reads version {VERSION} of the keys, not {version}");
    let failure = failure_at(source, &message, Some(value.span()));
    Err(if version > VERSION {
        failure.hint(format!(
            "the file is for a newer mewz than this one ({}): install that, or write `mewz = {VERSION}` and leave out keys \
             that are not known here",
            env!("CARGO_PKG_VERSION")
        ))
    } else {
        failure.hint(format!("`mewz = {VERSION}` is the first version there is"))
    })
}

/// The sentence for a project file without a version.
pub(super) fn without_version(name: &str) -> Failure {
    Failure::usage(format!("`{name}` is not as it must be"))
        .cause(format!("{name}:1:1: missing key `mewz`"))
        .hint(format!(
            "`mewz = {VERSION}` in its first line says which version of the keys it has"
        ))
}

/// The lines of `text` at `span`, with a mark below it.
fn excerpt(text: &str, span: Range<usize>) -> String {
    let end = span.end.min(text.len());
    let start = span.start.min(end);
    // Of what spans lines, a table say, the first is enough.
    let line_end = text[start..].find('\n').map_or(end, |at| start + at);
    let annotation = AnnotationKind::Primary.span(start..end.min(line_end));
    let snippet = Snippet::source(text).annotation(annotation);
    let group = Group::with_level(Level::ERROR).element(snippet);
    Renderer::plain().render(&[group])
}

/// Both from 1; columns are characters.
pub(super) fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (
        before.matches('\n').count() + 1,
        before[line_start..].chars().count() + 1,
    )
}

/// The message with the words of the file's documentation.
fn in_words(message: &str) -> String {
    let message = message.replace('\n', ": ");
    for (theirs, ours) in [
        ("unknown field `", "unknown key `"),
        ("missing field `", "missing key `"),
        ("duplicate field `", "the key stands twice: `"),
    ] {
        if let Some(rest) = message.strip_prefix(theirs) {
            return format!("{ours}{rest}");
        }
    }
    message
}

fn with_suggestion(failure: Failure, message: &str) -> Failure {
    match suggestion(message) {
        Some(suggestion) => failure.hint(format!("did you mean `{suggestion}`?")),
        None => failure,
    }
}

/// The nearest of the names that were expected, from the message: "unknown field `a`, expected one of `b`, `c`".
fn suggestion(message: &str) -> Option<&str> {
    let mut names = message.split('`').skip(1).step_by(2);
    let is_name = message.starts_with("unknown ") || message.contains("` is none of `");
    let unknown = is_name.then(|| names.next())??;
    nearest(unknown, names)
}

#[cfg(test)]
mod tests {
    use super::{excerpt, line_and_column, suggestion};

    #[test]
    fn places_count_from_one() {
        assert_eq!(line_and_column("a\nbü c", 0), (1, 1));
        assert_eq!(line_and_column("a\nbü c", 5), (2, 3));
    }

    #[test]
    fn suggestions_come_from_the_message() {
        let message = "unknown field `memroy`, expected one of `args`, `env`, `memory`";
        assert_eq!(suggestion(message), Some("memory"));
        assert_eq!(
            suggestion("`wran` is none of `error`, `warn`"),
            Some("warn")
        );
        assert_eq!(suggestion("missing field `mewz`"), None);
    }

    #[test]
    fn excerpts_mark_what_is_meant() {
        let shown = excerpt("mewz = 1\n[run]\nmemroy = '1'\n", 15..21);
        assert!(shown.contains("3 | memroy = '1'"), "{shown}");
        assert!(shown.contains("| ^^^^^^"), "{shown}");
        // At the very end, and in a text without lines.
        excerpt("a", 1..1);
        excerpt("", 0..0);
        excerpt("a\n", 2..9);
    }
}
