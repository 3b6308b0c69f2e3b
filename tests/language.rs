//! Proposals beyond WebAssembly 2.0 where the specification suite does not look: deep, long and many.

#[path = "host/mod.rs"]
#[expect(dead_code, reason = "the specification suite needs more of it")]
mod host;
#[path = "host/world.rs"]
mod world;

use mewz::compile::{OptLevel, Options, compile};
use world::run;

#[test]
fn ten_million_tail_calls_with_different_arguments_take_no_stack() {
    // Four functions in turn, with no, few, many and wide arguments, directly and through a table.
    let text = r#"(module
        (type $wide (func (param i32 v128 i64 f64 f32 i64 i64 i64 i64 i64 i64 v128) (result i32 i32 i32 i64)))
        (table funcref (elem $wide))
        (global $left (mut i32) (i32.const 0))
        (func (export "f") (param i32) (result i32 i32 i32 i64)
          (global.set $left (local.get 0))
          (return_call $none))
        (func $none (result i32 i32 i32 i64)
          (if (i32.eqz (global.get $left))
            (then (return (i32.const 1) (i32.const 2) (i32.const 3) (i64.const 4))))
          (return_call $few (global.get $left)))
        (func $few (param i32) (result i32 i32 i32 i64)
          (return_call $many
            (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5) (i64.const 6) (i64.const 7) (i64.const 8)
            (i64.const 9) (local.get 0)))
        (func $many (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i32) (result i32 i32 i32 i64)
          (return_call_indirect (type $wide)
            (local.get 9) (v128.const i64x2 5 6) (local.get 8) (f64.const 1) (f32.const 2) (local.get 1) (local.get 2)
            (local.get 3) (local.get 4) (local.get 5) (local.get 6) (v128.const i64x2 7 8) (i32.const 0)))
        (func $wide (type $wide)
          (if (i64.ne (i64x2.extract_lane 1 (local.get 11)) (i64.const 8)) (then (unreachable)))
          (if (i64.ne (local.get 10) (i64.const 7)) (then (unreachable)))
          (global.set $left (i32.sub (local.get 0) (i32.const 1)))
          (return_call $none)))"#;
    assert_eq!(run(text, &[2_500_000]), Ok(vec![1, 2, 3, 4]));
}

#[test]
fn functions_that_only_tail_calls_name_are_there() {
    let text = r#"(module
        (func (export "f") (param i32) (result i32)
          (if (local.get 0) (then (return_call $there (local.get 0))))
          (i32.const 0))
        (func $there (param i32) (result i32) (i32.add (local.get 0) (i32.const 1))))"#;
    let options = Options {
        opt_level: OptLevel::Module,
        ..Options::default()
    };
    compile(&wat::parse_str(text).unwrap(), &options).expect("the callee has code");
    assert_eq!(run(text, &[6]), Ok(vec![7]));
}
