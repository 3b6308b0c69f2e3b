//! Real programs, built here from source, do under `mewz run` what they do under another engine.
//!
//! The sources are in `tests/programs`: two in C, each built with and without optimisation, and one in Rust. Every case runs
//! under `mewz run` and under wasmtime, each in a folder of its own, and standard output, standard error, exit status and
//! the files left behind must be equal. `scripts/test-tools` installs the compilers and the engine.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::{Duration, SystemTime};

mod tools;

use tools::{c_compiler, rust_compiler, tool};

macro_rules! cases {
    ($module:expr; $($name:ident: $case:expr,)*) => {
        $(
            #[test]
            fn $name() {
                crate::check($module, &$case);
            }
        )*
    };
}

mod c_optimized {
    use super::{COMPUTE, Case, FILES};

    cases! { COMPUTE;
        arguments_and_environment: Case::new("arguments")
            .arguments(&["", "two words", "ünï", "--flag=x", "-"])
            .environment(&["NAME=value", "EMPTY=", "SPACED= a b ", "EQUALS=a=b=c"]),
        input: Case::new("input").input(super::text(300_000)),
        input_of_nothing: Case::new("input"),
        output: Case::new("output").arguments(&["3000000"]),
        integers: Case::new("integers"),
        floats: Case::new("floats"),
        memory: Case::new("memory"),
        recursion: Case::new("recursion").arguments(&["5000"]),
        clocks: Case::new("clocks"),
        random: Case::new("random"),
        failures: Case::new("failures"),
        an_exit_status: Case::new("leave").arguments(&["42"]),
        the_largest_exit_status: Case::new("leave").arguments(&["125"]),
        no_part: Case::new("nothing of the kind"),
    }

    mod files {
        use super::{Case, FILES};

        cases! { FILES;
            descriptors: Case::new("descriptors").folder(),
            folders: Case::new("folders").folder(),
            names: Case::new("names").folder(),
            streams: Case::new("streams").folder(),
            large: Case::new("large").folder(),
            times: Case::new("times").folder(),
            read_only: Case::new("read-only").read_only_folder(),
            without_a_folder: Case::new("streams"),
        }
    }
}

mod c_unoptimized {
    use super::{COMPUTE_UNOPTIMIZED, Case, FILES_UNOPTIMIZED};

    cases! { COMPUTE_UNOPTIMIZED;
        output: Case::new("output").arguments(&["100000"]),
        integers: Case::new("integers"),
        floats: Case::new("floats"),
        memory: Case::new("memory"),
        recursion: Case::new("recursion").arguments(&["2000"]),
        failures: Case::new("failures"),
    }

    mod files {
        use super::{Case, FILES_UNOPTIMIZED};

        cases! { FILES_UNOPTIMIZED;
            descriptors: Case::new("descriptors").folder(),
            streams: Case::new("streams").folder(),
        }
    }
}

mod c_vectorized {
    use super::{COMPUTE_VECTORIZED, Case};

    cases! { COMPUTE_VECTORIZED;
        integers: Case::new("integers"),
        floats: Case::new("floats"),
        memory: Case::new("memory"),
    }
}

mod rust {
    use super::{Case, LEDGER, LEDGER_VECTORIZED};

    const LINES: &str = "cash;12.5;bread\nbank;-1e3;rent\ncash; 7 ;süß\nzürich;0.1;\n";

    cases! { LEDGER;
        books: Case::new("/data").input(LINES).folder().environment(&["LEDGER=1"]),
        an_exit_status: Case::new("/data").arguments(&["7"]).input(LINES).folder(),
        a_wrong_line: Case::new("/data").input("cash;1;\ncash;one;\n").folder(),
        a_missing_folder: Case::new("/nowhere").input(LINES).folder(),
    }

    mod vectorized {
        use super::{Case, LEDGER_VECTORIZED, LINES};

        cases! { LEDGER_VECTORIZED;
            books: Case::new("/data").input(LINES).folder(),
        }
    }
}

/// One and the same, however it is compiled.
mod every_way_to_compile {
    use super::{COMPUTE, COMPUTE_VECTORIZED, Case, FILES, LEDGER, check_all_ways};

    #[test]
    fn integers() {
        check_all_ways(COMPUTE, &Case::new("integers"));
    }

    #[test]
    fn floats() {
        check_all_ways(COMPUTE, &Case::new("floats"));
    }

    #[test]
    fn vectors() {
        check_all_ways(COMPUTE_VECTORIZED, &Case::new("integers"));
    }

    #[test]
    fn recursion() {
        check_all_ways(COMPUTE, &Case::new("recursion").arguments(&["500"]));
    }

    #[test]
    fn files() {
        check_all_ways(FILES, &Case::new("streams").folder());
    }

    #[test]
    fn rust() {
        let lines = "cash;12.5;bread\nbank;-1e3;rent\n";
        check_all_ways(LEDGER, &Case::new("/data").input(lines).folder());
    }
}

/// How a module is made.
#[derive(Clone, Copy)]
struct Module {
    source: &'static str,
    variant: &'static str,
    flags: &'static [&'static str],
}

const COMPUTE: Module = Module {
    source: "compute.c",
    variant: "O2",
    flags: &["-O2"],
};
const COMPUTE_UNOPTIMIZED: Module = Module {
    source: "compute.c",
    variant: "O0",
    flags: &["-O0", "-g", "-Wl,-z,stack-size=1048576"],
};
const COMPUTE_VECTORIZED: Module = Module {
    source: "compute.c",
    variant: "simd",
    flags: &["-O3", "-msimd128"],
};
const FILES: Module = Module {
    source: "files.c",
    variant: "O2",
    flags: &["-O2"],
};
const FILES_UNOPTIMIZED: Module = Module {
    source: "files.c",
    variant: "O0",
    flags: &["-O0", "-g"],
};
const LEDGER: Module = Module {
    source: "ledger.rs",
    variant: "O",
    flags: &["-O"],
};
const LEDGER_VECTORIZED: Module = Module {
    source: "ledger.rs",
    variant: "simd",
    flags: &["-O", "-C", "target-feature=+simd128"],
};

/// One run of a program.
struct Case {
    arguments: Vec<&'static str>,
    environment: Vec<&'static str>,
    input: Vec<u8>,
    /// Whether a folder lies at `/data`, and whether it may be changed.
    folder: Option<bool>,
}

impl Case {
    fn new(argument: &'static str) -> Self {
        Self {
            arguments: vec![argument],
            environment: Vec::new(),
            input: Vec::new(),
            folder: None,
        }
    }

    fn arguments(mut self, more: &[&'static str]) -> Self {
        self.arguments.extend(more);
        self
    }

    fn environment(mut self, variables: &[&'static str]) -> Self {
        self.environment.extend(variables);
        self
    }

    fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    fn folder(mut self) -> Self {
        self.folder = Some(true);
        self
    }

    fn read_only_folder(mut self) -> Self {
        self.folder = Some(false);
        self
    }
}

/// What a run left.
#[derive(Debug, PartialEq, Eq)]
struct Result {
    status: Option<i32>,
    stdout: String,
    stderr: String,
    files: BTreeMap<PathBuf, Entry>,
}

/// What lies under a name.
#[derive(PartialEq, Eq)]
enum Entry {
    Folder,
    /// The content, and the time of the last change where the program has set it to one long ago.
    File(Vec<u8>, Option<SystemTime>),
    Link(PathBuf),
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Entry::Folder => write!(f, "folder"),
            Entry::File(bytes, time) => {
                let head = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]);
                write!(f, "{} bytes {head:?} {time:?}", bytes.len())
            }
            Entry::Link(target) => write!(f, "link to {target:?}"),
        }
    }
}

/// Runs `case` under both, and compares.
fn check(module: Module, case: &Case) {
    compare(&build(module), case, &[&[]]);
}

/// Runs `case` under the other once and under `mewz run` with every level of optimisation and register allocator.
fn check_all_ways(module: Module, case: &Case) {
    let ways = ["0", "1", "2"].map(|level| {
        ["backtracking", "single-pass"].map(|algorithm| ["--opt", level, "--regalloc", algorithm])
    });
    let ways: Vec<&[&str]> = ways.as_flattened().iter().map(|way| &way[..]).collect();
    compare(&build(module), case, &ways);
}

/// Compares a run under the other with one of ours for each of `ways`, further options of `mewz run`.
fn compare(wasm: &Path, case: &Case, ways: &[&[&str]]) {
    let mut other = Command::new(tool("python/bin/python"));
    other.arg(source("engine.py"));
    let theirs = run(other, wasm, case, &[]);
    for way in ways {
        let mut mewz = Command::new(env!("CARGO_BIN_EXE_mewz"));
        mewz.args(["run", "--timeout", "300s"]).args(*way);
        let ours = run(mewz, wasm, case, &["--"]);
        assert_same_text(
            &format!("{way:?}: standard error"),
            &ours.stderr,
            &theirs.stderr,
        );
        assert_same_text(
            &format!("{way:?}: standard output"),
            &ours.stdout,
            &theirs.stdout,
        );
        assert_eq!(ours, theirs, "{way:?}: mewz is left, wasmtime is right");
    }
}

fn run(mut command: Command, wasm: &Path, case: &Case, separator: &[&str]) -> Result {
    let folder = tempfile::tempdir().unwrap();
    for variable in &case.environment {
        command.args(["--env", variable]);
    }
    if let Some(is_writable) = case.folder {
        fs::create_dir(folder.path().join("kept")).unwrap();
        fs::write(folder.path().join("input.txt"), "hello\nsecond line\nlast").unwrap();
        fs::write(folder.path().join("kept/a.txt"), "a\n").unwrap();
        symlink("../input.txt", folder.path().join("kept/to-input")).unwrap();
        let flag = if is_writable { "" } else { ":ro" };
        let value = format!("{}::/data{flag}", folder.path().display());
        command.args(["--dir", &value]);
    }
    command.arg(wasm).args(separator).args(&case.arguments);
    let output = feed(command, case.input.clone());
    Result {
        status: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        files: entries(folder.path()),
    }
}

/// Runs a command with `input` on a pipe.
fn feed(mut command: Command, input: Vec<u8>) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|problem| panic!("cannot start {command:?}: {problem}"));
    let mut pipe = child.stdin.take().unwrap();
    // A program that doesn't read its input ends before all is written.
    let writer = thread::spawn(move || drop(pipe.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

fn entries(folder: &Path) -> BTreeMap<PathBuf, Entry> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let entry = if metadata.is_dir() {
                folders.push(path.clone());
                Entry::Folder
            } else if metadata.is_symlink() {
                Entry::Link(fs::read_link(&path).unwrap())
            } else {
                let modified = metadata.modified().unwrap();
                let a_day_ago = SystemTime::now() - Duration::from_secs(86_400);
                let set = (modified < a_day_ago).then_some(modified);
                Entry::File(fs::read(&path).unwrap(), set)
            };
            found.insert(path.strip_prefix(folder).unwrap().to_owned(), entry);
        }
    }
    found
}

/// Names the first line that differs: whole outputs are too long to read.
fn assert_same_text(what: &str, ours: &str, theirs: &str) {
    if ours == theirs {
        return;
    }
    let (mut our_lines, mut their_lines) = (ours.lines(), theirs.lines());
    for number in 1.. {
        let (our, their) = (our_lines.next(), their_lines.next());
        let differs = our != their || our.is_none();
        assert!(
            !differs,
            "{what} differs in line {number}\n  mewz:     {our:?}\n  wasmtime: {their:?}\n  all of mewz, its beginning: {}",
            ours.chars().take(1500).collect::<String>()
        );
    }
}

/// Builds a module, once a run of the tests; returns where it lies.
fn build(module: Module) -> PathBuf {
    static BUILT: OnceLock<Mutex<BTreeMap<String, PathBuf>>> = OnceLock::new();
    let name = format!("{}-{}.wasm", module.source, module.variant);
    let mut built = BUILT
        .get_or_init(Mutex::default)
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(path) = built.get(&name) {
        return path.clone();
    }
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(&name);
    let mut command = if module.source.ends_with(".c") {
        c_compiler()
    } else {
        rust_compiler()
    };
    command
        .args(module.flags)
        .arg("-o")
        .args([&path, &source(module.source)]);
    tools::run(&mut command);
    built.insert(name, path.clone());
    path
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/programs")
        .join(name)
}

/// Lines of many lengths.
fn text(bytes: usize) -> Vec<u8> {
    let mut text = Vec::new();
    for number in 0_u64.. {
        let line = format!("{number} {}\n", "é".repeat((number * number % 97) as usize));
        text.extend(line.as_bytes());
        if text.len() >= bytes {
            break;
        }
    }
    text
}
