//! Keys that no document needs, on a real vault and a real writer.
#![allow(clippy::unwrap_used)]

use crate::{
    book::{Admission, BookError},
    test_site::Written,
};
use lifecycle::{Actor, Arrival, Channel, Sealed, Trip};
use types::{BlobId, Digest, DocId, RunId, UnixMillis};
use vault::Area;

const NOW: UnixMillis = UnixMillis(1_795_502_192_007);

fn doc(number: u128) -> DocId {
    DocId::from_parts(UnixMillis(1_000), number)
}

impl Written {
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

    async fn take_in(&self, doc: DocId, arrival: Arrival) -> Result<Admission, BookError> {
        self.book.admit(doc, Actor::Daemon, arrival).await
    }
}

/// What the sweeper saw a while ago may have become a document since.
// Issue 3: nothing that was acknowledged is lost.
#[tokio::test]
async fn a_key_that_came_to_be_needed_since_it_was_looked_at_is_not_swept() {
    let site = Written::new(|| NOW);
    let (arriving, admitted, orphan) = (doc(1), doc(2), doc(3));
    for doc in [arriving, orphan] {
        site.seal(doc);
    }
    let guard = site.arriving.begin(arriving);
    let arrival = site.seal(admitted);
    assert!(matches!(site.take_in(admitted, arrival).await, Ok(Admission::New { duplicate_of: None })));
    let swept = site.book.sweep(vec![arriving, admitted, orphan]).await.unwrap();
    assert_eq!(swept, [orphan]);
    assert!(site.vault.knows(arriving) && site.vault.knows(admitted) && !site.vault.knows(orphan));
    drop(guard);
    assert_eq!(site.book.sweep(vec![arriving, admitted]).await.unwrap(), [arriving]);
}

/// Else the ledger would hold a document that nobody can open, and its sender would remove the file.
#[tokio::test]
async fn an_arrival_whose_key_was_swept_is_refused_and_comes_again() {
    let site = Written::new(|| NOW);
    let arrival = site.seal(doc(1));
    assert_eq!(site.book.sweep(vec![doc(1)]).await.unwrap(), [doc(1)]);
    assert!(matches!(site.take_in(doc(1), arrival).await, Err(BookError::Broken(_))));
    let again = site.seal(doc(1));
    assert!(matches!(site.take_in(doc(1), again).await, Ok(Admission::New { duplicate_of: None })));
    assert!(site.vault.knows(doc(1)));
}

/// A backup signs a ledger and keys of one moment.
#[tokio::test]
async fn nothing_is_swept_while_a_backup_runs() {
    let site = Written::new(|| NOW);
    site.seal(doc(1));
    let run = RunId::from_bytes([1; 16]);
    site.latch.take(run);
    assert!(matches!(site.book.sweep(vec![doc(1)]).await, Err(BookError::Latched)));
    assert!(site.vault.knows(doc(1)));
    site.latch.release(run);
    assert_eq!(site.book.sweep(vec![doc(1)]).await.unwrap(), [doc(1)]);
}
