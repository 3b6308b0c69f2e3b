//! Calls that get and set options.

use super::{SOCKET, told};
use crate::fs::errno::Errno;
use crate::wasi::exports::Call;
use crate::wasi::tests::calls::{LISTENER, OUT, OUT_2, Role, Subject};

pub(super) const SUBJECTS: &[Subject] = &[
    Subject {
        call: Call::sock_getsockopt,
        roles: &[
            SOCKET,
            Role::Number(&[1, 0xffff_ffff], Errno::Noprotoopt),
            Role::Number(&[14, 0xffff_ffff], Errno::Noprotoopt),
            Role::Pointer(4),
            Role::Pointer(4),
        ],
        right: |machine| {
            machine.put_words(OUT_2, &[4]);
            vec![LISTENER, 0, 13, OUT, OUT_2]
        },
        check: |machine, arguments| {
            assert_eq!([3, 4].map(|at| machine.word(arguments[at])), [1, 4]);
        },
        wrong: &[
            (
                "too little room",
                |machine, _| machine.put_words(OUT_2, &[3]),
                Errno::Inval,
            ),
            (
                "too little room for a time",
                |machine, arguments| {
                    machine.put_words(OUT_2, &[15]);
                    arguments[2] = 11;
                },
                Errno::Inval,
            ),
        ],
    },
    Subject {
        call: Call::sock_setsockopt,
        roles: &[
            SOCKET,
            Role::Number(&[1, 0xffff_ffff], Errno::Noprotoopt),
            // The type, the error and whether it listens can't be set.
            Role::Number(&[1, 2, 13, 14, 0xffff_ffff], Errno::Noprotoopt),
            Role::Pointer(16),
            Role::Number(&[4, 15, 17, 0xffff_ffff], Errno::Inval),
        ],
        right: |machine| {
            let fd = told(machine, b"x");
            machine.put_words(OUT + 32, &[0, 0, 5000, 0]);
            vec![fd, 0, 11, OUT + 32, 16]
        },
        check: |machine, arguments| {
            let [ranges, count] = machine.put_range(1);
            let receive = [arguments[0], ranges, count, 0, OUT, OUT_2];
            assert_eq!(machine.call(Call::sock_recv, &receive), 0);
            // Nothing more comes, and it waits for 5 ms.
            let before_ns = machine.system.now_ns;
            let late = machine.call(Call::sock_recv, &receive);
            assert_eq!(late, u32::from(Errno::Again.number()));
            let waited_ns = machine.system.now_ns - before_ns;
            assert!((5_000_000..50_000_000).contains(&waited_ns), "{waited_ns}");
        },
        wrong: &[
            (
                "a time before now",
                |machine, _| machine.put_words(OUT + 32, &[0xffff_ffff, 0xffff_ffff, 0, 0]),
                Errno::Inval,
            ),
            (
                "a hint beyond memory",
                |_, arguments| {
                    arguments[2] = 5;
                    arguments[3] = 0xffff_fffe;
                    arguments[4] = 4;
                },
                Errno::Fault,
            ),
        ],
    },
];
