//! Watches the files that a program is made of, on a thread of its own.
//!
//! Folders are watched one by one, those that git ignores not at all: a `target` would use up what the system gives out.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender as MessageSender, channel};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{ErrorKind, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use super::event::{Event, Sender};
use super::tree::Tree;

/// All events of one save come within two milliseconds.
const QUIET: Duration = Duration::from_millis(10);

/// Files that are written all the time are looked at all the same. A save in place empties the file first: one that is not
/// closed yet is waited for so long.
const QUIET_MAX: Duration = Duration::from_millis(100);

/// How often files are looked at where the system does not tell of changes.
const LOOK: Duration = Duration::from_millis(500);

/// What changes which files count.
const IGNORE_FILES: [&str; 2] = [".gitignore", ".ignore"];

/// Watches until it is dropped.
#[derive(Debug)]
pub(super) struct Watch {
    messages: MessageSender<Message>,
}

/// What the thread hears.
enum Message {
    File(notify::Result<notify::Event>),
    Stop,
}

impl Watch {
    /// Begins to watch `tree`.
    pub(super) fn start(tree: Tree, events: Sender) -> Self {
        let (messages, heard) = channel();
        let own = messages.clone();
        let on_event = move |event| drop(own.send(Message::File(event)));
        let watcher = notify::recommended_watcher(on_event);
        let mut thread = Thread {
            tree,
            watcher: None,
            events,
        };
        match watcher {
            Ok(watcher) => {
                thread.watcher = Some(watcher);
                let folders = thread.tree.folders().clone();
                thread.watch(&folders);
            }
            Err(problem) => thread.look_instead(&problem),
        }
        std::thread::spawn(move || thread.run(&heard));
        Self { messages }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.messages.send(Message::Stop);
    }
}

struct Thread {
    tree: Tree,
    /// `None` where the system does not tell of changes.
    watcher: Option<RecommendedWatcher>,
    events: Sender,
}

/// What has been heard of since the last look.
#[derive(Default)]
struct Heard {
    folders: BTreeSet<PathBuf>,
    files: BTreeSet<PathBuf>,
    /// Files that are being written.
    unfinished: BTreeSet<PathBuf>,
    /// Something was missed, or other files count now.
    is_all: bool,
    stop: bool,
}

impl Heard {
    fn is_empty(&self) -> bool {
        self.files.is_empty() && !self.is_all
    }

    fn take(&mut self, message: Message) {
        let event = match message {
            Message::Stop => {
                self.stop = true;
                return;
            }
            Message::File(Ok(event)) => event,
            // The kernel's queue was too short, or a folder has gone.
            Message::File(Err(_)) => {
                self.is_all = true;
                return;
            }
        };
        match event.kind {
            EventKind::Modify(ModifyKind::Data(_)) => {
                self.unfinished.extend(event.paths.iter().cloned());
            }
            EventKind::Access(AccessKind::Close(AccessMode::Write))
            | EventKind::Modify(ModifyKind::Name(_))
            | EventKind::Remove(_) => {
                for path in &event.paths {
                    self.unfinished.remove(path);
                }
            }
            // Someone reads.
            EventKind::Access(_) => return,
            _ => {}
        }
        self.is_all |= event.need_rescan();
        for path in event.paths {
            let is_ignore = |name: &&str| path.file_name().is_some_and(|own| own == *name);
            self.is_all |= IGNORE_FILES.iter().any(is_ignore);
            if let Some(folder) = path.parent() {
                self.folders.insert(folder.to_owned());
            }
            self.files.insert(path);
        }
    }
}

impl Thread {
    fn run(mut self, messages: &Receiver<Message>) {
        let mut at = Instant::now();
        let mut changed = self.tree.read();
        let mut new = BTreeSet::new();
        loop {
            if !changed.is_empty() && !self.tell(&changed, &new, at) {
                return;
            }
            let Some(heard) = self.hear(messages, &mut at) else {
                return;
            };
            let look = if heard.is_all || self.watcher.is_none() {
                self.tree.look_at_all()
            } else {
                self.tree.look(&heard.folders, &heard.files)
            };
            self.watch(&look.folders);
            (changed, new) = (look.changed, look.new);
            if !look.folders.is_empty() {
                // What came into a new folder before it was watched.
                let late = self.tree.look(&look.folders, &heard.files);
                changed.extend(late.changed);
                new.extend(late.new);
            }
        }
    }

    fn tell(&self, changed: &BTreeSet<PathBuf>, new: &BTreeSet<PathBuf>, at: Instant) -> bool {
        let short = |path: &PathBuf| self.tree.short(path).to_owned();
        let event = Event::Changed {
            paths: changed.iter().map(short).collect(),
            new: new.iter().map(short).collect(),
            at,
        };
        self.events.send(event).is_ok()
    }

    /// Waits until something has happened and nothing more does; `None` when nobody wants to know any more.
    fn hear(&self, messages: &Receiver<Message>, at: &mut Instant) -> Option<Heard> {
        let mut heard = Heard::default();
        let mut first: Option<Instant> = None;
        loop {
            let patience = match first {
                None if self.watcher.is_none() => LOOK,
                None => Duration::MAX,
                Some(first) if Instant::now() > first + QUIET_MAX => return Some(heard),
                Some(_) => QUIET,
            };
            let message = match patience {
                Duration::MAX => messages.recv().map_err(|_| RecvTimeoutError::Disconnected),
                patience => messages.recv_timeout(patience),
            };
            match message {
                Ok(message) => heard.take(message),
                Err(RecvTimeoutError::Timeout)
                    if !heard.unfinished.is_empty()
                        && first.is_some_and(|first| first.elapsed() < QUIET_MAX) => {}
                Err(RecvTimeoutError::Timeout) => {
                    *at = first.unwrap_or_else(Instant::now);
                    return Some(heard);
                }
                Err(RecvTimeoutError::Disconnected) => return None,
            }
            if heard.stop {
                return None;
            }
            if first.is_none() && !heard.is_empty() {
                first = Some(Instant::now());
                *at = Instant::now();
            }
        }
    }

    /// Watches `folders` too; where the system refuses, files are looked at from time to time instead.
    fn watch(&mut self, folders: &BTreeSet<PathBuf>) {
        let Some(watcher) = &mut self.watcher else {
            return;
        };
        let problem = folders.iter().find_map(|folder| {
            match watcher.watch(folder, RecursiveMode::NonRecursive) {
                Err(problem) if !is_gone(&problem, folder) => Some(problem),
                _ => None,
            }
        });
        if let Some(problem) = problem {
            self.look_instead(&problem);
        }
    }

    fn look_instead(&mut self, problem: &notify::Error) {
        self.watcher = None;
        let _ = self.events.send(Event::Warning(why_looking(problem)));
    }
}

/// A folder that went while it was to be watched is no trouble.
fn is_gone(problem: &notify::Error, folder: &Path) -> bool {
    matches!(
        problem.kind,
        ErrorKind::PathNotFound | ErrorKind::WatchNotFound
    ) || !folder.exists()
}

fn why_looking(problem: &notify::Error) -> String {
    let is_used_up = match &problem.kind {
        ErrorKind::MaxFilesWatch => true,
        ErrorKind::Io(problem) => matches!(
            problem
                .raw_os_error()
                .map(rustix::io::Errno::from_raw_os_error),
            Some(rustix::io::Errno::NOSPC | rustix::io::Errno::MFILE)
        ),
        _ => false,
    };
    let why = match is_used_up {
        true => "the system gives out no more watches (inotify)".to_owned(),
        false => io::Error::other(problem.to_string()).to_string(),
    };
    let mut text = format!("{why}: files are looked at twice a second instead");
    if is_used_up {
        text.push_str(
            "; `sysctl fs.inotify.max_user_watches=1048576 fs.inotify.max_user_instances=1024` allows more",
        );
    }
    text
}
