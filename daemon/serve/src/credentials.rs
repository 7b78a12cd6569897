//! Everything that decides who is let in, read from disk in one go: certificates, revocation list,
//! roles. A new set replaces the old one whole or not at all.

use crate::{ServeError, clock::unix_seconds, revoked::Revoked};
use policy::Roles;
use rustls::{RootCertStore, ServerConfig, crypto::aws_lc_rs, server::WebPkiClientVerifier, version::TLS13};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, pem::PemObject};
use std::{
    fs,
    io::Read as _,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Largest file of this kind, bytes: a revocation list of some 20,000 entries.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Where they lie.
#[derive(Clone, Debug)]
pub(crate) struct Sources {
    /// Certificates; none when no TCP address is configured.
    pub(crate) tls: Option<config::Tls>,
    /// Roles file.
    pub(crate) roles: PathBuf,
}

/// One consistent set.
pub(crate) struct Credentials {
    /// For new TLS connections.
    pub(crate) tls: Option<Arc<ServerConfig>>,
    /// For every RPC.
    pub(crate) revoked: Revoked,
    /// Name to scopes.
    pub(crate) roles: Roles,
    /// End of the server certificate, seconds since 1970.
    pub(crate) server_not_after: Option<i64>,
}

impl Credentials {
    /// Reads and checks everything.
    pub(crate) fn load(sources: &Sources) -> Result<Self, ServeError> {
        let roles = Roles::parse(&text(&sources.roles)?).map_err(|errors| ServeError::Roles {
            file: sources.roles.clone(),
            errors: errors.iter().map(ToString::to_string).collect(),
        })?;
        let Some(tls) = &sources.tls else {
            return Ok(Self { tls: None, revoked: Revoked::default(), roles, server_not_after: None });
        };
        let chain = certificates(&tls.certificate)?;
        let authorities = certificates(&tls.client_ca)?;
        let lists = tls.crl.as_deref().map(revocation_lists).transpose()?.unwrap_or_default();
        let revoked = Revoked::from_lists(&lists, &authorities, unix_seconds()).map_err(|error| {
            ServeError::RevocationList { file: tls.crl.clone().unwrap_or_default(), error }
        })?;
        let server_not_after = chain.first().and_then(|der| not_after(der));
        let config = server_config(tls, chain, &authorities, lists)?;
        Ok(Self { tls: Some(Arc::new(config)), revoked, roles, server_not_after })
    }
}

fn text(file: &Path) -> Result<String, ServeError> {
    String::from_utf8(read_guarded(file, WRITABLE_BY_OTHERS)?)
        .map_err(|_| ServeError::NotText { file: file.to_owned() })
}

fn server_config(
    tls: &config::Tls,
    chain: Vec<CertificateDer<'static>>,
    authorities: &[CertificateDer<'static>],
    lists: Vec<CertificateRevocationListDer<'static>>,
) -> Result<ServerConfig, ServeError> {
    let key = read_guarded(&tls.key, READABLE_BY_OTHERS)?;
    let key = PrivateKeyDer::from_pem_slice(&key)
        .map_err(|_| ServeError::Pem { file: tls.key.clone(), what: "private key" })?;
    let wrong = |error: &dyn std::fmt::Display| ServeError::Tls { reason: error.to_string() };
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(authority.clone()).map_err(|error| wrong(&error))?;
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    if !lists.is_empty() {
        clients = clients.with_crls(lists).enforce_revocation_expiration();
    }
    let clients = clients.build().map_err(|error| wrong(&error))?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .map_err(|error| wrong(&error))?
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, key)
        .map_err(|error| wrong(&error))?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    // A resumed session would not be verified against the authorities of a later reload.
    config.send_tls13_tickets = 0;
    Ok(config)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, ServeError> {
    pem(file, "certificate")
}

fn revocation_lists(file: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, ServeError> {
    pem(file, "X509 CRL")
}

fn pem<T: PemObject>(file: &Path, what: &'static str) -> Result<Vec<T>, ServeError> {
    let bytes = read_guarded(file, WRITABLE_BY_OTHERS)?;
    let found: Result<Vec<T>, _> = T::pem_slice_iter(&bytes).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(ServeError::Pem { file: file.to_owned(), what }),
    }
}

/// Group or others could change who is let in.
const WRITABLE_BY_OTHERS: u32 = 0o022;
/// Group or others could take the key.
const READABLE_BY_OTHERS: u32 = 0o077;

/// Reads a file that belongs to root or to the daemon's own user and has none of the `forbidden` bits.
fn read_guarded(file: &Path, forbidden: u32) -> Result<Vec<u8>, ServeError> {
    let failed = |source| ServeError::Read { file: file.to_owned(), source };
    let mut opened = fs::File::open(file).map_err(failed)?;
    let about = opened.metadata().map_err(failed)?;
    let ours = about.uid() == 0 || about.uid() == crate::listen::own_uid();
    if !ours || about.mode() & forbidden != 0 {
        return Err(ServeError::Unguarded {
            file: file.to_owned(),
            mode: about.mode() & 0o7777,
            uid: about.uid(),
        });
    }
    if about.len() > FILE_BYTES_MAX {
        return Err(ServeError::TooLarge { file: file.to_owned(), bytes_max: FILE_BYTES_MAX });
    }
    let mut bytes = Vec::new();
    opened.by_ref().take(FILE_BYTES_MAX).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

fn not_after(der: &CertificateDer<'_>) -> Option<i64> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    Some(certificate.validity().not_after.timestamp())
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
