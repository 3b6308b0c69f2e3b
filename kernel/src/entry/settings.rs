//! What the machine was started with: the configuration block, or the command line where there is none.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use alloc::{format, vec};

use mewz_abi::config::{Entries, mount, tag};

use crate::net::{self, AddressConfig, IpAddress};

/// The name of a program that nobody named.
const PROGRAM: &[u8] = b"app";
/// Fastest timer of [`Settings::timer_hz`].
const TIMER_HZ_MAX: u32 = 100_000;
/// Most samples of [`Settings::profile_hz`].
const PROFILE_HZ_MAX: u32 = 10_000;

/// What the machine was started with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Arguments of the program, its name first; none holds a NUL.
    pub arguments: Vec<Vec<u8>>,
    /// Environment, `NAME=value` each; none holds a NUL.
    pub environment: Vec<Vec<u8>>,
    /// Host folders.
    pub mounts: Vec<Mount>,
    /// File systems in memory.
    pub temporaries: Vec<Temporary>,
    /// Persistent disks, each by its serial number in place of a mount tag.
    pub disks: Vec<Mount>,
    /// Nanoseconds since 1970 when the machine started.
    pub epoch_ns: Option<u64>,
    /// Randomness of the host.
    pub entropy: Option<[u8; 32]>,
    /// Whether standard input, output and error are a terminal on the host.
    pub terminals: [bool; 3],
    /// How the card gets its address.
    pub network: net::Settings,
    /// Whoever takes the card's frames takes segments of TCP that are longer than a frame may be.
    pub takes_long_segments: bool,
    /// Ports that the application finds listeners for.
    pub listeners: Vec<u16>,
    /// Interrupts per second of a timer that does nothing else, for tests; 0 without.
    pub timer_hz: u32,
    /// When the machine waits for a debugger.
    pub debugger: Debugger,
    /// A debuggable kernel tells of each call of WASI.
    pub traces_calls: bool,
    /// How often a second a debuggable kernel looks where the processor is; 0 without.
    pub profile_hz: u32,
    /// What a debuggable kernel's timer destroys now and then, for tests of debuggers.
    pub clobber: Option<Clobbered>,
    /// How a debuggable kernel's timer fails now and then, for tests of what is told of that.
    pub failing: Option<Failing>,
    /// virtio-mmio devices that the command line names.
    pub devices: Vec<MmioDevice>,
    /// What was not understood, in words.
    pub complaints: Vec<String>,
}

/// What a handler destroys of the program that it interrupts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clobbered {
    /// The word at this address of linear memory.
    Memory(u64),
    /// The register RBX.
    Register,
}

/// How a handler fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failing {
    /// By an exception.
    Fault,
    /// By a panic.
    Panic,
}

/// When the machine waits for a debugger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Debugger {
    /// Never: one may come at any time.
    #[default]
    Never,
    /// Before the program's first instruction, and when it crashes.
    AtStart,
    /// When the program crashes.
    AtCrash,
}

/// A host folder, or a disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// The mount tag of its 9p device, or the serial number of its block device.
    pub tag: Vec<u8>,
    /// Its path in the guest.
    pub path: Vec<u8>,
    /// Nothing in it can be changed.
    pub is_read_only: bool,
}

/// A file system in memory: `tmp=PATH` or `tmp=PATH:BYTES`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Temporary {
    /// Its path in the guest.
    pub path: Vec<u8>,
    /// Most bytes that it may take, where that is said.
    pub bytes_max: Option<u64>,
}

/// A virtio-mmio device: `virtio_mmio.device=SIZE@ADDRESS:IRQ`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MmioDevice {
    /// Physical address of its registers.
    pub address: u64,
    /// Bytes of its registers.
    pub bytes: u64,
    /// Its interrupt line.
    pub line: usize,
}

impl Settings {
    /// Reads both sources. Arguments, environment and folders come from the block where there is one.
    #[must_use]
    pub fn read(command_line: &[u8], block: Option<&[u8]>) -> Self {
        let mut settings = Self::default();
        settings.read_command_line(command_line);
        if let Some(block) = block {
            match Entries::new(block) {
                Some(entries) => settings.read_block(entries),
                None => settings.complain("the first module is not a configuration block"),
            }
        }
        if settings.arguments.is_empty() {
            settings.arguments = vec![PROGRAM.to_vec()];
        }
        settings
    }

    /// Reads options that the image carries: each holds where nothing was said of its path.
    pub fn read_image_options<'a>(&mut self, options: impl Iterator<Item = &'a [u8]>) {
        let mut image = Self::default();
        for option in options {
            image.read_option(option);
        }
        let is_free = |path: &[u8]| {
            self.mounts.iter().all(|mount| mount.path != path)
                && self.temporaries.iter().all(|other| other.path != path)
        };
        image.temporaries.retain(|one| is_free(&one.path));
        self.temporaries.append(&mut image.temporaries);
        self.complaints.append(&mut image.complaints);
    }

    fn read_block(&mut self, entries: Entries<'_>) {
        self.arguments.clear();
        self.environment.clear();
        self.mounts.clear();
        self.disks.clear();
        for entry in entries {
            let content = entry.content;
            match entry.tag {
                tag::ARGUMENT => self.add_argument(content),
                tag::ENVIRONMENT => self.add_variable(content),
                tag::MOUNT => match block_mount(content) {
                    Some(mount) => self.mounts.push(mount),
                    None => self.complain("an entry for a folder is too short"),
                },
                tag::EPOCH => match content.try_into() {
                    Ok(bytes) => self.epoch_ns = Some(u64::from_le_bytes(bytes)),
                    Err(_) => self.complain("the entry for the time is not eight bytes long"),
                },
                tag::ENTROPY => match content.try_into() {
                    Ok(bytes) => self.entropy = Some(bytes),
                    Err(_) => self.complain("the entry for randomness is not 32 bytes long"),
                },
                tag::TERMINALS => match content {
                    [bits] => self.terminals = [0, 1, 2].map(|stream| bits >> stream & 1 != 0),
                    _ => self.complain("the entry for terminals is not one byte long"),
                },
                tag::OPTION => self.read_option(content),
                // From a newer host.
                _ => {}
            }
        }
    }

    fn read_command_line(&mut self, line: &[u8]) {
        let mut is_program = false;
        for word in words(line) {
            // QEMU appends the devices of microvm, behind the program's arguments too.
            if let Some(device) = word
                .bytes
                .strip_prefix(b"virtio_mmio.device=")
                .filter(|_| !word.is_quoted)
            {
                match mmio_device(device) {
                    Some(device) => self.devices.push(device),
                    None => self.complain_of("not SIZE@ADDRESS:IRQ", &word.bytes),
                }
            } else if is_program {
                self.add_argument(&word.bytes);
            } else if word.bytes == b"--" {
                is_program = true;
                self.add_argument(PROGRAM);
            } else {
                self.read_option(&word.bytes);
            }
        }
    }

    fn read_option(&mut self, word: &[u8]) {
        let Some(at) = word.iter().position(|byte| *byte == b'=') else {
            return self.complain_of("no such option", word);
        };
        let (name, value) = (&word[..at], &word[at + 1..]);
        match name {
            b"env" => self.add_variable(value),
            b"mount" => match word_mount(value) {
                Some(mount) => self.mounts.push(mount),
                None => self.complain_of("not mount=TAG:PATH or mount=TAG:PATH:ro", word),
            },
            b"tmp" => match word_temporary(value) {
                Some(temporary) => self.temporaries.push(temporary),
                None => self.complain_of("not tmp=PATH or tmp=PATH:BYTES", word),
            },
            b"disk" => match word_mount(value) {
                Some(disk) => self.disks.push(disk),
                None => self.complain_of("not disk=SERIAL:PATH or disk=SERIAL:PATH:ro", word),
            },
            b"ip" => match parsed::<AddressConfig>(value) {
                Some(address) if address.address().is_unicast() => {
                    self.network.addresses.push(address);
                }
                _ => self.complain_of("not ip=ADDRESS/BITS", word),
            },
            b"gateway" => match parsed::<IpAddress>(value) {
                Some(gateway) if gateway.is_unicast() => self.network.gateways.push(gateway),
                _ => self.complain_of("not gateway=ADDRESS", word),
            },
            b"dns" => match parsed::<IpAddress>(value) {
                Some(server) if server.is_unicast() => self.network.servers.push(server),
                _ => self.complain_of("not dns=ADDRESS", word),
            },
            b"segments" if value == b"long" => self.takes_long_segments = true,
            b"segments" => self.complain_of("not segments=long", word),
            b"listen" => match parsed(value) {
                Some(port) if port > 0 => self.listeners.push(port),
                _ => self.complain_of("not listen=PORT", word),
            },
            b"timer_hz" => match number(value).and_then(|hz| u32::try_from(hz).ok()) {
                Some(hz) if hz <= TIMER_HZ_MAX => self.timer_hz = hz,
                _ => self.complain_of("not a rate up to 100000", word),
            },
            b"clobber" => match (value, number(value)) {
                (b"rbx", _) => self.clobber = Some(Clobbered::Register),
                (_, Some(address)) => self.clobber = Some(Clobbered::Memory(address)),
                (_, None) => self.complain_of("not clobber=ADDRESS or clobber=rbx", word),
            },
            b"failing" => match value {
                b"fault" => self.failing = Some(Failing::Fault),
                b"panic" => self.failing = Some(Failing::Panic),
                _ => self.complain_of("not failing=fault or failing=panic", word),
            },
            b"trace" if value == b"calls" => self.traces_calls = true,
            b"trace" => self.complain_of("not trace=calls", word),
            b"profile_hz" => match number(value).and_then(|hz| u32::try_from(hz).ok()) {
                Some(hz) if hz <= PROFILE_HZ_MAX => self.profile_hz = hz,
                _ => self.complain_of("not a rate up to 10000", word),
            },
            b"debugger" => match value {
                b"start" => self.debugger = Debugger::AtStart,
                b"crash" => self.debugger = Debugger::AtCrash,
                _ => self.complain_of("not debugger=start or debugger=crash", word),
            },
            _ => self.complain_of("no such option", word),
        }
    }

    fn add_argument(&mut self, argument: &[u8]) {
        if argument.contains(&0) {
            return self.complain_of("an argument holds a NUL", argument);
        }
        self.arguments.push(argument.to_vec());
    }

    fn add_variable(&mut self, variable: &[u8]) {
        if variable.contains(&0) || !variable.contains(&b'=') {
            return self.complain_of("a variable is NAME=value", variable);
        }
        self.environment.push(variable.to_vec());
    }

    fn complain(&mut self, why: &str) {
        self.complaints.push(why.to_string());
    }

    fn complain_of(&mut self, why: &str, word: &[u8]) {
        self.complaints
            .push(format!("{why}: `{}`", word.escape_ascii()));
    }
}

/// A word of a command line.
struct Word {
    bytes: Vec<u8>,
    /// A quote stood in it.
    is_quoted: bool,
}

/// The words of a command line, parted by spaces; `"` and `'` keep spaces, `\` keeps the next byte outside `'`.
fn words(line: &[u8]) -> Vec<Word> {
    let mut words = Vec::new();
    let mut word: Option<Word> = None;
    let mut quote = None;
    let mut bytes = line.iter().copied();
    while let Some(byte) = bytes.next() {
        let is_space = byte.is_ascii_whitespace() && quote.is_none();
        if is_space {
            words.extend(word.take());
            continue;
        }
        let word = word.get_or_insert_with(|| Word {
            bytes: Vec::new(),
            is_quoted: false,
        });
        match (quote, byte) {
            (Some(open), byte) if byte == open => quote = None,
            (None, b'"' | b'\'') => {
                quote = Some(byte);
                word.is_quoted = true;
            }
            (None | Some(b'"'), b'\\') => word.bytes.push(bytes.next().unwrap_or(byte)),
            _ => word.bytes.push(byte),
        }
    }
    words.extend(word);
    words
}

/// A value that is written as its type has it.
fn parsed<T: core::str::FromStr>(text: &[u8]) -> Option<T> {
    str::from_utf8(text).ok()?.parse().ok()
}

/// `SIZE@ADDRESS:IRQ`.
fn mmio_device(text: &[u8]) -> Option<MmioDevice> {
    let at = text.iter().position(|byte| *byte == b'@')?;
    let colon = text
        .iter()
        .position(|byte| *byte == b':')
        .filter(|colon| *colon > at)?;
    let line = text[colon + 1..].split(|byte| *byte == b':').next()?;
    let device = MmioDevice {
        address: number(&text[at + 1..colon])?,
        bytes: number(&text[..at])?,
        line: usize::try_from(number(line)?).ok()?,
    };
    (device.bytes > 0 && device.address.checked_add(device.bytes).is_some()).then_some(device)
}

/// `TAG:PATH` or `TAG:PATH:ro`.
fn word_mount(text: &[u8]) -> Option<Mount> {
    let colon = text.iter().position(|byte| *byte == b':')?;
    let (tag, path) = (&text[..colon], &text[colon + 1..]);
    let (path, is_read_only) = match path.strip_suffix(b":ro") {
        Some(path) => (path, true),
        None => (path, false),
    };
    let is_good = !tag.is_empty() && !path.is_empty() && !path.contains(&0);
    is_good.then(|| Mount {
        tag: tag.to_vec(),
        path: path.to_vec(),
        is_read_only,
    })
}

/// `PATH`, or `PATH:BYTES` where 0 bytes say nothing.
fn word_temporary(text: &[u8]) -> Option<Temporary> {
    let colon = text.iter().rposition(|byte| *byte == b':');
    let size = colon.and_then(|colon| Some((colon, number(&text[colon + 1..])?)));
    let (path, bytes_max) = match size {
        Some((colon, bytes)) => (&text[..colon], (bytes > 0).then_some(bytes)),
        None => (text, None),
    };
    let is_good = !path.is_empty() && !path.contains(&0);
    is_good.then(|| Temporary {
        path: path.to_vec(),
        bytes_max,
    })
}

/// Flags, length of the tag, tag, path.
fn block_mount(content: &[u8]) -> Option<Mount> {
    let (flags, rest) = content.split_first_chunk::<4>()?;
    let (tag_len, rest) = rest.split_first_chunk::<4>()?;
    let (tag, path) = rest.split_at_checked(u32::from_le_bytes(*tag_len) as usize)?;
    Some(Mount {
        tag: tag.to_vec(),
        path: path.to_vec(),
        is_read_only: u32::from_le_bytes(*flags) & mount::READ_ONLY != 0,
    })
}

/// A decimal or `0x` number, with `K` or `M` for its size.
fn number(text: &[u8]) -> Option<u64> {
    let text = str::from_utf8(text).ok()?;
    if let Some(digits) = text.strip_prefix("0x") {
        return u64::from_str_radix(digits, 16).ok();
    }
    let (digits, unit) = match text.as_bytes().last()? {
        b'K' | b'k' => (&text[..text.len() - 1], 1 << 10),
        b'M' | b'm' => (&text[..text.len() - 1], 1 << 20),
        _ => (text, 1),
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::{Debugger, MmioDevice, Mount, Settings, Temporary, tag};
    use alloc::vec::Vec;
    use mewz_abi::config::{MAGIC, entry_head};

    fn arguments(line: &str) -> Vec<String> {
        let settings = Settings::read(line.as_bytes(), None);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        settings.arguments.into_iter().map(text).collect()
    }

    #[test]
    fn arguments_follow_two_dashes() {
        assert_eq!(arguments(""), ["app"]);
        assert_eq!(arguments("timer_hz=5"), ["app"]);
        assert_eq!(arguments("-- a  b"), ["app", "a", "b"]);
        assert_eq!(arguments("-- -- x=y"), ["app", "--", "x=y"]);
    }

    #[test]
    fn a_debugger_is_waited_for_where_that_is_asked_for() {
        let waits = |line: &str| Settings::read(line.as_bytes(), None).debugger;
        assert_eq!(waits(""), Debugger::Never);
        assert_eq!(waits("debugger=start"), Debugger::AtStart);
        assert_eq!(waits("debugger=crash"), Debugger::AtCrash);
        let settings = Settings::read(b"debugger=later", None);
        assert_eq!(settings.debugger, Debugger::Never);
        assert_eq!(settings.complaints.len(), 1);
    }

    #[test]
    fn quotes_and_backslashes_keep_bytes() {
        assert_eq!(
            arguments(r#"-- "a b" 'c "d' e\ f "" "\"""#),
            ["app", "a b", "c \"d", "e f", "", "\""]
        );
        assert_eq!(arguments(r#"-- "open"#), ["app", "open"]);
        assert_eq!(arguments(r"-- end\"), ["app", "end\\"]);
    }

    #[test]
    fn devices_are_found_behind_the_arguments_too() {
        let settings = Settings::read(
            b"-- a virtio_mmio.device=512@0xfeb00e00:12 virtio_mmio.device=4K@0x1000:5:0",
            None,
        );
        assert_eq!(settings.arguments, [&b"app"[..], b"a"]);
        assert_eq!(
            settings.devices,
            [
                MmioDevice {
                    address: 0xfeb0_0e00,
                    bytes: 512,
                    line: 12
                },
                MmioDevice {
                    address: 0x1000,
                    bytes: 4096,
                    line: 5
                },
            ]
        );
        assert_eq!(
            arguments("-- \"virtio_mmio.device=1@2:3\""),
            ["app", "virtio_mmio.device=1@2:3"]
        );
    }

    #[test]
    fn the_network_is_set_up_by_either_source() {
        let line = b"ip=10.0.2.15/24 gateway=10.0.2.2 dns=10.0.2.3 listen=8080 ip=fec0::15/64";
        let by_line = Settings::read(line, None);
        assert_eq!(by_line.network.addresses.len(), 2);
        assert_eq!(by_line.network.gateways, ["10.0.2.2".parse().unwrap()]);
        assert_eq!(by_line.network.servers, ["10.0.2.3".parse().unwrap()]);
        assert_eq!(by_line.listeners, [8080]);
        assert!(by_line.complaints.is_empty());
        let mut block = MAGIC.to_vec();
        for option in line.split(|byte| *byte == b' ') {
            block.extend(entry_head(tag::OPTION, option.len() as u32));
            block.extend(option);
            block.resize(block.len().next_multiple_of(4), 0);
        }
        let by_block = Settings::read(b"", Some(&block));
        assert_eq!(by_block.network, by_line.network);
        assert_eq!(by_block.listeners, by_line.listeners);
        for nonsense in [
            "ip=10.0.2.15",
            "ip=x/24",
            "ip=224.0.0.1/24",
            "gateway=255.255.255.255",
            "dns=::",
            "gateway=",
            "dns=a.b",
            "listen=0",
            "listen=65536",
        ] {
            let settings = Settings::read(nonsense.as_bytes(), None);
            assert_eq!(settings.complaints.len(), 1, "{nonsense}");
        }
    }

    #[test]
    fn nonsense_is_told_and_passed_over() {
        for line in [
            "nonsense",
            "what=ever",
            "timer_hz=x",
            "profile_hz=10001",
            "trace=all",
            "timer_hz=100001",
            "timer_hz=-1",
            "env=x",
            "mount=x",
            "mount=:/x",
            "disk=x",
            "disk=:/x",
            "virtio_mmio.device=",
            "virtio_mmio.device=512@:5",
            "virtio_mmio.device=0@0x1000:5",
            "virtio_mmio.device=512@0xffffffffffffffff:5",
            "virtio_mmio.device=512@0x1000:99999999999999999999",
        ] {
            let settings = Settings::read(line.as_bytes(), None);
            assert_eq!(
                settings.complaints.len(),
                1,
                "{line}: {:?}",
                settings.complaints
            );
            assert!(settings.devices.is_empty());
        }
    }

    #[test]
    fn options_are_read() {
        let settings = Settings::read(
            b"env=A=b=c timer_hz=10000 mount=home:/:ro disk=d0:/data \"env=B=x y\"",
            None,
        );
        assert_eq!(settings.environment, [&b"A=b=c"[..], b"B=x y"]);
        assert_eq!(settings.timer_hz, 10_000);
        assert_eq!(
            settings.mounts,
            [Mount {
                tag: b"home".into(),
                path: b"/".into(),
                is_read_only: true
            }]
        );
        assert_eq!(
            settings.disks,
            [Mount {
                tag: b"d0".into(),
                path: b"/data".into(),
                is_read_only: false
            }]
        );
        assert!(settings.complaints.is_empty());
    }

    #[test]
    fn file_systems_in_memory_have_a_path_and_perhaps_a_limit() {
        let line = b"tmp=/tmp tmp=/a:64M tmp=/b:0 tmp=/c:d:4096 tmp=/e:x tmp= tmp=:1";
        let settings = Settings::read(line, None);
        let expected = [
            ("/tmp", None),
            ("/a", Some(64 << 20)),
            ("/b", None),
            ("/c:d", Some(4096)),
            ("/e:x", None),
        ];
        let expected = expected.map(|(path, bytes_max)| Temporary {
            path: path.into(),
            bytes_max,
        });
        assert_eq!(settings.temporaries, expected);
        assert_eq!(settings.complaints.len(), 2);
        let mut told = Settings::read(b"tmp=/tmp:1M mount=t:/data", None);
        let image = [&b"tmp=/tmp:2M"[..], b"tmp=/data:0", b"tmp=/more:0", b"x"];
        told.read_image_options(image.into_iter());
        let paths: Vec<_> = told.temporaries.iter().map(|one| &one.path[..]).collect();
        assert_eq!(paths, [&b"/tmp"[..], b"/more"]);
        assert_eq!(told.temporaries[0].bytes_max, Some(1 << 20));
        assert_eq!(told.complaints.len(), 1);
    }

    fn block(entries: &[(u32, &[u8])]) -> Vec<u8> {
        let mut block = MAGIC.to_vec();
        for (tag, content) in entries {
            block.extend(entry_head(*tag, content.len() as u32));
            block.extend_from_slice(content);
            block.resize(block.len().next_multiple_of(4), 0);
        }
        block
    }

    #[test]
    fn the_block_comes_before_the_command_line() {
        let block = block(&[
            (tag::ARGUMENT, b"prog"),
            (tag::ARGUMENT, b"x y"),
            (tag::ENVIRONMENT, b"K=V"),
            (tag::MOUNT, b"\x01\0\0\0\x02\0\0\0t0/data"),
            (tag::EPOCH, &7u64.to_le_bytes()),
            (tag::ENTROPY, &[9; 32]),
            (tag::TERMINALS, &[5]),
            (4711, b"from the future"),
        ]);
        let settings = Settings::read(b"env=A=b timer_hz=3 -- other", Some(&block));
        assert_eq!(settings.arguments, [&b"prog"[..], b"x y"]);
        assert_eq!(settings.environment, [b"K=V"]);
        assert_eq!(
            settings.mounts,
            [Mount {
                tag: b"t0".into(),
                path: b"/data".into(),
                is_read_only: true
            }]
        );
        assert_eq!(
            (settings.epoch_ns, settings.entropy, settings.timer_hz),
            (Some(7), Some([9; 32]), 3)
        );
        assert_eq!(settings.terminals, [true, false, true]);
        assert!(settings.complaints.is_empty());
    }

    #[test]
    fn a_broken_block_never_panics() {
        let whole = block(&[
            (tag::MOUNT, b"\x01\0\0\0\xff\0\0\0t0"),
            (tag::EPOCH, b"1"),
            (tag::ARGUMENT, b"a\0b"),
        ]);
        assert_eq!(Settings::read(b"", Some(&whole)).complaints.len(), 3);
        for len in 0..whole.len() {
            let _ = Settings::read(b"", Some(&whole[..len]));
        }
        assert_eq!(Settings::read(b"", Some(b"garbage!")).complaints.len(), 1);
    }
}
