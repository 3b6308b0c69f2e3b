//! What a person at a terminal has of the loop: keys, signals, lines, and the terminal as it was afterwards.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::process::Command;

use crate::invoke::{self, Place, signal, wait_for};
use crate::screen::Terminal;
use crate::session::{printing, project};

/// A program that runs until it is ended.
pub(crate) fn sleeping() -> String {
    fs::read_to_string(invoke::program("doze.wat"))
        .unwrap()
        .replace("3000000000", "600000000000")
}

/// `mewz dev` in a terminal, past its first line of output.
fn start(place: &Place, arguments: &[&str], more: impl FnOnce(&mut Command)) -> Terminal {
    let mut whole = vec!["dev"];
    whole.extend(arguments);
    let mut command = place.command(&whole);
    command.env_remove("CI");
    more(&mut command);
    let terminal = Terminal::start(command);
    terminal.wait_for("asleep", 1);
    terminal
}

fn sleeping_project() -> Place {
    let place = project("");
    place.write("source.wat", sleeping());
    place
}

#[test]
fn a_shell_stops_the_loop_and_has_its_terminal_meanwhile() {
    let place = sleeping_project();
    let mut shell = place.command(&[]);
    shell.env_remove("CI");
    let mewz = shell.get_program().to_owned();
    let environment: Vec<_> = shell
        .get_envs()
        .map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned)))
        .collect();
    shell = Command::new("/bin/sh");
    shell.arg("-i").current_dir(place.path("")).env("PS1", "$ ");
    for (name, value) in environment {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    let mut terminal = Terminal::start(shell);
    terminal.wait_for("$", 1);
    terminal.press(&format!("{} dev\n", mewz.display()));
    terminal.wait_for("asleep", 1);
    terminal.wait_for_modes(true);
    // Ctrl-Z, a command of the shell's, and back.
    terminal.press("\x1a");
    terminal.wait_for("Stopped", 1);
    terminal.wait_for_modes(false);
    terminal.press("echo in the $((1 + 1))nd place\n");
    terminal.wait_for("in the 2nd place", 1);
    terminal.press("fg\n");
    terminal.wait_for_modes(true);
    terminal.press("h");
    terminal.wait_for("quit, as Ctrl-C", 1);
    place.write("source.wat", sleeping().replace("asleep\\n", "ASLEEP\\n"));
    terminal.wait_for("ASLEEP", 1);
    // Ctrl-C.
    terminal.press("\x03");
    terminal.wait_for_modes(false);
    terminal.press("echo status $?\n");
    terminal.wait_for("status 130", 1);
    // Ctrl-\.
    terminal.press(&format!("{} dev\n", mewz.display()));
    terminal.wait_for("ASLEEP", 2);
    terminal.wait_for_modes(true);
    terminal.press("\x1c");
    terminal.wait_for_modes(false);
    terminal.press("echo status $?\n");
    terminal.wait_for("status 131", 1);
    // That the machines end with the loop is nothing to tell of.
    let text = terminal.text();
    assert!(
        !text.contains("error:") && !text.contains("warning:"),
        "{text}"
    );
    terminal.press("exit\n");
    terminal.wait();
    place.assert_clean();
}

#[test]
fn lines_have_prefix_and_time_and_survive_another_size_of_the_window() {
    let place = sleeping_project();
    // The build command is told the window's size, as compilers want to know it.
    let settings = fs::read_to_string(place.path("mewz.toml")).unwrap();
    let asks = settings.replace("echo x", "stty size <&1; echo x");
    place.write("mewz.toml", asks);
    let options = ["--clear", "--notify", "--verbose"];
    let mut terminal = start(&place, &options, |_| ());
    let text = terminal.text();
    assert!(text.contains("30 110"), "{text}");
    let line = text.lines().find(|line| line.contains("asleep")).unwrap();
    let (prefix, said) = line.split_once(" │ ").unwrap();
    let words: Vec<&str> = prefix.split_whitespace().collect();
    assert_eq!(
        (words[0], words[2], said),
        ("#1", "out", "asleep"),
        "{line}"
    );
    let seconds = words[1].strip_suffix('s').unwrap();
    assert!(seconds.parse::<f64>().is_ok(), "{line}");
    assert!(text.contains("#1 build "), "{text}");

    terminal.resize((12, 40));
    terminal.press("h");
    terminal.wait_for("quit, as Ctrl-C", 1);
    terminal.resize((40, 132));
    // One that means nothing, and keys that ask for something; each of those answers in lines.
    terminal.press("x");
    for (key, answer) in [
        ("n", "no port is forwarded"),
        ("m", "mewz: "),
        ("l", "the kernel's log: info"),
        ("o", "nothing to open"),
        (" ", "paused"),
        (" ", "going on"),
    ] {
        terminal.press(key);
        terminal.wait_for(answer, 1);
    }
    // A save clears what was there; one that fails, and works again, is told of.
    place.write("source.wat", "(module");
    terminal.wait_for("failed after", 1);
    terminal.wait_for("40 132", 1);
    place.write("source.wat", sleeping());
    terminal.wait_for("asleep", 1);
    let bytes = terminal.bytes();
    assert!(bytes.contains("\x1b[2J\x1b[3J\x1b[H"), "cleared");
    for told in ["the build failed", "works again"] {
        let notice = format!("\x07\x1b]9;mewz: {told}\x1b\\");
        assert_eq!(bytes.matches(&notice).count(), 1, "{told}");
    }
    // Settings that can't be taken over are told, and so is that they are right again.
    let settings = fs::read_to_string(place.path("mewz.toml")).unwrap();
    place.write("mewz.toml", format!("{settings}[run"));
    terminal.wait_for("is not as it must be", 1);
    place.write("mewz.toml", settings);
    terminal.wait_for("is right again", 1);
    terminal.press("q");
    assert_eq!(terminal.wait().code(), Some(0));
    assert!(!terminal.is_for_keys());
    place.assert_clean();
}

/// Whether text has sequences that paint it. Source: ECMA-48, SGR.
fn has_colours(text: &str) -> bool {
    text.split("\x1b[").skip(1).any(|after| {
        let numbers = |character: char| character.is_ascii_digit() || character == ';';
        after.trim_start_matches(numbers).starts_with('m')
    })
}

#[test]
fn what_no_person_looks_at_is_plain() {
    let place = sleeping_project();
    // Without colours there are words and the keys all the same.
    let mut terminal = start(&place, &[], |command| {
        command.env("NO_COLOR", "1");
    });
    assert!(!has_colours(&terminal.bytes()), "{:?}", terminal.bytes());
    terminal.wait_for_modes(true);
    terminal.press("q");
    terminal.wait();
    // In CI nobody presses keys, though there may be a terminal.
    let mut terminal = start(&place, &[], |command| {
        command.env("CI", "true");
    });
    assert!(!terminal.is_for_keys());
    assert!(!terminal.text().contains("h: help"), "{}", terminal.text());
    terminal.press("\x03");
    assert_eq!(terminal.wait().code(), Some(130));
    // Into a file or a pipe go the program's lines as they are, and words without escapes beside them.
    place.write("source.wat", printing("plain"));
    let ended = place.run(&["dev", "--once"]);
    assert_eq!(ended.stdout, b"plain\n");
    assert!(!ended.stderr.contains('\x1b'), "{}", ended.stderr);
    place.assert_clean();
}

#[test]
fn every_way_out_gives_the_terminal_back() {
    let place = sleeping_project();
    for name in ["TERM", "HUP", "ABRT"] {
        let mut command = place.command(&["dev"]);
        command.env_remove("CI");
        let mut terminal = Terminal::start(command);
        terminal.wait_for_modes(true);
        signal(name, terminal.child.id());
        let status = terminal.wait().code().unwrap();
        assert!(status > 128, "{name}: {status}");
        assert!(!terminal.is_for_keys(), "{name}");
    }
    // A mistake of mewz's own, on another thread than the one that holds the terminal; only builds for tests can be asked
    // for one.
    let mut terminal = start(&place, &[], |_| ());
    terminal.wait_for_modes(true);
    let mut socket = UnixStream::connect(place.path(".mewz/dev.sock")).unwrap();
    socket.write_all(b"panic\n").unwrap();
    let status = terminal.wait();
    assert_eq!(status.code(), Some(101), "{}", terminal.text());
    assert!(!terminal.is_for_keys());
    terminal.wait_for("hint: this is a bug of mewz", 1);
    place.assert_clean();
}

#[test]
fn gdb_opens_on_a_crash_and_the_loop_goes_on_after_it() {
    let place = sleeping_project();
    let mut terminal = start(&place, &[], |command| {
        command.env_remove("MEWZ_GDB");
    });
    place.write(
        "source.wat",
        "(module (func $fails unreachable) (func (export \"_start\") (call $fails)))",
    );
    terminal.wait_for("stands still until the next save", 1);
    terminal.press("d");
    terminal.wait_for("(gdb)", 1);
    terminal.press("bt\n");
    terminal.wait_for("#0  0x", 1);
    terminal.wait_for("(gdb)", 2);
    // Ctrl-C is gdb's meanwhile; a save is told of when gdb is left.
    terminal.press("\x03");
    terminal.wait_for("(gdb)", 3);
    place.write("source.wat", printing("after gdb"));
    wait_for("the program", || {
        let mut socket = UnixStream::connect(place.path(".mewz/dev.sock")).unwrap();
        socket.write_all(b"logs\n").unwrap();
        let mut lines = String::new();
        BufReader::new(socket).read_line(&mut lines).unwrap();
        lines.contains("after gdb").then_some(())
    });
    assert!(
        !terminal.text().contains("after gdb"),
        "{}",
        terminal.text()
    );
    terminal.press("quit\n");
    terminal.wait_for("after gdb", 1);
    terminal.wait_for_modes(true);
    place.write("source.wat", printing("and again"));
    terminal.wait_for("and again", 1);
    terminal.press("q");
    assert_eq!(terminal.wait().code(), Some(0));
    place.assert_clean();
}
