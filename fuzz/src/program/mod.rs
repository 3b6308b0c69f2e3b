//! Modules that do something: structured programs that end by themselves, reach far and rarely trap.
//!
//! wasm-smith makes modules of every form that is valid, and most of what they do is little. These modules have one
//! form, and each of their functions computes: loops that count, addresses near the bounds, every operator with operands
//! where its result changes.

mod body;
mod code;
mod expression;
mod operators;
mod shape;
mod statement;

use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, ElementSection, Elements, ExportKind, ExportSection,
    FunctionSection, GlobalSection, GlobalType, HeapType, MemorySection, MemoryType, Module,
    RefType, TableSection, TableType, TagKind, TagSection, TagType, TypeSection, ValType,
};

use crate::random::Random;
use body::Body;
use shape::{Global, Plan};

/// A module; it exports most of what it has.
pub(crate) fn module(random: &mut Random) -> Vec<u8> {
    let mut plan = Plan::new(random);
    // From the last to the first: a function calls those after it, and has to know what they cost.
    let mut bodies = Vec::new();
    for index in (0..plan.functions.len()).rev() {
        let mut body = Body::new(random, &plan, index);
        body.write();
        let cost = body.cost;
        bodies.push(body.finish());
        plan.costs[index] = cost.max(1);
    }
    let mut code = CodeSection::new();
    for body in bodies.iter().rev() {
        code.raw(body);
    }
    assemble(&plan, &code, random)
}

fn assemble(plan: &Plan, code: &CodeSection, random: &mut Random) -> Vec<u8> {
    let mut types = TypeSection::new();
    let mut functions = FunctionSection::new();
    let mut exports = ExportSection::new();
    for (index, function) in (0..).zip(&plan.functions) {
        types.ty().function(
            value_types(&function.parameters),
            value_types(&function.results),
        );
        functions.function(index);
        if index == 0 || random.chance(1, 3) {
            exports.export(&format!("f{index}"), ExportKind::Func, index);
        }
    }
    let mut tags = TagSection::new();
    for (index, carried) in plan.tags.iter().enumerate() {
        types.ty().function(value_types(carried), []);
        types.ty().function([], value_types(carried));
        tags.tag(TagType {
            kind: TagKind::Exception,
            func_type_idx: plan.carried_type(index) as u32 - 1,
        });
    }
    let mut tables = TableSection::new();
    tables.table(table(RefType::FUNCREF, plan));
    exports.export("table", ExportKind::Table, 0);
    if plan.shape.references {
        tables.table(table(RefType::EXTERNREF, plan));
        exports.export("references", ExportKind::Table, 1);
    }
    let mut memories = MemorySection::new();
    for (index, memory) in (0..).zip(&plan.memories) {
        memories.memory(MemoryType {
            minimum: memory.pages,
            maximum: memory.pages_max,
            memory64: memory.is_64,
            shared: false,
            page_size_log2: (memory.page_bytes_log2 == 0).then_some(0),
        });
        exports.export(&format!("m{index}"), ExportKind::Memory, index);
    }
    let mut globals = GlobalSection::new();
    for (index, global) in (0..).zip(&plan.globals) {
        let kind = GlobalType {
            val_type: value_type(global.letter),
            mutable: global.mutable,
            shared: false,
        };
        globals.global(kind, &initializer(global));
        exports.export(&format!("g{index}"), ExportKind::Global, index);
    }
    let mut elements = ElementSection::new();
    let in_table: Vec<u32> = plan.table.iter().map(|at| *at as u32).collect();
    elements.active(
        None,
        &ConstExpr::i32_const(0),
        Elements::Functions(in_table.into()),
    );
    // Those that table.init copies; all of the table's functions end, and so do these.
    let last = plan.functions.len() as u32 - 1;
    let passive = if plan.table.is_empty() {
        Vec::new()
    } else {
        vec![last, last, last]
    };
    elements.passive(Elements::Functions(passive.into()));
    let all: Vec<u32> = match plan.has_function_references() {
        true => (0..plan.functions.len() as u32).collect(),
        false => Vec::new(),
    };
    elements.declared(Elements::Functions(all.into()));
    let mut data = DataSection::new();
    let bytes: Vec<u8> = (0..8 + random.below(100))
        .map(|_| random.bits() as u8)
        .collect();
    let start = random.below(0x7000);
    let start = match plan.memories[0].is_64 {
        true => ConstExpr::i64_const(start as i64),
        false => ConstExpr::i32_const(start as i32),
    };
    data.active(0, &start, bytes.clone());
    data.passive(bytes);

    let mut module = Module::new();
    module
        .section(&types)
        .section(&functions)
        .section(&tables)
        .section(&memories);
    if !plan.tags.is_empty() {
        module.section(&tags);
    }
    module
        .section(&globals)
        .section(&exports)
        .section(&elements);
    module.section(&wasm_encoder::DataCountSection { count: 2 });
    module.section(code).section(&data);
    module.finish()
}

fn table(element_type: RefType, plan: &Plan) -> TableType {
    TableType {
        element_type,
        table64: false,
        minimum: plan.table_len as u64,
        maximum: Some(plan.table_len as u64),
        shared: false,
    }
}

fn initializer(global: &Global) -> ConstExpr {
    let bits = global.bits;
    match global.letter {
        'i' => ConstExpr::i32_const(bits as i32),
        'I' => ConstExpr::i64_const(bits as i64),
        'f' => ConstExpr::f32_const(f32::from_bits(bits as u32).into()),
        'F' => ConstExpr::f64_const(f64::from_bits(bits as u64).into()),
        'v' => ConstExpr::v128_const(bits as i128),
        'p' => ConstExpr::ref_null(HeapType::FUNC),
        _ => ConstExpr::ref_null(HeapType::EXTERN),
    }
}

fn value_types(letters: &str) -> Vec<ValType> {
    letters.chars().map(value_type).collect()
}

fn value_type(letter: char) -> ValType {
    match letter {
        'i' => ValType::I32,
        'I' => ValType::I64,
        'f' => ValType::F32,
        'F' => ValType::F64,
        'v' => ValType::V128,
        'p' => ValType::FUNCREF,
        _ => ValType::EXTERNREF,
    }
}
