//! Entries that can never be taken in are moved to `.refused/ID/NAME`: never opened, never followed, never
//! deleted.

use crate::{
    Inbox, Name,
    folder::{Folder, stamp},
};
use nix::unistd::{UnlinkatFlags, unlinkat};
use sandbox::sys::rename_noreplace;
use std::{
    hash::{BuildHasher as _, RandomState},
    io,
};
use types::{DocId, Phi, Reason, UnixMillis};

/// An entry that was refused. A directory stays where it is and is reported once; so does an entry that
/// cannot be moved, and a file that cannot be opened and is tried again.
pub struct RefusedEntry {
    /// Its name, for people.
    pub name: Phi,
    /// Why.
    pub reason: Reason,
}

impl Inbox {
    /// Moves an entry of the inbox to `.refused`.
    pub(crate) fn move_away(&self, name: &Name, now: UnixMillis) -> io::Result<()> {
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
