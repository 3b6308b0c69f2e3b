//! `mewz test`: runs a project's tests, each binary in machines of its own.

mod binary;
mod cargo;
mod guest;
mod libtest;
mod output;

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use self::binary::{Sink, Verdict};
use self::guest::Guest;
use super::Outcome;
use super::failure::Failure;
use super::project::{Profile, Project, Settings};
use super::values::{self, Folder, Variable};
use super::{interrupt, words};

/// Status after tests that failed, as libtest and cargo have it.
const STATUS_TESTS_FAILED: u8 = 101;

/// Run a project's tests as unikernels
///
/// Three ways: `mewz test` in a Cargo package builds its tests for wasm32-wasip1 and runs the binaries beside each other;
/// in another project it runs the modules below `[test]` in mewz.toml; `mewz test FILE` runs one module, and is what cargo
/// calls where `runner = "mewz test --"` stands in .cargo/config.toml.
///
/// Where a test takes its machine down, as a panic in Rust does for want of unwinding, it is told as failed with all that
/// it wrote, and the tests behind it run in a fresh machine. A test sees the folder of its package, read-only, at `.` and
/// at its own path, a folder in memory at `/tmp`, and those of [run] in mewz.toml.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mewz test
  mewz test -- parser --skip slow               arguments are those of Rust's test harness
  mewz test --dir target::target                tests that write files there
  mewz test target/unit.wasm                    passes if it ends with status 0

In .cargo/config.toml, for `cargo test --target wasm32-wasip1`:
  [target.wasm32-wasip1]
  runner = \"mewz test --\"

Exit status: 0 if all tests pass, 101 if one fails, or that of a module that has no test harness.")]
pub(super) struct TestArguments {
    /// A module, or the folder of a project [default: the project here]
    #[arg(value_name = "FILE|DIR")]
    path: Option<PathBuf>,
    /// Arguments for the test harness: filters and its flags. A module's file may stand first
    #[arg(last = true, value_name = "ARGS")]
    arguments: Vec<OsString>,
    /// Build and run the tests of the release profile
    #[arg(long)]
    release: bool,
    /// How many machines run at once [default: one for each processor]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Set a variable of the tests' environment; NAME alone takes the value that it has here
    #[arg(short, long = "env", value_name = "NAME=VALUE", value_parser = values::os_parser(values::variable))]
    environment: Vec<Variable>,
    /// Let the tests use a folder; a lone HOST is the path in the guest too
    #[arg(long = "dir", value_name = "HOST::GUEST[:ro]", value_parser = values::os_parser(values::folder))]
    folders: Vec<Folder>,
    /// Memory of each machine, from 16MiB to 64GiB [default: 128MiB] [env: MEWZ_MEMORY]
    #[arg(short, long, value_name = "SIZE", value_parser = values::memory)]
    memory: Option<u64>,
    /// End a machine after this time; the test that it was at has failed [env: MEWZ_TIMEOUT]
    #[arg(long, value_name = "TIME", value_parser = values::time)]
    timeout: Option<Duration>,
}

/// A module with tests, and the folder of what it belongs to.
#[derive(Debug)]
struct Binary {
    module: PathBuf,
    package: PathBuf,
}

/// Builds, runs, reports.
pub(super) fn run(arguments: TestArguments) -> Outcome {
    interrupt::watch();
    let mut harness = strings(&arguments.arguments)?;
    let named = match &arguments.path {
        Some(path) if !path.is_dir() => Some(path.clone()),
        Some(_) => None,
        None => runner_file(&mut harness),
    };
    if let Some(module) = named {
        let binary = Binary {
            module,
            package: PathBuf::from("."),
        };
        let guest = guest(&arguments, &binary, &Settings::of_environment()?)?;
        let verdict = binary::run(&guest, &harness, &mut Sink::standard())?;
        return Ok(status(&[verdict]));
    }
    let folder = arguments.path.as_deref();
    let project = Project::find_settings(folder)?;
    let binaries = build(&project, Profile::new(arguments.release))?;
    let guests = binaries
        .iter()
        .map(|binary| guest(&arguments, binary, project.settings()))
        .collect::<Result<Vec<_>, _>>()?;
    let jobs = match arguments.jobs {
        Some(jobs) => usize::from(jobs),
        None => std::thread::available_parallelism().map_or(1, usize::from),
    };
    let verdicts = all(&guests, &harness, jobs)?;
    if binaries.len() > 1 {
        tell_all(&binaries, &verdicts);
    }
    Ok(status(&verdicts))
}

fn strings(words: &[OsString]) -> Result<Vec<String>, Failure> {
    let string = |word: &OsString| {
        word.to_str().map(str::to_owned).ok_or_else(|| {
            Failure::usage("cannot hand over the arguments")
                .cause(format!("`{}` is not UTF-8", word.display()))
        })
    };
    words.iter().map(string).collect()
}

/// The module that cargo names first, which is then no argument any more.
fn runner_file(harness: &mut Vec<String>) -> Option<PathBuf> {
    let first = PathBuf::from(harness.first()?);
    let is_module = first.extension() == Some(OsStr::new("wasm")) && first.is_file();
    is_module.then(|| {
        harness.remove(0);
        first
    })
}

/// Builds the tests of `project`.
fn build(project: &Project, profile: Profile) -> Result<Vec<Binary>, Failure> {
    let package = project.folder();
    if let Some(modules) = project.build_tests(profile)? {
        let binary = |module| Binary {
            module,
            package: package.to_owned(),
        };
        return Ok(modules.into_iter().map(binary).collect());
    }
    if package.join("Cargo.toml").is_file() {
        return cargo::build(package, profile);
    }
    Err(Failure::usage(format!(
        "`{}` has no tests that are known",
        package.display()
    ))
    .cause("it holds no `Cargo.toml`, and no `mewz.toml` with a section `[test]`")
    .hint("`mewz test FILE` runs one module; `[test] wasm = [\"…\"]` names a project's"))
}

/// What a binary's machines are given.
fn guest(
    arguments: &TestArguments,
    binary: &Binary,
    settings: &Settings,
) -> Result<Guest, Failure> {
    let mut variables = settings.variables();
    variables.extend(arguments.environment.iter().cloned());
    let mut folders = settings.folders();
    folders.retain(|folder| {
        let is_replaced = |flag: &Folder| flag.guest == folder.guest;
        !arguments.folders.iter().any(is_replaced)
    });
    folders.extend(arguments.folders.iter().cloned());
    Guest::new(
        binary,
        variables,
        folders,
        arguments.memory.or(settings.run().memory),
        arguments.timeout.or(settings.run().timeout),
        settings,
    )
}

/// Runs all binaries, several at once, and prints what each says in their order.
fn all(guests: &[Guest], harness: &[String], jobs: usize) -> Result<Vec<Verdict>, Failure> {
    let next = AtomicUsize::new(0);
    let (done, arrived) = mpsc::channel();
    let mut slots: Vec<Option<(Result<Verdict, Failure>, Sink)>> =
        guests.iter().map(|_| None).collect();
    let mut verdicts = Vec::new();
    std::thread::scope(|scope| {
        for _ in 0..jobs.min(guests.len()) {
            let done = done.clone();
            let next = &next;
            scope.spawn(move || {
                while let Some((at, guest)) = take(next, guests) {
                    let mut sink = Sink::kept();
                    let verdict = binary::run(guest, harness, &mut sink);
                    // Nobody listens any more where one could not be run.
                    let _ = done.send((at, verdict, sink));
                }
            });
        }
        drop(done);
        for (at, verdict, sink) in arrived {
            slots[at] = Some((verdict, sink));
            while let Some((verdict, sink)) = slots.get_mut(verdicts.len()).and_then(Option::take) {
                let name = guests[verdicts.len()].name();
                words::plain(format_args!("     Running {name}"));
                sink.print();
                match verdict {
                    Ok(verdict) => verdicts.push(verdict),
                    Err(failure) => {
                        // What has not begun never does; what has is waited for.
                        next.store(guests.len(), Ordering::Relaxed);
                        return Err(failure);
                    }
                }
            }
        }
        Ok(verdicts)
    })
}

fn take<'a>(next: &AtomicUsize, guests: &'a [Guest]) -> Option<(usize, &'a Guest)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    Some((at, guests.get(at)?))
}

/// One line on all binaries: that of each stands far above.
fn tell_all(binaries: &[Binary], verdicts: &[Verdict]) {
    let failed = verdicts
        .iter()
        .filter(|verdict| verdict.status != 0)
        .count();
    if failed > 0 {
        words::error(format_args!(
            "{failed} of {} test binaries failed",
            binaries.len()
        ));
        for (binary, verdict) in binaries.iter().zip(verdicts) {
            if verdict.status != 0 {
                words::plain(format_args!("  {}", binary.module.display()));
            }
        }
    }
}

/// The one status of all: that of the only module, or 101 where any failed.
fn status(verdicts: &[Verdict]) -> u8 {
    match verdicts {
        [only] => only.status,
        all if all.iter().any(|verdict| verdict.status != 0) => STATUS_TESTS_FAILED,
        _ => 0,
    }
}
