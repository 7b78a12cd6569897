//! Both verifiers on the same folders: ours in this process, the one in Python in another for all.

use crate::Papers;
use anyhow::{Context, Result, ensure};
use ledger::{Trust, audit};
use std::{
    ffi::OsStr,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Python of the distribution, for which `python3-cryptography` is installed.
const PYTHON: &str = "/usr/bin/python3";

/// A folder to judge, and what the auditor has in hand.
pub struct Case {
    /// The ledger.
    pub dir: PathBuf,
    /// None for somebody who brings nothing.
    pub papers: Option<Papers>,
    /// A file of `audit prove`; then it is judged too.
    pub proof: Option<PathBuf>,
}

/// What each verifier says: nothing when all holds, else the fault.
///
/// # Errors
/// When Python cannot be started or does not answer each case.
pub fn both(scratch: &Path, cases: &[Case]) -> Result<Vec<[Option<String>; 2]>> {
    let ours = cases.iter().map(|case| {
        let (pinned, external) = case.papers.as_ref().map(|p| (&p.pinned, &p.external)).unzip();
        audit(&case.dir, Trust { pinned, external, noted: None }).err().map(|fault| fault.to_string())
    });
    let theirs = python(scratch, cases)?;
    ensure!(theirs.len() == cases.len(), "Python answered {} of {} cases", theirs.len(), cases.len());
    Ok(ours.zip(theirs).map(|(ours, theirs)| [ours, theirs]).collect())
}

/// Does the one in Python accept what these arguments name?
///
/// # Errors
/// When Python cannot be started.
pub fn alone(arguments: &[&OsStr]) -> Result<bool> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../verifier/verify.py");
    let output = Command::new(PYTHON).arg(script).args(arguments).output().context(PYTHON)?;
    ensure!(matches!(output.status.code(), Some(0 | 6)), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(output.status.success())
}

fn python(scratch: &Path, cases: &[Case]) -> Result<Vec<Option<String>>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../verifier/verify.py");
    let mut lines = String::new();
    for (number, case) in cases.iter().enumerate() {
        lines += &case.dir.to_string_lossy();
        if let Some(papers) = &case.papers {
            let (note, key) = (scratch.join(format!("{number}.note")), scratch.join(format!("{number}.pub")));
            fs::write(&note, papers.external.note())?;
            fs::write(&key, format!("{}\n", papers.pinned))?;
            lines += &format!(" --checkpoint {} --pubkey {}", note.display(), key.display());
        }
        if let Some(proof) = &case.proof {
            lines += &format!(" --proof {}", proof.display());
        }
        lines.push('\n');
    }
    let mut child = Command::new(PYTHON)
        .arg(script)
        .arg("--batch")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context(PYTHON)?;
    let mut input = child.stdin.take().context("piped above")?;
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = child.wait_with_output()?;
    writer.join().ok().context("the writer")??;
    let verdict = |line: &str| match line.split_once(' ') {
        Some(("0", _)) => Ok(None),
        Some(("6", fault)) => Ok(Some(fault.to_owned())),
        _ => anyhow::bail!("Python says {line}"),
    };
    String::from_utf8(output.stdout)?.lines().map(verdict).collect()
}
