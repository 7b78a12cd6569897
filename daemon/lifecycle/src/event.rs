//! Facts, in the past tense. Variants and fields are added, never changed: the ledger keeps them for
//! years, so every name is written out and a golden ledger pins the bytes.

use crate::{Schedules, Sealed, Stage, SystemEvent, Trip};
use serde::{Deserialize, Serialize};
use types::{BlobId, Confidence, Digest, DocClass, DocId, Label, Reason, Schedule, UnixMillis};

/// One line of the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Position in the ledger, from 1, without holes.
    pub seq: u64,
    /// When.
    pub at: UnixMillis,
    /// On whose behalf.
    pub by: Actor,
    /// What.
    #[serde(flatten)]
    pub body: Body,
}

/// Who caused an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Actor {
    /// The daemon by itself.
    Daemon,
    /// The owner (uid) of a file in the inbox of this source.
    Inbox {
        /// The source.
        source: Label,
        /// Owner of the file.
        uid: u32,
    },
    /// A client certificate's name.
    Client(Label),
    /// A process on the Unix socket.
    Local {
        /// Its user.
        uid: u32,
        /// Its process.
        pid: i32,
    },
}

/// About a document, or about the appliance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Body {
    /// About one document.
    Document {
        /// Which.
        doc: DocId,
        /// What happened to it.
        event: Event,
    },
    /// About the appliance.
    System(SystemEvent),
}

/// What happened to a document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// Its bytes were sealed and are durable.
    Arrived(Box<Arrival>),
    /// A station finished.
    Finished(Outcome),
    /// A station failed and will be tried again.
    Failed {
        /// Which.
        stage: Stage,
        /// Why.
        reason: Reason,
    },
    /// It waits in quarantine for a person.
    Stopped {
        /// Where.
        stage: Stage,
        /// Why.
        reason: Reason,
    },
    /// A reviewer must decide.
    Referred {
        /// Why.
        reason: Reason,
        /// Which rule said so.
        rule: Label,
    },
    /// It goes no further.
    Rejected {
        /// Where.
        stage: Stage,
        /// Why.
        reason: Reason,
    },
    /// A person let it go on from quarantine; the reason it stopped for is accepted, and no other.
    Released,
    /// A reviewer agreed with the class.
    Approved,
    /// A reviewer gave the class.
    Reclassified {
        /// The class.
        class: DocClass,
        /// How long a document of this class is kept; older ledgers lack it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        schedules: Option<Box<Schedules>>,
    },
    /// A person sent it to another route.
    Rerouted {
        /// The route.
        route: Label,
        /// Who owns it.
        owner: Label,
        /// Why, as a code of the site's own (A21).
        why: Label,
    },
    /// A hold was placed: neither delivered nor destroyed until it is lifted.
    HoldPlaced {
        /// The hold's name.
        hold: Label,
    },
    /// A hold was lifted.
    HoldLifted {
        /// The hold's name.
        hold: Label,
    },
    /// Found after a crash: this route has it too, from before it was sent elsewhere. Changes nothing.
    AlsoDelivered {
        /// The route.
        route: Label,
        /// Keyed digest of what was delivered.
        receipt: Digest,
        /// What an accounting of disclosures asks for (A39); older ledgers lack it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        disclosure: Option<Box<Disclosure>>,
    },
    /// Somebody read it. Changes nothing, but is written before a byte is handed out.
    Read {
        /// Which rendition.
        rendition: Rendition,
    },
    /// Its keys and bytes were destroyed. Read in old ledgers, written no more: see [`Event::Destroyed`].
    Expired {
        /// Keystore generation before.
        generation_before: u64,
        /// Keystore generation after.
        generation_after: u64,
    },
    /// A copy of it was received that is kept longer, and whose bytes are these.
    RetentionExtended {
        /// The copy.
        duplicate: DocId,
        /// Kept until then at least.
        schedules: Box<Schedules>,
    },
    /// Keys and bytes were destroyed, of all of it or of parts.
    Destroyed {
        /// The parts whose time was over; none: all of it.
        areas: Vec<Schedule>,
        /// The certificate: compact JSON, exactly as it was signed.
        certificate: String,
        /// Ed25519 signature of the site over the bytes of the certificate, hex.
        signature: String,
    },
    /// The time of its log is over too: it leaves the lists.
    Forgotten,
}

/// How the bytes came, and what is known from outside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Arrival {
    /// Source profile.
    pub source: Label,
    /// Door.
    pub channel: Channel,
    /// Size, bytes.
    pub bytes: u64,
    /// Sealed original; none for a duplicate, whose bytes are kept once.
    pub original: Option<BlobId>,
    /// Keyed digest of (source, size, SHA-256).
    pub content: Digest,
    /// Keyed digest of the idempotency key, if one was given.
    pub idempotency: Option<Digest>,
    /// The document that holds the same bytes.
    pub duplicate_of: Option<DocId>,
    /// Order of stations.
    pub trip: Trip,
    /// SHA-256, file name, upload metadata: sealed under the document's key.
    pub sealed: Sealed,
    /// Retention rule that applies before the class is known.
    pub retention: Label,
    /// Keep until, if nothing else is learnt.
    pub retain_until: UnixMillis,
    /// The same for each schedule; records before there were schedules have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedules: Option<Box<Schedules>>,
    /// A document of the same bytes that retention has destroyed: this one is a new document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destroyed_before: Option<DocId>,
    /// A document of the same bytes that was rejected: this one is another try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resent_of: Option<DocId>,
    /// When it was taken in, if that was before this record: while the appliance was sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_at: Option<UnixMillis>,
}

/// The facts of a delivery that must stand together in one line (A39).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Disclosure {
    /// Who handed the document in.
    pub uploaded_by: Actor,
    /// What it was taken for.
    pub class: Option<DocClass>,
    /// How sure that was, or 1 when a person said so.
    pub confidence: Option<Confidence>,
    /// Where it went.
    pub route: Label,
    /// Who owns that.
    pub owner: Option<Label>,
    /// What the owner got.
    pub rendition: Rendition,
}

/// Door through which bytes came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// A watched folder.
    Inbox,
    /// gRPC `Submit`.
    Grpc,
}

/// What a station left behind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The magic bytes are of a known format.
    Quarantined {
        /// `pdf`, `tiff`, `png` or `jpeg`.
        format: Label,
    },
    /// The structure is sound.
    Parsed {
        /// Pages.
        pages: u32,
        /// Active or hidden content seen in it.
        findings: Vec<Finding>,
    },
    /// Page rasters are sealed.
    Normalised {
        /// Area `normalised`.
        raster: BlobId,
        /// Pages without ink.
        blank_pages: u32,
    },
    /// Words are sealed.
    Read {
        /// Area `text`.
        text: BlobId,
        /// Words on all pages.
        words: u32,
        /// Mean confidence of the words.
        confidence: Confidence,
        /// Pages that no worker could read.
        unread_pages: u32,
        /// SHA-256 of the text rendition, sealed.
        sealed: Sealed,
    },
    /// The class is known.
    Classified {
        /// Class.
        class: DocClass,
        /// Calibrated confidence.
        confidence: Confidence,
        /// Rules that spoke for it.
        rules: Vec<Label>,
        /// Pages do not agree on a class.
        mixed: bool,
        /// Laws of their own that it falls under, as labels of the policy.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        sensitivity: Vec<Label>,
        /// How long a document of this class and these labels is kept; older ledgers lack it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        schedules: Option<Box<Schedules>>,
    },
    /// The product is sealed and was read again.
    Redacted {
        /// Area `redacted`: the PDF.
        product: BlobId,
        /// Area `redacted`: boxes, kinds, rules.
        map: BlobId,
        /// Boxes painted.
        boxes: u32,
        /// Pages that did not pass and are wholly black.
        black_pages: u32,
        /// SHA-256 of the product, sealed.
        sealed: Sealed,
    },
    /// All artefacts were read back; their manifest is signed.
    Stored {
        /// Area `redacted`: the signed manifest.
        manifest: BlobId,
    },
    /// The route is known.
    Routed {
        /// Route.
        route: Label,
        /// Who owns it.
        owner: Label,
        /// Which rule said so.
        rule: Label,
    },
    /// The target has it.
    Delivered {
        /// Keyed digest of what was delivered.
        receipt: Digest,
        /// What an accounting of disclosures asks for (A39); older ledgers lack it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        disclosure: Option<Box<Disclosure>>,
    },
    /// Kept until then.
    Retained {
        /// Rule.
        retention: Label,
        /// Until.
        until: UnixMillis,
        /// The same for each schedule; records before there were schedules have none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        schedules: Option<Box<Schedules>>,
    },
}

impl Outcome {
    /// Which station leaves this.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        match self {
            Self::Quarantined { .. } => Stage::Quarantine,
            Self::Parsed { .. } => Stage::Parse,
            Self::Normalised { .. } => Stage::Normalise,
            Self::Read { .. } => Stage::Ocr,
            Self::Classified { .. } => Stage::Classify,
            Self::Redacted { .. } => Stage::Redact,
            Self::Stored { .. } => Stage::Store,
            Self::Routed { .. } => Stage::Route,
            Self::Delivered { .. } => Stage::Deliver,
            Self::Retained { .. } => Stage::Retain,
        }
    }
}

/// Content of a file that a picture of its pages does not need (B18).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finding {
    /// JavaScript.
    Javascript,
    /// A launch action.
    Launch,
    /// An embedded file or attachment.
    EmbeddedFile,
    /// An action on opening or other events.
    AutomaticAction,
    /// A link that leaves the document.
    ExternalLink,
    /// A form that submits.
    SubmitForm,
    /// Sound, film, 3-D.
    RichMedia,
    /// XFA form.
    Xfa,
    /// More than one revision.
    IncrementalUpdate,
    /// Layers that can be hidden.
    OptionalContent,
    /// Encrypted with an empty password.
    EmptyPassword,
    /// Bytes after the end of the structure.
    TrailingData,
}

/// What somebody read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rendition {
    /// The file as it came.
    Original,
    /// The redacted product.
    Redacted,
    /// Words or recognised text.
    Text,
}
