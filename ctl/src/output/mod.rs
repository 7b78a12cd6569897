//! Data on stdout in one of four forms. Messages go to stderr and are not here.

mod plain;
mod table;

pub(crate) use plain::{plain, plain_lines};
pub(crate) use table::{Column, Table};

use crate::fail::{Exit, Failure, Outcome};
use serde::{Serialize, Serializer, ser::SerializeMap as _};
use std::io::{self, Write as _};

/// Changes when a field changes its meaning or goes; not when one is added.
const SCHEMA_VERSION: u32 = 1;

/// How to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// One JSON object.
    Json,
    /// One JSON object per line.
    Jsonl,
    /// Names or ids only, one per line.
    Name,
}

/// One thing: its fields stand next to `schema_version`.
#[derive(Serialize)]
struct One<'a, T> {
    schema_version: u32,
    #[serde(flatten)]
    body: &'a T,
}

/// Many things: `{schema_version, HEAD…, KEY: [...]}`.
struct Many<'a, T> {
    head: &'a [(&'static str, &'a str)],
    key: &'static str,
    rows: &'a [T],
}

impl<T: Serialize> Serialize for Many<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("schema_version", &SCHEMA_VERSION)?;
        for (key, value) in self.head {
            map.serialize_entry(key, value)?;
        }
        map.serialize_entry(self.key, self.rows)?;
        map.end()
    }
}

/// Prints one thing.
pub(crate) fn one<T: Serialize>(
    format: Format,
    body: &T,
    name: &str,
    table: impl FnOnce() -> Table,
) -> Outcome {
    match format {
        Format::Table => print(&table().text()),
        Format::Json | Format::Jsonl => print(&json(&One { schema_version: SCHEMA_VERSION, body })?),
        Format::Name => print(&format!("{}\n", plain(name))),
    }
}

/// Prints many things.
pub(crate) fn many<T: Serialize>(
    format: Format,
    head: &[(&'static str, &str)],
    key: &'static str,
    rows: &[T],
    name: impl Fn(&T) -> String,
    table: impl FnOnce() -> Table,
) -> Outcome {
    match format {
        Format::Table => print(&table().text()),
        Format::Json => print(&json(&Many { head, key, rows })?),
        Format::Jsonl => {
            let line = |body| json(&One { schema_version: SCHEMA_VERSION, body });
            print(&rows.iter().map(line).collect::<Outcome<String>>()?)
        }
        Format::Name => print(&rows.iter().map(|row| plain(&name(row)) + "\n").collect::<String>()),
    }
}

/// Prints text as it is.
pub(crate) fn print(text: &str) -> Outcome {
    bytes(text.as_bytes())
}

/// Writes bytes to stdout. A reader that has seen enough (`head`) is no failure.
pub(crate) fn bytes(bytes: &[u8]) -> Outcome {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::new(Exit::Failure, format!("stdout: {error}"))),
    }
}

fn json<T: Serialize>(value: &T) -> Outcome<String> {
    let text = serde_json::to_string(value);
    text.map(|text| text + "\n")
        .map_err(|error| Failure::new(Exit::Failure, format!("cannot write JSON: {error}")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[derive(Serialize)]
    struct Row {
        zebra: u8,
        ape: Option<u8>,
    }

    #[test]
    fn json_starts_with_its_schema_version_and_keeps_the_order_of_fields() {
        let row = Row { zebra: 1, ape: None };
        let one = json(&One { schema_version: SCHEMA_VERSION, body: &row }).unwrap();
        assert_eq!(one, "{\"schema_version\":1,\"zebra\":1,\"ape\":null}\n");
        let many = json(&Many { head: &[("id", "x")], key: "rows", rows: &[row] }).unwrap();
        assert_eq!(many, "{\"schema_version\":1,\"id\":\"x\",\"rows\":[{\"zebra\":1,\"ape\":null}]}\n");
    }
}
