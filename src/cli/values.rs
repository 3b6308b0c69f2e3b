//! Values that people type, on the command line and in the project file: sizes, times, folders, ports, choices.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;
use std::time::Duration;

use mewz_disk::{BLOCK_BYTES, DISK_BYTES_MAX, DISK_BYTES_MIN};

use crate::compile::MemoryBase;
use crate::qemu::accelerator::AcceleratorChoice;
use crate::qemu::machine::{DebugLine, MachineKind};

/// Least memory of a machine: the kernel, its tables and a small program.
pub(super) const MEMORY_BYTES_MIN: u64 = 16 << 20;

/// Most memory of a machine: what the kernel's map of physical memory is tried with.
pub(super) const MEMORY_BYTES_MAX: u64 = 64 << 30;

/// Memory of a machine where nobody says otherwise.
pub(super) const MEMORY_BYTES_DEFAULT: u64 = 128 << 20;

const SIZE_UNITS: [(&str, u64); 6] = [
    ("KiB", 1 << 10),
    ("K", 1 << 10),
    ("MiB", 1 << 20),
    ("M", 1 << 20),
    ("GiB", 1 << 30),
    ("G", 1 << 30),
];

const TIME_UNITS: [(&str, f64); 4] = [("ms", 1e-3), ("s", 1.0), ("min", 60.0), ("h", 3600.0)];

/// Names of the choices of an option, with what they mean.
pub(super) type Choices<T> = &'static [(&'static str, T)];

/// What `--accel` takes.
pub(super) const ACCELERATORS: Choices<AcceleratorChoice> = &[
    ("auto", AcceleratorChoice::Auto),
    ("kvm", AcceleratorChoice::Kvm),
    ("tcg", AcceleratorChoice::Tcg),
];

/// What `--machine` takes.
pub(super) const MACHINES: Choices<MachineKind> = &[
    ("microvm", MachineKind::Microvm),
    ("q35", MachineKind::Q35),
    ("pc", MachineKind::Pc),
];

/// What `--log` takes: the most talkative level that is shown.
pub(super) const LOG_LEVELS: Choices<u8> = &[
    ("error", 1),
    ("warn", 2),
    ("info", 3),
    ("debug", 4),
    ("trace", 5),
];

/// What `--stub` takes.
pub(super) const STUBS: Choices<DebugLine> =
    &[("kernel", DebugLine::Kernel), ("qemu", DebugLine::Qemu)];

/// The kernel's log where nobody says otherwise: warnings.
pub(super) const LOG_LEVEL_DEFAULT: u8 = 2;

/// Reads one of `choices`.
pub(super) fn choice<T: Copy>(choices: Choices<T>, text: &str) -> Result<T, String> {
    let found = choices.iter().find(|(name, _)| *name == text);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<String> = choices
            .iter()
            .map(|(name, _)| format!("`{name}`"))
            .collect();
        format!("`{text}` is none of {}", names.join(", "))
    })
}

/// What `value` is called among `choices`.
pub(super) fn name_of<T: Copy + PartialEq>(
    choices: Choices<T>,
    value: Option<T>,
) -> Option<&'static str> {
    let found = choices.iter().find(|(_, choice)| Some(*choice) == value);
    found.map(|(name, _)| *name)
}

/// A parser of one of `choices` for clap, which then lists them in its help.
pub(super) fn choice_parser<T: Copy + Send + Sync>(
    choices: Choices<T>,
) -> impl clap::builder::TypedValueParser<Value = T> {
    use clap::builder::TypedValueParser as _;
    clap::builder::PossibleValuesParser::new(choices.iter().map(|(name, _)| *name))
        .try_map(move |text| choice(choices, &text))
}

/// A parser for clap of what need not be UTF-8.
pub(super) fn os_parser<T: Clone + Send + Sync + 'static>(
    parse: fn(&OsStr) -> Result<T, String>,
) -> impl clap::builder::TypedValueParser<Value = T> {
    use clap::builder::TypedValueParser as _;
    clap::builder::OsStringValueParser::new().try_map(move |text| parse(&text))
}

/// Reads the size of a machine's memory, in bytes: `128MiB`.
pub(super) fn memory(text: &str) -> Result<u64, String> {
    let bytes = size(text)?;
    if (MEMORY_BYTES_MIN..=MEMORY_BYTES_MAX).contains(&bytes) {
        // QEMU wants whole pages; a mebibyte is easier to say.
        Ok(bytes.next_multiple_of(1 << 20))
    } else {
        Err("a machine's memory is between `16MiB` and `64GiB`".to_owned())
    }
}

/// Reads the size of a disk, in bytes: `64MiB`.
pub(super) fn disk(text: &str) -> Result<u64, String> {
    let bytes = size(text)?;
    if (DISK_BYTES_MIN..=DISK_BYTES_MAX).contains(&bytes) {
        Ok(bytes.next_multiple_of(BLOCK_BYTES as u64))
    } else {
        Err("a disk's size is between `2MiB` and `64GiB`".to_owned())
    }
}

fn size(text: &str) -> Result<u64, String> {
    let expected =
        || format!("`{text}` is no size: a number and `KiB`, `MiB` or `GiB`, as `128MiB`");
    let (number, unit) = split_unit(text);
    let unit = SIZE_UNITS
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(unit));
    let (_, unit_bytes) = unit.ok_or_else(expected)?;
    let number: u64 = number.parse().map_err(|_| expected())?;
    number
        .checked_mul(*unit_bytes)
        .ok_or_else(|| format!("`{text}` is too large"))
}

/// Reads a time: `10s`, `500ms`, `1.5min`.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    let expected =
        || format!("`{text}` is no time: a number and `ms`, `s`, `min` or `h`, as `10s`");
    let (number, unit) = split_unit(text);
    let unit = TIME_UNITS.iter().find(|(name, _)| *name == unit);
    let (_, unit_seconds) = unit.ok_or_else(expected)?;
    let number: f64 = number.parse().map_err(|_| expected())?;
    let time = Duration::try_from_secs_f64(number * unit_seconds).map_err(|_| expected())?;
    if time.is_zero() {
        return Err("the time must be more than zero".to_owned());
    }
    Ok(time)
}

fn split_unit(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    (number, unit.trim_start())
}

/// An environment variable for the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Variable {
    /// Its name.
    pub(super) name: OsString,
    /// Its value; `None` takes that of this process.
    pub(super) value: Option<OsString>,
}

/// Reads `NAME=VALUE`, or `NAME` for the value that it has here.
pub(super) fn variable(text: &OsStr) -> Result<Variable, String> {
    let mut parts = text.as_bytes().splitn(2, |byte| *byte == b'=');
    let name = parts.next().unwrap_or_default();
    if name.is_empty() {
        return Err("expected `NAME=VALUE`, or `NAME` for the value that it has here".to_owned());
    }
    Ok(Variable {
        name: OsStr::from_bytes(name).to_owned(),
        value: parts
            .next()
            .map(|value| OsStr::from_bytes(value).to_owned()),
    })
}

/// A folder for the program, as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Folder {
    /// The folder on the host; not looked at yet.
    pub(super) host: PathBuf,
    /// Its path in the guest.
    pub(super) guest: String,
    /// Whether nothing in it can be changed.
    pub(super) is_read_only: bool,
}

/// Reads `HOST::GUEST`, or `HOST` for the same path in both, either with `:ro` behind it.
pub(super) fn folder(text: &OsStr) -> Result<Folder, String> {
    let bytes = text.as_bytes();
    let (paths, is_read_only) = match (bytes.strip_suffix(b":ro"), bytes.strip_suffix(b":rw")) {
        (Some(paths), _) => (paths, true),
        (None, Some(paths)) => (paths, false),
        (None, None) => (bytes, false),
    };
    let separator = paths.windows(2).position(|pair| pair == b"::");
    let (host, guest) = match separator {
        Some(at) => (&paths[..at], &paths[at + 2..]),
        None => (paths, paths),
    };
    if host.is_empty() || guest.is_empty() {
        return Err("expected `HOST::GUEST`, `HOST::GUEST:ro` or `HOST`".to_owned());
    }
    if let (Some(_), Some(mode)) = (separator, mistaken_mode(guest)) {
        return Err(format!("`{mode}` is neither `:ro` nor `:rw`"));
    }
    if separator.is_none() && host.windows(2).any(|pair| pair == b":/") {
        return Err("host and guest are separated by two colons: `HOST::GUEST`".to_owned());
    }
    Ok(Folder {
        host: PathBuf::from(OsString::from_vec(host.to_vec())),
        guest: guest_path(guest)?,
        is_read_only,
    })
}

/// What stands where `:ro` would and was surely meant so: one or two letters behind a colon.
fn mistaken_mode(guest: &[u8]) -> Option<&str> {
    let at = guest.iter().rposition(|byte| *byte == b':')?;
    let mode = &guest[at..];
    let is_mode = matches!(mode.len(), 2 | 3) && mode[1..].iter().all(u8::is_ascii_alphabetic);
    is_mode.then(|| str::from_utf8(mode).ok()).flatten()
}

/// A file system in memory for the program, as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Temporary {
    /// Its path in the guest.
    pub(super) guest: String,
    /// Most bytes that it may take; `None` leaves that to the kernel.
    pub(super) bytes_max: Option<u64>,
}

impl Temporary {
    /// As `--tmp` takes it.
    pub(super) fn argument(&self) -> String {
        match self.bytes_max {
            Some(bytes) => format!("{}:{}KiB", self.guest, bytes >> 10),
            None => self.guest.clone(),
        }
    }

    /// As the kernel reads it.
    pub(super) fn option(&self) -> String {
        format!("tmp={}:{}", self.guest, self.bytes_max.unwrap_or(0))
    }
}

/// Least memory for files: less would hold next to nothing.
const TEMPORARY_BYTES_MIN: u64 = 64 << 10;

/// Reads `GUEST` or `GUEST:SIZE`.
pub(super) fn temporary(text: &str) -> Result<Temporary, String> {
    let (guest, bytes_max) = match text.rsplit_once(':') {
        Some((guest, size)) => (guest, Some(temporary_size(size)?)),
        None => (text, None),
    };
    if guest.is_empty() {
        return Err("expected `GUEST` or `GUEST:SIZE`, as `/tmp` or `/tmp:16MiB`".to_owned());
    }
    Ok(Temporary {
        guest: guest.to_owned(),
        bytes_max,
    })
}

/// Reads the limit of a file system in memory, in bytes.
pub(super) fn temporary_size(text: &str) -> Result<u64, String> {
    match size(text)? {
        bytes if bytes < TEMPORARY_BYTES_MIN => Err("files in memory need `64KiB` at least".into()),
        bytes => Ok(bytes),
    }
}

/// Reads `FILE::GUEST`, with `:ro` behind it or nothing.
pub(super) fn image(text: &OsStr) -> Result<Folder, String> {
    let image = folder(text);
    let has_both = text.as_bytes().windows(2).any(|pair| pair == b"::");
    image.ok().filter(|_| has_both).ok_or_else(|| {
        "expected `FILE::GUEST` or `FILE::GUEST:ro`, as `data.img::/data`".to_owned()
    })
}

fn guest_path(bytes: &[u8]) -> Result<String, String> {
    let text =
        std::str::from_utf8(bytes).map_err(|_| "the path in the guest is not UTF-8".to_owned())?;
    Ok(text.to_owned())
}

/// A port of the host, `None` for any that is free, and the port of the guest that it leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PortPair {
    pub(super) host: Option<u16>,
    pub(super) guest: u16,
    pub(super) is_udp: bool,
}

/// Reads `HOST:GUEST`, where HOST may be `auto`, with `/udp` or `/tcp` behind it or nothing.
pub(super) fn port_pair(text: &str) -> Result<PortPair, String> {
    let expected = || "expected `HOST:GUEST` as `8080:80`, `auto:80` or `5353:53/udp`".to_owned();
    let (pair, is_udp) = match (text.strip_suffix("/udp"), text.strip_suffix("/tcp")) {
        (Some(pair), _) => (pair, true),
        (None, pair) => (pair.unwrap_or(text), false),
    };
    let (host, guest) = pair.split_once(':').ok_or_else(expected)?;
    Ok(PortPair {
        host: match host {
            "auto" => None,
            host => Some(port(host)?),
        },
        guest: port(guest)?,
        is_udp,
    })
}

/// Checks a port number; gives it back.
pub(super) fn port(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err(format!("`{text}` is no port: a number from 1 to 65535")),
        Ok(port) => Ok(port),
    }
}

/// Reads where linear memory lies: `0`, another address, or `instance`.
pub(super) fn memory_base(text: &str) -> Result<MemoryBase, String> {
    if text == "instance" {
        return Ok(MemoryBase::Instance);
    }
    let address = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    };
    match address {
        Some(address) if address % mewz_abi::address::PAGE_BYTES == 0 => {
            Ok(MemoryBase::Constant(address))
        }
        Some(_) => Err("the address must be a multiple of 4096".to_owned()),
        None => Err("expected `0`, an address as `0x100000000`, or `instance`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::time::Duration;

    use super::{
        Folder, Temporary, Variable, folder, memory, memory_base, port, port_pair, temporary, time,
        variable,
    };
    use crate::compile::MemoryBase;

    #[test]
    fn sizes_have_a_unit_and_a_range() {
        assert_eq!(memory("128MiB"), Ok(128 << 20));
        assert_eq!(memory("32m"), Ok(32 << 20));
        assert_eq!(memory("20481K"), Ok(21 << 20));
        assert_eq!(memory("2 GiB"), Ok(2 << 30));
        for wrong in [
            "",
            "128",
            "MiB",
            "-1MiB",
            "1.5GiB",
            "128MB",
            "15MiB",
            "65GiB",
            "99999999999999999999G",
            "17179869184G",
        ] {
            memory(wrong).unwrap_err();
        }
    }

    #[test]
    fn times_have_a_unit_and_are_not_zero() {
        assert_eq!(time("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(time("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(time("1.5min"), Ok(Duration::from_secs(90)));
        for wrong in [
            "",
            "10",
            "s",
            "0s",
            "-1s",
            "1e3s",
            "10x",
            "1.2.3s",
            "99999999999999999999999h",
        ] {
            time(wrong).unwrap_err();
        }
    }

    #[test]
    fn folders_take_two_colons_and_a_mode() {
        let read = |text: &str| folder(OsStr::new(text));
        let expected = |host: &str, guest: &str, is_read_only| {
            Ok(Folder {
                host: host.into(),
                guest: guest.into(),
                is_read_only,
            })
        };
        assert_eq!(read("data::/data"), expected("data", "/data", false));
        assert_eq!(read("data::/data:ro"), expected("data", "/data", true));
        assert_eq!(read("."), expected(".", ".", false));
        assert_eq!(read("a::/b:c/d"), expected("a", "/b:c/d", false));
        assert_eq!(read("a:b:ro"), expected("a:b", "a:b", true));
        for wrong in [
            "",
            "::",
            "::/x",
            "x::",
            ":ro",
            "data:/data",
            "a::/b:rx",
            "a::/b:RO",
        ] {
            read(wrong).unwrap_err();
        }
    }

    #[test]
    fn memory_for_files_has_a_path_and_perhaps_a_limit() {
        let expected = |guest: &str, bytes_max| {
            Ok(Temporary {
                guest: guest.into(),
                bytes_max,
            })
        };
        assert_eq!(temporary("/tmp"), expected("/tmp", None));
        assert_eq!(temporary("/tmp:16MiB"), expected("/tmp", Some(16 << 20)));
        for wrong in ["", ":16MiB", "/tmp:", "/tmp:16", "/tmp:1KiB", "/a:/b"] {
            temporary(wrong).unwrap_err();
        }
    }

    #[test]
    fn variables_keep_every_byte_behind_the_first_equals_sign() {
        let read = |text: &str| variable(OsStr::new(text));
        let expected = |name: &str, value: Option<&str>| {
            Ok(Variable {
                name: name.into(),
                value: value.map(Into::into),
            })
        };
        assert_eq!(read("K=V=W "), expected("K", Some("V=W ")));
        assert_eq!(read("K="), expected("K", Some("")));
        assert_eq!(read("K"), expected("K", None));
        read("=V").unwrap_err();
        read("").unwrap_err();
    }

    #[test]
    fn ports_are_numbers_in_range() {
        assert_eq!(port("65535"), Ok(65535));
        for wrong in ["", "0", "65536", "http", "-1"] {
            port(wrong).unwrap_err();
        }
        for right in ["8080:80", "auto:80", "53:53/udp", "1:2/tcp"] {
            port_pair(right).unwrap();
        }
        for wrong in ["8080", "8080:", ":80", "8080:80:90", "80:80/sctp", "0:80"] {
            port_pair(wrong).unwrap_err();
        }
    }

    #[test]
    fn memory_bases_are_page_aligned() {
        assert_eq!(memory_base("0"), Ok(MemoryBase::Constant(0)));
        assert_eq!(memory_base("0x10000"), Ok(MemoryBase::Constant(0x10000)));
        assert_eq!(memory_base("instance"), Ok(MemoryBase::Instance));
        for wrong in ["", "1", "0x", "symbol", "-4096"] {
            memory_base(wrong).unwrap_err();
        }
    }
}
