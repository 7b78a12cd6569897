//! Reads the directories of a TIFF or BigTIFF (and of Exif) within the bounds of the file.
//!
//! Knows numbers and where they lie; what they mean is `tiff_page.rs`. Every offset and count is
//! checked against the file before it is followed, so nothing here can read outside or run forever.

use std::collections::HashSet;
use types::{Limits, Reason};

/// A TIFF file, not yet read.
#[derive(Clone, Copy)]
pub(crate) struct Tiff<'a> {
    bytes: &'a [u8],
    big_endian: bool,
    big: bool,
    first: u64,
}

/// One image file directory.
pub(crate) struct Directory<'a> {
    file: Tiff<'a>,
    entries: Vec<Entry>,
    next: u64,
}

struct Entry {
    tag: u16,
    kind: u16,
    count: u64,
    /// Where its values lie in the file.
    at: usize,
}

/// Most values of one tag: a page of 64 Mpx in tiles of 8×8 px has as many.
const VALUES_MAX: u64 = 1 << 20;

impl<'a> Tiff<'a> {
    /// Reads the header.
    pub(crate) fn open(bytes: &'a [u8]) -> Result<Self, Reason> {
        let (big_endian, big) = match bytes {
            [b'I', b'I', 42, 0, ..] => (false, false),
            [b'M', b'M', 0, 42, ..] => (true, false),
            [b'I', b'I', 43, 0, 8, 0, 0, 0, ..] => (false, true),
            [b'M', b'M', 0, 43, 0, 8, 0, 0, ..] => (true, true),
            _ if bytes.len() < 8 => return Err(Reason::Truncated),
            _ => return Err(Reason::Malformed),
        };
        let mut file = Self { bytes, big_endian, big, first: 0 };
        file.first = if big { file.number(8, 8)? } else { file.number(4, 4)? };
        Ok(file)
    }

    /// Numbers, and samples of 16 bits, have their high byte first.
    pub(crate) fn is_big_endian(self) -> bool {
        self.big_endian
    }

    /// All directories of the chain.
    pub(crate) fn directories(self, limits: &Limits) -> Result<Vec<Directory<'a>>, Reason> {
        let (mut directories, mut seen, mut objects) = (Vec::new(), HashSet::new(), 0);
        let mut at = self.first;
        while at != 0 {
            if !seen.insert(at) {
                return Err(Reason::Malformed);
            }
            if directories.len() as u64 >= u64::from(limits.pages_max) {
                return Err(Reason::TooManyPages);
            }
            let directory = self.directory(at, limits)?;
            objects += directory.entries.len() as u64 + 1;
            if objects > u64::from(limits.objects_max) {
                return Err(Reason::TooManyObjects);
            }
            at = directory.next;
            directories.push(directory);
        }
        if directories.is_empty() { Err(Reason::NoPages) } else { Ok(directories) }
    }

    /// The first directory alone.
    pub(crate) fn first_directory(self, limits: &Limits) -> Result<Directory<'a>, Reason> {
        self.directory(self.first, limits)
    }

    /// The bytes from `at`, as many as `count`.
    pub(crate) fn slice(self, at: u64, count: u64) -> Result<&'a [u8], Reason> {
        let range =
            usize::try_from(at).ok().zip(at.checked_add(count).and_then(|end| usize::try_from(end).ok()));
        range.and_then(|(start, end)| self.bytes.get(start..end)).ok_or(Reason::Truncated)
    }

    /// How many bytes lie from `at` to the end of the file.
    pub(crate) fn bytes_after(self, at: u64) -> Result<u64, Reason> {
        (self.bytes.len() as u64).checked_sub(at).ok_or(Reason::Truncated)
    }

    fn directory(self, at: u64, limits: &Limits) -> Result<Directory<'a>, Reason> {
        let (count_bytes, entry_bytes, pointer_bytes) = if self.big { (8, 20, 8) } else { (2, 12, 4) };
        let count = self.number(at, count_bytes)?;
        if count > u64::from(limits.objects_max) {
            return Err(Reason::TooManyObjects);
        }
        let start = at + count_bytes;
        let end = start + count * entry_bytes;
        self.slice(start, count * entry_bytes)?;
        let entries = (0..count)
            .filter_map(|i| self.entry(start + i * entry_bytes).transpose())
            .collect::<Result<_, _>>()?;
        // A file that ends right behind its last directory lacks only the null pointer.
        let next = self.number(end, pointer_bytes).unwrap_or(0);
        Ok(Directory { file: self, entries, next })
    }

    /// The entry at `at`; none when its kind is unknown, as the format asks of readers.
    fn entry(self, at: u64) -> Result<Option<Entry>, Reason> {
        let (tag, kind) = (self.number(at, 2)?, self.number(at + 2, 2)?);
        let (count, field, inline) = if self.big {
            (self.number(at + 4, 8)?, at + 12, 8)
        } else {
            (self.number(at + 4, 4)?, at + 8, 4)
        };
        let (tag, kind) = (u16::try_from(tag).unwrap_or_default(), u16::try_from(kind).unwrap_or_default());
        let Some(size) = value_bytes(kind) else { return Ok(None) };
        let bytes = count.checked_mul(size).ok_or(Reason::Malformed)?;
        let at = if bytes <= inline { field } else { self.number(field, inline)? };
        Ok(Some(Entry { tag, kind, count, at: usize::try_from(at).map_err(|_| Reason::Malformed)? }))
    }

    /// The unsigned number of `bytes` (1, 2, 4 or 8) bytes at `at`.
    fn number(self, at: u64, bytes: u64) -> Result<u64, Reason> {
        let digits = self.slice(at, bytes)?.iter().map(|byte| u64::from(*byte));
        let append = |number: u64, digit: u64| number << 8 | digit;
        Ok(if self.big_endian { digits.fold(0, append) } else { digits.rev().fold(0, append) })
    }
}

impl<'a> Directory<'a> {
    /// The file it belongs to.
    pub(crate) fn file(&self) -> Tiff<'a> {
        self.file
    }

    /// The first value of a tag.
    pub(crate) fn number(&self, tag: u16) -> Option<u64> {
        let entry = self.entry(tag).filter(|entry| entry.count > 0)?;
        self.file.number(entry.at as u64, unsigned_bytes(entry.kind)?).ok()
    }

    /// All values of a tag; empty when it is absent.
    pub(crate) fn numbers(&self, tag: u16) -> Result<Vec<u64>, Reason> {
        let Some(entry) = self.entry(tag) else { return Ok(Vec::new()) };
        let size = unsigned_bytes(entry.kind).ok_or(Reason::Malformed)?;
        if entry.count > VALUES_MAX {
            return Err(Reason::TooManyObjects);
        }
        self.file.slice(entry.at as u64, entry.count * size)?;
        (0..entry.count).map(|i| self.file.number(entry.at as u64 + i * size, size)).collect()
    }

    /// The first value of a rational tag.
    pub(crate) fn rational(&self, tag: u16) -> Option<f64> {
        let entry = self.entry(tag).filter(|entry| entry.count > 0 && entry.kind == RATIONAL)?;
        let part = |offset| {
            self.file
                .number((entry.at as u64).saturating_add(offset), 4)
                .ok()
                .and_then(|n| u32::try_from(n).ok())
        };
        let (above, below) = (f64::from(part(0)?), f64::from(part(4)?));
        (below > 0.0).then_some(above / below)
    }

    /// The bytes of a byte tag.
    pub(crate) fn bytes(&self, tag: u16) -> Option<&'a [u8]> {
        let entry = self.entry(tag).filter(|entry| matches!(entry.kind, BYTE | UNDEFINED))?;
        self.file.slice(entry.at as u64, entry.count).ok()
    }

    fn entry(&self, tag: u16) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.tag == tag)
    }
}

const BYTE: u16 = 1;
const RATIONAL: u16 = 5;
const UNDEFINED: u16 = 7;

/// Bytes of one value of a kind.
const fn value_bytes(kind: u16) -> Option<u64> {
    match kind {
        1 | 2 | 6 | 7 => Some(1),
        3 | 8 => Some(2),
        4 | 9 | 11 | 13 => Some(4),
        5 | 10 | 12 | 16 | 17 | 18 => Some(8),
        _ => None,
    }
}

/// Bytes of one value of a kind that holds unsigned numbers.
const fn unsigned_bytes(kind: u16) -> Option<u64> {
    match kind {
        1 | 3 | 4 | 7 | 13 | 16 | 18 => value_bytes(kind),
        _ => None,
    }
}
