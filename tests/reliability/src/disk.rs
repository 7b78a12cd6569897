//! A disk whose power can be cut at any moment.
//!
//! The appliance lies on ext4 in an image file; the image lies on XFS, which copies a file in no time and at one
//! point in time (reflink). The copy is what the device held at that moment: what was only in the page cache of
//! ext4 is not in it. Mounting it replays the journal, as the first start after a power cut does.
//! It cannot lose or reorder what had reached the device: that would need a device with a cache of its own.

use anyhow::{Result, ensure};
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

const XFS_BYTES: u64 = 3 << 30;
const EXT4_BYTES: u64 = 1 << 30;

/// A disk, mounted.
pub struct Disk {
    base: TempDir,
    generation: u32,
}

impl Disk {
    /// Makes it, with an empty file system.
    ///
    /// # Errors
    /// When this machine does not allow it.
    pub fn new() -> Result<Self> {
        let base = tempfile::Builder::new().prefix("lazaret-disk-").tempdir()?;
        let disk = Self { base, generation: 0 };
        let under = disk.base.path().join("xfs.img");
        File::create(&under)?.set_len(XFS_BYTES)?;
        fs::create_dir(disk.shelf())?;
        fs::create_dir(disk.root())?;
        run("mkfs.xfs", &["-q", "-m", "reflink=1", &text(&under)])?;
        run("mount", &["-o", "loop", &text(&under), &text(&disk.shelf())])?;
        File::create(disk.image())?.set_len(EXT4_BYTES)?;
        run("mkfs.ext4", &["-q", "-F", &text(&disk.image())])?;
        disk.mount()?;
        Ok(disk)
    }

    /// Where it is mounted.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.base.path().join("disk")
    }

    /// Writes everything out: what was there before the test begins.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn settle(&self) -> Result<()> {
        run("sync", &["-f", &text(&self.root())])
    }

    /// Keeps what is on the device at this moment. Whoever writes meanwhile is not disturbed.
    ///
    /// # Errors
    /// When it cannot be copied.
    pub fn cut(&mut self) -> Result<()> {
        let before = self.image();
        self.generation += 1;
        run("cp", &["--reflink=always", &text(&before), &text(&self.image())])
    }

    /// Mounts what was kept by the last cut, in place of what went on since. Nobody may use the disk.
    ///
    /// # Errors
    /// When it cannot be unmounted or mounted.
    pub fn revive(&self) -> Result<()> {
        run("umount", &[&text(&self.root())])?;
        fs::remove_file(self.shelf().join(format!("{}.img", self.generation - 1)))?;
        self.mount()
    }

    fn mount(&self) -> Result<()> {
        run("mount", &["-o", "loop", &text(&self.image()), &text(&self.root())])
    }

    fn shelf(&self) -> PathBuf {
        self.base.path().join("shelf")
    }

    fn image(&self) -> PathBuf {
        self.shelf().join(format!("{}.img", self.generation))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // What was never mounted cannot be unmounted; nobody to tell.
        drop(run("umount", &["-l", &text(&self.root())]));
        drop(run("umount", &["-l", &text(&self.shelf())]));
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn run(program: &str, args: &[&str]) -> Result<()> {
    let output = Command::new(program).args(args).output()?;
    ensure!(
        output.status.success(),
        "{program} {args:?}: {}; this needs root and loop devices, see docs/reliability.md",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
