//! Profiles: files that say what earlier runs of a program counted.

use std::path::Path;
use std::sync::Arc;

use super::cache::write_whole;
use super::failure::Failure;
use super::module::Module;
use super::words;
use crate::compile::{self, CountersError, Fit};

/// Reads the profile at `path`.
pub(super) fn read(path: &Path) -> Result<Arc<compile::Profile>, Failure> {
    let failure = || Failure::new(format!("cannot use the profile `{}`", path.display()));
    let bytes = std::fs::read(path).map_err(|problem| match problem.kind() {
        std::io::ErrorKind::NotFound => failure()
            .cause("there is no such file")
            .hint("`mewz run --profile-generate FILE` counts what a program runs, and writes one"),
        _ => failure().cause(problem),
    })?;
    // What is no text begins with no line of a profile.
    let text = String::from_utf8_lossy(&bytes);
    match compile::Profile::read(&text) {
        Ok(profile) => Ok(Arc::new(profile)),
        Err(problem) => Err(failure().cause(problem).hint(
            "take the file that `mewz run --profile-generate FILE` of this version writes, as it is",
        )),
    }
}

/// Writes the profile of a run of `module` that left `counters` behind to `path`.
pub(super) fn write(path: &Path, module: &Module, counters: &[u8]) -> Result<(), Failure> {
    let failure = || Failure::new(format!("cannot write the profile `{}`", path.display()));
    let profile = compile::profile(&module.bytes, counters).map_err(|problem| match problem {
        CountersError::Module(problem) => module.refused(&problem),
        problem @ CountersError::Length { .. } => failure().cause(problem),
    })?;
    write_whole(path, &[profile.to_string().as_bytes()]).map_err(|problem| failure().cause(problem))
}

/// Says how much of a profile was used, if there was one.
pub(super) fn tell(fit: Option<Fit>) {
    match fit {
        None => {}
        Some(Fit { ran: 0, .. }) => {
            words::warning("the profile says that nothing ran: it changes nothing");
        }
        Some(Fit { found: 0, .. }) => words::warning(
            "the profile is of another program: it has none of this module's functions",
        ),
        Some(Fit { ran, found }) => words::plain(format_args!(
            "Used the profile: of {ran} functions that ran, the module has {found} as they were"
        )),
    }
}
