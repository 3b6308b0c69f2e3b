//! The keys of the project file, as serde reads them and the schema describes them.
//!
//! A key's first line here is its line in `docs/mewz-toml.md`. `default` is what holds where nobody says otherwise; `x-flag` is the
//! option that comes before the file, `x-variable` a short name beside the one that is made of the key's path.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::code::CodeKeys;
use super::super::values::PortPair;
use super::text;
use crate::qemu::accelerator::AcceleratorChoice;
use crate::qemu::machine::{DebugLine, MachineKind};

/// A project of mewz: how its program is built, what it is given, what it runs on
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "mewz.toml", extend("required" = ["mewz"]))]
pub(in crate::cli) struct Keys {
    /// Version of these keys
    #[schemars(with = "i64", extend("const" = 1))]
    pub(super) mewz: Option<i64>,
    /// The program
    pub(super) app: App,
    /// How the module is made, in any language: a command, and the module that it leaves
    pub(super) build: Build,
    /// What `mewz test` runs, where it is not cargo that makes the tests
    #[schemars(with = "Test")]
    pub(super) test: Option<Test>,
    /// How code is made, by profile
    pub(super) profile: Profiles,
    /// What the program is given
    pub(super) run: Run,
    /// What an image carries
    pub(super) image: ImageKeys,
    /// How `mewz dev` works
    pub(super) dev: Dev,
    /// How `mewz debug` works
    pub(super) debug: Debug,
    /// What the machine is and says
    pub(super) kernel: KernelChoices,
}

/// The program
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct App {
    /// Names the image of `mewz build`, and the program that is meant where several could be inferred; without it the module's name
    #[schemars(with = "String")]
    pub(super) name: Option<String>,
}

/// How the module is made, in any language: a command, and the module that it leaves
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Build {
    /// Run by `sh -c` in the file's folder; knows `{profile}`, `{debug:…}`, `{release:…}` and `{--release}`
    #[schemars(with = "String")]
    pub(super) command: Option<String>,
    /// The module that the command leaves, `.wasm` or `.wat`; knows `{profile}`
    #[schemars(with = "String")]
    pub(super) wasm: Option<String>,
    /// What the module is made of, as patterns; without it all that git does not ignore, less what is built
    pub(super) watch: Vec<String>,
}

/// What `mewz test` runs, where it is not cargo that makes the tests
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Test {
    /// Makes the tests, as that of `[build]`
    #[schemars(with = "String")]
    pub(super) command: Option<String>,
    /// Modules that pass if they end with status 0, or have a test harness
    pub(super) wasm: Vec<String>,
}

/// How code is made, by profile
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Profiles {
    /// Without `--release`
    pub(super) debug: CodeKeys,
    /// With `--release`
    pub(super) release: CodeKeys,
}

/// What the program is given
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::cli) struct Run {
    /// Its arguments
    #[schemars(extend("x-flag" = "-- ARGS"))]
    pub(in crate::cli) args: Vec<String>,
    /// Its environment
    #[schemars(extend("x-flag" = "--env"))]
    pub(in crate::cli) env: BTreeMap<String, String>,
    /// Memory of the machine, from 16MiB to 64GiB
    #[serde(deserialize_with = "text::memory")]
    #[schemars(schema_with = "text::size_schema", extend("default" = "128MiB", "x-flag" = "--memory", "x-variable" = "MEWZ_MEMORY"))]
    pub(in crate::cli) memory: Option<u64>,
    /// The machine is ended after this time, with status 124
    #[serde(deserialize_with = "text::time")]
    #[schemars(schema_with = "text::time_schema", extend("x-flag" = "--timeout", "x-variable" = "MEWZ_TIMEOUT"))]
    pub(in crate::cli) timeout: Option<Duration>,
    /// Ports of this host, and of the program that they lead to: `8080:80`, `5353:53/udp`, `auto:80` for any that is free
    #[serde(deserialize_with = "text::ports")]
    #[schemars(schema_with = "text::ports_schema", extend("x-flag" = "--publish"))]
    pub(in crate::cli) ports: Vec<PortPair>,
    /// Listeners that the program finds open: descriptor 3, 4 and so on
    #[serde(deserialize_with = "text::listeners")]
    #[schemars(inner(range(min = 1)), extend("x-flag" = "--listen"))]
    pub(in crate::cli) listen: Vec<u16>,
    /// Whether the program may make connections and resolve names
    #[schemars(extend("default" = false, "x-flag" = "--net"))]
    pub(in crate::cli) net: bool,
    /// When a server counts as up
    #[schemars(with = "Ready")]
    pub(in crate::cli) ready: Option<Ready>,
    /// Folders of this host that the program may use
    #[schemars(extend("x-flag" = "--dir"))]
    pub(super) mount: Vec<Mount>,
    /// Persistent disks, which `mewz disk create` makes
    #[schemars(extend("x-flag" = "--disk"))]
    pub(super) disk: Vec<Mount>,
    /// Folders in memory, gone at the end
    #[schemars(extend("x-flag" = "--tmp"))]
    pub(super) tmp: Vec<TemporaryKeys>,
}

/// When a server counts as up
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(in crate::cli) struct Ready {
    /// The port of the program that has to accept connections; without it any, under `mewz dev` all that are forwarded
    #[serde(default, deserialize_with = "text::port")]
    #[schemars(with = "u16", range(min = 1))]
    pub(in crate::cli) port: Option<u16>,
    /// A program that takes longer has failed: `mewz run` ends with status 124, `mewz dev` keeps the one before
    #[serde(default, deserialize_with = "text::time")]
    #[schemars(schema_with = "text::time_schema")]
    pub(in crate::cli) timeout: Option<Duration>,
}

/// A folder or disk of this host, and where the program finds it
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Mount {
    /// The folder or disk, from the file's folder on
    pub(super) host: PathBuf,
    /// Its path in the program
    pub(super) guest: String,
    /// `ro` where nothing in it can be changed
    #[serde(default)]
    #[schemars(extend("default" = "rw"))]
    pub(super) mode: Mode,
}

/// Whether something can be changed
#[derive(Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(super) enum Mode {
    Ro,
    #[default]
    Rw,
}

/// A folder in memory
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TemporaryKeys {
    /// Its path in the program
    pub(super) guest: String,
    /// Most that it takes of the machine's memory; without it half of what is free
    #[serde(default, deserialize_with = "text::temporary_size")]
    #[schemars(schema_with = "text::size_schema")]
    pub(super) size: Option<u64>,
}

/// What an image carries
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ImageKeys {
    /// Folders that the program carries along, to be read only
    #[schemars(extend("x-flag" = "--pack"))]
    pub(super) mount: Vec<PackedMount>,
}

/// A folder that the program carries along
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct PackedMount {
    /// The folder, from the file's folder on
    pub(super) host: PathBuf,
    /// Its path in the program
    pub(super) guest: String,
    /// Whether files keep the time of their last change; otherwise it is 1970
    #[serde(default)]
    #[schemars(extend("default" = false))]
    pub(super) keep_times: bool,
}

/// How `mewz dev` works
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(in crate::cli) struct Dev {
    /// How a new program comes to run: a machine waits for it, or one is booted for it
    #[schemars(with = "Reload", extend("default" = "park", "x-flag" = "--reload", "x-variable" = "MEWZ_RELOAD"))]
    pub(in crate::cli) reload: Option<Reload>,
    /// What happens to the program that runs when a newer one can't be built: it goes on, or it ends
    #[schemars(with = "OnError", extend("default" = "keep"))]
    pub(in crate::cli) on_error: Option<OnError>,
    /// Machines that serve side by side, at most 16
    #[serde(deserialize_with = "text::instances")]
    #[schemars(with = "u8", range(min = 1, max = 16), extend("default" = 1, "x-flag" = "--instances"))]
    pub(in crate::cli) instances: Option<u8>,
    /// Whether the terminal is cleared at every save
    #[schemars(extend("default" = false, "x-flag" = "--clear"))]
    pub(in crate::cli) clear: bool,
    /// Whether the terminal is told (bell and desktop notice) when a build fails, and when it works again
    #[schemars(extend("default" = false, "x-flag" = "--notify"))]
    pub(in crate::cli) notify: bool,
    /// Whether what the build command prints is shown even where it succeeds
    #[schemars(extend("default" = false, "x-flag" = "--verbose"))]
    pub(in crate::cli) verbose: bool,
}

/// How a new program comes to run under `mewz dev`.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(in crate::cli) enum Reload {
    /// A machine waits for it, booted beforehand
    #[default]
    Park,
    /// A machine is booted for it
    Reboot,
}

/// What `mewz dev` does with the program that runs when a newer one fails.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(in crate::cli) enum OnError {
    /// It goes on
    #[default]
    Keep,
    /// It ends
    Stop,
}

/// How `mewz debug` works
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::cli) struct Debug {
    /// The gdb to use, a name or a path; `auto` takes the one that is installed
    #[schemars(with = "String", extend("default" = "auto", "x-flag" = "--gdb", "x-variable" = "MEWZ_GDB"))]
    pub(in crate::cli) gdb: Option<PathBuf>,
    /// Who answers gdb: the kernel, or QEMU
    #[serde(deserialize_with = "text::stub")]
    #[schemars(schema_with = "text::stub_schema", extend("default" = "kernel", "x-flag" = "--stub"))]
    pub(in crate::cli) stub: Option<DebugLine>,
    /// Places that a session runs to first: functions, `*ADDRESS` or `FILE:LINE`
    #[serde(rename = "break")]
    #[schemars(extend("x-flag" = "--break"))]
    pub(in crate::cli) breakpoints: Vec<String>,
    /// Whether `mewz run` lets a debugger come to the machine, and a crash wait for one
    #[schemars(extend("default" = false, "x-flag" = "--debuggable"))]
    pub(in crate::cli) debuggable: bool,
    /// Whether a crash leaves the machine's memory in `.mewz/NAME.core` beside the module, for `mewz debug FILE`
    #[schemars(extend("default" = false, "x-flag" = "--core"))]
    pub(in crate::cli) core: bool,
}

/// What the machine is and says
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::cli) struct KernelChoices {
    /// How much of the kernel's own words is shown
    #[serde(deserialize_with = "text::log_level")]
    #[schemars(schema_with = "text::log_level_schema", extend("default" = "warn", "x-flag" = "--log", "x-variable" = "MEWZ_LOG"))]
    pub(in crate::cli) log: Option<u8>,
    /// How instructions run; `auto` takes what `mewz doctor` has measured to be fastest
    #[serde(deserialize_with = "text::accelerator")]
    #[schemars(schema_with = "text::accelerator_schema", extend("default" = "auto", "x-flag" = "--accel", "x-variable" = "MEWZ_ACCEL"))]
    pub(in crate::cli) accel: Option<AcceleratorChoice>,
    /// The machine type
    #[serde(deserialize_with = "text::machine")]
    #[schemars(schema_with = "text::machine_schema", extend("default" = "microvm", "x-flag" = "--machine", "x-variable" = "MEWZ_MACHINE"))]
    pub(in crate::cli) machine: Option<MachineKind>,
}
