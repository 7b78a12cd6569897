//! Checkpoints: what the ledger is at one moment, signed, in a form that may leave the appliance.
//!
//! The form is a C2SP signed note (Ed25519) around a C2SP tlog-checkpoint; every line is described in
//! `docs/reference/ledger-format.md`. What was parsed here is signed by the key it names. Whether that
//! key is to be believed is a matter of the chain (`keychain.rs`).

use crate::Mark;
use crate::merkle::sha256;
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use std::{fmt, str::FromStr};
use types::{Digest, Label, UnixMillis};

/// Longest note; ours have at most about 900 bytes, with a site name of 64.
pub const NOTE_BYTES_MAX: usize = 1024;
/// Bytes of an Ed25519 signature.
pub const SIGNATURE_BYTES: usize = 64;

/// Keys and origins are named so, with the site behind it.
const ORIGIN_PREFIX: &str = "lazaret/";
/// The algorithm byte of Ed25519 in signed notes.
const ED25519_BYTE: u8 = 1;
/// Stands for the next key in all notes but the last of a key.
const NO_KEY: &str = "none";
const SIGNATURE_PREFIX: &str = "\u{2014} ";
const KEY_HASH_BYTES: usize = 4;

/// Why a text is no checkpoint.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NoteFault {
    /// Longer than a note may be.
    #[error("expected at most {NOTE_BYTES_MAX} bytes, found {0}")]
    TooLong(usize),
    /// Not UTF-8.
    #[error("expected text in UTF-8")]
    NotText,
    /// A line is not what it must be.
    #[error("line {line}: expected {expected}")]
    Line {
        /// From 1.
        line: usize,
        /// What should stand there.
        expected: &'static str,
    },
    /// The text was changed, or the signature is another's.
    #[error("the signature does not fit the text and its key: one of them was changed")]
    Signature,
}

/// A public key of the appliance, under its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct VerifyingKey {
    /// The site.
    pub site: Label,
    /// The Ed25519 key.
    pub public: [u8; 32],
}

impl VerifyingKey {
    /// The name that notes give it.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{ORIGIN_PREFIX}{}", self.site)
    }

    fn algorithm_and_key(&self) -> [u8; 33] {
        let mut bytes = [ED25519_BYTE; 33];
        bytes[1..].copy_from_slice(&self.public);
        bytes
    }

    /// The first bytes of SHA-256 over name, newline, algorithm and key.
    fn hash(&self) -> [u8; KEY_HASH_BYTES] {
        let digest = sha256(&[self.name().as_bytes(), b"\n", &self.algorithm_and_key()]);
        *digest.0.first_chunk().expect("4 of 32 bytes")
    }

    fn verifies(&self, text: &str, signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.public).verify(text.as_bytes(), signature).is_ok()
    }
}

/// As in signed notes: name, key hash in hex, algorithm and key in base64, with plus signs between.
impl fmt::Display for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hash = u32::from_be_bytes(self.hash());
        write!(f, "{}+{hash:08x}+{}", self.name(), BASE64.encode(self.algorithm_and_key()))
    }
}

/// The text is no key of an appliance.
#[derive(Debug, thiserror::Error)]
#[error("not a key: expected lazaret/SITE+HASH+BASE64 on one line, as `lazaretctl audit pubkey` prints it")]
pub struct BadKey;

impl FromStr for VerifyingKey {
    type Err = BadKey;

    fn from_str(text: &str) -> Result<Self, BadKey> {
        let mut parts = text.splitn(3, '+');
        let (name, _, key) = (parts.next(), parts.next(), parts.next());
        let site = name.and_then(|name| name.strip_prefix(ORIGIN_PREFIX)).and_then(|site| site.parse().ok());
        let bytes = key.and_then(|key| BASE64.decode(key).ok());
        let public = bytes.and_then(|bytes| bytes.get(1..).and_then(|key| key.try_into().ok()));
        let (Some(site), Some(public)) = (site, public) else { return Err(BadKey) };
        let key = Self { site, public };
        // Hash, algorithm and spelling are right when writing it again gives the same text.
        if key.to_string() == text { Ok(key) } else { Err(BadKey) }
    }
}

/// A root as somebody noted it: 64 hex digits, or base64 as in a note.
#[must_use]
pub fn noted_root(text: &str) -> Option<Digest> {
    let base64 = || BASE64.decode(text).ok()?.try_into().ok().map(Digest);
    text.parse().ok().or_else(base64)
}

/// What a checkpoint says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The ledger at this moment.
    pub mark: Mark,
    /// When it was signed.
    pub at: UnixMillis,
    /// SHA-256 of the whole note before it in the log; zeros in the first.
    pub prev: Digest,
    /// Who signs.
    pub key: VerifyingKey,
    /// Who signs from now on: set in the last note of a key, the handover, and in no other. Announced
    /// earlier, the next key could claim to have taken over earlier.
    pub next: Option<VerifyingKey>,
}

impl Checkpoint {
    /// The text that is signed.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { mark, at, prev, key, next } = self;
        let (origin, size, root) = (key.name(), mark.size, BASE64.encode(mark.root.0));
        let next = next.as_ref().map_or_else(|| NO_KEY.to_owned(), ToString::to_string);
        format!(
            "{origin}\n{size}\n{root}\ntime {at}\ntip {}\nprev {prev}\nkey {key}\nnext-key {next}\n",
            mark.tip
        )
    }
}

/// A checkpoint and its signature, which fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// What it says.
    pub checkpoint: Checkpoint,
    note: String,
}

impl Signed {
    /// Puts text and signature together.
    ///
    /// # Errors
    /// When the signature is not that of the checkpoint's key.
    pub fn new(checkpoint: Checkpoint, signature: &[u8; SIGNATURE_BYTES]) -> Result<Self, NoteFault> {
        let text = checkpoint.text();
        if !checkpoint.key.verifies(&text, signature) {
            return Err(NoteFault::Signature);
        }
        let signed = BASE64.encode([checkpoint.key.hash().as_slice(), signature].concat());
        let note = format!("{text}\n{SIGNATURE_PREFIX}{} {signed}\n", checkpoint.key.name());
        Ok(Self { checkpoint, note })
    }

    /// Reads a note: exactly the lines that [`Self::new`] writes, and one signature, which must fit.
    ///
    /// # Errors
    /// [`NoteFault`] with the line.
    pub fn parse(note: &str) -> Result<Self, NoteFault> {
        if note.len() > NOTE_BYTES_MAX {
            return Err(NoteFault::TooLong(note.len()));
        }
        let mut lines = Lines { lines: note.split('\n'), line: 0 };
        let origin = lines.next("", "the origin lazaret/SITE")?;
        let size = lines.parsed("", "the number of records")?;
        let root = lines.with("", "the root, 32 bytes in base64", |text| {
            Some(Digest(BASE64.decode(text).ok()?.try_into().ok()?))
        })?;
        let at = lines.parsed("time ", "time and a time in UTC with milliseconds")?;
        let tip = lines.parsed("tip ", "tip and 64 hex digits")?;
        let prev = lines.parsed("prev ", "prev and 64 hex digits")?;
        let key: VerifyingKey = lines.parsed("key ", "key and the key that signs")?;
        let next = lines.with("next-key ", "next-key, and none or the key that follows", |text| {
            if text == NO_KEY { Some(None) } else { text.parse().ok().map(Some) }
        })?;
        lines.next("", "an empty line")?;
        let signature = lines.with(SIGNATURE_PREFIX, "\u{2014} lazaret/SITE SIGNATURE", |line| {
            BASE64.decode(line.split_once(' ')?.1).ok()?.get(KEY_HASH_BYTES..)?.try_into().ok()
        })?;
        if origin != key.name() {
            return Err(NoteFault::Line { line: 1, expected: "the name of the key that signs" });
        }
        let checkpoint = Checkpoint { mark: Mark { size, root, tip }, at, prev, key, next };
        let signed = Self::new(checkpoint, &signature)?;
        // One checkpoint has one spelling.
        match signed.note.split('\n').zip(note.split('\n')).position(|(ours, theirs)| ours != theirs) {
            Some(index) => {
                Err(NoteFault::Line { line: index + 1, expected: "the one spelling of this line" })
            }
            None if signed.note.len() == note.len() => Ok(signed),
            None => Err(NoteFault::Line { line: 11, expected: "the end" }),
        }
    }

    /// The whole note.
    #[must_use]
    pub fn note(&self) -> &str {
        &self.note
    }

    /// The whole note in base64: one word, for places that have no lines.
    #[must_use]
    pub fn one_word(&self) -> String {
        BASE64.encode(&self.note)
    }

    /// SHA-256 of the note, which the next one carries.
    #[must_use]
    pub fn hash(&self) -> Digest {
        sha256(&[self.note.as_bytes()])
    }
}

struct Lines<'a> {
    lines: std::str::Split<'a, char>,
    line: usize,
}

impl<'a> Lines<'a> {
    fn with<T>(
        &mut self,
        prefix: &str,
        expected: &'static str,
        read: impl FnOnce(&'a str) -> Option<T>,
    ) -> Result<T, NoteFault> {
        self.line += 1;
        let found = self.lines.next().and_then(|line| line.strip_prefix(prefix)).and_then(read);
        found.ok_or(NoteFault::Line { line: self.line, expected })
    }

    fn next(&mut self, prefix: &str, expected: &'static str) -> Result<&'a str, NoteFault> {
        self.with(prefix, expected, Some)
    }

    fn parsed<T: FromStr>(&mut self, prefix: &str, expected: &'static str) -> Result<T, NoteFault> {
        self.with(prefix, expected, |text| text.parse().ok())
    }
}
