//! The command line: nouns, verbs, and examples for each.

use crate::{
    appliance::Store,
    audit::Audit,
    backup::{Backup, Restore},
    balance::Balance,
    bench::Bench,
    check,
    deletion::Deletion,
    doc,
    evidence::Evidence,
    hold::{Hold, Unhold},
    key,
    ledger::Ledger,
    output::Format,
    retention::Retention,
    review::Review,
    route, setup,
    submit::Submit,
    wait::Wait,
};
use clap::{Parser, Subcommand};
use std::path::PathBuf;

const EXIT_CODES: &str = "Exit codes:
  0 ok                      5 conflict, or a hold is in force
  1 failure                 6 a check found something
  2 usage                   7 no daemon answers
  3 not found               8 waits for a second approval
  4 not authorised          9 invalid configuration
                           75 temporary: try again

Data goes to stdout, messages to stderr.

Examples:
  lazaretctl submit letter.pdf --source partner
  lazaretctl wait --all --timeout 600
  lazaretctl doc list --state review -o json";

/// Talk to a Lazaret appliance, or look after one offline
#[derive(Parser)]
#[command(name = "lazaretctl", version, after_help = EXIT_CODES, max_term_width = 80, propagate_version = true)]
pub(crate) struct Cli {
    /// How to reach the daemon [default: /etc/lazaret/ctl.toml, else the local socket]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// How to print
    #[arg(short, long, global = true, value_enum, default_value_t = Format::Table)]
    pub(crate) output: Format,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Hand in files; a printed id means that the bytes are durable
    #[command(after_help = "Examples:
  lazaretctl submit letter.pdf --source partner
  lazaretctl submit *.tif --source fax --expected-type referral -o name
  lazaretctl submit card.jpg --source partner --patient mrn=00123 \\
      --idempotency-key order-66")]
    Submit(Submit),
    /// Wait until documents rest; exit 75 when time runs out
    #[command(after_help = "Examples:
  lazaretctl wait --all --timeout 600
  lazaretctl wait $(lazaretctl submit letter.pdf --source partner)")]
    Wait(Wait),
    #[command(subcommand)]
    Doc(doc::Doc),
    /// Say who got what of a document, when and why (needs audit)
    #[command(after_help = "Example:
  lazaretctl accounting 01JD9Z6M8Q3V5X7Y9A1B2C3D4E -o json")]
    Accounting(doc::Id),
    #[command(subcommand)]
    Evidence(Evidence),
    #[command(subcommand)]
    Review(Review),
    #[command(subcommand)]
    Route(route::Route),
    /// Send a document to another route
    #[command(after_help = "Example:
  lazaretctl reroute 01JD9Z6M8Q3V5X7Y9A1B2C3D4E results --why wrong-department")]
    Reroute(route::Reroute),
    /// Stop a document with a hold, or keep a whole scope from destruction
    #[command(after_help = "Examples:
  lazaretctl hold 01JD9Z6M8Q3V5X7Y9A1B2C3D4E case-2026-17
  lazaretctl hold place case-2026-17 --source fax --why litigation
  lazaretctl hold list

A document with a hold of its own is neither delivered nor destroyed. A hold
with a scope keeps what is in it from destruction, also what comes later.")]
    Hold(Hold),
    /// Lift a hold of a document
    #[command(after_help = "Example:
  lazaretctl unhold 01JD9Z6M8Q3V5X7Y9A1B2C3D4E case-2026-17")]
    Unhold(Unhold),
    /// Let a document go on from quarantine
    #[command(after_help = "Example:
  lazaretctl release 01JD9Z6M8Q3V5X7Y9A1B2C3D4E")]
    Release(doc::Id),
    #[command(subcommand)]
    Retention(Retention),
    #[command(subcommand)]
    Deletion(Deletion),
    #[command(subcommand)]
    Ledger(Ledger),
    #[command(subcommand)]
    Audit(Audit),
    #[command(subcommand)]
    Store(Store),
    #[command(subcommand)]
    Backup(Backup),
    /// Make the state of an appliance out of a backup, offline
    #[command(after_help = "Examples:
  lazaretctl restore /mnt/backup --identity /media/safe-1/escrow.txt \\
      --settings /etc/lazaret/lazaret.toml
  lazaretctl restore /mnt/backup --identity escrow.txt --full \\
      --state /var/lib/lazaret --master-key-file /etc/lazaret/master.key")]
    Restore(Restore),
    #[command(subcommand)]
    Key(key::Key),
    /// Open an appliance that started sealed
    #[command(after_help = "Examples:
  lazaretctl unseal
  lazaretctl unseal < passphrase.txt
  lazaretctl unseal --key-file /media/usb/master.key")]
    Unseal(key::Unseal),
    #[command(subcommand)]
    Config(check::Config),
    #[command(subcommand)]
    Policy(check::Rules),
    /// Check that every file ever seen is accounted for; exit 6 if not
    #[command(after_help = "Examples:
  lazaretctl balance
  lazaretctl balance --day 2026-11-24 -o json")]
    Balance(Balance),
    /// Show the appliance at a glance
    #[command(after_help = "Example:
  lazaretctl status -o json | jq .counts")]
    Status,
    /// Check what the appliance claims; exit 6 when something is wrong
    #[command(after_help = "Example:
  lazaretctl doctor || echo look at it")]
    Doctor,
    /// Read policy, roles and certificates again; wrong ones change nothing
    #[command(after_help = "Example:
  lazaretctl policy check /etc/lazaret/policy && lazaretctl reload")]
    Reload,
    /// Make a private appliance in a folder of its own, offline
    #[command(after_help = "Example:
  lazaretctl init ~/lazaret --site home --port 17443 --settle-ms 500
  lazaretd --config ~/lazaret/lazaret.toml &
  lazaretctl --config ~/lazaret/ctl.toml status")]
    Init(setup::Init),
    #[command(subcommand)]
    Pki(setup::Pki),
    /// Drop a set of files into an inbox and say what their trip cost
    #[command(after_help = "Example:
  lazaretctl bench --set set/ --inbox /srv/lazaret/inbox/scanner -o json")]
    Bench(Bench),
    /// Print completions for a shell
    #[command(after_help = "Example:
  lazaretctl completions bash > /etc/bash_completion.d/lazaretctl")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use clap::CommandFactory as _;
    use unicode_width::UnicodeWidthStr as _;

    /// Every command without subcommands, with its full name.
    fn leaves(command: &clap::Command, path: &str, found: &mut Vec<(String, clap::Command)>) {
        let path = format!("{path} {}", command.get_name());
        let inner: Vec<_> = command.get_subcommands().filter(|inner| inner.get_name() != "help").collect();
        if inner.is_empty() {
            found.push((path, command.clone()));
        } else {
            inner.into_iter().for_each(|inner| leaves(inner, &path, found));
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_verb_has_an_example_and_help_that_fits_80_columns() {
        let mut command = Cli::command();
        command.build();
        let mut found = Vec::new();
        leaves(&command, "", &mut found);
        assert!(found.len() > 30, "{}", found.len());
        for (path, mut leaf) in found {
            let help = leaf.render_help().to_string();
            assert!(help.contains("Example"), "{path} has no example");
            let wide = help.lines().find(|line| line.width() > 80);
            assert_eq!(wide, None, "{path}");
        }
    }

    #[test]
    fn the_contract_parses() {
        for line in [
            "doc list -o json",
            "doc list --state review --source fax --limit 3",
            "doc words ID -o json",
            "doc get ID --rendition redacted -O out.pdf",
            "doc get ID --rendition text -O - --force",
            "wait --all --timeout 1800",
            "wait A B --timeout 5",
            "--config f doc show ID -o jsonl",
            "submit a b --source fax --patient mrn=1 --patient dob=2",
            "review reclassify ID lab-result",
            "reroute ID results --why wrong",
            "retention run --dry-run",
            "retention list --due",
            "retention list",
            "retention run A B",
            "retention run --clock-is-right",
            "hold A case-1",
            "unhold A case-1",
            "hold place case-1 --doc A B --source fax --class claim --sensitivity hiv --why law",
            "hold place case-1 --from 2026-01-01 --to 2026-01-31 --why law",
            "hold lift case-1",
            "hold list -o json",
            "deletion certificate A -O f",
            "deletion verify A",
            "deletion verify --control A",
            "deletion check f --pubkey k",
            "ledger verify --dir d",
            "audit verify --dir d --checkpoint c --pubkey k",
            "audit prove 01JD9Z6M8Q3V5X7Y9A1B2C3D4E -O proof.json",
            "audit checkpoint --qr",
            "balance --day 2026-11-24 -o json",
            "backup create d",
            "backup create d --full",
            "backup create d --keys-dir k -o json",
            "backup verify d --pubkey f",
            "restore d --identity i --settings f --full",
            "restore d --identity i --state s --master-key-file m",
            "key escrow -O f",
            "pki issue fax-1 --dir d --days 30",
            "key status -o json",
            "key rotate --master new.key",
            "unseal --key-file f",
            "bench --set s --inbox i",
            "bench store --dir d -o json",
            "bench vault --dir d --mib 64",
            "completions bash",
        ] {
            let words = std::iter::once("lazaretctl").chain(line.split(' '));
            assert!(Cli::try_parse_from(words).is_ok(), "{line}");
        }
        for line in [
            "wait",
            "bench",
            "bench --set s store",
            "wait A --all",
            "key rotate --master f --passphrase",
            "backup create",
            "restore d --identity i",
            "restore d --identity i --state s",
            "restore d --settings f",
            "reroute ID results",
            "hold A",
            "hold place case-1 --source fax",
            "hold place case-1 --from 31.1.2026 --why law",
            "submit --source fax",
            "doc list --state lost",
            "audit prove ID",
            "audit checkpoint --qr --png f",
            "review reclassify ID memo",
        ] {
            let words = std::iter::once("lazaretctl").chain(line.split(' '));
            let refused = Cli::try_parse_from(words).err().unwrap();
            assert_eq!(refused.exit_code(), 2, "{line}");
        }
    }
}
