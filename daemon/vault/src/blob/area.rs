//! Areas of the store, and the full name of a blob.

use std::fmt;
use types::{BlobId, DocId};

/// What a blob holds, and so who may ask for it (B38: original, derivative and text stay distinct).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Area {
    /// The file as it came.
    Original,
    /// Page rasters.
    Normalised,
    /// Words and boxes.
    Text,
    /// The redacted product, its map and its manifest.
    Redacted,
    /// Crops, thumbnails and corrections for reviewers.
    Review,
}

impl Area {
    /// Every area.
    pub const ALL: [Area; 5] = [Self::Original, Self::Normalised, Self::Text, Self::Redacted, Self::Review];

    /// The stable name, part of file names.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Original => "original",
            Self::Normalised => "normalised",
            Self::Text => "text",
            Self::Redacted => "redacted",
            Self::Review => "review",
        }
    }

    /// The stable number, part of the sealed header.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Original => 1,
            Self::Normalised => 2,
            Self::Text => 3,
            Self::Redacted => 4,
            Self::Review => 5,
        }
    }
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which blob: nothing in it identifies a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BlobName {
    /// Whose.
    pub doc: DocId,
    /// Where.
    pub area: Area,
    /// Which.
    pub blob: BlobId,
}

impl BlobName {
    /// The blob whose file has this name.
    pub(crate) fn parse(doc: DocId, name: &str) -> Option<Self> {
        let (area, blob) = name.split_once('-')?;
        let area = Area::ALL.into_iter().find(|known| known.name() == area)?;
        Some(Self { doc, area, blob: blob.parse().ok()? })
    }

    pub(crate) fn file_name(self) -> String {
        format!("{}-{}", self.area, self.blob)
    }

    /// Which blob a file holds; none for temporary files.
    pub(crate) fn of_file(doc: DocId, file_name: &str) -> Option<Self> {
        let (area, blob) = file_name.split_once('-')?;
        let area = Area::ALL.into_iter().find(|known| known.name() == area)?;
        Some(Self { doc, area, blob: blob.parse().ok()? })
    }
}

impl fmt::Display for BlobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}-{}", self.doc, self.area, self.blob)
    }
}

/// The text is no name of a blob.
#[derive(Debug, thiserror::Error)]
#[error("not the name of a blob: expected DOCUMENT/AREA-BLOB, two ULIDs and the name of an area")]
pub struct BadBlobName;

impl std::str::FromStr for BlobName {
    type Err = BadBlobName;

    /// Reads what `Display` writes, and nothing that only resembles it: the text is part of paths.
    fn from_str(text: &str) -> Result<Self, BadBlobName> {
        let name = || {
            let (doc, file) = text.split_once('/')?;
            let (area, blob) = file.split_once('-')?;
            let area = Area::ALL.into_iter().find(|known| known.name() == area)?;
            let name = Self { doc: doc.parse().ok()?, area, blob: blob.parse().ok()? };
            (name.to_string() == text).then_some(name)
        };
        name().ok_or(BadBlobName)
    }
}
