//! A walk through page tables, wherever they are read from. Source: Intel's manual, volume 3, section 4.5.

/// Bit of an entry: it leads somewhere.
const PRESENT: u64 = 1;
/// Bit of an entry: what it leads to is not kept in caches, as device registers are not.
const UNCACHED: u64 = 1 << 4;
/// Bit of an entry above the lowest level: it leads to a large page.
const LARGE: u64 = 1 << 7;
/// Bits of an entry that are an address.
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

/// Where an address leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// The physical address.
    pub physical: u64,
    /// Device registers are there, or may be: reading them may change something.
    pub is_device: bool,
}

/// Where `address` leads in the tables whose root is at the physical address `root`; `read` reads the entry at a physical
/// address. `None` where nothing is mapped, and for what is no address of the processor's.
#[inline]
pub fn walk(root: u64, address: u64, read: impl Fn(u64) -> u64) -> Option<Target> {
    // Bits 48 to 63 repeat bit 47.
    if (address as i64) << 16 >> 16 != address as i64 {
        return None;
    }
    let mut table = root;
    for level in (1..=4).rev() {
        let index = address >> (12 + 9 * (level - 1)) & 511;
        let value = read(table + 8 * index);
        if value & PRESENT == 0 {
            return None;
        }
        let span = 1u64 << (12 + 9 * (level - 1));
        let is_page = level == 1 || (value & LARGE != 0 && level < 4);
        if is_page {
            return Some(Target {
                physical: (value & ADDRESS & !(span - 1)) | (address & (span - 1)),
                is_device: value & UNCACHED != 0,
            });
        }
        table = value & ADDRESS;
    }
    None
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::{Target, walk};

    /// Tables at 0x1000, 0x2000, …: pages of all three sizes, a device, and holes.
    fn tables() -> HashMap<u64, u64> {
        HashMap::from([
            (0x1000, 0x2003),
            (0x1000 + 8 * 511, 0x2003),
            (0x2000, 0x3003),
            (0x2000 + 8, 0x4000_0083),
            (0x2000 + 16, 0xc000_009b),
            (0x3000, 0x4003),
            (0x3000 + 8, 0x0060_0083),
            (0x4000 + 8, 0x8000_0000_0007_7003),
            (0x4000 + 16, 0x0007_8000),
        ])
    }

    fn look(address: u64) -> Option<(u64, bool)> {
        let tables = tables();
        let target = walk(0x1000, address, |at| tables.get(&at).copied().unwrap_or(0));
        target.map(
            |Target {
                 physical,
                 is_device,
             }| (physical, is_device),
        )
    }

    #[test]
    fn pages_of_every_size_are_found() {
        assert_eq!(look(0x1234), Some((0x7_7234, false)));
        assert_eq!(look(0x20_1234), Some((0x60_1234, false)));
        assert_eq!(look(0x4000_1234), Some((0x4000_1234, false)));
        assert_eq!(look(0xffff_ff80_0000_1fff), Some((0x7_7fff, false)));
    }

    #[test]
    fn devices_are_told() {
        assert_eq!(look(0x8000_0010), Some((0xc000_0010, true)));
    }

    #[test]
    fn holes_and_impossible_addresses_lead_nowhere() {
        for address in [
            0,
            0x2000,
            0x40_0000,
            0xc000_0000,
            0x80_0000_0000,
            0x0000_8000_0000_0000,
            0x1_0000_0000_1234,
            0xffff_7fff_ffff_ffff,
        ] {
            assert_eq!(look(address), None, "{address:#x}");
        }
    }
}
