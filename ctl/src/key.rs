//! `lazaretctl key status`, `key rotate` and `unseal`: the keys above the documents.

use crate::{
    client::Client,
    fail::{Exit, Failure, Outcome},
    output::{self, Column, Format, Table},
    passphrase,
    shape::time,
};
use api::v1::{
    HeldKeys, KeyStatusRequest, RotateRequest, UnsealRequest, rotate_request::New, unseal_request::Opener,
};
use clap::{Args, Subcommand};
use serde::Serialize;
use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

/// Bytes of a master key.
const KEY_BYTES: usize = 32;

/// Look after the keys.
#[derive(Subcommand)]
pub(crate) enum Key {
    /// Show whether the keys are at hand, which, and how old they are
    #[command(after_help = "Example:
  lazaretctl key status -o json | jq .rotated_at")]
    Status,
    /// Replace the keys above the documents, without stopping
    #[command(after_help = "Examples:
  lazaretctl key rotate
  head -c 32 /dev/urandom > new.key && lazaretctl key rotate --master new.key
  lazaretctl key rotate --passphrase")]
    Rotate {
        /// Replace the master key too, by the 32 bytes of this file
        #[arg(long, value_name = "FILE", conflicts_with = "passphrase")]
        master: Option<PathBuf>,
        /// Replace the master key too, by a passphrase that is asked for
        #[arg(long)]
        passphrase: bool,
    },
}

/// How to open a sealed appliance.
#[derive(Args)]
pub(crate) struct Unseal {
    /// The master key; without it a passphrase is asked for
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

#[derive(Serialize)]
struct Status {
    state: String,
    passphrase: bool,
    master_key_id: Option<String>,
    rotated_at: Option<String>,
    generation: Option<u64>,
    generation_made_at: Option<String>,
    documents: Option<u64>,
}

#[derive(Serialize)]
struct Rotated {
    generation_before: u64,
    generation_after: u64,
    master_key_id: String,
}

/// Runs it.
pub(crate) async fn run(key: &Key, client: &Client, format: Format) -> Outcome {
    match key {
        Key::Status => status(client, format).await,
        Key::Rotate { master, passphrase } => rotate(master.as_deref(), *passphrase, client, format).await,
    }
}

/// Opens a sealed appliance.
pub(crate) async fn unseal(unseal: &Unseal, client: &Client) -> Outcome {
    let opener = match &unseal.key_file {
        Some(file) => Opener::Key(read_key(file)?),
        None => {
            let state = client.keys().status(KeyStatusRequest {}).await?.into_inner().state;
            Opener::Passphrase(passphrase::ask(state == "new")?)
        }
    };
    client.keys().unseal(UnsealRequest { opener: Some(opener) }).await?;
    eprintln!("lazaretctl: the appliance is open");
    Ok(())
}

async fn status(client: &Client, format: Format) -> Outcome {
    let reply = client.keys().status(KeyStatusRequest {}).await?.into_inner();
    let held = reply.held.as_ref();
    let at = |ms: fn(&HeldKeys) -> u64| held.map(|held| time(ms(held)));
    let status = Status {
        state: reply.state.clone(),
        passphrase: reply.passphrase,
        master_key_id: held.map(|held| held.master_key_id.clone()),
        rotated_at: at(|held| held.rotated_at_ms),
        generation: held.map(|held| held.generation),
        generation_made_at: at(|held| held.generation_made_at_ms),
        documents: held.map(|held| held.documents),
    };
    output::one(format, &status, &status.state, || {
        let mut table = Table::new(&[Column::Fixed(""), Column::Text("")]);
        let mut line = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                table.row([name.to_owned(), value]);
            }
        };
        line("state", Some(status.state.clone()));
        let source = if status.passphrase { "passphrase" } else { "key file or credential" };
        line("master key from", Some(source.to_owned()));
        line("master key", status.master_key_id.clone());
        line("rotated", status.rotated_at.clone());
        line("generation", status.generation.map(|number| number.to_string()));
        line("made", status.generation_made_at.clone());
        line("documents", status.documents.map(|number| number.to_string()));
        table
    })
}

async fn rotate(master: Option<&Path>, passphrase: bool, client: &Client, format: Format) -> Outcome {
    let new = match master {
        Some(file) => Some(New::Key(read_key(file)?)),
        None if passphrase => Some(New::Passphrase(passphrase::ask(true)?)),
        None => None,
    };
    let reply = client.keys().rotate(RotateRequest { new }).await?.into_inner();
    match master {
        Some(file) => eprintln!(
            "lazaretctl: from now on only the key in {} opens the vault. Put it in the place of the old one\n\
             (keys.master-key-file, or the credential) before the next start, and keep a copy off this machine.",
            file.display()
        ),
        None if passphrase => eprintln!(
            "lazaretctl: from now on only this passphrase opens the vault. Set keys.passphrase = true, and take\n\
             out keys.master-key-file or keys.credential, before the next start."
        ),
        None => {}
    }
    let rotated = Rotated {
        generation_before: reply.generation_before,
        generation_after: reply.generation_after,
        master_key_id: reply.master_key_id,
    };
    output::one(format, &rotated, &rotated.generation_after.to_string(), || {
        let mut table = Table::new(&[Column::Fixed(""), Column::Text("")]);
        table.row(["generation before".to_owned(), rotated.generation_before.to_string()]);
        table.row(["generation after".to_owned(), rotated.generation_after.to_string()]);
        table.row(["master key".to_owned(), rotated.master_key_id.clone()]);
        table
    })
}

fn read_key(path: &Path) -> Outcome<Vec<u8>> {
    let mut key = Vec::with_capacity(KEY_BYTES + 1);
    let read = File::open(path).and_then(|file| file.take(KEY_BYTES as u64 + 1).read_to_end(&mut key));
    read.map_err(|error| Failure::file(path, &error))?;
    if key.len() == KEY_BYTES {
        Ok(key)
    } else {
        let message = format!("{}: a master key has exactly {KEY_BYTES} bytes", path.display());
        Err(Failure::new(Exit::Usage, message))
    }
}
