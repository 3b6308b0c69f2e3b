//! What changed between two files.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::groups::{By, Row};
use super::table::{BYTES_WIDTH, printed, shown, title};
use crate::cli::failure::Failure;
use crate::cli::words;

/// The lines that changed, the largest change first, and the sums.
#[derive(Debug)]
pub(super) struct Difference {
    rows: Vec<Change>,
    all: Change,
    unchanged: usize,
}

/// A line of two files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Change {
    name: String,
    old: u64,
    new: u64,
    difference: i64,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Listing<'a> {
    old_file: String,
    new_file: String,
    by: By,
    old: u64,
    new: u64,
    difference: i64,
    rows: &'a [Change],
}

impl Change {
    fn new(name: String, old: u64, new: u64) -> Self {
        Self {
            name,
            old,
            new,
            difference: new.wrapping_sub(old).cast_signed(),
        }
    }
}

impl Difference {
    /// Compares native bytes by name: indices move when a function is added.
    pub(super) fn of(old: Vec<Row>, new: Vec<Row>) -> Self {
        let mut sizes: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for row in old {
            sizes.entry(row.name).or_default().0 += row.native;
        }
        for row in new {
            sizes.entry(row.name).or_default().1 += row.native;
        }
        let (old, new) = sizes
            .values()
            .fold((0, 0), |sum, size| (sum.0 + size.0, sum.1 + size.1));
        let lines = sizes.len();
        let changes = sizes.into_iter();
        let mut rows: Vec<Change> = changes
            .map(|(name, (old, new))| Change::new(name, old, new))
            .filter(|change| change.difference != 0)
            .collect();
        rows.sort_by_key(|change| Reverse(change.difference.unsigned_abs()));
        Self {
            unchanged: lines - rows.len(),
            rows,
            all: Change::new("in all".to_owned(), old, new),
        }
    }

    /// The table, with at most `top` lines where that is not 0.
    pub(super) fn text(&self, by: By, top: usize) -> String {
        let mut text = format!(
            "{:>BYTES_WIDTH$}{:>BYTES_WIDTH$}{:>BYTES_WIDTH$}  {}\n",
            "old",
            "new",
            "change",
            title(by)
        );
        let shown = shown(self.rows.len(), top);
        for change in &self.rows[..shown] {
            text.push_str(&line(change));
        }
        let rest = &self.rows[shown..];
        if !rest.is_empty() {
            let name = format!("and {} more", rest.len());
            let sum = |size: fn(&Change) -> u64| rest.iter().map(size).sum();
            text.push_str(&line(&Change::new(
                name,
                sum(|change| change.old),
                sum(|change| change.new),
            )));
        }
        text.push_str(&line(&self.all));
        if self.rows.is_empty() {
            text.push_str(&format!("no change in {} lines\n", self.unchanged));
        }
        text
    }

    /// All lines that changed.
    pub(super) fn json(&self, old: &Path, new: &Path, by: By) -> Result<String, Failure> {
        printed(&Listing {
            old_file: old.display().to_string(),
            new_file: new.display().to_string(),
            by,
            old: self.all.old,
            new: self.all.new,
            difference: self.all.difference,
            rows: &self.rows,
        })
    }
}

fn line(change: &Change) -> String {
    let Change {
        name,
        old,
        new,
        difference,
    } = change;
    let name = words::name(name);
    format!("{old:>BYTES_WIDTH$}{new:>BYTES_WIDTH$}{difference:>+BYTES_WIDTH$}  {name}\n")
}

#[cfg(test)]
mod tests {
    use super::Difference;
    use crate::cli::size::groups::{By, Row};

    fn rows(rows: &[(&str, u64)]) -> Vec<Row> {
        rows.iter()
            .map(|(name, native)| Row {
                name: (*name).to_owned(),
                index: None,
                wasm: None,
                native: *native,
            })
            .collect()
    }

    #[test]
    fn changes_come_largest_first_and_what_stays_is_left_out() {
        let old = rows(&[("same", 9), ("grown", 10), ("gone", 50)]);
        let new = rows(&[("same", 9), ("grown", 30), ("new", 5)]);
        assert_eq!(
            Difference::of(old, new).text(By::Function, 0),
            "        old        new     change  function\n\
             \u{20}        50          0        -50  gone\n\
             \u{20}        10         30        +20  grown\n\
             \u{20}         0          5         +5  new\n\
             \u{20}        69         44        -25  in all\n"
        );
    }

    #[test]
    fn equal_files_say_so() {
        let text = Difference::of(rows(&[("f", 1)]), rows(&[("f", 1)])).text(By::Function, 0);
        assert!(text.contains("no change in 1 lines"), "{text}");
    }
}
