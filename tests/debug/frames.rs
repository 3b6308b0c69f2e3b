//! Bodies that became part of functions: gdb shows the calls that the report of a crash tells of.

use super::invoke::{Ended, Place};
use super::tools::{c_compiler, run};
use super::{Transcript, command, source};

/// Lines of `nested.c`.
const DIVISION: &str = "nested.c:4";
const CALL_OF_HALVE: &str = "nested.c:8";
const CALL_OF_PORTION: &str = "nested.c:14";
const CALL_OF_DEAL: &str = "nested.c:21";

/// `nested.c` as a module, optimised.
fn module(place: &Place) -> String {
    let wasm = place.path("nested.wasm");
    let mut compiler = c_compiler();
    compiler.args(["-g", "-O2"]).arg(source("nested.c"));
    run(compiler.arg("-o").arg(&wasm));
    wasm.to_str().unwrap().to_owned()
}

#[test]
fn gdb_shows_the_calls_that_a_report_tells_of() {
    let place = Place::new();
    let module = module(&place);
    let report = Ended::new(
        command(&place, &["run", "--opt", "2", &module])
            .output()
            .unwrap(),
    );
    let calls = [
        ("halve", DIVISION),
        ("portion", CALL_OF_HALVE),
        ("deal", CALL_OF_PORTION),
        ("main", CALL_OF_DEAL),
    ];
    let mut rest = &report.stderr[..];
    for (name, line) in calls {
        let words = format!("`{name}` at ");
        let at = rest.find(&words);
        let at = at.unwrap_or_else(|| panic!("{name} is missing in:\n{}", report.stderr));
        rest = &rest[at..];
        let end = rest.find('\n').unwrap_or(rest.len());
        assert!(rest[..end].contains(line), "{name}:\n{}", report.stderr);
    }
    let core = place.path("nested.core");
    let option = format!("--core={}", core.display());
    let ended = command(&place, &["run", "--opt", "2", &option, &module]).output();
    assert_eq!(Ended::new(ended.unwrap()).status, 134);
    let at = |line: &str| format!("at {}", source(line));
    let core = core.to_str().unwrap();
    let arguments = [
        "debug",
        "--batch",
        "--ex",
        "bt",
        "--ex",
        "up",
        "--ex",
        "up",
        "--ex",
        "info frame",
        core,
    ];
    let ended = Ended::new(command(&place, &arguments).output().unwrap());
    Transcript::new(&ended).assert(&[
        "#0 ",
        "halve (",
        &at(DIVISION),
        "#1 ",
        "portion (",
        &at(CALL_OF_HALVE),
        "#2 ",
        "deal (",
        &at(CALL_OF_PORTION),
        "#3 ",
        "main (",
        &at(CALL_OF_DEAL),
        "inlined into frame 3",
    ]);
    place.assert_clean();
}

#[test]
fn breakpoints_stop_in_bodies_that_became_part_of_others() {
    let place = Place::new();
    let module = module(&place);
    let arguments = [
        "debug", "--batch", "--opt", "2", "--break", "portion", "--ex", "bt", "--ex", "delete",
        "--ex", "continue", "--ex", "bt", &module,
    ];
    let ended = Ended::new(command(&place, &arguments).output().unwrap());
    let at = |line: &str| format!("at {}", source(line));
    Transcript::new(&ended).assert(&[
        "#0  portion (",
        &at(CALL_OF_HALVE),
        "#1  deal (",
        &at(CALL_OF_PORTION),
        "#2  main (",
        &at(CALL_OF_DEAL),
        // The trap's own instruction is the first of its piece of each body.
        "SIGFPE",
        "#0  ",
        "halve (",
        &at(DIVISION),
        "#1  portion (",
        &at(CALL_OF_HALVE),
        "#2  deal (",
        &at(CALL_OF_PORTION),
        "#3  main (",
        &at(CALL_OF_DEAL),
    ]);
    place.assert_clean();
}
