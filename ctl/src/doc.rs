//! `lazaretctl doc …`: look at documents.

use crate::{
    appliance,
    client::Client,
    events,
    fail::Outcome,
    get,
    output::{self, Column, Format, Table},
    shape::{Document, Explanation, PageRedactions, PageWords, seconds},
};
use api::v1::{DocumentRequest, ListDocumentsRequest};
use clap::{Args, Subcommand};

/// Look at documents and fetch what became of them.
#[derive(Subcommand)]
pub(crate) enum Doc {
    /// List documents, oldest first
    #[command(after_help = "Examples:
  lazaretctl doc list --state review
  lazaretctl doc list --source fax --limit 20 -o jsonl")]
    List(List),
    /// Show one document
    #[command(after_help = "Example:
  lazaretctl doc show 01JD9Z6M8Q3V5X7Y9A1B2C3D4E -o json")]
    Show(Id),
    /// Print the words of each page with their boxes (needs document:read:original)
    #[command(after_help = "Example:
  lazaretctl doc words 01JD9Z6M8Q3V5X7Y9A1B2C3D4E -o json")]
    Words(Id),
    /// Print what is hidden on each page, without the clear text
    #[command(after_help = "Example:
  lazaretctl doc redactions 01JD9Z6M8Q3V5X7Y9A1B2C3D4E")]
    Redactions(Id),
    /// Print the recognised text (needs document:read:original)
    #[command(after_help = "Example:
  lazaretctl doc text 01JD9Z6M8Q3V5X7Y9A1B2C3D4E | less")]
    Text(Id),
    /// Print the history of a document, from the ledger
    #[command(after_help = "Example:
  lazaretctl doc events 01JD9Z6M8Q3V5X7Y9A1B2C3D4E -o jsonl")]
    Events(Id),
    /// Say why a document is where it is
    #[command(after_help = "Example:
  lazaretctl doc explain 01JD9Z6M8Q3V5X7Y9A1B2C3D4E")]
    Explain(Id),
    /// Check that a document is what its records say: read back everything that is kept of it; exit 6 if not (needs audit or admin)
    #[command(after_help = "Example:
  lazaretctl doc verify 01JD9Z6M8Q3V5X7Y9A1B2C3D4E")]
    Verify(Id),
    /// Fetch a rendition into a file
    #[command(after_help = "Examples:
  lazaretctl doc get 01JD9Z6M8Q3V5X7Y9A1B2C3D4E -O redacted.pdf
  lazaretctl doc get 01JD9Z6M8Q3V5X7Y9A1B2C3D4E --rendition text -O - | wc -w")]
    Get(get::Get),
}

/// One document.
#[derive(Args)]
pub(crate) struct Id {
    /// Id of the document
    pub(crate) id: String,
}

/// Which documents.
#[derive(Args)]
pub(crate) struct List {
    /// Only documents in this state
    #[arg(long, value_name = "STATE", value_parser = STATES)]
    state: Option<String>,
    /// Only documents of this source
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// At most so many; all without it
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Route and reason in columns of their own, nothing wrapped; needs more than 80 columns
    #[arg(long)]
    wide: bool,
}

const STATES: [&str; 9] =
    ["received", "quarantined", "processing", "review", "routed", "delivered", "rejected", "held", "expired"];

impl From<&Id> for DocumentRequest {
    fn from(id: &Id) -> Self {
        Self { id: id.id.clone() }
    }
}

/// Runs one of them.
pub(crate) async fn run(doc: &Doc, client: &Client, format: Format) -> Outcome {
    match doc {
        Doc::List(list) => {
            let found = all(client, list.state.as_deref(), list.source.as_deref(), list.limit).await?;
            print_as(format, &found, if list.wide { wide } else { narrow })
        }
        Doc::Show(id) => {
            show(format, client.documents().get(DocumentRequest::from(id)).await?.into_inner().into())
        }
        Doc::Words(id) => words(id, client, format).await,
        Doc::Redactions(id) => redactions(id, client, format).await,
        Doc::Text(id) => get::text(&id.id, client).await,
        Doc::Events(id) => events::run(&id.id, client, format).await,
        Doc::Explain(id) => explain(id, client, format).await,
        Doc::Verify(id) => {
            let reply = client.documents().verify(DocumentRequest::from(id)).await?;
            appliance::print_checks(reply.into_inner(), format)
        }
        Doc::Get(what) => get::run(what, client).await,
    }
}

/// Gathers every page of the list.
pub(crate) async fn all(
    client: &Client,
    state: Option<&str>,
    source: Option<&str>,
    limit: Option<usize>,
) -> Outcome<Vec<Document>> {
    let mut documents: Vec<Document> = Vec::new();
    let mut after = None;
    loop {
        let wanted = limit.map_or(usize::MAX, |limit| limit.saturating_sub(documents.len()));
        if wanted == 0 {
            return Ok(documents);
        }
        let limit = u32::try_from(wanted).unwrap_or(u32::MAX).min(api::PAGE_DOCUMENTS_MAX);
        let (state, source) = (state.map(str::to_owned), source.map(str::to_owned));
        let page =
            client.documents().list(ListDocumentsRequest { state, source, after, limit }).await?.into_inner();
        documents.extend(page.documents.into_iter().map(Document::from));
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(documents),
        }
    }
}

/// Prints a list of documents.
pub(crate) fn print_list(format: Format, documents: &[Document]) -> Outcome {
    print_as(format, documents, narrow)
}

fn print_as(format: Format, documents: &[Document], table: fn(&[Document]) -> Table) -> Outcome {
    output::many(format, &[], "documents", documents, |document| document.id.clone(), || table(documents))
}

fn pages_of(d: &Document) -> String {
    d.pages.map_or(String::new(), |pages| pages.to_string())
}

fn confidence_of(d: &Document) -> String {
    d.confidence.map_or(String::new(), |confidence| format!("{confidence:.2}"))
}

fn wide(documents: &[Document]) -> Table {
    let names = ["ID", "SOURCE", "PAGES", "CLASS", "CONF", "STATE", "ROUTE", "REASON"];
    let mut table = Table::wide(&names.map(Column::Fixed));
    for d in documents {
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        table.row([
            d.id.clone(),
            d.source.clone(),
            pages_of(d),
            text(&d.class),
            confidence_of(d),
            d.state.clone(),
            text(&d.route),
            text(&d.reason),
        ]);
    }
    table
}

fn narrow(documents: &[Document]) -> Table {
    let mut table = Table::new(&[
        Column::Fixed("ID"),
        Column::Text("SOURCE"),
        Column::Number("PP"),
        Column::Text("CLASS"),
        Column::Number("CONF"),
        Column::Fixed("STATE"),
        Column::Text("ROUTE OR REASON"),
    ]);
    for d in documents {
        table.row([
            d.id.clone(),
            d.source.clone(),
            pages_of(d),
            d.class.clone().unwrap_or_default(),
            confidence_of(d),
            d.state.clone(),
            d.reason.clone().or_else(|| d.route.clone()).unwrap_or_default(),
        ]);
    }
    table
}

/// Prints one document.
pub(crate) fn show(format: Format, document: Document) -> Outcome {
    output::one(format, &document, &document.id, || {
        let mut table = Table::new(&[Column::Fixed(""), Column::Text("")]);
        let mut line = |name: &str, value: Option<String>| {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                table.row([name.to_owned(), value]);
            }
        };
        let d = &document;
        let sentence = d
            .reason
            .as_deref()
            .and_then(|code| code.parse::<types::Reason>().ok())
            .map(types::Reason::sentence);
        line("id", Some(d.id.clone()));
        line("source", Some(d.source.clone()));
        line("state", Some(d.state.clone()));
        line("reason", d.reason.clone());
        line("", sentence.map(str::to_owned));
        line("pages", d.pages.map(|pages| pages.to_string()));
        line("class", d.class.clone());
        line("confidence", d.confidence.map(|confidence| format!("{confidence:.4}")));
        line("route", d.route.clone());
        line("owner", d.owner.clone());
        line("correlation id", d.correlation_id.clone());
        line("received", Some(d.received_at.clone()));
        line("updated", Some(d.updated_at.clone()));
        line("kept until", Some(format!("{} ({})", d.retain_until, d.retention)));
        for term in d.schedules.iter().filter(|term| term.schedule == "log" || term.until != d.retain_until) {
            line(&format!("  {}", term.schedule), Some(format!("{} ({})", term.until, term.rule)));
        }
        let gone: Vec<&str> =
            d.schedules.iter().filter(|term| term.destroyed).map(|term| term.schedule.as_str()).collect();
        line("destroyed", Some(gone.join(", ")));
        line("holds", Some(d.holds.join(", ")));
        line("sensitivity", Some(d.sensitivity.join(", ")));
        line("findings", Some(d.findings.join(", ")));
        line("bytes", Some(d.bytes.to_string()));
        line("sha256", d.sha256.original.clone());
        line("  redacted", d.sha256.redacted.clone());
        line("  text", d.sha256.text.clone());
        line("duplicate of", d.duplicate_of.clone());
        line("destroyed before as", d.destroyed_before.clone());
        line("rejected before as", d.resent_of.clone());
        line("parent", d.parent.clone());
        line("children", Some(d.children.join(" ")));
        table
    })
}

async fn words(id: &Id, client: &Client, format: Format) -> Outcome {
    let mut stream = client.documents().words(DocumentRequest::from(id)).await?.into_inner();
    let mut pages: Vec<PageWords> = Vec::new();
    while let Some(part) = stream.message().await? {
        let part = PageWords::from(part);
        match pages.last_mut().filter(|page| page.page == part.page) {
            Some(page) => page.words.extend(part.words),
            None => pages.push(part),
        }
    }
    output::many(
        format,
        &[("id", &id.id)],
        "pages",
        &pages,
        |page| page.page.to_string(),
        || {
            let columns = [
                Column::Number("PAGE"),
                Column::Number("LINE"),
                Column::Fixed("BOX"),
                Column::Number("CONF"),
            ];
            let mut table = Table::new(&[&columns[..], &[Column::Text("WORD")]].concat());
            for (page, word) in
                pages.iter().flat_map(|page| page.words.iter().map(move |word| (page.page, word)))
            {
                let conf = format!("{:.2}", word.confidence);
                table.row([
                    page.to_string(),
                    word.line.to_string(),
                    corners(word.rect),
                    conf,
                    word.text.clone(),
                ]);
            }
            table
        },
    )
}

async fn redactions(id: &Id, client: &Client, format: Format) -> Outcome {
    let mut stream = client.documents().redactions(DocumentRequest::from(id)).await?.into_inner();
    let mut pages: Vec<PageRedactions> = Vec::new();
    while let Some(page) = stream.message().await? {
        pages.push(page.into());
    }
    output::many(
        format,
        &[("id", &id.id)],
        "pages",
        &pages,
        |page| page.page.to_string(),
        || {
            let columns =
                [Column::Number("PAGE"), Column::Fixed("BOX"), Column::Fixed("KIND"), Column::Number("CONF")];
            let mut table = Table::new(&[&columns[..], &[Column::Text("RULE")]].concat());
            for page in &pages {
                if page.black {
                    table.row([
                        page.page.to_string(),
                        "all".to_owned(),
                        "black".to_owned(),
                        String::new(),
                        String::new(),
                    ]);
                }
                for hidden in &page.boxes {
                    let conf = format!("{:.2}", hidden.confidence);
                    table.row([
                        page.page.to_string(),
                        corners(hidden.rect),
                        hidden.kind.clone(),
                        conf,
                        hidden.rule.clone(),
                    ]);
                }
            }
            table
        },
    )
}

async fn explain(id: &Id, client: &Client, format: Format) -> Outcome {
    let mut stream = client.documents().explain(DocumentRequest::from(id)).await?.into_inner();
    let mut lines: Vec<Explanation> = Vec::new();
    while let Some(line) = stream.message().await? {
        lines.push(line.into());
    }
    output::many(
        format,
        &[("id", &id.id)],
        "explanation",
        &lines,
        |line| line.station.clone(),
        || {
            let columns =
                [Column::Fixed("AT"), Column::Fixed("STATION"), Column::Text("WHAT"), Column::Text("RULE")];
            let mut table = Table::new(&columns);
            for line in &lines {
                let rule = line.rule.clone().unwrap_or_default();
                table.row([seconds(&line.at), line.station.clone(), line.text.clone(), rule]);
            }
            table
        },
    )
}

fn corners([x0, y0, x1, y1]: [u32; 4]) -> String {
    format!("{x0},{y0} {x1},{y1}")
}
