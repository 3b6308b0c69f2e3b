//! An edit of one line in a server in Rust compiles the functions that are other ones now, and no others.

use crate::client::{ask, connect};
use crate::invoke::{Place, free_port};
use crate::session::{Session, tell};
use crate::tools::rust_compiler;

/// Functions that the server has, at least.
const FUNCTIONS_MIN: u64 = 1000;

/// Functions that an edit compiles stay below this.
const COMPILED_MAX: u64 = 20;

/// An edit takes less than this part of what compiling all takes.
const PART: f64 = 5.0;

/// Edits, each of the source before it: what they do, what is replaced, by what, and what the greeting is then.
const EDITS: [(&str, &str, &str, &str); 7] = [
    (
        "another text of the same length",
        "notes: {}",
        "Notes: {}",
        "Notes: 1",
    ),
    (
        "a longer text",
        "Notes: {}",
        "notes that are kept here, and one more: {}",
        "notes that are kept here, and one more: 1",
    ),
    (
        "another number",
        "self.kept.len() + 1",
        "self.kept.len() * 3 + 2",
        "notes that are kept here, and one more: 2",
    ),
    (
        "a line more, so that panics have other places",
        "use std::fmt;\n",
        "use std::fmt;\n// A comment.\n",
        "notes that are kept here, and one more: 2",
    ),
    (
        "a `println!`",
        "        *self.asked.entry",
        "        println!(\"asked for {:?} of {} bytes\", path, body.len());\n        *self.asked.entry",
        "notes that are kept here, and one more: 2",
    ),
    (
        "a branch more",
        "            (\"GET\", [\"words\"])",
        "            (\"GET\", [\"count\"]) => Ok(format!(\"{:04}\\n\", self.kept.len())),\n            (\"GET\", [\"words\"])",
        "notes that are kept here, and one more: 2",
    ),
    (
        "a static variable more",
        "impl Notes {",
        "static BEFORE: [u8; 100] = [7; 100];\n\nimpl Notes {",
        "notes that are kept here, and one more: 2",
    ),
];

#[test]
fn an_edit_of_one_line_compiles_few_functions() {
    let mut source = include_str!("notes.rs").to_owned();
    let (place, port) = project(&source);
    let mut dev = Session::start(place);
    let first = dev.outcome("ready");
    let all = first["functions"].as_u64().unwrap();
    assert!(all >= FUNCTIONS_MIN, "{first}");
    assert_eq!(first["functions_compiled"], all, "{first}");
    let whole_ms = first["compile_ms"].as_f64().unwrap();
    tell(&format!("all {all} functions: {whole_ms} ms"));
    let mut times = Vec::new();
    for (name, old, new, greeting) in EDITS {
        assert_eq!(source.matches(old).count(), 1, "{name}");
        source = source.replace(old, new);
        dev.save("notes.rs", &source);
        let ready = dev.outcome("ready");
        let compiled = ready["functions_compiled"].as_u64().unwrap();
        let ms = ready["compile_ms"].as_f64().unwrap();
        tell(&format!(
            "{name}: {compiled} of {} functions, {ms} ms",
            ready["functions"]
        ));
        assert!(compiled < COMPILED_MAX, "{name}: {ready}");
        times.push(ms);
        let (status, body) = ask(&mut connect(port).unwrap(), "/").unwrap();
        assert_eq!((status, body.trim()), (200, greeting), "{name}");
    }
    // One of them may fall into a moment in which others compile.
    times.sort_by(f64::total_cmp);
    let middle = times[times.len() / 2];
    assert!(middle * PART <= whole_ms, "{middle} ms of {whole_ms} ms");
    dev.stop();
}

/// A project of the server.
fn project(source: &str) -> (Place, u16) {
    let port = free_port();
    let place = Place::new();
    let mut compiler = rust_compiler();
    compiler.args(["-o", "out.wasm", "notes.rs"]);
    let variables = compiler.get_envs().filter_map(|(name, value)| {
        let value = value?.display();
        Some(format!("{}='{value}' ", name.display()))
    });
    let mut line: String = variables.collect();
    line.push_str(&format!("'{}'", compiler.get_program().display()));
    for argument in compiler.get_args() {
        line.push_str(&format!(" '{}'", argument.display()));
    }
    place.write("build.sh", line);
    place.write("notes.rs", source);
    place.write(".gitignore", "out.*\n*.new\n");
    place.write(
        "mewz.toml",
        format!(
            "mewz = 1\n[build]\ncommand = \"sh build.sh\"\nwasm = \"out.wasm\"\n\
             [run]\nports = [\"{port}:8080\"]\nlisten = [8080]\n"
        ),
    );
    (place, port)
}
