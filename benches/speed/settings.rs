//! What the command line chooses.

use super::engine::Engine;
use super::program::{PROGRAMS, Program};

/// Rounds of a whole run.
const ROUNDS: usize = 6;

/// Rounds of `--quick`.
const QUICK_ROUNDS: usize = 2;

/// The choices.
pub(crate) struct Settings {
    pub(crate) programs: Vec<&'static Program>,
    pub(crate) engines: Vec<Engine>,
    pub(crate) rounds: usize,
    /// Under which name to keep what mewz made.
    pub(crate) save: Option<String>,
}

impl Settings {
    /// Reads the words behind the program's name.
    pub(crate) fn from_words(words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut engines = Engine::standard();
        let (mut rounds, mut save, mut with) = (ROUNDS, None, None);
        let mut names = Vec::new();
        let mut words = words;
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("`{word}` needs a value"));
            match word.as_str() {
                // `cargo bench` adds it.
                "--bench" => {}
                "--quick" => {
                    rounds = QUICK_ROUNDS;
                    engines.retain(|engine| *engine != Engine::Wasm2c);
                }
                "--rounds" => {
                    let value = value()?;
                    rounds = value
                        .parse()
                        .ok()
                        .filter(|rounds| *rounds > 0)
                        .ok_or(format!("`{value}` is no number of rounds"))?;
                }
                "--engines" => {
                    engines = value()?
                        .split(',')
                        .map(Engine::named)
                        .collect::<Result<_, _>>()?;
                }
                "--save" => save = Some(value()?),
                "--with" => with = Some(value()?),
                flag if flag.starts_with('-') => return Err(format!("unknown option `{flag}`")),
                _ => names.push(word),
            }
        }
        engines.extend(with.map(Engine::Saved));
        Ok(Self {
            programs: chosen(&names)?,
            engines,
            rounds,
            save,
        })
    }

    /// Whether nothing is left out, so that the table may be written down.
    pub(crate) fn is_whole(&self) -> bool {
        self.programs.len() == PROGRAMS.len()
            && self.engines == Engine::standard()
            && self.rounds >= ROUNDS
    }
}

fn chosen(names: &[String]) -> Result<Vec<&'static Program>, String> {
    if let Some(unknown) = names
        .iter()
        .find(|name| PROGRAMS.iter().all(|program| program.name != **name))
    {
        let known: Vec<&str> = PROGRAMS.iter().map(|program| program.name).collect();
        return Err(format!(
            "no program is named `{unknown}`; there are {}",
            known.join(", ")
        ));
    }
    Ok(PROGRAMS
        .iter()
        .filter(|program| names.is_empty() || names.iter().any(|name| name == program.name))
        .collect())
}
