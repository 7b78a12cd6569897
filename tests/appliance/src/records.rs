//! What the tests of retention and holds share. The clock is real: a rule of 0 days makes something due at once.

use crate::text;
use anyhow::{Context as _, Result};
use kit::{Appliance, Outcome, Plan};
use serde_json::Value;
use std::{fs, ops::Range};

/// Everything is due as soon as it rests; its tombstone stays.
pub const EVERYTHING_AT_ONCE: &str = "[[rule]]\nid = \"at-once\"\ndays = 0\nlog-days = 2192\n";

/// An appliance with these retention rules.
///
/// # Errors
/// When it does not start.
pub fn with_rules(rules: &str) -> Result<Appliance> {
    let mut appliance = Plan::default().init()?;
    fs::write(appliance.home.join("policy/retention.toml"), rules)?;
    appliance.start()?;
    Ok(appliance)
}

/// Documents that are refused at the door: at rest without a worker's work.
///
/// # Errors
/// When they do not come to rest.
pub fn rejected(appliance: &Appliance, source: &str, numbers: Range<u32>) -> Result<()> {
    for number in numbers {
        let bytes = format!("no document at all, number {number}");
        appliance.drop_in(source, &format!("{number}.txt"), bytes.as_bytes())?;
    }
    appliance.rest(300)
}

/// One document.
///
/// # Errors
/// When there is none of this id.
pub fn shown(appliance: &Appliance, id: &str) -> Result<Value> {
    appliance.json(&["doc", "show", id])
}

/// Fetches a rendition.
///
/// # Errors
/// When the command does not run.
pub fn get(appliance: &Appliance, id: &str, rendition: &str) -> Result<Outcome> {
    let file = appliance.home.join("got.bin").to_string_lossy().into_owned();
    appliance.ctl(&["doc", "get", id, "--rendition", rendition, "--force", "-O", &file])
}

/// The certificates of a document, oldest first.
///
/// # Errors
/// When it has none.
pub fn certificates(appliance: &Appliance, id: &str) -> Result<Vec<Value>> {
    let answer = appliance.json(&["deletion", "certificate", id])?;
    let signed = answer["certificates"].as_array().context("certificates")?;
    signed.iter().map(|it| Ok(serde_json::from_str(text(it, "certificate"))?)).collect()
}
