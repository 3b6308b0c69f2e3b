//! A Cargo package's tests: built by cargo, found in what it says.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use rustix::process::Pid;
use serde::Deserialize;

use super::super::failure::Failure;
use super::super::interrupt::{Holding, hold};
use super::super::packages::find;
use super::super::project::Profile;
use super::Binary;
use crate::qemu::leash::{self, Limits};

/// The target that tests are built for.
const TARGET: &str = "wasm32-wasip1";

/// A line of cargo's machine-readable output, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    executable: Option<PathBuf>,
    #[serde(default)]
    manifest_path: Option<PathBuf>,
    #[serde(default)]
    profile: Option<MessageProfile>,
}

#[derive(Debug, Deserialize)]
struct MessageProfile {
    test: bool,
}

/// Builds all test binaries of the package or workspace in `folder`.
pub(super) fn build(folder: &Path, profile: Profile) -> Result<Vec<Binary>, Failure> {
    let failure = || Failure::new("cannot build the tests");
    let cargo = find("cargo").ok_or_else(|| {
        failure()
            .cause("`cargo` is not installed")
            .hint("`mewz doctor` tells what brings it")
    })?;
    let mut command = leash::command(&cargo, Limits::default());
    command
        .args(["test", "--no-run", "--target", TARGET])
        .arg("--message-format=json-render-diagnostics")
        .args((profile == Profile::Release).then_some("--release"))
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut child = command
        .spawn()
        .map_err(|problem| failure().cause(format!("cannot run cargo: {problem}")))?;
    let _held = hold(Holding::ProcessGroup(Pid::from_child(&child)));
    let stdout = child.stdout.take().map(BufReader::new);
    let lines = stdout.into_iter().flat_map(|stdout| stdout.lines());
    // A line that can't be read ends the listing; cargo's status tells whether that matters.
    let binaries: Vec<Binary> = lines
        .map_while(Result::ok)
        .filter_map(|line| binary(&line))
        .collect();
    let status = child.wait().map_err(|problem| failure().cause(problem))?;
    if !status.success() {
        let ended = match status.code() {
            Some(code) => format!("cargo ended with status {code}"),
            None => format!("cargo was ended by signal {}", status.signal().unwrap_or(0)),
        };
        return Err(failure()
            .cause(ended)
            .hint("its words stand above; `mewz doctor` tells whether the target is there"));
    }
    Ok(binaries)
}

/// The test binary that a line of cargo's tells of.
fn binary(line: &str) -> Option<Binary> {
    let message: Message = serde_json::from_str(line).ok()?;
    let is_test = message.reason == "compiler-artifact" && message.profile?.test;
    let package = message.manifest_path?.parent()?.to_owned();
    let module = message.executable.filter(|_| is_test)?;
    Some(Binary { module, package })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::binary;

    #[test]
    fn test_binaries_are_told_from_other_artifacts() {
        let artifact = |test: bool| {
            format!(
                r#"{{"reason":"compiler-artifact","manifest_path":"/p/Cargo.toml","profile":{{"test":{test}}},"executable":"/p/a.wasm"}}"#
            )
        };
        let found = binary(&artifact(true)).unwrap();
        assert_eq!(found.module, Path::new("/p/a.wasm"));
        assert_eq!(found.package, Path::new("/p"));
        assert!(binary(&artifact(false)).is_none());
        assert!(binary(r#"{"reason":"build-finished","success":true}"#).is_none());
        assert!(binary("running 1 test").is_none());
    }
}
