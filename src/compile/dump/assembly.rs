//! Machine code as text: each instruction below the operator that it comes from, names in place of addresses.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::io;

use iced_x86::{Formatter as _, Instruction, IntelFormatter, OpKind, SymbolResolver, SymbolResult};

use super::flow::{Flow, branch_target};
use super::input::{Function, Object};
use super::operators::Operators;
use super::paint::{self, Paint};
use super::selection::plain;
use super::{DumpError, Look, Selection, head};

/// Columns of machine code's bytes; longer instructions take their text further right.
const BYTES_WIDTH: usize = 3 * 8;

/// Bytes of a constant on a line.
const CONSTANT_BYTES: usize = 8;

/// Writes the machine code of `object`, which was made of `wasm`.
///
/// # Errors
///
/// A function that is not there is wanted, or `out` takes no more.
pub fn assembly(
    wasm: &[u8],
    object: &[u8],
    selection: &Selection,
    look: Look,
    out: &mut dyn io::Write,
) -> Result<(), DumpError> {
    let object = Object::read(object)?;
    let named = object.functions.iter();
    selection.check(named.map(|function| (function.name.as_str(), function.wasm_index)))?;
    let operators = Operators::of(wasm)?;
    for function in &object.functions {
        if selection.takes(&function.name, function.wasm_index) {
            let listing = Listing::new(&object, &operators, function, look);
            out.write_all(listing.text().as_bytes())?;
        }
    }
    Ok(())
}

/// One function on its way to text.
struct Listing<'a> {
    object: &'a Object<'a>,
    operators: &'a Operators,
    function: &'a Function,
    paint: Paint,
    has_bytes: bool,
    flow: Flow,
    /// Names of places in the function: targets of branches, tables, constants.
    labels: BTreeMap<u64, String>,
    formatter: IntelFormatter,
}

impl<'a> Listing<'a> {
    fn new(
        object: &'a Object<'a>,
        operators: &'a Operators,
        function: &'a Function,
        look: Look,
    ) -> Self {
        let start = function.code.start;
        // What comes from an operator is code, even where nothing branches to it, as to a handler of exceptions.
        let rows = function.rows.iter();
        let entries = rows.filter_map(|(offset, operator)| operator.map(|_| start + offset));
        let end = function.code.end;
        // The return address of a call at the very end is behind it.
        let calls = object.handlers.range(start + 1..=end);
        let handlers = calls.flat_map(|(_, handlers)| handlers);
        let handlers: BTreeSet<u64> = handlers.map(|handler| handler.address).collect();
        let flow = Flow::of(
            start,
            object.code(function),
            entries
                .chain(handlers.iter().copied())
                .filter(|entry| *entry < end),
            |instruction| object.relocation(instruction).is_some(),
        );
        let labels = labels(&flow, handlers);
        let formatter = formatter(object, &flow, &labels);
        Self {
            object,
            operators,
            function,
            paint: Paint {
                is_colored: look.is_colored,
            },
            has_bytes: look.has_bytes,
            flow,
            labels,
            formatter,
        }
    }

    fn text(mut self) -> String {
        let mut text = String::new();
        self.head(&mut text);
        let mut rows = self.function.rows.iter().peekable();
        let mut at = self.function.code.start;
        let mut shown = None;
        while at < self.function.code.end {
            let mut operator = None;
            while let Some((_, row)) =
                rows.next_if(|(offset, _)| self.function.code.start + offset <= at)
            {
                operator = *row;
            }
            if self.labels.contains_key(&at) {
                shown = None;
                self.label(&mut text, at);
            }
            if let Some(instruction) = self.flow.instructions.get(&at).copied() {
                if operator.is_some() && operator != shown {
                    self.operator(&mut text, operator);
                    shown = operator;
                }
                self.instruction(&mut text, &instruction);
                at = instruction.next_ip();
            } else if let Some(targets) = self.flow.tables.get(&at) {
                at = self.table(&mut text, at, targets);
            } else {
                at = self.constant(&mut text, at);
            }
        }
        text.push('\n');
        text
    }

    fn head(&self, text: &mut String) {
        let Function {
            name,
            wasm_index,
            code,
            ..
        } = self.function;
        let size = format!("{} bytes", code.end - code.start);
        text.push_str(&head(name, *wasm_index, &size, self.operators, self.paint));
        let _ = writeln!(text, "{}:", self.paint.label(paint::name(name)));
    }

    fn label(&self, text: &mut String, at: u64) {
        if let Some(label) = self.labels.get(&at) {
            let _ = writeln!(text, "{}:", self.paint.label(label));
        }
    }

    /// The operator that the code from here on comes from.
    fn operator(&self, text: &mut String, operator: Option<u32>) {
        let Some(offset) = operator else { return };
        let mut line = format!("; {offset:#06x}  ");
        let from = self.operators.function_at(offset);
        if from.is_some()
            && from != self.function.wasm_index
            && let Some(from) = from
        {
            let _ = write!(line, "(in {}) ", plain(&self.object.inlined_name(from)));
        }
        line.push_str(self.operators.text(offset));
        let _ = writeln!(text, "        {}", self.paint.comment(paint::name(&line)));
    }

    fn instruction(&mut self, text: &mut String, instruction: &Instruction) {
        let mut words = String::new();
        self.formatter.format(instruction, &mut words);
        self.address(text, instruction.ip());
        if self.has_bytes {
            self.bytes(text, instruction.ip(), instruction.len());
        }
        text.push_str(&paint::name(&words));
        if let Some(trap) = self.object.traps.get(&instruction.ip()) {
            let trap = format!("; traps: {}", trap.name());
            let _ = write!(text, "  {}", self.paint.trap(trap));
        }
        let handlers = self.object.handlers.get(&instruction.next_ip());
        for handler in handlers.into_iter().flatten() {
            let label = &self.labels[&handler.address];
            let caught = match handler.tag {
                Some(tag) => format!("; catches tag {tag}: {label}"),
                None => format!("; catches all: {label}"),
            };
            let _ = write!(text, "  {}", self.paint.comment(caught));
        }
        text.push('\n');
    }

    /// A jump table; returns where it ends.
    fn table(&self, text: &mut String, start: u64, targets: &[u64]) -> u64 {
        let mut at = start;
        for target in targets {
            self.address(text, at);
            if self.has_bytes {
                self.bytes(text, at, 4);
            }
            let table = &self.labels[&start];
            let _ = writeln!(text, ".long {} - {table}", self.labels[target]);
            at += 4;
        }
        at.max(start + 1)
    }

    /// Data from `at` on, at most up to what has a name or is code; returns where it ends.
    fn constant(&self, text: &mut String, at: u64) -> u64 {
        let known = self.labels.range(at + 1..).next().map(|(next, _)| *next);
        let code = self.flow.instructions.range(at..).next();
        let end = [
            Some(self.function.code.end),
            known,
            code.map(|(next, _)| *next),
        ];
        let end = end.into_iter().flatten().min().unwrap_or(at);
        let end = end.min(at + CONSTANT_BYTES as u64).max(at + 1);
        let bytes = self.object.bytes(at, (end - at) as usize);
        self.address(text, at);
        if self.has_bytes {
            self.bytes(text, at, bytes.len());
        }
        if !self.labels.contains_key(&at) && bytes.iter().all(|byte| *byte == 0) {
            let _ = writeln!(text, ".zero {}", bytes.len());
        } else if let Ok(number) = bytes.try_into() {
            let _ = writeln!(text, ".quad {:#x}", u64::from_le_bytes(number));
        } else {
            let numbers: Vec<String> = bytes.iter().map(|byte| format!("{byte:#04x}")).collect();
            let _ = writeln!(text, ".byte {}", numbers.join(", "));
        }
        end
    }

    fn address(&self, text: &mut String, at: u64) {
        let _ = write!(text, "  {}  ", self.paint.faint(format!("{at:6x}")));
    }

    fn bytes(&self, text: &mut String, at: u64, len: usize) {
        let mut bytes = String::new();
        for byte in self.object.bytes(at, len) {
            let _ = write!(bytes, "{byte:02x} ");
        }
        let _ = write!(
            text,
            "{} ",
            self.paint.faint(format!("{bytes:BYTES_WIDTH$}"))
        );
    }
}

/// Names for the places of a function, in order.
fn labels(flow: &Flow, handlers: BTreeSet<u64>) -> BTreeMap<u64, String> {
    let mut labels = BTreeMap::new();
    for (number, handler) in handlers.into_iter().enumerate() {
        labels.insert(handler, format!(".catch{number}"));
    }
    for (number, target) in flow.targets.iter().enumerate() {
        labels
            .entry(*target)
            .or_insert_with(|| format!(".L{number}"));
    }
    for (number, table) in flow.tables.keys().enumerate() {
        labels.insert(*table, format!(".table{number}"));
    }
    for (number, constant) in flow.constants.iter().enumerate() {
        labels
            .entry(*constant)
            .or_insert_with(|| format!(".constant{number}"));
    }
    labels
}

fn formatter(object: &Object<'_>, flow: &Flow, labels: &BTreeMap<u64, String>) -> IntelFormatter {
    let mut names = HashMap::new();
    for instruction in flow.instructions.values() {
        let name = object.relocation(instruction).or_else(|| {
            let target = if instruction.is_ip_rel_memory_operand() {
                instruction.ip_rel_memory_address()
            } else {
                branch_target(instruction).or_else(|| call_target(instruction))?
            };
            let label = labels.get(&target).cloned();
            label.or_else(|| object.name_at(target).map(str::to_owned))
        });
        names.extend(name.map(|name| (instruction.ip(), name)));
    }
    let mut formatter = IntelFormatter::with_options(Some(Box::new(Names { names })), None);
    let options = formatter.options_mut();
    options.set_hex_prefix("0x");
    options.set_hex_suffix("");
    options.set_uppercase_hex(false);
    options.set_space_after_operand_separator(true);
    options.set_space_between_memory_add_operators(true);
    options.set_first_operand_char_index(8);
    options.set_show_branch_size(false);
    formatter
}

fn call_target(instruction: &Instruction) -> Option<u64> {
    (instruction.op0_kind() == OpKind::NearBranch64).then(|| instruction.near_branch64())
}

/// What the one operand of an instruction that can have a name is called, by the instruction's address.
struct Names {
    names: HashMap<u64, String>,
}

impl SymbolResolver for Names {
    fn symbol(
        &mut self,
        instruction: &Instruction,
        _operand: u32,
        instruction_operand: Option<u32>,
        address: u64,
        _address_size: u32,
    ) -> Option<SymbolResult<'_>> {
        let kind = instruction.op_kind(instruction_operand?);
        if instruction.is_ip_rel_memory_operand() && kind != OpKind::Memory {
            return None;
        }
        let name = self.names.get(&instruction.ip())?;
        Some(SymbolResult::with_str(address, name))
    }
}
