//! Who may ask what: identity, authorisation, gRPC handlers (requirements A17 to A21, A41, B12, B13, B30).
//!
//! Every request passes `gate` before a handler sees it; `table` says which scopes open which RPC, and a
//! build with an RPC that is not in it fails. This room decides nothing about documents: handlers
//! translate, the pipeline acts and writes the audit records.

mod answer;
mod clock;
mod connection;
mod convert;
mod credentials;
mod door;
mod gate;
mod identity;
mod listen;
mod revoked;
mod services;
mod table;

pub use door::Inside;
pub use revoked::CrlError;

use crate::{door::Door, gate::GateLayer, listen::LocalSocket, services::Readers};
use lifecycle::Actor;
use pipeline::{Appliance, Caller, Refused};
use std::{future::Future, io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, UnixListener},
    sync::{mpsc, oneshot},
    time::timeout,
};
use tokio_stream::wrappers::ReceiverStream;

/// Requests of one connection that are worked on at once; more wait in HTTP/2.
const CONNECTION_REQUESTS_MAX: usize = 16;
/// Streams of one connection, waiting ones included.
const CONNECTION_STREAMS_MAX: u32 = 64;
/// Headers of one request, bytes; ours need some 500.
const HEADER_BYTES_MAX: u32 = 16 << 10;
/// A connection must prove its certificate again after this time.
const CONNECTION_AGE_MAX: Duration = Duration::from_secs(3600);
/// What is under way then may end within this time; the largest upload on a slow line fits in.
const CONNECTION_AGE_GRACE: Duration = Duration::from_secs(600);
/// A silent peer is asked whether it lives at this interval,
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
/// and has this time to say so.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// Requests under way at shutdown may end within this time.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// Accepted connections that wait for the server's loop.
const ACCEPTED_MAX: usize = 16;

/// Both doors, bound and ready to open.
pub struct Server {
    door: Arc<Door>,
    tcp: Option<TcpListener>,
    unix: UnixListener,
    local_socket: LocalSocket,
}

/// Lets `SIGHUP` read certificates, revocation list, roles and policy again.
#[derive(Clone)]
pub struct ServeHandle(Arc<Door>);

/// The doors cannot be opened, or not renewed.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", file.display())]
    Read {
        /// Which.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Somebody else could have written, or read, a file that decides who is let in.
    #[error("{} belongs to user {uid} and has mode {mode:o}; expected root or the daemon's user, not writable by others, and private keys not readable by them: correct it with chown and chmod", file.display())]
    Unguarded {
        /// Which.
        file: PathBuf,
        /// Its mode.
        mode: u32,
        /// Its owner.
        uid: u32,
    },
    /// Far larger than such a file can be.
    #[error("{} is larger than {bytes_max} bytes", file.display())]
    TooLarge {
        /// Which.
        file: PathBuf,
        /// The limit.
        bytes_max: u64,
    },
    /// Not UTF-8.
    #[error("{} is not UTF-8 text", file.display())]
    NotText {
        /// Which.
        file: PathBuf,
    },
    /// PEM without what is needed.
    #[error("{} holds no PEM {what}", file.display())]
    Pem {
        /// Which.
        file: PathBuf,
        /// What was expected.
        what: &'static str,
    },
    /// The roles file is wrong.
    #[error("{}: {}", file.display(), errors.join("; "))]
    Roles {
        /// Which.
        file: PathBuf,
        /// Everything that is wrong with it.
        errors: Vec<String>,
    },
    /// The revocation list is wrong.
    #[error("{}: {error}", file.display())]
    RevocationList {
        /// Which.
        file: PathBuf,
        /// What is wrong.
        error: CrlError,
    },
    /// Certificate, key and authority do not make a TLS server.
    #[error("the certificates cannot be used: {reason}; see [tls] in the configuration")]
    Tls {
        /// What the TLS library says.
        reason: String,
    },
    /// The TCP address cannot be bound.
    #[error("cannot listen on {address}: {source}; see listen.tcp in the configuration")]
    Bind {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The Unix socket cannot be bound.
    #[error("cannot listen on {}: {source}; is another lazaretd running?", path.display())]
    Socket {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The pipeline refused the new policy.
    #[error("{0}")]
    Pipeline(Refused),
    /// The HTTP/2 server failed.
    #[error("the server failed: {0}")]
    Transport(#[from] tonic::transport::Error),
    /// The runtime is stopping.
    #[error("the daemon is stopping")]
    Stopped,
}

impl Server {
    /// Reads certificates and roles, and binds both doors; nobody is answered before [`Self::run`].
    ///
    /// # Errors
    /// Whatever is wrong with the files or the addresses.
    pub async fn bind(settings: &config::Settings, inside: Inside) -> Result<Self, ServeError> {
        let door = Arc::new(Door::open(settings, inside)?);
        let tcp = match settings.listen.tcp {
            Some(address) => {
                let bound = TcpListener::bind(address).await;
                Some(bound.map_err(|source| ServeError::Bind { address, source })?)
            }
            None => None,
        };
        let (unix, local_socket) = LocalSocket::bind(&settings.listen.socket)?;
        Ok(Self { door, tcp, unix, local_socket })
    }

    /// The bound TCP address, where port 0 was asked for.
    #[must_use]
    pub fn tcp_address(&self) -> Option<SocketAddr> {
        self.tcp.as_ref().and_then(|listener| listener.local_addr().ok())
    }

    /// A handle that outlives [`Self::run`].
    #[must_use]
    pub fn handle(&self) -> ServeHandle {
        ServeHandle(self.door.clone())
    }

    /// Answers until `shutdown`, then lets requests under way end within ten seconds.
    ///
    /// # Errors
    /// When the HTTP/2 server fails.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
        let Self { door, tcp, unix, local_socket } = self;
        let (accepted, connections) = mpsc::channel(ACCEPTED_MAX);
        let mut doors = tokio::task::JoinSet::new();
        doors.spawn(listen::unix(unix, accepted.clone()));
        if let Some(tcp) = tcp {
            doors.spawn(listen::tcp(tcp, door.clone(), accepted.clone()));
        }
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = http2()
            .layer(GateLayer(door.clone()))
            .add_routes(services::all(&door, &Readers::new()))
            .serve_with_incoming_shutdown(ReceiverStream::new(connections), async {
                // A dropped sender says the same as a message: stop.
                stopped.await.unwrap_or(());
            });
        tokio::pin!(serving);
        tokio::select! {
            ended = &mut serving => return ended.map_err(ServeError::from),
            () = shutdown => {}
        }
        doors.abort_all();
        drop(stop);
        drop(local_socket);
        match timeout(DRAIN_TIMEOUT, serving).await {
            Ok(ended) => ended.map_err(ServeError::from),
            Err(_) => {
                tracing::warn!("requests were cut off after {} s", DRAIN_TIMEOUT.as_secs());
                Ok(())
            }
        }
    }
}

impl ServeHandle {
    /// A sealed appliance was opened: from now on this one answers.
    pub fn opened(&self, appliance: Appliance) {
        self.0.opened(appliance);
    }

    /// Reads certificates, revocation list, roles and policy again, on the daemon's own behalf. When
    /// anything is wrong, everything stays as it was.
    ///
    /// # Errors
    /// What is wrong.
    pub async fn reload(&self) -> Result<(), ServeError> {
        self.0.reload(&Caller { actor: Actor::Daemon }).await
    }
}

fn http2() -> tonic::transport::Server {
    tonic::transport::Server::builder()
        .concurrency_limit_per_connection(CONNECTION_REQUESTS_MAX)
        .max_concurrent_streams(CONNECTION_STREAMS_MAX)
        .http2_max_header_list_size(HEADER_BYTES_MAX)
        .max_connection_age(CONNECTION_AGE_MAX)
        .max_connection_age_grace(CONNECTION_AGE_GRACE)
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
}
