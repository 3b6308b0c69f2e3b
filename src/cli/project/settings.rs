//! What a program is given and runs on, as environment and files say it together.

use std::path::{Path, PathBuf};

use super::super::code::CodeKeys;
use super::super::failure::Failure;
use super::super::pack::PackedFolder;
use super::super::values::{Folder, Temporary, Variable};
use super::keys::{Debug, Dev, KernelChoices, Keys, Mode, Mount, Run};
use super::layers::Layers;
use super::profile::Profile;
use super::variables;

/// Settings; the command line comes before them.
#[derive(Debug, Default)]
pub(in crate::cli) struct Settings {
    /// Paths are relative to it.
    folder: PathBuf,
    pub(super) keys: Keys,
}

impl Settings {
    /// Those of the environment alone: for a module that belongs to no project.
    pub(in crate::cli) fn of_environment() -> Result<Self, Failure> {
        let variables = variables::ours(std::env::vars_os());
        let mut layers = Layers::default();
        variables::add(&mut layers, &variables)?;
        Self::new(PathBuf::new(), &layers)
    }

    /// Reads what `layers` say.
    pub(super) fn new(folder: PathBuf, layers: &Layers<'_>) -> Result<Self, Failure> {
        let keys = layers.keys()?;
        Ok(Self { folder, keys })
    }

    /// The folder that paths are relative to.
    pub(in crate::cli) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What is chosen about the code of `profile`.
    pub(in crate::cli) fn code(&self, profile: Profile) -> &CodeKeys {
        match profile {
            Profile::Debug => &self.keys.profile.debug,
            Profile::Release => &self.keys.profile.release,
        }
    }

    /// What the program is given.
    pub(in crate::cli) fn run(&self) -> &Run {
        &self.keys.run
    }

    /// How `mewz dev` works.
    pub(in crate::cli) fn dev(&self) -> &Dev {
        &self.keys.dev
    }

    /// How `mewz debug` works.
    pub(in crate::cli) fn debug(&self) -> &Debug {
        &self.keys.debug
    }

    /// The gdb to use, where one is named; as a path it is relative to the folder.
    pub(in crate::cli) fn gdb(&self) -> Option<&Path> {
        let gdb = self.keys.debug.gdb.as_deref()?;
        (gdb != Path::new("auto")).then_some(gdb)
    }

    /// What the machine is and says.
    pub(in crate::cli) fn kernel(&self) -> &KernelChoices {
        &self.keys.kernel
    }

    /// The program's environment.
    pub(in crate::cli) fn variables(&self) -> Vec<Variable> {
        let pairs = self.keys.run.env.iter();
        pairs
            .map(|(name, value)| Variable {
                name: name.into(),
                value: Some(value.into()),
            })
            .collect()
    }

    /// The program's folders.
    pub(in crate::cli) fn folders(&self) -> Vec<Folder> {
        self.places(&self.keys.run.mount)
    }

    /// The program's disks.
    pub(in crate::cli) fn disks(&self) -> Vec<Folder> {
        self.places(&self.keys.run.disk)
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
    pub(in crate::cli) fn temporaries(&self) -> Vec<Temporary> {
        let temporaries = self.keys.run.tmp.iter();
        temporaries
            .map(|keys| Temporary {
                guest: keys.guest.clone(),
                bytes_max: keys.size,
            })
            .collect()
    }

    /// The folders that the program carries along.
    pub(in crate::cli) fn packed(&self) -> Vec<PackedFolder> {
        let mounts = self.keys.image.mount.iter();
        mounts
            .map(|mount| PackedFolder {
                host: self.folder.join(&mount.host),
                guest: mount.guest.clone(),
                keeps_times: mount.keep_times,
            })
            .collect()
    }
}
