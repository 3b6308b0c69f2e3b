//! What a project chooses: what becomes of the old program, when a new one is up, and settings of this user alone.

use std::fs;

use crate::invoke::{self, wait_for};
use crate::serving::{ask, server_project};
use crate::session::{Loop, builds, project};

#[test]
fn an_error_ends_the_program_where_that_is_asked_for() {
    let (place, port) = server_project("[dev]\non-error = \"stop\"\n");
    place.write("version", "one");
    let mut dev = Loop::start(place, &[]);
    dev.next("ready");
    // The one that waits for a program is no program.
    wait_for("the next machine", || {
        (dev.ask("status")["waiting"] == 1).then_some(())
    });
    let machines = dev.place.machines();
    assert_eq!(machines.len(), 2);
    dev.place.write("version", "nothing");
    dev.next("error");
    wait_for("the page of the error", || {
        let (status, body) = ask(port, "/");
        (status == 503 && body.contains("the build failed")).then_some(())
    });
    assert!(dev.ask("status")["serving"].is_null());
    wait_for("the machine's end", || {
        (dev.place.machines() == machines[1..]).then_some(())
    });
    // One that traps leaves nothing that serves, either.
    for (version, event) in [("two", "ready"), ("trap", "trap"), ("three", "ready")] {
        dev.place.write("version", version);
        dev.next(event);
        match event {
            "ready" => assert_eq!(ask(port, "/"), (200, version.to_owned())),
            // It is told of before its machine and the old one are gone.
            _ => wait_for("the page of the trap", || {
                (ask(port, "/").0 == 503).then_some(())
            }),
        }
    }
    assert_eq!(dev.stop("INT"), Some(130));
}

#[test]
fn a_program_that_does_not_open_its_port_in_time_gives_way_to_the_one_before() {
    // Some hundred times as long as a server takes.
    let (place, port) = server_project("ready = { port = 8080, timeout = \"3s\" }\n");
    place.write("version", "one");
    let mut dev = Loop::start(place, &[]);
    dev.next("ready");
    dev.place.write("version", "silent");
    let error = dev.next("error");
    let text = error["text"].as_str().unwrap();
    assert!(
        text.contains("#2 was ended") && text.contains("8080"),
        "{text}"
    );
    assert_eq!(ask(port, "/"), (200, "one".to_owned()));
    assert_eq!(dev.ask("status")["serving"], 1);
    // It does not stand in the way of the next one.
    dev.place.write("version", "two");
    dev.next("ready");
    assert_eq!(ask(port, "/"), (200, "two".to_owned()));
    wait_for("the end of all machines but two", || {
        (dev.place.machines().len() == 2).then_some(())
    });
    assert_eq!(dev.stop("INT"), Some(130));
}

#[test]
fn a_file_of_settings_of_this_user_comes_changes_and_goes() {
    let place = project("[run]\nargs = [\"--shared\"]\n");
    place.write(
        "source.wat",
        fs::read_to_string(invoke::program("arguments.wat")).unwrap(),
    );
    let mut dev = Loop::start(place, &[]);
    // What the program has said of its arguments when it has ended.
    let arguments = |dev: &mut Loop| {
        dev.seen.clear();
        dev.next("exit");
        let lines = dev.seen.iter();
        let lines = lines.filter(|event| event["stream"] == "stdout");
        let text: String = lines.filter_map(|event| event["text"].as_str()).collect();
        ["--shared", "--mine", "--changed"].map(|word| text.contains(word))
    };
    assert_eq!(arguments(&mut dev), [true, false, false]);
    let local = |dev: &Loop, text: &str| dev.place.write("mewz.local.toml", text);
    local(&dev, "[run]\nargs = [\"--mine\"]\n");
    assert_eq!(arguments(&mut dev), [false, true, false]);
    local(&dev, "[run]\nargs = [\"--changed\"]\n");
    assert_eq!(arguments(&mut dev), [false, false, true]);
    // A mistake is told with its place, and changes nothing.
    local(&dev, "[run]\nargs = [\"--changed\"]\nmemroy = \"1GiB\"\n");
    let error = dev.next("error");
    let text = error["text"].as_str().unwrap();
    for word in ["mewz.local.toml", "memroy", "memory"] {
        assert!(text.contains(word), "no {word:?} in {text}");
    }
    dev.assert_silent("a mistake");
    fs::remove_file(dev.place.path("mewz.local.toml")).unwrap();
    assert_eq!(arguments(&mut dev), [true, false, false]);
    // None of it needs a build.
    assert_eq!(builds(&dev.place), 1);
    assert_eq!(dev.stop("INT"), Some(130));
}
