//! The project: its file `mewz.toml`, found and read, and what it says to the commands.

mod build;
mod keys;
mod profile;
mod read;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

pub(super) use self::build::{has_built, not_run};
pub(super) use self::keys::Reload;
use self::keys::{Content, Dev, KernelChoices, Mode, Mount, Run};
pub(super) use self::profile::Profile;
pub(super) use self::read::parse;
use super::code::CodeKeys;
use super::failure::Failure;
use super::pack::PackedFolder;
use super::values::{Folder, Temporary, Variable};

/// The project file's name.
pub(super) const FILE_NAME: &str = "mewz.toml";

/// A project: its file's content and its folder.
#[derive(Debug)]
pub(super) struct Project {
    folder: PathBuf,
    content: Content,
}

impl Project {
    /// The project in `folder`, or the innermost one around the current folder where none is named.
    pub(super) fn find(folder: Option<&Path>) -> Result<Self, Failure> {
        let folder = match folder {
            Some(folder) => folder.to_owned(),
            None => enclosing_folder()?,
        };
        let path = folder.join(FILE_NAME);
        let text = std::fs::read_to_string(&path).map_err(|problem| match problem.kind() {
            io::ErrorKind::NotFound => {
                Failure::new(format!("`{}` is no project", folder.display()))
                    .cause(format!("it holds no `{FILE_NAME}`"))
                    .hint("name a `.wasm` or `.wat` file, or begin a project with `mewz new`")
            }
            _ => Failure::new(format!("cannot read `{}`", path.display())).cause(problem),
        })?;
        let content = parse(&path, &text)?;
        Ok(Self { folder, content })
    }

    /// The name in the file, else the module's without its extension.
    pub(super) fn name(&self, profile: Profile) -> OsString {
        match &self.content.app.name {
            Some(name) => name.into(),
            None => self
                .module_path(profile)
                .file_stem()
                .unwrap_or_default()
                .to_owned(),
        }
    }

    /// The project's folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The build command as the file has it.
    pub(super) fn build_command(&self) -> Option<&str> {
        self.content.build.command.as_deref()
    }

    /// What the file chooses about the code of `profile`.
    pub(super) fn code(&self, profile: Profile) -> &CodeKeys {
        match profile {
            Profile::Debug => &self.content.profile.debug,
            Profile::Release => &self.content.profile.release,
        }
    }

    /// What the program is given.
    pub(super) fn run(&self) -> &Run {
        &self.content.run
    }

    /// How `mewz dev` works.
    pub(super) fn dev(&self) -> &Dev {
        &self.content.dev
    }

    /// What the machine is and says.
    pub(super) fn kernel(&self) -> &KernelChoices {
        &self.content.kernel
    }

    /// The program's environment.
    pub(super) fn variables(&self) -> Vec<Variable> {
        let pairs = self.content.run.env.iter();
        pairs
            .map(|(name, value)| Variable {
                name: name.into(),
                value: Some(value.into()),
            })
            .collect()
    }

    /// The program's folders; host paths are relative to the file.
    pub(super) fn folders(&self) -> Vec<Folder> {
        self.places(&self.content.run.mount)
    }

    /// The program's disks, likewise.
    pub(super) fn disks(&self) -> Vec<Folder> {
        self.places(&self.content.run.disk)
    }

    fn places(&self, mounts: &[Mount]) -> Vec<Folder> {
        mounts
            .iter()
            .map(|mount| Folder {
                host: self.folder.join(&mount.host),
                guest: mount.guest.clone(),
                is_read_only: mount.mode == Mode::Ro,
            })
            .collect()
    }

    /// The program's file systems in memory.
    pub(super) fn temporaries(&self) -> Vec<Temporary> {
        let temporaries = self.content.run.tmp.iter();
        temporaries
            .map(|keys| Temporary {
                guest: keys.guest.clone(),
                bytes_max: keys.size,
            })
            .collect()
    }

    /// The folders that the program carries along; host paths are relative to the file.
    pub(super) fn packed(&self) -> Vec<PackedFolder> {
        let mounts = self.content.image.mount.iter();
        mounts
            .map(|mount| PackedFolder {
                host: self.folder.join(&mount.host),
                guest: mount.guest.clone(),
                keeps_times: mount.keep_times,
            })
            .collect()
    }

    /// The module that the build command leaves.
    pub(super) fn module_path(&self, profile: Profile) -> PathBuf {
        self.folder.join(profile.expand(&self.content.build.wasm))
    }

    /// What is run to build the module, if anything.
    pub(super) fn command(&self, profile: Profile) -> Option<String> {
        let Content {
            mewz: (), build, ..
        } = &self.content;
        Some(profile.expand(build.command.as_deref()?))
    }

    /// The files that the module is made of, as patterns; none where the file does not say.
    pub(super) fn watched(&self) -> &[String] {
        &self.content.build.watch
    }
}

fn enclosing_folder() -> Result<PathBuf, Failure> {
    let here = std::env::current_dir()
        .map_err(|problem| Failure::new("there is no current folder").cause(problem))?;
    let found = here
        .ancestors()
        .find(|folder| folder.join(FILE_NAME).is_file());
    match found {
        // As short as it can be said.
        Some(folder) if folder == here => Ok(PathBuf::from(".")),
        Some(folder) => Ok(folder.to_owned()),
        None => Err(Failure::usage("nothing to run is named")
            .cause(format!(
                "neither this folder nor one around it holds a `{FILE_NAME}`"
            ))
            .hint("name a `.wasm` or `.wat` file, or begin a project with `mewz new`")),
    }
}
