//! What may stand after a key: a number in a range, a path, a name, a switch.

use std::{
    ops::RangeInclusive,
    path::{Path, PathBuf},
    str::FromStr,
};
use toml::de::DeValue;

/// Decides about one value.
pub(crate) trait Rule {
    /// What an accepted value becomes.
    type Value;

    /// What may stand here, as the object of "expected".
    fn expected(&self) -> String;

    /// The value when the key is absent; none when the key must be given.
    fn absent(&self, folder: &Path) -> Option<Self::Value>;

    /// The value, or none when it is not what [`Self::expected`] says.
    fn accept(&self, value: &DeValue<'_>, folder: &Path) -> Option<Self::Value>;

    /// The default, or a sample where there is none, as TOML.
    fn sample(&self) -> String;

    /// Whether the reference file shows the key as a comment, because it is absent by default.
    fn is_optional(&self) -> bool {
        false
    }
}

/// Ties a rule to the type of its field.
pub(crate) fn of<T, R: Rule<Value = T>>(rule: R) -> R {
    rule
}

/// An unsigned number; `_` may group its digits.
pub(crate) struct Number<T> {
    default: T,
    range: RangeInclusive<T>,
}

pub(crate) fn number<T>(default: T, range: RangeInclusive<T>) -> Number<T> {
    Number { default, range }
}

impl<T: Copy + PartialOrd + TryFrom<u64> + std::fmt::Display> Rule for Number<T> {
    type Value = T;

    fn expected(&self) -> String {
        format!("a number from {} to {}", self.range.start(), self.range.end())
    }

    fn absent(&self, _: &Path) -> Option<T> {
        Some(self.default)
    }

    fn accept(&self, value: &DeValue<'_>, _: &Path) -> Option<T> {
        let digits = value.as_integer()?;
        let number = u64::from_str_radix(digits.as_str(), digits.radix()).ok()?;
        T::try_from(number).ok().filter(|number| self.range.contains(number))
    }

    fn sample(&self) -> String {
        self.default.to_string()
    }
}

/// `true` or `false`.
pub(crate) struct Switch(pub(crate) bool);

impl Rule for Switch {
    type Value = bool;

    fn expected(&self) -> String {
        "true or false".to_owned()
    }

    fn absent(&self, _: &Path) -> Option<bool> {
        Some(self.0)
    }

    fn accept(&self, value: &DeValue<'_>, _: &Path) -> Option<bool> {
        value.as_bool()
    }

    fn sample(&self) -> String {
        self.0.to_string()
    }
}

/// A quoted word with a meaning of its own: a name, an address, a class.
pub(crate) struct Word<T> {
    expected: &'static str,
    sample: &'static str,
    required: bool,
    parse: fn(&str) -> Option<T>,
}

/// A word that has a default.
pub(crate) fn word<T: FromStr>(expected: &'static str, default: &'static str) -> Word<T> {
    Word { expected, sample: default, required: false, parse: |text| text.parse().ok() }
}

/// A word that must be given.
pub(crate) fn required<T: FromStr>(expected: &'static str, sample: &'static str) -> Word<T> {
    Word { required: true, ..word(expected, sample) }
}

/// The name of a file in a folder that somebody else chooses: one that cannot lead out of it.
pub(crate) fn file_name(expected: &'static str, default: &'static str) -> Word<String> {
    let parse = |text: &str| text.parse().ok().map(|name: types::Label| name.to_string());
    Word { expected, sample: default, required: false, parse }
}

impl<T> Rule for Word<T> {
    type Value = T;

    fn expected(&self) -> String {
        self.expected.to_owned()
    }

    fn absent(&self, _: &Path) -> Option<T> {
        if self.required { None } else { (self.parse)(self.sample) }
    }

    fn accept(&self, value: &DeValue<'_>, _: &Path) -> Option<T> {
        (self.parse)(value.as_str()?)
    }

    fn sample(&self) -> String {
        format!("\"{}\"", self.sample)
    }
}

/// A file or folder; a relative one is relative to the folder of the configuration file.
pub(crate) struct Location(pub(crate) &'static str);

/// Longest path that Linux takes, in bytes, its closing zero included.
const PATH_BYTES_MAX: usize = 4096;

impl Rule for Location {
    type Value = PathBuf;

    fn expected(&self) -> String {
        "a path without `..`".to_owned()
    }

    fn absent(&self, folder: &Path) -> Option<PathBuf> {
        Some(folder.join(self.0))
    }

    fn accept(&self, value: &DeValue<'_>, folder: &Path) -> Option<PathBuf> {
        let text = value.as_str()?;
        let path = Path::new(text);
        let climbs = path.components().any(|part| part == std::path::Component::ParentDir);
        let good = !text.is_empty() && text.len() < PATH_BYTES_MAX && !text.contains('\0') && !climbs;
        // Collecting the components drops `.` and doubled slashes, so that equal paths compare equal.
        good.then(|| folder.join(path).components().collect())
    }

    fn sample(&self) -> String {
        format!("\"{}\"", self.0)
    }
}

/// A key that may be absent, and is so by default.
pub(crate) struct Optional<R>(pub(crate) R);

impl<R: Rule> Rule for Optional<R> {
    type Value = Option<R::Value>;

    fn expected(&self) -> String {
        self.0.expected()
    }

    fn absent(&self, _: &Path) -> Option<Self::Value> {
        Some(None)
    }

    fn accept(&self, value: &DeValue<'_>, folder: &Path) -> Option<Self::Value> {
        self.0.accept(value, folder).map(Some)
    }

    fn sample(&self) -> String {
        self.0.sample()
    }

    fn is_optional(&self) -> bool {
        true
    }
}

/// A list of different quoted words, absent by default.
pub(crate) struct Words {
    pub(crate) expected: &'static str,
    pub(crate) sample: &'static str,
    pub(crate) count: RangeInclusive<usize>,
    pub(crate) good: fn(&str) -> bool,
}

impl Rule for Words {
    type Value = Vec<String>;

    fn expected(&self) -> String {
        self.expected.to_owned()
    }

    fn absent(&self, _: &Path) -> Option<Vec<String>> {
        Some(Vec::new())
    }

    fn accept(&self, value: &DeValue<'_>, _: &Path) -> Option<Vec<String>> {
        let words =
            value.as_array()?.iter().map(|word| word.get_ref().as_str().filter(|word| (self.good)(word)));
        let words = words.map(|word| word.map(str::to_owned)).collect::<Option<Vec<_>>>()?;
        let different: std::collections::BTreeSet<_> = words.iter().collect();
        (different.len() == words.len() && self.count.contains(&words.len())).then_some(words)
    }

    fn sample(&self) -> String {
        self.sample.to_owned()
    }

    fn is_optional(&self) -> bool {
        true
    }
}
