//! Zig: what `build.zig` installs, or one source.

use std::fs;
use std::path::Path;

use super::super::super::failure::Failure;
use super::{Folder, Inferred, ambiguous, choose, files, name_of, quoted};

/// What changes a program.
const WATCHED: [&str; 3] = ["src/**", "*.zig", "*.zon"];

/// Whether a source of Zig is in `folder`.
pub(super) fn is_in(folder: &Path) -> bool {
    source_of(folder).is_ok_and(|source| source.is_some())
}

/// The program that `build.zig` installs below `zig-out`.
pub(super) fn infer(folder: &Folder<'_>) -> Result<Option<Inferred>, Failure> {
    let text = fs::read_to_string(folder.path.join(folder.from)).unwrap_or_default();
    let programs = programs(&text);
    let names: Vec<&str> = programs.iter().map(String::as_str).collect();
    let Some(name) = choose(folder, "executables", &names)? else {
        return Err(Failure::usage(format!(
            "cannot tell what `{}` makes",
            folder.path.join(folder.from).display()
        ))
        .cause("it names no executable: `.name = \"…\"` behind `addExecutable`")
        .hint(
            "`wasm = \"zig-out/bin/….wasm\"` and `command` below `[build]` of a `mewz.toml` say it",
        ));
    };
    let mut command = "zig build".to_owned();
    // Options that a build file does not ask for are errors.
    for (asks, option) in [
        ("standardTargetOptions", " -Dtarget=wasm32-wasi"),
        (
            "standardOptimizeOption",
            " -Doptimize={debug:Debug}{release:ReleaseSafe}",
        ),
    ] {
        if text.contains(asks) {
            command.push_str(option);
        }
    }
    Ok(Some(Inferred {
        from: folder.from.to_owned(),
        name: name.to_owned(),
        command,
        wasm: format!("zig-out/bin/{name}.wasm"),
        watch: WATCHED.to_vec(),
    }))
}

/// The program of one source.
pub(super) fn infer_sources(
    folder: &Path,
    wanted: Option<&str>,
) -> Result<Option<Inferred>, Failure> {
    let Some(source) = source_of(folder)? else {
        return Ok(None);
    };
    let stem = Path::new(&source)
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy();
    let name = match (wanted, &stem[..]) {
        (Some(wanted), _) => wanted.to_owned(),
        (None, "main") => name_of(folder),
        (None, stem) => stem.to_owned(),
    };
    let wasm = format!("target/{name}.wasm");
    Ok(Some(Inferred {
        command: format!(
            "mkdir -p target && zig build-exe -target wasm32-wasi -O {{debug:Debug}}{{release:ReleaseSafe}} -femit-bin={} {}",
            quoted(&wasm),
            quoted(&source)
        ),
        from: source,
        name,
        wasm,
        watch: WATCHED.to_vec(),
    }))
}

fn source_of(folder: &Path) -> Result<Option<String>, Failure> {
    if folder.join("src/main.zig").is_file() {
        return Ok(Some("src/main.zig".to_owned()));
    }
    let names: Vec<String> = files(folder, &["zig"])
        .iter()
        .filter_map(|file| Some(file.file_name()?.to_string_lossy().into_owned()))
        .collect();
    match &names[..] {
        [] => Ok(None),
        [one] => Ok(Some(one.clone())),
        several => match several.iter().find(|name| *name == "main.zig") {
            Some(main) => Ok(Some(main.clone())),
            None => Err(ambiguous(folder, &format!("there are several sources: {}", several.join(", ")))
                .hint("one called `main.zig`, or `command` and `wasm` below `[build]` of a `mewz.toml`, decides")),
        },
    }
}

/// Names of the executables of a build file.
fn programs(text: &str) -> Vec<String> {
    let calls = text.split("addExecutable(").skip(1);
    let mut names: Vec<String> = calls
        .filter_map(|call| {
            let (_, rest) = call.split_once(".name")?;
            let (_, rest) = rest.split_once('"')?;
            let (name, _) = rest.split_once('"')?;
            Some(name.to_owned())
        })
        .collect();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::programs;

    #[test]
    fn executables_are_found_by_their_names() {
        let text = "const exe = b.addExecutable(.{\n    .name = \"one\",\n});\nb.addTest(.{ .name = \"t\" });\n";
        assert_eq!(programs(text), ["one"]);
        let two = format!("{text}b.addExecutable(.{{ .root = 1, .name = \"two\" }});");
        assert_eq!(programs(&two), ["one", "two"]);
        assert!(programs("b.addExecutable(options)").is_empty());
    }
}
