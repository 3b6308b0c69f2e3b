//! Boots an image and carries its streams until it ends; says what there is to say about the end.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mewz_abi::exit::{STATUS_KILLED, STATUS_TRAP, debug_exit_value};
use mewz_abi::observe::CallReport;
use mewz_abi::record::TrapReport;

use super::Outcome;
use super::crash::{self, LastLines, STATUS_KERNEL_FAILED, Telling, Told};
use super::debug::{self, Door, Stopped, Writer};
use super::disk::image::Access;
use super::failure::Failure;
use super::image::BootImage;
use super::interrupt::{self, Holding, hold};
use super::module::Module;
use super::project::Ready;
use super::values::{Folder, Temporary, Variable};
use super::{disk, emulator, pgo, words};
use crate::qemu::accelerator::{Accelerator, AcceleratorChoice};
use crate::qemu::config::{Mount, Network};
use crate::qemu::machine::{self, DebugLine, MachineKind, Settings};
use crate::qemu::session::{self, Deadlines, Death, End, Event, Streams};

/// Status after `--timeout`, as `timeout(1)` has it.
pub(super) const STATUS_TIMEOUT: u8 = 124;

/// Status when nobody reads the output any more: 128 + SIGPIPE, as a shell shows it for other programs.
pub(super) const STATUS_OUTPUT_CLOSED: u8 = 141;

/// Status when a debugger's user ended the machine: 128 + SIGKILL.
const STATUS_DEBUGGER_KILLED: u8 = 137;

/// How long a machine under KVM may take to its kernel's first word: some hundred times what is usual.
pub(super) const KVM_PATIENCE: Duration = Duration::from_secs(10);

/// Who may look at the program while it runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Debugging {
    /// Nobody.
    #[default]
    Off,
    /// A debugger that comes by itself, for which a crash waits; or a core, after which the machine ends.
    AtCrash {
        /// For a debugger.
        waits: bool,
    },
    /// The debugger of [`mod@debug`].
    Session {
        /// Who answers it.
        line: DebugLine,
        /// It reads what is typed, if someone types.
        owns_input: bool,
        /// Standard output is the debugger's too.
        owns_output: bool,
    },
}

impl Debugging {
    /// The line that it takes.
    pub(super) fn line(self) -> Option<DebugLine> {
        match self {
            Debugging::Off => None,
            Debugging::AtCrash { .. } => Some(DebugLine::Kernel),
            Debugging::Session { line, .. } => Some(line),
        }
    }

    /// What the kernel is told.
    pub(super) fn option(self) -> &'static str {
        match self {
            Debugging::AtCrash { .. } => " debugger=crash",
            Debugging::Session {
                line: DebugLine::Kernel,
                ..
            } => " debugger=start",
            Debugging::Off | Debugging::Session { .. } => "",
        }
    }

    /// Whether the program reads our standard input: not what is typed for a debugger.
    fn leaves_input(self) -> bool {
        !matches!(
            self,
            Debugging::Session {
                owns_input: true,
                ..
            }
        ) || !std::io::stdin().is_terminal()
    }
}

/// What is asked for, settled.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wishes {
    /// The program's arguments, its name not among them.
    pub(super) arguments: Vec<OsString>,
    /// `NAME=value`.
    pub(super) environment: Vec<OsString>,
    pub(super) mounts: Vec<Mount>,
    /// Further options for the kernel: its file systems in memory.
    pub(super) options: Vec<String>,
    /// Folders that the program finds packed, in parts; `memory_bytes` holds them too.
    pub(super) pack: Arc<[Vec<u8>]>,
    /// Persistent disks.
    pub(super) disks: Vec<Mount>,
    /// The network card, if there is to be one.
    pub(super) network: Option<Network>,
    pub(super) memory_bytes: u64,
    pub(super) timeout: Option<Duration>,
    /// When a server counts as up.
    pub(super) ready: Option<Ready>,
    pub(super) accelerator: AcceleratorChoice,
    pub(super) machine: MachineKind,
    /// Lines of the kernel's log above this level are not shown.
    pub(super) log_level: u8,
    /// Where what the program counts is to be written.
    pub(super) profile: Option<PathBuf>,
    pub(super) debugging: Debugging,
    /// What is told of a crash.
    pub(super) telling: Telling,
    /// Where the machine's memory goes at a crash.
    pub(super) core: Option<PathBuf>,
    /// The kernel's.
    pub(super) command_line: String,
}

/// Settles variables: the last of a name wins, the order is that of their first mention.
pub(super) fn environment(variables: &[Variable]) -> Result<Vec<OsString>, Failure> {
    let mut settled: Vec<(&OsString, OsString)> = Vec::new();
    for Variable { name, value } in variables {
        let value = match value {
            Some(value) => value.clone(),
            None => std::env::var_os(name).ok_or_else(|| {
                Failure::usage(format!("cannot pass on the variable `{}`", name.display()))
                    .cause("it is not set here")
                    .hint(format!("`--env {}=VALUE` gives it one", name.display()))
            })?,
        };
        match settled.iter_mut().find(|(known, _)| *known == name) {
            Some((_, slot)) => *slot = value,
            None => settled.push((name, value)),
        }
    }
    Ok(settled
        .into_iter()
        .map(|(name, value)| {
            let mut pair = name.clone();
            pair.push("=");
            pair.push(value);
            pair
        })
        .collect())
}

/// Settles folders: each is there, each path in the guest stands once.
pub(super) fn mounts(folders: &[Folder]) -> Result<Vec<Mount>, Failure> {
    let mut guests = BTreeSet::new();
    folders
        .iter()
        .map(|folder| {
            let failure = || Failure::new(format!("cannot mount `{}`", folder.host.display()));
            if !guests.insert(&folder.guest) {
                return Err(failure()
                    .cause(format!(
                        "another folder is mounted at `{}` already",
                        folder.guest
                    ))
                    .with_status(super::failure::STATUS_USAGE));
            }
            let host =
                std::fs::canonicalize(&folder.host).map_err(|problem| match problem.kind() {
                    std::io::ErrorKind::NotFound => {
                        failure().cause("there is no such folder").hint(
                            "paths are relative to where `mewz` is run, in `mewz.toml` to the file",
                        )
                    }
                    _ => failure().cause(problem),
                })?;
            if !host.is_dir() {
                return Err(failure()
                    .cause("it is not a folder")
                    .hint("name the folder that holds it"));
            }
            // QEMU opens it as this user.
            if let Err(problem) = std::fs::read_dir(&host) {
                return Err(failure()
                    .cause(problem)
                    .hint("the folder must be one that you may read"));
            }
            Ok(Mount {
                host,
                guest: folder.guest.clone(),
                is_read_only: folder.is_read_only,
            })
        })
        .collect()
}

/// Settles file systems in memory, as options of the kernel: each path in the guest stands once, and leads to no folder.
pub(super) fn temporaries(
    temporaries: &[Temporary],
    mounts: &[Mount],
) -> Result<Vec<String>, Failure> {
    let mut guests: BTreeSet<&str> = mounts.iter().map(|mount| &mount.guest[..]).collect();
    temporaries
        .iter()
        .map(|temporary| match guests.insert(&temporary.guest) {
            true => Ok(temporary.option()),
            false => Err(
                Failure::usage(format!("cannot mount memory at `{}`", temporary.guest))
                    .cause("something is mounted there already"),
            ),
        })
        .collect()
}

/// Settles disks: each is there and whole as far as a look tells, each path in the guest stands once.
pub(super) fn disks(
    images: &[Folder],
    folders: &[Folder],
    temporaries: &[Temporary],
) -> Result<Vec<Mount>, Failure> {
    let guests = folders.iter().map(|folder| &folder.guest);
    let temporaries = temporaries.iter().map(|temporary| &temporary.guest);
    let mut guests: BTreeSet<&String> = guests.chain(temporaries).collect();
    let mut settled: Vec<Mount> = Vec::new();
    for image in images {
        let failure = || Failure::new(format!("cannot mount the disk `{}`", image.host.display()));
        if !guests.insert(&image.guest) {
            return Err(failure()
                .cause(format!(
                    "another disk or folder is mounted at `{}` already",
                    image.guest
                ))
                .with_status(super::failure::STATUS_USAGE));
        }
        let access = if image.is_read_only {
            Access::Read
        } else {
            Access::Write
        };
        disk::image::probe(&image.host, access)?;
        let host =
            std::fs::canonicalize(&image.host).map_err(|problem| failure().cause(problem))?;
        if settled.iter().any(|disk| disk.host == host) {
            return Err(failure()
                .cause("it is mounted already")
                .with_status(super::failure::STATUS_USAGE));
        }
        settled.push(Mount {
            host,
            guest: image.guest.clone(),
            is_read_only: image.is_read_only,
        });
    }
    Ok(settled)
}

/// Boots `image`; the answer is the exit status of the program.
pub(super) fn run(
    program: PathBuf,
    wishes: Wishes,
    module: &Module,
    image: &BootImage<'_>,
) -> Outcome {
    watch(program, wishes, module, image, &mut |_| {})
}

/// What a program that is watched tells.
pub(super) enum Watched<'a> {
    /// A call of WASI began, or ended.
    Call(CallReport<'a>),
    /// The next bytes of a stream of samples.
    Samples(&'a [u8]),
}

/// As [`run`], and hands `watcher` what the kernel tells of the program where `wishes` have it do so.
pub(super) fn watch(
    program: PathBuf,
    wishes: Wishes,
    module: &Module,
    image: &BootImage<'_>,
    watcher: &mut dyn FnMut(Watched<'_>),
) -> Outcome {
    boot(program, wishes, (module, image), None, watcher)
}

/// As [`run`], with a debugger; its exit status is the answer, where it is known.
pub(super) fn debug(
    program: PathBuf,
    wishes: Wishes,
    module: &Module,
    image: &BootImage<'_>,
    session: debug::Session,
) -> Outcome {
    boot(program, wishes, (module, image), Some(session), &mut |_| {})
}

fn boot(
    program: PathBuf,
    wishes: Wishes,
    (module, image): (&Module, &BootImage<'_>),
    session: Option<debug::Session>,
    watcher: &mut dyn FnMut(Watched<'_>),
) -> Outcome {
    let debugging = wishes.debugging;
    let telling = wishes.telling;
    let accelerator = wishes
        .accelerator
        .settle()
        .map_err(|problem| emulator::not_run(&problem))?;
    let end = wishes
        .timeout
        .and_then(|timeout| Instant::now().checked_add(timeout));
    let mut settings = Settings {
        program,
        machine: wishes.machine,
        accelerator,
        memory_bytes: wishes.memory_bytes,
        command_line: wishes.command_line.clone() + wishes.debugging.option(),
        arguments: std::iter::once(module.name().to_owned())
            .chain(wishes.arguments)
            .collect(),
        environment: wishes.environment,
        mounts: wishes.mounts,
        disks: wishes.disks,
        network: wishes.network,
        options: wishes.options,
        pack: wishes.pack,
        terminals: terminals(debugging),
        memory: None,
        debug_line: debugging.line(),
        has_monitor: debugging != Debugging::Off,
        recording: None,
    };
    // A KVM that does not work as it says may leave QEMU hanging; then TCG serves.
    let may_fall_back = accelerator == Accelerator::Kvm
        && wishes.accelerator == AcceleratorChoice::Auto
        && session.is_none();
    let deadlines = Deadlines {
        end,
        start: may_fall_back.then(|| Instant::now() + KVM_PATIENCE),
        ready: wishes
            .ready
            .filter(|_| session.is_none())
            .and_then(|ready| Some((ready.port, ready.timeout?))),
    };
    let mut talk = |settings: &mut Settings, deadlines, session| {
        talk(
            settings,
            (module, image),
            debugging,
            (telling, wishes.log_level, wishes.core.as_deref()),
            deadlines,
            session,
            watcher,
        )
    };
    let mut ended = talk(&mut settings, deadlines, session)?;
    let has_started = match &ended.end {
        End::NotStarted => false,
        End::Died(death) => death.had_started,
        End::Exited(_) | End::TimedOut | End::NotReady | End::Stopped | End::OutputClosed => true,
    };
    if may_fall_back && !has_started {
        // Nothing of the program has run, so nothing runs twice.
        words::warning("the machine did not start under KVM: trying once more without it");
        settings.accelerator = Accelerator::Tcg;
        let deadlines = Deadlines {
            start: None,
            ..deadlines
        };
        ended = talk(&mut settings, deadlines, None)?;
    }
    if let Some(status) = ended.debugger {
        return Ok(status);
    }
    if let Some(path) = &wishes.profile {
        match ended.end {
            End::Exited(_) if ended.panic.is_none() => {
                pgo::write(path, module, &ended.counters)?;
            }
            _ => words::warning(format_args!(
                "no profile was written to `{}`: the program did not come to its end",
                path.display()
            )),
        }
    }
    finish(
        ended,
        (wishes.timeout, wishes.ready),
        module,
        image,
        telling,
    )
}

/// Which standard streams are terminals, as the configuration block has it.
pub(super) fn terminals(debugging: Debugging) -> u8 {
    u8::from(debugging.leaves_input() && std::io::stdin().is_terminal())
        | u8::from(std::io::stdout().is_terminal()) << 1
        | u8::from(std::io::stderr().is_terminal()) << 2
}

/// How a machine ended, and what it told before.
struct Ended {
    end: End,
    trap: Option<TrapReport>,
    panic: Option<String>,
    log: LastLines,
    /// What the program counted.
    counters: Vec<u8>,
    /// The crash has been told of.
    is_told: bool,
    /// The debugger's status.
    debugger: Option<u8>,
}

fn talk(
    settings: &mut Settings,
    (module, image): (&Module, &BootImage<'_>),
    debugging: Debugging,
    (telling, log_level, core): (Telling, u8, Option<&Path>),
    deadlines: Deadlines,
    session: Option<debug::Session>,
    watcher: &mut dyn FnMut(Watched<'_>),
) -> Result<Ended, Failure> {
    let has_prompt = session.as_ref().is_some_and(debug::Session::has_prompt);
    let mut running =
        machine::start(settings, &image.file).map_err(|problem| emulator::not_run(&problem))?;
    if settings.accelerator == Accelerator::Tcg {
        // Nothing starts it once more, and QEMU has what is packed.
        settings.pack = Arc::default();
    }
    let _held = hold(Holding::Machine(running.process()));
    // Before the debugger: until it lets the machine go, nothing happens there.
    let mut door = None;
    let mut debugger = None;
    if let Some(line) = running.take_debug_line() {
        let output = running
            .output()
            .map_err(|problem| emulator::not_run(&problem))?;
        match session {
            Some(session) => {
                let process = running.process();
                debugger = Some(session.start(line, output, process, module, image)?);
            }
            None => door = Some(Door::open(line, output, &module.path, image, None)?),
        }
    }
    let process = running.process();
    let cores = running.take_monitor();
    let cores = cores.map(|monitor| {
        let image = image.with_symbols().unwrap_or_default();
        Writer::new(monitor, Box::new(move || image.clone()))
    });
    let doors = [door.as_ref(), debugger.as_ref().map(debug::Running::door)];
    if let (Some(cores), Some(door)) = (&cores, doors.into_iter().flatten().next()) {
        door.serve_cores(cores.clone(), &module.path)?;
    }
    let dump = |report: Option<&TrapReport>| {
        if let (Some(path), Some(cores)) = (core, &cores) {
            match cores.write(path, report.map(Stopped::of_trap)) {
                Ok(text) => words::plain(text),
                Err(failure) => failure.report(),
            }
        }
        if debugging == (Debugging::AtCrash { waits: false }) {
            process.kill();
        }
    };
    let (stdin, stdout, stderr) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
    let nothing = std::fs::File::open("/dev/null")
        .map_err(|problem| Failure::new("cannot open /dev/null").cause(problem))?;
    let streams = Streams {
        stdin: match debugging.leaves_input() {
            true => stdin.as_fd(),
            false => nothing.as_fd(),
        },
        stdout: Some(match debugging {
            Debugging::Session {
                owns_output: true, ..
            } => stderr.as_fd(),
            _ => stdout.as_fd(),
        }),
        stderr: Some(stderr.as_fd()),
        wishes: None,
    };
    let mut trap = None;
    let mut panic = None;
    let mut is_told = false;
    let mut counters = Vec::new();
    let mut last_lines = LastLines::default();
    let mut on_event = |event: Event<'_>| match event {
        // Events of `mewz dev`.
        Event::Started { .. } | Event::Parked | Event::Listening(_) | Event::Output { .. } => {}
        Event::Log { level, text } => {
            last_lines.keep(text);
            if level <= log_level {
                log(level, text);
            }
        }
        Event::Trap(report) => {
            trap = Some(*report);
            let told = Told {
                trap: Some(report),
                panic: None,
                log: &last_lines,
            };
            is_told = tells_at_once(debugging, has_prompt, || crash::tell(told, image, telling));
            dump(Some(report));
        }
        Event::Panic(text) => {
            panic = Some(text.to_owned());
            let told = Told {
                trap: None,
                panic: Some(text),
                log: &last_lines,
            };
            is_told = tells_at_once(debugging, has_prompt, || crash::tell(told, image, telling));
            dump(None);
        }
        Event::Counters(bytes) => counters.extend(bytes),
        Event::Call(report) => watcher(Watched::Call(report)),
        Event::Samples(bytes) => watcher(Watched::Samples(bytes)),
    };
    let end = session::talk(&mut running, streams, deadlines, &mut on_event)
        .map_err(|problem| emulator::not_run(&problem))?;
    Ok(Ended {
        end,
        trap,
        panic,
        log: last_lines,
        counters,
        is_told,
        debugger: debugger.and_then(debug::Running::wait),
    })
}

/// Tells of a crash while the machine still waits for a debugger; returns whether that was done.
fn tells_at_once(debugging: Debugging, has_prompt: bool, tell: impl FnOnce() -> Outcome) -> bool {
    if debugging == Debugging::Off {
        return false;
    }
    let status = tell().unwrap_or_else(|failure| {
        failure.report();
        failure.status()
    });
    if debugging == (Debugging::AtCrash { waits: true }) {
        interrupt::program_crashed(status);
        words::hint("the machine waits: `mewz debug --attach` opens gdb here, Ctrl-C ends it");
    }
    // gdb has mostly shown its own before.
    if has_prompt {
        debug::show_prompt();
    }
    true
}

pub(super) fn log(level: u8, text: &str) {
    let text = emulator::printable(text);
    match level {
        1 => words::error(format_args!("kernel: {text}")),
        2 => words::warning(format_args!("kernel: {text}")),
        _ => words::plain(format_args!("kernel: {text}")),
    }
}

/// Why a server counts as failed.
pub(super) fn not_ready(port: Option<u16>, patience: Duration) -> String {
    let port = port.map_or("any port".to_owned(), |port| format!("its port {port}"));
    format!("it did not accept connections at {port} within {patience:?} (`ready` below `[run]`)")
}

fn finish(
    ended: Ended,
    (timeout, ready): (Option<Duration>, Option<Ready>),
    module: &Module,
    image: &BootImage<'_>,
    telling: Telling,
) -> Outcome {
    match ended.end {
        // Without a deadline for the start there is no `NotStarted`, and nobody stops a machine here.
        End::TimedOut | End::Stopped | End::NotStarted => {
            let timeout = timeout.unwrap_or_default();
            Err(
                Failure::new(format!("`{}` was ended", module.path.display()))
                    .cause(format!("it ran longer than {timeout:?}"))
                    .with_status(STATUS_TIMEOUT),
            )
        }
        End::NotReady => {
            let (port, patience) = ready.map_or((None, None), |ready| (ready.port, ready.timeout));
            Err(
                Failure::new(format!("`{}` was ended", module.path.display()))
                    .cause(not_ready(port, patience.unwrap_or_default()))
                    .with_status(STATUS_TIMEOUT),
            )
        }
        End::OutputClosed => Ok(STATUS_OUTPUT_CLOSED),
        End::Died(death) if is_killed(&death) => Ok(STATUS_DEBUGGER_KILLED),
        End::Exited(_) | End::Died(_) if ended.is_told => Ok(match ended.trap {
            Some(_) => STATUS_TRAP as u8,
            None => STATUS_KERNEL_FAILED,
        }),
        End::Exited(_) | End::Died(_) if ended.trap.is_some() || ended.panic.is_some() => {
            let told = Told {
                trap: ended.trap.as_ref(),
                panic: ended.panic.as_deref(),
                log: &ended.log,
            };
            crash::tell(told, image, telling)
        }
        End::Exited(status) => Ok(exit_status(status)),
        End::Died(death) => Err(emulator::died(&death)),
    }
}

/// Whether a debugger's user ended the machine: QEMU's status is that of debug-exit.
pub(super) fn is_killed(death: &Death) -> bool {
    let value = i32::try_from(debug_exit_value(STATUS_KILLED)).ok();
    death.had_started && death.status.code() == value.map(|value| 2 * value + 1)
}

/// A process has eight bits for its status; one that would lose all its set bits becomes 1.
pub(super) fn exit_status(status: u32) -> u8 {
    match status.to_le_bytes()[0] {
        0 if status != 0 => 1,
        status => status,
    }
}

#[cfg(test)]
mod tests {
    use super::{environment, exit_status, mounts, temporaries};
    use crate::cli::values::{Folder, Variable, temporary};

    #[test]
    fn a_status_never_becomes_success() {
        assert_eq!(exit_status(0), 0);
        assert_eq!(exit_status(255), 255);
        assert_eq!(exit_status(256), 1);
        assert_eq!(exit_status(257), 1);
        assert_eq!(exit_status(u32::MAX), 255);
    }

    #[test]
    fn the_last_value_of_a_variable_wins() {
        let variable = |name: &str, value: Option<&str>| Variable {
            name: name.into(),
            value: value.map(Into::into),
        };
        let variables = [
            variable("A", Some("1")),
            variable("B", Some("2")),
            variable("A", Some("3")),
        ];
        assert_eq!(environment(&variables).unwrap(), ["A=3", "B=2"]);
        environment(&[variable("MEWZ_NO_SUCH_VARIABLE", None)]).unwrap_err();
    }

    #[test]
    fn folders_are_looked_at() {
        let folder = |host: &str, guest: &str| Folder {
            host: host.into(),
            guest: guest.into(),
            is_read_only: false,
        };
        assert_eq!(
            mounts(&[folder("/proc/..", "/")]).unwrap()[0].host,
            std::path::Path::new("/")
        );
        mounts(&[folder("/", "/a"), folder("/tmp", "/a")]).unwrap_err();
        mounts(&[folder("/nonexistent", "/a")]).unwrap_err();
        mounts(&[folder("/etc/passwd", "/a")]).unwrap_err();
        let mounted = mounts(&[folder("/", "/a")]).unwrap();
        let [a, b] = ["/a", "/b:1MiB"].map(|text| temporary(text).unwrap());
        let options = temporaries(std::slice::from_ref(&b), &mounted).unwrap();
        assert_eq!(options, ["tmp=/b:1048576"]);
        temporaries(&[a], &mounted).unwrap_err();
        temporaries(&[b.clone(), b], &mounted).unwrap_err();
    }
}
