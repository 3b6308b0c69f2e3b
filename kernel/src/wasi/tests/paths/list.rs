//! `fd_readdir`.

use super::machine;
use crate::wasi::exports::Call;
use crate::wasi::tests::machine::{DATA, FAULT, MEMORY_BYTES, Machine, ROOT};

/// Reads the whole of a directory with a buffer of `len` bytes, as wasi-libc does: names in order.
fn names(machine: &mut Machine, fd: u64, len: u32) -> Vec<String> {
    let (mut names, mut cookie) = (Vec::new(), 0);
    loop {
        machine.put(DATA, &vec![0xcc; len as usize + 1]);
        let parameters = [fd, DATA.into(), len.into(), cookie, 64];
        assert_eq!(machine.call(Call::fd_readdir, &parameters), 0);
        let used = machine.u32(64);
        assert!(used <= len);
        assert_eq!(machine.bytes(DATA + used, 1), [0xcc]);
        let mut at = DATA;
        let before = names.len();
        while at + 24 <= DATA + used {
            let next = machine.u64(at);
            // `telldir` of wasi-libc has a `long`.
            assert!(i32::try_from(next).is_ok_and(|next| next > 0), "{next:#x}");
            let name_len = machine.u32(at + 16);
            if at + 24 + name_len > DATA + used {
                break;
            }
            let name = machine.bytes(at + 24, name_len as usize).to_vec();
            names.push(String::from_utf8(name).unwrap());
            at += 24 + name_len;
            cookie = next;
        }
        if used < len {
            return names;
        }
        assert!(
            names.len() > before,
            "a buffer of {len} bytes does not get on"
        );
    }
}

#[test]
fn directories_are_listed_with_buffers_of_any_size() {
    let mut machine = Machine::new();
    for index in 0..300 {
        machine.server.put_file(&format!("file-{index:03}"), b"");
    }
    let mut expected = vec![".".to_owned(), "..".to_owned()];
    expected.extend((0..300).map(|index| format!("file-{index:03}")));
    for len in [32, 33, 64, 100, 4096, 100_000] {
        assert!(names(&mut machine, ROOT, len) == expected, "{len}");
    }
    // Back to any place, and on from there.
    for place in [301, 2, 150, 299] {
        let parameters = [ROOT, DATA.into(), 33, place, 64];
        assert_eq!(machine.call(Call::fd_readdir, &parameters), 0);
        let name = expected[place as usize].as_bytes();
        assert_eq!(machine.bytes(DATA + 24, 8), name);
        assert_eq!(machine.u64(DATA), place + 1);
    }
    // From the start, what is there now.
    machine.server.put_file("late", b"");
    expected.push("late".to_owned());
    assert!(names(&mut machine, ROOT, 4096) == expected);
    // A cookie that leads nowhere, a buffer of nothing, and one outside.
    let data = u64::from(DATA);
    assert_eq!(
        machine.call(Call::fd_readdir, &[ROOT, data, 100, 9999, 64]),
        0
    );
    assert_eq!(machine.u32(64), 0);
    assert_eq!(machine.call(Call::fd_readdir, &[ROOT, data, 0, 0, 64]), 0);
    assert_eq!(machine.u32(64), 0);
    let end = u64::from(MEMORY_BYTES);
    assert_eq!(
        machine.call(Call::fd_readdir, &[ROOT, end - 9, 10, 0, 64]),
        FAULT
    );
    assert_eq!(
        machine.call(Call::fd_readdir, &[ROOT, data, 10, 0, end - 3]),
        FAULT
    );
}

#[test]
fn entries_tell_what_they_are() {
    let mut machine = machine();
    let parameters = [ROOT, DATA.into(), 4096, 2, 64];
    assert_eq!(machine.call(Call::fd_readdir, &parameters), 0);
    let mut at = DATA;
    let mut found = Vec::new();
    while at < DATA + machine.u32(64) {
        let len = machine.u32(at + 16);
        let name = String::from_utf8(machine.bytes(at + 24, len as usize).to_vec()).unwrap();
        found.push((name, machine.bytes(at + 20, 1)[0]));
        at += 24 + len;
    }
    assert_eq!(
        found[..3],
        [
            ("absolute".to_owned(), 7),
            ("d".to_owned(), 3),
            ("dangling".to_owned(), 7)
        ]
    );
}
