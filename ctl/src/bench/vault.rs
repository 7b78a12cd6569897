//! `lazaretctl bench vault`: bytes per second that are sealed and opened, beside `openssl speed` on the same core in
//! the same minute. Works offline, in a vault of its own; no appliance is touched.

use super::{machine::Machine, median};
use crate::{
    fail::{Exit, Failure, Outcome},
    output::{self, Column, Format, Table},
};
use ::vault::{Area, MasterKey, Vault, VaultError};
use clap::Args;
use nix::{
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    unistd::Pid,
};
use serde::Serialize;
use std::{
    fs,
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};
use types::{BlobId, DocId, UnixMillis};

/// Every kind of work has its turn so often; the median counts.
const ROUNDS: usize = 5;
/// Bytes of one write or read, as the daemon copies an upload.
const PIECE_BYTES: usize = 64 << 10;
/// `openssl speed` runs so long for each figure, seconds.
const PEER_SECONDS: &str = "1";

/// What to measure, and where.
#[derive(Args)]
pub(crate) struct Sealing {
    /// Folder to write in; a subfolder is made and removed. In memory (/dev/shm) the disk does not count
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Size of the document, MiB
    #[arg(long, value_name = "MIB", default_value_t = 256, value_parser = clap::value_parser!(u64).range(1..=4096))]
    mib: u64,
}

/// Bytes per second, medians of the rounds.
#[derive(Serialize)]
struct Report {
    bytes: u64,
    rounds: usize,
    /// Encrypted, hashed (SHA-256 of the plain bytes) and written.
    sealed_per_s: f64,
    /// The same with the fsync that makes it durable.
    sealed_durable_per_s: f64,
    /// Read, decrypted and verified.
    opened_per_s: f64,
    /// `openssl speed` of AES-256-GCM; none when there is no openssl on this machine.
    peer_aes_256_gcm_per_s: Option<f64>,
    /// `openssl speed` of SHA-256.
    peer_sha_256_per_s: Option<f64>,
    seal_ratio: Option<f64>,
    /// Against both of openssl's, one after the other: what sealing with a hash could reach at most.
    seal_and_hash_ratio: Option<f64>,
    open_ratio: Option<f64>,
    machine: Machine,
}

/// Measures, on one core.
pub(crate) fn run(what: &Sealing, format: Format) -> Outcome {
    let machine = Machine::here();
    stay_on_one_core()?;
    let home = what.dir.join(format!("lazaret-bench-{}", std::process::id()));
    fs::create_dir(&home).map_err(|error| Failure::file(&home, &error))?;
    let report = measure(&home, what.mib << 20, machine);
    fs::remove_dir_all(&home).map_err(|error| Failure::file(&home, &error))?;
    let report = report?;
    output::one(format, &report, "", || report.table())
}

/// This process and the ones that it starts stay on the first core that it may use.
fn stay_on_one_core() -> Outcome {
    let failed = |error: nix::Error| Failure::new(Exit::Failure, format!("cannot stay on one core: {error}"));
    let may = sched_getaffinity(Pid::from_raw(0)).map_err(failed)?;
    let mut one = CpuSet::new();
    if let Some(core) = (0..CpuSet::count()).find(|core| may.is_set(*core) == Ok(true)) {
        one.set(core).map_err(failed)?;
    }
    sched_setaffinity(Pid::from_raw(0), &one).map_err(failed)
}

fn measure(home: &Path, bytes: u64, machine: Machine) -> Outcome<Report> {
    let failed = |error: VaultError| Failure::new(Exit::Failure, error.to_string());
    let key = home.join("key");
    MasterKey::generate_file(&key).map_err(failed)?;
    let (master, dir) = (MasterKey::from_file(&key).map_err(failed)?, home.join("vault"));
    Vault::create(&dir, &master, clock).map_err(failed)?;
    let vault = Vault::open(&dir, &master, clock).map_err(failed)?;
    let doc = DocId::from_parts(clock(), 1);
    vault.new_document(doc).map_err(failed)?;
    let (mut sealed, mut durable, mut opened) = (Vec::new(), Vec::new(), Vec::new());
    let (mut gcm, mut sha) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let blob = BlobId::from_parts(clock(), round as u128);
        let start = Instant::now();
        let mut writer = vault.writer(doc, Area::Original, blob).map_err(failed)?;
        let piece: Vec<u8> = (0..PIECE_BYTES).map(|at| (at * 31 % 251) as u8).collect();
        let disk = |error: io::Error| Failure::file(&dir, &error);
        for _ in 0..bytes / PIECE_BYTES as u64 {
            writer.write_all(&piece).map_err(disk)?;
        }
        sealed.push(bytes as f64 / start.elapsed().as_secs_f64());
        writer.finish().map_err(failed)?;
        durable.push(bytes as f64 / start.elapsed().as_secs_f64());
        gcm.extend(openssl(&["-evp", "aes-256-gcm"]));
        sha.extend(openssl(&["-evp", "sha256"]));
        let start = Instant::now();
        let mut reader = vault.reader(doc, Area::Original, blob).map_err(failed)?;
        let mut piece = vec![0; PIECE_BYTES];
        let mut read = 0;
        loop {
            match reader.read(&mut piece).map_err(disk)? {
                0 => break,
                more => read += more as u64,
            }
        }
        opened.push(read as f64 / start.elapsed().as_secs_f64());
        vault.remove(doc, Area::Original, blob).map_err(failed)?;
    }
    let (ours, peers) = ([median(sealed), median(durable), median(opened)], [peer(gcm), peer(sha)]);
    Ok(Report::of(bytes, ours, peers, machine))
}

fn peer(rates: Vec<f64>) -> Option<f64> {
    (!rates.is_empty()).then(|| median(rates))
}

/// Bytes per second by `openssl speed` with pieces of the size of ours; none without an openssl that says it.
fn openssl(algorithm: &[&str]) -> Option<f64> {
    let bytes = PIECE_BYTES.to_string();
    let mut command = Command::new("openssl");
    command.args(["speed", "-elapsed", "-mr", "-seconds", PEER_SECONDS, "-bytes", &bytes]).args(algorithm);
    rate(&String::from_utf8(command.output().ok()?.stdout).ok()?)
}

/// The last field of the line `+F:22:AES-256-GCM:2644669592.08`.
fn rate(said: &str) -> Option<f64> {
    said.lines().find(|line| line.starts_with("+F:"))?.rsplit(':').next()?.parse().ok()
}

/// Documents and keys of a bench have no date.
fn clock() -> UnixMillis {
    UnixMillis(1_795_502_192_007)
}

impl Report {
    fn of(bytes: u64, ours: [f64; 3], peers: [Option<f64>; 2], machine: Machine) -> Self {
        let [sealed, durable, opened] = ours;
        let [gcm, sha] = peers;
        let both = gcm.zip(sha).map(|(gcm, sha)| 1.0 / (1.0 / gcm + 1.0 / sha));
        Self {
            bytes,
            rounds: ROUNDS,
            sealed_per_s: sealed,
            sealed_durable_per_s: durable,
            opened_per_s: opened,
            peer_aes_256_gcm_per_s: gcm,
            peer_sha_256_per_s: sha,
            seal_ratio: gcm.map(|gcm| sealed / gcm),
            seal_and_hash_ratio: both.map(|both| sealed / both),
            open_ratio: gcm.map(|gcm| opened / gcm),
            machine,
        }
    }

    fn table(&self) -> Table {
        let mut table = Table::new(&[
            Column::Fixed("WORK"),
            Column::Fixed("LAZARET"),
            Column::Fixed("OPENSSL"),
            Column::Fixed("RATIO"),
            Column::Text("WHAT"),
        ]);
        let rate = |rate: f64| format!("{:.0} MB/s", rate / 1e6);
        let dash = || "-".to_owned();
        let mut row = |work: &str, ours: f64, peer: Option<f64>, ratio: Option<f64>, what: &str| {
            let (peer, ratio) =
                (peer.map_or_else(dash, rate), ratio.map_or_else(dash, |ratio| format!("{ratio:.2}")));
            table.row([work.to_owned(), rate(ours), peer, ratio, what.to_owned()]);
        };
        let gcm = self.peer_aes_256_gcm_per_s;
        row("seal", self.sealed_per_s, gcm, self.seal_ratio, "encrypt, hash, write; openssl: AES-256-GCM");
        let both = self.seal_and_hash_ratio.map(|ratio| self.sealed_per_s / ratio);
        row("seal", self.sealed_per_s, both, self.seal_and_hash_ratio, "openssl: AES-256-GCM, then SHA-256");
        row("fsync", self.sealed_durable_per_s, None, None, "the same, durable");
        row("open", self.opened_per_s, gcm, self.open_ratio, "read, verify, decrypt; openssl: AES-256-GCM");
        let Machine { cpu, cores, kernel, .. } = &self.machine;
        let size = format!("{} MiB, median of {} rounds, on one core", self.bytes >> 20, self.rounds);
        for note in [size, format!("{cpu}, {cores} cores, Linux {kernel}")] {
            table.row([String::new(), String::new(), String::new(), String::new(), note]);
        }
        table
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn sealing_and_opening_are_measured_beside_openssl_and_the_folder_is_gone_afterwards() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("home");
        fs::create_dir(&home).unwrap();
        let report = measure(&home, 1 << 20, Machine::here()).unwrap();
        assert!(report.sealed_per_s >= report.sealed_durable_per_s && report.opened_per_s > 0.0);
        assert!(report.seal_ratio.is_none_or(|ratio| ratio > 0.0));
        run(&Sealing { dir: dir.path().to_owned(), mib: 1 }, Format::Json).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "only the home made above");
    }

    #[test]
    fn the_figure_of_openssl_is_the_last_field() {
        assert_eq!(rate("+H:65536\n+F:25:AES-256-GCM:2644669592.08\n"), Some(2_644_669_592.08));
        assert_eq!(rate("speed: unknown option"), None);
    }
}
