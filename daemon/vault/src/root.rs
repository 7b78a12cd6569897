//! The root key: between the master key and everything else, so that either can be replaced without
//! touching a blob.
//!
//! ```text
//! magic 8 · count u8 · count × { root key id 16 · master key id 16 · made u64 · root key 60 (wrapped) }
//! ```
//! Integers are big-endian, times milliseconds since 1970. One slot is the rule. While a rotation runs
//! there are up to four: the old and the new root key, each under the old and the new master key, so
//! that a crash leaves a vault that opens with whichever master key is given.

use crate::durable::{finish_retirement, swap};
use crate::error::Context;
use crate::secret::{KEY_ID_BYTES, KeyId, Secret, WRAPPED_BYTES, Wrapped};
use crate::{MasterKey, VaultError};
use std::ops::Range;
use std::path::Path;
use types::UnixMillis;

const FILE_NAME: &str = "root";
const MAGIC: &[u8; 8] = b"LZROOT\0\x01";
const COUNT_AT: usize = MAGIC.len();
const SLOTS_AT: usize = COUNT_AT + 1;
const SLOT_BYTES: usize = 2 * KEY_ID_BYTES + 8 + WRAPPED_BYTES;
/// Two root keys, each under two master keys.
const SLOTS_MAX: usize = 4;
/// What is overwritten in a file that was replaced.
const WIPED: Range<u64> = COUNT_AT as u64..u64::MAX;

/// The key that every file of keys is wrapped under, by purpose.
pub(crate) struct Root {
    key: Secret,
    /// Names it in the headers of these files.
    pub(crate) id: KeyId,
    /// When it was made.
    pub(crate) made: UnixMillis,
}

impl Root {
    /// A fresh one.
    pub(crate) fn generate(made: UnixMillis) -> Self {
        Self::of(Secret::generate(), made)
    }

    fn of(key: Secret, made: UnixMillis) -> Self {
        Self { id: key.id(), key, made }
    }

    /// What wraps the keys of one file: `keystore`, `site`, or another that joins
    /// [`crate::rotate::FILES`].
    pub(crate) fn wrapping(&self, purpose: &'static str) -> Secret {
        self.key.derive(&[b"under root", purpose.as_bytes()])
    }

    /// A second one with the same bytes.
    pub(crate) fn copy(&self) -> Self {
        Self { key: self.key.copy(), id: self.id, made: self.made }
    }

    /// The key itself, to be tried on a sample.
    pub(crate) fn secret(&self) -> &Secret {
        &self.key
    }
}

/// What the file says under one master key.
pub(crate) struct Roots {
    /// The one in use, or that was in use before a rotation was cut short.
    pub(crate) current: Root,
    /// The one that an unfinished rotation leads to.
    pub(crate) next: Option<Root>,
    /// Slots of another master key are left from an unfinished rotation.
    pub(crate) unfinished: bool,
}

impl Roots {
    /// The root key of this name.
    pub(crate) fn find(&self, id: KeyId) -> Option<&Root> {
        [Some(&self.current), self.next.as_ref()].into_iter().flatten().find(|root| root.id == id)
    }
}

/// Reads the file, and ends one that was being replaced.
pub(crate) fn read(dir: &Path, master: &MasterKey) -> Result<Roots, VaultError> {
    retire(dir)?;
    let path = dir.join(FILE_NAME);
    let file = std::fs::read(&path).when("read the root key", &path)?;
    let damaged =
        |offset: usize, fault| VaultError::Damaged { path: path.clone(), offset: offset as u64, fault };
    if !file.starts_with(MAGIC) {
        return Err(VaultError::version(&path, &file, MAGIC));
    }
    let count = file.get(COUNT_AT).copied().unwrap_or_default();
    let (slots, rest) = file.get(SLOTS_AT..).unwrap_or_default().as_chunks::<SLOT_BYTES>();
    if !rest.is_empty() || slots.len() != usize::from(count) || !(1..=SLOTS_MAX).contains(&slots.len()) {
        return Err(damaged(COUNT_AT, "expected one to four slots, as many as the count says"));
    }
    let mut roots = Vec::with_capacity(2);
    for (index, slot) in slots.iter().map(Slot::parse).enumerate() {
        if slot.master != master.id() {
            continue;
        }
        let key = master.for_root().unwrap(&slot.wrapped, &slot.context());
        let key = key.filter(|key| key.id() == slot.root).ok_or_else(|| {
            damaged(SLOTS_AT + index * SLOT_BYTES, "expected a root key that opens under the master key")
        })?;
        roots.push(Root::of(key, slot.made));
    }
    let mut roots = roots.into_iter();
    let current = roots.next().ok_or_else(|| VaultError::WrongMasterKey { path: path.clone() })?;
    Ok(Roots { current, next: roots.next(), unfinished: slots.len() > 1 })
}

/// Replaces the file, and overwrites the old one.
pub(crate) fn write(dir: &Path, roots: &[&Root], masters: &[&MasterKey]) -> Result<(), VaultError> {
    put(dir, roots, masters)?;
    retire(dir)
}

/// Overwrites the file that [`put`] replaced, and removes it.
pub(crate) fn retire(dir: &Path) -> Result<(), VaultError> {
    finish_retirement(dir, FILE_NAME, WIPED).when("retire the old root key in", dir)
}

/// Puts a new file in its place: each root key under each master key, once. Nothing can fail once the
/// name is replaced, so that memory and disk never disagree about the keys.
pub(crate) fn put(dir: &Path, roots: &[&Root], masters: &[&MasterKey]) -> Result<(), VaultError> {
    let mut slots: Vec<Slot> = Vec::with_capacity(SLOTS_MAX);
    for (root, master) in masters.iter().flat_map(|master| roots.iter().map(move |root| (root, master))) {
        if !slots.iter().any(|slot| (slot.root, slot.master) == (root.id, master.id())) {
            slots.push(Slot::new(root, master));
        }
    }
    let mut file = MAGIC.to_vec();
    file.push(u8::try_from(slots.len()).expect("two roots under two masters are four slots"));
    slots.iter().for_each(|slot| file.extend_from_slice(&slot.bytes()));
    swap(dir, FILE_NAME, &file, WIPED).when("write the root key in", dir)
}

struct Slot {
    root: KeyId,
    master: KeyId,
    made: UnixMillis,
    wrapped: Wrapped,
}

impl Slot {
    fn new(root: &Root, master: &MasterKey) -> Self {
        let mut slot =
            Self { root: root.id, master: master.id(), made: root.made, wrapped: [0; WRAPPED_BYTES] };
        slot.wrapped = master.for_root().wrap(&root.key, &slot.context());
        slot
    }

    /// What the wrapped key is bound to: everything else of the slot.
    fn context(&self) -> Vec<u8> {
        let made = self.made.0.to_be_bytes();
        [b"lazaret root key v1".as_slice(), &self.root.0, &self.master.0, &made].concat()
    }

    fn bytes(&self) -> Vec<u8> {
        [self.root.0.as_slice(), &self.master.0, &self.made.0.to_be_bytes(), &self.wrapped].concat()
    }

    fn parse(bytes: &[u8; SLOT_BYTES]) -> Self {
        let part = |range: Range<usize>| &bytes[range];
        Self {
            root: KeyId(part(0..16).try_into().expect("16 bytes")),
            master: KeyId(part(16..32).try_into().expect("16 bytes")),
            made: UnixMillis(u64::from_be_bytes(part(32..40).try_into().expect("8 bytes"))),
            wrapped: part(40..SLOT_BYTES).try_into().expect("60 bytes"),
        }
    }
}
