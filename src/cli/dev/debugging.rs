//! A debugger on a machine of the loop: on the one that crashed, else on the one that serves; and from there on to the next.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;

use super::build::Build;
use super::event::{Event, GuestId, Sender};
use super::machines::{Crew, Machines};
use super::setup::Setup;
use super::work::Work;
use crate::cli::debug::{self, Door, Loop};
use crate::cli::failure::Failure;
use crate::cli::interrupt::{self, Holding, hold};
use crate::qemu::debug_line::View;
use crate::qemu::debug_session::Attention;

/// What the loop knows of debuggers.
#[derive(Debug, Default)]
pub(super) struct Debugging {
    /// What the door is opened with; `None` where there is to be none.
    opening: Option<Opening>,
    /// Where they come in, once one has asked for the way: so a loop that is killed leaves nothing that nobody needed.
    door: Option<Door>,
    view: View,
    /// Which of several machines that run the same a debugger is at, or was.
    instance: usize,
    /// The machine that the door leads to, or will when the debugger that is there goes on.
    led_to: Option<GuestId>,
    /// The machine whose image was put there last, and where that is.
    image: Option<(GuestId, PathBuf)>,
}

#[derive(Debug)]
struct Opening {
    module: PathBuf,
    of_loop: Loop,
    events: Sender,
}

/// The way to a machine.
#[derive(Debug)]
struct Way {
    /// What it runs.
    build: Arc<Build>,
    number: u64,
    /// Which of the machines it is that run it, and how many they are.
    place: (usize, usize),
    /// The image with symbols.
    image: PathBuf,
    /// The socket that leads to its stub.
    line: PathBuf,
}

impl Debugging {
    /// Lets debuggers come, which ask at the socket `control`.
    pub(super) fn new(setup: &Setup, control: PathBuf, events: Sender) -> Self {
        let of_loop = Loop {
            folder: setup.root.clone(),
            control,
        };
        Self {
            opening: Some(Opening {
                module: setup.module().to_owned(),
                of_loop,
                events,
            }),
            ..Self::default()
        }
    }

    /// The door, opened now where it is not yet.
    fn door(&mut self) -> Result<&Door, Failure> {
        if self.door.is_none() {
            let Opening {
                module,
                of_loop,
                events,
            } = self.opening.as_ref().ok_or_else(no_stub)?;
            let events = events.clone();
            // Where the loop has ended, nobody has to be told any more.
            let watcher = Box::new(move |view| drop(events.send(Event::Debugger(view))));
            self.door = Some(Door::of_loop(module, of_loop.clone(), watcher)?);
        }
        self.door.as_ref().ok_or_else(no_stub)
    }

    /// Which of so many machines a debugger that is there is led to.
    pub(super) fn instance(&self, machines: usize) -> usize {
        self.instance.min(machines.saturating_sub(1))
    }

    /// Whether a debugger is there.
    pub(super) fn is_attached(&self) -> bool {
        self.view.attention != Attention::Nobody
    }

    /// Whether a debugger is there that goes on with the next program, from its first instruction on.
    pub(super) fn leads_on(&self) -> bool {
        self.view.attention == Attention::Running
    }

    /// Whether a debugger decides how far these machines come.
    pub(super) fn is_at(&self, crew: &Crew) -> bool {
        self.is_attached() && self.led_to.is_some_and(|id| crew.has(id))
    }

    /// What a debugger is about, for programs.
    pub(super) fn describe(&self) -> Option<&'static str> {
        match self.view.attention {
            Attention::Nobody => None,
            Attention::Running => Some("running"),
            Attention::Still => Some("still"),
        }
    }
}

impl Work {
    /// A debugger is about something else.
    pub(super) fn on_debugger(&mut self, view: View) {
        self.debugging.view = view;
        let is_held = view.attention == Attention::Still;
        self.machines.note_held(view.machine.filter(|_| is_held));
    }

    /// Leads a debugger that is there to the program that has just been given to its machines.
    pub(super) fn lead_debugger(&mut self) {
        let (Some(door), Some(next)) = (&self.debugging.door, &mut self.machines.next) else {
            return;
        };
        let instance = self.debugging.instance(next.members.len());
        let Some(member) = next.members.get_mut(instance) else {
            return;
        };
        let guest = &mut member.guest;
        let id = guest.id;
        let waits = next.waits == Some(instance);
        let is_wanted = waits || self.debugging.view.attention != Attention::Nobody;
        if !is_wanted || self.debugging.led_to == Some(id) {
            return;
        }
        let Some(line) = guest.debug_line() else {
            return;
        };
        let cache = self.cache.as_ref();
        let cache = cache.map(|cache| cache.clone().for_project(self.setup.project_root()));
        let image = next.build.for_debugger(cache.as_ref());
        let image = match image.and_then(|image| door.put_image(&image)) {
            Ok(path) => Some(path),
            Err(failure) => {
                self.screen.failure("error", next.save.number, &failure);
                None
            }
        };
        door.set_cores(guest.writer(&next.build));
        door.lead_on(id, line, image.clone(), waits);
        let number = next.save.number;
        self.debugging.led_to = Some(id);
        self.debugging.image = image.map(|image| (id, image));
        if self.debugging.view.attention == Attention::Still {
            self.screen.say(&format!(
                "a debugger holds the program before: it comes to #{number} when it goes on"
            ));
        }
    }

    /// Leads the door to the machine that is worth looking at, or to that at the place that is `asked` for.
    fn open_door(&mut self, asked: Option<usize>) -> Result<Way, Failure> {
        self.debugging.door()?;
        let cache = self.cache.as_ref();
        let cache = cache.map(|cache| cache.clone().for_project(self.setup.project_root()));
        let debugging = &mut self.debugging;
        let door = debugging.door.as_ref().ok_or_else(no_stub)?;
        let machines = &mut self.machines;
        let is_asked = |instance: usize| asked.is_none_or(|asked| asked == instance);
        let why = not_there(asked, machines);
        let crashed = machines.crashed.as_mut();
        let crashed = crashed.filter(|crashed| is_asked(crashed.instance));
        let crashed = crashed.map(|crashed| {
            let build = Arc::clone(&crashed.build);
            let place = (crashed.instance, machines.instances);
            (&mut crashed.guest, build, crashed.number, place)
        });
        let running = machines.serving.as_mut().or(machines.next.as_mut());
        let running = running.and_then(|crew| {
            let (build, number) = (Arc::clone(&crew.build), crew.number());
            let place = (asked.unwrap_or(0), crew.members.len());
            let member = crew.members.get_mut(place.0)?;
            Some((&mut member.guest, build, number, place))
        });
        let (guest, build, number, place) = crashed.or(running).ok_or(why)?;
        debugging.instance = place.0;
        let image = match &debugging.image {
            Some((id, image)) if *id == guest.id => image.clone(),
            _ => door.put_image(&build.for_debugger(cache.as_ref())?)?,
        };
        if debugging.led_to != Some(guest.id) {
            let line = guest.debug_line().ok_or_else(no_stub)?;
            door.lead_on(guest.id, line, Some(image.clone()), false);
        }
        door.set_cores(guest.writer(&build));
        debugging.led_to = Some(guest.id);
        debugging.image = Some((guest.id, image.clone()));
        Ok(Way {
            build,
            number,
            place,
            image,
            line: door.line(),
        })
    }

    /// Opens gdb in this terminal.
    pub(super) fn debug(&mut self) {
        if let Err(failure) = self.try_debug() {
            self.screen.failure("error", self.number, &failure);
        }
    }

    fn try_debug(&mut self) -> Result<(), Failure> {
        if self.debugging.is_attached() {
            return Err(busy());
        }
        let way = self.open_door(None)?;
        let Some(door) = &self.debugging.door else {
            return Ok(());
        };
        let place = match way.place {
            (_, ..=1) => String::new(),
            (instance, _) => format!(".{}", instance + 1),
        };
        self.screen.say(&format!(
            "gdb on #{}{place}: what happens meanwhile is told when you leave it",
            way.number
        ));
        let (module, gdb) = (&way.build.module.bytes, self.setup.gdb.as_deref());
        let command = debug::gdb_on(door, &way.image, module, gdb)?;
        if let Some(keys) = &self.keys {
            keys.lend();
        }
        let mut child = match debug::start_gdb(command) {
            Ok(child) => child,
            Err(failure) => {
                self.take_back();
                return Err(failure);
            }
        };
        self.screen.hold();
        interrupt::leave_to_debugger();
        let held = hold(Holding::Process(child.id()));
        let events = self.sender.clone();
        std::thread::spawn(move || {
            // However it ends, it has ended.
            let _ = child.wait();
            drop(held);
            let _ = events.send(Event::DebuggerLeft);
        });
        Ok(())
    }

    /// gdb has ended: the terminal is ours again.
    pub(super) fn take_back(&mut self) {
        interrupt::take_back();
        if let Some(keys) = &self.keys {
            keys.take_back();
        }
        self.screen.release();
    }

    /// Tells a debugger elsewhere where to go: to the machine at the place that is `asked` for.
    pub(super) fn way_for_others(&mut self, asked: Option<usize>) -> String {
        let is_busy = self.debugging.is_attached();
        let way = match is_busy {
            true => Err(busy()),
            false => self.open_door(asked),
        };
        match way {
            Ok(way) => json!({
                "number": way.number,
                "machine": way.place.0 + 1,
                "machines": way.place.1,
                "image": way.image.display().to_string(),
                "line": way.line.display().to_string(),
            }),
            Err(failure) => json!({
                "error": failure.text().trim_end(),
                "busy": is_busy,
                "machine": is_busy.then(|| self.debugging.instance + 1),
            }),
        }
        .to_string()
    }
}

/// Why there is no machine at the place that is `asked` for.
fn not_there(asked: Option<usize>, machines: &Machines) -> Failure {
    let running = machines.serving.as_ref().or(machines.next.as_ref());
    let running = running.map(|crew| crew.members.len());
    let crashed = machines.crashed.as_ref().map(|crashed| crashed.instance);
    match (asked, running, crashed) {
        (Some(asked), Some(1), _) => Failure::new(format!("there is no machine {}", asked + 1))
            .cause("one machine runs the program")
            .hint("`mewz dev --instances COUNT` lets several run it"),
        (Some(asked), Some(count), _) => Failure::new(format!("there is no machine {}", asked + 1))
            .cause(format!("those that run the program are 1 to {count}")),
        (Some(asked), None, Some(crashed)) => {
            Failure::new(format!("machine {} has ended", asked + 1))
                .cause(format!("the program crashed in machine {}", crashed + 1))
        }
        (_, None, _) | (None, ..) => Failure::new("no program runs, and none has crashed")
            .hint("`mewz debug` runs it from its first instruction on"),
    }
}

fn no_stub() -> Failure {
    Failure::new("this machine has no stub that a debugger could talk to")
        .hint("with a kernel of your own, and with `--once`, there is none")
}

fn busy() -> Failure {
    Failure::new("a debugger is there already")
        .hint("leave that one first: one at a time is served")
}
