//! The loop itself: what happens, and what is done about it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use mewz_abi::exit::STATUS_TRAP;
use serde_json::json;

use super::build::{self, Build, Builder, Order};
use super::control::Request;
use super::event::{Event, GuestEvent, GuestId, Sender};
use super::front::{self, Front, Page, Target};
use super::machines::{Crew, Machines, Save};
use super::screen::{self, Screen};
use super::setup::Setup;
use super::watch::Watch;
use super::{DevArguments, not_served};
use crate::cli::boot::exit_status;
use crate::cli::cache::Cache;
use crate::cli::failure::Failure;
use crate::cli::project::FILE_NAME;
use crate::cli::{Outcome, emulator, image, trap, values, words};
use crate::qemu::error::QemuError;
use crate::qemu::session::End;

/// Connections that were made before a switch may stay so long.
const GRACE: Duration = Duration::from_secs(5);

/// A server that takes longer to open its port is mentioned.
const READY_PATIENCE: Duration = Duration::from_secs(5);

/// How often is looked at what time changes, while something waits for it.
const TICK: Duration = Duration::from_millis(50);

/// Builds in a row during which a file changes: from the first number on it does not end the build under way, from the
/// second on it is taken for something that building makes.
const STREAK_DEFERRED: u32 = 5;
const STREAK_OUTPUT: u32 = 8;

/// Everything of the loop.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) arguments: DevArguments,
    pub(super) cache: Option<Cache>,
    pub(super) setup: Setup,
    pub(super) screen: Screen,
    pub(super) builder: Builder,
    pub(super) machines: Machines,
    pub(super) front: Option<Front>,
    /// Ports of this host, and of the program.
    pub(super) urls: Vec<(u16, u16)>,
    pub(super) watch: Option<Watch>,
    pub(super) sender: Sender,
    pub(super) has_keys: bool,
    /// The newest build.
    pub(super) number: u64,
    /// The build under way.
    pub(super) building: Option<Save>,
    /// Files that have changed and were not built yet: while it pauses, or a build is let go on.
    pub(super) changed: Vec<PathBuf>,
    pub(super) is_paused: bool,
    /// Why the newest build, or its program, failed.
    pub(super) failed: Option<Page>,
    /// The level that was chosen by key.
    pub(super) log_level: Option<u8>,
    pub(super) streak: Streak,
    /// When the last build had ended.
    pub(super) built_at: Option<Instant>,
}

/// Files that change while a build runs, and how many builds in a row.
#[derive(Debug, Default)]
pub(super) struct Streak {
    counts: BTreeMap<PathBuf, u32>,
    /// Those that have changed during the build under way.
    now: Vec<PathBuf>,
}

/// Whether the loop goes on.
enum Next {
    Go,
    End(u8),
}

impl Work {
    /// Runs until it is ended.
    pub(super) fn run(mut self, events: &Receiver<Event>) -> Outcome {
        self.greet();
        self.build(Vec::new(), Instant::now());
        loop {
            let event = if self.waits_for_time() {
                match events.recv_timeout(TICK) {
                    Ok(event) => Some(event),
                    Err(RecvTimeoutError::Timeout) => None,
                    Err(RecvTimeoutError::Disconnected) => return Ok(0),
                }
            } else {
                match events.recv() {
                    Ok(event) => Some(event),
                    Err(_) => return Ok(0),
                }
            };
            let next = match event {
                Some(event) => self.on(event)?,
                None => Next::Go,
            };
            self.tick();
            if let Next::End(status) = next {
                return Ok(status);
            }
        }
    }

    fn greet(&mut self) {
        let what = self.setup.root.display().to_string();
        let mut text = format!("watching `{what}`");
        for (host, guest) in self.urls.clone() {
            text.push_str(&format!(
                ", serving port {guest} at http://{}:{host}",
                front::ADDRESS
            ));
        }
        if self.has_keys {
            text.push_str(" (h: help)");
        }
        if !self.arguments.once {
            self.screen.say(&text);
        }
    }

    fn on(&mut self, event: Event) -> Result<Next, Failure> {
        match event {
            Event::Changed { paths, at } => self.on_change(paths, at),
            Event::Warning(text) => self.screen.warn(&text),
            Event::BuildOutput { number, bytes } => {
                if self
                    .building
                    .as_ref()
                    .is_some_and(|save| save.number == number)
                {
                    self.screen.build_output(number, &bytes);
                }
            }
            Event::Built { number, outcome } => return Ok(self.on_built(number, *outcome)),
            Event::Guest(id, event) => return Ok(self.on_guest(id, event)),
            Event::Drained(crew) => self.machines.old.retain(|old| old.number() != crew),
            Event::Key(key) => return Ok(self.on_key(key)),
            Event::Control(request, answer) => {
                let text = self.answer(request);
                // Who has gone does not want to know.
                let _ = answer.send(text);
            }
        }
        Ok(Next::Go)
    }

    fn on_change(&mut self, paths: Vec<PathBuf>, at: Instant) {
        if paths.iter().any(|path| path == Path::new(FILE_NAME)) {
            let others = paths.len() > 1;
            let must_build = self.on_project_file(at);
            if !others && !must_build {
                return;
            }
        }
        if self.is_paused {
            self.changed.extend(paths);
            return;
        }
        // A short build may have ended before what it made was noticed.
        let is_late = self.built_at.is_some_and(|built| at < built);
        if self.building.is_some() || is_late {
            let (ends, deferred) = self.streak.note(&paths);
            if ends.is_empty() && (self.building.is_some() || deferred.is_empty()) {
                self.changed.extend(deferred);
                self.tell_outputs();
                return;
            }
        }
        self.build(paths, at);
    }

    /// Takes over what is new in the project file; whether the module has to be built again.
    fn on_project_file(&mut self, at: Instant) -> bool {
        if !self.setup.root.join(FILE_NAME).exists() {
            self.screen.warn(&format!(
                "`{FILE_NAME}` is gone: going on with what it said"
            ));
            return false;
        }
        let new = match Setup::new(&self.arguments, self.cache.as_ref()) {
            Ok(new) => new,
            Err(failure) => {
                self.screen.failure("error", self.number, &failure);
                return false;
            }
        };
        let difference = self.setup.difference(&new);
        if difference.ports
            && let Err(failure) = self.open_ports(&new)
        {
            self.screen.failure("error", self.number, &failure);
            return false;
        }
        let reload = new.reload;
        self.setup = new;
        if difference.watch {
            match self.setup.tree() {
                Ok(tree) => self.watch = Some(Watch::start(tree, self.sender.clone())),
                Err(failure) => self.screen.failure("error", self.number, &failure),
            }
        }
        if difference.machine || self.machines.reload != reload {
            self.machines.replan(self.setup.plan.clone(), reload);
        }
        if difference.build {
            return true;
        }
        if difference.machine {
            self.screen
                .say(&format!("`{FILE_NAME}` has other settings: starting again"));
            self.restart(at);
        } else if difference.ports {
            self.serve_again();
        }
        false
    }

    /// Opens the ports of `new` in place of those that are open.
    fn open_ports(&mut self, new: &Setup) -> Result<(), Failure> {
        // The old ones may be among them.
        self.front = None;
        let ports = front::open(&new.network.pairs)?;
        self.urls = ports.iter().map(|port| (port.host, port.guest)).collect();
        if !ports.is_empty() {
            self.front = Some(Front::start(ports, self.sender.clone()).map_err(not_served)?);
        }
        self.greet();
        Ok(())
    }

    /// Lets the program that runs run again, on machines of the settings that hold now.
    fn restart(&mut self, at: Instant) {
        let Some(build) = self
            .machines
            .serving
            .as_ref()
            .map(|crew| Arc::clone(&crew.build))
        else {
            self.build(vec![PathBuf::from(FILE_NAME)], at);
            return;
        };
        self.number += 1;
        let save = Save {
            number: self.number,
            files: vec![PathBuf::from(FILE_NAME)],
            at,
        };
        self.launch(build, save);
    }

    /// Builds; what is being built is given up.
    fn build(&mut self, mut files: Vec<PathBuf>, at: Instant) {
        files.append(&mut self.changed);
        if let Some(save) = self.building.take() {
            // The files of a build that was given up are in this one.
            files.extend(save.files);
        }
        files.sort();
        files.dedup();
        self.number += 1;
        self.screen.change(self.number, &files);
        self.building = Some(Save {
            number: self.number,
            files,
            at,
        });
        self.builder.build(Order {
            number: self.number,
            source: Arc::clone(&self.setup.source),
        });
    }

    fn on_built(&mut self, number: u64, outcome: build::Outcome) -> Next {
        let Some(save) = self.building.take_if(|save| save.number == number) else {
            return Next::Go;
        };
        self.built_at = Some(Instant::now());
        self.streak.end_of_build();
        self.tell_outputs();
        let next = match outcome {
            build::Outcome::Cancelled => Next::Go,
            build::Outcome::Failed {
                failure,
                output,
                after,
            } => {
                self.screen.build_output(number, &output);
                self.screen.failure("error", number, &failure);
                self.tell_failed(&save, after);
                let text = format!("{}\n\n{}", failure.text(), screen::plain(&output));
                self.fail("the build failed", &text);
                match self.arguments.once {
                    true => Next::End(failure.status()),
                    false => Next::Go,
                }
            }
            build::Outcome::Done(build) => {
                if self.arguments.verbose || has_warnings(&build.output) {
                    self.screen.build_output(number, &build.output);
                }
                if let Some(took) = build.times.build {
                    self.screen.phase(number, "build", took);
                }
                self.screen.phase(number, "compile", build.times.compile);
                self.screen.phase(number, "link", build.times.link);
                if !build.missing.is_empty() {
                    image::warn_of_missing(&build.module, &build.missing);
                }
                self.launch(Arc::new(build), save);
                Next::Go
            }
        };
        if !self.changed.is_empty() && !self.is_paused {
            self.build(Vec::new(), Instant::now());
        }
        next
    }

    /// Tells once of files that are taken for something that building makes.
    fn tell_outputs(&mut self) {
        for path in self.streak.outputs() {
            self.screen.warn(&format!(
                "`{}` changes at every build: taken for something that the build makes (`.gitignore` or `watch` in \
                 `{FILE_NAME}` say so for good)",
                words::name(&path.display().to_string())
            ));
        }
    }

    fn tell_failed(&mut self, save: &Save, after: Duration) {
        let mut text = format!("failed after {}", screen::time(after));
        if !save.files.is_empty() {
            text = format!("{}  {text}", screen::named(&save.files));
        }
        if let Some(serving) = &self.machines.serving {
            text.push_str(&format!(", #{} goes on", serving.number()));
        }
        self.screen.tell(save.number, &text);
    }

    fn launch(&mut self, build: Arc<Build>, save: Save) {
        // Programs that nobody is connected to run one after the other: they may write to the same files. So do those with
        // a disk, which one machine alone may have.
        if self.front.is_none() || !self.setup.plan.wishes.disks.is_empty() {
            self.machines.end_running();
            self.serve_again();
        }
        let number = save.number;
        if let Err(failure) = self.machines.launch(build, save) {
            self.screen.failure("error", number, &failure);
            self.fail("the machine did not start", &failure.text());
        }
    }

    /// Notes that the newest program does not run; where nothing serves, that is what HTTP gets.
    fn fail(&mut self, title: &str, text: &str) {
        if self.failed.is_none() {
            self.screen.notify(title);
        }
        self.failed = Some(Page {
            title: title.to_owned(),
            text: text.to_owned(),
        });
        self.serve_again();
    }

    /// Leads connections to whatever serves.
    fn serve_again(&mut self) {
        let Some(front) = &self.front else { return };
        match &self.machines.serving {
            Some(crew) => front.serve(target(crew)),
            None => front.serve_nobody(self.failed.clone()),
        }
    }

    fn on_guest(&mut self, id: GuestId, event: GuestEvent) -> Next {
        match event {
            GuestEvent::Parked => {
                if let Err(failure) = self.machines.is_up(id) {
                    self.screen.failure("error", self.number, &failure);
                }
                return Next::Go;
            }
            GuestEvent::Ended(end) => return self.on_end(id, *end),
            _ => {}
        }
        let level = self.log_level.unwrap_or(self.setup.plan.wishes.log_level);
        let Some((crew, at)) = self.machines.find(id) else {
            return Next::Go;
        };
        let number = crew.number();
        match event {
            GuestEvent::Started(build_id) => {
                crew.members[at].started = Some(Instant::now());
                if build_id != crew.build.window.build_id {
                    let text = format!("machine {id} runs something else than build #{number}");
                    self.screen.warn(&text);
                }
            }
            GuestEvent::Listening(port) => crew.members[at].listens(port),
            GuestEvent::Output { is_error, bytes } => {
                let speaker = crew.speaker(at);
                self.screen.output(speaker, is_error, &bytes);
            }
            GuestEvent::Log(log_level, text) => {
                let speaker = crew.speaker(at);
                if log_level <= level {
                    self.screen.log(speaker, log_level, &text);
                }
            }
            GuestEvent::Trap(report) => crew.members[at].trap = Some(report),
            GuestEvent::Panic(text) => crew.members[at].panic = Some(text),
            GuestEvent::Parked | GuestEvent::Ended(_) => {}
        }
        self.settle();
        Next::Go
    }

    /// Lets the next machines serve once they can.
    fn settle(&mut self) {
        let serves = self.front.is_some();
        let Some(next) = &self.machines.next else {
            return;
        };
        if !next.has_started() || (serves && !next.is_ready()) {
            return;
        }
        if let Some(mut crew) = self.machines.next.take() {
            if let Some(front) = &self.front {
                front.serve(target(&crew));
            }
            if !crew.is_told {
                self.screen.ready(&crew.status());
            }
            crew.is_told = true;
            if self.failed.take().is_some() {
                self.screen.notify("works again");
            }
            if let Some(mut old) = self.machines.serving.replace(crew) {
                // Only one switch back: whoever is older has had time.
                self.end_old();
                old.left_at = Some(Instant::now());
                self.machines.old.push(old);
            }
        }
        self.park();
    }

    fn end_old(&mut self) {
        for old in self.machines.old.drain(..) {
            if let Some(front) = &self.front {
                front.end(old.number());
            }
        }
    }

    /// Boots the machines of the next program.
    fn park(&mut self) {
        if self.arguments.once {
            return;
        }
        let Some(serving) = &self.machines.serving else {
            return;
        };
        let build = Arc::clone(&serving.build);
        if let Err(failure) = self.machines.park(&build.window) {
            self.screen.failure("error", self.number, &failure);
        }
    }

    /// A machine is gone.
    fn on_end(&mut self, id: GuestId, end: Result<End, QemuError>) -> Next {
        if let Some(pending) = self.machines.lost_parked(id) {
            let why = match &end {
                Ok(End::Died(death)) => emulator::died(death).text(),
                Err(problem) => problem.to_string(),
                _ => "it ended".to_owned(),
            };
            self.screen.warn(&format!(
                "the machine that waited has ended: machines are booted for each program from now on\n{}",
                why.trim_end()
            ));
            if let Some((build, save)) = pending {
                self.launch(build, save);
            }
            return Next::Go;
        }
        let Some((crew, at)) = self.machines.find(id) else {
            return Next::Go;
        };
        let (number, speaker) = (crew.number(), crew.speaker(at));
        let after = speaker.began.elapsed();
        let is_old = crew.left_at.is_some();
        let member = &mut crew.members[at];
        let (trap, panic) = (member.trap.take(), member.panic.take());
        let build = Arc::clone(&crew.build);
        let status = (!crew.is_told && crew.has_started()).then(|| crew.status());
        crew.is_told = true;
        self.screen.flush(speaker);
        if is_old {
            return Next::Go;
        }
        if let Some(status) = status {
            self.screen.ready(&status);
        }
        let failure = match (&end, trap, panic) {
            (_, _, Some(text)) => Some(emulator::kernel_failed(&text)),
            (_, Some(report), None) => {
                let symbols =
                    image::link(&build.module, &build.object, &build.source.making, false);
                let symbols = symbols.ok().map(|image| image.bytes);
                let failure =
                    trap::failure(&report, &build.module, symbols.as_deref(), &build.missing);
                Some(failure.with_status(STATUS_TRAP as u8))
            }
            (Ok(End::Exited(_)), None, None) => None,
            (Ok(End::Died(death)), None, None) => Some(emulator::died(death)),
            (Ok(_), None, None) => Some(Failure::new("the machine was ended")),
            (Err(problem), None, None) => Some(emulator::not_run(problem)),
        };
        let (status, title, text) = match (failure, end) {
            (Some(failure), _) => {
                self.screen.failure("trap", number, &failure);
                (failure.status(), "the program failed", failure.text())
            }
            (None, Ok(End::Exited(status))) => {
                self.screen.exit(number, status, after);
                let text = format!("#{number} ended with status {status}");
                (exit_status(status), "the program has ended", text)
            }
            (None, _) => (1, "the machine was ended", String::new()),
        };
        self.leave(id, title, &text);
        match self.arguments.once {
            true => Next::End(status),
            false => Next::Go,
        }
    }

    /// Goes on without the crew of the machine that has ended.
    fn leave(&mut self, id: GuestId, title: &str, text: &str) {
        let has = |crew: &Option<Crew>| {
            crew.as_ref()
                .is_some_and(|crew| crew.members.iter().any(|member| member.guest.id == id))
        };
        if has(&self.machines.next) {
            let failed = self.machines.next.take();
            match (&self.machines.serving, &self.front) {
                (Some(serving), Some(_)) => {
                    let text = format!("#{} goes on", serving.number());
                    self.screen.say(&text);
                }
                // The next save finds a machine ready all the same.
                _ => {
                    if let Some(crew) = failed {
                        let build = Arc::clone(&crew.build);
                        drop(crew);
                        let _ = self.machines.park(&build.window);
                    }
                }
            }
        } else if has(&self.machines.serving) {
            self.machines.serving = None;
        }
        if self.front.is_some() {
            self.fail(title, text);
        }
    }

    /// Whether time alone may change something.
    fn waits_for_time(&self) -> bool {
        let is_near = |crew: &Crew| crew.is_nearly_ready() || !crew.is_told;
        !self.machines.old.is_empty() || self.machines.next.as_ref().is_some_and(is_near)
    }

    fn tick(&mut self) {
        self.settle();
        let is_late = |old: &Crew| old.left_at.is_some_and(|left| left.elapsed() > GRACE);
        if self.machines.old.iter().any(is_late) {
            self.end_old();
        }
        if let Some(next) = &mut self.machines.next
            && !next.is_told
            && next.has_started()
            && next.started().elapsed() > READY_PATIENCE
        {
            next.is_told = true;
            let status = next.status();
            let ports: Vec<String> = self.urls.iter().map(|(_, port)| port.to_string()).collect();
            self.screen.ready(&status);
            self.screen.warn(&format!(
                "#{} does not wait for connections at port {} yet",
                status.number,
                ports.join(", ")
            ));
        }
    }

    fn on_key(&mut self, key: u8) -> Next {
        match key {
            b'r' => {
                self.screen.say("building again");
                self.machines.replan(self.setup.plan.clone(), self.setup.reload);
                self.build(Vec::new(), Instant::now());
            }
            b' ' => self.pause(!self.is_paused),
            b'c' => self.screen.clear(),
            b'l' => self.next_log_level(),
            b'n' => self.tell_network(),
            b'm' => self.tell_memory(),
            b'o' => self.open_url(),
            b'd' => self.screen.say(
                "`mewz debug` in another terminal opens gdb on this program, in a machine of its own",
            ),
            b'h' | b'?' => self.help(),
            b'q' => return Next::End(0),
            _ => {}
        }
        Next::Go
    }

    fn pause(&mut self, is_paused: bool) {
        self.is_paused = is_paused;
        if is_paused {
            self.screen
                .say("paused: saves are noted and not built (space: go on)");
            return;
        }
        self.screen.say("going on");
        if !self.changed.is_empty() {
            self.build(Vec::new(), Instant::now());
        }
    }

    fn next_log_level(&mut self) {
        let now = self.log_level.unwrap_or(self.setup.plan.wishes.log_level);
        let levels = values::LOG_LEVELS;
        let at = levels.iter().position(|(_, level)| *level == now);
        let (name, level) = levels[at.map_or(0, |at| (at + 1) % levels.len())];
        self.log_level = Some(level);
        self.screen.say(&format!("the kernel's log: {name}"));
    }

    fn tell_network(&mut self) {
        if self.urls.is_empty() {
            self.screen
                .say("no port is forwarded (`--publish`, or `ports` below `[run]`)");
        }
        for (host, guest) in self.urls.clone() {
            let to = match &self.machines.serving {
                Some(crew) => format!("port {guest} of #{}", crew.number()),
                None => "nothing: no program serves".to_owned(),
            };
            self.screen
                .say(&format!("http://{}:{host} leads to {to}", front::ADDRESS));
        }
    }

    fn tell_memory(&mut self) {
        let own = resident_bytes(std::process::id());
        let mut text = format!("mewz: {}", indicatif::HumanBytes(own));
        let crews = self.machines.serving.iter().chain(&self.machines.next);
        for crew in crews.chain(&self.machines.old) {
            for member in &crew.members {
                let bytes = resident_bytes(member.guest.process_id());
                let bytes = indicatif::HumanBytes(bytes);
                text.push_str(&format!(", #{}: {bytes}", crew.number()));
            }
        }
        for id in self.machines.parked_processes() {
            let bytes = indicatif::HumanBytes(resident_bytes(id));
            text.push_str(&format!(", waiting: {bytes}"));
        }
        self.screen.say(&text);
    }

    fn open_url(&mut self) {
        let Some((host, _)) = self.urls.first() else {
            self.screen
                .say("no port is forwarded, so there is nothing to open");
            return;
        };
        let url = format!("http://{}:{host}", front::ADDRESS);
        let mut command = Command::new("xdg-open");
        let command = command.arg(&url).stdin(Stdio::null());
        match command.stdout(Stdio::null()).stderr(Stdio::null()).spawn() {
            Ok(mut child) => drop(std::thread::spawn(move || child.wait())),
            Err(_) => self.screen.say(&format!("open {url} in a browser")),
        }
    }

    fn help(&mut self) {
        self.screen.say(
            "r  rebuild, on a machine that is booted anew\n\
             space  pause, go on\n\
             c  clear the terminal\n\
             l  next level of the kernel's log\n\
             n  where ports lead\n\
             m  memory in use\n\
             o  open the first port in a browser\n\
             d  how to debug\n\
             q  quit, as Ctrl-C",
        );
    }

    fn answer(&mut self, request: Request) -> String {
        match request {
            Request::Reload => self.build(Vec::new(), Instant::now()),
            Request::Pause(is_paused) => self.pause(is_paused),
            Request::Status => {}
            Request::Logs => {
                let lines: Vec<&str> = self.screen.history().collect();
                return json!({ "lines": lines }).to_string();
            }
        }
        json!({
            "number": self.number,
            "building": self.building.as_ref().map(|save| save.number),
            "starting": self.machines.is_launching(),
            "serving": self.machines.serving.as_ref().map(Crew::number),
            "paused": self.is_paused,
            "failed": self.failed.as_ref().map(|page| &page.title),
            "ports": self.urls.iter().map(|(host, guest)| json!({ "host": host, "guest": guest }))
                .collect::<Vec<_>>(),
        })
        .to_string()
    }
}

impl Streak {
    /// Notes files that have changed while a build runs: those that end it, and those that are built after it.
    fn note(&mut self, paths: &[PathBuf]) -> (Vec<PathBuf>, Vec<PathBuf>) {
        let mut ends = Vec::new();
        let mut deferred = Vec::new();
        for path in paths {
            self.now.push(path.clone());
            let count = self.counts.entry(path.clone()).or_default();
            *count += 1;
            match *count {
                ..STREAK_DEFERRED => ends.push(path.clone()),
                STREAK_DEFERRED..STREAK_OUTPUT => deferred.push(path.clone()),
                _ => {}
            }
        }
        (ends, deferred)
    }

    /// A build has come to its end: files that have not changed meanwhile begin anew.
    fn end_of_build(&mut self) {
        let now = std::mem::take(&mut self.now);
        self.counts.retain(|path, _| now.contains(path));
    }

    /// Files that are taken for something that building makes from now on, each once.
    fn outputs(&mut self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for (path, count) in &mut self.counts {
            if *count == STREAK_OUTPUT {
                *count += 1;
                found.push(path.clone());
            }
        }
        found
    }
}

fn target(crew: &Crew) -> Target {
    let guests = crew.members.iter();
    Target {
        crew: crew.number(),
        guests: guests.map(|member| member.guest.forwards.clone()).collect(),
    }
}

/// Whether a build that succeeded has printed something worth reading.
fn has_warnings(output: &[u8]) -> bool {
    screen::plain(output).to_lowercase().contains("warning")
}

/// Memory of a process that is in use, as the system counts it.
fn resident_bytes(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    number.unwrap_or(0) << 10
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::Streak;

    #[test]
    fn a_file_that_every_build_makes_is_found_out() {
        let mut streak = Streak::default();
        let made = [PathBuf::from("gen.rs")];
        let mut outputs = Vec::new();
        let mut builds = 0;
        while outputs.is_empty() {
            builds += 1;
            assert!(builds < 20);
            let (ends, _) = streak.note(&made);
            if ends.is_empty() {
                streak.end_of_build();
                outputs = streak.outputs();
            }
        }
        assert_eq!(outputs, made);
        assert_eq!(streak.note(&made), (Vec::new(), Vec::new()));
    }

    #[test]
    fn saves_between_builds_count_as_none() {
        let mut streak = Streak::default();
        let file = [PathBuf::from("a.c")];
        for _ in 0..30 {
            let (ends, _) = streak.note(&file);
            assert_eq!(ends, file);
            streak.end_of_build();
            streak.end_of_build();
            assert!(streak.outputs().is_empty());
        }
    }
}
