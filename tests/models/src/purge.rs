//! Destroying a key: a new generation, the old file wiped, the blobs removed, the ledger told.

use crate::disk::{Cell, combine};
use crate::intake::list;
use crate::way::Way;

/// Disk, and whoever asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// The new keystore file has its bytes.
    next_bytes: Cell<bool>,
    /// `keystore` is the new file.
    replaced: Cell<bool>,
    /// `keystore.retired` names the old file.
    retired: Cell<bool>,
    /// The old generation key is on the medium, whether a name leads to it or not.
    old_key: Cell<bool>,
    journal_bytes: Cell<bool>,
    journal_replaced: Cell<bool>,
    blobs: Cell<bool>,
    record: Cell<bool>,
    /// It was said that the document is destroyed.
    told: bool,
    /// The key of a document that came later, in the new journal.
    later: Cell<bool>,
    /// That document was acknowledged.
    later_promised: bool,
}

/// A step of the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "`words` says what each is")]
pub enum Step {
    Stage,
    SyncStaged,
    Retire,
    SyncRetired,
    Replace,
    SyncReplaced,
    StageJournal,
    SyncJournal,
    ReplaceJournal,
    SyncJournalName,
    Wipe,
    SyncWiped,
    Unretire,
    SyncUnretired,
    RemoveBlobs,
    SyncBlobs,
    Append,
    SyncLedger,
    Tell,
    AddLater,
    SyncLater,
    AnswerLater,
}
use Step::*;

const PLAN: [Step; 22] = [
    Stage,
    SyncStaged,
    Retire,
    SyncRetired,
    Replace,
    SyncReplaced,
    StageJournal,
    SyncJournal,
    ReplaceJournal,
    SyncJournalName,
    Wipe,
    SyncWiped,
    Unretire,
    SyncUnretired,
    RemoveBlobs,
    SyncBlobs,
    Append,
    SyncLedger,
    Tell,
    AddLater,
    SyncLater,
    AnswerLater,
];

/// The destruction of one document's key while others live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purge;

impl Way for Purge {
    type State = State;
    type Step = Step;

    fn start(&self) -> State {
        State {
            next_bytes: Cell::durable(false),
            replaced: Cell::durable(false),
            retired: Cell::durable(false),
            old_key: Cell::durable(true),
            journal_bytes: Cell::durable(false),
            journal_replaced: Cell::durable(false),
            blobs: Cell::durable(true),
            record: Cell::durable(false),
            told: false,
            later: Cell::durable(false),
            later_promised: false,
        }
    }

    fn plan(&self) -> Vec<Step> {
        PLAN.to_vec()
    }

    fn make(&self, step: Step, s: &mut State) -> bool {
        match step {
            Stage => s.next_bytes.set(true),
            SyncStaged => s.next_bytes.sync(),
            // After the replacement there is no old file to give a second name to.
            Retire if s.replaced.now() => return false,
            Retire => s.retired.set(true),
            // One fsync of the folder makes both names durable.
            SyncRetired | SyncReplaced | SyncUnretired => {
                s.retired.sync();
                s.replaced.sync();
            }
            Replace if !s.next_bytes.now() => return false,
            Replace => s.replaced.set(true),
            StageJournal => s.journal_bytes.set(true),
            SyncJournal => s.journal_bytes.sync(),
            ReplaceJournal if !s.journal_bytes.now() => return false,
            ReplaceJournal => s.journal_replaced.set(true),
            SyncJournalName => s.journal_replaced.sync(),
            Wipe if !s.retired.now() => return false,
            // Never the file that is in use.
            Wipe if s.replaced.now() => s.old_key.set(false),
            Wipe => return false,
            SyncWiped => s.old_key.sync(),
            Unretire => s.retired.set(false),
            RemoveBlobs => s.blobs.set(false),
            SyncBlobs => s.blobs.sync(),
            Append => s.record.set(true),
            SyncLedger => s.record.sync(),
            Tell => s.told = true,
            AddLater => s.later.set(true),
            SyncLater => s.later.sync(),
            AnswerLater => s.later_promised = true,
        }
        true
    }

    fn is_sync(&self, step: Step) -> bool {
        matches!(
            step,
            SyncStaged
                | SyncRetired
                | SyncReplaced
                | SyncJournal
                | SyncJournalName
                | SyncWiped
                | SyncUnretired
                | SyncBlobs
                | SyncLedger
                | SyncLater
        )
    }

    fn after_crash(&self, state: &State) -> Vec<State> {
        let mut all = vec![state.clone()];
        combine(&mut all, |s| &mut s.next_bytes);
        combine(&mut all, |s| &mut s.replaced);
        combine(&mut all, |s| &mut s.retired);
        combine(&mut all, |s| &mut s.old_key);
        combine(&mut all, |s| &mut s.journal_bytes);
        combine(&mut all, |s| &mut s.journal_replaced);
        combine(&mut all, |s| &mut s.blobs);
        combine(&mut all, |s| &mut s.record);
        combine(&mut all, |s| &mut s.later);
        // Its key lies in the file that the journal's name leads to.
        for s in &mut all {
            if !s.journal_replaced.now() {
                s.later = Cell::durable(false);
            }
        }
        all
    }

    fn recover(&self, s: &mut State, plan: &[Step]) -> Vec<Step> {
        // keystore/mod.rs: open. What was staged is removed; a journal of the old generation is replaced; the
        // sweep removes blobs without a key. A document without a record is still due.
        if !s.replaced.now() {
            s.next_bytes = Cell::durable(false);
            s.retired = Cell::durable(false);
        }
        s.journal_bytes = Cell::durable(s.replaced.now());
        s.journal_replaced = Cell::durable(s.replaced.now());
        let done = |step: &Step| match step {
            Stage | SyncStaged | Retire | SyncRetired | Replace | SyncReplaced | StageJournal
            | SyncJournal | ReplaceJournal | SyncJournalName => s.replaced.now(),
            Wipe | SyncWiped | Unretire | SyncUnretired => s.replaced.now() && !s.retired.now(),
            RemoveBlobs | SyncBlobs => false,
            Append | SyncLedger | Tell => s.record.now(),
            // Whoever was not answered sends again: another history.
            AddLater | SyncLater | AnswerLater => true,
        };
        plan.iter().filter(|step| !done(step)).copied().collect()
    }

    fn broken(&self, s: &State) -> Option<&'static str> {
        if s.replaced.now() && !s.next_bytes.now() {
            return Some("the keystore is torn: every document is lost");
        }
        if s.journal_replaced.now() && !s.journal_bytes.now() {
            return Some("the key journal is torn");
        }
        if s.journal_replaced.now() && !s.replaced.now() {
            return Some(
                "the journal is newer than the keystore: it looks rolled back, the start is refused",
            );
        }
        if s.replaced.now() && s.old_key.now() && !s.retired.now() {
            return Some("the old generation key stays on the medium and nobody knows where");
        }
        if (s.told || s.record.now()) && (!s.replaced.now() || s.old_key.now()) {
            return Some("a document that is recorded as destroyed can be opened");
        }
        if (s.told || s.record.now()) && s.blobs.now() {
            return Some("blobs of a document that is recorded as destroyed are there");
        }
        if s.later_promised && !s.later.now() {
            return Some("the key of an acknowledged document is lost");
        }
        if s.told && s.retired.now() {
            return Some("the retired keystore is back");
        }
        (s.told && !s.record.now()).then_some("it was said to be destroyed, and no record says so")
    }

    fn unfinished(&self, s: &State) -> Option<&'static str> {
        (!s.record.now() || s.old_key.now() || s.retired.now() || s.blobs.now())
            .then_some("it is not destroyed")
    }

    fn tell(&self, s: &State) -> String {
        let parts = [
            (!s.replaced.now(), "the old keystore"),
            (s.replaced.now() && s.next_bytes.now(), "the new keystore"),
            (s.replaced.now() && !s.next_bytes.now(), "the new keystore's name"),
            (s.retired.now(), "keystore.retired"),
            (s.old_key.now(), "the old generation key"),
            (s.journal_replaced.now() && s.journal_bytes.now(), "the new journal"),
            (s.journal_replaced.now() && !s.journal_bytes.now(), "the new journal's name"),
            (s.blobs.now(), "the blobs"),
            (s.record.now(), "the record"),
            (s.later.now(), "the later key"),
        ];
        list(&parts)
    }

    fn words(&self, step: Step) -> (&'static str, &'static str) {
        match step {
            Stage => ("write the new keystore", "vault/durable.rs: stage"),
            SyncStaged => ("fsync the new keystore", "vault/durable.rs: stage"),
            Retire => ("link the old one as keystore.retired", "vault/keystore/mod.rs: write"),
            SyncRetired => ("fsync keystore.retired", "vault/keystore/mod.rs: write"),
            Replace => ("rename the new one into place", "vault/keystore/mod.rs: write"),
            SyncReplaced => ("fsync the rename", "vault/keystore/mod.rs: write"),
            StageJournal => ("write an empty journal", "vault/keystore/journal.rs: create"),
            SyncJournal => ("fsync the journal", "vault/durable.rs: stage"),
            ReplaceJournal => ("rename the journal into place", "vault/durable.rs: replace"),
            SyncJournalName => ("fsync the journal's name", "vault/durable.rs: replace"),
            Wipe => ("overwrite the old generation key", "vault/durable.rs: finish_retirement"),
            SyncWiped => ("fsync the overwriting", "vault/durable.rs: finish_retirement"),
            Unretire => ("remove keystore.retired", "vault/durable.rs: finish_retirement"),
            SyncUnretired => ("fsync the removal", "vault/durable.rs: finish_retirement"),
            RemoveBlobs => ("remove the blobs", "vault/blob/mod.rs: remove_documents"),
            SyncBlobs => ("fsync their removal", "vault/blob/mod.rs: remove_documents"),
            Append => ("append Destroyed", "pipeline/destruction.rs: destroy"),
            SyncLedger => ("fdatasync the ledger", "ledger/append.rs: write"),
            Tell => ("say that it is destroyed", "pipeline/expire.rs"),
            AddLater => ("append a later document's key", "vault/keystore/journal.rs: append"),
            SyncLater => ("fdatasync that key", "vault/keystore/journal.rs: append"),
            AnswerLater => ("acknowledge that document", "pipeline/submit.rs"),
        }
    }
}
