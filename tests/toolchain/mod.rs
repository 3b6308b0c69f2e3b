//! The toolchains of projects: those that `scripts/test-tools` has put below `target/tools`, or those of this machine.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::tools::rust_target;

/// Where `scripts/test-tools` puts them.
const TOOLS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools");

/// What a project's build command finds.
#[derive(Debug, Default)]
pub(crate) struct Toolchain {
    pub(crate) environment: Vec<(&'static str, OsString)>,
    /// What builds instead of the project's own command; it gets the module's path as `$WASM`.
    pub(crate) command: Option<String>,
    /// What `npm install` would fetch.
    node_modules: Option<PathBuf>,
}

impl Toolchain {
    /// The toolchain for a project in `language`, the first part of a template's name; `None` where there is none, which the
    /// output then says.
    pub(crate) fn find(language: &str) -> Option<Self> {
        let found = match language {
            "wat" => Ok(Self::default()),
            "c" => clang("CC", "c", "int main(void) { return 0; }\n"),
            "cpp" => clang(
                "CXX",
                "c++",
                "#include <vector>\nint main() { return std::vector<int>().size(); }\n",
            ),
            "rust" => rust(),
            "zig" => zig(),
            "go" => go(),
            "assemblyscript" => assembly_script(),
            _ => panic!("no test knows {language}"),
        };
        found.map_err(|why| left_out(language, why)).ok()
    }

    /// The toolchain for a package of cargo's that has dependencies; `scripts/test-tools` has fetched them.
    pub(crate) fn cargo(package: &str) -> Option<Self> {
        let mut toolchain = Self::find("rust")?;
        if toolchain.command.is_some() {
            let root = env!("CARGO_MANIFEST_DIR");
            let made = format!("{root}/target/servers/wasm32-wasi/debug/{package}.wasm");
            toolchain.command = Some(format!(
                "RUSTC={root}/scripts/rustc-wasm cargo build --quiet --locked --offline --target wasm32-wasi \
                 --target-dir {root}/target/servers && cp {made} \"$WASM\""
            ));
            toolchain.environment.push(home());
        }
        Some(toolchain)
    }

    /// Makes a project of it: in `mewz.toml` its command, if it has one, and what npm would fetch.
    pub(crate) fn prepare(&self, project: &Path) {
        if let Some(modules) = &self.node_modules {
            std::os::unix::fs::symlink(modules, project.join("node_modules")).unwrap();
        }
        let Some(command) = &self.command else { return };
        let file = project.join("mewz.toml");
        let mut settings: toml::Table = fs::read_to_string(&file).unwrap().parse().unwrap();
        let wasm = settings["build"]["wasm"]
            .as_str()
            .unwrap()
            .replace("{profile}", "debug");
        let whole = format!("WASM='{wasm}'; mkdir -p \"$(dirname \"$WASM\")\" && {command}");
        settings["build"]["command"] = whole.into();
        fs::write(&file, settings.to_string()).unwrap();
    }

    fn of(environment: Vec<(&'static str, OsString)>) -> Self {
        Self {
            environment,
            ..Self::default()
        }
    }
}

/// The first clang that makes a WASI program of `source`, which is in `language`.
fn clang(variable: &'static str, language: &str, source: &str) -> Result<Toolchain, &'static str> {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("x");
    fs::write(&file, source).unwrap();
    let name = match language {
        "c" => "clang",
        _ => "clang++",
    };
    let versions = (14..30).rev().map(|version| format!("{name}-{version}"));
    let own = format!("{TOOLS}/bin/{name}");
    let found = [own, name.to_owned()]
        .into_iter()
        .chain(versions)
        .find(|clang| {
            let mut command = Command::new(clang);
            command
                .args(["--target=wasm32-wasi", "-fno-exceptions", "-x", language])
                .arg(&file)
                .arg("-o")
                .arg(place.path().join("x.wasm"));
            succeeds(&mut command)
        });
    let clang = found.ok_or("no clang that makes WASI programs, with a library")?;
    Ok(Toolchain::of(vec![(variable, clang.into())]))
}

/// Cargo's, or the bare compiler that `scripts/test-tools` unpacks.
fn rust() -> Result<Toolchain, &'static str> {
    let output = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", "wasm32-wasip1"])
        .output();
    let is_known = output.is_ok_and(|output| {
        let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
        output.status.success() && folder.is_dir()
    });
    if is_known {
        return Ok(Toolchain::of(vec![home()]));
    }
    let target =
        rust_target().ok_or("neither cargo's Rust nor `target/tools` has a WASI target")?;
    left_out(
        "rust's own build command",
        "cargo's Rust has no target `wasm32-wasip1`",
    );
    // Before Rust 1.65 descriptors of WASI were behind a gate, and in a module of their own; what is gated and not used is a
    // warning.
    let sysroot = format!("{TOOLS}/rust/usr");
    let command = format!(
        "sed -e '1s/^/#![feature(wasi_ext, let_else)] /' -e 's/std::os::fd/std::os::wasi::io/' src/main.rs \
         > target/older.rs && RUSTC_BOOTSTRAP=1 LD_LIBRARY_PATH={sysroot}/lib/x86_64-linux-gnu {sysroot}/bin/rustc \
         --cap-lints allow --sysroot {sysroot} -Clinker={TOOLS}/bin/wasm-ld --edition 2021 --target {target} -g \
         -o \"$WASM\" target/older.rs"
    );
    Ok(Toolchain {
        command: Some(command),
        ..Toolchain::default()
    })
}

/// rustup and cargo look for what is theirs at home; tests run elsewhere.
fn home() -> (&'static str, OsString) {
    ("HOME", std::env::var_os("HOME").unwrap_or_default())
}

fn zig() -> Result<Toolchain, &'static str> {
    let mut environment = vec![("PATH", path_with(format!("{TOOLS}/bin")))];
    // What it compiles once for all programs takes a minute.
    environment.push(("ZIG_GLOBAL_CACHE_DIR", format!("{TOOLS}/zig-cache").into()));
    let toolchain = Toolchain::of(environment);
    toolchain.answers("zig", "version")
}

fn go() -> Result<Toolchain, &'static str> {
    let root = format!("{TOOLS}/go/go");
    let mut environment: Vec<(&str, OsString)> = vec![
        ("GOCACHE", format!("{TOOLS}/go-cache").into()),
        ("GOTOOLCHAIN", "local".into()),
        ("GOPROXY", "off".into()),
        ("GOFLAGS", "".into()),
    ];
    if Path::new(&root).exists() {
        environment.push(("PATH", path_with(format!("{root}/bin"))));
        environment.push(("GOROOT", root.into()));
    }
    Toolchain::of(environment).answers("go", "version")
}

fn assembly_script() -> Result<Toolchain, &'static str> {
    let modules = PathBuf::from(format!("{TOOLS}/assemblyscript/node_modules"));
    if !modules.is_dir() {
        return Err("`scripts/test-tools` found no npm");
    }
    let toolchain = Toolchain {
        node_modules: Some(modules),
        ..Toolchain::default()
    };
    toolchain.answers("node", "--version")
}

impl Toolchain {
    /// Itself, if `program` answers.
    fn answers(self, program: &str, question: &str) -> Result<Self, &'static str> {
        let mut command = Command::new("env");
        command.envs(self.environment.iter().cloned());
        match succeeds(command.args([program, question])) {
            true => Ok(self),
            false => Err("its compiler is not there"),
        }
    }
}

/// The search path, `folder` first.
fn path_with(folder: String) -> OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = [PathBuf::from(folder)].into_iter();
    std::env::join_paths(folders.chain(std::env::split_paths(&path))).unwrap()
}

fn succeeds(command: &mut Command) -> bool {
    let quiet = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// Says so past the test harness, which shows nothing of a test that passes.
pub(crate) fn left_out(what: &str, why: &str) {
    let _ = writeln!(std::io::stderr(), "left out: {what}: {why}");
}
