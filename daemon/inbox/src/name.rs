//! Names of files, as the bytes they are. They come from strangers: they are compared, shown in a
//! harmless form and handed to system calls as one component, nothing else.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _, path::Path};
use types::Phi;

/// Endings of files that are still being written, compared without regard to case.
const UNFINISHED: [&str; 7] = [".tmp", ".part", ".partial", ".filepart", ".crdownload", ".lock", ".swp"];
/// What a sidecar's name adds to that of its file.
const SIDECAR: &[u8] = b".json";

/// A file name. It may be PHI, so it can be neither printed nor debugged.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Box<[u8]>);

impl Name {
    /// The name of these bytes.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    /// The bytes on disk, for a keyed digest.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// For people: what is not UTF-8, controls the terminal, or reorders or hides text becomes `\u{fffd}`.
    #[must_use]
    pub fn display(&self) -> Phi {
        let text = String::from_utf8_lossy(&self.0);
        Phi::new(text.chars().map(|c| if is_harmless(c) { c } else { char::REPLACEMENT_CHARACTER }).collect())
    }

    /// As the last argument of `…at` system calls.
    pub(crate) fn as_path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.0))
    }

    /// Whether it is hidden, an editor's, or still being written.
    pub(crate) fn is_ignored(&self, more_endings: &[String]) -> bool {
        let name = self.0.to_ascii_lowercase();
        let mut unfinished = UNFINISHED.iter().copied().chain(more_endings.iter().map(String::as_str));
        let is_unfinished = unfinished.any(|ending| name.ends_with(ending.to_ascii_lowercase().as_bytes()));
        is_unfinished || name.starts_with(b".") || name.starts_with(b"~$")
    }

    /// The name its sidecar has, or would have.
    pub(crate) fn sidecar(&self) -> Name {
        Name([&self.0, SIDECAR].concat().into())
    }

    /// The file it is the sidecar of, going by the name.
    pub(crate) fn sidecar_of(&self) -> Option<Name> {
        self.0.strip_suffix(SIDECAR).filter(|base| !base.is_empty()).map(Name::new)
    }
}

fn is_harmless(c: char) -> bool {
    let hidden = matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    !c.is_control() && !hidden
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shown_so_that_they_harm_no_terminal() {
        let shown = |bytes: &[u8]| Name::new(bytes).display().expose().to_owned();
        assert_eq!(shown(b"a\x1b[2Jb\nc\x9b"), "a\u{fffd}[2Jb\u{fffd}c\u{fffd}");
        assert_eq!(shown("exe\u{202e}fdp.\u{2066}".as_bytes()), "exe\u{fffd}fdp.\u{fffd}");
        assert_eq!(shown("Müller -rf.pdf".as_bytes()), "Müller -rf.pdf");
    }

    #[test]
    fn unfinished_hidden_and_office_files_are_ignored_whatever_their_case() {
        for name in [
            ".x.pdf",
            "~$letter.docx",
            "a.TMP",
            "a.part",
            "a.pdf.Partial",
            "a.filepart",
            "a.crdownload",
            "a.lock",
            "a.swp",
        ] {
            assert!(Name::new(name.as_bytes()).is_ignored(&[]), "{name}");
        }
        assert!(Name::new(b"a.FAXING").is_ignored(&[".faxing".to_owned()]));
        for name in ["a.pdf", "tmp", "part", "-rf", "a.tmp.pdf", "~a", "$"] {
            assert!(!Name::new(name.as_bytes()).is_ignored(&[]), "{name}");
        }
    }
}
