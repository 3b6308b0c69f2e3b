//! Where a file is: on this host, or on a disk.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

use super::super::failure::Failure;
use super::image::{self, Access};

/// Where a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Host(PathBuf),
    Disk(DiskPlace),
}

/// A path on a disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DiskPlace {
    /// The image's file.
    pub(super) image: PathBuf,
    /// The path on it, which begins with `/`.
    pub(super) path: String,
}

impl DiskPlace {
    /// The names of the path.
    pub(super) fn names(&self) -> impl DoubleEndedIterator<Item = &str> {
        let names = self.path.split('/');
        names.filter(|name| !matches!(*name, "" | "."))
    }
}

impl fmt::Display for DiskPlace {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.image.display(), self.path)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Host(path) => write!(out, "{}", path.display()),
            Place::Disk(place) => place.fmt(out),
        }
    }
}

impl Place {
    /// Whether it is an image on this host.
    pub(super) fn is_image(&self) -> bool {
        match self {
            Place::Host(path) => image::probe(path, Access::Read).is_ok(),
            Place::Disk(_) => false,
        }
    }
}

/// Refuses words behind those that `mewz disk VERB` takes: most likely a path that stands apart from its image.
pub(super) fn refuse_apart(
    verb: &str,
    places: &[&Place],
    apart: &[OsString],
) -> Result<(), Failure> {
    let Some(first) = apart.first() else {
        return Ok(());
    };
    let mut words: Vec<String> = places.iter().map(ToString::to_string).collect();
    // Without an image among them, as where it is to be read and is not there, it is the one before the path.
    let image = places.iter().position(|place| place.is_image());
    let image = image.unwrap_or(places.len() - 1);
    words.extend(apart.iter().map(|word| word.display().to_string()));
    let path = words.remove(image + 1);
    words[image] = format!("{}:/{}", words[image], path.trim_start_matches('/'));
    let failure = Failure::usage(format!("`{}` is one word too many", first.display()));
    let names_disk = places.iter().any(|place| matches!(place, Place::Disk(_)));
    Err(match names_disk {
        true => failure.hint(format!("`mewz disk {verb} --help` says what it takes")),
        false => failure
            .cause("a path on a disk is one word with its image: `FILE:PATH`")
            .hint(format!("`mewz disk {verb} {}`", words.join(" "))),
    })
}

/// Reads `FILE:PATH`, where PATH begins with `/`; all else is a path of this host.
fn place(text: &OsStr) -> Result<Place, String> {
    let bytes = text.as_bytes();
    let Some(at) = bytes.windows(2).position(|pair| pair == b":/") else {
        // `data.img:` is its root.
        return match bytes.strip_suffix(b":") {
            Some(image) if !image.is_empty() => Ok(Place::Disk(DiskPlace {
                image: PathBuf::from(OsString::from_vec(image.to_vec())),
                path: "/".to_owned(),
            })),
            _ if bytes.is_empty() => Err("an empty path".to_owned()),
            _ => Ok(Place::Host(PathBuf::from(text))),
        };
    };
    if at == 0 {
        return Err("expected `FILE:PATH`, as `data.img:/logs`".to_owned());
    }
    let path = str::from_utf8(&bytes[at + 1..]);
    let path = path.map_err(|_| "the path on the disk is not UTF-8".to_owned())?;
    if path.split('/').any(|name| name == "..") {
        return Err("a path on a disk holds no `..`".to_owned());
    }
    Ok(Place::Disk(DiskPlace {
        image: PathBuf::from(OsString::from_vec(bytes[..at].to_vec())),
        path: path.to_owned(),
    }))
}

/// The parser for clap.
pub(super) fn parser() -> impl clap::builder::TypedValueParser<Value = Place> {
    use clap::builder::TypedValueParser as _;
    clap::builder::OsStringValueParser::new().try_map(|text| place(&text))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::{DiskPlace, Place, place};

    #[test]
    fn a_colon_before_a_slash_parts_image_and_path() {
        let on_disk = |image: &str, path: &str| {
            Ok(Place::Disk(DiskPlace {
                image: image.into(),
                path: path.to_owned(),
            }))
        };
        let read = |text: &str| place(OsStr::new(text));
        assert_eq!(read("a.img:/b/c"), on_disk("a.img", "/b/c"));
        assert_eq!(read("d/a.img:/"), on_disk("d/a.img", "/"));
        assert_eq!(read("a.img:"), on_disk("a.img", "/"));
        assert_eq!(read("a:b"), Ok(Place::Host("a:b".into())));
        assert_eq!(read("./a"), Ok(Place::Host("./a".into())));
        for wrong in ["", ":/a", "a.img:/../b", "a.img:/.."] {
            read(wrong).unwrap_err();
        }
    }
}
