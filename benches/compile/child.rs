//! One compilation in a process of its own, so that its memory is its own: by mewz in this program, by wasmtime in Python.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use mewz::compile::{DebugLevel, OptLevel, Options, RegisterAllocator, compile};

/// The word that makes this program a child.
pub(crate) const WORD: &str = "--child";

/// The same for wasmtime: the module's path, the level, the allocator; the words as for [`run`].
const PEER: &str = r#"
import resource, sys, time
import wasmtime
from wasmtime import _ffi

def rss(key):
    with open('/proc/self/status') as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(key))

def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime

with open(sys.argv[1], 'rb') as file:
    wasm = file.read()
config = wasmtime.Config()
config.cranelift_opt_level = sys.argv[2]
_ffi.wasmtime_config_cranelift_flag_set(config.ptr(), b'regalloc_algorithm', sys.argv[3].encode())
engine = wasmtime.Engine(config)
before = rss('VmRSS:')
with open('/proc/self/clear_refs', 'w') as file:
    file.write('5')
seconds, wall = cpu(), time.monotonic()
module = wasmtime.Module(engine, wasm)
print(cpu() - seconds, time.monotonic() - wall, rss('VmHWM:') - before)
"#;

/// What a compilation took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// CPU time of all threads, user and system, in seconds.
    pub(crate) cpu_seconds: f64,
    /// From begin to end, in seconds.
    pub(crate) wall_seconds: f64,
    /// Memory in use at most, beyond what was in use with the module's bytes read, in bytes.
    pub(crate) peak_bytes: f64,
}

impl Cost {
    /// The least of each.
    pub(crate) fn least(self, other: Self) -> Self {
        Self {
            cpu_seconds: self.cpu_seconds.min(other.cpu_seconds),
            wall_seconds: self.wall_seconds.min(other.wall_seconds),
            peak_bytes: self.peak_bytes.min(other.peak_bytes),
        }
    }
}

/// How to compile; each level has a peer except that of the whole module.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    /// What to call it.
    pub(crate) name: &'static str,
    /// mewz's level and allocator.
    pub(crate) ours: (OptLevel, RegisterAllocator),
    /// wasmtime's level and allocator.
    pub(crate) theirs: Option<(&'static str, &'static str)>,
}

/// Every way.
pub(crate) const WAYS: [Way; 4] = [
    Way {
        name: "none, single pass",
        ours: (OptLevel::None, RegisterAllocator::SinglePass),
        theirs: Some(("none", "single_pass")),
    },
    Way {
        name: "none",
        ours: (OptLevel::None, RegisterAllocator::Backtracking),
        theirs: Some(("none", "backtracking")),
    },
    Way {
        name: "function",
        ours: (OptLevel::Function, RegisterAllocator::Backtracking),
        theirs: Some(("speed", "backtracking")),
    },
    Way {
        name: "module",
        ours: (OptLevel::Module, RegisterAllocator::Backtracking),
        theirs: None,
    },
];

/// How much debug information an object may have, and what to call it.
pub(crate) const DEBUG_LEVELS: [(&str, DebugLevel); 4] = [
    ("no debug", DebugLevel::None),
    ("lines", DebugLevel::Lines),
    ("frames", DebugLevel::Frames),
    ("full", DebugLevel::Full),
];

/// Compiles a module as a child and tells the cost on standard output; the words are the module's path, the way and the
/// level of debug information.
pub(crate) fn run(words: &[String]) -> Result<(), String> {
    let [path, way, debug] = words else {
        return Err(format!(
            "{WORD} needs a module, a way and a level of debug information"
        ));
    };
    let debug = DEBUG_LEVELS.iter().find(|(known, _)| known == debug);
    let (_, debug) = *debug.ok_or("no such level of debug information")?;
    let way = WAYS.iter().find(|known| known.name == way);
    let (opt_level, register_allocator) = way.ok_or("no such way")?.ours;
    let wasm = fs::read(path).map_err(|problem| format!("cannot read {path}: {problem}"))?;
    let options = Options {
        opt_level,
        register_allocator,
        debug,
        ..Options::default()
    };
    let before = resident("VmRSS:")?;
    fs::write("/proc/self/clear_refs", "5").map_err(|problem| problem.to_string())?;
    let (seconds, start) = (cpu_seconds(), Instant::now());
    let compiled = compile(&wasm, &options).map_err(|problem| problem.to_string())?;
    let cpu = cpu_seconds() - seconds;
    let wall = start.elapsed().as_secs_f64();
    println!("{cpu} {wall} {}", resident("VmHWM:")? - before);
    drop(compiled);
    Ok(())
}

/// What mewz takes for the module at `path`.
pub(crate) fn ours(path: &Path, way: Way) -> Result<Cost, String> {
    ours_with(path, way, DEBUG_LEVELS[0].0)
}

/// As [`ours`], for an object with debug information of the level that is called `debug`.
pub(crate) fn ours_with(path: &Path, way: Way, debug: &str) -> Result<Cost, String> {
    let program = std::env::current_exe().map_err(|problem| problem.to_string())?;
    let mut command = Command::new(program);
    cost(command.arg(WORD).arg(path).args([way.name, debug]))
}

/// What wasmtime takes for the module at `path`.
pub(crate) fn theirs(path: &Path, (level, allocator): (&str, &str)) -> Result<Cost, String> {
    let python = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/target/tools/python/bin/python"
    );
    let mut command = Command::new(python);
    command.args(["-c", PEER]).arg(path);
    cost(command.args([level, allocator]))
}

fn cost(command: &mut Command) -> Result<Cost, String> {
    command.stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command
        .output()
        .map_err(|problem| format!("cannot start {command:?}: {problem}"))?;
    let words = String::from_utf8_lossy(&output.stdout);
    let numbers: Vec<f64> = words
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    match numbers.as_slice() {
        [cpu_seconds, wall_seconds, peak_bytes] => Ok(Cost {
            cpu_seconds: *cpu_seconds,
            wall_seconds: *wall_seconds,
            peak_bytes: *peak_bytes,
        }),
        _ => Err(format!("{command:?} ended with {}", output.status)),
    }
}

/// A figure of `/proc/self/status`, in bytes.
fn resident(key: &str) -> Result<f64, String> {
    let status = fs::read_to_string("/proc/self/status").map_err(|problem| problem.to_string())?;
    let kilobytes = status.lines().find_map(|line| {
        line.strip_prefix(key)?
            .split_whitespace()
            .next()?
            .parse()
            .ok()
    });
    kilobytes
        .map(|kilobytes: f64| kilobytes * 1024.0)
        .ok_or_else(|| format!("/proc/self/status has no `{key}`"))
}

fn cpu_seconds() -> f64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the clock writes to `now` alone, which lives through the call.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut now) };
    assert_eq!(result, 0, "every process has this clock");
    now.tv_sec as f64 + now.tv_nsec as f64 * 1e-9
}
