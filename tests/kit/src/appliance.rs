//! One appliance under test.

use crate::{Outcome, build::programs};
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::{
    fs::{self, File},
    io::Write as _,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// The daemon must answer so soon after its start.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// The daemon must stop so soon after SIGTERM: the longest station in the tests included.
const STOP_TIMEOUT: Duration = Duration::from_secs(90);

/// How an appliance is set up before it starts.
#[derive(Clone, Debug)]
pub struct Plan {
    settle_ms: u64,
    edits: Vec<(String, String)>,
    env: Vec<(String, String)>,
}

impl Default for Plan {
    fn default() -> Self {
        Self { settle_ms: 100, edits: Vec::new(), env: Vec::new() }
    }
}

impl Plan {
    /// Files settle for so long.
    #[must_use]
    pub fn settle_ms(mut self, ms: u64) -> Self {
        self.settle_ms = ms;
        self
    }

    /// Replaces a text in `lazaret.toml` before the start; the text must be there.
    #[must_use]
    pub fn edit(mut self, from: &str, to: &str) -> Self {
        self.edits.push((from.to_owned(), to.to_owned()));
        self
    }

    /// Sets an environment variable of the daemon.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Makes the folder, without starting anything.
    ///
    /// # Errors
    /// When `lazaretctl init` fails or an edit does not apply.
    pub fn init(self) -> Result<Appliance> {
        let root = tempfile::Builder::new().prefix("lazaret-test-").tempdir()?;
        let home = root.path().join("appliance");
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let init = Command::new(programs()?.join("lazaretctl"))
            .arg("init")
            .arg(&home)
            .args(["--port", &port.to_string(), "--settle-ms", &self.settle_ms.to_string()])
            .arg("--worker")
            .arg(programs()?.join("lazaret-worker"))
            .output()?;
        ensure!(init.status.success(), "init: {}", String::from_utf8_lossy(&init.stderr));
        let config = home.join("lazaret.toml");
        let mut text = fs::read_to_string(&config)?;
        for (from, to) in &self.edits {
            ensure!(text.contains(from), "{from:?} is not in lazaret.toml:\n{text}");
            text = text.replacen(from, to, 1);
        }
        fs::write(&config, text)?;
        Ok(Appliance { _root: root, home, env: self.env, daemon: None })
    }

    /// Makes the folder and starts the daemon.
    ///
    /// # Errors
    /// When it does not come up; its log is in the message.
    pub fn start(self) -> Result<Appliance> {
        let mut appliance = self.init()?;
        appliance.start()?;
        Ok(appliance)
    }
}

/// A private appliance; stopped and removed when dropped.
pub struct Appliance {
    _root: TempDir,
    /// Its folder.
    pub home: PathBuf,
    env: Vec<(String, String)>,
    daemon: Option<Child>,
}

impl Appliance {
    /// A started appliance with the usual plan.
    ///
    /// # Errors
    /// See [`Plan::start`].
    pub fn usual() -> Result<Self> {
        Plan::default().start()
    }

    /// Starts the daemon and waits until it answers.
    ///
    /// # Errors
    /// When it does not; its log is in the message.
    pub fn start(&mut self) -> Result<()> {
        self.spawn()?;
        let deadline = Instant::now() + START_TIMEOUT;
        while self.ctl(&["status", "-o", "json"])?.code != 0 {
            let ended = self.daemon.as_mut().context("spawned above")?.try_wait()?;
            if let Some(status) = ended {
                self.daemon = None;
                bail!("lazaretd ended with {status}:\n{}", self.log());
            }
            ensure!(Instant::now() < deadline, "lazaretd does not answer:\n{}", self.log());
            sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Starts the daemon without waiting.
    ///
    /// # Errors
    /// When it cannot be started at all.
    pub fn spawn(&mut self) -> Result<()> {
        let log = File::options().create(true).append(true).open(self.log_file())?;
        let child = Command::new(programs()?.join("lazaretd"))
            .arg("--config")
            .arg(self.home.join("lazaret.toml"))
            .env_remove("JOURNAL_STREAM")
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        self.daemon = Some(child);
        Ok(())
    }

    /// Waits for a daemon that is expected to end by itself; gives its exit code.
    ///
    /// # Errors
    /// When it still runs after the start timeout.
    pub fn wait_for_end(&mut self) -> Result<Option<i32>> {
        let deadline = Instant::now() + START_TIMEOUT;
        let daemon = self.daemon.as_mut().context("no daemon runs")?;
        loop {
            if let Some(status) = daemon.try_wait()? {
                self.daemon = None;
                return Ok(status.code());
            }
            ensure!(Instant::now() < deadline, "lazaretd still runs");
            sleep(Duration::from_millis(50));
        }
    }

    /// The power cut of a process: SIGKILL, no goodbye.
    ///
    /// # Errors
    /// When no daemon runs.
    pub fn kill(&mut self) -> Result<()> {
        let mut daemon = self.daemon.take().context("no daemon runs")?;
        daemon.kill()?;
        daemon.wait()?;
        Ok(())
    }

    /// SIGTERM, and waits for the end; gives the exit code.
    ///
    /// # Errors
    /// When it does not stop in time.
    pub fn stop(&mut self) -> Result<Option<i32>> {
        self.signal("TERM")?;
        let deadline = Instant::now() + STOP_TIMEOUT;
        let mut daemon = self.daemon.take().context("no daemon runs")?;
        loop {
            if let Some(status) = daemon.try_wait()? {
                return Ok(status.code());
            }
            if Instant::now() > deadline {
                daemon.kill()?;
                bail!("lazaretd does not stop:\n{}", self.log());
            }
            sleep(Duration::from_millis(20));
        }
    }

    /// Sends the daemon a signal by name.
    ///
    /// # Errors
    /// When no daemon runs.
    pub fn signal(&self, name: &str) -> Result<()> {
        let pid = self.pid()?;
        let sent = Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).status()?;
        ensure!(sent.success(), "kill -{name} {pid}");
        Ok(())
    }

    /// The daemon's process id.
    ///
    /// # Errors
    /// When no daemon runs.
    pub fn pid(&self) -> Result<u32> {
        Ok(self.daemon.as_ref().context("no daemon runs")?.id())
    }

    /// Runs `lazaretctl` as the client that holds every scope.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn ctl(&self, args: &[&str]) -> Result<Outcome> {
        self.ctl_with(&self.home.join("ctl.toml"), args)
    }

    /// Runs `lazaretctl` as [`Self::ctl`], with a text on its standard input.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn ctl_fed(&self, args: &[&str], input: &str) -> Result<Outcome> {
        let mut child = Command::new(programs()?.join("lazaretctl"))
            .arg("--config")
            .arg(self.home.join("ctl.toml"))
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        child.stdin.take().context("piped above")?.write_all(input.as_bytes())?;
        Ok(child.wait_with_output()?.into())
    }

    /// Runs `lazaretctl` with another client configuration.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn ctl_with(&self, config: &Path, args: &[&str]) -> Result<Outcome> {
        let output = Command::new(programs()?.join("lazaretctl"))
            .arg("--config")
            .arg(config)
            .args(args)
            .stdin(Stdio::null())
            .output()?;
        Ok(output.into())
    }

    /// Runs `lazaretctl … -o json`, which must succeed.
    ///
    /// # Errors
    /// When it does not.
    pub fn json(&self, args: &[&str]) -> Result<Value> {
        let outcome = self.ctl(&[args, &["-o", "json"]].concat())?;
        ensure!(outcome.code == 0, "{args:?}: exit {}: {}\n{}", outcome.code, outcome.stderr, self.log());
        outcome.json()
    }

    /// All documents.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub fn documents(&self) -> Result<Vec<Value>> {
        let list = self.json(&["doc", "list"])?;
        Ok(list["documents"].as_array().context("documents")?.clone())
    }

    /// Waits until everything rests.
    ///
    /// # Errors
    /// When it does not within `seconds`.
    pub fn rest(&self, seconds: u64) -> Result<()> {
        let outcome = self.ctl(&["wait", "--all", "--timeout", &seconds.to_string()])?;
        ensure!(outcome.code == 0, "wait: exit {}: {}\n{}", outcome.code, outcome.stderr, self.log());
        Ok(())
    }

    /// Drops a file into the inbox of a source as a well-behaved sender does.
    ///
    /// # Errors
    /// When the disk does.
    pub fn drop_in(&self, source: &str, name: &str, bytes: &[u8]) -> Result<()> {
        let inbox = self.inbox(source);
        let temp = inbox.join(format!(".{name}.part"));
        fs::write(&temp, bytes)?;
        fs::rename(temp, inbox.join(name))?;
        Ok(())
    }

    /// The inbox of a source.
    #[must_use]
    pub fn inbox(&self, source: &str) -> PathBuf {
        self.home.join("inbox").join(source)
    }

    /// The folder of all routes.
    #[must_use]
    pub fn outbox(&self) -> PathBuf {
        self.home.join("outbox")
    }

    /// What is delivered: (route, file name), sorted.
    ///
    /// # Errors
    /// When the outbox cannot be read.
    pub fn delivered(&self) -> Result<Vec<(String, String)>> {
        let mut files = Vec::new();
        for route in fs::read_dir(self.outbox())? {
            let route = route?;
            for file in fs::read_dir(route.path())? {
                let name = file?.file_name().to_string_lossy().into_owned();
                files.push((route.file_name().to_string_lossy().into_owned(), name));
            }
        }
        files.sort();
        Ok(files)
    }

    /// What the daemon has logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn log_file(&self) -> PathBuf {
        self.home.join("lazaretd.log")
    }
}

impl Drop for Appliance {
    fn drop(&mut self) {
        if let Some(daemon) = &mut self.daemon {
            // Nothing to be done about a daemon that is gone already.
            drop(daemon.kill());
            drop(daemon.wait());
        }
    }
}
