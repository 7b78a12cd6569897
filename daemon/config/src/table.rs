//! One table of the file while it is read: hands out its keys, then refuses what nobody asked for.

use crate::{ConfigError, error::closest, rule::Rule, section::Section};
use std::path::Path;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// Longest part of a wrong value that an error repeats, in characters.
const FOUND_CHARS_MAX: usize = 60;

/// What is known of the file, and what was found wrong so far.
pub(crate) struct File<'a> {
    pub(crate) path: &'a Path,
    /// Relative paths start here.
    pub(crate) folder: &'a Path,
    pub(crate) text: &'a str,
    pub(crate) errors: Vec<ConfigError>,
}

impl File<'_> {
    /// Notes one more error.
    pub(crate) fn wrong(
        &mut self,
        line: usize,
        key: &str,
        expected: String,
        found: String,
        suggestion: Option<String>,
    ) {
        let (file, key) = (self.path.to_owned(), key.to_owned());
        self.errors.push(ConfigError { file, line, key, expected, found, suggestion });
    }

    /// The line, from 1, of a byte of the text.
    pub(crate) fn line(&self, offset: usize) -> usize {
        1 + self.text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
    }
}

/// A table that is being read.
pub(crate) struct Table<'a, 'f> {
    /// Its full name; empty for the file itself.
    name: String,
    line: usize,
    /// None when the file does not have it: then every key is absent.
    entries: Option<&'a DeTable<'a>>,
    known: Vec<String>,
    pub(crate) file: &'a mut File<'f>,
}

impl<'a, 'f> Table<'a, 'f> {
    pub(crate) fn new(
        name: String,
        line: usize,
        entries: Option<&'a DeTable<'a>>,
        file: &'a mut File<'f>,
    ) -> Self {
        Self { name, line, entries, known: Vec::new(), file }
    }

    /// The line of its header.
    pub(crate) fn line(&self) -> usize {
        self.line
    }

    /// The value of a key; none after noting what is wrong with it.
    pub(crate) fn key<R: Rule>(&mut self, key: &str, rule: &R) -> Option<R::Value> {
        let full = self.full(key);
        let Some(value) = self.find(key) else {
            let absent = rule.absent(self.file.folder);
            if absent.is_none() {
                self.file.wrong(
                    self.line,
                    &full,
                    rule.expected(),
                    "nothing: this key must be given".to_owned(),
                    None,
                );
            }
            return absent;
        };
        let accepted = rule.accept(value.get_ref(), self.file.folder);
        if accepted.is_none() {
            let line = self.file.line(value.span().start);
            self.file.wrong(line, &full, rule.expected(), found(value.get_ref()), None);
        }
        accepted
    }

    /// A table inside this one, absent or not.
    pub(crate) fn table<S: Section>(&mut self, key: &str) -> Option<S> {
        let name = self.full(key);
        let (line, entries) = match self.find(key) {
            None => (self.line, None),
            Some(value) => {
                let line = self.file.line(value.span().start);
                let Some(entries) = value.get_ref().as_table() else {
                    let found = found(value.get_ref());
                    self.file.wrong(line, &name, format!("the table [{name}]"), found, None);
                    return None;
                };
                (line, Some(entries))
            }
        };
        S::read(Table::new(name, line, entries, self.file))
    }

    /// Every table of a list of tables, with its line; none when one of them is wrong.
    pub(crate) fn tables<S: Section>(&mut self, key: &str, count_max: usize) -> Option<Vec<(usize, S)>> {
        let name = self.full(key);
        let expected = format!("1 to {count_max} tables [[{name}]]");
        let Some(value) = self.find(key) else {
            self.file.wrong(self.line, &name, expected, "none".to_owned(), None);
            return None;
        };
        let line = self.file.line(value.span().start);
        let Some(list) = value.get_ref().as_array() else {
            self.file.wrong(line, &name, expected, found(value.get_ref()), None);
            return None;
        };
        if list.is_empty() || list.len() > count_max {
            self.file.wrong(line, &name, expected, format!("{} of them", list.len()), None);
            return None;
        }
        let read: Vec<_> = list.iter().map(|entry| self.element(&name, entry)).collect();
        read.into_iter().collect()
    }

    fn element<S: Section>(&mut self, name: &str, entry: &Spanned<DeValue<'_>>) -> Option<(usize, S)> {
        let line = self.file.line(entry.span().start);
        let Some(entries) = entry.get_ref().as_table() else {
            self.file.wrong(line, name, format!("the table [[{name}]]"), found(entry.get_ref()), None);
            return None;
        };
        S::read(Table::new(name.to_owned(), line, Some(entries), self.file)).map(|section| (line, section))
    }

    /// Refuses every key that nobody asked for.
    pub(crate) fn refuse_the_rest(self) {
        let Some(entries) = self.entries else { return };
        for (key, _) in entries.iter().filter(|(key, _)| !self.known.iter().any(|name| name == key.get_ref()))
        {
            let line = self.file.line(key.span().start);
            let meant = closest(key.get_ref(), self.known.iter().map(String::as_str));
            let expected = format!("one of {}", self.known.join(", "));
            self.file.wrong(line, &self.full(key.get_ref()), expected, "an unknown key".to_owned(), meant);
        }
    }

    fn find(&mut self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.known.push(key.to_owned());
        self.entries?.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value)
    }

    fn full(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }
}

/// A wrong value, shortened, on one line and without control characters.
fn found(value: &DeValue<'_>) -> String {
    let shown = match value {
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Integer(number) => number.as_str().to_owned(),
        DeValue::Boolean(switch) => switch.to_string(),
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
            format!("a value of type {}", value.type_str())
        }
    };
    match shown.char_indices().nth(FOUND_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &shown[..end]),
        None => shown,
    }
}
