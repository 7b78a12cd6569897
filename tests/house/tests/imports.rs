//! Who may use whom: the edges of docs/architecture.md, read from the manifests; and what the two
//! binaries link, read from Cargo's own resolution.

use house::{Package, closure, none_of, packages};
use std::collections::BTreeMap;

/// Rooms, and the rooms that each may use. Test crates may use anything; nothing may use them.
const MAY_USE: &[(&str, &[&str])] = &[
    ("types", &[]),
    ("lifecycle", &["types"]),
    ("wire", &["types"]),
    ("policy", &["types"]),
    ("config", &["types"]),
    ("sandbox", &["types", "wire"]),
    ("vault", &["types"]),
    ("ledger", &["types", "lifecycle"]),
    ("store", &["types", "lifecycle", "ledger"]),
    ("inbox", &["types", "sandbox"]),
    ("outbox", &["types"]),
    ("api", &["types"]),
    ("worker", &["types", "wire", "sandbox"]),
    (
        "pipeline",
        &[
            "types",
            "lifecycle",
            "policy",
            "wire",
            "sandbox",
            "vault",
            "ledger",
            "store",
            "inbox",
            "outbox",
            "config",
        ],
    ),
    ("serve", &["types", "api", "pipeline", "policy", "config", "lifecycle", "store", "ledger"]),
    (
        "daemon",
        &[
            "types",
            "config",
            "lifecycle",
            "wire",
            "sandbox",
            "vault",
            "ledger",
            "store",
            "inbox",
            "outbox",
            "api",
            "pipeline",
            "serve",
            "policy",
        ],
    ),
    ("ctl", &["types", "api", "config", "policy", "ledger", "lifecycle"]),
];

/// Outside crates that only these rooms may name, and why the rest must not.
const ONLY_IN: &[(&str, &[&str], &str)] = &[
    ("tokio", &["pipeline", "serve", "outbox", "inbox", "daemon", "ctl"], "the rest is plain blocking code"),
    ("tonic", &["api", "serve", "ctl"], "gRPC ends at the roof"),
    ("rustls", &["serve", "ctl"], "TLS ends at the roof"),
    ("tokio-rustls", &["serve", "ctl"], "TLS ends at the roof"),
    ("sled", &["store"], "the store is the only door to it"),
    ("rusqlite", &["ctl"], "only a bench compares with it; released builds do not link it"),
    ("libc", &["sandbox"], "system calls are made in one room"),
    ("landlock", &["sandbox"], "confinement is one room"),
    ("seccompiler", &["sandbox"], "confinement is one room"),
    (
        "nix",
        &["sandbox", "inbox", "outbox", "vault", "ledger", "daemon", "ctl"],
        "system calls are made in few rooms",
    ),
    ("notify", &["inbox"], "the inbox watches"),
    ("argon2", &["vault"], "cryptography has few doors"),
    ("aws-lc-rs", &["vault", "ledger", "store", "ctl"], "cryptography has few doors"),
    ("systemd", &["daemon"], "the service manager is the daemon's matter"),
    ("rcgen", &["ctl"], "certificates are made offline"),
    ("qrcode", &["ctl"], "checkpoints are drawn offline"),
];

/// Crates that parse documents, decode images or read text: hostile bytes belong in the worker alone.
const PARSERS: &[&str] = &[
    "lopdf",
    "image",
    "tiff",
    "png",
    "zune-jpeg",
    "jpeg-decoder",
    "jpeg-encoder",
    "fax",
    "leptess",
    "leptonica-sys",
    "leptonica-plumbing",
    "tesseract-sys",
    "tesseract-plumbing",
];
/// What draws a QR code of our own making into a file; it reads nothing, and the daemon does not link it.
const MAY_WRITE: &[(&str, &str)] = &[("ctl", "png")];
const PARSER_FAMILIES: &[&str] = &["hayro", "leptonica", "tesseract"];

/// What must not be near hostile bytes.
const KEPT_FROM_WORKER: &[&str] = &[
    "tokio",
    "sled",
    "rustls",
    "tokio-rustls",
    "tonic",
    "hyper",
    "aws-lc-rs",
    "vault",
    "ledger",
    "store",
    "notify",
];

fn is_parser(name: &str) -> bool {
    PARSERS.contains(&name) || PARSER_FAMILIES.iter().any(|family| name.starts_with(family))
}

fn rooms() -> Vec<Package> {
    packages().into_iter().filter(|package| !package.folder.starts_with("tests/")).collect()
}

#[test]
fn rooms_use_only_what_the_plan_allows() {
    let allowed: BTreeMap<_, _> = MAY_USE.iter().copied().collect();
    let ours: Vec<String> = packages().into_iter().map(|package| package.name).collect();
    let mut breaches = Vec::new();
    for room in rooms() {
        let Some(may) = allowed.get(room.name.as_str()) else {
            breaches
                .push(format!("{} is not in the plan; add it to docs/architecture.md and here", room.name));
            continue;
        };
        let uses = room.uses.iter().filter(|name| ours.contains(name) && !may.contains(&name.as_str()));
        breaches
            .extend(uses.map(|name| format!("{} may not use {name}, see docs/architecture.md", room.name)));
    }
    none_of(breaches);
}

#[test]
fn outside_crates_stay_in_their_rooms() {
    let mut breaches = Vec::new();
    for room in rooms() {
        for (name, places, why) in ONLY_IN {
            if room.uses.contains(*name) && !places.contains(&room.name.as_str()) {
                breaches.push(format!("{} may not use {name} ({why}), see docs/architecture.md", room.name));
            }
        }
        let may_write = |name: &str| MAY_WRITE.contains(&(room.name.as_str(), name));
        let parsers = room.uses.iter().filter(|name| is_parser(name) && !may_write(name));
        for name in parsers.filter(|_| room.name != "worker") {
            breaches.push(format!(
                "{} may not use {name} (parsers live in the worker), see docs/architecture.md",
                room.name
            ));
        }
    }
    none_of(breaches);
}

// "The daemon links no parser."
#[test]
fn the_daemon_links_no_parser_and_no_reader() {
    let linked = closure("daemon").into_iter().filter(|name| is_parser(name) || name == "worker");
    none_of(
        linked.map(|name| format!("lazaretd links {name}; see `cargo tree -p daemon -i {name}`")).collect(),
    );
}

// "The worker links no tokio, sled, rustls, tonic", and nothing that holds keys.
#[test]
fn the_worker_links_neither_network_nor_keys() {
    let linked = closure("worker").into_iter().filter(|name| KEPT_FROM_WORKER.contains(&name.as_str()));
    none_of(
        linked
            .map(|name| format!("lazaret-worker links {name}; see `cargo tree -p worker -i {name}`"))
            .collect(),
    );
}

#[test]
fn pure_rooms_link_no_way_to_the_world() {
    let mut breaches = Vec::new();
    for room in ["types", "lifecycle", "wire", "policy"] {
        let linked = closure(room);
        for name in ["tokio", "sled", "nix", "libc", "aws-lc-rs", "notify"] {
            if linked.contains(name) {
                breaches.push(format!("{room} links {name}, but decides only; see docs/architecture.md"));
            }
        }
    }
    none_of(breaches);
}
