//! The layer every request passes before a handler sees it. A handler finds a `Caller` in the request,
//! put there by this layer alone.

use crate::{
    connection::Peer,
    door::{Denial, Door},
    identity::IdentityError,
    table::WHILE_SEALED,
};
use http::{Request, Response};
use lifecycle::Actor;
use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tonic::body::Body;
use tower::{Layer, Service};

/// Puts the gate before a service.
#[derive(Clone)]
pub(crate) struct GateLayer(pub(crate) Arc<Door>);

/// A service behind the gate.
#[derive(Clone)]
pub(crate) struct Gate<S> {
    door: Arc<Door>,
    inner: S,
}

impl<S> Layer<S> for GateLayer {
    type Service = Gate<S>;

    fn layer(&self, inner: S) -> Gate<S> {
        Gate { door: self.0.clone(), inner }
    }
}

impl<S> Service<Request<Body>> for Gate<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let no_peer = || Err((Actor::Daemon, Denial::Stranger(IdentityError::Missing)));
        let admitted = match request.extensions().get::<Peer>() {
            Some(peer) => self.door.admit(request.uri().path(), peer),
            None => no_peer(),
        };
        match admitted {
            Ok(_) if self.door.sealed().is_some() && !WHILE_SEALED.contains(&request.uri().path()) => {
                let status = crate::answer::refused(&pipeline::sealed());
                Box::pin(async move { Ok(status.into_http()) })
            }
            Ok(caller) => {
                request.extensions_mut().insert(caller);
                // The clone is the one that has not been polled ready; it stays behind for the next call.
                let fresh = self.inner.clone();
                let mut ready = std::mem::replace(&mut self.inner, fresh);
                Box::pin(async move { ready.call(request).await })
            }
            Err((actor, denial)) => {
                let (door, path) = (self.door.clone(), request.uri().path().to_owned());
                Box::pin(async move {
                    door.denied(&path, actor, denial).await;
                    Ok(denial.status().into_http())
                })
            }
        }
    }
}
