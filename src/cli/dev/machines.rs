//! Which machines there are: those that serve, those that will, those that wait for a program, those that end.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mewz_abi::record::TrapReport;

use super::build::{Build, Window};
use super::event::{GuestId, Sender};
use super::guest::{Guest, Manner, Plan};
use super::screen::{Speaker, Status};
use crate::cli::failure::Failure;
use crate::cli::pack;
use crate::cli::project::Reload;

/// The room for a program is a multiple of this.
const ROOM_UNIT: u64 = 4 << 20;

/// A program may grow so much before its room is too small.
const ROOM_GROWTH: u64 = 2;

/// What a machine keeps for itself and for the program's memory, at least.
const MEMORY_LEFT_MIN: u64 = 12 << 20;

/// How long a program that has just begun to serve has the processor to itself: what it does first takes longest, and nobody
/// waits for the next machine so soon, nor for the end of the last one.
const REST: Duration = Duration::from_millis(100);

/// Ports that a program opens together are all waited for, but not for longer.
const MORE_PORTS: Duration = Duration::from_millis(250);

/// Machines that run the same program.
#[derive(Debug)]
pub(super) struct Crew {
    pub(super) build: Arc<Build>,
    pub(super) save: Save,
    pub(super) members: Vec<Member>,
    /// `swap` or `boot`.
    how: &'static str,
    /// When the program was given to the machines.
    begun: Instant,
    /// Its status line was printed.
    pub(super) is_told: bool,
    /// It serves no more, since then.
    pub(super) left_at: Option<Instant>,
    /// Which of the machines waits for a debugger before its program begins.
    pub(super) waits: Option<usize>,
}

/// What a program was built for.
#[derive(Clone, Debug)]
pub(super) struct Save {
    pub(super) number: u64,
    pub(super) files: Vec<PathBuf>,
    /// When it was noticed.
    pub(super) at: Instant,
}

/// One of a crew.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) guest: Guest,
    /// When the program began.
    pub(super) started: Option<Instant>,
    listening: BTreeSet<u16>,
    first_listened: Option<Instant>,
    pub(super) trap: Option<Box<TrapReport>>,
    pub(super) panic: Option<String>,
}

impl Member {
    fn new(guest: Guest) -> Self {
        Self {
            guest,
            started: None,
            listening: BTreeSet::new(),
            first_listened: None,
            trap: None,
            panic: None,
        }
    }

    /// Notes that it accepts connections at `port`.
    pub(super) fn listens(&mut self, port: u16) {
        self.listening.insert(port);
        self.first_listened.get_or_insert_with(Instant::now);
    }

    /// Whether connections can be led to it.
    fn is_ready(&self, port: Option<u16>) -> bool {
        if let Some(port) = port {
            return self.listening.contains(&port);
        }
        let mut wanted = self.guest.forwards.iter();
        self.first_listened.is_some_and(|first| {
            first.elapsed() > MORE_PORTS
                || wanted.all(|forward| self.listening.contains(&forward.guest))
        })
    }
}

impl Crew {
    pub(super) fn number(&self) -> u64 {
        self.save.number
    }

    /// Whether this machine is one of it.
    pub(super) fn has(&self, id: GuestId) -> bool {
        self.members.iter().any(|member| member.guest.id == id)
    }

    /// Whether all of it accept connections: at `port`, or at those that are forwarded.
    pub(super) fn is_ready(&self, port: Option<u16>) -> bool {
        self.members.iter().all(|member| member.is_ready(port))
    }

    /// Whether all of it run the program.
    pub(super) fn has_started(&self) -> bool {
        self.members.iter().all(|member| member.started.is_some())
    }

    /// Whether some accept connections and others are waited for.
    pub(super) fn is_nearly_ready(&self) -> bool {
        self.members
            .iter()
            .any(|member| member.first_listened.is_some())
    }

    pub(super) fn speaker(&self, at: usize) -> Speaker {
        let member = &self.members[at];
        Speaker {
            id: member.guest.id,
            number: self.number(),
            instance: (self.members.len() > 1).then_some(at),
            began: member.started.unwrap_or(self.begun),
        }
    }

    /// When the program began, on the first machine.
    pub(super) fn started(&self) -> Instant {
        self.members
            .first()
            .and_then(|member| member.started)
            .unwrap_or(self.begun)
    }

    /// How it came to run.
    pub(super) fn status(&self) -> Status {
        let started = self
            .members
            .iter()
            .filter_map(|member| member.started)
            .max();
        let listened = self
            .members
            .iter()
            .filter_map(|member| member.first_listened);
        let started = started.unwrap_or(self.begun);
        Status {
            number: self.number(),
            files: self.save.files.clone(),
            times: self.build.times,
            counts: self.build.counts,
            start: (self.how, started.saturating_duration_since(self.begun)),
            ready: listened
                .max()
                .map(|listened| listened.saturating_duration_since(started)),
            total: self.save.at.elapsed(),
        }
    }
}

/// A machine whose program crashed: it stands still until a debugger looks, or a newer program comes.
#[derive(Debug)]
pub(super) struct Crashed {
    pub(super) guest: Guest,
    pub(super) build: Arc<Build>,
    pub(super) number: u64,
    /// Its place among those that ran the same.
    pub(super) instance: usize,
}

/// A machine that waits.
#[derive(Debug)]
struct Parked {
    guest: Guest,
    /// It has told that it is up.
    is_up: bool,
}

/// A program that is to run as soon as machines for it are up.
#[derive(Debug)]
struct Pending {
    build: Arc<Build>,
    save: Save,
    waits: Option<usize>,
}

/// All machines.
#[derive(Debug)]
pub(super) struct Machines {
    events: Sender,
    pub(super) plan: Arc<Plan>,
    pub(super) reload: Reload,
    pub(super) instances: usize,
    next_id: GuestId,
    parked: Vec<Parked>,
    /// Waits for the parked machines to be up.
    pending: Option<Pending>,
    /// Has its program, and does not serve yet.
    pub(super) next: Option<Crew>,
    pub(super) serving: Option<Crew>,
    /// Have connections left.
    pub(super) old: Vec<Crew>,
    pub(super) crashed: Option<Crashed>,
    /// The newest program that has begun to serve, or to run; it may have ended.
    pub(super) newest: Option<Arc<Build>>,
    /// When machines may be started and ended again.
    rest_until: Option<Instant>,
    /// Those of [`Self::old`] that have no connection left, to be ended then.
    drained: Vec<u64>,
    /// Calls of WASI are told.
    pub(super) is_traced: bool,
    /// Machines of no use to the loop that someone still looks at.
    kept: Vec<Guest>,
    /// The machine that a debugger holds still.
    held: Option<GuestId>,
    /// Machines whose memory is being written to files.
    dumped: BTreeSet<GuestId>,
}

impl Machines {
    pub(super) fn new(plan: Arc<Plan>, reload: Reload, instances: usize, events: Sender) -> Self {
        Self {
            events,
            plan,
            reload,
            instances,
            next_id: 0,
            parked: Vec::new(),
            pending: None,
            next: None,
            serving: None,
            old: Vec::new(),
            crashed: None,
            newest: None,
            rest_until: None,
            drained: Vec::new(),
            is_traced: false,
            kept: Vec::new(),
            held: None,
            dumped: BTreeSet::new(),
        }
    }

    /// Leaves the processor to `build`, which has just begun to serve.
    pub(super) fn rest(&mut self, build: Arc<Build>) {
        self.newest = Some(build);
        self.rest_until = Some(Instant::now() + REST);
    }

    /// Whether machines wait for the end of a rest.
    pub(super) fn rests(&self) -> bool {
        self.rest_until.is_some()
    }

    /// Ends a rest, where that is due or `now`; returns what has begun to serve in it.
    pub(super) fn end_rest(&mut self, now: bool) -> Option<Arc<Build>> {
        self.rest_until
            .take_if(|until| now || *until <= Instant::now())?;
        for crew in std::mem::take(&mut self.drained) {
            self.give_up_old(crew);
        }
        self.newest.clone()
    }

    /// The last connection to these machines has ended.
    pub(super) fn drained(&mut self, crew: u64) {
        match self.rests() {
            true => self.drained.push(crew),
            false => self.give_up_old(crew),
        }
    }

    /// Starts the machines that wait anew, with other settings.
    pub(super) fn replan(&mut self, plan: Arc<Plan>, reload: Reload, instances: usize) {
        self.plan = plan;
        self.reload = reload;
        self.instances = instances;
        self.parked.clear();
    }

    /// Lets `build` run: on machines that wait, or on new ones. The one that is the `waits`th of them waits for a
    /// debugger before the program begins.
    pub(super) fn launch(
        &mut self,
        build: Arc<Build>,
        save: Save,
        waits: Option<usize>,
    ) -> Result<(), Failure> {
        if let Some(next) = self.next.take() {
            self.give_up(next);
        }
        if let Some(crashed) = self.crashed.take() {
            self.keep_or_end(crashed.guest);
        }
        self.pending = None;
        build.fill_window()?;
        let has_room = |parked: &Parked| parked.guest.has_room(&build.window);
        if self.parked.len() == self.instances && self.parked.iter().all(has_room) {
            if self.parked.iter().all(|parked| parked.is_up) {
                return self.release(build, save, waits);
            }
            self.pending = Some(Pending { build, save, waits });
            return Ok(());
        }
        self.parked.clear();
        let begun = Instant::now();
        let members = (0..self.instances)
            .map(|at| {
                let id = self.new_id();
                let manner = self.manner(waits == Some(at));
                Guest::boot(id, &self.plan, &build.window, manner, &self.events).map(Member::new)
            })
            .collect::<Result<_, _>>()?;
        build.window.let_go();
        self.next = Some(Crew {
            build,
            save,
            members,
            how: "boot",
            begun,
            is_told: false,
            left_at: None,
            waits,
        });
        Ok(())
    }

    fn release(
        &mut self,
        build: Arc<Build>,
        save: Save,
        waits: Option<usize>,
    ) -> Result<(), Failure> {
        let begun = Instant::now();
        let mut members = Vec::new();
        let parked = std::mem::take(&mut self.parked);
        for (at, Parked { guest, .. }) in parked.into_iter().enumerate() {
            let manner = self.manner(waits == Some(at));
            guest.release(&build.window, manner).map_err(|problem| {
                Failure::new("the program cannot be put into its machine").cause(problem)
            })?;
            members.push(Member::new(guest));
        }
        build.window.let_go();
        self.next = Some(Crew {
            build,
            save,
            members,
            how: "swap",
            begun,
            is_told: false,
            left_at: None,
            waits,
        });
        Ok(())
    }

    fn manner(&self, waits: bool) -> Manner {
        Manner {
            waits,
            is_traced: self.is_traced,
        }
    }

    /// Has calls of WASI told from now on, or no more.
    pub(super) fn trace(&mut self, is_traced: bool) {
        self.is_traced = is_traced;
        let crews = self.serving.iter().chain(&self.next).chain(&self.old);
        for member in crews.flat_map(|crew| &crew.members) {
            member.guest.trace(is_traced);
        }
    }

    /// Starts machines that wait for the program after `window`, where they are wanted and not there.
    pub(super) fn park(&mut self, window: &Window) -> Result<(), Failure> {
        // One machine alone may have a disk.
        let may_wait = self.reload == Reload::Park && self.plan.wishes.disks.is_empty();
        if !may_wait || !self.parked.is_empty() || self.pending.is_some() {
            return Ok(());
        }
        // What is packed lies at the end of the machine's memory.
        let wishes = &self.plan.wishes;
        let memory_bytes = wishes.memory_bytes - pack::bytes(&wishes.pack);
        let Some(room) = room_bytes(window.end_bytes, memory_bytes) else {
            return Ok(());
        };
        for _ in 0..self.instances {
            let id = self.new_id();
            let guest = Guest::park(id, &self.plan, room, &self.events)?;
            self.parked.push(Parked {
                guest,
                is_up: false,
            });
        }
        Ok(())
    }

    /// A machine that waits is up.
    pub(super) fn is_up(&mut self, id: GuestId) -> Result<(), Failure> {
        for parked in &mut self.parked {
            parked.is_up |= parked.guest.id == id;
        }
        if self.parked.iter().all(|parked| parked.is_up)
            && let Some(Pending { build, save, waits }) = self.pending.take()
        {
            return self.release(build, save, waits);
        }
        Ok(())
    }

    /// Whether this machine waits for a program.
    pub(super) fn is_parked(&self, id: GuestId) -> bool {
        self.parked.iter().any(|parked| parked.guest.id == id)
    }

    /// A machine that waited has ended; what was meant for it.
    pub(super) fn lost_parked(&mut self) -> Option<(Arc<Build>, Save)> {
        self.parked.clear();
        // Waiting did not work, and would not the next time.
        self.reload = Reload::Reboot;
        self.take_pending()
    }

    fn take_pending(&mut self) -> Option<(Arc<Build>, Save)> {
        let Pending { build, save, .. } = self.pending.take()?;
        Some((build, save))
    }

    /// Takes back the program that is on its way into machines.
    pub(super) fn take_launching(&mut self) -> Option<(Arc<Build>, Save)> {
        let next = self.next.take().map(|crew| (crew.build, crew.save));
        next.or(self.take_pending())
    }

    /// Where the machine is: its crew and its place there.
    pub(super) fn find(&mut self, id: GuestId) -> Option<(&mut Crew, usize)> {
        let crews = self.serving.iter_mut().chain(&mut self.next);
        crews.chain(&mut self.old).find_map(|crew| {
            let mut members = crew.members.iter();
            let at = members.position(|member| member.guest.id == id)?;
            Some((crew, at))
        })
    }

    /// Ends whatever runs, and returns when it is gone. A crashed program runs no more, so one that is looked at may stay,
    /// unless it has a disk.
    pub(super) fn end_running(&mut self) {
        if let Some(crashed) = self.crashed.take() {
            match self.plan.wishes.disks.is_empty() {
                true => self.keep_or_end(crashed.guest),
                false => crashed.guest.end(),
            }
        }
        for crew in self.serving.take().iter().chain(&self.next.take()) {
            for member in &crew.members {
                member.guest.end();
            }
        }
    }

    /// Goes on without a crew.
    pub(super) fn give_up(&mut self, crew: Crew) {
        for member in crew.members {
            self.keep_or_end(member.guest);
        }
    }

    /// Goes on without an older crew.
    pub(super) fn give_up_old(&mut self, number: u64) {
        let is_it = |old: &mut Crew| old.number() == number;
        let given_up: Vec<Crew> = self.old.extract_if(.., is_it).collect();
        for crew in given_up {
            self.give_up(crew);
        }
    }

    /// Ends a machine, unless someone looks at it.
    fn keep_or_end(&mut self, guest: Guest) {
        if self.held == Some(guest.id) || self.dumped.contains(&guest.id) {
            self.kept.push(guest);
        }
    }

    /// Notes which machine a debugger holds still.
    pub(super) fn note_held(&mut self, held: Option<GuestId>) {
        self.held = held;
        self.look_again();
    }

    /// Notes that the memory of a machine is being written to a file, or no more.
    pub(super) fn note_dumped(&mut self, id: GuestId, is_under_way: bool) {
        match is_under_way {
            true => drop(self.dumped.insert(id)),
            false => drop(self.dumped.remove(&id)),
        }
        self.look_again();
    }

    /// Ends what nobody looks at any more.
    fn look_again(&mut self) {
        for guest in std::mem::take(&mut self.kept) {
            self.keep_or_end(guest);
        }
    }

    /// A machine of no use to the loop has ended.
    pub(super) fn forget_kept(&mut self, id: GuestId) {
        self.kept.retain(|guest| guest.id != id);
    }

    /// The processes of the machines that wait.
    pub(super) fn parked_processes(&self) -> Vec<u32> {
        let parked = self.parked.iter();
        parked.map(|parked| parked.guest.process_id()).collect()
    }

    /// Machines that are up and wait for a program.
    pub(super) fn waiting(&self) -> usize {
        self.parked.iter().filter(|parked| parked.is_up).count()
    }

    /// Whether a program is on its way into machines.
    pub(super) fn is_launching(&self) -> bool {
        self.next.is_some() || self.pending.is_some()
    }

    fn new_id(&mut self) -> GuestId {
        self.next_id += 1;
        self.next_id
    }
}

/// Bytes that are kept for the programs after one of `window_bytes`; `None` where the machine's memory is too small to
/// keep any.
fn room_bytes(window_bytes: u64, memory_bytes: u64) -> Option<u64> {
    let wanted = (window_bytes * ROOM_GROWTH).next_multiple_of(ROOM_UNIT);
    let most = memory_bytes.saturating_sub(MEMORY_LEFT_MIN) / ROOM_UNIT * ROOM_UNIT;
    // What is not used of the room is free again when the program is there.
    let room = wanted.min(most);
    (room >= window_bytes && room > 0).then_some(room)
}

#[cfg(test)]
mod tests {
    use super::room_bytes;

    #[test]
    fn a_room_holds_the_program_and_leaves_memory() {
        const MIB: u64 = 1 << 20;
        assert_eq!(room_bytes(3 * MIB, 128 * MIB), Some(8 * MIB));
        assert_eq!(room_bytes(40 * MIB, 64 * MIB), Some(52 * MIB));
        assert_eq!(room_bytes(60 * MIB, 64 * MIB), None);
        assert_eq!(room_bytes(MIB, 16 * MIB), Some(4 * MIB));
    }
}
