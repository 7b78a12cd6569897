//! Notes of the site: opened for the purpose they were sealed for, by the site that sealed them, unchanged.
#![allow(clippy::unwrap_used)]

mod kit;

use kit::{Site, blob, doc, get, put};
use vault::{Area, NOTE_BYTES_MAX, VaultError};

#[test]
fn a_note_opens_for_its_purpose_and_its_site_only() {
    let (site, other) = (Site::new(), Site::new());
    let sealed = site.open().seal_note("file-name", b"Roe, Jane.pdf").unwrap();
    let vault = site.open();
    assert_eq!(vault.open_note("file-name", &sealed).unwrap(), b"Roe, Jane.pdf");
    assert!(vault.open_note("other", &sealed).is_none());
    assert!(other.open().open_note("file-name", &sealed).is_none());
    // B42: no file name in clear.
    assert!(!sealed.windows(4).any(|window| window == b"Jane"));
    for bit in 0..sealed.len() * 8 {
        let mut changed = sealed.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(vault.open_note("file-name", &changed).is_none(), "bit {bit}");
    }
    assert!((0..sealed.len()).all(|end| vault.open_note("file-name", &sealed[..end]).is_none()));
}

#[test]
fn a_note_is_bounded() {
    let vault = Site::new().open();
    assert!(vault.seal_note("file-name", &[7; NOTE_BYTES_MAX]).is_ok());
    let long = vault.seal_note("file-name", &[7; NOTE_BYTES_MAX + 1]);
    assert!(matches!(long, Err(VaultError::FactsTooLong { .. })));
}

// The sweeper removes what it is told lies there.
#[test]
fn the_blobs_of_a_document_are_listed_with_their_sizes() {
    let site = Site::new();
    let vault = site.open();
    assert!(vault.blobs(doc(1)).unwrap().is_empty());
    vault.new_document(doc(1)).unwrap();
    put(&vault, doc(1), Area::Original, blob(1), b"abc");
    put(&vault, doc(1), Area::Text, blob(2), b"");
    let mut found = vault.blobs(doc(1)).unwrap();
    found.sort_by_key(|(name, _)| name.area);
    assert_eq!(
        found.iter().map(|(name, _)| (name.area, name.blob)).collect::<Vec<_>>(),
        [(Area::Original, blob(1)), (Area::Text, blob(2))]
    );
    let size = std::fs::metadata(site.blob_file(doc(1), Area::Original, blob(1))).unwrap().len();
    assert_eq!(found[0].1, size);
    vault.remove(doc(1), Area::Original, blob(1)).unwrap();
    assert!(get(&vault, doc(1), Area::Original, blob(1)).is_err());
    assert_eq!(vault.blobs(doc(1)).unwrap().len(), 1);
}
