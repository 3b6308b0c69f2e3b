//! A virtual machine: what it consists of, and its start.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write as _;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdout, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::fs::MemfdFlags;
use rustix::io::FdFlags;

use super::accelerator::Accelerator;
use super::arguments::{Files, TRANSLATION_CACHE_BYTES, arguments};
use super::backlog;
use super::config::{self, Mount, Network};
use super::error::{Action as _, QemuError};
use super::leash::{self, Limits};
use super::monitor::Monitor;
use super::nudge::Nudge;
use super::output::Output;
use super::recording::{Recording, Role};

/// What QEMU may take beside the guest's memory: measured at 60 MiB plus the translation cache; the rest is for 9p.
const DATA_BYTES_OVERHEAD: u64 = TRANSLATION_CACHE_BYTES + (768 << 20);

/// The same for address space, which libraries, thread stacks and malloc's arenas use more freely.
const ADDRESS_BYTES_OVERHEAD: u64 = DATA_BYTES_OVERHEAD + (4 << 30);

/// How long QEMU may take to write the end of a recording, and how often it is asked whether it has.
const RECORDING_PATIENCE: Duration = Duration::from_secs(30);
const END_PAUSE: Duration = Duration::from_millis(2);

/// A machine type of QEMU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MachineKind {
    /// `microvm`: virtio-mmio, no PCI, the quickest to boot.
    #[default]
    Microvm,
    /// `q35`: PCI Express.
    Q35,
    /// `pc`: PCI.
    Pc,
}

impl MachineKind {
    /// QEMU's name for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            MachineKind::Microvm => "microvm",
            MachineKind::Q35 => "q35",
            MachineKind::Pc => "pc",
        }
    }

    pub(super) fn machine_option(self) -> &'static str {
        match self {
            // Without ACPI the firmware is qboot, and the devices are told on the kernel's command line.
            MachineKind::Microvm => "microvm,acpi=off",
            MachineKind::Q35 => "q35",
            MachineKind::Pc => "pc",
        }
    }

    /// What virtio devices of this machine are called behind their name.
    pub(super) fn device_suffix(self) -> &'static str {
        match self {
            MachineKind::Microvm => "device",
            MachineKind::Q35 | MachineKind::Pc => "pci",
        }
    }

    /// What a card of this machine is told beside its network: without a boot ROM, which need not be installed.
    pub(super) fn card_options(self) -> &'static str {
        match self {
            MachineKind::Microvm => "",
            MachineKind::Q35 | MachineKind::Pc => ",romfile=",
        }
    }

    /// Folders, disks and cards that fit: the slots for virtio devices less the console.
    fn device_slots(self) -> usize {
        match self {
            // QEMU's microvm has eight virtio-mmio transports while ACPI is off.
            MachineKind::Microvm => 7,
            // 32 slots of a PCI bus less host bridge, its multifunction devices and the console.
            MachineKind::Q35 | MachineKind::Pc => 28,
        }
    }
}

/// Who answers a debugger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DebugLine {
    /// A kernel with a stub, on COM2.
    Kernel,
    /// QEMU; the machine stands still until the debugger lets it go.
    Qemu,
}

/// All that a start depends on.
#[derive(Debug)]
pub struct Settings {
    /// QEMU's file.
    pub program: PathBuf,
    /// The machine type.
    pub machine: MachineKind,
    /// The accelerator, settled.
    pub accelerator: Accelerator,
    /// The guest's memory, whole mebibytes.
    pub memory_bytes: u64,
    /// The kernel's command line.
    pub command_line: String,
    /// The program's arguments, its name first.
    pub arguments: Vec<OsString>,
    /// The program's environment, `NAME=value`.
    pub environment: Vec<OsString>,
    /// Folders of the host that the program sees.
    pub mounts: Vec<Mount>,
    /// Persistent disks that the program sees.
    pub disks: Vec<Mount>,
    /// Its network card, if it has one.
    pub network: Option<Network>,
    /// Further options for the kernel, `name=value` each.
    pub options: Vec<String>,
    /// Folders that the program finds beside those of the host: a pack (see `mewz_abi::pack`) in parts, or nothing.
    pub pack: Arc<[Vec<u8>]>,
    /// Which of the program's streams are terminals: 1 input, 2 output, 4 error.
    pub terminals: u8,
    /// The guest's memory in a file of `memory_bytes`, which this process may write to; without it QEMU makes its own.
    pub memory: Option<File>,
    /// Who answers a debugger, if one may come.
    pub debug_line: Option<DebugLine>,
    /// Whether the machine's memory may be asked for.
    pub has_monitor: bool,
    /// A recording that the machine makes or repeats: it needs [`Accelerator::Tcg`], [`MachineKind::Microvm`] and a monitor, and
    /// can have neither folders nor disks of the host.
    pub recording: Option<Recording>,
}

/// A started machine. Dropping it ends QEMU.
#[derive(Debug)]
pub struct Running {
    process: Process,
    /// Our end of the virtio console.
    pub(super) console: UnixStream,
    /// Held while what it said is passed on.
    pub(super) reading: Arc<Mutex<()>>,
    /// What comes out of COM1.
    pub(super) serial: ChildStdout,
    /// What QEMU itself says.
    pub(super) words: ChildStderr,
    /// Readable once QEMU has ended; `None` where the host's kernel is too old for it.
    pub(super) end: Option<OwnedFd>,
    /// TCP ports of the host that it listens on.
    ports: Vec<u16>,
    /// Our end of the line to a debugger.
    debug_line: Option<UnixStream>,
    /// The monitor, where there is one.
    monitor: Option<Monitor>,
    is_recorded: bool,
    /// Has the monitor while a recording with disks is made.
    nudge: Option<Nudge>,
    /// Those of a recording that has come to its end.
    instructions: Option<u64>,
}

/// The process of a machine, for ending it from any thread.
#[derive(Clone, Debug)]
pub struct Process(Arc<Mutex<Child>>);

impl Process {
    /// Ends QEMU and waits until it is gone.
    pub fn kill(&self) {
        let mut child = self.lock();
        // Fails where the child has been waited for already: then it is gone.
        let _ = child.kill();
        let _ = child.wait();
    }

    /// The process's number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.lock().id()
    }

    /// Waits until QEMU has ended by itself.
    pub(super) fn wait(&self) -> Result<ExitStatus, QemuError> {
        self.lock().wait().action("wait for QEMU")
    }

    fn lock(&self) -> MutexGuard<'_, Child> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    /// The end of the line that a debugger is to have; once, and only where [`Settings::debug_line`] asks for it.
    pub fn take_debug_line(&mut self) -> Option<UnixStream> {
        self.debug_line.take()
    }

    /// What the machine has said, for who is to speak after it.
    ///
    /// # Errors
    ///
    /// The operating system refuses another descriptor.
    pub fn output(&self) -> Result<Output, QemuError> {
        Output::new(&self.console, &self.reading).action("open the console once more")
    }

    /// The machine's monitor; once, and only where [`Settings::has_monitor`] asks for it.
    pub fn take_monitor(&mut self) -> Option<Monitor> {
        self.monitor.take()
    }

    /// What QEMU has said that nobody has read.
    pub(super) fn words(&mut self) -> String {
        use std::io::Read as _;
        let mut bytes = Vec::new();
        // The pipe does not block: what came before the error that says so is there.
        let _ = self.words.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).trim().to_owned()
    }

    /// How many instructions the recording has that the machine made; `None` where it made none, or not to its end.
    #[must_use]
    pub fn instructions(&self) -> Option<u64> {
        self.instructions
    }

    /// Brings a recording to its end: QEMU writes what is missing when it ends by itself.
    pub(super) fn end_recording(&mut self) {
        if let Some(nudge) = self.nudge.take() {
            self.monitor = nudge.end();
        }
        if let Some(monitor) = self.monitor.as_mut().filter(|_| self.is_recorded) {
            let instructions = monitor.stop().and_then(|()| monitor.instructions());
            let is_asked = monitor.quit().is_ok();
            if is_asked && self.ends_within(RECORDING_PATIENCE) {
                self.instructions = instructions.ok();
            }
        }
    }

    fn ends_within(&self, patience: Duration) -> bool {
        let end = Instant::now() + patience;
        while Instant::now() < end {
            match self.process.lock().try_wait() {
                Ok(None) => std::thread::sleep(END_PAUSE),
                Ok(Some(_)) => return true,
                Err(_) => return false,
            }
        }
        false
    }

    /// The process, for ending it from elsewhere.
    #[must_use]
    pub fn process(&self) -> Process {
        self.process.clone()
    }

    /// Lets more connections wait in front of the forwarded ports; QEMU listens by now.
    pub(super) fn lengthen_queues(&self) {
        if let (Some(end), false) = (&self.end, self.ports.is_empty()) {
            backlog::lengthen(end.as_fd(), self.process.lock().id(), &self.ports);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.process.kill();
    }
}

/// Starts a machine that boots `image`. Call it on the main thread: QEMU ends when the calling thread does.
///
/// # Errors
///
/// Too many mounts, or the operating system refuses; then nothing runs.
pub fn start(settings: &Settings, image: &File) -> Result<Running, QemuError> {
    let slots = settings.machine.device_slots() - usize::from(settings.network.is_some());
    let wanted = settings.mounts.len() + settings.disks.len();
    if wanted > slots {
        return Err(QemuError::TooManyMounts {
            machine: settings.machine.name(),
            slots,
            wanted,
        });
    }
    let config = Config::new(settings)?;
    let (console, guest_console) = UnixStream::pair().action("make the console's socket")?;
    console
        .set_nonblocking(true)
        .action("set up the console's socket")?;
    // Image and configuration are inherited and opened again by number: no name on disk, nothing left behind.
    let image = Inherited::new(image.as_fd()).action("hand the image to QEMU")?;
    let memory = settings
        .memory
        .as_ref()
        .map(|memory| Inherited::new(memory.as_fd()))
        .transpose()
        .action("hand the memory to QEMU")?;
    let debug_line = settings.debug_line.map(|_| UnixStream::pair());
    let (debug_line, guest_line) = debug_line
        .transpose()
        .action("make the debugger's socket")?
        .unzip();
    let guest_line_kept = guest_line
        .as_ref()
        .map(|line| Inherited::new(line.as_fd()))
        .transpose()
        .action("hand the debugger's socket to QEMU")?;
    let (monitor, guest_monitor) = settings
        .has_monitor
        .then(UnixStream::pair)
        .transpose()
        .action("make the monitor's socket")?
        .unzip();
    let guest_monitor_kept = guest_monitor
        .as_ref()
        .map(|end| Inherited::new(end.as_fd()))
        .transpose()
        .action("hand the monitor's socket to QEMU")?;
    let files = Files {
        image: &image.path(),
        config: &config.path,
        memory: memory.as_ref().map(Inherited::path),
        debug_line: guest_line_kept.as_ref().map(|line| line.0.as_raw_fd()),
        monitor: guest_monitor_kept.as_ref().map(|end| end.0.as_raw_fd()),
    };
    let stdin = match &settings.recording {
        None => OwnedFd::from(guest_console).into(),
        Some(recording) => {
            recording.connect(guest_console)?;
            Stdio::null()
        }
    };
    let mut child = leash::command(&settings.program, limits(settings))
        .args(arguments(settings, &files))
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .action("start QEMU")?;
    drop((image, memory, guest_line_kept, guest_monitor_kept));
    drop((guest_line, guest_monitor, config));
    let pipes = child.stdout.take().zip(child.stderr.take());
    let end = rustix::process::pidfd_open(
        rustix::process::Pid::from_child(&child),
        rustix::process::PidfdFlags::empty(),
    )
    .ok();
    let forwards = settings
        .network
        .iter()
        .flat_map(|network| &network.forwards);
    let ports = forwards
        .filter(|forward| !forward.is_udp)
        .map(|forward| forward.host);
    let process = Process(Arc::new(Mutex::new(child)));
    let Some((serial, words)) = pipes else {
        unreachable!("both streams are piped above")
    };
    let is_recorded = settings
        .recording
        .as_ref()
        .is_some_and(|recording| recording.role == Role::Make);
    let mut monitor = monitor
        .map(Monitor::new)
        .transpose()
        .action("set up the monitor's socket")?;
    let nudge = match is_recorded && !settings.disks.is_empty() {
        true => monitor.take().map(Nudge::begin),
        false => None,
    };
    let running = Running {
        process,
        console,
        reading: Arc::default(),
        serial,
        words,
        end,
        ports: ports.collect(),
        debug_line,
        monitor,
        is_recorded,
        nudge,
        instructions: None,
    };
    rustix::io::ioctl_fionbio(&running.serial, true).action("set up COM1's pipe")?;
    rustix::io::ioctl_fionbio(&running.words, true).action("set up QEMU's pipe")?;
    Ok(running)
}

fn limits(settings: &Settings) -> Limits {
    // QEMU holds what is packed once beside the guest's memory.
    let packed: usize = settings.pack.iter().map(Vec::len).sum();
    let bytes = settings.memory_bytes.saturating_add(packed as u64);
    Limits {
        data_bytes: Some(bytes.saturating_add(DATA_BYTES_OVERHEAD)),
        address_bytes: Some(bytes.saturating_add(ADDRESS_BYTES_OVERHEAD)),
    }
}

/// The configuration block as QEMU finds it.
struct Config {
    path: PathBuf,
    /// Keeps a file without a name, open in children too.
    _file: Option<File>,
}

impl Config {
    fn new(settings: &Settings) -> Result<Self, QemuError> {
        let Some(recording) = &settings.recording else {
            let file = with_config(settings, |parts| memory_file_of("mewz-config", parts))?;
            return Ok(Self {
                path: descriptor_path(file.as_fd()),
                _file: Some(file),
            });
        };
        let path = recording.config();
        if recording.role == Role::Make {
            with_config(settings, |parts| {
                std::fs::write(&path, parts.concat()).action("keep the settings of a recording")
            })?;
        }
        Ok(Self { path, _file: None })
    }
}

/// Hands the parts of the block to `write`.
fn with_config<T>(
    settings: &Settings,
    write: impl FnOnce(&[&[u8]]) -> Result<T, QemuError>,
) -> Result<T, QemuError> {
    let epoch_ns = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |now| u64::try_from(now.as_nanos()).unwrap_or(u64::MAX));
    let block = config::block(
        &settings.arguments,
        &settings.environment,
        &settings.mounts,
        &settings.disks,
        settings.network.as_ref(),
        &settings.options,
        settings.terminals,
        epoch_ns,
        &entropy()?,
    )?;
    let (head, padding) = config::pack_entry(&settings.pack)?;
    let mut parts = vec![&block[..], &head];
    parts.extend(settings.pack.iter().map(Vec::as_slice));
    parts.push(padding);
    write(&parts)
}

/// Puts `bytes` into a file that lives in memory and is open in children too.
///
/// # Errors
///
/// The operating system refuses.
pub fn memory_file(name: &str, bytes: &[u8]) -> Result<File, QemuError> {
    memory_file_of(name, &[bytes])
}

/// As [`memory_file`], of several parts.
fn memory_file_of(name: &str, parts: &[&[u8]]) -> Result<File, QemuError> {
    let file =
        rustix::fs::memfd_create(name, MemfdFlags::empty()).action("make a file in memory")?;
    let mut file = File::from(file);
    for part in parts {
        file.write_all(part).action("fill a file in memory")?;
    }
    Ok(file)
}

/// Makes a file for [`Settings::memory`]: clean, and without a name.
///
/// # Errors
///
/// The operating system refuses.
pub fn guest_memory(bytes: u64) -> Result<File, QemuError> {
    let file = rustix::fs::memfd_create("mewz-memory", MemfdFlags::CLOEXEC)
        .action("make a machine's memory")?;
    let file = File::from(file);
    file.set_len(bytes).action("make a machine's memory")?;
    Ok(file)
}

fn entropy() -> Result<[u8; 32], QemuError> {
    use std::io::Read as _;
    let mut entropy = [0; 32];
    File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut entropy))
        .action("read /dev/urandom")?;
    Ok(entropy)
}

/// A descriptor that children inherit while this lives.
struct Inherited<'a>(BorrowedFd<'a>);

impl<'a> Inherited<'a> {
    fn new(descriptor: BorrowedFd<'a>) -> rustix::io::Result<Self> {
        rustix::io::fcntl_setfd(descriptor, FdFlags::empty())?;
        Ok(Self(descriptor))
    }

    fn path(&self) -> PathBuf {
        descriptor_path(self.0)
    }
}

impl Drop for Inherited<'_> {
    fn drop(&mut self) {
        // Where this fails, a later child has one open file more.
        let _ = rustix::io::fcntl_setfd(self.0, FdFlags::CLOEXEC);
    }
}

fn descriptor_path(descriptor: BorrowedFd<'_>) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", descriptor.as_raw_fd()))
}
