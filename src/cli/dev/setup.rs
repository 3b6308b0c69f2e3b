//! What the loop works on, settled from the command line and the project file; and what another project file changes.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::DevArguments;
use super::build::{Origin, Source};
use super::guest::Plan;
use super::tree::Tree;
use crate::cli::boot::Debugging;
use crate::cli::cache::Cache;
use crate::cli::debug::default_core;
use crate::cli::failure::Failure;
use crate::cli::image::Making;
use crate::cli::module::unreadable;
use crate::cli::program::NetworkWishes;
use crate::cli::project::{OnError, Project, Ready, Reload, Settings, Subject, refresh_schema};
use crate::cli::{accelerator, emulator};
use crate::qemu::machine::memory_file;

/// Everything that is settled.
#[derive(Debug)]
pub(super) struct Setup {
    /// How the module is made.
    pub(super) source: Arc<Source>,
    /// What machines are started with.
    pub(super) plan: Arc<Plan>,
    /// What of the network is asked for.
    pub(super) network: NetworkWishes,
    /// How the loop works.
    pub(super) choices: Choices,
    /// Files that settings come from, in the folder that is watched.
    files: Vec<String>,
    /// The folder that is watched.
    pub(super) root: PathBuf,
    /// Patterns of files, as the project has them.
    patterns: Vec<String>,
    /// The module.
    module: PathBuf,
    /// The same, where building makes it.
    output: Option<PathBuf>,
    /// Says the same as long as the module is built in the same way.
    build_key: String,
    /// The gdb to use, where one is named.
    pub(super) gdb: Option<PathBuf>,
}

/// What is different between two setups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Difference {
    /// The module has to be built again.
    pub(super) build: bool,
    /// Machines have to be started anew.
    pub(super) machine: bool,
    /// Other ports of this host.
    pub(super) ports: bool,
    /// Other files are watched.
    pub(super) watch: bool,
}

impl Setup {
    /// Settles everything.
    pub(super) fn new(arguments: &DevArguments, cache: Option<&Cache>) -> Result<Self, Failure> {
        let program = &arguments.program;
        let subject = Subject::find(arguments.path.as_deref())?;
        let settings = subject.settings();
        let profile = program.profile();
        let mut wishes = program.wishes(&arguments.arguments, settings)?;
        let qemu = emulator::locate(program.qemu.as_deref(), cache)?;
        wishes.accelerator = accelerator::informed(wishes.accelerator, cache, &qemu);
        let network = program.network(settings);
        let has_network =
            network.is_open || !network.pairs.is_empty() || !network.listeners.is_empty();
        let accelerator = wishes
            .accelerator
            .settle()
            .map_err(|problem| emulator::not_run(&problem))?;
        let mut making = program.making(settings, &wishes, false)?;
        making.options.expects_edits = true;
        making.options.null_guard = true;
        // A program that crashes waits for a debugger, but where nobody would wait for the program; for its core it does.
        let leaves_core = settings.debug().core;
        let waits = !arguments.once;
        if (waits || leaves_core) && making.kernel.file.is_none() {
            making.kernel.is_debuggable = true;
            wishes.debugging = Debugging::AtCrash { waits };
        }
        let making_for_debugger = Making {
            options: program.code.for_debugger(making.options.clone()),
            ..making.clone()
        };
        let kernel = making.kernel.with(|kernel| {
            memory_file("mewz-kernel", &kernel.without_sections())
                .map_err(|problem| emulator::not_run(&problem))
        })?;
        let place = match &subject {
            Subject::Project(project) => Place::of_project(project, &project.module_path(profile)),
            Subject::Module(path, _) => Place::of_file(path),
        }?;
        wishes.core = leaves_core.then(|| default_core(&place.module));
        let plan = Plan {
            qemu,
            wishes,
            network: has_network.then(|| network.clone()),
            accelerator,
            kernel,
            program_name: place.program_name,
            is_without_kvm: AtomicBool::new(false),
        };
        let choices = Choices::new(arguments, settings);
        let project = subject.project();
        let build_key = format!(
            "{:?} {:?} {:?}",
            project.map(|project| (project.command(profile), project.module_path(profile))),
            making.options,
            making.kernel
        );
        let patterns = project.map_or(Vec::new(), |project| project.watched().to_vec());
        let files = project.map_or(Vec::new(), Project::settings_files);
        let module = place.module.clone();
        let gdb = settings.gdb().map(Path::to_owned);
        let origin = match subject {
            Subject::Project(project) => Origin::Project(Box::new(project)),
            Subject::Module(..) => Origin::File(place.module),
        };
        Ok(Self {
            source: Arc::new(Source {
                origin,
                profile,
                making,
                making_for_debugger,
            }),
            plan: Arc::new(plan),
            network,
            choices,
            files,
            root: place.root,
            patterns,
            module,
            output: place.output,
            build_key,
            gdb,
        })
    }

    /// Tells what was inferred, and lets editors know the keys of this version.
    pub(super) fn begin(&self) {
        if let Origin::Project(project) = &self.source.origin {
            project.tell_inferred();
            refresh_schema(project.folder());
        }
    }

    /// The module's file.
    pub(super) fn module(&self) -> &Path {
        &self.module
    }

    /// The project's folder, if it is one.
    pub(super) fn project_root(&self) -> Option<&Path> {
        matches!(self.source.origin, Origin::Project(_)).then_some(&*self.root)
    }

    /// The files to watch.
    pub(super) fn tree(&self) -> Result<Tree, Failure> {
        match &self.source.origin {
            Origin::File(path) => Ok(Tree::of_file(path)),
            Origin::Project(_) => {
                let outputs = self.output.iter().cloned().collect();
                let always: Vec<String> =
                    self.files.iter().map(|name| format!("/{name}")).collect();
                let always: Vec<&str> = always.iter().map(String::as_str).collect();
                Tree::of_project(&self.root, &self.patterns, &always, outputs).map_err(|problem| {
                    Failure::usage("`watch` below `[build]` holds what is no pattern")
                        .cause(problem)
                })
            }
        }
    }

    /// Whether `path` is a file that settings come from.
    pub(super) fn is_settings_file(&self, path: &Path) -> bool {
        self.files.iter().any(|name| path == Path::new(name))
    }

    /// Takes over what was found out of the host.
    pub(super) fn learn_from(&self, old: &Setup) {
        if old.plan.is_without_kvm.load(Ordering::Relaxed) {
            self.plan.lose_kvm();
        }
    }

    /// What is different in `new`.
    pub(super) fn difference(&self, new: &Setup) -> Difference {
        let guests = |setup: &Setup| {
            let pairs = setup.network.pairs.iter();
            let mut ports: Vec<_> = pairs.map(|pair| (pair.guest, pair.is_udp)).collect();
            ports.sort_unstable();
            let network = (setup.network.is_open, setup.network.listeners.clone());
            (ports, network)
        };
        Difference {
            build: self.build_key != new.build_key,
            machine: self.plan.wishes != new.plan.wishes
                || self.plan.program_name != new.plan.program_name
                || guests(self) != guests(new),
            ports: self.network.pairs != new.network.pairs,
            watch: self.patterns != new.patterns
                || self.output != new.output
                || self.files != new.files
                || self.root != new.root,
        }
    }
}

/// How the loop works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Choices {
    /// How a new program comes to run.
    pub(super) reload: Reload,
    /// What becomes of the program that runs when a newer one fails.
    pub(super) on_error: OnError,
    /// Machines that serve side by side.
    pub(super) instances: u8,
    /// Whether the terminal is cleared at every save.
    pub(super) clears: bool,
    /// Whether the terminal is told of failures.
    pub(super) notifies: bool,
    /// Whether what a build prints is shown where it succeeds.
    pub(super) is_verbose: bool,
    /// When a server counts as up.
    pub(super) ready: Option<Ready>,
}

impl Choices {
    fn new(arguments: &DevArguments, settings: &Settings) -> Self {
        let dev = settings.dev();
        let reload = arguments.reload.or(dev.reload).unwrap_or_default();
        Self {
            // A single run is not worth a machine that waits.
            reload: if arguments.once {
                Reload::Reboot
            } else {
                reload
            },
            on_error: dev.on_error.unwrap_or_default(),
            instances: arguments.instances.or(dev.instances).unwrap_or(1),
            clears: arguments.clear || dev.clear,
            notifies: arguments.notify || dev.notify,
            is_verbose: arguments.verbose || dev.verbose,
            ready: settings.run().ready,
        }
    }
}

/// Where things lie.
struct Place {
    root: PathBuf,
    module: PathBuf,
    output: Option<PathBuf>,
    program_name: OsString,
}

impl Place {
    /// Paths of what is watched are whole: so the system tells them.
    fn of_project(project: &Project, module: &Path) -> Result<Self, Failure> {
        let folder = project.folder();
        let root = whole(folder)?;
        let below = module.strip_prefix(folder).unwrap_or(module);
        Ok(Self {
            // Without a command nothing makes it: then it is a source.
            output: project.build_command().map(|_| root.join(below)),
            module: module.to_owned(),
            program_name: module.file_name().unwrap_or_default().to_owned(),
            root,
        })
    }

    fn of_file(path: &Path) -> Result<Self, Failure> {
        // Missing or a folder: reading it says so better.
        File::open(path).map_err(|problem| unreadable(path, &problem))?;
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let root = whole(folder)?;
        let name = path.file_name().unwrap_or_default().to_owned();
        Ok(Self {
            module: root.join(&name),
            output: None,
            program_name: name,
            root,
        })
    }
}

fn whole(folder: &Path) -> Result<PathBuf, Failure> {
    std::fs::canonicalize(folder).map_err(|problem| {
        Failure::new(format!("cannot watch `{}`", folder.display())).cause(problem)
    })
}
