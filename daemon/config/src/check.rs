//! Rules that no single key can break: one master key, and inboxes that keep out of each other's way.

use crate::{Keys, Paths, Source, table::File};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The master key has one origin; with two it would be unclear which of them opens the keystore.
pub(crate) fn one_master_key(file: &mut File<'_>, line: usize, keys: &Keys) {
    let found = match [keys.master_key_file.is_some(), keys.credential.is_some(), keys.passphrase] {
        [false, false, false] => "none",
        [true, false, false] | [false, true, false] | [false, false, true] => return,
        _ => "more than one",
    };
    let line = file.text.lines().position(|text| text.trim() == "[keys]").map_or(line, |index| index + 1);
    file.wrong(
        line,
        "keys",
        "one of master-key-file, credential and passphrase".to_owned(),
        found.to_owned(),
        None,
    );
}

/// No two sources share a name or a folder, no inbox lies inside another, none touches our own state or the
/// outbox: a file would be taken in twice, or the ledger would be, or what was delivered.
pub(crate) fn sources(file: &mut File<'_>, sources: &[(usize, Source)], paths: Option<&Paths>) {
    let ours = paths.map(|paths| {
        [("paths.state-dir", real(&paths.state_dir)), ("paths.outbox-dir", real(&paths.outbox_dir))]
    });
    let mut earlier: Vec<(&Source, Option<PathBuf>)> = Vec::new();
    for (line, source) in sources {
        if earlier.iter().any(|(other, _)| other.name == source.name) {
            let found = format!("\"{}\" a second time", source.name);
            file.wrong(*line, "source.name", "a name that no other source has".to_owned(), found, None);
        }
        let folder = source.folder.as_deref().map(real);
        if let Some(folder) = &folder {
            let clash = earlier.iter().find_map(|(other, theirs)| {
                theirs.as_ref().filter(|theirs| overlap(theirs, folder)).map(|_| other.name.to_string())
            });
            if let Some(other) = clash {
                let expected =
                    "a folder that neither is, contains nor lies in that of another source".to_owned();
                file.wrong(
                    *line,
                    "source.folder",
                    expected,
                    format!("one that overlaps with source {other}"),
                    None,
                );
            }
            for (key, _) in ours.iter().flatten().filter(|(_, place)| overlap(place, folder)) {
                let expected = format!("a folder that neither is, contains nor lies in {key}");
                file.wrong(*line, "source.folder", expected, "one that does".to_owned(), None);
            }
        }
        earlier.push((source, folder));
    }
}

fn overlap(a: &Path, b: &Path) -> bool {
    a.starts_with(b) || b.starts_with(a)
}

/// The path with the symbolic links of its existing part resolved, so that two names of one folder
/// are seen to be one.
fn real(path: &Path) -> PathBuf {
    for existing in path.ancestors() {
        if let Ok(resolved) = fs::canonicalize(existing) {
            return path.strip_prefix(existing).map_or_else(|_| path.to_owned(), |rest| resolved.join(rest));
        }
    }
    path.to_owned()
}
