//! The engines: how each runs a program that has been built for it.

use std::path::PathBuf;
use std::process::Command;

use mewz::compile::OptLevel;

use super::workshop::{Workshop, tool};

/// What runs a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    /// The source itself, by clang.
    Native,
    /// The module turned into C, by clang.
    Wasm2c,
    /// The module, compiled ahead of time by wasmtime.
    Wasmtime,
    /// The module, compiled by mewz.
    Mewz(OptLevel),
    /// The module, compiled by mewz with the profile of a run of the same program.
    Profiled,
    /// What an earlier mewz made of the whole module.
    Saved(String),
}

impl Engine {
    /// The engines of the table.
    pub(crate) fn standard() -> Vec<Self> {
        vec![
            Engine::Native,
            Engine::Wasm2c,
            Engine::Wasmtime,
            Engine::Mewz(OptLevel::Function),
            Engine::Mewz(OptLevel::Module),
        ]
    }

    /// The engine that a person means by `name`.
    pub(crate) fn named(name: &str) -> Result<Self, String> {
        let mut engines = Self::standard();
        engines.push(Engine::Profiled);
        let names: Vec<String> = engines.iter().map(Self::name).collect();
        match names.iter().position(|known| known == name) {
            Some(index) => Ok(engines[index].clone()),
            None => Err(format!(
                "no engine is named `{name}`; there are {}",
                names.join(", ")
            )),
        }
    }

    /// Its name.
    pub(crate) fn name(&self) -> String {
        match self {
            Engine::Native => "clang".to_owned(),
            Engine::Wasm2c => "wasm2c".to_owned(),
            Engine::Wasmtime => "wasmtime".to_owned(),
            Engine::Mewz(OptLevel::Module) => "mewz".to_owned(),
            Engine::Mewz(OptLevel::Function) => "mewz-function".to_owned(),
            Engine::Mewz(OptLevel::None) => "mewz-none".to_owned(),
            Engine::Profiled => "mewz-profile".to_owned(),
            Engine::Saved(name) => format!("saved {name}"),
        }
    }

    /// The file that it runs.
    pub(crate) fn file(&self, workshop: &Workshop, program: &str) -> PathBuf {
        match self {
            Engine::Saved(name) => workshop.file("saved", name).join(program),
            _ => workshop.file(program, &self.name()),
        }
    }

    /// The command that runs a program.
    pub(crate) fn command(&self, workshop: &Workshop, program: &str) -> Command {
        let file = self.file(workshop, program);
        match self {
            Engine::Wasmtime => {
                let mut command = Command::new(tool("python/bin/python"));
                command.arg(super::build::host("engine.py"));
                command.arg("run").arg(file);
                command
            }
            _ => Command::new(file),
        }
    }
}
