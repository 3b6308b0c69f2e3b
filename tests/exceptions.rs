//! Exceptions where the specification suite does not look: many frames, many exceptions, many kinds of values, the legacy
//! encoding.

#[path = "host/mod.rs"]
#[expect(dead_code, reason = "the specification suite needs more of it")]
mod host;
#[path = "host/world.rs"]
mod world;

use host::store::{Bases, CallError, Store};
use mewz::compile::{OptLevel, Options, RegisterAllocator};
use mewz_abi::trap::TrapKind;
use world::{World, run};

const UNCAUGHT: Result<Vec<u64>, CallError> = Err(CallError::Trap(TrapKind::UncaughtException));

/// Runs `f` of a module with each argument and compares.
fn check(text: &str, cases: &[(u32, u64)]) {
    for (argument, result) in cases {
        assert_eq!(run(text, &[*argument]), Ok(vec![*result]), "{argument}");
    }
}

#[test]
fn an_exception_carries_values_of_all_types_through_many_frames() {
    let text = r#"(module
        (type $deep (func (param i32)))
        (tag $all (param i32 i64 f32 f64 v128 funcref externref i32))
        (table funcref (elem $down))
        (elem declare func $down)
        (func $down (type $deep)
          (local $a i64) (local $b f64)
          (local.set $a (i64.extend_i32_u (local.get 0)))
          (local.set $b (f64.convert_i32_u (local.get 0)))
          (if (i32.eqz (local.get 0))
            (then (throw $all
              (i32.const 1) (i64.const 2) (f32.const 3) (f64.const 4) (v128.const i64x2 5 6) (ref.func $down)
              (ref.null extern) (i32.const 7))))
          (call_indirect (type $deep) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0))
          (drop (i64.add (local.get $a) (i64.trunc_f64_u (local.get $b)))))
        (func (export "f") (param i32) (result i64)
          (local $i i32) (local $l i64) (local $f f32) (local $d f64) (local $v v128) (local $r funcref)
          (local $kept i64)
          (local.set $kept (i64.const 1000))
          (block $h (result i32 i64 f32 f64 v128 funcref externref i32)
            (try_table (catch $all $h) (call $down (local.get 0)))
            (unreachable))
          (local.set $i)
          (if (i32.eqz (ref.is_null)) (then (unreachable)))
          (local.set $r) (local.set $v) (local.set $d) (local.set $f) (local.set $l)
          (local.set $i (i32.add (local.get $i)))
          (if (ref.is_null (local.get $r)) (then (unreachable)))
          (i64.add
            (i64.add (local.get $kept) (i64.extend_i32_u (local.get $i)))
            (i64.add
              (i64.add (local.get $l) (i64.trunc_f32_u (local.get $f)))
              (i64.add (i64.trunc_f64_u (local.get $d))
                (i64.add (i64x2.extract_lane 0 (local.get $v)) (i64x2.extract_lane 1 (local.get $v))))))))"#;
    check(text, &[(0, 1028), (1, 1028), (2_000, 1028)]);
}

#[test]
fn clauses_are_tried_from_the_inside_and_in_order() {
    let text = r#"(module
        (tag $a) (tag $b) (tag $c)
        (func $throw (param i32)
          (block (block (block (br_table 0 1 2 (local.get 0)))
            (throw $a)) (throw $b)) (throw $c))
        (func (export "f") (param i32) (result i32)
          (block $all
            (block $outer_a
              (try_table (catch_all $all)
                (try_table (catch $a $outer_a)
                  (block $inner_b
                    (block $inner_a
                      (try_table (catch $b $inner_b) (catch $a $inner_a) (catch $b $all) (call $throw (local.get 0)))
                      (return (i32.const 0)))
                    (return (i32.const 1)))
                  ;; Out of the inner block, what is thrown goes to the outer one.
                  (call $throw (i32.const 0)))
                (return (i32.const 9))))
            (return (i32.const 2)))
          (i32.const 3)))"#;
    check(text, &[(0, 1), (1, 2), (2, 3)]);
}

#[test]
fn locals_have_the_values_that_they_had_at_the_call() {
    let text = r#"(module
        (tag $e (param i32))
        (func $maybe (param i32 i32) (if (i32.eq (local.get 0) (local.get 1)) (then (throw $e (local.get 0)))))
        (func (export "f") (param $at i32) (result i32)
          (local $x i32) (local $caught i32)
          (block $h (result i32)
            (try_table (catch $e $h)
              (local.set $x (i32.const 10))
              (call $maybe (local.get $at) (i32.const 1))
              (local.set $x (i32.const 20))
              (call $maybe (local.get $at) (i32.const 2))
              (local.set $x (i32.const 30))
              (if (i32.eq (local.get $at) (i32.const 3)) (then (throw $e (i32.const 3))))
              (local.set $x (i32.const 40)))
            (i32.const 0))
          (local.set $caught)
          (i32.add (local.get $x) (local.get $caught))))"#;
    check(text, &[(0, 40), (1, 11), (2, 22), (3, 33)]);
}

#[test]
fn a_million_exceptions_take_no_room() {
    // Caught at once; through references that are thrown again and again; and kept in a local across the next one.
    let text = r#"(module
        (tag $e (param i64))
        (func $throw (param i64) (throw $e (local.get 0)))
        (func $cleanup (param i64)
          (block $h (result exnref)
            (try_table (catch_all_ref $h) (call $throw (local.get 0)))
            (unreachable))
          (throw_ref))
        (func (export "f") (param $left i32) (result i64)
          (local $sum i64) (local $kept exnref) (local $before exnref)
          (loop $next
            (block $h (result i64)
              (try_table (catch $e $h) (call $throw (i64.const 1)))
              (unreachable))
            (local.set $sum (i64.add (local.get $sum)))
            (block $h (result i64)
              (try_table (catch $e $h) (call $cleanup (i64.const 10)))
              (unreachable))
            (local.set $sum (i64.add (local.get $sum)))
            (local.set $before (local.get $kept))
            (block $h (result i64 exnref)
              (try_table (catch_ref $e $h) (call $cleanup (i64.extend_i32_u (local.get $left))))
              (unreachable))
            (local.set $kept)
            (drop)
            ;; What was kept still carries what it did.
            (if (i32.eqz (ref.is_null (local.get $before)))
              (then
                (block $h (result i64)
                  (try_table (catch $e $h) (throw_ref (local.get $before)))
                  (unreachable))
                (if (i64.ne (i64.extend_i32_u (i32.add (local.get $left) (i32.const 1)))) (then (unreachable)))))
            (br_if $next (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
          (local.get $sum)))"#;
    check(text, &[(1, 11), (500_000, 5_500_000)]);
}

#[test]
fn references_in_tables_globals_and_other_exceptions_keep_exceptions() {
    let text = r#"(module
        (tag $e (param i32))
        (tag $nested (param exnref i32))
        (table $kept 3000 exnref)
        (global $last (mut exnref) (ref.null exn))
        (func $make (param i32) (result exnref)
          (local $made exnref)
          (block $h (result i32 exnref)
            (try_table (catch_ref $e $h) (throw $e (local.get 0)))
            (unreachable))
          (local.set $made) (drop)
          (local.get $made))
        (func $wrap (param exnref i32) (result exnref)
          (block $h (result exnref)
            (try_table (catch_all_ref $h) (throw $nested (local.get 0) (local.get 1)))
            (unreachable)))
        (func $value (param exnref) (result i32)
          (block $h (result i32)
            (try_table (catch $e $h) (throw_ref (local.get 0)))
            (unreachable)))
        (func $unwrap (param exnref) (result exnref)
          (block $h (result exnref i32)
            (try_table (catch $nested $h) (throw_ref (local.get 0)))
            (unreachable))
          (drop))
        (func $waste (param i32)
          (loop $again
            (drop (call $make (i32.const -1)))
            (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
        (func (export "f") (param $rounds i32) (result i32)
          (local $at i32) (local $sum i32)
          ;; More than the first chunk of a pool holds.
          (loop $fill
            (table.set $kept (local.get $at) (call $make (local.get $at)))
            (br_if $fill (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 1))) (i32.const 2999))))
          (table.set $kept (i32.const 2999) (call $wrap (call $wrap (call $make (i32.const 77)) (i32.const 1)) (i32.const 2)))
          (global.set $last (call $make (i32.const 1000)))
          (call $waste (local.get $rounds))
          (local.set $at (i32.const 0))
          (loop $look
            (local.set $sum (i32.add (local.get $sum) (call $value (table.get $kept (local.get $at)))))
            (br_if $look (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 1))) (i32.const 2999))))
          (i32.add (local.get $sum)
            (i32.add (call $value (global.get $last))
              (call $value (call $unwrap (call $unwrap (table.get $kept (i32.const 2999)))))))))"#;
    // 0 + 1 + … + 2998, and the others.
    let sum = 2998 * 2999 / 2 + 77 + 1000;
    check(text, &[(1, sum), (300_000, sum)]);
}

#[test]
fn exceptions_unwind_deep_recursions_that_hold_references() {
    let text = r#"(module
        (tag $e (param i32))
        (func $down (param $left i32) (result i32)
          (local $held exnref)
          (block $h (result i32 exnref)
            (try_table (catch_ref $e $h) (throw $e (local.get $left)))
            (unreachable))
          (local.set $held) (drop)
          (if (local.get $left)
            (then
              (drop (call $down (i32.sub (local.get $left) (i32.const 1))))
              (throw_ref (local.get $held))))
          (throw_ref (local.get $held)))
        (func (export "f") (param $left i32) (result i32)
          (block $h (result i32)
            (try_table (catch $e $h) (drop (call $down (local.get $left))))
            (i32.const -1))))"#;
    check(text, &[(0, 0), (1_500, 0), (3_000, 0)]);
}

#[test]
fn what_nobody_takes_is_a_trap_where_it_was_thrown() {
    let throw = r#"(module (tag $e) (func (export "f") (param i32) (result i32) (throw $e)))"#;
    assert_eq!(run(throw, &[0]), UNCAUGHT);
    let other = r#"(module (tag $e) (tag $other) (func $g (throw $e))
        (func (export "f") (param i32) (result i32)
          (block $h (try_table (catch $other $h) (call $g))) (i32.const 1)))"#;
    assert_eq!(run(other, &[0]), UNCAUGHT);
    let null = r#"(module (func (export "f") (param i32) (result i32)
          (block $h (try_table (catch_all $h) (throw_ref (ref.null exn)))) (i32.const 1)))"#;
    let trap = Err(CallError::Trap(TrapKind::NullReference));
    assert_eq!(run(null, &[0]), trap, "a trap is no exception");
    let zero = r#"(module (func (export "f") (param i32) (result i32)
          (block $h (try_table (catch_all $h) (drop (i32.div_u (i32.const 1) (local.get 0))))) (i32.const 1)))"#;
    let trap = Err(CallError::Trap(TrapKind::IntegerDivideByZero));
    assert_eq!(run(zero, &[0]), trap);
}

#[test]
fn exceptions_pass_from_module_to_module() {
    let mut world = World::new();
    let thrower = world.add(
        r#"(module
            (tag $e (export "e") (param i32))
            (tag $hidden (param i32))
            (func (export "throw") (param i32)
              (if (local.get 0) (then (throw $e (local.get 0))))
              (throw $hidden (i32.const 5))))"#,
    );
    world.store.register("thrower", thrower);
    // Knows nothing of exceptions.
    let between = world.add(
        r#"(module
            (import "thrower" "throw" (func $throw (param i32)))
            (func (export "pass") (param i32) (call $throw (local.get 0))))"#,
    );
    world.store.register("between", between);
    let catcher = world.add(
        r#"(module
            (import "thrower" "e" (tag $e (param i32)))
            (import "thrower" "e" (tag $same (param i32)))
            (import "between" "pass" (func $pass (param i32)))
            (tag $hidden (param i32))
            (func (export "f") (param i32) (result i32)
              (block $all
                (block $hidden (result i32)
                  (block $h (result i32)
                    (try_table (catch $hidden $hidden) (catch $same $h) (catch_all $all) (call $pass (local.get 0)))
                    (return (i32.const 0)))
                  (return))
                (return (i32.const 100)))
              (i32.const 200)))"#,
    );
    assert_eq!(world.call(catcher, "f", &[7]), Ok(vec![7]));
    assert_eq!(world.call(catcher, "f", &[0]), Ok(vec![200]));
    // Where the last module is left, the exception is nobody's.
    assert_eq!(world.call(between, "pass", &[7]), UNCAUGHT);
    assert_eq!(world.call(catcher, "f", &[8]), Ok(vec![8]));
}

/// A module with `body` as the body of `f`, which may call `$throw` with 1 for `$a`, 2 for `$b`, 3 for `$c`.
fn legacy(body: &str) -> String {
    format!(
        r#"(module
        (tag $a (param i32)) (tag $b (param i32)) (tag $c)
        (global $trace (mut i32) (i32.const 0))
        (func $note (param i32)
          (global.set $trace (i32.add (i32.mul (global.get $trace) (i32.const 10)) (local.get 0))))
        (func $throw (param i32)
          (block (block (block (block (br_table 0 1 2 3 (local.get 0)))
            (return)) (throw $a (i32.const 11))) (throw $b (i32.const 22))) (throw $c))
        (func (export "f") (param i32) (result i32) {body}))"#
    )
}

#[test]
fn the_legacy_encoding_catches() {
    let text = legacy(
        r"(local $x i32)
          try (result i32)
            (local.set $x (i32.const 100)) (call $throw (local.get 0)) (local.set $x (i32.const 200)) i32.const 1
          catch $a
            (i32.add (local.get $x))
          catch $b
            (i32.add (local.get $x))
          catch_all
            (i32.add (local.get $x) (i32.const 3))
          end",
    );
    check(&text, &[(0, 1), (1, 111), (2, 122), (3, 103)]);
    let text = legacy(
        r"try
            (throw $a (i32.const 5))
          catch $a
            return
          catch $b
            drop
          end
          i32.const 0",
    );
    check(&text, &[(0, 5)]);
}

#[test]
fn the_legacy_encoding_throws_again() {
    let text = legacy(
        r"try (result i32)
            try (result i32)
              (call $throw (local.get 0))
              i32.const 0
            catch $a
              call $note
              try
                (call $throw (i32.const 2))
              catch $b
                drop
                rethrow 1
              end
              i32.const 7
            catch_all
              (call $note (i32.const 3))
              rethrow 0
            end
          catch $a
            (i32.add (global.get $trace))
          catch $b
            (i32.mul (global.get $trace))
          catch_all
            global.get $trace
          end",
    );
    check(&text, &[(0, 0), (1, 22), (2, 66), (3, 3)]);
}

#[test]
fn the_legacy_encoding_delegates() {
    // Past a clause that would take it to a block, which is asked itself and passes on.
    let text = legacy(
        r"try (result i32)
            block $block (result i32)
              try (result i32)
                try (result i32)
                  (call $throw (local.get 0))
                  i32.const 0
                delegate 1
              catch_all
                i32.const 98
              end
            end
          catch $b
          catch_all
            i32.const 97
          end",
    );
    check(&text, &[(0, 0), (1, 97), (2, 22), (3, 97)]);
    // To the block next to it, which takes it.
    let text = text.replace("delegate 1", "delegate 0");
    check(&text, &[(0, 0), (1, 98), (2, 98), (3, 98)]);
    // Out of the function.
    let text = text.replace("delegate 0", "delegate 3");
    check(&text, &[(0, 0)]);
    assert_eq!(run(&text, &[1]), UNCAUGHT);
}

#[test]
fn clauses_of_the_legacy_encoding_that_nothing_leads_to_are_fine() {
    let text = legacy(
        r"block $end
            try
              (br_if $end (local.get 0))
            catch $a
              drop
              (return (i32.const 1))
            catch_all
              rethrow 0
            end
            (return (i32.const 2))
          end
          try (result i32)
            unreachable
            try
              (call $throw (i32.const 1))
            delegate 0
          catch $a
          catch_all
            i32.const 4
          end",
    );
    check(&text, &[(0, 2)]);
    let trap = Err(CallError::Trap(TrapKind::Unreachable));
    assert_eq!(run(&text, &[1]), trap);
}

#[test]
fn exceptions_pass_whatever_the_effort() {
    let text = r#"(module
        (tag $e (param i32))
        (func $maybe (param i32 i32) (if (i32.eq (local.get 0) (local.get 1)) (then (throw $e (local.get 0)))))
        (func (export "f") (param $at i32) (result i32)
          (local $x i32) (local $y i64) (local $z f64) (local $caught i32)
          (local.set $y (i64.extend_i32_u (i32.mul (local.get $at) (i32.const 1000))))
          (local.set $z (f64.convert_i32_u (local.get $at)))
          (block $h (result i32)
            (try_table (catch $e $h)
              (local.set $x (i32.const 10))
              (call $maybe (local.get $at) (i32.const 1))
              (local.set $x (i32.const 20))
              (call $maybe (local.get $at) (i32.const 2)))
            (i32.const 0))
          (local.set $caught)
          (i32.add
            (i32.add (local.get $x) (local.get $caught))
            (i32.add (i32.wrap_i64 (local.get $y)) (i32.trunc_f64_u (local.get $z))))))"#;
    for opt_level in [OptLevel::None, OptLevel::Function, OptLevel::Module] {
        for register_allocator in [
            RegisterAllocator::Backtracking,
            RegisterAllocator::SinglePass,
        ] {
            let options = Options {
                opt_level,
                register_allocator,
                verify: true,
                ..Options::default()
            };
            let mut world = World {
                store: Store::with_options(Bases::Instance, options),
            };
            let instance = world.add(text);
            for (argument, result) in [(0, 20), (1, 1012), (2, 2024)] {
                let outcome = world.call(instance, "f", &[argument]);
                assert_eq!(
                    outcome,
                    Ok(vec![result]),
                    "{opt_level:?} {register_allocator:?}"
                );
            }
        }
    }
}
