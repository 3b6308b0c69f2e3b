//! Release images and their debug files: nothing for debuggers in the image, and still every crash told with its lines.

#[path = "invoke/mod.rs"]
mod invoke;
#[path = "tools/mod.rs"]
mod tools;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use invoke::Place;
use object::{Object as _, ObjectSection as _, ObjectSymbol as _};
use serde_json::Value;
use tools::{c_compiler, run, rust_compiler};

/// The trap's status.
const TRAPPED: i32 = 134;

/// A place with `nested.c` as a module, and its release image.
struct Released {
    place: Place,
    image: String,
    built: Value,
}

impl Released {
    fn new(options: &[&str]) -> Self {
        let place = Place::new();
        let wasm = place.path("nested.wasm");
        let mut compiler = c_compiler();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/debug/nested.c");
        compiler.args(["-g", "-O2"]).arg(source).arg("-o");
        run(compiler.arg(&wasm));
        let image = place.path("deep/app.elf");
        fs::create_dir_all(image.parent().unwrap()).unwrap();
        let image = image.to_str().unwrap().to_owned();
        let mut arguments = vec!["build", "--release", "--json", "-o", &image];
        arguments.extend(options);
        arguments.push("nested.wasm");
        let ended = place.run(&arguments);
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        let built = serde_json::from_slice(&ended.stdout).unwrap();
        Self {
            place,
            image,
            built,
        }
    }

    fn text(&self, name: &str) -> &str {
        self.built[name].as_str().unwrap()
    }

    fn debug_file(&self) -> PathBuf {
        self.place.path(self.text("debug_file"))
    }
}

/// The calls that a report tells of.
fn calls(report: &str) -> Vec<String> {
    let lines = report.lines().map(str::trim_start);
    let calls = lines.filter(|line| line.contains("nested.c:") && line.contains('`'));
    calls.map(str::to_owned).collect()
}

#[test]
fn a_crash_is_told_by_the_debug_file_as_by_the_module() {
    let released = Released::new(&[]);
    let place = &released.place;
    let by_module = place.run(&["run", "--release", "nested.wasm"]);
    assert_eq!(by_module.status, TRAPPED, "{}", by_module.stderr);
    let expected = calls(&by_module.stderr);
    assert_eq!(expected.len(), 4, "{}", by_module.stderr);

    let by_file = place.run(&["run", &released.image]);
    assert_eq!(by_file.status, TRAPPED, "{}", by_file.stderr);
    assert_eq!(calls(&by_file.stderr), expected, "{}", by_file.stderr);
    assert!(!by_file.stderr.contains("hint:"), "{}", by_file.stderr);

    // Beside the image it is found too, and one of another build is not taken for it.
    let kept = released.debug_file();
    let beside = format!("{}.debug", released.image);
    fs::rename(&kept, &beside).unwrap();
    let moved = place.run(&["run", &released.image]);
    assert_eq!(calls(&moved.stderr), expected, "{}", moved.stderr);
    let mut other = fs::read(&beside).unwrap();
    let id: Vec<u8> = object::File::parse(&other[..])
        .unwrap()
        .build_id()
        .unwrap()
        .unwrap()
        .to_vec();
    let at = other.windows(id.len()).position(|bytes| bytes == id);
    other[at.unwrap()] ^= 1;
    fs::write(&beside, other).unwrap();
    let without = place.run(&["run", &released.image]);
    assert_eq!(without.status, TRAPPED, "{}", without.stderr);
    assert!(
        without
            .stderr
            .contains("trap: integer divide by zero at wasm offset 0x"),
        "{}",
        without.stderr
    );
    let hint = format!(
        "the debug file of this build ({})",
        released.text("build_id")
    );
    assert!(without.stderr.contains(&hint), "{}", without.stderr);
    place.assert_clean();
}

/// Calls from the program into its library and back, down to a trap.
const THROUGH_A_LIBRARY: &str = "
fn weight(weights: &[u32], at: usize) -> u32 {
    if at > 6 {
        std::process::abort();
    }
    weights[at]
}
fn main() {
    let mut sizes: Vec<usize> = std::env::args().map(|word| word.len()).collect();
    sizes.extend([1, 0, 7]);
    sizes.sort_by_key(|size| weight(&[5, 4, 3, 2, 1, 0, 9], *size + sizes_off()));
    println!(\"{sizes:?}\");
}
#[inline(never)]
fn sizes_off() -> usize {
    std::env::args().count() - 1
}
";

#[test]
fn a_debug_image_tells_of_its_crash_what_the_module_tells() {
    let place = Place::new();
    fs::write(place.path("sizes.rs"), THROUGH_A_LIBRARY).unwrap();
    let wasm = place.path("sizes.wasm");
    let mut compiler = rust_compiler();
    compiler.args(["-g", "-O"]).arg(place.path("sizes.rs"));
    run(compiler.arg("-o").arg(&wasm));
    for options in [&[][..], &["--opt", "2"]] {
        let built = place.run(&[&["build", "sizes.wasm", "-o", "sizes.elf"], options].concat());
        assert_eq!(built.status, 0, "{}", built.stderr);
        let told = |file| {
            let ended = place.run(&[&["run", file], options].concat());
            assert_eq!(ended.status, TRAPPED, "{}", ended.stderr);
            let is_call = |line: &&str| line.contains('`') || line.contains("called from");
            let calls = ended.stderr.lines().filter(is_call).map(str::to_owned);
            calls.collect::<Vec<_>>()
        };
        let by_module = told("sizes.wasm");
        let position = |words| {
            by_module
                .iter()
                .position(|call: &String| call.contains(words))
        };
        let (library, own) = (
            position("/library/"),
            position("`sizes::main` at sizes.rs:"),
        );
        assert!(library.is_some() && library < own, "{by_module:?}");
        // Of functions of libraries it has lines alone, and their symbols' names.
        assert_eq!(told("sizes.elf"), by_module, "{options:?}");
    }
}

#[test]
fn a_debug_image_knows_lines_of_what_became_part_of_a_library() {
    let place = Place::new();
    let library = "static __attribute__((noinline)) int half(int of, int by) { return of / by; }
__attribute__((noinline)) int quarter(int of, int by) {
  return half(of, by) + half(of + 1, by);
}";
    fs::write(place.path("library.c"), library).unwrap();
    let program = "int quarter(int of, int by);
int main(int argc, char **argv) { return quarter(argc + (argv != 0) * 7, argc - 1); }";
    fs::write(place.path("program.c"), program).unwrap();
    let folder = place.path("");
    let mut compiler = c_compiler();
    compiler.args(["-g", "-O1", "-c", "library.c"]);
    compiler.arg("-fdebug-compilation-dir=/.cargo/registry/src/library");
    run(compiler.current_dir(&folder));
    let mut compiler = c_compiler();
    compiler.args(["-g", "-O1", "program.c", "library.o", "-o", "program.wasm"]);
    run(compiler.current_dir(&folder));
    let called = |file| {
        let ended = place.run(&["run", "--opt", "2", file]);
        assert_eq!(ended.status, TRAPPED, "{}", ended.stderr);
        let lines = ended.stderr.lines().filter(|line| line.contains('`'));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let built = place.run(&["build", "program.wasm", "-o", "program.elf", "--opt", "2"]);
    assert_eq!(built.status, 0, "{}", built.stderr);
    let by_module = called("program.wasm");
    let outer = "`quarter` at /.cargo/registry/src/library/library.c:3";
    assert!(
        by_module.iter().any(|call| call.contains(outer)),
        "{by_module:?}"
    );
    assert_eq!(called("program.elf"), by_module);
}

#[test]
fn a_release_image_has_nothing_for_debuggers_and_names_its_build() {
    let released = Released::new(&["--debug-file", "app.debug"]);
    assert_eq!(released.debug_file(), released.place.path("app.debug"));
    let read = |path: &Path| fs::read(path).unwrap();
    let (image, debug) = (
        read(Path::new(&released.image)),
        read(&released.debug_file()),
    );
    let [image, debug] = [&image, &debug].map(|bytes| object::File::parse(&bytes[..]).unwrap());
    let id = |file: &object::File<'_>| {
        let id = file.build_id().unwrap().unwrap();
        id.iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    assert_eq!(id(&image), released.text("build_id"));
    assert_eq!(id(&debug), released.text("build_id"));
    let is_for_debuggers = |file: &object::File<'_>| {
        file.sections()
            .any(|section| section.name().unwrap().starts_with(".debug"))
    };
    assert!(!is_for_debuggers(&image) && is_for_debuggers(&debug));
    assert_eq!(image.symbols().count(), 0);
    let has = |word: &str| {
        debug
            .symbols()
            .any(|symbol| symbol.name().unwrap().contains(word))
    };
    assert!(
        has("deal") && !has("gdbstub"),
        "the kernel has no port for debuggers"
    );
    // What is loaded is in the image alone.
    let text = debug.section_by_name(".text").unwrap();
    assert!(text.size() > 0 && text.data().unwrap().is_empty());

    // gdb takes it for the image's, by its place in a folder of debug files.
    let kept = Released::new(&[]);
    let folder = kept.place.path(".mewz/debug");
    let output = Command::new("gdb")
        .args(["--batch", "-nx", "-iex"])
        .arg(format!("set debug-file-directory {}", folder.display()))
        .args(["-ex", "info line deal", &kept.image])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains("nested.c\" starts at address 0x"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );

    // A kernel without a stub does not wait for one.
    let ended = released
        .place
        .run(&["run", "--kernel-arg", "debugger=start", &released.image]);
    assert_eq!(ended.status, TRAPPED, "{}", ended.stderr);
    released.place.assert_clean();
}

#[test]
fn an_image_runs_as_it_was_built() {
    let released = Released::new(&[]);
    for option in ["--debuggable", "--core", "--profile-generate=x"] {
        let ended = released.place.run(&["run", option, &released.image]);
        assert_eq!(ended.status, 2, "{}", ended.stderr);
        assert!(
            ended
                .stderr
                .contains("is an image, and only runs as it was built"),
            "{}",
            ended.stderr
        );
    }
    let ended = released.place.run(&["run", &released.image, "--", "2"]);
    assert_eq!(ended.status, 57, "{}", ended.stderr);
}

#[test]
fn a_log_of_a_plain_machine_is_explained() {
    let released = Released::new(&[]);
    let place = &released.place;
    let by_module = place.run(&["run", "--release", "nested.wasm"]);
    // The machine that nobody accompanies: it writes to its serial line.
    let words = released.built["command"].as_array().unwrap();
    let words: Vec<&str> = words.iter().map(|word| word.as_str().unwrap()).collect();
    let output = Command::new("timeout")
        .arg("60")
        .args(words)
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(log.contains("mewz: trap: integer divide by zero"), "{log}");
    let log_file = place.write("console.log", &log);
    let log_file = log_file.to_str().unwrap();
    let by_log = place.run(&["explain", &released.image, log_file]);
    assert_eq!(by_log.status, 0, "{}", by_log.stderr);
    let text = String::from_utf8_lossy(&by_log.stdout);
    assert_eq!(calls(&text), calls(&by_module.stderr), "{text}");
    let debug_file = released.debug_file();
    let again = place.run_with(&["explain", debug_file.to_str().unwrap()], log.as_bytes());
    assert_eq!(again.stdout, by_log.stdout, "{}", again.stderr);

    fs::write(log_file, "hello\n").unwrap();
    let ended = place.run(&["explain", &released.image, log_file]);
    ended.assert(1, &["the log tells of no crash"]);
    let ended = place.run(&["run", debug_file.to_str().unwrap()]);
    ended.assert(1, &["it is a debug file"]);
    fs::remove_file(&debug_file).unwrap();
    let ended = place.run(&["explain", &released.image, log_file]);
    ended.assert(
        1,
        &["nothing is known of the code", released.text("build_id")],
    );
    let ended = place.run(&["explain", "nested.wasm"]);
    ended.assert(1, &["is no image"]);
}
