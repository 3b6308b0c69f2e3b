//! Holds the walls of ARCHITECTURE.md: which room may name which, where unsafe code may stand, how files open.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// What each room of `src/` may name; `main.rs`, `lib.rs` and what a room says of itself stand outside.
const PROGRAM_ROOMS: &[(&str, &[&str])] = &[
    ("cli", &["compile", "link", "qemu", "relocatable"]),
    ("compile", &["relocatable"]),
    ("link", &["relocatable"]),
    ("qemu", &[]),
    ("relocatable", &[]),
];

/// The kernel's rooms from the lowest to the highest: each may name those before it.
const KERNEL_ROOMS: &[&str] = &[
    "arch", "memory", "debug", "virtio", "fs", "net", "wasi", "entry",
];

/// The one file of `kernel/disk/` that implements a trait with unsafe methods.
const UNSAFE_OF_DISKS: &str = "kernel/disk/src/order.rs";

/// The only places of `kernel/src/` where the word `unsafe` may stand.
const UNSAFE_ROOMS: &[&str] = &["arch", "memory", "virtio", "entry"];

#[test]
fn rooms_of_the_program_point_one_way() {
    let mut wrong = String::new();
    for source in sources("src") {
        let Some(room) = source.room() else { continue };
        let Some((_, may_name)) = PROGRAM_ROOMS.iter().find(|(name, _)| *name == room) else {
            writeln!(
                wrong,
                "{source}: room `{room}` is in no list: add it to ARCHITECTURE.md and here"
            )
            .unwrap();
            continue;
        };
        for named in source.named_rooms() {
            let is_room = PROGRAM_ROOMS.iter().any(|(name, _)| *name == named);
            if is_room && named != room && !may_name.contains(&named.as_str()) {
                writeln!(wrong, "{source}: `{room}` names `{named}`").unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn rooms_of_the_kernel_point_one_way() {
    let rank = |name: &str| KERNEL_ROOMS.iter().position(|room| *room == name);
    let mut wrong = String::new();
    for source in sources("kernel/src") {
        let Some(room) = source.room() else { continue };
        let Some(own) = rank(&room) else {
            writeln!(
                wrong,
                "{source}: room `{room}` is in no list: add it to ARCHITECTURE.md and here"
            )
            .unwrap();
            continue;
        };
        for named in source.named_rooms() {
            if rank(&named).is_some_and(|other| other > own) {
                writeln!(
                    wrong,
                    "{source}: `{room}` names `{named}`, which stands above it"
                )
                .unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn unsafe_code_stays_in_its_rooms() {
    let mut wrong = String::new();
    for source in sources("src")
        .chain(sources("kernel/abi/src"))
        .chain(sources("build.rs"))
    {
        if source.has_word("unsafe") {
            writeln!(wrong, "{source}: `unsafe`").unwrap();
        }
    }
    for source in sources("kernel/disk/src") {
        if source.has_word("unsafe") && short(&source.path) != UNSAFE_OF_DISKS {
            writeln!(wrong, "{source}: `unsafe`").unwrap();
        }
    }
    for source in sources("kernel/src") {
        let allowed = source
            .room()
            .is_some_and(|room| UNSAFE_ROOMS.contains(&room.as_str()));
        if !allowed && source.has_word("unsafe") {
            writeln!(wrong, "{source}: `unsafe` outside {UNSAFE_ROOMS:?}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn safe_rooms_forbid_unsafe_code() {
    let mut roots = vec![
        "src/main.rs".to_owned(),
        "src/lib.rs".to_owned(),
        "kernel/abi/src/lib.rs".to_owned(),
    ];
    if root().join("build.rs").exists() {
        roots.push("build.rs".to_owned());
    }
    for room in KERNEL_ROOMS
        .iter()
        .filter(|room| !UNSAFE_ROOMS.contains(room))
    {
        let at = [
            format!("kernel/src/{room}.rs"),
            format!("kernel/src/{room}/mod.rs"),
        ];
        roots.extend(at.into_iter().filter(|path| root().join(path).exists()));
    }
    let mut wrong = String::new();
    for path in roots {
        if !read(&path)
            .lines()
            .any(|line| line.trim() == "#![forbid(unsafe_code)]")
        {
            writeln!(wrong, "{path}: no `#![forbid(unsafe_code)]`").unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn every_file_opens_with_its_purpose() {
    let mut wrong = String::new();
    for source in rust_sources() {
        let first = source.text.lines().next().unwrap_or_default();
        if first
            .strip_prefix("//! ")
            .is_none_or(|purpose| purpose.trim().len() <= 10)
        {
            writeln!(
                wrong,
                "{source}: the first line is not `//! what this file does`"
            )
            .unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn nothing_is_left_for_later() {
    let marks =
        [["#[ign", "ore"], ["tod", "o!("], ["unimpl", "emented!("]].map(|halves| halves.concat());
    let mut wrong = String::new();
    for source in rust_sources() {
        for mark in &marks {
            if source.code.contains(mark.as_str()) {
                writeln!(wrong, "{source}: `{mark}`").unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    let marks = [
        ["/ho", "me/"],
        ["/ro", "ot/"],
        ["/wo", "rk/"],
        ["/tmp/", "wt"],
    ]
    .map(|halves| halves.concat());
    let mut wrong = String::new();
    for path in files(&root()) {
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        for mark in &marks {
            if let Some(line) = text.lines().position(|line| line.contains(mark.as_str())) {
                writeln!(wrong, "{}:{}: `{mark}`", short(&path), line + 1).unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[cfg(unix)]
#[test]
fn scripts_can_be_run() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut wrong = String::new();
    for path in files(&root()) {
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        let is_executable = fs::metadata(&path).unwrap().permissions().mode() & 0o111 != 0;
        let has_interpreter = text.starts_with("#!/");
        if is_executable != has_interpreter {
            writeln!(
                wrong,
                "{}: `#!` line: {has_interpreter}, may be executed: {is_executable}",
                short(&path)
            )
            .unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn rooms_are_found_however_they_are_written() {
    let source = |path: &str, text: &str| Source::new(PathBuf::from(path), text.to_owned());
    let named = |path: &str, text: &str| source(path, text).named_rooms();
    assert_eq!(
        named("src/link/image.rs", "use crate::compile::Compiled;"),
        ["compile"]
    );
    assert_eq!(
        named("src/link/image.rs", "fn f() { crate::qemu::run() }"),
        ["qemu"]
    );
    assert_eq!(
        named(
            "src/link/mod.rs",
            "use crate::{compile, cli::{self, new}, qemu::*};"
        ),
        ["compile", "cli", "qemu"]
    );
    assert_eq!(named("src/link/mod.rs", "use super::compile;"), ["compile"]);
    assert_eq!(
        named("src/link/image.rs", "use super::super::compile;"),
        ["compile"]
    );
    assert_eq!(named("src/link/image.rs", "use super::window;"), [""; 0]);
    assert_eq!(
        named(
            "src/link/image.rs",
            "// crate::compile\nlet a = \"crate::compile\";"
        ),
        [""; 0]
    );
    assert_eq!(
        named(
            "src/link/image.rs",
            "let a = r#\"\" crate::qemu\"#; /* crate::cli */"
        ),
        [""; 0]
    );
    assert_eq!(
        named(
            "src/link/image.rs",
            "let a = '\"'; crate::compile::f('\\'')"
        ),
        ["compile"]
    );
    assert_eq!(
        named(
            "src/link/image.rs",
            "fn f<'a>(x: &'a str) { crate::cli::f(x) }"
        ),
        ["cli"]
    );
}

/// One Rust file: its text, and its text without comments and literals.
struct Source {
    path: PathBuf,
    text: String,
    code: String,
}

impl std::fmt::Display for Source {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&short(&self.path))
    }
}

impl Source {
    fn new(path: PathBuf, text: String) -> Self {
        let code = without_comments_and_literals(&text);
        Self { path, text, code }
    }

    /// The path's parts from the crate's `src` folder on, without `.rs` and `mod`.
    fn module(&self) -> Vec<String> {
        let parts: Vec<_> = self
            .path
            .iter()
            .map(|part| part.to_string_lossy().into_owned())
            .collect();
        let from = parts
            .iter()
            .rposition(|part| part == "src")
            .map_or(parts.len(), |at| at + 1);
        let mut module: Vec<_> = parts[from..]
            .iter()
            .map(|part| part.trim_end_matches(".rs").to_owned())
            .collect();
        if module.last().is_some_and(|last| last == "mod") {
            module.pop();
        }
        module
    }

    /// The folder or file right under `src` that this file belongs to; `None` for the crate's root.
    fn room(&self) -> Option<String> {
        self.module()
            .into_iter()
            .next()
            .filter(|room| room != "main" && room != "lib")
    }

    fn has_word(&self, word: &str) -> bool {
        words(&self.code).any(|(_, found)| found == word)
    }

    /// The modules right under the crate's root that this file's code names, each once, in order.
    fn named_rooms(&self) -> Vec<String> {
        let depth = self.module().len();
        let mut rooms = Vec::new();
        let mut skip_to = 0;
        for (at, word) in words(&self.code).filter(|(_, word)| *word == "crate" || *word == "super")
        {
            if at < skip_to {
                continue;
            }
            let mut rest = &self.code[at + word.len()..];
            let mut supers = usize::from(word == "super");
            while let Some(next) = after_colons(rest).and_then(|next| next.strip_prefix("super")) {
                supers += 1;
                rest = next;
            }
            skip_to = self.code.len() - rest.len();
            if word == "crate" || supers == depth {
                rooms.extend(after_colons(rest).into_iter().flat_map(first_names));
            }
        }
        let mut seen = Vec::new();
        rooms.retain(|room| {
            !seen.contains(room) && {
                seen.push(room.clone());
                true
            }
        });
        rooms
    }
}

/// What follows `::`, if that comes next.
fn after_colons(text: &str) -> Option<&str> {
    text.trim_start().strip_prefix("::").map(str::trim_start)
}

/// The names that a path goes on with: one, or the heads of a group in braces.
fn first_names(text: &str) -> Vec<String> {
    let Some(group) = text.strip_prefix('{') else {
        return words(text)
            .next()
            .map(|(_, word)| word.to_owned())
            .into_iter()
            .collect();
    };
    let mut depth = 0;
    let mut names = Vec::new();
    let mut is_head = true;
    for (at, symbol) in group.char_indices() {
        match symbol {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => is_head = true,
            _ if is_head && (symbol.is_alphabetic() || symbol == '_') => {
                names.extend(words(&group[at..]).next().map(|(_, word)| word.to_owned()));
                is_head = false;
            }
            _ => {}
        }
    }
    names
}

/// Identifiers and keywords with their offsets.
fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    code.split(|symbol: char| !symbol.is_alphanumeric() && symbol != '_')
        .filter(|word| !word.is_empty())
        .map(|word| (word.as_ptr() as usize - code.as_ptr() as usize, word))
}

/// Blanks what the compiler does not read as code. Knows nested comments, raw strings, and characters from lifetimes.
fn without_comments_and_literals(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let len = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment_len(rest)
        } else if let Some(len) = raw_string_len(rest).filter(|_| !code.ends_with(is_word_symbol)) {
            len
        } else if first == '"' {
            quoted_len(rest, '"')
        } else if first == '\'' && is_character(rest) {
            quoted_len(rest, '\'')
        } else {
            code.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        };
        code.push(' ');
        rest = &rest[len..];
    }
    code
}

fn is_word_symbol(symbol: char) -> bool {
    symbol.is_alphanumeric() || symbol == '_'
}

fn block_comment_len(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

fn raw_string_len(text: &str) -> Option<usize> {
    let body = text
        .strip_prefix("br")
        .or_else(|| text.strip_prefix("cr"))
        .or_else(|| text.strip_prefix('r'))?;
    let hashes = body.len() - body.trim_start_matches('#').len();
    let inner = body[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let inner_len = inner.find(&end)? + end.len();
    Some(text.len() - inner.len() + inner_len)
}

fn quoted_len(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, symbol) in text.char_indices().skip(1) {
        match symbol {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if symbol == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Whether a quote opens a character, not a lifetime.
fn is_character(text: &str) -> bool {
    let mut symbols = text.chars().skip(1);
    symbols.next() == Some('\\') || symbols.next() == Some('\'')
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path))
        .unwrap_or_else(|error| panic!("cannot read `{path}`: {error}"))
}

fn short(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap_or(path)
        .display()
        .to_string()
}

/// All Rust files of ours; what a template gives away is its user's.
fn rust_sources() -> impl Iterator<Item = Source> {
    sources("").filter(|source| !short(&source.path).starts_with("templates"))
}

fn sources(under: &str) -> impl Iterator<Item = Source> + use<> {
    files(&root().join(under))
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| Source::new(path.clone(), fs::read_to_string(&path).unwrap()))
}

/// Every file at or under `path` but for build outputs and what git and the tools keep for themselves.
fn files(path: &Path) -> Vec<PathBuf> {
    let mut found = BTreeSet::new();
    let mut open = vec![path.to_owned()];
    while let Some(path) = open.pop() {
        let Ok(entries) = fs::read_dir(&path) else {
            if path.is_file() {
                found.insert(path);
            }
            continue;
        };
        for entry in entries {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy();
            let is_ours = !["target", ".git", ".mewz", "node_modules"].contains(&&*name)
                && !path.is_symlink();
            if is_ours {
                open.push(path);
            }
        }
    }
    found.into_iter().collect()
}
