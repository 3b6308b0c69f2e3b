//! Builds every program for every engine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use mewz::compile::{MemoryBase, OptLevel, Options, TargetCpu, compile, header, profile};

use super::engine::Engine;
use super::packages::Packages;
use super::program::Program;
use super::settings::Settings;
use super::workshop::{Workshop, output, read, tool};

/// Where linear memory lies if the system keeps address 0 from us: the lowest that Linux gives to everyone.
const LOWEST_ADDRESS: u64 = 0x1_0000;

/// A program, and the engines that it could be built for.
pub(crate) struct Built {
    pub(crate) program: &'static Program,
    pub(crate) engines: Vec<Engine>,
}

/// Builds what the settings choose. What wasm2c can't do is left out, with a warning; all else is an error.
pub(crate) fn all(
    workshop: &Workshop,
    packages: &Packages,
    settings: &Settings,
) -> Result<Vec<Built>, String> {
    let mut built = Vec::new();
    for program in &settings.programs {
        let work = Work {
            workshop,
            packages,
            program,
            folder: workshop.folder(program.name)?,
        };
        work.script()?;
        work.module()?;
        let mut engines = Vec::new();
        for engine in &settings.engines {
            match (work.build(engine), engine) {
                (Ok(()), _) => engines.push(engine.clone()),
                (Err(problem), Engine::Wasm2c) => eprintln!("warning: without wasm2c: {problem}"),
                (Err(problem), _) => return Err(problem),
            }
        }
        built.push(Built { program, engines });
    }
    Ok(built)
}

/// Keeps what mewz made of the whole modules.
pub(crate) fn save(workshop: &Workshop, settings: &Settings, name: &str) -> Result<(), String> {
    let folder = workshop.folder("saved")?.join(name);
    fs::create_dir_all(&folder).map_err(|problem| format!("cannot make {folder:?}: {problem}"))?;
    for program in &settings.programs {
        let file = Engine::Mewz(OptLevel::Module).file(workshop, program.name);
        let to = folder.join(program.name);
        fs::copy(&file, &to).map_err(|problem| format!("cannot copy to {to:?}: {problem}"))?;
    }
    Ok(())
}

/// A file of a host.
pub(crate) fn host(name: &str) -> PathBuf {
    here().join("host").join(name)
}

/// What mewz compiles for: this processor.
pub(crate) fn target_cpu() -> TargetCpu {
    let has_v3 = is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("fma")
        && is_x86_feature_detected!("lzcnt");
    let has_v4 = is_x86_feature_detected!("avx512dq") && is_x86_feature_detected!("avx512vl");
    match (has_v3, has_v4) {
        (true, true) => TargetCpu::V4,
        (true, false) => TargetCpu::V3,
        (false, _) => TargetCpu::V2,
    }
}

/// Where linear memory lies: at 0, as in a guest, where this process may map that.
pub(crate) fn memory_base() -> u64 {
    // SAFETY: the page is at an address where nothing is, it may not be accessed, and it goes at once.
    let may = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            4096,
            libc::PROT_NONE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE,
            -1,
            0,
        )
    };
    if may.is_null() {
        // SAFETY: the page was mapped above, for nobody else.
        unsafe { libc::munmap(may, 4096) };
        0
    } else {
        LOWEST_ADDRESS
    }
}

fn options(opt_level: OptLevel) -> Options {
    Options {
        target_cpu: target_cpu(),
        memory_base: MemoryBase::Constant(memory_base()),
        opt_level,
        ..Options::default()
    }
}

fn here() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/speed"))
}

/// One program's building.
struct Work<'a> {
    workshop: &'a Workshop,
    packages: &'a Packages,
    program: &'static Program,
    folder: PathBuf,
}

impl Work<'_> {
    /// Writes the script that the program includes.
    fn script(&self) -> Result<(), String> {
        let Some(script) = self.program.script else {
            return Ok(());
        };
        let bytes = read(&here().join("programs").join(script))?;
        let numbers: Vec<String> = bytes.iter().map(ToString::to_string).collect();
        let path = self.folder.join("script.h");
        self.workshop.write(&path, numbers.join(",").as_bytes())
    }

    fn build(&self, engine: &Engine) -> Result<(), String> {
        let made = engine.file(self.workshop, self.program.name);
        match engine {
            Engine::Native => self.native(&made),
            Engine::Wasm2c => self.wasm2c(&made),
            Engine::Wasmtime => self.wasmtime(&made),
            Engine::Mewz(level) => self.mewz(&made, options(*level)),
            Engine::Profiled => self.profiled(&made),
            Engine::Saved(_) if made.exists() => Ok(()),
            Engine::Saved(name) => Err(format!(
                "nothing is saved as {made:?}; `--save {name}` does that"
            )),
        }
    }

    /// The module: what all engines but one get.
    fn module(&self) -> Result<(), String> {
        let made = self.folder.join("program.wasm");
        let mut command = clang();
        command
            .args(["--target=wasm32-wasi", "-Wl,-z,stack-size=1048576"])
            .arg(format!("-fuse-ld={}", tool("bin/wasm-ld").display()));
        let sources = self.sources(&mut command)?;
        command.args(["-lwasi-emulated-signal", "-lwasi-emulated-process-clocks"]);
        command.arg("-o").arg(&made);
        self.workshop.make(&made, &sources, &mut command)
    }

    fn native(&self, made: &Path) -> Result<(), String> {
        let mut command = clang();
        command.arg("-Dmain=program_main").arg(host("native.c"));
        let mut sources = self.sources(&mut command)?;
        sources.extend([host("native.c"), host("timing.h")]);
        command.arg("-lm").arg("-o").arg(made);
        self.workshop.make(made, &sources, &mut command)
    }

    fn wasm2c(&self, made: &Path) -> Result<(), String> {
        let module = self.folder.join("program.wasm");
        let code = self.folder.join("program.c");
        let mut command = Command::new("wasm2c");
        command
            .arg(&module)
            .args(["-n", "program", "-o"])
            .arg(&code);
        self.workshop
            .make(&code, std::slice::from_ref(&module), &mut command)?;
        let mut command = clang();
        command.arg(format!("-I{}", self.folder.display()));
        command.args([&host("wasm2c.c"), &code]);
        command.args(["-lwasm-rt-impl", "-lm", "-o"]).arg(made);
        let sources = [host("wasm2c.c"), host("wasi.h"), host("timing.h"), module];
        self.workshop.make(made, &sources, &mut command)
    }

    fn wasmtime(&self, made: &Path) -> Result<(), String> {
        let module = self.folder.join("program.wasm");
        let mut command = Command::new(tool("python/bin/python"));
        command.arg(host("engine.py")).arg("compile");
        command.arg(&module).arg(made);
        let sources = [host("engine.py"), module];
        self.workshop.make(made, &sources, &mut command)
    }

    /// Runs the program once to count what runs, and compiles it with that.
    fn profiled(&self, made: &Path) -> Result<(), String> {
        let plain = options(OptLevel::Module);
        let counting = made.with_extension("counting");
        let counting_options = Options {
            counts_runs: true,
            ..plain.clone()
        };
        self.mewz(&counting, counting_options)?;
        let counters = made.with_extension("counters");
        output(Command::new(&counting).env("MEWZ_COUNTERS", &counters))?;
        let wasm = read(&self.folder.join("program.wasm"))?;
        let profile = profile(&wasm, &read(&counters)?).map_err(|problem| problem.to_string())?;
        let with_profile = Options {
            profile: Some(Arc::new(profile)),
            ..plain
        };
        self.mewz(made, with_profile)
    }

    /// Each time anew: the compiler is what this is about.
    fn mewz(&self, made: &Path, options: Options) -> Result<(), String> {
        let base = memory_base();
        let wasm = read(&self.folder.join("program.wasm"))?;
        let compiled = compile(&wasm, &options)
            .map_err(|problem| format!("cannot compile {}: {problem}", self.program.name))?;
        let object = made.with_extension("o");
        self.workshop.write(&object, &compiled.object)?;
        let interface = self.folder.join("mewz.h");
        let text = header(&wasm).map_err(|problem| problem.to_string())?;
        self.workshop.write(&interface, text.as_bytes())?;
        let mut command = clang();
        command
            .args(["-pie", "-fPIE", "-fno-delete-null-pointer-checks"])
            .args(["-z", "noexecstack", "-I"])
            .arg(&self.folder)
            .arg(format!("-DMEMORY_BASE=UINT64_C({base})"))
            .args([&host("mewz.c"), &object])
            .arg("-o")
            .arg(made);
        let sources = [
            host("mewz.c"),
            host("wasi.h"),
            host("timing.h"),
            interface,
            object,
        ];
        self.workshop.make(made, &sources, &mut command)
    }

    /// Adds the program's files and flags to a compiler's command; the files that are ours.
    fn sources(&self, command: &mut Command) -> Result<Vec<PathBuf>, String> {
        let own = here()
            .join("programs")
            .join(self.program.name)
            .with_extension("c");
        command.arg(&own).arg("-I").arg(&self.folder);
        let mut sources = vec![own];
        if self.program.script.is_some() {
            sources.push(self.folder.join("script.h"));
        }
        if let Some(library) = self.program.library {
            let package = self
                .packages
                .get(library.package)
                .ok_or(format!("cargo fetched no package `{}`", library.package))?;
            command.arg("-I").arg(here().join("host/jumps"));
            for include in library.includes {
                command.arg("-I").arg(package.join(include));
            }
            command.args(library.flags);
            for source in library.sources {
                command.args(expand(&package.join(source))?);
            }
        }
        Ok(sources)
    }
}

/// The file, or the C files of the folder, in order.
fn expand(path: &Path) -> Result<Vec<PathBuf>, String> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let entries =
        fs::read_dir(path).map_err(|problem| format!("cannot list {path:?}: {problem}"))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|file| file.extension().is_some_and(|extension| extension == "c"))
        .collect();
    files.sort();
    Ok(files)
}

/// The compiler of everything that is C, with the options that all have in common.
fn clang() -> Command {
    let mut command = Command::new(tool("bin/clang"));
    // Warnings are other people's here.
    command.args(["-O2", "-w"]);
    command
}
