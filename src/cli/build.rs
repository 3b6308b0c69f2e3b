//! `mewz build`: an image that boots without this program, and the line that boots it.

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Serialize;

use super::Outcome;
use super::cache::{Cache, write_whole};
use super::code::{CodeArguments, accelerator_needed};
use super::debug_file::{self, BuildId};
use super::failure::Failure;
use super::image::Making;
use super::kernel::KernelChoice;
use super::module::Module;
use super::pack::{self, PackedFolder};
use super::project::{Profile, Project, Settings, Subject};
use super::values::{Folder, Temporary, os_parser};
use super::{boot, image, interrupt, values, words};
use crate::compile::DebugLevel;
use crate::link::image::Image;
use crate::qemu::by_hand::ByHand;
use crate::qemu::config::{Forward, Mount, Network};
use crate::qemu::machine::MachineKind;
use crate::qemu::program::DEFAULT_PROGRAM;

/// Build an image that boots without mewz, and print the line that boots it
///
/// The image is an ELF file that `qemu-system-x86_64 -kernel` takes; kernel and program are in it. Booted so, standard input
/// and output are the machine's serial line, which knows no end of input; QEMU ends with twice the program's status and one.
/// What `[run]` in mewz.toml gives the program is in the line: arguments, environment, folders, disks, ports.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mewz build app.wasm -o app.elf
  mewz build app.wasm --pack public::/site --tmp /tmp
  mewz build --release                  the project here, without symbols and debug information
  sh -c \"$(mewz build app.wasm)\"        build it and boot it")]
pub(super) struct BuildArguments {
    /// A module (`.wasm`, `.wat`), or a folder with a `mewz.toml` [default: the project here]
    #[arg(value_name = "FILE|DIR")]
    path: Option<PathBuf>,
    /// Build the project's release profile; leave symbols and debug information out of the image
    #[arg(long)]
    release: bool,
    /// Write what crash reports and debuggers need of a release image to FILE [default: below .mewz/debug, by build id]
    #[arg(long, value_name = "FILE", requires = "release")]
    debug_file: Option<PathBuf>,
    /// The image to write [default: the module's name with `.elf`, here; a project's name, in its folder]
    #[arg(short, long, value_name = "IMAGE")]
    output: Option<PathBuf>,
    /// Memory in the line that is printed [default: 128MiB]
    #[arg(short, long, value_name = "SIZE", value_parser = values::memory)]
    memory: Option<u64>,
    /// Machine type in the line that is printed [default: microvm]
    #[arg(long, value_parser = values::choice_parser(values::MACHINES))]
    machine: Option<MachineKind>,
    /// Pack a folder into the image, to be read at GUEST
    #[arg(long = "pack", value_name = "HOST::GUEST", value_parser = os_parser(packed_folder))]
    packed: Vec<PackedFolder>,
    /// Give the program a folder that lives in memory and is gone at the end; SIZE limits it
    #[arg(long = "tmp", value_name = "GUEST[:SIZE]", value_parser = values::temporary)]
    temporaries: Vec<Temporary>,
    #[command(flatten)]
    code: CodeArguments,
    /// Put the stub into the image that a debugger talks to, on the machine's second serial line
    #[arg(long)]
    debuggable: bool,
    /// Put the file system of persistent disks into the image; a project with `[[run.disk]]` has it anyway
    #[arg(long)]
    disks: bool,
    /// Tell how much was compiled
    #[arg(short, long)]
    verbose: bool,
    /// Print one JSON object instead of the line
    #[arg(long)]
    json: bool,
    /// A kernel other than the one inside
    #[arg(long, value_name = "FILE", hide = true)]
    kernel: Option<PathBuf>,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Built<'a> {
    image: String,
    bytes: usize,
    build_id: String,
    debug_file: Option<String>,
    missing_imports: &'a [String],
    functions: usize,
    functions_compiled: usize,
    command: Vec<String>,
}

/// Builds the image.
pub(super) fn run(arguments: BuildArguments) -> Outcome {
    interrupt::watch();
    let start = Instant::now();
    let profile = Profile::new(arguments.release);
    let subject = Subject::find(arguments.path.as_deref())?;
    let settings = subject.settings();
    let path = match &subject {
        Subject::Project(project) => {
            project.tell_inferred();
            project.build(profile)?
        }
        Subject::Module(path, _) => path.clone(),
    };
    let module = Module::read(&path)?;
    let output = arguments
        .output
        .unwrap_or_else(|| default_output(&module, subject.project(), profile));
    let options = arguments.code.options(profile, settings, None);
    let (packed, temporaries) = carried(settings, arguments.packed, arguments.temporaries);
    pack::check_output(&output, &packed)?;
    let pack = pack::pack(&packed, &temporaries)?;
    let memory_bytes = arguments.memory.or(settings.run().memory);
    let memory_bytes = pack::memory_bytes(memory_bytes, pack::bytes(&pack))?;
    let mut options = arguments.code.with_profile(options, profile, settings)?;
    // What a debugger is to find costs time, and nothing else is asked for of a build that is made again in a moment. Of a
    // release the debug file is all that its crashes will ever be read by.
    options.debug = match (arguments.debuggable, arguments.release) {
        (true, _) => DebugLevel::Full,
        (false, true) => DebugLevel::Frames,
        (false, false) => DebugLevel::Lines,
    };
    let making = Making {
        options,
        kernel: KernelChoice {
            file: arguments.kernel,
            has_disks: arguments.disks || !settings.disks().is_empty(),
            is_debuggable: arguments.debuggable,
        },
        pack,
    };
    let root = subject.project().map(Project::folder);
    let cache = Cache::of_user().map(|cache| cache.for_project(root));
    let (image, counts, debug_file) = match arguments.release {
        true => {
            let (image, counts, debug_file) =
                image::make_release(&module, &making, cache.as_ref())?;
            (image, counts, Some(debug_file))
        }
        false => {
            let (image, counts) = image::make(&module, &making, cache.as_ref(), false)?;
            (image, counts, None)
        }
    };
    // First: an image whose crashes nobody can read is worse than a debug file without its image.
    let folder = subject.project().map_or_else(
        || module.path.parent().unwrap_or(Path::new("")),
        Project::folder,
    );
    let debug_file = debug_file
        .map(|bytes| write_debug_file(arguments.debug_file, folder, &image, &bytes))
        .transpose()?;
    write_whole(&output, &[&image.bytes]).map_err(|problem| not_written(&output, &problem))?;
    let missing: Vec<String> = image.missing.iter().map(|import| import.name()).collect();
    image::warn_of_missing(&module, &missing);
    super::pgo::tell(counts.profile_fit);
    words::made("Built", &output, image.bytes.len(), start);
    if arguments.verbose {
        words::compiled(Some(counts));
    }

    let machine = arguments
        .machine
        .or(settings.kernel().machine)
        .unwrap_or_default();
    let mut command = vec![OsString::from(DEFAULT_PROGRAM)];
    let accelerator = accelerator_needed(making.options.target_cpu);
    let by_hand = ByHand {
        machine,
        memory_bytes,
        accelerator,
        image: &output,
        arguments: settings.run().args.iter().map(OsString::from).collect(),
        environment: boot::environment(&settings.variables())?,
        mounts: mounts(settings.folders()),
        disks: mounts(settings.disks()),
        network: network(settings),
    };
    command.extend(by_hand.arguments());
    if !arguments.json {
        return print(
            &command
                .iter()
                .map(words::quoted)
                .collect::<Vec<_>>()
                .join(" "),
        );
    }
    let built = Built {
        image: output.display().to_string(),
        bytes: image.bytes.len(),
        build_id: BuildId(image.build_id).to_string(),
        debug_file: debug_file.map(|path| path.display().to_string()),
        missing_imports: &missing,
        functions: counts.functions,
        functions_compiled: counts.compiled,
        command: command
            .iter()
            .map(|word| word.display().to_string())
            .collect(),
    };
    print(
        &serde_json::to_string(&built)
            .map_err(|problem| Failure::new("cannot print").cause(problem))?,
    )
}

/// Writes the debug file of `image`, by default to its place below `folder`; answers with where.
fn write_debug_file(
    named: Option<PathBuf>,
    folder: &Path,
    image: &Image,
    bytes: &[u8],
) -> Result<PathBuf, Failure> {
    let path = named.unwrap_or_else(|| debug_file::default_path(folder, &BuildId(image.build_id)));
    let failure = |problem: std::io::Error| {
        Failure::new(format!("cannot write the debug file `{}`", path.display()))
            .cause(problem)
            .hint("`--debug-file FILE` names another place")
    };
    write_whole(&path, &[bytes]).map_err(failure)?;
    Ok(path)
}

/// What is mounted; it need not be there while the image is built.
fn mounts(folders: Vec<Folder>) -> Vec<Mount> {
    let mount = |folder: Folder| Mount {
        host: folder.host,
        guest: folder.guest,
        is_read_only: folder.is_read_only,
    };
    folders.into_iter().map(mount).collect()
}

/// The network that the program wants; any port of the host is taken for one of the same number.
fn network(settings: &Settings) -> Option<Network> {
    let run = settings.run();
    let is_wanted = !run.ports.is_empty() || !run.listen.is_empty() || run.net;
    let forwards = run.ports.iter().map(|pair| Forward {
        address: Ipv4Addr::LOCALHOST,
        host: pair.host.unwrap_or(pair.guest),
        guest: pair.guest,
        is_udp: pair.is_udp,
    });
    is_wanted.then(|| Network {
        forwards: forwards.collect(),
        listeners: run.listen.clone(),
        is_open: run.net,
        capture: None,
    })
}

/// Reads a folder to be packed: nothing in it can be changed, whether that is said or not.
fn packed_folder(text: &OsStr) -> Result<PackedFolder, String> {
    let folder = values::folder(text)?;
    Ok(PackedFolder {
        host: folder.host,
        guest: folder.guest,
        keeps_times: false,
    })
}

/// What the image carries: of the settings, and of the command line, which takes the place of those at the same path.
fn carried(
    settings: &Settings,
    packed: Vec<PackedFolder>,
    temporaries: Vec<Temporary>,
) -> (Vec<PackedFolder>, Vec<Temporary>) {
    let is_free = |guest: &str| {
        packed.iter().all(|flag| flag.guest != guest)
            && temporaries.iter().all(|flag| flag.guest != guest)
    };
    let mut all_packed = settings.packed();
    all_packed.retain(|folder| is_free(&folder.guest));
    let mut all_temporaries = settings.temporaries();
    all_temporaries.retain(|temporary| is_free(&temporary.guest));
    all_packed.extend(packed);
    all_temporaries.extend(temporaries);
    (all_packed, all_temporaries)
}

fn default_output(module: &Module, project: Option<&Project>, profile: Profile) -> PathBuf {
    let (folder, mut name) = match project {
        Some(project) => (project.folder(), project.name(profile)),
        None => (
            Path::new(""),
            Path::new(module.name())
                .file_stem()
                .unwrap_or_default()
                .to_owned(),
        ),
    };
    name.push(".elf");
    folder.join(name)
}

fn not_written(output: &Path, problem: &std::io::Error) -> Failure {
    let failure =
        Failure::new(format!("cannot write the image `{}`", output.display())).cause(problem);
    match problem.kind() {
        std::io::ErrorKind::StorageFull => {
            failure.hint("nothing was left behind: make room, or name another place with `-o`")
        }
        _ => failure,
    }
}

fn print(line: &str) -> Outcome {
    match std::io::stdout().write_all(format!("{line}\n").as_bytes()) {
        Err(problem) if problem.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new("cannot print the line that boots the image").cause(problem))
        }
        _ => Ok(0),
    }
}
