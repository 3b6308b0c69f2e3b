//! The C library's allocator, told to give memory back: what stays in use for hours should not hold what a build took.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// Pieces of this size and above are a mapping of their own, which goes when they do, and as much is kept free at most.
/// The allocator would raise both with the first large piece that is freed, to 32 MiB, and then hold most of what builds
/// of a large module leave. One byte more than a mebibyte: so it is known who asked for it.
const SETTINGS: [(&str, &str); 2] = [
    ("MALLOC_MMAP_THRESHOLD_", "1048577"),
    ("MALLOC_TRIM_THRESHOLD_", "1048577"),
];

/// Begins this process again with the allocator's settings, which it reads at its start alone; a millisecond. Returns where
/// they hold, where a person has chosen others, or where it can't be done. Call it before anything else.
pub(super) fn settle() {
    let has_choice = |(name, _): &(&str, &str)| std::env::var_os(name).is_some();
    if !cfg!(target_env = "gnu") || SETTINGS.iter().any(has_choice) {
        return;
    }
    let Ok(own) = std::env::current_exe() else {
        return;
    };
    let mut command = Command::new(own);
    let mut words = std::env::args_os();
    if let Some(name) = words.next() {
        command.arg0(name);
    }
    // It returns only where it failed; then more memory is held, and nothing else is different.
    let _ = command.args(words).envs(SETTINGS).exec();
}

/// Keeps the settings from a program that this one starts.
pub(super) fn keep_from(command: &mut Command) {
    for (name, value) in SETTINGS {
        if std::env::var_os(name).is_some_and(|chosen| chosen == value) {
            command.env_remove(name);
        }
    }
}
