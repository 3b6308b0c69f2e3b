//! The registers as the debugger knows them: those of the crate, and what only ring 0 has.

use gdbstub::arch::Arch;
use gdbstub_arch::x86::reg::X86_64CoreRegs;

use crate::arch::cpu;
use crate::arch::frame::InterruptFrame;
use crate::arch::vectors::SavedVectors;

/// x86-64 in ring 0.
pub(super) enum Processor {}

impl Arch for Processor {
    type Usize = u64;
    type Registers = Registers;
    type RegId = ();
    type BreakpointKind = usize;

    fn target_description_xml() -> Option<&'static str> {
        Some(DESCRIPTION)
    }
}

/// Names, widths and types of all registers, in the order of [`Registers`]. GDB wants these features by these names.
/// Source: "i386 Features", GDB's manual, appendix G.5.
const DESCRIPTION: &str = concat!(
    r#"<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd"><target version="1.0">"#,
    r#"<architecture>i386:x86-64</architecture>"#,
    r#"<feature name="org.gnu.gdb.i386.core">"#,
    r#"<flags id="eflags" size="4"><field name="" start="22" end="31"/><field name="ID" start="21" end="21"/>"#,
    r#"<field name="RF" start="16" end="16"/><field name="OF" start="11" end="11"/><field name="DF" start="10" end="10"/>"#,
    r#"<field name="IF" start="9" end="9"/><field name="TF" start="8" end="8"/><field name="SF" start="7" end="7"/>"#,
    r#"<field name="ZF" start="6" end="6"/><field name="AF" start="4" end="4"/><field name="PF" start="2" end="2"/>"#,
    r#"<field name="CF" start="0" end="0"/></flags>"#,
    r#"<reg name="rax" bitsize="64" type="int64"/><reg name="rbx" bitsize="64" type="int64"/>"#,
    r#"<reg name="rcx" bitsize="64" type="int64"/><reg name="rdx" bitsize="64" type="int64"/>"#,
    r#"<reg name="rsi" bitsize="64" type="int64"/><reg name="rdi" bitsize="64" type="int64"/>"#,
    r#"<reg name="rbp" bitsize="64" type="data_ptr"/><reg name="rsp" bitsize="64" type="data_ptr"/>"#,
    r#"<reg name="r8" bitsize="64" type="int64"/><reg name="r9" bitsize="64" type="int64"/>"#,
    r#"<reg name="r10" bitsize="64" type="int64"/><reg name="r11" bitsize="64" type="int64"/>"#,
    r#"<reg name="r12" bitsize="64" type="int64"/><reg name="r13" bitsize="64" type="int64"/>"#,
    r#"<reg name="r14" bitsize="64" type="int64"/><reg name="r15" bitsize="64" type="int64"/>"#,
    r#"<reg name="rip" bitsize="64" type="code_ptr"/><reg name="eflags" bitsize="32" type="eflags"/>"#,
    r#"<reg name="cs" bitsize="32" type="int32"/><reg name="ss" bitsize="32" type="int32"/>"#,
    r#"<reg name="ds" bitsize="32" type="int32"/><reg name="es" bitsize="32" type="int32"/>"#,
    r#"<reg name="fs" bitsize="32" type="int32"/><reg name="gs" bitsize="32" type="int32"/>"#,
    r#"<reg name="st0" bitsize="80" type="i387_ext"/><reg name="st1" bitsize="80" type="i387_ext"/>"#,
    r#"<reg name="st2" bitsize="80" type="i387_ext"/><reg name="st3" bitsize="80" type="i387_ext"/>"#,
    r#"<reg name="st4" bitsize="80" type="i387_ext"/><reg name="st5" bitsize="80" type="i387_ext"/>"#,
    r#"<reg name="st6" bitsize="80" type="i387_ext"/><reg name="st7" bitsize="80" type="i387_ext"/>"#,
    r#"<reg name="fctrl" bitsize="32" type="int" group="float"/><reg name="fstat" bitsize="32" type="int" group="float"/>"#,
    r#"<reg name="ftag" bitsize="32" type="int" group="float"/><reg name="fiseg" bitsize="32" type="int" group="float"/>"#,
    r#"<reg name="fioff" bitsize="32" type="int" group="float"/><reg name="foseg" bitsize="32" type="int" group="float"/>"#,
    r#"<reg name="fooff" bitsize="32" type="int" group="float"/><reg name="fop" bitsize="32" type="int" group="float"/>"#,
    r#"</feature><feature name="org.gnu.gdb.i386.sse">"#,
    r#"<vector id="v4f" type="ieee_single" count="4"/><vector id="v2d" type="ieee_double" count="2"/>"#,
    r#"<vector id="v16i8" type="int8" count="16"/><vector id="v8i16" type="int16" count="8"/>"#,
    r#"<vector id="v4i32" type="int32" count="4"/><vector id="v2i64" type="int64" count="2"/>"#,
    r#"<union id="vec128"><field name="v4_float" type="v4f"/><field name="v2_double" type="v2d"/>"#,
    r#"<field name="v16_int8" type="v16i8"/><field name="v8_int16" type="v8i16"/><field name="v4_int32" type="v4i32"/>"#,
    r#"<field name="v2_int64" type="v2i64"/><field name="uint128" type="uint128"/></union>"#,
    r#"<reg name="xmm0" bitsize="128" type="vec128"/><reg name="xmm1" bitsize="128" type="vec128"/>"#,
    r#"<reg name="xmm2" bitsize="128" type="vec128"/><reg name="xmm3" bitsize="128" type="vec128"/>"#,
    r#"<reg name="xmm4" bitsize="128" type="vec128"/><reg name="xmm5" bitsize="128" type="vec128"/>"#,
    r#"<reg name="xmm6" bitsize="128" type="vec128"/><reg name="xmm7" bitsize="128" type="vec128"/>"#,
    r#"<reg name="xmm8" bitsize="128" type="vec128"/><reg name="xmm9" bitsize="128" type="vec128"/>"#,
    r#"<reg name="xmm10" bitsize="128" type="vec128"/><reg name="xmm11" bitsize="128" type="vec128"/>"#,
    r#"<reg name="xmm12" bitsize="128" type="vec128"/><reg name="xmm13" bitsize="128" type="vec128"/>"#,
    r#"<reg name="xmm14" bitsize="128" type="vec128"/><reg name="xmm15" bitsize="128" type="vec128"/>"#,
    r#"<reg name="mxcsr" bitsize="32" type="int" group="vector"/>"#,
    r#"</feature><feature name="org.gnu.gdb.i386.segments">"#,
    r#"<reg name="fs_base" bitsize="64" type="int"/><reg name="gs_base" bitsize="64" type="int"/>"#,
    r#"</feature><feature name="org.mewz.kernel">"#,
    r#"<reg name="cr0" bitsize="64" type="int" group="system"/><reg name="cr2" bitsize="64" type="data_ptr" group="system"/>"#,
    r#"<reg name="cr3" bitsize="64" type="int" group="system"/><reg name="cr4" bitsize="64" type="int" group="system"/>"#,
    r#"</feature></target>"#,
);

/// All registers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Registers {
    core: X86_64CoreRegs,
    /// FS and GS.
    segment_bases: [u64; 2],
    /// CR0, CR2, CR3, CR4.
    control: [u64; 4],
}

impl gdbstub::arch::Registers for Registers {
    type ProgramCounter = u64;

    fn pc(&self) -> u64 {
        self.core.rip
    }

    fn gdb_serialize(&self, mut write_byte: impl FnMut(Option<u8>)) {
        self.core.gdb_serialize(&mut write_byte);
        for value in self.segment_bases.iter().chain(&self.control) {
            for byte in value.to_le_bytes() {
                write_byte(Some(byte));
            }
        }
    }

    /// Takes what can be changed: the general registers, flags, vectors and floating-point numbers.
    fn gdb_deserialize(&mut self, bytes: &[u8]) -> Result<(), ()> {
        self.core.gdb_deserialize(bytes)
    }
}

/// Offsets in what FXSAVE stores. Source: Intel's manual, volume 1, table 10-2.
mod saved {
    pub(super) const CONTROL: usize = 0;
    pub(super) const STATUS: usize = 2;
    pub(super) const TAGS: usize = 4;
    pub(super) const OPCODE: usize = 6;
    pub(super) const INSTRUCTION: usize = 8;
    pub(super) const OPERAND: usize = 16;
    pub(super) const MXCSR: usize = 24;
    pub(super) const NUMBERS: usize = 32;
    pub(super) const VECTORS: usize = 160;
    pub(super) const SLOT_BYTES: usize = 16;
}

/// Flags that a debugger may change: carry, parity, adjust, zero, sign, interrupts, direction, overflow.
const FLAGS: u64 = 0xed5;

/// The registers of the interrupted code.
pub(super) fn read(frame: &InterruptFrame, vectors: &SavedVectors) -> Registers {
    let mut registers = Registers::default();
    let core = &mut registers.core;
    let [r15, r14, r13, r12, r11, r10, r9, r8] = frame.r15_to_r8;
    core.regs = [
        frame.rax, frame.rbx, frame.rcx, frame.rdx, frame.rsi, frame.rdi, frame.rbp, frame.rsp, r8,
        r9, r10, r11, r12, r13, r14, r15,
    ];
    core.eflags = (frame.rflags & !cpu::RFLAGS_TRAP) as u32;
    core.rip = frame.rip;
    core.segments.cs = frame.cs as u32;
    core.segments.ss = frame.ss as u32;
    let number = |offset| u32::from(u16::from_le_bytes(vectors.read(offset)));
    core.fpu.fctrl = number(saved::CONTROL);
    core.fpu.fstat = number(saved::STATUS);
    core.fpu.ftag = whole_tags(vectors.read::<1>(saved::TAGS)[0]);
    core.fpu.fop = number(saved::OPCODE);
    core.fpu.fioff = u32::from_le_bytes(vectors.read(saved::INSTRUCTION));
    core.fpu.fooff = u32::from_le_bytes(vectors.read(saved::OPERAND));
    for (at, slot) in core.st.iter_mut().enumerate() {
        *slot = vectors.read(saved::NUMBERS + at * saved::SLOT_BYTES);
    }
    for (at, slot) in core.xmm.iter_mut().enumerate() {
        *slot = u128::from_le_bytes(vectors.read(saved::VECTORS + at * saved::SLOT_BYTES));
    }
    core.mxcsr = u32::from_le_bytes(vectors.read(saved::MXCSR));
    registers.segment_bases = cpu::segment_bases();
    registers.control = [
        cpu::control0(),
        cpu::fault_address(),
        cpu::page_table_root(),
        cpu::control4(),
    ];
    registers
}

/// Changes the registers of the interrupted code, as far as they can be changed.
pub(super) fn write(registers: &Registers, frame: &mut InterruptFrame, vectors: &mut SavedVectors) {
    let core = &registers.core;
    let [
        rax,
        rbx,
        rcx,
        rdx,
        rsi,
        rdi,
        rbp,
        rsp,
        r8,
        r9,
        r10,
        r11,
        r12,
        r13,
        r14,
        r15,
    ] = core.regs;
    frame.rax = rax;
    frame.rbx = rbx;
    frame.rcx = rcx;
    frame.rdx = rdx;
    frame.rsi = rsi;
    frame.rdi = rdi;
    frame.rbp = rbp;
    frame.rsp = rsp;
    frame.r15_to_r8 = [r15, r14, r13, r12, r11, r10, r9, r8];
    frame.rip = core.rip;
    frame.rflags = frame.rflags & !FLAGS | u64::from(core.eflags) & FLAGS;
    for (at, number) in core.st.iter().enumerate() {
        vectors.write(saved::NUMBERS + at * saved::SLOT_BYTES, *number);
    }
    for (at, vector) in core.xmm.iter().enumerate() {
        vectors.write(
            saved::VECTORS + at * saved::SLOT_BYTES,
            vector.to_le_bytes(),
        );
    }
}

/// Two bits for each number, 3 for an empty one, of one bit each, 0 for an empty one.
fn whole_tags(tags: u8) -> u32 {
    let empty = (0..8).filter(|number| tags >> number & 1 == 0);
    empty.map(|number| 3 << (2 * number)).sum()
}
