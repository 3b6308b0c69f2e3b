//! Compiled code where the specification suite does not look: many segments, enormous functions, wide signatures, deep
//! frames.

#[path = "host/mod.rs"]
#[expect(dead_code, reason = "the specification suite needs more of it")]
mod host;
#[path = "host/world.rs"]
mod world;

use std::fmt::Write as _;

use host::instance::LoadError;
use host::store::CallError;
use mewz_abi::trap::TrapKind;
use world::{World, run};

#[test]
fn later_data_lies_over_earlier_wherever_offsets_come_from() {
    let mut world = World::new();
    let env = world.add(r#"(module (global (export "at") i32 (i32.const 10)))"#);
    world.store.register("env", env);
    // One of three offsets is known only at instantiation; each byte is written by several segments.
    let mut text = String::from(
        r#"(module (import "env" "at" (global $at i32)) (memory 1)
           (func (export "f") (param i32) (result i32) (i32.load8_u (local.get 0)))"#,
    );
    let mut expected = [0_u8; 1200];
    for index in 0..1000_usize {
        let byte = (index % 251) as u8;
        let offset = (index * 7) % 1100 + 10;
        let expression = match index % 3 {
            0 => format!(
                "(i32.add (global.get $at) (i32.const {}))",
                offset as i32 - 10
            ),
            _ => format!("(i32.const {offset})"),
        };
        let bytes = format!("\\{byte:02x}").repeat(9);
        write!(text, "(data {expression} \"{bytes}\")").unwrap();
        expected[offset..offset + 9].fill(byte);
    }
    text.push(')');
    let instance = world.add(&text);
    for (at, byte) in expected.iter().enumerate() {
        let loaded = world.call(instance, "f", &[at as u32]).unwrap();
        assert_eq!(loaded, [u64::from(*byte)], "at {at}");
    }
}

#[test]
fn a_segment_that_does_not_fit_traps_after_those_before_it() {
    let mut world = World::new();
    let env = world.add(
        r#"(module (memory (export "m") 1) (table (export "t") 4 funcref)
           (func (export "byte") (param i32) (result i32) (i32.load8_u (local.get 0)))
           (func (export "call") (param i32) (result i32) (call_indirect (result i32) (local.get 0))))"#,
    );
    world.store.register("env", env);
    let mut check = |segments: &str, kind: TrapKind| {
        let outcome = world.instantiate(&format!(
            r#"(module (import "env" "m" (memory 1)) (import "env" "t" (table 4 funcref)) (table $own 4 4 funcref)
                 (func $seven (result i32) (i32.const 7)) {segments})"#
        ));
        match outcome {
            Err(LoadError::Start(error)) => assert_eq!(error, CallError::Trap(kind)),
            other => panic!("{other:?}"),
        }
    };
    check(
        r#"(data (i32.const 3) "x") (data (i32.const 65535) "yz") (data (i32.const 3) "w")"#,
        TrapKind::MemoryOutOfBounds,
    );
    check(
        r#"(elem (table 0) (i32.const 2) func $seven) (elem (table $own) (i32.const 4) func $seven)
           (elem (table 0) (i32.const 1) func $seven) (data (i32.const 3) "w")"#,
        TrapKind::TableOutOfBounds,
    );
    assert_eq!(world.call(env, "byte", &[3]), Ok(vec![u64::from(b'x')]));
    assert_eq!(world.call(env, "call", &[2]), Ok(vec![7]));
    let null = Err(CallError::Trap(TrapKind::IndirectCallToNull));
    assert_eq!(world.call(env, "call", &[1]), null);
}

#[test]
fn data_beyond_the_first_pages_of_an_imported_memory_is_laid_down() {
    let mut world = World::new();
    let env = world.add(
        r#"(module (memory (export "m") 3)
           (func (export "byte") (param i32) (result i32) (i32.load8_u (local.get 0))))"#,
    );
    world.store.register("env", env);
    world.add(r#"(module (import "env" "m" (memory 1)) (data (i32.const 150000) "q"))"#);
    assert_eq!(
        world.call(env, "byte", &[150_000]),
        Ok(vec![u64::from(b'q')])
    );
}

/// A body with so many locals and branches that its locals are memory: each step adds its number to the next of the locals
/// if a bit of the argument is set.
#[test]
fn functions_of_absurd_size_still_compute() {
    const LOCALS: u32 = 6000;
    const STEPS: u32 = 3000;
    let locals = "i32 ".repeat(LOCALS as usize);
    let mut text = format!(
        "(module (func (export \"f\") (param i32) (result i32) (local {locals} i64 f32 f64 v128)\n"
    );
    let argument = 0x5555_0f33_u32;
    let mut expected = 0_u32;
    for step in 0..STEPS {
        let (from, to) = (1 + step * 7 % LOCALS, 1 + (step * 7 + 7) % LOCALS);
        let bit = (1_u32 << (step % 32)).cast_signed();
        writeln!(
            text,
            "(local.set {to} (local.get {from}))
             (if (i32.and (local.get 0) (i32.const {bit}))
               (then (local.set {to} (i32.add (local.get {from}) (i32.const {step})))))"
        )
        .unwrap();
        if argument >> (step % 32) & 1 == 1 {
            expected += step;
        }
    }
    write!(text, "(local.get {})))", 1 + STEPS * 7 % LOCALS).unwrap();
    assert_eq!(run(&text, &[argument]), Ok(vec![u64::from(expected)]));
}

#[test]
fn functions_with_too_much_of_one_thing_still_compute() {
    // Each is beyond one of the bounds up to which a function gets the settings that the caller chose.
    let check = |text: &str, expected: u32| {
        let text =
            format!("(module (memory 1) (func (export \"f\") (param i32) (result i32) {text}))");
        assert_eq!(run(&text, &[3]), Ok(vec![u64::from(expected)]));
    };
    // Operators.
    let step = "(local.set 0 (i32.add (i32.rotl (local.get 0) (i32.const 5)) (i32.const 7)))";
    let expected = (0..30_000).fold(3_u32, |sum, _| sum.rotate_left(5).wrapping_add(7));
    check(&format!("{} (local.get 0)", step.repeat(30_000)), expected);
    // Blocks.
    let step = "(if (i32.and (local.get 0) (i32.const 4)) (then (local.set 0 (i32.mul (local.get 0) (i32.const 5)))))
                (local.set 0 (i32.add (local.get 0) (i32.const 1)))";
    let expected = (0..5_000).fold(3_u32, |sum, _| {
        let sum = if sum & 4 != 0 {
            sum.wrapping_mul(5)
        } else {
            sum
        };
        sum.wrapping_add(1)
    });
    check(&format!("{} (local.get 0)", step.repeat(5_000)), expected);
    // Loops in loops, of which the innermost runs thrice.
    let (begin, end) = ("(loop ".repeat(100), ")".repeat(100));
    let step = "(local.set 1 (i32.add (local.get 1) (local.get 0)))
                (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))";
    check(
        &format!("(local i32) {begin} {step} {end} (local.get 1)"),
        3 + 2 + 1,
    );
    // Values alive at once.
    let values = "(i32.add (local.get 0) (i32.load (local.get 0)))".repeat(5_000);
    check(&format!("{values} {}", "i32.add ".repeat(4_999)), 3 * 5_000);
}

#[test]
fn a_thousand_parameters_and_results_pass() {
    let parameters = "i32 ".repeat(1000);
    let results = "i64 ".repeat(1000);
    let arguments: String = (0..1000).map(|i| format!("(i32.const {i}) ")).collect();
    let widened: String = (0..1000)
        .map(|i| format!("(i64.extend_i32_u (local.get {})) ", 999 - i))
        .collect();
    let text = format!(
        r#"(module (table 1 funcref) (elem (i32.const 0) $wide)
             (type $wide (func (param {parameters}) (result {results})))
             (func $wide (type $wide) {widened})
             (func (export "f") (param i32) (result {results})
               {arguments}
               (if (type $wide) (local.get 0)
                 (then (call $wide))
                 (else (call_indirect (type $wide) (i32.const 0))))))"#
    );
    let expected: Vec<u64> = (0..1000).rev().collect();
    assert_eq!(run(&text, &[1]), Ok(expected.clone()));
    assert_eq!(run(&text, &[0]), Ok(expected));
}

#[test]
fn recursion_ends_in_a_trap_whatever_the_size_of_frames() {
    for locals in [0, 1, 200, 255, 256, 400, 510, 511, 512, 3000] {
        // Values that live across the call keep the frame large.
        let used: String = (1..=locals)
            .map(|i| {
                format!("(local.set {i} (i64.add (local.get {i}) (i64.extend_i32_u (call $g))))")
            })
            .collect();
        let sum: String = (1..=locals)
            .map(|i| format!("(local.get {i}) (i64.add)"))
            .collect();
        let locals = "i64 ".repeat(locals);
        let text = format!(
            r#"(module (global $n (mut i32) (i32.const 0))
                 (func $g (result i32) (global.set $n (i32.add (global.get $n) (i32.const 1))) (global.get $n))
                 (func $f (export "f") (param i32) (result i64) (local {locals})
                   {used} (call $f (local.get 0)) {sum}))"#
        );
        let exhausted = Err(CallError::Trap(TrapKind::CallStackExhausted));
        assert_eq!(run(&text, &[1]), exhausted, "{locals} locals");
    }
}

#[test]
fn branch_tables_pass_values_to_every_target() {
    let text = r#"(module (func (export "f") (param i32) (result i32)
        (block $a (result i32)
          (i32.add (i32.const 100)
            (block $b (result i32)
              (i32.add (i32.const 1000)
                (loop $c (result i32)
                  (block $d (result i32)
                    (br_table $a $b $d $b $a $d (i32.const 5) (local.get 0)))))))))) "#;
    for (argument, result) in [
        (0, 5),
        (1, 105),
        (2, 1105),
        (3, 105),
        (4, 5),
        (5, 1105),
        (77, 1105),
    ] {
        assert_eq!(run(text, &[argument]), Ok(vec![result]), "{argument}");
    }
}

/// Every small constant length of `memory.copy` and `memory.fill`, overlapping both ways, and at the memory's end.
#[test]
fn bulk_operations_of_constant_length_move_and_fill_or_trap_untouched() {
    const END: u32 = 65536;
    for len in 0..=130_u32 {
        let text = format!(
            r#"(module (memory 1)
                 (func (export "copy") (param i32 i32) (memory.copy (local.get 0) (local.get 1) (i32.const {len})))
                 (func (export "fill") (param i32) (memory.fill (local.get 0) (i32.const 0x1a7) (i32.const {len})))
                 (func (export "set") (param i32 i32) (i32.store8 (local.get 0) (local.get 1)))
                 (func (export "get") (param i32) (result i32) (i32.load8_u (local.get 0))))"#
        );
        let mut world = World::new();
        let module = world.add(&text);
        let mut expected = vec![0_u8; 512];
        for at in 0..512 {
            let byte = (at * 37 + 11) as u8;
            world.call(module, "set", &[at, u32::from(byte)]).unwrap();
            expected[at as usize] = byte;
        }
        let range = |start: u32| start as usize..(start + len) as usize;
        for (to, from) in [(300, 100), (105, 100), (95, 100)] {
            world.call(module, "copy", &[to, from]).unwrap();
            expected.copy_within(range(from), to as usize);
        }
        world.call(module, "fill", &[7]).unwrap();
        expected[range(7)].fill(0xa7);
        for (at, byte) in expected.iter().enumerate() {
            let found = world.call(module, "get", &[at as u32]);
            assert_eq!(found, Ok(vec![u64::from(*byte)]), "{len} bytes, at {at}");
        }

        // The last place that fits, and the first that does not.
        let last = END - len;
        world.call(module, "copy", &[last, 0]).unwrap();
        let before = world.call(module, "get", &[END - 1]);
        let outside = Err(CallError::Trap(TrapKind::MemoryOutOfBounds));
        for start in [last + 1, u32::MAX] {
            assert_eq!(
                world.call(module, "copy", &[start, 1]),
                outside,
                "{len} bytes"
            );
            assert_eq!(
                world.call(module, "copy", &[1, start]),
                outside,
                "{len} bytes"
            );
            assert_eq!(world.call(module, "fill", &[start]), outside, "{len} bytes");
        }
        assert_eq!(world.call(module, "get", &[END - 1]), before);
    }
}

#[test]
fn products_of_128_bits_are_those_of_the_functions_that_compute_them() {
    let text = include_str!("host/multiply.wat");
    let spread = |number: u32| {
        let product = u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        product.rotate_left(number % 64)
    };
    for (a, b) in [
        (0, 0),
        (1, 1),
        (u32::MAX, u32::MAX),
        (7, 90_000),
        (12_345, 678_901_234),
    ] {
        let (x, y) = (spread(a), spread(b));
        let left = u128::from(x) | u128::from(y) << 64;
        let right = u128::from(y) | 3 << 64;
        let product = left.wrapping_mul(right);
        let expected = [product as u64, (product >> 64) as u64];
        for which in 0..2 {
            assert_eq!(
                run(text, &[which, a, b]).unwrap(),
                expected,
                "{which}: {a} {b}"
            );
        }
        let almost = run(text, &[2, a, b]).unwrap();
        assert_eq!(almost[0], expected[0]);
        assert!(expected[1].wrapping_sub(almost[1]) < 2);
    }
}

#[test]
fn indices_wrap_at_32_bits_wherever_their_constants_are_added() {
    // Byte `n` of the first page is `n` again, except for a mark at the end.
    let bytes: String = (0..256).map(|byte| format!("\\{byte:02x}")).collect();
    let load = |index: &str, arguments: &[u32]| {
        let text = format!(
            r#"(module (memory 1) (data (i32.const 0) "{bytes}") (data (i32.const 65535) "\ee")
                 (func (export "f") (param i32) (result i32) (local $set i32) (i32.load8_u {index})))"#
        );
        run(&text, arguments)
    };
    let outside = Err(CallError::Trap(TrapKind::MemoryOutOfBounds));
    let masked = "(i32.add (i32.and (local.get 0) (i32.const 127)) (i32.const 100))";
    assert_eq!(load(masked, &[u32::MAX]), Ok(vec![227]));
    let any = "(i32.add (local.get 0) (i32.const 100))";
    assert_eq!(load(any, &[u32::MAX - 98]), Ok(vec![1]));
    let far = "offset=4 (i32.add (local.get 0) (i32.const 100))";
    assert_eq!(load(far, &[u32::MAX - 98]), Ok(vec![5]));
    assert_eq!(load(far, &[u32::MAX - 100]), outside);
    let below = "(i32.add (i32.and (local.get 0) (i32.const 255)) (i32.const -128))";
    assert_eq!(load(below, &[200]), Ok(vec![72]));
    assert_eq!(load(below, &[127]), outside);
    let half = "(i32.add (i32.shr_u (local.get 0) (i32.const 1)) (i32.const 0x7fffffff))";
    assert_eq!(load(half, &[u32::MAX]), outside);
    let twice = "(i32.add (i32.add (i32.shr_u (local.get 0) (i32.const 1)) (i32.const 0x7fffffff)) (i32.const 2))";
    assert_eq!(load(twice, &[u32::MAX]), Ok(vec![0]));
    let shifted =
        "(i32.add (i32.shl (i32.load8_u (local.get 0)) (i32.const 25)) (i32.const 0x7000000))";
    assert_eq!(load(shifted, &[0x80]), outside);
    let set =
        "(i32.add (local.tee $set (i32.rem_u (local.get 0) (i32.const 50))) (i32.const 65490))";
    assert_eq!(load(set, &[95]), Ok(vec![0xee]));
    assert_eq!(load(set, &[96]), outside);
    let product = "(i32.add (i32.mul (i32.and (local.get 0) (i32.const 0xffff)) (i32.const 0x10001)) (i32.const 9))";
    assert_eq!(load(product, &[0xffff]), Ok(vec![8]));
}

#[test]
fn a_narrow_compare_exchange_compares_the_bits_that_it_loads() {
    let text = r#"(module (memory 1) (data (i32.const 0) "\22\11")
        (func (export "byte") (param i32) (result i32)
            (i32.atomic.rmw8.cmpxchg_u (i32.const 0) (local.get 0) (i32.const 0x33)))
        (func (export "get") (result i32) (i32.load16_u (i32.const 0))))"#;
    let mut world = World::new();
    let module = world.add(text);
    assert_eq!(world.call(module, "byte", &[0x122]), Ok(vec![0x22]));
    assert_eq!(world.call(module, "get", &[]), Ok(vec![0x1133]));
}
