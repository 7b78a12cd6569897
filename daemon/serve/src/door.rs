//! Decides, for every RPC, who is calling and whether that caller may. Denials reach the ledger.

use crate::{
    ServeError,
    clock::unix_seconds,
    connection::Peer,
    credentials::{Credentials, Sources},
    listen::own_uid,
    table,
};
use api::Kind;
use arc_swap::{ArcSwap, Guard};
use lifecycle::Actor;
use pipeline::{Appliance, Caller, Refused, SealedAppliance};
use std::{
    collections::BTreeSet,
    io,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::sleep,
};
use types::{Label, Scope};

/// Denials written at once, and for how long each keeps its turn: a caller that hammers on a closed door
/// waits for its own audit records, and cannot fill the disk with them.
const DENIALS_MAX: usize = 4;
const DENIAL_PAUSE: Duration = Duration::from_millis(100);

/// Anybody can fail a handshake, so at most one in this time goes into the ledger; all are logged.
const STRANGER_PAUSE: Duration = Duration::from_secs(10);

/// What the daemon needs to know about callers.
pub(crate) struct Door {
    site: Label,
    own_uid: u32,
    sources: Sources,
    current: ArcSwap<Credentials>,
    /// Set once the appliance is open.
    appliance: OnceLock<Appliance>,
    /// What answers until then.
    sealed: Option<SealedAppliance>,
    denials: Arc<Semaphore>,
    strangers: Arc<Semaphore>,
}

/// What lies behind the door when it opens.
pub enum Inside {
    /// The appliance.
    Open(Appliance),
    /// One without its keys, until [`crate::ServeHandle::opened`].
    Sealed(SealedAppliance),
}

/// Why a caller is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Denial {
    /// No usable identity.
    #[error("{0}")]
    Stranger(#[from] crate::identity::IdentityError),
    /// The certificate is in the revocation list.
    #[error("the client certificate was revoked; ask for a new one")]
    Revoked,
    /// The certificate ran out while the connection was open.
    #[error("the client certificate is out of date; ask for a new one")]
    Expired,
    /// Nobody knows what is revoked.
    #[error(
        "the revocation list is out of date; renew it with lazaretctl pki refresh, then lazaretctl reload"
    )]
    ListExpired,
    /// The user on the local socket is neither root nor the daemon.
    #[error("the local socket serves root only; use a client certificate")]
    NotRoot,
    /// No such RPC.
    #[error("this version has no such call")]
    NoSuchRpc,
    /// Known, but not allowed.
    #[error("this client's roles do not allow the call; roles are in the roles file of the appliance")]
    MissingScope,
}

impl Denial {
    /// The code in the ledger and in metadata.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Stranger(_) => "unknown-client",
            Self::Revoked => "certificate-revoked",
            Self::Expired => "certificate-expired",
            Self::ListExpired => "revocation-list-expired",
            Self::NotRoot => "not-root",
            Self::NoSuchRpc => "no-such-rpc",
            Self::MissingScope => "missing-scope",
        }
    }

    /// B50: `UNAUTHENTICATED` for who you are, `PERMISSION_DENIED` for what you may.
    pub(crate) fn status(self) -> tonic::Status {
        let code = match self {
            Self::NoSuchRpc => tonic::Code::Unimplemented,
            Self::MissingScope | Self::NotRoot => tonic::Code::PermissionDenied,
            Self::Stranger(_) | Self::Revoked | Self::Expired | Self::ListExpired => {
                tonic::Code::Unauthenticated
            }
        };
        crate::answer::refusal(code, Kind::Denied, Some(self.code()), &self.to_string())
    }
}

impl Door {
    pub(crate) fn open(settings: &config::Settings, inside: Inside) -> Result<Self, ServeError> {
        let sources = Sources {
            tls: settings.listen.tcp.map(|_| settings.tls.clone()),
            roles: settings.policy.roles.clone(),
        };
        let current = ArcSwap::from_pointee(Credentials::load(&sources)?);
        let site = settings.site.clone();
        let denials = Arc::new(Semaphore::new(DENIALS_MAX));
        let strangers = Arc::new(Semaphore::new(1));
        let (appliance, sealed) = match inside {
            Inside::Open(appliance) => (OnceLock::from(appliance), None),
            Inside::Sealed(sealed) => (OnceLock::new(), Some(sealed)),
        };
        Ok(Self { site, own_uid: own_uid(), sources, current, appliance, sealed, denials, strangers })
    }

    pub(crate) fn site(&self) -> &Label {
        &self.site
    }

    pub(crate) fn appliance(&self) -> &Appliance {
        self.appliance.get().expect("the gate lets nothing in that is not answered while sealed")
    }

    /// What answers while the appliance is sealed; none once it is open.
    pub(crate) fn sealed(&self) -> Option<&SealedAppliance> {
        if self.appliance.get().is_some() { None } else { self.sealed.as_ref() }
    }

    /// The appliance was opened: from now on it answers.
    pub(crate) fn opened(&self, appliance: Appliance) {
        if self.appliance.set(appliance).is_err() {
            tracing::error!("the appliance was opened twice");
        }
    }

    pub(crate) fn credentials(&self) -> Guard<Arc<Credentials>> {
        self.current.load()
    }

    /// Reads certificates, list and roles again, then lets the pipeline read its policy. When anything is
    /// wrong, everything stays as it was; either way the ledger says so.
    pub(crate) async fn reload(&self, caller: &Caller) -> Result<(), ServeError> {
        let sources = self.sources.clone();
        let fresh = tokio::task::spawn_blocking(move || Credentials::load(&sources)).await;
        match fresh.map_err(|_| ServeError::Stopped)? {
            Ok(fresh) => {
                if self.sealed().is_none() {
                    self.appliance().reload(caller).await.map_err(ServeError::Pipeline)?;
                }
                self.current.store(Arc::new(fresh));
                Ok(())
            }
            Err(wrong) => {
                let (rpc, why) = (label("Appliance.Reload"), label("wrong-credentials"));
                self.audit_denied(rpc, why, caller.actor.clone()).await.map_err(ServeError::Pipeline)?;
                Err(wrong)
            }
        }
    }

    /// Who is calling, if that caller may call this.
    pub(crate) fn admit(&self, path: &str, peer: &Peer) -> Result<Caller, (Actor, Denial)> {
        let credentials = self.credentials();
        let (actor, scopes) = identify(peer, &credentials, self.own_uid, unix_seconds())?;
        match judge(path, &scopes) {
            Ok(()) => Ok(Caller { actor }),
            Err(denial) => Err((actor, denial)),
        }
    }

    /// Writes a denial into the ledger.
    pub(crate) async fn denied(&self, path: &str, actor: Actor, denial: Denial) {
        let Ok(turn) = self.denials.clone().acquire_owned().await else { return };
        // A path that is no RPC is the caller's own text and stays out of the ledger.
        let rpc = if table::scopes_for(path).is_some() { rpc_label(path) } else { label("unknown") };
        self.write_denial(rpc, denial.code(), actor).await;
        keep(turn, DENIAL_PAUSE);
    }

    /// A client could not prove who it is. A port scan is not worth a record.
    pub(crate) async fn handshake_failed(&self, error: &io::Error) {
        let Some(why) = handshake_code(error) else {
            return tracing::debug!(%error, "a connection ended before its handshake");
        };
        match self.strangers.clone().try_acquire_owned() {
            Ok(turn) => {
                self.write_denial(label("handshake"), why, Actor::Daemon).await;
                keep(turn, STRANGER_PAUSE);
            }
            Err(_) => tracing::warn!(why, "TLS handshake failed; one of many, not in the ledger"),
        }
    }

    async fn write_denial(&self, rpc: Label, why: &'static str, actor: Actor) {
        tracing::warn!(rpc = rpc.as_str(), why, "call denied");
        if let Err(error) = self.audit_denied(rpc, label(why), actor).await {
            tracing::error!(%error, "a denial could not be written to the ledger");
        }
    }

    async fn audit_denied(&self, rpc: Label, why: Label, actor: Actor) -> Result<(), Refused> {
        match self.sealed() {
            Some(sealed) => sealed.audit_denied(rpc, why, actor).await,
            None => self.appliance().audit_denied(rpc, why, actor).await,
        }
    }
}

/// Gives a turn back after a while.
fn keep(turn: OwnedSemaphorePermit, pause: Duration) {
    tokio::spawn(async move {
        sleep(pause).await;
        drop(turn);
    });
}

/// The caller's name and scopes.
fn identify(
    peer: &Peer,
    credentials: &Credentials,
    own_uid: u32,
    now: i64,
) -> Result<(Actor, BTreeSet<Scope>), (Actor, Denial)> {
    match peer {
        Peer::Stranger(error) => Err((Actor::Daemon, Denial::Stranger(*error))),
        Peer::Local { uid, pid } => {
            let actor = Actor::Local { uid: *uid, pid: *pid };
            if *uid == 0 || *uid == own_uid {
                Ok((actor, BTreeSet::from([Scope::Admin])))
            } else {
                Err((actor, Denial::NotRoot))
            }
        }
        Peer::Client(identity) => {
            let actor = Actor::Client(identity.name.clone());
            if credentials.revoked.contains(&identity.serial) {
                return Err((actor, Denial::Revoked));
            }
            if identity.not_after < now {
                return Err((actor, Denial::Expired));
            }
            if credentials.revoked.next_update.is_some_and(|until| until < now) {
                return Err((actor, Denial::ListExpired));
            }
            Ok((actor, credentials.roles.scopes_of(&identity.name)))
        }
    }
}

/// Deny by default: an unknown path, or none of the scopes that the table asks for.
fn judge(path: &str, scopes: &BTreeSet<Scope>) -> Result<(), Denial> {
    let any_of = table::scopes_for(path).ok_or(Denial::NoSuchRpc)?;
    if any_of.iter().any(|scope| scopes.contains(scope)) { Ok(()) } else { Err(Denial::MissingScope) }
}

/// `/lazaret.v1.Documents/Get` becomes `Documents.Get`.
fn rpc_label(path: &str) -> Label {
    label(&path.trim_start_matches("/lazaret.v1.").replace('/', "."))
}

fn label(text: &str) -> Label {
    text.parse().expect("codes and RPC names of this crate are labels; a test holds them to it")
}

/// What was wrong with the client; none when it only went away.
fn handshake_code(error: &io::Error) -> Option<&'static str> {
    use rustls::{CertificateError as Certificate, Error};
    let error = error.get_ref()?.downcast_ref::<Error>()?;
    Some(match error {
        Error::NoCertificatesPresented => "no-certificate",
        Error::InvalidCertificate(Certificate::Revoked) => "certificate-revoked",
        Error::InvalidCertificate(Certificate::Expired | Certificate::ExpiredContext { .. }) => {
            "certificate-expired"
        }
        Error::InvalidCertificate(
            Certificate::ExpiredRevocationList | Certificate::ExpiredRevocationListContext { .. },
        ) => "revocation-list-expired",
        Error::InvalidCertificate(_) => "wrong-certificate",
        Error::PeerIncompatible(_) => "wrong-tls-version",
        _ => "handshake-failed",
    })
}

#[cfg(test)]
#[path = "door_tests.rs"]
mod tests;
