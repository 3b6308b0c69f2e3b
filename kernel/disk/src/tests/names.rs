//! Names: which there may be, many of them, and files that have several.

use super::device::Held;
use super::sequence::new_disk;
use crate::NAME_BYTES_MAX;
use crate::disk::{Kind, Options, ROOT};
use crate::error::Error;

#[test]
fn names_may_be_long_and_hold_colons() {
    let mut disk = new_disk(4 << 20);
    let long = "x".repeat(NAME_BYTES_MAX);
    for name in ["a:b", "::", "é", " ", ".a", &long] {
        let id = disk.create(ROOT, name, Kind::File, 5).unwrap();
        assert_eq!(disk.lookup(ROOT, name).unwrap().id, id);
        assert_eq!(disk.link(id, ROOT, name, 5), Err(Error::Exists));
        assert!(
            disk.entries(ROOT)
                .unwrap()
                .iter()
                .any(|entry| entry.name == name)
        );
    }
    for name in ["", ".", "..", "a/b", "a\0", "\u{f03a}"] {
        assert_eq!(disk.create(ROOT, name, Kind::File, 5), Err(Error::Invalid));
    }
    for name in [long + "x", ":".repeat(NAME_BYTES_MAX)] {
        assert_eq!(
            disk.create(ROOT, &name, Kind::File, 5),
            Err(Error::NameTooLong)
        );
        assert_eq!(disk.lookup(ROOT, &name), Err(Error::NameTooLong));
    }
}

#[test]
fn directories_hold_thousands_of_names() {
    let mut disk = new_disk(64 << 20);
    let directory = disk.create(ROOT, "many", Kind::Directory, 5).unwrap();
    let names = super::count("MEWZ_DISK_NAMES", 3000);
    for name in 0..names {
        disk.create(directory, &format!("name {name}"), Kind::File, 5)
            .unwrap();
    }
    let mut listed: Vec<String> = disk
        .entries(directory)
        .unwrap()
        .into_iter()
        .map(|entry| entry.name)
        .collect();
    listed.sort();
    listed.dedup();
    assert_eq!(listed.len() as u64, names);
    assert_eq!(disk.remove_directory(ROOT, "many", 6), Err(Error::NotEmpty));
    for name in 0..names {
        disk.unlink(directory, &format!("name {name}"), 6).unwrap();
    }
    disk.remove_directory(ROOT, "many", 6).unwrap();
    assert_eq!(disk.check().unwrap().findings, []);
}

#[test]
fn a_directory_never_comes_to_lie_in_itself() {
    let mut disk = new_disk(4 << 20);
    let a = disk.create(ROOT, "a", Kind::Directory, 5).unwrap();
    let b = disk.create(a, "b", Kind::Directory, 5).unwrap();
    let c = disk.create(b, "c", Kind::Directory, 5).unwrap();
    for directory in [a, b, c] {
        assert_eq!(
            disk.rename(ROOT, "a", directory, "x", 6),
            Err(Error::Invalid)
        );
    }
    // Known by names alone too.
    disk.sync().unwrap();
    let mut disk = Held::open(disk.into_device(), Options::default()).unwrap();
    let a = disk.lookup(ROOT, "a").unwrap().id;
    let b = disk.lookup(a, "b").unwrap().id;
    assert_eq!(disk.rename(ROOT, "a", b, "x", 6), Err(Error::Invalid));
    disk.rename(a, "b", ROOT, "b", 6).unwrap();
    disk.rename(ROOT, "a", b, "a", 6).unwrap();
    assert_eq!(disk.parent(a), b);
    assert_eq!(disk.check().unwrap().findings, []);
}

#[test]
fn a_directory_in_use_that_was_taken_away_takes_no_names() {
    let mut disk = new_disk(4 << 20);
    let a = disk.create(ROOT, "a", Kind::Directory, 5).unwrap();
    disk.hold(a);
    disk.remove_directory(ROOT, "a", 6).unwrap();
    assert_eq!(disk.create(a, "b", Kind::File, 6), Err(Error::NotFound));
    assert_eq!(disk.entries(a), Ok(Vec::new()));
    disk.release(a);
    assert_eq!(disk.check().unwrap().findings, []);
}
