//! Broken objects and kernels are errors, and no panic.

use fastrand::Rng;
use mewz::link::image::{ImageOptions, image};
use mewz::link::kernel::Kernel;

use crate::make::{ANSWERED, application, kernel};

#[test]
fn broken_objects_and_kernels_are_errors_and_no_panic() {
    let (kernel_bytes, object) = (kernel(&[ANSWERED]), application());
    let kernel = Kernel::parse(&kernel_bytes).unwrap();
    let try_object = |bytes: &[u8]| image(&kernel, bytes, &ImageOptions::default()).is_err();
    let try_kernel = |bytes: &[u8]| {
        let kernel = Kernel::parse(bytes);
        kernel
            .and_then(|kernel| image(&kernel, &object, &ImageOptions::default()))
            .is_err()
    };
    for len in 0..object.len() {
        assert!(
            try_object(&object[..len]),
            "an object cut to {len} bytes is taken"
        );
    }
    for len in 0..kernel_bytes.len() {
        assert!(
            try_kernel(&kernel_bytes[..len]),
            "a kernel cut to {len} bytes is taken"
        );
    }
    for (good, check) in [
        (&object, &try_object as &dyn Fn(&[u8]) -> bool),
        (&kernel_bytes, &try_kernel),
    ] {
        for at in 0..good.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut broken = good.clone();
                broken[at] = value;
                // Many of these are still objects; none may panic.
                check(&broken);
            }
        }
    }
}

#[test]
fn broken_objects_of_the_compiler_are_errors_and_no_panic() {
    let text = r#"(module
        (import "env" "answered" (func $answered))
        (memory 1) (table 4 funcref) (global $g (mut i32) (i32.const 7))
        (elem (i32.const 0) $f $g) (data (i32.const 8) "content")
        (func $f (param i32) (result i32) (i32.load (local.get 0)))
        (func $g (export "_start")
            (call $answered)
            (drop (call_indirect (param i32) (result i32) (i32.const 1) (global.get $g)))))"#;
    let wasm = wat::parse_str(text).unwrap();
    let object = mewz::compile::compile(&wasm, &Default::default())
        .unwrap()
        .object;
    let kernel = kernel(&[
        ANSWERED,
        "mewz_memory_grow",
        "mewz_table_grow",
        "mewz_memory_move",
        "mewz_memory_fill",
    ]);
    let kernel = Kernel::parse(&kernel).unwrap();
    let link = |object: &[u8]| image(&kernel, object, &ImageOptions::default());
    assert_eq!(link(&object).unwrap().missing, []);
    let mut random = Rng::with_seed(1);
    let mut next = |below: usize| random.usize(..below);
    for _ in 0..20_000 {
        let mut broken = object.clone();
        for _ in 0..=next(4) {
            let at = next(broken.len());
            broken[at] = [0, 1, 0x7f, 0x80, 0xff, next(256) as u8][next(6)];
        }
        // Many of these are still objects; none may panic.
        let _ = link(&broken);
    }
}
