//! Calls of the application: WASI's imports and the functions that compiled code needs of its memories and tables.

use core::cell::UnsafeCell;
#[cfg(feature = "debugger")]
use core::ptr;
#[cfg(feature = "debugger")]
use core::sync::atomic::{AtomicPtr, Ordering};

use mewz_abi::symbol;
use mewz_kernel::wasi::exports::Call;
use mewz_kernel::wasi::system::System as _;
use mewz_kernel::wasi::{Context, Wasi};

use super::debugger;
use super::machine::Machine;
use crate::arch::gate::{self, ARGUMENTS_MAX, call_stub};
use crate::memory::linear::{self, LinearMemory};
use crate::memory::table;

const _: () = assert!(ARGUMENTS_MAX == mewz_kernel::wasi::exports::PARAMETERS_MAX);

/// What the calls work on. There from [`start`] on; a call never meets another one.
struct State(UnsafeCell<Option<(Wasi, Machine)>>);

// SAFETY: one processor; only the application's calls reach it, and they neither nest nor run in interrupts.
unsafe impl Sync for State {}

static STATE: State = State(UnsafeCell::new(None));

/// Makes `wasi` and `machine` what the application's calls work on. Call it before the application runs.
pub(super) fn start(wasi: Wasi, machine: Machine) {
    // SAFETY: the application does not run yet, so no call holds a reference.
    unsafe { STATE.0.get().write(Some((wasi, machine))) };
}

/// Makes sure of what the application wrote to its disks, on the kernel's stack. Call it when the application has trapped.
pub(super) fn settle() {
    // SAFETY: the application runs no more, so nothing of the kernel lies below the frames that entered it.
    unsafe { gate::call_on_kernel_stack(settle_here) };
}

extern "C" fn settle_here() {
    // SAFETY: no call is under way: the application does not trap in one.
    let state = unsafe { &mut *STATE.0.get() };
    if let Some((_, machine)) = state {
        machine.disks.settle();
    }
}

/// Answers an import of WASI.
extern "C" fn answer(arguments: &[u64; ARGUMENTS_MAX], number: u32) -> u64 {
    // SAFETY: the application waits for this call and makes no other meanwhile.
    let state = unsafe { &mut *STATE.0.get() };
    let (wasi, machine) = state.as_mut().expect("the application runs after `start`");
    let call = Call::from_number(number).expect("stubs are made from the table of calls");
    let mut memory = LinearMemory::of_wasi();
    debugger::enter_call(call, arguments, &memory);
    let mut context = Context {
        memory: &mut memory,
        system: machine,
    };
    let answer = call.answer(wasi, &mut context, arguments);
    debugger::leave_call(arguments, &memory, answer);
    u64::from(answer)
}

/// What the call that is under way leaves alone while it sleeps; null while none does.
#[cfg(feature = "debugger")]
static SHOWN: AtomicPtr<Wasi> = AtomicPtr::new(ptr::null_mut());

/// Sleeps, in a call, while a debugger may look at `wasi`.
#[cfg(feature = "debugger")]
pub(super) fn show_while(wasi: &Wasi, sleep: impl FnOnce()) {
    SHOWN.store(ptr::from_ref(wasi).cast_mut(), Ordering::Release);
    sleep();
    SHOWN.store(ptr::null_mut(), Ordering::Release);
}

/// Looks at WASI's state for a debugger; `None` while a call is under way that may be changing it.
#[cfg(feature = "debugger")]
pub(super) fn look<T>(then: impl FnOnce(&Wasi) -> T) -> Option<T> {
    if debugger::is_in_call() {
        let shown = SHOWN.load(Ordering::Acquire);
        // SAFETY: null, or made of a reference that `show_while` holds: the machine stands still inside of it.
        return unsafe { shown.as_ref() }.map(then);
    }
    // SAFETY: no call is under way, so nobody holds a reference, and none begins while the machine stands still.
    let state = unsafe { &*STATE.0.get() };
    state.as_ref().map(|(wasi, _)| then(wasi))
}

/// Ends a program that has returned, as if it had said so.
pub(super) fn end() -> ! {
    answer(&[0; ARGUMENTS_MAX], Call::proc_exit as u32);
    unreachable!("`proc_exit` does not return")
}

/// Answers `memory.grow`.
extern "C" fn grow_memory(arguments: &[u64; ARGUMENTS_MAX], _: u32) -> u64 {
    let [memory, pages, ..] = *arguments;
    linear::grow(memory, pages) as u64
}

/// Answers `table.grow`.
extern "C" fn grow_table(arguments: &[u64; ARGUMENTS_MAX], _: u32) -> u64 {
    let [table, elements, value, ..] = *arguments;
    table::grow(table, elements, value) as u64
}

/// Answers an atomic wait that only its time limit ends.
extern "C" fn sleep(arguments: &[u64; ARGUMENTS_MAX], _: u32) -> u64 {
    let [nanoseconds, ..] = *arguments;
    // SAFETY: the application waits for this call and makes no other meanwhile.
    let state = unsafe { &mut *STATE.0.get() };
    let (_, machine) = state.as_mut().expect("the application runs after `start`");
    let end = machine.monotonic_ns().saturating_add(nanoseconds);
    while machine.monotonic_ns() < end {
        machine.wait(Some(end));
    }
    0
}

const fn is(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}

const _: () = assert!(
    is(symbol::MEMORY_GROW, "mewz_memory_grow")
        && is(symbol::TABLE_GROW, "mewz_table_grow")
        && is(symbol::SLEEP, "mewz_sleep")
);

call_stub!("mewz_memory_grow", grow_memory, 0u32);
call_stub!("mewz_table_grow", grow_table, 0u32);
call_stub!("mewz_sleep", sleep, 0u32);

/// A stub for every import of the table.
macro_rules! stubs {
    ($($call:ident $parameters:tt $result:ident = $($module:ident $field:ident),+;)*) => {
        $($(
            call_stub!(
                mewz_kernel::wasi_symbol!($module $field $parameters $result),
                answer,
                Call::$call as u32
            );
        )+)*
    };
}

mewz_kernel::wasi_exports!(stubs);
