//! The loop itself: what happens, and what is done about it.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::DevArguments;
use super::build::Builder;
use super::debugging::Debugging;
use super::event::{Event, Sender};
use super::front::{Front, Page, Published};
use super::keys::Keys;
use super::machines::{Machines, Save};
use super::newcomers::Newcomers;
use super::screen::Screen;
use super::setup::Setup;
use super::streak::Streak;
use super::watch::Watch;
use crate::cli::Outcome;
use crate::cli::cache::Cache;
use crate::cli::failure::Failure;
use crate::cli::network;

/// How often is looked at what time changes, while something waits for it.
const TICK: Duration = Duration::from_millis(50);

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
    pub(super) urls: Vec<Published>,
    pub(super) watch: Option<Watch>,
    pub(super) sender: Sender,
    pub(super) keys: Option<Keys>,
    pub(super) debugging: Debugging,
    /// The newest build.
    pub(super) number: u64,
    /// The build under way.
    pub(super) building: Option<Save>,
    /// Files that have changed and were not built yet: while it pauses, or a build is let go on.
    pub(super) changed: Vec<PathBuf>,
    pub(super) is_paused: bool,
    /// Why the newest build, or its program, failed.
    pub(super) failed: Option<Page>,
    /// Whether the settings that lie there could not be taken over.
    pub(super) has_wrong_settings: bool,
    /// The level that was chosen by key.
    pub(super) log_level: Option<u8>,
    pub(super) streak: Streak,
    pub(super) newcomers: Newcomers,
    /// When the last build had ended.
    pub(super) built_at: Option<Instant>,
}

/// Whether the loop goes on.
#[derive(Debug)]
pub(super) enum Next {
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
            for next in [next, self.tick()] {
                if let Next::End(status) = next {
                    return Ok(status);
                }
            }
        }
    }

    pub(super) fn greet(&mut self) {
        let what = self.setup.root.display().to_string();
        let mut text = format!("watching `{what}`");
        for published in &self.urls {
            let (guest, url) = (published.guest, published.url());
            text.push_str(&format!(", serving port {guest} at {url}"));
        }
        if self.keys.is_some() {
            text.push_str(" (h: help)");
        }
        if !self.arguments.once {
            self.screen.say(&text);
        }
        let wishes = &self.setup.network;
        if let Some(text) = network::unanswered(&wishes.pairs, wishes.is_open) {
            self.screen.warn(&text);
        }
    }

    fn on(&mut self, event: Event) -> Result<Next, Failure> {
        match event {
            Event::Changed { paths, new, at } => self.on_change(paths, &new, at),
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
            Event::Drained(crew) => self.machines.drained(crew),
            Event::DebuggerLeft => self.take_back(),
            Event::Core(id, outcome) => self.on_core(id, outcome),
            Event::Debugger(view) => self.on_debugger(view),
            Event::Key(key) => return Ok(self.on_key(key)),
            Event::Control(request, answer) => {
                let text = self.answer(request);
                // Who has gone does not want to know.
                let _ = answer.send(text);
            }
        }
        Ok(Next::Go)
    }
}
