//! `mewz compile` and `mewz build` as a person calls them: what is written where, and how the choices about code are told.

mod invoke;

use std::fs;

use invoke::{Place, program};

#[test]
fn several_kinds_are_files_named_after_the_module() {
    let place = Place::new();
    fs::copy(program("hello.wat"), place.path("hello.wat")).unwrap();
    place
        .run(&["compile", "hello.wat", "--emit", "obj,asm,clif,header"])
        .assert(
            0,
            &["`hello.o`", "`hello.asm`", "`hello.clif`", "`hello.h`"],
        );
    let begins = |name: &str, part: &[u8]| {
        let content = fs::read(place.path(name)).unwrap();
        assert!(content.starts_with(part), "{name}");
    };
    begins("hello.o", b"\x7fELF");
    begins("hello.asm", b"; function ");
    begins("hello.clif", b"; function ");
    begins("hello.h", b"/* The interface");
    place
        .run(&[
            "compile",
            "hello.wat",
            "--emit",
            "obj,header",
            "-o",
            "out/app.o",
        ])
        .assert(0, &["`out/app.o`", "`out/app.h`"]);
}

#[test]
fn one_kind_goes_to_standard_output_without_colours() {
    let place = Place::new();
    let hello = program("hello.wat");
    let listing = place.run(&["compile", &hello, "--emit", "asm", "-o", "-"]);
    assert_eq!(listing.status, 0);
    let text = String::from_utf8(listing.stdout).unwrap();
    assert!(
        text.contains("push    rbp\n") && !text.contains('\x1b'),
        "{text}"
    );
    let object = place.run(&["compile", &hello, "-o", "-"]);
    assert!(object.stdout.starts_with(b"\x7fELF"));
    place
        .run(&["compile", &hello, "--emit", "asm,clif", "-o", "-"])
        .assert(2, &["several kinds", "`-o`"]);
    place
        .run(&[
            "compile",
            &hello,
            "--emit",
            "asm",
            "-o",
            "-",
            "--function",
            "nobody",
        ])
        .assert(2, &["has no function `nobody`", "mewz size"]);
    place
        .run(&["compile", &hello, "--emit", "wat"])
        .assert(2, &["obj", "clif", "asm", "header"]);
    place
        .run(&["compile", &hello, "--function", "_start"])
        .assert(2, &["cannot choose functions", "--emit asm"]);
    place
        .run(&["compile", &hello, "--emit", "clif", "--bytes"])
        .assert(2, &["only assembly", "--emit asm"]);
    place
        .run(&["compile", "."])
        .assert(1, &["it is a folder", "mewz.toml"]);
    place
        .run(&["size", "gone.wasm"])
        .assert(1, &["cannot read `gone.wasm`", "there is no such file"]);
}

#[test]
fn choices_about_code_are_named_where_they_are_wrong() {
    let place = Place::new();
    let hello = program("hello.wat");
    let wrong = [
        (["--opt", "3"], "0, 1, 2"),
        (["--regalloc", "fast"], "backtracking, single-pass"),
        (["--target-cpu", "znver4"], "native"),
    ];
    for (option, part) in wrong {
        for command in ["run", "build", "compile", "size"] {
            place
                .run(&[&[command, &hello], &option[..]].concat())
                .assert(2, &[part]);
        }
    }
}

#[test]
fn an_image_that_emulation_cannot_run_asks_for_kvm() {
    let place = Place::new();
    let hello = program("hello.wat");
    for (cpu, needs_kvm) in [("x86-64-v3", false), ("x86-64-v4", true)] {
        let built = place.run(&["build", &hello, "-o", "image.elf", "--target-cpu", cpu]);
        assert_eq!(built.status, 0);
        let line = String::from_utf8(built.stdout).unwrap();
        assert_eq!(line.contains("-accel kvm"), needs_kvm, "{line}");
    }
}
