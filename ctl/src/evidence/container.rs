//! The zip of a bundle, read more strictly than zip tools do: stored files one behind the other, their directory,
//! the end, and nothing between, before or behind. So no file hides behind another of its name, every tool
//! unpacks what was checked here, and nothing unpacks to more than the file holds.

use super::bundle::{PATH_BYTES_MAX, is_plain};
use crate::fail::{Exit, Failure, Outcome};
use std::{collections::BTreeMap, fs::File, os::unix::fs::FileExt as _};

/// Files of a bundle: for each of at most 1,000 documents six, two more for each destruction, and five more.
const FILES_MAX: usize = 10_000;
/// Longest file of a bundle, bytes.
const FILE_BYTES_MAX: u64 = 256 << 20;
const LOCAL_BYTES: u64 = 30;
const ENTRY_BYTES: usize = 46;
const END_BYTES: u64 = 22;

/// An open bundle.
#[derive(Debug)]
pub(super) struct Container {
    file: File,
    places: BTreeMap<String, Place>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    offset: u64,
    bytes: u64,
}

fn wrong(what: &str, offset: u64) -> Failure {
    let message =
        format!("not the zip file of a bundle: {what} at byte {offset}; get the file as it was exported");
    Failure::new(Exit::Findings, message)
}

impl Container {
    pub(super) fn open(file: File) -> Outcome<Self> {
        let bytes = file.metadata().map_err(|error| Failure::new(Exit::Failure, error.to_string()))?.len();
        let end_at = bytes.checked_sub(END_BYTES).ok_or_else(|| wrong("no end of a directory", 0))?;
        let end = read(&file, end_at, END_BYTES)?;
        let (count, length, start) =
            (u16_at(&end, 10), u64::from(u32_at(&end, 12)), u64::from(u32_at(&end, 16)));
        // One disk, no comment; the directory reaches from where it says to the end.
        if !end.starts_with(b"PK\x05\x06\0\0\0\0")
            || u16_at(&end, 8) != count
            || end[20..] != [0, 0]
            || start + length != end_at
        {
            return Err(wrong("no end of a directory", end_at));
        }
        let longest = u64::from(count) * (ENTRY_BYTES + PATH_BYTES_MAX) as u64;
        if usize::from(count) > FILES_MAX || length > longest {
            let message = format!("a directory of {count} files, expected at most {FILES_MAX},");
            return Err(wrong(&message, start));
        }
        let directory = read(&file, start, length)?;
        let places = places(&file, &directory, usize::from(count), start)?;
        Ok(Self { file, places })
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.places.keys().map(String::as_str)
    }

    pub(super) fn read(&self, path: &str) -> Outcome<Vec<u8>> {
        let missing = || Failure::new(Exit::Findings, format!("{path}: it is missing"));
        let place = self.places.get(path).ok_or_else(missing)?;
        read(&self.file, place.offset, place.bytes)
    }
}

/// Walks the directory and, beside it, the files that it must describe one after the other.
fn places(file: &File, directory: &[u8], count: usize, start: u64) -> Outcome<BTreeMap<String, Place>> {
    let (mut rest, mut next, mut places) = (directory, 0, BTreeMap::new());
    for _ in 0..count {
        let at = start + (directory.len() - rest.len()) as u64;
        let entry = rest.split_at_checked(ENTRY_BYTES).filter(|(entry, _)| entry.starts_with(b"PK\x01\x02"));
        let (entry, behind) = entry.ok_or_else(|| wrong("no directory entry", at))?;
        let (flags_and_method, bytes) = (&entry[8..12], u32_at(entry, 24));
        if flags_and_method != [0; 4] || u32_at(entry, 20) != bytes {
            return Err(wrong("a file that is packed or encrypted", at));
        }
        if entry[30..36] != [0; 6] || u64::from(u32_at(entry, 42)) != next {
            return Err(wrong("a directory entry that does not follow the one before", at));
        }
        let length = usize::from(u16_at(entry, 28));
        let name = behind.split_at_checked(length).ok_or_else(|| wrong("half a directory entry", at))?;
        rest = name.1;
        let path = std::str::from_utf8(name.0).ok().filter(|path| is_plain(path));
        let path = path.ok_or_else(|| wrong("a file name that no bundle has", at))?;
        let local = read(file, next, LOCAL_BYTES + length as u64)?;
        // The same once more before the file: version to time, sums, sizes, lengths, and the name.
        let (head, local_name) = local.split_at(LOCAL_BYTES as usize);
        if !head.starts_with(b"PK\x03\x04") || head[4..] != entry[6..32] || local_name != name.0 {
            return Err(wrong("a file that is not as the directory says", next));
        }
        let place = Place { offset: next + LOCAL_BYTES + length as u64, bytes: u64::from(bytes) };
        if place.bytes > FILE_BYTES_MAX {
            return Err(wrong("a file that is too long", next));
        }
        if places.insert(path.to_owned(), place).is_some() {
            return Err(wrong("a second file of the same name", next));
        }
        next = place.offset + place.bytes;
    }
    if !rest.is_empty() || next != start {
        return Err(wrong("something that belongs to no file", next));
    }
    Ok(places)
}

fn read(file: &File, offset: u64, bytes: u64) -> Outcome<Vec<u8>> {
    let mut read = vec![0; usize::try_from(bytes).map_err(|_| wrong("a file that is too long", offset))?];
    file.read_exact_at(&mut read, offset).map_err(|_| wrong("the end of the file", offset))?;
    Ok(read)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[cfg(test)]
#[path = "container_tests.rs"]
mod tests;
