//! The table of all keys in `docs/mewz-toml.md`, made of the schema, and what else must agree with it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use serde_json::Value;

use super::super::{command_line, values};
use super::keys::{Debug, Keys, OnError, Reload};
use super::schema::{Key, Kind, keys, keys_in_list};
use crate::qemu::accelerator::AcceleratorChoice;
use crate::qemu::machine::MachineKind;

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/mewz-toml.md");

/// The generated part stands between these lines.
const BEGIN: &str = "<!-- made of the schema: `MEWZ_BLESS=1 cargo test --lib project::table` -->\n";
const END: &str = "<!-- end -->\n";

/// As people meet them.
const SECTIONS: [&str; 10] = [
    "mewz", "app", "build", "test", "profile", "run", "image", "dev", "debug", "kernel",
];

#[test]
fn every_key_is_in_the_manual() {
    let text = fs::read_to_string(DOCUMENT).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (found, after) = rest.split_once(END).unwrap();
    let wanted = table();
    if std::env::var_os("MEWZ_BLESS").is_some() {
        fs::write(DOCUMENT, format!("{before}{BEGIN}{wanted}{END}{after}")).unwrap();
        return;
    }
    assert!(
        found == wanted,
        "docs/mewz-toml.md is not that of the schema: {BEGIN}"
    );
}

#[test]
fn flags_of_keys_are_options_of_commands() {
    let mut flags: BTreeSet<String> = BTreeSet::from(["-- ARGS".to_owned()]);
    for command in command_line().get_subcommands() {
        let longs = command.get_arguments().filter_map(clap::Arg::get_long);
        flags.extend(longs.map(|long| format!("--{long}")));
    }
    for flag in keys().iter().filter_map(|key| key.flag.as_ref()) {
        assert!(flags.contains(flag), "no command has {flag}");
    }
}

#[test]
fn defaults_are_what_holds_without_a_word() {
    let mut text = String::new();
    for key in keys() {
        let Some(value) = key.default.filter(|_| key.path.len() > 1) else {
            continue;
        };
        let value = toml::Value::try_from(value).unwrap();
        writeln!(text, "{} = {value}", key.path.join(".")).unwrap();
    }
    let said: Keys = toml::from_str(&text).unwrap();
    let unsaid = Keys::default();
    assert_eq!(said.run.memory, Some(values::MEMORY_BYTES_DEFAULT));
    assert_eq!(said.kernel.log, Some(values::LOG_LEVEL_DEFAULT));
    assert_eq!(said.kernel.accel, Some(AcceleratorChoice::default()));
    assert_eq!(said.kernel.machine, Some(MachineKind::default()));
    assert_eq!(said.dev.reload, Some(Reload::default()));
    assert_eq!(said.dev.on_error, Some(OnError::default()));
    assert_eq!(said.dev.clear, unsaid.dev.clear);
    assert_eq!(said.dev.notify, unsaid.dev.notify);
    assert_eq!(said.run.net, unsaid.run.net);
    assert_eq!(said.debug.debuggable, Debug::default().debuggable);
}

#[test]
fn the_file_in_the_manual_is_read() {
    let text = fs::read_to_string(DOCUMENT).unwrap();
    let (_, rest) = text.split_once("```toml\n").unwrap();
    let keys: Keys = toml::from_str(rest.split_once("```").unwrap().0).unwrap();
    assert_eq!(keys.app.name.as_deref(), Some("hello"));
    assert_eq!(keys.run.timeout.map(|time| time.as_secs()), Some(10));
}

fn table() -> String {
    let all = keys();
    let mut text = String::new();
    for section in SECTIONS {
        let own = all.iter().filter(|key| key.path[0] == section);
        let title = own.clone().find(|key| key.path.len() == 1);
        let title = title.map_or("", |key| &key.words);
        let heading = if section == "mewz" {
            "`mewz`".to_owned()
        } else {
            format!("`[{section}]`")
        };
        write!(text, "\n### {heading}\n\n{title}.\n\n").unwrap();
        text.push_str(
            "| key | type | default | option | variable | |\n|---|---|---|---|---|---|\n",
        );
        for key in own.filter(|key| key.kind != Kind::Table) {
            row(&mut text, &key.name(), key, key.path.len() > 1);
            if key.kind == Kind::Tables {
                for inner in keys_in_list(&key.name()) {
                    row(
                        &mut text,
                        &format!("{}[].{}", key.name(), inner.name()),
                        &inner,
                        false,
                    );
                }
            }
        }
    }
    for key in &all {
        assert!(
            SECTIONS.contains(&&key.path[0][..]),
            "{}: in no section",
            key.name()
        );
    }
    text.push('\n');
    text
}

fn row(text: &mut String, name: &str, key: &Key, has_variable: bool) {
    let code = |text: &str| format!("`{text}`");
    let kind = match key.kind {
        Kind::Text if key.choices.is_empty() => "text".to_owned(),
        Kind::Number if key.choices.is_empty() => "number".to_owned(),
        Kind::Text | Kind::Number => {
            let names = key.choices.iter().map(|name| code(&name.to_string()));
            names.collect::<Vec<_>>().join(" ")
        }
        Kind::Truth => "`true` `false`".to_owned(),
        Kind::Texts => "list of texts".to_owned(),
        Kind::Numbers => "list of numbers".to_owned(),
        Kind::Tables => "list of tables".to_owned(),
        Kind::Table => "table".to_owned(),
        Kind::Map => "texts by name".to_owned(),
    };
    let default = match &key.default {
        Some(value) if *value != Value::Array(Vec::new()) && !value.is_object() => {
            code(&value.to_string())
        }
        _ => String::new(),
    };
    let mut variables = Vec::new();
    if has_variable {
        let own = key.variable();
        variables.push(if key.kind == Kind::Map {
            format!("`{own}_NAME`")
        } else {
            code(&own)
        });
        variables.extend(key.short_variable.as_deref().map(code));
    }
    writeln!(
        text,
        "| `{name}` | {kind} | {default} | {} | {} | {} |",
        key.flag.as_deref().map(code).unwrap_or_default(),
        variables.join(" "),
        key.words
    )
    .unwrap();
}
