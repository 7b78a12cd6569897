//! From a client certificate to a name.
//!
//! The certificate says *who*; what that client may do stands in the roles file. Chain, validity and
//! revocation were verified by the TLS handshake before this code sees a byte; common name and
//! organisation are never looked at.

use types::Label;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

/// What a client certificate says of its holder.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The client's name.
    pub(crate) name: Label,
    /// The certificate's issuer and serial number, to be found in a revocation list.
    pub(crate) serial: Serial,
    /// End of the certificate's validity, seconds since 1970.
    pub(crate) not_after: i64,
}

/// Names one certificate among all.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Serial {
    /// Issuer, DER.
    pub(crate) issuer: Vec<u8>,
    /// Serial number, big-endian without leading zeros.
    pub(crate) number: Vec<u8>,
}

/// The certificate names nobody of this site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum IdentityError {
    /// No certificate.
    #[error("no client certificate was given")]
    Missing,
    /// Not X.509.
    #[error("the client certificate cannot be parsed")]
    Malformed,
    /// None, or more than one.
    #[error(
        "the client certificate must carry exactly one URI name, lazaret://SITE/client/NAME; issue it with lazaretctl pki issue"
    )]
    NotOneUri,
    /// Another form.
    #[error(
        "the client certificate's URI name is not of the form lazaret://SITE/client/NAME; issue it with lazaretctl pki issue"
    )]
    WrongForm,
    /// Another site's.
    #[error("the client certificate was issued for another site")]
    OtherSite,
}

impl Identity {
    /// Reads the identity out of a verified certificate.
    pub(crate) fn of(der: &[u8], site: &Label) -> Result<Self, IdentityError> {
        let (_, certificate) = X509Certificate::from_der(der).map_err(|_| IdentityError::Malformed)?;
        let names = certificate.subject_alternative_name().map_err(|_| IdentityError::Malformed)?;
        let names = names.map(|names| names.value.general_names.as_slice()).unwrap_or_default();
        let uris: Vec<&str> = names
            .iter()
            .filter_map(|name| if let GeneralName::URI(uri) = name { Some(*uri) } else { None })
            .collect();
        let [uri] = uris.as_slice() else { return Err(IdentityError::NotOneUri) };
        Ok(Self {
            name: name_in(uri, site)?,
            serial: Serial::new(certificate.issuer().as_raw(), certificate.raw_serial()),
            not_after: certificate.validity().not_after.timestamp(),
        })
    }
}

impl Serial {
    /// A serial as it stands in DER, where a sign byte may lead.
    pub(crate) fn new(issuer: &[u8], number: &[u8]) -> Self {
        let start = number.iter().position(|byte| *byte != 0).unwrap_or(number.len());
        Self { issuer: issuer.to_vec(), number: number[start..].to_vec() }
    }
}

fn name_in(uri: &str, site: &Label) -> Result<Label, IdentityError> {
    let rest = uri.strip_prefix("lazaret://").ok_or(IdentityError::WrongForm)?;
    let (of_site, name) = rest.split_once("/client/").ok_or(IdentityError::WrongForm)?;
    // Both parts must be labels, which hold no slash: nothing can hide behind or before them.
    let of_site: Label = of_site.parse().map_err(|_| IdentityError::WrongForm)?;
    let name = name.parse().map_err(|_| IdentityError::WrongForm)?;
    if of_site == *site { Ok(name) } else { Err(IdentityError::OtherSite) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_the_exact_form_of_this_site_is_a_name() {
        let site: Label = "north".parse().unwrap();
        assert_eq!(name_in("lazaret://north/client/fax-1", &site).unwrap().as_str(), "fax-1");
        assert_eq!(name_in("lazaret://south/client/fax-1", &site), Err(IdentityError::OtherSite));
        for wrong in [
            "",
            "https://north/client/fax-1",
            "lazaret://north/client/",
            "lazaret://north/client/a/b",
            "lazaret://north/client/../admin",
            "lazaret://north/server/fax-1",
            "lazaret:///client/fax-1",
            "lazaret://north/client/fax-1?x",
            "lazaret://north/client/x/client/fax-1",
            "LAZARET://north/client/fax-1",
        ] {
            assert_eq!(name_in(wrong, &site), Err(IdentityError::WrongForm), "{wrong}");
        }
    }
}
