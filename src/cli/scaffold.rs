//! Writes a new project's folder: all of it, or nothing.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::template::File;

/// Refuses a folder that holds something, and what is not a folder.
pub(super) fn refuse_occupied(path: &Path) -> Result<(), Failure> {
    let cause = match fs::read_dir(path) {
        Ok(mut entries) => {
            if entries.next().is_none() {
                return Ok(());
            }
            "the folder is not empty".to_owned()
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => error.to_string(),
    };
    Err(
        Failure::usage(format!("cannot make a project in `{}`", path.display()))
            .cause(cause)
            .hint("name a folder that is empty or not there yet"),
    )
}

/// Writes `files` into `folder`, which is made if need be.
///
/// # Errors
///
/// Whatever the file system says; what was made until then is taken back.
pub(super) fn write(folder: &Path, files: &[File]) -> Result<(), Failure> {
    let mut made = Made::default();
    made.folder(folder)
        .and_then(|()| files.iter().try_for_each(|file| made.file(folder, file)))
        .map_err(|error| {
            Failure::new(format!("cannot make a project in `{}`", folder.display())).cause(error)
        })?;
    made.keep();
    Ok(())
}

/// What was made so far, in order; taken back when dropped.
#[derive(Debug, Default)]
struct Made {
    paths: Vec<PathBuf>,
}

impl Made {
    fn folder(&mut self, path: &Path) -> io::Result<()> {
        if path.as_os_str().is_empty() || path.is_dir() {
            return Ok(());
        }
        if let Some(parent) = path.parent() {
            self.folder(parent)?;
        }
        fs::create_dir(path)?;
        self.paths.push(path.to_owned());
        Ok(())
    }

    fn file(&mut self, folder: &Path, file: &File) -> io::Result<()> {
        let path = folder.join(&file.path);
        if let Some(parent) = path.parent() {
            self.folder(parent)?;
        }
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        if file.is_executable {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o777);
        }
        let mut out = options.open(&path).map_err(|error| name(&path, &error))?;
        self.paths.push(path.clone());
        io::Write::write_all(&mut out, &file.contents).map_err(|error| name(&path, &error))
    }

    fn keep(mut self) {
        self.paths.clear();
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        for path in self.paths.iter().rev() {
            // What can't be removed stays; the first error is the one that is told.
            let _ = if path.is_dir() {
                fs::remove_dir(path)
            } else {
                fs::remove_file(path)
            };
        }
    }
}

fn name(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("`{}`: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> File {
        File {
            path: path.into(),
            contents: b"x".to_vec(),
            is_executable: false,
        }
    }

    #[test]
    fn all_files_are_there() {
        let temporary = tempfile::tempdir().unwrap();
        let project = temporary.path().join("a/b");
        write(&project, &[file("mewz.toml"), file("src/deep/x")]).unwrap();
        assert_eq!(fs::read(project.join("src/deep/x")).unwrap(), b"x");
    }

    #[test]
    fn nothing_is_left_of_a_failure() {
        let temporary = tempfile::tempdir().unwrap();
        // A file that is a folder for the next one.
        let files = [file("src/x"), file("y"), file("y/z")];
        assert!(write(&temporary.path().join("a/b"), &files).is_err());
        assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0);
        assert!(write(temporary.path(), &files).is_err());
        assert_eq!(
            fs::read_dir(temporary.path()).unwrap().count(),
            0,
            "an empty folder stays, and empty"
        );
    }

    #[test]
    fn an_occupied_place_is_refused() {
        let temporary = tempfile::tempdir().unwrap();
        assert!(refuse_occupied(temporary.path()).is_ok());
        assert!(refuse_occupied(&temporary.path().join("none")).is_ok());
        fs::write(temporary.path().join("x"), "x").unwrap();
        assert!(refuse_occupied(temporary.path()).is_err());
        assert!(refuse_occupied(&temporary.path().join("x")).is_err());
    }
}
