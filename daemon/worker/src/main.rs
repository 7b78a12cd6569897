//! The sandboxed parser: one document, one role, then exit.
//!
//! `lazaret-worker ROLE --memory=BYTES --tessdata=DIR` prepares itself, gives up every right it will
//! not need, says `Hello` and only then hears of a document. It never opens a path after that, keeps
//! nothing, logs nothing, and knows neither keys nor names. It is not run by hand.

mod talk;

mod probe;

mod parse;
mod normalise;
mod ocr;
mod redact;
mod verify;

use ocr::{Engine, EngineError};
use sandbox::{ConfineError, Exit, SelfLimits};
use std::{ffi::OsString, path::PathBuf};
use talk::{Stop, Talk};
use types::Reason;
use wire::{FrameError, Hello, Job, Role};

fn main() {
    // A panic message can quote the document, so nothing of it is written; the exit code says enough.
    std::panic::set_hook(Box::new(|_| sandbox::end(Exit::Panic)));
    sandbox::end(live())
}

/// The whole life of a worker.
fn live() -> Exit {
    let Some(order) = Order::from_arguments(std::env::args_os().skip(1)) else { return Exit::Usage };
    match start(&order) {
        Ok((mut talk, mut tools)) => serve(&mut talk, &mut tools, order.role),
        // No document was seen yet, so this is the one thing a worker may say aloud.
        Err(error) => {
            eprintln!("{error}");
            Exit::CannotConfine
        }
    }
}

/// Loads the tools, gives up every right, and says hello.
fn start(order: &Order) -> Result<(Talk, Tools), CannotStart> {
    let prepared = sandbox::prepare(order.role, &order.limits)?;
    let tools = Tools::prepare(order)?;
    let confined = prepared.confine()?;
    let enforcement = confined.enforcement().clone();
    let mut talk = Talk::new(confined);
    talk.hello(&Hello { role: order.role, build: sandbox::BUILD.to_owned(), enforcement })
        .map_err(|_| CannotStart::Unheard)?;
    Ok((talk, tools))
}

/// One job, its answer, and the wait to be dismissed.
fn serve(talk: &mut Talk, tools: &mut Tools, role: Role) -> Exit {
    let answered = match work(talk, tools, role) {
        Err(Stop::Refuse(reason)) => talk.refuse(reason),
        other => other,
    };
    match answered.and_then(|()| talk.until_dismissed()) {
        Err(Stop::Pipe(FrameError::Closed)) => Exit::Done,
        _ => Exit::Pipe,
    }
}

/// One job of the role this process was confined for; any other is refused unread.
fn work(talk: &mut Talk, tools: &mut Tools, role: Role) -> Result<(), Stop> {
    let done = match (role, talk.job()?) {
        (Role::Probe, Job::Probe(action)) => probe::run(action),
        (Role::Parse, Job::Parse { bytes, limits }) => parse::run(talk, bytes, &limits)?,
        (Role::Normalise, Job::Normalise { bytes, limits, first, count, turns }) => {
            normalise::run(talk, bytes, &limits, first, count, &turns)?
        }
        (Role::Ocr, Job::Ocr { pages }) => ocr::run(tools.engine()?, talk, pages)?,
        (Role::Redact, Job::Redact { pages }) => return redact::run(talk, pages),
        (Role::Verify, Job::Verify { bytes, first, count, pages }) => {
            verify::run(tools.engine()?, talk, bytes, first, count, pages)?
        }
        _ => return Err(Stop::Refuse(Reason::WorkerProtocol)),
    };
    talk.done(&done)
}

/// Why there is no worker.
#[derive(Debug, thiserror::Error)]
enum CannotStart {
    #[error(transparent)]
    Confine(#[from] ConfineError),
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error("the daemon does not listen")]
    Unheard,
}

/// What a role must load while files can still be opened.
struct Tools {
    engine: Option<Engine>,
}

impl Tools {
    fn prepare(order: &Order) -> Result<Self, CannotStart> {
        let reads = matches!(order.role, Role::Ocr | Role::Verify);
        let engine = reads.then(|| Engine::prepare(&order.tessdata)).transpose()?;
        Ok(Self { engine })
    }

    fn engine(&mut self) -> Result<&mut Engine, Stop> {
        self.engine.as_mut().ok_or(Stop::Refuse(Reason::WorkerProtocol))
    }
}

/// The command line, which only the daemon writes.
struct Order {
    role: Role,
    limits: SelfLimits,
    tessdata: PathBuf,
}

impl Order {
    fn from_arguments(mut arguments: impl Iterator<Item = OsString>) -> Option<Self> {
        let name = arguments.next()?;
        let role = Role::ALL.into_iter().find(|role| name == role.name())?;
        let (mut memory_bytes, mut tessdata, mut without_landlock) = (None, PathBuf::new(), false);
        for argument in arguments {
            match argument.to_str()?.split_once('=')? {
                ("--memory", bytes) => memory_bytes = bytes.parse().ok(),
                ("--tessdata", folder) => tessdata = folder.into(),
                ("--without-landlock", "accepted") => without_landlock = true,
                _ => return None,
            }
        }
        Some(Self { role, limits: SelfLimits { memory_bytes: memory_bytes?, without_landlock }, tessdata })
    }
}
