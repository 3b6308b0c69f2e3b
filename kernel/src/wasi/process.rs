//! Arguments, environment, randomness, and the end of the application.

use alloc::vec::Vec;

use super::buffers::store_u32;
use super::{Context, Wasi};
use crate::fs::errno::Errno;
use crate::guest::GuestMemory;

/// Bytes of randomness that are made at once.
const RANDOM_BYTES: u32 = 256;

/// Added to a signal's number for the status of a program that it ended, as shells do.
const STATUS_SIGNAL: u32 = 128;

impl Wasi {
    pub(super) fn args_get(
        &mut self,
        context: &mut Context<'_>,
        pointers: u32,
        buffer: u32,
    ) -> Result<(), Errno> {
        store_strings(context.memory, &self.arguments, pointers, buffer)
    }

    pub(super) fn args_sizes_get(
        &mut self,
        context: &mut Context<'_>,
        count: u32,
        bytes: u32,
    ) -> Result<(), Errno> {
        store_sizes(context.memory, &self.arguments, count, bytes)
    }

    pub(super) fn environ_get(
        &mut self,
        context: &mut Context<'_>,
        pointers: u32,
        buffer: u32,
    ) -> Result<(), Errno> {
        store_strings(context.memory, &self.environment, pointers, buffer)
    }

    pub(super) fn environ_sizes_get(
        &mut self,
        context: &mut Context<'_>,
        count: u32,
        bytes: u32,
    ) -> Result<(), Errno> {
        store_sizes(context.memory, &self.environment, count, bytes)
    }

    pub(super) fn random_get(
        &mut self,
        context: &mut Context<'_>,
        buffer: u32,
        len: u32,
    ) -> Result<(), Errno> {
        context.memory.check(buffer, len)?;
        let mut bytes = [0; RANDOM_BYTES as usize];
        let mut done = 0;
        while done < len {
            let count = (len - done).min(RANDOM_BYTES);
            let bytes = &mut bytes[..count as usize];
            context.system.fill_random(bytes);
            context.memory.write(buffer + done, bytes)?;
            done += count;
        }
        Ok(())
    }

    pub(super) fn sched_yield(&mut self, _: &mut Context<'_>) -> Result<(), Errno> {
        // There is nothing else to run.
        Ok(())
    }

    pub(super) fn proc_exit(&mut self, context: &mut Context<'_>, status: u32) -> ! {
        // Files are closed first, so that the server has seen the end of each.
        self.descriptors = super::descriptor::Table::default();
        self.finish_network(context);
        context.system.exit(status)
    }

    /// Does what a signal does to a program that has no handlers.
    pub(super) fn proc_raise(
        &mut self,
        context: &mut Context<'_>,
        signal: u32,
    ) -> Result<(), Errno> {
        match signal {
            // None, and those that are ignored: CHLD, CONT (nothing is stopped), URG, WINCH.
            0 | 16 | 17 | 22 | 27 => Ok(()),
            // STOP, TSTP, TTIN, TTOU: nobody could go on with a stopped machine.
            18..=21 => Err(Errno::Notsup),
            1..=30 => self.proc_exit(context, STATUS_SIGNAL + signal),
            _ => Err(Errno::Inval),
        }
    }
}

/// Stores each string with a NUL behind it at `buffer` on, and the address of each at `pointers` on.
fn store_strings(
    memory: &mut dyn GuestMemory,
    strings: &[Vec<u8>],
    pointers: u32,
    buffer: u32,
) -> Result<(), Errno> {
    let (count, bytes) = sizes(strings)?;
    memory.check(pointers, count.checked_mul(4).ok_or(Errno::Overflow)?)?;
    memory.check(buffer, bytes)?;
    let mut pointer = pointers;
    let mut at = buffer;
    for string in strings {
        store_u32(memory, pointer, at)?;
        memory.write(at, string)?;
        // `sizes` has counted both, and both ranges were checked.
        let end = at.wrapping_add(string.len() as u32);
        memory.write(end, &[0])?;
        at = end.wrapping_add(1);
        pointer = pointer.wrapping_add(4);
    }
    Ok(())
}

fn store_sizes(
    memory: &mut dyn GuestMemory,
    strings: &[Vec<u8>],
    count_at: u32,
    bytes_at: u32,
) -> Result<(), Errno> {
    let (count, bytes) = sizes(strings)?;
    memory.check(count_at, 4)?;
    memory.check(bytes_at, 4)?;
    store_u32(memory, count_at, count)?;
    store_u32(memory, bytes_at, bytes)
}

/// Count of strings, and bytes of all with a NUL behind each.
fn sizes(strings: &[Vec<u8>]) -> Result<(u32, u32), Errno> {
    let bytes: usize = strings.iter().map(|string| string.len() + 1).sum();
    match (u32::try_from(strings.len()), u32::try_from(bytes)) {
        (Ok(count), Ok(bytes)) => Ok((count, bytes)),
        _ => Err(Errno::Overflow),
    }
}
