//! A recording for which the disk has no room: what is told, and what it is good for.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::invoke::{Ended, Place};
use super::travel::replayed;
use super::{Kept, command, source};

/// A disk that is little larger than what is to stay free, and what takes so much of it that less does.
const DISK_MIB: usize = 80;
const FILLER_BYTES: usize = 20 << 20;

/// Where nothing ends a recording, this does.
const END: &str = "--timeout=60s";

/// Starts `command`, which records a program that spins; waits until it does.
fn spinning(command: &mut Command) -> Kept {
    let mut child = Kept(
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "spinning\n");
    child
}

/// How a recording ended that had to.
fn ended(mut child: Kept) -> Ended {
    let stderr = child.stderr.take().unwrap();
    let told = std::io::read_to_string(stderr).unwrap();
    let ended = Ended {
        status: child.wait().unwrap().code().unwrap(),
        stdout: Vec::new(),
        stderr: told,
    };
    ended.assert(1, &["the recording was ended, and the program with it"]);
    ended
}

/// The recording goes from the program's beginning to where it was ended.
fn assert_good(place: &Place) {
    let commands = ["continue", "delete", "continue", "backtrace"];
    replayed(place, &["--break", "spin"], &commands).assert(&[
        "Breakpoint 1, ",
        "No more reverse-execution history.",
        "in _start ()",
    ]);
}

/// `mewz` in a namespace with a small disk at `small`, after `script`.
fn on_a_small_disk(place: &Place, script: &str, arguments: &[&str]) -> Command {
    let mewz = command(place, arguments);
    let script = format!("mount -t tmpfs -o size={DISK_MIB}m none small && {script}");
    let mut unshare = Command::new("unshare");
    unshare
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script])
        .arg(mewz.get_program())
        .args(mewz.get_args())
        .current_dir(place.path(""))
        .stdin(Stdio::null());
    for (name, value) in mewz.get_envs() {
        match value {
            Some(value) => unshare.env(name, value),
            None => unshare.env_remove(name),
        };
    }
    unshare
}

/// `folder` as a process in its own namespace sees it.
fn inside(process: u32, folder: &Path) -> PathBuf {
    PathBuf::from(format!("/proc/{process}/root{}", folder.display()))
}

#[test]
fn a_recording_for_which_the_disk_has_no_room_is_ended_and_is_good() {
    let place = Place::new();
    fs::create_dir(place.path("small")).unwrap();
    if !on_a_small_disk(&place, "true", &[])
        .status()
        .unwrap()
        .success()
    {
        println!("left out: a full disk: no namespace can be made here");
        return;
    }
    let spin = source("spin.wat");
    let arguments = ["debug", "--record=small/made.recording", END, &spin];
    // Too full from the beginning.
    let full = format!("head -c {FILLER_BYTES} /dev/zero > small/filler && exec \"$0\" \"$@\"");
    let refused = Ended::new(on_a_small_disk(&place, &full, &arguments).output().unwrap());
    refused.assert(
        1,
        &[
            "cannot record to",
            "a recording keeps 64.00 MiB free",
            "`--record=FOLDER` names another place",
        ],
    );

    // And once it runs.
    let script = "\"$0\" \"$@\"; status=$?; cp -R small/made.recording . && exit $status";
    let child = spinning(&mut on_a_small_disk(&place, script, &arguments));
    let filler = inside(child.id(), &place.path("small/filler"));
    fs::write(filler, vec![0; FILLER_BYTES]).unwrap();
    ended(child).assert(1, &["a recording keeps 64.00 MiB free", "Recorded `"]);
    assert_good(&place);
}
