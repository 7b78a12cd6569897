//! Makes the sample documents: letters of invented people as scanners, fax machines and cameras deliver
//! them, and files that mean harm; each with what must become of it.
//!
//! The same bytes on every run. Contains no document of a real person, copies none, and tests nothing:
//! the tests of the whole appliance drop these files and compare.

mod canvas;
mod degrade;
mod dice;
mod files;
mod good;
mod hostile;
mod letters;
mod person;
mod photo;
mod sheet;
mod t4;

pub(crate) use dice::Dice;
pub(crate) use person::Person;
pub(crate) use sheet::{Sheet, Style};

use lifecycle::Status;
use serde::Serialize;
use types::{DocClass, Reason};

/// A file to drop and what must become of it.
pub struct Sample {
    /// File name, for example `fax-lab-result.tif`.
    pub name: &'static str,
    /// The file.
    pub bytes: Vec<u8>,
    /// Its truth.
    pub expected: Expected,
}

/// What must become of a sample.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Expected {
    /// Where it may come to rest: any of these.
    pub states: Vec<Status>,
    /// Why, if it must be refused.
    pub reason: Option<Reason>,
    /// Its class, if it has one.
    pub class: Option<DocClass>,
    /// Its pages, if it can be read.
    pub pages: Option<u32>,
    /// Words that must be read and that the redacted product still shows.
    pub words: Vec<&'static str>,
    /// Values that the redacted product must not show.
    pub removed: Vec<String>,
}

/// Every sample: the good ones first.
#[must_use]
pub fn all() -> Vec<Sample> {
    good::names().into_iter().chain(hostile::names()).filter_map(named).collect()
}

/// One sample by its file name.
#[must_use]
pub fn named(name: &str) -> Option<Sample> {
    good::make(name).or_else(|| hostile::make(name))
}

/// A small prescription, cheap to read, that differs for every number: what a batch is made of.
#[must_use]
pub fn slip(number: u32) -> Sample {
    good::slip(number)
}

#[cfg(test)]
mod tests;
