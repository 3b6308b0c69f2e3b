//! Core dumps: a machine's memory in a file that gdb opens, beside the image with symbols that it belongs to.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use mewz_abi::address::WINDOW_BASE;
use mewz_abi::record::{REGISTER_NAMES, TrapReport};
use mewz_abi::trap::TrapKind;
use object::elf::{self, FileHeader64, ProgramHeader64};
use object::endian::LittleEndian;
use object::read::elf::{FileHeader as _, ProgramHeader as _};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::cli::debug_file::{self, BuildId};
use crate::cli::failure::Failure;
use crate::cli::own_files;
use crate::qemu::monitor::Monitor;

type Header = FileHeader64<LittleEndian>;
type Segment = ProgramHeader64<LittleEndian>;

/// How long one who asks may take to its question.
const PATIENCE: Duration = Duration::from_secs(10);

/// The signal of a program that a debugger has stopped.
const SIGNAL_TRAP: u8 = 5;

/// Bytes that are looked at at once: what is zero throughout takes no room.
const PART_BYTES: usize = 64 << 10;

/// What the headers of a core take at most.
const HEADERS_BYTES_MAX: u64 = 16 << 20;

/// Where the number of the signal, and the registers, are in a process's status. Source: Linux, `struct elf_prstatus` of x86-64.
const SIGNAL_OFFSET: usize = 12;
const REGISTERS_OFFSET: usize = 112;
/// Where the registers of `REGISTER_NAMES`, then the instruction pointer, are among those. Source: Linux,
/// `struct user_regs_struct`.
const REGISTER_PLACES: [usize; REGISTERS] =
    [10, 5, 11, 12, 13, 14, 4, 19, 9, 8, 7, 6, 3, 2, 1, 0, 18, 16];

/// Those of `REGISTER_NAMES`, then the instruction pointer.
const REGISTERS: usize = REGISTER_NAMES.len() + 1;

/// Where the build id is in a window's header.
const BUILD_ID_OFFSET: u64 = 16;
const BUILD_ID_BYTES: usize = 16;

/// What a core shows of the processor, where that is not what it was about when the memory was written.
#[derive(Clone, Copy, Debug)]
pub(in crate::cli) struct Stopped {
    signal: u8,
    registers: [u64; REGISTERS],
}

impl Stopped {
    /// The program at its trap.
    pub(in crate::cli) fn of_trap(report: &TrapReport) -> Self {
        let signal = TrapKind::from_number(report.kind).map_or(0, TrapKind::signal);
        // Cores have the numbers of Linux.
        let signal = match signal {
            10 => 7,
            12 => 31,
            signal => signal,
        };
        let mut registers = [report.instruction; REGISTERS];
        registers[..REGISTER_NAMES.len()].copy_from_slice(&report.registers);
        Self { signal, registers }
    }
}

/// Where the core of `module` goes where no file is named: one for each module, so that they don't become many.
pub(in crate::cli) fn default_path(module: &Path) -> PathBuf {
    super::vscode::symbols_path(module).with_extension("core")
}

/// What writes the cores of one machine, at its crash or when it is asked.
#[derive(Clone)]
pub(in crate::cli) struct Writer(Arc<Mutex<Kept>>);

struct Kept {
    monitor: Monitor,
    image: Image,
}

/// Gives the image of a machine, with symbols.
pub(in crate::cli) type Image = Box<dyn Fn() -> Vec<u8> + Send>;

impl std::fmt::Debug for Writer {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Writer")
    }
}

impl Writer {
    /// That of the machine behind `monitor` that runs `image`.
    pub(in crate::cli) fn new(monitor: Monitor, image: Image) -> Self {
        Self(Arc::new(Mutex::new(Kept { monitor, image })))
    }

    /// Writes the core to `path`; what to say of it.
    pub(in crate::cli) fn write(
        &self,
        path: &Path,
        stopped: Option<Stopped>,
    ) -> Result<String, Failure> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Kept { monitor, image } = &mut *kept;
        write(monitor, path, &image(), stopped)
    }
}

/// Answers requests at the socket `listener` until this process ends: a line of JSON with `path`, and maybe `registers`, for
/// one with `text` or `error`. `writer` is that of the machine that is there then.
pub(super) fn serve(
    listener: UnixListener,
    module: PathBuf,
    writer: impl Fn() -> Option<Writer> + Send + 'static,
) {
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.set_read_timeout(Some(PATIENCE));
            let mut line = String::new();
            if BufReader::new(&stream).read_line(&mut line).is_err() {
                continue;
            }
            let answer = match answer(writer(), &line, &module) {
                Ok(text) => json!({ "text": text }),
                Err(failure) => json!({ "error": failure.text() }),
            };
            // Who asked may be gone.
            let _ = stream.write_all(format!("{answer}\n").as_bytes());
        }
    });
}

fn answer(writer: Option<Writer>, line: &str, module: &Path) -> Result<String, Failure> {
    let writer = writer.ok_or_else(|| Failure::new("there is no machine"))?;
    let wish: Wish = serde_json::from_str(line)
        .map_err(|problem| Failure::new("no request for a core").cause(problem))?;
    let registers = wish.registers.and_then(|all| all.try_into().ok());
    let stopped = registers.map(|registers| Stopped {
        signal: SIGNAL_TRAP,
        registers,
    });
    let path = wish.path.unwrap_or_else(|| default_path(module));
    writer.write(&path, stopped)
}

/// A request for a core.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Wish {
    /// Where it goes; an absolute path.
    pub(super) path: Option<PathBuf>,
    /// What the debugger shows as registers: those of `REGISTER_NAMES`, then the instruction pointer.
    pub(super) registers: Option<Vec<u64>>,
}

/// Asks at a machine's socket for its core; what is said of it.
pub(super) fn ask(socket: &Path, wish: &Wish) -> Result<String, Failure> {
    let failure = || Failure::new("cannot write a core of the machine");
    let broken = |problem: io::Error| failure().cause(problem);
    let mut stream = UnixStream::connect(socket).map_err(broken)?;
    let wish = serde_json::to_string(wish).map_err(|problem| broken(problem.into()))?;
    stream
        .write_all(format!("{wish}\n").as_bytes())
        .map_err(broken)?;
    let mut line = String::new();
    BufReader::new(stream)
        .read_line(&mut line)
        .map_err(broken)?;
    let answer: Value = serde_json::from_str(&line).unwrap_or_default();
    match (answer["text"].as_str(), answer["error"].as_str()) {
        (Some(text), _) => Ok(text.to_owned()),
        (None, why) => Err(failure().cause(why.unwrap_or("the machine is gone"))),
    }
}

/// Writes the machine's memory to `path`, and the image with symbols beside it; says where.
fn write(
    monitor: &mut Monitor,
    path: &Path,
    image: &[u8],
    stopped: Option<Stopped>,
) -> Result<String, Failure> {
    let failure = |problem: io::Error| {
        Failure::new(format!("cannot write the core `{}`", path.display())).cause(problem)
    };
    let path = &std::path::absolute(path).map_err(failure)?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder).map_err(failure)?;
    for own in [path, &image_path(path)] {
        own_files::note(own);
    }
    // A machine's memory may hold secrets, and a file that is half written is no core. It is known before it is there.
    let unfinished = || {
        tempfile::Builder::new().make_in(folder, |path| {
            own_files::note(path);
            let mut options = File::options();
            options.read(true).write(true).create_new(true);
            options.mode(0o600).open(path)
        })
    };
    let whole = unfinished().map_err(failure)?;
    monitor.dump_memory(whole.path()).map_err(|problem| {
        let is_gone = matches!(
            problem.kind(),
            io::ErrorKind::ConnectionReset
                | io::ErrorKind::BrokenPipe
                | io::ErrorKind::UnexpectedEof
        );
        match is_gone {
            true => failure(io::Error::other("the machine ended meanwhile")),
            false => failure(problem),
        }
    })?;
    let mut sparse = unfinished().map_err(failure)?;
    thin_out(whole.as_file(), sparse.as_file_mut(), stopped).map_err(failure)?;
    drop(whole);
    fs::write(image_path(path), image).map_err(failure)?;
    // gdb warns of a program that is newer than its core.
    let now = SystemTime::now();
    sparse.as_file().set_modified(now).map_err(failure)?;
    let file = sparse
        .persist(path)
        .map_err(|problem| failure(problem.error))?;
    let blocks = file.metadata().map_or(0, |metadata| metadata.blocks());
    Ok(format!(
        "Wrote `{}` ({} on disk): `mewz debug {}` opens it",
        path.display(),
        indicatif::HumanBytes(blocks * 512),
        path.display()
    ))
}

/// The image that belongs to a core.
fn image_path(core: &Path) -> PathBuf {
    let mut name = core.file_name().unwrap_or_default().to_owned();
    name.push(".elf");
    core.with_file_name(name)
}

/// Copies what is not zero, with the headers mended.
fn thin_out(from: &File, to: &mut File, stopped: Option<Stopped>) -> io::Result<()> {
    let bytes = from.metadata()?.len();
    let mut from = from;
    from.seek(SeekFrom::Start(0))?;
    to.set_len(bytes)?;
    let mut part = vec![0; PART_BYTES];
    let mut at = 0;
    while at < bytes {
        let len = PART_BYTES.min(usize::try_from(bytes - at).unwrap_or(PART_BYTES));
        from.read_exact(&mut part[..len])?;
        if part[..len].iter().any(|byte| *byte != 0) {
            to.write_all_at(&part[..len], at)?;
        }
        at += len as u64;
    }
    let mut head = vec![0; bytes.min(headers_end(from)?) as usize];
    from.read_exact_at(&mut head, 0)?;
    mend(&mut head, stopped).ok_or(io::ErrorKind::InvalidData)?;
    to.write_all_at(&head, 0)?;
    to.flush()
}

/// The first byte behind the headers and notes, which come before all memory.
fn headers_end(core: &File) -> io::Result<u64> {
    let mut head = [0; size_of::<Header>()];
    core.read_exact_at(&mut head, 0)?;
    let invalid = || io::Error::from(io::ErrorKind::InvalidData);
    let header = Header::parse(&head[..]).map_err(|_| invalid())?;
    let count = u64::from(header.e_phnum.get(LittleEndian));
    let table = header.e_phoff.get(LittleEndian);
    let size = count * size_of::<Segment>() as u64;
    let end = table.checked_add(size).ok_or_else(invalid)?;
    if end > HEADERS_BYTES_MAX {
        return Err(invalid());
    }
    let mut bytes = vec![0; end as usize];
    core.read_exact_at(&mut bytes, 0)?;
    let segments = header
        .program_headers(LittleEndian, &bytes[..])
        .map_err(|_| invalid())?;
    let mut notes = segments
        .iter()
        .filter(|segment| segment.p_type(LittleEndian) == elf::PT_NOTE);
    let end = notes.try_fold(end, |end, notes| {
        let behind = notes
            .p_offset(LittleEndian)
            .checked_add(notes.p_filesz(LittleEndian))?;
        Some(end.max(behind))
    });
    end.filter(|end| *end <= HEADERS_BYTES_MAX)
        .ok_or_else(invalid)
}

/// Mends what QEMU writes: addresses of the lower half as if they were of the upper one. And puts the processor where the
/// program stopped. `None` where the bytes are no core's.
fn mend(head: &mut [u8], stopped: Option<Stopped>) -> Option<()> {
    let header = Header::parse(&*head).ok()?;
    let table = usize::try_from(header.e_phoff.get(LittleEndian)).ok()?;
    let segments = header.program_headers(LittleEndian, &*head).ok()?;
    let mut addresses = Vec::new();
    let mut status = None;
    for (index, segment) in segments.iter().enumerate() {
        if segment.p_type(LittleEndian) == elf::PT_NOTE {
            let mut notes = segment.notes(LittleEndian, &*head).ok()??;
            while let Ok(Some(note)) = notes.next() {
                if note.n_type(LittleEndian) == elf::NT_PRSTATUS && note.name() == b"CORE" {
                    let start = note.desc().as_ptr() as usize - head.as_ptr() as usize;
                    status.get_or_insert(start..start + note.desc().len());
                }
            }
        }
        let address = segment.p_vaddr(LittleEndian);
        if segment.p_type(LittleEndian) == elf::PT_LOAD && address >> 47 & 1 == 0 {
            let place = table + index * size_of::<Segment>() + 16;
            addresses.push((place, address & ((1 << 47) - 1)));
        }
    }
    for (place, address) in addresses {
        head.get_mut(place..place + 8)?
            .copy_from_slice(&address.to_le_bytes());
    }
    if let Some(Stopped { signal, registers }) = stopped {
        let status = head.get_mut(status?)?;
        status
            .get_mut(SIGNAL_OFFSET..SIGNAL_OFFSET + 2)?
            .copy_from_slice(&u16::from(signal).to_le_bytes());
        for (place, value) in REGISTER_PLACES.into_iter().zip(registers) {
            let start = REGISTERS_OFFSET + 8 * place;
            status
                .get_mut(start..start + 8)?
                .copy_from_slice(&value.to_le_bytes());
        }
    }
    Some(())
}

/// A core that was found, and the image that it belongs to.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) path: PathBuf,
    pub(super) image: PathBuf,
}

/// Whether a file is a core, and not a module.
pub(super) fn is_core(path: &Path) -> bool {
    let mut head = [0; size_of::<Header>()];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut head));
    read.is_ok()
        && Header::parse(&head[..])
            .is_ok_and(|header| header.e_type.get(LittleEndian) == elf::ET_CORE)
}

/// Finds the image of the core at `path`, or the debug file of its build, and looks whether it is that of the machine.
pub(super) fn find(path: &Path) -> Result<Core, Failure> {
    let failure = || Failure::new(format!("cannot open the core `{}`", path.display()));
    let core = File::open(path).map_err(|problem| failure().cause(problem))?;
    let id = build_id_of_core(&core);
    let id = id.ok_or_else(|| failure().cause("it is cut short, or no core of a machine"))?;
    let beside = image_path(path);
    let cause = match fs::read(&beside) {
        Ok(symbols) if BuildId::of(&symbols) == Some(id) => None,
        Ok(_) => Some(format!(
            "`{}` is the image of another build",
            beside.display()
        )),
        Err(problem) => Some(format!("its image `{}`: {problem}", beside.display())),
    };
    let image = match cause {
        None => beside,
        Some(cause) => debug_file::find(path, &id).ok_or_else(|| {
            failure()
                .cause(cause)
                .hint("a core and its `.elf` are moved together")
                .hint(format!(
                    "the debug file of this build ({id}) serves as well, beside the core as `{}.debug`, or in `.mewz/debug` of a \
                     folder around: `mewz build --release` leaves it there, of the image that `mewz run --release --core` boots with \
                     `--debuggable`",
                    path.file_name().unwrap_or_default().display()
                ))
        })?,
    };
    Ok(Core {
        path: path.to_owned(),
        image,
    })
}

/// The build id that the window in a machine's memory has.
fn build_id_of_core(core: &File) -> Option<BuildId> {
    let mut head = vec![0; headers_end(core).ok()? as usize];
    core.read_exact_at(&mut head, 0).ok()?;
    let header = Header::parse(&head[..]).ok()?;
    let segments = header.program_headers(LittleEndian, &head[..]).ok()?;
    let wanted = WINDOW_BASE + BUILD_ID_OFFSET;
    let place = segments.iter().find_map(|segment| {
        let offset = wanted.checked_sub(segment.p_vaddr(LittleEndian))?;
        let is_in =
            segment.p_type(LittleEndian) == elf::PT_LOAD && offset < segment.p_filesz(LittleEndian);
        is_in.then(|| segment.p_offset(LittleEndian) + offset)
    })?;
    let mut id = [0; BUILD_ID_BYTES];
    core.read_exact_at(&mut id, place).ok()?;
    Some(BuildId(id))
}
