//! `mewz run`: boots a module, or a project, and ends with its exit status.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use super::Outcome;
use super::boot::{self, Debugging, Wishes};
use super::code::CodeArguments;
use super::failure::Failure;
use super::image::{BootImage, Making};
use super::module::Module;
use super::pack;
use super::project::{Profile, Project};
use super::values::{self, Folder, PortPair, Temporary, Variable, os_parser};
use super::{accelerator, cache, emulator, image, interrupt, network, words};
use crate::compile::Options;
use crate::qemu::accelerator::AcceleratorChoice;
use crate::qemu::machine::MachineKind;

/// Boot a module, or a project, and end with its exit status
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
  mewz run                                       the project whose mewz.toml is here or above

Exit status: the program's own; 134 after a trap, 124 after --timeout, 130 after Ctrl-C, 141 when nobody reads the
output any more, 2 for a wrong command line, 1 for everything else that fails.")]
pub(super) struct RunArguments {
    /// A module (`.wasm`, `.wat`), or a folder with a `mewz.toml` [default: the project here]
    #[arg(value_name = "FILE|DIR")]
    path: Option<PathBuf>,
    /// Arguments for the program
    #[arg(last = true, value_name = "ARGS")]
    arguments: Vec<OsString>,
    /// Set a variable of the program's environment; NAME alone takes the value that it has here
    #[arg(short, long = "env", value_name = "NAME=VALUE", value_parser = os_parser(values::variable))]
    environment: Vec<Variable>,
    /// Let the program use a folder; a lone HOST is the path in the guest too
    #[arg(long = "dir", value_name = "HOST::GUEST[:ro]", value_parser = os_parser(values::folder))]
    folders: Vec<Folder>,
    /// Let the program use a persistent disk, which `mewz disk create` makes
    #[arg(long = "disk", value_name = "FILE::GUEST[:ro]", value_parser = os_parser(values::image))]
    disks: Vec<Folder>,
    /// Give the program a folder that lives in memory and is gone at the end; SIZE limits it
    #[arg(long = "tmp", value_name = "GUEST[:SIZE]", value_parser = values::temporary)]
    temporaries: Vec<Temporary>,
    /// Forward a port of this host, on 127.0.0.1, to one of the program; HOST may be `auto`, and `/udp` may follow
    #[arg(short, long = "publish", value_name = "HOST:GUEST", value_parser = values::port_pair)]
    ports: Vec<PortPair>,
    /// Hand the program a listening socket for this port of its own: descriptor 3, 4 and so on
    #[arg(long, value_name = "GUESTPORT", value_parser = values::port)]
    listen: Vec<u16>,
    /// Let the program make connections and resolve names
    #[arg(long)]
    net: bool,
    /// Memory of the machine, from 16MiB to 64GiB [default: 128MiB]
    #[arg(short, long, value_name = "SIZE", env = "MEWZ_MEMORY", hide_env_values = true, value_parser = values::memory)]
    memory: Option<u64>,
    /// End the machine after this time, with status 124
    #[arg(long, value_name = "TIME", env = "MEWZ_TIMEOUT", hide_env_values = true, value_parser = values::time)]
    timeout: Option<Duration>,
    /// Build and run the project's release profile
    #[arg(long)]
    release: bool,
    /// How instructions run; `auto` takes KVM where it can be used [default: auto]
    #[arg(long, env = "MEWZ_ACCEL", hide_env_values = true, value_parser = values::choice_parser(values::ACCELERATORS))]
    accel: Option<AcceleratorChoice>,
    /// The machine type [default: microvm]
    #[arg(long, env = "MEWZ_MACHINE", hide_env_values = true, value_parser = values::choice_parser(values::MACHINES))]
    machine: Option<MachineKind>,
    /// How much of the kernel's own words is shown [default: warn]
    #[arg(long, value_name = "LEVEL", env = "MEWZ_LOG", hide_env_values = true, value_parser = values::choice_parser(values::LOG_LEVELS))]
    log: Option<u8>,
    #[command(flatten)]
    code: CodeArguments,
    /// Count what runs, and write it to FILE when the program ends, for `mewz build --profile FILE`
    #[arg(long, value_name = "FILE")]
    profile_generate: Option<PathBuf>,
    /// The QEMU to use, a name or a path
    #[arg(long, value_name = "FILE", env = "MEWZ_QEMU", hide_env_values = true)]
    qemu: Option<PathBuf>,
    /// Let a debugger come to the machine, and let a crash wait for one (`mewz debug --attach`)
    #[arg(long)]
    debuggable: bool,
    /// Tell how much was compiled
    #[arg(short, long)]
    verbose: bool,
    /// Neither use nor keep compiled images and functions
    #[arg(long)]
    no_cache: bool,
    /// A kernel other than the one inside
    #[arg(long, value_name = "FILE", hide = true)]
    kernel: Option<PathBuf>,
    /// A word for the kernel's command line
    #[arg(long, value_name = "TEXT", hide = true)]
    kernel_arg: Vec<String>,
}

impl RunArguments {
    /// The project, where none but a module's file is named.
    pub(super) fn project(&self) -> Result<Option<Project>, Failure> {
        match &self.path {
            Some(path) if !path.is_dir() => Ok(None),
            folder => Project::find(folder.as_deref()).map(Some),
        }
    }

    /// Where the module is, or will be when the project is built.
    pub(super) fn module_path(&self, project: Option<&Project>) -> PathBuf {
        match project {
            Some(project) => project.module_path(Profile::new(self.release)),
            None => self.path.clone().unwrap_or_default(),
        }
    }
}

/// Runs the module or project.
pub(super) fn run(arguments: RunArguments) -> Outcome {
    interrupt::watch();
    let mut prepared = prepare(arguments, false)?;
    if prepared.making.is_debuggable {
        prepared.wishes.debugging = Debugging::AtCrash;
    }
    with_image(prepared, boot::run)
}

/// All that a boot needs before there is an image.
pub(super) struct Prepared {
    /// QEMU's file.
    program: PathBuf,
    pub(super) wishes: Wishes,
    module: Module,
    making: Making,
    cache: Option<cache::Cache>,
    is_verbose: bool,
}

/// Settles what is asked for, and builds a project. `is_debugged`: by `mewz debug`.
pub(super) fn prepare(arguments: RunArguments, is_debugged: bool) -> Result<Prepared, Failure> {
    let project = arguments.project()?;
    let profile = Profile::new(arguments.release);
    let mut wishes = wishes(&arguments, project.as_ref())?;
    let cache = if arguments.no_cache {
        None
    } else {
        cache::Cache::of_user()
    };
    let locate = || emulator::locate(arguments.qemu.as_deref(), cache.as_ref());
    // What is quick to find wrong comes first.
    let (module, program) = match (&project, &arguments.path) {
        (Some(project), _) => {
            let program = locate()?;
            (Module::read(&project.build(profile)?)?, program)
        }
        (None, Some(path)) => (Module::read(path)?, locate()?),
        (None, None) => unreachable!("without a path there is a project"),
    };
    wishes.accelerator = accelerator::informed(wishes.accelerator, cache.as_ref(), &program);
    let code = &arguments.code;
    let options = Options {
        counts_runs: arguments.profile_generate.is_some(),
        ..code.options(profile, project.as_ref(), Some(wishes.accelerator))
    };
    let making = Making {
        options: code.with_profile(options, profile, project.as_ref())?,
        kernel: arguments.kernel,
        pack: Vec::new(),
        is_debuggable: arguments.debuggable || is_debugged,
    };
    Ok(Prepared {
        program,
        wishes,
        module,
        making,
        cache,
        is_verbose: arguments.verbose,
    })
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
        making,
        cache,
        is_verbose,
    } = prepared;
    let image = image::boot_image(&module, &making, cache.as_ref())?;
    image::warn_of_missing(&module, &image.missing);
    super::profile::tell(image.counts.and_then(|counts| counts.profile_fit));
    if is_verbose {
        words::compiled(image.counts);
    }
    boot(program, wishes, &module, &image)
}

/// Settles what is asked for: the command line before the project file before what holds where nobody says otherwise.
fn wishes(arguments: &RunArguments, project: Option<&Project>) -> Result<Wishes, Failure> {
    let from_file = project.map(Project::run);
    let mut variables = project.map(Project::variables).unwrap_or_default();
    variables.extend(arguments.environment.iter().cloned());
    let mut folders = project.map(Project::folders).unwrap_or_default();
    let mut temporaries = project.map(Project::temporaries).unwrap_or_default();
    // A flag takes the place of what the file has at the same path.
    let flags = arguments.folders.iter().map(|flag| &flag.guest);
    let flags: Vec<&String> = flags
        .chain(arguments.temporaries.iter().map(|flag| &flag.guest))
        .chain(arguments.disks.iter().map(|flag| &flag.guest))
        .collect();
    folders.retain(|folder| !flags.contains(&&folder.guest));
    temporaries.retain(|temporary| !flags.contains(&&temporary.guest));
    let mut disks = project.map(Project::disks).unwrap_or_default();
    disks.retain(|disk| !flags.contains(&&disk.guest));
    let mut packed = project.map(Project::packed).unwrap_or_default();
    // What is mounted by flag or below `[run]` hides what the image carries.
    packed.retain(|packed| {
        let is_other = |guest: &String| *guest != packed.guest;
        flags.iter().all(|flag| is_other(flag))
            && folders.iter().all(|folder| is_other(&folder.guest))
            && temporaries.iter().all(|other| is_other(&other.guest))
            && disks.iter().all(|disk| is_other(&disk.guest))
    });
    folders.extend(arguments.folders.iter().cloned());
    temporaries.extend(arguments.temporaries.iter().cloned());
    disks.extend(arguments.disks.iter().cloned());
    let mounts = boot::mounts(&folders)?;
    let program_arguments = match (&arguments.arguments[..], from_file) {
        ([], Some(run)) => run.args.iter().map(OsString::from).collect(),
        (given, _) => given.to_vec(),
    };
    let ports = given(&arguments.ports, from_file.map(|run| &run.ports));
    let listeners = given(&arguments.listen, from_file.map(|run| &run.listen));
    let is_open = arguments.net || from_file.is_some_and(|run| run.net);
    Ok(Wishes {
        arguments: program_arguments,
        network: network::settle(ports, listeners, is_open)?,
        environment: boot::environment(&variables)?,
        options: boot::temporaries(&temporaries, &mounts)?,
        pack: pack::pack(&packed, &[])?,
        disks: boot::disks(&disks, &folders, &temporaries)?,
        mounts,
        memory_bytes: arguments
            .memory
            .or(from_file.and_then(|run| run.memory))
            .unwrap_or(values::MEMORY_BYTES_DEFAULT),
        timeout: arguments.timeout.or(from_file.and_then(|run| run.timeout)),
        accelerator: arguments
            .accel
            .or(project.and_then(|project| project.kernel().accel))
            .unwrap_or_default(),
        machine: arguments
            .machine
            .or(project.and_then(|project| project.kernel().machine))
            .unwrap_or_default(),
        log_level: arguments
            .log
            .or(project.and_then(|project| project.kernel().log))
            .unwrap_or(values::LOG_LEVEL_DEFAULT),
        profile: arguments.profile_generate.clone(),
        debugging: Debugging::Off,
        command_line: arguments.kernel_arg.join(" "),
    })
}

/// What the command line gives, or where it gives nothing the project file.
fn given<'a, T>(flags: &'a [T], file: Option<&'a Vec<T>>) -> &'a [T] {
    match flags {
        [] => file.map_or(flags, Vec::as_slice),
        _ => flags,
    }
}
