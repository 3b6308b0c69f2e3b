//! What is saved runs, once and whole; nothing that is no save does anything.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::invoke::{self, Place, signal, wait_for};
use crate::session::{Loop, builds, printing, project};

#[test]
fn a_program_runs_again_at_every_save_and_at_nothing_else() {
    let place = project("");
    let source = place.write("source.wat", printing("one"));
    let mut dev = Loop::start(place, &[]);
    assert_eq!(dev.next_line(), "one");
    assert_eq!(dev.next("exit")["status"], 0);
    dev.assert_silent("the first run");

    // Nothing of this is another content.
    fs::write(&source, printing("one")).unwrap();
    let opened = fs::File::options().write(true).open(&source).unwrap();
    opened.set_modified(std::time::SystemTime::now()).unwrap();
    fs::set_permissions(&source, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    dev.place.write(".source.wat.swp", "swap");
    dev.place.write("built", "x\n");
    dev.assert_silent("saves that change nothing");
    assert_eq!(builds(&dev.place), 1);

    // A save in place, one by renaming, and one as Vim does it.
    fs::write(&source, printing("two")).unwrap();
    assert_eq!(
        dev.next("change")["files"],
        serde_json::json!(["source.wat"])
    );
    assert_eq!(dev.next_line(), "two");
    dev.next("exit");
    // Written where nobody looks: the rename alone tells of it.
    let new = dev.place.write("../new", printing("three"));
    fs::rename(&new, &source).unwrap();
    assert_eq!(dev.next_line(), "three");
    dev.next("exit");
    fs::write(dev.place.path("4913"), "").unwrap();
    fs::remove_file(dev.place.path("4913")).unwrap();
    fs::rename(&source, dev.place.path("source.wat~")).unwrap();
    fs::write(&source, printing("four")).unwrap();
    fs::remove_file(dev.place.path("source.wat~")).unwrap();
    assert_eq!(dev.next_line(), "four");
    dev.next("exit");
    dev.assert_silent("the saves");

    // A build that fails does not end the loop, and the next save mends it.
    fs::write(&source, "(module (func $x").unwrap();
    let error = dev.next("error");
    let text = error["text"].as_str().unwrap();
    assert!(text.contains("made.wat"), "{text}");
    fs::write(&source, printing("five")).unwrap();
    assert_eq!(dev.next_line(), "five");
    dev.next("exit");
    // So does a trap.
    fs::write(
        &source,
        "(module (func $f unreachable) (func (export \"_start\") (call $f)))",
    )
    .unwrap();
    let trap = dev.next("trap");
    let text = trap["text"].as_str().unwrap();
    assert!(
        text.contains("trap: unreachable") && text.contains("`f`"),
        "{text}"
    );
    fs::write(&source, printing("six")).unwrap();
    assert_eq!(dev.next_line(), "six");
    assert_eq!(dev.next("exit")["status"], 0);
    assert_eq!(dev.stop("INT"), Some(130));
}

#[test]
fn of_many_saves_the_last_one_runs() {
    let place = project("");
    let source = place.write("source.wat", printing("first"));
    let mut dev = Loop::start(place, &[]);
    dev.next("exit");
    for save in 0..20 {
        fs::write(&source, printing(&format!("save {save}"))).unwrap();
        thread::sleep(Duration::from_millis(50));
    }
    while dev.next_line() != "save 19" {}
    // A build that had begun before the last save, and read it all the same, is made sure of by one more.
    let rest = dev.rest();
    let lines = rest.iter().filter(|event| event["stream"] == "stdout");
    assert!(
        lines.into_iter().all(|line| line["text"] == "save 19"),
        "{rest:#?}"
    );
    assert_eq!(dev.stop("TERM"), Some(143));
}

#[test]
fn a_file_that_every_build_makes_ends_no_build_for_ever() {
    let place = project("");
    let command = "command = \"date +%N > generated; cat source.wat > made.wat\"";
    place.write(
        "mewz.toml",
        format!("mewz = 1\n[build]\n{command}\nwasm = \"made.wat\"\n"),
    );
    let source = place.write("source.wat", printing("one"));
    let mut dev = Loop::start(place, &[]);
    let warning = dev.next("warning");
    let text = warning["text"].as_str().unwrap();
    assert!(
        text.contains("`generated` changes at every build"),
        "{text}"
    );
    dev.rest();
    fs::write(&source, printing("two")).unwrap();
    while dev.next_line() != "two" {}
    assert_eq!(dev.stop("INT"), Some(130));
}

#[test]
fn a_module_that_something_else_makes_is_followed() {
    let place = Place::new();
    place.write("app.wat", printing("one"));
    let mut dev = Loop::start(place, &["app.wat"]);
    assert_eq!(dev.next_line(), "one");
    dev.next("exit");
    dev.place.write("other.wat", printing("other"));
    dev.assert_silent("a file beside it");
    dev.place.write("app.wat", printing("two"));
    assert_eq!(dev.next_line(), "two");
    dev.next("exit");
    assert_eq!(dev.stop("INT"), Some(130));
}

#[test]
fn the_project_file_is_taken_over_by_its_meaning() {
    let place = project("");
    place.write(
        "source.wat",
        fs::read_to_string(invoke::program("arguments.wat")).unwrap(),
    );
    let text = fs::read_to_string(place.path("mewz.toml")).unwrap();
    let mut dev = Loop::start(place, &[]);
    dev.next("exit");
    dev.rest();
    dev.place.write("mewz.toml", format!("# a comment\n{text}"));
    dev.assert_silent("a comment");
    assert_eq!(builds(&dev.place), 1);
    dev.place
        .write("mewz.toml", format!("{text}[run]\nargs = [\"--new\"]\n"));
    dev.next("exit");
    let lines: Vec<&Value> = dev
        .seen
        .iter()
        .filter(|event| event["stream"] == "stdout")
        .collect();
    assert!(format!("{lines:?}").contains("--new"), "{lines:?}");
    dev.place
        .write("mewz.toml", format!("{text}[run]\nargz = []\n"));
    let error = dev.next("error");
    assert!(error["text"].as_str().unwrap().contains("args"), "{error}");
    fs::remove_file(dev.place.path("mewz.toml")).unwrap();
    let warning = dev.next("warning");
    assert!(
        warning["text"].as_str().unwrap().contains("is gone"),
        "{warning}"
    );
    dev.place.write("source.wat", printing("still here"));
    while dev.next_line() != "still here" {}
    assert_eq!(dev.stop("INT"), Some(130));
}

#[test]
fn a_build_that_a_newer_save_ends_is_not_the_last_one() {
    let place = project("");
    let text = fs::read_to_string(place.path("mewz.toml")).unwrap();
    place.write(
        "mewz.toml",
        text.replace("cat source", "sleep $(cat pause); cat source"),
    );
    place.write("pause", "0.3");
    let source = place.write("source.wat", printing("first"));
    let mut dev = Loop::start(place, &[]);
    dev.next("exit");
    // Each but the last ends the build that the one before it began.
    for save in 0..5 {
        fs::write(&source, printing(&format!("save {save}"))).unwrap();
        dev.next("change");
    }
    while dev.next_line() != "save 4" {}
    dev.next("exit");
    dev.assert_silent("the last save");
    // It does not wait for the end of one that takes its time.
    dev.place.write("pause", "1000");
    dev.next("change");
    dev.place.process("sleep\x001000");
    dev.place.write("pause", "0");
    assert_eq!(dev.next_line(), "save 4");
    assert_eq!(dev.stop("INT"), Some(130));
}

/// A project whose build has files of its own beside the module: unfinished ones, which it takes away, and what `more` makes.
fn project_with_unfinished_output(more: &str) -> Place {
    let place = project("");
    let command = format!(
        "echo x >> built; for at in 1 2 3; do cat source.wat > made.wat.tmp$$-$at; sleep 0.05; \
         mv made.wat.tmp$$-$at made.wat; done{more}"
    );
    place.write(
        "mewz.toml",
        format!("mewz = 1\n[build]\ncommand = \"{command}\"\nwasm = \"made.wat\"\n"),
    );
    place.write("source.wat", printing("one"));
    place
}

#[test]
fn what_a_build_makes_and_takes_away_is_no_save() {
    let place = project_with_unfinished_output("; sleep $(cat pause)");
    place.write("pause", "0");
    let mut dev = Loop::start(place, &[]);
    assert_eq!(dev.next_line(), "one");
    dev.next("exit");
    dev.assert_silent("the first run");
    dev.place.write("source.wat", printing("two"));
    assert_eq!(dev.next_line(), "two");
    dev.next("exit");
    dev.assert_silent("a save");
    assert_eq!(builds(&dev.place), 2);
    // A file of a person's that comes during a build waits for its end, and no longer.
    dev.place.write("pause", "1");
    dev.next("change");
    dev.place.write("new.txt", "a source");
    let change = dev.next("change");
    assert_eq!(change["files"], serde_json::json!(["new.txt"]));
    assert_eq!(change["number"], 4);
    while dev.next("exit")["number"] != 4 {}
    assert_eq!(builds(&dev.place), 4);
    // One that was there before ends it, and so does one that goes.
    dev.place.write("source.wat", printing("three"));
    dev.next("change");
    fs::remove_file(dev.place.path("new.txt")).unwrap();
    assert_eq!(dev.next("change")["number"], 6);
    dev.place.write("pause", "0");
    assert_eq!(dev.next_line(), "three");
    dev.next("exit");
    dev.assert_silent("the last save");
    assert_eq!(dev.stop("INT"), Some(130));
}

#[test]
fn a_build_that_makes_new_files_each_time_does_not_go_on_for_ever() {
    let place = project_with_unfinished_output("; date > trace$$");
    let mut dev = Loop::start(place, &[]);
    let warning = dev.next("warning");
    let text = warning["text"].as_str().unwrap();
    assert!(
        text.contains("is new, as a file is after every build"),
        "{text}"
    );
    dev.rest();
    let before = builds(&dev.place);
    dev.place.write("source.wat", printing("two"));
    assert_eq!(dev.next_line(), "two");
    dev.rest();
    assert!(builds(&dev.place) <= before + 2);
    assert_eq!(dev.stop("INT"), Some(130));
}

/// Time that a process has had, of both kinds.
fn processor_time(id: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

#[test]
fn a_folder_of_fifty_thousand_files_is_watched_at_rest() {
    const FOLDERS: usize = 250;
    const FILES: usize = 50_000;
    let place = project("");
    place.write("source.wat", printing("one"));
    for folder in 0..FOLDERS {
        let folder = place.path(&format!("assets/{folder}"));
        fs::create_dir_all(&folder).unwrap();
        for file in 0..FILES / FOLDERS {
            fs::write(folder.join(format!("{file}.txt")), "x").unwrap();
        }
    }
    let start = Instant::now();
    let mut dev = Loop::start(place, &["--verbose"]);
    assert_eq!(dev.next_line(), "one");
    dev.next("exit");
    println!("{FILES} files: the first line after {:?}", start.elapsed());
    // A file deep down is seen, once all are read.
    dev.place.write("assets/7/7.txt", "y");
    dev.next("change");
    assert_eq!(dev.next_line(), "one");
    dev.next("exit");
    let watches: usize = fs::read_dir(format!("/proc/{}/fdinfo", dev.child.id()))
        .unwrap()
        .map(|file| fs::read_to_string(file.unwrap().path()).unwrap_or_default())
        .map(|text| {
            text.lines()
                .filter(|line| line.starts_with("inotify "))
                .count()
        })
        .sum();
    // One for each folder, and the one above them.
    assert!(
        (FOLDERS..FOLDERS + 10).contains(&watches),
        "{watches} watches"
    );
    dev.rest();
    let before = processor_time(dev.child.id());
    dev.assert_silent("nothing");
    let idle = processor_time(dev.child.id()) - before;
    assert!(
        idle < Duration::from_millis(100),
        "{idle:?} of doing nothing"
    );
    assert_eq!(dev.stop("INT"), Some(130));
}

#[test]
fn functions_are_kept_in_the_project_and_may_go_at_any_moment() {
    let place = project("");
    place.write("source.wat", printing("one"));
    let compiled = |dev: &mut Loop| {
        let ready = dev.next("ready");
        dev.next("exit");
        let count = |name: &str| ready[name].as_u64().unwrap();
        (count("functions_compiled"), count("functions"))
    };
    let mut dev = Loop::start(place, &[]);
    assert_eq!(compiled(&mut dev), (1, 1));
    let folder = dev.place.path(".mewz/cache");
    let stored = wait_for("the store", || fs::read_dir(&folder).ok()?.next());
    let stored = stored.unwrap().path();
    // Gone while the loop runs: it still knows, and keeps what comes.
    fs::remove_dir_all(&folder).unwrap();
    dev.place.write(
        "source.wat",
        printing("two").replace("(drop", "(nop) (drop"),
    );
    assert_eq!(compiled(&mut dev), (1, 1));
    dev.place.write(
        "source.wat",
        printing("three").replace("(drop", "(nop) (drop"),
    );
    assert_eq!(compiled(&mut dev), (0, 1));
    wait_for("the store", || stored.exists().then_some(()));
    signal("INT", dev.child.id());
    dev.child.wait().unwrap();
    let place = std::mem::replace(&mut dev.place, Place::new());
    // The next one finds it; `mewz build`, whose code is another, keeps its own there.
    let mut dev = Loop::start(place, &[]);
    assert_eq!(compiled(&mut dev), (0, 1));
    for compiled in [1, 0] {
        let built = dev.place.run(&["build", "--json"]);
        let built: Value = serde_json::from_slice(&built.stdout).unwrap();
        assert_eq!(built["functions_compiled"], compiled, "{built}");
    }
    assert!(!dev.place.cache().join("mewz/functions").exists());
    signal("INT", dev.child.id());
    dev.child.wait().unwrap();
    let place = std::mem::replace(&mut dev.place, Place::new());
    // One that is damaged is as good as none.
    let mut bytes = fs::read(&stored).unwrap();
    bytes.iter_mut().step_by(64).for_each(|byte| *byte ^= 1);
    fs::write(&stored, bytes).unwrap();
    let mut dev = Loop::start(place, &[]);
    assert_eq!(compiled(&mut dev), (1, 1));
    assert_eq!(dev.stop("INT"), Some(130));
}
