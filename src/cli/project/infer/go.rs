//! Go: the module's own `package main`, or one below `cmd/`.

use std::fs;
use std::path::Path;

use super::super::super::failure::Failure;
use super::{Folder, Inferred, choose, files, name_of, quoted};

/// The package that is a program.
pub(super) fn infer(folder: &Folder<'_>) -> Result<Option<Inferred>, Failure> {
    let (name, package) = if is_program(folder.path) {
        (module_name(folder.path), ".".to_owned())
    } else {
        let commands = commands(folder.path);
        let names: Vec<&str> = commands.iter().map(String::as_str).collect();
        match choose(folder, "programs below `cmd/`", &names)? {
            Some(name) => (name.to_owned(), format!("./cmd/{name}")),
            None => {
                return Err(Failure::usage(format!(
                    "`{}` makes no program",
                    folder.path.join(folder.from).display()
                ))
                .cause("neither its folder nor one below `cmd/` has a `package main`")
                .hint("`command` and `wasm` below `[build]` of a `mewz.toml` say what to build"));
            }
        }
    };
    let wasm = format!("target/{name}.wasm");
    Ok(Some(Inferred {
        from: folder.from.to_owned(),
        command: format!(
            "GOOS=wasip1 GOARCH=wasm go build -o {} {}",
            quoted(&wasm),
            quoted(&package)
        ),
        name,
        wasm,
        watch: Vec::new(),
    }))
}

/// The last part of the module's path, as `go build` names programs.
fn module_name(folder: &Path) -> String {
    let text = fs::read_to_string(folder.join("go.mod")).unwrap_or_default();
    let path = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("module "));
    let parts = path
        .unwrap_or_default()
        .trim()
        .trim_matches('"')
        .rsplit('/');
    // A major version is no name: example.com/app/v2.
    let is_version = |part: &&str| {
        let digits = part.strip_prefix('v').unwrap_or_default();
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    match parts.into_iter().find(|part| !is_version(part)) {
        Some(name) if !name.is_empty() => name.to_owned(),
        _ => name_of(folder),
    }
}

fn commands(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder.join("cmd"))
        .into_iter()
        .flatten()
        .flatten();
    let mut names: Vec<String> = entries
        .filter(|entry| is_program(&entry.path()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

fn is_program(folder: &Path) -> bool {
    files(folder, &["go"]).iter().any(|file| {
        let is_test = file.to_string_lossy().ends_with("_test.go");
        let text = fs::read_to_string(file).unwrap_or_default();
        let clause = text.lines().find(|line| line.starts_with("package "));
        !is_test && clause.is_some_and(|clause| clause.split_whitespace().nth(1) == Some("main"))
    })
}
