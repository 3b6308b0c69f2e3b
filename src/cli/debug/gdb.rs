//! gdb: found or not, what it is told first, and its time in the foreground.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

use super::printers::{self, Printers};
use crate::cli::failure::Failure;
use crate::qemu::program;

/// The program that is looked for where none is named.
const PROGRAM: &str = "gdb";

/// The first version that speaks the debug adapter protocol.
const DAP_VERSION_MIN: u32 = 14;

/// Status of a debugger that a signal ended.
const STATUS_SIGNALLED: u8 = 1;

/// What gdb is taught; one without Python says that it has none, and goes on.
const HELPERS: &str = include_str!("mewz.py");

/// How it shows values that it does not know itself.
const VALUES: &str = include_str!("values.py");

/// Names of files in a session's folder.
const HELPERS_FILE: &str = "mewz.py";
const VALUES_FILE: &str = "values.py";
const COMMANDS_FILE: &str = "start.gdb";
const CHECK_FILE: &str = "check.gdb";
/// What tells the helpers which core is looked at, where cores are asked for, that this is a recording, or where the machine is
/// that an editor will ask for.
const CORE_NOTE_FILE: &str = "core-file";
const CORES_NOTE_FILE: &str = "cores";
const RECORDING_NOTE_FILE: &str = "recording";
const EDITOR_NOTE_FILE: &str = "editor";

/// What gdb is to do.
#[derive(Clone, Debug, Default)]
pub(super) struct Script {
    /// Ends when the commands are done, and asks nothing.
    pub(super) is_batch: bool,
    /// Stops there first.
    pub(super) breakpoints: Vec<String>,
    /// Files of commands, then commands.
    pub(super) files: Vec<PathBuf>,
    pub(super) commands: Vec<OsString>,
    /// How values of Rust are shown.
    pub(super) printers: Printers,
    /// An editor is spoken to, which asks for the machine when it has said what it wants of it.
    pub(super) is_for_editor: bool,
    /// The program has not begun, and whoever sits there may want to know what to do.
    pub(super) greets: bool,
}

impl Script {
    /// Whether gdb asks a person at this terminal for commands.
    pub(super) fn has_prompt(&self) -> bool {
        let is_terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
        !self.is_batch && is_terminal
    }
}

/// What a person reads who has not said where to stop.
const GREETING: &str = "The program has not begun: `start` runs to its main function, `continue` runs it, \
                        `break` sets a place to stop.\n\
                        `help mewz` lists what the kernel tells of itself.\n";

/// gdb's prompt.
const PROMPT: &str = "(gdb) ";

/// Shows the prompt once more, behind what has come between it and the cursor.
pub(in crate::cli) fn show_prompt() {
    let mut out = std::io::stdout();
    // A terminal that is gone needs none.
    let _ = out.write_all(PROMPT.as_bytes()).and_then(|()| out.flush());
}

/// Finds gdb.
pub(super) fn locate(name: Option<&Path>) -> Result<PathBuf, Failure> {
    let search_path = std::env::var_os("PATH");
    let name = name.unwrap_or(Path::new(PROGRAM));
    program::find(name, search_path.as_deref()).map_err(|problem| {
        Failure::new("gdb is not installed, or not where it is looked for")
            .cause(problem)
            .hint("your system's package `gdb` installs it (`apt-get install gdb`)")
            .hint("`--gdb FILE` or MEWZ_GDB names another one")
    })
}

/// Makes sure that gdb speaks the debug adapter protocol.
pub(super) fn require_dap(program: &Path) -> Result<(), Failure> {
    let answer = Command::new(program)
        .args(["-nx", "--version"])
        .stdin(Stdio::null())
        .output();
    let text = answer.map(|answer| String::from_utf8_lossy(&answer.stdout).into_owned());
    let major = text.as_deref().ok().and_then(major_version);
    if major.is_some_and(|major| major >= DAP_VERSION_MIN) {
        return Ok(());
    }
    let found = major.map_or("no version of gdb".to_owned(), |major| {
        format!("gdb {major}")
    });
    Err(
        Failure::new("this gdb does not speak the debug adapter protocol")
            .cause(format!(
                "`{}` is {found}; {DAP_VERSION_MIN} or newer is needed",
                program.display()
            ))
            .hint("`mewz debug --vscode` sets up an editor that speaks to older ones"),
    )
}

/// Reads `GNU gdb (Debian 13.1-3) 13.1`.
fn major_version(text: &str) -> Option<u32> {
    let last = text.lines().next()?.split_whitespace().last()?;
    last.split('.').next()?.parse().ok()
}

/// What a session looks at.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target<'a> {
    /// A machine.
    Machine {
        /// The socket of its line.
        line: &'a Path,
        /// That where cores are asked for.
        cores: &'a Path,
    },
    /// A recording, behind a socket.
    Recording(&'a Path),
    /// A core.
    Core(&'a Path),
}

/// The commands that begin a session.
pub(super) fn first_commands(target: Target<'_>, script: &Script) -> String {
    // Without Python there is nothing that would have skipped libraries.
    let mut text = String::from(
        "# Written by mewz.\n\
         if $_isvoid($mewz_skips)\n\
         skip -rfunction ^(alloc|core|std)::\n\
         end\n\
         set confirm off\n\
         set breakpoint pending off\n\
         set remotetimeout 20\n\
         set sysroot\n\
         set print asm-demangle on\n\
         set unwindonsignal on\n\
         set backtrace past-main on\n\
         maintenance set internal-error quit no\n\
         maintenance set internal-error corefile no\n",
    );
    match &script.printers {
        Printers::In(folder) => text.push_str(&printers::commands(folder)),
        Printers::Missing(version) if script.has_prompt() => {
            let _ = writeln!(
                text,
                "echo Values of Rust are shown by their fields: rustc {version}, which made the program, is not here, \
                 and has the printers for them (RUSTC names it).\\n"
            );
        }
        Printers::None | Printers::Missing(_) => {}
    }
    let path = match target {
        Target::Machine { .. } if script.is_for_editor => {
            text.extend(places(script));
            return text;
        }
        Target::Machine { line, .. } | Target::Recording(line) => {
            let _ = writeln!(text, "target remote {}", line.display());
            if script.greets && script.breakpoints.is_empty() && script.has_prompt() {
                let _ = writeln!(text, "echo {}", GREETING.replace('\n', "\\n"));
            }
            return text + &breakpoints(script);
        }
        Target::Core(path) => path,
    };
    let _ = writeln!(text, "core-file {}", path.display());
    text
}

/// Commands that run to the breakpoints.
fn breakpoints(script: &Script) -> String {
    let mut text: String = places(script).collect();
    if !script.breakpoints.is_empty() {
        text.push_str("set $mewz_has_places = 1\ncontinue\n");
    }
    text
}

/// Commands that set the breakpoints.
fn places(script: &Script) -> impl Iterator<Item = String> {
    let places = script.breakpoints.iter();
    places.map(|place| format!("break {place}\n"))
}

/// What ends a script behind a place that gdb does not know: it goes on after a file of commands that failed, and would end
/// as if all were well.
const CHECK: &str = "if $_isvoid($mewz_has_places)\n  quit 1\nend\n";

/// Writes what gdb runs first into `folder`: the helpers in Python, then commands. Their paths.
pub(super) fn write_start(
    folder: &Path,
    target: Target<'_>,
    script: &Script,
) -> Result<Vec<PathBuf>, Failure> {
    let failure =
        |problem: std::io::Error| Failure::new("cannot write gdb's commands").cause(problem);
    let helpers = folder.join(HELPERS_FILE);
    std::fs::write(&helpers, HELPERS).map_err(failure)?;
    let values = folder.join(VALUES_FILE);
    std::fs::write(&values, VALUES).map_err(failure)?;
    let (note, path) = match target {
        Target::Machine { cores, .. } => (CORES_NOTE_FILE, cores),
        Target::Recording(line) => (RECORDING_NOTE_FILE, line),
        Target::Core(path) => (CORE_NOTE_FILE, path),
    };
    let path = path.as_os_str().as_encoded_bytes();
    std::fs::write(folder.join(note), path).map_err(failure)?;
    if let Target::Machine { line, .. } = target
        && script.is_for_editor
    {
        let line = line.as_os_str().as_encoded_bytes();
        std::fs::write(folder.join(EDITOR_NOTE_FILE), line).map_err(failure)?;
    }
    let commands = folder.join(COMMANDS_FILE);
    std::fs::write(&commands, first_commands(target, script)).map_err(failure)?;
    let mut start = vec![helpers, values, commands];
    let is_machine = matches!(target, Target::Machine { .. });
    if script.is_batch && is_machine && !script.breakpoints.is_empty() {
        let check = folder.join(CHECK_FILE);
        std::fs::write(&check, CHECK).map_err(failure)?;
        start.push(check);
    }
    Ok(start)
}

/// gdb with the image's symbols and what it runs first, `start`.
pub(super) fn command(program: &Path, image: &Path, start: &[PathBuf], script: &Script) -> Command {
    let mut command = Command::new(program);
    // What a person has set up for other programs may ask questions, and stop a script.
    if script.is_batch {
        command.args(["-nx", "-batch"]);
    }
    // What it reads symbols of, and that it does, is nobody's concern. Nobody else has debug information for the image:
    // with this variable gdb would ask whether it may look for some.
    command.args(["-q", "-iex", "set print symbol-loading off"]);
    command.env_remove("DEBUGINFOD_URLS").arg(image);
    for file in start.iter().chain(&script.files) {
        command.arg("-x").arg(file);
    }
    for line in &script.commands {
        command.arg("-ex").arg(line);
    }
    if script.is_batch {
        command.stdin(Stdio::null());
    }
    command
}

/// Starts gdb.
pub(in crate::cli) fn start(mut command: Command) -> Result<Child, Failure> {
    let program = command.get_program().to_owned();
    command.spawn().map_err(|problem| {
        Failure::new(format!("cannot run `{}`", program.display())).cause(problem)
    })
}

/// Waits for gdb's end; its status.
pub(super) fn wait(mut gdb: Child) -> u8 {
    let status = gdb.wait().ok().and_then(|status| status.code());
    status.map_or(STATUS_SIGNALLED, |code| {
        u8::try_from(code).unwrap_or(STATUS_SIGNALLED)
    })
}

/// The terminal as it was; put back when this is dropped, since a debugger that is killed leaves it as it likes.
pub(super) struct Terminal(Option<Termios>);

impl Terminal {
    pub(super) fn keep() -> Self {
        Self(tcgetattr(std::io::stdin()).ok())
    }
}

impl Terminal {
    /// Puts it back.
    pub(super) fn restore(&self) {
        if let Some(before) = &self.0 {
            // A terminal that is gone needs nothing.
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Drain, before);
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.restore();
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Script, Target, first_commands, major_version};

    #[test]
    fn versions_are_read() {
        assert_eq!(
            major_version("GNU gdb (Debian 13.1-3) 13.1\nCopyright"),
            Some(13)
        );
        assert_eq!(
            major_version("GNU gdb (GDB) Fedora Linux 16.2-1.fc41"),
            Some(16)
        );
        assert_eq!(major_version("bash"), None);
    }

    #[test]
    fn breakpoints_are_run_to() {
        let script = Script {
            breakpoints: vec!["main".to_owned()],
            ..Script::default()
        };
        let target = Target::Machine {
            line: Path::new("/run/line"),
            cores: Path::new("/run/core"),
        };
        let text = first_commands(target, &script);
        let places = "break main\nset $mewz_has_places = 1\ncontinue\n";
        assert!(text.ends_with(&format!("target remote /run/line\n{places}")));
        assert!(first_commands(target, &Script::default()).ends_with("/run/line\n"));
        let of_editor = Script {
            is_for_editor: true,
            ..script.clone()
        };
        let text = first_commands(target, &of_editor);
        assert!(!text.contains("/run/line"), "{text}");
        assert!(text.ends_with("break main\n"), "{text}");
        let core = Target::Core(Path::new("/a.core"));
        assert!(first_commands(core, &script).ends_with("core-file /a.core\n"));
    }
}
