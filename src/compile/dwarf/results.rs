//! Which functions give back their values as functions of the machine do.
//!
//! Compilers for WebAssembly have the caller give the place where a record goes, before all arguments; debuggers look for a
//! small one in registers. One that is not told shows what happens to be there, and calls such a function with
//! its first argument as that place.

use gimli::constants as tag;
use gimli::{AttributeValue, UnitOffset, UnitRef, constants as at};

use super::input::Slice;
use crate::compile::module::FunctionType;

/// References from entry to entry that are followed for a type.
const REFERENCES_MAX: usize = 16;

/// Whether the function of the entry at `offset`, which is of the type `ty` in the module, gives back its value as a debugger
/// expects it; so does one of whose value nothing is known.
pub(super) fn are_the_machines(
    unit: UnitRef<'_, Slice<'_>>,
    offset: UnitOffset,
    ty: &FunctionType,
) -> bool {
    let Some(bytes) = bytes_of(unit, offset) else {
        return true;
    };
    match ty.results.as_slice() {
        [result] => bytes <= result.bytes().into(),
        _ => bytes == 0,
    }
}

/// Bytes of what the function of the entry at `offset` gives back, if that is a record or a number.
fn bytes_of(unit: UnitRef<'_, Slice<'_>>, offset: UnitOffset) -> Option<u64> {
    let mut next = offset;
    let mut is_type = false;
    for _ in 0..REFERENCES_MAX {
        let entry = unit.entry(next).ok()?;
        let reference = |name| match entry.attr_value(name) {
            Some(AttributeValue::UnitRef(place)) => Some(place),
            _ => None,
        };
        let value = reference(at::DW_AT_type);
        if is_type {
            match entry.tag() {
                tag::DW_TAG_structure_type
                | tag::DW_TAG_class_type
                | tag::DW_TAG_union_type
                | tag::DW_TAG_array_type
                | tag::DW_TAG_base_type => {
                    let bytes = entry.attr_value(at::DW_AT_byte_size);
                    return bytes.and_then(|bytes| bytes.udata_value());
                }
                tag::DW_TAG_typedef
                | tag::DW_TAG_const_type
                | tag::DW_TAG_volatile_type
                | tag::DW_TAG_atomic_type => {}
                _ => return None,
            }
        }
        is_type |= value.is_some();
        // What is said once stands where the function was declared.
        let declaration = || reference(at::DW_AT_specification);
        let origin = || reference(at::DW_AT_abstract_origin);
        next = value.or_else(declaration).or_else(origin)?;
    }
    None
}
