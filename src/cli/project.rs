//! The project file, `mewz.toml`: found, read, its build command run.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::Pid;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use super::code::CodeKeys;
use super::failure::{Failure, STATUS_USAGE};
use super::interrupt::{Holding, hold};
use super::nearest::nearest;
use super::pack::PackedFolder;
use super::values::{self, Folder, PortPair, Temporary, Variable};
use crate::qemu::accelerator::AcceleratorChoice;
use crate::qemu::leash::{self, Limits};
use crate::qemu::machine::MachineKind;

/// The project file's name.
pub(super) const FILE_NAME: &str = "mewz.toml";

/// The version of the file's keys that this program reads.
const VERSION: i64 = 1;

/// Tells a build command which profile is wanted: `debug` or `release`.
const PROFILE_VARIABLE: &str = "MEWZ_PROFILE";

/// What a project is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Profile {
    Debug,
    Release,
}

impl Profile {
    /// Release where `is_release`.
    pub(super) fn new(is_release: bool) -> Self {
        if is_release {
            Profile::Release
        } else {
            Profile::Debug
        }
    }

    fn name(self) -> &'static str {
        match self {
            Profile::Debug => "debug",
            Profile::Release => "release",
        }
    }

    /// Fills in `{profile}`, and `{--release}`, which is nothing for a debug build.
    fn expand(self, text: &str) -> String {
        let flag = match self {
            Profile::Debug => "",
            Profile::Release => "--release",
        };
        text.replace("{profile}", self.name())
            .replace("{--release}", flag)
    }
}

/// A project: its file's content and its folder.
#[derive(Debug)]
pub(super) struct Project {
    folder: PathBuf,
    content: Content,
}

/// The file's keys.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Content {
    #[serde(deserialize_with = "version")]
    mewz: (),
    #[serde(default)]
    app: App,
    build: Build,
    test: Option<Test>,
    #[serde(default)]
    profile: Profiles,
    #[serde(default)]
    run: Run,
    #[serde(default)]
    image: ImageKeys,
    #[serde(default)]
    dev: Dev,
    #[serde(default)]
    kernel: KernelChoices,
}

/// What an image carries.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ImageKeys {
    #[serde(default)]
    mount: Vec<PackedMount>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct PackedMount {
    host: PathBuf,
    guest: String,
    #[serde(default)]
    keep_times: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct App {
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Build {
    command: Option<String>,
    wasm: String,
    #[serde(default)]
    watch: Vec<String>,
}

/// Modules that pass if they end with status 0, or have a test harness.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Test {
    command: Option<String>,
    wasm: Vec<String>,
}

/// What is chosen about the code, by profile.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Profiles {
    #[serde(default)]
    debug: CodeKeys,
    #[serde(default)]
    release: CodeKeys,
}

/// What the program is given.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Run {
    #[serde(default)]
    pub(super) args: Vec<String>,
    #[serde(default)]
    pub(super) env: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "memory")]
    pub(super) memory: Option<u64>,
    #[serde(default, deserialize_with = "time")]
    pub(super) timeout: Option<Duration>,
    #[serde(default, deserialize_with = "ports")]
    pub(super) ports: Vec<PortPair>,
    /// Ports that the program finds listeners for.
    #[serde(default, deserialize_with = "listeners")]
    pub(super) listen: Vec<u16>,
    /// Whether the program may make connections.
    #[serde(default)]
    pub(super) net: bool,
    #[serde(default)]
    mount: Vec<Mount>,
    #[serde(default)]
    disk: Vec<Mount>,
    /// File systems in memory.
    #[serde(default)]
    tmp: Vec<TemporaryKeys>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TemporaryKeys {
    guest: String,
    #[serde(default, deserialize_with = "temporary_size")]
    size: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mount {
    host: PathBuf,
    guest: String,
    #[serde(default)]
    mode: Mode,
}

#[derive(Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Mode {
    Ro,
    #[default]
    Rw,
}

/// How `mewz dev` works.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Dev {
    #[serde(default)]
    pub(super) reload: Option<Reload>,
}

/// How a new program comes to run under `mewz dev`.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(super) enum Reload {
    /// A machine waits for it, booted beforehand
    #[default]
    Park,
    /// A machine is booted for it
    Reboot,
}

/// What the machine is and says.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KernelChoices {
    #[serde(default, deserialize_with = "log_level")]
    pub(super) log: Option<u8>,
    #[serde(default, deserialize_with = "accelerator")]
    pub(super) accel: Option<AcceleratorChoice>,
    #[serde(default, deserialize_with = "machine")]
    pub(super) machine: Option<MachineKind>,
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

    /// Runs the build command; gives the path of the module that it leaves.
    pub(super) fn build(&self, profile: Profile) -> Result<PathBuf, Failure> {
        if let Some(command) = self.command(profile) {
            self.run_command(&command, profile)?;
        }
        self.built(profile)
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

    /// The module that the build command has left.
    pub(super) fn built(&self, profile: Profile) -> Result<PathBuf, Failure> {
        let build = &self.content.build;
        self.made(&build.wasm, build.command.as_deref(), "build", profile)
    }

    /// Runs the command of the tests; gives the paths of their modules, if the file has a section for tests.
    pub(super) fn build_tests(&self, profile: Profile) -> Result<Option<Vec<PathBuf>>, Failure> {
        let Some(test) = &self.content.test else {
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
        let module = self.folder.join(profile.expand(wasm));
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

    /// The process that builds, without its streams; it ends with the thread that spawns it.
    pub(super) fn build_process(&self, command: &str, profile: Profile) -> Command {
        let mut process = leash::command(Path::new("/bin/sh"), Limits::default());
        process
            .args(["-c", command])
            .current_dir(&self.folder)
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
pub(super) fn not_run(command: &str, problem: &io::Error) -> Failure {
    Failure::new("the build failed").cause(format!("cannot run `{command}`: {problem}"))
}

/// What the status of a build command says.
pub(super) fn has_built(command: &str, status: ExitStatus) -> Result<(), Failure> {
    let failure = || Failure::new("the build failed");
    match (status.code(), status.signal()) {
        (Some(0), _) => Ok(()),
        (Some(127), _) => Err(failure()
            .cause(format!("`{command}` ended with status 127"))
            .hint("a program that the command needs is not installed: its name stands above")),
        (Some(code), _) => Err(failure().cause(format!("`{command}` ended with status {code}"))),
        (None, signal) => Err(failure().cause(format!(
            "`{command}` was ended by signal {}",
            signal.unwrap_or_default()
        ))),
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

pub(super) fn parse(path: &Path, text: &str) -> Result<Content, Failure> {
    toml::from_str(text).map_err(|problem| {
        let place = match problem.span() {
            Some(span) => {
                let (line, column) = line_and_column(text, span.start);
                format!("{}:{line}:{column}", path.display())
            }
            None => path.display().to_string(),
        };
        let message = problem.message();
        let failure = Failure::new(format!("`{}` is not as it must be", path.display()))
            .cause(format!("{place}: {}", message.replace('\n', ": ")))
            .with_status(STATUS_USAGE);
        match suggestion(message) {
            Some(suggestion) => failure.hint(format!("did you mean `{suggestion}`?")),
            None => failure,
        }
    })
}

/// Both from 1; columns are characters.
fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (
        before.matches('\n').count() + 1,
        before[line_start..].chars().count() + 1,
    )
}

/// The nearest of the names that serde expected, from its message: "unknown field `a`, expected one of `b`, `c`".
fn suggestion(message: &str) -> Option<&str> {
    let mut names = message.split('`').skip(1).step_by(2);
    let unknown = message.starts_with("unknown ").then(|| names.next())??;
    nearest(unknown, names)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Content, Profile, line_and_column, parse, suggestion};

    const SAMPLE: &str = r#"
        mewz = 1
        [app]
        name = "hello-http"
        [build]
        command = "cargo build --target wasm32-wasip1"
        wasm = "target/wasm32-wasip1/{profile}/hello-http.wasm"
        watch = ["src/**", "Cargo.toml"]
        [profile.debug]
        opt = 0
        [profile.release]
        target-cpu = "x86-64-v3"
        [run]
        args = ["--listen", "0.0.0.0:8080"]
        env = { RUST_LOG = "info" }
        memory = "128MiB"
        ports = ["8080:8080"]
        [[run.mount]]
        host = "static"
        guest = "/static"
        mode = "ro"
        [kernel]
        log = "warn"
        accel = "auto"
        machine = "microvm"
    "#;

    fn read(text: &str) -> Result<Content, String> {
        parse(Path::new("mewz.toml"), text).map_err(|failure| format!("{failure:?}"))
    }

    #[test]
    fn the_sample_is_read() {
        let content = read(SAMPLE).unwrap();
        assert_eq!(content.run.memory, Some(128 << 20));
        assert_eq!(content.run.mount.len(), 1);
        assert_eq!(content.kernel.log, Some(2));
    }

    #[test]
    fn the_documented_file_is_read() {
        let text = include_str!("../../docs/project-file.md");
        let (_, rest) = text.split_once("```toml\n").unwrap();
        let content = read(rest.split_once("```").unwrap().0).unwrap();
        assert_eq!(content.app.name.as_deref(), Some("hello"));
        assert_eq!(
            content.run.timeout,
            Some(std::time::Duration::from_secs(10))
        );
    }

    #[test]
    fn mistakes_are_placed_and_near_names_offered() {
        let wrong = |from: &str, to: &str, words: &[&str]| {
            let problem = read(&SAMPLE.replacen(from, to, 1)).unwrap_err();
            for word in words {
                assert!(problem.contains(word), "{problem} lacks {word}");
            }
        };
        wrong(
            "command =",
            "comand =",
            &[
                "mewz.toml:6:9",
                "unknown field `comand`",
                "did you mean `command`?",
            ],
        );
        wrong("128MiB", "128", &["mewz.toml:16:18", "is no size"]);
        wrong("mewz = 1", "mewz = 2", &["mewz.toml:2:16", "version 1"]);
        wrong("mewz = 1", "", &["missing field `mewz`"]);
        wrong("\"auto\"", "\"fast\"", &["none of `auto`, `kvm`, `tcg`"]);
        wrong("\"ro\"", "\"r\"", &["unknown variant `r`"]);
        wrong("8080:8080", "8080", &["expected `HOST:GUEST`"]);
        wrong("[app]", "[app", &["mewz.toml:3:"]);
        wrong("\"warn\"", "\"loud\"", &["none of `error`"]);
        wrong("opt = 0", "opt = 3", &["none of `0`, `1`, `2`"]);
        wrong("target-cpu", "target_cpu", &["did you mean `target-cpu`?"]);
    }

    #[test]
    fn profiles_are_filled_in() {
        let expand =
            |profile: Profile| profile.expand("cargo build {--release} target/{profile}/a.wasm");
        assert_eq!(expand(Profile::Debug), "cargo build  target/debug/a.wasm");
        assert_eq!(
            expand(Profile::Release),
            "cargo build --release target/release/a.wasm"
        );
    }

    #[test]
    fn places_count_from_one() {
        assert_eq!(line_and_column("a\nbü c", 0), (1, 1));
        assert_eq!(line_and_column("a\nbü c", 5), (2, 3));
    }

    #[test]
    fn suggestions_come_from_the_message() {
        let message = "unknown field `memroy`, expected one of `args`, `env`, `memory`";
        assert_eq!(suggestion(message), Some("memory"));
        assert_eq!(suggestion("missing field `mewz`"), None);
    }
}
