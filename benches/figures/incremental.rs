//! How long it takes to compile and link again after a change, in this process, from a module's bytes to an image's.

use std::hint::black_box;
use std::time::Instant;

use mewz::compile::{FunctionCache, Options, compile_incremental};
use mewz::link::image::{ImageContent, ImageOptions, image};
use mewz::link::kernel::Kernel;
use wasmparser::{Operator, Parser, Payload};

use super::precedence::Precedence;
use super::table::{Table, middle_and_ends};

/// Runs of each row.
const RUNS: usize = 15;

/// Measures modules made here, or the one that the command line names.
pub(crate) fn measure() -> Result<Table, String> {
    let path = std::env::args().find(|word| word.ends_with(".wasm"));
    let precedence = Precedence::take();
    let words = format!(
        "From a module's bytes to a stripped image's, on all cores, at {} priority; median of {RUNS} runs, the first of each \
         row left out, in a process that keeps what it compiled (`compile_incremental`). What is changed is a constant in so \
         many functions. The modules are made by `benches/figures/incremental.rs` unless one is given.",
        precedence.name()
    );
    let head = [
        "module",
        "size, KB",
        "functions",
        "changed",
        "compiled",
        "compile, ms",
        "link, ms",
        "all, ms",
    ];
    let mut table = Table::new("Compiling again", words, &head);
    let modules = match path {
        Some(path) => {
            let wasm = std::fs::read(&path).map_err(|problem| format!("{path}: {problem}"))?;
            vec![(path.rsplit('/').next().unwrap_or(&path).to_owned(), wasm)]
        }
        None => vec![
            ("made, 1 MB".to_owned(), made(2_200)?),
            ("made, 4 MB".to_owned(), made(8_800)?),
        ],
    };
    for (name, wasm) in modules {
        rows(&mut table, &name, &wasm)?;
    }
    Ok(table)
}

fn rows(table: &mut Table, name: &str, wasm: &[u8]) -> Result<(), String> {
    let kernel = Kernel::parse(include_bytes!(env!("MEWZ_KERNEL")))
        .map_err(|problem| problem.to_string())?;
    let options = ImageOptions {
        content: ImageContent::Stripped,
        ..ImageOptions::default()
    };
    let mut cache = FunctionCache::new();
    let mut module = wasm.to_vec();
    for changed in [None, Some(0), Some(1), Some(100)] {
        let runs = if changed.is_none() { 1 } else { RUNS };
        let mut phases: [Vec<f64>; 3] = Default::default();
        let (mut functions, mut compiled) = (0, 0);
        for _ in 0..runs {
            module = edited(&module, changed.unwrap_or(0))?;
            let start = Instant::now();
            let assembled = compile_incremental(&module, &Options::default(), &mut cache)
                .map_err(|problem| format!("{name}: {problem}"))?;
            let compile = start.elapsed();
            let image = image(&kernel, &assembled.object, &options)
                .map_err(|problem| format!("{name}: {problem}"))?;
            let all = start.elapsed();
            black_box(image);
            (functions, compiled) = (assembled.counts.functions, assembled.counts.compiled);
            for (phase, time) in phases.iter_mut().zip([compile, all - compile, all]) {
                phase.push(time.as_secs_f64() * 1e3);
            }
        }
        let times = phases.map(|mut phase| format!("{:.1}", middle_and_ends(&mut phase).0));
        let [compile, link, all] = times;
        table.row([
            name.to_owned(),
            format!("{:.0}", wasm.len() as f64 / 1e3),
            functions.to_string(),
            changed.map_or("all".to_owned(), |count| count.to_string()),
            compiled.to_string(),
            compile,
            link,
            all,
        ]);
    }
    Ok(())
}

/// The module with a constant changed in `count` of its functions: its length stays.
fn edited(wasm: &[u8], count: usize) -> Result<Vec<u8>, String> {
    let mut out = wasm.to_vec();
    let mut places = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        if let Payload::CodeSectionEntry(body) = payload.map_err(|problem| problem.to_string())? {
            let operators = body
                .get_operators_reader()
                .map_err(|problem| problem.to_string())?;
            for operator in operators.into_iter_with_offsets() {
                let (operator, offset) = operator.map_err(|problem| problem.to_string())?;
                if matches!(operator, Operator::I32Const { value } if (1..32).contains(&value)) {
                    places.push(offset as usize + 1);
                    break;
                }
            }
        }
    }
    if places.len() < count {
        return Err(format!("only {} functions can be changed", places.len()));
    }
    let step = (places.len() / count.max(1)).max(1);
    for place in places.into_iter().step_by(step).take(count) {
        // The number stays one of a single byte. It has not been there before: every run has something to compile.
        out[place] = (out[place] + 1) % 32;
    }
    Ok(out)
}

/// A module of so many functions of about 450 bytes.
fn made(functions: usize) -> Result<Vec<u8>, String> {
    use std::fmt::Write as _;
    let mut text = String::from(
        "(module (memory 16) (global $stack (mut i32) (i32.const 65536)) (table 64 funcref)
           (type $t (func (param i32 i32) (result i32)))
           (elem (i32.const 0) $f0 $f1 $f2 $f3)
           (export \"_start\" (func $start)) (func $start (drop (call $f0 (i32.const 0) (i32.const 1))))\n",
    );
    for index in 0..functions {
        let _ = write!(
            text,
            "(func $f{index} (type $t) (local i32 i32 i64)
               (local.set 2 (i32.sub (global.get $stack) (i32.const 32)))
               (global.set $stack (local.get 2))
               (i32.store offset={index} (local.get 2) (local.get 0))\n"
        );
        for step in 0..12 {
            let callee = (index * 13 + step * 7 + 1) % functions;
            let _ = write!(
                text,
                "(block (br_if 0 (i32.ge_u (local.get 1) (i32.const {})))
                   (local.set 3 (i32.add (i32.load offset={} (local.get 2)) (i32.mul (local.get 0) (i32.const {}))))
                   (if (i32.eqz (i32.and (local.get 3) (i32.const 1)))
                     (then (local.set 0 (call $f{callee} (local.get 3) (i32.const {step}))))
                     (else (i64.store offset=8 (local.get 2) (i64.extend_i32_u (local.get 3))))))\n",
                index * 3 + step + 64,
                step * 4,
                index * 31 + step,
            );
        }
        text.push_str(
            "(global.set $stack (i32.add (local.get 2) (i32.const 32)))
               (call_indirect (type $t) (local.get 0) (local.get 1) (i32.and (local.get 3) (i32.const 3))))\n",
        );
    }
    text.push(')');
    wat::parse_str(&text).map_err(|problem| problem.to_string())
}
