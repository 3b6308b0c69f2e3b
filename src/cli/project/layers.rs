//! Layers of settings, the lower giving way to the higher, and where each value comes from.
//!
//! Every layer is TOML, and keeps its places: one layer's offsets begin behind those of the layer before. So what is merged still
//! tells of each value where it stands, and an error of reading it leads to the right line of the right file.

use std::ops::Range;
use std::path::PathBuf;

use serde::Deserialize as _;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::super::failure::Failure;
use super::keys::Keys;
use super::mistake;

/// Where a layer comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A file.
    File(PathBuf),
    /// An environment variable; the text is its value.
    Variable(String),
    /// Other files, which this one is named for.
    Inferred(String),
}

/// A layer's text.
#[derive(Debug)]
pub(super) struct Source<'a> {
    pub(super) origin: Origin,
    pub(super) text: &'a str,
    /// Offsets of its values begin here.
    start: usize,
}

/// All layers, and what they say together.
#[derive(Debug, Default)]
pub(super) struct Layers<'a> {
    sources: Vec<Source<'a>>,
    merged: DeTable<'a>,
}

/// Whether a layer comes before those that are there, or behind them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rank {
    Highest,
    Lowest,
}

impl<'a> Layers<'a> {
    /// Adds a file, or what stands for one.
    pub(super) fn add(&mut self, origin: Origin, text: &'a str, rank: Rank) -> Result<(), Failure> {
        let source = self.source(origin, text);
        let table = DeTable::parse(text).map(Spanned::into_inner);
        let table = table.map_err(|problem| mistake::failure(source, &problem))?;
        // On its own, so that a mistake is told even where a higher layer hides it.
        let whole = Spanned::new(0..text.len(), table.clone());
        mistake::check_version(source, &table)?;
        Keys::deserialize(toml::de::Deserializer::from(whole))
            .map_err(|problem| mistake::failure(source, &problem))?;
        let start = source.start;
        self.merge(moved_table(table, start), rank);
        Ok(())
    }

    /// Adds a variable's value at `path`, above all else.
    pub(super) fn add_value(
        &mut self,
        name: &str,
        text: &'a str,
        path: &[String],
        value: Spanned<DeValue<'a>>,
    ) -> Result<(), Failure> {
        let source = self.source(Origin::Variable(name.to_owned()), text);
        let around = |mut value: Spanned<DeValue<'a>>| {
            for key in path.iter().rev() {
                let mut table = DeTable::new();
                let span = value.span();
                table.insert(Spanned::new(span.clone(), key.clone().into()), value);
                value = Spanned::new(span, DeValue::Table(table));
            }
            match value.into_inner() {
                DeValue::Table(table) => table,
                _ => DeTable::new(),
            }
        };
        let whole = Spanned::new(0..text.len(), around(value.clone()));
        Keys::deserialize(toml::de::Deserializer::from(whole))
            .map_err(|problem| mistake::failure(source, &problem))?;
        let start = source.start;
        self.merge(around(moved(value, start)), Rank::Highest);
        Ok(())
    }

    fn merge(&mut self, table: DeTable<'a>, rank: Rank) {
        match rank {
            Rank::Highest => merge(&mut self.merged, table),
            Rank::Lowest => {
                let higher = std::mem::replace(&mut self.merged, table);
                merge(&mut self.merged, higher);
            }
        }
    }

    fn source(&mut self, origin: Origin, text: &'a str) -> &Source<'a> {
        // One more, so that an empty text has a place of its own.
        let end = |last: &Source<'_>| last.start + last.text.len() + 1;
        let start = self.sources.last().map_or(0, end);
        self.sources.push(Source {
            origin,
            text,
            start,
        });
        self.sources.last().expect("it was just added")
    }

    /// The keys that all layers make together.
    pub(super) fn keys(&self) -> Result<Keys, Failure> {
        let whole = Spanned::new(0..0, self.merged.clone());
        Keys::deserialize(toml::de::Deserializer::from(whole)).map_err(|problem| {
            let place = problem.span().and_then(|span| self.place(&span));
            match place.or(self.sources.first().map(|source| (source, 0..0))) {
                Some((source, span)) => mistake::failure_at(source, problem.message(), Some(span)),
                None => {
                    Failure::usage("the settings are not as they must be").cause(problem.message())
                }
            }
        })
    }

    /// What is said at `path`, if anything.
    pub(super) fn value(&self, path: &[&str]) -> Option<&Spanned<DeValue<'a>>> {
        let (first, rest) = path.split_first()?;
        let mut value = self.merged.get(*first)?;
        for key in rest {
            value = value.get_ref().get(*key)?;
        }
        Some(value)
    }

    /// The layer that `span` belongs to, and the span within its text.
    pub(super) fn place(&self, span: &Range<usize>) -> Option<(&Source<'a>, Range<usize>)> {
        let source = self
            .sources
            .iter()
            .rev()
            .find(|source| source.start <= span.start)?;
        let end = span.end.saturating_sub(source.start).min(source.text.len());
        Some((source, (span.start - source.start).min(end)..end))
    }
}

/// Tables become one; of all else that of `higher` counts.
fn merge<'a>(lower: &mut DeTable<'a>, higher: DeTable<'a>) {
    for (key, value) in higher {
        let below = lower.get_mut(&**key.get_ref());
        match (below.map(Spanned::get_mut), value) {
            (Some(DeValue::Table(below)), value) if value.get_ref().is_table() => {
                if let DeValue::Table(table) = value.into_inner() {
                    merge(below, table);
                }
            }
            (_, value) => {
                // The key's own place must be the higher one too.
                lower.remove(&**key.get_ref());
                lower.insert(key, value);
            }
        }
    }
}

/// The same with every place moved by `start`.
fn moved<'a>(value: Spanned<DeValue<'a>>, start: usize) -> Spanned<DeValue<'a>> {
    let span = value.span();
    let value = match value.into_inner() {
        DeValue::Table(table) => DeValue::Table(moved_table(table, start)),
        DeValue::Array(array) => {
            DeValue::Array(array.into_iter().map(|item| moved(item, start)).collect())
        }
        other => other,
    };
    Spanned::new(span.start + start..span.end + start, value)
}

fn moved_table<'a>(table: DeTable<'a>, start: usize) -> DeTable<'a> {
    let pairs = table.into_iter().map(|(key, value)| {
        let span = key.span();
        let span = span.start + start..span.end + start;
        (Spanned::new(span, key.into_inner()), moved(value, start))
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{Layers, Origin, Rank};

    fn layers<'a>(texts: &[&'a str]) -> Layers<'a> {
        let mut layers = Layers::default();
        for (number, text) in texts.iter().enumerate() {
            let origin = Origin::File(PathBuf::from(number.to_string()));
            layers.add(origin, text, Rank::Highest).unwrap();
        }
        layers
    }

    fn path(text: &str) -> Vec<&str> {
        text.split('.').collect()
    }

    #[test]
    fn tables_are_merged_and_all_else_is_replaced() {
        let layers = layers(&[
            "[run]\nargs = ['a', 'b']\nnet = true\nenv = { A = '1', B = '2' }",
            "[run]\nargs = ['c']\nenv = { B = '3' }",
        ]);
        let keys = layers.keys().unwrap();
        assert_eq!(keys.run.args, ["c"]);
        assert!(keys.run.net);
        assert_eq!(keys.run.env["A"], "1");
        assert_eq!(keys.run.env["B"], "3");
    }

    #[test]
    fn every_value_knows_its_layer() {
        let layers = layers(&["[run]\nnet = true\nenv = { A = '1' }", "run.env.B = '2'"]);
        let of = |key: &str| {
            let span = layers.value(&path(key)).unwrap().span();
            let (source, span) = layers.place(&span).unwrap();
            (source.origin.clone(), source.text[span].to_owned())
        };
        let file = |name: &str| Origin::File(PathBuf::from(name));
        assert_eq!(of("run.net"), (file("0"), "true".to_owned()));
        assert_eq!(of("run.env.A"), (file("0"), "'1'".to_owned()));
        assert_eq!(of("run.env.B"), (file("1"), "'2'".to_owned()));
        assert!(layers.value(&path("run.nothing")).is_none());
    }

    #[test]
    fn a_layer_may_come_below() {
        let mut layers = layers(&["app.name = 'mine'"]);
        let below = "app.name = 'other'\nbuild.wasm = 'a.wasm'";
        let origin = Origin::Inferred("Makefile".to_owned());
        layers.add(origin, below, Rank::Lowest).unwrap();
        let keys = layers.keys().unwrap();
        assert_eq!(keys.app.name.as_deref(), Some("mine"));
        assert_eq!(keys.build.wasm.as_deref(), Some("a.wasm"));
    }
}
