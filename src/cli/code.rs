//! Choices about the code that is made: options of several commands, keys of the project file, and what holds without.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize as _, Deserializer, Error as _};

use super::failure::Failure;
use super::project::{Profile, Settings};
use crate::compile::{DebugLevel, OptLevel, Options, RegisterAllocator, TargetCpu};
use crate::qemu::accelerator::{Accelerator, AcceleratorChoice};

/// Names of an option's choices, what they stand for, and what they do and cost.
type Explained<T> = &'static [(&'static str, T, &'static str)];

/// What `--opt` takes.
const OPT_LEVELS: Explained<OptLevel> = &[
    (
        "0",
        OptLevel::None,
        "Follows the module operator by operator: the quickest to compile, and the code is large and slow",
    ),
    (
        "1",
        OptLevel::Function,
        "Optimises each function by itself: an edit recompiles what changed; for everyday work",
    ),
    (
        "2",
        OptLevel::Module,
        "Optimises across functions too, small ones become part of their callers: the best code, for a release",
    ),
];

/// What `--regalloc` takes.
const REGISTER_ALLOCATORS: Explained<RegisterAllocator> = &[
    (
        "backtracking",
        RegisterAllocator::Backtracking,
        "Splits and moves ranges until they fit: the better code",
    ),
    (
        "single-pass",
        RegisterAllocator::SinglePass,
        "One pass over the code: quicker to compile, and the code is larger and slower",
    ),
];

/// What `--target-cpu` takes.
const TARGET_CPUS: Explained<CpuChoice> = &[
    (
        "x86-64",
        CpuChoice::Named(TargetCpu::V1),
        "Every 64-bit processor",
    ),
    (
        "x86-64-v2",
        CpuChoice::Named(TargetCpu::V2),
        "SSE4.2 and POPCNT: processors since 2009",
    ),
    (
        "x86-64-v3",
        CpuChoice::Named(TargetCpu::V3),
        "AVX2, BMI, FMA and LZCNT: since 2013; QEMU emulates them from 7.2 on",
    ),
    (
        "x86-64-v4",
        CpuChoice::Named(TargetCpu::V4),
        "AVX-512: many servers; QEMU needs KVM for it",
    ),
    (
        "native",
        CpuChoice::Native,
        "The greatest of these that the processor here, or the emulator that `run` takes, can run",
    ),
];

/// Options about the code, for commands that compile.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct CodeArguments {
    /// How much time goes into better code [default: 2 for releases and objects, else 1]
    #[arg(short = 'O', long, value_name = "LEVEL", value_parser = parser(OPT_LEVELS))]
    opt: Option<OptLevel>,
    /// How values get their registers [default: backtracking]
    #[arg(long, value_name = "ALGORITHM", value_parser = parser(REGISTER_ALLOCATORS))]
    regalloc: Option<RegisterAllocator>,
    /// The least processor that the code is made for [default: x86-64-v2]
    #[arg(long, value_name = "CPU", value_parser = parser(TARGET_CPUS))]
    target_cpu: Option<CpuChoice>,
    /// Let FILE, what an earlier run counted (`mewz run --profile-generate FILE`), decide where speed is worth room;
    /// implies `--opt 2`
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,
}

/// The same, as the project file has them for a profile.
#[derive(Clone, Debug, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub(super) struct CodeKeys {
    /// How much time goes into better code; without it 1, for a release 2
    #[serde(deserialize_with = "opt_key")]
    #[schemars(schema_with = "opt_schema", extend("x-flag" = "--opt"))]
    opt: Option<OptLevel>,
    /// How values get their registers
    #[serde(deserialize_with = "regalloc_key")]
    #[schemars(schema_with = "regalloc_schema", extend("default" = "backtracking", "x-flag" = "--regalloc"))]
    regalloc: Option<RegisterAllocator>,
    /// The least processor that the code is made for
    #[serde(deserialize_with = "target_cpu_key")]
    #[schemars(schema_with = "target_cpu_schema", extend("default" = "x86-64-v2", "x-flag" = "--target-cpu"))]
    target_cpu: Option<CpuChoice>,
    /// A file with what a run counted, from the file's folder on; implies opt = 2
    #[schemars(with = "String", extend("x-flag" = "--profile"))]
    profile: Option<PathBuf>,
}

/// A processor as people name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CpuChoice {
    Named(TargetCpu),
    Native,
}

impl CodeArguments {
    /// Settles the choices: the command line before the settings before what holds for `profile`.
    ///
    /// `accelerator` is what the machine is to have, where one will be started.
    pub(super) fn options(
        &self,
        profile: Profile,
        settings: &Settings,
        accelerator: Option<AcceleratorChoice>,
    ) -> Options {
        let keys = settings.code(profile);
        let defaults = Options::default();
        let cpu = self.target_cpu.or(keys.target_cpu);
        Options {
            opt_level: self.opt.or(keys.opt).unwrap_or(match profile {
                Profile::Debug => OptLevel::Function,
                Profile::Release => OptLevel::Module,
            }),
            register_allocator: self
                .regalloc
                .or(keys.regalloc)
                .unwrap_or(defaults.register_allocator),
            target_cpu: match cpu {
                None => defaults.target_cpu,
                Some(CpuChoice::Named(cpu)) => cpu,
                Some(CpuChoice::Native) if is_emulated(accelerator) => EMULATED_CPU,
                Some(CpuChoice::Native) => native(),
            },
            ..defaults
        }
    }
}

impl CodeArguments {
    /// The same choices for `mewz debug`: with debug information and, unless the command line says otherwise, with code that
    /// does at each line what the line says.
    pub(super) fn for_debugger(&self, options: Options) -> Options {
        Options {
            debug: DebugLevel::Full,
            null_guard: true,
            opt_level: self.opt.unwrap_or(OptLevel::None),
            ..options
        }
    }
}

impl CodeArguments {
    /// The same choices with the profile that is named: on the command line, or in the project file, from its folder on.
    pub(super) fn with_profile(
        &self,
        options: Options,
        profile: Profile,
        settings: &Settings,
    ) -> Result<Options, Failure> {
        let keys = settings.code(profile);
        let from_file = keys
            .profile
            .as_ref()
            .map(|file| settings.folder().join(file));
        let Some(file) = self.profile.clone().or(from_file) else {
            return Ok(options);
        };
        let wants_less = self.opt.is_some_and(|level| level != OptLevel::Module);
        if self.profile.is_none() && wants_less {
            return Ok(options);
        }
        let chosen = self.opt.or(keys.opt);
        if chosen.is_some_and(|level| level != OptLevel::Module) {
            return Err(Failure::usage("a profile does nothing below `--opt 2`")
                .cause("there a function's code depends on that function alone")
                .hint("leave out `--profile`, or take `--opt 2`"));
        }
        Ok(Options {
            opt_level: OptLevel::Module,
            profile: Some(super::pgo::read(&file)?),
            ..options
        })
    }
}

fn is_emulated(accelerator: Option<AcceleratorChoice>) -> bool {
    // One that can't be had is an error of the start, which says more.
    accelerator.is_some_and(|choice| !matches!(choice.settle(), Ok(Accelerator::Kvm)))
}

/// The accelerator without which no machine runs code for `cpu`: QEMU emulates no AVX-512.
pub(super) fn accelerator_needed(cpu: TargetCpu) -> Option<Accelerator> {
    (cpu == TargetCpu::V4).then_some(Accelerator::Kvm)
}

/// What QEMU's own emulation has in every version that is taken. Later ones have AVX2, which is no faster there.
const EMULATED_CPU: TargetCpu = TargetCpu::V2;

/// The greatest level of which this processor has everything, whether or not the code generator uses it.
///
/// Source: x86-64 psABI, section 3.1.1.
fn native() -> TargetCpu {
    macro_rules! has {
        ($($feature:tt)*) => { $(std::arch::is_x86_feature_detected!($feature))&&* };
    }
    if !has!("sse3" "ssse3" "sse4.1" "sse4.2" "popcnt" "cmpxchg16b") {
        TargetCpu::V1
    } else if !has!("avx" "avx2" "bmi1" "bmi2" "f16c" "fma" "lzcnt" "movbe") {
        TargetCpu::V2
    } else if !has!("avx512f" "avx512bw" "avx512cd" "avx512dq" "avx512vl") {
        TargetCpu::V3
    } else {
        TargetCpu::V4
    }
}

/// A parser for clap of choices that its help explains.
fn parser<T: Copy + Send + Sync + 'static>(
    choices: Explained<T>,
) -> impl TypedValueParser<Value = T> {
    let values = choices
        .iter()
        .map(|(name, _, help)| PossibleValue::new(*name).help(*help));
    PossibleValuesParser::new(values).try_map(move |text| choice(choices, &text))
}

fn choice<T: Copy>(choices: Explained<T>, text: &str) -> Result<T, String> {
    let found = choices.iter().find(|(name, ..)| *name == text);
    found.map(|(_, value, _)| *value).ok_or_else(|| {
        let names: Vec<String> = choices
            .iter()
            .map(|(name, ..)| format!("`{name}`"))
            .collect();
        format!("`{text}` is none of {}", names.join(", "))
    })
}

fn opt_key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<OptLevel>, D::Error> {
    let level = i64::deserialize(deserializer)?;
    let level = choice(OPT_LEVELS, &level.to_string());
    level.map(Some).map_err(D::Error::custom)
}

fn regalloc_key<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<RegisterAllocator>, D::Error> {
    let name = String::deserialize(deserializer)?;
    let algorithm = choice(REGISTER_ALLOCATORS, &name);
    algorithm.map(Some).map_err(D::Error::custom)
}

fn target_cpu_key<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<CpuChoice>, D::Error> {
    let name = String::deserialize(deserializer)?;
    let cpu = choice(TARGET_CPUS, &name);
    cpu.map(Some).map_err(D::Error::custom)
}

fn opt_schema(_: &mut SchemaGenerator) -> Schema {
    let levels: Vec<usize> = (0..OPT_LEVELS.len()).collect();
    json_schema!({ "type": "integer", "enum": levels })
}

fn regalloc_schema(_: &mut SchemaGenerator) -> Schema {
    names(REGISTER_ALLOCATORS)
}

fn target_cpu_schema(_: &mut SchemaGenerator) -> Schema {
    names(TARGET_CPUS)
}

fn names<T>(choices: Explained<T>) -> Schema {
    let names: Vec<&str> = choices.iter().map(|(name, ..)| *name).collect();
    json_schema!({ "type": "string", "enum": names })
}

#[cfg(test)]
mod tests {
    use super::{CodeArguments, CodeKeys, CpuChoice, EMULATED_CPU, native};
    use crate::cli::project::{Profile, Settings};
    use crate::compile::{OptLevel, RegisterAllocator, TargetCpu};
    use crate::qemu::accelerator::AcceleratorChoice;

    #[test]
    fn a_release_is_optimised_as_a_whole() {
        let settings = Settings::default();
        let level = |profile| {
            CodeArguments::default()
                .options(profile, &settings, None)
                .opt_level
        };
        assert_eq!(level(Profile::Debug), OptLevel::Function);
        assert_eq!(level(Profile::Release), OptLevel::Module);
    }

    #[test]
    fn native_is_what_runs_the_instructions() {
        let arguments = CodeArguments {
            target_cpu: Some(CpuChoice::Native),
            ..CodeArguments::default()
        };
        let cpu = |accelerator| {
            let options = arguments.options(Profile::Debug, &Settings::default(), accelerator);
            options.target_cpu
        };
        assert_eq!(cpu(Some(AcceleratorChoice::Tcg)), EMULATED_CPU);
        assert_eq!(cpu(None), native());
    }

    #[test]
    fn keys_are_those_of_the_command_line() {
        let keys: CodeKeys =
            toml::from_str("opt = 0\nregalloc = 'single-pass'\ntarget-cpu = 'x86-64-v3'").unwrap();
        assert_eq!(keys.opt, Some(OptLevel::None));
        assert_eq!(keys.regalloc, Some(RegisterAllocator::SinglePass));
        let v3 = CpuChoice::Named(TargetCpu::V3);
        assert_eq!(keys.target_cpu, Some(v3));
        for wrong in [
            "opt = 3",
            "opt = '2'",
            "opt-level = 2",
            "regalloc = 'fast'",
            "target-cpu = 'znver4'",
        ] {
            toml::from_str::<CodeKeys>(wrong).unwrap_err();
        }
    }
}
