//! Breakpoints and watchpoints: those that the debugger has set, and which of them QEMU has.

use mewz_abi::address::{MEMORIES_END, PAGE_BYTES};

use super::search::Stop;

/// Numbers of the protocol's packets `Z` and `z`: those below are breakpoints.
const WATCH_WRITE: u8 = 2;
const WATCH_ACCESS: u8 = 4;
/// What stops because of them are called, from `WATCH_WRITE` on.
const WATCH_NAMES: [&str; 3] = ["watch", "rwatch", "awatch"];

/// A breakpoint or a watchpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Point {
    kind: u8,
    address: u64,
    len: u64,
}

impl Point {
    /// A breakpoint at `address`.
    pub(super) fn breakpoint(address: u64) -> Self {
        Self {
            kind: 0,
            address,
            len: 1,
        }
    }

    /// Reads what follows `Z` or `z`: `2,40,4`. What follows a `;` concerns who evaluates conditions, which is the debugger.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let text = str::from_utf8(text).ok()?;
        let mut parts = text.split(';').next()?.split(',');
        let kind = parts.next()?.parse().ok()?;
        let mut number = || u64::from_str_radix(parts.next()?, 16).ok();
        let (address, len) = (number()?, number()?);
        (kind <= WATCH_ACCESS).then_some(Self { kind, address, len })
    }

    /// What it watches, where that lies in one page of the program's memory.
    pub(super) fn watched(self) -> Option<u64> {
        let last = self.address.checked_add(self.len.max(1) - 1)?;
        let is_one_page = self.address / PAGE_BYTES == last / PAGE_BYTES;
        (self.is_watchpoint() && is_one_page && last < MEMORIES_END).then_some(self.address)
    }

    /// Whether it stops the machine after an access.
    pub(super) fn is_watchpoint(self) -> bool {
        self.kind >= WATCH_WRITE
    }

    /// The packet that sets it, by `Z`, or takes it away, by `z`.
    pub(super) fn packet(self, letter: char) -> String {
        let Self { kind, address, len } = self;
        format!("{letter}{kind},{address:x},{len:x}")
    }

    /// Its part of the answer that tells a debugger of the stop.
    pub(super) fn reason(self) -> String {
        match self.kind.checked_sub(WATCH_WRITE) {
            Some(kind) => format!("{}:{:x};", WATCH_NAMES[usize::from(kind)], self.address),
            None => String::new(),
        }
    }

    /// Whether `name` and `address` tell of a stop because of it.
    fn is_told_by(self, name: &str, address: u64) -> bool {
        let kind = self.kind.checked_sub(WATCH_WRITE);
        self.address == address && kind.is_some_and(|kind| WATCH_NAMES[usize::from(kind)] == name)
    }
}

/// What the debugger has set.
#[derive(Clone, Debug, Default)]
pub(super) struct Points(Vec<Wanted>);

#[derive(Clone, Debug)]
struct Wanted {
    point: Point,
    /// The same bytes, by the address that the kernel reaches them by.
    alias: Option<Point>,
    /// What stood there last, as the machine says it.
    value: Vec<u8>,
}

impl Points {
    /// Those that are breakpoints at `addresses`.
    pub(super) fn at(addresses: &[u64]) -> Self {
        let mut points = Self::default();
        for address in addresses {
            points.set(Point::breakpoint(*address), None);
        }
        points
    }

    /// Adds a point; the kernel reaches the same bytes by the address `alias`.
    pub(super) fn set(&mut self, point: Point, alias: Option<u64>) {
        self.clear(point);
        let alias = alias.map(|address| Point { address, ..point });
        self.0.push(Wanted {
            point,
            alias,
            value: Vec::new(),
        });
    }

    pub(super) fn clear(&mut self, point: Point) {
        self.0.retain(|wanted| wanted.point != point);
    }

    /// All of them, as QEMU needs them.
    pub(super) fn all(&self) -> Vec<Point> {
        let all = self.0.iter();
        all.flat_map(|wanted| [Some(wanted.point), wanted.alias])
            .flatten()
            .collect()
    }

    /// As [`Points::all`], without breakpoints.
    pub(super) fn watchpoints(&self) -> Vec<Point> {
        let mut all = self.all();
        all.retain(|point| point.is_watchpoint());
        all
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The packet that asks for what stands at the one with this number, where only other values are of interest.
    pub(super) fn value_packet(&self, number: usize) -> Option<String> {
        let Point { kind, address, len } = self.0.get(number)?.point;
        (kind == WATCH_WRITE).then(|| format!("m{address:x},{len:x}"))
    }

    /// Notes what stands there, as the machine has answered that packet; whether it was something else before.
    pub(super) fn is_changed(&mut self, number: usize, value: Vec<u8>) -> bool {
        let Some(wanted) = self.0.get_mut(number) else {
            return false;
        };
        let before = std::mem::replace(&mut wanted.value, value);
        before != wanted.value
    }

    /// The one that `stop` is because of.
    pub(super) fn of(&self, stop: Stop) -> Option<Point> {
        match stop {
            Stop::Breakpoint => None,
            Stop::Watchpoint(number) => self.0.get(number).map(|wanted| wanted.point),
        }
    }

    /// Whether there is a breakpoint at `address`.
    pub(super) fn has_breakpoint(&self, address: u64) -> bool {
        let mut points = self.0.iter().map(|wanted| wanted.point);
        points.any(|point| !point.is_watchpoint() && point.address == address)
    }

    /// What a stop is that QEMU tells of, by what follows its thread: `watch:0000000000000040;`, or nothing.
    pub(super) fn stop(&self, reason: &str) -> Stop {
        let told = reason.split(';').find_map(|part| {
            let (name, address) = part.split_once(':')?;
            Some((name, u64::from_str_radix(address, 16).ok()?))
        });
        let Some((name, address)) = told else {
            return Stop::Breakpoint;
        };
        let is_it = |point: Point| point.is_told_by(name, address);
        let mut all = self.0.iter();
        let place = all.position(|wanted| is_it(wanted.point) || wanted.alias.is_some_and(is_it));
        place.map_or(Stop::Breakpoint, Stop::Watchpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::{Point, Points, Stop};

    #[test]
    fn points_are_read_and_written() {
        let watch = Point::parse(b"2,ffff800000000040,4").unwrap();
        assert!(watch.is_watchpoint());
        assert_eq!(watch.packet('Z'), "Z2,ffff800000000040,4");
        assert_eq!(watch.reason(), "watch:ffff800000000040;");
        let condition = Point::parse(b"0,40,1;X3,220127").unwrap();
        assert_eq!(condition, Point::breakpoint(0x40));
        assert_eq!(watch.watched(), None);
        assert_eq!(condition.watched(), None);
        assert_eq!(Point::parse(b"2,ffc,4").unwrap().watched(), Some(0xffc));
        assert_eq!(Point::parse(b"2,ffd,4").unwrap().watched(), None);
        for broken in [&b""[..], b"0", b"0,40", b"5,40,1", b"0,4g,1", b"\xff"] {
            assert_eq!(Point::parse(broken), None);
        }
    }

    #[test]
    fn stops_are_known_by_their_points() {
        let mut points = Points::default();
        for text in ["0,40,1", "2,80,4", "3,80,4"] {
            for alias in [None, (text == "2,80,4").then_some(0x1000)] {
                points.set(Point::parse(text.as_bytes()).unwrap(), alias);
            }
        }
        assert_eq!(points.stop(""), Stop::Breakpoint);
        assert_eq!(points.stop("watch:0000000000000080;"), Stop::Watchpoint(1));
        assert_eq!(points.stop("watch:1000;"), Stop::Watchpoint(1));
        assert_eq!(
            points.of(Stop::Watchpoint(1)).unwrap().reason(),
            "watch:80;"
        );
        assert_eq!(points.all().len(), 4);
        assert_eq!(points.watchpoints().len(), 3);
        assert!(points.has_breakpoint(0x40) && !points.has_breakpoint(0x80));
        assert_eq!(points.len(), 3);
        assert_eq!(points.value_packet(1).unwrap(), "m80,4");
        assert_eq!(
            (points.value_packet(0), points.value_packet(2)),
            (None, None)
        );
        assert!(points.is_changed(1, b"01000000".to_vec()));
        assert!(!points.is_changed(1, b"01000000".to_vec()));
        assert!(points.is_changed(1, b"02000000".to_vec()));
        assert!(!points.is_changed(9, Vec::new()));
        points.clear(Point::breakpoint(0x40));
        assert_eq!(
            points.of(points.stop("rwatch:80;")).unwrap().reason(),
            "rwatch:80;"
        );
    }
}
