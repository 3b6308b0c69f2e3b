//! `mewz compile --emit asm,clif`: code that says where it comes from and what it names.

use mewz::compile::dump::{DumpError, Look, Selection, assembly, intermediate};
use mewz::compile::{OptLevel, Options, compile};

const MODULE: &str = r#"(module
    (import "env" "log" (func $log (param i32)))
    (memory 1)
    (func $sum (export "sum") (param $n i32) (result i32) (local $i i32)
        (loop $again
            (local.set $i (i32.add (local.get $i) (local.get $n)))
            (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (i32.store offset=64 (local.get $n) (local.get $i))
        (i32.div_u (local.get $i) (local.get $n)))
    (func $choose (export "choose") (param $x i32) (result f64)
        (block $c (block $b (block $a
            (br_table $a $b $c $a $b (local.get $x)))
            (call $log (i32.const 1)) (return (f64.const 1.5)))
            (call $log (i32.const 2)) (return (f64.const 2.5)))
        (f64.const 3.5)))"#;

fn listing(wanted: &[&str], has_bytes: bool) -> Result<String, DumpError> {
    let wasm = wat::parse_str(MODULE).unwrap();
    let options = Options {
        opt_level: OptLevel::Function,
        ..Options::default()
    };
    let object = compile(&wasm, &options).unwrap().object;
    let selection = Selection {
        wanted: wanted.iter().map(|name| (*name).to_owned()).collect(),
    };
    let look = Look {
        is_colored: false,
        has_bytes,
    };
    let mut out = Vec::new();
    assembly(&wasm, &object, &selection, look, &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

fn intermediate_code(opt_level: OptLevel, name: &str) -> String {
    let wasm = wat::parse_str(MODULE).unwrap();
    let options = Options {
        opt_level,
        ..Options::default()
    };
    let selection = Selection {
        wanted: vec![name.to_owned()],
    };
    let mut out = Vec::new();
    intermediate(&wasm, &options, &selection, Look::default(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[track_caller]
fn assert_has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
}

#[test]
fn code_stands_below_its_operators() {
    let text = listing(&["sum"], false).unwrap();
    assert_has(
        &text,
        &[
            "; function 1 `sum`, ",
            "(func $sum (;1;) (type 1) (param $n i32) (result i32))",
            "\nsum:\n",
            "i32.store offset=64\n",
            " + 0x40], eax",
            "br_if $again",
            "jmp     .L0",
            "; traps: integer divide by zero",
        ],
    );
    assert!(!text.contains("choose"), "{text}");
}

#[test]
fn tables_and_constants_are_no_code() {
    let text = listing(&["2"], false).unwrap();
    assert_has(
        &text,
        &[
            "[.table0]",
            "\n.table0:\n",
            ".long .L",
            " - .table0\n",
            "env$log$i$",
        ],
    );
    assert!(!text.contains(".byte"), "{text}");
    assert_eq!(text.matches(".long").count(), 5, "{text}");
}

#[test]
fn bytes_stand_beside_the_text() {
    assert_has(
        &listing(&["sum"], true).unwrap(),
        &["  55                       push    rbp\n"],
    );
}

#[test]
fn without_a_name_all_functions_are_shown() {
    let text = listing(&[], false).unwrap();
    let labels = [
        "\nsum:",
        "\nchoose:",
        "\nmewz_export_sum:",
        "\nmewz_instantiate:",
    ];
    assert_has(&text, &labels);
}

#[test]
fn an_unknown_function_is_refused_with_the_nearest_name() {
    let problem = listing(&["choos"], false).unwrap_err();
    assert!(
        matches!(&problem, DumpError::NoFunction(wanted, Some(nearest)) if wanted == "choos" && nearest == "choose"),
        "{problem:?}"
    );
}

#[test]
fn intermediate_code_stands_below_its_operators() {
    let text = intermediate_code(OptLevel::Function, "sum");
    assert_has(
        &text,
        &[
            "; function 1 `sum`, ",
            " instructions, of 35 bytes at wasm 0x46..0x69\n",
            "(func $sum (;1;) (type 1) (param $n i32) (result i32))",
            "i32.store offset=64\n",
            "br_if $again\n",
            "    brif ",
            "    store",
        ],
    );
    assert!(!text.contains('@'), "{text}");
}

#[test]
fn intermediate_code_names_what_it_calls_and_where_it_traps() {
    let text = intermediate_code(OptLevel::None, "choose");
    assert_has(&text, &["  ; env$log$i$\n", "    br_table "]);
    let entry = intermediate_code(OptLevel::None, "mewz_export_sum");
    assert_has(&entry, &["  ; sum\n", "entry of the export `sum`"]);
    let module = r#"(module (func (export "f") unreachable))"#;
    let mut out = Vec::new();
    let (selection, look) = (Selection::default(), Look::default());
    let wasm = wat::parse_str(module).unwrap();
    intermediate(&wasm, &Options::default(), &selection, look, &mut out).unwrap();
    assert_has(
        &String::from_utf8(out).unwrap(),
        &["; traps: unreachable\n"],
    );
}

#[test]
fn calls_name_the_handlers_of_their_exceptions() {
    let wasm = wat::parse_str(
        r#"(module (tag $t (param i32)) (func $throw (param i32) (throw $t (local.get 0)))
            (func (export "catch") (param i32) (result i32)
                (block $h (result i32)
                    (try_table (catch $t $h) (call $throw (local.get 0)))
                    (i32.const 1))))"#,
    );
    let wasm = wasm.unwrap();
    let options = Options {
        opt_level: OptLevel::Function,
        ..Options::default()
    };
    let object = compile(&wasm, &options).unwrap().object;
    let mut out = Vec::new();
    let (selection, look) = (Selection::default(), Look::default());
    assembly(&wasm, &object, &selection, look, &mut out).unwrap();
    let parts = ["call    throw  ; catches tag 0: .catch0\n", "\n.catch0:\n"];
    assert_has(&String::from_utf8(out).unwrap(), &parts);
}
