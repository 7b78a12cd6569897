//! `lazaretctl review …`: decide what the machine would not.

use crate::{client::Client, doc, fail::Outcome, output::Format, shape::Document};
use api::v1::{DocumentRequest, ListReviewRequest, ReclassifyRequest};
use clap::Subcommand;

/// Decide what the machine would not.
#[derive(Subcommand)]
pub(crate) enum Review {
    /// List documents that wait for a person
    #[command(after_help = "Example:
  lazaretctl review list -o name | xargs -n1 lazaretctl doc explain")]
    List,
    /// Agree with the class; the document goes to the route of its class
    #[command(after_help = "Example:
  lazaretctl review approve 01JD9Z6M8Q3V5X7Y9A1B2C3D4E")]
    Approve {
        /// Ids of the documents
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
    /// Refuse documents; they stay in quarantine until their retention is over
    #[command(after_help = "Example:
  lazaretctl review reject 01JD9Z6M8Q3V5X7Y9A1B2C3D4E")]
    Reject {
        /// Ids of the documents
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
    /// Give a document its class
    #[command(after_help = "Example:
  lazaretctl review reclassify 01JD9Z6M8Q3V5X7Y9A1B2C3D4E lab-result")]
    Reclassify {
        /// Id of the document
        id: String,
        /// Its class
        class: types::DocClass,
    },
}

/// Runs one of them.
pub(crate) async fn run(review: &Review, client: &Client, format: Format) -> Outcome {
    let decided = match review {
        Review::List => waiting(client).await?,
        Review::Approve { ids } => {
            let mut decided = Vec::new();
            for id in ids {
                decided.push(
                    client.review().approve(DocumentRequest { id: id.clone() }).await?.into_inner().into(),
                );
            }
            decided
        }
        Review::Reject { ids } => {
            let mut decided = Vec::new();
            for id in ids {
                decided.push(
                    client.review().reject(DocumentRequest { id: id.clone() }).await?.into_inner().into(),
                );
            }
            decided
        }
        Review::Reclassify { id, class } => {
            let request = ReclassifyRequest { id: id.clone(), class: class.to_string() };
            vec![client.review().reclassify(request).await?.into_inner().into()]
        }
    };
    doc::print_list(format, &decided)
}

async fn waiting(client: &Client) -> Outcome<Vec<Document>> {
    let mut documents = Vec::new();
    let mut after = None;
    loop {
        let page = client.review().list(ListReviewRequest { after, limit: 0 }).await?.into_inner();
        documents.extend(page.documents.into_iter().map(Document::from));
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(documents),
        }
    }
}
