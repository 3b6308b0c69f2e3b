//! A call in words, as `strace` has it: `path_open(3, SYMLINK_FOLLOW, "a.txt", CREATE, …)` and what it stored.

mod parameters;
mod show;

use core::fmt::{self, Write};

use super::exports::{Call, PARAMETERS_MAX};
use crate::guest::GuestMemory;
use parameters::Parameter;

/// Writes the arguments of `call`. Results are left out: they are stored later.
///
/// # Errors
///
/// Only those of `out`.
pub fn arguments(
    call: Call,
    values: &[u64; PARAMETERS_MAX],
    memory: &dyn GuestMemory,
    out: &mut dyn Write,
) -> fmt::Result {
    let mut is_first = true;
    let mut values = &values[..];
    for parameter in parameters::of(call) {
        let (own, rest) = values.split_at(parameter.width());
        values = rest;
        if parameter.is_result() {
            continue;
        }
        if !is_first {
            out.write_str(", ")?;
        }
        is_first = false;
        show::argument(*parameter, own, memory, out)?;
    }
    Ok(())
}

/// Writes what `call` has stored; nothing where it stores nothing.
///
/// # Errors
///
/// Only those of `out`.
pub fn results(
    call: Call,
    values: &[u64; PARAMETERS_MAX],
    memory: &dyn GuestMemory,
    out: &mut dyn Write,
) -> fmt::Result {
    let mut all = values.iter().copied();
    let pairs = parameters::of(call).iter().map(|parameter| {
        let mut own = [0; 3];
        for (own, value) in own.iter_mut().zip(all.by_ref().take(parameter.width())) {
            *own = value;
        }
        (*parameter, own)
    });
    // A call has few parameters.
    let mut taken = [(Parameter::Number, [0; 3]); PARAMETERS_MAX];
    let mut len = 0;
    for (slot, pair) in taken.iter_mut().zip(pairs) {
        *slot = pair;
        len += 1;
    }
    let taken = &taken[..len];
    // How much of a buffer was filled.
    let count = taken.iter().find_map(|(parameter, own)| match parameter {
        Parameter::StoredCount => show::word(memory, own[0]),
        _ => None,
    });
    let shows_count = taken.iter().any(|(parameter, _)| parameter.shows_count());
    let is_shown = |parameter: Parameter| {
        parameter.stores() && !(shows_count && parameter == Parameter::StoredCount)
    };
    let mut is_first = true;
    for (parameter, own) in taken.iter().filter(|(parameter, _)| is_shown(*parameter)) {
        if !is_first {
            out.write_char(' ')?;
        }
        is_first = false;
        show::result(*parameter, own, count, memory, out)?;
    }
    Ok(())
}

/// How many parameters `call` has as they are described here.
#[cfg(test)]
pub(super) fn described_parameters(call: Call) -> usize {
    parameters::of(call).iter().map(|one| one.width()).sum()
}
