//! Somebody else's file that takes all room of a disk.

use anyhow::Result;
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Pieces in which it grows: large ones first, then what is left, down to single blocks.
const PIECES_BYTES: [u64; 4] = [64 << 20, 1 << 20, 64 << 10, 4 << 10];

/// The file.
pub struct Filler {
    path: PathBuf,
    bytes: u64,
}

impl Filler {
    /// An empty one.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn on(folder: &Path) -> Result<Self> {
        let path = folder.join("filler");
        File::create(&path)?;
        Ok(Self { path, bytes: 0 })
    }

    /// Takes every block that is free now, also those that are kept for root.
    ///
    /// # Errors
    /// When fallocate (util-linux) cannot be run.
    pub fn grow(&mut self) -> Result<()> {
        for piece in PIECES_BYTES {
            while self.takes(piece)? {
                self.bytes += piece;
            }
        }
        Ok(())
    }

    fn takes(&self, piece: u64) -> Result<bool> {
        let taken = Command::new("fallocate")
            .args(["-o", &self.bytes.to_string(), "-l", &piece.to_string()])
            .arg(&self.path)
            .stderr(Stdio::null())
            .status()?;
        Ok(taken.success())
    }

    /// Gives everything back.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn free(self) -> Result<()> {
        Ok(fs::remove_file(self.path)?)
    }
}
