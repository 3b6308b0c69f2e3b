//! Disks that are full, that fail, that can't be changed.

use super::device::{Held, MemoryDevice};
use super::sequence::new_disk;
use crate::disk::{Kind, Options, ROOT};
use crate::error::Error;
use crate::{DISK_BYTES_MIN, format};

#[test]
fn a_full_disk_says_so_and_takes_files_away() {
    let mut disk = new_disk(3 << 20);
    let mut files = 0;
    let full = loop {
        let made = disk.create(ROOT, &format!("{files}"), Kind::File, 5);
        let written = made.and_then(|id| disk.write(id, 0, &[files as u8; 20_000], 5));
        match written {
            Ok(count) => assert_eq!(count, 20_000),
            Err(error) => break error,
        }
        files += 1;
    };
    assert_eq!(full, Error::Full);
    assert!(files > 50, "{files}");
    // What was taken before has room.
    disk.sync().unwrap();
    assert_eq!(disk.check().unwrap().findings, []);
    // To the last byte: a block at a time.
    let id = disk.create(ROOT, "rest", Kind::File, 5);
    if let Ok(id) = id {
        let mut offset = 0;
        while let Ok(count) = disk.write(id, offset, &[1; 100], 6) {
            offset += count as u64;
        }
        disk.sync().unwrap();
        assert_eq!(disk.attributes(id).unwrap().size, offset);
    }
    for file in 0..files {
        disk.unlink(ROOT, &format!("{file}"), 7).unwrap();
    }
    let id = disk.create(ROOT, "again", Kind::File, 5).unwrap();
    disk.write(id, 0, &[1; 300_000], 6).unwrap();
    disk.sync().unwrap();
    assert_eq!(disk.check().unwrap().findings, []);
}

#[test]
fn a_file_without_a_name_gives_its_room_back() {
    let mut disk = new_disk(4 << 20);
    let free = disk.space().free;
    for _ in 0..20 {
        let id = disk.create(ROOT, "a", Kind::File, 5).unwrap();
        disk.hold(id);
        disk.write(id, 0, &[1; 123_456], 6).unwrap();
        disk.unlink(ROOT, "a", 7).unwrap();
        assert_eq!(disk.attributes(id).unwrap().links, 0);
        assert_eq!(disk.link(id, ROOT, "b", 7), Err(Error::NotFound));
        disk.release(id);
        assert_eq!(disk.attributes(id), Err(Error::NotFound));
    }
    assert!(disk.space().free + 40_000 > free);
}

#[test]
fn after_a_failed_write_nothing_more_is_written() {
    for fails_from in 0..12 {
        let mut disk = new_disk(4 << 20);
        let id = disk.create(ROOT, "a", Kind::File, 5).unwrap();
        disk.write(id, 0, b"sure", 6).unwrap();
        disk.sync().unwrap();
        let device = disk.into_device();
        let device = device.anew();
        let record = device.record.clone();
        let mut disk = Held::open(device, Options::default()).unwrap();
        let from = record.borrow().steps.len() + fails_from;
        record.borrow_mut().fails_from = Some(from);
        let mut outcomes = Vec::new();
        for name in ["b", "c", "d"] {
            outcomes.push(disk.create(ROOT, name, Kind::File, 7).map(drop));
            outcomes.push(disk.sync());
        }
        let failed = outcomes.iter().position(Result::is_err);
        let Some(failed) = failed else {
            continue;
        };
        let rest = &outcomes[failed..];
        assert!(
            rest.iter().all(|outcome| *outcome == Err(Error::Device)),
            "{outcomes:?}"
        );
        assert!(record.borrow().steps.len() <= from + 1, "{fails_from}");
        // What was there can be read.
        let mut bytes = [0; 4];
        assert_eq!(disk.read(id, 0, &mut bytes), Ok(4));
        assert_eq!(&bytes, b"sure");
    }
}

#[test]
fn a_disk_that_is_read_only_is_not_written() {
    let mut disk = new_disk(4 << 20);
    let id = disk.create(ROOT, "a", Kind::File, 5).unwrap();
    disk.hold(id);
    disk.unlink(ROOT, "a", 6).unwrap();
    let id = disk.create(ROOT, "b", Kind::File, 5).unwrap();
    disk.write(id, 0, b"bytes", 5).unwrap();
    disk.sync().unwrap();
    let device = disk.into_device().anew();
    let record = device.record.clone();
    let mut disk = Held::open(device, Options { read_only: true }).unwrap();
    let id = disk.lookup(ROOT, "b").unwrap().id;
    let mut bytes = [0; 9];
    assert_eq!(disk.read(id, 0, &mut bytes), Ok(5));
    assert_eq!(disk.check().unwrap().findings, []);
    assert_eq!(disk.write(id, 0, b"x", 6), Err(Error::ReadOnly));
    assert_eq!(disk.set_size(id, 0, 6), Err(Error::ReadOnly));
    assert_eq!(disk.set_times(id, Some(1), None, 6), Err(Error::ReadOnly));
    assert_eq!(disk.create(ROOT, "c", Kind::File, 6), Err(Error::ReadOnly));
    assert_eq!(disk.unlink(ROOT, "b", 6), Err(Error::ReadOnly));
    assert_eq!(disk.rename(ROOT, "b", ROOT, "c", 6), Err(Error::ReadOnly));
    assert_eq!(disk.link(id, ROOT, "c", 6), Err(Error::ReadOnly));
    assert_eq!(disk.sync(), Ok(()));
    assert!(record.borrow().steps.is_empty());
}

#[test]
fn disks_have_a_least_and_a_most_size() {
    let made = |bytes| format(Box::new(MemoryDevice::new(bytes)), [1; 16], 1).err();
    assert_eq!(made(DISK_BYTES_MIN), None);
    assert_eq!(made(DISK_BYTES_MIN - 1), Some(Error::Full));
    assert_eq!(
        made(crate::DISK_BYTES_MAX + 4096),
        Some(Error::FileTooLarge)
    );
}

#[test]
fn large_files_go_in_parts() {
    let mut disk = new_disk(64 << 20);
    let free = disk.space().free;
    let write = |disk: &mut Held, name: &str| {
        let id = disk.create(ROOT, name, Kind::File, 5).unwrap();
        let bytes = vec![3; 250_000];
        for part in 0..100 {
            assert_eq!(disk.write(id, part * 250_000, &bytes, 6), Ok(250_000));
        }
        id
    };
    let id = write(&mut disk, "a");
    disk.set_size(id, 1_000_001, 6).unwrap();
    let mut bytes = vec![0; 2_000_000];
    assert_eq!(disk.read(id, 0, &mut bytes), Ok(1_000_001));
    disk.unlink(ROOT, "a", 7).unwrap();
    write(&mut disk, "a");
    disk.unlink(ROOT, "a", 7).unwrap();
    write(&mut disk, "a");
    write(&mut disk, "b");
    disk.rename(ROOT, "a", ROOT, "b", 8).unwrap();
    let id = disk.lookup(ROOT, "b").unwrap().id;
    disk.hold(id);
    disk.unlink(ROOT, "b", 7).unwrap();
    disk.sync().unwrap();
    assert_eq!(disk.check().unwrap().findings, []);
    // The machine ends while the file is open.
    let mut disk = Held::open(disk.into_device(), Options::default()).unwrap();
    assert_eq!(
        disk.check().unwrap(),
        crate::Report {
            directories: 1,
            ..Default::default()
        }
    );
    // The list of changes takes some until it is made anew.
    assert!(disk.space().free + 2_000_000 > free);
}
