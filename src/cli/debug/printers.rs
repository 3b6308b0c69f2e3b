//! rustc's own printers for gdb, which show a `Vec` as its elements and a `String` as its text: part of each rustc, for the
//! library of that version alone.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What stands before the version in what rustc says of itself in a module.
const PRODUCER: &[u8] = b"rustc version ";

/// Where they are, below the compiler's root.
const FOLDER: &str = "lib/rustlib/etc";

/// What gdb loads of them.
const FILE: &str = "gdb_lookup.py";

/// Loads them, as a program with pointers of four bytes needs it.
const LOADER: &str = include_str!("printers.py");

/// Where the printers for a program are.
#[derive(Clone, Debug, Default)]
pub(super) enum Printers {
    /// rustc did not make it.
    #[default]
    None,
    /// In this folder.
    In(PathBuf),
    /// Of this version, and the rustc here is another one.
    Missing(String),
}

/// The printers for `module`.
pub(super) fn of(module: &[u8]) -> Printers {
    let Some(wanted) = version_in(module) else {
        return Printers::None;
    };
    match folder_of(&wanted) {
        Some(folder) => Printers::In(folder),
        None => Printers::Missing(wanted),
    }
}

/// The folder of the printers of rustc's version `wanted`, if the rustc here is of that version.
fn folder_of(wanted: &str) -> Option<PathBuf> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let ask = |argument: &[&str]| {
        let asked = Command::new(&rustc)
            .args(argument)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output();
        let answer = asked.ok().filter(|answer| answer.status.success())?;
        String::from_utf8(answer.stdout).ok()
    };
    let about = ask(&["-vV"])?;
    let release = about
        .lines()
        .find_map(|line| line.strip_prefix("release: "));
    if release.map(str::trim) != Some(wanted) {
        return None;
    }
    let folder = PathBuf::from(ask(&["--print", "sysroot"])?.trim_end()).join(FOLDER);
    folder.join(FILE).exists().then_some(folder)
}

/// The version of the first rustc that says its name in `module`: of a program of several languages, the others say theirs.
fn version_in(module: &[u8]) -> Option<String> {
    let mut at = module
        .windows(PRODUCER.len())
        .position(|part| part == PRODUCER)?;
    at += PRODUCER.len();
    let version = module[at..].iter().copied();
    let version = version.take_while(|byte| byte.is_ascii_alphanumeric() || b".-".contains(byte));
    let version: String = version.take(40).map(char::from).collect();
    (!version.is_empty()).then_some(version)
}

/// The commands that let gdb use those in `folder`.
pub(super) fn commands(folder: &std::path::Path) -> String {
    // A string of JSON is one of Python too.
    let folder = serde_json::Value::from(folder.to_string_lossy());
    format!("python\n{LOADER}try_to_load({folder})\nend\n")
}

#[cfg(test)]
mod tests {
    use super::{commands, version_in};

    #[test]
    fn rustc_says_its_version() {
        let version = |text: &[u8]| version_in(text);
        assert_eq!(
            version(b"\0clang LLVM (rustc version 1.95.0 (59807616e 2026-04-14))\0"),
            Some("1.95.0".to_owned())
        );
        assert_eq!(
            version(b"rustc version 1.97.0-nightly (abc)"),
            Some("1.97.0-nightly".to_owned())
        );
        assert_eq!(version(b"clang version 14.0.6"), None);
        assert_eq!(version(b"rustc version "), None);
    }

    #[test]
    fn folders_are_quoted() {
        let text = commands(std::path::Path::new("/a \"b\"/etc"));
        assert!(text.contains(r#"try_to_load("/a \"b\"/etc")"#), "{text}");
    }
}
