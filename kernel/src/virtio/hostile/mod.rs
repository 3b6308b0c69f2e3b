//! The drivers on made-up devices that break every rule: `MEWZ_KERNEL_FUZZ=N` makes N times as many.
//!
//! What a device may do is in `device`: answer well, answer nonsense, or write over all that it can reach, at any moment. What
//! must hold is looked at there too: descriptors lead to what was lent and nowhere else; nothing is lent twice, changed while
//! it is lent, or given back to the heap while the device has it; and a driver never panics.

#[path = "../block.rs"]
#[allow(dead_code, reason = "parts are the machine's alone")]
mod block;
#[path = "../buffers.rs"]
#[allow(dead_code, reason = "parts are the machine's alone")]
mod buffers;
#[path = "../console.rs"]
#[allow(dead_code, reason = "parts are the machine's alone")]
mod console;
mod device;
mod find;
mod hal;
#[path = "../net.rs"]
#[allow(dead_code, reason = "parts are the machine's alone")]
mod net;
#[path = "../ninep.rs"]
#[allow(dead_code, reason = "parts are the machine's alone")]
mod ninep;
mod wait;

use std::panic::{AssertUnwindSafe, catch_unwind};

use fastrand::Rng;
use mewz_abi::record::RecordKind;
use mewz_disk::Device as _;
use virtio_drivers::transport::DeviceType;

use mewz_kernel::fs::channel::Channel as _;
use mewz_kernel::fs::ninep::{MountOptions, mount};
use mewz_kernel::net::{Card as _, FRAME_BYTES_MAX, Network, Settings};

/// Devices of each kind.
const ROUNDS: u64 = 300;

/// What is done with each.
const OPERATIONS: usize = 40;

#[test]
fn fuzz_console() {
    check(DeviceType::Console, |random| {
        let Ok(mut console) = console::Console::new(find::Device::new()) else {
            return;
        };
        let mut room = [0; 3000];
        for _ in 0..OPERATIONS {
            let len = random.usize(..100_000);
            let answer = match random.u64(..8) {
                0 | 1 => console.send(RecordKind::Stdout, &vec![7; len]),
                2 | 3 => console.poll(),
                4 => console.input(len).map(|_| ()),
                5 => {
                    console.take_time_ns();
                    assert!(console.read(&mut room) <= room.len());
                    Ok(())
                }
                6 => {
                    // As last words are said, whatever happened before.
                    if console.can_send() {
                        let _ = console.send(RecordKind::Trap, b"last");
                    }
                    console.drain_briefly();
                    Ok(())
                }
                _ => console.drain(),
            };
            if answer.is_err() {
                // The kernel ends here, and says why.
                if console.can_send() {
                    let _ = console.send(RecordKind::Log, b"broken");
                }
                console.drain_briefly();
                return;
            }
            console.has_news();
        }
    });
}

#[test]
fn fuzz_card() {
    check(DeviceType::Network, |random| {
        let takes_long = random.bool();
        let Some(mut card) = net::NetworkCard::new(find::Device::new(), takes_long) else {
            return;
        };
        for _ in 0..OPERATIONS {
            match random.u64(..6) {
                0 | 1 => {
                    let mut frame = vec![0; random.usize(..2000)];
                    let len = card.receive(&mut frame);
                    assert!(len.is_none_or(|len| len <= frame.len()));
                }
                2 | 3 if card.can_transmit() => {
                    let longest = card.segment_bytes_max() as u64;
                    let bytes = match random.u64(..2) {
                        0 => 1 + random.u64(..FRAME_BYTES_MAX as u64),
                        _ => 1 + random.u64(..longest),
                    };
                    card.transmit(bytes as usize, &mut |frame| frame.fill(3));
                }
                4 => card.flush(),
                _ => card.set_interrupts(random.bool()),
            }
            card.has_received();
            device::act();
        }
        let settings = Settings {
            addresses: vec!["10.0.0.1/24".parse().unwrap()],
            ..Settings::default()
        };
        let mut network = Network::new(Box::new(card), &settings, 1, 1 << 20, 0);
        for round in 0..OPERATIONS as u64 {
            device::act();
            network.poll(round * 50_000_000);
            network.set_interrupts(true);
            let _ = network.has_news();
        }
    });
}

#[test]
fn fuzz_folder() {
    check(DeviceType::_9P, |random| {
        let Some((tag, mut folder)) = ninep::HostFolder::new(find::Device::new()) else {
            return;
        };
        assert!(tag.len() < 256);
        for _ in 0..OPERATIONS {
            let request = vec![5; random.usize(..9000)];
            let mut reply = vec![0; random.usize(..9000)];
            let len = folder.exchange(&request, &mut reply);
            assert!(len.is_err() || len.is_ok_and(|len| len <= reply.len()));
            device::act();
        }
        let options = MountOptions {
            read_only: false,
            number: 1,
        };
        let _ = mount(Box::new(folder), options);
    });
}

#[test]
fn fuzz_disk() {
    check(DeviceType::Block, |random| {
        let Some((name, mut disk)) = block::BlockDevice::new(find::Device::new()) else {
            return;
        };
        assert!(name.len() <= 20);
        for _ in 0..OPERATIONS {
            let block = match random.u64(..3) {
                0 => random.u64(..),
                _ => random.u64(..disk.block_count().max(1)),
            };
            let mut bytes = vec![9; random.usize(..5) * 4096];
            let _ = match random.u64(..3) {
                0 => disk.read(block, &mut bytes),
                1 => disk.write(block, &bytes),
                _ => disk.flush(),
            };
            device::act();
        }
    });
}

/// Lets `work` drive one device after the other.
fn check(kind: DeviceType, mut work: impl FnMut(&mut Rng)) {
    let rounds = mewz_kernel::fuzz::rounds(ROUNDS);
    let mut deeds = 0;
    for seed in 1..=rounds {
        device::begin(kind, seed);
        let mut random = Rng::with_seed(seed);
        let done = catch_unwind(AssertUnwindSafe(|| work(&mut random)));
        let (problems, acts) = device::end();
        deeds += acts;
        assert!(done.is_ok(), "{kind:?} of seed {seed}: see above");
        assert!(problems.is_empty(), "{kind:?} of seed {seed}: {problems:?}");
    }
    println!("{kind:?}: {rounds} devices, {deeds} deeds");
}
