//! Programs of `tests/debug` with debug information, and the lines at which their compilers let a debugger stop.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::Path;

use gimli::{Dwarf, EndianSlice, LittleEndian, SectionId};
use wasmparser::{Parser, Payload};

use super::invoke::{Ended, Place};
use super::{Transcript, command, source, tools};

/// A program of `tests/debug`, built for a debugger in a place of its own.
pub(crate) struct Built {
    pub(crate) place: Place,
    module: String,
}

impl Built {
    /// Builds the source file `name`, whose ending says the language; without optimisation unless `flags` say otherwise.
    pub(crate) fn new(name: &str, flags: &[&str]) -> Self {
        let place = Place::new();
        let file = place.path(name);
        fs::copy(source(name), &file).unwrap();
        let mut compiler = match file.extension().unwrap().to_str().unwrap() {
            "zig" => tools::zig_compiler(),
            "rs" => {
                let mut compiler = tools::rust_compiler();
                compiler.arg("-g");
                compiler
            }
            "cpp" => {
                let mut compiler = tools::c_compiler();
                // The library's archives are where Debian puts them; exceptions need more than it has.
                compiler.args(["-g", "-fno-exceptions", "-x", "c++", "-lc++", "-lc++abi"]);
                compiler
            }
            _ => {
                let mut compiler = tools::c_compiler();
                compiler.arg("-g");
                compiler
            }
        };
        compiler.args(flags).arg(name);
        match name.ends_with(".zig") {
            true => compiler.arg("-femit-bin=app.wasm"),
            false => compiler.args(["-o", "app.wasm"]),
        };
        tools::run(compiler.current_dir(place.path("")));
        Self {
            place,
            module: "app.wasm".to_owned(),
        }
    }

    /// Runs gdb's `commands`.
    pub(crate) fn session(&self, options: &[&str], commands: &[&str]) -> Transcript {
        let mut arguments = vec!["debug", "--batch"];
        arguments.extend(options);
        for line in commands {
            arguments.extend(["--ex", line]);
        }
        arguments.push(&self.module);
        let ended = Ended::new(command(&self.place, &arguments).output().unwrap());
        self.place.assert_clean();
        Transcript::new(&ended)
    }

    /// The lines of `file` at which the module's own line tables let a debugger stop.
    pub(crate) fn lines(&self, file: &str) -> BTreeSet<u64> {
        let wasm = fs::read(self.place.path(&self.module)).unwrap();
        lines(&wasm, Path::new(file))
    }
}

fn lines(wasm: &[u8], file: &Path) -> BTreeSet<u64> {
    let mut sections: HashMap<&str, &[u8]> = HashMap::new();
    for payload in Parser::new(0).parse_all(wasm) {
        if let Payload::CustomSection(section) = payload.unwrap() {
            sections.insert(section.name(), section.data());
        }
    }
    let load = |id: SectionId| {
        let bytes = sections.get(id.name()).copied().unwrap_or_default();
        Ok::<_, gimli::Error>(EndianSlice::new(bytes, LittleEndian))
    };
    let dwarf = Dwarf::load(load).unwrap();
    let mut found = BTreeSet::new();
    let mut units = dwarf.units();
    while let Some(header) = units.next().unwrap() {
        let unit = dwarf.unit(header).unwrap();
        let Some(table) = unit.line_program.clone() else {
            continue;
        };
        let mut rows = table.rows();
        let (mut is_code, mut is_live, mut is_first) = (false, false, true);
        while let Some((header, row)) = rows.next_row().unwrap() {
            // What the linker left out begins at 0; a function's first lines are those that gdb goes past.
            is_live = (is_live || (is_first && row.address() != 0)) && !row.end_sequence();
            let begins = row.prologue_end() && is_live;
            is_code = (is_code || begins) && !row.end_sequence();
            is_first = row.end_sequence();
            let entry = row.file(header).unwrap();
            let name = dwarf.attr_string(&unit, entry.path_name()).unwrap();
            let is_there = Path::new(std::str::from_utf8(name.slice()).unwrap()).ends_with(file);
            if let Some(line) = row.line()
                && is_there
                && is_code
                && row.is_stmt()
            {
                found.insert(line.get());
            }
        }
    }
    found
}
