//! Lifting SMAP while the application runs, and putting it back. On a processor without SMAP the two instructions do not
//! exist; the kernel then writes no-operations over them before it makes its code read-only.

use super::processor::Processor;

/// Puts SMAP in force: `clac`, with its address in a list.
macro_rules! smap_guard {
    () => {
        r#"
        999: clac
        .pushsection .smap_sites, "a", @progbits
        .quad 999b
        .popsection
        "#
    };
}
pub(crate) use smap_guard;

/// Lifts SMAP: `stac`, with its address in a list.
macro_rules! smap_lift {
    () => {
        r#"
        999: stac
        .pushsection .smap_sites, "a", @progbits
        .quad 999b
        .popsection
        "#
    };
}
pub(crate) use smap_lift;

/// `nop dword ptr [rax]`: as long as `clac` and `stac`.
const NO_OPERATION: [u8; 3] = [0x0f, 0x1f, 0x00];

unsafe extern "C" {
    static smap_sites_start: u64;
    static smap_sites_end: u64;
}

/// Takes the instructions out where the processor does not have them. Call it while code can still be written.
pub(crate) fn patch(processor: Processor) {
    if processor.has_smap() {
        return;
    }
    let first = &raw const smap_sites_start;
    let bytes = (&raw const smap_sites_end) as usize - first as usize;
    // SAFETY: the linker script puts the addresses of the sites between the two symbols, and nothing else.
    let sites = unsafe { core::slice::from_raw_parts(first, bytes / 8) };
    for &site in sites {
        let code = site as *mut [u8; 3];
        // SAFETY: a site is three bytes of code that nothing runs now, and boot tables let everything be written.
        unsafe { code.write(NO_OPERATION) };
    }
}
