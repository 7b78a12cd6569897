//! `lazaretd`: the composition root. It parses no document, holds no rule and decides nothing: it reads
//! the configuration, opens the appliance and the doors, and listens to signals.

mod clock;
mod journal;
mod memory;
mod notify;
mod probe;
mod signals;
mod wiring;

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

/// Where the configuration lies when nobody says otherwise.
const CONFIG: &str = "/etc/lazaret/lazaret.toml";
const USAGE: &str = "usage: lazaretd [--config FILE]\n       lazaretd --version";

enum Command {
    Serve(PathBuf),
    ProbeIndex(PathBuf),
    Version,
}

fn main() -> ExitCode {
    abort_on_panic();
    match parse(std::env::args_os().skip(1)) {
        Some(Command::Serve(config)) => wiring::serve(&config),
        Some(Command::ProbeIndex(dir)) => probe::open_on_trial(&dir),
        Some(Command::Version) => {
            journal::say(&format!("lazaretd {}", sandbox::BUILD));
            ExitCode::SUCCESS
        }
        None => {
            journal::say(USAGE);
            ExitCode::from(2)
        }
    }
}

fn parse(mut args: impl Iterator<Item = OsString>) -> Option<Command> {
    let command = match args.next() {
        None => Command::Serve(CONFIG.into()),
        Some(flag) if flag == "--config" => Command::Serve(args.next()?.into()),
        Some(flag) if flag == probe::PROBE_INDEX => Command::ProbeIndex(args.next()?.into()),
        Some(flag) if flag == "--version" => Command::Version,
        Some(_) => return None,
    };
    args.next().is_none().then_some(command)
}

/// A store with a dead thread must not live on half. The message of a panic may hold PHI: only the place
/// is told.
fn abort_on_panic() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        journal::say(&format!("lazaretd: internal check failed at {place}; stopping"));
        std::process::abort();
    }));
}
