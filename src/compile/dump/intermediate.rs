//! Intermediate code as text: what the code generator lowers, each instruction below the operator that it comes from.

use std::fmt::{self, Write as _};
use std::io;

use cranelift_codegen::entity::SecondaryMap;
use cranelift_codegen::ir::entities::AnyEntity;
use cranelift_codegen::ir::{
    Block, ExternalName, Function, GlobalValueData, Inst, SourceLoc, Value,
};
use cranelift_codegen::write::{FuncWriter, PlainWriter, decorate_function};

use super::operators::Operators;
use super::paint::{self, Paint};
use super::selection::plain;
use super::{DumpError, Look, Selection, head};
use crate::compile::codegen::{self, Task};
use crate::compile::module::{Item, Module};
use crate::compile::options::{OptLevel, Options};
use crate::compile::profile::RunCounts;
use crate::compile::symbols::SymbolId;
use crate::compile::translate::{Context, InlinedBodies, trap_kind};
use crate::compile::whole::Inlining;
use crate::compile::{layout, names, read, target, tasks};

/// Columns before an instruction.
const INDENT: usize = 4;

/// Writes the intermediate code that `wasm` becomes, after all optimisation and before it is lowered.
///
/// # Errors
///
/// The module can't be compiled, a function that is not there is wanted, or `out` takes no more.
pub fn intermediate(
    wasm: &[u8],
    options: &Options,
    selection: &Selection,
    look: Look,
    out: &mut dyn io::Write,
) -> Result<(), DumpError> {
    let module = read::module(wasm)?;
    let isa = target::isa(options);
    let counts = RunCounts::of(&module, options);
    let inlining =
        (options.opt_level == OptLevel::Module).then(|| Inlining::decide(&module, counts.as_ref()));
    let layout = layout::lay_out(&module, options, inlining.as_ref())?;
    let tasks = tasks::tasks(&module, &layout);
    let named = tasks.iter();
    selection.check(named.map(|task| (task.name.as_str(), task.wasm_index)))?;
    let operators = Operators::of(wasm)?;
    let context = Context {
        module: &module,
        plan: &layout.plan,
        options,
        target: isa.frontend_config(),
        inlining: inlining.as_ref(),
        counts: counts.as_ref(),
    };
    let symbols = Symbols {
        module: &module,
        functions: names::functions(&module),
    };
    let paint = Paint {
        is_colored: look.is_colored,
    };
    let wanted = tasks
        .iter()
        .filter(|task| selection.takes(&task.name, task.wasm_index));
    codegen::optimize_each(&context, &*isa, wanted, |task, function, inlined| {
        let mut writer = Writer {
            symbols: &symbols,
            operators: &operators,
            inlined,
            paint,
            wasm_index: task.wasm_index,
            shown: SourceLoc::default(),
        };
        let text = writer.text(task, function);
        out.write_all(text.as_bytes()).map_err(DumpError::Output)
    })
}

/// Names of what code refers to.
struct Symbols<'a> {
    module: &'a Module<'a>,
    functions: Vec<String>,
}

impl Symbols<'_> {
    fn name(&self, id: SymbolId) -> String {
        let function = |index: u32| self.functions[index as usize].clone();
        let import = |item: Item| {
            let mut imports = self.module.imports.iter();
            let import = imports.find(|import| import.item == item);
            import.map_or_else(String::new, |import| {
                names::import_symbol(self.module, import)
            })
        };
        match id {
            SymbolId::Function(index) => function(index),
            SymbolId::ImportedFunction(index) => import(Item::Function(index)),
            SymbolId::ImportedTable(index) => import(Item::Table(index)),
            SymbolId::ImportedMemory(index) => import(Item::Memory(index)),
            SymbolId::ImportedGlobal(index) => import(Item::Global(index)),
            SymbolId::Tag(index) => names::tag(self.module, index),
            SymbolId::Type(index) => names::type_symbol(&self.module.types[index as usize]),
            SymbolId::Entry(number) => {
                names::export_symbol(self.module.exports[number as usize].name)
            }
            SymbolId::InstantiatePart(part) => format!("mewz_instantiate_part {part}"),
            SymbolId::Constant(slot) => format!("constant {slot}"),
            SymbolId::Runtime(runtime) => runtime.symbol().to_owned(),
            SymbolId::Single(single) => format!("mewz_{}", format!("{single:?}").to_lowercase()),
        }
    }
}

/// Writes one function.
struct Writer<'a> {
    symbols: &'a Symbols<'a>,
    operators: &'a Operators,
    inlined: &'a InlinedBodies,
    paint: Paint,
    wasm_index: Option<u32>,
    /// The location whose operator was written last.
    shown: SourceLoc,
}

impl Writer<'_> {
    fn text(&mut self, task: &Task<'_>, function: &Function) -> String {
        let blocks = function.layout.blocks();
        let instructions: usize = blocks
            .map(|block| function.layout.block_insts(block).count())
            .sum();
        let size = format!("{instructions} instructions");
        let mut text = head(
            &task.name,
            task.wasm_index,
            &size,
            self.operators,
            self.paint,
        );
        decorate_function(self, &mut text, function).expect("a string takes all text");
        text.push('\n');
        text
    }

    fn operator(&mut self, w: &mut dyn fmt::Write, location: SourceLoc) -> fmt::Result {
        let (_, offset) = self.inlined.resolve(location);
        let mut line = format!("; {offset:#06x}  ");
        if let Some(from) = self.operators.function_at(offset)
            && Some(from) != self.wasm_index
        {
            let name = &self.symbols.functions[from as usize];
            write!(line, "(in {}) ", plain(name))?;
        }
        line.push_str(self.operators.text(offset));
        writeln!(
            w,
            "{:INDENT$}{}",
            "",
            self.paint.comment(paint::name(&line))
        )
    }

    /// What an entity of the preamble stands for.
    fn meaning(&self, function: &Function, entity: AnyEntity) -> Option<String> {
        let name = match entity {
            AnyEntity::FuncRef(reference) => &function.dfg.ext_funcs[reference].name,
            AnyEntity::GlobalValue(value) => match &function.global_values[value] {
                GlobalValueData::Symbol { name, .. } => name,
                _ => return None,
            },
            _ => return None,
        };
        let ExternalName::User(reference) = name else {
            return None;
        };
        let name = &function.params.user_named_funcs()[*reference];
        let id = SymbolId::from_numbers(name.namespace, name.index)?;
        Some(self.symbols.name(id))
    }
}

impl FuncWriter for Writer<'_> {
    fn write_block_header(
        &mut self,
        w: &mut dyn fmt::Write,
        function: &Function,
        block: Block,
        _indent: usize,
    ) -> fmt::Result {
        self.shown = SourceLoc::default();
        let mut header = String::new();
        PlainWriter.write_block_header(&mut header, function, block, INDENT)?;
        writeln!(w, "{}", self.paint.label(header.trim_end()))
    }

    fn write_instruction(
        &mut self,
        w: &mut dyn fmt::Write,
        function: &Function,
        aliases: &SecondaryMap<Value, Vec<Value>>,
        instruction: Inst,
        _indent: usize,
    ) -> fmt::Result {
        let location = function.srcloc(instruction);
        if !location.is_default() && location != self.shown {
            self.operator(w, location)?;
            self.shown = location;
        }
        let mut line = String::new();
        PlainWriter.write_instruction(&mut line, function, aliases, instruction, INDENT)?;
        // The location stands above.
        let text = match line.strip_prefix('@') {
            Some(rest) => rest.split_once(' ').map_or(rest, |(_, text)| text),
            None => &line,
        };
        let trap = function.dfg.insts[instruction].trap_code();
        match trap.and_then(trap_kind) {
            Some(kind) => {
                let trap = format!("; traps: {}", kind.name());
                writeln!(
                    w,
                    "{:INDENT$}{}  {}",
                    "",
                    text.trim(),
                    self.paint.trap(trap)
                )
            }
            None => write!(w, "{:INDENT$}{}", "", text.trim_start()),
        }
    }

    fn write_entity_definition(
        &mut self,
        w: &mut dyn fmt::Write,
        function: &Function,
        entity: AnyEntity,
        value: &dyn fmt::Display,
    ) -> fmt::Result {
        match self.meaning(function, entity) {
            Some(meaning) => {
                let meaning = format!("; {}", plain(&meaning));
                let meaning = self.paint.comment(paint::name(&meaning));
                writeln!(w, "{:INDENT$}{entity} = {value}  {meaning}", "")
            }
            None => writeln!(w, "{:INDENT$}{entity} = {value}", ""),
        }
    }
}
