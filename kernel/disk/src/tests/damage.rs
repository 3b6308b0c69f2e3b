//! Damaged disks: an error, or what was there; never a panic.

use super::Random;
use super::device::{Held, MemoryDevice};
use super::model::Model;
use super::sequence::{DISK_BYTES, Pair, new_disk};
use crate::disk::{Kind, Options, ROOT};
use crate::error::Error;

/// A disk with some files, all of it written.
pub(super) fn used(seed: u64) -> (MemoryDevice, Model) {
    let mut pair = Pair::new(new_disk(DISK_BYTES), Model::new(), seed);
    for _ in 0..300 {
        pair.step();
    }
    pair.close_all();
    pair.disk.sync().unwrap();
    (pair.disk.into_device().anew(), pair.model)
}

/// Does all that can be done to a disk that may be damaged.
pub(super) fn use_up(device: MemoryDevice) -> Result<usize, Error> {
    let mut disk = Held::open(device, Options::default())?;
    let findings = disk.check()?.findings.len();
    let mut wait = vec![ROOT];
    let mut seen = 0;
    while let Some(directory) = wait.pop() {
        for entry in disk.entries(directory).unwrap_or_default() {
            seen += 1;
            let Ok(file) = disk.lookup(directory, &entry.name) else {
                continue;
            };
            match file.kind {
                Kind::Directory if seen < 1000 => wait.push(file.id),
                Kind::File => {
                    let _ = disk.read(file.id, 0, &mut [0; 9000]);
                    let _ = disk.write(file.id, file.size, b"more", 9);
                    let _ = disk.set_size(file.id, file.size / 2, 9);
                }
                _ => {}
            }
            let _ = disk.unlink(directory, &entry.name, 9);
        }
        let _ = disk.create(directory, "new", Kind::File, 9);
    }
    let _ = disk.sync();
    Ok(findings)
}

#[test]
fn flipped_bits_are_found_and_do_no_harm() {
    let (device, model) = used(3);
    let blocks = device.written();
    let mut random = Random::new(4);
    let (mut damaged, mut whole) = (0, 0);
    for _ in 0..super::count("MEWZ_DISK_DAMAGES", 400) {
        let broken = device.anew();
        for _ in 0..=random.below(3) {
            let block = blocks[random.below(blocks.len() as u64) as usize];
            let mut bytes = broken.block(block).to_vec();
            let at = random.below(bytes.len() as u64) as usize;
            match random.below(3) {
                0 => bytes[at] ^= 1 << random.below(8),
                1 => bytes.fill(random.next() as u8),
                _ => {
                    for byte in &mut bytes[at..] {
                        *byte = random.next() as u8;
                    }
                }
            }
            broken.store(block, &bytes);
        }
        match Held::open(broken.anew(), Options { read_only: true }) {
            Ok(mut disk) => match disk.check().unwrap().findings.is_empty() {
                true => {
                    // What is checked and found whole is what was written, or the state before a header that is gone.
                    if disk.space().free
                        == Held::open(device.anew(), Options::default())
                            .unwrap()
                            .space()
                            .free
                    {
                        Model::of(&mut disk).assert_same(&model, "found whole");
                    }
                    whole += 1;
                }
                false => damaged += 1,
            },
            Err(_) => damaged += 1,
        }
        let _ = use_up(broken.anew());
    }
    assert!(damaged > 20 && whole > 20, "{damaged} {whole}");
}

#[test]
fn what_is_no_disk_is_refused() {
    let open = |device: MemoryDevice| Held::open(device, Options::default()).err();
    assert_eq!(open(MemoryDevice::new(0)), Some(Error::NoFileSystem));
    assert_eq!(open(MemoryDevice::new(4096)), Some(Error::NoFileSystem));
    assert_eq!(open(MemoryDevice::new(1 << 30)), Some(Error::NoFileSystem));
    let noise = MemoryDevice::new(4 << 20);
    let mut random = Random::new(1);
    for block in 0..1024 {
        let bytes: Vec<u8> = (0..4096).map(|_| random.next() as u8).collect();
        noise.store(block, &bytes);
    }
    assert_eq!(open(noise.anew()), Some(Error::NoFileSystem));
    // A disk that was cut short.
    let (device, _) = used(5);
    let short = MemoryDevice::new(DISK_BYTES - 4096);
    for block in device.written() {
        if block < DISK_BYTES / 4096 - 1 {
            short.store(block, &device.block(block));
        }
    }
    assert_eq!(open(short), Some(Error::Damaged));
}
