//! A program that runs: Ctrl-C, noise on the line, debuggers that come and go.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::process::Child;

use super::invoke::{Place, free_port, signal};
use super::noise::Ticking;
use super::{Transcript, attached, command, line_socket, opened, source};

/// Starts `mewz debug` on a program that spins, and waits until it does.
fn spinning(place: &Place, commands: &[&str]) -> (Child, BufReader<std::process::ChildStdout>) {
    // gdb tells when the program goes on, after a moment and on a thread of its own: until then Ctrl-C is for gdb itself, and
    // while Python runs for that.
    let told = "python import os, threading; gdb.events.cont.connect(\
                lambda _: threading.Timer(0.5, os.write, (1, b'going on\\n')).start())";
    let mut arguments = vec!["debug", "--batch", "--ex", told];
    for line in commands {
        arguments.extend(["--ex", line]);
    }
    let module = source("spin.wat");
    arguments.push(&module);
    let mut child = command(place, &arguments).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    while !(text.contains("spinning\n") && text.contains("going on\n")) {
        assert_ne!(stdout.read_line(&mut text).unwrap(), 0, "{text}");
    }
    (child, stdout)
}

/// Reads lines until `wanted` comes; all of them.
fn read_until(stream: &mut impl std::io::BufRead, wanted: &str) -> String {
    let mut text = String::new();
    while !text.ends_with(wanted) {
        let len = stream.read_line(&mut text).unwrap();
        assert_ne!(len, 0, "the stream has ended: {text}");
    }
    text
}

#[test]
fn ctrl_c_stops_a_loop_with_interrupts_on_and_off() {
    let place = Place::new();
    let commands = [
        "set language c",
        "continue",
        "bt",
        // Interrupts off.
        "set var $eflags = $eflags & ~0x200",
        "continue",
        "p $eflags",
        "set var *(int*)64 = 1",
        "continue",
    ];
    let (mut child, mut stdout) = spinning(&place, &commands);
    let gdb = place.process("/gdb");
    // As a terminal does: to all in the foreground.
    let interrupt = || {
        signal("INT", child.id());
        signal("INT", gdb);
    };
    interrupt();
    let mut text = read_until(&mut stdout, "going on\n");
    interrupt();
    stdout.read_to_string(&mut text).unwrap();
    let mut errors = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut errors)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{text}{errors}");
    Transcript { text, errors }.assert(&[
        "Program received signal SIGINT, Interrupt.",
        "in spin ()",
        "in _start ()",
        "Program received signal SIGINT, Interrupt.",
        "$1 = [",
        "exited with code 07]",
    ]);
    place.assert_clean();
}

#[test]
fn noise_is_nothing_and_debuggers_come_and_go() {
    let place = Place::new();
    let module = source("spin.wat");
    let mut child = command(&place, &["run", "--debuggable", &module])
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "spinning\n");
    let noise: Vec<u8> = (0..=255)
        .cycle()
        .take(5000)
        .chain(*b"$q+$-#\x03$")
        .collect();
    UnixStream::connect(line_socket(&place))
        .unwrap()
        .write_all(&noise)
        .unwrap();
    let transcript = attached(&place, &["bt", "break *$pc", "continue", "detach"]);
    transcript.assert(&["in spin ()", "in _start ()", "Breakpoint 1, ", "detached]"]);
    // A debugger that is killed says no word, and leaves a breakpoint in the loop.
    let (_, address) = transcript.text.split_once("Breakpoint 1, 0x").unwrap();
    let (address, _) = address.split_once(' ').unwrap();
    let packets = [
        "qSupported:xmlRegisters=i386",
        &format!("Z0,{address},1"),
        "c",
    ];
    let packets = packets.map(|packet| {
        let sum = packet.bytes().fold(0_u8, u8::wrapping_add);
        format!("${packet}#{sum:02x}")
    });
    let mut gone = UnixStream::connect(line_socket(&place)).unwrap();
    gone.write_all(format!("+{}", packets.concat()).as_bytes())
        .unwrap();
    drop(gone);
    attached(
        &place,
        &["set language c", "set var *(int*)64 = 1", "detach"],
    )
    .assert(&["in spin ()", "detached]"]);
    assert_eq!(child.wait().unwrap().code(), Some(7));
    place.assert_clean();
}

#[test]
fn a_machine_that_was_stopped_right_before_it_sleeps_wakes_up() {
    let place = Place::new();
    let mut program = Ticking::new(&place);
    // While it stands before the instruction that sleeps, the timer's interrupt comes and waits: the only one that there is.
    let commands = [
        "tbreak *sleep_halt",
        "continue",
        "shell sleep 0.1",
        "detach",
    ];
    attached(&place, &commands).assert(&[
        "Temporary breakpoint 1, ",
        "sleep_until_interrupt",
        "detached]",
    ]);
    program.goes_on("the program behind its sleep");
    signal("INT", program.child.id());
    program.child.wait().unwrap();
    place.assert_clean();
}

#[test]
fn a_server_that_waits_shows_its_sockets() {
    let place = Place::new();
    let port = free_port();
    let published = format!("{port}:8080");
    let module = source("waiting.wat");
    let options = ["--debuggable", "--publish", &published, "--listen", "8080"];
    let arguments = [&["run"], &options[..], &[&module]].concat();
    let mut child = command(&place, &arguments).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    assert_eq!(read_until(&mut stdout, "\n"), "ready   \n");
    let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    assert_eq!(read_until(&mut stdout, "\n"), "accepted\n");
    let sockets = [
        "   3 listens on port 8080, 0 wait\n",
        "   4 connection from ",
        ":8080 to ",
    ];
    let shown = [
        &["in sock_accept ", "in accept ()", "in accept ()"],
        &sockets[..],
        &["   0 standard input\n"],
        &sockets,
    ]
    .concat();
    let commands = ["bt", "mewz program", "mewz sockets", "mewz descriptors"];
    let with_core = [&commands[..], &["mewz core asleep.core", "detach"]].concat();
    attached(&place, &with_core).assert(&[&shown[..], &["Wrote `", "detached]"]].concat());
    drop(client);
    signal("INT", child.id());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    opened(&place, "asleep.core", &commands).assert(&shown);
    place.assert_clean();
}
