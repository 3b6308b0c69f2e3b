//! Time and memory of compilation grow no faster than the module, whatever it has many of.
//!
//! Each test compiles a module that has one thing `n` times and one that has it `32 n` times. Were something to grow with the
//! square, the second would need 1024 times as much; the limits lie far from both, since time is noisy.

#[path = "../benches/compile/shapes.rs"]
#[allow(
    dead_code,
    reason = "the sizes are those of the benchmark, and not every shape is tested"
)]
mod shapes;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use mewz::compile::{Options, compile};

/// How much larger the second module is.
const GROWTH: usize = 32;
/// How much more than that its time may be.
const TIME_SLACK: f64 = 10.0;
/// How much more than that its memory may be.
const MEMORY_SLACK: f64 = 3.0;
/// Times below this are taken as this: what everything else costs, and the clock's grain.
const SECONDS_LEAST: f64 = 2e-3;

/// One test at a time: they count the whole process's memory and time.
static TURN: Mutex<()> = Mutex::new(());

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static BYTES: AtomicUsize = AtomicUsize::new(0);
static BYTES_PEAK: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator, counting.
struct Counting;

// SAFETY: every call goes to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let bytes = BYTES.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        BYTES_PEAK.fetch_max(bytes, Ordering::Relaxed);
        // SAFETY: the caller keeps the promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// CPU time of this process so far, in seconds.
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

/// What one compilation took: seconds, and bytes at its peak.
fn cost(wasm: &[u8]) -> (f64, f64) {
    let bytes = BYTES.load(Ordering::Relaxed);
    BYTES_PEAK.store(bytes, Ordering::Relaxed);
    let start = cpu_seconds();
    compile(wasm, &Options::default()).expect("the module compiles");
    let seconds = cpu_seconds() - start;
    let peak = BYTES_PEAK.load(Ordering::Relaxed) - bytes;
    (seconds, peak as f64)
}

/// Compiles the shape `name` with `count` of its things and with 32 times as many, and compares.
fn check(name: &str, count: usize) {
    let _turn = TURN
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let shape = shapes::SHAPES
        .iter()
        .find(|shape| shape.name == name)
        .expect("the benchmark has this shape");
    let wasm = |count| wat::parse_str((shape.text)(count)).expect("the shape is a module");
    let (small, large) = (wasm(count), wasm(count * GROWTH));
    cost(&small);
    let (seconds, bytes) = cost(&small);
    let (large_seconds, large_bytes) = cost(&large);
    let growth = large.len() as f64 / small.len() as f64;
    assert!(
        large_bytes <= growth * MEMORY_SLACK * bytes,
        "{name}: a module {growth:.0} times as large takes {large_bytes} bytes instead of {bytes}"
    );
    let seconds = seconds.max(SECONDS_LEAST);
    assert!(
        large_seconds <= growth * TIME_SLACK * seconds,
        "{name}: a module {growth:.0} times as large takes {large_seconds:.3} s instead of {seconds:.3} s"
    );
}

#[test]
fn segments() {
    check("data segments", 3_000);
    check("data segments, one over the other", 3_000);
    check("data segments at imported offsets", 500);
    check("element segments", 3_000);
    check("element segments at imported offsets", 300);
    check("elements of one segment", 3_000);
}

#[test]
fn index_spaces() {
    check("types", 1_000);
    check("imported functions, each called", 500);
    check("functions", 300);
    check("exported functions", 150);
    check("globals", 3_000);
    check("globals with imported values", 500);
}

#[test]
fn operators_in_a_row() {
    check("additions", 5_000);
    check("values alive at once", 2_000);
    check("indirect calls", 500);
    check("stores", 3_000);
}

#[test]
fn branches() {
    check("`br_if` out of one block", 1_000);
    check("`if` after `if`", 1_000);
    check("entries of `br_table`", 3_000);
    check("targets of `br_table`", 1_000);
}

#[test]
fn nesting() {
    check("nested blocks", 500);
    check("nested `if`", 500);
    check("nested loops", 100);
}

#[test]
fn many_locals() {
    check("locals", 1_000);
    check("locals and `if`", 300);
}
