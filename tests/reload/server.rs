//! A project of a server in C whose builds succeed, fail, and make programs that fail, as the file `version` says.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use crate::invoke::{Place, free_port};
use crate::tools::{build_c, tool};

/// What servers answer before the build puts their number there.
const BLANK: &str = "answer-00000";

/// Builds of saves: `good N` answers with `answer-N`; two programs take turns, so that not only data is another.
const BUILD: &str = r#"set -e
read -r kind number turn < version
case $kind in
good) LC_ALL=C sed "s/answer-00000/answer-$number/" MADE/$turn.wasm > out.new ;;
compile) echo 'int main(void) { return' > bad.c; CLANG --target=wasm32-wasi -o out.new bad.c ;;
link) echo 'int other(void); int main(void) { return other(); }' > bad.c; CLANG --target=wasm32-wasi -o out.new bad.c ;;
cut) head -c 3000 MADE/0.wasm > out.new ;;
*) cp MADE/$kind.wasm out.new ;;
esac
mv out.new out.wasm
"#;

/// What a save leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A server with another answer.
    Good,
    /// The compiler refuses the source.
    CompileError,
    /// A function is nowhere.
    LinkError,
    /// The module ends in the middle.
    Cut,
    /// The program traps before it listens.
    Trap,
    /// It calls what the kernel does not have.
    Unknown,
    /// It ends at once, and well.
    Exit,
}

impl Kind {
    /// Those that leave the program before them in its place.
    pub(crate) const BAD: [Kind; 6] = [
        Kind::CompileError,
        Kind::Trap,
        Kind::LinkError,
        Kind::Exit,
        Kind::Unknown,
        Kind::Cut,
    ];

    /// What `version` holds.
    pub(crate) fn version(self, number: usize) -> String {
        let word = match self {
            Kind::Good => "good",
            Kind::CompileError => "compile",
            Kind::LinkError => "link",
            Kind::Cut => "cut",
            Kind::Trap => "trap",
            Kind::Unknown => "unknown",
            Kind::Exit => "exit",
        };
        format!("{word} {number:05} {}\n", number % 2)
    }

    /// The event that tells of it.
    pub(crate) fn event(self) -> &'static str {
        match self {
            Kind::Good => "ready",
            Kind::CompileError | Kind::LinkError | Kind::Cut => "error",
            Kind::Trap | Kind::Unknown => "trap",
            Kind::Exit => "exit",
        }
    }
}

/// What the server of save `number` answers.
pub(crate) fn answer(number: usize) -> String {
    format!("answer-{number:05}")
}

/// A project, and its port on this host.
pub(crate) fn project() -> (Place, u16) {
    let port = free_port();
    let place = Place::new();
    let made = made().display().to_string();
    let clang = tool("bin/clang").display().to_string();
    let build = BUILD.replace("MADE", &made).replace("CLANG", &clang);
    place.write("build.sh", build);
    place.write(".gitignore", "bad.c\nout.*\n*.new\n");
    place.write("version", Kind::Good.version(0));
    place.write(
        "mewz.toml",
        format!(
            "mewz = 1\n[build]\ncommand = \"sh build.sh\"\nwasm = \"out.wasm\"\n\
             [run]\nports = [\"{port}:8080\"]\nlisten = [8080]\nmemory = \"32MiB\"\n"
        ),
    );
    (place, port)
}

/// The folder with the modules that builds take.
fn made() -> &'static Path {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let blank = format!("-DANSWER=\"{BLANK}\"");
        let make = |name: &str, source: &str, flags: &[&str]| {
            build_c(source, flags, &folder.path().join(format!("{name}.wasm")));
        };
        make("0", "dev/server.c", &[&blank, "-O1"]);
        make("1", "dev/server.c", &[&blank, "-O2"]);
        make("trap", "dev/server.c", &["-DTRAPS"]);
        let exit = folder.path().join("exit.c");
        fs::write(&exit, "int main(void) { return 0; }\n").unwrap();
        make("exit", exit.to_str().unwrap(), &[]);
        let unknown = folder.path().join("unknown.c");
        fs::write(
            &unknown,
            "__attribute__((import_module(\"env\"), import_name(\"nothing\"))) void nothing(void);\n\
             int main(void) { nothing(); }\n",
        )
        .unwrap();
        make("unknown", unknown.to_str().unwrap(), &[]);
        folder
    });
    folder.path()
}
