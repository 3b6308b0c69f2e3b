//! Memory as a debugger sees it: by the page tables and through the direct map, so that nothing faults, whatever is asked,
//! and read-only code can be changed. Device registers are left alone.

use mewz_abi::address::{DIRECT_MAP_BASE, MEMORIES_END, PAGE_BYTES};

use super::{direct, paging};

/// Fills `out` from `address` on; returns how many bytes could be read.
pub(crate) fn read(address: u64, out: &mut [u8]) -> usize {
    let mut done = 0;
    while done < out.len() {
        let Some(physical) = memory_at(address, done) else {
            break;
        };
        let now = part(physical, out.len() - done);
        // SAFETY: the direct map shows it, since a page of memory is mapped to it; whoever writes there is interrupted.
        let bytes = unsafe { direct::bytes(physical, now) };
        out[done..done + now].copy_from_slice(bytes);
        done += now;
    }
    done
}

/// Stores `bytes` from `address` on; returns `false`, and nothing has changed, where that can't be done.
pub(crate) fn write(address: u64, bytes: &[u8]) -> bool {
    let mut done = 0;
    while done < bytes.len() {
        let Some(physical) = memory_at(address, done) else {
            return false;
        };
        done += part(physical, bytes.len() - done);
    }
    done = 0;
    while let Some(physical) = memory_at(address, done).filter(|_| done < bytes.len()) {
        let now = part(physical, bytes.len() - done);
        // SAFETY: as in `read`; the person at the debugger answers for what the change does.
        let place = unsafe { direct::bytes_mut(physical, now) };
        place.copy_from_slice(&bytes[done..done + now]);
        done += now;
    }
    true
}

/// Another address of what the application has at `address`: that by which the kernel reaches it.
pub(crate) fn alias(address: u64) -> Option<u64> {
    if address >= MEMORIES_END {
        return None;
    }
    Some(DIRECT_MAP_BASE + memory_at(address, 0)?)
}

/// The physical address of the memory that `offset` bytes behind `address` lead to.
fn memory_at(address: u64, offset: usize) -> Option<u64> {
    let target = paging::look_up(address.checked_add(offset as u64)?)?;
    (!target.is_device).then_some(target.physical)
}

/// How many of `bytes` lie in the page of `physical`.
fn part(physical: u64, bytes: usize) -> usize {
    bytes.min((PAGE_BYTES - physical % PAGE_BYTES) as usize)
}
