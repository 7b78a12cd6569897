//! A folder that others may fill, remove or take away.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::{retain::DAY_MS, test_site::vault_in};
use ledger::{Checkpoint, Mark, VerifyingKey};
use std::{os::unix::fs::PermissionsExt as _, process::Command};
use types::Digest;
use vault::Vault;

const MIDNIGHT: u64 = 1_795_564_800_000;

struct Site {
    root: tempfile::TempDir,
    vault: Vault,
}

impl Site {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        Self { vault: vault_in(root.path(), || UnixMillis(1)), root }
    }

    fn dir(&self) -> std::path::PathBuf {
        self.root.path().join("spool")
    }

    fn put(&self, size: u64, at: u64, is_handover: bool) -> Signed {
        let keys = self.vault.checkpoint_keys();
        let key = |public| VerifyingKey { site: "ward-7".parse().unwrap(), public };
        let next = is_handover.then(|| key(keys.next));
        let mark = Mark { size, ..Mark::empty() };
        let (at, prev) = (UnixMillis(at), Digest([0; 32]));
        let checkpoint = Checkpoint { mark, at, prev, key: key(keys.current), next };
        let signature = self.vault.sign_checkpoint(checkpoint.text().as_bytes());
        let signed = Signed::new(checkpoint, &signature).unwrap();
        put(&self.dir(), &signed, keys.number).unwrap();
        signed
    }

    /// Three days on which nothing happens but that keys are replaced, and a last one with two more records.
    fn idle_days(&self) -> Vec<Signed> {
        let mut signed = vec![self.put(7, MIDNIGHT - 5, false)];
        for day in 0..3 {
            signed.push(self.put(7, MIDNIGHT + day * DAY_MS, true));
            self.vault.rotate_checkpoint_key().unwrap();
            signed.push(self.put(7, MIDNIGHT + day * DAY_MS, false));
        }
        signed.push(self.put(9, MIDNIGHT + 3 * DAY_MS, false));
        signed
    }
}

#[test]
fn syslog_times_are_those_of_rfc_3164() {
    assert_eq!(stamp(UnixMillis(1_795_502_192_007)), "Nov 24 06:36:32");
    assert_eq!(stamp(UnixMillis(1_800_000_000_000)), "Jan 15 08:00:00");
    assert_eq!(stamp(UnixMillis(1_801_440_000_000)), "Feb  1 00:00:00");
}

#[test]
fn every_note_of_idle_midnights_stays_and_they_sort_as_they_were_signed() {
    let site = Site::new();
    let signed = site.idle_days();
    let found = read(&site.dir());
    assert_eq!((found.notes, found.strange, found.unread), (signed, 0, 0));
}

#[test]
fn notes_of_all_keys_are_ours_and_a_log_that_was_put_back_is_found_out() {
    // A46: a ledger that was rolled back with its log is refused by what the folder holds.
    let site = Site::new();
    let signed = site.idle_days();
    for kept in [signed.len(), signed.len() - 1, 1] {
        let ledger = tempfile::tempdir().unwrap();
        let mut log = ledger::CheckpointLog::open(ledger.path()).unwrap();
        signed[..kept].iter().for_each(|note| log.append(note.clone()).unwrap());
        let keys = site.vault.checkpoint_keys();
        // A key two turns behind is refused at once: log and vault are not of the same time.
        let known = crate::checkpoints::known_in(&site.dir(), ledger.path(), keys);
        if kept == 1 {
            assert!(known.is_err());
            continue;
        }
        let (marks, strange) = known.unwrap();
        assert_eq!((marks.iter().map(|mark| mark.size).max(), strange), (Some(9), 0), "{kept}");
    }
    // The vault was put back, too: the handovers in the folder lead on from its key.
    let ledger = tempfile::tempdir().unwrap();
    let mut log = ledger::CheckpointLog::open(ledger.path()).unwrap();
    log.append(signed[0].clone()).unwrap();
    let (first, second) = (&signed[1].checkpoint, &signed[1].checkpoint.next);
    let next = second.as_ref().unwrap().public;
    let keys = vault::CheckpointKeys { number: 1, current: first.key.public, next };
    let (marks, strange) = crate::checkpoints::known_in(&site.dir(), ledger.path(), keys).unwrap();
    assert_eq!((marks.iter().map(|mark| mark.size).max(), strange), (Some(9), 0));
}

#[test]
fn the_note_that_was_just_put_stays_whatever_else_lies_there() {
    let site = Site::new();
    fs::create_dir(site.dir()).unwrap();
    // An earlier chain, and names that sort behind ours.
    let name = |number: usize| match number % 2 {
        0 => format!("checkpoint-{:012}.note", 1_000_000 + number),
        _ => format!("checkpoint-9999-{number:012}.note"),
    };
    (0..FILES_MAX + 20).for_each(|number| fs::write(site.dir().join(name(number)), "x").unwrap());
    let signed = site.put(7, MIDNIGHT, false);
    assert!(read(&site.dir()).notes == [signed]);
    assert_eq!(fs::read_dir(site.dir()).unwrap().count(), FILES_MAX);
}

#[test]
fn pipes_links_and_folders_are_no_checkpoints_and_are_not_waited_for() {
    let site = Site::new();
    let signed = site.put(7, MIDNIGHT, false);
    let dir = site.dir();
    assert!(Command::new("mkfifo").arg(dir.join("checkpoint-0.note")).status().unwrap().success());
    assert!(Command::new("mkfifo").arg(dir.join(STAGED_NAME)).status().unwrap().success());
    let outside = site.root.path().join("outside");
    fs::write(&outside, signed.note()).unwrap();
    std::os::unix::fs::symlink(&outside, dir.join("checkpoint-1.note")).unwrap();
    fs::create_dir(dir.join("checkpoint-2.note")).unwrap();
    fs::write(dir.join("checkpoint-3.note"), vec![0xff; 5_000_000]).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(dir.join("checkpoint-4.note")).unwrap();
    let later = site.put(8, MIDNIGHT, false);
    let found = read(&dir);
    assert_eq!((found.notes, found.strange, found.unread), (vec![signed, later], 5, 0));
}

#[test]
fn what_cannot_be_read_is_told_and_the_rest_is_read() {
    let site = Site::new();
    assert!(read(&site.dir()).fault.is_none(), "no folder yet");
    let file = site.root.path().join("file");
    fs::write(&file, "").unwrap();
    let found = read(&file);
    assert_eq!((found.notes.len(), found.unread), (0, 1));
    let signed = site.put(7, MIDNIGHT, false);
    let closed = site.dir().join("checkpoint-0.note");
    fs::write(&closed, signed.note()).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    // Root may read everything.
    let is_root = fs::read(&closed).is_ok();
    let found = read(&site.dir());
    let expected = if is_root { (2, 0, false) } else { (1, 1, true) };
    assert_eq!((found.notes.len(), found.unread, found.fault.is_some()), expected);
}

#[test]
fn a_line_of_syslog_holds_the_whole_note() {
    let site = Site::new();
    let signed = site.put(4711, MIDNIGHT, false);
    let line = line(&signed);
    assert!(
        !line.contains('\n')
            && line.starts_with("<109>Nov 25 00:00:00 lazaretd: checkpoint site=ward-7 size=4711 ")
    );
    // As an auditor takes it out, with the tools of any machine.
    let script = "sed 's/.* note=//' | base64 -d";
    let mut shell = Command::new("sh");
    let shell =
        shell.args(["-c", script]).stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = shell.spawn().unwrap();
    child.stdin.take().unwrap().write_all(line.as_bytes()).unwrap();
    let note = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!(Signed::parse(&note).unwrap(), signed);
}
