//! `lazaretctl deletion …`: the proof that something was destroyed.

use crate::{
    client::Client,
    fail::{Exit, Failure, Outcome},
    output::{self, Column, Format, Table},
    shape::time,
};
use api::v1::{Certificates, DocumentRequest, VerifyDeletionRequest};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use clap::Subcommand;
use serde::{Deserialize, Serialize};
use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

/// A file of certificates is not larger than this, bytes.
const FILE_BYTES_MAX: u64 = 4 << 20;
/// A key is 32 bytes, in hex.
const KEY_HEX_CHARS: usize = 64;

/// Prove that something was destroyed.
#[derive(Subcommand)]
pub(crate) enum Deletion {
    /// Fetch the signed certificates of a document
    #[command(after_help = "Examples:
  lazaretctl deletion certificate 01JD9Z6M8Q3V5X7Y9A1B2C3D4E
  lazaretctl deletion certificate 01JD9Z6M8Q3V5X7Y9A1B2C3D4E -O certificate.json")]
    Certificate {
        /// Id of the document
        id: String,
        /// File to write, mode 0600
        #[arg(short = 'O', long = "out", value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Try every key we hold on retained ciphertext; exit 6 when one fits
    #[command(after_help = "Examples:
  lazaretctl deletion verify 01JD9Z6M8Q3V5X7Y9A1B2C3D4E
  lazaretctl deletion verify --control 01JD9Z6M8Q3V5X7Y9A1B2C3D4F")]
    Verify {
        /// Id of the document
        id: String,
        /// On a document that is whole: it must open, so exit 6 is what to expect
        #[arg(long)]
        control: bool,
    },
    /// Check the signatures of a file of certificates, offline; exit 6 when wrong
    #[command(after_help = "Example:
  lazaretctl deletion check certificate.json --pubkey site.pub")]
    Check {
        /// What `deletion certificate -O` wrote
        file: PathBuf,
        /// The site's public key, 64 hex digits, from where you trust it
        #[arg(long, value_name = "FILE")]
        pubkey: PathBuf,
    },
}

/// As it stands in a file.
#[derive(Serialize)]
struct Saved<'a> {
    schema_version: u32,
    #[serde(flatten)]
    shown: &'a Shown,
}

/// What is printed and saved.
#[derive(Serialize, Deserialize)]
struct Shown {
    id: String,
    pubkey: String,
    certificates: Vec<Signed>,
}

#[derive(Serialize, Deserialize)]
struct Signed {
    at: String,
    seq: u64,
    /// The exact text that was signed.
    certificate: String,
    signature: String,
}

#[derive(Serialize)]
struct Trial {
    id: String,
    samples: u64,
    keys_tried: u64,
    opened: u64,
}

/// Runs one that asks the daemon.
pub(crate) async fn run(deletion: &Deletion, client: &Client, format: Format) -> Outcome {
    match deletion {
        Deletion::Certificate { id, out } => {
            let reply = client.deletion().certificate(DocumentRequest { id: id.clone() }).await?;
            let shown = shown(id, reply.into_inner());
            match out {
                Some(path) => save(&shown, path),
                None => print(format, &shown),
            }
        }
        Deletion::Verify { id, control } => verify(id, *control, client, format).await,
        Deletion::Check { .. } => Ok(()),
    }
}

/// Checks signatures without a daemon.
pub(crate) fn check(file: &Path, pubkey: &Path) -> Outcome {
    let unusable = |path: &Path, what: &str| Failure::new(Exit::Usage, format!("{}: {what}", path.display()));
    let key = bytes(read(pubkey)?.trim()).filter(|key| key.len() * 2 == KEY_HEX_CHARS);
    let key = key.ok_or_else(|| unusable(pubkey, "expected a public key of 64 hex digits"))?;
    let shown: Shown = serde_json::from_str(&read(file)?)
        .map_err(|error| unusable(file, &format!("expected what deletion certificate -O wrote: {error}")))?;
    if shown.certificates.is_empty() {
        return Err(Failure::new(Exit::Findings, "the file holds no certificate"));
    }
    let key = UnparsedPublicKey::new(&ED25519, key);
    for Signed { certificate, signature, seq, .. } in &shown.certificates {
        let good = bytes(signature).is_some_and(|it| key.verify(certificate.as_bytes(), &it).is_ok());
        let of_id = serde_json::from_str::<serde_json::Value>(certificate)
            .is_ok_and(|inner| inner["document"] == shown.id.as_str() && inner["kind"] == KIND);
        if !good || !of_id {
            let message =
                format!("the certificate of record {seq} is not signed by this key for this document");
            return Err(Failure::new(Exit::Findings, message));
        }
    }
    eprintln!("lazaretctl: {} good signatures", shown.certificates.len());
    Ok(())
}

/// What a certificate says it is; the site's key signs other things too.
const KIND: &str = "lazaret-deletion-certificate";

async fn verify(id: &str, control: bool, client: &Client, format: Format) -> Outcome {
    let request = VerifyDeletionRequest { id: id.to_owned(), control };
    let reply = client.deletion().verify(request).await?.into_inner();
    let trial = Trial {
        id: id.to_owned(),
        samples: reply.samples,
        keys_tried: reply.keys_tried,
        opened: reply.opened,
    };
    output::one(format, &trial, id, || {
        let mut table = Table::new(&[Column::Fixed(""), Column::Text("")]);
        table.row(["samples".to_owned(), trial.samples.to_string()]);
        table.row(["keys tried on each".to_owned(), trial.keys_tried.to_string()]);
        table.row(["opened".to_owned(), trial.opened.to_string()]);
        table
    })?;
    if trial.opened == 0 {
        return Ok(());
    }
    let message = if control {
        "a key fits, as it must for a document that is whole"
    } else {
        "a key fits: this document is not destroyed; keep the machine as it is and see docs/guide/incidents.md"
    };
    Err(Failure::new(Exit::Findings, message))
}

fn shown(id: &str, reply: Certificates) -> Shown {
    let signed = |one: api::v1::SignedCertificate| Signed {
        at: time(one.at_ms),
        seq: one.seq,
        certificate: one.certificate,
        signature: one.signature,
    };
    Shown {
        id: id.to_owned(),
        pubkey: reply.pubkey,
        certificates: reply.certificates.into_iter().map(signed).collect(),
    }
}

fn print(format: Format, shown: &Shown) -> Outcome {
    output::one(format, shown, &shown.id, || {
        let mut table = Table::new(&[Column::Fixed(""), Column::Text("")]);
        table.row(["document".to_owned(), shown.id.clone()]);
        table.row(["signed with".to_owned(), shown.pubkey.clone()]);
        for signed in &shown.certificates {
            table.row([signed.at.clone(), signed.certificate.clone()]);
            table.row(["signature".to_owned(), signed.signature.clone()]);
        }
        table
    })
}

fn save(shown: &Shown, path: &Path) -> Outcome {
    let failed = |error: std::io::Error| Failure::file(path, &error);
    let mut text = serde_json::to_string_pretty(&Saved { schema_version: 1, shown })
        .map_err(|error| Failure::new(Exit::Failure, format!("cannot write JSON: {error}")))?;
    text.push('\n');
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)
}

fn read(path: &Path) -> Outcome<String> {
    let failed = |error: std::io::Error| Failure::file(path, &error);
    let mut text = String::new();
    let file = File::open(path).map_err(failed)?;
    let read = file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(failed)?;
    if read as u64 > FILE_BYTES_MAX {
        return Err(Failure::new(Exit::Usage, format!("{}: larger than 4 MiB", path.display())));
    }
    Ok(text)
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits = hex.is_ascii() && hex.len().is_multiple_of(2);
    let byte = |at: usize| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
    if digits { (0..hex.len()).step_by(2).map(byte).collect() } else { None }
}
