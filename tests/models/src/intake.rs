//! Taking in: claim, seal, ledger, unlink; and the upload, which ends with an answer instead of an unlink.

use crate::disk::{Cell, combine};
use crate::way::Way;

/// Where the sender's file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// In the inbox, as the sender left it.
    Inbox,
    /// In `.claimed/ID`.
    Claimed,
    /// Removed.
    Gone,
}

/// Where the sealed bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Name {
    /// Nowhere.
    None,
    /// Under a temporary name.
    Temporary,
    /// Under the name that the event will give.
    Final,
}

/// Disk and sender.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    file: Cell<Place>,
    claim_dir: Cell<bool>,
    blob_dir: Cell<bool>,
    key: Cell<bool>,
    bytes: Cell<bool>,
    name: Cell<Name>,
    /// The arrival, and what else was committed with it: parts of one batch, each of which a crash may leave
    /// or not.
    arrived: Cell<bool>,
    extended: Cell<bool>,
    /// sled, which is never synced for this.
    index: Cell<bool>,
    /// The sender was told, or saw its file taken away for good.
    promised: bool,
}

impl State {
    /// Is the whole commit in the ledger?
    fn is_recorded(&self) -> bool {
        self.arrived.now() && self.extended.now()
    }
}

/// A step of the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "`words` says what each is")]
pub enum Step {
    MakeClaim,
    Claim,
    MakeDir,
    SyncDirs,
    AddKey,
    SyncKeys,
    CreateBlob,
    WriteBlob,
    SyncBlob,
    NameBlob,
    SyncNames,
    Append,
    SyncLedger,
    Apply,
    Unlink,
    SyncUnlink,
    Answer,
}
use Step::*;

/// A file in an inbox, or an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intake {
    /// Through an inbox.
    Inbox,
    /// Over gRPC.
    Upload,
    /// Over gRPC, with a start that keeps of a torn batch what is whole of it. Nobody built this.
    HalfKept,
}

impl Way for Intake {
    type State = State;
    type Step = Step;

    fn start(&self) -> State {
        State {
            file: Cell::durable(if *self == Self::Inbox { Place::Inbox } else { Place::Gone }),
            claim_dir: Cell::durable(false),
            blob_dir: Cell::durable(false),
            key: Cell::durable(false),
            bytes: Cell::durable(false),
            name: Cell::durable(Name::None),
            arrived: Cell::durable(false),
            extended: Cell::durable(false),
            index: Cell::durable(false),
            promised: *self == Self::Inbox,
        }
    }

    fn plan(&self) -> Vec<Step> {
        let sealed = [
            MakeDir, SyncDirs, AddKey, SyncKeys, CreateBlob, WriteBlob, SyncBlob, NameBlob, SyncNames,
            Append, SyncLedger, Apply,
        ];
        match self {
            Self::Inbox => [&[MakeClaim, Claim], &sealed[..], &[Unlink, SyncUnlink]].concat(),
            Self::Upload | Self::HalfKept => [&sealed[..], &[Answer]].concat(),
        }
    }

    fn make(&self, step: Step, s: &mut State) -> bool {
        match step {
            MakeClaim => s.claim_dir.set(true),
            Claim if !s.claim_dir.now() => return false,
            Claim => s.file.set(Place::Claimed),
            MakeDir => s.blob_dir.set(true),
            SyncDirs => s.blob_dir.sync(),
            AddKey => s.key.set(true),
            SyncKeys => s.key.sync(),
            CreateBlob if !s.blob_dir.now() || !s.key.now() => return false,
            CreateBlob => s.name.set(Name::Temporary),
            WriteBlob if s.name.now() == Name::None => return false,
            WriteBlob => s.bytes.set(true),
            SyncBlob => s.bytes.sync(),
            NameBlob if s.name.now() == Name::None => return false,
            NameBlob => s.name.set(Name::Final),
            SyncNames => s.name.sync(),
            Append => [&mut s.arrived, &mut s.extended].into_iter().for_each(|part| part.set(true)),
            SyncLedger => [&mut s.arrived, &mut s.extended].into_iter().for_each(Cell::sync),
            Apply => s.index.set(s.is_recorded()),
            Unlink => s.file.set(Place::Gone),
            SyncUnlink => s.file.sync(),
            Answer => s.promised = true,
        }
        true
    }

    fn is_sync(&self, step: Step) -> bool {
        matches!(step, SyncDirs | SyncKeys | SyncBlob | SyncNames | SyncLedger | SyncUnlink)
    }

    fn after_crash(&self, state: &State) -> Vec<State> {
        let mut all = vec![state.clone()];
        combine(&mut all, |s| &mut s.file);
        combine(&mut all, |s| &mut s.claim_dir);
        combine(&mut all, |s| &mut s.blob_dir);
        combine(&mut all, |s| &mut s.key);
        combine(&mut all, |s| &mut s.bytes);
        combine(&mut all, |s| &mut s.name);
        combine(&mut all, |s| &mut s.arrived);
        combine(&mut all, |s| &mut s.extended);
        combine(&mut all, |s| &mut s.index);
        // A rename cannot outlive the directory it leads into.
        all.retain(|s| s.claim_dir.now() || s.file.now() != Place::Claimed);
        all
    }

    fn recover(&self, s: &mut State, plan: &[Step]) -> Vec<Step> {
        // A batch is kept whole or cut whole.
        if *self != Self::HalfKept && !s.is_recorded() {
            (s.arrived, s.extended) = (Cell::durable(false), Cell::durable(false));
        }
        // Blobs of an earlier try keep their id and are swept; a new try has a new one.
        if !s.is_recorded() {
            s.name = Cell::durable(Name::None);
            s.bytes = Cell::durable(false);
        }
        // The index follows the ledger before anything else happens.
        s.index = Cell::durable(s.is_recorded());
        let done = |step: &Step| match (self, s.is_recorded(), s.file.now()) {
            (Self::Upload | Self::HalfKept, ..) | (_, true, Place::Gone) => true,
            (_, true, _) => !matches!(step, Unlink | SyncUnlink),
            (_, false, Place::Claimed) => matches!(step, MakeClaim | Claim),
            (_, false, _) => false,
        };
        plan.iter().filter(|step| !done(step)).copied().collect()
    }

    fn broken(&self, s: &State) -> Option<&'static str> {
        let whole = s.blob_dir.now() && s.key.now() && s.name.now() == Name::Final && s.bytes.now();
        if s.is_recorded() && !whole {
            return Some("the ledger names bytes that are not there");
        }
        if s.promised && !s.is_recorded() && s.file.now() == Place::Gone {
            return Some("an acknowledged document is lost");
        }
        if s.name.now() == Name::Final && !s.bytes.now() {
            return Some("a blob has its name and not its bytes");
        }
        (s.index.now() && !s.is_recorded()).then_some("the index knows what the ledger does not")
    }

    fn unfinished(&self, s: &State) -> Option<&'static str> {
        if s.arrived.now() != s.extended.now() {
            return Some("half of a commit is in the ledger");
        }
        match self {
            Self::Inbox if s.file.now() != Place::Gone => Some("the plain file is still there"),
            Self::Inbox if !s.file.is_durable() => Some("the plain file can come back"),
            Self::Inbox if !s.index.now() => Some("the document is in no view"),
            Self::Upload | Self::HalfKept if s.promised && !s.index.now() => {
                Some("the document is in no view")
            }
            _ => None,
        }
    }

    fn tell(&self, s: &State) -> String {
        let parts = [
            (s.file.now() == Place::Inbox, "the file in the inbox"),
            (s.file.now() == Place::Claimed, "the file claimed"),
            (s.key.now(), "the key"),
            (s.name.now() == Name::Final && s.bytes.now(), "the blob"),
            (s.name.now() == Name::Final && !s.bytes.now(), "the blob's name"),
            (s.is_recorded(), "the record"),
            (s.arrived.now() != s.extended.now(), "half of the commit"),
            (s.index.now(), "the index entry"),
        ];
        list(&parts)
    }

    fn words(&self, step: Step) -> (&'static str, &'static str) {
        match step {
            MakeClaim => ("make .claimed/ID", "inbox/place.rs: make"),
            Claim => ("move the file there", "inbox/claim.rs: claim"),
            MakeDir => ("make the blobs' folder", "vault/blob/mod.rs: make_dirs"),
            SyncDirs => ("fsync the folder's name", "vault/blob/mod.rs: make_dirs"),
            AddKey => ("append the key", "vault/keystore/journal.rs: append"),
            SyncKeys => ("fdatasync the keys", "vault/keystore/journal.rs: append"),
            CreateBlob => ("create the blob", "vault/blob/writer.rs: start"),
            WriteBlob => ("write the blob", "vault/blob/writer.rs: seal_chunk"),
            SyncBlob => ("fsync the blob", "vault/blob/writer.rs: finish"),
            NameBlob => ("rename the blob into place", "vault/blob/writer.rs: publish"),
            SyncNames => ("fsync the blob's name", "vault/blob/writer.rs: finish"),
            Append => ("append the record", "ledger/append.rs: write"),
            SyncLedger => ("fdatasync the ledger", "ledger/append.rs: write"),
            Apply => ("apply to the index", "pipeline/book.rs: write"),
            Unlink => ("unlink the file", "inbox/place.rs: remove"),
            SyncUnlink => ("fsync .claimed", "inbox/place.rs: remove"),
            Answer => ("answer the sender", "pipeline/submit.rs"),
        }
    }
}

/// What is there, in words.
pub(crate) fn list(parts: &[(bool, &str)]) -> String {
    let there: Vec<&str> = parts.iter().filter(|(there, _)| *there).map(|(_, what)| *what).collect();
    if there.is_empty() { "nothing".to_owned() } else { there.join(", ") }
}
