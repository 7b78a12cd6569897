//! The trip of a document, station by station, and what callers may ask of it.
//!
//! The runner asks `lifecycle` what is due, the station of that name does it, the book writes the fact:
//! blob first, then ledger, then sled. No document format is parsed here: stations that look inside a
//! file talk to a sandboxed worker. Policy decides; stations only carry out.

// The trip, in its order (tests/house compares it with the lifecycle and the docs).
mod watch;
mod intake;
mod quarantine;
mod parse;
mod normalise;
mod ocr;
mod classify;
mod redact;
mod store;
mod route;
mod deliver;
mod retain;

mod accounting;
mod admission;
mod appliance;
mod arriving;
mod artefacts;
mod backup;
mod book;
mod checkpoints;
mod certificate;
mod commands;
mod deletion;
mod desk;
mod destruction;
mod doctor;
mod evidence;
mod expire;
mod explain;
mod facts;
mod gauges;
mod handover;
mod gate;
mod mark;
mod holds;
mod latch;
mod policies;
mod queries;
mod readings;
mod records;
mod refusal;
mod runner;
mod spool;
mod status;
mod submit;
mod sweep;
mod upkeep;
mod view;
mod workers;

pub use appliance::{Appliance, Opening, StartError};
pub use backup::{BackupBegun, BackupFile, BackupSigned, Parts};
pub use policies::read_policy;
pub use queries::Stream;
pub use view::{
    Caller, Certificates, Check, Code, Disclosed, DocumentView, EvidenceFile, EvidenceOf, Expiry, Explained,
    HoldView, LedgerReport, PageReading, PageRedactions, Progress, Receipt, RedactedBox, Refused, RouteView,
    SignedCertificate, SourceView, StationUsage, StatusView, Submission, TermView, Trial,
};
