//! Text that may identify a person.

use serde::{Deserialize, Serialize};
use std::ops::Deref;

/// A string that may be PHI. It cannot be formatted (`Debug` and `Display` are absent on purpose);
/// whoever needs the text calls [`Phi::expose`], which greps well in a review.
#[derive(Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Phi(String);

impl Phi {
    /// Takes a text into custody.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Deref for Phi {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}
