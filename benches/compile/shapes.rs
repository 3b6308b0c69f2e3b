//! Modules that have one thing `n` times: they show how compilation grows with each.

use std::fmt::Write as _;

/// A kind of module.
pub(crate) struct Shape {
    /// What it has `n` times.
    pub(crate) name: &'static str,
    /// `n` at size 1.
    pub(crate) count: usize,
    /// Its text for a count.
    pub(crate) text: fn(usize) -> String,
}

/// Every shape.
#[rustfmt::skip]
pub(crate) const SHAPES: [Shape; 44] = [
    Shape { name: "data segments", count: 12_500, text: data_segments },
    Shape { name: "data segments, one over the other", count: 12_500, text: data_over_data },
    Shape { name: "data segments at imported offsets", count: 12_500, text: data_at_imported_offset },
    Shape { name: "passive data segments, each used", count: 12_500, text: passive_data },
    Shape { name: "element segments", count: 12_500, text: element_segments },
    Shape { name: "element segments at imported offsets", count: 12_500, text: elements_at_imported_offset },
    Shape { name: "elements of one segment", count: 25_000, text: elements },
    Shape { name: "types", count: 25_000, text: types },
    Shape { name: "imported functions", count: 12_500, text: imports },
    Shape { name: "imported functions, each called", count: 12_500, text: called_imports },
    Shape { name: "functions", count: 25_000, text: functions },
    Shape { name: "exported functions", count: 12_500, text: exports },
    Shape { name: "globals", count: 25_000, text: globals },
    Shape { name: "globals with imported values", count: 25_000, text: globals_with_imported_values },
    Shape { name: "additions", count: 25_000, text: |n| one_function(n, "(local.set 0 (i32.add (local.get 0) (i32.const 7)))") },
    Shape { name: "multiplications of locals", count: 25_000, text: |n| one_function(n, "(local.set 0 (i32.mul (local.get 0) (local.get 1)))") },
    Shape { name: "values alive at once", count: 25_000, text: values_alive },
    Shape { name: "loads", count: 25_000, text: |n| one_function(n, "(local.set 0 (i32.load offset=4 (local.get 0)))") },
    Shape { name: "stores", count: 25_000, text: |n| one_function(n, "(i32.store offset=4 (local.get 0) (local.tee 0 (i32.add (local.get 0) (local.get 1))))") },
    Shape { name: "loads of globals", count: 25_000, text: |n| one_function(n, "(local.set 0 (i32.xor (local.get 0) (global.get $g)))") },
    Shape { name: "stores to globals", count: 25_000, text: |n| one_function(n, "(global.set $g (i32.add (global.get $g) (local.get 0)))") },
    Shape { name: "direct calls", count: 25_000, text: |n| one_function(n, "(local.set 0 (call $f (local.get 0)))") },
    Shape { name: "calls without values", count: 25_000, text: |n| one_function(n, "(call $nothing)") },
    Shape { name: "calls of an import", count: 25_000, text: |n| one_function(n, "(call $import (local.get 0))") },
    Shape { name: "indirect calls", count: 12_500, text: |n| one_function(n, "(local.set 0 (call_indirect (type $t) (local.get 0) (local.get 1)))") },
    Shape { name: "divisions", count: 25_000, text: |n| one_function(n, "(local.set 0 (i32.div_s (local.get 0) (local.get 1)))") },
    Shape { name: "conversions of floats", count: 12_500, text: |n| one_function(n, "(local.set 2 (f64.add (local.get 2) (f64.convert_i32_s (i32.trunc_f64_s (local.get 2)))))") },
    Shape { name: "constants of floats", count: 25_000, text: float_constants },
    Shape { name: "constants of vectors", count: 12_500, text: vector_constants },
    Shape { name: "`memory.copy`", count: 12_500, text: |n| one_function(n, "(memory.copy (local.get 0) (local.get 1) (local.get 0))") },
    Shape { name: "`memory.grow`", count: 12_500, text: |n| one_function(n, "(local.set 0 (memory.grow (local.get 0)))") },
    Shape { name: "`table.get`", count: 25_000, text: |n| one_function(n, "(local.set 0 (ref.is_null (table.get $table (local.get 0))))") },
    Shape { name: "`select`", count: 25_000, text: |n| one_function(n, "(local.set 0 (select (local.get 0) (local.get 1) (local.get 0)))") },
    Shape { name: "`if` after `if`", count: 10_000, text: |n| one_function(n, "(if (local.get 0) (then (local.set 0 (i32.add (local.get 0) (i32.const 3)))) (else (local.set 1 (local.get 0))))") },
    Shape { name: "`br_if` out of one block", count: 10_000, text: |n| one_function(n, "(br_if 0 (i32.lt_u (local.get 0) (local.get 1))) (local.set 0 (i32.add (local.get 0) (i32.const 3)))") },
    Shape { name: "loop after loop", count: 10_000, text: |n| one_function(n, "(loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))") },
    Shape { name: "nested blocks", count: 5_000, text: nested_blocks },
    Shape { name: "nested `if`", count: 5_000, text: nested_ifs },
    Shape { name: "nested loops", count: 1_000, text: nested_loops },
    Shape { name: "targets of `br_table`", count: 5_000, text: branch_table },
    Shape { name: "entries of `br_table`", count: 25_000, text: branch_table_entries },
    Shape { name: "locals", count: 6_000, text: locals },
    Shape { name: "locals and `if`", count: 2_000, text: locals_and_ifs },
    Shape { name: "`return`", count: 10_000, text: |n| one_function(n, "(if (local.get 1) (then (return (local.get 0))))") },
];

/// One function that does `step` over and over, with what a step may name around it.
fn one_function(count: usize, step: &str) -> String {
    let mut text = String::from(
        "(module (type $t (func (param i32) (result i32)))
           (import \"env\" \"import\" (func $import (param i32)))
           (memory 1) (table $table 10 100 funcref) (elem (i32.const 0) $f)
           (global $g (mut i32) (i32.const 1))
           (func $f (type $t) (local.get 0)) (func $nothing)
           (func (export \"run\") (param i32 i32 f64) (result i32) (block\n",
    );
    for _ in 0..count {
        text.push_str(step);
        text.push('\n');
    }
    text.push_str(") (local.get 0)))");
    text
}

/// A module of `count` lines by `line`, between `head` and `tail`.
fn lines(count: usize, head: &str, line: impl Fn(usize) -> String, tail: &str) -> String {
    let mut text = format!("(module {head}\n");
    for index in 0..count {
        let _ = writeln!(text, "{}", line(index));
    }
    text.push_str(tail);
    text.push(')');
    text
}

fn data_segments(count: usize) -> String {
    lines(
        count,
        "(memory 512)",
        |i| format!("(data (i32.const {}) \"segment {i:06}\")", i * 32),
        "",
    )
}

fn data_over_data(count: usize) -> String {
    lines(
        count,
        "(memory 512)",
        |i| format!("(data (i32.const {}) \"segment {i:06}\")", i % 1000 * 7),
        "",
    )
}

fn data_at_imported_offset(count: usize) -> String {
    let head = "(import \"env\" \"at\" (global $at i32)) (memory 512)";
    lines(
        count,
        head,
        |i| format!("(data (offset (i32.add (global.get $at) (i32.const {i}))) \"x\")"),
        "",
    )
}

fn passive_data(count: usize) -> String {
    let line = |i| {
        format!(
            "(data $d{i} \"x\") (func (memory.init $d{i} (i32.const 0) (i32.const 0) (i32.const 1)))"
        )
    };
    lines(count, "(memory 1)", line, "")
}

fn element_segments(count: usize) -> String {
    let head = format!("(table {} funcref) (func $f)", count * 2);
    lines(count, &head, |i| format!("(elem (i32.const {i}) $f)"), "")
}

fn elements_at_imported_offset(count: usize) -> String {
    let head =
        format!("(import \"env\" \"at\" (global $at i32)) (table {count} funcref) (func $f)");
    lines(
        count,
        &head,
        |_| "(elem (offset (global.get $at)) $f)".to_owned(),
        "",
    )
}

fn elements(count: usize) -> String {
    lines(
        count,
        &format!("(table {count} funcref) (func $f) (elem (i32.const 0)"),
        |_| "$f".to_owned(),
        ")",
    )
}

fn types(count: usize) -> String {
    let line = |i: usize| {
        let letters: Vec<&str> = (0..20)
            .map(|bit| if i >> bit & 1 == 0 { "i32" } else { "i64" })
            .collect();
        format!("(type (func (param {})))", letters.join(" "))
    };
    lines(count, "", line, "")
}

fn imports(count: usize) -> String {
    lines(
        count,
        "",
        |i| format!("(import \"env\" \"f{i}\" (func))"),
        "",
    )
}

fn called_imports(count: usize) -> String {
    let mut text = String::from("(module\n");
    for index in 0..count {
        let _ = writeln!(text, "(import \"env\" \"f{index}\" (func $f{index}))");
    }
    text.push_str("(func\n");
    for index in 0..count {
        let _ = writeln!(text, "call $f{index}");
    }
    text.push_str("))");
    text
}

fn functions(count: usize) -> String {
    lines(
        count,
        "",
        |i| format!("(func (param i32) (result i32) (i32.add (local.get 0) (i32.const {i})))"),
        "",
    )
}

fn exports(count: usize) -> String {
    lines(
        count,
        "",
        |i| format!("(func (export \"f{i}\") (result i32) (i32.const {i}))"),
        "",
    )
}

fn globals(count: usize) -> String {
    lines(
        count,
        "",
        |i| format!("(global (mut i32) (i32.const {i}))"),
        "",
    )
}

fn globals_with_imported_values(count: usize) -> String {
    lines(
        count,
        "(import \"env\" \"g\" (global $g i32))",
        |_| "(global (mut i32) (global.get $g))".to_owned(),
        "",
    )
}

fn values_alive(count: usize) -> String {
    let mut text =
        String::from("(module (memory 1) (func (export \"run\") (param i32) (result i32)\n");
    for index in 0..count / 2 {
        let _ = writeln!(text, "(i32.load offset={} (local.get 0))", index % 1000 * 4);
    }
    text.push_str(&"i32.xor\n".repeat((count / 2).saturating_sub(1)));
    text.push_str("))");
    text
}

fn float_constants(count: usize) -> String {
    let mut text =
        String::from("(module (func (export \"run\") (param f64) (result f64)\n(local.get 0)\n");
    for index in 0..count {
        let _ = writeln!(text, "(f64.add (f64.const {index}.5))");
    }
    text.push_str("))");
    text
}

fn vector_constants(count: usize) -> String {
    let mut text =
        String::from("(module (func (export \"run\") (param v128) (result v128)\n(local.get 0)\n");
    for index in 0..count {
        let _ = writeln!(text, "(i32x4.add (v128.const i32x4 {index} 1 2 3))");
    }
    text.push_str("))");
    text
}

fn nested_blocks(count: usize) -> String {
    let mut text = String::from("(module (func (param i32) (result i32)\n");
    for _ in 0..count {
        text.push_str("block (br_if 0 (i32.lt_u (local.get 0) (i32.const 9)))\n");
    }
    for level in 0..count {
        let _ = writeln!(
            text,
            "end (local.set 0 (i32.add (local.get 0) (i32.const {level})))"
        );
    }
    text.push_str("(local.get 0)))");
    text
}

fn nested_ifs(count: usize) -> String {
    let mut text = String::from("(module (func (param i32) (result i32)\n");
    for _ in 0..count {
        text.push_str("(i32.lt_u (local.get 0) (i32.const 9)) if\n");
    }
    for level in 0..count {
        let _ = writeln!(
            text,
            "else (local.set 0 (i32.add (local.get 0) (i32.const {level}))) end"
        );
    }
    text.push_str("(local.get 0)))");
    text
}

fn nested_loops(count: usize) -> String {
    let mut text = String::from("(module (func (param i32) (result i32)\n");
    text.push_str(&"loop\n".repeat(count));
    for level in 0..count {
        let _ = writeln!(
            text,
            "(local.set 0 (i32.add (local.get 0) (i32.const {level}))) (br_if 0 (local.get 0)) end"
        );
    }
    text.push_str("(local.get 0)))");
    text
}

fn branch_table(count: usize) -> String {
    let mut text = String::from("(module (func (param i32) (result i32)\n");
    text.push_str(&"block\n".repeat(count + 1));
    text.push_str("local.get 0 br_table");
    for index in 0..=count {
        let _ = write!(text, " {index}");
    }
    for level in 0..=count {
        let _ = writeln!(
            text,
            "\nend (local.set 0 (i32.add (local.get 0) (i32.const {level})))"
        );
    }
    text.push_str("(local.get 0)))");
    text
}

fn branch_table_entries(count: usize) -> String {
    let mut text = String::from("(module (func (param i32) block block local.get 0 br_table");
    for index in 0..=count {
        let _ = write!(text, " {}", index % 2);
    }
    text.push_str(" end end))");
    text
}

fn locals(count: usize) -> String {
    let mut text = String::from("(module (func (param i32) (result i32) (local");
    text.push_str(&" i32".repeat(count.min(50_000)));
    text.push_str(")\n");
    for index in 0..count {
        let index = index % 50_000;
        let _ = writeln!(
            text,
            "(local.set {} (i32.add (local.get {index}) (local.get 0)))",
            (index + 1) % 50_000
        );
    }
    text.push_str("(local.get 1)))");
    text
}

fn locals_and_ifs(count: usize) -> String {
    let mut text = String::from("(module (func (param i32) (result i32) (local");
    text.push_str(&" i32".repeat(count.min(50_000)));
    text.push_str(")\n");
    for index in 0..count {
        let index = index % 50_000;
        let _ = writeln!(
            text,
            "(if (local.get 0) (then (local.set {} (i32.add (local.get {index}) (local.get 0)))))",
            (index + 1) % 50_000
        );
    }
    text.push_str("(local.get 1)))");
    text
}
