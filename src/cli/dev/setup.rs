//! What the loop works on, settled from the command line and the project file; and what another project file changes.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::DevArguments;
use super::build::{Origin, Source};
use super::guest::Plan;
use super::tree::Tree;
use crate::cli::cache::Cache;
use crate::cli::failure::Failure;
use crate::cli::program::NetworkWishes;
use crate::cli::project::{FILE_NAME, Project, Reload};
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
    /// How a new program comes to run.
    pub(super) reload: Reload,
    /// The folder that is watched.
    pub(super) root: PathBuf,
    /// Patterns of files, as the project has them.
    patterns: Vec<String>,
    /// The module, where building makes it.
    output: Option<PathBuf>,
    /// Says the same as long as the module is built in the same way.
    build_key: String,
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
        let project = match &arguments.path {
            Some(path) if !path.is_dir() => None,
            folder => Some(Project::find(folder.as_deref())?),
        };
        let profile = program.profile();
        let mut wishes = program.wishes(&arguments.arguments, project.as_ref())?;
        let qemu = emulator::locate(program.qemu.as_deref(), cache)?;
        wishes.accelerator = accelerator::informed(wishes.accelerator, cache, &qemu);
        let network = program.network(project.as_ref());
        let has_network =
            network.is_open || !network.pairs.is_empty() || !network.listeners.is_empty();
        let accelerator = wishes
            .accelerator
            .settle()
            .map_err(|problem| emulator::not_run(&problem))?;
        let mut making = program.making(project.as_ref(), &wishes, false)?;
        making.options.expects_edits = true;
        let kernel = making.kernel.with(|kernel| {
            memory_file("mewz-kernel", &kernel.without_sections())
                .map_err(|problem| emulator::not_run(&problem))
        })?;
        let place = match (&project, &arguments.path) {
            (Some(project), _) => Place::of_project(project, &project.module_path(profile)),
            (None, Some(path)) => Place::of_file(path),
            (None, None) => unreachable!("without a path there is a project"),
        }?;
        let plan = Plan {
            qemu,
            wishes,
            network: has_network.then(|| network.clone()),
            accelerator,
            kernel,
            program_name: place.program_name,
        };
        let from_file = project.as_ref();
        let reload = arguments
            .reload
            .or(from_file.and_then(|project| project.dev().reload))
            .unwrap_or_default();
        let build_key = format!(
            "{:?} {:?} {:?}",
            from_file.map(|project| (project.command(profile), project.module_path(profile))),
            making.options,
            making.kernel
        );
        let patterns = from_file.map_or(Vec::new(), |project| project.watched().to_vec());
        let origin = match project {
            Some(project) => Origin::Project(Box::new(project)),
            None => Origin::File(place.module),
        };
        Ok(Self {
            source: Arc::new(Source {
                origin,
                profile,
                making,
            }),
            plan: Arc::new(plan),
            network,
            reload,
            root: place.root,
            patterns,
            output: place.output,
            build_key,
        })
    }

    /// The files to watch.
    pub(super) fn tree(&self) -> Result<Tree, Failure> {
        match &self.source.origin {
            Origin::File(path) => Ok(Tree::of_file(path)),
            Origin::Project(_) => {
                let outputs = self.output.iter().cloned().collect();
                let always = format!("/{FILE_NAME}");
                Tree::of_project(&self.root, &self.patterns, &[&always], outputs).map_err(
                    |problem| {
                        Failure::usage("`watch` below `[build]` holds what is no pattern")
                            .cause(problem)
                    },
                )
            }
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
                || self.root != new.root,
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
        File::open(path).map_err(|problem| {
            Failure::new(format!("cannot read `{}`", path.display())).cause(problem)
        })?;
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
