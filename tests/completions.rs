//! `completions/` and `docs/man/` hold what the command line says of itself today.
//!
//! `MEWZ_BLESS=1 cargo test --test completions` writes them anew; then read the difference.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const SHELLS: [(&str, &str); 5] = [
    ("bash", "mewz.bash"),
    ("elvish", "mewz.elv"),
    ("fish", "mewz.fish"),
    ("powershell", "_mewz.ps1"),
    ("zsh", "_mewz"),
];

#[test]
fn completions_are_those_of_the_command_line() {
    let made = SHELLS.map(|(shell, file)| {
        let script = mewz(&["completions", "--static", shell]);
        (file.to_owned(), script)
    });
    check("completions", made.into_iter().collect());
}

#[test]
fn manual_pages_are_those_of_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    mewz(&["man", folder.path().to_str().unwrap()]);
    check("docs/man", files(folder.path()));
}

#[test]
fn completions_of_an_unknown_shell_are_refused_with_the_names_of_the_known() {
    let output = Command::new(env!("CARGO_BIN_EXE_mewz"))
        .args(["completions", "tcsh"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(
        SHELLS.iter().all(|(shell, _)| words.contains(shell)),
        "{words}"
    );
}

fn mewz(arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(env!("CARGO_BIN_EXE_mewz"))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

fn check(folder: &str, made: BTreeMap<String, Vec<u8>>) {
    assert!(!made.is_empty());
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder);
    if std::env::var_os("MEWZ_BLESS").is_some() {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        for (name, contents) in &made {
            fs::write(folder.join(name), contents).unwrap();
        }
    }
    let kept = files(&folder);
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        names(&kept),
        names(&made),
        "in {}: bless, see the top of this file",
        folder.display()
    );
    for (name, contents) in &made {
        assert!(
            kept[name] == *contents,
            "{} is old: bless, see the top of this file",
            folder.join(name).display()
        );
    }
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let Ok(entries) = fs::read_dir(folder) else {
        return BTreeMap::new();
    };
    let entries = entries.map(|entry| entry.unwrap());
    entries
        .map(|entry| {
            (
                entry.file_name().into_string().unwrap(),
                fs::read(entry.path()).unwrap(),
            )
        })
        .collect()
}
