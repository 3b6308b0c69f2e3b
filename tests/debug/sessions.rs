//! Sessions on a machine that waits before its first instruction: looking, stepping, watching, changing.

use super::invoke::{Ended, Place, program};
use super::{command, session, source};

#[test]
fn a_program_is_stopped_looked_at_and_ends_by_its_trap() {
    let commands = [
        "set language c",
        "bt",
        "monitor log loud",
        "monitor log trace",
        "break say",
        "continue",
        "break count",
        "continue",
        "watch *(int*)64",
        "continue",
        "continue",
        "info watchpoints",
        "delete",
        "stepi",
        "x/s 32",
        "p $fs_base",
        "p $cr3 != 0",
        "p $xmm0.uint128",
        "x/2x 0x700000000",
        "p *(int*)0xffff8000fec00000",
        "p *(int*)0x1000000000000",
        "p *(int*)64",
        "monitor heap",
        "monitor memory",
        "monitor fds",
        "monitor wasi",
        "monitor irq",
        "monitor sockets",
        "monitor log",
        "monitor",
        "continue",
        "bt",
        "continue",
    ];
    let transcript = session(&[], &commands, &source("count.wat"));
    transcript.assert(&[
        "in waiting_for_debugger ()",
        "in kernel_start ()",
        "in boot_high_half ()",
        "Breakpoint 1,",
        "in say ()",
        "hello",
        "in count ()",
        "Hardware watchpoint",
        "Old value = 0",
        "New value = 1",
        "in count ()",
        "Old value = 1",
        "New value = 2",
        "hw watchpoint",
        "in count ()",
        "\"hello\\n\"",
        "= 0",
        "= 1",
        "= ",
        "= 2",
        "Program received signal SIGFPE, Arithmetic exception.",
        "in divide ()",
        "in divide ()",
        "in _start ()",
        "in enter_application ()",
        "in kernel_start ()",
        "Program terminated with signal SIGFPE, Arithmetic exception.",
    ]);
    for address in ["0x700000000", "0xffff8000fec00000", "0x1000000000000"] {
        let words = format!("Cannot access memory at address {address}");
        assert!(
            transcript.text.contains(&words) || transcript.errors.contains(&words),
            "{}\n{}",
            transcript.text,
            transcript.errors
        );
    }
    for words in [
        "bytes in use of",
        "memory 0 at 0x0: 65536 bytes",
        "   0 standard input",
        "       1 fd_write",
        " debugger",
        "none",
        "monitor irq ",
        "monitor log warn  keeps warnings\n",
        "(level trace keeps ",
        "fd_write(1, \"hello\\n\"[6]) = 6\n(level trace ",
        "trap: integer divide by zero in `divide`",
    ] {
        assert!(transcript.errors.contains(words), "{}", transcript.errors);
    }
}

#[test]
fn a_backtrace_in_the_kernel_goes_on_in_the_program() {
    let commands = [
        "mewz log debug",
        "break fd_write",
        "continue",
        "bt",
        "mewz log",
        "delete",
        "continue",
    ];
    session(&[], &commands, &source("count.wat")).assert(&[
        "(level debug keeps ",
        "fd_write ()",
        "answer ()",
        "<signal handler called>",
        "in wasi_snapshot_preview1$fd_write$iiii$i ()",
        "in say ()",
        "in _start ()",
        "in enter_application ()",
        "in kernel_start ()",
        "in boot_high_half ()",
        "fd_write(1, \"hello\\n\"[6]) …",
    ]);
}

#[test]
fn a_backtrace_in_an_interrupt_goes_on_in_the_program() {
    let commands = ["break answer_timer", "continue", "bt", "delete", "continue"];
    let options = ["--kernel-arg", "timer_hz=1000", "--break", "count"];
    session(&options, &commands, &source("count.wat")).assert(&[
        "in count ()",
        "answer_timer ()",
        "<signal handler called>",
        "in _start ()",
        "in enter_application ()",
        "in boot_high_half ()",
        "SIGFPE",
    ]);
}

#[test]
fn every_machine_waits_before_the_first_instruction() {
    for machine in ["microvm", "q35", "pc"] {
        let commands = ["bt", "continue", "kill"];
        session(
            &["--machine", machine, "--break", "say"],
            &commands,
            &source("count.wat"),
        )
        .assert(&[
            "in waiting_for_debugger ()",
            "Breakpoint 1, ",
            "in _start ()",
            "in boot_high_half ()",
            "SIGFPE",
            "killed]",
        ]);
    }
}

#[test]
fn a_place_that_nobody_knows_ends_a_script_with_an_error() {
    let place = Place::new();
    for (location, words) in [
        ("nonsense", "there is no function `nonsense`"),
        ("nonsense.c:9", "No source file named nonsense.c"),
        ("*nonsense", "No symbol \"nonsense\""),
    ] {
        let module = source("count.wat");
        let arguments = [
            "debug",
            "--batch",
            "--break",
            location,
            "--ex",
            "echo went-on\\n",
            &module,
        ];
        let ended = Ended::new(command(&place, &arguments).output().unwrap());
        assert!(matches!(ended.status, 1 | 2), "{ended:?}");
        assert!(ended.stderr.contains(words), "{ended:?}");
        assert!(
            !String::from_utf8_lossy(&ended.stdout).contains("went-on"),
            "{ended:?}"
        );
    }
    place.assert_clean();
}

#[test]
fn a_changed_variable_changes_the_outcome() {
    let commands = ["set language c", "set var *(int*)100 = 6", "continue"];
    session(&["--break", "count"], &commands, &source("count.wat"))
        .assert(&["Breakpoint 1, ", "exited with code 07]"]);
}

#[test]
fn qemu_shows_the_kernels_first_instructions() {
    let commands = [
        "p/x $rip",
        "hbreak kernel_start",
        "continue",
        "bt",
        "delete",
        "continue",
    ];
    session(&["--stub", "qemu"], &commands, &program("hello.wat")).assert(&[
        "= 0xfff0",
        "kernel_start",
        "in boot_high_half ()",
        "hello from wat",
    ]);
}
