//! Looking after the keys above the documents: their age, and their replacement without stopping.

use crate::{
    desk::Desk,
    opening::VAULT_DIR,
    refusal::Refusal,
    sealed::Opener,
    submit::refused,
    view::{Caller, Code, HeldKeys, KeysState, KeysView, Refused, RotationView},
};
use lifecycle::SystemEvent;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use vault::{MasterKey, VaultError, Zeroizing};

pub(crate) fn view(desk: &Desk) -> KeysView {
    let status = desk.vault.status();
    let held = HeldKeys {
        master_key_id: status.master_key_id.to_string(),
        rotated_at: status.root_made,
        generation: status.generation,
        generation_made_at: status.generation_made,
        documents: status.documents,
    };
    KeysView { state: KeysState::Open, passphrase: desk.settings.keys.passphrase, held: Some(held) }
}

pub(crate) async fn rotate(
    desk: &Arc<Desk>,
    caller: &Caller,
    new: Option<Opener>,
) -> Result<RotationView, Refused> {
    let dir = desk.settings.paths.state_dir.join(VAULT_DIR);
    let worker = desk.clone();
    let rotated = tokio::task::spawn_blocking(move || {
        let new = new.map(|opener| opener.master(&dir, true)).transpose()?;
        let master_changed = new.is_some();
        let rotation = match new {
            Some(master) => worker.vault.rotate_master(master)?,
            None => worker.vault.rotate()?,
        };
        Ok::<_, VaultError>((rotation, master_changed))
    });
    let (rotation, master_changed) = match rotated.await {
        Ok(Ok(rotated)) => rotated,
        Ok(Err(error @ (VaultError::BadMasterKey { .. } | VaultError::BadPassphrase { .. }))) => {
            return Err(Refused::new(Code::Invalid, error.to_string()));
        }
        Ok(Err(error)) => return Err(refused(Refusal::from(error))),
        Err(_) => return Err(refused(Refusal::Because(types::Reason::StorageError))),
    };
    if !rotation.is_settled {
        tracing::warn!(
            "the root key that was replaced is not overwritten yet; the next rotation or start does it"
        );
    }
    let (generation_before, generation_after) = (rotation.generation_before, rotation.generation_after);
    let event = SystemEvent::KeysRotated { generation_before, generation_after, master_changed };
    // The new key is the only one by now: who asked must not be told that it failed.
    if let Err(error) = desk.book.note(caller.actor.clone(), event).await {
        tracing::error!(%error, "the keys were rotated, but the ledger does not say so");
    }
    let master_key_id = desk.vault.status().master_key_id.to_string();
    Ok(RotationView { generation_before, generation_after, master_key_id })
}

impl Opener {
    /// The master key that it stands for, or from now on will, for a vault's directory. What was sent is
    /// wiped.
    pub(crate) fn master(self, dir: &Path, new: bool) -> Result<MasterKey, VaultError> {
        match self {
            Self::Passphrase(passphrase) => {
                let passphrase = Zeroizing::new(passphrase);
                if new {
                    MasterKey::from_new_passphrase(dir, &passphrase)
                } else {
                    MasterKey::from_passphrase(dir, &passphrase)
                }
            }
            Self::Key(bytes) => {
                let bytes = Zeroizing::new(bytes);
                MasterKey::from_bytes(&bytes).ok_or_else(|| VaultError::BadMasterKey {
                    path: PathBuf::from("the key that was sent"),
                    fault: "expected exactly 32 bytes",
                })
            }
        }
    }
}
