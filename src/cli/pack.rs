//! Folders of the host that a program carries along: read, and made into a pack.

use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use super::failure::{Failure, STATUS_USAGE};
use super::values::{MEMORY_BYTES_DEFAULT, MEMORY_BYTES_MIN, Temporary};
use crate::link::pack::{Contents, Folder, Item};

/// Most bytes that a program carries along: what fits in front of the hole that all machines have below 4 GiB, with room
/// for the program.
const BYTES_MAX: u64 = 1 << 30;

/// Where nobody says how much memory a machine has, the program keeps this part of the usual at least.
const PROGRAM_BYTES_MIN: u64 = MEMORY_BYTES_DEFAULT / 2;

/// Memory that nobody asked for comes in steps of this many bytes.
const MEMORY_STEP_BYTES: u64 = 16 << 20;

/// A folder to be packed, as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PackedFolder {
    /// The folder on the host; not looked at yet.
    pub(super) host: std::path::PathBuf,
    /// Its path in the guest.
    pub(super) guest: String,
    /// Whether files keep the times of their last change; otherwise these are 1970, so that equal files give equal images.
    pub(super) keeps_times: bool,
}

/// Reads `folders` and makes them a pack, in parts that follow each other, together with `temporaries` as options; nothing
/// where there is neither.
pub(super) fn pack(
    folders: &[PackedFolder],
    temporaries: &[Temporary],
) -> Result<Vec<Vec<u8>>, Failure> {
    let mut reader = Reader::default();
    for folder in folders {
        let taken = |guest: &String| *guest == folder.guest;
        let is_taken = reader.contents.mounts.iter().any(|(guest, _)| taken(guest));
        if is_taken || temporaries.iter().any(|other| taken(&other.guest)) {
            return Err(cannot_pack(&folder.host)
                .cause(format!(
                    "something is mounted at `{}` already",
                    folder.guest
                ))
                .with_status(STATUS_USAGE));
        }
        let read = reader.top(folder)?;
        reader.contents.mounts.push((folder.guest.clone(), read));
    }
    reader.contents.options = temporaries.iter().map(Temporary::option).collect();
    if reader.contents.is_empty() {
        return Ok(Vec::new());
    }
    reader.contents.pack().map_err(|_| {
        Failure::new("cannot pack the folders of the image")
            .cause("they hold more files than a pack can tell of")
    })
}

/// Bytes of a pack.
pub(super) fn bytes(pack: &[Vec<u8>]) -> u64 {
    pack.iter().map(|part| part.len() as u64).sum()
}

/// Memory of a machine with a pack of so many bytes, which lies in it: as much as was `asked` for, or what is usual, and more
/// where that would leave the program little.
pub(super) fn memory_bytes(asked: Option<u64>, pack_bytes: u64) -> Result<u64, Failure> {
    let least = match pack_bytes {
        0 => 0,
        bytes => bytes + MEMORY_BYTES_MIN,
    };
    match asked {
        Some(asked) if asked < least => Err(Failure::usage("the machine has too little memory")
            .cause(format!(
                "the folders of `[[image.mount]]` take {} MiB of it",
                pack_bytes.div_ceil(1 << 20)
            ))
            .hint(format!(
                "`--memory {}MiB` is the least that may do",
                least.div_ceil(1 << 20)
            ))),
        Some(asked) => Ok(asked),
        None => {
            let roomy = (pack_bytes + PROGRAM_BYTES_MIN).next_multiple_of(MEMORY_STEP_BYTES);
            Ok(roomy.max(MEMORY_BYTES_DEFAULT))
        }
    }
}

/// Fails where `output` would lie in one of `folders`: an image would carry the one before it along.
pub(super) fn check_output(output: &Path, folders: &[PackedFolder]) -> Result<(), Failure> {
    let parent = match output.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let Ok(parent) = fs::canonicalize(parent) else {
        // Writing it will tell.
        return Ok(());
    };
    let around = folders
        .iter()
        .find(|folder| fs::canonicalize(&folder.host).is_ok_and(|host| parent.starts_with(host)));
    match around {
        Some(folder) => Err(cannot_pack(&folder.host)
            .cause(format!("the image `{}` is to lie in it", output.display()))
            .hint("name another place with `-o`")
            .with_status(STATUS_USAGE)),
        None => Ok(()),
    }
}

fn cannot_pack(path: &Path) -> Failure {
    Failure::new(format!("cannot pack `{}`", path.display()))
}

#[derive(Default)]
struct Reader {
    contents: Contents,
    /// Files that have several names, by device and inode.
    linked: HashMap<(u64, u64), usize>,
    keeps_times: bool,
    /// Bytes of all files.
    bytes: u64,
}

impl Reader {
    fn top(&mut self, folder: &PackedFolder) -> Result<Folder, Failure> {
        self.keeps_times = folder.keeps_times;
        let metadata = fs::metadata(&folder.host).map_err(|problem| match problem.kind() {
            io::ErrorKind::NotFound => cannot_pack(&folder.host)
                .cause("there is no such folder")
                .hint("paths are relative to where `mewz` is run, in `mewz.toml` to the file"),
            _ => cannot_pack(&folder.host).cause(problem),
        })?;
        if !metadata.is_dir() {
            return Err(cannot_pack(&folder.host)
                .cause("it is not a folder")
                .hint("name the folder that holds it"));
        }
        self.folder(&folder.host, &metadata)
    }

    fn folder(&mut self, path: &Path, metadata: &Metadata) -> Result<Folder, Failure> {
        let unreadable = |problem: io::Error| cannot_pack(path).cause(problem);
        let mut folder = Folder {
            modified_ns: self.time(metadata),
            ..Folder::default()
        };
        for entry in fs::read_dir(path).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let path = entry.path();
            let name = entry.file_name();
            if name.to_str().is_none() {
                return Err(cannot_pack(&path)
                    .cause("its name is not UTF-8, and programs could not name it")
                    .hint("rename it, or take it out of the folder"));
            }
            folder
                .entries
                .insert(name.as_bytes().to_vec(), self.item(&path)?);
        }
        Ok(folder)
    }

    fn item(&mut self, path: &Path) -> Result<Item, Failure> {
        let unreadable = |problem: io::Error| cannot_pack(path).cause(problem);
        let metadata = fs::symlink_metadata(path).map_err(unreadable)?;
        let file_type = metadata.file_type();
        if file_type.is_dir() {
            return Ok(Item::Folder(self.folder(path, &metadata)?));
        }
        if file_type.is_symlink() {
            let target = fs::read_link(path).map_err(unreadable)?;
            return Ok(Item::Link(
                target.into_os_string().into_vec(),
                self.time(&metadata),
            ));
        }
        if !file_type.is_file() {
            let kind = match file_type {
                kind if kind.is_socket() => "a socket",
                kind if kind.is_fifo() => "a pipe",
                _ => "a device",
            };
            return Err(cannot_pack(path)
                .cause(format!("it is {kind}, which an image can't carry"))
                .hint("take it out of the folder"));
        }
        let identity = (metadata.dev(), metadata.ino());
        if metadata.nlink() > 1
            && let Some(known) = self.linked.get(&identity)
        {
            return Ok(Item::File(*known));
        }
        // Asked before they are read: memory is finite.
        self.bytes = self.bytes.saturating_add(metadata.len());
        if self.bytes > BYTES_MAX {
            return Err(cannot_pack(path)
                .cause("the folders take more than 1 GiB, which is the most that a program carries along")
                .hint("`--dir` lends it a folder of this host, and a disk of `mewz disk create` holds more"));
        }
        let modified_ns = self.time(&metadata);
        let number = self.contents.add_file(modified_ns, |bytes| {
            let mut file = File::open(path).map_err(unreadable)?;
            file.read_to_end(bytes).map_err(unreadable).map(drop)
        })?;
        self.linked.insert(identity, number);
        Ok(Item::File(number))
    }

    fn time(&self, metadata: &Metadata) -> u64 {
        match (self.keeps_times, u64::try_from(metadata.mtime())) {
            (true, Ok(seconds)) => seconds
                .saturating_mul(1_000_000_000)
                .saturating_add(metadata.mtime_nsec().unsigned_abs()),
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use mewz_abi::pack::Pack;

    use super::{PackedFolder, check_output, memory_bytes, pack};
    use crate::cli::values::temporary;

    #[test]
    fn folders_are_read_whole_and_alike() {
        let place = tempfile::tempdir().unwrap();
        let top = place.path().join("top");
        std::fs::create_dir_all(top.join("inner/empty")).unwrap();
        std::fs::write(top.join("inner/f"), "content").unwrap();
        std::fs::hard_link(top.join("inner/f"), top.join("g")).unwrap();
        symlink("../g", top.join("inner/l")).unwrap();
        let mut folder = PackedFolder {
            host: top.clone(),
            guest: "/site".into(),
            keeps_times: false,
        };
        let read =
            |folder: &PackedFolder| pack(std::slice::from_ref(folder), &[]).unwrap().concat();
        let bytes = read(&folder);
        assert_eq!(bytes, read(&folder));
        let packed = Pack::new(&bytes).unwrap();
        let root = packed.node(packed.mounts().next().unwrap().node).unwrap();
        let inner = packed.node(packed.find(&root, b"inner").unwrap()).unwrap();
        let file = packed.find(&inner, b"f").unwrap();
        assert_eq!(packed.find(&root, b"g"), Some(file));
        let node = packed.node(file).unwrap();
        assert_eq!((node.links, node.modified_ns), (2, 0));
        assert_eq!(packed.content(&node), b"content");
        let link = packed.node(packed.find(&inner, b"l").unwrap()).unwrap();
        assert_eq!(packed.content(&link), b"../g");
        assert!(packed.find(&inner, b"empty").is_some());
        folder.keeps_times = true;
        assert_ne!(bytes, read(&folder));

        let tmp = temporary("/tmp").unwrap();
        let both = pack(std::slice::from_ref(&folder), std::slice::from_ref(&tmp)).unwrap();
        let both = both.concat();
        let options: Vec<_> = Pack::new(&both).unwrap().options().collect();
        assert_eq!(options, [b"tmp=/tmp:0"]);
        assert!(pack(&[], &[]).unwrap().is_empty());
        pack(&[folder.clone(), folder.clone()], &[]).unwrap_err();
        folder.guest = "/tmp".into();
        pack(std::slice::from_ref(&folder), &[tmp]).unwrap_err();
        check_output(&place.path().join("app.elf"), std::slice::from_ref(&folder)).unwrap();
        for inside in ["app.elf", "inner/app.elf"] {
            check_output(&top.join(inside), std::slice::from_ref(&folder)).unwrap_err();
        }
    }

    #[test]
    fn memory_grows_with_what_lies_in_it() {
        const MIB: u64 = 1 << 20;
        for (asked, pack, given) in [
            (None, 0, 128),
            (None, 1, 128),
            (None, 64, 128),
            (None, 65, 144),
            (None, 300, 368),
            (Some(16), 0, 16),
            (Some(320), 300, 320),
        ] {
            let given_bytes = memory_bytes(asked.map(|asked| asked * MIB), pack * MIB).unwrap();
            assert_eq!(given_bytes, given * MIB, "{asked:?} {pack}");
        }
        let words = format!(
            "{:?}",
            memory_bytes(Some(300 * MIB), 300 * MIB).unwrap_err()
        );
        assert!(words.contains("--memory 316MiB"), "{words}");
    }

    #[test]
    fn more_than_fits_is_refused_before_it_is_read() {
        let place = tempfile::tempdir().unwrap();
        // A hole takes no room, and would take a while to read.
        let file = std::fs::File::create(place.path().join("huge")).unwrap();
        file.set_len(1 << 40).unwrap();
        let folder = PackedFolder {
            host: place.path().to_owned(),
            guest: "/".into(),
            keeps_times: false,
        };
        let words = format!("{:?}", pack(&[folder], &[]).unwrap_err());
        assert!(words.contains("more than 1 GiB"), "{words}");
    }

    #[test]
    fn what_can_not_be_packed_is_named() {
        let place = tempfile::tempdir().unwrap();
        let failure = |host: &str| {
            let folder = PackedFolder {
                host: place.path().join(host),
                guest: "/".into(),
                keeps_times: false,
            };
            format!("{:?}", pack(&[folder], &[]).unwrap_err())
        };
        assert!(failure("missing").contains("there is no such folder"));
        let socket = place.path().join("a socket");
        let _listener = UnixListener::bind(&socket).unwrap();
        let words = failure("");
        assert!(
            words.contains("a socket") && words.contains("it is a socket"),
            "{words}"
        );
        assert!(failure("a socket").contains("it is not a folder"));
        std::fs::remove_file(&socket).unwrap();
        use std::os::unix::ffi::OsStrExt as _;
        let odd = std::ffi::OsStr::from_bytes(b"\xff");
        std::fs::write(place.path().join(odd), "").unwrap();
        assert!(failure("").contains("not UTF-8"));
    }
}
