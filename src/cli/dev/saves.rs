//! What a save does: a build, or what a change of the project file means; and what becomes of a build.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::build::{self, Order};
use super::front::{self, Front};
use super::machines::Save;
use super::not_served;
use super::screen;
use super::setup::Setup;
use super::watch::Watch;
use super::work::{Next, Work};
use crate::cli::failure::Failure;
use crate::cli::project::{FILE_NAME, LOCAL_FILE_NAME};
use crate::cli::{image, words};

/// Whether nothing but settings is in the file: no program is made of it.
fn is_settings_alone(path: &Path) -> bool {
    [FILE_NAME, LOCAL_FILE_NAME]
        .iter()
        .any(|name| path == Path::new(name))
}

impl Work {
    pub(super) fn on_change(
        &mut self,
        mut paths: Vec<PathBuf>,
        new: &BTreeSet<PathBuf>,
        at: Instant,
    ) {
        if paths.iter().any(|path| self.setup.is_settings_file(path)) {
            let must_build = self.on_project_file(&paths, at);
            if !must_build && paths.iter().all(|path| is_settings_alone(path)) {
                return;
            }
        }
        // A short build may have ended before what it made was noticed.
        let is_late = self.built_at.is_some_and(|built| at < built);
        let is_building = self.building.is_some();
        let is_setting = |path: &&PathBuf| self.setup.is_settings_file(path);
        let new = new.iter().filter(|path| !is_setting(path)).collect();
        let root = &self.setup.root;
        self.newcomers
            .hold_back(&mut paths, &new, root, is_building || is_late);
        let newcomers = match is_building {
            true => Vec::new(),
            false => self.newcomers.settle(root),
        };
        if self.is_paused {
            self.changed.extend(paths);
            self.changed.extend(newcomers);
            return;
        }
        if paths.is_empty() {
            self.take_in(newcomers);
            if !is_building && !self.changed.is_empty() {
                self.build(Vec::new(), at);
            }
            return;
        }
        self.newcomers.end_row();
        paths.extend(newcomers);
        if is_building || is_late {
            let (ends, deferred) = self.streak.note(&paths, at);
            if ends.is_empty() && (is_building || deferred.is_empty()) {
                self.changed.extend(deferred);
                self.tell_outputs();
                return;
            }
        }
        self.build(paths, at);
    }

    /// Takes over what is new in the files that settings come from; whether the module has to be built again.
    pub(super) fn on_project_file(&mut self, paths: &[PathBuf], at: Instant) -> bool {
        let own = paths.iter().any(|path| path == Path::new(FILE_NAME));
        if own && !self.setup.root.join(FILE_NAME).exists() {
            self.screen.warn(&format!(
                "`{FILE_NAME}` is gone: going on with what it said"
            ));
            return false;
        }
        let new = match Setup::new(&self.arguments, self.cache.as_ref()) {
            Ok(new) => new,
            Err(failure) => {
                self.screen.failure("error", self.number, &failure);
                self.has_wrong_settings = true;
                return false;
            }
        };
        // Where nothing else tells so.
        let is_mended = std::mem::take(&mut self.has_wrong_settings);
        new.learn_from(&self.setup);
        let difference = self.setup.difference(&new);
        if difference.ports
            && let Err(failure) = self.open_ports(&new)
        {
            self.screen.failure("error", self.number, &failure);
            return false;
        }
        let choices = new.choices;
        if choices != self.setup.choices {
            self.screen.choose(choices.clears, choices.notifies);
        }
        let instances = usize::from(choices.instances);
        let has_other_machines = difference.machine
            || self.machines.reload != choices.reload
            || self.machines.instances != instances;
        self.setup = new;
        if difference.watch {
            match self.setup.tree() {
                Ok(tree) => self.watch = Some(Watch::start(tree, self.sender.clone())),
                Err(failure) => self.screen.failure("error", self.number, &failure),
            }
        }
        let restarts = difference.machine || self.machines.instances != instances;
        if has_other_machines {
            self.machines
                .replan(self.setup.plan.clone(), choices.reload, instances);
        }
        if difference.build {
            return true;
        }
        if restarts {
            self.screen
                .say(&format!("`{FILE_NAME}` has other settings: starting again"));
            self.restart(at);
        } else if difference.ports {
            self.serve_again();
        } else if is_mended {
            self.screen.say(&format!("`{FILE_NAME}` is right again"));
        }
        false
    }

    /// Opens the ports of `new` in place of those that are open.
    pub(super) fn open_ports(&mut self, new: &Setup) -> Result<(), Failure> {
        // The old ones may be among them.
        self.front = None;
        let ports = front::open(&new.network.pairs)?;
        self.urls = ports.iter().map(|port| port.published).collect();
        if !ports.is_empty() {
            self.front = Some(
                Front::start(ports, self.arguments.live_reload, self.sender.clone())
                    .map_err(not_served)?,
            );
        }
        self.greet();
        Ok(())
    }

    /// Lets the program that runs run again, on machines of the settings that hold now.
    pub(super) fn restart(&mut self, at: Instant) {
        // One that has ended or crashed runs again too; where the newest build failed, there may be a better one now.
        let serving = self.machines.serving.as_ref();
        let serving = serving.map(|crew| Arc::clone(&crew.build));
        let newest = self.machines.newest.clone();
        let Some(build) = serving.or(newest.filter(|_| self.failed.is_none())) else {
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
    pub(super) fn build(&mut self, mut files: Vec<PathBuf>, at: Instant) {
        files.append(&mut self.changed);
        if let Some(save) = self.building.take() {
            // The files of a build that was given up are in this one.
            files.extend(save.files);
        }
        files.sort();
        files.dedup();
        self.number += 1;
        // The next program wants a machine soon.
        self.end_rest(true);
        self.streak.begin_build();
        self.screen.change(self.number, &files);
        self.building = Some(Save {
            number: self.number,
            files,
            at,
        });
        self.builder.build(Order {
            number: self.number,
            source: Arc::clone(&self.setup.source),
            is_debugged: self.debugging.is_attached(),
        });
    }

    pub(super) fn on_built(&mut self, number: u64, outcome: build::Outcome) -> Next {
        let newcomers = self.newcomers.settle(&self.setup.root);
        let Some(save) = self.building.take_if(|save| save.number == number) else {
            // The build that comes next has them too.
            if let Some(save) = &mut self.building {
                save.files.extend(newcomers);
            }
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
                if self.setup.choices.is_verbose || has_warnings(&build.output) {
                    self.screen.build_output(number, &build.output);
                }
                if let Some(took) = build.times.build {
                    self.screen.phase(number, "build", took);
                }
                self.screen.phase(number, "compile", build.times.compile);
                self.screen.phase(number, "link", build.times.link);
                if let Some(text) = image::missing_words(&build.module, &build.missing) {
                    self.screen.warn(&text);
                }
                self.launch(Arc::new(build), save);
                Next::Go
            }
        };
        self.take_in(newcomers);
        if !self.changed.is_empty() && !self.is_paused {
            self.build(Vec::new(), Instant::now());
        }
        next
    }

    /// Notes files that came during a build, and are still there after it.
    fn take_in(&mut self, newcomers: Vec<PathBuf>) {
        let Some(first) = newcomers.first() else {
            return;
        };
        if !self.changed.is_empty() || self.newcomers.may_build() {
            self.changed.extend(newcomers);
        } else if self.newcomers.are_found_out() {
            self.screen.warn(&format!(
                "`{}` is new, as a file is after every build: taken for something that the build makes (`.gitignore` or \
                 `watch` in `{FILE_NAME}` say so for good)",
                words::name(&first.display().to_string())
            ));
        }
    }

    /// Builds once more for files whose changes were passed over, when nothing else happens.
    pub(super) fn probe(&mut self) {
        if self.building.is_none()
            && !self.is_paused
            && let Some(files) = self.streak.probe()
        {
            self.build(files, Instant::now());
        }
    }

    /// Tells once of files that are taken for something that building makes.
    pub(super) fn tell_outputs(&mut self) {
        for path in self.streak.outputs() {
            self.screen.warn(&format!(
                "`{}` changes at every build: taken for something that the build makes (`.gitignore` or `watch` in \
                 `{FILE_NAME}` say so for good)",
                words::name(&path.display().to_string())
            ));
        }
    }

    pub(super) fn tell_failed(&mut self, save: &Save, after: Duration) {
        let mut text = format!("failed after {}", screen::time(after));
        if !save.files.is_empty() {
            text = format!("{}  {text}", screen::named(&save.files));
        }
        if let Some(goes_on) = self.who_goes_on() {
            text.push_str(&format!(", {goes_on}"));
        }
        self.screen.tell(save.number, &text);
    }
}

/// Whether a build that succeeded has printed something worth reading.
fn has_warnings(output: &[u8]) -> bool {
    screen::plain(output).to_lowercase().contains("warning")
}
