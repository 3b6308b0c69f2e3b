//! Values of keys that are text with a form of their own: read by the parsers of the command line, described for the schema.

use std::time::Duration;

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize as _, Deserializer, Error as _};

use super::super::values::{self, Choices, PortPair};
use crate::qemu::accelerator::AcceleratorChoice;
use crate::qemu::machine::{DebugLine, MachineKind};

/// Reads a string by one of the parsers of the command line, so that both take the same.
fn parsed<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<Option<T>, D::Error> {
    parse(&String::deserialize(deserializer)?)
        .map(Some)
        .map_err(D::Error::custom)
}

fn chosen<'de, D: Deserializer<'de>, T: Copy>(
    deserializer: D,
    choices: Choices<T>,
) -> Result<Option<T>, D::Error> {
    parsed(deserializer, |text| values::choice(choices, text))
}

fn names<T>(choices: Choices<T>) -> Schema {
    let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
    json_schema!({ "type": "string", "enum": names })
}

/// Reads the size of a machine's memory.
pub(super) fn memory<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    parsed(from, values::memory)
}

/// Reads the limit of a folder in memory.
pub(super) fn temporary_size<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    parsed(from, values::temporary_size)
}

/// A size; what it may be at least and at most is no matter of form.
pub(super) fn size_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": r"^[0-9]+ *([Kk]|[Kk][Ii][Bb]|[Mm]|[Mm][Ii][Bb]|[Gg]|[Gg][Ii][Bb])$" })
}

/// Reads a time.
pub(super) fn time<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    parsed(from, values::time)
}

/// A time.
pub(super) fn time_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": r"^([0-9]+\.?[0-9]*|\.[0-9]+) *(ms|s|min|h)$" })
}

/// Reads ports of the host, and where they lead.
pub(super) fn ports<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<PortPair>, D::Error> {
    let ports = Vec::<String>::deserialize(from)?;
    ports
        .iter()
        .map(|pair| values::port_pair(pair))
        .collect::<Result<_, _>>()
        .map_err(D::Error::custom)
}

/// The like of `8080:80`.
pub(super) fn ports_schema(_: &mut SchemaGenerator) -> Schema {
    let pattern = r"^(auto|[0-9]{1,5}):[0-9]{1,5}(/tcp|/udp)?$";
    json_schema!({ "type": "array", "items": { "type": "string", "pattern": pattern } })
}

/// Reads ports of the program.
pub(super) fn listeners<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u16>, D::Error> {
    let ports = Vec::<u16>::deserialize(from)?;
    match ports.contains(&0) {
        true => Err(D::Error::custom(NO_PORT)),
        false => Ok(ports),
    }
}

/// Reads a port of the program.
pub(super) fn port<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u16>, D::Error> {
    match u16::deserialize(from)? {
        0 => Err(D::Error::custom(NO_PORT)),
        port => Ok(Some(port)),
    }
}

const NO_PORT: &str = "0 is no port: a number from 1 to 65535";

/// Reads how many machines serve.
pub(super) fn instances<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u8>, D::Error> {
    match u8::deserialize(from)? {
        count @ 1..=16 => Ok(Some(count)),
        count => Err(D::Error::custom(format!(
            "{count} machines: it can be 1 to 16"
        ))),
    }
}

/// Reads the level of the kernel's log.
pub(super) fn log_level<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u8>, D::Error> {
    chosen(from, values::LOG_LEVELS)
}

/// Its names.
pub(super) fn log_level_schema(_: &mut SchemaGenerator) -> Schema {
    names(values::LOG_LEVELS)
}

/// Reads an accelerator.
pub(super) fn accelerator<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<AcceleratorChoice>, D::Error> {
    chosen(from, values::ACCELERATORS)
}

/// Their names.
pub(super) fn accelerator_schema(_: &mut SchemaGenerator) -> Schema {
    names(values::ACCELERATORS)
}

/// Reads a machine type.
pub(super) fn machine<'de, D: Deserializer<'de>>(from: D) -> Result<Option<MachineKind>, D::Error> {
    chosen(from, values::MACHINES)
}

/// Their names.
pub(super) fn machine_schema(_: &mut SchemaGenerator) -> Schema {
    names(values::MACHINES)
}

/// Reads who answers gdb.
pub(super) fn stub<'de, D: Deserializer<'de>>(from: D) -> Result<Option<DebugLine>, D::Error> {
    chosen(from, values::STUBS)
}

/// Their names.
pub(super) fn stub_schema(_: &mut SchemaGenerator) -> Schema {
    names(values::STUBS)
}
