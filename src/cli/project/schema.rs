//! The JSON schema of the project file, and the list of its keys, both from the types that serde reads.

use std::path::Path;
use std::{fs, io};

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use serde_json::Value;

use super::super::cache::write_whole;
use super::keys::Keys;

/// Where editors look for the schema, from the project's folder on: what the line `#:schema` of the file names.
pub(in crate::cli) const SCHEMA_FILE: &str = ".mewz/schema.json";

/// The first line of a project file, which editors read.
pub(in crate::cli) const SCHEMA_LINE: &str = "#:schema ./.mewz/schema.json";

/// The schema as it is written.
pub(in crate::cli) fn text() -> String {
    format!("{:#}\n", schema(false).as_value())
}

/// The schema; `is_flat` has every table where it stands, instead of a reference to it.
fn schema(is_flat: bool) -> Schema {
    // What holds without being said has no name.
    let without_null = RecursiveTransform(|schema: &mut Schema| {
        if schema.get("default").is_some_and(Value::is_null) {
            schema.remove("default");
        }
    });
    let settings = SchemaSettings::draft07()
        .with_transform(without_null)
        .with(|settings| settings.inline_subschemas = is_flat);
    settings.into_generator().into_root_schema_for::<Keys>()
}

/// Writes the schema into the project in `folder`, unless it is there already.
pub(in crate::cli) fn refresh(folder: &Path) -> io::Result<()> {
    let file = folder.join(SCHEMA_FILE);
    let text = text();
    if fs::read(&file).is_ok_and(|there| there == text.as_bytes()) {
        return Ok(());
    }
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    write_whole(&file, &[text.as_bytes()])
}

/// A key, or a table of keys.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Key {
    pub(super) path: Vec<String>,
    pub(super) kind: Kind,
    /// What it is, in a line.
    pub(super) words: String,
    /// What holds where nobody says otherwise.
    pub(super) default: Option<Value>,
    /// The option of the command line that comes first.
    pub(super) flag: Option<String>,
    /// A short name beside [`Key::variable`].
    pub(super) short_variable: Option<String>,
    /// What it may be, where that is a choice.
    pub(super) choices: Vec<Value>,
}

/// What a key's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Truth,
    Number,
    /// A list of texts.
    Texts,
    /// A list of numbers.
    Numbers,
    /// Tables.
    Tables,
    /// Keys that have names.
    Table,
    /// Text by any name.
    Map,
}

impl Key {
    /// The path as TOML has it.
    pub(super) fn name(&self) -> String {
        self.path.join(".")
    }

    /// The environment variable that comes before the files.
    pub(super) fn variable(&self) -> String {
        let path = self.path.join("_").replace('-', "_");
        format!("MEWZ_{}", path.to_uppercase())
    }
}

/// All keys, tables before what is in them, in the order of the file; keys of lists' tables are not among them.
pub(super) fn keys() -> Vec<Key> {
    let schema = schema(true);
    let mut keys = Vec::new();
    collect(schema.as_value(), &[], &mut keys);
    keys
}

/// Keys of the tables in the list `name`.
#[cfg(test)]
pub(super) fn keys_in_list(name: &str) -> Vec<Key> {
    let schema = schema(true);
    let pointer: String = name
        .split('.')
        .map(|part| format!("/properties/{part}"))
        .collect();
    let mut keys = Vec::new();
    if let Some(list) = schema.as_value().pointer(&pointer) {
        collect(&list["items"], &[], &mut keys);
    }
    keys
}

fn collect(table: &Value, path: &[String], keys: &mut Vec<Key>) {
    let properties = table["properties"].as_object();
    for (name, value) in properties.into_iter().flatten() {
        let mut path = path.to_owned();
        path.push(name.clone());
        let kind = kind(value);
        let text = |name: &str| value[name].as_str().map(str::to_owned);
        keys.push(Key {
            path: path.clone(),
            kind,
            words: text("description").unwrap_or_default(),
            default: value.get("default").cloned(),
            flag: text("x-flag"),
            short_variable: text("x-variable"),
            choices: choices(value),
        });
        if kind == Kind::Table {
            collect(value, &path, keys);
        }
    }
}

fn kind(value: &Value) -> Kind {
    match value["type"].as_str() {
        Some("boolean") => Kind::Truth,
        Some("integer") => Kind::Number,
        Some("array") if value["items"]["type"] == "object" => Kind::Tables,
        Some("array") if value["items"]["type"] == "integer" => Kind::Numbers,
        Some("array") => Kind::Texts,
        Some("object") if value.get("properties").is_some() => Kind::Table,
        Some("object") => Kind::Map,
        _ => Kind::Text,
    }
}

/// Names of an `enum`, or of the constants of a `oneOf`.
fn choices(value: &Value) -> Vec<Value> {
    if let Some(names) = value["enum"].as_array() {
        return names.clone();
    }
    let one_of = value["oneOf"].as_array().into_iter().flatten();
    one_of
        .flat_map(|choice| {
            choice
                .get("const")
                .cloned()
                .into_iter()
                .chain(choices(choice))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Kind, SCHEMA_FILE, keys, refresh, text};

    #[test]
    fn keys_are_those_that_are_read() {
        let keys = keys();
        let find = |name: &str| keys.iter().find(|key| key.name() == name).unwrap();
        assert_eq!(find("run.memory").kind, Kind::Text);
        assert_eq!(find("run.env").kind, Kind::Map);
        assert_eq!(find("run.ready.port").kind, Kind::Number);
        assert_eq!(find("run.mount").kind, Kind::Tables);
        assert_eq!(find("run.listen").kind, Kind::Numbers);
        assert_eq!(find("profile.release.opt").kind, Kind::Number);
        assert_eq!(find("dev.on-error").variable(), "MEWZ_DEV_ON_ERROR");
        assert_eq!(find("dev.on-error").choices, ["keep", "stop"]);
        assert_eq!(find("dev.reload").choices, ["park", "reboot"]);
        for key in &keys {
            assert!(!key.words.is_empty(), "{}", key.name());
            let same = keys
                .iter()
                .filter(|other| other.variable() == key.variable());
            assert_eq!(same.count(), 1, "{}", key.variable());
        }
    }

    #[test]
    fn the_schema_is_written_once() {
        let folder = tempfile::tempdir().unwrap();
        let modified = || {
            refresh(folder.path()).unwrap();
            let metadata = std::fs::metadata(folder.path().join(SCHEMA_FILE)).unwrap();
            metadata.modified().unwrap()
        };
        assert_eq!(modified(), modified());
        let written = std::fs::read_to_string(folder.path().join(SCHEMA_FILE)).unwrap();
        assert_eq!(written, text());
    }
}
