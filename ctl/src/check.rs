//! `lazaretctl config check` and `policy check`: the same code as in the daemon, without a daemon.

use crate::{
    fail::{Exit, Failure, Outcome},
    output,
};
use clap::Subcommand;
use policy::{Policy, PolicyTexts, Roles};
use std::{
    fmt::Display,
    fs,
    path::{Path, PathBuf},
};

/// Check the configuration without a daemon.
#[derive(Subcommand)]
pub(crate) enum Config {
    /// Check a configuration file and the policy and roles it names; exit 9 with every error
    #[command(after_help = "Example:
  lazaretctl config check /etc/lazaret/lazaret.toml")]
    Check {
        /// The file
        file: PathBuf,
    },
    /// Print a commented configuration file with every key and its default
    #[command(after_help = "Example:
  lazaretctl config example > lazaret.toml")]
    Example,
}

/// Check rules without a daemon.
#[derive(Subcommand)]
pub(crate) enum Rules {
    /// Check classes, identifiers, routes and retention; exit 9 with every error
    #[command(after_help = "Example:
  lazaretctl policy check /etc/lazaret/policy")]
    Check {
        /// The folder of the four files
        dir: PathBuf,
    },
}

/// Runs one of them.
pub(crate) fn config(verb: &Config) -> Outcome {
    match verb {
        Config::Example => output::print(&config::example()),
        Config::Check { file } => match config::load(file) {
            Err(errors) => report(&errors),
            Ok(settings) => {
                let mut errors = policy_errors(&settings.policy.dir);
                errors.extend(roles_errors(&settings.policy.roles));
                report(&errors)
            }
        },
    }
}

/// Runs the check.
pub(crate) fn policy(verb: &Rules) -> Outcome {
    let Rules::Check { dir } = verb;
    report(&policy_errors(dir))
}

/// Every error on a line of its own; they are the data here, so they go to stdout.
fn report(errors: &[impl Display]) -> Outcome {
    for error in errors {
        output::print(&format!("{}\n", output::plain(&error.to_string())))?;
    }
    match errors.len() {
        0 => Ok(()),
        n => Err(Failure::new(
            Exit::InvalidConfiguration,
            format!("{n} error{}", if n == 1 { "" } else { "s" }),
        )),
    }
}

fn policy_errors(dir: &Path) -> Vec<String> {
    let read = |name: &str| {
        fs::read_to_string(dir.join(name)).map_err(|error| format!("{}: {error}", dir.join(name).display()))
    };
    let files = ["classes.toml", "identifiers.toml", "routes.toml", "retention.toml"].map(read);
    let [Ok(classes), Ok(identifiers), Ok(routes), Ok(retention)] = &files else {
        return files.into_iter().filter_map(Result::err).collect();
    };
    match Policy::parse(&PolicyTexts { classes, identifiers, routes, retention }) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.iter().map(|error| format!("{}/{error}", dir.display())).collect(),
    }
}

fn roles_errors(file: &Path) -> Vec<String> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => return vec![format!("{}: {error}", file.display())],
    };
    match Roles::parse(&text) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.iter().map(|error| format!("{}: {error}", file.display())).collect(),
    }
}
