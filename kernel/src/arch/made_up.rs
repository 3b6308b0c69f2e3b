//! What the debugger's stub needs of a machine, made up for its tests on a host: a line, registers, an end.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::panic::resume_unwind;

#[path = "frame.rs"]
pub(crate) mod frame;

/// Looks at an empty line after which a debugger comes that knows what it does.
const LOOKS_MAX: u32 = 20;

/// What such debuggers say, one after the other: the first leaves; where a crash waits, the second lets the program try again.
const RESCUES: [&[&[u8]]; 2] = [
    &[b"qSupported:swbreak+", b"?", b"D"],
    &[b"qSupported:swbreak+", b"?", b"c"],
];

/// The machine has ended.
#[derive(Debug)]
pub(crate) struct MachineEnded;

#[derive(Default)]
struct Machine {
    /// What the debugger sends, and what it got.
    input: VecDeque<u8>,
    output: Vec<u8>,
    /// How often in a row nothing was on the line.
    looks: u32,
    /// Debuggers that came to the rescue since the last event, and all of them.
    rescues: usize,
    rescued: u64,
    /// DR0 to DR3, DR7, DR6.
    watched: [u64; 4],
    control: u64,
    status: u64,
}

thread_local! {
    static MACHINE: RefCell<Machine> = RefCell::default();
}

fn with<T>(then: impl FnOnce(&mut Machine) -> T) -> T {
    MACHINE.with_borrow_mut(then)
}

/// Begins with a new machine.
pub(crate) fn begin() {
    MACHINE.set(Machine::default());
}

/// Begins an event: `status` is what DR6 says, `input` what comes on the line.
pub(crate) fn begin_event(status: u64, input: &[u8]) {
    with(|machine| {
        machine.input.extend(input);
        machine.looks = 0;
        machine.rescues = 0;
        machine.status = status;
    });
}

/// Takes what was sent to the debugger.
pub(crate) fn take_output() -> Vec<u8> {
    with(|machine| std::mem::take(&mut machine.output))
}

/// How many debuggers came to the rescue.
pub(crate) fn rescued() -> u64 {
    with(|machine| machine.rescued)
}

/// What the debug registers watch, and the one that says how.
pub(crate) fn watched() -> ([u64; 4], u64) {
    with(|machine| (machine.watched, machine.control))
}

pub(crate) mod debug_line {
    use super::{LOOKS_MAX, RESCUES, with};

    pub(crate) fn start() -> bool {
        true
    }

    pub(crate) fn enable_interrupts() {}

    pub(crate) fn has_byte() -> bool {
        with(|machine| !machine.input.is_empty())
    }

    pub(crate) fn read() -> Option<u8> {
        with(|machine| {
            let byte = machine.input.pop_front();
            machine.looks = if byte.is_some() { 0 } else { machine.looks + 1 };
            if machine.looks == LOOKS_MAX {
                let script = RESCUES.get(machine.rescues);
                let script = script.expect("a debugger that comes can let the program go");
                for body in *script {
                    machine.input.push_back(b'+');
                    mewz_kernel::packets::frame(body, &mut |byte| machine.input.push_back(byte));
                }
                machine.looks = 0;
                machine.rescues += 1;
                machine.rescued += 1;
            }
            byte
        })
    }

    pub(crate) fn write(byte: u8) {
        with(|machine| machine.output.push(byte));
    }
}

pub(crate) mod debug_registers {
    use super::with;

    pub(crate) const STATUS_STEP: u64 = 1 << 14;

    pub(crate) fn set(addresses: [u64; 4], control: u64) {
        with(|machine| {
            machine.watched = addresses;
            machine.control = control;
        });
    }

    pub(crate) fn take_status() -> u64 {
        with(|machine| std::mem::take(&mut machine.status))
    }
}

pub(crate) mod cpu {
    pub(crate) const RFLAGS_TRAP: u64 = 1 << 8;
    pub(crate) const RFLAGS_RESUME: u64 = 1 << 16;

    pub(crate) fn control0() -> u64 {
        0x8001_0033
    }

    pub(crate) fn fault_address() -> u64 {
        0x1234
    }

    pub(crate) fn page_table_root() -> u64 {
        0x1000
    }

    pub(crate) fn control4() -> u64 {
        0x30_0620
    }

    pub(crate) fn segment_bases() -> [u64; 2] {
        [0, 0]
    }

    pub(crate) fn breakpoint() {}
}

pub(crate) mod power {
    use super::{MachineEnded, resume_unwind};

    pub(crate) fn end(_: u32, _: bool, _: impl FnOnce()) -> ! {
        resume_unwind(Box::new(MachineEnded))
    }
}

pub(crate) mod vectors {
    /// As on the machine, where the stubs of interrupts keep them.
    #[derive(Clone, Debug, PartialEq)]
    pub(crate) struct SavedVectors(pub(crate) [u8; 512]);

    impl SavedVectors {
        pub(crate) fn read<const N: usize>(&self, offset: usize) -> [u8; N] {
            self.0[offset..offset + N].try_into().unwrap()
        }

        pub(crate) fn write<const N: usize>(&mut self, offset: usize, bytes: [u8; N]) {
            self.0[offset..offset + N].copy_from_slice(&bytes);
        }
    }
}
