//! Cargo packages and workspaces, as `cargo metadata` tells them: it knows workspaces, target folders and their settings.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::Deserialize;

use super::super::super::failure::Failure;
use super::super::super::packages::find;
use super::{Folder, Inferred, choose, quoted};
use crate::qemu::leash::{self, Limits};

/// What programs are built for.
const TARGET: &str = "wasm32-wasip1";

/// What cargo tells, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    #[serde(default)]
    workspace_default_members: Vec<String>,
    target_directory: PathBuf,
}

#[derive(Debug, Deserialize)]
struct Package {
    id: String,
    name: String,
    manifest_path: PathBuf,
    #[serde(default)]
    default_run: Option<String>,
    targets: Vec<Target>,
}

#[derive(Debug, Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

/// A target that becomes a module.
#[derive(Clone, Copy)]
struct Program<'a> {
    package: &'a Package,
    target: &'a Target,
    is_library: bool,
}

/// The package's binary, or the library that is a module.
pub(super) fn infer(folder: &Folder<'_>) -> Result<Option<Inferred>, Failure> {
    let metadata = metadata(folder)?;
    let here = std::fs::canonicalize(folder.path.join(folder.from)).unwrap_or_default();
    let own = metadata
        .packages
        .iter()
        .find(|package| package.manifest_path == here);
    let packages: Vec<&Package> = match own {
        Some(package) => vec![package],
        // A workspace without a package of its own: those that cargo would build.
        None => {
            let defaults = &metadata.workspace_default_members;
            let is_default =
                |package: &&Package| defaults.is_empty() || defaults.contains(&package.id);
            metadata.packages.iter().filter(is_default).collect()
        }
    };
    let mut programs = programs(&packages, false);
    if programs.is_empty() {
        programs = self::programs(&packages, true);
    }
    let chosen = match own.and_then(|package| package.default_run.as_deref()) {
        Some(default)
            if folder.wanted.is_none_or(|wanted| {
                programs.iter().all(|program| program.target.name != wanted)
            }) =>
        {
            Some(default)
        }
        _ => {
            let names: Vec<&str> = programs
                .iter()
                .map(|program| &program.target.name[..])
                .collect();
            choose(folder, "binaries", &names)?
        }
    };
    let Some(program) = programs
        .iter()
        .find(|program| Some(&program.target.name[..]) == chosen)
    else {
        return Err(without_program(folder));
    };
    Ok(Some(inferred(
        folder,
        &metadata,
        *program,
        own.is_none(),
        programs.len() > 1,
    )))
}

fn programs<'a>(packages: &[&'a Package], is_library: bool) -> Vec<Program<'a>> {
    let kind = if is_library { "cdylib" } else { "bin" };
    let of = |package: &&'a Package| {
        let package = *package;
        let targets = package.targets.iter();
        let is_it = |target: &&Target| target.kind.iter().any(|own| own == kind);
        targets.filter(is_it).map(move |target| Program {
            package,
            target,
            is_library,
        })
    };
    packages.iter().flat_map(of).collect()
}

fn inferred(
    folder: &Folder<'_>,
    metadata: &Metadata,
    program: Program<'_>,
    is_member: bool,
    is_one_of_several: bool,
) -> Inferred {
    let mut command = format!("cargo build --target {TARGET} {{--release}}");
    if is_member {
        command.push_str(&format!(" --package {}", quoted(&program.package.name)));
    }
    let name = &program.target.name;
    if program.is_library {
        command.push_str(" --lib");
    } else if is_one_of_several {
        command.push_str(&format!(" --bin {}", quoted(name)));
    }
    // Cargo makes a crate's name of a library's, and leaves a binary's as it is.
    let file = if program.is_library {
        name.replace('-', "_")
    } else {
        name.clone()
    };
    let target = relative(&metadata.target_directory, folder.path);
    Inferred {
        from: folder.from.to_owned(),
        name: name.clone(),
        command,
        wasm: format!("{}/{TARGET}/{{profile}}/{file}.wasm", target.display()),
        watch: Vec::new(),
    }
}

/// `path` from `folder` on, where it lies below.
fn relative(path: &Path, folder: &Path) -> PathBuf {
    let whole = std::fs::canonicalize(folder).unwrap_or_default();
    path.strip_prefix(whole).unwrap_or(path).to_owned()
}

fn metadata(folder: &Folder<'_>) -> Result<Metadata, Failure> {
    let failure = || {
        let file = folder.path.join(folder.from);
        Failure::new(format!("cannot read the package of `{}`", file.display()))
    };
    let cargo = find("cargo").ok_or_else(|| {
        failure()
            .cause("`cargo` is not installed")
            .hint("`mewz doctor` tells what brings it")
    })?;
    let output = leash::command(&cargo, Limits::default())
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(folder.path)
        .stdin(Stdio::null())
        .output()
        .map_err(|problem| failure().cause(format!("cannot run cargo: {problem}")))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        return Err(failure().cause(words.trim().replace('\n', "\n         ")));
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|problem| failure().cause(format!("cargo's answer is not as it was: {problem}")))
}

fn without_program(folder: &Folder<'_>) -> Failure {
    Failure::usage(format!(
        "`{}` makes no program",
        folder.path.join(folder.from).display()
    ))
    .cause("it has neither a binary (`src/main.rs`) nor a library with `crate-type = [\"cdylib\"]`")
    .hint("a workspace's program may lie in one of its members: name that folder")
}
