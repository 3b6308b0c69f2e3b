//! The server that mewz and wasmtime run: made once, changed at each save.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Functions of the ballast: with a C library about 1 MB.
const BALLAST: usize = 2200;

/// The constant in `server.c`.
const FIRST: u32 = 0x2000_0000;

/// The operator before it. Source: WebAssembly core specification, section 5.4.7.
const I32_CONST: u8 = 0x41;

/// The server.
pub(crate) struct Application {
    folder: tempfile::TempDir,
    module: Vec<u8>,
    /// Where the number is.
    place: usize,
    pub(crate) functions: usize,
}

impl Application {
    pub(crate) fn build() -> Result<Self, String> {
        let folder =
            tempfile::tempdir().map_err(|problem| format!("cannot make a folder: {problem}"))?;
        let path = |name: &str| folder.path().join(name);
        write(&path("ballast.c"), ballast().as_bytes())?;
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut compiler = Command::new(root.join("target/tools/bin/clang"));
        compiler
            .args(["--target=wasm32-wasi", "-O1", "-o"])
            .arg(path("made.wasm"))
            .arg(root.join("benches/reload/server.c"))
            .arg(path("ballast.c"));
        let status = compiler.status();
        if !status.as_ref().is_ok_and(std::process::ExitStatus::success) {
            return Err(format!(
                "{compiler:?} failed ({status:?}); `scripts/test-tools` installs it"
            ));
        }
        let module = fs::read(path("made.wasm")).map_err(|problem| problem.to_string())?;
        let number = [&[I32_CONST][..], &signed(FIRST)].concat();
        let places = module.windows(number.len()).enumerate();
        let mut places = places.filter(|(_, bytes)| *bytes == number);
        let (Some((place, _)), None) = (places.next(), places.next()) else {
            return Err("the server has no number, or several".to_owned());
        };
        Ok(Self {
            place: place + 1,
            functions: functions(&module)?,
            module,
            folder,
        })
    }

    pub(crate) fn bytes(&self) -> usize {
        self.module.len()
    }

    /// The file that is saved.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("server.wasm")
    }

    /// The module that answers with this number.
    pub(crate) fn answering(&self, number: usize) -> Vec<u8> {
        let mut module = self.module.clone();
        let bytes = signed(FIRST + number as u32);
        module[self.place..][..bytes.len()].copy_from_slice(&bytes);
        module
    }
}

fn functions(module: &[u8]) -> Result<usize, String> {
    let mut count = 0;
    for payload in wasmparser::Parser::new(0).parse_all(module) {
        let payload = payload.map_err(|problem| problem.to_string())?;
        count += usize::from(matches!(payload, wasmparser::Payload::CodeSectionEntry(_)));
    }
    Ok(count)
}

/// A positive number of 28 to 31 bits, as LEB128.
fn signed(number: u32) -> [u8; 5] {
    let part = |at: u32| (number >> (7 * at)) as u8 & 0x7f;
    [
        part(0) | 0x80,
        part(1) | 0x80,
        part(2) | 0x80,
        part(3) | 0x80,
        part(4),
    ]
}

/// Functions that call each other and have texts and tables, as those of programs do.
fn ballast() -> String {
    let mut text =
        String::from("#include <stdio.h>\n#include <string.h>\nstatic unsigned state[64];\n");
    for at in 0..BALLAST {
        let _ = writeln!(text, "unsigned f{at}(unsigned x);");
    }
    for at in 0..BALLAST {
        let _ = writeln!(
            text,
            "__attribute__((noinline)) unsigned f{at}(unsigned x) {{"
        );
        let _ = writeln!(
            text,
            "    unsigned s = x * {} + state[x & 63];",
            at * 31 + 7
        );
        for step in 0..5 {
            let callee = (at * 13 + step * 7 + 1) % BALLAST;
            let _ = writeln!(
                text,
                "    if ((s >> {step}) % {} == {at}) {{ s ^= f{callee}(s + {step}); state[s & 63] += {step}; }}\n    \
                 else s = (s << {}) ^ (s >> 3) ^ state[(s + {at}) & 63];",
                at + step + 64,
                step + 1
            );
        }
        let _ = writeln!(
            text,
            "    if (s == {at}u) printf(\"function %u of {at}: %u\\n\", x, s);\n    return s;\n}}"
        );
    }
    text.push_str("static unsigned (*const all[])(unsigned) = {");
    for at in 0..BALLAST {
        let _ = write!(text, "f{at},");
    }
    let _ = writeln!(
        text,
        "}};\nunsigned ballast(unsigned x) {{ return all[x % {BALLAST}](x); }}"
    );
    text
}

pub(crate) fn write(path: &Path, content: &[u8]) -> Result<(), String> {
    fs::write(path, content).map_err(|problem| format!("cannot write {path:?}: {problem}"))
}
