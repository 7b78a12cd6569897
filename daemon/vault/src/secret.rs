//! Key bytes: made, derived, wrapped, wiped. Nothing here can be printed.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, MAX_TAG_LEN, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use std::fmt;
use zeroize::Zeroize;

/// Bytes of every key.
pub(crate) const KEY_BYTES: usize = 32;

/// Bytes of a wrapped key: nonce, ciphertext, tag.
pub(crate) const WRAPPED_BYTES: usize = NONCE_LEN + KEY_BYTES + MAX_TAG_LEN;

/// A wrapped key as it lies on disk.
pub(crate) type Wrapped = [u8; WRAPPED_BYTES];

/// Bytes that tell one key from another without revealing either.
pub(crate) const KEY_ID_BYTES: usize = 16;

/// The public name of a key, written as 32 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; KEY_ID_BYTES]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Random bytes of the crypto provider.
#[must_use]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    fill(&mut bytes);
    bytes
}

fn fill(bytes: &mut [u8]) {
    aws_lc_rs::rand::fill(bytes).expect("the kernel's random source does not fail once the machine is up");
}

/// One key. On the heap, so that moving it leaves no copy behind; wiped when dropped.
pub(crate) struct Secret(Box<[u8; KEY_BYTES]>);

impl Secret {
    /// A fresh one.
    pub(crate) fn generate() -> Self {
        let mut secret = Self::blank();
        fill(secret.0.as_mut_slice());
        secret
    }

    /// Room to read a key into.
    pub(crate) fn blank() -> Self {
        Self(Box::new([0; KEY_BYTES]))
    }

    /// A second one with the same bytes, wiped on its own.
    pub(crate) fn copy(&self) -> Self {
        Self(self.0.clone())
    }

    /// Names this key in the headers of files without revealing it.
    pub(crate) fn id(&self) -> KeyId {
        let mut id = [0; KEY_ID_BYTES];
        self.expand(&[b"key id"], &mut id);
        KeyId(id)
    }

    /// Its bytes.
    pub(crate) fn expose(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// Its bytes, to be written.
    pub(crate) fn expose_mut(&mut self) -> &mut [u8; KEY_BYTES] {
        &mut self.0
    }

    /// Another key for one purpose: HKDF-SHA-256 with the purpose as info.
    pub(crate) fn derive(&self, info: &[&[u8]]) -> Self {
        let mut derived = Self::blank();
        self.expand(info, derived.0.as_mut_slice());
        derived
    }

    /// Fills `out` (at most 255 × 32 bytes) from this key and `info`.
    pub(crate) fn expand(&self, info: &[&[u8]], out: &mut [u8]) {
        Salt::new(HKDF_SHA256, b"lazaret vault v2")
            .extract(self.expose())
            .expand(info, Length(out.len()))
            .and_then(|okm| okm.fill(out))
            .expect("HKDF-SHA-256 yields up to 8160 bytes");
    }

    /// The cipher under this key.
    pub(crate) fn cipher(&self) -> LessSafeKey {
        LessSafeKey::new(UnboundKey::new(&AES_256_GCM, self.expose()).expect("AES-256 takes 32 bytes"))
    }

    /// Seals `other` under this key, bound to `context`.
    pub(crate) fn wrap(&self, other: &Self, context: &[u8]) -> Wrapped {
        let nonce = random::<NONCE_LEN>();
        let mut wrapped = [0; WRAPPED_BYTES];
        let (head, tail) = wrapped.split_at_mut(NONCE_LEN);
        let (body, seal) = tail.split_at_mut(KEY_BYTES);
        head.copy_from_slice(&nonce);
        body.copy_from_slice(other.expose());
        let tag = self
            .cipher()
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(context), body)
            .expect("32 bytes are within what AES-GCM seals");
        seal.copy_from_slice(tag.as_ref());
        wrapped
    }

    /// Opens what [`Self::wrap`] made; none when key, context or bytes are others.
    pub(crate) fn unwrap(&self, wrapped: &Wrapped, context: &[u8]) -> Option<Self> {
        let (head, tail) = wrapped.split_first_chunk::<NONCE_LEN>()?;
        let (body, seal) = tail.split_first_chunk::<KEY_BYTES>()?;
        let mut secret = Self::blank();
        let nonce = Nonce::assume_unique_for_key(*head);
        self.cipher()
            .open_separate_gather(nonce, Aad::from(context), body, seal, secret.expose_mut())
            .ok()?;
        Some(secret)
    }
}

/// A copy in a place of its own, wiped like the first.
impl Clone for Secret {
    fn clone(&self) -> Self {
        let mut copy = Self::blank();
        copy.expose_mut().copy_from_slice(self.expose());
        copy
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

const _: () = assert!(WRAPPED_BYTES == 60, "the keystore's format");
