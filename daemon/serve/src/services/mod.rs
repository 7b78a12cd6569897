//! One file per gRPC service. Handlers translate and call; the gate has decided who may, the pipeline
//! decides what happens.

mod appliance;
mod deletion;
mod documents;
mod holds;
mod keys;
mod ledger;
mod retention;
mod review;
mod routes;
mod stream;
mod upload;

use crate::door::Door;
use std::sync::Arc;
use tonic::service::Routes;

pub(crate) use stream::Readers;

/// Every service, with bounded messages.
pub(crate) fn all(door: &Arc<Door>, readers: &Readers) -> Routes {
    use api::server as s;
    let mut routes = Routes::builder();
    macro_rules! add {
        ($($server:ident :: $service:ident ( $handlers:expr ))*) => {$(
            routes.add_service(
                s::$server::$service::new($handlers)
                    .max_decoding_message_size(api::MESSAGE_BYTES_MAX)
                    .max_encoding_message_size(api::MESSAGE_BYTES_MAX),
            );
        )*};
    }
    add! {
        documents_server::DocumentsServer(documents::Documents::new(door.clone(), readers.clone()))
        review_server::ReviewServer(review::Review(door.clone()))
        routes_server::RoutesServer(routes::Routes(door.clone()))
        retention_server::RetentionServer(retention::Retention(door.clone()))
        holds_server::HoldsServer(holds::Holds(door.clone()))
        deletion_server::DeletionServer(deletion::Deletion(door.clone()))
        ledger_server::LedgerServer(ledger::Ledger::new(door.clone(), readers.clone()))
        keys_server::KeysServer(keys::Keys(door.clone()))
        appliance_server::ApplianceServer(appliance::Appliance(door.clone()))
    }
    routes.routes()
}
