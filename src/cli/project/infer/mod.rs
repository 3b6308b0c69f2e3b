//! How a folder without a project file is built, by what its language's own tools find in it.

mod assemblyscript;
mod c;
mod cargo;
mod go;
mod zig;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use super::super::failure::Failure;
use super::super::project_name::ProjectName;
use super::profile::Profile;

/// What is said where nothing was found.
pub(super) const NOTHING_KNOWN: &str =
    "nothing of Cargo, Go, Zig, AssemblyScript or C is there that a build could be inferred from";

/// Files that say how their folder is built, also to whoever works below it; the language of each.
const MANIFESTS: [(&str, Infer); 5] = [
    ("Cargo.toml", cargo::infer),
    ("go.mod", go::infer),
    ("build.zig", zig::infer),
    ("asconfig.json", assemblyscript::infer),
    ("package.json", assemblyscript::infer),
];

/// Infers what the folder's `from` says, with the name that was asked for.
type Infer = fn(&Folder<'_>) -> Result<Option<Inferred>, Failure>;

/// A folder that is looked into.
pub(super) struct Folder<'a> {
    path: &'a Path,
    /// The manifest's name, or that of the first source.
    from: &'a str,
    /// The program that is meant, where there are several.
    wanted: Option<&'a str>,
}

/// How a module is made.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::cli) struct Inferred {
    /// The file that says so, in the project's folder.
    pub(super) from: String,
    pub(super) name: String,
    pub(super) command: String,
    pub(super) wasm: String,
    /// Patterns; none where git's are enough.
    pub(super) watch: Vec<&'static str>,
}

impl Inferred {
    /// The sections of a project file that say the same.
    pub(super) fn text(&self) -> String {
        let text = |value: &str| toml::Value::from(value).to_string();
        let mut lines = format!(
            "[app]\nname = {}\n\n[build]\ncommand = {}\nwasm = {}\n",
            text(&self.name),
            text(&self.command),
            text(&self.wasm)
        );
        if !self.watch.is_empty() {
            let patterns = toml::Value::from(self.watch.clone());
            lines.push_str(&format!("watch = {patterns}\n"));
        }
        lines
    }
}

impl fmt::Display for Inferred {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "Inferred from `{}`: `{}` makes `{}` (`mewz init` writes it into a `mewz.toml`)",
            self.from,
            Profile::Debug.expand(&self.command.replace(" {--release}", "")),
            Profile::Debug.expand(&self.wasm)
        )
    }
}

pub(super) use self::c::other_compiler;

/// Whether `folder` has a file that says how it is built, also to whoever works below.
pub(super) fn has_manifest(folder: &Path) -> bool {
    MANIFESTS
        .iter()
        .any(|(name, _)| *name != "package.json" && folder.join(name).is_file())
}

/// Whether something in `folder` can be built without one.
pub(super) fn has_sources(folder: &Path) -> bool {
    folder.join("package.json").is_file() || c::is_in(folder) || zig::is_in(folder)
}

/// Infers how the program in `folder` is built; `None` where nothing there is known.
///
/// `wanted` names the program, where there are several.
///
/// # Errors
///
/// What is there leaves open which program is meant, or its tools do not understand it.
pub(super) fn infer(folder: &Path, wanted: Option<&str>) -> Result<Option<Inferred>, Failure> {
    let mut found: Vec<Inferred> = Vec::new();
    for (from, infer) in MANIFESTS {
        let is_known = || found.iter().any(|other| other.from == "asconfig.json");
        if !folder.join(from).is_file() || from == "package.json" && is_known() {
            continue;
        }
        found.extend(infer(&Folder {
            path: folder,
            from,
            wanted,
        })?);
    }
    match found.len() {
        0 => {}
        1 => return Ok(found.pop()),
        _ => {
            let names: Vec<String> = found.iter().map(|one| format!("`{}`", one.from)).collect();
            return Err(
                ambiguous(folder, &format!("{} are there", names.join(" and ")))
                    .hint("a `mewz.toml` with `command` and `wasm` below `[build]` decides"),
            );
        }
    }
    let found = c::infer(folder, wanted)?;
    match found {
        Some(found) => Ok(Some(found)),
        None => zig::infer_sources(folder, wanted),
    }
}

/// The sentence for a folder that leaves open what is meant.
fn ambiguous(folder: &Path, why: &str) -> Failure {
    Failure::usage(format!(
        "cannot tell which program in `{}` is meant",
        folder.display()
    ))
    .cause(why)
}

/// One of several programs by name; the only one, or the one that is wanted.
fn choose<'a>(
    folder: &Folder<'_>,
    what: &str,
    names: &[&'a str],
) -> Result<Option<&'a str>, Failure> {
    let quoted = || {
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        names.join(", ")
    };
    match (names, folder.wanted) {
        ([], _) => Ok(None),
        ([only], _) => Ok(Some(only)),
        (names, Some(wanted)) if names.contains(&wanted) => {
            Ok(names.iter().copied().find(|name| *name == wanted))
        }
        (_, wanted) => {
            let failure = ambiguous(
                folder.path,
                &format!("`{}` has several {what}: {}", folder.from, quoted()),
            );
            let failure = match wanted {
                Some(wanted) => failure.cause(format!("`{wanted}` is none of them")),
                None => failure,
            };
            let first = names.first().copied().unwrap_or_default();
            Err(failure.hint(format!(
                "`MEWZ_APP_NAME={first}`, or `name = \"{first}\"` below `[app]` in a `mewz.toml`, chooses one"
            )))
        }
    }
}

/// A name for the program, by its folder.
fn name_of(folder: &Path) -> String {
    let whole = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let name = whole.file_name().unwrap_or_default().to_string_lossy();
    match ProjectName::new(&name) {
        Ok(name) => name.to_string(),
        Err(_) => "app".to_owned(),
    }
}

/// Files directly in `folder` whose names end in one of `extensions`, in order.
fn files(folder: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| {
            let extension = path.extension().and_then(|extension| extension.to_str());
            extension.is_some_and(|extension| extensions.contains(&extension)) && path.is_file()
        })
        .collect();
    files.sort();
    files
}

/// A word as `sh` takes it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_=+,./:@%{}".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
