//! AssemblyScript: what `asconfig.json` names, or a package that has the compiler.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::super::super::failure::Failure;
use super::{Folder, Inferred, name_of, quoted};

/// What `npx asinit` begins with.
const ENTRY_DEFAULT: &str = "assembly/index.ts";

/// What changes a program.
const WATCHED: [&str; 3] = ["assembly/**", "asconfig.json", "package.json"];

/// The program that the compiler makes; `None` for a package without it.
pub(super) fn infer(folder: &Folder<'_>) -> Result<Option<Inferred>, Failure> {
    let package = read(&folder.path.join("package.json"))?;
    let config = read(&folder.path.join("asconfig.json"))?;
    let has_compiler = ["dependencies", "devDependencies"]
        .iter()
        .any(|section| package[section].get("assemblyscript").is_some());
    if !has_compiler && config.is_null() {
        return Ok(None);
    }
    let name = package["name"]
        .as_str()
        .map(|name| name.rsplit('/').next().unwrap_or(name));
    let name = match name {
        Some(name) if !name.is_empty() => name.to_owned(),
        _ => name_of(folder.path),
    };
    let entry = config["entries"][0].as_str().unwrap_or(ENTRY_DEFAULT);
    let mut command = format!("npx --no-install asc {}", quoted(entry));
    let out_file = |target: &str| config["targets"][target]["outFile"].as_str();
    let wasm = match (out_file("debug"), out_file("release")) {
        (None, None) => {
            let wasm = format!("build/{name}.wasm");
            command.push_str(&format!(" --outFile {}", quoted(&wasm)));
            wasm
        }
        (debug, release) => {
            // The two targets are called as our profiles are.
            let pattern = |path: Option<&str>, name| Some(path?.replace(name, "{profile}"));
            let (debug_pattern, release_pattern) =
                (pattern(debug, "debug"), pattern(release, "release"));
            match (debug_pattern, release_pattern) {
                (Some(debug), Some(release)) if debug == release => {
                    command.push_str(" --target {profile}");
                    debug
                }
                _ => {
                    let (target, path) = match (debug, release) {
                        (_, Some(path)) => ("release", path),
                        (path, None) => ("debug", path.unwrap_or_default()),
                    };
                    command.push_str(&format!(" --target {target}"));
                    path.to_owned()
                }
            }
        }
    };
    // A program begins at `_start`, and a compiled module at whatever this names.
    let exports_start = |options: &Value| options.get("exportStart").is_some();
    let is_set = exports_start(&config["options"])
        || ["debug", "release"]
            .iter()
            .any(|target| exports_start(&config["targets"][target]));
    if !is_set {
        command.push_str(" --exportStart _start");
    }
    Ok(Some(Inferred {
        from: folder.from.to_owned(),
        name,
        command,
        wasm: wasm.trim_start_matches("./").to_owned(),
        watch: WATCHED.to_vec(),
    }))
}

/// A JSON file; null where there is none.
fn read(path: &Path) -> Result<Value, Failure> {
    let Ok(text) = fs::read(path) else {
        return Ok(Value::Null);
    };
    serde_json::from_slice(&text)
        .map_err(|problem| Failure::new(format!("cannot read `{}`", path.display())).cause(problem))
}
