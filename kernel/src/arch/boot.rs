//! From the PVH entry, 32 bits without paging, to 64-bit Rust in the higher half.
//!
//! Source: "PVH direct boot" of Xen (`docs/misc/pvh.pandoc`): EBX points to the start information.

use core::arch::global_asm;

use mewz_abi::address::{DIRECT_MAP_BASE, KERNEL_BASE};

use super::stacks;

/// Entry of a table of the processor's four-level paging that covers `address` at `level` (4 is the root).
const fn index(address: u64, level: u32) -> u64 {
    (address >> (12 + 9 * (level - 1))) & 511
}

const _: () = assert!(KERNEL_BASE == (KERNEL_BASE >> 30) << 30);

// `kernel_start` stands in `entry`, above this room. The tables made here map the first GiB three times: at 0, at the direct map and at the kernel's base. They last until
// `memory::paging` has made the real ones.
global_asm!(
    r#"
    .section .note.Xen, "a", @note
    .balign 4
    .long 4                         // bytes of the name
    .long 8                         // bytes of the content
    .long 18                        // XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .quad boot_entry - {base}

    .section .boot, "ax", @progbits
    .code32
    .globl boot_entry
boot_entry:
    cli
    cld
    movl $({stack} + {stack_top} - {base}), %esp
    movl %ebx, %ebp                 // CPUID destroys EBX

    movl $0x80000000, %eax          // is there long mode?
    cpuid
    cmpl $0x80000001, %eax
    jb boot_no_long_mode
    movl $0x80000001, %eax
    cpuid
    btl $29, %edx
    jnc boot_no_long_mode
    movl %edx, %esi                 // bit 20: no-execute

    movl $(boot_tables - {base}), %edi
    movl $(boot_tables_end - boot_tables) / 4, %ecx
    xorl %eax, %eax
    rep stosl

    movl $(boot_low - {base} + 3), %eax
    movl %eax, boot_root - {base}
    movl %eax, boot_root - {base} + 8 * {direct_root}
    movl $(boot_high - {base} + 3), %eax
    movl %eax, boot_root - {base} + 8 * {kernel_root}
    movl $(boot_directory - {base} + 3), %eax
    movl %eax, boot_low - {base}
    movl %eax, boot_high - {base} + 8 * {kernel_pointers}

    movl $(boot_directory - {base}), %edi
    movl $0x83, %eax                // present, writable, 2 MiB
    movl $512, %ecx
2:  movl %eax, (%edi)
    addl $0x200000, %eax
    addl $8, %edi
    loop 2b

    movl $(boot_root - {base}), %eax
    movl %eax, %cr3
    movl $0x620, %eax               // PAE, OSFXSR, OSXMMEXCPT
    movl %eax, %cr4

    movl $0xc0000080, %ecx          // EFER: long mode, no-execute where the processor knows it
    rdmsr
    orl $0x100, %eax
    btl $20, %esi
    jnc 3f
    orl $0x800, %eax
3:  wrmsr

    movl $0x80010033, %eax          // PG, WP, NE, ET, MP, PE
    movl %eax, %cr0
    lgdtl boot_gdt_pointer - {base}
    ljmpl $8, $(boot_long - {base})

boot_no_long_mode:
    movl $(boot_message - {base}), %esi
    movw $0x3f8, %dx
4:  lodsb
    testb %al, %al
    jz 5f
    outb %al, %dx
    jmp 4b
5:  cli
    hlt
    jmp 5b

    .code64
    .cfi_startproc
    .cfi_undefined %rip             // a debugger's backtrace ends here
    .cfi_undefined %rbp
boot_long:
    movabsq $boot_high_half, %rax
    jmpq *%rax
boot_high_half:
    xorl %eax, %eax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movw %ax, %fs
    movw %ax, %gs
    movq $({stack} + {stack_top}), %rsp
    movl %ebp, %edi                 // start information
    xorl %ebp, %ebp                 // the chain of frames ends here
    call kernel_start
    ud2
    .cfi_endproc

    .balign 8
boot_gdt:
    .quad 0
    .quad 0x00af9b000000ffff        // 64-bit code, ring 0, present, accessed
boot_gdt_end:
boot_gdt_pointer:
    .word boot_gdt_end - boot_gdt - 1
    .long boot_gdt - {base}
boot_message:
    .asciz "mewz: this processor has no 64-bit mode\r\n"

    .section .bss.boot, "aw", @nobits
    .balign 4096
boot_tables:
boot_root:      .skip 4096
boot_low:       .skip 4096
boot_high:      .skip 4096
boot_directory: .skip 4096
boot_tables_end:
    .text
    "#,
    base = const KERNEL_BASE as i64,
    direct_root = const index(DIRECT_MAP_BASE, 4),
    kernel_root = const index(KERNEL_BASE, 4),
    kernel_pointers = const index(KERNEL_BASE, 3),
    stack = sym stacks::KERNEL,
    stack_top = const stacks::KERNEL_TOP_OFFSET,
    options(att_syntax)
);
