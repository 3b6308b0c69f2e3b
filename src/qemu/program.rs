//! The program `qemu-system-x86_64`: where it is, which version it is.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::fs::Access;

use super::error::QemuError;

/// The name that is looked for where none is given.
pub const DEFAULT_PROGRAM: &str = "qemu-system-x86_64";

/// The oldest version that is known to boot our kernel: its microvm loads a module beside a PVH kernel.
pub const OLDEST_VERSION: Version = Version { major: 7, minor: 0 };

/// A version of QEMU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}", self.major, self.minor)
    }
}

/// Finds the file of `name`: itself where it holds a slash, else the first on `search_path`.
///
/// # Errors
///
/// [`QemuError::Missing`].
pub fn find(name: &Path, search_path: Option<&OsStr>) -> Result<PathBuf, QemuError> {
    let missing = || QemuError::Missing(name.to_owned());
    if name.components().count() > 1 || name.is_absolute() {
        return is_executable(name)
            .then(|| name.to_owned())
            .ok_or_else(missing);
    }
    std::env::split_paths(search_path.unwrap_or(OsStr::new("/usr/local/bin:/usr/bin:/bin")))
        .map(|folder| folder.join(name))
        .find(|file| is_executable(file))
        .ok_or_else(missing)
}

fn is_executable(file: &Path) -> bool {
    file.is_file() && rustix::fs::access(file, Access::EXEC_OK).is_ok()
}

/// Asks the program for its version; takes some 15 ms.
///
/// # Errors
///
/// [`QemuError::NotQemu`] and [`QemuError::TooOld`].
pub fn version(program: &Path) -> Result<Version, QemuError> {
    let not_qemu = |answer: String| QemuError::NotQemu {
        program: program.to_owned(),
        answer,
    };
    let output = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .map_err(|problem| not_qemu(problem.to_string()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let version = parse_version(&text).ok_or_else(|| {
        let first = text.lines().next().unwrap_or_default();
        not_qemu(format!("`{}` ({})", first.escape_debug(), output.status))
    })?;
    if version < OLDEST_VERSION {
        return Err(QemuError::TooOld {
            program: program.to_owned(),
            version,
        });
    }
    Ok(version)
}

/// Reads `QEMU emulator version 7.2.22 (Debian …)`.
fn parse_version(text: &str) -> Option<Version> {
    let rest = text.strip_prefix("QEMU emulator version ")?;
    let mut numbers = rest.split(|c: char| !c.is_ascii_digit());
    Some(Version {
        major: numbers.next()?.parse().ok()?,
        minor: numbers.next()?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::path::Path;

    use super::{Version, find, parse_version};

    #[test]
    fn versions_are_read_from_the_first_line() {
        let version = |major, minor| Some(Version { major, minor });
        assert_eq!(
            parse_version("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)\nCopyright"),
            version(7, 2)
        );
        assert_eq!(
            parse_version("QEMU emulator version 10.0.50-dirty"),
            version(10, 0)
        );
        assert_eq!(parse_version("GNU bash, version 5.2"), None);
        assert_eq!(parse_version("QEMU emulator version "), None);
    }

    #[test]
    fn programs_are_found_on_the_search_path_only() {
        let path = Some(OsStr::new("/nonexistent:/usr/bin:/bin"));
        assert!(find(Path::new("sh"), path).unwrap().ends_with("sh"));
        find(Path::new("sh"), Some(OsStr::new("/nonexistent"))).unwrap_err();
        find(Path::new("/etc/passwd"), path).unwrap_err();
    }
}
