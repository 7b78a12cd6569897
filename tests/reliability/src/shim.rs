//! The shim (`shim/shim.c`): built once, loaded into the daemon, told what to do.

use crate::Site;
use anyhow::{Context as _, Result, ensure};
use kit::Appliance;
use std::{
    fs::{self, File},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

/// Bytes of the shared page, and where the plan begins in it.
const PAGE_BYTES: usize = 4096;
const PLAN_AT: usize = 8;

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It fails once: no space.
    NoSpace,
    /// From it on, everything that needs space fails.
    Full,
    /// It fails once: the device does not answer.
    Broken,
    /// Every such call answers success and does nothing.
    LeftOut,
    /// The process is killed before it.
    Kill,
    /// The process waits before it.
    Hold,
}

impl Fault {
    fn word(self) -> &'static str {
        match self {
            Self::NoSpace => "ENOSPC",
            Self::Full => "full",
            Self::Broken => "EIO",
            Self::LeftOut => "skip",
            Self::Kill => "kill",
            Self::Hold => "hold",
        }
    }
}

/// The shim of one appliance.
pub struct Shim {
    folder: TempDir,
    page: File,
    serial: u32,
}

impl Shim {
    /// Puts it between an appliance and the C library, from its next start on.
    ///
    /// # Errors
    /// When it does not compile: it needs cc.
    pub fn under(appliance: &mut Appliance) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("lazaret-shim-").tempdir()?;
        let library = folder.path().join("shim.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("shim/shim.c");
        let built = Command::new("cc")
            .args(["-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o"])
            .arg(&library)
            .arg(source)
            .args(["-ldl", "-lpthread"])
            .output()?;
        ensure!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        let path = folder.path().join("control");
        fs::write(&path, [0; PAGE_BYTES])?;
        let page = File::options().read(true).write(true).open(&path)?;
        let shim = Self { folder, page, serial: 0 };
        for (name, value) in [
            ("LD_PRELOAD", library),
            ("LAZARET_SHIM_UNDER", appliance.home.clone()),
            ("LAZARET_SHIM_CONTROL", path),
            ("LAZARET_SHIM_TRACE", shim.trace_file()),
        ] {
            appliance.set_env(name, &value.to_string_lossy());
        }
        Ok(shim)
    }

    /// Does something to the call at a site.
    ///
    /// # Errors
    /// When the page cannot be written.
    pub fn arm(&mut self, fault: Fault, site: &Site) -> Result<()> {
        self.tell(&format!("{} {} {} {}", fault.word(), site.operation, site.path, site.nth))
    }

    /// Leaves out every call of an operation on a path; `*` is every path.
    ///
    /// # Errors
    /// When the page cannot be written.
    pub fn leave_out(&mut self, operation: &str, path: &str) -> Result<()> {
        self.tell(&format!("{} {operation} {path} 0", Fault::LeftOut.word()))
    }

    /// Does nothing any more; lets go what it holds.
    ///
    /// # Errors
    /// When the page cannot be written.
    pub fn disarm(&mut self) -> Result<()> {
        self.tell("")
    }

    /// How many calls met the plan.
    ///
    /// # Errors
    /// When the page cannot be read.
    pub fn hits(&self) -> Result<u32> {
        let mut bytes = [0; 4];
        self.page.read_exact_at(&mut bytes, 4)?;
        Ok(u32::from_ne_bytes(bytes))
    }

    /// Forgets the calls so far.
    ///
    /// # Errors
    /// When the file cannot be emptied.
    pub fn forget_trace(&self) -> Result<()> {
        Ok(File::options().write(true).create(true).truncate(false).open(self.trace_file())?.set_len(0)?)
    }

    /// The calls since the trace was forgotten.
    ///
    /// # Errors
    /// When there is no trace.
    pub fn sites(&self) -> Result<Vec<Site>> {
        Ok(Site::all(&fs::read_to_string(self.trace_file()).context("the shim's trace")?))
    }

    fn trace_file(&self) -> PathBuf {
        self.folder.path().join("trace")
    }

    fn tell(&mut self, plan: &str) -> Result<()> {
        self.serial += 1;
        let mut text = vec![0; PAGE_BYTES - PLAN_AT];
        ensure!(plan.len() < text.len(), "a plan of {} bytes is too long", plan.len());
        text[..plan.len()].copy_from_slice(plan.as_bytes());
        self.page.write_all_at(&text, PLAN_AT as u64)?;
        self.page.write_all_at(&0_u32.to_ne_bytes(), 4)?;
        // Last: a new number is what makes the shim read.
        self.page.write_all_at(&self.serial.to_ne_bytes(), 0)?;
        Ok(())
    }
}
