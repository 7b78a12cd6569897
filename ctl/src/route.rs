//! `lazaretctl route list` and `lazaretctl reroute` (A21).

use crate::{
    client::Client,
    doc,
    fail::Outcome,
    output::{self, Column, Format, Table},
};
use api::v1::{ListRoutesRequest, RerouteRequest};
use clap::{Args, Subcommand};
use serde::Serialize;

/// See where documents go.
#[derive(Subcommand)]
pub(crate) enum Route {
    /// List routes with their owners
    #[command(after_help = "Example:
  lazaretctl route list")]
    List,
}

/// A document, a route and a reason.
#[derive(Args)]
pub(crate) struct Reroute {
    /// Id of the document
    id: String,
    /// Name of the route
    route: String,
    /// Why: a code of the site's own, kept in the ledger
    #[arg(long, value_name = "CODE")]
    why: String,
}

#[derive(Serialize)]
struct Shown {
    name: String,
    owner: String,
    sla_hours: u32,
    rendition: String,
    folder: String,
    classes: Vec<String>,
}

/// Lists routes.
pub(crate) async fn run(route: &Route, client: &Client, format: Format) -> Outcome {
    let Route::List = route;
    let reply = client.routes().list(ListRoutesRequest {}).await?.into_inner();
    let shown = |route: api::v1::Route| Shown {
        name: route.name,
        owner: route.owner,
        sla_hours: route.sla_hours,
        rendition: route.rendition,
        folder: route.folder,
        classes: route.classes,
    };
    let routes: Vec<Shown> = reply.routes.into_iter().map(shown).collect();
    output::many(
        format,
        &[],
        "routes",
        &routes,
        |route| route.name.clone(),
        || {
            let mut table = Table::new(&[
                Column::Fixed("NAME"),
                Column::Text("OWNER"),
                Column::Number("SLA H"),
                Column::Fixed("GETS"),
                Column::Text("CLASSES"),
            ]);
            for route in &routes {
                table.row([
                    route.name.clone(),
                    route.owner.clone(),
                    route.sla_hours.to_string(),
                    route.rendition.clone(),
                    route.classes.join(" "),
                ]);
            }
            table
        },
    )
}

/// Sends a document elsewhere.
pub(crate) async fn reroute(what: &Reroute, client: &Client, format: Format) -> Outcome {
    let request = RerouteRequest { id: what.id.clone(), route: what.route.clone(), why: what.why.clone() };
    doc::show(format, client.routes().reroute(request).await?.into_inner().into())
}
