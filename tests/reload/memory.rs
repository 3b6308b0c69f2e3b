//! What the loop and its machines hold after many reloads: as much as after few.

use std::fs;

use serde_json::Value;

use crate::invoke::{Place, files, wait_for};
use crate::server::{Kind, project};
use crate::session::{Session, tell};

/// Most that the command line may hold.
const OWN_KIB_MAX: u64 = 100 << 10;

/// Most that a machine may hold that waits or serves.
const MACHINE_KIB_MAX: u64 = 64 << 10;

/// What all of it may grow by after a third of the reloads.
const GROWTH_KIB_MAX: u64 = 8 << 10;

/// Threads and open files of the control socket's answers may not have ended yet.
const PASSING: usize = 3;

/// Every so many reloads one is bad: this one of them. What is measured is held after good ones.
const BAD_EVERY: usize = 5;
const BAD: usize = 2;

/// What there is between two saves.
#[derive(Debug, PartialEq, Eq)]
struct Held {
    own_kib: u64,
    machine_kib: Vec<u64>,
    threads: usize,
    open_files: usize,
    memory_files: usize,
    temporary_files: usize,
}

#[test]
fn many_reloads_hold_as_much_as_few() {
    let reloads = crate::reloads().unwrap_or(40);
    let (place, _) = project();
    let mut dev = Session::start(place);
    dev.outcome("ready");
    let mut early = None;
    for number in 1..=reloads {
        let is_bad = number % BAD_EVERY == BAD;
        let kind = match is_bad {
            true => Kind::BAD[number / BAD_EVERY % Kind::BAD.len()],
            false => Kind::Good,
        };
        dev.save("version", &kind.version(number));
        dev.outcome(kind.event());
        // Old machines end, the next one is up; one that crashed stays until the next program is there.
        let has_crashed = matches!(kind, Kind::Trap | Kind::Unknown);
        settle(&dev, 2 + usize::from(has_crashed));
        let third = reloads / 3;
        if number == third || number % 50 == 0 || number == reloads {
            let held = Held::by(&dev);
            tell(&format!("after {number} reloads: {held:?}"));
            held.assert_little();
            if number == third {
                early = Some(held);
            } else if let Some(early) = &early {
                held.assert_not_above(early);
            }
        }
    }
    let status = dev.ask("status");
    assert_eq!(status["number"], Value::from(reloads + 1), "{status}");
    dev.stop();
}

/// Bytes of data of a module that is large: a build takes them three times over.
const DATA_BYTES: usize = 16 << 20;

#[test]
fn of_a_large_module_no_more_is_held_than_of_one() {
    let place = Place::new();
    place.write(
        "mewz.toml",
        "mewz = 1\n[build]\ncommand = \"cp source.wasm made.wasm\"\nwasm = \"made.wasm\"\n\
         [run]\nmemory = \"256MiB\"\n",
    );
    let data = "x".repeat(DATA_BYTES);
    let pages = DATA_BYTES / 65536 + 1;
    let text = format!(
        "(module (memory (export \"memory\") {pages}) (data (i32.const 1024) \"{data}\") (func (export \"_start\")))"
    );
    let mut module = wat::parse_str(text).unwrap();
    place.write("source.wasm", &module);
    let mut dev = Session::start(place);
    dev.outcome("exit");
    for number in 1..=6 {
        // The last byte of the data is the module's last.
        *module.last_mut().unwrap() = b'0' + number;
        let new = dev.place.write(".source.new", &module);
        fs::rename(new, dev.place.path("source.wasm")).unwrap();
        dev.outcome("exit");
        let kib = resident_kib(dev.id());
        tell(&format!("after {number} reloads: {kib} KiB"));
        assert!(kib < OWN_KIB_MAX, "after {number} reloads: {kib} KiB");
    }
    dev.stop();
}

/// Waits for one machine that serves and one that waits, `count` machines with those that crashed.
fn settle(dev: &Session, count: usize) {
    wait_for("one machine that serves and one that waits", || {
        let status = dev.ask("status");
        let is_settled = status["starting"] == false && status["waiting"] == 1;
        (is_settled && dev.place.machines().len() == count).then_some(())
    });
}

impl Held {
    fn by(dev: &Session) -> Self {
        let own = dev.id();
        let open = |what: &str| fs::read_dir(format!("/proc/{own}/{what}")).unwrap();
        let links = open("fd").flatten();
        let links: Vec<_> = links
            .filter_map(|entry| fs::read_link(entry.path()).ok())
            .collect();
        let is_memory = |link: &&std::path::PathBuf| link.to_string_lossy().contains("memfd:");
        Self {
            own_kib: resident_kib(own),
            machine_kib: dev.place.machines().into_iter().map(resident_kib).collect(),
            threads: open("task").count(),
            memory_files: links.iter().filter(is_memory).count(),
            open_files: links.len(),
            temporary_files: files(&dev.place.temporary()).len(),
        }
    }

    #[track_caller]
    fn assert_little(&self) {
        assert!(self.own_kib < OWN_KIB_MAX, "{self:?}");
        let mut machines = self.machine_kib.iter();
        assert!(machines.all(|kib| *kib < MACHINE_KIB_MAX), "{self:?}");
        assert_eq!(self.temporary_files, 0, "{self:?}");
    }

    #[track_caller]
    fn assert_not_above(&self, early: &Self) {
        let words = format!("{self:?}, where early it was {early:?}");
        assert!(self.own_kib <= early.own_kib + GROWTH_KIB_MAX, "{words}");
        let sum = |held: &Self| held.machine_kib.iter().sum::<u64>();
        assert!(sum(self) <= sum(early) + GROWTH_KIB_MAX, "{words}");
        for (late, early) in [
            (self.threads, early.threads),
            (self.open_files, early.open_files),
            (self.memory_files, early.memory_files),
        ] {
            assert!(late <= early + PASSING, "{words}");
        }
    }
}

fn resident_kib(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.expect("a process that lives has memory")
}
