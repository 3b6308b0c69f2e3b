//! The project file's text becomes its keys; what is wrong with it is told with its place.

use std::path::Path;

use super::super::failure::{Failure, STATUS_USAGE};
use super::super::nearest::nearest;
use super::keys::Content;

/// Reads the text of the file at `path`.
pub(in crate::cli) fn parse(path: &Path, text: &str) -> Result<Content, Failure> {
    toml::from_str(text).map_err(|problem| {
        let place = match problem.span() {
            Some(span) => {
                let (line, column) = line_and_column(text, span.start);
                format!("{}:{line}:{column}", path.display())
            }
            None => path.display().to_string(),
        };
        let message = problem.message();
        let failure = Failure::new(format!("`{}` is not as it must be", path.display()))
            .cause(format!("{place}: {}", message.replace('\n', ": ")))
            .with_status(STATUS_USAGE);
        match suggestion(message) {
            Some(suggestion) => failure.hint(format!("did you mean `{suggestion}`?")),
            None => failure,
        }
    })
}

/// Both from 1; columns are characters.
fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (
        before.matches('\n').count() + 1,
        before[line_start..].chars().count() + 1,
    )
}

/// The nearest of the names that serde expected, from its message: "unknown field `a`, expected one of `b`, `c`".
fn suggestion(message: &str) -> Option<&str> {
    let mut names = message.split('`').skip(1).step_by(2);
    let unknown = message.starts_with("unknown ").then(|| names.next())??;
    nearest(unknown, names)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Content, line_and_column, parse, suggestion};

    const SAMPLE: &str = r#"
        mewz = 1
        [app]
        name = "hello-http"
        [build]
        command = "cargo build --target wasm32-wasip1"
        wasm = "target/wasm32-wasip1/{profile}/hello-http.wasm"
        watch = ["src/**", "Cargo.toml"]
        [profile.debug]
        opt = 0
        [profile.release]
        target-cpu = "x86-64-v3"
        [run]
        args = ["--listen", "0.0.0.0:8080"]
        env = { RUST_LOG = "info" }
        memory = "128MiB"
        ports = ["8080:8080"]
        [[run.mount]]
        host = "static"
        guest = "/static"
        mode = "ro"
        [kernel]
        log = "warn"
        accel = "auto"
        machine = "microvm"
    "#;

    fn read(text: &str) -> Result<Content, String> {
        parse(Path::new("mewz.toml"), text).map_err(|failure| format!("{failure:?}"))
    }

    #[test]
    fn the_sample_is_read() {
        let content = read(SAMPLE).unwrap();
        assert_eq!(content.run.memory, Some(128 << 20));
        assert_eq!(content.run.mount.len(), 1);
        assert_eq!(content.kernel.log, Some(2));
    }

    #[test]
    fn the_documented_file_is_read() {
        let text = include_str!("../../../docs/project-file.md");
        let (_, rest) = text.split_once("```toml\n").unwrap();
        let content = read(rest.split_once("```").unwrap().0).unwrap();
        assert_eq!(content.app.name.as_deref(), Some("hello"));
        assert_eq!(
            content.run.timeout,
            Some(std::time::Duration::from_secs(10))
        );
    }

    #[test]
    fn mistakes_are_placed_and_near_names_offered() {
        let wrong = |from: &str, to: &str, words: &[&str]| {
            let problem = read(&SAMPLE.replacen(from, to, 1)).unwrap_err();
            for word in words {
                assert!(problem.contains(word), "{problem} lacks {word}");
            }
        };
        wrong(
            "command =",
            "comand =",
            &[
                "mewz.toml:6:9",
                "unknown field `comand`",
                "did you mean `command`?",
            ],
        );
        wrong("128MiB", "128", &["mewz.toml:16:18", "is no size"]);
        wrong("mewz = 1", "mewz = 2", &["mewz.toml:2:16", "version 1"]);
        wrong("mewz = 1", "", &["missing field `mewz`"]);
        wrong("\"auto\"", "\"fast\"", &["none of `auto`, `kvm`, `tcg`"]);
        wrong("\"ro\"", "\"r\"", &["unknown variant `r`"]);
        wrong("8080:8080", "8080", &["expected `HOST:GUEST`"]);
        wrong("[app]", "[app", &["mewz.toml:3:"]);
        wrong("\"warn\"", "\"loud\"", &["none of `error`"]);
        wrong("opt = 0", "opt = 3", &["none of `0`, `1`, `2`"]);
        wrong("target-cpu", "target_cpu", &["did you mean `target-cpu`?"]);
    }

    #[test]
    fn places_count_from_one() {
        assert_eq!(line_and_column("a\nbü c", 0), (1, 1));
        assert_eq!(line_and_column("a\nbü c", 5), (2, 3));
    }

    #[test]
    fn suggestions_come_from_the_message() {
        let message = "unknown field `memroy`, expected one of `args`, `env`, `memory`";
        assert_eq!(suggestion(message), Some("memory"));
        assert_eq!(suggestion("missing field `mewz`"), None);
    }
}
