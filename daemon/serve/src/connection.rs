//! One accepted connection, TLS or Unix, and who is at its other end.

use crate::identity::{Identity, IdentityError};
use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
    sync::OwnedSemaphorePermit,
};
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

/// Who is at the other end.
#[derive(Clone, Debug)]
pub(crate) enum Peer {
    /// A client whose certificate was verified.
    Client(Arc<Identity>),
    /// A client whose certificate was verified but names nobody here.
    Stranger(IdentityError),
    /// A process on this machine.
    Local {
        /// Its user.
        uid: u32,
        /// Its process; 0 when the kernel does not say.
        pid: i32,
    },
}

/// A connection that counts against the limit for as long as it lives.
pub(crate) struct Connection {
    stream: Stream,
    peer: Peer,
    _slot: OwnedSemaphorePermit,
}

/// The two kinds of stream.
pub(crate) enum Stream {
    /// From the network.
    Tls(Box<TlsStream<TcpStream>>),
    /// From this machine.
    Unix(UnixStream),
}

impl Connection {
    pub(crate) fn new(stream: Stream, peer: Peer, slot: OwnedSemaphorePermit) -> Self {
        Self { stream, peer, _slot: slot }
    }
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().stream {
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
            Stream::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Unix(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
