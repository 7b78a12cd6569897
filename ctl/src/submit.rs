//! `lazaretctl submit`: hand in files; the printed id means that the bytes are sealed and durable (A17).

use crate::{
    client::Client,
    fail::{Exit, Failure, Outcome},
    output::{self, Column, Format, Table},
};
use api::v1::{ContextField, End, Metadata, SubmitRequest, Upload, submit_request::Part};
use clap::Args;
use serde::Serialize;
use std::path::{Path, PathBuf};
use tokio::{fs::File, io::AsyncReadExt as _, sync::mpsc};
use tokio_stream::wrappers::ReceiverStream;

/// Bytes of one message; the daemon takes up to 1 MiB.
const CHUNK_BYTES: usize = 256 << 10;
/// Messages between disk and network.
const WAITING_MESSAGES: usize = 4;

/// What to hand in.
#[derive(Args)]
pub(crate) struct Submit {
    /// Files to hand in
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Source profile whose limits and rules apply
    #[arg(long, value_name = "SOURCE")]
    source: String,
    /// What the documents are believed to be
    #[arg(long, value_name = "CLASS")]
    expected_type: Option<types::DocClass>,
    /// Facility or department
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
    /// Retention rule to apply; the longest of all that apply wins
    #[arg(long, value_name = "RULE")]
    retention: Option<String>,
    /// Route that wants to be told
    #[arg(long, value_name = "ROUTE")]
    callback: Option<String>,
    /// What is known of the patient; may be given several times
    #[arg(long, value_name = "KEY=VALUE", value_parser = context_field)]
    patient: Vec<ContextPair>,
    /// The same key gives the first answer again; only for a single file
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Trace id of the caller
    #[arg(long, value_name = "ID")]
    correlation_id: Option<String>,
}

#[derive(Clone)]
struct ContextPair(ContextField);

#[derive(Serialize)]
struct Shown {
    id: String,
    file: String,
    duplicate_of: Option<String>,
    repeated: bool,
}

fn context_field(text: &str) -> Result<ContextPair, &'static str> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok(ContextPair(ContextField { key: key.to_owned(), value: value.to_owned() }))
}

/// Hands in one file after the other; the ids of those that succeeded are printed in any case.
pub(crate) async fn run(what: &Submit, client: &Client, format: Format) -> Outcome {
    if what.idempotency_key.is_some() && what.files.len() > 1 {
        return Err(Failure::new(Exit::Usage, "--idempotency-key names one upload; give one file"));
    }
    let mut taken = Vec::new();
    let mut failed = Ok(());
    for path in &what.files {
        match submit(what, path, client).await {
            Ok(receipt) => taken.push(receipt),
            Err(failure) => {
                failed = Err(failure);
                break;
            }
        }
    }
    output::many(
        format,
        &[],
        "submitted",
        &taken,
        |receipt| receipt.id.clone(),
        || {
            let mut table = Table::new(&[Column::Fixed("")]);
            taken.iter().for_each(|receipt| table.row([receipt.id.clone()]));
            table
        },
    )?;
    for receipt in &taken {
        if let Some(first) = &receipt.duplicate_of {
            eprintln!("lazaretctl: {} holds the same bytes as {first}", receipt.id);
        }
    }
    failed
}

async fn submit(what: &Submit, path: &Path, client: &Client) -> Outcome<Shown> {
    let mut file = File::open(path).await.map_err(|error| Failure::file(path, &error))?;
    let (parts, messages) = mpsc::channel(WAITING_MESSAGES);
    let metadata = Part::Metadata(metadata(what, path));
    // A read error leaves out the end, so that the daemon keeps nothing.
    let reading = tokio::spawn(async move { read(&mut file, metadata, parts).await });
    let answer = client.documents().submit(ReceiverStream::new(messages)).await;
    let read = reading.await.map_err(|_| Failure::new(Exit::Failure, "reading was interrupted"))?;
    read.map_err(|error| Failure::file(path, &error))?;
    let reply = answer.map_err(|status| Failure::from(status).about(path))?.into_inner();
    let file = path.to_string_lossy().into_owned();
    Ok(Shown { id: reply.id, file, duplicate_of: reply.duplicate_of, repeated: reply.repeated })
}

async fn read(file: &mut File, metadata: Part, parts: mpsc::Sender<SubmitRequest>) -> std::io::Result<()> {
    let mut bytes = 0;
    let mut part = metadata;
    loop {
        // The daemon has answered already when nobody listens any more; its answer says why.
        if parts.send(SubmitRequest { part: Some(part) }).await.is_err() {
            return Ok(());
        }
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        if file.take(CHUNK_BYTES as u64).read_to_end(&mut chunk).await? == 0 {
            break;
        }
        bytes += chunk.len() as u64;
        part = Part::Chunk(chunk);
    }
    let end = SubmitRequest { part: Some(Part::End(End { bytes })) };
    // As above: an answer that came early is the one to show.
    parts.send(end).await.or(Ok(()))
}

fn metadata(what: &Submit, path: &Path) -> Metadata {
    let file_name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Metadata {
        upload: Some(Upload {
            source: what.source.clone(),
            expected_type: what.expected_type.map(|class| class.to_string()),
            patient_context: what.patient.iter().map(|pair| pair.0.clone()).collect(),
            tenant: what.tenant.clone(),
            retention: what.retention.clone(),
            callback: what.callback.clone(),
        }),
        file_name,
        idempotency_key: what.idempotency_key.clone(),
        correlation_id: what.correlation_id.clone(),
    }
}
