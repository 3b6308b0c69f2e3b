//! Cases from `fuzz/`: a module, calls, and what happens under wasmtime.

use std::error::Error;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::host::value::Value;

/// Bytes of a part of a case: more is a stream that lost its place.
const PART_BYTES_MAX: usize = 64 << 20;

/// A module, what is called, what wasmtime does.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) seed: u64,
    /// Empty where the seed makes no module.
    pub(crate) wasm: Vec<u8>,
    pub(crate) calls: Vec<Call>,
    /// What was seen, in the words of `fuzz/src/observe.rs`.
    pub(crate) expected: Result<String, String>,
}

/// A call of an exported function.
#[derive(Debug)]
pub(crate) struct Call {
    /// Its place among the exports.
    pub(crate) export: usize,
    pub(crate) arguments: Vec<Value>,
}

/// The program in `fuzz/` and the library of wasmtime, both ready.
#[derive(Debug)]
pub(crate) struct Source {
    program: PathBuf,
    library: PathBuf,
}

impl Source {
    /// Builds the program, as far as it is not built, and looks for the library.
    pub(crate) fn new() -> Result<Self, Box<dyn Error>> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let library = library(&root.join("target/tools/python/lib"))
            .ok_or("no wasmtime in target/tools/python: run scripts/test-tools")?;
        let target = root.join("target/fuzz");
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--locked", "--release"])
            .arg("--manifest-path")
            .arg(root.join("fuzz/Cargo.toml"))
            .arg("--target-dir")
            .arg(&target)
            .status()?;
        if !built.success() {
            return Err("the program in fuzz/ can't be built".into());
        }
        Ok(Self {
            program: target.join("release/mewz-fuzz"),
            library,
        })
    }

    /// The cases of `count` seeds from `first` on.
    pub(crate) fn seeds(&self, first: u64, count: u64) -> Result<Stream, Box<dyn Error>> {
        self.stream(&["seeds", &first.to_string(), &count.to_string()])
    }

    /// The case of a module in a file, with the calls that follow from `seed`.
    pub(crate) fn module(&self, file: &Path, seed: u64) -> Result<Stream, Box<dyn Error>> {
        let file = file.to_str().ok_or("the path is not UTF-8")?;
        self.stream(&["module", file, &seed.to_string()])
    }

    fn stream(&self, arguments: &[&str]) -> Result<Stream, Box<dyn Error>> {
        let mut child = Command::new(&self.program)
            .arg(&self.library)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().ok_or("the output is a pipe")?;
        Ok(Stream {
            child,
            input: BufReader::new(output),
        })
    }
}

/// `lib` is the folder of a Python environment that has its packages in a folder of its version.
fn library(lib: &Path) -> Option<PathBuf> {
    let place = "site-packages/wasmtime/linux-x86_64/_libwasmtime.so";
    let versions = std::fs::read_dir(lib).ok()?;
    versions
        .filter_map(|version| Some(version.ok()?.path().join(place)))
        .find(|path| path.exists())
}

/// Cases, one after another.
#[derive(Debug)]
pub(crate) struct Stream {
    child: Child,
    input: BufReader<ChildStdout>,
}

impl Stream {
    /// The next case; none at the end, or where the process ended before it.
    pub(crate) fn next(&mut self) -> Option<Case> {
        let seed = u64::from_le_bytes(self.array()?);
        let wasm = self.part()?;
        let calls_len = u32::from_le_bytes(self.array()?);
        let calls: Option<Vec<Call>> = (0..calls_len).map(|_| self.call()).collect();
        let calls = calls?;
        let [is_refused] = self.array()?;
        let text = String::from_utf8(self.part()?).ok()?;
        Some(Case {
            seed,
            wasm,
            calls,
            expected: if is_refused == 0 { Ok(text) } else { Err(text) },
        })
    }

    fn call(&mut self) -> Option<Call> {
        let export = usize::from(u16::from_le_bytes(self.array()?));
        let arguments_len = u16::from_le_bytes(self.array()?);
        let mut arguments = Vec::new();
        for _ in 0..arguments_len {
            let [letter] = self.array()?;
            let bits = u128::from_le_bytes(self.array()?);
            let letters = char::from(letter).to_string();
            arguments.push(Value::from_bits(&letters, bits));
        }
        Some(Call { export, arguments })
    }

    fn part(&mut self) -> Option<Vec<u8>> {
        let len = u32::from_le_bytes(self.array()?) as usize;
        assert!(len <= PART_BYTES_MAX, "a part of {len} bytes");
        let mut bytes = vec![0; len];
        self.input.read_exact(&mut bytes).ok()?;
        Some(bytes)
    }

    fn array<const LEN: usize>(&mut self) -> Option<[u8; LEN]> {
        let mut bytes = [0; LEN];
        self.input.read_exact(&mut bytes).ok()?;
        Some(bytes)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
