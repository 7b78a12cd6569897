//! Claiming: one rename, which only one process can win, and a second look at what was renamed.

use crate::{Claimed, Inbox, InboxError, Name, place::Place, stamp::Stamp};
use nix::sys::stat::fstat;
use std::{fs::File, io};
use types::{DocId, Phi};

/// A file that has settled.
pub struct Candidate {
    pub(crate) name: Name,
    pub(crate) stamp: Stamp,
    /// It came whole, by a rename. Such a file could skip the settling time once its structure is known to
    /// be complete; nobody looks at structure yet, so this is always false.
    pub arrived_by_rename: bool,
}

impl Candidate {
    /// Its name, for people.
    #[must_use]
    pub fn name(&self) -> Phi {
        self.name.display()
    }

    /// Its name on disk.
    #[must_use]
    pub fn file_name(&self) -> &Name {
        &self.name
    }

    /// Its size.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.stamp.bytes
    }
}

impl Inbox {
    /// Takes a file: moves it to `.claimed/ID/NAME`, where its name survives a crash, its sidecar behind it.
    /// None when it went or changed in the meantime; it is then where it was.
    ///
    /// # Errors
    /// When the file system refuses. The file is then in the inbox, or found by [`Inbox::leftovers`].
    pub fn claim(&self, candidate: Candidate, id: DocId) -> Result<Option<Claimed>, InboxError> {
        let Candidate { name, stamp: seen, .. } = candidate;
        let place = Place::make(&self.folder, id)?;
        match place.take(&name) {
            Ok(true) => self.note_taken(&name),
            Ok(false) => return place.discard().map(|()| None),
            Err(error) => {
                let error = place.failed("claim")(error);
                place.discard()?;
                return Err(error);
            }
        }
        let Ok(file) = self.open_claimed(&place, &name, &seen) else {
            return place.put_back(&name).map(|()| None);
        };
        self.fetch_sidecar(&place, &name)?;
        self.hold(place, name, file).map(Some)
    }

    /// Opens what was renamed, if it is what was seen and still has no writer.
    fn open_claimed(&self, place: &Place, name: &Name, seen: &Stamp) -> io::Result<File> {
        let file = place.open(name)?;
        let now = Stamp::of(&fstat(&file)?);
        let good = now.is_same_content(seen) && now.refusal().is_none() && self.has_no_writer(&file);
        if good { Ok(file) } else { Err(io::ErrorKind::ResourceBusy.into()) }
    }

    /// Moves the sidecar behind its file, if there is one. The file goes first: a sidecar alone in `.claimed`
    /// would look like a document after a crash.
    pub(crate) fn fetch_sidecar(&self, place: &Place, name: &Name) -> Result<(), InboxError> {
        let sidecar = name.sidecar();
        match place.take(&sidecar) {
            Ok(true) => self.note_taken(&sidecar),
            Ok(false) => {}
            // After a crash another may have come for a later file of the same name; the first one counts.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(place.failed("claim the sidecar of")(error)),
        }
        Ok(())
    }
}
