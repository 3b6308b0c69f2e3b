//! What the debugger asked to stop at: code breakpoints, and what the four debug registers watch.

/// Breakpoints in code.
pub const CODE_MAX: usize = 64;
/// Debug registers. Source: Intel's manual, volume 3, section 18.2.
pub const REGISTERS: usize = 4;

/// A breakpoint in code: a byte that is `int3` while the program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeBreakpoint {
    /// Its address.
    pub address: u64,
    /// What stands there otherwise, while it is in place.
    pub original: Option<u8>,
}

/// What a debug register stops at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watched {
    /// The instruction at the address, before it is executed.
    Execute,
    /// Writes.
    Write,
    /// Reads and writes: the processor knows no reads alone.
    Access,
}

/// A debug register in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch {
    /// What the debugger named: address, length, and the kind of its packet (1 to 4).
    pub asked: (u64, u64, u8),
    /// What the register watches: a part of that, or the same memory at another address.
    pub address: u64,
    /// Bytes: 1, 2, 4 or 8, and a divisor of the address.
    pub bytes: u64,
    /// What it stops at.
    pub watched: Watched,
    /// What stood there when the program went on, or when a write was told last.
    content: [u8; 8],
}

impl Watch {
    /// Whether it stops at an instruction.
    #[must_use]
    pub fn is_of_code(&self) -> bool {
        self.watched == Watched::Execute
    }

    /// What stands there now.
    fn now(&self, read: impl Fn(u64, &mut [u8])) -> [u8; 8] {
        let mut content = [0; 8];
        read(self.address, &mut content[..self.bytes as usize]);
        content
    }
}

/// All of them.
#[derive(Debug)]
pub struct Breakpoints {
    code: [Option<CodeBreakpoint>; CODE_MAX],
    watches: [Option<Watch>; REGISTERS],
}

impl Default for Breakpoints {
    fn default() -> Self {
        Self::new()
    }
}

impl Breakpoints {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            code: [None; CODE_MAX],
            watches: [None; REGISTERS],
        }
    }

    /// Adds a breakpoint in code; returns `false` where there is no more room.
    pub fn add_code(&mut self, address: u64) -> bool {
        if self.is_code(address) {
            return true;
        }
        let Some(slot) = self.code.iter_mut().find(|slot| slot.is_none()) else {
            return false;
        };
        *slot = Some(CodeBreakpoint {
            address,
            original: None,
        });
        true
    }

    /// Takes a breakpoint in code away; returns whether it was there.
    pub fn remove_code(&mut self, address: u64) -> bool {
        let is_it = |slot: &&mut Option<CodeBreakpoint>| {
            slot.is_some_and(|breakpoint| breakpoint.address == address)
        };
        self.code.iter_mut().find(is_it).is_some_and(|slot| {
            *slot = None;
            true
        })
    }

    /// Whether there is a breakpoint in code at `address`.
    #[must_use]
    pub fn is_code(&self, address: u64) -> bool {
        let mut all = self.code.iter().flatten();
        all.any(|breakpoint| breakpoint.address == address)
    }

    /// The breakpoints in code.
    pub fn code(&mut self) -> impl DoubleEndedIterator<Item = &mut CodeBreakpoint> {
        self.code.iter_mut().flatten()
    }

    /// Watches `bytes` from `address` on, with as many registers as that takes; returns `false`, and nothing has changed,
    /// where too few are free. `alias` is another address of the same memory: it is watched too where registers are left.
    pub fn add_watch(&mut self, address: u64, bytes: u64, kind: u8, alias: Option<u64>) -> bool {
        let before = self.watches;
        let asked = (address, bytes, kind);
        if !self.watch_range(asked, address) {
            self.watches = before;
            return false;
        }
        if let Some(alias) = alias {
            let without_alias = self.watches;
            if !self.watch_range(asked, alias) {
                self.watches = without_alias;
            }
        }
        true
    }

    fn watch_range(&mut self, asked: (u64, u64, u8), start: u64) -> bool {
        let (_, bytes, kind) = asked;
        let watched = match kind {
            1 => Watched::Execute,
            2 => Watched::Write,
            _ => Watched::Access,
        };
        let mut parts = parts(start, bytes, watched);
        parts.all(|(address, bytes)| {
            let free = self.watches.iter_mut().find(|slot| slot.is_none());
            free.is_some_and(|slot| {
                *slot = Some(Watch {
                    asked,
                    address,
                    bytes,
                    watched,
                    content: [0; 8],
                });
                true
            })
        })
    }

    /// Takes a watch away; returns whether it was there.
    pub fn remove_watch(&mut self, address: u64, bytes: u64, kind: u8) -> bool {
        let mut was_there = false;
        for slot in &mut self.watches {
            if slot.is_some_and(|watch| watch.asked == (address, bytes, kind)) {
                *slot = None;
                was_there = true;
            }
        }
        was_there
    }

    /// What each debug register watches.
    #[must_use]
    pub fn watches(&self) -> [Option<Watch>; REGISTERS] {
        self.watches
    }

    /// Notes what stands where writes are watched; `read` fills a slice from an address on. To be called before the program
    /// goes on.
    pub fn note_content(&mut self, read: impl Fn(u64, &mut [u8])) {
        for watch in self.watches.iter_mut().flatten() {
            watch.content = watch.now(&read);
        }
    }

    /// The first watch, of those that the processor's status, bits of DR6, names, that is to be told. Writes of what stood
    /// there before are not: a debugger would look, see no change, and let the program go on, at some thousand times the
    /// cost.
    pub fn hit(&mut self, status: u64, read: impl Fn(u64, &mut [u8])) -> Option<Watch> {
        let mut first = None;
        for (at, slot) in self.watches.iter_mut().enumerate() {
            let Some(watch) = slot.as_mut().filter(|_| status >> at & 1 != 0) else {
                continue;
            };
            let now = watch.now(&read);
            let is_told = watch.watched != Watched::Write || now != watch.content;
            watch.content = now;
            if is_told {
                first = first.or(*slot);
            }
        }
        first
    }

    /// The first watch of memory that holds something else than when the program went on, behind a step.
    pub fn changed(&mut self, read: impl Fn(u64, &mut [u8])) -> Option<Watch> {
        let mut first = None;
        for slot in &mut self.watches {
            let Some(watch) = slot.as_mut().filter(|watch| !watch.is_of_code()) else {
                continue;
            };
            let now = watch.now(&read);
            if core::mem::replace(&mut watch.content, now) != now {
                first = first.or(*slot);
            }
        }
        first
    }

    /// Takes all away.
    pub fn clear(&mut self) {
        *self = Self::new();
    }
}

/// The aligned parts of a range that a register each can watch; a part too many ends them, so an endless range does not.
fn parts(start: u64, bytes: u64, watched: Watched) -> impl Iterator<Item = (u64, u64)> {
    let end = match watched {
        // Only the address counts.
        Watched::Execute => start.saturating_add(1),
        _ => start.saturating_add(bytes.max(1)),
    };
    let mut at = start;
    core::iter::from_fn(move || {
        let mut sizes = [8, 4, 2, 1].into_iter();
        let size = sizes.find(|size| at.is_multiple_of(*size) && end - at >= *size)?;
        let part = (at, size);
        at += size;
        Some(part)
    })
    .take(REGISTERS + 1)
}

/// The value of DR7 for these watches. Source: Intel's manual, volume 3, section 18.2.4.
#[must_use]
pub fn control(watches: &[Option<Watch>; REGISTERS]) -> u64 {
    let parts = watches.iter().enumerate().map(|(at, watch)| {
        let Some(watch) = watch else { return 0 };
        let condition = match watch.watched {
            Watched::Execute => 0,
            Watched::Write => 1,
            Watched::Access => 3,
        };
        let len = match (watch.watched, watch.bytes) {
            (Watched::Execute, _) | (_, 1) => 0,
            (_, 2) => 1,
            (_, 8) => 2,
            _ => 3,
        };
        1 << (2 * at) | (condition | len << 2) << (16 + 4 * at)
    });
    parts.sum()
}

#[cfg(test)]
mod tests {
    use super::{Breakpoints, CODE_MAX, Watched, control};

    #[test]
    fn code_breakpoints_are_one_each() {
        let mut all = Breakpoints::new();
        for address in (0..CODE_MAX as u64).chain([3]) {
            assert!(all.add_code(address));
        }
        assert!(!all.add_code(1000));
        assert!(all.remove_code(3) && !all.remove_code(3));
        assert!(all.add_code(1000) && all.is_code(1000) && !all.is_code(3));
        all.clear();
        assert_eq!(all.code().count(), 0);
    }

    #[test]
    fn watches_take_as_many_registers_as_they_need() {
        let mut all = Breakpoints::new();
        assert!(all.add_watch(0x1002, 8, 2, None));
        let places: Vec<(u64, u64)> = all
            .watches()
            .iter()
            .flatten()
            .map(|watch| (watch.address, watch.bytes))
            .collect();
        assert_eq!(places, [(0x1002, 2), (0x1004, 4), (0x1008, 2)]);
        // Two are wanted and one is free; then one is enough.
        assert!(!all.add_watch(0x2001, 3, 2, None));
        assert!(all.add_watch(0x2000, 4, 4, Some(0x3000)));
        let hit = all.hit(8, |_, _| {});
        assert_eq!(hit.map(|watch| watch.asked), Some((0x2000, 4, 4)));
        assert!(all.remove_watch(0x1002, 8, 2) && !all.remove_watch(0x1002, 8, 2));
        assert!(!all.add_watch(0, u64::MAX, 2, None));
    }

    #[test]
    fn the_same_memory_elsewhere_is_watched_while_registers_last() {
        let mut all = Breakpoints::new();
        assert!(all.add_watch(0x1000, 8, 2, Some(0xffff_8000_0000_1000)));
        assert_eq!(all.watches().iter().flatten().count(), 2);
        let hit = all.hit(2, |_, content| content.fill(1));
        assert_eq!(hit.unwrap().asked, (0x1000, 8, 2));
        assert!(all.remove_watch(0x1000, 8, 2));
        assert_eq!(all.watches().iter().flatten().count(), 0);
    }

    #[test]
    fn writes_that_change_nothing_are_not_told() {
        let mut all = Breakpoints::new();
        assert!(all.add_watch(0x1000, 4, 2, None));
        assert!(all.add_watch(0x2000, 4, 4, None));
        let write = |value: u8| move |_: u64, content: &mut [u8]| content.fill(value);
        all.note_content(write(7));
        assert_eq!(all.hit(1, write(7)), None);
        // Reads are told, whatever they read; so is what comes with a write of nothing new.
        assert_eq!(all.hit(2, write(7)).unwrap().asked, (0x2000, 4, 4));
        assert_eq!(all.hit(3, write(7)).unwrap().asked, (0x2000, 4, 4));
        assert_eq!(all.hit(3, write(8)).unwrap().asked, (0x1000, 4, 2));
        assert_eq!(all.hit(1, write(8)), None);
    }

    #[test]
    fn what_a_step_has_changed_is_found() {
        let mut all = Breakpoints::new();
        assert!(all.add_watch(0x1000, 1, 1, None));
        assert!(all.add_watch(0x2000, 4, 2, None));
        let write = |value: u8| move |_: u64, content: &mut [u8]| content.fill(value);
        all.note_content(write(7));
        assert_eq!(all.changed(write(7)), None);
        assert_eq!(all.changed(write(8)).unwrap().asked, (0x2000, 4, 2));
        assert_eq!(all.changed(write(8)), None);
    }

    #[test]
    fn the_control_register_says_what_each_watches() {
        let mut all = Breakpoints::new();
        assert!(all.add_watch(0x1000, 1, 1, None));
        assert!(all.add_watch(0x2000, 8, 2, None));
        assert!(all.add_watch(0x3000, 4, 4, None));
        assert_eq!(all.watches()[0].unwrap().watched, Watched::Execute);
        // Enabled: bits 0, 2, 4; conditions and lengths from bit 16 on: 0000, 1001, 1111.
        assert_eq!(control(&all.watches()), 0b1111_1001_0000 << 16 | 0b01_0101);
    }
}
