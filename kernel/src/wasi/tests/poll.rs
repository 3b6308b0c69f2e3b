//! Waiting: clocks in their forms, descriptors that are ready, bad or silent, several at once.

use super::super::exports::Call;
use super::machine::{ALL, BADF, DATA, EPOCH_NS, FAULT, INVAL, MEMORY_BYTES, Machine, ROOT};

const EVENTS: u32 = DATA + 0x1000;

enum Wanted {
    /// Clock, timeout, flags.
    Clock(u32, u64, u16),
    Read(u32),
    Write(u32),
    Tag(u8),
}

use Wanted::{Clock, Read, Tag, Write};

/// An event: userdata, errno, type, bytes, flags.
type Event = (u64, u16, u8, u64, u16);

fn put(machine: &mut Machine, wanted: &[Wanted], unstable: bool) {
    let (size, shift) = if unstable { (56, 8) } else { (48, 0) };
    for (index, wanted) in wanted.iter().enumerate() {
        let at = DATA + size * u32::try_from(index).unwrap();
        machine.put(at, &vec![0xcc; size as usize]);
        machine.put(at, &(1000 + index as u64).to_le_bytes());
        let (tag, fd) = match wanted {
            Clock(clock, timeout_ns, flags) => {
                machine.put(at + 16 + shift, &clock.to_le_bytes());
                machine.put(at + 24 + shift, &timeout_ns.to_le_bytes());
                machine.put(at + 40 + shift, &flags.to_le_bytes());
                machine.put(at + 8, &[0]);
                continue;
            }
            Read(fd) => (1, *fd),
            Write(fd) => (2, *fd),
            Tag(tag) => (*tag, 0),
        };
        machine.put(at + 8, &[tag]);
        machine.put(at + 16, &fd.to_le_bytes());
    }
}

fn poll_as(machine: &mut Machine, wanted: &[Wanted], unstable: bool) -> Result<Vec<Event>, u32> {
    put(machine, wanted, unstable);
    let call = if unstable {
        Call::poll_oneoff_unstable
    } else {
        Call::poll_oneoff
    };
    let parameters = [DATA.into(), EVENTS.into(), wanted.len() as u64, 64];
    match machine.call(call, &parameters) {
        0 => Ok((0..machine.u32(64))
            .map(|index| {
                let at = EVENTS + 32 * index;
                let errno = machine.u32(at + 8) as u16;
                let kind = machine.bytes(at + 10, 1)[0];
                let flags = machine.u32(at + 24) as u16;
                (machine.u64(at), errno, kind, machine.u64(at + 16), flags)
            })
            .collect()),
        errno => Err(errno),
    }
}

fn poll(machine: &mut Machine, wanted: &[Wanted]) -> Result<Vec<Event>, u32> {
    poll_as(machine, wanted, false)
}

#[test]
fn nothing_to_wait_for_is_invalid() {
    let mut machine = Machine::new();
    assert_eq!(poll(&mut machine, &[]), Err(INVAL));
    assert_eq!(poll(&mut machine, &[Tag(3)]), Err(INVAL));
    assert_eq!(poll(&mut machine, &[Tag(255)]), Err(INVAL));
}

#[test]
fn clocks_ring_when_they_should() {
    let start_ns = 5000;
    for (clock, timeout_ns, flags, rings_ns) in [
        (0, 100, 0, 5100),
        (1, 100, 0, 5100),
        (2, 100, 0, 5100),
        (1, 0, 0, 5000),
        (1, 6000, 1, 6000),
        (0, EPOCH_NS + 6000, 1, 6000),
        (1, 10, 1, 5000),
        (0, 10, 1, 5000),
        (0, EPOCH_NS, 1, 5000),
    ] {
        for unstable in [false, true] {
            let mut machine = Machine::new();
            machine.system.now_ns = start_ns;
            let events = poll_as(&mut machine, &[Clock(clock, timeout_ns, flags)], unstable);
            assert_eq!(events, Ok(vec![(1000, 0, 0, 0, 0)]), "{clock} {timeout_ns}");
            assert_eq!(machine.system.now_ns, rings_ns, "{clock} {timeout_ns}");
        }
    }
}

#[test]
fn the_first_of_several_clocks_rings_alone() {
    let mut machine = Machine::new();
    let wanted = [Clock(1, 500, 0), Clock(0, 100, 0), Clock(1, u64::MAX, 0)];
    assert_eq!(poll(&mut machine, &wanted), Ok(vec![(1001, 0, 0, 0, 0)]));
    assert!(machine.system.waits.iter().all(|wait| *wait == Some(100)));
    let both = [Clock(1, 70, 0), Clock(0, 70, 0)];
    let events = poll(&mut machine, &both).unwrap();
    assert_eq!(events, [(1000, 0, 0, 0, 0), (1001, 0, 0, 0, 0)]);
}

#[test]
fn clocks_that_are_none_give_an_event_with_an_error() {
    let mut machine = Machine::new();
    let events = poll(&mut machine, &[Clock(9, 1, 0), Clock(1, 1, 2)]);
    let inval = INVAL as u16;
    assert_eq!(
        events,
        Ok(vec![(1000, inval, 0, 0, 0), (1001, inval, 0, 0, 0)])
    );
}

#[test]
fn what_is_ready_comes_at_once_beside_what_is_bad() {
    let mut machine = Machine::new();
    machine.server.put_file("f", b"content");
    let file = machine.open(ROOT, "f", 0, ALL, 0).unwrap() as u32;
    machine.read(file.into(), 2).unwrap();
    let bad = BADF as u16;
    let events = poll(
        &mut machine,
        &[
            Clock(1, 1_000_000, 0),
            Write(1),
            Read(99),
            Read(file),
            Write(file),
            Read(1),
            Write(0),
            Read(3),
            Write(u32::MAX),
        ],
    );
    let expected = vec![
        (1001, 0, 2, 65536, 0),
        (1002, bad, 1, 0, 0),
        (1003, 0, 1, 5, 0),
        (1004, 0, 2, 65536, 0),
        (1005, bad, 1, 0, 0),
        (1006, bad, 2, 0, 0),
        (1007, bad, 1, 0, 0),
        (1008, bad, 2, 0, 0),
    ];
    assert_eq!(events, Ok(expected));
    assert!(machine.system.waits.is_empty());
}

#[test]
fn standard_input_wakes_or_lets_the_clock_ring() {
    let mut machine = Machine::new();
    machine.system.stdin_later = [Vec::new(), b"abc".to_vec()].into();
    let events = poll(&mut machine, &[Clock(1, 1_000_000, 0), Read(0)]);
    assert_eq!(events, Ok(vec![(1001, 0, 1, 3, 0)]));
    assert_eq!(machine.system.waits.len(), 2);
    machine.system.stdin_later = [Vec::new(), Vec::new(), Vec::new()].into();
    machine.read(0, 3).unwrap();
    let events = poll(&mut machine, &[Read(0), Clock(1, 15, 0)]);
    assert_eq!(events, Ok(vec![(1001, 0, 0, 0, 0)]));
}

#[test]
fn the_end_of_standard_input_is_ready() {
    let mut machine = Machine::new();
    assert_eq!(poll(&mut machine, &[Read(0)]), Ok(vec![(1000, 0, 1, 0, 1)]));
    machine.call(Call::fd_close, &[0]);
    let bad = BADF as u16;
    assert_eq!(
        poll(&mut machine, &[Read(0)]),
        Ok(vec![(1000, bad, 1, 0, 0)])
    );
}

#[test]
fn ranges_outside_memory_are_a_fault() {
    let mut machine = Machine::new();
    put(&mut machine, &[Write(1), Write(1)], false);
    let (data, events, end) = (u64::from(DATA), u64::from(EVENTS), u64::from(MEMORY_BYTES));
    for parameters in [
        [end - 47, events, 1, 64],
        [data, end - 31, 1, 64],
        [data, events, 1, end - 3],
        [data, end - 63, 2, 64],
        [data, events, 0xffff_ffff, 64],
        [data, events, 0x1000_0000, 64],
        [0xffff_ffff, events, 1, 64],
    ] {
        assert_eq!(
            machine.call(Call::poll_oneoff, &parameters),
            FAULT,
            "{parameters:x?}"
        );
    }
    assert_eq!(machine.call(Call::poll_oneoff, &[data, end - 64, 2, 64]), 0);
}

#[test]
fn a_listener_is_told_once_when_the_program_first_waits_for_it() {
    let mut machine = Machine::with_network();
    assert_eq!(machine.system.listening, []);
    for _ in 0..2 {
        let events = poll(&mut machine, &[Clock(1, 1_000, 0), Read(3)]);
        assert_eq!(events.unwrap()[0].0, 1000);
        assert_eq!(machine.system.listening, [80]);
    }
}
