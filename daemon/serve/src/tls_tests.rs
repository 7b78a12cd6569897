//! Real handshakes with certificates made here: who gets in, and with which name.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::identity::{Identity, IdentityError};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevocationReason, RevokedCertParams, SanType,
    SerialNumber,
};
use rustls::{ClientConfig, pki_types::ServerName, version::TLS12};
use std::{
    os::unix::fs::PermissionsExt as _,
    time::{Duration, SystemTime},
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use types::Label;

const ROLES: &str = "[clients]\n";

fn at(seconds: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(unix_seconds() + seconds).unwrap())
}

struct Ca {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Ca {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    fn leaf(&self, names: &[SanType], usage: ExtendedKeyUsagePurpose, serial: u64) -> (String, String) {
        let mut params = CertificateParams::default();
        params.subject_alt_names = names.to_vec();
        params.extended_key_usages = vec![usage];
        params.serial_number = Some(SerialNumber::from(serial));
        (params.not_before, params.not_after) = (at(-60).into(), at(3600).into());
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }

    fn client(&self, uris: &[&str], serial: u64) -> (String, String) {
        let names: Vec<_> = uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap())).collect();
        self.leaf(&names, ExtendedKeyUsagePurpose::ClientAuth, serial)
    }

    fn list(&self, revoked: &[u64], next_update: i64) -> String {
        let entry = |serial: &u64| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: at(-30).into(),
            reason_code: Some(RevocationReason::KeyCompromise),
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: at(-7200).into(),
            next_update: at(next_update).into(),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(entry).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).unwrap().pem().unwrap()
    }
}

/// A folder as an admin would leave it.
struct Site {
    folder: tempfile::TempDir,
    ca: Ca,
}

impl Site {
    fn new(list: impl Fn(&Ca) -> String) -> Self {
        let (folder, ca) = (tempfile::tempdir().unwrap(), Ca::new());
        let localhost = [SanType::DnsName("localhost".try_into().unwrap())];
        let (certificate, key) = ca.leaf(&localhost, ExtendedKeyUsagePurpose::ServerAuth, 1);
        let site = Self { folder, ca };
        let list = list(&site.ca);
        for (name, text) in [
            ("server.crt", certificate),
            ("server.key", key),
            ("ca.crt", site.ca.pem.clone()),
            ("ca.crl", list),
            ("roles.toml", ROLES.to_owned()),
        ] {
            site.write(name, &text, 0o600);
        }
        site
    }

    fn write(&self, name: &str, text: &str, mode: u32) {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn load(&self) -> Result<Credentials, ServeError> {
        let at = |name: &str| self.folder.path().join(name);
        let tls = config::Tls {
            certificate: at("server.crt"),
            key: at("server.key"),
            client_ca: at("ca.crt"),
            crl: Some(at("ca.crl")),
        };
        Credentials::load(&Sources { tls: Some(tls), roles: at("roles.toml") })
    }

    fn refusal(&self) -> String {
        self.load().err().unwrap().to_string()
    }

    /// The client's certificate as the server sees it after a handshake and a byte each way.
    async fn knock(
        &self,
        client: Option<&(String, String)>,
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> Option<Vec<u8>> {
        let server = self.load().unwrap().tls.unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.ca.pem.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
        let config = match client {
            None => config.with_no_client_auth(),
            Some((certificate, key)) => config
                .with_client_auth_cert(
                    vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()],
                    PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
                )
                .unwrap(),
        };
        let (near, far) = duplex(64 << 10);
        let calling = tokio::spawn(async move {
            let name = ServerName::try_from("localhost").unwrap();
            let mut stream = TlsConnector::from(Arc::new(config)).connect(name, near).await.ok()?;
            stream.write_all(b"x").await.ok()?;
            stream.read_u8().await.ok()
        });
        let answering = async {
            let mut stream = TlsAcceptor::from(server).accept(far).await.ok()?;
            stream.read_u8().await.ok()?;
            stream.write_all(b"y").await.ok()?;
            stream.flush().await.ok()?;
            Some(stream.get_ref().1.peer_certificates()?.first()?.to_vec())
        };
        let seen = answering.await;
        assert_eq!(calling.await.unwrap().is_some(), seen.is_some());
        seen
    }
}

#[tokio::test]
async fn a_good_client_gets_in_under_its_name_and_nobody_else_gets_in() {
    // A41: "TLS in transit"; B51: "revoked tokens"
    let site = Site::new(|ca| ca.list(&[66], 3600));
    let north: Label = "north".parse().unwrap();
    let good = site.ca.client(&["lazaret://north/client/fax-1"], 7);
    let der = site.knock(Some(&good), &[&TLS13]).await.unwrap();
    assert_eq!(Identity::of(&der, &north).unwrap().name.as_str(), "fax-1");
    assert!(Identity::of(&der, &"south".parse().unwrap()).is_err());

    assert!(site.knock(None, &[&TLS13]).await.is_none(), "no certificate");
    let rogue = Ca::new().client(&["lazaret://north/client/fax-1"], 7);
    assert!(site.knock(Some(&rogue), &[&TLS13]).await.is_none(), "another authority");
    let revoked = site.ca.client(&["lazaret://north/client/fax-1"], 66);
    assert!(site.knock(Some(&revoked), &[&TLS13]).await.is_none(), "revoked");
    let server = site.ca.leaf(&[], ExtendedKeyUsagePurpose::ServerAuth, 8);
    assert!(site.knock(Some(&server), &[&TLS13]).await.is_none(), "not a client certificate");
    assert!(site.knock(Some(&good), &[&TLS12]).await.is_none(), "TLS 1.2");
}

#[tokio::test]
async fn a_certificate_with_no_name_or_two_names_nobody() {
    let site = Site::new(|ca| ca.list(&[], 3600));
    for uris in [
        &[][..],
        &["lazaret://north/client/a", "lazaret://north/client/b"],
        &["lazaret://north/client/a", "https://x/"],
    ] {
        let der = site.knock(Some(&site.ca.client(uris, 9)), &[&TLS13]).await.unwrap();
        assert_eq!(Identity::of(&der, &"north".parse().unwrap()), Err(IdentityError::NotOneUri));
    }
}

#[test]
fn a_revoked_serial_is_found_on_a_connection_that_is_already_open() {
    let site = Site::new(|ca| ca.list(&[0x80, 66], 3600));
    let revoked = site.load().unwrap().revoked;
    let serial_of = |serial| {
        let (pem, _) = site.ca.client(&["lazaret://north/client/fax-1"], serial);
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        Identity::of(&der, &"north".parse().unwrap()).unwrap().serial
    };
    // 0x80 needs a sign byte in DER.
    for (serial, is_revoked) in [(66, true), (0x80, true), (67, false), (0x8000, false)] {
        assert_eq!(revoked.contains(&serial_of(serial)), is_revoked, "{serial}");
    }
}

#[test]
fn a_wrong_revocation_list_is_not_put_in_force() {
    assert!(
        Site::new(|_| Ca::new().list(&[], 3600)).refusal().contains("not signed by the client authority")
    );
    assert!(Site::new(|ca| ca.list(&[], -60)).refusal().contains("out of date"));
    assert!(Site::new(|_| "nothing".to_owned()).refusal().contains("holds no PEM X509 CRL"));
}

#[test]
fn files_that_others_could_change_are_refused() {
    let site = Site::new(|ca| ca.list(&[], 3600));
    assert!(site.load().is_ok());
    site.write("roles.toml", ROLES, 0o666);
    assert!(site.refusal().contains("roles.toml"));
    site.write("roles.toml", ROLES, 0o644);
    let key = fs::read_to_string(site.folder.path().join("server.key")).unwrap();
    site.write("server.key", &key, 0o640);
    assert!(site.refusal().contains("server.key"));
    site.write("server.key", &site.ca.client(&[], 5).1, 0o600);
    assert!(site.refusal().contains("certificates cannot be used"), "another certificate's key");
}

#[test]
fn a_roles_file_with_an_unknown_scope_is_refused_with_its_line() {
    let site = Site::new(|ca| ca.list(&[], 3600));
    site.write("roles.toml", "[roles]\nall = ['document:everything']\n", 0o600);
    assert!(site.refusal().contains("roles.toml:2"), "{}", site.refusal());
}
