//! `lazaretctl accounting`: who got what of a document (45 CFR 164.528).

use crate::{
    client::Client,
    doc::Id,
    fail::Outcome,
    output::{self, Column, Format, Table},
    shape::{seconds, time},
};
use api::v1::DocumentRequest;
use serde::Serialize;

#[derive(Serialize)]
struct Shown {
    at: String,
    how: String,
    recipient: String,
    rendition: Option<String>,
    why: Option<String>,
}

/// Prints every disclosure of a document.
pub(crate) async fn run(id: &Id, client: &Client, format: Format) -> Outcome {
    let mut stream = client.documents().accounting(DocumentRequest::from(id)).await?.into_inner();
    let mut disclosures = Vec::new();
    while let Some(told) = stream.message().await? {
        disclosures.push(Shown {
            at: time(told.at_ms),
            how: told.how,
            recipient: told.recipient,
            rendition: told.rendition,
            why: told.why,
        });
    }
    output::many(
        format,
        &[("id", &id.id)],
        "disclosures",
        &disclosures,
        |told| told.recipient.clone(),
        || {
            let columns = [
                Column::Fixed("AT"),
                Column::Fixed("HOW"),
                Column::Text("RECIPIENT"),
                Column::Fixed("WHAT"),
                Column::Text("WHY"),
            ];
            let mut table = Table::new(&columns);
            for told in &disclosures {
                table.row([
                    seconds(&told.at),
                    told.how.clone(),
                    told.recipient.clone(),
                    told.rendition.clone().unwrap_or_default(),
                    told.why.clone().unwrap_or_default(),
                ]);
            }
            table
        },
    )
}
