//! Starts workers and hands out only those that are confined beyond doubt.

use super::worker::{Grant, Worker};
use crate::{Exit, profile};
use std::{
    ffi::OsString,
    io,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};
use wire::{Enforcement, Fault, Hello, Role};

/// Time to load libraries and Tesseract's data (0.2 to 0.9 s on an idle machine) on one that is not idle.
const START: Grant = Grant { cpu_seconds: 20, wall: Duration::from_secs(30) };

/// Starts that may wait for the thread that starts.
const QUEUE_MAX: usize = 64;

/// Why there is no worker.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The program cannot be started.
    #[error("cannot start {}: {error}. Check paths.worker in the configuration", path.display())]
    Start {
        /// Which program.
        path: PathBuf,
        /// What the kernel said.
        error: io::Error,
    },
    /// The worker refused to take documents.
    #[error("the {} worker cannot confine itself: {said}", role.name())]
    CannotConfine {
        /// Its role.
        role: Role,
        /// Its own words, before it saw any document.
        said: String,
    },
    /// The worker ended or hung before it said hello.
    #[error("the {} worker did not get ready ({fault:?}): {said}", role.name())]
    NotReady {
        /// Its role.
        role: Role,
        /// How it failed.
        fault: Fault,
        /// Its own words, before it saw any document.
        said: String,
    },
    /// The worker is of another build, or took another role.
    #[error(
        "worker and daemon do not belong together: expected build {expected}, found {found}. Install both from one package"
    )]
    Stranger {
        /// The daemon's build.
        expected: &'static str,
        /// The worker's build, cut to a line.
        found: String,
    },
    /// The worker says it is confined, and is not, or not enough.
    #[error("the {} worker is not confined: not confirmed that {what}", role.name())]
    NotConfined {
        /// Its role.
        role: Role,
        /// What could not be confirmed.
        what: &'static str,
    },
    /// The kernel's view of the worker could not be read.
    #[error("cannot look at the worker: {0}")]
    Unseen(io::Error),
    /// The thread that starts workers is gone; the daemon is shutting down.
    #[error("the thread that starts workers is gone")]
    NoStarter,
}

/// Starts workers. Cheap to clone.
#[derive(Clone)]
pub struct Launcher {
    recipe: Arc<Recipe>,
    starter: Starter,
}

struct Recipe {
    worker: PathBuf,
    tessdata: PathBuf,
    build: &'static str,
    without_landlock: bool,
}

impl Launcher {
    /// For this worker program, whose build must be `build`.
    #[must_use]
    pub fn new(worker: PathBuf, tessdata: PathBuf, build: &'static str) -> Self {
        let recipe = Recipe { worker, tessdata, build, without_landlock: false };
        Self { recipe: Arc::new(recipe), starter: Starter::new() }
    }

    /// Accepts a kernel without landlock. Only on the operator's written word, and never without seccomp.
    #[must_use]
    pub fn accept_missing_landlock(self) -> Self {
        let Recipe { worker, tessdata, build, .. } = &*self.recipe;
        let recipe =
            Recipe { worker: worker.clone(), tessdata: tessdata.clone(), build, without_landlock: true };
        Self { recipe: Arc::new(recipe), ..self }
    }

    /// Starts a worker and returns it when it is confined and the kernel confirms it.
    ///
    /// # Errors
    /// [`LaunchError`]; the process is dead then.
    pub fn spawn(&self, role: Role, memory_bytes: u64) -> Result<Worker, LaunchError> {
        let started = self.start(role, memory_bytes)?;
        let mut worker =
            Worker::adopt(role, started, START, self.starter.clone()).map_err(LaunchError::Unseen)?;
        let hello = worker.greet().map_err(|fault| not_ready(&mut worker, fault))?;
        self.recipe.recognise(&hello, role)?;
        self.recipe.demand(&hello.enforcement, role)?;
        match worker.unconfirmed().map_err(LaunchError::Unseen)? {
            Some(what) => Err(LaunchError::NotConfined { role, what }),
            None => Ok(worker),
        }
    }

    fn start(&self, role: Role, memory_bytes: u64) -> Result<Child, LaunchError> {
        match self.starter.start(self.recipe.command(role, memory_bytes)) {
            Some(started) => {
                started.map_err(|error| LaunchError::Start { path: self.recipe.worker.clone(), error })
            }
            None => Err(LaunchError::NoStarter),
        }
    }
}

/// The one thread that starts processes. It lives as long as any launcher or worker holds on to it,
/// because the kernel kills a worker when the *thread* that started it ends, not only the process.
#[derive(Clone)]
pub(super) struct Starter(mpsc::SyncSender<Order>);

struct Order {
    command: Command,
    reply: mpsc::SyncSender<io::Result<Child>>,
}

impl Starter {
    pub(super) fn new() -> Self {
        let (orders, inbox) = mpsc::sync_channel(QUEUE_MAX);
        thread::spawn(move || serve(&inbox));
        Self(orders)
    }

    /// Nothing when the thread is gone.
    fn start(&self, command: Command) -> Option<io::Result<Child>> {
        let (reply, answer) = mpsc::sync_channel(1);
        self.0.send(Order { command, reply }).ok()?;
        answer.recv().ok()
    }
}

/// Until the last holder is gone.
fn serve(orders: &mpsc::Receiver<Order>) {
    for Order { mut command, reply } in orders {
        if let Err(mpsc::SendError(Ok(mut orphan))) = reply.send(command.spawn()) {
            // Whoever asked is gone; a worker that nobody holds must not stay.
            orphan.kill().and_then(|()| orphan.wait()).map(drop).unwrap_or_default();
        }
    }
}

impl Recipe {
    fn command(&self, role: Role, memory_bytes: u64) -> Command {
        let mut tessdata = OsString::from("--tessdata=");
        tessdata.push(&self.tessdata);
        let mut command = Command::new(&self.worker);
        command.arg(role.name()).arg(format!("--memory={memory_bytes}")).arg(tessdata);
        if self.without_landlock {
            command.arg("--without-landlock=accepted");
        }
        command.env_clear().env("OMP_THREAD_LIMIT", "1").current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn recognise(&self, hello: &Hello, role: Role) -> Result<(), LaunchError> {
        if hello.build == self.build && hello.role == role {
            return Ok(());
        }
        Err(LaunchError::Stranger { expected: self.build, found: printable(hello.build.as_bytes()) })
    }

    /// What the worker itself must claim; the kernel is asked after that.
    fn demand(&self, claimed: &Enforcement, role: Role) -> Result<(), LaunchError> {
        let landlocked = claimed.landlock_abi > 0 && claimed.landlock_full;
        let what = if !landlocked && !self.without_landlock {
            "landlock is fully enforced"
        } else if !claimed.no_new_privs {
            "no_new_privs is set"
        } else if claimed.seccomp != profile::of(role).sha256 {
            "the seccomp filter is the one of its role"
        } else {
            return Ok(());
        };
        Err(LaunchError::NotConfined { role, what })
    }
}

fn not_ready(worker: &mut Worker, fault: Fault) -> LaunchError {
    let (role, said) = (worker.role(), printable(&worker.last_words()));
    if worker.exit_code() == Some(Exit::CannotConfine as i32) {
        return LaunchError::CannotConfine { role, said };
    }
    LaunchError::NotReady { role, fault, said }
}

/// A stranger's words on one line without control characters.
fn printable(words: &[u8]) -> String {
    /// Longest text shown.
    const CHARS_MAX: usize = 300;
    let text = String::from_utf8_lossy(words);
    text.trim().chars().take(CHARS_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
