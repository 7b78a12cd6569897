//! Where checkpoints leave the appliance: a folder of small files, and one line in the machine's syslog.
//!
//! A copy that cannot be made stops nothing: the log beside the ledger is the truth, and the next
//! checkpoint carries everything that this one did. That is also why a failed fsync here does not abort.

use ledger::{Signed, read_note};
use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::{
        fs::{DirBuilderExt as _, OpenOptionsExt as _},
        net::UnixDatagram,
    },
    path::Path,
};
use types::UnixMillis;

/// Newest files that stay in the folder: more than a day of them on a busy appliance.
pub(crate) const FILES_MAX: usize = 2_000;
/// Names that are looked at in the folder, which somebody else may fill.
const NAMES_MAX: usize = 2 * FILES_MAX;
const STAGED_NAME: &str = ".tmp-checkpoint";
const SYSLOG_SOCKET: &str = "/dev/log";
/// Facility 13 (log audit), severity 5 (notice), as RFC 3164 adds them up.
const SYSLOG_PRIORITY: u32 = 13 * 8 + 5;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// What is in the folder.
#[derive(Default)]
pub(crate) struct Found {
    /// Every checkpoint that is one, the oldest first.
    pub(crate) notes: Vec<Signed>,
    /// Files that are none.
    pub(crate) strange: usize,
    /// Files, or the folder, that could not be read: a share that is away, a right that is missing.
    pub(crate) unread: usize,
    /// Why the first of them could not.
    pub(crate) fault: Option<io::Error>,
}

/// Puts a checkpoint, signed with the key of this number, into the folder, and removes the oldest beyond the bound.
pub(crate) fn put(dir: &Path, signed: &Signed, key: u64) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let (staged, names, ours) = (dir.join(STAGED_NAME), File::open(dir)?, name(signed, key));
    // Left by a crash, or put there by somebody: never written through.
    match fs::remove_file(&staged) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o640).open(&staged)?;
    file.write_all(signed.note().as_bytes())?;
    file.sync_all()?;
    fs::rename(staged, dir.join(&ours))?;
    names.sync_all()?;
    let mut others = file_names(dir)?;
    others.retain(|name| *name != ours);
    for old in &others[..others.len().saturating_sub(FILES_MAX - 1)] {
        fs::remove_file(dir.join(old))?;
    }
    Ok(())
}

/// Looks through the folder. What cannot be read is told, and is no reason to stop.
pub(crate) fn read(dir: &Path) -> Found {
    let mut found = Found::default();
    let names = file_names(dir).unwrap_or_else(|error| {
        found.unreadable(error);
        Vec::new()
    });
    for name in names {
        match read_note(&dir.join(name)) {
            Ok(Some(note)) => found.notes.push(note),
            Ok(None) => found.strange += 1,
            Err(error) => found.unreadable(error),
        }
    }
    found
}

impl Found {
    /// What is not there is no fault: no checkpoint was put there yet, or somebody collected it.
    fn unreadable(&mut self, error: io::Error) {
        if error.kind() != io::ErrorKind::NotFound {
            self.unread += 1;
            self.fault.get_or_insert(error);
        }
    }
}

/// Names sort as the notes were signed: by time, then by the key, for a handover and the first note of the next key
/// are of one time and size.
fn name(signed: &Signed, key: u64) -> String {
    let (at, size) = (signed.checkpoint.at.to_string().replace(':', ""), signed.checkpoint.mark.size);
    format!("checkpoint-{at}-{size:012}-key{key:06}.note")
}

fn file_names(dir: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir)?.take(NAMES_MAX) {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.starts_with("checkpoint-") && name.ends_with(".note") {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Tells the machine's syslog. No socket, or one that is full, is no error.
pub(crate) fn tell_syslog(signed: &Signed) {
    let sent = UnixDatagram::unbound().and_then(|socket| {
        socket.set_nonblocking(true)?;
        socket.send_to(line(signed).as_bytes(), SYSLOG_SOCKET)
    });
    if let Err(error) = sent {
        tracing::debug!(%error, "syslog was not told of a checkpoint");
    }
}

fn line(signed: &Signed) -> String {
    let (mark, site) = (signed.checkpoint.mark, &signed.checkpoint.key.site);
    format!(
        "<{SYSLOG_PRIORITY}>{} lazaretd: checkpoint site={site} size={} root={} note={}",
        stamp(signed.checkpoint.at),
        mark.size,
        mark.root,
        signed.one_word()
    )
}

/// `Nov 24 06:36:32`, in UTC.
fn stamp(at: UnixMillis) -> String {
    let text = at.to_string();
    let month = text[5..7].parse::<usize>().ok().and_then(|month| MONTHS.get(month.wrapping_sub(1)));
    let day = text[8..10].trim_start_matches('0');
    format!("{} {day:>2} {}", month.unwrap_or(&MONTHS[0]), &text[11..19])
}

#[cfg(test)]
#[path = "spool_tests.rs"]
mod tests;
