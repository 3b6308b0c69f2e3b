//! Lists of files on a disk.

use std::fmt::Write as _;

use console::Term;
use mewz_disk::{Attributes, Error, Kind, ROOT};
use serde_json::{Value, json};

use super::image::Image;
use super::kind_name;
use super::place::DiskPlace;
use crate::cli::failure::Failure;

/// A file in a list.
pub(super) struct Row {
    /// Its path from where the list begins.
    path: String,
    attributes: Attributes,
    /// Where a symbolic link leads.
    target: Option<String>,
}

/// What `place` leads to on the disk.
pub(super) fn find(image: &mut Image, place: &DiskPlace) -> Result<Attributes, Failure> {
    let mut found = image.disk.attributes(ROOT);
    for name in place.names() {
        found = found.and_then(|found| match found.kind {
            Kind::Directory => image.disk.lookup(found.id, name),
            _ => Err(Error::NotDirectory),
        });
    }
    found.map_err(|error| failure(image, "find", place, &error))
}

/// A failure about a path on the disk.
pub(super) fn failure(image: &Image, verb: &str, place: &DiskPlace, error: &Error) -> Failure {
    let failure = match error {
        Error::Full | Error::Damaged | Error::Device => image.failure("use", error),
        _ => Failure::new(format!("cannot {verb} `{place}`")).cause(error),
    };
    match error {
        Error::NotFound => failure.hint(format!(
            "`mewz disk ls -R {}` lists what is there",
            place.image.display()
        )),
        Error::NameTooLong => {
            failure.hint("a name has at most 252 bytes, where a `:` counts three")
        }
        _ => failure,
    }
}

/// The files that `place` leads to: those in a directory, or the file itself.
pub(super) fn rows(
    image: &mut Image,
    place: &DiskPlace,
    is_recursive: bool,
) -> Result<Vec<Row>, Failure> {
    let start = find(image, place)?;
    let problem = |image: &Image, error: Error| failure(image, "list", place, &error);
    if start.kind != Kind::Directory {
        let name = place.names().next_back().unwrap_or("/").to_owned();
        let row = row(image, name, start).map_err(|error| problem(image, error))?;
        return Ok(vec![row]);
    }
    let mut rows = Vec::new();
    let mut wait = vec![(String::new(), start.id)];
    while let Some((before, directory)) = wait.pop() {
        let mut entries = image
            .disk
            .entries(directory)
            .map_err(|error| problem(image, error))?;
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        let mut directories = Vec::new();
        for entry in entries {
            let path = format!("{before}{}", entry.name);
            let attributes = image.disk.attributes(entry.id);
            let attributes = attributes.map_err(|error| problem(image, error))?;
            if is_recursive && attributes.kind == Kind::Directory {
                directories.push((format!("{path}/"), entry.id));
            }
            rows.push(row(image, path, attributes).map_err(|error| problem(image, error))?);
        }
        wait.extend(directories.into_iter().rev());
    }
    rows.sort_by(|a, b| a.path.split('/').cmp(b.path.split('/')));
    Ok(rows)
}

fn row(image: &mut Image, path: String, attributes: Attributes) -> Result<Row, Error> {
    let target = match attributes.kind {
        Kind::SymbolicLink => {
            let target = image.disk.read_link(attributes.id)?;
            Some(String::from_utf8_lossy(&target).into_owned())
        }
        _ => None,
    };
    Ok(Row {
        path,
        attributes,
        target,
    })
}

/// The list as text, a line each.
pub(super) fn text(rows: &[Row], is_long: bool) -> String {
    let mut text = String::new();
    let is_terminal = Term::stdout().is_term();
    let width = |value: fn(&Row) -> u64| {
        let widths = rows.iter().map(|row| value(row).to_string().len());
        widths.max().unwrap_or(0)
    };
    let (links, sizes) = (
        width(|row| u64::from(row.attributes.links)),
        width(|row| row.attributes.size),
    );
    for row in rows {
        let Attributes {
            kind,
            links: link_count,
            size,
            modified_ns,
            ..
        } = row.attributes;
        if is_long {
            let letter = match kind {
                Kind::File => '-',
                Kind::Directory => 'd',
                Kind::SymbolicLink => 'l',
            };
            let time = time(modified_ns);
            let _ = write!(text, "{letter} {link_count:links$} {size:sizes$} {time} ");
        }
        // A name may hold what would move a terminal's cursor.
        if is_terminal {
            text.extend(row.path.chars().map(|letter| match letter.is_control() {
                true => '?',
                false => letter,
            }));
        } else {
            text += &row.path;
        }
        match (&row.target, kind) {
            (Some(target), _) if is_long => {
                let _ = write!(text, " -> {}", target.escape_debug());
            }
            (_, Kind::Directory) => text.push('/'),
            _ => {}
        }
        text.push('\n');
    }
    text
}

/// The list as JSON.
pub(super) fn json(rows: &[Row]) -> String {
    let rows = rows.iter().map(|row| {
        let attributes = &row.attributes;
        let mut value = json!({
            "path": row.path,
            "kind": kind_name(attributes.kind),
            "size": attributes.size,
            "links": attributes.links,
            "inode": attributes.id,
            "modified_ns": attributes.modified_ns,
        });
        if let Some(target) = &row.target {
            value["target"] = Value::from(target.as_str());
        }
        value
    });
    format!("{}\n", Value::from(rows.collect::<Vec<_>>()))
}

/// A time as `2026-11-22 04:31:07`, in UTC.
fn time(ns: u64) -> String {
    let seconds = ns / 1_000_000_000;
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // The Gregorian calendar from 1 March of year 0 on, in eras of 400 years: days of an era, of a year, of a month.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn times_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01 00:00:00"),
            (951_782_399, "2000-02-28 23:59:59"),
            (951_782_400, "2000-02-29 00:00:00"),
            (951_868_800, "2000-03-01 00:00:00"),
            (1_767_225_599, "2025-12-31 23:59:59"),
            (4_107_542_400, "2100-03-01 00:00:00"),
        ] {
            assert_eq!(time(seconds * 1_000_000_000), expected);
        }
    }
}
