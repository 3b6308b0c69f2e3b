//! What a guest costs while its program sleeps.

use std::fs;
use std::path::Path;

use super::machine::Workshop;
use super::table::Table;

/// How long the program sleeps.
const SECONDS: u64 = 10;

/// The most of one core that the sleep may take, in percent.
const TARGET: f64 = 2.0;

/// Clock ticks a second in `/proc`: USER_HZ, 100 on every Linux for x86-64.
const TICKS_PER_SECOND: f64 = 100.0;

pub(crate) fn measure() -> Result<Table, String> {
    let workshop = Workshop::new()?;
    let asleep = workshop.module("asleep.wasm", &sleep(SECONDS))?;
    let awake = workshop.module("awake.wasm", &sleep(0))?;
    let without = cpu_seconds(&workshop, &awake)?;
    let with = cpu_seconds(&workshop, &asleep)?;
    let percent = (with - without) / SECONDS as f64 * 100.0;
    if percent > TARGET {
        eprintln!(
            "warning: a sleeping guest takes {percent:.1} % of a core; the target is {TARGET:.1} %"
        );
    }
    let words = format!(
        "CPU time of `mewz run` and QEMU together, in s, for a program that sleeps for {SECONDS} s by `poll_oneoff` and for \
         one that doesn't. Target: under {TARGET:.0} % of a core."
    );
    let head = ["program", "CPU time", "of a core, beside boot"];
    let mut table = Table::new("Idle", words, &head);
    table.row(["awake".to_owned(), format!("{without:.2}"), String::new()]);
    table.row([
        format!("asleep for {SECONDS} s"),
        format!("{with:.2}"),
        format!("{percent:.1} %"),
    ]);
    Ok(table)
}

/// A program that sleeps once.
fn sleep(seconds: u64) -> String {
    let nanoseconds = seconds * 1_000_000_000;
    format!(
        r#"
(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    ;; The subscription: clock 1 (monotonic), relative timeout.
    (i32.store (i32.const 16) (i32.const 1))
    (i64.store (i32.const 24) (i64.const {nanoseconds}))
    (if (call $poll_oneoff (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)) (then unreachable))))
"#
    )
}

fn cpu_seconds(workshop: &Workshop, module: &Path) -> Result<f64, String> {
    let before = children_seconds()?;
    let status = workshop.run(module).status();
    match status {
        Ok(status) if status.success() => Ok(children_seconds()? - before),
        other => Err(format!("{module:?} ended with {other:?}")),
    }
}

/// CPU time of all children that have been waited for, and of theirs. Source: proc(5), `/proc/pid/stat`, fields 16 and 17.
fn children_seconds() -> Result<f64, String> {
    let text = fs::read_to_string("/proc/self/stat").map_err(|problem| problem.to_string())?;
    // The name in parentheses may hold spaces.
    let (_, fields) = text.rsplit_once(')').ok_or("no name in /proc/self/stat")?;
    let ticks: f64 = fields
        .split_whitespace()
        .skip(13)
        .take(2)
        .filter_map(|field| field.parse::<f64>().ok())
        .sum();
    Ok(ticks / TICKS_PER_SECOND)
}
