//! `mewz debug --record`: a program's run with all that comes from outside noted, so that it can be repeated.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use indicatif::HumanBytes;
use mewz_abi::record::TrapReport;
use mewz_abi::trap::TrapKind;

use super::{FORMAT, IMAGE_FILE, NOTE_FILE, Note, NotedTrap, SYMBOLS_FILE, digest, disk, needed};
use crate::cli::boot::{self, Debugging, STATUS_OUTPUT_CLOSED, STATUS_TIMEOUT, Wishes};
use crate::cli::crash::{self, LastLines, Told};
use crate::cli::failure::{Failure, STATUS_FAILURE};
use crate::cli::image::BootImage;
use crate::cli::interrupt::{self, Holding, hold};
use crate::cli::module::Module;
use crate::cli::pack::{self, PackedFolder};
use crate::cli::{Outcome, emulator, words};
use crate::qemu::accelerator::{Accelerator, AcceleratorChoice};
use crate::qemu::machine::{self, MachineKind, Settings};
use crate::qemu::program;
use crate::qemu::recording::{Recording, Role};
use crate::qemu::session::{self, Deadlines, End, Event, Streams, wish};

/// A recording ends when QEMU has noted so much: a program that runs for days fills the disk otherwise.
const LOG_BYTES_MAX: u64 = 1 << 30;

/// It ends too when so little is left on the disk: QEMU does not say that it could not write its log.
const FREE_BYTES_MIN: u64 = 64 << 20;

/// How often both are looked at.
const LOOK: Duration = Duration::from_millis(200);

/// What to do where there is no room.
const PLACE_HINT: &str = "`--record=FOLDER` names another place";

/// Runs the program and leaves the recording in the folder `path`; the answer is the program's exit status.
pub(in crate::cli) fn record(
    program: PathBuf,
    wishes: Wishes,
    module: &Module,
    image: &BootImage<'_>,
    path: &Path,
) -> Outcome {
    let wishes = recordable(wishes)?;
    let failure = |problem: &dyn std::fmt::Display| {
        Failure::new(format!("cannot record to `{}`", path.display())).cause(problem)
    };
    let path = &std::path::absolute(path).map_err(|problem| failure(&problem))?;
    let version = program::version(&program).map_err(|problem| emulator::not_run(&problem))?;
    let parent = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(parent).map_err(|problem| failure(&problem))?;
    if let Some(words) = too_full(parent) {
        return Err(failure(&words).hint(PLACE_HINT));
    }
    // What is half a recording is none; and a machine's memory may hold secrets: the folder is this user's alone.
    let folder = tempfile::Builder::new()
        .prefix(".unfinished-")
        .permissions(fs::Permissions::from_mode(0o700))
        .tempdir_in(parent)
        .map_err(|problem| failure(&problem))?;
    let _folder = hold(Holding::Folder(folder.path().to_owned()));
    let symbols = image
        .with_symbols()
        .ok_or_else(|| failure(&"the image's symbols cannot be linked"))?;
    let boot_image = format!("/proc/self/fd/{}", image.file.as_raw_fd());
    fs::copy(boot_image, folder.path().join(IMAGE_FILE))
        .and_then(|_| fs::write(folder.path().join(SYMBOLS_FILE), symbols))
        .map_err(|problem| failure(&problem))?;

    for (index, disk) in wishes.disks.iter().enumerate() {
        let copy = folder.path().join(disk::file(index));
        disk::copy(&disk.host, &copy).map_err(|problem| {
            failure(&format!(
                "the disk `{}` cannot be copied: {problem}",
                disk.host.display()
            ))
        })?;
    }
    if let Some(words) = too_full(parent) {
        return Err(failure(&words).hint(PLACE_HINT));
    }

    let deadlines = Deadlines {
        end: wishes
            .timeout
            .and_then(|timeout| Instant::now().checked_add(timeout)),
        ..Deadlines::default()
    };
    let mut note = Note {
        format: FORMAT,
        mewz: env!("CARGO_PKG_VERSION").to_owned(),
        qemu: version.to_string(),
        module: module.path.clone(),
        memory_bytes: wishes.memory_bytes,
        command_line: wishes.command_line.clone(),
        has_network: wishes.network.is_some(),
        has_capture: wishes
            .network
            .as_ref()
            .is_some_and(|network| network.capture.is_some()),
        instructions: 0,
        trap: None,
        disks: wishes.disks.iter().map(|disk| disk.is_read_only).collect(),
        files: BTreeMap::new(),
    };
    let (telling, log_level, timeout) = (wishes.telling, wishes.log_level, wishes.timeout);
    let settings = settings(program, wishes, module, folder.path());
    let mut ended = run(&settings, image, deadlines, log_level)?;
    let Some(instructions) = ended.instructions else {
        return Err(match &ended.end {
            End::Died(death) => emulator::died(death),
            _ => failure(&"QEMU did not write its end"),
        });
    };
    note.instructions = instructions;
    note.trap = ended.trap.and_then(|report| {
        Some(NotedTrap {
            instruction: report.instruction,
            signal: TrapKind::from_number(report.kind)?.signal(),
        })
    });
    if let Some(recording) = &settings.recording {
        recording.tidy();
    }
    for name in needed(note.disks.len()) {
        let digest = digest(folder.path(), &name).map_err(|problem| failure(&problem))?;
        note.files.insert(name, digest);
    }
    let text = serde_json::to_vec_pretty(&note).map_err(|problem| failure(&problem))?;
    fs::write(folder.path().join(NOTE_FILE), text).map_err(|problem| failure(&problem))?;
    let told = Told {
        trap: ended.trap.as_ref(),
        panic: ended.panic.as_deref(),
        log: &ended.log,
    };
    let outcome = match ended.end {
        End::Exited(_) if told.trap.is_some() || told.panic.is_some() => {
            crash::tell(told, image, telling)
        }
        End::Exited(status) => Ok(boot::exit_status(status)),
        End::OutputClosed => Ok(STATUS_OUTPUT_CLOSED),
        End::Stopped if ended.limit.is_some() => {
            let failure = Failure::new("the recording was ended, and the program with it");
            Err(ended.limit.into_iter().fold(failure, Failure::cause))
        }
        End::Stopped => Ok(interrupt::spared().unwrap_or(STATUS_FAILURE)),
        _ => Err(
            Failure::new(format!("`{}` was ended", module.path.display()))
                .cause(format!(
                    "it ran longer than {:?}",
                    timeout.unwrap_or_default()
                ))
                .with_status(STATUS_TIMEOUT),
        ),
    };
    let status = outcome.unwrap_or_else(|failure| {
        failure.report();
        failure.status()
    });
    ended.log = LastLines::default();
    interrupt::uninterrupted(|| keep(folder, path)).map_err(|problem| failure(&problem))?;
    words::plain(format_args!(
        "Recorded `{}` ({instructions} instructions, {}): `mewz debug --replay={}` goes through it",
        path.display(),
        HumanBytes(bytes(path)),
        path.display()
    ));
    Ok(status)
}

/// Fails where `wishes` ask for what can't be recorded; folders that only are read become part of the recording.
fn recordable(mut wishes: Wishes) -> Result<Wishes, Failure> {
    let failure = |cause: &str| Failure::usage("this run cannot be recorded").cause(cause);
    if wishes.accelerator == AcceleratorChoice::Kvm {
        return Err(failure(
            "recording counts instructions, which only QEMU's own emulation can (TCG)",
        )
        .hint("leave `--accel kvm` out"));
    }
    if wishes.machine != MachineKind::Microvm {
        return Err(
            failure("recordings are made on the machine `microvm` alone")
                .hint("leave `--machine` out, or set it to `microvm`"),
        );
    }
    if let Some(mount) = wishes.mounts.iter().find(|mount| !mount.is_read_only) {
        return Err(failure(&format!(
            "the program may change the folder `{}`, and a recording does not keep what was in it",
            mount.host.display()
        ))
        .hint("`--dir HOST::GUEST:ro` takes a copy into the recording, `--tmp GUEST` gives a folder in memory"));
    }
    if wishes.mounts.is_empty() {
        return Ok(wishes);
    }
    if !wishes.pack.is_empty() {
        return Err(failure(
            "it has both folders of the image (`[[image.mount]]`) and of the host",
        )
        .hint("leave `--dir` out"));
    }
    let folders: Vec<PackedFolder> = wishes
        .mounts
        .drain(..)
        .map(|mount| PackedFolder {
            host: mount.host,
            guest: mount.guest,
            keeps_times: true,
        })
        .collect();
    let pack = pack::pack(&folders, &[])?;
    let least = pack::memory_bytes(None, pack::bytes(&pack))?;
    wishes.memory_bytes = wishes.memory_bytes.max(least);
    wishes.pack = pack.into();
    Ok(wishes)
}

fn settings(program: PathBuf, wishes: Wishes, module: &Module, folder: &Path) -> Settings {
    Settings {
        program,
        machine: wishes.machine,
        accelerator: Accelerator::Tcg,
        memory_bytes: wishes.memory_bytes,
        command_line: wishes.command_line,
        arguments: std::iter::once(module.name().to_owned())
            .chain(wishes.arguments)
            .collect(),
        environment: wishes.environment,
        mounts: Vec::new(),
        disks: wishes.disks,
        network: wishes.network,
        options: wishes.options,
        pack: wishes.pack,
        terminals: boot::terminals(Debugging::Off),
        memory: None,
        debug_line: None,
        has_monitor: true,
        recording: Some(Recording {
            folder: folder.to_owned(),
            role: Role::Make,
            console: None,
        }),
    }
}

/// How the run ended, and what was told before.
struct Ended {
    end: End,
    instructions: Option<u64>,
    trap: Option<TrapReport>,
    panic: Option<String>,
    log: LastLines,
    /// Why the recording had to end, where it had to.
    limit: Option<String>,
}

fn run(
    settings: &Settings,
    image: &BootImage<'_>,
    deadlines: Deadlines,
    log_level: u8,
) -> Result<Ended, Failure> {
    let broken =
        |problem: std::io::Error| Failure::new("cannot set up the recording").cause(problem);
    let (stop, wished) = UnixStream::pair().map_err(broken)?;
    let mut running =
        machine::start(settings, &image.file).map_err(|problem| emulator::not_run(&problem))?;
    let held = hold(Holding::Recording(stop.try_clone().map_err(broken)?));
    interrupt::spare_once();
    let log = settings.recording.as_ref().map(Recording::log);
    let limit = Limit::watch(log, LOG_BYTES_MAX, stop);
    let (stdin, stdout, stderr) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
    let streams = Streams {
        stdin: stdin.as_fd(),
        stdout: Some(stdout.as_fd()),
        stderr: Some(stderr.as_fd()),
        wishes: Some(wished.as_fd()),
    };
    let mut trap = None;
    let mut panic = None;
    let mut log = LastLines::default();
    let mut on_event = |event: Event<'_>| match event {
        Event::Log { level, text } => {
            log.keep(text);
            if level <= log_level {
                boot::log(level, text);
            }
        }
        Event::Trap(report) => trap = Some(*report),
        Event::Panic(text) => panic = Some(text.to_owned()),
        _ => {}
    };
    let end = session::talk(&mut running, streams, deadlines, &mut on_event)
        .map_err(|problem| emulator::not_run(&problem))?;
    drop(held);
    Ok(Ended {
        end,
        instructions: running.instructions(),
        trap,
        panic,
        log,
        limit: limit.reached.get().cloned(),
    })
}

/// Ends the recording when there is no room for more; watches until it is dropped.
struct Limit {
    /// Which, for people.
    reached: Arc<OnceLock<String>>,
    _over: mpsc::Sender<()>,
}

impl Limit {
    /// Asks `stop` for the end once QEMU's `log` has more than so many bytes, or the disk no room for it.
    fn watch(log: Option<PathBuf>, bytes_max: u64, mut stop: UnixStream) -> Self {
        let (over, is_over) = mpsc::channel();
        let limit = Self {
            reached: Arc::default(),
            _over: over,
        };
        let reached = Arc::clone(&limit.reached);
        let Some(log) = log else {
            return limit;
        };
        std::thread::spawn(move || {
            while is_over.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                if let Some(words) = too_long(&log, bytes_max).or_else(|| too_full(&log)) {
                    let _ = reached.set(words);
                    // A session that has ended needs no stop.
                    let _ = stop.write_all(&[wish::STOP]);
                    return;
                }
            }
        });
        limit
    }
}

/// Why what QEMU has noted is too much, if it is.
fn too_long(log: &Path, bytes_max: u64) -> Option<String> {
    let bytes = fs::metadata(log).map_or(0, |log| log.len());
    (bytes > bytes_max).then(|| {
        let most = HumanBytes(bytes_max);
        format!("QEMU's log of it has {most}, the most that is kept")
    })
}

/// Why no more can be written where `path` is, if so.
fn too_full(path: &Path) -> Option<String> {
    let disk = rustix::fs::statvfs(path).ok()?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    (free < FREE_BYTES_MIN).then(|| {
        let (free, least) = (HumanBytes(free), HumanBytes(FREE_BYTES_MIN));
        format!("{free} are free where it is written, and a recording keeps {least} free")
    })
}

/// Puts a recording that is whole in the place of the one before.
fn keep(folder: tempfile::TempDir, path: &Path) -> std::io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(problem) if problem.kind() != std::io::ErrorKind::NotFound => return Err(problem),
        _ => {}
    }
    fs::rename(folder.keep(), path)
}

/// Bytes that the files of a recording take: a disk's may be mostly empty.
fn bytes(folder: &Path) -> u64 {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    files
        .map(|file| file.metadata().map_or(0, |file| file.blocks() * 512))
        .sum()
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{ErrorKind, Read as _};
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    use super::{LOOK, Limit};
    use crate::qemu::session::wish;

    #[test]
    fn a_log_that_becomes_too_long_ends_its_recording() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let log = File::create(&path).unwrap();
        log.set_len(2 << 20).unwrap();
        let (stop, mut wished) = UnixStream::pair().unwrap();
        let limit = Limit::watch(Some(path), 2 << 20, stop);
        // As much as there may be ends nothing.
        wished.set_read_timeout(Some(LOOK * 3)).unwrap();
        let nothing = wished.read(&mut [0]).unwrap_err();
        assert!(matches!(
            nothing.kind(),
            ErrorKind::WouldBlock | ErrorKind::TimedOut
        ));
        assert_eq!(limit.reached.get(), None);
        log.set_len((2 << 20) + 1).unwrap();
        wished
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        let mut bytes = [0];
        wished.read_exact(&mut bytes).unwrap();
        assert_eq!(bytes, [wish::STOP]);
        let words = limit.reached.get().unwrap();
        assert_eq!(
            words,
            "QEMU's log of it has 2.00 MiB, the most that is kept"
        );
    }
}
