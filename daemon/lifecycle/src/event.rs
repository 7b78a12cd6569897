//! Facts, in the past tense. Variants and fields are added, never changed: the ledger keeps them for
//! years, so every name is written out and a golden ledger pins the bytes.

use crate::{Stage, Trip};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use types::{BlobId, Confidence, Digest, DocClass, DocId, Label, Reason, UnixMillis};

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
    /// A person let it go on from quarantine; its findings are accepted and flattened away.
    Released,
    /// A reviewer agreed with the class.
    Approved,
    /// A reviewer gave the class.
    Reclassified {
        /// The class.
        class: DocClass,
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
    /// Somebody read it. Changes nothing, but is written before a byte is handed out.
    Read {
        /// Which rendition.
        rendition: Rendition,
    },
    /// Its keys and bytes were destroyed.
    Expired {
        /// Keystore generation before.
        generation_before: u64,
        /// Keystore generation after.
        generation_after: u64,
    },
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
    },
    /// Kept until then.
    Retained {
        /// Rule.
        retention: Label,
        /// Until.
        until: UnixMillis,
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

/// About the appliance. Fixed fields only; nothing here can hold PHI.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SystemEvent {
    /// The daemon started and proved its sandbox.
    Started {
        /// Build of daemon and worker.
        build: String,
        /// Landlock ABI that the kernel enforces.
        landlock_abi: u32,
        /// The root-owned opt-out is set.
        degraded: bool,
    },
    /// The daemon stopped in order.
    Stopped,
    /// A worker tried a forbidden system call.
    SandboxViolation {
        /// Document it worked on.
        doc: Option<DocId>,
        /// Station.
        stage: Option<Stage>,
    },
    /// An inbox entry was refused without becoming a document; it lies in the refused folder.
    Refused {
        /// Source.
        source: Label,
        /// Why.
        reason: Reason,
        /// Keyed digest of the file name.
        name: Digest,
    },
    /// A file that was seen is gone, and we did not take it.
    Vanished {
        /// Source.
        source: Label,
        /// Keyed digest of the file name.
        name: Digest,
    },
    /// A caller was refused.
    Denied {
        /// RPC.
        rpc: Label,
        /// Why; a fixed code.
        why: Label,
    },
    /// Policy and certificates were read again.
    Reloaded {
        /// The new ones were good and are in force.
        accepted: bool,
    },
    /// The index was rebuilt from the ledger.
    IndexRebuilt {
        /// Records replayed.
        records: u64,
    },
    /// A torn tail was cut from the ledger after a crash.
    TailCut {
        /// Bytes cut.
        bytes: u64,
    },
    /// Somebody read or verified the ledger.
    Audited,
}

/// Ciphertext under a document's key; opaque here, hex in the ledger.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Sealed(pub Vec<u8>);

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

impl Serialize for Sealed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return self.0.serialize(serializer);
        }
        use std::fmt::Write as _;
        let mut hex = String::with_capacity(self.0.len() * 2);
        for byte in &self.0 {
            write!(hex, "{byte:02x}").map_err(serde::ser::Error::custom)?;
        }
        serializer.serialize_str(&hex)
    }
}

impl<'de> Deserialize<'de> for Sealed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return Vec::deserialize(deserializer).map(Self);
        }
        let hex = String::deserialize(deserializer)?;
        let bad = || serde::de::Error::custom("not hex");
        if !hex.len().is_multiple_of(2) {
            return Err(bad());
        }
        let byte = |i: usize| hex.get(i..i + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        (0..hex.len()).step_by(2).map(byte).collect::<Option<Vec<u8>>>().map(Self).ok_or_else(bad)
    }
}
