//! Folders of the host that a program carries along: read, and made into a pack.

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use super::failure::{Failure, STATUS_USAGE};
use super::values::Temporary;
use crate::link::pack::{Contents, FileContent, Folder, Item};

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

/// Reads `folders` and makes them a pack, together with `temporaries` as options; nothing where there is neither.
pub(super) fn pack(
    folders: &[PackedFolder],
    temporaries: &[Temporary],
) -> Result<Vec<u8>, Failure> {
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
        let content = FileContent {
            bytes: fs::read(path).map_err(unreadable)?,
            modified_ns: self.time(&metadata),
        };
        self.contents.files.push(content);
        let number = self.contents.files.len() - 1;
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

    use super::{PackedFolder, check_output, pack};
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
        let read = |folder: &PackedFolder| pack(std::slice::from_ref(folder), &[]);
        let bytes = read(&folder).unwrap();
        assert_eq!(bytes, read(&folder).unwrap());
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
        assert_ne!(bytes, read(&folder).unwrap());

        let tmp = temporary("/tmp").unwrap();
        let both = pack(std::slice::from_ref(&folder), std::slice::from_ref(&tmp)).unwrap();
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
