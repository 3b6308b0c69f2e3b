//! C and C++: a Makefile that leaves a module, one source, or those in `src/`.

use std::path::Path;
use std::process::Stdio;

use super::super::super::failure::Failure;
use super::super::super::packages::{find, versioned};
use super::{Inferred, ambiguous, files, name_of, quoted};
use crate::qemu::leash::{self, Limits};

/// In the order in which make looks for them.
const MAKEFILES: [&str; 3] = ["GNUmakefile", "makefile", "Makefile"];

/// A language, by the endings of its sources.
struct Language {
    extensions: &'static [&'static str],
    variable: &'static str,
    compiler: &'static str,
    flags: &'static str,
}

const C: Language = Language {
    extensions: &["c"],
    variable: "CC",
    compiler: "clang",
    flags: "",
};

const CPP: Language = Language {
    extensions: &["cpp", "cc", "cxx"],
    variable: "CXX",
    compiler: "clang++",
    flags: " -std=c++17 -fno-exceptions",
};

/// Whether something of C is in `folder`.
pub(super) fn is_in(folder: &Path) -> bool {
    makefile(folder).is_some()
        || [C, CPP]
            .iter()
            .any(|language| language.sources(folder).is_some())
}

/// What make leaves, or what the compiler makes of the sources.
pub(super) fn infer(folder: &Path, wanted: Option<&str>) -> Result<Option<Inferred>, Failure> {
    if let Some(makefile) = makefile(folder) {
        return of_make(folder, makefile).map(Some);
    }
    let found: Vec<(Language, Vec<String>)> = [C, CPP]
        .into_iter()
        .filter_map(|language| Some((language.sources(folder)?, language)))
        .map(|(sources, language)| (language, sources))
        .collect();
    let (language, sources) = match &found[..] {
        [] => return Ok(None),
        [one] => one,
        _ => {
            return Err(ambiguous(folder, "there are sources of C and of C++").hint(
                "a Makefile, or `command` and `wasm` below `[build]` of a `mewz.toml`, builds both",
            ));
        }
    };
    let (name, from, inputs) = match &sources[..] {
        [one] if !one.starts_with("src/") => {
            let stem = Path::new(one)
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let name = if stem == "main" {
                name_of(folder)
            } else {
                stem
            };
            (name, one.clone(), quoted(one))
        }
        [first, ..] if first.starts_with("src/") => {
            let extension = Path::new(first)
                .extension()
                .unwrap_or_default()
                .to_string_lossy();
            let pattern = format!("src/*.{extension}");
            (name_of(folder), pattern.clone(), pattern)
        }
        several => {
            let stems: Vec<String> = several.iter().map(|source| format!("`{source}`")).collect();
            return Err(ambiguous(folder, &format!("there are several sources: {}", stems.join(", ")))
                .hint("those of one program belong into `src/`; a Makefile, or `command` and `wasm` below `[build]` of a `mewz.toml`, says otherwise"));
        }
    };
    let name = wanted.map_or(name, str::to_owned);
    let includes = if folder.join("include").is_dir() {
        " -Iinclude"
    } else {
        ""
    };
    let wasm = format!("target/{name}.wasm");
    Ok(Some(Inferred {
        from,
        // `--stack-first` keeps the null page free of data, so that a null pointer can be caught.
        command: format!(
            "mkdir -p target && ${{{}:-{}}} --target=wasm32-wasi{} {{debug:-O0}}{{release:-O2}} -g -Wall{includes} -Wl,--stack-first -o {} {inputs}",
            language.variable,
            language.installed(),
            language.flags,
            quoted(&wasm)
        ),
        name,
        wasm,
        watch: Vec::new(),
    }))
}

impl Language {
    /// The sources, from the folder on: those in it, else those in `src/`.
    fn sources(&self, folder: &Path) -> Option<Vec<String>> {
        let names = |files: Vec<std::path::PathBuf>| {
            let names = files
                .iter()
                .filter_map(|file| file.strip_prefix(folder).ok());
            names
                .map(|name| name.display().to_string())
                .collect::<Vec<_>>()
        };
        let here = names(files(folder, self.extensions));
        let below = || {
            let all = files(&folder.join("src"), self.extensions);
            // One ending, so that a pattern says it.
            let ending = all.first()?.extension()?.to_owned();
            let same = all
                .into_iter()
                .filter(|file| file.extension() == Some(&ending));
            Some(names(same.collect()))
        };
        if here.is_empty() { below() } else { Some(here) }
    }

    /// The compiler, by the name that it has here.
    fn installed(&self) -> String {
        match find(self.compiler) {
            Some(_) => self.compiler.to_owned(),
            None => versioned(self.compiler).unwrap_or_else(|| self.compiler.to_owned()),
        }
    }
}

/// What to do where `command` did not find its compiler, which has another name here.
pub(in crate::cli::project) fn other_compiler(command: &str) -> Option<String> {
    [C, CPP].iter().find_map(|language| {
        let default = format!("${{{}:-{}}}", language.variable, language.compiler);
        let is_missing = command.contains(&default) && find(language.compiler).is_none();
        let here = is_missing.then(|| versioned(language.compiler)).flatten()?;
        let variable = language.variable;
        Some(format!(
            "`{variable}={here}` in the environment names the compiler that is here"
        ))
    })
}

fn makefile(folder: &Path) -> Option<&'static str> {
    let mut names = MAKEFILES.into_iter();
    names.find(|name| folder.join(name).is_file())
}

fn of_make(folder: &Path, makefile: &str) -> Result<Inferred, Failure> {
    let hint =
        "`wasm = \"…\"` beside `command = \"make\"` below `[build]` of a `mewz.toml` says which";
    let found = modules(&what_make_would_do(folder, makefile)?);
    let wasm = match &found[..] {
        [one] => one,
        [] => {
            return Err(ambiguous(
                folder,
                &format!("nothing that `make` runs names a `.wasm` file, in `{makefile}`"),
            )
            .hint(hint));
        }
        several => {
            let names: Vec<String> = several.iter().map(|name| format!("`{name}`")).collect();
            return Err(ambiguous(
                folder,
                &format!("`make` makes several modules: {}", names.join(", ")),
            )
            .hint(hint));
        }
    };
    let stem = Path::new(wasm).file_stem().unwrap_or_default();
    Ok(Inferred {
        from: makefile.to_owned(),
        name: stem.to_string_lossy().into_owned(),
        command: "make".to_owned(),
        wasm: wasm.clone(),
        watch: Vec::new(),
    })
}

/// The commands of the default goal, none of which is run.
fn what_make_would_do(folder: &Path, makefile: &str) -> Result<String, Failure> {
    let failure = || {
        Failure::new(format!(
            "cannot ask make what `{}` makes",
            folder.join(makefile).display()
        ))
    };
    let make = find("make").ok_or_else(|| {
        failure()
            .cause("`make` is not installed")
            .hint("`mewz doctor` tells what is there")
    })?;
    let output = leash::command(&make, Limits::default())
        .args(["--dry-run", "--always-make", "--no-print-directory"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .map_err(|problem| failure().cause(problem))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        return Err(failure().cause(words.trim().replace('\n', "\n         ")));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The modules that commands write: what follows `-o`, and where nothing does, whatever is named.
fn modules(commands: &str) -> Vec<String> {
    let words: Vec<&str> = commands
        .split(|c: char| c.is_whitespace() || "\"';&|()=".contains(c))
        .filter(|word| !word.is_empty())
        .collect();
    let is_module = |word: &str| word.ends_with(".wasm");
    let written = words
        .windows(2)
        .filter(|pair| matches!(pair[0], "-o" | "--output" | ">"))
        .map(|pair| pair[1]);
    let joined = words.iter().filter_map(|word| word.strip_prefix("-o"));
    let mut found: Vec<String> = written
        .chain(joined)
        .filter(|word| is_module(word))
        .map(str::to_owned)
        .collect();
    if found.is_empty() {
        found = words
            .into_iter()
            .filter(|word| is_module(word))
            .map(str::to_owned)
            .collect();
    }
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::modules;

    #[test]
    fn modules_are_what_commands_write() {
        assert_eq!(
            modules("mkdir -p out\nclang -o out/a.wasm a.c lib.wasm\n"),
            ["out/a.wasm"]
        );
        assert_eq!(
            modules("clang -oa.wasm a.c; wasm-opt a.wasm -o 'b.wasm'"),
            ["a.wasm", "b.wasm"]
        );
        assert_eq!(modules("./build.sh \"x.wasm\""), ["x.wasm"]);
        assert!(modules("cc -o a a.c").is_empty());
    }
}
