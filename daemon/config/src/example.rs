//! Prints the reference file: every key with its meaning, what may stand there, and its default.

use crate::{load::Settings, rule::Rule, section::Section};

/// Widest line of the reference file, in characters.
const WIDTH: usize = 100;

/// A commented configuration file that says exactly what holds when nothing is said, apart from the
/// keys that have no default.
#[must_use]
pub fn example() -> String {
    let mut page = Page { path: String::new(), text: String::new() };
    page.comment(Settings::ABOUT);
    Settings::describe(&mut page);
    page.text
}

/// The reference file while it is printed.
pub(crate) struct Page {
    path: String,
    text: String,
}

impl Page {
    /// Prints one key.
    pub(crate) fn key<R: Rule>(&mut self, key: &str, meaning: &str, rule: &R) {
        let expected = rule.expected();
        self.comment(&format!("{meaning} Takes {expected}."));
        let hidden = if rule.is_optional() { "# " } else { "" };
        self.text += &format!("{hidden}{key} = {}\n", rule.sample());
    }

    /// Prints an inner table.
    pub(crate) fn table<S: Section>(&mut self, key: &str) {
        self.inner::<S>(key, "[", "]");
    }

    /// Prints one table of a list.
    pub(crate) fn element<S: Section>(&mut self, key: &str) {
        self.inner::<S>(key, "[[", "]]");
    }

    fn inner<S: Section>(&mut self, key: &str, open: &str, close: &str) {
        let outer = self.path.clone();
        self.path = if outer.is_empty() { key.to_owned() } else { format!("{outer}.{key}") };
        self.text.push('\n');
        self.comment(S::ABOUT);
        self.text += &format!("{open}{}{close}\n", self.path);
        S::describe(self);
        self.path = outer;
    }

    fn comment(&mut self, text: &str) {
        let mut line = "#".to_owned();
        for word in text.split_whitespace() {
            if line.chars().count() + 1 + word.chars().count() > WIDTH {
                self.text += &line;
                self.text.push('\n');
                line = "#".to_owned();
            }
            line.push(' ');
            line += word;
        }
        self.text += &line;
        self.text.push('\n');
    }
}
