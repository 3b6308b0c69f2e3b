//! `mewz.toml` and all that comes before and behind it: order, places of mistakes, inference, schema.

mod invoke;
mod toolchain;
mod tools;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use invoke::{Ended, Place, program};
use toolchain::{Toolchain, left_out};

/// What `mewz config` says of `key` in the project `folder`, with `variables`: the value, and where it comes from.
fn setting(place: &Place, folder: &str, variables: &[(&str, &str)], key: &str) -> (Value, String) {
    let all = settings(place, folder, variables);
    let found = all.iter().find(|setting| setting["key"] == key);
    let found = found.unwrap_or_else(|| panic!("{key} is not in {all:#?}"));
    let text = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
    let from = match found["from"].as_str().unwrap() {
        "file" => format!("{}:{}", text("file"), found["line"]),
        "variable" => text("variable"),
        "inferred" => format!("inferred from {}", text("file")),
        other => other.to_owned(),
    };
    (found["value"].clone(), from)
}

fn settings(place: &Place, folder: &str, variables: &[(&str, &str)]) -> Vec<Value> {
    let output = place
        .command(&["config", "--json", folder])
        .env_remove("MEWZ_TIMEOUT")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let ended = Ended::new(output);
    ended.assert(0, &[]);
    serde_json::from_slice(&ended.stdout).unwrap()
}

#[test]
fn variables_come_before_the_local_file_and_that_before_the_shared_one() {
    let place = Place::new();
    place.write("app/main.wat", "(module)");
    let text = "mewz = 1\n[build]\nwasm = \"main.wat\"\n";
    let all = format!(
        "{text}[run]\nmemory = \"32MiB\"\nargs = [\"a\", \"b\"]\nenv = {{ A = \"1\", B = \"2\" }}\n"
    );
    let local = "[run]\nmemory = \"48MiB\"\nargs = [\"c\"]\nenv.B = \"3\"\n";
    let memory = |variables: &[(&str, &str)]| {
        let (value, from) = setting(&place, "app", variables, "run.memory");
        (value.as_str().unwrap().to_owned(), from)
    };
    let pair = |value: &str, from: &str| (value.to_owned(), from.to_owned());

    place.write("app/mewz.toml", text);
    assert_eq!(memory(&[]), pair("128MiB", "default"));
    place.write("app/mewz.toml", &all);
    assert_eq!(memory(&[]), pair("32MiB", "app/mewz.toml:5"));
    place.write("app/mewz.local.toml", local);
    assert_eq!(memory(&[]), pair("48MiB", "app/mewz.local.toml:2"));
    let long = ("MEWZ_RUN_MEMORY", "64MiB");
    assert_eq!(memory(&[long]), pair("64MiB", "MEWZ_RUN_MEMORY"));
    let short = ("MEWZ_MEMORY", "96MiB");
    assert_eq!(memory(&[short, long]), pair("96MiB", "MEWZ_MEMORY"));

    // Lists are replaced, tables merged.
    let value = |key: &str, variables: &[(&str, &str)]| setting(&place, "app", variables, key);
    assert_eq!(value("run.args", &[]).0, serde_json::json!(["c"]));
    assert_eq!(value("run.env.A", &[]).1, "app/mewz.toml:7");
    assert_eq!(
        value("run.env.B", &[]),
        ("3".into(), "app/mewz.local.toml:4".to_owned())
    );
    let name = [("MEWZ_RUN_ENV_B", "4")];
    assert_eq!(
        value("run.env.B", &name),
        ("4".into(), "MEWZ_RUN_ENV_B".to_owned())
    );
    assert_eq!(value("run.env.A", &name).0, "1");
    let list = [("MEWZ_RUN_LISTEN", "80,81")];
    assert_eq!(value("run.listen", &list).0, serde_json::json!([80, 81]));
}

#[test]
fn what_is_printed_for_people_is_a_project_file() {
    let place = Place::new();
    place.write(
        "mewz.toml",
        "mewz = 1\nbuild.wasm = 'main.wat'\n[run]\nenv = { 'a b' = \"x\\ty\" }\n[[run.mount]]\nhost = 'h'\nguest = '/g'\n",
    );
    let printed = place.run(&["config"]);
    printed.assert(0, &[]);
    let text = String::from_utf8(printed.stdout).unwrap();
    assert!(text.contains("# mewz.toml:4"), "{text}");
    let again = Place::new();
    again.write("mewz.toml", &text);
    let printed_again = again.run(&["config", "--set"]);
    printed_again.assert(0, &[]);
    let strip = |text: &str| -> Vec<String> {
        let lines = text
            .lines()
            .map(|line| line.split("  #").next().unwrap().trim_end());
        lines.map(str::to_owned).collect()
    };
    let again = String::from_utf8(printed_again.stdout).unwrap();
    assert_eq!(strip(&text), strip(&again));
}

#[test]
fn the_command_line_comes_first_and_programs_get_what_is_set() {
    let place = Place::new();
    fs::create_dir(place.path("app")).unwrap();
    fs::copy(program("arguments.wat"), place.path("app/main.wat")).unwrap();
    place.write(
        "app/mewz.toml",
        "mewz = 1\nbuild.wasm = 'main.wat'\nrun.args = ['file']\n",
    );
    let printed = |variables: &[(&str, &str)], arguments: &[&str]| {
        let mut all = vec!["run", "app"];
        all.extend(arguments);
        let mut command = place.command(&all);
        let ended = Ended::new(command.envs(variables.iter().copied()).output().unwrap());
        ended.assert(0, &[]);
        String::from_utf8(ended.stdout).unwrap()
    };
    let variable = [("MEWZ_RUN_ARGS", "one,two")];
    assert!(printed(&[], &[]).contains("file"));
    let of_variable = printed(&variable, &[]);
    assert!(
        of_variable.contains("one") && of_variable.contains("two"),
        "{of_variable}"
    );
    let of_flag = printed(&variable, &["--", "flag"]);
    assert!(
        of_flag.contains("flag") && !of_flag.contains("one"),
        "{of_flag}"
    );
}

#[test]
fn mistakes_are_shown_where_they_are() {
    let place = Place::new();
    let refused = |file: &str, text: &str, words: &[&str]| {
        place.write("mewz.toml", "mewz = 1\nbuild.wasm = 'main.wat'\n");
        let _ = fs::remove_file(place.path("mewz.local.toml"));
        place.write(file, text);
        place.run(&["run"]).assert(2, words);
    };
    refused(
        "mewz.toml",
        "mewz = 1\n\n[build]\nwasm = 'a.wasm'\ncomand = 'make'\n",
        &[
            "mewz.toml:5:1: unknown key `comand`",
            "5 | comand = 'make'",
            "| ^^^^^^",
            "did you mean `command`?",
        ],
    );
    refused(
        "mewz.local.toml",
        "[run]\nmemory = '128'\n",
        &[
            "`mewz.local.toml` is not as it must be",
            "mewz.local.toml:2:10",
            "is no size",
            "2 | memory = '128'",
        ],
    );
    refused(
        "mewz.local.toml",
        "[run]\nnet = 'yes'\n",
        &["invalid type", "expected a boolean"],
    );
    refused("mewz.toml", "mewz = 1\n[app\n", &["mewz.toml:2:"]);
    refused(
        "mewz.toml",
        "[build]\nwasm = 'a.wasm'\n",
        &["missing key `mewz`", "`mewz = 1` in its first line"],
    );
    refused(
        "mewz.toml",
        "mewz = 2\n[future]\n",
        &[
            "mewz.toml:1:8",
            "version 1 of the keys, not 2",
            "newer mewz",
        ],
    );
    refused(
        "mewz.toml",
        "mewz = 1\n",
        &["no key `wasm` below `[build]`", "hint:"],
    );
    refused(
        "mewz.toml",
        "mewz = 1\nbuild.command = 'make'\n",
        &["`command` stands there without it"],
    );
    refused(
        "mewz.toml",
        "mewz = 1\n[kernel]\nlog = 'wran'\n",
        &[
            "mewz.toml:3:7",
            "none of `error`, `warn`",
            "did you mean `warn`?",
        ],
    );
    refused(
        "mewz.toml",
        "mewz = 1\n[[run.mount]]\nhost = 'a'\nguset = '/a'\n",
        &["mewz.toml:4:1", "did you mean `guest`?"],
    );
    refused(
        "mewz.toml",
        "mewz = 1\n[run]\nready = { port = 0 }\n",
        &["0 is no port"],
    );
    // A wrong value is told even where a higher file hides it.
    place.write(
        "mewz.toml",
        "mewz = 1\nbuild.wasm = 'main.wat'\nrun.memory = 'much'\n",
    );
    place.write("mewz.local.toml", "run.memory = '64MiB'\n");
    place.run(&["run"]).assert(2, &["mewz.toml:3:14"]);
}

#[test]
fn wrong_variables_are_told_and_slips_are_mentioned() {
    let place = Place::new();
    let run = |name: &str, value: &str| {
        let module = program("hello.wat");
        let mut command = place.command(&["run", &module]);
        Ended::new(command.env(name, value).output().unwrap())
    };
    run("MEWZ_RUN_MEMORY", "128").assert(2, &["the variable `MEWZ_RUN_MEMORY`", "is no size"]);
    run("MEWZ_KERNEL_MACHINE", "micorvm").assert(2, &["did you mean `microvm`?"]);
    let slip = run("MEWZ_RUN_MEMROY", "64MiB");
    slip.assert(0, &["`MEWZ_RUN_MEMROY` is not known", "`MEWZ_RUN_MEMORY`"]);
    let foreign = run("MEWZ_SOMETHING_ELSE", "x");
    foreign.assert(0, &[]);
    assert!(!foreign.stderr.contains("MEWZ_"), "{}", foreign.stderr);
}

#[test]
fn a_server_that_is_not_ready_in_time_is_ended() {
    let place = Place::new();
    let module = place.write(
        "wait.wat",
        "(module (memory (export \"memory\") 1) (func (export \"_start\") (loop (br 0))))",
    );
    let module = module.display().to_string();
    let mut command = place.command(&["run", &module]);
    command.env("MEWZ_RUN_READY_PORT", "80");
    command.env("MEWZ_RUN_READY_TIMEOUT", "200ms");
    let ended = Ended::new(command.output().unwrap());
    ended.assert(
        124,
        &[
            "did not accept connections at its port 80 within 200ms",
            "`ready`",
        ],
    );
    place.assert_clean();
}

/// What is inferred in the folder `app`: command and module.
fn inferred(place: &Place, variables: &[(&str, &str)]) -> (String, String) {
    let text = |key: &str| {
        let (value, from) = setting(place, "app", variables, key);
        assert!(from.starts_with("inferred from "), "{key}: {from}");
        value.as_str().unwrap().to_owned()
    };
    (text("build.command"), text("build.wasm"))
}

#[test]
fn cargo_packages_are_built_by_what_cargo_says() {
    let place = Place::new();
    let manifest = "[package]\nname = \"my-app\"\nedition = \"2021\"\n";
    place.write("app/Cargo.toml", manifest);
    place.write("app/src/main.rs", "fn main() {}\n");
    let home = std::env::var("HOME").unwrap_or_default();
    let cargo = [("HOME", &home[..])];
    let build = "cargo build --target wasm32-wasip1 {--release}";
    let wasm = |folder: &str, name: &str| format!("{folder}/wasm32-wasip1/{{profile}}/{name}.wasm");
    assert_eq!(
        inferred(&place, &cargo),
        (build.to_owned(), wasm("target", "my-app"))
    );

    place.write("app/.cargo/config.toml", "[build]\ntarget-dir = \"out\"\n");
    assert_eq!(inferred(&place, &cargo).1, wasm("out", "my-app"));
    let elsewhere = [cargo[0], ("CARGO_TARGET_DIR", "/elsewhere")];
    assert_eq!(inferred(&place, &elsewhere).1, wasm("/elsewhere", "my-app"));

    // Two binaries are one too many, until something says which.
    place.write("app/src/bin/worker.rs", "fn main() {}\n");
    let mut command = place.command(&["run", "app"]);
    Ended::new(command.env("HOME", &home).output().unwrap()).assert(
        2,
        &[
            "cannot tell which program",
            "`my-app`, `worker`",
            "MEWZ_APP_NAME=",
        ],
    );
    let chosen = [cargo[0], ("MEWZ_APP_NAME", "worker")];
    let output = place
        .command(&["init", "app"])
        .envs(chosen)
        .output()
        .unwrap();
    Ended::new(output).assert(0, &["Created `app/mewz.toml`"]);
    let written: toml::Table = fs::read_to_string(place.path("app/mewz.toml"))
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(
        written["build"]["command"].as_str(),
        Some(&format!("{build} --bin worker")[..])
    );
    fs::remove_file(place.path("app/mewz.toml")).unwrap();
    place.write(
        "app/Cargo.toml",
        format!("{manifest}default-run = \"worker\"\n"),
    );
    assert_eq!(
        inferred(&place, &cargo),
        (format!("{build} --bin worker"), wasm("out", "worker"))
    );

    // A member's module lies where the workspace has its own.
    let place = Place::new();
    place.write(
        "app/Cargo.toml",
        "[workspace]\nmembers = [\"one\", \"lib\"]\nresolver = \"2\"\n",
    );
    place.write(
        "app/one/Cargo.toml",
        "[package]\nname = \"one\"\nedition = \"2021\"\n",
    );
    place.write("app/one/src/main.rs", "fn main() {}\n");
    place.write(
        "app/lib/Cargo.toml",
        "[package]\nname = \"a-lib\"\nedition = \"2021\"\n[lib]\ncrate-type = [\"cdylib\"]\n",
    );
    place.write("app/lib/src/lib.rs", "");
    assert_eq!(
        inferred(&place, &cargo),
        (format!("{build} --package one"), wasm("target", "one"))
    );
    let (value, _) = setting(&place, "app/lib", &cargo, "build.wasm");
    assert!(
        value
            .as_str()
            .unwrap()
            .ends_with("app/target/wasm32-wasip1/{profile}/a_lib.wasm"),
        "{value}"
    );
}

#[test]
fn other_languages_are_known_by_their_files() {
    let check = |files: &[(&str, &str)], command: &str, wasm: &str| {
        let place = Place::new();
        for (name, text) in files {
            place.write(&format!("app/{name}"), text);
        }
        let found = inferred(&place, &[]);
        assert!(found.0.contains(command), "{files:?}: {found:?}");
        assert_eq!(found.1, wasm, "{files:?}");
    };
    let main = "package main\n\nfunc main() {}\n";
    let go = ("go.mod", "module example.com/hello/v2\n\ngo 1.21\n");
    check(
        &[go, ("main.go", main)],
        "GOOS=wasip1 GOARCH=wasm go build -o target/hello.wasm .",
        "target/hello.wasm",
    );
    check(
        &[
            go,
            ("hello.go", "package hello\n"),
            ("cmd/tool/main.go", main),
        ],
        "./cmd/tool",
        "target/tool.wasm",
    );
    let zig = "const exe = b.addExecutable(.{ .name = \"zoo\", .target = b.standardTargetOptions(.{}) });\n";
    check(
        &[("build.zig", zig), ("src/main.zig", "")],
        "zig build -Dtarget=wasm32-wasi",
        "zig-out/bin/zoo.wasm",
    );
    check(&[("src/main.zig", "")], "src/main.zig", "target/app.wasm");
    check(&[("tool.zig", "")], "tool.zig", "target/tool.wasm");
    let targets = r#"{ "targets": { "debug": { "outFile": "build/debug.wasm" }, "release": { "outFile": "build/release.wasm" } } }"#;
    check(
        &[
            ("asconfig.json", targets),
            ("package.json", r#"{ "name": "@me/thing" }"#),
        ],
        "npx --no-install asc assembly/index.ts --target {profile} --exportStart _start",
        "build/{profile}.wasm",
    );
    check(
        &[("hello.c", "")],
        " -o target/hello.wasm hello.c",
        "target/hello.wasm",
    );
    check(
        &[("src/a.c", ""), ("src/b.c", ""), ("include/a.h", "")],
        "-Iinclude",
        "target/app.wasm",
    );
    check(&[("main.cpp", "")], "-fno-exceptions", "target/app.wasm");
    check(
        &[
            ("Makefile", "out/x.wasm: x.c\n\tclang -o $@ x.c\n"),
            ("x.c", ""),
        ],
        "make",
        "out/x.wasm",
    );
}

#[test]
fn what_leaves_open_which_program_is_meant_is_refused() {
    let refused = |files: &[(&str, &str)], words: &[&str]| {
        let place = Place::new();
        for (name, text) in files {
            place.write(&format!("app/{name}"), text);
        }
        place.run(&["run", "app"]).assert(2, words);
    };
    refused(
        &[("a.c", ""), ("b.c", "")],
        &["several sources", "`a.c`, `b.c`", "src/", "[build]"],
    );
    refused(&[("a.c", ""), ("b.cpp", "")], &["C and of C++"]);
    let two = "all: a.wasm b.wasm\na.wasm:\n\tcc -o a.wasm\nb.wasm:\n\tcc -o b.wasm\n";
    refused(
        &[("Makefile", two)],
        &["several modules: `a.wasm`, `b.wasm`", "`wasm = "],
    );
    let go = ("go.mod", "module m\n");
    let main = "package main\n";
    refused(
        &[go, ("cmd/a/m.go", main), ("cmd/b/m.go", main)],
        &["`a`, `b`", "MEWZ_APP_NAME="],
    );
    refused(
        &[
            go,
            ("main.go", main),
            ("build.zig", "addExecutable(.{ .name = \"z\" })"),
        ],
        &["`go.mod` and `build.zig`"],
    );
    let place = Place::new();
    place.run(&["run"]).assert(
        2,
        &["nothing to run", "Cargo, Go, Zig, AssemblyScript or C"],
    );
}

/// Builds and runs the folder without a project file, then what `mewz init` writes for it.
fn runs(language: &str, files: &[(&str, &str)], from: &str, printed: &str) {
    let Some(toolchain) = Toolchain::find(language) else {
        return;
    };
    let place = Place::new();
    for (name, text) in files {
        place.write(&format!("app/{name}"), text);
    }
    let mewz = |arguments: &[&str]| {
        let output = place
            .command(arguments)
            .envs(toolchain.environment.iter().cloned())
            .env("MEWZ_TIMEOUT", "600s")
            .env_remove("CARGO_TARGET_DIR")
            .env_remove("RUSTFLAGS")
            .output()
            .unwrap();
        let ended = Ended::new(output);
        ended.assert(0, &[]);
        ended
    };
    let first = mewz(&["run", "app"]);
    assert_eq!(String::from_utf8_lossy(&first.stdout), printed);
    first.assert(0, &[&format!("Inferred from `{from}`"), "`mewz init`"]);
    mewz(&["init", "app"]);
    assert!(place.path("app/.mewz/schema.json").is_file());
    let second = mewz(&["run", "app"]);
    assert_eq!(String::from_utf8_lossy(&second.stdout), printed);
    assert!(!second.stderr.contains("Inferred"), "{}", second.stderr);
}

const HELLO_C: &str = "#include <stdio.h>\nint main(void) { puts(\"hello\"); return 0; }\n";

#[test]
fn one_source_of_c_runs() {
    runs("c", &[("hello.c", HELLO_C)], "hello.c", "hello\n");
}

#[test]
fn a_makefile_runs() {
    let makefile =
        "out/hello.wasm: hello.c\n\tmkdir -p out\n\t$(CC) --target=wasm32-wasi -o $@ $<\n";
    runs(
        "c",
        &[("hello.c", HELLO_C), ("Makefile", makefile)],
        "Makefile",
        "hello\n",
    );
}

#[test]
fn a_go_module_runs() {
    let main =
        "package main\n\nimport \"os\"\n\nfunc main() { os.Stdout.WriteString(\"hello\\n\") }\n";
    runs(
        "go",
        &[("go.mod", "module hello\n\ngo 1.21\n"), ("main.go", main)],
        "go.mod",
        "hello\n",
    );
}

#[test]
fn git_is_told_what_to_leave_alone() {
    let place = Place::new();
    place.write("main.c", HELLO_C);
    place.write(".gitignore", "target");
    place
        .run(&["init"])
        .assert(0, &["Created `mewz.toml`", "to `.gitignore`"]);
    let ignored = fs::read_to_string(place.path(".gitignore")).unwrap();
    assert_eq!(ignored, "target\n/.mewz/\n/mewz.local.toml\n");
    place
        .run(&["init"])
        .assert(1, &["it is there already", "mewz config"]);
}

#[test]
fn the_schema_takes_what_mewz_takes() {
    let Some(python) = python() else {
        return left_out(
            "the schema",
            "no Python with `jsonschema`; `scripts/test-tools` brings it",
        );
    };
    let place = Place::new();
    let mut files: Vec<(String, bool, String)> = Vec::new();
    for entry in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/templates")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let folder = place.path(&name).display().to_string();
        place
            .run(&["new", &folder, "--name", "my-app", "--template", &name])
            .assert(0, &[]);
        let schema = fs::read(place.path(&name).join(".mewz/schema.json")).unwrap();
        assert_eq!(schema, place.run(&["schema"]).stdout, "{name}");
        let text = fs::read_to_string(place.path(&name).join("mewz.toml")).unwrap();
        files.push((name, true, text));
    }
    for file in documents() {
        let text = fs::read_to_string(&file).unwrap();
        for block in text.split("```toml\n").skip(1) {
            let block = block.split("```").next().unwrap();
            if block.lines().any(|line| line.starts_with("mewz = 1")) {
                files.push((file.display().to_string(), true, block.to_owned()));
            }
        }
    }
    let base = "mewz = 1\nbuild.wasm = 'a.wasm'\n";
    for right in [
        "run.memory = '1 GiB'",
        "run.timeout = '1.5min'",
        "run.ports = ['auto:80', '53:53/udp']",
        "profile.debug.opt = 0",
        "dev.instances = 16",
        "run.ready = { timeout = '5s' }",
        "run.env = { A = '' }",
    ] {
        files.push((right.to_owned(), true, format!("{base}{right}")));
    }
    for wrong in [
        "run.memory = '128'",
        "run.memory = 128",
        "run.timeout = '5'",
        "run.ports = ['80']",
        "run.listen = [0]",
        "profile.debug.opt = 3",
        "dev.on-error = 'go'",
        "dev.instances = 17",
        "kernel.log = 'loud'",
        "nothing = 1",
        "run.mount = [{ host = 'a' }]",
        "image.mount = [{ host = 'a', guest = '/', mode = 'rw' }]",
        "run.tmp = [{ guest = '/t', size = '1' }]",
    ] {
        files.push((wrong.to_owned(), false, format!("{base}{wrong}")));
    }
    assert!(files.len() > 30);
    // Both judge every file, and alike.
    let mut cases = Vec::new();
    for (name, is_right, text) in &files {
        place.write("case/mewz.toml", text);
        let ended = place.run(&["config", "case"]);
        assert_eq!(ended.status == 0, *is_right, "{name}: {}", ended.stderr);
        let table: toml::Table = text.parse().unwrap();
        cases.push(serde_json::json!({ "name": name, "right": is_right, "file": table }));
    }
    let cases = place.write("cases.json", Value::from(cases).to_string());
    let schema = place.write("schema.json", place.run(&["schema"]).stdout);
    let script = "import json, sys, jsonschema\n\
                  schema = json.load(open(sys.argv[1]))\n\
                  jsonschema.Draft7Validator.check_schema(schema)\n\
                  judge = jsonschema.Draft7Validator(schema)\n\
                  wrong = [case['name'] for case in json.load(open(sys.argv[2])) if judge.is_valid(case['file']) != case['right']]\n\
                  print(wrong)\n";
    let output = Command::new(python)
        .arg("-c")
        .arg(script)
        .args([schema, cases])
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{words}");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "[]");
}

/// A Python that knows JSON schemas.
fn python() -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/python/bin/python3");
    [own, PathBuf::from("python3")].into_iter().find(|python| {
        let mut command = Command::new(python);
        let command = command
            .args(["-c", "import jsonschema"])
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    })
}

/// What people read.
fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = fs::read_dir(root.join("docs"))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let is_text = |file: &PathBuf| file.extension().is_some_and(|extension| extension == "md");
    files
        .chain([root.join("README.md")])
        .filter(is_text)
        .collect()
}
