//! The smallest guest: it writes one byte to COM1 and ends the machine. What it takes is what no kernel can save.

use mewz_abi::exit::DEBUG_EXIT_PORT;

/// The guest's code: 32-bit protected mode, as PVH enters.
const CODE: [u8; 17] = {
    let [low, high] = DEBUG_EXIT_PORT.to_le_bytes();
    [
        0x66, 0xba, 0xf8, 0x03, // mov dx, 0x3f8
        0xb0, b'!', // mov al, '!'
        0xee, // out dx, al
        0x66, 0xba, low, high, // mov dx, DEBUG_EXIT_PORT
        0x31, 0xc0, // xor eax, eax
        0xef, // out dx, eax
        0xf4, // hlt
        0xeb, 0xfd, // jmp to the hlt
    ]
};

/// Type of the ELF note that holds the entry's address: XEN_ELFNOTE_PHYS32_ENTRY.
const NOTE_TYPE: u32 = 18;

/// Where the guest is loaded and entered.
const ADDRESS: u32 = 0x10_0000;

const HEADER_BYTES: u32 = 52;
const PROGRAM_HEADER_BYTES: u32 = 32;
const NOTE_OFFSET: u32 = HEADER_BYTES + 2 * PROGRAM_HEADER_BYTES;
const NOTE_BYTES: u32 = 20;
const CODE_OFFSET: u32 = NOTE_OFFSET + NOTE_BYTES;

/// The guest as an ELF32 file. Source: System V ABI, chapters 4 and 5; x86/HVM direct boot ABI of Xen ("PVH").
pub(crate) fn smallest() -> Vec<u8> {
    let mut file = b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    halves(&mut file, &[2, 3]); // an executable for the 386
    words(&mut file, &[1, ADDRESS, HEADER_BYTES, 0, 0]);
    halves(
        &mut file,
        &[HEADER_BYTES as u16, PROGRAM_HEADER_BYTES as u16, 2, 0, 0, 0],
    );
    let code_bytes = CODE.len() as u32;
    // Type, offset, virtual address, physical address, bytes in the file, bytes in memory, flags, alignment.
    words(
        &mut file,
        &[
            1,
            CODE_OFFSET,
            ADDRESS,
            ADDRESS,
            code_bytes,
            code_bytes,
            5,
            1,
        ],
    );
    words(
        &mut file,
        &[4, NOTE_OFFSET, 0, 0, NOTE_BYTES, NOTE_BYTES, 4, 4],
    );
    words(&mut file, &[4, 4, NOTE_TYPE]);
    file.extend(b"Xen\0");
    words(&mut file, &[ADDRESS]);
    file.extend(CODE);
    file
}

fn words(file: &mut Vec<u8>, values: &[u32]) {
    values
        .iter()
        .for_each(|value| file.extend(value.to_le_bytes()));
}

fn halves(file: &mut Vec<u8>, values: &[u16]) {
    values
        .iter()
        .for_each(|value| file.extend(value.to_le_bytes()));
}
