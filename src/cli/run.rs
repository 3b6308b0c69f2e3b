//! `mewz run`: boots a module, or a project, and ends with its exit status.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use super::Outcome;
use super::boot::{self, Debugging, Wishes};
use super::crash::Telling;
use super::failure::Failure;
use super::image::{BootImage, Making};
use super::module::Module;
use super::program::ProgramArguments;
use super::project::{Project, Subject};
use super::{accelerator, cache, debug, emulator, image, interrupt, network, values, words};
use crate::compile::DebugLevel;

/// Boot a module, a project or an image, and end with its exit status
///
/// Standard input reaches the program; standard output is the program's and nothing else; standard error is the program's,
/// and what mewz has to say.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mewz run hello.wasm
  mewz run tool.wasm --dir .::/here --env LANG=C -- -v /here/input
  mewz run notes.wasm --disk data.img::/data
  mewz run tool.wasm --dir .::/here:ro --tmp /tmp:16MiB
  mewz run --publish 8080:80 --listen 80 server.wasm
  mewz run --memory 32MiB --timeout 10s test.wat < input > output
  mewz run app.elf                               an image of `mewz build`, as it is
  mewz run                                       the project whose mewz.toml is here or above

Exit status: the program's own; 134 after a trap, 124 after --timeout, 130 after Ctrl-C,
141 when nobody reads the output any more, 2 for a wrong command line, 1 for everything
else that fails.")]
pub(super) struct RunArguments {
    /// A module (`.wasm`, `.wat`), an image of `mewz build`, or a folder with a `mewz.toml` [default: the project here]
    #[arg(value_name = "FILE|DIR")]
    path: Option<PathBuf>,
    /// Arguments for the program
    #[arg(last = true, value_name = "ARGS")]
    arguments: Vec<OsString>,
    #[command(flatten)]
    program: ProgramArguments,
    /// End the machine after this time, with status 124 [env: MEWZ_TIMEOUT]
    #[arg(long, value_name = "TIME", value_parser = values::time)]
    timeout: Option<Duration>,
    /// Count what runs, and write it to FILE when the program ends, for `mewz build --profile FILE`
    #[arg(long, value_name = "FILE")]
    profile_generate: Option<PathBuf>,
    /// Tell of a crash in one JSON object, on standard error
    #[arg(long)]
    json: bool,
    /// Tell of a crash with registers and the last lines of the kernel's log
    #[arg(long)]
    full_report: bool,
    /// Write what crosses the program's network card to FILE, for Wireshark or tcpdump
    #[arg(long, value_name = "FILE")]
    pcap: Option<PathBuf>,
    /// Let a debugger come to the machine, and let a crash wait for one (`mewz debug --attach`)
    #[arg(long)]
    debuggable: bool,
    /// Leave the machine's memory in FILE when the program crashes, for `mewz debug FILE` [default: .mewz/NAME.core beside the
    /// module]
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    pub(super) core: Option<Option<PathBuf>>,
    /// Tell how much was compiled
    #[arg(short, long)]
    verbose: bool,
}

impl RunArguments {
    /// What is told is told to a program.
    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    /// The project, or the module's file that is named.
    pub(super) fn subject(&self) -> Result<Subject, Failure> {
        Subject::find(self.path.as_deref())
    }

    /// QEMU's file.
    pub(super) fn qemu(&self) -> Result<PathBuf, Failure> {
        emulator::locate(
            self.program.qemu.as_deref(),
            cache::Cache::of_user().as_ref(),
        )
    }

    /// Where the module is, or will be when the project is built.
    pub(super) fn module_path(&self, subject: &Subject) -> PathBuf {
        subject.module_path(self.program.profile())
    }
}

/// Runs the module or project.
pub(super) fn run(arguments: RunArguments) -> Outcome {
    interrupt::watch();
    let subject = arguments.subject()?;
    let prepared = prepare(arguments, &subject, Purpose::Run)?;
    with_image(prepared, boot::run)
}

/// All that a boot needs before there is an image.
pub(super) struct Prepared {
    /// QEMU's file.
    program: PathBuf,
    pub(super) wishes: Wishes,
    pub(super) module: Module,
    /// The image that stands for the module, where one is named.
    built: Option<Vec<u8>>,
    making: Making,
    cache: Option<cache::Cache>,
    is_verbose: bool,
}

/// What a program is run for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Its own sake.
    Run,
    /// A debugger: the code is made for it, and the kernel has the stub.
    Debug,
    /// A look at what it does: the same code, and the kernel that can tell.
    Watch,
}

/// Settles what is asked for, and builds a project.
pub(super) fn prepare(
    arguments: RunArguments,
    subject: &Subject,
    purpose: Purpose,
) -> Result<Prepared, Failure> {
    let settings = subject.settings();
    let program = &arguments.program;
    let profile = program.profile();
    let mut wishes = program.wishes(&arguments.arguments, settings)?;
    let wanted = program.network(settings);
    wishes.network = network::settle(&wanted.pairs, &wanted.listeners, wanted.is_open)?;
    if let Some(file) = arguments.pcap {
        network::capture(&mut wishes.network, file)?;
    }
    wishes.timeout = arguments.timeout.or(settings.run().timeout);
    wishes.profile = arguments.profile_generate;
    wishes.telling = Telling {
        is_json: arguments.json,
        is_full: arguments.full_report,
    };
    let cache = if program.no_cache {
        None
    } else {
        let root = subject.project().map(Project::folder);
        cache::Cache::of_user().map(|cache| cache.for_project(root))
    };
    let locate = || emulator::locate(program.qemu.as_deref(), cache.as_ref());
    // What is quick to find wrong comes first.
    let (module, built, qemu) = match subject {
        Subject::Project(project) => {
            let qemu = locate()?;
            project.tell_inferred();
            (Module::read(&project.build(profile)?)?, None, qemu)
        }
        Subject::Module(path, _) => {
            let (module, built) = Module::or_image(path)?;
            (module, built, locate()?)
        }
    };
    wishes.accelerator = accelerator::informed(wishes.accelerator, cache.as_ref(), &qemu);
    let counts_runs = wishes.profile.is_some();
    let mut making = program.making(settings, &wishes, counts_runs)?;
    wishes.core = match arguments.core {
        Some(Some(path)) => Some(path),
        Some(None) => Some(debug::default_core(&module.path)),
        None if settings.debug().core => Some(debug::default_core(&module.path)),
        None => None,
    };
    let waits = arguments.debuggable || settings.debug().debuggable;
    // A crash waits in the stub for what writes the memory.
    let is_debuggable = waits || wishes.core.is_some();
    if built.is_some() && (is_debuggable || counts_runs || purpose != Purpose::Run) {
        return Err(image_is_made(&module));
    }
    if is_debuggable && purpose != Purpose::Debug {
        wishes.debugging = Debugging::AtCrash { waits };
    }
    making.kernel.is_debuggable = is_debuggable || purpose != Purpose::Run;
    if purpose == Purpose::Debug {
        making.options = program.code.for_debugger(making.options);
    } else {
        making.options.debug = match is_debuggable {
            true => DebugLevel::Full,
            false => DebugLevel::None,
        };
        making.options.null_guard = is_debuggable;
    }
    Ok(Prepared {
        program: qemu,
        wishes,
        module,
        built,
        making,
        cache,
        is_verbose: arguments.verbose,
    })
}

/// The sentence for who wants of an image what is settled when it is made.
fn image_is_made(module: &Module) -> Failure {
    let image = module.path.display();
    Failure::usage(format!(
        "`{image}` is an image, and only runs as it was built"
    ))
    .cause("debuggers, cores, profiles and traces want code or a kernel that is made for them")
    .hint("name the module that it was built of, or its project")
}

/// Makes the image, and lets `boot` boot it.
pub(super) fn with_image(
    prepared: Prepared,
    boot: impl FnOnce(PathBuf, Wishes, &Module, &BootImage<'_>) -> Outcome,
) -> Outcome {
    let Prepared {
        program,
        wishes,
        module,
        built,
        making,
        cache,
        is_verbose,
    } = prepared;
    let image = match built {
        Some(bytes) => image::built(&module, &making, bytes)?,
        None => image::boot_image(&module, &making, cache.as_ref())?,
    };
    image::warn_of_missing(&module, &image.missing);
    super::pgo::tell(image.counts.and_then(|counts| counts.profile_fit));
    if is_verbose {
        words::compiled(image.counts);
    }
    boot(program, wishes, &module, &image)
}
