//! The power is cut at every write: what is left mounts, is whole, and holds the first part of all changes, up to the last
//! sync at least.

use super::Random;
use super::device::Held;
use super::model::Model;
use super::sequence::{DISK_BYTES, Pair, new_disk};
use crate::disk::Options;

/// Runs `steps` changes, and cuts the power `tries` times after each write and flush.
fn run(seed: u64, steps: u32, bytes: u64, tries: u32) {
    let disk = new_disk(bytes);
    let start = disk.into_device();
    let device = start.anew();
    let record = device.record.clone();
    let disk = Held::open(device, Options::default()).unwrap();
    let mut pair = Pair::new(disk, Model::new(), seed);
    // What the files were after each change, with how many writes and flushes there had been, and which was sure by then.
    let mut states = vec![pair.model.clone()];
    let mut sure = vec![(record.borrow().steps.len(), 0)];
    for _ in 0..steps {
        pair.step();
        states.push(pair.model.clone());
        if pair.disk.unsettled_since_ns().is_none() {
            sure.push((record.borrow().steps.len(), states.len() - 1));
        }
    }
    let record = &record.borrow().steps;
    let mut random = Random::new(seed ^ 0xc0ffee);
    for cut in 0..=record.len() {
        for _ in 0..tries {
            let when = format!("seed {seed}, cut after {cut} of {}", record.len());
            let device = start.after_cut(&record[..cut], &mut random);
            let mut disk = Held::open(device, Options::default())
                .unwrap_or_else(|error| panic!("{when}: {error:?}"));
            let report = disk.check().unwrap();
            assert!(report.findings.is_empty(), "{when}: {report:?}");
            let left = Model::of(&mut disk);
            let first = sure.iter().rfind(|(at, _)| *at <= cut).unwrap().1;
            let is_first_part = states[first..].iter().any(|state| state.is_same(&left));
            assert!(
                is_first_part,
                "{when}: what is left never was, or is too old"
            );
        }
    }
}

#[test]
fn after_a_power_cut_the_disk_holds_the_first_part_of_all_changes() {
    for seed in 1..=super::count("MEWZ_DISK_CUT_SEEDS", 2) {
        run(seed, 120, DISK_BYTES, 2);
    }
}

#[test]
fn a_power_cut_while_a_cut_is_mended_does_no_harm() {
    // A file in use without a name is taken away when the disk is mounted, which writes too.
    let mut disk = new_disk(DISK_BYTES);
    let id = disk.create(1, "a", crate::Kind::File, 5).unwrap();
    disk.write(id, 0, &[1; 30_000], 6).unwrap();
    disk.hold(id);
    disk.unlink(1, "a", 7).unwrap();
    disk.sync().unwrap();
    let device = disk.into_device();
    let mended = device.anew();
    let record = mended.record.clone();
    Held::open(mended, Options::default()).unwrap();
    let record = &record.borrow().steps;
    assert!(record.len() > 3, "nothing was written");
    let mut random = Random::new(9);
    for cut in 0..=record.len() {
        for _ in 0..20 {
            let device = device.after_cut(&record[..cut], &mut random);
            let mut disk = Held::open(device, Options::default()).unwrap();
            let report = disk.check().unwrap();
            assert_eq!((report.files, report.findings.len()), (0, 0), "{report:?}");
        }
    }
}
