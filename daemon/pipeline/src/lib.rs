//! The trip of a document, station by station, and what callers may ask of it.
//!
//! The runner asks `lifecycle` what is due, the station of that name does it, the book writes the fact:
//! blob first, then ledger, then sled. No document format is parsed here: stations that look inside a
//! file talk to a sandboxed worker. Policy decides; stations only carry out.

// The trip, in its order (tests/house compares it with the lifecycle and the docs).
mod durable;
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
mod after_restore;
mod appliance;
mod arriving;
mod artefacts;
mod backup;
mod balance;
mod ballast;
mod book;
mod book_error;
mod certificate;
mod checkpoints;
mod clockwatch;
mod closing;
mod commands;
mod copies;
#[cfg(test)]
mod copies_tests;
mod day_order;
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
mod holds;
mod keys;
mod latch;
mod lost_index;
mod mark;
mod opening;
mod policies;
mod queries;
mod queue;
mod readings;
mod records;
mod refusal;
mod runner;
mod sealed;
mod sightings;
mod spool;
mod status;
mod steady;
mod submit;
mod sweep;
#[cfg(test)]
mod sweep_tests;
#[cfg(test)]
mod test_site;
mod told;
mod turned_away;
mod unaltered;
mod undelivered;
mod upkeep;
mod view;
mod view_appliance;
mod workers;

pub use appliance::Appliance;
pub use backup::{BackupBegun, BackupFile, BackupSigned, Parts};
pub use clockwatch::Uptime;
pub use opening::{Opening, StartError, Step};
pub use policies::read_policy;
pub use queries::Stream;
pub use sealed::{Opener, SealedAppliance, SealedOpening, Unsealing, sealed};
pub use told::Told;
pub use view::{
    BalanceView, Caller, Certificates, Check, Code, Disclosed, DocumentView, EvidenceFile, EvidenceOf,
    Expiry, Explained, HeldKeys, HoldView, KeysState, KeysView, LedgerReport, PageReading, PageRedactions,
    Progress, Receipt, RedactedBox, Refused, RotationView, RouteView, SignedCertificate, SourceView,
    StationUsage, StatusView, Submission, TermView, Trial, VanishedView,
};
