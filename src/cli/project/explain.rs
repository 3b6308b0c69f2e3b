//! What settings are in force, and who says so.

use std::path::PathBuf;

use serde::Deserialize as _;
use serde_json::Value;
use toml::de::{DeValue, ValueDeserializer};

use super::layers::{Layers, Origin};
use super::mistake::line_and_column;
use super::schema::{Kind, keys};

/// A setting in force.
#[derive(Debug)]
pub(in crate::cli) struct Said {
    /// The key, as TOML has it.
    pub(in crate::cli) key: String,
    pub(in crate::cli) value: Value,
    pub(in crate::cli) by: Speaker,
}

/// Who says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Speaker {
    /// A file, in this line.
    File(PathBuf, usize),
    /// An environment variable.
    Variable(String),
    /// Another file, which it was inferred from.
    Inferred(String),
    /// Nobody: it holds without being said.
    Default,
}

/// All settings in force, in the order of the schema.
pub(super) fn said(layers: &Layers<'_>) -> Vec<Said> {
    let mut all = Vec::new();
    for key in keys() {
        let path: Vec<&str> = key.path.iter().map(String::as_str).collect();
        let value = layers.value(&path);
        match (key.kind, value) {
            (Kind::Table, _) => {}
            (Kind::Map, Some(value)) => {
                for (name, value) in value.get_ref().as_table().into_iter().flatten() {
                    let name = toml_key(name.get_ref());
                    all.extend(one(layers, format!("{}.{name}", key.name()), value));
                }
            }
            (_, Some(value)) => all.extend(one(layers, key.name(), value)),
            (_, None) => all.extend(key.default.clone().map(|value| Said {
                key: key.name(),
                value,
                by: Speaker::Default,
            })),
        }
    }
    all
}

fn one(layers: &Layers<'_>, key: String, value: &toml::Spanned<DeValue<'_>>) -> Option<Said> {
    let (source, span) = layers.place(&value.span())?;
    let by = match &source.origin {
        Origin::File(path) => {
            let (line, _) = line_and_column(source.text, span.start);
            Speaker::File(path.clone(), line)
        }
        Origin::Variable(name) => Speaker::Variable(name.clone()),
        Origin::Inferred(file) => Speaker::Inferred(file.clone()),
    };
    let value = Value::deserialize(ValueDeserializer::from(value.clone())).ok()?;
    Some(Said { key, value, by })
}

/// A name as a key, in quotes where TOML needs them.
fn toml_key(name: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if !name.is_empty() && name.chars().all(is_bare) {
        return name.to_owned();
    }
    toml::Value::from(name).to_string()
}
