//! Proposals beyond WebAssembly 2.0 where the specification suite does not look: deep, long and many.

#[path = "host/mod.rs"]
#[expect(dead_code, reason = "the specification suite needs more of it")]
mod host;
#[path = "host/world.rs"]
mod world;

use host::instance::LoadError;
use host::store::CallError;
use mewz::compile::{OptLevel, Options, compile};
use mewz_abi::trap::TrapKind;
use world::{World, run};

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

#[test]
fn references_keep_their_types_across_modules() {
    let mut world = World::new();
    let env = world.add(
        r#"(module
            (type $step (func (param i32) (result i32)))
            (type $twice (func (param (ref null $step) i32) (result i32)))
            (func $double (type $step) (i32.mul (local.get 0) (i32.const 2)))
            (func $again (type $twice)
              (block $null
                (return_call_ref $step
                  (call_ref $step (local.get 1) (br_on_null $null (local.get 0)))
                  (ref.as_non_null (local.get 0))))
              (local.get 1))
            (global (export "double") (ref $step) (ref.func $double))
            (func (export "again") (type $twice) (return_call $again (local.get 0) (local.get 1)))
            (table (export "table") 3 (ref null $twice) (ref.func $again)))"#,
    );
    world.store.register("env", env);
    let text = r#"(module
        (type $step (func (param i32) (result i32)))
        (type $twice (func (param (ref null $step) i32) (result i32)))
        (import "env" "double" (global $double (ref null $step)))
        (import "env" "again" (func $again (type $twice)))
        (import "env" "table" (table 3 (ref null $twice)))
        (table $own 4 (ref $twice) (ref.func $again))
        (elem declare func $again)
        (func (export "f") (param i32) (result i32)
          (local $again (ref $twice))
          (local.set $again (table.get $own (i32.const 3)))
          (call_ref $twice (global.get $double) (local.get 0) (local.get $again)))
        (func (export "through_table") (param i32) (result i32)
          (call_indirect 0 (type $twice) (global.get $double) (local.get 0) (i32.const 2)))
        (func (export "without") (param i32) (result i32)
          (call_indirect $own (type $twice) (ref.null $step) (local.get 0) (i32.const 2)))
        (func (export "null") (result i32)
          (call_ref $step (i32.const 0) (ref.null $step))))"#;
    let instance = world.add(text);
    assert_eq!(world.call(instance, "f", &[5]), Ok(vec![20]));
    assert_eq!(world.call(instance, "through_table", &[5]), Ok(vec![20]));
    assert_eq!(world.call(instance, "without", &[5]), Ok(vec![5]));
    let null = Err(CallError::Trap(TrapKind::NullReference));
    assert_eq!(world.call(instance, "null", &[]), null);
    let other = r#"(module
        (type $step (func (param i64) (result i32)))
        (import "env" "again" (func (param (ref null $step) i32) (result i32))))"#;
    let outcome = world.instantiate(other);
    assert!(
        matches!(outcome, Err(LoadError::Unlinkable { .. })),
        "{outcome:?}"
    );
}

#[test]
fn types_that_double_at_every_step_have_short_names() {
    let mut text = String::from("(module (type $t0 (func (param i64)))");
    for step in 1..80 {
        let before = step - 1;
        text += &format!("(type $t{step} (func (param (ref $t{before}) (ref null $t{before}))))");
    }
    text += r#"(func $g (type $t79)) (table funcref (elem $g))
        (func (export "f") (param i32) (result i32) (local.get 0)))"#;
    assert_eq!(run(&text, &[3]), Ok(vec![3]));
}
