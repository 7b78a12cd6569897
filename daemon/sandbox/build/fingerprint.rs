//! One short name for everything that daemon and worker must share: two builds of different sources
//! never take each other for the same.

use sha2::{Digest, Sha256};
use std::{fs, io, path::Path, path::PathBuf};

/// Hex digits kept of the digest: enough to tell builds apart, short enough to read aloud.
const DIGITS: usize = 16;

/// Digest of the names and contents of these files and folders.
pub(crate) fn of(house: &Path, sources: &[&str]) -> io::Result<String> {
    let mut files = Vec::new();
    for source in sources {
        collect(&house.join(source), &mut files)?;
    }
    files.sort();
    let mut digest = Sha256::new();
    for file in files {
        let content = fs::read(&file)?;
        let name = file.strip_prefix(house).unwrap_or(&file).as_os_str().as_encoded_bytes().to_vec();
        for part in [name, content] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(&part);
        }
    }
    let hex: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(hex[..DIGITS].to_owned())
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        collect(&entry?.path(), files)?;
    }
    Ok(())
}
