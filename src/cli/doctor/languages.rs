//! The toolchains that make modules, each tried as a template uses it.

use std::path::{Path, PathBuf};

use super::super::packages::{Package, as_root, find, install_command};
use super::super::project::Project;
use super::finding::{Finding, Group, Status};
use super::{finding, tool};

/// The first version of Go that makes WASI modules.
const GO_OLDEST: (u32, u32) = (1, 21);

/// The target of Rust's toolchain.
const RUST_TARGET: &str = "wasm32-wasip1";

/// Words of a build command that tell its language.
const RUST: &[&str] = &["cargo", "rustc"];
const C: &[&str] = &[
    "clang",
    "clang++",
    "make",
    "${CC:-clang}",
    "${CXX:-clang++}",
];
const ZIG: &[&str] = &["zig"];
const GO: &[&str] = &["go", "tinygo"];
const NODE: &[&str] = &["npm", "npx", "asc", "node"];

/// Looks at each; those that the project's build command names are needed.
pub(super) fn look(project: Option<&Project>) -> Vec<Finding> {
    let command = project.and_then(Project::build_command).unwrap_or_default();
    let needed = |names: &[&str]| {
        let mut words = command.split(|c: char| c.is_whitespace() || matches!(c, '&' | ';' | '('));
        words.any(|word| names.contains(&word.rsplit('/').next().unwrap_or(word)))
    };
    [
        (rust as fn() -> Result<String, Lack>, "Rust", RUST),
        (c, "C and C++", C),
        (zig, "Zig", ZIG),
        (go, "Go", GO),
        (assembly_script, "AssemblyScript", NODE),
    ]
    .into_iter()
    .map(|(try_it, name, words)| match try_it() {
        Ok(detail) => finding(Group::Languages, name, Status::Ok, detail),
        Err(lack) => {
            let is_needed = needed(words);
            let (status, needed_by) = match is_needed {
                true => (Status::Problem, "; the project here needs it"),
                false => (Status::Absent, ""),
            };
            let detail = format!("{}{needed_by}", lack.what);
            finding(Group::Languages, name, status, detail).mended_by(lack.command, lack.otherwise)
        }
    })
    .collect()
}

/// What a language lacks, and what brings it.
struct Lack {
    what: String,
    command: Option<String>,
    otherwise: &'static str,
}

impl Lack {
    fn package(what: impl Into<String>, package: Package, otherwise: &'static str) -> Self {
        Self {
            what: what.into(),
            command: install_command(package).map(|command| as_root(&command)),
            otherwise,
        }
    }
}

/// The first line that a program answers with.
fn version(program: &Path, arguments: &[&str]) -> Result<String, String> {
    let answer = tool::ask(program, arguments, "")?;
    let line = answer.stdout.lines().next().unwrap_or_default().trim();
    match answer.is_success && !line.is_empty() {
        true => Ok(line.to_owned()),
        false => Err(answer.complaint()),
    }
}

fn rust() -> Result<String, Lack> {
    let otherwise = "https://rustup.rs tells how to install Rust";
    let lack = |what: String| Lack {
        what,
        command: None,
        otherwise,
    };
    let (Some(cargo), Some(rustc)) = (find("cargo"), find("rustc")) else {
        return Err(lack("`cargo` and `rustc` are not installed".to_owned()));
    };
    let version = version(&cargo, &["--version"]).map_err(lack)?;
    let sysroot = self::version(&rustc, &["--print", "sysroot"]).map_err(lack)?;
    let library = PathBuf::from(sysroot).join("lib/rustlib").join(RUST_TARGET);
    if library.join("lib").is_dir() {
        return Ok(format!("{version}, with {RUST_TARGET}"));
    }
    Err(Lack {
        what: format!("{version}, without the target {RUST_TARGET}"),
        command: find("rustup").map(|_| format!("rustup target add {RUST_TARGET}")),
        otherwise: "the target comes with rustup, or as a package beside the compiler's",
    })
}

/// Compiles and links a program: clang may be there without a linker, a C library or its own runtime for WASI.
fn c() -> Result<String, Lack> {
    let otherwise = "install clang, lld and a C library for WASI, or the WASI SDK, and set CC";
    let lack = |what: String| Lack::package(what, Package::C, otherwise);
    let compiler = std::env::var("CC").unwrap_or_else(|_| "clang".to_owned());
    let Some(clang) = find(&compiler) else {
        return Err(lack(format!("`{compiler}` is not installed")));
    };
    let version = version(&clang, &["--version"]).map_err(lack)?;
    let failed = |problem: std::io::Error| lack(problem.to_string());
    let folder = tempfile::tempdir().map_err(failed)?;
    let _held = super::hold(super::Holding::Folder(folder.path().to_owned()));
    let module = folder.path().join("a.wasm");
    let module = module.to_string_lossy();
    let arguments = ["--target=wasm32-wasi", "-x", "c", "-", "-o", &module];
    let program = "#include <stdio.h>\nint main(void) { return puts(\"\") < 0; }\n";
    let answer = tool::ask(&clang, &arguments, program).map_err(lack)?;
    match answer.is_success {
        true => Ok(version),
        false => Err(lack(format!(
            "{version} makes no module: {}",
            answer.complaint()
        ))),
    }
}

fn zig() -> Result<String, Lack> {
    let lack = |what: String| {
        Lack::package(
            what,
            Package::Zig,
            "https://ziglang.org/download, or `pip install ziglang`",
        )
    };
    let zig = find("zig").ok_or_else(|| lack("`zig` is not installed".to_owned()))?;
    version(&zig, &["version"]).map_err(lack)
}

fn go() -> Result<String, Lack> {
    let lack = |what: String| Lack::package(what, Package::Go, "https://go.dev/dl");
    let go = find("go").ok_or_else(|| lack("`go` is not installed".to_owned()))?;
    let version = version(&go, &["version"]).map_err(lack)?;
    match go_version(&version) {
        Some(found) if found < GO_OLDEST => Err(Lack {
            what: format!(
                "{version}; modules for WASI need Go {}.{}",
                GO_OLDEST.0, GO_OLDEST.1
            ),
            command: None,
            otherwise: "https://go.dev/dl",
        }),
        _ => Ok(version),
    }
}

/// Reads `go version go1.21.3 linux/amd64`.
fn go_version(text: &str) -> Option<(u32, u32)> {
    let rest = text.split(' ').find_map(|word| {
        word.strip_prefix("go")
            .filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    })?;
    let mut numbers = rest.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn assembly_script() -> Result<String, Lack> {
    let lack = |what: String| Lack::package(what, Package::Node, "https://nodejs.org");
    let (Some(node), Some(_)) = (find("node"), find("npm")) else {
        return Err(lack("`node` and `npm` are not installed".to_owned()));
    };
    let version = version(&node, &["--version"]).map_err(lack)?;
    Ok(format!(
        "node {version}; a project's first build fetches the compiler (`npm install`)"
    ))
}

#[cfg(test)]
mod tests {
    use super::go_version;

    #[test]
    fn versions_of_go_are_read() {
        assert_eq!(go_version("go version go1.21.3 linux/amd64"), Some((1, 21)));
        assert_eq!(go_version("go version go1.19 linux/amd64"), Some((1, 19)));
        assert_eq!(go_version("go version devel"), None);
    }
}
