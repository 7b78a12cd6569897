//! `Submit`: metadata, then chunks, then the end. Nothing is kept of a stream that does not reach its end
//! (A17, A26, B10).

use crate::answer::{invalid, label, refusal, refused, temporary};
use crate::door::Door;
use api::{CHUNK_BYTES_MAX, Kind, v1};
use pipeline::{Caller, Submission};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{sync::mpsc, time::timeout};
use tonic::{Status, Streaming};
use types::{DocClass, Phi};
use v1::submit_request::Part;

/// A caller that sends nothing for this long has lost its place.
const UPLOAD_STALL: Duration = Duration::from_secs(60);
/// Chunks between the network and the vault.
const WAITING_CHUNKS: usize = 2;
/// Longest text field, bytes. File names on Linux end at 255.
const TEXT_BYTES_MAX: usize = 255;
/// Fields of patient context.
const CONTEXT_FIELDS_MAX: usize = 32;

/// Takes one upload; the answer means that it is durable.
pub(super) async fn take(
    door: Arc<Door>,
    caller: Caller,
    mut stream: Streaming<v1::SubmitRequest>,
) -> Result<v1::SubmitReply, Status> {
    let Some(Part::Metadata(metadata)) = next(&mut stream).await? else {
        return Err(invalid("the first message of an upload must be its metadata"));
    };
    let submission = submission(metadata)?;
    let (chunks, body) = mpsc::channel(WAITING_CHUNKS);
    // A task of its own: when the caller goes away, `chunks` is dropped here and the pipeline still gets
    // to clean up after the torn upload, or to finish the whole one.
    let mut taken = tokio::spawn(async move {
        match door.sealed() {
            Some(sealed) => sealed.submit(&caller, submission, body).await,
            None => door.appliance().submit(&caller, submission, body).await,
        }
    });
    let answer = tokio::select! {
        answer = &mut taken => answer,
        fed = feed(&mut stream, chunks) => {
            let answer = taken.await;
            fed?;
            answer
        }
    };
    let stopped = |_| {
        refusal(
            Kind::Internal.code(),
            Kind::Internal,
            None,
            "the upload could not be finished; see the journal",
        )
    };
    let receipt = answer.map_err(stopped)?.map_err(|no| refused(&no))?;
    Ok(v1::SubmitReply {
        id: receipt.doc.to_string(),
        duplicate_of: receipt.duplicate_of.map(|id| id.to_string()),
        repeated: receipt.repeated,
    })
}

/// Passes chunks on. The empty chunk that says "whole" is sent only after the caller's own end.
async fn feed(
    stream: &mut Streaming<v1::SubmitRequest>,
    chunks: mpsc::Sender<Vec<u8>>,
) -> Result<(), Status> {
    let mut bytes: u64 = 0;
    loop {
        match next(stream).await? {
            Some(Part::Chunk(chunk)) if chunk.len() > CHUNK_BYTES_MAX => {
                return Err(refusal(
                    Kind::TooLarge.code(),
                    Kind::TooLarge,
                    None,
                    "a chunk has more than 1 MiB; send smaller ones",
                ));
            }
            // Empty means "whole" further in; from a caller it means nothing.
            Some(Part::Chunk(chunk)) if chunk.is_empty() => {}
            Some(Part::Chunk(chunk)) => {
                bytes += chunk.len() as u64;
                if chunks.send(chunk).await.is_err() {
                    // The pipeline has answered already; its answer is the better one.
                    return Ok(());
                }
            }
            Some(Part::End(end)) if end.bytes == bytes => {
                // A closed channel means that the pipeline has answered.
                drop(chunks.send(Vec::new()).await);
                return Ok(());
            }
            Some(Part::End(_)) => {
                return Err(invalid("the upload has not as many bytes as its end says; send it again"));
            }
            Some(Part::Metadata(_)) => {
                return Err(invalid("metadata may come only once, as the first message"));
            }
            None => {
                return Err(invalid("the upload stopped before its end; nothing was kept, send it again"));
            }
        }
    }
}

async fn next(stream: &mut Streaming<v1::SubmitRequest>) -> Result<Option<Part>, Status> {
    let message = timeout(UPLOAD_STALL, stream.message()).await;
    let message = message
        .map_err(|_| temporary("the upload stalled for 60 seconds; nothing was kept, send it again"))??;
    message
        .map(|message| message.part.ok_or_else(|| invalid("a message of the upload has no part")))
        .transpose()
}

/// Checks every field; texts of the request are not repeated in errors, since they may be PHI.
fn submission(metadata: v1::Metadata) -> Result<Submission, Status> {
    let upload = metadata.upload.ok_or_else(|| invalid("metadata.upload is missing"))?;
    let optional = |field, text: &Option<String>| text.as_deref().map(|text| label(field, text)).transpose();
    let expected_class = upload
        .expected_type
        .as_deref()
        .map(|text| text.parse::<DocClass>().map_err(|error| invalid(&format!("expected_type: {error}"))));
    Ok(Submission {
        source: label("source", &upload.source)?,
        idempotency_key: metadata.idempotency_key.map(|key| text("idempotency_key", key)).transpose()?,
        correlation_id: optional("correlation_id", &metadata.correlation_id)?,
        file_name: text("file_name", metadata.file_name)?,
        expected_class: expected_class.transpose()?,
        patient_context: patient_context(upload.patient_context)?,
        tenant: optional("tenant", &upload.tenant)?,
        retention: optional("retention", &upload.retention)?,
        callback: optional("callback", &upload.callback)?,
    })
}

fn patient_context(fields: Vec<v1::ContextField>) -> Result<BTreeMap<String, Phi>, Status> {
    if fields.len() > CONTEXT_FIELDS_MAX {
        return Err(invalid("patient_context: more than 32 fields"));
    }
    let mut context = BTreeMap::new();
    for field in fields {
        let key = label("patient_context key", &field.key)?.to_string();
        if context.insert(key, text("patient_context value", field.value)?).is_some() {
            return Err(invalid("patient_context: the same key twice"));
        }
    }
    Ok(context)
}

fn text(field: &str, text: String) -> Result<Phi, Status> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(invalid(&format!("{field}: longer than {TEXT_BYTES_MAX} bytes")));
    }
    Ok(Phi::new(text))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn metadata() -> v1::Metadata {
        let upload = v1::Upload {
            source: "fax".into(),
            expected_type: Some("lab-result".into()),
            patient_context: vec![v1::ContextField { key: "mrn".into(), value: "00123".into() }],
            tenant: Some("west-wing".into()),
            retention: Some("short".into()),
            callback: Some("his".into()),
        };
        let (idempotency_key, correlation_id) = (Some("order 66".into()), Some("trace-1".into()));
        v1::Metadata { upload: Some(upload), file_name: "a b.pdf".into(), idempotency_key, correlation_id }
    }

    #[test]
    fn the_six_fields_arrive_and_a_wrong_one_is_named_but_not_quoted() {
        // A26: "Explicit schema: source, expected document type, patient context, tenant ID, retention
        // policy, callback preferences"
        let good = submission(metadata()).ok().unwrap();
        assert_eq!(good.expected_class, Some(DocClass::LabResult));
        assert_eq!(good.patient_context.get("mrn").unwrap().expose(), "00123");

        let mut wrong = metadata();
        wrong.upload.as_mut().unwrap().expected_type = Some("letter of Jane Roe".into());
        let error = submission(wrong).err().unwrap();
        assert_eq!(error.code(), tonic::Code::InvalidArgument);
        assert!(error.message().starts_with("expected_type: "), "{}", error.message());
        assert!(!error.message().contains("Jane"));
    }

    #[test]
    fn fields_are_bounded() {
        let mut long = metadata();
        long.file_name = "x".repeat(256);
        assert!(submission(long).is_err());
        let mut twice = metadata();
        let context = &mut twice.upload.as_mut().unwrap().patient_context;
        context.push(context[0].clone());
        assert!(submission(twice).is_err());
        let mut many = metadata();
        let field = |n| v1::ContextField { key: format!("k{n}"), value: String::new() };
        many.upload.as_mut().unwrap().patient_context = (0..33).map(field).collect();
        assert!(submission(many).is_err());
    }
}
