//! The content of `.eh_frame`.

use cranelift_codegen::isa::TargetIsa;
use cranelift_codegen::isa::unwind::UnwindInfo;
use gimli::LittleEndian;
use gimli::write::{
    Address, EhFrame, EndianVec, FrameTable, RelocateWriter, Relocation, RelocationTarget,
};
use gimli::{DW_EH_PE_pcrel, DW_EH_PE_sdata4};

/// A 32-bit distance from where it stands to a place in the code section.
pub(super) struct UnwindRelocation {
    /// Bytes from the start of `.eh_frame`.
    pub(super) offset: u64,
    /// Bytes from the start of the code section.
    pub(super) addend: i64,
}

/// Encodes the unwind tables of `functions`: where each begins in the code section, and how to unwind it.
pub(super) fn encode(
    isa: &dyn TargetIsa,
    functions: &[(u64, &UnwindInfo)],
) -> (Vec<u8>, Vec<UnwindRelocation>) {
    let mut cie = isa
        .create_systemv_cie()
        .expect("x86-64 has unwind tables of the System V kind");
    cie.fde_address_encoding = DW_EH_PE_pcrel | DW_EH_PE_sdata4;
    let mut table = FrameTable::default();
    let cie = table.add_cie(cie);
    for (index, (_, info)) in functions.iter().enumerate() {
        if let UnwindInfo::SystemV(info) = info {
            let address = Address::Symbol {
                symbol: index,
                addend: 0,
            };
            table.add_fde(cie, info.to_fde(address));
        }
    }
    let mut section = EhFrame(Section::default());
    table
        .write_eh_frame(&mut section)
        .expect("a buffer takes every table");
    let relocations = section.0.relocations.iter().map(|relocation| {
        let start = match relocation.target {
            RelocationTarget::Symbol(index) => functions[index].0 as i64,
            RelocationTarget::Section(_) => unreachable!("tables name functions alone"),
        };
        UnwindRelocation {
            offset: relocation.offset as u64,
            addend: relocation.addend + start,
        }
    });
    let relocations = relocations.collect();
    (section.0.bytes.into_vec(), relocations)
}

struct Section {
    bytes: EndianVec<LittleEndian>,
    relocations: Vec<Relocation>,
}

impl Default for Section {
    fn default() -> Self {
        Self {
            bytes: EndianVec::new(LittleEndian),
            relocations: Vec::new(),
        }
    }
}

impl RelocateWriter for Section {
    type Writer = EndianVec<LittleEndian>;

    fn writer(&self) -> &Self::Writer {
        &self.bytes
    }

    fn writer_mut(&mut self) -> &mut Self::Writer {
        &mut self.bytes
    }

    fn relocate(&mut self, relocation: Relocation) {
        self.relocations.push(relocation);
    }
}
