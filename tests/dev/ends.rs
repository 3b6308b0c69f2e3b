//! One loop a folder, and nothing that is left of it when it ends.

use std::fs;

use crate::invoke::{self, Place};
use crate::session::{Loop, printing, project};

#[test]
fn once_ends_with_the_status_of_the_program() {
    let place = Place::new();
    let status = fs::read_to_string(invoke::program("status.wat")).unwrap();
    place.write("status.wat", status);
    let ended = place.run(&["dev", "--once", "status.wat", "--", "7"]);
    let run = place.run(&["run", "status.wat", "--", "7"]);
    assert_eq!(ended.status, run.status, "{ended:?}");
    assert_ne!(ended.status, 0);
    assert!(!ended.stderr.contains('\x1b'), "{}", ended.stderr);
    place.write("bad.wat", "(module");
    place
        .run(&["dev", "--once", "bad.wat"])
        .assert(1, &["bad.wat"]);
    place.assert_clean();
}

#[test]
fn a_second_loop_in_a_folder_is_refused_and_a_killed_one_leaves_nothing() {
    let place = project("");
    place.write(
        "source.wat",
        fs::read_to_string(invoke::program("doze.wat")).unwrap(),
    );
    let mut dev = Loop::start(place, &[]);
    assert_eq!(dev.next_line(), "asleep");
    let id = dev.child.id();
    dev.place
        .run(&["dev"])
        .assert(2, &["runs in", &format!("process {id}")]);
    // The control socket answers meanwhile.
    let status = dev.ask("status");
    assert_eq!(
        (&status["serving"], &status["paused"]),
        (&1.into(), &false.into())
    );
    assert_eq!(dev.ask("pause")["paused"], true);
    dev.place.write("source.wat", printing("after the pause"));
    dev.assert_silent("a save while it pauses");
    dev.ask("resume");
    assert_eq!(dev.next_line(), "after the pause");
    assert!(dev.ask("logs").to_string().contains("after the pause"));
    assert!(
        dev.ask("dance")["error"]
            .as_str()
            .unwrap()
            .contains("reload")
    );
    assert_eq!(dev.stop("KILL"), None);
}

#[test]
fn a_killed_loop_takes_a_build_and_its_children_with_it() {
    let dev = Loop::start(project(""), &[]);
    let settings = fs::read_to_string(dev.place.path("mewz.toml")).unwrap();
    let slow = settings.replace("echo x", "sleep 1000 & sleep 1000; echo x");
    assert_ne!(settings, slow);
    dev.place.write("mewz.toml", slow);
    // Not the shell, whose command names it too.
    dev.place.process("sleep\x001000");
    assert_eq!(dev.stop("KILL"), None);
}
