//! `mewz dev`: save, and it runs. Arguments, and the order in which the loop comes up.

mod build;
mod command;
mod control;
mod debugging;
mod event;
mod fallback;
mod front;
mod guest;
mod keys;
mod lock;
mod machines;
mod newcomers;
mod programs;
mod requests;
mod saves;
mod screen;
mod setup;
mod streak;
mod tree;
mod watch;
mod work;

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::sync::mpsc::sync_channel;

use self::build::Builder;
use self::control::Control;
use self::debugging::Debugging;
use self::event::WAITING_MAX;
use self::front::Front;
use self::keys::Keys;
use self::lock::Lock;
pub(super) use self::lock::control_socket;
use self::machines::Machines;
use self::screen::Screen;
use self::setup::Setup;
use self::watch::Watch;
use self::work::Work;
use super::Outcome;
use super::cache::Cache;
use super::failure::Failure;
use super::heap;
use super::interrupt;
use super::program::ProgramArguments;
use super::project::Reload;

/// Build, run, and do it again at every save
///
/// Forwarded ports belong to mewz: the last program that works goes on serving while a new one is built, and connections
/// move over when that is ready. A build that fails changes nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mewz dev                                       the project whose mewz.toml is here or above
  mewz dev -p 8080:80 --listen 80                a server, at http://127.0.0.1:8080
  mewz dev app.wasm -- --verbose                 a module that something else builds
  mewz dev --json | jq -c 'select(.event == \"ready\")'

Keys: r rebuild and reboot, space pause, c clear, d debug, l log level, w WASI trace, n network, m memory, o open, h help, q quit.
Exit status: 0 after q; 130 after Ctrl-C; with --once the program's own, as of `mewz run`.")]
pub(super) struct DevArguments {
    /// A folder with a `mewz.toml`, or a module (`.wasm`, `.wat`) [default: the project here]
    #[arg(value_name = "DIR|FILE")]
    path: Option<PathBuf>,
    /// Arguments for the program
    #[arg(last = true, value_name = "ARGS")]
    arguments: Vec<OsString>,
    #[command(flatten)]
    program: ProgramArguments,
    /// How a new program comes to run [default: park] [env: MEWZ_RELOAD]
    #[arg(long, value_enum)]
    reload: Option<Reload>,
    /// Machines that serve side by side [default: 1]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u8).range(1..=16))]
    instances: Option<u8>,
    /// End when the first program has ended, with its status
    #[arg(long)]
    once: bool,
    /// Clear the terminal at every save
    #[arg(long)]
    clear: bool,
    /// Put a script into HTML answers that loads the page again when a new program serves
    #[arg(long)]
    live_reload: bool,
    /// Tell the terminal (bell and desktop notice) when a build fails, and when it works again
    #[arg(long)]
    notify: bool,
    /// Print one JSON object a line: change, phase, ready, log, trap, exit and others
    #[arg(long)]
    json: bool,
    /// Print what the build command prints even where it succeeds
    #[arg(short, long)]
    verbose: bool,
}

/// Runs the loop.
pub(super) fn run(arguments: DevArguments) -> Outcome {
    heap::settle();
    interrupt::watch();
    interrupt::end_at_panic();
    let cache = match arguments.program.no_cache {
        true => None,
        false => Cache::of_user(),
    };
    let setup = Setup::new(&arguments, cache.as_ref())?;
    let choices = setup.choices;
    setup.begin();
    let lock = Lock::take(&setup.root)?;
    let (sender, events) = sync_channel(WAITING_MAX);
    // What is quick to find wrong comes first.
    let ports = front::open(&setup.network.pairs)?;
    let tree = setup.tree()?;
    let watch = (!arguments.once).then(|| Watch::start(tree, sender.clone()));
    let control = Control::start(lock.socket(), sender.clone())
        .map_err(|problem| Failure::new("cannot make the control socket").cause(problem))?;
    let screen = Screen::new(arguments.json, choices.clears, choices.notifies);
    let debugging = match setup.source.making.kernel.is_debuggable && !arguments.once {
        true => Debugging::new(&setup, lock.socket(), sender.clone()),
        false => Debugging::default(),
    };
    let has_keys = !arguments.json
        && !arguments.once
        && std::env::var_os("CI").is_none()
        && std::io::stderr().is_terminal();
    let keys = has_keys.then(|| Keys::start(sender.clone())).flatten();
    let machines = Machines::new(
        setup.plan.clone(),
        choices.reload,
        usize::from(choices.instances),
        sender.clone(),
    );
    let urls = ports.iter().map(|port| port.published).collect();
    let front = match ports.is_empty() {
        true => None,
        false => {
            Some(Front::start(ports, arguments.live_reload, sender.clone()).map_err(not_served)?)
        }
    };
    let work = Work {
        builder: Builder::start(
            cache
                .clone()
                .map(|cache| cache.for_project(setup.project_root())),
            sender.clone(),
        ),
        keys,
        debugging,
        arguments,
        cache,
        setup,
        screen,
        machines,
        front,
        urls,
        watch,
        sender,
        number: 0,
        building: None,
        changed: Vec::new(),
        is_paused: false,
        failed: None,
        has_wrong_settings: false,
        log_level: None,
        streak: streak::Streak::default(),
        newcomers: newcomers::Newcomers::default(),
        built_at: None,
    };
    let outcome = work.run(&events);
    drop((control, lock));
    outcome
}

fn not_served(problem: std::io::Error) -> Failure {
    Failure::new("the forwarded ports cannot be served").cause(problem)
}
