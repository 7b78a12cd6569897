//! How to reach the daemon: a small file says so, or the local socket of a standard installation does.

use crate::fail::{Exit, Failure, Outcome, cause_chain, unreachable};
use api::v1::{
    appliance_client::ApplianceClient, deletion_client::DeletionClient, documents_client::DocumentsClient,
    holds_client::HoldsClient, keys_client::KeysClient, ledger_client::LedgerClient,
    retention_client::RetentionClient, review_client::ReviewClient, routes_client::RoutesClient,
};
use serde::Deserialize;
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

/// Read when `--config` is not given.
const STANDARD_FILE: &str = "/etc/lazaret/ctl.toml";
/// Used when that file does not exist.
const STANDARD_ENDPOINT: &str = "unix:/run/lazaret/ctl.sock";
/// A daemon on the same site answers well within this time.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A silent daemon is asked whether it lives at this interval.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);

/// The client's own configuration file. Relative paths start at its folder.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct ClientFile {
    /// `https://HOST:PORT`, or `unix:PATH`.
    endpoint: String,
    /// Name in the server's certificate, where it differs from the host in `endpoint`.
    server_name: Option<String>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    ca: Option<PathBuf>,
}

/// A connection to the daemon.
#[derive(Clone)]
pub(crate) struct Client(Channel);

impl Client {
    /// Connects.
    pub(crate) async fn connect(config: Option<&Path>) -> Outcome<Self> {
        let (endpoint, shown) = endpoint(config)?;
        let channel = endpoint.connect_timeout(CONNECT_TIMEOUT).connect().await;
        let channel = channel.map_err(|error| unreachable(&shown, &cause_chain(&error)))?;
        Ok(Self(channel))
    }
}

macro_rules! services {
    ($($name:ident: $client:ident),*) => {
        impl Client {
            $(pub(crate) fn $name(&self) -> $client<Channel> {
                $client::new(self.0.clone()).max_decoding_message_size(api::MESSAGE_BYTES_MAX)
            })*
        }
    };
}

services! {
    documents: DocumentsClient, review: ReviewClient, routes: RoutesClient,
    retention: RetentionClient, holds: HoldsClient, deletion: DeletionClient, ledger: LedgerClient,
    appliance: ApplianceClient, keys: KeysClient
}

fn endpoint(config: Option<&Path>) -> Outcome<(Endpoint, String)> {
    let standard = Path::new(STANDARD_FILE);
    let file = config.or_else(|| standard.exists().then_some(standard));
    let Some(path) = file else {
        return Ok((parse(STANDARD_ENDPOINT, standard)?, STANDARD_ENDPOINT.to_owned()));
    };
    let text = fs::read_to_string(path).map_err(|error| wrong(path, &error))?;
    let file: ClientFile = toml::from_str(&text).map_err(|error| wrong(path, &error.message()))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let endpoint = match file.endpoint.strip_prefix("unix:") {
        Some(socket) => parse(&format!("unix:{}", folder.join(socket).display()), path)?,
        None => parse(&file.endpoint, path)?
            .tls_config(tls(&file, folder, path)?)
            .map_err(|error| wrong(path, &error))?,
    };
    let endpoint = endpoint.http2_keep_alive_interval(KEEPALIVE_INTERVAL).keep_alive_while_idle(true);
    Ok((endpoint, file.endpoint))
}

fn tls(file: &ClientFile, folder: &Path, path: &Path) -> Outcome<ClientTlsConfig> {
    if !file.endpoint.starts_with("https://") {
        return Err(wrong(path, &"endpoint: expected https://HOST:PORT or unix:PATH"));
    }
    let read = |key: &str, value: &Option<PathBuf>| {
        let name = value.as_ref().ok_or_else(|| wrong(path, &format!("{key} is missing; https needs it")))?;
        fs::read(folder.join(name))
            .map_err(|error| Failure::new(Exit::InvalidConfiguration, format!("{}: {error}", name.display())))
    };
    let identity = Identity::from_pem(read("certificate", &file.certificate)?, read("key", &file.key)?);
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(read("ca", &file.ca)?))
        .identity(identity);
    Ok(match &file.server_name {
        Some(name) => tls.domain_name(name),
        None => tls,
    })
}

fn parse(endpoint: &str, path: &Path) -> Outcome<Endpoint> {
    Endpoint::from_shared(endpoint.to_owned())
        .map_err(|_| wrong(path, &"endpoint: expected https://HOST:PORT or unix:PATH"))
}

fn wrong(path: &Path, what: &dyn std::fmt::Display) -> Failure {
    Failure::new(Exit::InvalidConfiguration, format!("{}: {what}", path.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn refusal(text: &str) -> Failure {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ctl.toml");
        fs::write(&path, text).unwrap();
        endpoint(Some(&path)).err().unwrap()
    }

    #[test]
    fn a_wrong_client_file_is_named_with_its_key() {
        assert!(refusal("endpoint = 'http://h:1'").to_string().contains("https://HOST:PORT"));
        assert!(refusal("endpoint = 'https://h:1'").to_string().contains("certificate is missing"));
        let unknown = refusal("endpoint = 'unix:x'\nkeys = 'y'");
        assert!(unknown.to_string().contains("keys"), "{unknown}");
        assert_eq!(unknown.exit as u8, 9);
    }
}
