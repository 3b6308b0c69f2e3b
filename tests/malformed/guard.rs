//! Bounds on time and memory for each case, and words about the case that breaks them.

use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// What one case may take.
const CASE_MAX: Duration = Duration::from_secs(10);

/// Bytes of address space that the process may have: what one case allocates stays below.
const ADDRESS_SPACE_BYTES_MAX: u64 = 1 << 30;

/// The case that runs, for the handler of the signal that ends the process.
static CURRENT: AtomicU64 = AtomicU64::new(0);

/// When it began.
static STARTED: Mutex<Option<Instant>> = Mutex::new(None);

/// Sets the bounds for this process, once.
pub(crate) fn install() {
    let limit = libc::rlimit {
        rlim_cur: ADDRESS_SPACE_BYTES_MAX,
        rlim_max: ADDRESS_SPACE_BYTES_MAX,
    };
    // SAFETY: the structure is whole.
    let status = unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) };
    assert_eq!(status, 0, "a limit to address space");
    // Rust aborts where memory or stack run out.
    // SAFETY: the handler has the signature of a handler, and only writes.
    unsafe { libc::signal(libc::SIGABRT, tell as *const () as libc::sighandler_t) };
    thread::spawn(|| {
        loop {
            thread::sleep(Duration::from_millis(500));
            let started = *STARTED.lock().expect("nobody panics with the lock");
            if started.is_some_and(|started| started.elapsed() > CASE_MAX) {
                std::process::abort();
            }
        }
    });
}

/// Says which case begins.
pub(crate) fn begin(case: u64) {
    CURRENT.store(case, Ordering::Relaxed);
    *STARTED.lock().expect("nobody panics with the lock") = Some(Instant::now());
}

/// Says that none runs.
pub(crate) fn end() {
    *STARTED.lock().expect("nobody panics with the lock") = None;
}

extern "C" fn tell(_: libc::c_int) {
    let mut digits = [b' '; 21];
    let mut rest = CURRENT.load(Ordering::Relaxed);
    for digit in digits.iter_mut().rev().skip(1) {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    digits[20] = b'\n';
    let words = b"out of time, memory or stack: MEWZ_MALFORMED=CASE, where CASE is ";
    // Nothing can be done about an output that is closed.
    let _ = std::io::stderr().write_all(words);
    let _ = std::io::stderr().write_all(&digits);
}
