//! What a module imports and exports, and whether one fits the other.

use mewz_abi::symbol;
use wasmparser::types::EntityType;
use wasmparser::{ValType, Validator, WasmFeatures};

use super::letters;

/// The type of something that is imported or exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum External {
    /// Type letters of parameters and results.
    Function { parameters: String, results: String },
    /// Limits in elements, the letters of the element type, and whether indices are i64.
    Table {
        limits: Limits,
        element: String,
        index_64: bool,
    },
    /// Limits in pages, and the rest of the type.
    Memory { limits: Limits, form: MemoryForm },
    /// The letters of the value's type.
    Global { value: String, mutable: bool },
    /// Letters of the payload's types.
    Tag { parameters: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) min: u64,
    pub(crate) max: Option<u64>,
}

/// What two memories have in common if one serves as the other, sizes aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MemoryForm {
    pub(crate) page_bytes_log2: u32,
    pub(crate) index_64: bool,
    pub(crate) is_shared: bool,
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
                let (parameters, results) = letters::function(types, id);
                External::Function {
                    parameters,
                    results,
                }
            }
            EntityType::Table(table) => External::Table {
                limits: Limits {
                    min: table.initial,
                    max: table.maximum,
                },
                element: letters::one(types, ValType::Ref(table.element_type)),
                index_64: table.table64,
            },
            EntityType::Memory(memory) => External::Memory {
                limits: Limits {
                    min: memory.initial,
                    max: memory.maximum,
                },
                form: MemoryForm {
                    page_bytes_log2: memory.page_size_log2.unwrap_or(16),
                    index_64: memory.memory64,
                    is_shared: memory.shared,
                },
            },
            EntityType::Global(global) => External::Global {
                value: letters::one(types, global.content_type),
                mutable: global.mutable,
            },
            EntityType::Tag(id) => External::Tag {
                parameters: letters::function(types, id).0,
            },
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
                External::Table {
                    limits,
                    element,
                    index_64,
                },
                External::Table {
                    limits: wanted,
                    element: wanted_element,
                    index_64: wanted_64,
                },
            ) => element == wanted_element && index_64 == wanted_64 && limits.serve(*wanted),
            (
                External::Memory { limits, form },
                External::Memory {
                    limits: wanted,
                    form: wanted_form,
                },
            ) => form == wanted_form && limits.serve(*wanted),
            (
                External::Global {
                    value,
                    mutable: false,
                },
                External::Global {
                    value: wanted,
                    mutable: false,
                },
            ) => letters::is_subtype(value, wanted),
            (have, wanted) => have == wanted,
        }
    }

    /// The symbol of an import of this type.
    pub(crate) fn import_symbol(&self, module: &str, field: &str) -> String {
        let mut text = String::new();
        let written = match self {
            External::Function {
                parameters,
                results,
            } => symbol::write_import(&mut text, module, field, parameters, results),
            External::Table { index_64, .. } => {
                let kind = symbol::table_kind(*index_64);
                symbol::write_import_object(&mut text, module, field, kind)
            }
            External::Memory { form, .. } => {
                let kind = symbol::memory_kind(form.index_64, form.page_bytes_log2);
                symbol::write_import_object(&mut text, module, field, kind)
            }
            External::Global { value, mutable } => {
                let prefix = if *mutable { 'G' } else { 'g' };
                let kind = format!("{prefix}lobal.{value}");
                symbol::write_import_object(&mut text, module, field, &kind)
            }
            External::Tag { parameters } => {
                let kind = format!("tag.{parameters}");
                symbol::write_import_object(&mut text, module, field, &kind)
            }
        };
        written.expect("strings take all text");
        text
    }

    /// The text that an export row holds for this type; `None` where the contract leaves it open.
    pub(crate) fn text(&self) -> Option<String> {
        match self {
            External::Function {
                parameters,
                results,
            } => Some(format!("{parameters}${results}")),
            External::Global { value, .. } => Some(value.clone()),
            External::Tag { parameters } => Some(parameters.clone()),
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
