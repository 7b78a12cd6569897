//! How fast the vault is on the disk of the folder that is given: `vault_rates DIR` (which must not exist).
#![allow(clippy::print_stdout, reason = "a tool for people")]

use std::io::{Read, Write};
use std::path::PathBuf;
use std::time::Instant;
use types::{BlobId, DocId, UnixMillis};
use vault::{Area, MasterKey, Vault, VaultError, Victim};

const THREADS: u128 = 8;
const DOCUMENTS: u128 = 200;
const MIB: usize = 1 << 20;
const LARGE_MIB: usize = 256;
const SMALL_BYTES: usize = 100_000;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let root = PathBuf::from(std::env::args_os().nth(1).ok_or("usage: vault_rates DIR")?);
    std::fs::create_dir(&root)?;
    let (dir, key) = (root.join("vault"), root.join("master.key"));
    MasterKey::generate_file(&key)?;
    let master = MasterKey::from_file(&key)?;
    Vault::create(&dir, &master, clock)?;
    let vault = Vault::open(&dir, &master, clock)?;

    let start = Instant::now();
    (0..DOCUMENTS).try_for_each(|i| vault.new_document(doc(i)))?;
    rate("new_document, 1 thread", DOCUMENTS as f64, "keys", start);

    let start = Instant::now();
    std::thread::scope(|scope| {
        let births: Vec<_> = (1..=THREADS)
            .map(|thread| {
                let vault = &vault;
                scope
                    .spawn(move || (0..DOCUMENTS).try_for_each(|i| vault.new_document(doc(thread << 64 | i))))
            })
            .collect();
        births.into_iter().try_for_each(|birth| birth.join().unwrap_or(Ok(())))
    })?;
    rate("new_document, 8 threads", (THREADS * DOCUMENTS) as f64, "keys", start);

    let start = Instant::now();
    for i in 0..DOCUMENTS {
        put(&vault, doc(i), BlobId::from_bytes([1; 16]), SMALL_BYTES, 1)?;
    }
    rate("seal, blobs of 100 kB, fsynced", DOCUMENTS as f64, "blobs", start);

    let large = BlobId::from_bytes([2; 16]);
    let start = Instant::now();
    put(&vault, doc(0), large, MIB, LARGE_MIB)?;
    rate("seal, one blob of 256 MiB, fsynced", LARGE_MIB as f64, "MiB", start);
    for what in ["open, the same blob", "open, again"] {
        let start = Instant::now();
        let mut reader = vault.reader(doc(0), Area::Original, large)?;
        let mut buffer = vec![0; MIB];
        while reader.read(&mut buffer)? > 0 {}
        rate(what, LARGE_MIB as f64, "MiB", start);
    }

    let start = Instant::now();
    vault.destroy(&[Victim { doc: doc(1), areas: None }])?;
    println!("{:36} {:9.1} ms", "destroy, 1 of 1800", start.elapsed().as_secs_f64() * 1000.0);
    Ok(())
}

/// Times are of no interest here.
fn clock() -> UnixMillis {
    UnixMillis(0)
}

fn doc(number: u128) -> DocId {
    DocId::from_bytes(number.to_be_bytes())
}

fn put(vault: &Vault, doc: DocId, blob: BlobId, piece: usize, pieces: usize) -> Result<(), Failure> {
    let piece = vec![0x5a; piece];
    let mut writer = vault.writer(doc, Area::Original, blob)?;
    (0..pieces).try_for_each(|_| writer.write_all(&piece))?;
    writer.finish().map(drop).map_err(VaultError::into)
}

fn rate(what: &str, amount: f64, unit: &str, since: Instant) {
    let seconds = since.elapsed().as_secs_f64();
    println!("{what:36} {amount:9.0} {unit:5} {seconds:7.2} s {:9.0} {unit}/s", amount / seconds);
}
