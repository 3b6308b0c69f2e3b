//! What a person types and sees: one file a command, the project file, words and progress.

use std::process::ExitCode;

/// Runs the command that the process's arguments name.
#[must_use]
pub fn main() -> ExitCode {
    ExitCode::SUCCESS
}
