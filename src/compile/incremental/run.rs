//! Compiles what has changed and takes the rest from the store.

use std::sync::Arc;

use rayon::prelude::*;

use super::binding;
use super::cache::{Counts, FunctionCache};
use super::key::{Key, Keys, Subject, reading_key};
use super::reading::{BodyReader, Kind, Reading, Reference};
use crate::compile::assemble::{self, Assembly, Parts};
use crate::compile::codegen::{self, Task, Work};
use crate::compile::error::CompileError;
use crate::compile::layout::{self, Layout};
use crate::compile::module::Module;
use crate::compile::options::{OptLevel, Options};
use crate::compile::pieces::{Code, Piece};
use crate::compile::profile::RunCounts;
use crate::compile::read::{self, Body};
use crate::compile::translate::Context;
use crate::compile::{target, tasks, want_locals};

/// Functions that one thread reads before it looks for more.
const READ_AT_ONCE: usize = 64;

/// Compiles `wasm`; code comes from `cache` where it is there, and what is compiled is kept there.
///
/// Bodies that the cache knows are not validated: they were when they were compiled, and all that validity depends on is
/// in their keys.
///
/// # Errors
///
/// As [`crate::compile::compile`].
pub(in crate::compile) fn run<'a>(
    wasm: &'a [u8],
    options: &Options,
    cache: &mut FunctionCache,
) -> Result<(Module<'a>, Assembly, Counts), CompileError> {
    let (mut module, bodies) = read::sections(wasm)?;
    let debug_problem = want_locals(&mut module, options);
    let told = |mut assembly: Assembly| {
        assembly.debug_problem = debug_problem.or(assembly.debug_problem);
        assembly
    };
    let functions = bodies.len();
    if options.opt_level == OptLevel::Module || options.counts_runs {
        // Code depends on more than its own function: all is compiled.
        read::validate(wasm, &mut module, bodies)?;
        let run_counts = RunCounts::of(&module, options);
        let assembly = tasks::run(&module, options, run_counts.as_ref())?;
        let counts = Counts {
            functions,
            compiled: functions,
            profile_fit: run_counts.map(|counts| counts.fit),
        };
        return Ok((module, told(assembly), counts));
    }
    cache.begin();
    let readings = read_all(&module, options.expects_edits, cache);
    let mut bodies: Vec<Option<Body<'_>>> = bodies.into_iter().map(Some).collect();
    note_uses(wasm, &mut module, &mut bodies, &readings)?;
    let isa = target::isa(options);
    let layout = layout::lay_out(&module, options, None)?;
    let tasks = tasks::tasks(&module, &layout);
    let found = look_up(&module, &layout, options, &tasks, readings, cache);
    let absent: Vec<usize> = (0..tasks.len())
        .filter(|at| found[*at].code.is_none())
        .collect();
    let unknown = absent.iter().filter_map(|at| match tasks[*at].work {
        Work::Body(index, _) => bodies[(index - module.functions_imported) as usize].take(),
        _ => None,
    });
    let unknown: Vec<Body<'_>> = unknown.collect();
    read::validate(wasm, &mut module, unknown)?;
    let context = Context {
        module: &module,
        plan: &layout.plan,
        options,
        target: isa.frontend_config(),
        inlining: None,
        counts: None,
    };
    let (code, info) = tasks::with_info(&module, options, || {
        codegen::compile_all(&context, &*isa, &tasks, &absent)
    });
    let code = code?;
    let is_body = |at: &&usize| matches!(tasks[**at].work, Work::Body(..));
    let counts = Counts {
        functions,
        compiled: absent.iter().filter(is_body).count(),
        profile_fit: None,
    };
    let pieces = keep(found, code, &layout, cache);
    cache.end();
    let parts = Parts {
        module: &module,
        options,
        layout,
        tasks,
        pieces,
    };
    let assembly = assemble::assemble(parts, info, &*isa)?;
    Ok((module, told(assembly), counts))
}

/// Reads all bodies but those that are byte for byte as they were before.
fn read_all(
    module: &Module<'_>,
    expects_edits: bool,
    cache: &mut FunctionCache,
) -> Vec<Option<Arc<Reading>>> {
    let shared = &*cache;
    let readings: Vec<(Key, Option<Arc<Reading>>)> = module
        .bodies
        .par_iter()
        .with_min_len(READ_AT_ONCE)
        .map_init(BodyReader::default, |reader, body| {
            let places = module.relocated.places(body, expects_edits);
            let key = reading_key(body, places);
            let known = shared.reading(&key);
            (
                key,
                known.or_else(|| reader.read(body, places).map(Arc::new)),
            )
        })
        .collect();
    for (key, reading) in &readings {
        if let Some(reading) = reading {
            cache.used_reading(key, reading);
        }
    }
    readings.into_iter().map(|(_, reading)| reading).collect()
}

/// Takes note of what bodies do that the plan must know; validates those that could not be read.
fn note_uses(
    wasm: &[u8],
    module: &mut Module<'_>,
    bodies: &mut [Option<Body<'_>>],
    readings: &[Option<Arc<Reading>>],
) -> Result<(), CompileError> {
    let mut unread = Vec::new();
    for (body, reading) in bodies.iter_mut().zip(readings) {
        let Some(reading) = reading else {
            unread.extend(body.take());
            continue;
        };
        module.exceptions.throws |= reading.exceptions.throws;
        module.exceptions.catches |= reading.exceptions.catches;
        for Reference { kind, index } in &reading.references {
            let index = *index as usize;
            // What is not there is found where the body is validated.
            match kind {
                Kind::GrownTable => {
                    if let Some(table) = module.tables.get_mut(index) {
                        table.is_grown = true;
                    }
                }
                Kind::Data => {
                    if let Some(segment) = module.data.get_mut(index) {
                        segment.is_used = true;
                    }
                }
                Kind::Element => {
                    if let Some(segment) = module.elements.get_mut(index) {
                        segment.is_used = true;
                    }
                }
                _ => {}
            }
        }
    }
    read::validate(wasm, module, unread)
}

/// What is known of a task before anything is compiled.
struct Found {
    /// Its key, and what the numbers in its code stand for; `None` where its code is not kept.
    name: Option<(Key, Arc<Reading>)>,
    /// Its code.
    code: Option<Arc<Code>>,
}

fn look_up(
    module: &Module<'_>,
    layout: &Layout,
    options: &Options,
    tasks: &[Task<'_>],
    mut readings: Vec<Option<Arc<Reading>>>,
    cache: &mut FunctionCache,
) -> Vec<Found> {
    let keys = Keys::new(module, &layout.plan, options);
    let subjects: Vec<_> = tasks
        .iter()
        .map(|task| match task.work {
            Work::Body(index, _) => {
                let body = (index - module.functions_imported) as usize;
                Some((Subject::Body, index, readings[body].take()?))
            }
            Work::Entry(index) => {
                Some((Subject::Entry, index, Arc::new(Reading::of_function(index))))
            }
            Work::Shim(index) => {
                Some((Subject::Shim, index, Arc::new(Reading::of_function(index))))
            }
            Work::Steps(_) | Work::Instantiate(_) | Work::Exceptions(_) => None,
        })
        .collect();
    let shared = &*cache;
    let found: Vec<Found> = subjects
        .into_par_iter()
        .with_min_len(READ_AT_ONCE)
        .map(|subject| {
            let name = subject.and_then(|(subject, index, reading)| {
                let key = keys.key(subject, index, &reading)?;
                Some((key, reading))
            });
            let code = name.as_ref().and_then(|(key, _)| shared.code(key));
            Found { name, code }
        })
        .collect();
    for found in &found {
        if let (Some((key, _)), Some(code)) = (&found.name, &found.code) {
            cache.used_code(key, code);
        }
    }
    found
}

/// Puts what was found and what was compiled together; keeps the latter.
fn keep(
    found: Vec<Found>,
    compiled: Vec<Code>,
    layout: &Layout,
    cache: &mut FunctionCache,
) -> Vec<Piece> {
    let mut compiled = compiled.into_iter();
    let mut piece = |found: Found| {
        if let Some(code) = found.code {
            return Piece {
                code,
                reading: found.name.map(|(_, reading)| reading),
            };
        }
        let code = compiled.next().expect("what is absent was compiled");
        let Some((key, reading)) = found.name else {
            return code.into();
        };
        let Some(kept) = binding::abstracted(&code, &reading, &layout.plan) else {
            return code.into();
        };
        let code = Arc::new(kept);
        cache.insert(key, &code);
        Piece {
            code,
            reading: Some(reading),
        }
    };
    found.into_iter().map(&mut piece).collect()
}
