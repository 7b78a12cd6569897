//! `lazaretctl init`: everything a private appliance needs, in one folder, ready to start.

use super::{
    authority::Authority,
    files,
    pki::{client_file, hand_out},
};
use crate::fail::{Exit, Failure, Outcome};
use clap::Args;
use policy::{Policy, Roles};
use std::{
    env, fs,
    path::{Path, PathBuf},
    thread,
};
use types::{Label, Scope};

/// Longest path of a Unix socket on Linux, bytes.
const SOCKET_PATH_BYTES_MAX: usize = 107;
/// Validity of the certificates of a private appliance.
const LEAF_DAYS: u64 = 365;
/// Bytes of the master key.
const MASTER_KEY_BYTES: usize = 32;
/// Doors of a new appliance.
const SOURCES: [&str; 3] = ["fax", "scanner", "partner"];

/// Clients of a new appliance; `roles()` says what they may.
const CLIENTS: [&str; 3] = ["admin", "gateway", "clerk"];

/// Where and how.
#[derive(Args)]
pub(crate) struct Init {
    /// Folder to make; it must be empty or absent
    dir: PathBuf,
    /// Name of the site
    #[arg(long, value_name = "SITE", default_value = "private")]
    site: Label,
    /// TCP port on this machine
    #[arg(long, value_name = "N", default_value_t = 7443, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// Program that opens documents [default: lazaret-worker next to this program]
    #[arg(long, value_name = "PATH")]
    worker: Option<PathBuf>,
    /// Folder of Tesseract's language data
    #[arg(long, value_name = "DIR", default_value = "/usr/share/tesseract-ocr/5/tessdata")]
    tessdata: PathBuf,
    /// Milliseconds a file must stay unchanged before it is taken
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(0..=120_000))]
    settle_ms: u64,
}

/// Makes it.
pub(crate) fn run(what: &Init) -> Outcome {
    let dir = std::path::absolute(&what.dir).map_err(|error| Failure::file(&what.dir, &error))?;
    let socket = dir.join("run/ctl.sock");
    if socket.as_os_str().len() > SOCKET_PATH_BYTES_MAX {
        return Err(Failure::new(
            Exit::Usage,
            format!("{} is too long a path for a socket; choose a shorter DIR", socket.display()),
        ));
    }
    refuse_used(&dir)?;
    for folder in ["", "policy", "state", "run", "clients"] {
        files::folder(&dir.join(folder))?;
    }
    for source in SOURCES {
        files::folder(&dir.join("inbox").join(source))?;
    }
    rules(&dir)?;
    files::new_file(&dir.join("master.key"), &master_key()?, 0o400)?;
    certificates(&dir, what)?;
    files::new_file(&dir.join("lazaret.toml"), configuration(what)?.as_bytes(), 0o600)?;
    eprintln!("lazaretctl: made {}; keep a copy of master.key off this machine", dir.display());
    eprintln!("start:  lazaretd --config {}", dir.join("lazaret.toml").display());
    eprintln!("talk:   lazaretctl --config {} status", dir.join("ctl.toml").display());
    Ok(())
}

fn refuse_used(dir: &Path) -> Outcome {
    match fs::read_dir(dir).map(Iterator::count) {
        Ok(0) => Ok(()),
        Ok(_) => Err(Failure::new(
            Exit::Conflict,
            format!("{} is not empty; choose another folder", dir.display()),
        )),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Failure::file(dir, &error)),
    }
}

/// The shipped rules, the folders of their routes, and three clients.
fn rules(dir: &Path) -> Outcome {
    let texts = Policy::shipped_texts();
    let files = [
        ("classes", texts.classes),
        ("identifiers", texts.identifiers),
        ("routes", texts.routes),
        ("retention", texts.retention),
    ];
    for (name, text) in files {
        files::new_file(&dir.join("policy").join(format!("{name}.toml")), text.as_bytes(), 0o600)?;
    }
    let broken = |_| Failure::new(Exit::Failure, "the shipped policy is broken");
    for route in Policy::parse(&texts).map_err(broken)?.routes() {
        files::folder(&dir.join("outbox").join(&route.folder))?;
    }
    files::new_file(&dir.join("roles.toml"), roles().as_bytes(), 0o600)
}

fn roles() -> String {
    let scopes: Vec<String> = Scope::ALL.iter().map(|scope| format!("\"{scope}\"")).collect();
    let clients = format!(
        "# The owner of a private appliance.\n\
         everything = [{}]\n\
         # Sends documents and sees nothing of them.\n\
         gateway = [\"document:upload\"]\n\n\
         [clients]\n\
         admin = [\"everything\"]\n\
         gateway = [\"gateway\"]\n\
         clerk = [\"reviewer\"]",
        scopes.join(", ")
    );
    Roles::shipped_text().replace("[clients]", &clients)
}

fn certificates(dir: &Path, what: &Init) -> Outcome {
    let pki = dir.join("pki");
    let mut authority = Authority::create(&pki, &what.site)?;
    let server = authority.issue_server(LEAF_DAYS)?;
    files::new_file(&pki.join("server.key"), server.key.as_bytes(), 0o600)?;
    files::new_file(&pki.join("server.crt"), server.certificate.as_bytes(), 0o600)?;
    let endpoint = format!("https://127.0.0.1:{}", what.port);
    for name in CLIENTS {
        hand_out(&mut authority, dir, &label(name)?, LEAF_DAYS, &endpoint)?;
    }
    let text = client_file(&endpoint, &what.site, &label("admin")?, "clients/");
    files::new_file(&dir.join("ctl.toml"), text.as_bytes(), 0o600)
}

fn label(name: &str) -> Outcome<Label> {
    name.parse().map_err(|error| Failure::new(Exit::Failure, format!("{name}: {error}")))
}

fn master_key() -> Outcome<[u8; MASTER_KEY_BYTES]> {
    let mut key = [0; MASTER_KEY_BYTES];
    aws_lc_rs::rand::fill(&mut key)
        .map_err(|_| Failure::new(Exit::Failure, "the system gives no random bytes"))?;
    Ok(key)
}

fn configuration(what: &Init) -> Outcome<String> {
    let worker = match &what.worker {
        Some(worker) => std::path::absolute(worker).map_err(|error| Failure::file(worker, &error))?,
        None => env::current_exe()
            .map_err(|error| Failure::new(Exit::Failure, format!("where is this program? {error}")))?
            .with_file_name("lazaret-worker"),
    };
    let tessdata =
        std::path::absolute(&what.tessdata).map_err(|error| Failure::file(&what.tessdata, &error))?;
    let cores = thread::available_parallelism().map_or(2, usize::from);
    let mut text = format!(
        "# A private appliance. Every key: lazaretctl config example. Check: lazaretctl config check FILE\n\
         [site]\nname = {site}\n\n\
         [paths]\nstate-dir = \"state\"\noutbox-dir = \"outbox\"\nworker = {worker}\ntessdata = {tessdata}\n\n\
         [listen]\ntcp = \"127.0.0.1:{port}\"\nsocket = \"run/ctl.sock\"\n\n\
         [tls]\ncertificate = \"pki/server.crt\"\nkey = \"pki/server.key\"\nclient-ca = \"pki/ca.crt\"\ncrl = \"pki/ca.crl\"\n\n\
         [keys]\nmaster-key-file = \"master.key\"\n\n\
         [policy]\ndir = \"policy\"\nroles = \"roles.toml\"\n\n\
         [workers]\nprocesses = {cores}\n",
        site = quoted(what.site.as_str()),
        worker = quoted(&worker.to_string_lossy()),
        tessdata = quoted(&tessdata.to_string_lossy()),
        port = what.port,
        cores = cores.min(64),
    );
    for source in SOURCES {
        text += &format!(
            "\n[[source]]\nname = \"{source}\"\nfolder = \"inbox/{source}\"\nsettle-ms = {}\n",
            what.settle_ms
        );
    }
    Ok(text)
}

/// A TOML string.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
