//! From spawning a command to its first byte of output.

use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use mewz::qemu::by_hand::ByHand;
use mewz::qemu::machine::MachineKind;

use super::guest;
use super::machine::{MEMORY_BYTES, QEMU, Workshop};
use super::precedence::Precedence;
use super::table::{Table, middle_and_ends};

/// Runs of each command.
const RUNS: usize = 31;

/// The most that `mewz run` may take, as a multiple of the smallest guest.
const TARGET: f64 = 2.0;

const HELLO: &str = r#"
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\10\00\00\00\06\00\00\00")
  (data (i32.const 16) "hello\n")
  (func (export "_start")
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))
"#;

/// Milliseconds of one run.
struct Times {
    first_byte: f64,
    end: f64,
}

pub(crate) fn measure() -> Result<Table, String> {
    let workshop = Workshop::new()?;
    let hello = workshop.module("hello.wasm", HELLO)?;
    let smallest = workshop.file("smallest.elf", &guest::smallest())?;

    let precedence = Precedence::take();
    // The first run compiles and fills the cache, and both are then in the page cache.
    time(&mut workshop.run(&hello), b'h')?;
    time(&mut peer(&smallest), b'!')?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        ours.push(time(&mut workshop.run(&hello), b'h')?);
        theirs.push(time(&mut peer(&smallest), b'!')?);
    }

    let words = format!(
        "From spawning the command to its first byte of output, and to its end, in ms; {RUNS} runs of each, in turn, at \
         {} priority, on `microvm` with {} MiB under TCG. The image of `hello.wasm` is in the cache. The peer writes one \
         byte to COM1 and ends. Target: at most {TARGET:.1} times the peer.",
        precedence.name(),
        MEMORY_BYTES >> 20
    );
    let head = [
        "command",
        "first byte, median",
        "least to most",
        "end, median",
        "against the peer",
    ];
    let mut table = Table::new("Boot", words, &head);
    let peer_middle = row(
        &mut table,
        "the smallest guest, by QEMU alone",
        theirs,
        None,
    );
    let middle = row(&mut table, "`mewz run hello.wasm`", ours, Some(peer_middle));
    let ratio = middle / peer_middle;
    if ratio > TARGET {
        eprintln!(
            "warning: boot takes {ratio:.2} times the smallest guest; the target is {TARGET:.1}"
        );
    }
    Ok(table)
}

/// The smallest guest on the machine that `mewz run` starts, less console and configuration.
fn peer(image: &Path) -> Command {
    let machine = ByHand {
        machine: MachineKind::Microvm,
        memory_bytes: MEMORY_BYTES,
        accelerator: None,
        image,
        arguments: Vec::new(),
        environment: Vec::new(),
        mounts: Vec::new(),
        disks: Vec::new(),
        network: None,
    };
    let mut command = Command::new(QEMU);
    command
        .args(machine.arguments())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit());
    command
}

fn time(command: &mut Command, expected: u8) -> Result<Times, String> {
    let start = Instant::now();
    let milliseconds = || start.elapsed().as_secs_f64() * 1e3;
    let mut child = command
        .spawn()
        .map_err(|problem| format!("cannot start {command:?}: {problem}"))?;
    let mut stdout = child.stdout.take().expect("the command's output is piped");
    let mut byte = [0];
    let result = stdout.read_exact(&mut byte);
    let first_byte = milliseconds();
    let ending = child.wait();
    let end = milliseconds();
    match (result, ending) {
        (Ok(()), Ok(_)) if byte == [expected] => Ok(Times { first_byte, end }),
        (result, ending) => Err(format!(
            "{command:?} said {byte:?} {result:?} and ended with {ending:?}"
        )),
    }
}

fn row(table: &mut Table, name: &str, times: Vec<Times>, peer: Option<f64>) -> f64 {
    let mut first_bytes: Vec<f64> = times.iter().map(|times| times.first_byte).collect();
    let mut ends: Vec<f64> = times.iter().map(|times| times.end).collect();
    let (middle, least, most) = middle_and_ends(&mut first_bytes);
    let (end, ..) = middle_and_ends(&mut ends);
    table.row([
        name.to_owned(),
        format!("{middle:.1}"),
        format!("{least:.1} to {most:.1}"),
        format!("{end:.1}"),
        peer.map_or_else(|| "1".to_owned(), |peer| format!("{:.2}", middle / peer)),
    ]);
    middle
}
