//! What the end-to-end tests share: matching documents with the files that were dropped.

pub mod bundle;
pub mod records;

use anyhow::{Context, Result};
use kit::Appliance;
use serde_json::Value;
use std::{fs, path::Path, process::Command};

/// Turns the clock of a process that is started with it in `LD_PRELOAD`; from the package faketime.
pub const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

/// The document whose original has this SHA-256 and that is no duplicate.
///
/// # Errors
/// When there is none.
pub fn document_of<'a>(documents: &'a [Value], bytes: &[u8]) -> Result<&'a Value> {
    let hash = kit::sha256_hex(bytes);
    let mut of_bytes = documents.iter().filter(|doc| doc["sha256"]["original"] == hash.as_str());
    of_bytes.find(|doc| doc["duplicate_of"].is_null()).context("no document of these bytes")
}

/// Text of a field.
#[must_use]
pub fn text<'a>(doc: &'a Value, field: &str) -> &'a str {
    doc[field].as_str().unwrap_or_default()
}

/// Fetches the redacted product into `file` and gives what `pdftotext` finds in it.
///
/// # Errors
/// When it cannot be fetched or read.
pub fn redacted_text(appliance: &Appliance, id: &str, file: &Path) -> Result<String> {
    let path = file.to_string_lossy();
    let got = appliance.ctl(&["doc", "get", id, "--rendition", "redacted", "--force", "-O", &path])?;
    anyhow::ensure!(got.code == 0, "doc get {id}: {}", got.stderr);
    let said = Command::new("pdftotext").arg(file).arg("-").output().context("pdftotext (poppler-utils)")?;
    Ok(String::from_utf8_lossy(&said.stdout).into_owned())
}

/// Letters and digits only, lower case: how a value is searched in a text.
#[must_use]
pub fn flat(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// All files under a folder.
///
/// # Errors
/// When the disk does.
pub fn files_under(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() { folders.push(entry.path()) } else { files.push(entry.path()) }
        }
    }
    Ok(files)
}
