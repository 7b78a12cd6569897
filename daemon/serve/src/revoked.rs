//! The revocation list, held in memory and asked at every RPC: an HTTP/2 connection outlives the
//! handshake that checked its certificate.

use crate::identity::Serial;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};
use std::collections::HashSet;
use x509_parser::prelude::{CertificateRevocationList, FromDer as _, X509Certificate};

/// Serials that are revoked, and until when the lists that say so are current.
#[derive(Debug, Default)]
pub(crate) struct Revoked {
    serials: HashSet<Serial>,
    /// Earliest `nextUpdate` of all lists, seconds since 1970.
    pub(crate) next_update: Option<i64>,
}

/// A revocation list that must not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CrlError {
    /// Not a CRL.
    #[error("it is not an X.509 revocation list")]
    Malformed,
    /// Signed by somebody else.
    #[error("it is not signed by the client authority; make it with lazaretctl pki revoke")]
    NotSignedByAuthority,
    /// Without an end.
    #[error("it does not say when the next one is due (nextUpdate)")]
    NoNextUpdate,
    /// Too old.
    #[error("it is out of date; renew it with lazaretctl pki refresh")]
    OutOfDate,
}

impl Revoked {
    /// Reads lists, each of which one of the authorities must have signed.
    pub(crate) fn from_lists(
        lists: &[CertificateRevocationListDer<'_>],
        authorities: &[CertificateDer<'_>],
        now: i64,
    ) -> Result<Self, CrlError> {
        let mut revoked = Self::default();
        for list in lists {
            let (_, list) = CertificateRevocationList::from_der(list).map_err(|_| CrlError::Malformed)?;
            if !authorities.iter().any(|authority| signed_by(&list, authority)) {
                return Err(CrlError::NotSignedByAuthority);
            }
            let next_update = list.next_update().ok_or(CrlError::NoNextUpdate)?.timestamp();
            if next_update < now {
                return Err(CrlError::OutOfDate);
            }
            revoked.next_update =
                Some(revoked.next_update.map_or(next_update, |earlier| earlier.min(next_update)));
            let issuer = list.issuer().as_raw();
            let serials =
                list.iter_revoked_certificates().map(|entry| Serial::new(issuer, entry.raw_serial()));
            revoked.serials.extend(serials);
        }
        Ok(revoked)
    }

    /// Is this certificate revoked?
    pub(crate) fn contains(&self, serial: &Serial) -> bool {
        self.serials.contains(serial)
    }
}

fn signed_by(list: &CertificateRevocationList<'_>, authority: &CertificateDer<'_>) -> bool {
    let Ok((_, authority)) = X509Certificate::from_der(authority) else { return false };
    authority.subject().as_raw() == list.issuer().as_raw()
        && list.verify_signature(authority.public_key()).is_ok()
}
