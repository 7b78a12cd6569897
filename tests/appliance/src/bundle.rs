//! A bundle of evidence in the hands of somebody who changes it. Shares only the written format with the product.

use crate::text;
use anyhow::{Context as _, Result, ensure};
use kit::{Appliance, Outcome, sha256_hex};
use serde_json::{Value, json};
use std::{fmt::Write as _, fs, path::Path, process::Command};

/// Python of the distribution, for which `python3-cryptography` is installed.
const PYTHON: &str = "/usr/bin/python3";
const LOCAL: usize = 30;

/// The files of a bundle, in their order.
#[derive(Clone)]
pub struct Bundle(pub Vec<(String, Vec<u8>)>);

impl Bundle {
    /// The files of a zip as the export writes it.
    ///
    /// # Errors
    /// When it is none.
    pub fn of(zip: &[u8]) -> Result<Self> {
        let (mut rest, mut files) = (zip, Vec::new());
        while rest.starts_with(b"PK\x03\x04") {
            let number = |at: usize, bytes: usize| {
                rest[at..at + bytes].iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte))
            };
            let (name, length) = (number(26, 2), number(22, 4));
            let (path, behind) = rest[LOCAL..].split_at(name);
            files.push((String::from_utf8(path.to_vec())?, behind[..length].to_vec()));
            rest = &behind[length..];
        }
        ensure!(rest.starts_with(b"PK\x01\x02"), "no directory behind {} files", files.len());
        Ok(Self(files))
    }

    /// As a zip.
    ///
    /// # Errors
    /// When it is too long for one.
    pub fn zip(&self) -> Result<Vec<u8>> {
        let (mut out, mut directory) = (Vec::new(), Vec::new());
        for (path, bytes) in &self.0 {
            let (offset, length) = (u32::try_from(out.len())?, u32::try_from(bytes.len())?.to_le_bytes());
            let name = u16::try_from(path.len())?.to_le_bytes();
            let told = [&[10, 0, 0, 0, 0, 0, 0, 0, 33, 0, 0, 0, 0, 0][..], &length, &length, &name, &[0, 0]]
                .concat();
            out.extend([b"PK\x03\x04", &told[..], path.as_bytes(), bytes].concat());
            let entry = [b"PK\x01\x02\x0a\x03", &told[..], &[0; 10], &offset.to_le_bytes(), path.as_bytes()];
            directory.extend(entry.concat());
        }
        let count = u16::try_from(self.0.len())?.to_le_bytes();
        let numbers =
            [u32::try_from(directory.len())?.to_le_bytes(), u32::try_from(out.len())?.to_le_bytes()];
        out.extend(directory);
        out.extend([b"PK\x05\x06\0\0\0\0", &count[..], &count, &numbers.concat(), &[0, 0]].concat());
        Ok(out)
    }

    /// A file.
    ///
    /// # Errors
    /// When it is not there.
    pub fn get(&self, path: &str) -> Result<&[u8]> {
        let found = self.0.iter().find(|(name, _)| name == path);
        found.map(|(_, bytes)| &bytes[..]).with_context(|| format!("{path} is not in the bundle"))
    }

    /// A file that is JSON.
    ///
    /// # Errors
    /// When it is not.
    pub fn json(&self, path: &str) -> Result<Value> {
        Ok(serde_json::from_slice(self.get(path)?)?)
    }

    /// Puts a file, in place of the one of this name or as the first.
    #[must_use]
    pub fn with(mut self, path: &str, bytes: &[u8]) -> Self {
        match self.0.iter_mut().find(|(name, _)| name == path) {
            Some((_, old)) => bytes.clone_into(old),
            None => self.0.insert(0, (path.to_owned(), bytes.to_vec())),
        }
        self
    }

    /// Takes a file away.
    #[must_use]
    pub fn without(mut self, path: &str) -> Self {
        self.0.retain(|(name, _)| name != path);
        self
    }

    /// With a list that fits, changed once more, and signed: what somebody with a site key can make of it.
    ///
    /// # Errors
    /// When there is no list.
    pub fn signed(self, sign: &dyn Fn(&[u8]) -> [u8; 64], edit: impl FnOnce(&mut Value)) -> Result<Self> {
        let mut manifest = self.json("manifest.json")?;
        let listed =
            self.0.iter().filter(|(path, _)| !["manifest.json", "manifest.sig"].contains(&path.as_str()));
        let line = |(path, bytes): &(String, Vec<u8>)| json!({"path": path, "bytes": bytes.len(), "sha256": sha256_hex(bytes)});
        manifest["files"] = listed.map(line).collect();
        edit(&mut manifest);
        let manifest = serde_json::to_vec(&manifest)?;
        let mut signature = String::new();
        sign(&manifest).iter().try_for_each(|byte| write!(signature, "{byte:02x}"))?;
        Ok(self.with("manifest.json", &manifest).with("manifest.sig", signature.as_bytes()))
    }
}

/// What both verifiers say of a file: ours, and the one in Python.
///
/// # Errors
/// When one of them does not run.
pub fn both(appliance: &Appliance, bundle: &Path, pinned: Option<&Path>) -> Result<[Outcome; 2]> {
    let pinned = pinned.map(|file| file.to_string_lossy().into_owned());
    let mut args = vec![bundle.to_string_lossy().into_owned()];
    args.extend(pinned.into_iter().flat_map(|file| ["--pubkey".to_owned(), file]));
    let ours: Vec<&str> = ["evidence", "verify"].into_iter().chain(args.iter().map(String::as_str)).collect();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../verifier/evidence.py");
    let theirs = Command::new(PYTHON).arg(script).args(&args).output().context(PYTHON)?;
    Ok([appliance.ctl(&ours)?, theirs.into()])
}

/// Why both refuse these bytes.
///
/// # Errors
/// When one of them does not.
pub fn refused(appliance: &Appliance, bytes: &[u8], pinned: &Path) -> Result<[String; 2]> {
    let file = appliance.home.join("changed.zip");
    fs::write(&file, bytes)?;
    let [ours, theirs] = both(appliance, &file, Some(pinned))?;
    let said = [ours.stderr.clone(), theirs.text()];
    ensure!((ours.code, theirs.code) == (6, 6), "exit {} and {}: {said:?}", ours.code, theirs.code);
    // A verifier in Python that stumbles says so without a sentence.
    ensure!(theirs.stderr.is_empty() && said[1].contains(' '), "{said:?} {}", theirs.stderr);
    Ok(said)
}

/// Exports into a new file and gives the whole answer.
///
/// # Errors
/// When the command does not run.
pub fn export(appliance: &Appliance, file: &Path, which: &[&str]) -> Result<Outcome> {
    let file = file.to_string_lossy();
    appliance.ctl(&[&["evidence", "export"], which, &["-O", &file]].concat())
}

/// Notes the first key of an appliance in a file.
///
/// # Errors
/// When there is none.
pub fn pin(appliance: &Appliance) -> Result<std::path::PathBuf> {
    let dir = appliance.home.join("state/ledger");
    let key = appliance.ctl(&["audit", "pubkey", "--dir", &dir.to_string_lossy()])?;
    ensure!(key.code == 0, "{}", key.stderr);
    let file = appliance.home.join("key.pub");
    fs::write(&file, &key.stdout)?;
    Ok(file)
}

/// Ids of all documents.
///
/// # Errors
/// When they cannot be listed.
pub fn ids(appliance: &Appliance) -> Result<Vec<String>> {
    Ok(appliance.documents()?.iter().map(|document| text(document, "id").to_owned()).collect())
}
