//! Arguments, clocks, randomness, waiting, the end.

use super::{BYTES, END, FOLDER, Kind, OUT, OUT_2, Role, Subject};
use crate::fs::errno::Errno;
use crate::wasi::exports::Call;
use crate::wasi::tests::machine::{EPOCH_NS, Machine, READ};

const STRINGS: &[Role] = &[Role::Pointer(12), Role::Pointer(14)];

const SIZES: &[Role] = &[Role::Pointer(4), Role::Pointer(4)];

/// Where subscriptions are put, and events go.
const SUBSCRIPTIONS: u64 = 0x800;
const EVENTS: u64 = 0x900;

/// Subscribes to a clock that rings in a millisecond and to a file, which is ready.
fn subscribe(machine: &mut Machine, bytes: u64) -> Vec<u64> {
    let fd = machine.open(FOLDER, "f", 0, READ | 1 << 27, 0).unwrap();
    machine.put(SUBSCRIPTIONS as u32, &[0; 112]);
    machine.put_words(SUBSCRIPTIONS, &[11, 0, 0, 0, 1]);
    let timeout = if bytes == 48 { 24 } else { 32 };
    machine.put_words(SUBSCRIPTIONS + timeout, &[1_000_000]);
    machine.put_words(SUBSCRIPTIONS + bytes, &[22, 0, 1, 0, fd]);
    vec![SUBSCRIPTIONS, EVENTS, 2, OUT]
}

fn is_subscribed(machine: &mut Machine, arguments: &[u64]) {
    assert_eq!(machine.word(arguments[3]), 1);
    let event = machine.bytes(arguments[1] as u32, 32).to_vec();
    assert_eq!((event[0], event[8], event[10], event[16]), (22, 0, 1, 7));
}

const POLL: &[super::Wrong] = &[
    (
        "no subscription",
        |_, arguments| arguments[2] = 0,
        Errno::Inval,
    ),
    (
        "a tag that is none",
        |machine, _| machine.put(SUBSCRIPTIONS as u32 + 8, &[3]),
        Errno::Inval,
    ),
    (
        "the second subscription beyond memory",
        |_, arguments| arguments[0] = END - 60,
        Errno::Fault,
    ),
    (
        "the second event beyond memory",
        |_, arguments| arguments[1] = END - 40,
        Errno::Fault,
    ),
];

pub(super) const SUBJECTS: &[Subject] = &[
    Subject {
        call: Call::args_get,
        roles: STRINGS,
        right: |_| vec![OUT, BYTES],
        check: |machine, arguments| {
            let buffer = arguments[1];
            let text = machine.bytes(buffer as u32, 15);
            assert_eq!(text, b"program\0\0last\0\xcc");
            let pointers = [0, 4, 8].map(|at| machine.word(arguments[0] + at));
            assert_eq!(pointers, [buffer, buffer + 8, buffer + 9]);
        },
        wrong: &[],
    },
    Subject {
        call: Call::args_sizes_get,
        roles: SIZES,
        right: |_| vec![OUT, OUT_2],
        check: |machine, arguments| {
            assert_eq!([0, 1].map(|at| machine.word(arguments[at])), [3, 14]);
        },
        wrong: &[],
    },
    Subject {
        call: Call::environ_get,
        roles: &[Role::Pointer(4), Role::Pointer(4)],
        right: |_| vec![OUT, BYTES],
        check: |machine, arguments| {
            assert_eq!(machine.word(arguments[0]), arguments[1]);
            assert_eq!(machine.bytes(arguments[1] as u32, 5), b"A=b\0\xcc");
        },
        wrong: &[],
    },
    Subject {
        call: Call::environ_sizes_get,
        roles: SIZES,
        right: |_| vec![OUT, OUT_2],
        check: |machine, arguments| {
            assert_eq!([0, 1].map(|at| machine.word(arguments[at])), [1, 4]);
        },
        wrong: &[],
    },
    Subject {
        call: Call::clock_res_get,
        roles: &[
            Role::Number(&[4, 256, 0xffff_ffff], Errno::Inval),
            Role::Pointer(8),
        ],
        right: |_| vec![3, OUT],
        check: |machine, arguments| assert_eq!(machine.u64(arguments[1] as u32), 1),
        wrong: &[],
    },
    Subject {
        call: Call::clock_time_get,
        roles: &[
            Role::Number(&[4, 256, 0xffff_ffff], Errno::Inval),
            Role::Any,
            Role::Pointer(8),
        ],
        right: |machine| {
            machine.system.now_ns = 7;
            vec![0, u64::MAX, OUT]
        },
        check: |machine, arguments| {
            assert_eq!(machine.u64(arguments[2] as u32), EPOCH_NS + 7);
        },
        wrong: &[],
    },
    Subject {
        call: Call::poll_oneoff,
        roles: &[
            Role::Pointer(96),
            Role::Pointer(64),
            Role::Number(&[END / 32, 0x1000_0000, 0xffff_ffff], Errno::Fault),
            Role::Pointer(4),
        ],
        right: |machine| subscribe(machine, 48),
        check: is_subscribed,
        wrong: POLL,
    },
    Subject {
        call: Call::poll_oneoff_unstable,
        roles: &[
            Role::Pointer(112),
            Role::Pointer(64),
            Role::Number(&[END / 32, 0x1000_0000, 0xffff_ffff], Errno::Fault),
            Role::Pointer(4),
        ],
        right: |machine| subscribe(machine, 56),
        check: is_subscribed,
        wrong: POLL,
    },
    Subject {
        call: Call::proc_exit,
        roles: &[Role::Any],
        right: |_| vec![42],
        check: |_, _| {},
        wrong: &[],
    },
    Subject {
        call: Call::proc_raise,
        roles: &[Role::Number(&[31, 256, 0xffff_ffff], Errno::Inval)],
        right: |_| vec![16],
        check: |machine, _| assert_eq!(machine.descriptor(Kind::Input), 0),
        wrong: &[
            ("a stop", |_, arguments| arguments[0] = 18, Errno::Notsup),
            (
                "a stop of input",
                |_, arguments| arguments[0] = 20,
                Errno::Notsup,
            ),
        ],
    },
    Subject {
        call: Call::random_get,
        roles: &[Role::Buffer],
        right: |_| vec![BYTES, 300],
        check: |machine, _| {
            let bytes = machine.bytes(BYTES as u32, 301);
            assert!(bytes[..300].iter().all(|byte| *byte == 0xa5) && bytes[300] == 0xcc);
        },
        wrong: &[],
    },
    Subject {
        call: Call::sched_yield,
        roles: &[],
        right: |_| Vec::new(),
        check: |machine, _| assert_eq!(machine.system.waits, []),
        wrong: &[],
    },
];
