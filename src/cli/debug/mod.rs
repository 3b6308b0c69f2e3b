//! `mewz debug`: gdb on a program, from its first instruction on or after its crash.

mod core;
mod door;
mod gdb;
mod listen;
mod places;
mod printers;
mod replay;
mod text;
mod vscode;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(super) use self::core::{Stopped, Writer, default_path as default_core};
use self::door::Found;
pub(super) use self::door::{Door, Loop};
use self::gdb::{Script, Target, Terminal};
pub(super) use self::gdb::{show_prompt, start as start_gdb};
use self::printers::Printers;
use super::Outcome;
use super::boot::{self, Debugging};
use super::failure::Failure;
use super::image::BootImage;
use super::interrupt::{self, Holding, hold};
use super::module::Module;
use super::project::{Settings, Subject};
use super::run::{self, Purpose, RunArguments};
use super::{values, words};
use crate::qemu::machine::{DebugLine, Process};
use crate::qemu::output::Output;

/// Run a program in gdb: the machine stops before its first instruction
///
/// The program is built as `mewz run` builds it. gdb comes to the foreground with the image's symbols; the machine ends with it.
/// Where input is a terminal it is gdb's, and the program reads nothing.
#[derive(Debug, clap::Args)]
#[command(
    mut_arg("listen", |argument| argument.long("listen-guest")),
    mut_arg("timeout", |argument| argument.help("End the machine after this time")),
    after_help = "\
Examples:
  mewz debug app.wasm                            stop before the first instruction
  mewz debug --break main -- --fast input.txt    the project here: run to `main` with arguments
  mewz debug --batch --ex 'break parse' --ex continue --ex bt app.wasm
  mewz debug --attach                            a machine of `mewz dev` or `mewz run --debuggable`
  mewz debug --attach --core                     its memory in a file, and it goes on
  mewz debug .mewz/app.core                      such a file, or one of `mewz run --core`
  mewz debug --record app.wasm                   run it, and keep what it takes to repeat the run
  mewz debug --replay app.wasm                   gdb on that: `reverse-continue`, `reverse-step`
  mewz debug --listen 127.0.0.1:1234 app.wasm    for an editor; `mewz debug --vscode` sets one up

Exit status: gdb's; 2 for a wrong command line, 1 for everything else that fails."
)]
pub(super) struct DebugArguments {
    #[command(flatten)]
    run: RunArguments,
    /// Go to a machine that runs, or waits after a crash; PROCESS names one of several
    #[arg(long, value_name = "PROCESS", num_args = 0..=1, require_equals = true)]
    attach: Option<Option<u32>>,
    /// Of several machines of `mewz dev --instances`, go to this one, from 1 on [default: the one that crashed, or the first]
    #[arg(
        long,
        value_name = "NUMBER",
        requires = "attach",
        value_parser = clap::value_parser!(u8).range(1..=16)
    )]
    instance: Option<u8>,
    /// Run the program without gdb, and leave a recording of the run in FOLDER, for `--replay` (experimental; emulated,
    /// and with folders of the host as copies that can only be read) [default: .mewz/NAME.recording beside the module]
    #[arg(
        long,
        value_name = "FOLDER",
        num_args = 0..=1,
        require_equals = true,
        conflicts_with_all = ["attach", "breakpoints", "stub", "address", "vscode", "dap", "batch", "files", "commands", "gdb", "core"]
    )]
    record: Option<Option<PathBuf>>,
    /// Go through the recording in FOLDER, forwards and backwards: gdb's `reverse-continue`, `reverse-step`, `reverse-next`,
    /// `reverse-finish` (experimental) [default: .mewz/NAME.recording beside the module]
    #[arg(
        long,
        value_name = "FOLDER",
        num_args = 0..=1,
        require_equals = true,
        conflicts_with_all = ["attach", "record", "stub", "vscode", "dap", "wat", "core"]
    )]
    replay: Option<Option<PathBuf>>,
    /// Run to this function, `*ADDRESS` or `FILE:LINE` first
    #[arg(long = "break", value_name = "LOCATION")]
    breakpoints: Vec<String>,
    /// Who answers gdb: the kernel, or QEMU, which can show the kernel's first instructions too [default: kernel]
    #[arg(long, value_name = "WHO", value_parser = values::choice_parser(values::STUBS))]
    stub: Option<DebugLine>,
    /// Open no gdb: wait for one, or for an editor, on a port of this host; 0 takes a free one
    #[arg(long = "listen", id = "address", value_name = "127.0.0.1:PORT", value_parser = loopback_port)]
    port: Option<u16>,
    /// Write `.vscode/launch.json` for this program, and end
    #[arg(long, conflicts_with_all = ["attach", "address", "dap"])]
    vscode: bool,
    /// Speak the debug adapter protocol on standard input and output; needs gdb 14
    #[arg(long, conflicts_with_all = ["attach", "address", "batch"])]
    dap: bool,
    /// End when the commands are done, and ask nothing
    #[arg(long)]
    batch: bool,
    /// Run gdb's commands in a file
    #[arg(short = 'x', long = "command", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Run a command of gdb
    #[arg(long = "ex", value_name = "COMMAND")]
    commands: Vec<OsString>,
    /// Step through the module's text, for programs without debug information
    #[arg(long, conflicts_with_all = ["attach", "vscode"])]
    wat: bool,
    /// The gdb to use, a name or a path [env: MEWZ_GDB]
    #[arg(long, value_name = "FILE")]
    gdb: Option<PathBuf>,
}

/// Who answers gdb where nobody says otherwise.
const STUB_DEFAULT: DebugLine = DebugLine::Kernel;

/// The port for `--vscode`: what its file names and `--listen` is given.
const EDITOR_PORT: u16 = 1234;

/// Reads `127.0.0.1:PORT`, or a port alone: a debugger may do anything, so no other host gets in.
fn loopback_port(text: &str) -> Result<u16, String> {
    let (host, port) = text.rsplit_once(':').unwrap_or(("127.0.0.1", text));
    if !matches!(host, "127.0.0.1" | "localhost") {
        return Err("only this host may come in: 127.0.0.1:PORT".to_owned());
    }
    port.parse().map_err(|_| format!("`{port}` is no port"))
}

/// The machines that `--attach` finds: the process of mewz that each belongs to, and its module.
pub(super) fn machines() -> Vec<(u32, PathBuf)> {
    let notes = door::all().into_iter().map(|found| found.note);
    notes.map(|note| (note.process, note.module)).collect()
}

/// Runs the command.
pub(super) fn run(arguments: DebugArguments) -> Outcome {
    interrupt::watch();
    let subject = match (arguments.attach, &arguments.replay) {
        // A machine that runs may be of any project, and so may a recording.
        (Some(_), _) | (_, Some(Some(_))) => arguments.run.subject().ok(),
        _ => Some(arguments.run.subject()?),
    };
    let environment = Settings::of_environment()?;
    let settings = subject.as_ref().map_or(&environment, Subject::settings);
    let choices = settings.debug();
    let script = Script {
        is_for_editor: arguments.dap,
        is_batch: arguments.batch,
        breakpoints: match &arguments.breakpoints[..] {
            [] => choices.breakpoints.clone(),
            given => given.to_vec(),
        },
        files: arguments.files,
        commands: arguments.commands,
        printers: Printers::None,
        greets: false,
    };
    if arguments.vscode
        && let Some(subject) = &subject
    {
        let module = arguments.run.module_path(subject);
        return vscode::write(&module, subject.folder(), EDITOR_PORT);
    }
    if let Some(path) = arguments.record
        && let Some(subject) = &subject
    {
        let mut prepared = run::prepare(arguments.run, subject, Purpose::Debug)?;
        if arguments.wat {
            text::take(&mut prepared.module)?;
        }
        return run::with_image(prepared, |program, wishes, module, image| {
            let path = path.unwrap_or_else(|| replay::default_path(&module.path));
            replay::record(program, wishes, module, image, &path)
        });
    }
    // What is quick to find wrong comes first.
    let gdb = match arguments.port {
        Some(_) => None,
        None => Some(gdb::locate(arguments.gdb.as_deref().or(settings.gdb()))?),
    };
    if let Some(gdb) = &gdb
        && arguments.dap
    {
        gdb::require_dap(gdb)?;
    }
    if let Some(path) = arguments.replay {
        let module = subject
            .as_ref()
            .map(|subject| arguments.run.module_path(subject));
        let path = path.or(module.map(|module| replay::default_path(&module)));
        let wanted = replay::Wanted {
            qemu: arguments.run.qemu()?,
            gdb,
            port: arguments.port,
            script,
        };
        return replay::replay(&path.unwrap_or_default(), wanted);
    }
    let subject = match (arguments.attach, &subject) {
        (None, Some(subject)) => subject,
        (process, _) => {
            let place = subject
                .as_ref()
                .map_or(Path::new(""), |subject| match subject {
                    Subject::Module(path, _) => path,
                    Subject::Project(_) => subject.folder(),
                });
            let mut found = find(process.flatten(), place)?;
            found.machine = arguments.instance;
            return match (arguments.run.core, arguments.port) {
                (Some(path), _) => write_core(&found, path),
                (None, Some(port)) => listen::serve(&found, port),
                (None, None) => attach(&gdb.unwrap_or_default(), &found, script),
            };
        }
    };
    if let (Subject::Module(path, _), Some(gdb)) = (subject, &gdb)
        && core::is_core(path)
    {
        if arguments.dap {
            let hint = "without `--dap` gdb opens it here";
            return Err(Failure::usage("`--dap` opens no core").hint(hint));
        }
        let core = core::find(path)?;
        return in_foreground(gdb, &core.image, Target::Core(&core.path), &script);
    }
    let line = arguments.stub.or(choices.stub).unwrap_or(STUB_DEFAULT);
    let mut prepared = run::prepare(arguments.run, subject, Purpose::Debug)?;
    if arguments.wat {
        text::take(&mut prepared.module)?;
    }
    let script = Script {
        printers: printers::of(&prepared.module.bytes),
        greets: !arguments.dap && line == DebugLine::Kernel,
        ..script
    };
    let session = Session {
        gdb,
        port: arguments.port,
        is_dap: arguments.dap,
        script,
    };
    prepared.wishes.debugging = Debugging::Session {
        line,
        owns_input: session.gdb.is_some(),
        owns_output: session.is_dap,
    };
    run::with_image(prepared, |program, wishes, module, image| {
        if !session.script.breakpoints.is_empty() {
            let symbols = image.with_symbols().unwrap_or_default();
            places::check(&session.script.breakpoints, &symbols)?;
        }
        boot::debug(program, wishes, module, image, session)
    })
}

/// Who debugs, and how.
#[derive(Debug)]
pub(super) struct Session {
    /// gdb's file; `None` where one is waited for.
    gdb: Option<PathBuf>,
    port: Option<u16>,
    is_dap: bool,
    script: Script,
}

/// A session under way; it ends with gdb.
pub(super) struct Running {
    /// Tells gdb's status at its end; `None` where nobody knows when a debugger is done.
    gdb: Option<std::thread::JoinHandle<u8>>,
    /// gdb's process.
    id: u32,
    terminal: Terminal,
    door: Door,
}

impl Session {
    /// Whether gdb asks a person at this terminal for commands.
    pub(super) fn has_prompt(&self) -> bool {
        self.gdb.is_some() && !self.is_dap && self.script.has_prompt()
    }

    /// Opens the door to `process`, and gdb in front of it, which hears of a stop after the program's `output`; when gdb ends, so does the machine.
    pub(super) fn start(
        self,
        line: std::os::unix::net::UnixStream,
        output: Output,
        process: Process,
        module: &Module,
        image: &BootImage<'_>,
    ) -> Result<Running, Failure> {
        let door = Door::open(line, output, &module.path, image, self.port)?;
        let terminal = Terminal::keep();
        let Some(program) = self.gdb else {
            let Some(address) = door.address else {
                return Err(Failure::new("no port is listened on"));
            };
            listen::tell(address, &module.path, &door.image());
            return Ok(Running {
                gdb: None,
                id: 0,
                terminal,
                door,
            });
        };
        let target = Target::Machine {
            line: &door.line(),
            cores: &door.core(),
        };
        let start = gdb::write_start(door.folder(), target, &self.script)?;
        let mut command = gdb::command(&program, &door.image(), &start, &self.script);
        if self.is_dap {
            command.args(["-i", "dap"]);
        }
        let child = gdb::start(command)?;
        let id = child.id();
        let held = hold(Holding::Process(id));
        // From here on Ctrl-C is gdb's.
        interrupt::leave_to_debugger();
        let gdb = std::thread::spawn(move || {
            let status = gdb::wait(child);
            drop(held);
            process.kill();
            status
        });
        Ok(Running {
            gdb: Some(gdb),
            id,
            terminal,
            door,
        })
    }
}

impl Running {
    /// The way to its machine.
    pub(super) fn door(&self) -> &Door {
        &self.door
    }

    /// Waits until gdb has ended; its status.
    pub(super) fn wait(mut self) -> Option<u8> {
        let status = self.gdb.take()?.join().unwrap_or(1);
        self.terminal.restore();
        Some(status)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Something failed on the way: nobody waits for gdb any more.
        if self.gdb.is_some() {
            interrupt::kill(self.id);
        }
    }
}

/// gdb, to be started in this terminal, on the machine behind `door` that runs `image`, which `module` became; `program` is the
/// one that is named, if one is.
pub(in crate::cli) fn gdb_on(
    door: &Door,
    image: &Path,
    module: &[u8],
    program: Option<&Path>,
) -> Result<std::process::Command, Failure> {
    let gdb = gdb::locate(program)?;
    let script = Script {
        printers: printers::of(module),
        ..Script::default()
    };
    let target = Target::Machine {
        line: &door.line(),
        cores: &door.core(),
    };
    let start = gdb::write_start(door.folder(), target, &script)?;
    Ok(gdb::command(&gdb, image, &start, &script))
}

/// How long a machine may take from its first words to its door.
const DOOR_PATIENCE: Duration = Duration::from_secs(2);

/// Finds a machine that is there: that of the `process`, else the only one, else the only one of what is at `place`.
fn find(process: Option<u32>, place: &Path) -> Result<Found, Failure> {
    // The folder here may have no name.
    let place = std::fs::canonicalize(Path::new(".").join(place)).ok();
    // A loop opens its door when someone asks for it.
    let processes = process.map(|process| PathBuf::from(format!("/proc/{process}/cwd")));
    for folder in place.iter().chain(&processes) {
        door::knock(folder);
    }
    let end = std::time::Instant::now() + DOOR_PATIENCE;
    loop {
        let mut found = door::all();
        if let Some(process) = process {
            found.retain(|found| found.note.process == process);
        }
        let is_here = |found: &Found| place.as_deref().is_some_and(|place| found.is_of(place));
        if found.len() > 1 && found.iter().any(is_here) {
            found.retain(is_here);
        }
        match found.len() {
            0 if std::time::Instant::now() < end => {
                std::thread::sleep(Duration::from_millis(50));
            }
            0 => {
                return Err(Failure::new("there is no machine to attach to").hint(
                    "`mewz dev` and `mewz run --debuggable` start ones that a debugger can be attached to",
                ));
            }
            1 => return Ok(found.swap_remove(0)),
            _ => return Err(ambiguous(&found)),
        }
    }
}

/// Writes the core of a machine that is there, to a file that may be named.
fn write_core(found: &Found, path: Option<PathBuf>) -> Outcome {
    let path = path
        .map(std::path::absolute)
        .transpose()
        .map_err(|problem| Failure::new("cannot name the core's file").cause(problem))?;
    let wish = core::Wish {
        path,
        registers: None,
    };
    found.prepare_core()?;
    words::plain(core::ask(&found.core(), &wish)?);
    Ok(0)
}

/// Opens gdb on a machine that is there.
fn attach(program: &Path, found: &Found, script: Script) -> Outcome {
    let prepared = found.prepare()?;
    prepared.tell();
    let module = std::fs::read(&found.note.module).unwrap_or_default();
    let script = Script {
        printers: printers::of(&module),
        ..script
    };
    let target = Target::Machine {
        line: &found.line(),
        cores: &found.core(),
    };
    in_foreground(program, &prepared.image, target, &script)
}

/// Runs gdb to its end on a machine or core that is there.
fn in_foreground(program: &Path, image: &Path, target: Target<'_>, script: &Script) -> Outcome {
    let terminal = Terminal::keep();
    let folder = tempfile::tempdir()
        .map_err(|problem| Failure::new("cannot make a temporary folder").cause(problem))?;
    let _held = hold(Holding::Folder(folder.path().to_owned()));
    let start = gdb::write_start(folder.path(), target, script)?;
    let child = gdb::start(gdb::command(program, image, &start, script))?;
    let _gdb = hold(Holding::Process(child.id()));
    interrupt::leave_to_debugger();
    let status = gdb::wait(child);
    drop(terminal);
    Ok(status)
}

fn ambiguous(found: &[Found]) -> Failure {
    let failure = Failure::usage("there are several machines to attach to");
    let failure = found.iter().fold(failure, |failure, found| {
        let note = &found.note;
        failure.note(format!("{} runs `{}`", note.process, note.module.display()))
    });
    failure.hint(format!(
        "name one: `mewz debug --attach={}`",
        found[0].note.process
    ))
}

#[cfg(test)]
mod tests {
    use super::loopback_port;

    #[test]
    fn only_this_host_gets_in() {
        assert_eq!(loopback_port("127.0.0.1:80"), Ok(80));
        assert_eq!(loopback_port("localhost:0"), Ok(0));
        assert_eq!(loopback_port("1234"), Ok(1234));
        loopback_port("0.0.0.0:80").unwrap_err();
        loopback_port("127.0.0.1:port").unwrap_err();
        loopback_port("").unwrap_err();
    }
}
