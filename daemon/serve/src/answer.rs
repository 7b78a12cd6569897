//! From a refusal of the pipeline to a gRPC status that a person and an exit code can use (B50).

use api::{KIND_KEY, Kind, REASON_KEY};
use pipeline::{Caller, Code, Refused};
use tonic::{Request, Status, metadata::MetadataValue};
use types::{DocId, Label};

/// A status with the kind of no and the reason in its metadata.
pub(crate) fn refusal(code: tonic::Code, kind: Kind, reason: Option<&'static str>, message: &str) -> Status {
    let mut status = Status::new(code, message);
    status.metadata_mut().insert(KIND_KEY, MetadataValue::from_static(kind.name()));
    if let Some(reason) = reason {
        status.metadata_mut().insert(REASON_KEY, MetadataValue::from_static(reason));
    }
    status
}

/// What the pipeline refused.
pub(crate) fn refused(refused: &Refused) -> Status {
    let kind = match refused.code {
        Code::NotFound => Kind::NotFound,
        Code::Conflict => Kind::Conflict,
        Code::Invalid => Kind::Invalid,
        Code::Temporary => Kind::Temporary,
        Code::Denied => Kind::Denied,
        Code::TooLarge => Kind::TooLarge,
        Code::Sealed => Kind::Sealed,
        Code::Internal => Kind::Internal,
    };
    refusal(kind.code(), kind, refused.reason.map(types::Reason::code), &refused.message)
}

/// A request that cannot be understood. `message` never quotes it: it may hold PHI.
pub(crate) fn invalid(message: &str) -> Status {
    refusal(Kind::Invalid.code(), Kind::Invalid, None, message)
}

/// "Not now".
pub(crate) fn temporary(message: &str) -> Status {
    refusal(Kind::Temporary.code(), Kind::Temporary, None, message)
}

/// Who was let in by the gate.
pub(crate) fn caller<T>(request: &Request<T>) -> Result<Caller, Status> {
    let missing =
        || refusal(Kind::Internal.code(), Kind::Internal, None, "the request did not pass the gate");
    request.extensions().get::<Caller>().cloned().ok_or_else(missing)
}

/// A document id.
pub(crate) fn doc_id(text: &str) -> Result<DocId, Status> {
    text.parse().map_err(|error: types::BadId| invalid(&error.to_string()))
}

/// A name, with the field it stands in.
pub(crate) fn label(field: &str, text: &str) -> Result<Label, Status> {
    text.parse().map_err(|error: types::BadLabel| invalid(&format!("{field}: {error}")))
}
