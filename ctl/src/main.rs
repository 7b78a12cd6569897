//! `lazaretctl`: the one command line. Talks to the daemon over gRPC, or works offline.
//!
//! One file per noun. Nothing is decided here: what the daemon may be asked stands in `api`, what a rule
//! file may say in `policy`, what a ledger must be in `ledger`.

mod accounting;
mod appliance;
mod audit;
mod backup;
mod balance;
mod bench;
mod check;
mod cli;
mod client;
mod deletion;
mod doc;
mod events;
mod evidence;
mod fail;
mod get;
mod hex;
mod hold;
mod key;
mod ledger;
mod memory;
mod output;
mod passphrase;
mod retention;
mod review;
mod route;
mod setup;
mod shape;
mod submit;
mod wait;

use bench::Bench;
use clap::{CommandFactory as _, Parser as _};
use cli::{Cli, Verb};
use client::Client;
use deletion::Deletion;
use fail::{Exit, Failure, Outcome};
use std::process::ExitCode;

fn main() -> ExitCode {
    // Exits with 2 on wrong usage, and with 0 after --help and --version.
    let cli = Cli::parse();
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("lazaretctl: {}", output::plain_lines(&failure.to_string()));
            failure.exit.into()
        }
    }
}

fn run(cli: &Cli) -> Outcome {
    if matches!(&cli.verb, Verb::Restore(_) | Verb::Key(_) | Verb::Unseal(_) | Verb::Init(_) | Verb::Pki(_)) {
        memory::never_dump()?;
    }
    match &cli.verb {
        Verb::Init(what) => setup::init(what),
        Verb::Pki(what) => setup::pki(what),
        Verb::Config(what) => check::config(what),
        Verb::Policy(what) => check::policy(what),
        Verb::Audit(what) => audit::run(what, cli.output),
        Verb::Deletion(Deletion::Check { file, pubkey }) => deletion::check(file, pubkey),
        Verb::Key(key::Key::Escrow(what)) => key::escrow(what),
        Verb::Restore(what) => backup::restore(what, cli),
        Verb::Completions { shell } => completions(*shell),
        Verb::Bench(Bench { part: Some(part), .. }) => bench::part(part, cli.output),
        _ => online(cli),
    }
}

fn completions(shell: clap_complete::Shell) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "lazaretctl", &mut script);
    output::bytes(&script)
}

fn online(cli: &Cli) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(Exit::Failure, format!("cannot start: {error}")))?;
    runtime.block_on(ask(cli))
}

async fn ask(cli: &Cli) -> Outcome {
    let format = cli.output;
    if let Verb::Ledger(what) = &cli.verb {
        return ledger::run(what, cli.config.as_deref(), format).await;
    }
    if let Verb::Backup(what) = &cli.verb {
        return backup::run(what, cli).await;
    }
    if let Verb::Evidence(what) = &cli.verb {
        return evidence::run(what, cli).await;
    }
    let client = &Client::connect(cli.config.as_deref()).await?;
    match &cli.verb {
        Verb::Submit(what) => submit::run(what, client, format).await,
        Verb::Wait(what) => wait::run(what, client, format).await,
        Verb::Doc(what) => doc::run(what, client, format).await,
        Verb::Accounting(id) => accounting::run(id, client, format).await,
        Verb::Review(what) => review::run(what, client, format).await,
        Verb::Route(what) => route::run(what, client, format).await,
        Verb::Reroute(what) => route::reroute(what, client, format).await,
        Verb::Hold(what) => hold::run(what, client, format).await,
        Verb::Unhold(what) => hold::lift(what, client, format).await,
        Verb::Release(what) => hold::release(what, client, format).await,
        Verb::Retention(what) => retention::run(what, client, format).await,
        Verb::Deletion(what) => deletion::run(what, client, format).await,
        Verb::Store(what) => appliance::store(what, client, format).await,
        Verb::Key(what) => key::run(what, client, format).await,
        Verb::Unseal(what) => key::unseal(what, client).await,
        Verb::Balance(what) => balance::run(what, client, format).await,
        Verb::Status => appliance::status(client, format).await,
        Verb::Doctor => appliance::doctor(client, format).await,
        Verb::Reload => appliance::reload(client).await,
        Verb::Bench(what) => bench::run(what, client, format).await,
        Verb::Ledger(_)
        | Verb::Backup(_)
        | Verb::Restore(_)
        | Verb::Evidence(_)
        | Verb::Audit(_)
        | Verb::Init(_)
        | Verb::Pki(_)
        | Verb::Config(_)
        | Verb::Policy(_)
        | Verb::Completions { .. } => Ok(()),
    }
}
