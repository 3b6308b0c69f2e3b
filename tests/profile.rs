//! Profiles: what runs count, what code becomes of it, and that the program stays what it is.

#[path = "host/mod.rs"]
#[expect(dead_code, reason = "the specification suite needs more of it")]
mod host;
mod invoke;
#[path = "host/world.rs"]
#[expect(dead_code, reason = "levels of optimisation are compared elsewhere")]
mod world;

use std::sync::Arc;

use host::store::{Bases, CallError, Store};
use invoke::Place;
use mewz::compile::{
    CountersError, Fit, OptLevel, Options, Profile, compile, compile_incremental, profile,
};
use mewz_abi::trap::TrapKind;
use world::World;

/// A loop that calls through a table, nearly always the same function; an arm that never runs; a function that never runs.
const MODULE: &str = r#"(module
    (type $operation (func (param i32) (result i32)))
    (table (export "TABLE") 5 5 funcref)
    (elem (i32.const 1) $double $next $long $pair)
    (func $double (type $operation) (i32.mul (local.get 0) (i32.const 2)))
    (func $next (type $operation) (i32.add (local.get 0) (i32.const 1)))
    (func $long (param i64) (result i32) (i32.const 9))
    (func $pair (type $operation) (call $next (call $next (local.get 0))))
    (func $never (export "never") (result i32) (i32.const 3))
    (func $main (export "f") (param $rounds i32) (param $last i32) (result i32)
        (local $sum i32)
        (loop $again
            (if (i32.eqz (local.get $rounds)) (then
                (return (i32.add (local.get $sum)
                    (call_indirect (type $operation) (i32.const 40) (local.get $last))))))
            (local.set $sum (call_indirect (type $operation) (local.get $sum)
                (select (i32.const 4) (i32.const 2) (i32.eqz (i32.rem_u (local.get $rounds) (i32.const 8))))))
            (if (i32.gt_u (local.get $sum) (i32.const 1000000)) (then (local.set $sum (i32.const 0))))
            (local.set $rounds (i32.sub (local.get $rounds) (i32.const 1)))
            (br $again))
        (unreachable)))"#;

/// The module, with its table for itself or for everyone.
fn module(is_exported: bool) -> Vec<u8> {
    let export = if is_exported {
        r#"(export "table")"#
    } else {
        ""
    };
    wasm(&MODULE.replace(r#"(export "TABLE")"#, export))
}

fn wasm(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("the test's module is well formed")
}

fn options() -> Options {
    Options {
        opt_level: OptLevel::Module,
        verify: true,
        ..Options::default()
    }
}

fn with_profile(profile: &Profile) -> Options {
    Options {
        profile: Some(Arc::new(profile.clone())),
        ..options()
    }
}

fn world(options: Options) -> World {
    World {
        store: Store::with_options(Bases::Instance, options),
    }
}

/// What a run of 800 rounds counts, at this level.
fn counted(wasm: &[u8], opt_level: OptLevel) -> Profile {
    let mut world = world(Options {
        opt_level,
        counts_runs: true,
        ..options()
    });
    let instance = world.store.instantiate(wasm).unwrap();
    world.call(instance, "f", &[800, 1]).unwrap();
    profile(wasm, &world.store.instances[instance].counters()).unwrap()
}

#[test]
fn runs_are_counted() {
    let wasm = module(false);
    let text = counted(&wasm, OptLevel::Module).to_string();
    let function = |name: &str| {
        let functions = text.split("function ").skip(1);
        let mut found = functions.filter(|lines| {
            let first = lines.lines().next().unwrap();
            first.ends_with(&format!(" {name}"))
        });
        found.next().expect("every function is there")
    };
    assert!(!function("never").contains("blocks"), "{text}");
    assert!(function("double").contains("\nblocks 1\n"), "{text}");
    let main = function("main");
    // The body, the loop, then the last round, behind it, the arm that never runs, behind that.
    assert!(main.contains("\nblocks 1 801 1 800 0 800"), "{text}");
    let name = |of: &str| {
        of.lines()
            .next()
            .unwrap()
            .rsplit_once(' ')
            .unwrap()
            .0
            .to_owned()
    };
    assert!(
        main.contains(&format!("call 1 {} 700\n", name(function("next")))),
        "{text}"
    );
    assert!(
        main.contains(&format!("call 1 {} 100\n", name(function("pair")))),
        "{text}"
    );
}

#[test]
fn every_level_counts_alike() {
    let wasm = module(true);
    let module = counted(&wasm, OptLevel::Module).to_string();
    for level in [OptLevel::None, OptLevel::Function] {
        assert_eq!(counted(&wasm, level).to_string(), module, "{level:?}");
    }
}

#[test]
fn a_program_with_a_profile_is_the_same_program() {
    for is_exported in [false, true] {
        let wasm = module(is_exported);
        let profile = counted(&wasm, OptLevel::Module);
        let mut plain = world(options());
        let mut profiled = world(with_profile(&profile));
        let plain_at = plain.store.instantiate(&wasm).unwrap();
        let profiled_at = profiled.store.instantiate(&wasm).unwrap();
        for rounds in [0, 1, 7, 8, 100] {
            // Likely and unlikely callees, null, one of another type, and no element.
            for last in [1, 2, 4, 0, 3, 5, u32::MAX] {
                assert_eq!(
                    profiled.call(profiled_at, "f", &[rounds, last]),
                    plain.call(plain_at, "f", &[rounds, last]),
                    "{rounds} rounds, then {last}"
                );
            }
        }
        let trap = |kind| Err(CallError::Trap(kind));
        let mismatch = trap(TrapKind::IndirectCallTypeMismatch);
        assert_eq!(profiled.call(profiled_at, "f", &[9, 3]), mismatch);
        let null = trap(TrapKind::IndirectCallToNull);
        assert_eq!(profiled.call(profiled_at, "f", &[9, 0]), null);
    }
}

#[test]
fn likely_callees_of_a_table_that_changes_are_asked_for_by_reference() {
    let text = r#"(module
        (type $operation (func (result i32)))
        (table 2 funcref)
        (elem (i32.const 0) $one $two)
        (func $one (type $operation) (i32.const 1))
        (func $two (type $operation) (i32.const 2))
        (func (export "swap")
            (table.set (i32.const 0) (table.get (i32.const 1))))
        (func (export "f") (param i32 i32) (result i32) (local i32)
            (loop $again
                (local.set 2 (i32.add (local.get 2) (call_indirect (type $operation) (i32.const 0))))
                (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
            (local.get 2)))"#;
    let wasm = wasm(text);
    let profile = counted(&wasm, OptLevel::Module);
    let mut world = world(with_profile(&profile));
    let instance = world.store.instantiate(&wasm).unwrap();
    assert_eq!(world.call(instance, "f", &[10, 0]), Ok(vec![10]));
    world.call(instance, "swap", &[]).unwrap();
    assert_eq!(world.call(instance, "f", &[10, 0]), Ok(vec![20]));
}

#[test]
fn a_profile_changes_the_code_and_always_in_the_same_way() {
    let wasm = module(false);
    let profile = counted(&wasm, OptLevel::Module);
    let again = Profile::read(&profile.to_string()).unwrap();
    assert_eq!(again, profile);
    let plain = compile(&wasm, &options()).unwrap();
    let profiled = compile(&wasm, &with_profile(&profile)).unwrap();
    assert_eq!(plain.profile_fit, None);
    assert_eq!(profiled.profile_fit, Some(Fit { ran: 4, found: 4 }));
    assert_ne!(profiled.object, plain.object);
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let object = pool
            .unwrap()
            .install(|| compile(&wasm, &with_profile(&again)).unwrap().object);
        assert!(object == profiled.object, "{threads} threads");
    }
    let mut cache = mewz::compile::FunctionCache::new();
    let assembled = compile_incremental(&wasm, &with_profile(&profile), &mut cache).unwrap();
    assert_eq!(assembled.counts.profile_fit, profiled.profile_fit);
    let bytes = mewz::compile::object_file(&assembled.object).unwrap();
    assert!(bytes == profiled.object);
}

#[test]
fn an_edited_module_uses_what_still_fits() {
    let before = MODULE.replace(r#"(export "TABLE")"#, "");
    let profile = counted(&wasm(&before), OptLevel::Module);
    // A function more moves every index, and one body is another.
    let after = before
        .replace("(func $double", "(func $first (call $first)) (func $double")
        .replace(
            "i32.mul (local.get 0) (i32.const 2)",
            "i32.shl (local.get 0) (i32.const 1)",
        );
    let compiled = compile(&wasm(&after), &with_profile(&profile)).unwrap();
    assert_eq!(compiled.profile_fit, Some(Fit { ran: 4, found: 3 }));
    let other = wasm("(module (func (export \"f\") (nop) (nop)))");
    let compiled = compile(&other, &with_profile(&profile)).unwrap();
    assert_eq!(compiled.profile_fit, Some(Fit { ran: 4, found: 0 }));
}

#[test]
fn counters_of_another_module_are_refused() {
    let wasm = module(false);
    for bytes in [0, 8, 7, 10_000] {
        let error = profile(&wasm, &vec![1; bytes]).unwrap_err();
        assert!(
            matches!(error, CountersError::Length { .. }),
            "{bytes}: {error}"
        );
    }
    let error = profile(b"\0asm", &[]).unwrap_err();
    assert!(matches!(error, CountersError::Module(_)), "{error}");
}

#[test]
fn a_machine_tells_what_its_program_counted() {
    let place = Place::new();
    // It ends by itself, and by a trap in another run: either tells.
    let text = MODULE.replace(r#"(export "TABLE")"#, "").replace(
        "(func $never",
        r#"(memory (export "memory") 1)
           (func (export "_start") (drop (call $main (i32.const 800) (i32.const LAST)))) (func $never"#,
    );
    place.write("good.wat", text.replace("LAST", "1"));
    place.write("bad.wat", text.replace("LAST", "0"));
    place
        .run(&["run", "good.wat", "--profile-generate", "good.profile"])
        .assert(0, &[]);
    place
        .run(&["run", "bad.wat", "--profile-generate", "bad.profile"])
        .assert(134, &["trap"]);
    let read = |name: &str| std::fs::read_to_string(place.path(name)).unwrap();
    for name in ["good.profile", "bad.profile"] {
        let text = read(name);
        assert!(
            text.contains("\nblocks 1 801 1 800 0 800"),
            "{name}: {text}"
        );
    }
    place
        .run(&[
            "build",
            "good.wat",
            "--profile",
            "good.profile",
            "-o",
            "good.elf",
        ])
        .assert(0, &["of 5 functions that ran, the module has 5"]);
    place.write(
        "mewz.toml",
        "mewz = 1\n[build]\nwasm = \"good.wat\"\n[profile.release]\nprofile = \"good.profile\"\n",
    );
    place
        .run(&["run", "--release"])
        .assert(0, &["Used the profile"]);
    place
        .run(&[
            "build",
            "good.wat",
            "--profile",
            "good.profile",
            "--opt",
            "1",
        ])
        .assert(2, &["below `--opt 2`"]);
    place
        .run(&["build", "good.wat", "--profile", "none.profile"])
        .assert(
            1,
            &[
                "cannot use the profile `none.profile`",
                "--profile-generate",
            ],
        );
    place
        .run(&["build", "good.wat", "--profile", "good.wat"])
        .assert(1, &["it does not begin with the line `mewz-profile 1`"]);
    place.assert_clean();
}
