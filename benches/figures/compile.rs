//! How long `mewz::compile` takes, in this process, on modules made here.

use std::fmt::Write as _;
use std::time::Instant;

use mewz::compile::{Options, compile};

use super::machine::Precedence;
use super::table::{Table, middle_and_ends};

/// Runs of each module.
const RUNS: usize = 5;

pub(crate) fn measure() -> Result<Table, String> {
    let precedence = Precedence::take();
    let words = format!(
        "From a module's bytes to an object's, on all cores, at {} priority; median of {RUNS} runs. The modules are made by \
         `benches/figures/compile.rs`: they show how time grows, not what programs are like.",
        precedence.name()
    );
    let head = ["module", "size, KB", "time, ms", "object, KB"];
    let mut table = Table::new("Compilation", words, &head);
    let modules = [
        (
            "one empty function",
            "(module (func (export \"_start\")))".to_owned(),
        ),
        ("10,000 functions of 10 operators", many_functions(10_000)),
        ("100 functions of 5,000 operators", long_functions(100)),
        ("one function of 2,000 nested blocks", nested_blocks(2_000)),
        ("100,000 data segments", data_segments(100_000)),
        ("1,000 vector functions", vector_functions(1_000)),
    ];
    for (name, text) in modules {
        let wasm = wat::parse_str(&text).map_err(|problem| format!("{name}: {problem}"))?;
        let mut times = Vec::new();
        let mut object_bytes = 0;
        for _ in 0..RUNS {
            let start = Instant::now();
            let compiled = compile(&wasm, &Options::default())
                .map_err(|problem| format!("{name}: {problem}"))?;
            times.push(start.elapsed().as_secs_f64() * 1e3);
            object_bytes = compiled.object.len();
        }
        let (middle, ..) = middle_and_ends(&mut times);
        table.row([
            name.to_owned(),
            format!("{:.1}", wasm.len() as f64 / 1e3),
            format!("{middle:.1}"),
            format!("{:.1}", object_bytes as f64 / 1e3),
        ]);
    }
    Ok(table)
}

fn many_functions(count: usize) -> String {
    let mut text = String::from("(module (memory 1)\n");
    for index in 0..count {
        let callee = (index * 7 + 1) % count;
        let _ = writeln!(
            text,
            "(func $f{index} (param i32) (result i32)
               (if (result i32) (i32.eqz (local.get 0))
                 (then (i32.load offset={index} (local.get 0)))
                 (else (call $f{callee} (i32.sub (local.get 0) (i32.const 1))))))"
        );
    }
    text.push(')');
    text
}

fn long_functions(count: usize) -> String {
    let mut text = String::from("(module (memory 1)\n");
    for index in 0..count {
        let _ = writeln!(
            text,
            "(func (param i32) (result i32) (local i32) (local.get 0)"
        );
        for step in 0..1_000 {
            let _ = writeln!(
                text,
                "i32.const {} i32.mul local.tee 1 (i32.load offset={} (local.get 0)) i32.xor",
                step * 2 + 3,
                (index + step) * 4
            );
        }
        text.push_str(")\n");
    }
    text.push(')');
    text
}

fn nested_blocks(depth: usize) -> String {
    let mut text = String::from("(module (func (param i32) (result i32)\n");
    for _ in 0..depth {
        text.push_str("(block (br_if 0 (i32.lt_u (local.get 0) (i32.const 9)))\n");
    }
    text.push_str("(local.set 0 (i32.const 5))");
    for level in 0..depth {
        let _ = writeln!(
            text,
            ") (local.set 0 (i32.add (local.get 0) (i32.const {level})))"
        );
    }
    text.push_str("(local.get 0)))");
    text
}

fn data_segments(count: usize) -> String {
    let mut text = String::from("(module (memory 64)\n");
    for index in 0..count {
        let _ = writeln!(
            text,
            "(data (i32.const {}) \"segment {index:06}\")",
            index * 32
        );
    }
    text.push(')');
    text
}

fn vector_functions(count: usize) -> String {
    let mut text = String::from("(module (memory 1)\n");
    for index in 0..count {
        let _ = writeln!(
            text,
            "(func (param i32) (result v128) (local v128)
               (local.set 1 (v128.load offset={index} (local.get 0)))
               (i8x16.shuffle 0 17 2 19 4 21 6 23 8 25 10 27 12 29 14 31
                 (i16x8.add_sat_s (local.get 1) (i8x16.swizzle (local.get 1) (v128.const i32x4 {index} 1 2 3)))
                 (f32x4.mul (f32x4.convert_i32x4_u (local.get 1)) (f32x4.splat (f32.const 0.5)))))"
        );
    }
    text.push(')');
    text
}
