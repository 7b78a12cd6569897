//! Reading the policy from its folder: four files, all errors at once.

use policy::{Policy, PolicyTexts};
use std::{fs, io::Read, path::Path};

/// A rule file is not larger than this, bytes.
const RULES_BYTES_MAX: u64 = 4 << 20;

/// Reads `classes.toml`, `identifiers.toml`, `routes.toml` and `retention.toml`.
///
/// # Errors
/// Everything that is wrong with them, a line each.
pub fn read_policy(dir: &Path) -> Result<Policy, Vec<String>> {
    let mut errors = Vec::new();
    let mut read = |name: &str| {
        read_rules(&dir.join(name)).unwrap_or_else(|error| {
            errors.push(error);
            String::new()
        })
    };
    let (classes, identifiers) = (read("classes.toml"), read("identifiers.toml"));
    let (routes, retention) = (read("routes.toml"), read("retention.toml"));
    if !errors.is_empty() {
        return Err(errors);
    }
    let texts =
        PolicyTexts { classes: &classes, identifiers: &identifiers, routes: &routes, retention: &retention };
    Policy::parse(&texts).map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

fn read_rules(file: &Path) -> Result<String, String> {
    let told = |error: std::io::Error| format!("{}: {error}", file.display());
    let mut text = String::new();
    let read = fs::File::open(file)
        .map_err(told)?
        .take(RULES_BYTES_MAX + 1)
        .read_to_string(&mut text)
        .map_err(told)?;
    if read as u64 > RULES_BYTES_MAX {
        return Err(format!("{}: larger than {RULES_BYTES_MAX} bytes", file.display()));
    }
    Ok(text)
}
