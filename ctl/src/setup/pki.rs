//! `lazaretctl pki …`: certificates for clients.

use super::{authority::Authority, files};
use crate::fail::{Exit, Failure, Outcome};
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};
use types::Label;

/// Issue and revoke client certificates, offline.
#[derive(Subcommand)]
pub(crate) enum Pki {
    /// Issue a certificate: DIR/clients/NAME.toml, NAME.crt, NAME.key and ca.crt
    /// are all that the client needs
    #[command(after_help = "Example:
  lazaretctl pki issue fax-gateway --dir /srv/lazaret --days 90
Then give the client its roles in roles.toml and run: lazaretctl reload")]
    Issue {
        /// Name of the client
        name: Label,
        #[command(flatten)]
        place: Place,
        /// Days until it runs out
        #[arg(long, value_name = "N", default_value_t = 90, value_parser = clap::value_parser!(u64).range(1..=3650))]
        days: u64,
    },
    /// Revoke every certificate of a client and sign a new revocation list
    #[command(after_help = "Example:
  lazaretctl pki revoke fax-gateway --dir /srv/lazaret && lazaretctl reload")]
    Revoke {
        /// Name of the client
        name: Label,
        #[command(flatten)]
        place: Place,
    },
    /// Sign the revocation list again before it runs out
    #[command(after_help = "Example:
  lazaretctl pki refresh --dir /srv/lazaret && lazaretctl reload")]
    Refresh {
        #[command(flatten)]
        place: Place,
    },
}

/// Where the authority is.
#[derive(Args)]
pub(crate) struct Place {
    /// Folder of the appliance, as made by init
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
}

/// Runs one of them.
pub(crate) fn run(pki: &Pki) -> Outcome {
    match pki {
        Pki::Issue { name, place, days } => {
            let mut authority = Authority::open(&place.dir.join("pki"))?;
            let endpoint = endpoint(&place.dir)?;
            let folder = hand_out(&mut authority, &place.dir, name, *days, &endpoint)?;
            eprintln!(
                "lazaretctl: {} holds the certificate; give {name} its roles in roles.toml",
                folder.display()
            );
            Ok(())
        }
        Pki::Revoke { name, place } => match Authority::open(&place.dir.join("pki"))?.revoke(name)? {
            0 => Err(Failure::new(Exit::NotFound, format!("{name} has no valid certificate"))),
            n => {
                eprintln!("lazaretctl: {n} revoked; in force after lazaretctl reload");
                Ok(())
            }
        },
        Pki::Refresh { place } => Authority::open(&place.dir.join("pki"))?.publish(),
    }
}

/// Issues a certificate and writes all that a client needs: `DIR/clients/NAME.{toml,crt,key}` and `ca.crt`.
pub(super) fn hand_out(
    authority: &mut Authority,
    dir: &Path,
    name: &Label,
    days: u64,
    endpoint: &str,
) -> Outcome<PathBuf> {
    let folder = dir.join("clients");
    let pair = authority.issue_client(name, days)?;
    let file = |ending: &str| folder.join(format!("{name}.{ending}"));
    files::replace(&file("key"), pair.key.as_bytes(), 0o600)?;
    files::replace(&file("crt"), pair.certificate.as_bytes(), 0o600)?;
    files::replace(&folder.join("ca.crt"), authority.certificate()?.as_bytes(), 0o600)?;
    let text = client_file(endpoint, authority.site(), name, "");
    files::replace(&file("toml"), text.as_bytes(), 0o600)?;
    Ok(file("toml"))
}

/// The client's configuration, with its other files in `folder`.
pub(super) fn client_file(endpoint: &str, site: &Label, name: &Label, folder: &str) -> String {
    format!(
        "# How {name} reaches the appliance of {site} with lazaretctl --config.\n\
         endpoint = \"{endpoint}\"\n\
         certificate = \"{folder}{name}.crt\"\n\
         key = \"{folder}{name}.key\"\n\
         ca = \"{folder}ca.crt\"\n"
    )
}

/// Where the appliance of this folder listens.
fn endpoint(dir: &Path) -> Outcome<String> {
    let settings = config::load(&dir.join("lazaret.toml")).map_err(|errors| {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        Failure::new(Exit::InvalidConfiguration, errors.join("\n"))
    })?;
    let none = || {
        Failure::new(Exit::InvalidConfiguration, "listen.tcp is not set, so a certificate would be of no use")
    };
    Ok(format!("https://{}", settings.listen.tcp.ok_or_else(none)?))
}
