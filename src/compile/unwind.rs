//! The content of `.eh_frame`: a common record, and one record a function that knows nothing of the others.

use cranelift_codegen::isa::TargetIsa;
use cranelift_codegen::{CodegenError, CompiledCode, isa::unwind::UnwindInfo};
use gimli::LittleEndian;
use gimli::write::{Address, CieId, EhFrame, EndianVec, FrameTable, RelocateWriter, Relocation};
use gimli::{DW_EH_PE_pcrel, DW_EH_PE_sdata4};

/// Bytes from the start of a function's record to its distance from the common one.
const COMMON_DISTANCE_AT: usize = 4;

/// Bytes from the start of a function's record to the distance of its code, 32 bits.
pub(super) const CODE_DISTANCE_AT: usize = 8;

/// How to unwind a function: its record in `.eh_frame` without the two distances; nothing where there is none.
///
/// # Errors
///
/// The code generator can't tell.
pub(super) fn record(isa: &dyn TargetIsa, code: &CompiledCode) -> Result<Vec<u8>, CodegenError> {
    let Some(UnwindInfo::SystemV(info)) = code.create_unwind_info(isa)? else {
        return Ok(Vec::new());
    };
    let (mut table, common) = table(isa);
    let address = Address::Symbol {
        symbol: 0,
        addend: 0,
    };
    table.add_fde(common, info.to_fde(address));
    let bytes = written(table);
    let start = common_record(&bytes).len();
    let mut record = bytes[start..].to_vec();
    record[COMMON_DISTANCE_AT..CODE_DISTANCE_AT].fill(0);
    Ok(record)
}

/// The section while it grows.
pub(super) struct Section {
    /// Its bytes.
    pub(super) bytes: Vec<u8>,
}

impl Section {
    /// The common record alone.
    pub(super) fn new(isa: &dyn TargetIsa) -> Self {
        let (mut table, common) = table(isa);
        // A table without a function would be empty.
        let address = Address::Constant(0);
        table.add_fde(common, gimli::write::FrameDescriptionEntry::new(address, 0));
        let bytes = written(table);
        Self {
            bytes: common_record(&bytes).to_vec(),
        }
    }

    /// Appends a function's record; returns where its distance to the code stands.
    pub(super) fn append(&mut self, record: &[u8]) -> usize {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(record);
        let at = start + COMMON_DISTANCE_AT;
        // From the field itself back to the common record, which is the first.
        let distance = at as u32;
        self.bytes[at..at + 4].copy_from_slice(&distance.to_le_bytes());
        start + CODE_DISTANCE_AT
    }
}

fn table(isa: &dyn TargetIsa) -> (FrameTable, CieId) {
    let mut common = isa
        .create_systemv_cie()
        .expect("x86-64 has unwind tables of the System V kind");
    common.fde_address_encoding = DW_EH_PE_pcrel | DW_EH_PE_sdata4;
    let mut table = FrameTable::default();
    let common = table.add_cie(common);
    (table, common)
}

/// The first record of a table: it begins with its length.
fn common_record(bytes: &[u8]) -> &[u8] {
    let len = bytes
        .first_chunk()
        .map_or(0, |len| u32::from_le_bytes(*len));
    &bytes[..4 + len as usize]
}

fn written(table: FrameTable) -> Vec<u8> {
    let mut section = EhFrame(Writer(EndianVec::new(LittleEndian)));
    table
        .write_eh_frame(&mut section)
        .expect("a buffer takes every table");
    section.0.0.into_vec()
}

/// A buffer in which addresses of functions stay 0.
struct Writer(EndianVec<LittleEndian>);

impl RelocateWriter for Writer {
    type Writer = EndianVec<LittleEndian>;

    fn writer(&self) -> &Self::Writer {
        &self.0
    }

    fn writer_mut(&mut self) -> &mut Self::Writer {
        &mut self.0
    }

    fn relocate(&mut self, _relocation: Relocation) {}
}
