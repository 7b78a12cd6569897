//! Where checkpoints leave the appliance: a folder of small files, and one line in the machine's syslog.
//!
//! A copy that cannot be made stops nothing: the log beside the ledger is the truth, and the next
//! checkpoint carries everything that this one did. That is also why a failed fsync here does not abort.

use ledger::{NOTE_BYTES_MAX, Signed};
use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::{
        fs::{DirBuilderExt as _, OpenOptionsExt as _},
        net::UnixDatagram,
    },
    path::Path,
};
use types::UnixMillis;

/// Newest files that stay in the folder: more than a day of them on a busy appliance.
const FILES_MAX: usize = 2_000;
/// Names that are looked at in the folder, which somebody else may fill.
const NAMES_MAX: usize = 2 * FILES_MAX;
const STAGED_NAME: &str = ".tmp-checkpoint";
const SYSLOG_SOCKET: &str = "/dev/log";
/// Facility 13 (log audit), severity 5 (notice), as RFC 3164 adds them up.
const SYSLOG_PRIORITY: u32 = 13 * 8 + 5;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Puts a checkpoint into the folder and removes the oldest beyond the bound.
pub(crate) fn put(dir: &Path, signed: &Signed) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let (staged, names) = (dir.join(STAGED_NAME), File::open(dir)?);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o640).open(&staged)?;
    file.write_all(signed.note().as_bytes())?;
    file.sync_all()?;
    fs::rename(staged, dir.join(name(signed)))?;
    names.sync_all()?;
    let all = file_names(dir)?;
    for old in &all[..all.len().saturating_sub(FILES_MAX)] {
        fs::remove_file(dir.join(old))?;
    }
    Ok(())
}

/// Every checkpoint in the folder that is one, the oldest first, and how many files are none.
pub(crate) fn read(dir: &Path) -> io::Result<(Vec<Signed>, usize)> {
    let names = match file_names(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        names => names?,
    };
    let read = |name: &String| {
        let mut note = String::new();
        let file = File::open(dir.join(name)).ok()?;
        file.take(NOTE_BYTES_MAX as u64 + 1).read_to_string(&mut note).ok()?;
        Signed::parse(&note).ok()
    };
    let notes: Vec<_> = names.iter().filter_map(read).collect();
    let strange = names.len() - notes.len();
    Ok((notes, strange))
}

fn name(signed: &Signed) -> String {
    format!("checkpoint-{:012}.note", signed.checkpoint.mark.size)
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
        "<{SYSLOG_PRIORITY}>{} lazaretd: checkpoint site={site} size={} root={} signature={}",
        stamp(signed.checkpoint.at),
        mark.size,
        mark.root,
        signed.signature()
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
mod tests {
    use super::*;

    #[test]
    fn syslog_times_are_those_of_rfc_3164() {
        assert_eq!(stamp(UnixMillis(1_795_502_192_007)), "Nov 24 06:36:32");
        assert_eq!(stamp(UnixMillis(1_800_000_000_000)), "Jan 15 08:00:00");
        assert_eq!(stamp(UnixMillis(1_801_440_000_000)), "Feb  1 00:00:00");
    }
}
