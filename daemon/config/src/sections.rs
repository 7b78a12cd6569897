//! Every table but the sources: name, default, range and meaning of each key, once.

use crate::rule::{Location, Optional, Switch, file_name, number, required, word};
use std::{net::SocketAddr, path::PathBuf};
use types::Label;

/// How names are described to people.
pub(crate) const NAME: &str = "a name of 1 to 64 characters A-Z a-z 0-9 . _ -";

/// The table [site]; callers see its name as [`crate::Settings::site`].
pub(crate) struct Site {
    pub(crate) name: Label,
}

keys! { Site, "The site that this appliance serves." {
    name: Label = required(NAME, "general-hospital"),
        "Name of the site; it is part of every client identity (lazaret://SITE/client/NAME).";
}}

section! { "Where things lie on this machine.", Paths {
    state_dir: PathBuf = Location("/var/lib/lazaret"),
        "Ledger, index, sealed blobs and keystore.";
    outbox_dir: PathBuf = Location("/srv/lazaret/outbox"),
        "Folder that holds the folders of the routes.";
    worker: PathBuf = Location("/usr/libexec/lazaret/lazaret-worker"),
        "The program that opens documents, in its sandbox.";
    tessdata: PathBuf = Location("/usr/share/tesseract-ocr/5/tessdata"),
        "Folder of Tesseract's language data.";
}}

section! { "Where callers reach the appliance.", Listen {
    tcp: Option<SocketAddr> = Optional(word("an address and a port, for example 10.1.2.3:7443", "0.0.0.0:7443")),
        "Address for clients with a certificate; without it only the local socket is open.";
    socket: PathBuf = Location("/run/lazaret/ctl.sock"),
        "Unix socket for root on this machine.";
}}

section! { "Certificates for the address above.", Tls {
    certificate: PathBuf = Location("pki/server.crt"),
        "Certificate chain of the appliance, PEM.";
    key: PathBuf = Location("pki/server.key"),
        "Its private key, PEM.";
    client_ca: PathBuf = Location("pki/client-ca.crt"),
        "The authority whose clients are let in, PEM.";
    crl: Option<PathBuf> = Optional(Location("pki/client-ca.crl")),
        "Its revocation list, PEM; read again on reload.";
}}

section! { "Where the master key comes from: exactly one of the first three.", Keys {
    master_key_file: Option<PathBuf> = Optional(Location("master.key")),
        "A file of 32 bytes with mode 0400.";
    credential: Option<String> = Optional(file_name("the name of a systemd credential", "lazaret-master-key")),
        "A credential that systemd hands over (LoadCredentialEncrypted=).";
    passphrase: bool = Switch(false),
        "A person types it after each start: lazaretctl unseal. Until then files are taken in and none is read.";
    sealed_start: bool = Switch(false),
        "When the file or the credential is missing, start sealed instead of not at all.";
    allow_swap: bool = Switch(false),
        "Start although memory may be swapped to a disk in clear; audited at each start and shown in doctor.";
}}

section! { "Rules that decide about documents and callers.", PolicyFiles {
    dir: PathBuf = Location("policy"),
        "Folder of classes.toml, identifiers.toml, routes.toml and retention.toml.";
    roles: PathBuf = Location("roles.toml"),
        "Roles and the clients that have them; keep it owned by root.";
}}

section! { "How much is done at the same time.", Workers {
    documents: usize = number(4, 1..=64),
        "Documents under way.";
    processes: usize = number(2, 1..=64),
        "Worker processes at work; as many as there are cores.";
    warm: usize = number(1, 0..=16),
        "Workers of each role kept started, locked and unused.";
    tries_max: u32 = number(3, 1..=10),
        "Tries of one station before a document stops in quarantine, the first included.";
}}

section! { "Room on the disk.", Space {
    floor_bytes: u64 = number(2 << 30, 64 << 20..=1 << 50),
        "Free bytes below which nothing is taken in; files then wait in their inboxes.";
}}

section! { "Checkpoints of the ledger: signed, and carried away so that later changes show.", Audit {
    spool_dir: Option<PathBuf> = Optional(Location("/srv/lazaret/checkpoints")),
        "Folder that gets each checkpoint as a file; without it, the folder spool in paths.state-dir.";
    syslog: bool = Switch(true),
        "Send size, root and signature of each checkpoint to the machine's syslog.";
}}

section! { "Copies of the keystore that leave this machine.", Backup {
    keys_days: u32 = number(30, 0..=3650),
        "Days after which the last copy of an older keystore is destroyed; until then such a copy and a copy of the blobs could still open what was destroyed here, and certificates of destruction say so.";
}}

section! { "Confinement of workers. Seccomp can never be switched off.", SandboxSettings {
    allow_degraded: bool = Switch(false),
        "Start although the kernel lacks Landlock; audited at each start and shown in status.";
}}
