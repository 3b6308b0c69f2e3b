//! What time it is: `clock_time_get` and `clock_res_get`.

use super::buffers::store_u64;
use super::system::System;
use super::{Context, Wasi};
use crate::fs::errno::Errno;

/// What every clock's count goes on by: they are all the processor's counter, in nanoseconds.
const RESOLUTION_NS: u64 = 1;

/// A clock of preview 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clock {
    Realtime,
    /// The application has the machine to itself, so its process's and its thread's time are this one too.
    Monotonic,
}

impl Clock {
    pub(super) fn from_number(number: u32) -> Result<Self, Errno> {
        match number {
            0 => Ok(Clock::Realtime),
            1..=3 => Ok(Clock::Monotonic),
            _ => Err(Errno::Inval),
        }
    }

    pub(super) fn now_ns(self, system: &mut dyn System) -> u64 {
        match self {
            Clock::Realtime => system.realtime_ns(),
            Clock::Monotonic => system.monotonic_ns(),
        }
    }
}

impl Wasi {
    pub(super) fn clock_res_get(
        &mut self,
        context: &mut Context<'_>,
        clock: u32,
        resolution: u32,
    ) -> Result<(), Errno> {
        Clock::from_number(clock)?;
        store_u64(context.memory, resolution, RESOLUTION_NS)
    }

    pub(super) fn clock_time_get(
        &mut self,
        context: &mut Context<'_>,
        clock: u32,
        _precision: u64,
        time: u32,
    ) -> Result<(), Errno> {
        let now_ns = Clock::from_number(clock)?.now_ns(context.system);
        store_u64(context.memory, time, now_ns)
    }
}
