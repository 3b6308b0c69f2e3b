//! Calls in words.

use mewz_abi::observe::errno_name;

use super::super::exports::{Call, PARAMETERS_MAX, SYMBOLS};
use super::super::trace;
use super::machine::{DATA, IOVECS, MEMORY_BYTES, OUT};
use crate::fs::errno::Errno;
use crate::guest::{GuestMemory as _, VecMemory};

const PATH: u32 = 0x400;

fn memory() -> VecMemory {
    let mut memory = VecMemory(vec![0; MEMORY_BYTES as usize]);
    memory.write(PATH, b"a \"b\"\n\xff.txt").unwrap();
    memory.write(DATA, &[b'x'; 50]).unwrap();
    let range = [DATA.to_le_bytes(), 50_u32.to_le_bytes()].concat();
    memory.write(IOVECS, &range).unwrap();
    memory
}

fn words(call: Call, values: &[u64], memory: &VecMemory) -> (String, String) {
    let mut all = [0; PARAMETERS_MAX];
    all[..values.len()].copy_from_slice(values);
    let (mut arguments, mut results) = (String::new(), String::new());
    trace::arguments(call, &all, memory, &mut arguments).unwrap();
    trace::results(call, &all, memory, &mut results).unwrap();
    (arguments, results)
}

#[test]
fn every_parameter_of_every_call_is_described() {
    for (symbol, call) in SYMBOLS {
        let letters = symbol.split('$').nth(2).unwrap();
        let described = trace::described_parameters(*call);
        assert_eq!(described, letters.len(), "{symbol}");
    }
}

#[test]
fn errnos_have_their_names() {
    for errno in [
        Errno::Badf,
        Errno::Notcapable,
        Errno::Nosys,
        Errno::Aiservice,
    ] {
        let name = errno_name(errno.number()).unwrap();
        assert_eq!(name, format!("{errno:?}").to_uppercase());
    }
    assert_eq!(errno_name(9999), None);
}

#[test]
fn paths_flags_and_results_are_shown() {
    let mut memory = memory();
    memory.write(OUT, &5_u32.to_le_bytes()).unwrap();
    let values = [3, 1, PATH.into(), 11, 9, 0x42, 0, 1 << 9, OUT.into()];
    let (arguments, results) = words(Call::path_open, &values, &memory);
    assert_eq!(
        arguments,
        r#"3, SYMLINK_FOLLOW, "a \"b\"\n\xff.txt", CREAT|TRUNC, 0x42, 0x0, 0x200"#
    );
    assert_eq!(results, "5");
}

#[test]
fn data_is_cut_and_counted() {
    let mut memory = memory();
    memory.write(OUT, &3_u32.to_le_bytes()).unwrap();
    let values = [1, IOVECS.into(), 1, OUT.into()];
    let (arguments, results) = words(Call::fd_write, &values, &memory);
    assert_eq!(arguments, format!("1, \"{}\"…[50]", "x".repeat(32)));
    assert_eq!(results, "3");
    let (arguments, results) = words(Call::fd_read, &values, &memory);
    assert_eq!((&*arguments, &*results), ("1, [50]", "\"xxx\"[3]"));
}

#[test]
fn what_is_waited_for_is_told() {
    let mut memory = memory();
    let mut subscription = [0; 48];
    subscription[24..32].copy_from_slice(&1_000_u64.to_le_bytes());
    subscription[16] = 1;
    memory.write(DATA, &subscription).unwrap();
    subscription[8] = 1;
    subscription[16] = 4;
    memory.write(DATA + 48, &subscription).unwrap();
    memory.write(OUT, &1_u32.to_le_bytes()).unwrap();
    let mut event = [0; 32];
    event[10] = 1;
    event[8] = 8;
    memory.write(0x8000, &event).unwrap();
    let values = [DATA.into(), 0x8000, 2, OUT.into()];
    let (arguments, results) = words(Call::poll_oneoff, &values, &memory);
    assert_eq!(arguments, "[clock 1 +1000 ns, read 4]");
    assert_eq!(results, "[read BADF]");
}

#[test]
fn bad_pointers_are_shown_as_they_are() {
    let memory = memory();
    for value in [
        0,
        u64::from(MEMORY_BYTES) - 1,
        u64::from(u32::MAX),
        u64::MAX,
    ] {
        for call in Call::ALL {
            words(*call, &[value; PARAMETERS_MAX], &memory);
        }
    }
    let (arguments, _) = words(Call::path_unlink_file, &[3, 0xffff_fff0, 77], &memory);
    assert_eq!(arguments, "3, 0xfffffff0[77]");
}
