//! What a module imports and exports, and whether one fits the other.

use wasmparser::types::EntityType;
use wasmparser::{RefType, ValType, Validator, WasmFeatures};

/// The type of something that is imported or exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum External {
    /// Type letters of parameters and results.
    Function { parameters: String, results: String },
    /// Limits in elements, and the letter of the element type.
    Table { limits: Limits, element: char },
    /// Limits in pages.
    Memory { limits: Limits },
    /// The letter of the value's type.
    Global { value: char, mutable: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) min: u64,
    pub(crate) max: Option<u64>,
}

/// An import: module, field, type.
pub(crate) type Import = (String, String, External);

/// What a valid module wants and gives.
#[derive(Debug)]
pub(crate) struct Interface {
    pub(crate) imports: Vec<Import>,
    /// In the order of the module.
    pub(crate) exports: Vec<(String, External)>,
    /// Whether memory 0 is the module's own.
    pub(crate) has_own_memory: bool,
}

impl Interface {
    /// Reads a module that is valid.
    pub(crate) fn read(wasm: &[u8]) -> Result<Self, String> {
        // What the compiler does not take has been refused before.
        let mut validator = Validator::new_with_features(WasmFeatures::all());
        let types = validator
            .validate_all(wasm)
            .map_err(|error| error.to_string())?;
        let types = types.as_ref();
        let external = |entity: EntityType| match entity {
            EntityType::Func(id) | EntityType::FuncExact(id) => {
                let function = types[id].unwrap_func();
                External::Function {
                    parameters: function.params().iter().map(letter).collect(),
                    results: function.results().iter().map(letter).collect(),
                }
            }
            EntityType::Table(table) => External::Table {
                limits: Limits {
                    min: table.initial,
                    max: table.maximum,
                },
                element: reference_letter(table.element_type),
            },
            EntityType::Memory(memory) => External::Memory {
                limits: Limits {
                    min: memory.initial,
                    max: memory.maximum,
                },
            },
            EntityType::Global(global) => External::Global {
                value: letter(&global.content_type),
                mutable: global.mutable,
            },
            EntityType::Tag(_) => panic!("tags are behind a feature that is off"),
        };
        let imports: Vec<Import> = types
            .core_imports()
            .into_iter()
            .flatten()
            .map(|(module, field, entity)| (module.into(), field.into(), external(entity)))
            .collect();
        let exports = types.core_exports().into_iter().flatten();
        let imports_memory = imports
            .iter()
            .any(|(_, _, kind)| matches!(kind, External::Memory { .. }));
        Ok(Self {
            exports: exports
                .map(|(name, entity)| (name.into(), external(entity)))
                .collect(),
            has_own_memory: !imports_memory && types.memory_count() > 0,
            imports,
        })
    }
}

impl External {
    /// Whether an export of this type, as it is now, serves an import of type `wanted`.
    ///
    /// Source: core specification 2.0, section 4.5.2, "Import Matching".
    pub(crate) fn serves(&self, wanted: &External) -> bool {
        match (self, wanted) {
            (
                External::Table { limits, element },
                External::Table {
                    limits: wanted,
                    element: wanted_element,
                },
            ) => element == wanted_element && limits.serve(*wanted),
            (External::Memory { limits }, External::Memory { limits: wanted }) => {
                limits.serve(*wanted)
            }
            (have, wanted) => have == wanted,
        }
    }

    /// The text that an export row holds for this type; `None` where the contract leaves it open.
    pub(crate) fn text(&self) -> Option<String> {
        match self {
            External::Function {
                parameters,
                results,
            } => Some(format!("{parameters}${results}")),
            External::Global { value, .. } => Some(value.to_string()),
            External::Table { .. } | External::Memory { .. } => None,
        }
    }
}

impl Limits {
    fn serve(self, wanted: Limits) -> bool {
        let max_fits = match (self.max, wanted.max) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(have), Some(wanted)) => have <= wanted,
        };
        self.min >= wanted.min && max_fits
    }
}

fn letter(kind: &ValType) -> char {
    match kind {
        ValType::I32 => 'i',
        ValType::I64 => 'I',
        ValType::F32 => 'f',
        ValType::F64 => 'F',
        ValType::V128 => 'v',
        ValType::Ref(kind) => reference_letter(*kind),
    }
}

fn reference_letter(kind: RefType) -> char {
    if kind.is_func_ref() { 'p' } else { 'e' }
}
