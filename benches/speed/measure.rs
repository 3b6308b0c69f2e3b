//! Runs what has been built: in rounds, one engine after the other, so that a busy host disturbs all alike.

use std::process::Stdio;

use rustix::process::{Pid, Resource, Rlimit, prlimit};

use super::build::Built;
use super::engine::Engine;
use super::program::Program;
use super::settings::Settings;
use super::workshop::Workshop;

/// CPU time, in seconds, after which a program is taken to hang.
const SECONDS_MAX: u64 = 60;

/// The least times of a program, in seconds, by engine.
pub(crate) struct Times {
    pub(crate) program: &'static Program,
    pub(crate) seconds: Vec<(Engine, f64)>,
}

impl Times {
    /// An engine's time.
    pub(crate) fn of(&self, engine: &Engine) -> Option<f64> {
        let found = self.seconds.iter().find(|(other, _)| other == engine);
        found.map(|(_, seconds)| *seconds)
    }
}

/// Measures everything.
pub(crate) fn all(
    workshop: &Workshop,
    built: &[Built],
    settings: &Settings,
) -> Result<Vec<Times>, String> {
    let mut results: Vec<Times> = built
        .iter()
        .map(|built| Times {
            program: built.program,
            seconds: built
                .engines
                .iter()
                .map(|engine| (engine.clone(), f64::INFINITY))
                .collect(),
        })
        .collect();
    for round in 0..settings.rounds {
        eprintln!("Round {} of {}", round + 1, settings.rounds);
        for times in &mut results {
            let program = times.program;
            let mut expected: Option<(String, Vec<u8>)> = None;
            // Each round begins with another engine.
            let first = round % times.seconds.len().max(1);
            times.seconds.rotate_left(first);
            for (engine, least) in &mut times.seconds {
                let (seconds, said) = run(workshop, program, engine)?;
                *least = least.min(seconds);
                match &expected {
                    None => expected = Some((engine.name(), said)),
                    Some((_, other)) if *other == said => {}
                    Some((name, other)) => {
                        return Err(format!(
                            "`{}` says {:?} under {name} and {:?} under {}",
                            program.name,
                            String::from_utf8_lossy(other),
                            String::from_utf8_lossy(&said),
                            engine.name()
                        ));
                    }
                }
            }
            times.seconds.rotate_right(first);
        }
    }
    Ok(results)
}

/// CPU time of one run, and what it said.
fn run(workshop: &Workshop, program: &Program, engine: &Engine) -> Result<(f64, Vec<u8>), String> {
    let mut command = engine.command(workshop, program.name);
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|problem| format!("cannot start {command:?}: {problem}"))?;
    let limit = Rlimit {
        current: Some(SECONDS_MAX),
        maximum: Some(SECONDS_MAX),
    };
    prlimit(Some(Pid::from_child(&child)), Resource::Cpu, limit)
        .map_err(|problem| format!("cannot limit {command:?}: {problem}"))?;
    let output = child
        .wait_with_output()
        .map_err(|problem| format!("cannot await {command:?}: {problem}"))?;
    let words = String::from_utf8_lossy(&output.stderr);
    let seconds = words
        .lines()
        .last()
        .and_then(|line| line.strip_prefix("cpu ")?.parse().ok());
    match seconds {
        Some(seconds) if output.status.success() => Ok((seconds, output.stdout)),
        _ => Err(format!(
            "`{}` under {} ended with {}: {words}{}",
            program.name,
            engine.name(),
            output.status,
            String::from_utf8_lossy(&output.stdout)
        )),
    }
}
