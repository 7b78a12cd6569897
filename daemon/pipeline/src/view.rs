//! What callers are shown. Plain data; no handle, no key. Types that hold PHI have no `Debug`.

pub use crate::view_appliance::{
    BalanceView, Check, HeldKeys, KeysState, KeysView, LedgerReport, RotationView, SourceView, StationUsage,
    StatusView, VanishedView,
};
use lifecycle::{Actor, Finding, HoldOrder, Rendition, Status};
use std::collections::BTreeMap;
use types::{
    Confidence, Digest, DocClass, DocId, IdKind, Label, PageGeometry, PageWords, Phi, Reason, Rect, Schedule,
    UnixMillis,
};

/// Whoever asks; `serve` has authorised the call, the pipeline writes the name into the ledger.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The principal.
    pub actor: Actor,
}

/// What comes with an upload besides its bytes (A26).
#[derive(Clone)]
pub struct Submission {
    /// Source profile whose limits apply.
    pub source: Label,
    /// The caller's key; the same key gives the first answer again (A24).
    pub idempotency_key: Option<Phi>,
    /// The caller's trace id (A25).
    pub correlation_id: Option<Label>,
    /// Name of the file at the caller.
    pub file_name: Phi,
    /// What the caller thinks it is.
    pub expected_class: Option<DocClass>,
    /// What the caller knows of the patient: field name to value.
    pub patient_context: BTreeMap<String, Phi>,
    /// Facility or department.
    pub tenant: Option<Label>,
    /// Retention rule asked for.
    pub retention: Option<Label>,
    /// Route that wants to be told.
    pub callback: Option<Label>,
}

/// The acknowledgement: the bytes are sealed and fsynced, and so is the ledger event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The document.
    pub doc: DocId,
    /// The document that holds the same bytes already.
    pub duplicate_of: Option<DocId>,
    /// The idempotency key was seen before: this is the first answer again.
    pub repeated: bool,
}

/// A document without its content.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names are the contract; see docs/reference")]
pub struct DocumentView {
    pub id: DocId,
    pub source: Label,
    pub state: Status,
    pub reason: Option<Reason>,
    pub pages: Option<u32>,
    pub class: Option<DocClass>,
    pub confidence: Option<Confidence>,
    pub route: Option<Label>,
    pub owner: Option<Label>,
    pub received_at: UnixMillis,
    pub updated_at: UnixMillis,
    pub sha256_original: Option<Digest>,
    pub sha256_redacted: Option<Digest>,
    pub sha256_text: Option<Digest>,
    pub duplicate_of: Option<DocId>,
    pub destroyed_before: Option<DocId>,
    pub resent_of: Option<DocId>,
    pub correlation_id: Option<Label>,
    pub parent: Option<DocId>,
    pub children: Vec<DocId>,
    pub holds: Vec<Label>,
    pub retain_until: UnixMillis,
    pub retention: Label,
    pub schedules: Vec<TermView>,
    pub sensitivity: Vec<Label>,
    pub bytes: u64,
    pub findings: Vec<Finding>,
}

/// The words of one page.
pub struct PageReading {
    /// From 1.
    pub page: u32,
    /// Size and origin.
    pub geometry: PageGeometry,
    /// What was read.
    pub words: PageWords,
}

/// What is hidden on one page; no clear text.
#[derive(Clone, Debug)]
pub struct PageRedactions {
    /// From 1.
    pub page: u32,
    /// The whole page is black.
    pub black: bool,
    /// The boxes.
    pub boxes: Vec<RedactedBox>,
}

/// One painted box.
#[derive(Clone, Debug)]
pub struct RedactedBox {
    /// Where, px of the normalised page.
    pub rect: Rect,
    /// What it hides.
    pub kind: IdKind,
    /// Which rule found it.
    pub rule: Label,
    /// How sure the rule is.
    pub confidence: Confidence,
}

/// One line of an explanation.
#[derive(Clone, Debug)]
pub struct Explained {
    /// Station or act.
    pub station: &'static str,
    /// When.
    pub at: UnixMillis,
    /// What was decided; codes and figures only.
    pub text: String,
    /// Which rule decided.
    pub rule: Option<Label>,
}

/// Something of a document that went to somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disclosed {
    /// When.
    pub at: UnixMillis,
    /// `delivered` or `read`.
    pub how: &'static str,
    /// To whom.
    pub recipient: String,
    /// What they got; none where an old ledger does not say.
    pub rendition: Option<Rendition>,
    /// Rule that sent it, or the code a person gave.
    pub why: Option<Label>,
}

/// Which documents evidence is wanted of.
#[derive(Clone, Debug)]
pub enum EvidenceOf {
    /// These.
    Documents(Vec<DocId>),
    /// All that came in this time.
    Received {
        /// From this moment on.
        from: UnixMillis,
        /// To before this one.
        to: UnixMillis,
    },
}

/// One file of a bundle of evidence; the last two are `manifest.json` and `manifest.sig`.
#[derive(Clone, Debug)]
pub struct EvidenceFile {
    /// Relative, with slashes.
    pub path: String,
    /// All of it.
    pub bytes: Vec<u8>,
}

/// A route.
#[derive(Clone, Debug)]
pub struct RouteView {
    /// Its name.
    pub name: Label,
    /// Who owns it.
    pub owner: Label,
    /// Hours until the owner must have acted.
    pub sla_hours: u32,
    /// What the target gets.
    pub rendition: Rendition,
    /// Where.
    pub folder: String,
    /// Classes that go there by themselves.
    pub classes: Vec<DocClass>,
}

/// How long one part of a document is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TermView {
    /// Which part.
    pub schedule: Schedule,
    /// Kept until.
    pub until: UnixMillis,
    /// By which rule.
    pub rule: Label,
    /// It is destroyed, alone or with the whole.
    pub destroyed: bool,
}

/// How long a document is kept, what of it is over, and what became of that.
#[derive(Clone, Debug)]
pub struct Expiry {
    /// Which.
    pub doc: DocId,
    /// Where it is.
    pub state: Status,
    /// The last of it is kept until.
    pub until: UnixMillis,
    /// By which rule.
    pub rule: Label,
    /// Each part.
    pub schedules: Vec<TermView>,
    /// Parts whose time is over and that are, or were now, still there.
    pub over: Vec<Schedule>,
    /// All of it is over.
    pub whole: bool,
    /// Holds that keep it.
    pub holds: Vec<Label>,
    /// What is over was destroyed now.
    pub destroyed: bool,
}

/// A legal hold with a scope.
#[derive(Clone, Debug)]
pub struct HoldView {
    /// Name, scope and reason.
    pub order: HoldOrder,
    /// In force since.
    pub since: UnixMillis,
    /// Who placed it.
    pub by: Actor,
}

/// The certificates of a document.
#[derive(Clone, Debug)]
pub struct Certificates {
    /// The site's key, with which they verify.
    pub pubkey: String,
    /// Oldest first.
    pub certificates: Vec<SignedCertificate>,
}

/// One destruction, as it was signed.
#[derive(Clone, Debug)]
pub struct SignedCertificate {
    /// When it was written.
    pub at: UnixMillis,
    /// The record of the ledger that holds it.
    pub seq: u64,
    /// The exact bytes that were signed.
    pub certificate: String,
    /// Ed25519, hex.
    pub signature: String,
}

/// What came of trying every key on retained ciphertext.
#[derive(Clone, Copy, Debug)]
pub struct Trial {
    /// Samples.
    pub samples: u64,
    /// Keys tried on each.
    pub keys_tried: u64,
    /// How often one fitted.
    pub opened: u64,
}

/// How far a set of documents is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    /// Files that still lie in inboxes.
    pub waiting_in_inboxes: u64,
    /// Documents that are on their way.
    pub moving: u64,
    /// Documents at rest.
    pub resting: u64,
}

/// Which kind of no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// There is no such thing.
    NotFound,
    /// Not in this state.
    Conflict,
    /// The request is not valid.
    Invalid,
    /// Not now; try again.
    Temporary,
    /// No room now; try again.
    Full,
    /// Not for this caller.
    Denied,
    /// Over a limit.
    TooLarge,
    /// Not before somebody unseals the appliance.
    Sealed,
    /// Our fault.
    Internal,
}

/// A no with a sentence a human can act on.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    /// Which kind.
    pub code: Code,
    /// The document's or file's reason code, if there is one.
    pub reason: Option<Reason>,
    /// What was expected, found, and what to do. No PHI.
    pub message: String,
}

impl Refused {
    /// A refusal.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, reason: None, message: message.into() }
    }

    /// A refusal that carries a reason and its sentence.
    #[must_use]
    pub fn because(code: Code, reason: Reason) -> Self {
        Self { code, reason: Some(reason), message: reason.sentence().to_owned() }
    }
}
