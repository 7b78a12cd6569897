//! Who is let in, decided on certificates and roles as they would be on disk.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::{
    identity::{Identity, IdentityError, Serial},
    revoked::Revoked,
    table::TABLE,
};
use policy::Roles;

const NOW: i64 = 1_000_000;
const OWN_UID: u32 = 990;

fn credentials(roles: &str) -> Credentials {
    Credentials {
        tls: None,
        revoked: Revoked::default(),
        roles: Roles::parse(roles).unwrap(),
        server_not_after: None,
    }
}

fn peer(name: &str) -> Peer {
    let serial = Serial::new(b"issuer", &[7]);
    Peer::Client(Arc::new(Identity { name: name.parse().unwrap(), serial, not_after: NOW + 1 }))
}

fn denial(peer: &Peer, credentials: &Credentials, now: i64) -> Denial {
    identify(peer, credentials, OWN_UID, now).unwrap_err().1
}

fn may(peer: &Peer, credentials: &Credentials, rpc: &str) -> bool {
    let (_, scopes) = identify(peer, credentials, OWN_UID, NOW).unwrap();
    judge(&format!("/lazaret.v1.{rpc}"), &scopes).is_ok()
}

#[test]
fn every_rpc_is_closed_to_every_scope_that_does_not_open_it() {
    // B30: "Authorise at upload, retrieval and reprocess"
    for entry in TABLE {
        assert_eq!(judge(entry.rpc, &BTreeSet::new()), Err(Denial::MissingScope), "{}", entry.rpc);
        for scope in Scope::ALL {
            let opens = entry.any_of.contains(&scope);
            assert_eq!(judge(entry.rpc, &BTreeSet::from([scope])).is_ok(), opens, "{scope} {}", entry.rpc);
        }
    }
    let everything = BTreeSet::from(Scope::ALL);
    for stray in [
        "/lazaret.v1.Documents/Nothing",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/",
        "",
    ] {
        assert_eq!(judge(stray, &everything), Err(Denial::NoSuchRpc), "{stray:?}");
    }
}

#[test]
fn a_client_may_do_what_its_roles_say_and_a_stranger_nothing() {
    // B12: "machine certificates and per-person certificates"
    let roles = credentials("[roles]\nsend = ['document:upload']\n[clients]\nfax = ['send']\n");
    assert!(may(&peer("fax"), &roles, "Documents/Submit"));
    assert!(!may(&peer("fax"), &roles, "Documents/GetOriginal"));
    assert!(!may(&peer("unlisted"), &roles, "Documents/Submit"));
    assert_eq!(denial(&Peer::Stranger(IdentityError::OtherSite), &roles, NOW).code(), "unknown-client");
}

#[test]
fn a_demotion_needs_no_new_certificate() {
    // B51: "role change after upload"
    let fax = peer("fax");
    let roles = "[roles]\nsend = ['document:upload']\nread = ['document:read:original']\n[clients]\nfax = ";
    assert!(may(&fax, &credentials(&format!("{roles}['send', 'read']\n")), "Documents/GetOriginal"));
    assert!(!may(&fax, &credentials(&format!("{roles}['send']\n")), "Documents/GetOriginal"));
}

#[test]
fn an_open_connection_does_not_outlive_its_certificate() {
    let roles = credentials("[clients]\n");
    assert!(identify(&peer("fax"), &roles, OWN_UID, NOW).is_ok());
    assert_eq!(denial(&peer("fax"), &roles, NOW + 2), Denial::Expired);
    let mut late = credentials("[clients]\n");
    late.revoked.next_update = Some(NOW - 1);
    assert_eq!(denial(&peer("fax"), &late, NOW), Denial::ListExpired);
}

#[test]
fn the_local_socket_gives_root_admin_and_no_content() {
    let none = credentials("[clients]\n");
    for uid in [0, OWN_UID] {
        let root = Peer::Local { uid, pid: 1 };
        assert!(may(&root, &none, "Appliance/Reload"));
        for content in ["Words", "GetText", "GetOriginal", "GetRedacted"] {
            assert!(!may(&root, &none, &format!("Documents/{content}")), "{content}");
        }
        assert!(!may(&root, &none, "Ledger/Verify"));
    }
    let (actor, denial) = identify(&Peer::Local { uid: 1000, pid: 5 }, &none, OWN_UID, NOW).unwrap_err();
    assert_eq!(denial, Denial::NotRoot);
    // B13: "Each request attributable to a principal"
    assert_eq!(actor, Actor::Local { uid: 1000, pid: 5 });
}

#[test]
fn denials_say_who_you_are_or_what_you_may_and_reach_the_ledger_under_a_name() {
    // B50: "gRPC UNAUTHENTICATED, PERMISSION_DENIED, INVALID_ARGUMENT, RESOURCE_EXHAUSTED"
    assert_eq!(Denial::Revoked.status().code(), tonic::Code::Unauthenticated);
    assert_eq!(Denial::MissingScope.status().code(), tonic::Code::PermissionDenied);
    let all = [
        Denial::Stranger(IdentityError::NotOneUri),
        Denial::Revoked,
        Denial::Expired,
        Denial::ListExpired,
        Denial::NotRoot,
        Denial::NoSuchRpc,
        Denial::MissingScope,
    ];
    for denial in all {
        assert_eq!(label(denial.code()).as_str(), denial.code());
        assert!(denial.status().metadata().contains_key(api::KIND_KEY));
    }
    for entry in TABLE {
        assert!(rpc_label(entry.rpc).as_str().contains('.'), "{}", entry.rpc);
    }
    for code in [
        "handshake",
        "unknown",
        "no-certificate",
        "certificate-revoked",
        "certificate-expired",
        "revocation-list-expired",
        "wrong-certificate",
        "wrong-tls-version",
        "handshake-failed",
    ] {
        assert_eq!(label(code).as_str(), code);
    }
}
