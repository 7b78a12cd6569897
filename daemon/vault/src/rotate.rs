//! Rotation: a new root key, and if wanted another master key, while everything goes on.
//!
//! In the order that makes a crash at any point harmless:
//! 1. `root` holds the old and the new root key, each under the old and the new master key;
//! 2. the keystore becomes a new generation under the new root key;
//! 3. each of [`FILES`] moves under it;
//! 4. `root` holds the new root key under the new master key only.
//!
//! In every step the bytes that were replaced are overwritten before they are unlinked. After a crash
//! the vault opens with either master key and finishes the rotation under the one that is given. No
//! blob is touched: what documents are sealed with does not change.

use crate::keystore::Keystore;
use crate::root::{self, Root, Roots};
use crate::{MasterKey, VaultError, signer, site};
use std::path::Path;
use types::UnixMillis;

/// Moves one file of a vault's directory from one root key to another; does nothing when it is under the
/// other already.
type MoveUnder = fn(&Path, from: &Root, to: &Root) -> Result<(), VaultError>;

/// Files beside the keystore that hold keys under the root key.
pub(crate) const FILES: [MoveUnder; 2] = [site::move_under, signer::move_under];

/// What a rotation did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// Generation of the keystore before.
    pub generation_before: u64,
    /// And after.
    pub generation_after: u64,
    /// Whether all replaced bytes are overwritten. If not, the next rotation or start does it.
    pub is_settled: bool,
}

/// Moves everything from `root` to a new root key and from `old` to `new`; gives the root key. The
/// caller remembers the new keys and then calls [`root::retire`].
pub(crate) fn rotate(
    dir: &Path,
    keys: &Keystore,
    root: &Root,
    (old, new): (&MasterKey, &MasterKey),
    at: UnixMillis,
) -> Result<(Root, Rotation), VaultError> {
    // A rotation that failed half way has left its root key; going on with it loses nothing.
    let left = root::read(dir, old)?.next;
    let next = left.unwrap_or_else(|| Root::generate(at));
    root::write(dir, &[root, &next], &[old, new])?;
    let (generation_before, generation_after) = keys.move_under(&next, at)?;
    FILES.iter().try_for_each(|step| step(dir, root, &next))?;
    root::put(dir, &[&next], &[new])?;
    Ok((next, Rotation { generation_before, generation_after, is_settled: false }))
}

/// Finishes what a crash interrupted; gives the root key.
pub(crate) fn resume(
    dir: &Path,
    keys: &Keystore,
    roots: Roots,
    master: &MasterKey,
    at: UnixMillis,
) -> Result<Root, VaultError> {
    let Roots { current, next, unfinished } = roots;
    let Some(next) = next else {
        if unfinished {
            root::write(dir, &[&current], &[master])?;
        }
        return Ok(current);
    };
    keys.move_under(&next, at)?;
    FILES.iter().try_for_each(|step| step(dir, &current, &next))?;
    root::write(dir, &[&next], &[master])?;
    Ok(next)
}
