//! `mewz disk`: makes images of persistent disks, and looks at and copies what is on them.

mod copy;
pub(super) mod image;
mod list;
mod place;

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use mewz_disk::Kind;
use serde_json::json;

use self::copy::Copied;
use self::image::{Access, Image};
use self::place::{DiskPlace, Place};
use super::Outcome;
use super::failure::Failure;
use super::{interrupt, values, words};

/// Make images of persistent disks, and look at and copy what is on them
///
/// A program finds a disk at a path of its own: `mewz run app.wasm --disk data.img::/data`. What it has synced there
/// outlives the machine, however that ends.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mewz disk create data.img --size 64MiB --from seed/
  mewz run app.wasm --disk data.img::/data
  mewz disk ls -lR data.img
  mewz disk cp data.img:/log.txt .
  mewz disk check data.img")]
pub(super) struct DiskArguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Create(CreateArguments),
    Ls(ListArguments),
    Cp(CopyArguments),
    Rm(RemoveArguments),
    Check(CheckArguments),
}

/// Make an image: an empty disk, or one with a folder's files
///
/// The file takes room on this host only for what is written to it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mewz disk create data.img --size 64MiB
  mewz disk create site.img --size 1GiB --from public/")]
struct CreateArguments {
    /// The image; it must not be there yet
    file: PathBuf,
    /// Size of the disk, from 2MiB to 64GiB
    #[arg(short, long, value_parser = values::disk)]
    size: u64,
    /// Copy what is in this folder of the host onto it
    #[arg(long, value_name = "FOLDER")]
    from: Option<PathBuf>,
}

/// List files on a disk
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mewz disk ls data.img
  mewz disk ls -l data.img:/logs
  mewz disk ls -R --json data.img | jq .")]
struct ListArguments {
    /// An image, and a path on it [default: its root]
    #[arg(value_name = "FILE[:PATH]", value_parser = place::parser())]
    place: Place,
    /// What stands behind the image without its colon
    #[arg(hide = true)]
    apart: Vec<OsString>,
    /// Show kind, names, size and time of the last change of each
    #[arg(short, long)]
    long: bool,
    /// List what is in directories too
    #[arg(short = 'R', long)]
    recursive: bool,
    /// Print one JSON array
    #[arg(long)]
    json: bool,
}

/// Copy files between this host and a disk
///
/// One of both is on a disk: `FILE:PATH`, where PATH begins with `/`. Where DST is a directory, what is copied comes to
/// lie in it. A file that is there is overwritten. Times of change and symbolic links are kept.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mewz disk cp config.toml data.img:/
  mewz disk cp -r public data.img:/site
  mewz disk cp data.img:/log.txt .")]
struct CopyArguments {
    /// What to copy
    #[arg(value_name = "SRC", value_parser = place::parser())]
    source: Place,
    /// Where to
    #[arg(value_name = "DST", value_parser = place::parser())]
    destination: Place,
    /// What stands behind the image without its colon
    #[arg(hide = true)]
    apart: Vec<OsString>,
    /// Copy directories with what is in them
    #[arg(short, long)]
    recursive: bool,
}

/// Remove files from a disk
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mewz disk rm data.img:/log.txt
  mewz disk rm -r data.img:/site")]
struct RemoveArguments {
    /// What to remove
    #[arg(value_name = "FILE:PATH", value_parser = place::parser())]
    place: Place,
    /// What stands behind the image without its colon
    #[arg(hide = true)]
    apart: Vec<OsString>,
    /// Remove directories with what is in them
    #[arg(short, long)]
    recursive: bool,
}

/// Read all that is on a disk and tell what is wrong
///
/// Every block is compared with its checksum, names with what they lead to, and the blocks in use with those that are
/// free. Nothing is changed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mewz disk check data.img
  mewz disk check data.img && mewz run app.wasm --disk data.img::/data

Exit status: 0 for a disk that is whole, 1 for one that is not.")]
struct CheckArguments {
    /// An image
    file: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Does what is asked for.
pub(super) fn run(arguments: DiskArguments) -> Outcome {
    interrupt::watch();
    match arguments.command {
        Command::Create(arguments) => create(&arguments),
        Command::Ls(arguments) => list(&arguments),
        Command::Cp(arguments) => copy(&arguments),
        Command::Rm(arguments) => remove(&arguments),
        Command::Check(arguments) => check(&arguments),
    }
}

fn create(arguments: &CreateArguments) -> Outcome {
    let start = Instant::now();
    let made = Image::create(&arguments.file, arguments.size, |image| {
        let mut copied = Copied::default();
        if let Some(folder) = &arguments.from {
            copy::fill(folder, image, &mut copied)?;
        }
        Ok(copied)
    });
    let copied = made?;
    words::made(
        "Created",
        &arguments.file,
        usize::try_from(arguments.size).unwrap_or(usize::MAX),
        start,
    );
    copied.tell_skipped();
    Ok(0)
}

fn list(arguments: &ListArguments) -> Outcome {
    place::refuse_apart("ls", &[&arguments.place], &arguments.apart)?;
    let place = arguments.place.on_disk();
    let text = Image::with(&place.image, Access::Read, |image| {
        let rows = list::rows(image, &place, arguments.recursive)?;
        Ok(if arguments.json {
            list::json(&rows)
        } else {
            list::text(&rows, arguments.long)
        })
    })?;
    print(&text)
}

fn copy(arguments: &CopyArguments) -> Outcome {
    let places = [&arguments.source, &arguments.destination];
    place::refuse_apart("cp", &places, &arguments.apart)?;
    let mut copied = Copied::new(arguments.recursive);
    match (&arguments.source, &arguments.destination) {
        (Place::Host(host), Place::Disk(disk)) => {
            Image::with(&disk.image, Access::Write, |image| {
                copy::onto(host, image, disk, &mut copied)
            })?;
        }
        (Place::Disk(disk), Place::Host(host)) => {
            Image::with(&disk.image, Access::Read, |image| {
                copy::from(image, disk, host, &mut copied)
            })?;
        }
        (source, destination) => return Err(not_copied(source, destination)),
    }
    copied.tell_skipped();
    Ok(0)
}

/// Why nothing goes from one place to another: both are on a disk, or neither is.
fn not_copied(source: &Place, destination: &Place) -> Failure {
    let failure = Failure::usage(format!("cannot copy `{source}` to `{destination}`"));
    if matches!(source, Place::Disk(_)) {
        return failure
            .cause("both are on a disk")
            .hint("copy it to this host, and from there to the other place");
    }
    let failure = failure.cause("neither is on a disk");
    match [source, destination]
        .into_iter()
        .find(|place| place.is_image())
    {
        Some(image) => failure.hint(format!("`{image}:/` is the root of that disk")),
        None => failure.hint(
            "`FILE:PATH` is a path on a disk, as `data.img:/logs`, any other is one of this host",
        ),
    }
}

fn remove(arguments: &RemoveArguments) -> Outcome {
    place::refuse_apart("rm", &[&arguments.place], &arguments.apart)?;
    let place = match &arguments.place {
        Place::Disk(place) => place.clone(),
        Place::Host(path) => {
            return Err(
                Failure::usage(format!("cannot remove `{}`", path.display()))
                    .cause("it names no path on a disk")
                    .hint("`FILE:PATH` is one, as `data.img:/logs`"),
            );
        }
    };
    Image::with(&place.image, Access::Write, |image| {
        copy::remove(image, &place, arguments.recursive)
    })?;
    Ok(0)
}

fn check(arguments: &CheckArguments) -> Outcome {
    let report = Image::with(&arguments.file, Access::Read, |image| {
        let report = image.disk.check();
        report.map_err(|error| image.failure("check", &error))
    });
    let report = match report {
        // A disk that can't be mounted is not whole either.
        Err(failure) if arguments.json => {
            failure.report();
            print(&format!("{}\n", json!({ "whole": false })))?;
            return Ok(1);
        }
        report => report?,
    };
    let is_whole = report.findings.is_empty();
    let text = if arguments.json {
        let findings = report.findings.iter();
        let findings: Vec<_> = findings
            .map(|finding| json!({ "path": finding.path, "what": finding.what }))
            .collect();
        let report = json!({
            "whole": is_whole, "files": report.files, "directories": report.directories,
            "symbolic_links": report.links, "bytes": report.bytes, "findings": findings,
        });
        format!("{report}\n")
    } else {
        let mut text = String::new();
        for finding in &report.findings {
            let _ = writeln!(text, "{}: {}", finding.path, finding.what);
        }
        let what = if is_whole { "is whole" } else { "is not whole" };
        let _ = writeln!(
            text,
            "`{}` {what}: {}, {}, {}, {} in files",
            arguments.file.display(),
            many(report.files, "file", "files"),
            many(report.directories, "directory", "directories"),
            many(report.links, "symbolic link", "symbolic links"),
            many(report.bytes, "byte", "bytes"),
        );
        text
    };
    print(&text)?;
    Ok(u8::from(!is_whole))
}

fn many(count: u64, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}

/// Writes data to standard output; a reader that went away is no failure.
fn print(text: &str) -> Outcome {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(problem) if problem.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new("cannot write the list").cause(problem))
        }
        _ => Ok(0),
    }
}

/// A word for what a file is.
fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::File => "file",
        Kind::Directory => "directory",
        Kind::SymbolicLink => "symbolic link",
    }
}

impl Place {
    /// The place on a disk: an image alone stands for its root.
    fn on_disk(&self) -> DiskPlace {
        match self {
            Place::Disk(place) => place.clone(),
            Place::Host(image) => DiskPlace {
                image: image.clone(),
                path: "/".to_owned(),
            },
        }
    }
}
