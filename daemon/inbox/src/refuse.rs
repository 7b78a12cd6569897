//! Entries that can never be taken in are moved to `.refused/ID/NAME`: never opened, never followed, never
//! deleted. A scan only names them, so that whoever keeps the books can write it down before they move.

use crate::{
    Inbox, InboxError, Name,
    folder::{Folder, stamp},
};
use nix::unistd::{UnlinkatFlags, unlinkat};
use sandbox::sys::rename_noreplace;
use std::{
    hash::{BuildHasher as _, RandomState},
    io,
};
use types::{DocId, Phi, Reason, UnixMillis};

/// An entry that was refused; it is named once.
pub struct RefusedEntry {
    /// Its name, for people.
    pub name: Phi,
    /// Why.
    pub reason: Reason,
    /// It is to be moved away ([`Inbox::set_aside`]). A directory stays where it is, and so does a file that
    /// cannot be opened and is tried again.
    pub leaves: bool,
    /// Its name on disk.
    pub found: Name,
}

impl RefusedEntry {
    pub(crate) fn new(found: &Name, reason: Reason, leaves: bool) -> Self {
        Self { name: found.display(), reason, leaves, found: found.clone() }
    }
}

impl Inbox {
    /// Moves a refused entry to `.refused`.
    ///
    /// # Errors
    /// When the file system refuses, or a good file has taken its name; it is then where it was.
    pub fn set_aside(&mut self, entry: &RefusedEntry, now: UnixMillis) -> Result<(), InboxError> {
        let moved = self.move_away(&entry.found, now);
        if moved.is_ok() {
            self.seen.forget(&entry.found);
        }
        moved.map_err(self.folder.file_error("set aside"))
    }

    /// Names a refused entry again at the next scan: it could not be dealt with.
    pub fn look_again(&mut self, entry: &RefusedEntry) {
        self.seen.forget(&entry.found);
    }

    /// Whether an entry of this name lies in the inbox.
    ///
    /// # Errors
    /// When the folder cannot be asked.
    pub fn lies(&self, name: &Name) -> Result<bool, InboxError> {
        Ok(self.folder.stamp(name)?.is_some())
    }

    /// Moves an entry of the inbox to `.refused`.
    fn move_away(&self, name: &Name, now: UnixMillis) -> io::Result<()> {
        let id = DocId::from_parts(now, unique()).to_string();
        let place = Folder::make_inner(&self.folder.refused, &id)?;
        let moved = rename_noreplace(&self.folder.inbox, name.as_path(), &place, name.as_path());
        if moved.is_err() {
            unlinkat(&self.folder.refused, id.as_str(), UnlinkatFlags::RemoveDir)?;
            return moved;
        }
        // Between the look and the move somebody may have put a good file in its place: that one goes back.
        if stamp(&place, name)?.is_some_and(|stamp| self.refusal_of(&stamp).is_none()) {
            rename_noreplace(&place, name.as_path(), &self.folder.inbox, name.as_path())?;
            unlinkat(&self.folder.refused, id.as_str(), UnlinkatFlags::RemoveDir)?;
            return Err(io::ErrorKind::Interrupted.into());
        }
        Ok(())
    }
}

/// Differs from call to call; a clash would only make the move fail and be tried again.
fn unique() -> u128 {
    let half = || u128::from(RandomState::new().hash_one(std::thread::current().id()));
    half() << 64 | half()
}
