//! Programs come to run, serve and end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mewz_abi::exit::STATUS_TRAP;

use super::build::Build;
use super::event::{Event, GuestEvent, GuestId};
use super::front::{Page, Target};
use super::machines::{Crashed, Crew, Save};
use super::work::{Next, Work};
use crate::cli::boot::{STATUS_TIMEOUT, exit_status, is_killed, not_ready};
use crate::cli::debug::Stopped;
use crate::cli::emulator;
use crate::cli::failure::Failure;
use crate::cli::project::OnError;
use crate::cli::trap::Crash;
use crate::qemu::error::QemuError;
use crate::qemu::session::End;

/// Connections that were made before a switch may stay so long.
const GRACE: Duration = Duration::from_secs(5);

/// Machines that may have such connections at the same time.
const OLD_MAX: usize = 4;

/// A server that takes longer to open its port is mentioned.
const READY_PATIENCE: Duration = Duration::from_secs(5);

/// What is left of a program.
struct Over {
    number: u64,
    /// It had begun.
    has_run: bool,
    /// So long it ran.
    after: Duration,
    /// How it crashed, if it did.
    crash: Option<Failure>,
    /// Where the program stopped, if it trapped.
    stopped: Option<Stopped>,
}

impl Work {
    pub(super) fn launch(&mut self, build: Arc<Build>, save: Save) {
        // Programs that nobody is connected to run one after the other: they may write to the same files. So do those with
        // a disk, which one machine alone may have.
        if self.front.is_none() || !self.setup.plan.wishes.disks.is_empty() {
            self.machines.end_running();
            self.serve_again();
        }
        let number = save.number;
        let waits = self.debugging.leads_on();
        let waits = waits.then(|| self.debugging.instance(self.machines.instances));
        if let Err(failure) = self.machines.launch(build, save, waits) {
            self.screen.failure("error", number, &failure);
            self.fail("the machine did not start", &failure.text());
        }
        self.lead_debugger();
    }

    /// Notes that the newest program does not run; where nothing serves, that is what HTTP gets.
    pub(super) fn fail(&mut self, title: &str, text: &str) {
        if self.failed.is_none() {
            self.screen.notify(title);
        }
        self.failed = Some(Page {
            title: title.to_owned(),
            text: text.to_owned(),
        });
        if self.setup.choices.on_error == OnError::Stop {
            self.machines.end_running();
        }
        self.serve_again();
    }

    /// Leads connections to whatever serves.
    pub(super) fn serve_again(&mut self) {
        let Some(front) = &self.front else { return };
        match &self.machines.serving {
            Some(crew) => front.serve(target(crew)),
            None => front.serve_nobody(self.failed.clone()),
        }
    }

    pub(super) fn on_guest(&mut self, id: GuestId, event: GuestEvent) -> Next {
        match event {
            GuestEvent::Parked => {
                if let Err(failure) = self.machines.is_up(id) {
                    self.screen.failure("error", self.number, &failure);
                }
                self.lead_debugger();
                return Next::Go;
            }
            GuestEvent::Ended(end) => return self.on_end(id, *end),
            GuestEvent::Panic(text) if self.machines.is_parked(id) => {
                self.lose_parked(&emulator::kernel_failed(&text).text());
                return Next::Go;
            }
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
            GuestEvent::Call(call) => {
                let speaker = crew.speaker(at);
                self.screen.call(speaker, &call);
            }
            GuestEvent::Trap(report) => {
                crew.members[at].trap = Some(report);
                return self.on_crash(id);
            }
            GuestEvent::Panic(text) => {
                crew.members[at].panic = Some(text);
                return self.on_crash(id);
            }
            GuestEvent::Parked | GuestEvent::Ended(_) => {}
        }
        self.settle();
        Next::Go
    }

    /// Lets the next machines serve once they can.
    pub(super) fn settle(&mut self) {
        let port = self.setup.choices.ready.and_then(|ready| ready.port);
        let must_listen = self.front.is_some() || self.setup.choices.ready.is_some();
        let Some(next) = &self.machines.next else {
            return;
        };
        if !next.has_started() || (must_listen && !next.is_ready(port)) {
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
            self.machines.rest(Arc::clone(&crew.build));
            if let Some(mut old) = self.machines.serving.replace(crew) {
                old.left_at = Some(Instant::now());
                self.machines.old.push(old);
                let surplus = self.machines.old.len().saturating_sub(OLD_MAX);
                self.end_old(surplus);
            }
        }
    }

    /// Ends the `count` oldest of those that serve no more.
    pub(super) fn end_old(&mut self, count: usize) {
        let given_up: Vec<Crew> = self.machines.old.drain(..count).collect();
        for old in given_up {
            if let Some(front) = &self.front {
                front.end(old.number());
            }
            self.machines.give_up(old);
        }
    }

    /// Goes on with what has waited while a program began to serve, where that is due or `now`.
    pub(super) fn end_rest(&mut self, now: bool) {
        if let Some(build) = self.machines.end_rest(now) {
            self.park_after(&build);
        }
    }

    /// Boots the machines of the next program.
    pub(super) fn park(&mut self) {
        if let Some(serving) = &self.machines.serving {
            let build = Arc::clone(&serving.build);
            self.park_after(&build);
        }
    }

    fn park_after(&mut self, build: &Build) {
        if self.arguments.once {
            return;
        }
        if let Err(failure) = self.machines.park(&build.window) {
            self.screen.failure("error", self.number, &failure);
        }
    }

    /// A machine is gone.
    pub(super) fn on_end(&mut self, id: GuestId, end: Result<End, QemuError>) -> Next {
        if self.falls_back(id, &end) {
            return Next::Go;
        }
        if self.machines.is_parked(id) {
            let why = match &end {
                Ok(End::Died(death)) => emulator::died(death).text(),
                Err(problem) => problem.to_string(),
                _ => "it ended".to_owned(),
            };
            self.lose_parked(&why);
            return Next::Go;
        }
        if self
            .machines
            .crashed
            .as_ref()
            .is_some_and(|crashed| crashed.guest.id == id)
        {
            self.machines.crashed = None;
            return Next::Go;
        }
        self.machines.forget_kept(id);
        let Some(over) = self.take_leave(id) else {
            return Next::Go;
        };
        let failure = match (over.crash, &end) {
            (Some(failure), _) => Some(failure),
            (None, Ok(End::Exited(_))) => None,
            (None, Ok(End::Died(death))) if is_killed(death) => {
                Some(Failure::new("a debugger ended the program"))
            }
            (None, Ok(End::Died(death))) => Some(emulator::died(death)),
            (None, Ok(_)) => Some(Failure::new("the machine was ended")),
            (None, Err(problem)) => Some(emulator::not_run(problem)),
        };
        let number = over.number;
        // Of a machine that did not come up the program can't be blamed.
        let has_run = over.has_run;
        let (status, title, text) = match (failure, end) {
            (Some(failure), _) => {
                let event = if has_run { "trap" } else { "error" };
                self.screen.failure(event, number, &failure);
                (failure.status(), "the program failed", failure.text())
            }
            (None, Ok(End::Exited(status))) => {
                self.screen.exit(number, status, over.after);
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

    /// A machine that waited is of no use.
    fn lose_parked(&mut self, why: &str) {
        self.screen.warn(&format!(
            "the machine that waited has ended: machines are booted for each program from now on\n{}",
            why.trim_end()
        ));
        if let Some((build, save)) = self.machines.lost_parked() {
            self.launch(build, save);
        }
    }

    /// A program has crashed; its machine stands still where a debugger may come.
    fn on_crash(&mut self, id: GuestId) -> Next {
        if !self.setup.source.making.kernel.is_debuggable {
            // The machine's end follows.
            return Next::Go;
        }
        if let Some((crew, _)) = self.machines.find(id)
            && crew.left_at.is_some()
        {
            let number = crew.number();
            self.machines.give_up_old(number);
            if let Some(front) = &self.front {
                front.end(number);
            }
            return Next::Go;
        }
        let Some(over) = self.take_leave(id) else {
            return Next::Go;
        };
        let failure = over.crash.unwrap_or_else(|| Failure::new("trap"));
        self.screen.failure("trap", over.number, &failure);
        let left = self.leave(id, "the program failed", &failure.text());
        if let Some(front) = &self.front {
            front.end(over.number);
        }
        let Some(crew) = left else { return Next::Go };
        let build = Arc::clone(&crew.build);
        let guests = crew.members.into_iter().map(|member| member.guest);
        let crashed = guests.enumerate().find(|(_, guest)| guest.id == id);
        self.machines.crashed = crashed.map(|(instance, guest)| Crashed {
            guest,
            build,
            number: over.number,
            instance,
        });
        self.leave_core(over.stopped);
        if self.arguments.once {
            return Next::End(failure.status());
        }
        if self.keys.is_some() {
            self.screen
                .say("the machine stands still until the next save (d: gdb)");
        }
        Next::Go
    }

    /// Writes the memory of the machine that crashed to a file, where that is asked for.
    fn leave_core(&mut self, stopped: Option<Stopped>) {
        let path = self.setup.plan.wishes.core.clone();
        let (Some(path), Some(crashed)) = (path, &mut self.machines.crashed) else {
            return;
        };
        let (id, build) = (crashed.guest.id, Arc::clone(&crashed.build));
        let Some(writer) = crashed.guest.writer(&build) else {
            return;
        };
        // That takes a second or so, and the machine waits for it.
        self.machines.note_dumped(id, true);
        let events = self.sender.clone();
        let write = move || writer.write(&path, stopped);
        match self.arguments.once {
            true => self.on_core(id, write()),
            false => drop(std::thread::spawn(move || {
                let _ = events.send(Event::Core(id, write()));
            })),
        }
    }

    /// The memory of a machine is in a file, or is not.
    pub(super) fn on_core(&mut self, id: GuestId, outcome: Result<String, Failure>) {
        self.machines.note_dumped(id, false);
        match (outcome, &self.setup.plan.wishes.core) {
            (Ok(text), Some(path)) => self.screen.core(path, &text),
            (Ok(text), None) => self.screen.say(&text),
            (Err(failure), _) => self.screen.failure("error", self.number, &failure),
        }
    }

    /// Tells what is left to tell of the program in this machine, which is over; `None` where nobody cares any more.
    fn take_leave(&mut self, id: GuestId) -> Option<Over> {
        let (crew, at) = self.machines.find(id)?;
        let (number, speaker) = (crew.number(), crew.speaker(at));
        let is_old = crew.left_at.is_some();
        let member = &mut crew.members[at];
        let (trap, panic) = (member.trap.take(), member.panic.take());
        let build = Arc::clone(&crew.build);
        let has_run = member.started.is_some();
        let status = (!crew.is_told && crew.has_started()).then(|| crew.status());
        crew.is_told = true;
        self.screen.flush(speaker);
        if is_old {
            return None;
        }
        if let Some(status) = status {
            self.screen.ready(&status);
        }
        let stopped = trap.as_deref().map(Stopped::of_trap);
        let crash = match (trap, panic) {
            (_, Some(text)) => Some(emulator::kernel_failed(&text)),
            (Some(report), None) => {
                let symbols = build.with_symbols().ok();
                let crash = Crash::new(&report, &build.module, symbols.as_deref(), &build.missing);
                Some(crash.failure().with_status(STATUS_TRAP as u8))
            }
            (None, None) => None,
        };
        Some(Over {
            number,
            has_run,
            after: speaker.began.elapsed(),
            crash,
            stopped,
        })
    }

    /// Goes on without the crew of the machine that has ended.
    fn leave(&mut self, id: GuestId, title: &str, text: &str) -> Option<Crew> {
        let has = |crew: &Option<Crew>| crew.as_ref().is_some_and(|crew| crew.has(id));
        let left = if has(&self.machines.next) {
            if self.front.is_some()
                && let Some(text) = self.who_goes_on()
            {
                self.screen.say(&text);
            }
            let left = self.machines.next.take();
            // The next save finds a machine ready all the same.
            if let Some(crew) = &left {
                let build = Arc::clone(&crew.build);
                self.park_after(&build);
            }
            left
        } else if has(&self.machines.serving) {
            self.machines.serving.take()
        } else {
            None
        };
        if self.front.is_some() {
            self.fail(title, text);
        }
        left
    }

    /// Whether time alone may change something.
    pub(super) fn waits_for_time(&self) -> bool {
        let has_deadline = self.ready_patience().is_some();
        let is_near = |crew: &Crew| crew.is_nearly_ready() || !crew.is_told || has_deadline;
        !self.machines.old.is_empty()
            || self.machines.rests()
            || (self.streak.may_probe() && !self.is_paused)
            || self.machines.next.as_ref().is_some_and(is_near)
    }

    /// The port that a program must open, and the time that it has for that.
    fn ready_patience(&self) -> Option<(Option<u16>, Duration)> {
        let ready = self.setup.choices.ready?;
        Some((ready.port, ready.timeout?))
    }

    /// Gives up a program that does not open its port.
    fn end_unready(&mut self, port: Option<u16>, patience: Duration) {
        let Some(crew) = self.machines.next.take() else {
            return;
        };
        let number = crew.number();
        if !crew.is_told {
            self.screen.ready(&crew.status());
        }
        for member in &crew.members {
            member.guest.end();
        }
        let failure = Failure::new(format!("#{number} was ended")).cause(not_ready(port, patience));
        self.screen.failure("error", number, &failure);
        if let Some(text) = self.who_goes_on() {
            self.screen.say(&text);
        }
        self.fail("the program does not serve", &failure.text());
        let build = Arc::clone(&crew.build);
        drop(crew);
        self.park_after(&build);
    }

    /// Says which program goes on serving while a newer one failed, if one does.
    pub(super) fn who_goes_on(&self) -> Option<String> {
        let serving = self.machines.serving.as_ref()?;
        let goes_on = self.setup.choices.on_error == OnError::Keep;
        goes_on.then(|| format!("#{} goes on", serving.number()))
    }

    pub(super) fn tick(&mut self) -> Next {
        self.settle();
        self.end_rest(false);
        self.probe();
        let is_late = |old: &Crew| old.left_at.is_some_and(|left| left.elapsed() > GRACE);
        let late = self.machines.old.iter().filter(|old| is_late(old)).count();
        self.end_old(late);
        if let Some((port, patience)) = self.ready_patience()
            && let Some(next) = &self.machines.next
            && next.has_started()
            && !self.debugging.is_at(next)
            && next.started().elapsed() > patience
        {
            self.end_unready(port, patience);
            return match self.arguments.once {
                true => Next::End(STATUS_TIMEOUT),
                false => Next::Go,
            };
        }
        let is_debugged = |next: &Crew| self.debugging.is_at(next);
        if let Some(next) = &mut self.machines.next
            && !next.is_told
            && next.has_started()
            && !is_debugged(next)
            && next.started().elapsed() > READY_PATIENCE
        {
            next.is_told = true;
            let status = next.status();
            let ports: Vec<String> = self.urls.iter().map(|url| url.guest.to_string()).collect();
            self.screen.ready(&status);
            self.screen.warn(&format!(
                "#{} does not wait for connections at port {} yet",
                status.number,
                ports.join(", ")
            ));
        }
        Next::Go
    }
}

fn target(crew: &Crew) -> Target {
    let guests = crew.members.iter();
    Target {
        crew: crew.number(),
        guests: guests.map(|member| member.guest.forwards.clone()).collect(),
    }
}
