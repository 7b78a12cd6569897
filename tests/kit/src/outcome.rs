//! What a command said.

use anyhow::{Context, Result};
use serde_json::Value;
use std::process::Output;

/// Exit code, data and messages of one `lazaretctl` call.
pub struct Outcome {
    /// Exit code; -1 when a signal ended it.
    pub code: i32,
    /// Data.
    pub stdout: Vec<u8>,
    /// Messages.
    pub stderr: String,
}

impl Outcome {
    /// The data as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// The data as JSON.
    ///
    /// # Errors
    /// When it is not, with the messages.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.stdout).with_context(|| format!("exit {}: {}", self.code, self.stderr))
    }
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: output.stdout,
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}
