//! The keys of the project file, as serde reads them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use super::super::code::CodeKeys;
use super::super::values::{self, PortPair};
use crate::qemu::accelerator::AcceleratorChoice;
use crate::qemu::machine::MachineKind;

/// The version of the file's keys that this program reads.
const VERSION: i64 = 1;

/// The file's keys.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli) struct Content {
    #[serde(deserialize_with = "version")]
    pub(super) mewz: (),
    #[serde(default)]
    pub(super) app: App,
    pub(super) build: Build,
    pub(super) test: Option<Test>,
    #[serde(default)]
    pub(super) profile: Profiles,
    #[serde(default)]
    pub(super) run: Run,
    #[serde(default)]
    pub(super) image: ImageKeys,
    #[serde(default)]
    pub(super) dev: Dev,
    #[serde(default)]
    pub(super) kernel: KernelChoices,
}

/// What an image carries.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ImageKeys {
    #[serde(default)]
    pub(super) mount: Vec<PackedMount>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct PackedMount {
    pub(super) host: PathBuf,
    pub(super) guest: String,
    #[serde(default)]
    pub(super) keep_times: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct App {
    pub(super) name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Build {
    pub(super) command: Option<String>,
    pub(super) wasm: String,
    #[serde(default)]
    pub(super) watch: Vec<String>,
}

/// Modules that pass if they end with status 0, or have a test harness.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Test {
    pub(super) command: Option<String>,
    pub(super) wasm: Vec<String>,
}

/// What is chosen about the code, by profile.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Profiles {
    #[serde(default)]
    pub(super) debug: CodeKeys,
    #[serde(default)]
    pub(super) release: CodeKeys,
}

/// What the program is given.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli) struct Run {
    #[serde(default)]
    pub(in crate::cli) args: Vec<String>,
    #[serde(default)]
    pub(in crate::cli) env: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "memory")]
    pub(in crate::cli) memory: Option<u64>,
    #[serde(default, deserialize_with = "time")]
    pub(in crate::cli) timeout: Option<Duration>,
    #[serde(default, deserialize_with = "ports")]
    pub(in crate::cli) ports: Vec<PortPair>,
    /// Ports that the program finds listeners for.
    #[serde(default, deserialize_with = "listeners")]
    pub(in crate::cli) listen: Vec<u16>,
    /// Whether the program may make connections.
    #[serde(default)]
    pub(in crate::cli) net: bool,
    #[serde(default)]
    pub(super) mount: Vec<Mount>,
    #[serde(default)]
    pub(super) disk: Vec<Mount>,
    /// File systems in memory.
    #[serde(default)]
    pub(super) tmp: Vec<TemporaryKeys>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TemporaryKeys {
    pub(super) guest: String,
    #[serde(default, deserialize_with = "temporary_size")]
    pub(super) size: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mount {
    pub(super) host: PathBuf,
    pub(super) guest: String,
    #[serde(default)]
    pub(super) mode: Mode,
}

#[derive(Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Mode {
    Ro,
    #[default]
    Rw,
}

/// How `mewz dev` works.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli) struct Dev {
    #[serde(default)]
    pub(in crate::cli) reload: Option<Reload>,
}

/// How a new program comes to run under `mewz dev`.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(in crate::cli) enum Reload {
    /// A machine waits for it, booted beforehand
    #[default]
    Park,
    /// A machine is booted for it
    Reboot,
}

/// What the machine is and says.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli) struct KernelChoices {
    #[serde(default, deserialize_with = "log_level")]
    pub(in crate::cli) log: Option<u8>,
    #[serde(default, deserialize_with = "accelerator")]
    pub(in crate::cli) accel: Option<AcceleratorChoice>,
    #[serde(default, deserialize_with = "machine")]
    pub(in crate::cli) machine: Option<MachineKind>,
}

fn version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
    match i64::deserialize(deserializer)? {
        VERSION => Ok(()),
        other => Err(D::Error::custom(format!(
            "this mewz reads version {VERSION} of the file, not {other}"
        ))),
    }
}

/// Reads a string by one of the parsers of the command line, so that both take the same.
fn parsed<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T, D::Error> {
    parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

fn memory<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    parsed(deserializer, values::memory).map(Some)
}

fn temporary_size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    parsed(deserializer, values::temporary_size).map(Some)
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    parsed(deserializer, values::time).map(Some)
}

fn log_level<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u8>, D::Error> {
    parsed(deserializer, |text| {
        values::choice(values::LOG_LEVELS, text)
    })
    .map(Some)
}

fn accelerator<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<AcceleratorChoice>, D::Error> {
    parsed(deserializer, |text| {
        values::choice(values::ACCELERATORS, text)
    })
    .map(Some)
}

fn machine<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<MachineKind>, D::Error> {
    parsed(deserializer, |text| values::choice(values::MACHINES, text)).map(Some)
}

fn listeners<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u16>, D::Error> {
    let ports = Vec::<u16>::deserialize(deserializer)?;
    match ports.contains(&0) {
        true => Err(D::Error::custom("0 is no port: a number from 1 to 65535")),
        false => Ok(ports),
    }
}

fn ports<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PortPair>, D::Error> {
    let ports = Vec::<String>::deserialize(deserializer)?;
    ports
        .iter()
        .map(|pair| values::port_pair(pair))
        .collect::<Result<_, _>>()
        .map_err(D::Error::custom)
}
