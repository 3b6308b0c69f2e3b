//! Templates of `mewz new`: where one comes from, and its files with the project's name filled in.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::process::Stdio;

use include_dir::{Dir, include_dir};
use rustix::process::Pid;

use super::failure::Failure;
use super::interrupt::{Holding, hold};
use super::project_name::ProjectName;
use crate::qemu::leash::{self, Limits};
use crate::qemu::program;

static EMBEDDED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates");

/// A file that ends so is filled in; its project's file has no such ending.
const FILLED_IN: &str = ".jinja";

/// What every template holds, with or without [`FILLED_IN`].
const PROJECT_FILE: &str = "mewz.toml";

/// A folder past these is no template but somebody's disk.
const BYTES_MAX: u64 = 64 << 20;
const FILES_MAX: usize = 10_000;

/// The files of a template.
#[derive(Debug)]
pub(super) struct Template {
    /// What the person called it.
    wanted: String,
    files: Vec<File>,
}

/// One file of a template or of a project.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct File {
    /// Where it lies, seen from the project's folder; made of plain names only.
    pub(super) path: PathBuf,
    pub(super) contents: Vec<u8>,
    pub(super) is_executable: bool,
}

/// Names of the templates that need nothing from outside.
pub(super) fn embedded_names() -> Vec<&'static str> {
    EMBEDDED
        .dirs()
        .filter_map(|dir| dir.path().to_str())
        .collect()
}

/// What an embedded template is for, as its own README begins: `An HTTP server in Go`.
pub(super) fn embedded_purpose(name: &str) -> Option<&'static str> {
    let readme = EMBEDDED.get_file(format!("{name}/README.md{FILLED_IN}"))?;
    let sentence = readme.contents_utf8()?.lines().nth(2)?;
    let end = sentence.find(" for WASI").or_else(|| sentence.find(','))?;
    sentence.get(..end)
}

impl Template {
    /// Finds an embedded template, a folder, or what a Git address leads to; in this order.
    pub(super) fn find(wanted: &str) -> Result<Self, Failure> {
        let files = if let Some(dir) = EMBEDDED
            .get_dir(wanted)
            .filter(|_| embedded_names().contains(&wanted))
        {
            embedded_files(dir, dir.path())
        } else if Path::new(wanted).is_dir() && !is_bare_repository(Path::new(wanted)) {
            folder_files(Path::new(wanted)).map_err(|problem| problem.failure(wanted))?
        } else if is_git_address(wanted) {
            clone(wanted)?
        } else {
            return Err(unknown(wanted));
        };
        let holds = |name: &str| files.iter().any(|file| file.path == Path::new(name));
        if !holds(PROJECT_FILE) && !holds(&format!("{PROJECT_FILE}{FILLED_IN}")) {
            return Err(
                Failure::new(format!("cannot use `{wanted}` as a template")).cause(format!(
                    "it holds no `{PROJECT_FILE}`, nor `{PROJECT_FILE}{FILLED_IN}`"
                )),
            );
        }
        Ok(Self {
            wanted: wanted.to_owned(),
            files,
        })
    }

    /// The project's files: paths and the contents of `.jinja` files know `name` and `identifier`.
    pub(super) fn fill_in(self, name: &ProjectName) -> Result<Vec<File>, Failure> {
        let mut jinja = minijinja::Environment::new();
        jinja.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
        jinja.set_syntax(syntax());
        let variables =
            minijinja::context! { name => name.to_string(), identifier => name.identifier() };
        self.files
            .into_iter()
            .map(|file| {
                fill_in(&jinja, &variables, &file).map_err(|cause| {
                    Failure::new(format!(
                        "cannot fill in `{}` of template `{}`",
                        file.path.display(),
                        self.wanted
                    ))
                    .cause(cause)
                    .hint("a template knows `name` and `identifier`")
                })
            })
            .collect()
    }
}

fn syntax() -> minijinja::syntax::SyntaxConfig {
    minijinja::syntax::SyntaxConfig::builder()
        .keep_trailing_newline(true)
        .build()
        .expect("the default delimiters are fine")
}

fn fill_in(
    jinja: &minijinja::Environment<'_>,
    variables: &minijinja::Value,
    file: &File,
) -> Result<File, String> {
    let say = |error: minijinja::Error| match error.line() {
        Some(line) => format!("line {line}: {error}"),
        None => error.to_string(),
    };
    let mut path = file.path.to_str().ok_or("its name is not UTF-8")?;
    let mut contents = file.contents.clone();
    if let Some(plain) = path.strip_suffix(FILLED_IN) {
        path = plain;
        let text = std::str::from_utf8(&file.contents).map_err(|_| "it is not UTF-8")?;
        contents = jinja.render_str(text, variables).map_err(say)?.into_bytes();
    }
    let path = PathBuf::from(jinja.render_str(path, variables).map_err(say)?);
    let is_plain = path
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    if !is_plain || path.file_name().is_none() {
        return Err(format!(
            "`{}` does not lie inside the project",
            path.display()
        ));
    }
    Ok(File {
        path,
        contents,
        is_executable: file.is_executable,
    })
}

fn unknown(wanted: &str) -> Failure {
    let failure = Failure::usage(format!("there is no template `{wanted}`"))
        .cause("it is no template of ours, no folder, and not the address of a Git repository")
        .hint(format!("templates: {}", embedded_names().join(", ")));
    match super::nearest::nearest(wanted, embedded_names()) {
        Some(name) => failure.hint(format!("did you mean `{name}`?")),
        None => failure,
    }
}

fn embedded_files(dir: &Dir<'_>, base: &Path) -> Vec<File> {
    let own = dir.files().map(|file| File {
        path: file
            .path()
            .strip_prefix(base)
            .unwrap_or(file.path())
            .to_owned(),
        contents: file.contents().to_owned(),
        is_executable: false,
    });
    own.chain(dir.dirs().flat_map(|inner| embedded_files(inner, base)))
        .collect()
}

/// Why a folder can't be read as a template.
#[derive(Debug)]
struct FolderProblem {
    at: PathBuf,
    cause: String,
}

impl FolderProblem {
    fn failure(self, wanted: &str) -> Failure {
        Failure::new(format!("cannot use `{wanted}` as a template")).cause(format!(
            "`{}`: {}",
            self.at.display(),
            self.cause
        ))
    }
}

fn folder_files(base: &Path) -> Result<Vec<File>, FolderProblem> {
    let mut files = Vec::new();
    let mut open = vec![base.to_owned()];
    let mut bytes = 0;
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).map_err(|error| unreadable(&folder, error))? {
            let entry = entry.map_err(|error| unreadable(&folder, error))?;
            let path = entry.path();
            let metadata = fs::symlink_metadata(&path).map_err(|error| unreadable(&path, error))?;
            if metadata.is_dir() {
                if entry.file_name() != ".git" {
                    open.push(path);
                }
                continue;
            }
            bytes += metadata.len();
            if !metadata.is_file() {
                return Err(FolderProblem {
                    at: path,
                    cause: "is neither a file nor a folder".into(),
                });
            }
            if bytes > BYTES_MAX || files.len() == FILES_MAX {
                let cause = format!(
                    "a template has at most {FILES_MAX} files and {} MiB",
                    BYTES_MAX >> 20
                );
                return Err(FolderProblem {
                    at: base.to_owned(),
                    cause,
                });
            }
            files.push(File {
                contents: fs::read(&path).map_err(|error| unreadable(&path, error))?,
                is_executable: is_executable(&metadata),
                path: path.strip_prefix(base).unwrap_or(&path).to_owned(),
            });
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn unreadable(path: &Path, error: io::Error) -> FolderProblem {
    FolderProblem {
        at: path.to_owned(),
        cause: error.to_string(),
    }
}

#[cfg(unix)]
fn is_executable(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &fs::Metadata) -> bool {
    false
}

fn is_git_address(wanted: &str) -> bool {
    wanted.contains("://") || wanted.starts_with("git@") || wanted.ends_with(".git")
}

/// A folder that Git can read but a person can't: it is cloned, not copied.
fn is_bare_repository(folder: &Path) -> bool {
    folder.join("HEAD").is_file() && folder.join("objects").is_dir() && folder.join("refs").is_dir()
}

fn clone(address: &str) -> Result<Vec<File>, Failure> {
    let failed = || Failure::new(format!("cannot fetch template `{address}`"));
    let folder = tempfile::tempdir().map_err(|error| failed().cause(error))?;
    let _folder = hold(Holding::Folder(folder.path().to_owned()));
    let Ok(git) = program::find(Path::new("git"), std::env::var_os("PATH").as_deref()) else {
        return Err(failed()
            .cause("`git` is not installed")
            .hint("on Debian and Ubuntu: apt-get install git")
            .hint(format!(
                "templates that need nothing: {}",
                embedded_names().join(", ")
            )));
    };
    let child = leash::command(&git, Limits::default())
        .args(["clone", "--quiet", "--depth", "1", "--", address])
        .arg(folder.path().join("template"))
        // In a process group of its own it could not read the answer to a question.
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_SSH_COMMAND", "ssh -oBatchMode=yes")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed().cause(format!("cannot run `git`: {error}")))?;
    let process = hold(Holding::ProcessGroup(Pid::from_child(&child)));
    let output = child
        .wait_with_output()
        .map_err(|error| failed().cause(error))?;
    drop(process);
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr)
            .trim()
            .replace('\n', "\n         ");
        return Err(failed().cause(format!("git: {words}")));
    }
    folder_files(&folder.path().join("template")).map_err(|problem| problem.failure(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(path: &str, contents: &str) -> Result<(String, String), Failure> {
        let file = File {
            path: path.into(),
            contents: contents.into(),
            is_executable: false,
        };
        let template = Template {
            wanted: "t".into(),
            files: vec![file],
        };
        let file = template
            .fill_in(&ProjectName::new("my-app").unwrap())?
            .remove(0);
        Ok((
            file.path.display().to_string(),
            String::from_utf8(file.contents).unwrap(),
        ))
    }

    #[test]
    fn only_files_that_end_in_jinja_are_filled_in() {
        let pair = |path: &str, text: &str| (path.to_owned(), text.to_owned());
        assert_eq!(
            filled("a.jinja", "{{ name }} {{ identifier }}\n").unwrap(),
            pair("a", "my-app my_app\n")
        );
        assert_eq!(
            filled("a.c", "{{1},{2}}").unwrap(),
            pair("a.c", "{{1},{2}}")
        );
        assert_eq!(
            filled("src/{{ name }}.c", "").unwrap(),
            pair("src/my-app.c", "")
        );
    }

    #[test]
    fn a_template_can_neither_use_unknown_names_nor_leave_its_folder() {
        assert!(filled("a.jinja", "{{ author }}").is_err());
        assert!(filled("a.jinja", "{{ name").is_err());
        assert!(filled("{{ '../x' }}", "").is_err());
        assert!(filled("{{ '/etc/x' }}", "").is_err());
        assert!(filled("{{ '' }}", "").is_err());
    }

    #[test]
    fn every_embedded_template_is_whole() {
        assert_eq!(
            embedded_names(),
            [
                "assemblyscript",
                "assemblyscript-http",
                "c",
                "c-http",
                "cpp",
                "cpp-http",
                "go",
                "go-http",
                "rust",
                "rust-http",
                "wat",
                "wat-http",
                "zig",
                "zig-http",
            ]
        );
        assert_eq!(embedded_purpose("go-http"), Some("An HTTP server in Go"));
        for name in embedded_names() {
            let purpose = embedded_purpose(name).unwrap_or_default();
            assert!(purpose.starts_with('A') && purpose.len() > 10, "{name}");
            let files = Template::find(name)
                .unwrap()
                .fill_in(&ProjectName::new("x").unwrap())
                .unwrap();
            for needed in ["mewz.toml", "README.md", ".gitignore"] {
                assert!(
                    files.iter().any(|file| file.path == Path::new(needed)),
                    "{name}: no {needed}"
                );
            }
        }
    }

    #[test]
    fn addresses_are_told_from_names_and_folders() {
        for address in [
            "https://host/x",
            "ssh://host/x",
            "file:///x",
            "git@host:x/y",
            "../x.git",
        ] {
            assert!(is_git_address(address), "{address}");
        }
        for other in ["wat", "../x", "host", "C"] {
            assert!(!is_git_address(other), "{other}");
        }
    }
}
