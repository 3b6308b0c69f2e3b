//! The arguments that boot an image from a shell, without this program.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::Path;

use super::accelerator::Accelerator;
use super::arguments::Arguments;
use super::config::{self, Mount, Network};
use super::machine::MachineKind;

/// What a machine that is started by hand is, and gives its program.
#[derive(Debug)]
pub struct ByHand<'a> {
    /// The machine type.
    pub machine: MachineKind,
    /// The guest's memory, whole mebibytes.
    pub memory_bytes: u64,
    /// How instructions run; without it QEMU emulates.
    pub accelerator: Option<Accelerator>,
    /// The image's file.
    pub image: &'a Path,
    /// The program's arguments, without its name.
    pub arguments: Vec<OsString>,
    /// The program's environment, `NAME=value`.
    pub environment: Vec<OsString>,
    /// Folders of the host that the program sees.
    pub mounts: Vec<Mount>,
    /// Persistent disks that the program sees.
    pub disks: Vec<Mount>,
    /// Its network card, if it has one.
    pub network: Option<Network>,
}

impl ByHand<'_> {
    /// QEMU's arguments: COM1 is the terminal.
    #[must_use]
    pub fn arguments(&self) -> Vec<OsString> {
        let mut list = Arguments::default();
        list.machine(self.machine, self.memory_bytes);
        list.exit_device();
        if let Some(accelerator) = self.accelerator {
            list.accelerator(accelerator);
        }
        list.two("-serial", "stdio");
        list.devices(
            self.machine,
            &self.mounts,
            &self.disks,
            self.network.as_ref(),
            None,
        );
        list.two("-kernel", self.image);
        let words = self.words();
        if !words.is_empty() {
            list.two("-append", words.join(OsStr::new(" ")));
        }
        list.into_words()
    }

    /// The words of the kernel's command line.
    fn words(&self) -> Vec<OsString> {
        let mut words = Vec::new();
        for variable in &self.environment {
            let mut word = OsString::from("env=");
            word.push(variable);
            words.push(word);
        }
        let mounts = self.mounts.iter().enumerate();
        words.extend(mounts.map(|(index, mount)| config::mount_option(index, mount).into()));
        let disks = self.disks.iter().enumerate();
        words.extend(disks.map(|(index, disk)| config::disk_option(index, disk).into()));
        if let Some(network) = &self.network {
            let options = config::network_options(network).into_iter();
            words.extend(options.map(OsString::from));
        }
        if !self.arguments.is_empty() {
            words.push("--".into());
            words.extend(self.arguments.iter().cloned());
        }
        words.iter().map(|word| quoted(word)).collect()
    }
}

/// A word as the kernel takes it: in quotes where it would fall apart.
fn quoted(word: &OsStr) -> OsString {
    let is_plain = |byte: &u8| !byte.is_ascii_whitespace() && !matches!(byte, b'"' | b'\'' | b'\\');
    let bytes = word.as_bytes();
    if !bytes.is_empty() && bytes.iter().all(is_plain) {
        return word.to_owned();
    }
    let mut quoted = vec![b'"'];
    for byte in bytes {
        if matches!(byte, b'"' | b'\\') {
            quoted.push(b'\\');
        }
        quoted.push(*byte);
    }
    quoted.push(b'"');
    OsString::from_vec(quoted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qemu::config::Forward;

    fn line(change: impl FnOnce(&mut ByHand<'_>)) -> String {
        let mut by_hand = ByHand {
            machine: MachineKind::Microvm,
            memory_bytes: 32 << 20,
            accelerator: None,
            image: Path::new("/i"),
            arguments: Vec::new(),
            environment: Vec::new(),
            mounts: Vec::new(),
            disks: Vec::new(),
            network: None,
        };
        change(&mut by_hand);
        let words = by_hand.arguments();
        words.join(OsStr::new(" ")).into_string().unwrap()
    }

    #[test]
    fn a_program_that_wants_nothing_has_no_command_line() {
        assert!(line(|_| ()).ends_with(" -serial stdio -kernel /i"));
    }

    #[test]
    fn a_program_gets_what_it_wants() {
        let folder = |host: &str, guest: &str| Mount {
            host: host.into(),
            guest: guest.to_owned(),
            is_read_only: true,
        };
        let line = line(|by_hand| {
            by_hand.arguments = vec!["-v".into(), "a b".into(), "".into()];
            by_hand.environment = vec!["A=it's \"x\"".into()];
            by_hand.mounts = vec![folder("/m", "/data")];
            by_hand.disks = vec![folder("/d", "/state")];
            by_hand.network = Some(Network {
                forwards: vec![Forward {
                    address: std::net::Ipv4Addr::LOCALHOST,
                    host: 8080,
                    guest: 80,
                    is_udp: false,
                }],
                listeners: vec![80],
                ..Network::default()
            });
        });
        for part in [
            "-device virtio-9p-device,fsdev=fs0,mount_tag=mewz0 ",
            "-device virtio-blk-device,drive=disk0,serial=mewz-disk0 ",
            "hostfwd=tcp:127.0.0.1:8080-10.0.2.15:80 ",
            "-append \"env=A=it's \\\"x\\\"\" mount=mewz0:/data:ro disk=mewz-disk0:/state:ro ip=",
        ] {
            assert!(line.contains(part), "{part} is not in {line}");
        }
        assert!(line.ends_with(" listen=80 -- -v \"a b\" \"\""), "{line}");
    }
}
