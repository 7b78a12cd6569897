//! `Keys`: their state, their replacement, and the way in while the appliance is sealed.

use crate::{
    answer::{caller, invalid, refusal, refused},
    door::Door,
};
use api::{
    Kind,
    server::keys_server,
    v1::{self, rotate_request::New, unseal_request},
};
use pipeline::{KeysState, Opener};
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// The service.
pub(crate) struct Keys(pub(crate) Arc<Door>);

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl keys_server::Keys for Keys {
    async fn status(&self, _request: Request<v1::KeyStatusRequest>) -> Answer<v1::KeyStatusReply> {
        let view = match self.0.sealed() {
            Some(sealed) => sealed.keys(),
            None => self.0.appliance().keys().await.map_err(|no| refused(&no))?,
        };
        let state = match view.state {
            KeysState::Open => "open",
            KeysState::Sealed => "sealed",
            KeysState::New => "new",
        };
        let held = view.held.map(|held| v1::HeldKeys {
            master_key_id: held.master_key_id,
            rotated_at_ms: held.rotated_at.0,
            generation: held.generation,
            generation_made_at_ms: held.generation_made_at.0,
            documents: held.documents,
        });
        Ok(Response::new(v1::KeyStatusReply { state: state.to_owned(), passphrase: view.passphrase, held }))
    }

    async fn rotate(&self, request: Request<v1::RotateRequest>) -> Answer<v1::RotateReply> {
        let caller = caller(&request)?;
        let new = request.into_inner().new.map(|new| match new {
            New::Passphrase(passphrase) => Opener::Passphrase(passphrase),
            New::Key(key) => Opener::Key(key),
        });
        let view = self.0.appliance().keys_rotate(&caller, new).await.map_err(|no| refused(&no))?;
        Ok(Response::new(v1::RotateReply {
            generation_before: view.generation_before,
            generation_after: view.generation_after,
            master_key_id: view.master_key_id,
        }))
    }

    async fn unseal(&self, request: Request<v1::UnsealRequest>) -> Answer<v1::UnsealReply> {
        let caller = caller(&request)?;
        let opener = match request.into_inner().opener {
            Some(unseal_request::Opener::Passphrase(passphrase)) => Opener::Passphrase(passphrase),
            Some(unseal_request::Opener::Key(key)) => Opener::Key(key),
            None => return Err(invalid("a passphrase or a key must be given")),
        };
        let Some(sealed) = self.0.sealed() else {
            return Err(refusal(
                Kind::Conflict.code(),
                Kind::Conflict,
                None,
                "the appliance is open already",
            ));
        };
        sealed.unseal(&caller, opener).await.map_err(|no| refused(&no))?;
        Ok(Response::new(v1::UnsealReply {}))
    }
}
