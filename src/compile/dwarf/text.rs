//! Debug information for a module that has none: its text is the source, its locals are the variables.

use std::collections::HashMap;

use cranelift_codegen::ir::{Type, types};
use gimli::write::{
    Address, AttributeValue, DwarfUnit, EndianVec, Expression, LineProgram, LineString, Sections,
    UnitEntryId,
};
use gimli::{Encoding, Format, LineEncoding, LittleEndian};
use gimli::{constants as at, constants as tag};
use wasmparser::{FunctionBody, KnownCustom, Name, Parser, Payload};

use super::Unusable;
use crate::compile::error::CompileError;
use crate::compile::leb128::write_unsigned;
use crate::compile::module::{Module, code_type};
use crate::compile::{names, read};

/// A module with its text.
#[derive(Debug)]
pub struct WithText {
    /// The text.
    pub text: String,
    /// The module, with sections that say at which line each operator stands.
    pub wasm: Vec<u8>,
}

/// Prints the text of `wasm`, and adds debug information that leads to it: the text will be in `file` of `folder`.
///
/// # Errors
///
/// The module can't be read.
pub fn with_text(wasm: &[u8], folder: &str, file: &str) -> Result<WithText, CompileError> {
    let module = read::without_bodies(wasm)?;
    let mut text = String::new();
    let lines = wasmprinter::Config::new().offsets_and_lines(wasm, &mut text);
    let unprintable = |message: String| CompileError::Invalid { offset: 0, message };
    let lines = lines.map_err(|problem| unprintable(problem.to_string()))?;
    // Which line each offset begins: lines count from 1.
    let numbered = lines
        .zip(1..)
        .filter_map(|((offset, _), line)| Some((offset?, line)));
    let lines: Vec<(u64, u64)> = numbered.collect();
    let mut wasm = wasm.to_vec();
    let sections = sections(&module, &wasm, &lines, folder, file);
    let sections = sections.map_err(|problem| unprintable(problem.to_string()))?;
    for (name, bytes) in sections {
        append(&mut wasm, name, &bytes);
    }
    Ok(WithText { text, wasm })
}

/// Appends a custom section.
fn append(wasm: &mut Vec<u8>, name: &str, bytes: &[u8]) {
    let mut content = Vec::with_capacity(name.len() + bytes.len() + 2);
    write_unsigned(&mut content, name.len() as u64);
    content.extend_from_slice(name.as_bytes());
    content.extend_from_slice(bytes);
    wasm.push(0);
    write_unsigned(wasm, content.len() as u64);
    wasm.append(&mut content);
}

/// The sections, for addresses as a module's DWARF has them.
fn sections(
    module: &Module<'_>,
    wasm: &[u8],
    lines: &[(u64, u64)],
    folder: &str,
    file: &str,
) -> Result<Vec<(&'static str, Vec<u8>)>, Unusable> {
    let encoding = Encoding {
        format: Format::Dwarf32,
        version: 4,
        address_size: 4,
    };
    let string = |text: &str| LineString::String(text.replace('\0', "?").into_bytes());
    let mut table = LineProgram::new(
        encoding,
        LineEncoding::default(),
        string(folder),
        None,
        string(file),
        None,
    );
    let folder_id = table.default_directory();
    let file_id = table.add_file(string(file), folder_id, None);
    let mut unit = DwarfUnit::new(encoding);
    let root = unit.unit.root();
    let set = |unit: &mut DwarfUnit, id, name, value| unit.unit.get_mut(id).set(name, value);
    for (name, text) in [
        (at::DW_AT_producer, "clang (the text of a module, by mewz)"),
        (at::DW_AT_name, file),
        (at::DW_AT_comp_dir, folder),
    ] {
        let text = unit.strings.add(text.replace('\0', "?").into_bytes());
        set(&mut unit, root, name, AttributeValue::StringRef(text));
    }
    // Its expressions are those that people know.
    let language = AttributeValue::Language(gimli::DW_LANG_C99);
    set(&mut unit, root, at::DW_AT_language, language);
    let base_types = BaseTypes::new(&mut unit);
    let names = names::functions(module);
    let local_names = local_names(wasm);
    for (body, index) in module.bodies.iter().zip(module.functions_imported..) {
        let at = |offset: u64| offset.saturating_sub(u64::from(module.code_offset));
        let range = body.range();
        let first = lines.partition_point(|(offset, _)| *offset < range.start);
        let last = lines.partition_point(|(offset, _)| *offset < range.end);
        table.begin_sequence(Some(Address::Constant(at(range.start))));
        for (offset, line) in &lines[first..last] {
            let row = table.row();
            row.address_offset = offset - range.start;
            row.file = file_id;
            row.line = *line;
            row.is_statement = true;
            table.generate_row();
        }
        table.end_sequence(range.end - range.start);
        let function = unit.unit.add(root, tag::DW_TAG_subprogram);
        let name = unit.strings.add(names[index as usize].replace('\0', "?"));
        set(
            &mut unit,
            function,
            at::DW_AT_name,
            AttributeValue::StringRef(name),
        );
        let low = AttributeValue::Address(Address::Constant(at(range.start)));
        set(&mut unit, function, at::DW_AT_low_pc, low);
        let len = AttributeValue::Udata(range.end - range.start);
        set(&mut unit, function, at::DW_AT_high_pc, len);
        let ty = module.function_type(index);
        let locals = ty.parameters.iter().copied().chain(declared(body));
        for (local, ty) in (0..).zip(locals.take(LOCALS_MAX)) {
            let Some(ty) = base_types.of(ty) else {
                continue;
            };
            let is_parameter = (local as usize) < module.function_type(index).parameters.len();
            let variable = unit.unit.add(
                function,
                match is_parameter {
                    true => tag::DW_TAG_formal_parameter,
                    false => tag::DW_TAG_variable,
                },
            );
            let name = match local_names.get(&(index, local)) {
                Some(name) => (*name).to_owned(),
                None => format!("local{local}"),
            };
            let name = unit.strings.add(name.replace('\0', "?"));
            set(
                &mut unit,
                variable,
                at::DW_AT_name,
                AttributeValue::StringRef(name),
            );
            set(
                &mut unit,
                variable,
                at::DW_AT_type,
                AttributeValue::UnitRef(ty),
            );
            let mut place = Expression::new();
            place.op_wasm_local(local);
            place.op(gimli::DW_OP_stack_value);
            set(
                &mut unit,
                variable,
                at::DW_AT_location,
                AttributeValue::Exprloc(place),
            );
        }
    }
    unit.unit.line_program = table;
    let mut sections = Sections::new(EndianVec::new(LittleEndian));
    unit.write(&mut sections)?;
    let mut all = Vec::new();
    sections.for_each(|id, bytes| {
        if !bytes.slice().is_empty() {
            all.push((id.name(), bytes.slice().to_vec()));
        }
        Ok::<_, Unusable>(())
    })?;
    Ok(all)
}

/// Most locals of a function that become variables: each is kept on the stack.
const LOCALS_MAX: usize = 1000;

/// The types of the locals that a body declares.
fn declared(body: &FunctionBody<'_>) -> impl Iterator<Item = Type> {
    let groups = body.get_locals_reader().ok().into_iter().flatten();
    let groups = groups.map_while(Result::ok);
    groups.flat_map(|(count, ty)| std::iter::repeat_n(code_type(ty), count as usize))
}

/// The names of locals, by function and number.
fn local_names(wasm: &[u8]) -> HashMap<(u32, u32), &str> {
    let mut all = HashMap::new();
    for payload in Parser::new(0).parse_all(wasm).map_while(Result::ok) {
        let Payload::CustomSection(section) = payload else {
            continue;
        };
        let KnownCustom::Name(names) = section.as_known() else {
            continue;
        };
        for subsection in names.into_iter().map_while(Result::ok) {
            let Name::Local(functions) = subsection else {
                continue;
            };
            for function in functions.into_iter().map_while(Result::ok) {
                for local in function.names.map_while(Result::ok) {
                    all.insert((function.index, local.index), local.name);
                }
            }
        }
    }
    all
}

/// Entries of the types that locals have.
struct BaseTypes(Vec<(Type, UnitEntryId)>);

impl BaseTypes {
    fn new(unit: &mut DwarfUnit) -> Self {
        let types = [
            (types::I32, "i32", gimli::DW_ATE_signed, 4),
            (types::I64, "i64", gimli::DW_ATE_signed, 8),
            (types::F32, "f32", gimli::DW_ATE_float, 4),
            (types::F64, "f64", gimli::DW_ATE_float, 8),
        ];
        let root = unit.unit.root();
        let entries = types.map(|(ty, name, encoding, bytes)| {
            let id = unit.unit.add(root, tag::DW_TAG_base_type);
            let name = AttributeValue::StringRef(unit.strings.add(name));
            let entry = unit.unit.get_mut(id);
            entry.set(at::DW_AT_name, name);
            entry.set(at::DW_AT_encoding, AttributeValue::Encoding(encoding));
            entry.set(at::DW_AT_byte_size, AttributeValue::Data1(bytes));
            (ty, id)
        });
        Self(entries.into())
    }

    /// The entry of a type; `None` for vectors.
    fn of(&self, ty: Type) -> Option<UnitEntryId> {
        let found = self.0.iter().find(|(known, _)| *known == ty);
        found.map(|(_, id)| *id)
    }
}
