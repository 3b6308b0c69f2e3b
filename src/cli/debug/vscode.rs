//! `.vscode/launch.json`: what an editor needs to know of a program and its debugger.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::cli::Outcome;
use crate::cli::failure::Failure;
use crate::cli::words;

/// The configuration's name in the editor.
const NAME: &str = "mewz";

/// Writes the file, or adds the configuration to the one that is there.
pub(super) fn write(module: &Path, folder: &Path, port: u16) -> Outcome {
    let path = folder.join(".vscode/launch.json");
    let failure = |problem: &dyn std::fmt::Display| {
        Failure::new(format!("cannot write `{}`", path.display())).cause(problem)
    };
    let configuration = configuration(&symbols_path(module), port);
    let old = match std::fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => None,
        Err(problem) => return Err(failure(&problem)),
    };
    let new = merged(old.as_deref(), &configuration).map_err(|problem| {
        failure(&problem)
            .note(format!("to be added to `configurations`: {configuration}"))
            .hint("the file has comments or mistakes: add the lines by hand")
    })?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|problem| failure(&problem))?;
    }
    std::fs::write(&path, new).map_err(|problem| failure(&problem))?;
    words::plain(format_args!("Wrote `{}`", path.display()));
    words::hint(format_args!(
        "start the program with `mewz debug --listen 127.0.0.1:{port} …`, or go to that of `mewz dev` with `--attach` too; then `{NAME}` in the editor"
    ));
    Ok(0)
}

/// Where the image with symbols of `module` lies for editors: below a folder that templates leave out of git.
pub(super) fn symbols_path(module: &Path) -> PathBuf {
    let module = std::path::absolute(module).unwrap_or_else(|_| module.to_owned());
    let mut name = module.file_stem().unwrap_or_default().to_owned();
    name.push(".elf");
    module
        .parent()
        .unwrap_or(Path::new(""))
        .join(".mewz")
        .join(name)
}

/// What the extension "C/C++" (cppdbg) wants.
fn configuration(symbols: &Path, port: u16) -> Value {
    json!({
        "name": NAME,
        "type": "cppdbg",
        "request": "launch",
        "program": symbols.display().to_string(),
        "cwd": "${workspaceFolder}",
        "MIMode": "gdb",
        "miDebuggerServerAddress": format!("127.0.0.1:{port}"),
        "stopAtConnect": true,
        "setupCommands": [
            { "text": "set remotetimeout 20" },
            { "text": "set sysroot" },
            { "text": "skip -rfunction ^(alloc|core|std)::" }
        ]
    })
}

/// The file `old` with the configuration in it, in the place of one of its name.
fn merged(old: Option<&str>, configuration: &Value) -> Result<String, String> {
    let mut file = match old {
        Some(text) => serde_json::from_str(text).map_err(|problem| problem.to_string())?,
        None => json!({ "version": "0.2.0", "configurations": [] }),
    };
    let list = file
        .as_object_mut()
        .map(|file| file.entry("configurations").or_insert_with(|| json!([])))
        .and_then(Value::as_array_mut)
        .ok_or("it holds no list of configurations")?;
    list.retain(|other| other["name"] != configuration["name"]);
    list.push(configuration.clone());
    let text = serde_json::to_string_pretty(&file).map_err(|problem| problem.to_string())?;
    Ok(text + "\n")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::Value;

    use super::{configuration, merged};

    #[test]
    fn other_configurations_stay() {
        let own = configuration(Path::new("/a/app.elf"), 1234);
        let first = merged(None, &own).unwrap();
        assert_eq!(merged(Some(&first), &own).unwrap(), first);
        let old = r#"{"configurations": [{"name": "other"}, {"name": "mewz", "type": "old"}]}"#;
        let new: Value = serde_json::from_str(&merged(Some(old), &own).unwrap()).unwrap();
        assert_eq!(new["configurations"][0]["name"], "other");
        assert_eq!(new["configurations"][1]["type"], "cppdbg");
        assert_eq!(new["configurations"].as_array().unwrap().len(), 2);
        merged(Some("// comment\n{}"), &own).unwrap_err();
        merged(Some("[]"), &own).unwrap_err();
    }
}
