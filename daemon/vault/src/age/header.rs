//! The header: the key of the file, wrapped once for each recipient, and a MAC over it all.
//!
//! ```text
//! age-encryption.org/v1
//! -> X25519 SHARE          a fresh public key, 43 characters of base64
//! BODY                     the file key under ChaCha20-Poly1305, 43 characters of base64
//! --- MAC                  HMAC-SHA-256 of all bytes up to and with the dashes
//! ```

use super::{FILE_KEY_BYTES, FileKey, Identity, KEY_BYTES, Key, Recipient, derive};
use crate::VaultError;
use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use std::ops::ControlFlow;
use zeroize::Zeroizing;

const FIRST_LINE: &str = "age-encryption.org/v1";
const STANZA: &str = "-> X25519 ";
const MAC_PREFIX: &str = "---";
const WRAP_INFO: &[u8] = b"age-encryption.org/v1/X25519";
/// Bytes of a wrapped file key: ciphertext and tag.
const BODY_BYTES: usize = FILE_KEY_BYTES + 16;
/// Longest header that is looked at: some hundred recipients.
const HEADER_BYTES_MAX: usize = 64 << 10;

/// The header for a file key.
pub(super) fn write(file_key: &FileKey, recipients: &[Recipient]) -> Vec<u8> {
    let mut header = format!("{FIRST_LINE}\n");
    for recipient in recipients {
        let (share, body) = wrap(file_key, recipient);
        header += &format!("{STANZA}{}\n{}\n", base64(&share), base64(&body));
    }
    header += MAC_PREFIX;
    let mac = hmac::sign(&mac_key(file_key), header.as_bytes());
    header += &format!(" {}\n", base64(mac.as_ref()));
    header.into_bytes()
}

/// The file key that the header holds for this identity, and what follows the header.
pub(super) fn read<'a>(identity: &Identity, file: &'a [u8]) -> Result<(FileKey, &'a [u8]), VaultError> {
    let no = |fault| VaultError::NotEscrow { fault };
    let mut file_key: Option<FileKey> = None;
    let mut share: Option<[u8; KEY_BYTES]> = None;
    let mut first = true;
    let mut end = None;
    let walked = lines(file).try_for_each(|(at, line)| {
        if std::mem::take(&mut first) {
            return if line == FIRST_LINE { ControlFlow::Continue(()) } else { ControlFlow::Break(false) };
        }
        if line.starts_with(MAC_PREFIX) {
            end = Some((at, line));
            return ControlFlow::Break(true);
        }
        if let Some(text) = line.strip_prefix(STANZA) {
            share = unbase64(text);
        } else if let Some(share) = share.take()
            && let Some(body) = unbase64::<BODY_BYTES>(line)
        {
            file_key = file_key.take().or_else(|| unwrap(identity, &share, &body));
        }
        ControlFlow::Continue(())
    });
    let (at, line) = match (walked, end) {
        (ControlFlow::Break(true), Some(end)) => end,
        _ => return Err(no("expected a file in the age format, version 1")),
    };
    let file_key = file_key.ok_or(VaultError::WrongIdentity)?;
    let mac = line.strip_prefix("--- ").and_then(unbase64::<32>);
    let mac = mac.ok_or_else(|| no("its header was changed"))?;
    hmac::verify(&mac_key(&file_key), &file[..at + MAC_PREFIX.len()], &mac)
        .map_err(|_| no("its header was changed"))?;
    Ok((file_key, &file[at + line.len() + 1..]))
}

/// The lines of the header, each with its place.
fn lines(file: &[u8]) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = file.get(at..file.len().min(HEADER_BYTES_MAX))?;
        let length = rest.iter().position(|byte| *byte == b'\n')?;
        let line = std::str::from_utf8(&rest[..length]).ok()?;
        let start = at;
        at += length + 1;
        Some((start, line))
    })
}

fn wrap(file_key: &FileKey, recipient: &Recipient) -> ([u8; KEY_BYTES], Vec<u8>) {
    let fresh = Identity::generate();
    let share = *fresh.recipient().bytes();
    let shared = fresh.agree(recipient.bytes()).expect("a recipient without a secret is refused at parsing");
    let mut body = Zeroizing::new(Vec::with_capacity(BODY_BYTES));
    body.extend_from_slice(file_key.as_slice());
    cipher(&shared, &share, recipient)
        .seal_in_place_append_tag(Nonce::assume_unique_for_key([0; NONCE_LEN]), Aad::empty(), &mut *body)
        .expect("16 bytes are within what ChaCha20-Poly1305 seals");
    (share, body.to_vec())
}

fn unwrap(identity: &Identity, share: &[u8; KEY_BYTES], body: &[u8; BODY_BYTES]) -> Option<FileKey> {
    let shared = identity.agree(share)?;
    let mut body = Zeroizing::new(*body);
    let nonce = Nonce::assume_unique_for_key([0; NONCE_LEN]);
    let plain = cipher(&shared, share, &identity.recipient())
        .open_in_place(nonce, Aad::empty(), body.as_mut_slice())
        .ok()?;
    <[u8; FILE_KEY_BYTES]>::try_from(&*plain).ok().map(Zeroizing::new)
}

/// The key that wraps one file key for one recipient, used once: the nonce is zero.
fn cipher(shared: &Key, share: &[u8; KEY_BYTES], recipient: &Recipient) -> LessSafeKey {
    let salt = [share.as_slice(), recipient.bytes()].concat();
    let key = derive(shared.as_slice(), &salt, WRAP_INFO);
    LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key.as_slice()).expect("it takes 32 bytes"))
}

fn mac_key(file_key: &FileKey) -> hmac::Key {
    hmac::Key::new(HMAC_SHA256, derive(file_key.as_slice(), &[], b"header").as_slice())
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Standard base64 without padding.
fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 4 / 3 + 2);
    for group in bytes.chunks(3) {
        let held =
            group.iter().fold(0u32, |held, byte| held << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        let digit = |i: usize| char::from(BASE64[(held >> (18 - 6 * i) & 63) as usize]);
        text.extend((0..=group.len()).map(digit));
    }
    text
}

/// What [`base64`] wrote; none unless it is exactly `N` bytes in their one form.
fn unbase64<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = Vec::with_capacity(N);
    for group in text.as_bytes().chunks(4) {
        let mut held = 0u32;
        for c in group {
            held = held << 6 | BASE64.iter().position(|known| known == c)? as u32;
        }
        held <<= 6 * (4 - group.len());
        bytes.extend_from_slice(&held.to_be_bytes()[1..group.len().max(1)]);
    }
    let bytes: [u8; N] = bytes.try_into().ok()?;
    (base64(&bytes) == text).then_some(bytes)
}
