//! What a program is given and runs on: options of the commands that boot one, and what the project file says of them.

use std::ffi::OsString;
use std::path::PathBuf;

use super::boot::{self, Debugging, Wishes};
use super::code::CodeArguments;
use super::crash::Telling;
use super::failure::Failure;
use super::image::Making;
use super::kernel::KernelChoice;
use super::pack;
use super::project::{Profile, Settings};
use super::values::{self, Folder, PortPair, Temporary, Variable, os_parser};
use crate::compile::Options;
use crate::qemu::accelerator::AcceleratorChoice;
use crate::qemu::machine::MachineKind;

/// Options about a program and its machine, for commands that boot one.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ProgramArguments {
    /// Set a variable of the program's environment; NAME alone takes the value that it has here
    #[arg(short, long = "env", value_name = "NAME=VALUE", value_parser = os_parser(values::variable))]
    environment: Vec<Variable>,
    /// Let the program use a folder; a lone HOST is the path in the guest too
    #[arg(long = "dir", value_name = "HOST::GUEST[:ro]", value_parser = os_parser(values::folder))]
    folders: Vec<Folder>,
    /// Let the program use a persistent disk, which `mewz disk create` makes
    #[arg(long = "disk", value_name = "FILE::GUEST[:ro]", value_parser = os_parser(values::image))]
    disks: Vec<Folder>,
    /// Give the program a folder that lives in memory and is gone at the end; SIZE limits it
    #[arg(long = "tmp", value_name = "GUEST[:SIZE]", value_parser = values::temporary)]
    temporaries: Vec<Temporary>,
    /// Forward a port of this host, on 127.0.0.1, to one of the program; HOST may be `auto`, and `/udp` may follow
    #[arg(short, long = "publish", value_name = "HOST:GUEST", value_parser = values::port_pair)]
    ports: Vec<PortPair>,
    /// Hand the program a listening socket for this port of its own: descriptor 3, 4 and so on
    #[arg(long, value_name = "GUESTPORT", value_parser = values::port)]
    listen: Vec<u16>,
    /// Let the program make connections and resolve names
    #[arg(long)]
    net: bool,
    /// Memory of the machine, from 16MiB to 64GiB [default: 128MiB] [env: MEWZ_MEMORY]
    #[arg(short, long, value_name = "SIZE", value_parser = values::memory)]
    memory: Option<u64>,
    /// Build and run the project's release profile
    #[arg(long)]
    release: bool,
    /// How instructions run; `auto` takes KVM where it can be used [default: auto] [env: MEWZ_ACCEL]
    #[arg(long, value_parser = values::choice_parser(values::ACCELERATORS))]
    accel: Option<AcceleratorChoice>,
    /// The machine type [default: microvm] [env: MEWZ_MACHINE]
    #[arg(long, value_parser = values::choice_parser(values::MACHINES))]
    machine: Option<MachineKind>,
    /// How much of the kernel's own words is shown [default: warn] [env: MEWZ_LOG]
    #[arg(long, value_name = "LEVEL", value_parser = values::choice_parser(values::LOG_LEVELS))]
    log: Option<u8>,
    #[command(flatten)]
    pub(super) code: CodeArguments,
    /// The QEMU to use, a name or a path
    #[arg(long, value_name = "FILE", env = "MEWZ_QEMU", hide_env_values = true)]
    pub(super) qemu: Option<PathBuf>,
    /// Neither use nor keep compiled images and functions
    #[arg(long)]
    pub(super) no_cache: bool,
    /// A kernel other than the one inside
    #[arg(long, value_name = "FILE", hide = true)]
    kernel: Option<PathBuf>,
    /// A word for the kernel's command line
    #[arg(long, value_name = "TEXT", hide = true)]
    kernel_arg: Vec<String>,
}

/// What is asked for of the network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NetworkWishes {
    /// Ports of the host, and where they lead.
    pub(super) pairs: Vec<PortPair>,
    /// Ports that the program finds open.
    pub(super) listeners: Vec<u16>,
    /// Whether the program may reach others.
    pub(super) is_open: bool,
}

impl ProgramArguments {
    /// The profile that is wanted.
    pub(super) fn profile(&self) -> Profile {
        Profile::new(self.release)
    }

    /// What images are made with, for machines as `wishes` has them; where `counts_runs`, code counts what runs.
    pub(super) fn making(
        &self,
        settings: &Settings,
        wishes: &Wishes,
        counts_runs: bool,
    ) -> Result<Making, Failure> {
        let profile = self.profile();
        let options = Options {
            counts_runs,
            ..self
                .code
                .options(profile, settings, Some(wishes.accelerator))
        };
        Ok(Making {
            options: self.code.with_profile(options, profile, settings)?,
            kernel: KernelChoice {
                file: self.kernel.clone(),
                has_disks: !wishes.disks.is_empty(),
                is_debuggable: false,
            },
            pack: Vec::new(),
        })
    }

    /// Settles what is asked for: the command line before the settings before what holds where nobody says otherwise.
    /// Network, time limit and profile are left to the command.
    pub(super) fn wishes(
        &self,
        given: &[OsString],
        settings: &Settings,
    ) -> Result<Wishes, Failure> {
        let mut variables = settings.variables();
        variables.extend(self.environment.iter().cloned());
        let mut folders = settings.folders();
        let mut temporaries = settings.temporaries();
        // A flag takes the place of what the file has at the same path.
        let flags = self.folders.iter().map(|flag| &flag.guest);
        let flags: Vec<&String> = flags
            .chain(self.temporaries.iter().map(|flag| &flag.guest))
            .chain(self.disks.iter().map(|flag| &flag.guest))
            .collect();
        folders.retain(|folder| !flags.contains(&&folder.guest));
        temporaries.retain(|temporary| !flags.contains(&&temporary.guest));
        let mut disks = settings.disks();
        disks.retain(|disk| !flags.contains(&&disk.guest));
        let mut packed = settings.packed();
        // What is mounted by flag or below `[run]` hides what the image carries.
        packed.retain(|packed| {
            let is_other = |guest: &String| *guest != packed.guest;
            flags.iter().all(|flag| is_other(flag))
                && folders.iter().all(|folder| is_other(&folder.guest))
                && temporaries.iter().all(|other| is_other(&other.guest))
                && disks.iter().all(|disk| is_other(&disk.guest))
        });
        folders.extend(self.folders.iter().cloned());
        temporaries.extend(self.temporaries.iter().cloned());
        disks.extend(self.disks.iter().cloned());
        let mounts = boot::mounts(&folders)?;
        let pack = pack::pack(&packed, &[])?;
        let memory_bytes = self.memory.or(settings.run().memory);
        let arguments = match given {
            [] => settings.run().args.iter().map(OsString::from).collect(),
            given => given.to_vec(),
        };
        Ok(Wishes {
            arguments,
            network: None,
            environment: boot::environment(&variables)?,
            options: boot::temporaries(&temporaries, &mounts)?,
            memory_bytes: pack::memory_bytes(memory_bytes, pack::bytes(&pack))?,
            pack: pack.into(),
            disks: boot::disks(&disks, &folders, &temporaries)?,
            mounts,
            timeout: None,
            ready: settings.run().ready,
            profile: None,
            debugging: Debugging::Off,
            telling: Telling::default(),
            core: None,
            accelerator: self.accelerator(settings),
            machine: self
                .machine
                .or(settings.kernel().machine)
                .unwrap_or_default(),
            log_level: self
                .log
                .or(settings.kernel().log)
                .unwrap_or(values::LOG_LEVEL_DEFAULT),
            command_line: self.kernel_arg.join(" "),
        })
    }

    /// What is asked for of the network, by the command line before the settings.
    pub(super) fn network(&self, settings: &Settings) -> NetworkWishes {
        let run = settings.run();
        NetworkWishes {
            pairs: given(&self.ports, &run.ports).to_vec(),
            listeners: given(&self.listen, &run.listen).to_vec(),
            is_open: self.net || run.net,
        }
    }

    fn accelerator(&self, settings: &Settings) -> AcceleratorChoice {
        self.accel.or(settings.kernel().accel).unwrap_or_default()
    }
}

/// What the command line gives, or where it gives nothing the settings.
fn given<'a, T>(flags: &'a [T], settings: &'a [T]) -> &'a [T] {
    match flags {
        [] => settings,
        _ => flags,
    }
}
