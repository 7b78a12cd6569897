//! The certificate authority of one appliance: a CA certificate, what it has issued, and what it has
//! revoked. Plain files; no daemon is involved.

use super::files;
use crate::{
    fail::{Exit, Failure, Outcome},
    hex,
};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
    RevocationReason, RevokedCertParams, SanType, SerialNumber,
};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};
use types::Label;

const SECONDS_PER_DAY: u64 = 86_400;
/// The authority itself.
const CA_DAYS: u64 = 3_650;
/// A revocation list is renewed by `pki revoke` and `pki refresh`; `doctor` warns before it runs out.
const CRL_DAYS: u64 = 90;
/// Clocks of a site may differ by so much without a fresh certificate being refused.
const CLOCK_SKEW: Duration = Duration::from_secs(300);
/// Random bytes of a serial number; RFC 5280 allows 20 in all.
const SERIAL_BYTES: usize = 16;

/// An authority whose private key is at hand.
pub(crate) struct Authority {
    dir: PathBuf,
    issuer: Issuer<'static, KeyPair>,
    register: Register,
}

/// What was issued; `pki/issued.json`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Register {
    site: Label,
    crl_number: u64,
    certificates: Vec<Issued>,
}

/// One client certificate.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Issued {
    name: Label,
    /// Hex.
    serial: String,
    /// Seconds since 1970.
    not_after: u64,
    /// Seconds since 1970.
    revoked_at: Option<u64>,
}

/// A certificate and its private key, PEM.
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    /// Makes an authority and its empty revocation list in `dir`.
    pub(crate) fn create(dir: &Path, site: &Label) -> Outcome<Self> {
        files::folder(dir)?;
        let key = fresh_key()?;
        let mut params = params(&format!("Lazaret authority of {site}"), CA_DAYS)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).map_err(failed)?;
        files::new_file(&dir.join("ca.key"), key.serialize_pem().as_bytes(), 0o600)?;
        files::new_file(&dir.join("ca.crt"), certificate.pem().as_bytes(), 0o600)?;
        let register = Register { site: site.clone(), crl_number: 0, certificates: Vec::new() };
        let mut authority = Self { dir: dir.to_owned(), issuer: Issuer::new(params, key), register };
        authority.publish()?;
        Ok(authority)
    }

    /// Opens the authority in `dir`.
    pub(crate) fn open(dir: &Path) -> Outcome<Self> {
        let read = |name: &str| {
            let path = dir.join(name);
            fs::read_to_string(&path).map_err(|error| Failure::file(&path, &error))
        };
        let key = KeyPair::from_pem(&read("ca.key")?).map_err(failed)?;
        let issuer = Issuer::from_ca_cert_pem(&read("ca.crt")?, key).map_err(failed)?;
        let wrong = |error| {
            Failure::new(
                Exit::InvalidConfiguration,
                format!("{}: {error}", dir.join("issued.json").display()),
            )
        };
        let register = serde_json::from_str(&read("issued.json")?).map_err(wrong)?;
        Ok(Self { dir: dir.to_owned(), issuer, register })
    }

    /// The site whose clients it names.
    pub(crate) fn site(&self) -> &Label {
        &self.register.site
    }

    /// The certificate that callers pin, PEM.
    pub(crate) fn certificate(&self) -> Outcome<String> {
        let path = self.dir.join("ca.crt");
        fs::read_to_string(&path).map_err(|error| Failure::file(&path, &error))
    }

    /// A certificate for the daemon on this machine.
    pub(crate) fn issue_server(&self, days: u64) -> Outcome<Pair> {
        let mut params = params("lazaretd", days)?;
        params.subject_alt_names = vec![
            SanType::DnsName("localhost".try_into().map_err(failed)?),
            SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        ];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(params)
    }

    /// A certificate for a client; the name stands in its one URI name (B12).
    pub(crate) fn issue_client(&mut self, name: &Label, days: u64) -> Outcome<Pair> {
        let mut params = params(name.as_str(), days)?;
        let uri = format!("lazaret://{}/client/{name}", self.register.site);
        params.subject_alt_names = vec![SanType::URI(uri.as_str().try_into().map_err(failed)?)];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let serial = fresh_serial()?;
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        let not_after = unix_seconds() + days * SECONDS_PER_DAY;
        let pair = self.sign(params)?;
        self.register.certificates.push(Issued {
            name: name.clone(),
            serial: hex::encode(&serial),
            not_after,
            revoked_at: None,
        });
        self.save()?;
        Ok(pair)
    }

    /// Revokes every certificate of this client; how many there were.
    pub(crate) fn revoke(&mut self, name: &Label) -> Outcome<usize> {
        let now = unix_seconds();
        let valid = |issued: &&mut Issued| issued.name == *name && issued.revoked_at.is_none();
        let mut revoked = 0;
        for issued in self.register.certificates.iter_mut().filter(valid) {
            issued.revoked_at = Some(now);
            revoked += 1;
        }
        self.publish()?;
        Ok(revoked)
    }

    /// Signs a fresh revocation list.
    pub(crate) fn publish(&mut self) -> Outcome {
        self.register.crl_number += 1;
        // The register first: a number is used once, even when the list is then not written.
        self.save()?;
        let mut revoked_certs = Vec::new();
        for issued in &self.register.certificates {
            if let Some(at) = issued.revoked_at {
                revoked_certs.push(RevokedCertParams {
                    serial_number: SerialNumber::from_slice(&unhex(&issued.serial)?),
                    revocation_time: moment(at).into(),
                    reason_code: Some(RevocationReason::Unspecified),
                    invalidity_date: None,
                });
            }
        }
        let now = moment(unix_seconds());
        let list = CertificateRevocationListParams {
            this_update: (now - CLOCK_SKEW).into(),
            next_update: (now + Duration::from_secs(CRL_DAYS * SECONDS_PER_DAY)).into(),
            crl_number: SerialNumber::from_slice(&self.register.crl_number.to_be_bytes()),
            issuing_distribution_point: None,
            revoked_certs,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = list.signed_by(&self.issuer).map_err(failed)?.pem().map_err(failed)?;
        files::replace(&self.dir.join("ca.crl"), list.as_bytes(), 0o600)
    }

    fn sign(&self, mut params: CertificateParams) -> Outcome<Pair> {
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        if params.serial_number.is_none() {
            params.serial_number = Some(SerialNumber::from_slice(&fresh_serial()?));
        }
        let key = fresh_key()?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(failed)?;
        Ok(Pair { certificate: certificate.pem(), key: key.serialize_pem() })
    }

    fn save(&self) -> Outcome {
        let text = serde_json::to_string_pretty(&self.register).map_err(failed)?;
        files::replace(&self.dir.join("issued.json"), text.as_bytes(), 0o600)
    }
}

fn params(common_name: &str, days: u64) -> Outcome<CertificateParams> {
    let mut params = CertificateParams::default();
    let now = moment(unix_seconds());
    params.not_before = (now - CLOCK_SKEW).into();
    params.not_after = (now + Duration::from_secs(days.saturating_mul(SECONDS_PER_DAY))).into();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    Ok(params)
}

fn fresh_key() -> Outcome<KeyPair> {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)
}

fn fresh_serial() -> Outcome<[u8; SERIAL_BYTES]> {
    let mut serial = [0; SERIAL_BYTES];
    aws_lc_rs::rand::fill(&mut serial)
        .map_err(|_| Failure::new(Exit::Failure, "the system gives no random bytes"))?;
    // A positive number without a leading zero keeps one spelling everywhere.
    serial[0] = serial[0] & 0x7f | 0x40;
    Ok(serial)
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Failure, format!("certificates: {error}"))
}

#[expect(clippy::disallowed_methods, reason = "the one clock of this program")]
fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn moment(unix_seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(unix_seconds)
}

fn unhex(text: &str) -> Outcome<Vec<u8>> {
    hex::decode(text)
        .ok_or_else(|| Failure::new(Exit::InvalidConfiguration, "issued.json: a serial is not hex"))
}
