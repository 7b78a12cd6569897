//! A master key that a person types: Argon2id over a passphrase, with parameters and salt from a file.
//!
//! File `passphrase`: magic 8 · memory KiB u32 · passes u32 · lanes u32 · salt 16. Integers are
//! big-endian. The file is no secret; without it the passphrase opens nothing.

use crate::durable::{make_dir, replace};
use crate::error::Context;
use crate::keystore::Keystore;
use crate::secret::{KEY_BYTES, Secret, random};
use crate::{MasterKey, VaultError};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use std::path::Path;
use zeroize::Zeroize as _;

/// Fewest bytes of a passphrase. Five random words have more; what is shorter is guessed offline.
const PASSPHRASE_BYTES_MIN: usize = 12;
/// Most bytes of a passphrase.
pub const PASSPHRASE_BYTES_MAX: usize = 1024;

const FILE_NAME: &str = "passphrase";
const MAGIC: &[u8; 8] = b"LZPASS\0\x01";
const SALT_BYTES: usize = 16;
/// What a guess costs at least, and an attacker's file can make us spend at most.
const MEMORY_KIB: std::ops::RangeInclusive<u32> = 19 * 1024..=1024 * 1024;
const PASSES: std::ops::RangeInclusive<u32> = 1..=16;
const LANES: std::ops::RangeInclusive<u32> = 1..=4;

struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: [u8; SALT_BYTES],
}

impl MasterKey {
    /// The master key of a passphrase, for a vault's directory; whether it is the right one shows when
    /// the vault is opened. Before there is a vault, the first passphrase chooses the salt.
    ///
    /// # Errors
    /// When the passphrase is too short or too long, or the file with its salt cannot be used.
    pub fn from_passphrase(vault_dir: &Path, passphrase: &[u8]) -> Result<Self, VaultError> {
        Self::derived(vault_dir, passphrase, !Keystore::exists(vault_dir))
    }

    /// The master key of a passphrase that is to open the vault from now on.
    ///
    /// # Errors
    /// As [`Self::from_passphrase`].
    pub fn from_new_passphrase(vault_dir: &Path, passphrase: &[u8]) -> Result<Self, VaultError> {
        Self::derived(vault_dir, passphrase, true)
    }

    fn derived(vault_dir: &Path, passphrase: &[u8], first: bool) -> Result<Self, VaultError> {
        let (min, max, found) = (PASSPHRASE_BYTES_MIN, PASSPHRASE_BYTES_MAX, passphrase.len());
        if !(min..=max).contains(&found) {
            return Err(VaultError::BadPassphrase { found, min, max });
        }
        let cost = Cost::read(vault_dir, first)?;
        let path = || vault_dir.join(FILE_NAME);
        let refused =
            |_| VaultError::BadPassphraseFile { path: path(), fault: "Argon2 refuses its parameters" };
        let params =
            Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(KEY_BYTES)).map_err(refused)?;
        let mut memory = vec![Block::default(); params.block_count()];
        let mut key = Secret::blank();
        let hashed = Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into_with_memory(
            passphrase,
            &cost.salt,
            key.expose_mut(),
            &mut memory,
        );
        memory.iter_mut().for_each(|block| block.zeroize());
        hashed.map_err(refused)?;
        Ok(Self::of(key))
    }
}

impl Cost {
    fn fresh() -> Self {
        Self { memory_kib: 64 * 1024, passes: 3, lanes: 1, salt: random() }
    }

    fn read(dir: &Path, first: bool) -> Result<Self, VaultError> {
        let path = dir.join(FILE_NAME);
        let bad = |fault| VaultError::BadPassphraseFile { path: path.clone(), fault };
        let file = match std::fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                if !first {
                    return Err(bad("it is missing, and without it no passphrase opens the vault"));
                }
                let cost = Self::fresh();
                make_dir(dir).when("make the directory", dir)?;
                replace(dir, FILE_NAME, &cost.bytes()).when("write the salt in", dir)?;
                return Ok(cost);
            }
            read => read.when("read", &path)?,
        };
        let rest = file.strip_prefix(MAGIC).ok_or_else(|| VaultError::version(&path, &file, MAGIC))?;
        let (numbers, salt) = rest.split_at_checked(12).ok_or_else(|| bad("it is too short"))?;
        let number = |at: usize| u32::from_be_bytes(numbers[at..at + 4].try_into().expect("4 of 12 bytes"));
        let cost = Self {
            memory_kib: number(0),
            passes: number(4),
            lanes: number(8),
            salt: salt.try_into().map_err(|_| bad("expected a salt of 16 bytes"))?,
        };
        let within = MEMORY_KIB.contains(&cost.memory_kib)
            && PASSES.contains(&cost.passes)
            && LANES.contains(&cost.lanes);
        if within { Ok(cost) } else { Err(bad("its cost lies outside of what is accepted")) }
    }

    fn bytes(&self) -> Vec<u8> {
        let numbers = [self.memory_kib, self.passes, self.lanes].map(u32::to_be_bytes).concat();
        [MAGIC.as_slice(), &numbers, &self.salt].concat()
    }
}
