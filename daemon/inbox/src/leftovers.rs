//! What a crash left in `.claimed`: each is taken up where it was dropped.

use crate::{Claimed, Inbox, InboxError, place::Place};
use types::DocId;

/// Leftovers handed out at once, each with four descriptors; no more files than this are ever under way.
const LEFTOVERS_MAX: usize = 128;

impl Inbox {
    /// Files that were claimed and not dealt with, by a crash or a full disk, with the ids they were claimed for.
    /// To be called when no claimed file is under way, and again after those were dealt with, until there are none.
    ///
    /// # Errors
    /// When `.claimed` cannot be listed.
    pub fn leftovers(&self) -> Result<Vec<Claimed>, InboxError> {
        let mut found = Vec::new();
        for folder in self.folder.inner_names(&self.folder.claimed, LEFTOVERS_MAX)? {
            let id = str::from_utf8(folder.as_bytes()).ok().and_then(|text| text.parse::<DocId>().ok());
            if let Some(id) = id
                && let Some(claimed) = self.leftover(id)?
            {
                found.push(claimed);
            }
        }
        Ok(found)
    }

    fn leftover(&self, id: DocId) -> Result<Option<Claimed>, InboxError> {
        let Some(place) = Place::find(&self.folder, id)? else { return Ok(None) };
        let Some(name) = place.file()? else {
            // The claim got no further than its folder, or the removal no further than its file.
            return place.discard().map(|()| None);
        };
        let Ok(file) = place.open(&name) else {
            return match place.put_back(&name) {
                // One that can neither be read nor put back must not keep the others waiting.
                Ok(()) | Err(InboxError::NameTaken { .. }) => Ok(None),
                Err(error) => Err(error),
            };
        };
        self.fetch_sidecar(&place, &name)?;
        self.hold(place, name, file).map(Some)
    }
}
