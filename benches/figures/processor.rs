//! The host's processor, and what its commands say.

use std::fs;
use std::process::Command;

/// The processor's name.
pub(crate) fn name() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    text.lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or_else(
            || "unknown processor".to_owned(),
            |(_, name)| name.to_owned(),
        )
}

/// What a command prints, without space around it.
pub(crate) fn said_by(command: &mut Command) -> Result<String, String> {
    let output = command
        .output()
        .map_err(|problem| format!("cannot start {command:?}: {problem}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
