//! Copies between the host and a disk, and removing.

use std::fs::{self, File, FileTimes};
use std::io::{self, Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use mewz_disk::{Attributes, Error, Kind, ROOT};

use super::image::{Image, now_ns, ns};
use super::list::{failure, find};
use super::place::DiskPlace;
use crate::cli::failure::Failure;
use crate::cli::words;

/// Bytes that are copied at once.
const CHUNK_BYTES: usize = 256 << 10;

/// Most directories in each other that are copied.
const DEPTH_MAX: usize = 200;

/// How to copy, and what was left out.
#[derive(Debug, Default)]
pub(super) struct Copied {
    is_recursive: bool,
    skipped: Vec<PathBuf>,
}

impl Copied {
    /// Directories are copied where `is_recursive`.
    pub(super) fn new(is_recursive: bool) -> Self {
        Self {
            is_recursive,
            skipped: Vec::new(),
        }
    }

    /// Says what was left out.
    pub(super) fn tell_skipped(&self) {
        for path in &self.skipped {
            words::warning(format_args!(
                "left out `{}`: it is neither file, folder nor symbolic link",
                path.display()
            ));
        }
    }
}

/// Copies what is in `folder` of the host into the root of the disk.
pub(super) fn fill(folder: &Path, image: &mut Image, copied: &mut Copied) -> Result<(), Failure> {
    copied.is_recursive = true;
    let metadata = fs::metadata(folder).map_err(|problem| on_host("read", folder, problem))?;
    if !metadata.is_dir() {
        return Err(on_host("copy", folder, "it is not a folder")
            .hint("name the folder that holds what is to be copied"));
    }
    folder_onto(folder, image, ROOT, copied, 0)
}

/// Copies `host` to `place` on the disk.
pub(super) fn onto(
    host: &Path,
    image: &mut Image,
    place: &DiskPlace,
    copied: &mut Copied,
) -> Result<(), Failure> {
    let metadata = fs::symlink_metadata(host).map_err(|problem| on_host("copy", host, problem))?;
    let (directory, name) = match goal(image, place)? {
        Goal::Within(directory) => (directory, name_of(host)?),
        Goal::Named(directory, name) => (directory, name),
    };
    file_onto(host, &metadata, image, directory, &name, copied, 0)
}

/// Copies `place` of the disk to `host`.
pub(super) fn from(
    image: &mut Image,
    place: &DiskPlace,
    host: &Path,
    copied: &mut Copied,
) -> Result<(), Failure> {
    let file = find(image, place)?;
    let target = match (host.is_dir(), place.names().next_back()) {
        (true, Some(name)) => host.join(name),
        // The root of a disk is what is in it.
        _ => host.to_owned(),
    };
    file_from(image, place, &file, &target, copied, 0)
}

/// Removes what `place` leads to.
pub(super) fn remove(
    image: &mut Image,
    place: &DiskPlace,
    is_recursive: bool,
) -> Result<(), Failure> {
    let file = find(image, place)?;
    let Some((directory, name)) = named(image, place)? else {
        return Err(
            Failure::usage(format!("cannot remove `{place}`")).cause("it is the whole disk")
        );
    };
    if file.kind == Kind::Directory && !is_recursive {
        return Err(Failure::new(format!("cannot remove `{place}`"))
            .cause("it is a directory")
            .hint("`-r` removes directories with what is in them"));
    }
    remove_at(image, directory, &name, &file, 0)
        .map_err(|error| failure(image, "remove", place, &error))
}

fn remove_at(
    image: &mut Image,
    directory: u32,
    name: &str,
    file: &Attributes,
    depth: usize,
) -> Result<(), Error> {
    let disk = &mut image.disk;
    if file.kind != Kind::Directory {
        return disk.unlink(directory, name, now_ns());
    }
    if depth == DEPTH_MAX {
        return Err(Error::Invalid);
    }
    for entry in disk.entries(file.id)? {
        let inside = image.disk.lookup(file.id, &entry.name)?;
        remove_at(image, file.id, &entry.name, &inside, depth + 1)?;
    }
    image.disk.remove_directory(directory, name, now_ns())
}

/// Where something is copied to on a disk.
enum Goal {
    /// Into a directory, under its own name.
    Within(u32),
    /// To this name in a directory.
    Named(u32, String),
}

fn goal(image: &mut Image, place: &DiskPlace) -> Result<Goal, Failure> {
    let Some((directory, name)) = named(image, place)? else {
        return Ok(Goal::Within(ROOT));
    };
    match image.disk.lookup(directory, &name) {
        Ok(found) if found.kind == Kind::Directory => Ok(Goal::Within(found.id)),
        Ok(_) | Err(Error::NotFound) if !place.path.ends_with('/') => {
            Ok(Goal::Named(directory, name))
        }
        Ok(_) => Err(failure(image, "copy to", place, &Error::NotDirectory)),
        Err(error) => Err(failure(image, "copy to", place, &error)),
    }
}

/// The directory and the name of a path; `None` for the root.
fn named(image: &mut Image, place: &DiskPlace) -> Result<Option<(u32, String)>, Failure> {
    let Some(name) = place.names().next_back() else {
        return Ok(None);
    };
    let names: Vec<&str> = place.names().collect();
    let parent = DiskPlace {
        image: place.image.clone(),
        path: format!("/{}", names[..names.len() - 1].join("/")),
    };
    let found = find(image, &parent)?;
    if found.kind != Kind::Directory {
        return Err(failure(image, "use", &parent, &Error::NotDirectory));
    }
    Ok(Some((found.id, name.to_owned())))
}

fn file_onto(
    host: &Path,
    metadata: &fs::Metadata,
    image: &mut Image,
    directory: u32,
    name: &str,
    copied: &mut Copied,
    depth: usize,
) -> Result<(), Failure> {
    let on_disk = |image: &Image, error: Error| match error {
        Error::Full | Error::Damaged | Error::Device => image.failure("write to", &error),
        _ => on_host("copy", host, error),
    };
    let kind = metadata.file_type();
    if kind.is_dir() {
        if !copied.is_recursive {
            return Err(on_host("copy", host, "it is a folder")
                .hint("`-r` copies folders with what is in them"));
        }
        let made = match image.disk.lookup(directory, name) {
            Ok(found) if found.kind == Kind::Directory => Ok(found.id),
            Ok(_) => Err(Error::NotDirectory),
            Err(Error::NotFound) => image
                .disk
                .create(directory, name, Kind::Directory, now_ns()),
            Err(error) => Err(error),
        };
        let made = made.map_err(|error| on_disk(image, error))?;
        folder_onto(host, image, made, copied, depth + 1)?;
        return set_modified(image, made, metadata).map_err(|error| on_disk(image, error));
    }
    if kind.is_symlink() {
        let target = fs::read_link(host).map_err(|problem| on_host("read", host, problem))?;
        let target = target.as_os_str().as_bytes();
        let made = clear(image, directory, name).and_then(|()| {
            let disk = &mut image.disk;
            disk.create_symbolic_link(directory, name, target, now_ns())
        });
        return made.map_err(|error| on_disk(image, error));
    }
    if !kind.is_file() {
        copied.skipped.push(host.to_owned());
        return Ok(());
    }
    let mut content = File::open(host).map_err(|problem| on_host("read", host, problem))?;
    let made = clear(image, directory, name)
        .and_then(|()| image.disk.create(directory, name, Kind::File, now_ns()));
    let id = made.map_err(|error| on_disk(image, error))?;
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut offset = 0;
    loop {
        let count = match content.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => count,
            Err(problem) if problem.kind() == io::ErrorKind::Interrupted => continue,
            Err(problem) => return Err(on_host("read", host, problem)),
        };
        let mut done = 0;
        while done < count {
            let position = offset + done as u64;
            let written = image
                .disk
                .write(id, position, &chunk[done..count], now_ns());
            done += written.map_err(|error| on_disk(image, error))?;
        }
        offset += count as u64;
    }
    set_modified(image, id, metadata).map_err(|error| on_disk(image, error))
}

/// Copies what is in a folder of the host into a directory of the disk.
fn folder_onto(
    folder: &Path,
    image: &mut Image,
    directory: u32,
    copied: &mut Copied,
    depth: usize,
) -> Result<(), Failure> {
    if depth > DEPTH_MAX {
        return Err(on_host("copy", folder, "it lies in too many folders"));
    }
    let entries = fs::read_dir(folder).map_err(|problem| on_host("read", folder, problem))?;
    let mut paths = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|problem| on_host("read", folder, problem))?;
        paths.push(entry.path());
    }
    // In the same order each time.
    paths.sort();
    for path in paths {
        let metadata = fs::symlink_metadata(&path);
        let metadata = metadata.map_err(|problem| on_host("read", &path, problem))?;
        let name = name_of(&path)?;
        file_onto(&path, &metadata, image, directory, &name, copied, depth)?;
    }
    Ok(())
}

fn set_modified(image: &mut Image, id: u32, metadata: &fs::Metadata) -> Result<(), Error> {
    let modified = metadata.modified().map_or_else(|_| now_ns(), ns);
    image.disk.set_times(id, None, Some(modified), now_ns())
}

/// Takes away what is at a name, if it is no directory.
fn clear(image: &mut Image, directory: u32, name: &str) -> Result<(), Error> {
    match image.disk.unlink(directory, name, now_ns()) {
        Err(Error::NotFound) => Ok(()),
        other => other,
    }
}

fn file_from(
    image: &mut Image,
    place: &DiskPlace,
    file: &Attributes,
    host: &Path,
    copied: &mut Copied,
    depth: usize,
) -> Result<(), Failure> {
    let to_host = |problem| on_host("write", host, problem);
    match file.kind {
        Kind::Directory => {
            if !copied.is_recursive {
                return Err(Failure::new(format!("cannot copy `{place}`"))
                    .cause("it is a directory")
                    .hint("`-r` copies directories with what is in them"));
            }
            if depth > DEPTH_MAX {
                return Err(failure(image, "copy", place, &Error::Invalid));
            }
            // A link in the way would lead what is copied elsewhere.
            match fs::symlink_metadata(host) {
                Ok(there) if there.is_dir() => {}
                _ => fs::create_dir(host).map_err(to_host)?,
            }
            let entries = image.disk.entries(file.id);
            for entry in entries.map_err(|error| failure(image, "read", place, &error))? {
                let inside = DiskPlace {
                    image: place.image.clone(),
                    path: format!("{}/{}", place.path.trim_end_matches('/'), entry.name),
                };
                let found = image.disk.attributes(entry.id);
                let found = found.map_err(|error| failure(image, "read", &inside, &error))?;
                let target = host.join(&entry.name);
                file_from(image, &inside, &found, &target, copied, depth + 1)?;
            }
            let folder = File::open(host).map_err(to_host)?;
            keep_time(&folder, file).map_err(to_host)
        }
        Kind::SymbolicLink => {
            let target = image.disk.read_link(file.id);
            let target = target.map_err(|error| failure(image, "read", place, &error))?;
            remove_link(host).map_err(to_host)?;
            let target = std::ffi::OsStr::from_bytes(&target);
            std::os::unix::fs::symlink(target, host).map_err(to_host)
        }
        Kind::File => {
            remove_link(host).map_err(to_host)?;
            let mut out = File::create(host).map_err(to_host)?;
            let mut chunk = vec![0; CHUNK_BYTES];
            let mut offset = 0;
            loop {
                let read = image.disk.read(file.id, offset, &mut chunk);
                let count = read.map_err(|error| failure(image, "read", place, &error))?;
                if count == 0 {
                    break;
                }
                out.write_all(&chunk[..count]).map_err(to_host)?;
                offset += count as u64;
            }
            keep_time(&out, file).map_err(to_host)
        }
    }
}

/// Removes a symbolic link in the way of what is copied.
fn remove_link(host: &Path) -> io::Result<()> {
    match fs::symlink_metadata(host) {
        Ok(there) if there.is_symlink() => fs::remove_file(host),
        _ => Ok(()),
    }
}

fn keep_time(out: &File, file: &Attributes) -> io::Result<()> {
    let modified = UNIX_EPOCH.checked_add(Duration::from_nanos(file.modified_ns));
    match modified {
        Some(modified) => out.set_times(FileTimes::new().set_modified(modified)),
        None => Ok(()),
    }
}

fn name_of(host: &Path) -> Result<String, Failure> {
    let canonical;
    let name = match host.file_name() {
        Some(name) => Some(name),
        None => {
            // As of `.` and `..`.
            canonical = host.canonicalize().ok();
            canonical.as_deref().and_then(Path::file_name)
        }
    };
    let name = name.ok_or_else(|| on_host("copy", host, "it has no name"))?;
    let name = name.to_str().ok_or_else(|| {
        on_host("copy", host, "its name is not UTF-8").hint("a disk's names are UTF-8: rename it")
    })?;
    Ok(name.to_owned())
}

fn on_host(verb: &str, host: &Path, cause: impl ToString) -> Failure {
    Failure::new(format!("cannot {verb} `{}`", host.display())).cause(cause)
}
