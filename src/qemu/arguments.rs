//! QEMU's arguments for a machine.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use mewz_abi::exit::DEBUG_EXIT_PORT;

use super::accelerator::Accelerator;
use super::config::{self, Mount, Network};
use super::machine::{DebugLine, MachineKind, Settings};
use super::recording::{Recording, Role};

/// Bytes of QEMU's cache of translated code. Its own default, 1 GiB, would make the limits of a process mean little.
pub(super) const TRANSLATION_CACHE_BYTES: u64 = 256 << 20;

/// Paths of what QEMU opens.
pub(super) struct Files<'a> {
    pub(super) image: &'a Path,
    pub(super) config: &'a Path,
    pub(super) memory: Option<PathBuf>,
    /// The descriptor of QEMU's end of the line to a debugger.
    pub(super) debug_line: Option<i32>,
    /// That of its end of the monitor.
    pub(super) monitor: Option<i32>,
}

/// QEMU's arguments. Standard input is the console's socket, standard output takes COM1.
pub(super) fn arguments(settings: &Settings, files: &Files<'_>) -> Vec<OsString> {
    let suffix = settings.machine.device_suffix();
    let mut list = Arguments::default();
    list.machine(settings.machine, settings.memory_bytes);
    match &settings.recording {
        None => list.exit_device(),
        Some(recording) => recording.push_clock(&mut list),
    }
    if let Some(memory) = &files.memory {
        let bytes = settings.memory_bytes;
        let mut option = OsString::from("memory-backend-file,id=memory,share=on,mem-path=");
        option.push(memory);
        option.push(format!(",size={bytes}"));
        list.two("-object", option);
        list.two("-machine", "memory-backend=memory");
    }
    list.accelerator(settings.accelerator);
    list.two("-chardev", "file,id=com1,path=/proc/self/fd/1");
    list.two("-serial", "chardev:com1");
    if let Some((who, descriptor)) = settings.debug_line.zip(files.debug_line) {
        list.two("-chardev", format!("socket,id=debugger,fd={descriptor}"));
        match who {
            // The second serial line of a PC, on every machine.
            DebugLine::Kernel => {
                list.two("-device", "isa-serial,iobase=0x2f8,irq=3,chardev=debugger");
            }
            DebugLine::Qemu => {
                list.two("-gdb", "chardev:debugger");
                list.0.push("-S".into());
            }
        }
    }
    if let Some(descriptor) = files.monitor {
        list.two("-chardev", format!("socket,id=monitor,fd={descriptor}"));
        list.two("-mon", "chardev=monitor,mode=control");
    }
    match &settings.recording {
        None => list.two("-chardev", "socket,id=console,fd=0"),
        Some(recording) => recording.push_console(&mut list),
    }
    list.two("-device", format!("virtio-serial-{suffix},max_ports=2"));
    // A console port would drop what this program does not read at once; a serial port waits. Port 0 is a console's.
    list.two("-device", "virtserialport,chardev=console,nr=1");
    list.devices(
        settings.machine,
        &settings.mounts,
        &settings.disks,
        settings.network.as_ref(),
        settings.recording.as_ref().map(|recording| recording.role),
    );
    if settings.recording.is_some() && settings.network.is_some() {
        Recording::push_network(&mut list);
    }
    list.two("-kernel", files.image);
    list.two("-initrd", files.config);
    list.two("-append", settings.command_line.as_str());
    list.0
}

/// Arguments of QEMU.
#[derive(Default)]
pub(super) struct Arguments(Vec<OsString>);

impl Arguments {
    pub(super) fn into_words(self) -> Vec<OsString> {
        self.0
    }

    pub(super) fn one(&mut self, option: &str) {
        self.0.push(option.into());
    }

    pub(super) fn two(&mut self, option: &str, value: impl AsRef<OsStr>) {
        self.0.push(option.into());
        self.0.push(value.as_ref().to_owned());
    }

    pub(super) fn machine(&mut self, machine: MachineKind, memory_bytes: u64) {
        self.two("-M", machine.machine_option());
        self.two("-cpu", "max");
        self.two("-m", format!("{}M", memory_bytes >> 20));
        let flags = ["-nodefaults", "-no-user-config", "-no-reboot"];
        self.0.extend(flags.map(OsString::from));
        self.two("-display", "none");
    }

    /// By which the kernel ends QEMU, with a status.
    pub(super) fn exit_device(&mut self) {
        let exit = format!("isa-debug-exit,iobase={DEBUG_EXIT_PORT:#x},iosize=4");
        self.two("-device", exit);
    }

    /// Folders, disks and the card of a machine, which may have to do with a recording.
    pub(super) fn devices(
        &mut self,
        machine: MachineKind,
        mounts: &[Mount],
        disks: &[Mount],
        network: Option<&Network>,
        role: Option<Role>,
    ) {
        let suffix = machine.device_suffix();
        for (index, mount) in mounts.iter().enumerate() {
            self.two("-fsdev", folder_option(index, mount));
            let tag = config::mount_tag(index);
            self.two(
                "-device",
                format!("virtio-9p-{suffix},fsdev=fs{index},mount_tag={tag}"),
            );
        }
        for (index, disk) in disks.iter().enumerate() {
            match role {
                None => self.two("-blockdev", image_option(&format!("disk{index}"), disk)),
                Some(role) => Recording::push_disk(self, role, index, disk),
            }
            let serial = config::disk_serial(index);
            self.two(
                "-device",
                format!("virtio-blk-{suffix},drive=disk{index},serial={serial}"),
            );
        }
        if let Some(network) = network {
            self.two("-netdev", network_option(network));
            if let Some(file) = &network.capture {
                self.two("-object", capture_option(file));
            }
            self.two(
                "-device",
                format!("virtio-net-{suffix},netdev=net{}", machine.card_options()),
            );
        }
    }

    pub(super) fn accelerator(&mut self, accelerator: Accelerator) {
        let option = match accelerator {
            Accelerator::Kvm => "kvm".to_owned(),
            Accelerator::Tcg => format!("tcg,tb-size={}", TRANSLATION_CACHE_BYTES >> 20),
        };
        self.two("-accel", option);
    }
}

/// QEMU's own network: the guest is reached through forwarded ports alone, and reaches others where that is allowed.
fn network_option(network: &Network) -> String {
    let mut option = "user,id=net".to_owned();
    if !network.is_open {
        option += ",restrict=on";
    }
    for forward in &network.forwards {
        let protocol = if forward.is_udp { "udp" } else { "tcp" };
        let (host, guest) = (forward.host, forward.guest);
        let (here, there) = (forward.address, config::GUEST_ADDRESS);
        option += &format!(",hostfwd={protocol}:{here}:{host}-{there}:{guest}");
    }
    option
}

/// Whole segments are kept, also those that are longer than a frame may be.
fn capture_option(file: &Path) -> OsString {
    let mut option = b"filter-dump,id=capture,netdev=net,maxlen=262144,file=".to_vec();
    push_path(&mut option, file);
    OsString::from_vec(option)
}

fn folder_option(index: usize, mount: &Mount) -> OsString {
    let mut option = format!("local,id=fs{index},security_model=none,").into_bytes();
    if mount.is_read_only {
        option.extend(b"readonly=on,");
    }
    option.extend(b"path=");
    push_path(&mut option, &mount.host);
    OsString::from_vec(option)
}

/// An image as it is, no format guessed; flushes of the guest reach the host's disk.
pub(super) fn image_option(name: &str, disk: &Mount) -> OsString {
    let mode = if disk.is_read_only { "on" } else { "off" };
    let mut option =
        format!("driver=raw,node-name={name},read-only={mode},file.driver=file,file.filename=")
            .into_bytes();
    push_path(&mut option, &disk.host);
    OsString::from_vec(option)
}

pub(super) fn push_path(option: &mut Vec<u8>, path: &Path) {
    for byte in path.as_os_str().as_bytes() {
        // A comma ends a value, two are one.
        option.extend(std::iter::repeat_n(
            *byte,
            if *byte == b',' { 2 } else { 1 },
        ));
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::path::{Path, PathBuf};

    use super::{Accelerator, DebugLine, Files, MachineKind, Mount, Network, Settings, arguments};
    use crate::qemu::config::Forward;

    fn line(machine: MachineKind) -> String {
        line_with(machine, None)
    }

    fn line_with(machine: MachineKind, debug_line: Option<DebugLine>) -> String {
        let settings = Settings {
            program: PathBuf::from("qemu"),
            machine,
            accelerator: Accelerator::Tcg,
            memory_bytes: 32 << 20,
            command_line: "log=warn".to_owned(),
            arguments: vec!["a".into()],
            environment: Vec::new(),
            mounts: vec![Mount {
                host: PathBuf::from("/a,b"),
                guest: "/".to_owned(),
                is_read_only: true,
            }],
            disks: vec![Mount {
                host: PathBuf::from("/d"),
                guest: "/data".to_owned(),
                is_read_only: false,
            }],
            network: Some(Network {
                capture: Some("/c,d.pcap".into()),
                forwards: vec![Forward {
                    address: std::net::Ipv4Addr::LOCALHOST,
                    host: 8080,
                    guest: 80,
                    is_udp: false,
                }],
                ..Network::default()
            }),
            options: Vec::new(),
            pack: [].into(),
            terminals: 0,
            memory: None,
            debug_line,
            has_monitor: false,
            recording: None,
        };
        let files = Files {
            image: Path::new("/i"),
            config: Path::new("/c"),
            memory: None,
            debug_line: Some(9),
            monitor: None,
        };
        arguments(&settings, &files)
            .join(&OsString::from(" "))
            .into_string()
            .unwrap()
    }

    #[test]
    fn microvm_has_mmio_devices_and_paths_are_escaped() {
        let line = line(MachineKind::Microvm);
        assert!(line.starts_with("-M microvm,acpi=off "), "{line}");
        assert!(line.contains("-accel tcg,"), "{line}");
        assert!(line.contains("-m 32M "), "{line}");
        assert!(
            line.contains("-device virtio-serial-device,max_ports=2 "),
            "{line}"
        );
        assert!(line.contains("path=/a,,b "), "{line}");
        assert!(line.contains("readonly=on"), "{line}");
        assert!(line.contains("file=/c,,d.pcap "), "{line}");
        assert!(
            line.contains("restrict=on,hostfwd=tcp:127.0.0.1:8080-10.0.2.15:80 "),
            "{line}"
        );
        assert!(
            line.ends_with("-kernel /i -initrd /c -append log=warn"),
            "{line}"
        );
    }

    #[test]
    fn a_debugger_has_a_line_where_one_may_come() {
        let plain = line(MachineKind::Microvm);
        assert!(!plain.contains("debugger"), "{plain}");
        let kernel = line_with(MachineKind::Microvm, Some(DebugLine::Kernel));
        assert!(
            kernel.contains("-chardev socket,id=debugger,fd=9 -device isa-serial,iobase=0x2f8,"),
            "{kernel}"
        );
        let qemu = line_with(MachineKind::Q35, Some(DebugLine::Qemu));
        assert!(qemu.contains("-gdb chardev:debugger -S "), "{qemu}");
    }

    #[test]
    fn the_others_have_pci_devices() {
        assert!(line(MachineKind::Q35).contains("-device virtio-9p-pci,fsdev=fs0,mount_tag=mewz0"));
        assert!(line(MachineKind::Pc).contains("-device virtio-serial-pci,max_ports=2 "));
    }
}
