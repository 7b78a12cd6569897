//! A zip that is exactly what the export writes, and every way to be another.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use std::io::Write as _;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// Two files as `evidence export` writes them.
fn usual() -> Vec<u8> {
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (path, text) in [("documents/A/events.json", "{}"), ("b.sig", "")] {
        zip.start_file(path, options).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn open(bytes: &[u8]) -> Outcome<Container> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    Container::open(file)
}

fn refused(bytes: &[u8]) -> String {
    let no = open(bytes).expect_err("it is no bundle");
    assert_eq!(no.exit, Exit::Findings);
    no.to_string()
}

#[test]
fn what_the_export_writes_is_read() {
    let container = open(&usual()).unwrap();
    assert_eq!(container.paths().collect::<Vec<_>>(), ["b.sig", "documents/A/events.json"]);
    assert_eq!(container.read("documents/A/events.json").unwrap(), b"{}");
    assert_eq!(container.read("b.sig").unwrap(), b"");
    assert!(container.read("c").unwrap_err().to_string().contains("missing"));
}

#[test]
fn every_cut_and_everything_added_is_refused() {
    let good = usual();
    (0..good.len()).for_each(|bytes| drop(refused(&good[..bytes])));
    refused(&[b"x", &good[..]].concat());
    refused(&[&good[..], b"x"].concat());
}

/// Changes bytes at the place where `part` stands for the `nth` time.
fn changed(part: &[u8], nth: usize, offset: usize, to: &[u8]) -> Vec<u8> {
    let mut bytes = usual();
    let mut places = bytes.windows(part.len()).enumerate().filter(|(_, window)| *window == part);
    let at = places.nth(nth).unwrap().0 + offset;
    bytes[at..at + to.len()].copy_from_slice(to);
    bytes
}

#[test]
fn a_file_that_unpacks_to_more_than_it_holds_is_refused() {
    let deflated = changed(b"PK\x01\x02", 0, 10, &[8, 0]);
    assert!(refused(&deflated).contains("packed"), "{}", refused(&deflated));
    let four_gib = changed(b"PK\x01\x02", 0, 24, &[0xff; 4]);
    assert!(refused(&four_gib).contains("packed"), "{}", refused(&four_gib));
    let mut both = four_gib;
    let at = both.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    both[at + 20..at + 24].copy_from_slice(&[0xff; 4]);
    assert!(refused(&both).contains("not as the directory says"), "{}", refused(&both));
    let many = changed(b"PK\x05\x06", 0, 8, &[0xff; 4]);
    assert!(refused(&many).contains("65535 files"), "{}", refused(&many));
}

/// A whole zip of stored files, with what a directory may say beside.
fn built(files: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (path, text) in files {
        let offset = u32::try_from(out.len()).unwrap().to_le_bytes();
        let length = u32::try_from(text.len()).unwrap().to_le_bytes();
        let name = u16::try_from(path.len()).unwrap().to_le_bytes();
        let shared =
            [&[20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &length, &length, &name, &[0, 0]].concat();
        out.extend([b"PK\x03\x04", &shared[..], path.as_bytes(), text].concat());
        directory.extend([b"PK\x01\x02\x14\x03", &shared[..], &[0; 10], &offset, path.as_bytes()].concat());
    }
    let count = u16::try_from(files.len()).unwrap().to_le_bytes();
    let (length, start) = (directory.len(), out.len());
    let number = |number: usize| u32::try_from(number).unwrap().to_le_bytes();
    out.extend(directory);
    out.extend(
        [b"PK\x05\x06\0\0\0\0", &count[..], &count, &number(length), &number(start), &[0, 0]].concat(),
    );
    out
}

#[test]
fn a_name_is_there_once_and_is_one_that_a_bundle_has() {
    assert_eq!(open(&built(&[("a", b"1"), ("b", b"")])).unwrap().read("a").unwrap(), b"1");
    let twice = refused(&built(&[("a", b"1"), ("a", b"2")]));
    assert!(twice.contains("second file of the same name"), "{twice}");
    for path in ["../a", "/a", "a/", "", ".a", "a\\b", "\u{e4}", &"a".repeat(129)] {
        assert!(open(&built(&[(path, b"")])).is_err(), "{path}");
    }
    assert!(open(&built(&[(&"a".repeat(128), b"")])).is_ok());
}

// One file more than a bundle may have, and exactly as many.
#[test]
fn the_number_of_files_is_bounded() {
    let names: Vec<String> = (0..=FILES_MAX).map(|number| number.to_string()).collect();
    let files: Vec<_> = names.iter().map(|name| (name.as_str(), &b""[..])).collect();
    assert_eq!(open(&built(&files[1..])).unwrap().paths().count(), FILES_MAX);
    assert!(refused(&built(&files)).contains("10001 files"));
}
