//! What a shell asks while a command is typed: the words that may come next, among them files, machines and templates that
//! are there.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::ExitCode;

use clap::{Arg, Command};
use clap_complete::engine::{
    ArgValueCandidates, ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter,
};
use clap_complete::env::{
    Bash as StockBash, CompleteEnv, Elvish, EnvCompleter, Fish, Powershell, Shells, Zsh,
};

use super::failure::Failure;
use super::{debug, project, template};

/// Names the shell that asks; what was typed stands behind `--`.
const VARIABLE: &str = "MEWZ_COMPLETE";

/// The number of the word that is being typed.
const WORD_VARIABLE: &str = "_MEWZ_WORD";

/// First bytes of a disk's headers, and where the first one lies that every disk has (`kernel/disk/src/format.rs`).
const DISK_SIGNATURE: &[u8; 8] = b"RedoxFS\0";
const DISK_HEADER_OFFSET: u64 = 4096;

const SHELLS: &[&dyn EnvCompleter] = &[&Bash, &Elvish, &Fish, &Powershell, &Zsh];

/// Whether a shell asks, and nobody gives a command.
pub(super) fn is_asked() -> bool {
    std::env::var_os(VARIABLE).is_some_and(|shell| !shell.is_empty())
}

/// Prints what may be typed.
pub(super) fn answer() -> ExitCode {
    let asked = CompleteEnv::with_factory(command_line)
        .var(VARIABLE)
        .shells(Shells(SHELLS));
    let folder = std::env::current_dir().ok();
    match asked.try_complete(std::env::args_os(), folder.as_deref()) {
        Ok(_) => ExitCode::SUCCESS,
        // The person is in the middle of a line: words would only disturb it.
        Err(_) => ExitCode::FAILURE,
    }
}

/// The script that makes the shell `name` ask.
pub(super) fn script(name: &str) -> Result<Vec<u8>, Failure> {
    let mut script = Vec::new();
    let shell = Shells(SHELLS).completer(name).ok_or_else(|| {
        Failure::usage(format!("cannot complete for `{name}`")).cause("there is no such shell here")
    })?;
    shell
        .write_registration(VARIABLE, "mewz", "mewz", "mewz", &mut script)
        .map_err(|problem| Failure::new("cannot print the completion script").cause(problem))?;
    Ok(script)
}

/// The whole command line; its arguments know what may stand there.
fn command_line() -> Command {
    with_completers(super::command_line())
}

fn with_completers(command: Command) -> Command {
    let name = command.get_name().to_owned();
    let inner: Vec<_> = command
        .get_subcommands()
        .map(|command| command.get_name().to_owned())
        .collect();
    let command = command.mut_args(|argument| with_completer(&name, argument));
    inner.into_iter().fold(command, |command, name| {
        command.mut_subcommand(name, with_completers)
    })
}

/// Chooses by what the help calls the argument's value.
fn with_completer(command: &str, argument: Arg) -> Arg {
    let value = match argument.get_value_names() {
        Some([value, ..]) => value.to_string(),
        _ => argument.get_id().as_str().to_ascii_uppercase(),
    };
    match (command, value.as_str()) {
        (_, "NAME|PATH|GIT") => argument.add(ArgValueCompleter::new(templates)),
        (_, "FILE|DIR" | "DIR|FILE" | "DIR") => argument.add(ArgValueCompleter::new(programs())),
        ("compile" | "imports" | "size", "FILE" | "OTHER") if argument.is_positional() => {
            argument.add(ArgValueCompleter::new(modules()))
        }
        ("ls" | "rm" | "cp" | "check", _) if argument.is_positional() => {
            argument.add(ArgValueCompleter::new(disks()))
        }
        (_, "FILE::GUEST[:ro]") => argument.add(ArgValueCompleter::new(disks())),
        (_, "HOST::GUEST[:ro]" | "HOST::GUEST" | "FOLDER") => {
            argument.add(ArgValueCompleter::new(PathCompleter::dir()))
        }
        (_, "PROCESS") => argument.add(ArgValueCandidates::new(machines)),
        _ if argument.get_id() == "profile" => argument.add(ArgValueCompleter::new(profiles)),
        _ => argument,
    }
}

/// Templates that need nothing, then folders.
fn templates(typed: &OsStr) -> Vec<CompletionCandidate> {
    let begins = |name: &&str| name.as_bytes().starts_with(typed.as_encoded_bytes());
    let names = template::embedded_names().into_iter().filter(begins);
    let mut found: Vec<_> = names
        .map(|name| {
            CompletionCandidate::new(name)
                .help(template::embedded_purpose(name).map(|purpose| purpose.into()))
        })
        .collect();
    if !typed.is_empty() {
        found.extend(PathCompleter::dir().complete(typed));
    }
    found
}

/// Projects and modules; other folders too, since those may lie in them.
fn programs() -> PathCompleter {
    PathCompleter::any().filter(|path| is_module(path) || path.join(project::FILE_NAME).is_file())
}

fn modules() -> PathCompleter {
    PathCompleter::any().filter(is_module)
}

fn is_module(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| ending == "wasm" || ending == "wat")
        && path.is_file()
}

fn disks() -> PathCompleter {
    PathCompleter::any().filter(|path| is_disk(path).unwrap_or(false))
}

fn is_disk(path: &Path) -> io::Result<bool> {
    // A pipe would wait for someone to write.
    if !path.is_file() {
        return Ok(false);
    }
    let mut first = [0; DISK_SIGNATURE.len()];
    File::open(path)?.read_exact_at(&mut first, DISK_HEADER_OFFSET)?;
    Ok(first == *DISK_SIGNATURE)
}

/// What `--profile-generate` wrote, by its ending; any file where there is none.
fn profiles(typed: &OsStr) -> Vec<CompletionCandidate> {
    let named = |path: &Path| path.extension().is_some_and(|ending| ending == "profile");
    let is_file =
        |candidate: &CompletionCandidate| !candidate.get_value().as_encoded_bytes().ends_with(b"/");
    let found = PathCompleter::any().filter(named).complete(typed);
    match found.iter().any(is_file) {
        true => found,
        false => PathCompleter::file().complete(typed),
    }
}

/// Machines that gdb can be led to.
fn machines() -> Vec<CompletionCandidate> {
    let machines = debug::machines().into_iter();
    machines
        .map(|(process, module)| {
            CompletionCandidate::new(process.to_string())
                .help(Some(module.display().to_string().into()))
        })
        .collect()
}

/// Bash, which takes `=` for the end of a word: the words are put together again before they are looked at.
struct Bash;

const BASH_SCRIPT: &str = r#"_mewz() {
    local words=("${COMP_WORDS[@]}")
    [[ ${words[COMP_CWORD]} == = ]] || words[COMP_CWORD]=$2
    mapfile -t COMPREPLY < <(VARIABLE=bash WORD=$COMP_CWORD COMPLETER -- "${words[@]}" 2>/dev/null)
    if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[=/:] ]]; then
        compopt -o nospace
    fi
}
complete -o bashdefault -o nosort -F _mewz mewz
"#;

impl EnvCompleter for Bash {
    fn name(&self) -> &'static str {
        StockBash.name()
    }

    fn is(&self, name: &str) -> bool {
        StockBash.is(name)
    }

    fn write_registration(
        &self,
        variable: &str,
        _name: &str,
        _command: &str,
        completer: &str,
        out: &mut dyn io::Write,
    ) -> io::Result<()> {
        let script = BASH_SCRIPT
            .replace("VARIABLE", variable)
            .replace("WORD=", &format!("{WORD_VARIABLE}="))
            .replace("COMPLETER", completer);
        out.write_all(script.as_bytes())
    }

    fn write_complete(
        &self,
        command: &mut Command,
        words: Vec<OsString>,
        folder: Option<&Path>,
        out: &mut dyn io::Write,
    ) -> io::Result<()> {
        let word = std::env::var(WORD_VARIABLE).ok();
        let word = word.and_then(|word| word.parse().ok());
        let typed = Typed::join(words, word.unwrap_or(0));
        let is_empty = typed
            .words
            .get(typed.word)
            .is_none_or(|word| word.is_empty());
        let mut found = clap_complete::engine::complete(command, typed.words, typed.word, folder)?;
        // Options are offered once a dash is typed, unless there is nothing else: bash shows all in one heap.
        let is_option = |candidate: &CompletionCandidate| {
            candidate.get_value().as_encoded_bytes().starts_with(b"-")
        };
        if is_empty && !found.iter().all(is_option) {
            found.retain(|candidate| !is_option(candidate));
        }
        for candidate in found {
            let candidate = candidate.get_value().to_string_lossy();
            let rest = candidate.strip_prefix(&typed.before);
            writeln!(out, "{}", rest.unwrap_or(&candidate))?;
        }
        Ok(())
    }
}

/// What was typed, in the words that a program would get.
#[derive(Debug, PartialEq, Eq)]
struct Typed {
    words: Vec<OsString>,
    /// Which of them is being typed.
    word: usize,
    /// What of it bash keeps to itself: `--template=`.
    before: String,
}

impl Typed {
    /// Joins `--name`, `=` and what follows; `at` is the word being typed.
    fn join(cut: Vec<OsString>, at: usize) -> Self {
        let mut typed = Self {
            words: Vec::new(),
            word: 0,
            before: String::new(),
        };
        let mut is_open = false;
        for (index, word) in cut.into_iter().enumerate() {
            let is_option = |last: &OsString| last.to_string_lossy().starts_with("--");
            let begins_value = word == "=" && typed.words.last().is_some_and(is_option);
            match typed.words.last_mut() {
                Some(last) if is_open || begins_value => {
                    if index == at {
                        let sign = if begins_value { "=" } else { "" };
                        typed.before = last.to_string_lossy().into_owned() + sign;
                    }
                    last.push(word);
                    is_open = begins_value && !is_open;
                }
                _ => typed.words.push(word),
            }
            if index == at {
                typed.word = typed.words.len() - 1;
            }
        }
        typed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(cut: &[&str], at: usize, words: &[&str], word: usize, before: &str) {
        let own = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        let expected = Typed {
            words: own(words),
            word,
            before: before.to_owned(),
        };
        assert_eq!(Typed::join(own(cut), at), expected);
    }

    #[test]
    fn words_that_bash_cuts_are_put_together() {
        check(&["mewz", "new", "x"], 2, &["mewz", "new", "x"], 2, "");
        check(
            &["mewz", "--a", "=", "go"],
            3,
            &["mewz", "--a=go"],
            1,
            "--a=",
        );
        check(&["mewz", "--a", "="], 2, &["mewz", "--a="], 1, "--a=");
        check(
            &["mewz", "--a", "=", "go", "x"],
            4,
            &["mewz", "--a=go", "x"],
            2,
            "",
        );
        check(&["mewz", "x", "=", "y"], 3, &["mewz", "x", "=", "y"], 3, "");
    }

    #[test]
    fn every_kind_of_argument_finds_its_completer() {
        let command = command_line();
        let argument = |path: &[&str], id: &str| {
            let command = path.iter().fold(&command, |command, name| {
                command.find_subcommand(name).unwrap()
            });
            let mut arguments = command.get_arguments();
            arguments.find(|one| one.get_id() == id).unwrap()
        };
        for (path, id) in [
            (&["new"][..], "template"),
            (&["run"], "path"),
            (&["dev"], "path"),
            (&["debug"], "path"),
            (&["test"], "path"),
            (&["init"], "folder"),
            (&["config"], "folder"),
            (&["build"], "path"),
            (&["compile"], "file"),
            (&["imports"], "file"),
            (&["size"], "other"),
            (&["run"], "folders"),
            (&["run"], "disks"),
            (&["build"], "packed"),
            (&["run"], "profile"),
            (&["disk", "ls"], "place"),
            (&["disk", "check"], "file"),
        ] {
            let argument = argument(path, id);
            assert!(
                argument.get::<ArgValueCompleter>().is_some(),
                "{path:?} {id}"
            );
        }
        let attach = argument(&["debug"], "attach");
        assert!(attach.get::<ArgValueCandidates>().is_some());
    }
}
