//! A storm of interrupts leaves every register of the application as it was, and does not where the kernel is built
//! without saving them.

mod invoke;
mod kernel;

use std::path::Path;

use invoke::{Ended, Place};

/// Interrupts ten thousand times a second.
const STORM: [&str; 2] = ["--kernel-arg", "timer_hz=10000"];

#[test]
fn registers_survive_ten_thousand_interrupts_a_second() {
    let calm = run(&[]);
    assert_eq!((calm.status, &calm.stderr[..]), (0, ""));
    assert_eq!(calm.stdout, b"rounds 00001770, different 00000000\n");
    let storm = run(&STORM);
    assert_eq!((storm.status, &storm.stderr[..]), (0, ""));
    assert_eq!(storm.stdout, calm.stdout);
}

#[test]
fn registers_are_lost_by_a_kernel_that_does_not_save_them() {
    let kernel = kernel::with_feature("without-interrupt-protection");
    let kernel = kernel.to_str().unwrap();
    // It is a whole kernel: without interrupts nothing is lost.
    let calm = run(&["--kernel", kernel]);
    assert_eq!(
        calm.stdout, b"rounds 00001770, different 00000000\n",
        "{}",
        calm.stderr
    );
    let storm = run(&[&["--kernel", kernel], &STORM[..]].concat());
    assert_eq!(
        storm.status,
        1,
        "{}{}",
        String::from_utf8_lossy(&storm.stdout),
        storm.stderr
    );
    // The kernel's own copies are not safe either, so the text itself may be broken.
    assert_ne!(storm.stdout, calm.stdout);
}

fn run(arguments: &[&str]) -> Ended {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/storm/registers.wat");
    let program = program.to_str().unwrap();
    Place::new().run(&[&["run", "--timeout", "60s"], arguments, &[program]].concat())
}
