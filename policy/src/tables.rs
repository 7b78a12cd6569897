//! Reads rule files entry by entry, so that one mistake does not hide the others.

use crate::{PolicyError, Problem};
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use toml::Spanned;
use types::Label;

/// An array of tables as it was found, each entry with its place.
pub(crate) type Rows = Vec<Spanned<toml::Table>>;

/// One rule file and the mistakes found so far in all of them.
pub(crate) struct Reader<'a> {
    pub(crate) file: &'static str,
    text: &'a str,
    errors: &'a mut Vec<PolicyError>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(file: &'static str, text: &'a str, errors: &'a mut Vec<PolicyError>) -> Self {
        Self { file, text, errors }
    }

    /// The whole file as its outermost shape; nothing when it has none.
    pub(crate) fn outline<T: DeserializeOwned>(&mut self) -> Option<T> {
        match toml::from_str(self.text) {
            Ok(outline) => Some(outline),
            Err(problem) => {
                let line = problem.span().map_or(1, |span| self.line(span.start));
                self.report(line, Problem::Toml(Box::new(problem)));
                None
            }
        }
    }

    /// The entries that are well-formed, each with its line; the others are reported.
    pub(crate) fn entries<T: DeserializeOwned>(&mut self, rows: Rows) -> Vec<(usize, T)> {
        let mut entries = Vec::with_capacity(rows.len());
        for row in rows {
            let line = self.line(row.span().start);
            match row.into_inner().try_into() {
                Ok(entry) => entries.push((line, entry)),
                Err(problem) => self.report(line, Problem::Toml(Box::new(problem))),
            }
        }
        entries
    }

    /// Adds a mistake.
    pub(crate) fn report(&mut self, line: usize, problem: Problem) {
        self.errors.push(PolicyError { file: self.file, line, problem });
    }

    /// Reports a number that is not within its range.
    pub(crate) fn check_range(&mut self, line: usize, key: &'static str, value: f32, low: f32, high: f32) {
        if !(low..=high).contains(&value) {
            self.report(line, Problem::OutOfRange { key, low, high });
        }
    }

    /// The line, from 1, of a byte of the file.
    pub(crate) fn line(&self, byte: usize) -> usize {
        let before = self.text.as_bytes().get(..byte).unwrap_or(self.text.as_bytes());
        1 + before.iter().filter(|&&b| b == b'\n').count()
    }
}

/// The ids given to rules so far.
#[derive(Default)]
pub(crate) struct Ids(BTreeSet<Label>);

impl Ids {
    /// Takes an id, or reports that another rule has it.
    pub(crate) fn take(&mut self, reader: &mut Reader<'_>, line: usize, id: &Label) {
        if !self.0.insert(id.clone()) {
            reader.report(line, Problem::DuplicateRule(id.clone()));
        }
    }
}
