//! Files seen in an inbox and what became of each, counted by what the inbox sees and not by what the ledger says.
//!
//! One journal for each source in `seen/` of the state directory. A file is written there when it is first seen, and
//! again when the ledger has what became of it; so a file that went while the daemon was down is found at the next
//! start. Names are sealed notes; they are kept while the file waits, and the last ones that vanished. Numbers of
//! ledger records date everything, so the balance never depends on a clock.

use crate::{
    artefacts::hex,
    durable::{replace, settle, unless_full},
};
use std::{
    collections::{BTreeMap, VecDeque},
    fs::{self, File},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};
use types::{DocId, UnixMillis};
use vault::Vault;

const PURPOSE: &str = "file-name";
const HEADER: &str = "lazaret-sightings-1";
/// Vanished files whose names are kept; what came before is counted only.
const VANISHED_MAX: usize = 1000;

/// A file that vanished before it was claimed.
#[derive(Clone)]
pub(crate) struct Vanished {
    /// Its number.
    pub(crate) entry: u64,
    /// When that was noticed.
    pub(crate) at: UnixMillis,
    /// Its name, sealed.
    pub(crate) name: Vec<u8>,
}

/// What a source was seen with up to some record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Files that waited when the last day was closed.
    pub(crate) opening: u64,
    /// Files first seen since.
    pub(crate) seen: u64,
    /// Files that wait.
    pub(crate) waiting: u64,
    /// Files ever seen.
    pub(crate) ever: u64,
}

/// The journal of one source.
pub(crate) struct Sightings {
    path: PathBuf,
    file: File,
    /// Bytes of the file that are whole lines.
    whole: u64,
    /// Lines that a full disk kept from being written.
    pending: String,
    next: u64,
    /// The first number of this run.
    first: u64,
    through: u64,
    base_seen: u64,
    base_resolved: u64,
    /// Records at which files were seen, and at which they were resolved, after `through`.
    seen: Vec<u64>,
    resolved: Vec<u64>,
    lying: BTreeMap<Vec<u8>, VecDeque<u64>>,
    claimed: BTreeMap<DocId, (u64, Vec<u8>)>,
    vanished: VecDeque<Vanished>,
}

impl Sightings {
    /// Reads the journal; a missing one begins with `ever` files, which are all accounted for.
    pub(crate) fn open(path: PathBuf, vault: &Vault, through: u64, ever: u64) -> io::Result<Self> {
        let (text, is_new) = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                (format!("{HEADER} {through} {ever} {ever} {}\n", ever + 1), true)
            }
            read => (read?, false),
        };
        let file = File::options().create(true).append(true).mode(0o600).open(&path)?;
        let mut journal = Self {
            path,
            file,
            whole: 0,
            pending: String::new(),
            next: 1,
            first: 0,
            through: 0,
            base_seen: 0,
            base_resolved: 0,
            seen: Vec::new(),
            resolved: Vec::new(),
            lying: BTreeMap::new(),
            claimed: BTreeMap::new(),
            vanished: VecDeque::new(),
        };
        let mut names = BTreeMap::new();
        // A last line without its end was cut short by a crash and never acted upon.
        for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
            journal.replay(line, vault, &mut names);
        }
        for (number, name) in names {
            journal.lying.entry(name).or_default().push_back(number);
        }
        journal.first = journal.next;
        // As it lies there, should a full disk keep it from being written anew: without the end of a line that was
        // cut short, which the next line must not join.
        let whole = text.rfind('\n').map_or(0, |end| end + 1) as u64;
        (journal.whole, journal.pending) = if is_new { (0, text) } else { (whole, String::new()) };
        journal.file.set_len(journal.whole)?;
        unless_full(journal.compact(vault), "a journal of files seen")?;
        Ok(journal)
    }

    fn replay(&mut self, line: &str, vault: &Vault, names: &mut BTreeMap<u64, Vec<u8>>) {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |at: usize| words.get(at).and_then(|word| word.parse::<u64>().ok()).unwrap_or_default();
        let sealed = |at: usize| words.get(at).and_then(|word| unhex(word)).unwrap_or_default();
        // A name that no longer opens still counts as a file.
        let name = |at: usize| {
            vault.open_note(PURPOSE, &sealed(at)).unwrap_or_else(|| format!("?{}", number(1)).into_bytes())
        };
        match words.first().copied() {
            Some(HEADER) => {
                (self.through, self.base_seen) = (number(1), number(2));
                (self.base_resolved, self.next) = (number(3), number(4));
            }
            Some("s") => self.seen.push(number(1)),
            Some("d") => self.resolved.push(number(1)),
            Some("o" | "~") => drop(names.insert(number(1), name(2))),
            Some("+") => {
                self.next = self.next.max(number(1) + 1);
                self.seen.push(number(2));
                names.insert(number(1), name(3));
            }
            Some("-") => {
                self.resolved.push(number(2));
                names.remove(&number(1));
            }
            Some("v") => {
                self.keep_vanished(Vanished { entry: number(1), at: UnixMillis(number(2)), name: sealed(3) })
            }
            _ => {}
        }
    }

    /// Files that are seen for the first time, at this record; those that are known count once.
    pub(crate) fn sight<'n>(
        &mut self,
        names: impl IntoIterator<Item = &'n [u8]>,
        seq: u64,
        vault: &Vault,
    ) -> io::Result<()> {
        for name in names {
            if self.lying.get(name).is_some_and(|numbers| !numbers.is_empty()) {
                continue;
            }
            let number = self.next;
            self.next += 1;
            self.pending += &format!("+ {number} {seq} {}\n", hex(&seal(vault, name)));
            self.seen.push(seq);
            self.lying.entry(name.to_vec()).or_default().push_back(number);
        }
        self.write()
    }

    /// A file got another name.
    pub(crate) fn rename(&mut self, old: &[u8], new: &[u8], vault: &Vault) -> io::Result<()> {
        let Some(number) = self.take_lying(old) else { return Ok(()) };
        self.lying.entry(new.to_vec()).or_default().push_back(number);
        self.pending += &format!("~ {number} {}\n", hex(&seal(vault, new)));
        self.write()
    }

    /// The number of a file that lies in the inbox.
    pub(crate) fn number(&self, name: &[u8]) -> Option<u64> {
        self.lying.get(name)?.front().copied()
    }

    /// Whether a file was seen before the start: then a crash may have kept from here what the ledger has.
    pub(crate) fn is_of_an_earlier_run(&self, number: u64) -> bool {
        number < self.first
    }

    /// Names of all files that lie in the inbox, as far as is known.
    pub(crate) fn lying(&self) -> Vec<Vec<u8>> {
        self.lying.keys().cloned().collect()
    }

    /// A file was claimed for a document. Only in memory: after a crash it lies in `.claimed` and is claimed again.
    pub(crate) fn claim(&mut self, name: &[u8], doc: DocId) {
        if !self.claimed.contains_key(&doc)
            && let Some(number) = self.take_lying(name)
        {
            self.claimed.insert(doc, (number, name.to_vec()));
        }
    }

    /// A claimed file was put back.
    pub(crate) fn put_back(&mut self, doc: DocId) {
        if let Some((number, name)) = self.claimed.remove(&doc) {
            self.lying.entry(name).or_default().push_back(number);
        }
    }

    /// The ledger has the document of a claimed file, in this record.
    pub(crate) fn arrived(&mut self, doc: DocId, seq: u64) -> io::Result<()> {
        let Some((number, _)) = self.claimed.remove(&doc) else { return Ok(()) };
        self.resolve(number, seq);
        self.write()
    }

    /// The ledger has the refusal of a file, in this record.
    pub(crate) fn refused(&mut self, name: &[u8], seq: u64) -> io::Result<()> {
        let Some(number) = self.take_lying(name) else { return Ok(()) };
        self.resolve(number, seq);
        self.write()
    }

    /// The ledger has it that a file vanished, in this record.
    pub(crate) fn vanished(
        &mut self,
        name: &[u8],
        seq: u64,
        at: UnixMillis,
        vault: &Vault,
    ) -> io::Result<()> {
        let Some(number) = self.take_lying(name) else { return Ok(()) };
        let sealed = seal(vault, name);
        self.pending += &format!("v {number} {} {}\n", at.0, hex(&sealed));
        self.keep_vanished(Vanished { entry: number, at, name: sealed });
        self.resolve(number, seq);
        self.write()
    }

    /// The files that vanished last, oldest first.
    pub(crate) fn last_vanished(&self) -> impl Iterator<Item = &Vanished> {
        self.vanished.iter()
    }

    /// Documents of claimed files.
    pub(crate) fn claims(&self) -> Vec<DocId> {
        self.claimed.keys().copied().collect()
    }

    /// What was seen up to a record.
    pub(crate) fn counts(&self, up_to: u64) -> Counts {
        let until = |records: &[u64]| records.iter().filter(|seq| **seq <= up_to).count() as u64;
        let (seen, resolved) = (until(&self.seen), until(&self.resolved));
        let opening = self.base_seen.saturating_sub(self.base_resolved);
        let waiting = (opening + seen).saturating_sub(resolved);
        Counts { opening, seen, waiting, ever: self.base_seen + seen }
    }

    /// A day was closed at this record: what lies before is folded.
    pub(crate) fn close(&mut self, through: u64, vault: &Vault) -> io::Result<()> {
        if through <= self.through {
            return Ok(());
        }
        let fold = |records: &mut Vec<u64>| {
            let before = records.len();
            records.retain(|seq| *seq > through);
            (before - records.len()) as u64
        };
        self.base_seen += fold(&mut self.seen);
        self.base_resolved += fold(&mut self.resolved);
        self.through = through;
        self.compact(vault)
    }

    fn take_lying(&mut self, name: &[u8]) -> Option<u64> {
        let numbers = self.lying.get_mut(name)?;
        let number = numbers.pop_front();
        if numbers.is_empty() {
            self.lying.remove(name);
        }
        number
    }

    fn resolve(&mut self, number: u64, seq: u64) {
        self.pending += &format!("- {number} {seq}\n");
        self.resolved.push(seq);
    }

    fn keep_vanished(&mut self, vanished: Vanished) {
        if self.vanished.len() == VANISHED_MAX {
            self.vanished.pop_front();
        }
        self.vanished.push_back(vanished);
    }

    /// Appends what is pending, durable on return. What a full disk cut short is cut off and stays pending.
    fn write(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        if let Err(error) = self.file.write_all(self.pending.as_bytes()) {
            self.file.set_len(self.whole)?;
            return Err(error);
        }
        settle(&self.file);
        self.whole += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }

    /// Writes the journal anew, without what is over.
    fn compact(&mut self, vault: &Vault) -> io::Result<()> {
        let Self { through, base_seen, base_resolved, next, .. } = self;
        let mut text = format!("{HEADER} {through} {base_seen} {base_resolved} {next}\n");
        self.seen.iter().for_each(|seq| text += &format!("s {seq}\n"));
        self.resolved.iter().for_each(|seq| text += &format!("d {seq}\n"));
        let lying =
            self.lying.iter().flat_map(|(name, numbers)| numbers.iter().map(move |number| (number, name)));
        for (number, name) in lying.chain(self.claimed.values().map(|(number, name)| (number, name))) {
            text += &format!("o {number} {}\n", hex(&seal(vault, name)));
        }
        for Vanished { entry, at, name } in &self.vanished {
            text += &format!("v {entry} {} {}\n", at.0, hex(name));
        }
        replace(&self.path, text.as_bytes())?;
        self.file = File::options().append(true).open(&self.path)?;
        (self.whole, self.pending) = (text.len() as u64, String::new());
        Ok(())
    }
}

/// The folder of all journals.
pub(crate) fn folder(state_dir: &Path) -> PathBuf {
    state_dir.join("seen")
}

/// The journal of a source.
pub(crate) fn path_of(state_dir: &Path, source: &types::Label) -> PathBuf {
    folder(state_dir).join(source.as_str())
}

/// Makes a journal: `ever` files up to a record, and one more at each record since; all are accounted for.
pub(crate) fn begin(path: &Path, through: u64, ever: u64, since: &[u64], next: u64) -> io::Result<()> {
    let lines = since.iter().map(|seq| format!("s {seq}\nd {seq}\n"));
    let text = lines.fold(format!("{HEADER} {through} {ever} {ever} {next}\n"), |text, line| text + &line);
    replace(path, text.as_bytes())
}

/// The name of a vanished file, for those who may know it.
pub(crate) fn open_name(vault: &Vault, sealed: &[u8]) -> Option<Vec<u8>> {
    vault.open_note(PURPOSE, sealed)
}

/// Names end at 255 bytes, which a note holds.
fn seal(vault: &Vault, name: &[u8]) -> Vec<u8> {
    vault.seal_note(PURPOSE, name).unwrap_or_default()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
    text.as_bytes().chunks(2).map(digit).collect()
}

#[cfg(test)]
#[path = "sightings_tests.rs"]
mod tests;
