//! Arguments, environment, clocks, randomness, exit.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::super::exports::Call;
use super::machine::{DATA, EPOCH_NS, Exited, FAULT, INVAL, MEMORY_BYTES, Machine, OUT};

#[test]
fn arguments_and_environment_come_with_their_nul() {
    let mut machine = Machine::new();
    assert_eq!(machine.call(Call::args_sizes_get, &[64, 68]), 0);
    assert_eq!((machine.u32(64), machine.u32(68)), (3, 14));
    assert_eq!(machine.call(Call::args_get, &[0x100, 0x200]), 0);
    assert_eq!(machine.bytes(0x200, 15), b"program\0\0last\0\xcc");
    assert_eq!(
        [machine.u32(0x100), machine.u32(0x104), machine.u32(0x108)],
        [0x200, 0x208, 0x209]
    );
    assert_eq!(machine.bytes(0x10c, 1), [0xcc]);
    assert_eq!(machine.call(Call::environ_sizes_get, &[64, 68]), 0);
    assert_eq!((machine.u32(64), machine.u32(68)), (1, 4));
    assert_eq!(machine.call(Call::environ_get, &[0x100, 0x200]), 0);
    assert_eq!(machine.bytes(0x200, 4), b"A=b\0");
}

#[test]
fn arguments_outside_memory_are_a_fault_and_leave_it_as_it_was() {
    let end = u64::from(MEMORY_BYTES);
    for [pointers, buffer] in [
        [end - 8, 0x200],
        [0x100, end - 13],
        [0xffff_ffff, 0x200],
        [0x100, 0xffff_ffff],
        [end, end],
    ] {
        let mut machine = Machine::new();
        assert_eq!(machine.call(Call::args_get, &[pointers, buffer]), FAULT);
        assert!(machine.memory.0.iter().all(|byte| *byte == 0xcc));
        assert_eq!(machine.call(Call::args_sizes_get, &[end - 3, 64]), FAULT);
        assert_eq!(machine.call(Call::args_sizes_get, &[64, end - 3]), FAULT);
        assert!(machine.memory.0.iter().all(|byte| *byte == 0xcc));
    }
    // Just inside.
    let mut machine = Machine::new();
    assert_eq!(machine.call(Call::args_get, &[end - 12, 0x200]), 0);
    assert_eq!(machine.call(Call::args_get, &[0x100, end - 14]), 0);
}

#[test]
fn clocks_differ_and_the_unknown_ones_are_refused() {
    let mut machine = Machine::new();
    machine.system.now_ns = 5;
    let out = OUT.into();
    for (clock, expected) in [(0, EPOCH_NS + 5), (1, 5), (2, 5), (3, 5)] {
        assert_eq!(machine.call(Call::clock_time_get, &[clock, 0, out]), 0);
        assert_eq!(machine.u64(OUT), expected);
        assert_eq!(machine.call(Call::clock_res_get, &[clock, out]), 0);
        assert_eq!(machine.u64(OUT), 1);
    }
    for clock in [4, 0xffff_ffff] {
        assert_eq!(machine.call(Call::clock_time_get, &[clock, 0, out]), INVAL);
        assert_eq!(machine.call(Call::clock_res_get, &[clock, out]), INVAL);
    }
    let end = u64::from(MEMORY_BYTES);
    assert_eq!(machine.call(Call::clock_time_get, &[0, 0, end - 7]), FAULT);
    assert_eq!(machine.call(Call::clock_res_get, &[0, end - 7]), FAULT);
}

#[test]
fn the_upper_half_of_an_argument_is_not_looked_at() {
    let mut machine = Machine::new();
    let high = 0xffff_ffff_0000_0000;
    assert_eq!(
        machine.call(Call::clock_time_get, &[high, 0, high | u64::from(OUT)]),
        0
    );
}

#[test]
fn randomness_fills_exactly_what_was_asked() {
    let mut machine = Machine::new();
    for len in [0, 1, 255, 256, 257, 1000] {
        machine.put(DATA, &[0; 1001]);
        assert_eq!(machine.call(Call::random_get, &[DATA.into(), len]), 0);
        let len = len as usize;
        assert!(machine.bytes(DATA, len).iter().all(|byte| *byte == 0xa5));
        assert_eq!(machine.bytes(DATA + len as u32, 1), [0]);
    }
    assert_eq!(
        machine.call(Call::random_get, &[u64::from(MEMORY_BYTES) - 5, 6]),
        FAULT
    );
    assert_eq!(machine.call(Call::random_get, &[0xffff_ffff, 2]), FAULT);
    assert_eq!(
        machine.call(Call::random_get, &[u64::from(MEMORY_BYTES), 0]),
        0
    );
}

#[test]
fn exit_carries_the_status_and_signals_end_as_in_a_shell() {
    for (call, argument, status) in [
        (Call::proc_exit, 0, 0),
        (Call::proc_exit, 7, 7),
        (Call::proc_exit, 0xffff_ffff, 0xffff_ffff),
        (Call::proc_raise, 6, 134),
        (Call::proc_raise, 15, 143),
    ] {
        let mut machine = Machine::new();
        let ended = catch_unwind(AssertUnwindSafe(|| machine.call(call, &[argument])));
        let ended = ended.expect_err("the call came back");
        assert_eq!(ended.downcast_ref(), Some(&Exited(status)));
    }
    let mut machine = Machine::new();
    for (signal, errno) in [
        (0, 0),
        (16, 0),
        (27, 0),
        (19, 58),
        (31, INVAL),
        (1 << 31, INVAL),
    ] {
        assert_eq!(machine.call(Call::proc_raise, &[signal]), errno, "{signal}");
    }
    assert_eq!(machine.call(Call::sched_yield, &[]), 0);
}
