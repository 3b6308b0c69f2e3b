//! The table of imports: names as the linker has them, nothing twice, and nothing that panics on any argument.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use fastrand::Rng;

use super::super::exports::{Call, PARAMETERS_MAX, SYMBOLS};
use super::machine::{Exited, Machine, NETDOWN, ROOT};

/// All functions of preview 1 with their types.
///
/// Source: `phases/snapshot/witx/wasi_snapshot_preview1.witx` of the WASI repository, lowered by the rules of its ABI.
const PREVIEW1: &str = "
args_get ii i
args_sizes_get ii i
environ_get ii i
environ_sizes_get ii i
clock_res_get ii i
clock_time_get iIi i
fd_advise iIIi i
fd_allocate iII i
fd_close i i
fd_datasync i i
fd_fdstat_get ii i
fd_fdstat_set_flags ii i
fd_fdstat_set_rights iII i
fd_filestat_get ii i
fd_filestat_set_size iI i
fd_filestat_set_times iIIi i
fd_pread iiiIi i
fd_prestat_get ii i
fd_prestat_dir_name iii i
fd_pwrite iiiIi i
fd_read iiii i
fd_readdir iiiIi i
fd_renumber ii i
fd_seek iIii i
fd_sync i i
fd_tell ii i
fd_write iiii i
path_create_directory iii i
path_filestat_get iiiii i
path_filestat_set_times iiiiIIi i
path_link iiiiiii i
path_open iiiiiIIii i
path_readlink iiiiii i
path_remove_directory iii i
path_rename iiiiii i
path_symlink iiiii i
path_unlink_file iii i
poll_oneoff iiii i
proc_exit i
proc_raise i i
sched_yield  i
random_get ii i
sock_accept iii i
sock_accept ii i
sock_recv iiiiii i
sock_send iiiii i
sock_shutdown ii i
";

#[test]
fn every_function_of_preview_1_is_there_by_its_type() {
    let symbols: BTreeSet<_> = SYMBOLS.iter().map(|(symbol, _)| *symbol).collect();
    assert_eq!(symbols.len(), SYMBOLS.len(), "a symbol is there twice");
    for line in PREVIEW1.trim().lines() {
        let mut parts = line.split(' ');
        let mut part = || parts.next().unwrap_or_default();
        let (name, parameters, results) = (part(), part(), part());
        let mut symbol = String::new();
        mewz_abi::symbol::write_import(
            &mut symbol,
            "wasi_snapshot_preview1",
            name,
            parameters,
            results,
        )
        .unwrap();
        assert!(symbols.contains(&symbol[..]), "{symbol}");
    }
}

#[test]
fn calls_have_their_numbers() {
    for (number, call) in Call::ALL.iter().enumerate() {
        assert_eq!(*call as usize, number);
        assert_eq!(Call::from_number(number as u32), Some(*call));
    }
    assert_eq!(Call::from_number(Call::ALL.len() as u32), None);
    assert_eq!(Call::from_number(u32::MAX), None);
}

#[test]
fn a_machine_without_a_card_says_so_once() {
    let mut machine = Machine::new();
    for _ in 0..3 {
        assert_eq!(machine.call(Call::sock_open, &[1, 2, 64]), NETDOWN);
    }
    assert_eq!(machine.system.warnings.len(), 1);
    assert!(machine.system.warnings[0].contains("no card"));
}

/// Every call with arguments that mean nothing, and with some that mean something: an errno comes back, no panic.
#[test]
fn no_argument_makes_a_call_panic() {
    std::panic::set_hook(Box::new(|_| {}));
    let mut random = Rng::with_seed(1);
    const VALUES: [u64; 20] = [
        0,
        1,
        2,
        3,
        4,
        5,
        8,
        64,
        0x400,
        0x5000,
        0x3_fff0,
        0x4_0000,
        0x7fff_ffff,
        0x8000_0000,
        0xffff_fff0,
        0xffff_ffff,
        1 << 40,
        i64::MAX as u64,
        i64::MIN as u64,
        u64::MAX,
    ];
    let mut machine = Machine::new();
    machine.server.put_file("f", b"content");
    let mut failed = Vec::new();
    for round in 0..60_000_u32 {
        if round % 500 == 0 {
            machine = if round % 1000 == 0 {
                Machine::new()
            } else {
                Machine::with_network()
            };
            machine.server.put_file("f", b"content");
            machine.server.put_link("f.f", "f");
            // Memory full of paths, small numbers and addresses.
            for at in (0..0x8000).step_by(8) {
                machine.put(at, &[b'f', 0, 0, 0, 4, 0, 0, 0]);
            }
            machine.put(0x400, b"f/../f");
            let _ = machine.open(ROOT, "f", 0, u64::MAX, 0);
        }
        let call = *random.choice(Call::ALL).unwrap();
        let arguments: [u64; PARAMETERS_MAX] =
            std::array::from_fn(|_| random.choice(VALUES).unwrap());
        // Endless waits are what some arguments ask for; the fake clock gives up on those.
        let polls = matches!(
            call,
            Call::poll_oneoff
                | Call::poll_oneoff_unstable
                | Call::sock_accept
                | Call::sock_accept_wasmedge
                | Call::sock_connect
                | Call::sock_recv
                | Call::sock_recv_from
                | Call::sock_recv_from_v2
                | Call::fd_read
        );
        let outcome = catch_unwind(AssertUnwindSafe(|| machine.call(call, &arguments)));
        match outcome {
            Ok(errno) => assert!(errno <= 87, "{call:?} {arguments:x?}"),
            Err(payload) if payload.is::<Exited>() => {}
            Err(_) if polls => machine = Machine::new(),
            Err(_) => failed.push((call, arguments)),
        }
    }
    let _ = std::panic::take_hook();
    assert!(failed.is_empty(), "{:x?}", failed.first());
}
