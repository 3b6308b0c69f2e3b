//! Runs the command line, reports what went wrong, ends with its status.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    mewz::cli::main()
}
