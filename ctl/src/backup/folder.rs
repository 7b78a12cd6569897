//! The folder of a backup: what lies in it under which name.

use super::{
    Place,
    manifest::{Card, readable},
    medium::{PIECE_BYTES, TEMPORARY_PREFIX, hash, names, open, open_with, read, remove, write},
};
use crate::fail::{Exit, Failure, Outcome};
use crate::setup::files;
use std::{
    collections::BTreeMap,
    fs::{self, File, TryLockError},
    io::{BufRead as _, BufReader, Read as _},
    path::PathBuf,
};
use types::{Digest, RunId};
use vault::BlobName;

const CARD: &str = "lazaret-backup.json";
const LOCK: &str = "lock";
const LEDGER: &str = "ledger";
const BLOBS: &str = "blobs";
const RUNS: &str = "runs";
const KEYS: &str = "keys";
/// It goes with the lists of earlier runs when one is whole.
const PARTIAL: &str = "partial.sha256";
/// Longest line of a list: two hex digests and a path of ours are 130 bytes.
pub(super) const LINE_BYTES_MAX: u64 = 512;

/// Hash of each blob, by name.
pub(crate) type Hashes = BTreeMap<String, Digest>;

/// The folder of a backup.
pub(crate) struct Folder {
    pub(crate) dir: PathBuf,
    keys_dir: PathBuf,
}

impl Folder {
    /// A folder that holds a backup.
    pub(crate) fn open(place: &Place) -> Outcome<Self> {
        let folder = Self::at(place);
        folder.card()?;
        Ok(folder)
    }

    fn at(place: &Place) -> Self {
        let keys_dir = place.keys_dir.clone().unwrap_or_else(|| place.dir.join(KEYS));
        Self { dir: place.dir.clone(), keys_dir }
    }

    /// A folder that holds a backup, or an empty one that may begin one.
    pub(crate) fn enter(place: &Place) -> Outcome<Self> {
        if place.dir.join(CARD).exists() {
            return Self::open(place);
        }
        files::folder(&place.dir)?;
        let left_by_us = |name: &String| name == LOCK || name.starts_with(TEMPORARY_PREFIX);
        if !names(&place.dir)?.iter().all(left_by_us) {
            let message = "it is not empty and holds no backup; choose another folder";
            return Err(Failure::new(Exit::Conflict, message).about(&place.dir));
        }
        Ok(Self::at(place))
    }

    /// Makes it the backup of this appliance, unless it is that of another.
    pub(crate) fn begin(&self, card: &Card) -> Outcome {
        let path = self.dir.join(CARD);
        if !path.exists() {
            let json = serde_json::to_string_pretty(card)
                .map_err(|error| Failure::new(Exit::Failure, error.to_string()))?;
            write(&path, format!("{json}\n").as_bytes())?;
            eprintln!("lazaretctl: {} was empty; a new backup begins there", self.dir.display());
        }
        let found = self.card()?;
        if (&found.site, found.verifying_key) != (&card.site, card.verifying_key) {
            let message = format!(
                "it is the backup of {} with key {}, but this appliance is {} with key {}; choose another folder",
                found.site, found.verifying_key, card.site, card.verifying_key
            );
            return Err(Failure::new(Exit::Conflict, message).about(&self.dir));
        }
        for sub in [LEDGER, BLOBS, RUNS] {
            files::folder(&self.dir.join(sub))?;
        }
        files::folder(&self.keys_dir)
    }

    /// Removes files that runs which broke off were writing, also those of keys.
    pub(crate) fn clear(&self) -> Outcome {
        for dir in [&self.dir, &self.dir.join(RUNS), &self.keys_dir] {
            for name in names(dir)?.iter().filter(|name| name.starts_with(TEMPORARY_PREFIX)) {
                remove(&dir.join(name))?;
            }
        }
        Ok(())
    }

    /// Keeps other runs away as long as the file is open.
    pub(crate) fn lock(&self) -> Outcome<File> {
        let path = self.dir.join(LOCK);
        let file = open_with(File::options().write(true).create(true).truncate(false), &path)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => {
                Err(Failure::new(Exit::Temporary, "another backup writes to this folder").about(&self.dir))
            }
            Err(TryLockError::Error(error)) => Err(Failure::file(&path, &error)),
        }
    }

    /// What it says of itself.
    pub(crate) fn card(&self) -> Outcome<Card> {
        let path = self.dir.join(CARD);
        let text = read(&path)?;
        let wrong = |_| Failure::new(Exit::Findings, "it is no card of a backup").about(&path);
        let card: Card = serde_json::from_slice(&text).map_err(wrong)?;
        readable(card.format).map_err(|failure| failure.about(&path))?;
        Ok(card)
    }

    /// All runs that ended, oldest first.
    pub(crate) fn runs(&self) -> Outcome<Vec<RunId>> {
        let named = |name: &str| name.strip_suffix(".sig")?.parse().ok();
        let mut runs: Vec<RunId> =
            names(&self.dir.join(RUNS))?.iter().filter_map(|name| named(name)).collect();
        runs.sort();
        Ok(runs)
    }

    /// A file of a run.
    pub(crate) fn run_file(&self, run: RunId, ending: &str) -> PathBuf {
        self.dir.join(RUNS).join(format!("{run}.{ending}"))
    }

    /// Removes the lists of other runs, and the manifests of those that never ended.
    pub(crate) fn remove_other_lists(&self, run: RunId) -> Outcome {
        let ended: Vec<String> = self.runs()?.iter().map(ToString::to_string).collect();
        for name in names(&self.dir.join(RUNS))? {
            let stale = match name.split_once('.') {
                Some((stem, "sha256")) => stem != run.to_string(),
                Some((stem, "json")) => !ended.iter().any(|ended| ended == stem),
                _ => false,
            };
            if stale {
                remove(&self.dir.join(RUNS).join(&name))?;
            }
        }
        Ok(())
    }

    /// A file of keys.
    pub(crate) fn keys_file(&self, run: RunId) -> PathBuf {
        self.keys_dir.join(format!("keys-{run}.age"))
    }

    /// Files of keys, oldest first.
    pub(crate) fn keys(&self) -> Outcome<Vec<RunId>> {
        let named = |name: &str| name.strip_prefix("keys-")?.strip_suffix(".age")?.parse().ok();
        let mut keys: Vec<RunId> = names(&self.keys_dir)?.iter().filter_map(|name| named(name)).collect();
        keys.sort();
        Ok(keys)
    }

    /// The folder of the ledger's files.
    pub(crate) fn ledger(&self) -> PathBuf {
        self.dir.join(LEDGER)
    }

    /// So many first bytes of a file of the ledger as are as they were signed: all of them, or none.
    pub(crate) fn still_has(&self, name: &str, signed: u64, expected: &Digest) -> Outcome<u64> {
        let path = self.ledger().join(name);
        if path.exists() && hash(&path, signed)? == (signed, *expected) { Ok(signed) } else { Ok(0) }
    }

    /// What the run under way, or one that broke off, has fetched.
    pub(crate) fn partial_list(&self) -> PathBuf {
        self.dir.join(RUNS).join(PARTIAL)
    }

    /// Where a blob lies.
    pub(crate) fn blob(&self, name: BlobName) -> PathBuf {
        self.dir.join(BLOBS).join(name.to_string())
    }

    /// Every blob that is there, with its size; temporary files of runs that broke off are removed.
    pub(crate) fn blobs(&self) -> Outcome<BTreeMap<String, (BlobName, u64)>> {
        let root = self.dir.join(BLOBS);
        let mut found = BTreeMap::new();
        for doc in names(&root)? {
            for file in names(&root.join(&doc))? {
                let path = root.join(&doc).join(&file);
                let text = format!("{doc}/{file}");
                if let Ok(name) = text.parse::<BlobName>() {
                    let facts = fs::metadata(&path).map_err(|error| Failure::file(&path, &error))?;
                    found.insert(text, (name, facts.len()));
                } else if file.starts_with(TEMPORARY_PREFIX) {
                    remove(&path)?;
                }
            }
        }
        Ok(found)
    }

    /// Removes a blob, and its folder with the last one.
    pub(crate) fn remove_blob(&self, name: BlobName) -> Outcome {
        let path = self.blob(name);
        remove(&path)?;
        if let Some(dir) = path.parent()
            && names(dir)?.is_empty()
        {
            fs::remove_dir(dir).map_err(|error| Failure::file(dir, &error))?;
        }
        Ok(())
    }

    /// The list of a run; its lines are `SHA-256  PATH`, as `sha256sum --check` reads them.
    pub(crate) fn list(&self, run: RunId) -> Outcome<Hashes> {
        let path = self.run_file(run, "sha256");
        let file = open(&path)?;
        let mut reader = BufReader::with_capacity(PIECE_BYTES, file);
        let (mut hashes, mut line) = (Hashes::new(), String::new());
        loop {
            line.clear();
            let read = reader.by_ref().take(LINE_BYTES_MAX).read_line(&mut line);
            if read.map_err(|error| Failure::file(&path, &error))? == 0 {
                return Ok(hashes);
            }
            let Some((hash, name)) = parse_line(&line) else {
                return Err(Failure::new(Exit::Findings, "it is no list of hashes").about(&path));
            };
            hashes.insert(name.to_owned(), hash);
        }
    }
}

/// Text of a list.
pub(crate) fn list_text(hashes: &Hashes) -> String {
    hashes.iter().map(|(path, hash)| list_line(path, hash)).collect()
}

/// A line of it.
pub(crate) fn list_line(path: &str, sha256: &Digest) -> String {
    format!("{sha256}  {path}\n")
}

/// What a whole line says.
pub(crate) fn parse_line(line: &str) -> Option<(Digest, &str)> {
    let (hash, path) = line.strip_suffix('\n')?.split_once("  ")?;
    Some((hash.parse().ok()?, path))
}
