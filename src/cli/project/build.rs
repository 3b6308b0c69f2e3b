//! A project's commands: run, and what they should have left looked for.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use rustix::process::Pid;

use super::super::failure::Failure;
use super::super::interrupt::{Holding, hold};
use super::profile::{PROFILE_VARIABLE, Profile};
use super::{FILE_NAME, Project, infer};
use crate::qemu::leash;

impl Project {
    /// Runs the build command; gives the path of the module that it leaves.
    pub(in crate::cli) fn build(&self, profile: Profile) -> Result<PathBuf, Failure> {
        if let Some(command) = self.command(profile) {
            self.run_command(&command, profile)?;
        }
        self.built(profile)
    }

    /// The module that the build command has left.
    pub(in crate::cli) fn built(&self, profile: Profile) -> Result<PathBuf, Failure> {
        self.made(self.wasm(), self.build_command(), "build", profile)
    }

    /// Runs the command of the tests; gives the paths of their modules, if the file has a section for tests.
    pub(in crate::cli) fn build_tests(
        &self,
        profile: Profile,
    ) -> Result<Option<Vec<PathBuf>>, Failure> {
        let Some(test) = &self.settings.keys.test else {
            return Ok(None);
        };
        if let Some(command) = &test.command {
            self.run_command(&profile.expand(command), profile)?;
        }
        let made = |wasm: &String| self.made(wasm, test.command.as_deref(), "test", profile);
        test.wasm
            .iter()
            .map(made)
            .collect::<Result<_, _>>()
            .map(Some)
    }

    /// The file `wasm`, which the command of `section` should have left.
    fn made(
        &self,
        wasm: &str,
        command: Option<&str>,
        section: &str,
        profile: Profile,
    ) -> Result<PathBuf, Failure> {
        let module = self.folder().join(profile.expand(wasm));
        if module.is_file() {
            return Ok(module);
        }
        let failure = Failure::new(format!("the build left no `{}`", module.display()));
        Err(match command {
            Some(command) => failure.cause(format!(
                "`{}` ended well, but did not make it",
                profile.expand(command)
            )),
            None => failure.cause(format!(
                "`{FILE_NAME}` names no `command` that could make it"
            )),
        }
        .hint(format!(
            "`wasm` below `[{section}]` names what the command leaves"
        )))
    }

    /// The process that builds, without its streams; it ends with the thread that spawns it, and so do its children.
    pub(in crate::cli) fn build_process(&self, command: &str, profile: Profile) -> Command {
        let mut process = leash::group_command(Path::new("/bin/sh"));
        process
            .args(["-c", command])
            .current_dir(self.folder())
            .env(PROFILE_VARIABLE, profile.name())
            .stdin(Stdio::null());
        process
    }

    fn run_command(&self, command: &str, profile: Profile) -> Result<(), Failure> {
        let failure = || Failure::new("the build failed");
        // The program's standard output is its own, and its input not the compiler's.
        let output = rustix::io::fcntl_dupfd_cloexec(io::stderr(), 3)
            .map_err(|problem| failure().cause(problem))?;
        let mut child = self
            .build_process(command, profile)
            .stdout(Stdio::from(output))
            .spawn()
            .map_err(|problem| not_run(command, &problem))?;
        let held = hold(Holding::ProcessGroup(Pid::from_child(&child)));
        let status = child.wait();
        drop(held);
        has_built(command, status.map_err(|problem| failure().cause(problem))?)
    }
}

/// The sentence for a build command that could not be started.
pub(in crate::cli) fn not_run(command: &str, problem: &io::Error) -> Failure {
    Failure::new("the build failed").cause(format!("cannot run `{command}`: {problem}"))
}

/// What the status of a build command says.
pub(in crate::cli) fn has_built(command: &str, status: ExitStatus) -> Result<(), Failure> {
    let failure = || Failure::new("the build failed");
    match (status.code(), status.signal()) {
        (Some(0), _) => Ok(()),
        (Some(127), _) => {
            let failure = failure()
                .cause(format!("`{command}` ended with status 127"))
                .hint("a program that the command needs is not installed: its name stands above; `mewz doctor` tells what brings it");
            Err(match infer::other_compiler(command) {
                Some(hint) => failure.hint(hint),
                None => failure,
            })
        }
        (Some(code), _) => Err(failure().cause(format!("`{command}` ended with status {code}"))),
        (None, signal) => Err(failure().cause(format!(
            "`{command}` was ended by signal {}",
            signal.unwrap_or_default()
        ))),
    }
}
