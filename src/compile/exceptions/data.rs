//! What run time needs to know of a module with exceptions: its `ExceptionModule`, and the tables that exceptions lie in.

use std::mem::offset_of;

use cranelift_codegen::ir::Type;
use mewz_abi::application::TableInstance;
use mewz_abi::exception::{CHUNKS_LEN, Exception, ExceptionModule};
use wasmparser::{AbstractHeapType, HeapType, ValType};

use crate::compile::layout::Layout;
use crate::compile::module::Module;
use crate::compile::plan::Place;
use crate::compile::symbols::{Single, SymbolId};

/// Exceptions that the first chunk has room for.
pub(super) const FIRST_CHUNK_LEN: u64 = 1024;

/// Bytes of a word of memory that may hold a reference.
pub(super) const WORD_BYTES: u64 = 8;

/// Where each value of a payload lies, in bytes from the exception, and where it ends.
pub(in crate::compile) fn payload_offsets(types: &[Type]) -> (Vec<i32>, u64) {
    let mut end = size_of::<Exception>() as u64;
    let mut offsets = Vec::with_capacity(types.len());
    for ty in types {
        let bytes = u64::from(ty.bytes());
        end = end.next_multiple_of(bytes);
        offsets.push(end as i32);
        end += bytes;
    }
    (offsets, end)
}

/// Bytes of an exception of this module, whatever its tag.
pub(super) fn slot_bytes(module: &Module<'_>) -> u64 {
    let tags = 0..module.tags.len() as u32;
    let ends = tags.map(|tag| payload_offsets(&module.payload(tag).parameters).1);
    ends.max()
        .unwrap_or(size_of::<Exception>() as u64)
        .next_multiple_of(16)
}

/// Bytes of the first chunk.
pub(in crate::compile) fn first_chunk_bytes(module: &Module<'_>) -> u64 {
    FIRST_CHUNK_LEN * slot_bytes(module)
}

/// The instances of the tables that exceptions lie in.
pub(in crate::compile) fn instances(module: &Module<'_>, own: Option<Place>) -> Vec<Place> {
    let Some(own) = own.filter(|_| module.has_exceptions()) else {
        return Vec::new();
    };
    let chunk = |index: usize| Place {
        data: own.data,
        offset: own.offset + chunk_offset(index),
    };
    (0..CHUNKS_LEN).map(chunk).collect()
}

fn chunk_offset(index: usize) -> u32 {
    (offset_of!(ExceptionModule, chunks) + index * size_of::<TableInstance>()) as u32
}

/// Writes the `ExceptionModule`, once it is known how much code and how many clauses there are.
pub(in crate::compile) fn fill(
    module: &Module<'_>,
    layout: &mut Layout,
    text_bytes: u64,
    handlers_len: u64,
) {
    let Some(own) = layout.plan.exceptions else {
        return;
    };
    let tags = (0..module.tags.len() as u32).map(|index| (SymbolId::Tag(index), 0));
    let globals = module.globals.iter().zip(&layout.plan.globals);
    let globals = globals.filter(|(global, _)| holds_exceptions(global.ty));
    let globals = globals.filter_map(|(_, place)| place.map(|p| (p.data, u64::from(p.offset))));
    let tables = module.tables.iter().zip(&layout.plan.tables);
    let tables = tables.filter(|(table, _)| holds_exceptions(table.element));
    let tables = tables.map(|(_, place)| (place.instance.data, u64::from(place.instance.offset)));
    let arrays: [Vec<(SymbolId, u64)>; 3] = [tags.collect(), globals.collect(), tables.collect()];
    let [tags, globals, tables] = arrays.map(|array| {
        let start = layout.addresses.align(8);
        for (target, addend) in &array {
            layout.addresses.address(*target, *addend);
        }
        (start, array.len() as u64)
    });
    let at = u64::from(own.offset);
    let field = |offset: usize| at + offset as u64;
    let state = &mut layout.state;
    state.set_address(
        field(offset_of!(ExceptionModule, text_start)),
        Single::Text,
        0,
    );
    let text_end = field(offset_of!(ExceptionModule, text_end));
    state.set_address(text_end, Single::Text, text_bytes);
    let handlers = field(offset_of!(ExceptionModule, handlers));
    state.set_address(handlers, Single::Handlers, 0);
    state.set_u64(
        field(offset_of!(ExceptionModule, handlers_len)),
        handlers_len,
    );
    for (offset, (start, _)) in [
        (offset_of!(ExceptionModule, tags), tags),
        (offset_of!(ExceptionModule, globals), globals),
        (offset_of!(ExceptionModule, tables), tables),
    ] {
        state.set_address(field(offset), Single::Addresses, start);
    }
    state.set_u64(field(offset_of!(ExceptionModule, globals_len)), globals.1);
    state.set_u64(field(offset_of!(ExceptionModule, tables_len)), tables.1);
    if !module.has_exceptions() {
        return;
    }
    let first = first_chunk_bytes(module) / WORD_BYTES;
    for index in 0..CHUNKS_LEN {
        let chunk = at + u64::from(chunk_offset(index));
        let len_max = chunk + offset_of!(TableInstance, len_max) as u64;
        state.set_u64(len_max, first << index);
    }
    let chunk = at + u64::from(chunk_offset(0));
    let elements = chunk + offset_of!(TableInstance, elements) as u64;
    state.set_address(elements, Single::Zero, layout.exception_room);
    let capacity = chunk + offset_of!(TableInstance, capacity) as u64;
    state.set_u64(capacity, first);
}

/// Whether values of a type may refer to exceptions.
fn holds_exceptions(ty: ValType) -> bool {
    let ValType::Ref(reference) = ty else {
        return false;
    };
    let exception = HeapType::Abstract {
        shared: false,
        ty: AbstractHeapType::Exn,
    };
    reference.heap_type() == exception
}
