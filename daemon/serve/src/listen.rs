//! The two doors: a TCP address behind mutual TLS, and a Unix socket for root on this machine.
//!
//! Handshakes are bounded in number and time, and so are connections. Nobody is authorised here; see
//! `gate`.

use crate::{
    ServeError,
    connection::{Connection, Peer, Stream},
    door::Door,
    identity::{Identity, IdentityError},
};
use std::{
    fs, io,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// A client that has not finished its handshake by then is cut off.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Handshakes under way; more wait in the kernel's backlog.
const HANDSHAKES_MAX: usize = 32;
/// Network connections open at once; a site has tens of clients. The local socket has slots of its own,
/// so that root can always get in.
const TCP_CONNECTIONS_MAX: usize = 256;
/// Local connections open at once.
const UNIX_CONNECTIONS_MAX: usize = 32;
/// Pause after `accept` failed (out of file descriptors), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Sends finished connections to the server.
pub(crate) type Accepted = mpsc::Sender<io::Result<Connection>>;

/// Accepts from the network for ever.
pub(crate) async fn tcp(listener: TcpListener, door: Arc<Door>, accepted: Accepted) {
    let connections = Arc::new(Semaphore::new(TCP_CONNECTIONS_MAX));
    let handshakes = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    loop {
        let (Ok(slot), Ok(turn)) =
            (connections.clone().acquire_owned().await, handshakes.clone().acquire_owned().await)
        else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let (door, accepted) = (door.clone(), accepted.clone());
                tokio::spawn(async move {
                    let connection = handshake(stream, &door, slot).await;
                    drop(turn);
                    if let Some(connection) = connection {
                        hand_over(&accepted, connection).await;
                    }
                });
            }
            Err(error) => pause(&error).await,
        }
    }
}

async fn handshake(stream: TcpStream, door: &Door, slot: OwnedSemaphorePermit) -> Option<Connection> {
    let config = door.credentials().tls.clone()?;
    // Small answers must not wait for the acknowledgement of the ones before.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    match timeout(HANDSHAKE_TIMEOUT, TlsAcceptor::from(config).accept(stream)).await {
        Ok(Ok(stream)) => {
            let peer = peer_of(&stream, door);
            Some(Connection::new(Stream::Tls(Box::new(stream)), peer, slot))
        }
        Ok(Err(error)) => {
            door.handshake_failed(&error).await;
            None
        }
        Err(_) => {
            door.handshake_failed(&io::Error::from(io::ErrorKind::TimedOut)).await;
            None
        }
    }
}

fn peer_of(stream: &TlsStream<TcpStream>, door: &Door) -> Peer {
    let (_, session) = stream.get_ref();
    let leaf = session.peer_certificates().and_then(|chain| chain.first());
    match leaf.ok_or(IdentityError::Missing).and_then(|leaf| Identity::of(leaf, door.site())) {
        Ok(identity) => Peer::Client(Arc::new(identity)),
        Err(error) => Peer::Stranger(error),
    }
}

/// Accepts from this machine for ever.
pub(crate) async fn unix(listener: UnixListener, accepted: Accepted) {
    let connections = Arc::new(Semaphore::new(UNIX_CONNECTIONS_MAX));
    loop {
        let Ok(slot) = connections.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => match local_peer(&stream) {
                Ok(peer) => hand_over(&accepted, Connection::new(Stream::Unix(stream), peer, slot)).await,
                Err(error) => {
                    tracing::warn!(%error, "the kernel does not say who called on the local socket")
                }
            },
            Err(error) => pause(&error).await,
        }
    }
}

fn local_peer(stream: &UnixStream) -> io::Result<Peer> {
    let credentials = stream.peer_cred()?;
    Ok(Peer::Local { uid: credentials.uid(), pid: credentials.pid().unwrap_or(0) })
}

async fn hand_over(accepted: &Accepted, connection: Connection) {
    if accepted.send(Ok(connection)).await.is_err() {
        tracing::debug!("a connection came while stopping");
    }
}

async fn pause(error: &io::Error) {
    tracing::warn!(%error, "cannot accept a connection; trying again");
    sleep(ACCEPT_PAUSE).await;
}

/// A bound Unix socket whose name disappears with it.
pub(crate) struct LocalSocket {
    path: PathBuf,
    /// Device and inode, so that a successor's socket is left alone.
    identity: (u64, u64),
}

impl LocalSocket {
    /// Binds, mode 0600. A socket left behind by a dead daemon is replaced, one that answers is not.
    pub(crate) fn bind(path: &Path) -> Result<(UnixListener, LocalSocket), ServeError> {
        let failed = |source| ServeError::Socket { path: path.to_owned(), source };
        if let Ok(about) = fs::symlink_metadata(path) {
            let dead =
                about.file_type().is_socket() && std::os::unix::net::UnixStream::connect(path).is_err();
            if !dead {
                return Err(failed(io::Error::from(io::ErrorKind::AddrInUse)));
            }
            fs::remove_file(path).map_err(failed)?;
        }
        let listener = UnixListener::bind(path).map_err(failed)?;
        // Until this line the mode is what the umask made of it; the peer's uid is checked in any case.
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(failed)?;
        let about = fs::symlink_metadata(path).map_err(failed)?;
        Ok((listener, LocalSocket { path: path.to_owned(), identity: (about.dev(), about.ino()) }))
    }
}

impl Drop for LocalSocket {
    fn drop(&mut self) {
        let ours = |about: fs::Metadata| (about.dev(), about.ino()) == self.identity;
        if fs::symlink_metadata(&self.path).is_ok_and(ours)
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::debug!(%error, "the local socket could not be removed");
        }
    }
}

/// The user this process runs as; the owner of its own `/proc` entry.
pub(crate) fn own_uid() -> u32 {
    fs::metadata("/proc/self").map_or(u32::MAX, |about| about.uid())
}
