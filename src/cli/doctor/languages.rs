//! The toolchains that make modules, each tried as a template uses it.

use std::path::{Path, PathBuf};

use super::super::packages::{Package, as_root, find, install_command, versioned};
use super::super::project::Project;
use super::finding::{Finding, Group, Status};
use super::{finding, tool};

/// The first version of Go that makes WASI modules.
const GO_OLDEST: (u32, u32) = (1, 21);

/// Where Go is to be had.
const GO_SITE: &str = "https://go.dev/dl";

/// The target of Rust's toolchain.
const RUST_TARGET: &str = "wasm32-wasip1";

/// Words of a build command that tell its language.
const RUST: &[&str] = &["cargo", "rustc"];
const C: &[&str] = &["clang", "make", "${CC:-clang}"];
const CPP: &[&str] = &["clang++", "${CXX:-clang++}"];
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
        (c, "C", C),
        (cpp, "C++", CPP),
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
            finding(Group::Languages, name, status, detail).mended_by(lack.command, &lack.otherwise)
        }
    })
    .collect()
}

/// What a language lacks, and what brings it.
struct Lack {
    what: String,
    command: Option<String>,
    otherwise: String,
}

impl Lack {
    fn package(what: impl Into<String>, package: Package, otherwise: &str) -> Self {
        Self {
            what: what.into(),
            command: install_command(package).map(|command| as_root(&command)),
            otherwise: otherwise.to_owned(),
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
        otherwise: otherwise.to_owned(),
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
        otherwise: match find("rustup") {
            Some(_) => String::new(),
            None => "rustup brings compilers with this target: https://rustup.rs".to_owned(),
        },
    })
}

fn c() -> Result<String, Lack> {
    clang(&Clang {
        variable: "CC",
        compiler: "clang",
        package: Package::C,
        otherwise: "install clang, lld and a C library for WASI, or the WASI SDK, and set CC",
        arguments: &["-x", "c"],
        program: "#include <stdio.h>\nint main(void) { return puts(\"\") < 0; }\n",
    })
}

fn cpp() -> Result<String, Lack> {
    clang(&Clang {
        variable: "CXX",
        compiler: "clang++",
        package: Package::Cpp,
        otherwise: "install clang, lld and a C++ library for WASI, or the WASI SDK, and set CXX",
        arguments: &["-x", "c++", "-fno-exceptions"],
        program: "#include <string>\nint main(int count, char **) { return std::to_string(count).size() == 9; }\n",
    })
}

/// One of clang's languages.
struct Clang {
    /// The variable that names another compiler.
    variable: &'static str,
    compiler: &'static str,
    package: Package,
    otherwise: &'static str,
    arguments: &'static [&'static str],
    program: &'static str,
}

/// Compiles and links a program: clang may be there without a linker, a library or its own runtime for WASI.
fn clang(language: &Clang) -> Result<String, Lack> {
    let Clang {
        variable, compiler, ..
    } = *language;
    let lack = |what: String| Lack::package(what, language.package, language.otherwise);
    let named = std::env::var(variable).unwrap_or_else(|_| compiler.to_owned());
    if let Some(clang) = find(&named) {
        return module_of(&clang, language).map_err(lack);
    }
    let other = versioned(compiler).filter(|_| named == compiler);
    let Some((other, path)) = other.and_then(|other| find(&other).map(|path| (other, path))) else {
        return Err(lack(format!("`{named}` is not installed")));
    };
    match module_of(&path, language) {
        Ok(version) => Err(Lack {
            what: format!("`{compiler}` is not there; `{other}` is, and serves: {version}"),
            command: None,
            otherwise: format!("`{variable}={other}` in the environment names it"),
        }),
        Err(what) => Err(lack(what)),
    }
}

/// The version of a compiler that makes a module; the error is a sentence.
fn module_of(clang: &Path, language: &Clang) -> Result<String, String> {
    let version = version(clang, &["--version"])?;
    let folder = tempfile::tempdir().map_err(|problem| problem.to_string())?;
    let _held = super::hold(super::Holding::Folder(folder.path().to_owned()));
    let module = folder.path().join("a.wasm");
    let module = module.to_string_lossy();
    let own = ["--target=wasm32-wasi", "-", "-o", &module];
    let answer = tool::ask(
        clang,
        &[language.arguments, &own].concat(),
        language.program,
    )?;
    match answer.is_success {
        true => Ok(version),
        false => Err(format!("{version} makes no module: {}", answer.complaint())),
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
    let lack = |what: String| {
        let lack = Lack::package(what, Package::Go, GO_SITE);
        match packaged_go() {
            Some(packaged) if packaged < GO_OLDEST => Lack {
                command: None,
                otherwise: format!(
                    "{GO_SITE}; this system's package is Go {}.{}, and modules for WASI need {}.{}",
                    packaged.0, packaged.1, GO_OLDEST.0, GO_OLDEST.1
                ),
                ..lack
            },
            _ => lack,
        }
    };
    let go = find("go").ok_or_else(|| lack("`go` is not installed".to_owned()))?;
    let version = version(&go, &["version"]).map_err(lack)?;
    match go_version(&version) {
        Some(found) if found < GO_OLDEST => Err(Lack {
            what: format!(
                "{version}; modules for WASI need Go {}.{}",
                GO_OLDEST.0, GO_OLDEST.1
            ),
            command: None,
            otherwise: GO_SITE.to_owned(),
        }),
        _ => Ok(version),
    }
}

/// The version of the Go that apt would install: a stable distribution's is often too old.
fn packaged_go() -> Option<(u32, u32)> {
    let apt = find("apt-cache")?;
    let answer = tool::ask(&apt, &["show", "--no-all-versions", "golang-go"], "").ok()?;
    package_version(&answer.stdout)
}

/// Reads `Version: 2:1.19~1`.
fn package_version(text: &str) -> Option<(u32, u32)> {
    let version = text
        .lines()
        .find_map(|line| line.strip_prefix("Version: "))?;
    let upstream = version.split_once(':').map_or(version, |(_, rest)| rest);
    let mut numbers = upstream.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
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
    use super::{go_version, package_version};

    #[test]
    fn versions_of_packages_are_read() {
        let version = package_version;
        assert_eq!(
            version("Package: golang-go\nVersion: 2:1.19~1\n"),
            Some((1, 19))
        );
        assert_eq!(version("Version: 1.24.4-1"), Some((1, 24)));
        assert_eq!(version("N: no such package"), None);
    }

    #[test]
    fn versions_of_go_are_read() {
        assert_eq!(go_version("go version go1.21.3 linux/amd64"), Some((1, 21)));
        assert_eq!(go_version("go version go1.19 linux/amd64"), Some((1, 19)));
        assert_eq!(go_version("go version devel"), None);
    }
}
