//! An appliance under attack: four inboxes, a client outside of its disk, and a supervisor that starts it again.

use anyhow::{Context as _, Result, ensure};
use kit::{Appliance, Outcome, Plan};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread::sleep,
    time::Duration,
};
use tempfile::TempDir;

/// The inboxes.
pub(crate) const SOURCES: [&str; 4] = ["fax", "scanner", "partner", "ward"];
/// Uploads come under this source.
pub(crate) const UPLOADS: &str = "partner";
/// The daemon may abort at the first starts after an error, as under systemd with Restart=always.
const STARTS_MAX: usize = 5;
/// A supervisor waits between two starts.
const RESTART_PAUSE: Duration = Duration::from_millis(200);

/// Fails with what is missing, and how to get it.
///
/// # Errors
/// When this machine lacks it.
pub fn needs(programs: &[&str], root: bool) -> Result<()> {
    for program in programs {
        let found = Command::new("sh").args(["-c", "command -v \"$0\"", program]).output()?.status.success();
        ensure!(found, "this test needs {program}; packaging/check installs it, see docs/reliability.md");
    }
    let uid = Command::new("id").arg("-u").output()?.stdout;
    ensure!(
        !root || uid == b"0\n",
        "this test mounts file systems from files and must run as root with loop devices; see docs/reliability.md"
    );
    Ok(())
}

/// The appliance, and what is needed to talk to it while its disk is away.
pub struct Station {
    /// The appliance.
    pub appliance: Appliance,
    outside: TempDir,
    starts: u32,
}

impl Station {
    /// Sets it up in `root`, without starting it.
    ///
    /// # Errors
    /// When that fails.
    pub fn new(root: &Path, edits: &[(&str, &str)]) -> Result<Self> {
        let ward = "[[source]]\nname = \"ward\"\nfolder = \"inbox/ward\"\nsettle-ms = 100\n\n[[source]]";
        let mut plan = Plan::default()
            .at(root)
            .edit("[[source]]", ward)
            // The disks of these tests are small.
            .edit("[site]", "[space]\nfloor-bytes = 67108864\n\n[site]");
        for source in SOURCES {
            // The longest pause between two looks, and so between two tries.
            let folder = format!("folder = \"inbox/{source}\"");
            plan = plan.edit(&folder, &format!("{folder}\nscan-ms = 2000"));
        }
        for (from, to) in edits {
            plan = plan.edit(from, to);
        }
        let appliance = plan.init()?;
        fs::create_dir(appliance.inbox("ward"))?;
        let outside = tempfile::Builder::new().prefix("lazaret-client-").tempdir()?;
        for (from, to) in [("ctl.toml", "."), ("clients", ".")] {
            let copied = Command::new("cp")
                .arg("-r")
                .arg(appliance.home.join(from))
                .arg(outside.path().join(to))
                .status()?;
            ensure!(copied.success(), "cp {from}");
        }
        Ok(Self { appliance, outside, starts: 0 })
    }

    /// Starts it, as often as a supervisor would.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start(&mut self) -> Result<()> {
        let mut last = None;
        for _ in 0..STARTS_MAX {
            self.starts += 1;
            match self.appliance.start() {
                Ok(()) => return Ok(()),
                Err(error) => last = Some(error),
            }
            sleep(RESTART_PAUSE);
        }
        Err(last.context("there was a first try")?).context(format!("it does not start, {STARTS_MAX} tries"))
    }

    /// How often it was started.
    #[must_use]
    pub fn starts(&self) -> u32 {
        self.starts
    }

    /// Starts it again if it ended by itself; says whether it had.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn supervise(&mut self) -> Result<bool> {
        if self.appliance.runs()? {
            return Ok(false);
        }
        self.start()?;
        Ok(true)
    }

    /// Waits until all files have come to rest, and starts the daemon again if it ends meanwhile. A long attack leaves
    /// more than can be worked off in the time: then fewer must be unfinished each time it is over.
    ///
    /// # Errors
    /// When none comes to rest within the time.
    pub fn rest(&mut self, seconds: u64) -> Result<()> {
        let (mut ends, mut left) = (0, usize::MAX);
        while ends < STARTS_MAX {
            self.supervise()?;
            let waited = self.ctl(&["wait", "--all", "--timeout", &seconds.to_string()])?;
            match waited.code {
                0 if self.appliance.runs()? => return Ok(()),
                75 => {
                    let now = self.unfinished()?.len();
                    ensure!(now < left, "none came to rest in {seconds} s: {}", self.story()?);
                    left = now;
                }
                _ => ends += 1,
            }
        }
        anyhow::bail!("it ends again and again: {}", self.story()?)
    }

    /// Documents that are under way, as JSON.
    fn unfinished(&self) -> Result<Vec<String>> {
        let list = self.ctl(&["doc", "list", "-o", "jsonl"])?.text();
        let moves = |line: &&str| {
            ["\"received\"", "\"processing\"", "\"routed\""].iter().any(|state| line.contains(state))
        };
        Ok(list.lines().filter(moves).map(str::to_owned).collect())
    }

    /// Runs `lazaretctl`; its configuration lies outside of the appliance's disk.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn ctl(&self, args: &[&str]) -> Result<Outcome> {
        self.appliance.ctl_with(&self.client(), args)
    }

    /// The configuration of the client.
    pub(crate) fn client(&self) -> PathBuf {
        self.outside.path().join("ctl.toml")
    }

    /// What it is doing, for a failure's message.
    fn story(&self) -> Result<String> {
        let status = self.ctl(&["status"])?.text();
        let log = self.appliance.log();
        let tail: Vec<&str> = log.lines().rev().take(40).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        Ok(format!("{status}\n{}\n{}", self.unfinished()?.join("\n"), tail.join("\n")))
    }
}
