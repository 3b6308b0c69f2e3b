//! Builds, on a thread of their own: the project's command, then compiling and linking. A newer one cancels an older one.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mewz_abi::address::WINDOW_BASE;

use super::command::{self, Cancel};
use super::event::{Event, Sender};
use crate::cli::cache::Cache;
use crate::cli::failure::Failure;
use crate::cli::function_store::FunctionStore;
use crate::cli::image::{self, Making};
use crate::cli::module::Module;
use crate::cli::project::{self, Profile, Project};
use crate::compile::{Counts, DebugLevel, Options};
use crate::link::window;
use crate::relocatable::Object;

/// The section of a module that tells lines of its source.
const LINES_SECTION: &[u8] = b".debug_line";

/// What is to be built.
#[derive(Clone, Debug)]
pub(super) struct Order {
    /// The build's number; a greater one is newer.
    pub(super) number: u64,
    /// How the module is made, and with what.
    pub(super) source: Arc<Source>,
    /// A debugger is there that will look at the program.
    pub(super) is_debugged: bool,
}

/// How a module is made.
#[derive(Debug)]
pub(super) struct Source {
    /// Where it comes from.
    pub(super) origin: Origin,
    /// The profile that is built.
    pub(super) profile: Profile,
    /// How it is compiled.
    pub(super) making: Making,
    /// How it is compiled for a debugger.
    pub(super) making_for_debugger: Making,
}

/// Where a module comes from.
#[derive(Debug)]
pub(super) enum Origin {
    /// A project, whose command makes it.
    Project(Box<Project>),
    /// A file that someone else makes.
    File(PathBuf),
}

/// A program that can be put into a machine.
#[derive(Debug)]
pub(super) struct Build {
    /// The module.
    pub(super) module: Module,
    /// What it became.
    pub(super) object: Object,
    /// How much of it was compiled.
    pub(super) counts: Counts,
    /// The same, linked.
    pub(super) window: Window,
    /// Imports that the kernel does not answer.
    pub(super) missing: Vec<String>,
    /// How long it took.
    pub(super) times: Times,
    /// What the build command printed.
    pub(super) output: Vec<u8>,
    /// How it was made.
    pub(super) source: Arc<Source>,
    /// The image with symbols, where a debugger will ask for it.
    symbols: Option<Vec<u8>>,
}

impl Build {
    /// The image with symbols.
    pub(super) fn with_symbols(&self) -> Result<Vec<u8>, Failure> {
        match &self.symbols {
            Some(symbols) => Ok(symbols.clone()),
            None => self.link_symbols(&self.object, &self.source.making),
        }
    }

    /// The same for a debugger: with the lines of the source, where the module has them. Functions come from `cache`.
    pub(super) fn for_debugger(&self, cache: Option<&Cache>) -> Result<Vec<u8>, Failure> {
        let has_lines = memchr::memmem::find(&self.module.bytes, LINES_SECTION).is_some();
        match self.symbols.is_none() && has_lines {
            true => self.with_frames(cache),
            false => self.with_symbols(),
        }
    }

    /// Compiles once more, to the same code, and takes lines and frames from that.
    fn with_frames(&self, cache: Option<&Cache>) -> Result<Vec<u8>, Failure> {
        let plain = &self.source.making;
        let options = Options {
            debug: DebugLevel::Frames,
            ..plain.options.clone()
        };
        let making = Making {
            options,
            ..plain.clone()
        };
        let mut store = image::function_store(&self.module, &making, cache);
        let object = image::compile_with(&self.module, &making, store.as_mut())?.object;
        let build_id = self.window.build_id;
        let (own, _) = link(&self.module, &self.object, plain, build_id)?;
        let (other, _) = link(&self.module, &object, &making, build_id)?;
        let is_same = *own.bytes() == *other.bytes();
        match is_same {
            true => self.link_symbols(&object, &making),
            // Lines of other code would lie.
            false => self.with_symbols(),
        }
    }

    fn link_symbols(&self, object: &Object, making: &Making) -> Result<Vec<u8>, Failure> {
        let build_id = Some(self.window.build_id);
        let linked = image::link_named(&self.module, object, making, false, build_id)?;
        Ok(linked.bytes)
    }

    /// Sees to it that the window's content is there: it is let go of once it is in its machines, where it can be the larger
    /// part of what a build takes, and few builds run twice.
    pub(super) fn fill_window(&self) -> Result<(), Failure> {
        let mut bytes = self.window.bytes();
        if bytes.is_empty() {
            let build_id = self.window.build_id;
            let (linked, _) = link(&self.module, &self.object, &self.source.making, build_id)?;
            *bytes = linked.bytes.into_inner().unwrap_or_default();
        }
        Ok(())
    }
}

/// A linked program, as it lies in memory.
#[derive(Debug)]
pub(super) struct Window {
    /// Its content, from its first byte on; empty once it was let go.
    bytes: Mutex<Vec<u8>>,
    /// Bytes that it spans, data that starts as zero included.
    pub(super) end_bytes: u64,
    /// What the machine tells of it.
    pub(super) build_id: [u8; 16],
}

impl Window {
    /// Its content, from its first byte on.
    pub(super) fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets go of the content: every machine that is to have it has it.
    pub(super) fn let_go(&self) {
        *self.bytes() = Vec::new();
    }
}

/// How long the parts of a build took.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Times {
    /// The build command; `None` where there is none.
    pub(super) build: Option<Duration>,
    /// Compiling.
    pub(super) compile: Duration,
    /// Linking.
    pub(super) link: Duration,
}

/// How a build ended.
#[derive(Debug)]
pub(super) enum Outcome {
    /// There is a program.
    Done(Build),
    /// There is none.
    Failed {
        /// Why.
        failure: Failure,
        /// What the build command printed, and did not show yet.
        output: Vec<u8>,
        /// How long the build command took, where it failed.
        after: Duration,
    },
    /// A newer build is wanted.
    Cancelled,
}

/// A thread that builds.
#[derive(Debug)]
pub(super) struct Builder {
    orders: std::sync::mpsc::Sender<Order>,
    cancel: Arc<Cancel>,
}

impl Builder {
    /// Starts the thread.
    pub(super) fn start(cache: Option<Cache>, events: Sender) -> Self {
        let (orders, wanted) = channel();
        let cancel = Arc::new(Cancel::default());
        let worker = Worker {
            cache,
            store: None,
            cancel: Arc::clone(&cancel),
            events,
        };
        std::thread::spawn(move || worker.run(&wanted));
        Self { orders, cancel }
    }

    /// Builds `order`, and nothing that is older.
    pub(super) fn build(&self, order: Order) {
        self.cancel.before(order.number);
        // The thread ends only when this value does.
        let _ = self.orders.send(order);
    }
}

struct Worker {
    cache: Option<Cache>,
    /// The compiled functions of this module.
    store: Option<(PathBuf, FunctionStore)>,
    cancel: Arc<Cancel>,
    events: Sender,
}

impl Worker {
    fn run(mut self, orders: &Receiver<Order>) {
        while let Ok(order) = orders.recv() {
            if self.cancel.is_cancelled(order.number) {
                continue;
            }
            let number = order.number;
            let outcome = Box::new(self.build(order));
            if self.events.send(Event::Built { number, outcome }).is_err() {
                return;
            }
            // Nobody waits for this.
            if let Some((_, store)) = &mut self.store {
                store.save();
            }
        }
    }

    fn build(&mut self, order: Order) -> Outcome {
        let start = Instant::now();
        let mut output = Vec::new();
        let outcome = self.try_build(&order, &mut output);
        let number = order.number;
        if self.cancel.is_cancelled(number) {
            return Outcome::Cancelled;
        }
        match outcome {
            Ok(mut build) => {
                build.output = output;
                Outcome::Done(build)
            }
            Err(failure) => Outcome::Failed {
                failure,
                output,
                after: start.elapsed(),
            },
        }
    }

    fn try_build(&mut self, order: &Order, output: &mut Vec<u8>) -> Result<Build, Failure> {
        let (number, source) = (order.number, &order.source);
        let making = match order.is_debugged {
            true => &source.making_for_debugger,
            false => &source.making,
        };
        let mut times = Times::default();
        let path = match &source.origin {
            Origin::File(path) => path.clone(),
            Origin::Project(project) => {
                let start = Instant::now();
                if let Some(line) = project.command(source.profile) {
                    let process = project.build_process(&line, source.profile);
                    let run = command::Run {
                        number,
                        cancel: &self.cancel,
                        events: &self.events,
                    };
                    let status = run
                        .to_end(process, output)
                        .map_err(|problem| project::not_run(&line, &problem))?;
                    project::has_built(&line, status)?;
                    times.build = Some(start.elapsed());
                }
                project.built(source.profile)?
            }
        };
        let start = Instant::now();
        let module = Module::read(&path)?;
        let store = self.store_of(&module, making);
        let assembled = image::compile_with(&module, making, store)?;
        times.compile = start.elapsed();
        let start = Instant::now();
        let build_id = build_id(number);
        let (window, missing) = link(&module, &assembled.object, making, build_id)?;
        let mut build = Build {
            module,
            object: assembled.object,
            counts: assembled.counts,
            window,
            missing,
            times,
            output: Vec::new(),
            source: Arc::clone(source),
            symbols: None,
        };
        if order.is_debugged {
            build.symbols = Some(build.link_symbols(&build.object, making)?);
        }
        build.times.link = start.elapsed();
        Ok(build)
    }

    fn store_of(&mut self, module: &Module, making: &Making) -> Option<&mut FunctionStore> {
        if self
            .store
            .as_ref()
            .is_none_or(|(path, _)| *path != module.path)
        {
            let store = image::function_store(module, making, self.cache.as_ref());
            self.store = store.map(|store| (module.path.clone(), store));
        }
        self.store.as_mut().map(|(_, store)| store)
    }
}

/// The window of `object`, and the imports that the kernel does not answer.
fn link(
    module: &Module,
    object: &Object,
    making: &Making,
    build_id: [u8; 16],
) -> Result<(Window, Vec<String>), Failure> {
    making.kernel.with(|kernel| {
        let linked = window::window(kernel, object, build_id)
            .map_err(|problem| image::not_linked(module, &problem))?;
        let missing = linked.missing.iter().map(window::Missing::name).collect();
        let window = Window {
            end_bytes: linked.placed.zero_end - WINDOW_BASE,
            bytes: Mutex::new(linked.placed.bytes),
            build_id,
        };
        Ok((window, missing))
    })
}

/// Names the build with this number, of this process.
fn build_id(number: u64) -> [u8; 16] {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_le_bytes());
    id[8..12].copy_from_slice(&std::process::id().to_le_bytes());
    id
}
