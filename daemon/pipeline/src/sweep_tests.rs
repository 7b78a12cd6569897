//! Keys that no document needs, on a real vault and a real writer.
#![allow(clippy::unwrap_used)]

use crate::{
    arriving::Arriving,
    book::{Admission, Book, BookError},
    certificate::Certifier,
    clockwatch::{ClockWatch, Uptime},
    latch::Latch,
};
use ::store::{Embedded, Store};
use ledger::Ledger;
use lifecycle::{Actor, Arrival, Channel, Sealed, Trip};
use std::sync::Arc;
use tempfile::TempDir;
use types::{BlobId, Digest, DocId, RunId, UnixMillis};
use vault::{Area, MasterKey, Vault};

const NOW: UnixMillis = UnixMillis(1_795_502_192_007);

struct Site {
    _dir: TempDir,
    vault: Arc<Vault>,
    latch: Arc<Latch>,
    arriving: Arriving,
    book: Book,
}

fn site() -> Site {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let clock: fn() -> UnixMillis = || NOW;
    let master = MasterKey::from_bytes(&[7; 32]).unwrap();
    Vault::create(&at("vault"), &master, clock).unwrap();
    let vault = Arc::new(Vault::open(&at("vault"), &master, clock).unwrap());
    let (ledger, _) = Ledger::open(&at("ledger")).unwrap();
    let (store, _) = Store::open(&at("index"), &at("ledger"), |_| true).unwrap();
    let store = Arc::new(Embedded::new(ledger, store));
    let certifier = Certifier { site: "site".parse().unwrap(), backups_ms: 0 };
    let uptime = Uptime { boot: None, now_ms: || 0 };
    let clock = Arc::new(ClockWatch::open(dir.path(), clock, uptime, None).unwrap());
    let (latch, arriving) = (Arc::new(Latch::default()), Arriving::default());
    let book = Book::open(store, vault.clone(), certifier, latch.clone(), arriving.clone(), clock).unwrap();
    Site { _dir: dir, vault, latch, arriving, book }
}

fn doc(number: u128) -> DocId {
    DocId::from_parts(UnixMillis(1_000), number)
}

impl Site {
    /// As an intake does: key, blob, and what is to be admitted.
    fn seal(&self, doc: DocId) -> Arrival {
        self.vault.new_document(doc).unwrap();
        let blob = BlobId::from_parts(NOW, 1);
        self.vault.writer(doc, Area::Original, blob).unwrap().finish().unwrap();
        Arrival {
            source: "fax".parse().unwrap(),
            channel: Channel::Inbox,
            bytes: 0,
            original: Some(blob),
            content: self.vault.keyed_digest("content", &[doc.to_string().as_bytes()]),
            idempotency: None::<Digest>,
            duplicate_of: None,
            trip: Trip::CURRENT,
            sealed: Sealed(Vec::new()),
            retention: "default".parse().unwrap(),
            retain_until: NOW,
            schedules: None,
            destroyed_before: None,
            resent_of: None,
            received_at: None,
        }
    }

    async fn admit(&self, doc: DocId, arrival: Arrival) -> Result<Admission, BookError> {
        self.book.admit(doc, Actor::Daemon, arrival).await
    }
}

/// What the sweeper saw a while ago may have become a document since.
// Issue 3: nothing that was acknowledged is lost.
#[tokio::test]
async fn a_key_that_came_to_be_needed_since_it_was_looked_at_is_not_swept() {
    let site = site();
    let (arriving, admitted, orphan) = (doc(1), doc(2), doc(3));
    for doc in [arriving, orphan] {
        site.seal(doc);
    }
    let guard = site.arriving.begin(arriving);
    let arrival = site.seal(admitted);
    assert!(matches!(site.admit(admitted, arrival).await, Ok(Admission::New { duplicate_of: None })));
    let swept = site.book.sweep(vec![arriving, admitted, orphan]).await.unwrap();
    assert_eq!(swept, [orphan]);
    assert!(site.vault.knows(arriving) && site.vault.knows(admitted) && !site.vault.knows(orphan));
    drop(guard);
    assert_eq!(site.book.sweep(vec![arriving, admitted]).await.unwrap(), [arriving]);
}

/// Else the ledger would hold a document that nobody can open, and its sender would remove the file.
#[tokio::test]
async fn an_arrival_whose_key_was_swept_is_refused_and_comes_again() {
    let site = site();
    let arrival = site.seal(doc(1));
    assert_eq!(site.book.sweep(vec![doc(1)]).await.unwrap(), [doc(1)]);
    assert!(matches!(site.admit(doc(1), arrival).await, Err(BookError::Broken(_))));
    let again = site.seal(doc(1));
    assert!(matches!(site.admit(doc(1), again).await, Ok(Admission::New { duplicate_of: None })));
    assert!(site.vault.knows(doc(1)));
}

/// A backup signs a ledger and keys of one moment.
#[tokio::test]
async fn nothing_is_swept_while_a_backup_runs() {
    let site = site();
    site.seal(doc(1));
    let run = RunId::from_bytes([1; 16]);
    site.latch.take(run);
    assert!(matches!(site.book.sweep(vec![doc(1)]).await, Err(BookError::Latched)));
    assert!(site.vault.knows(doc(1)));
    site.latch.release(run);
    assert_eq!(site.book.sweep(vec![doc(1)]).await.unwrap(), [doc(1)]);
}
