//! The appliance at a glance, and how far documents are.

use crate::{
    desk::Desk,
    submit::refused,
    undelivered,
    view::{Progress, Refused, RouteView, SourceView, StatusView},
    watch::Folder,
};
use lifecycle::{Due, Rendition, Status};
use std::sync::Arc;
use types::DocId;

pub(crate) fn status(desk: &Desk, folders: &[Arc<Folder>]) -> Result<StatusView, Refused> {
    let sources: Vec<SourceView> = desk
        .settings
        .sources
        .iter()
        .map(|source| {
            let folder = folders.iter().find(|folder| folder.source == source.name);
            SourceView {
                name: source.name.clone(),
                folder: source.folder.as_ref().map(|path| path.display().to_string()),
                waiting: folder.map_or(0, |folder| folder.waiting()),
                network: folder.is_some_and(|folder| folder.with(|inbox| inbox.status().network)),
            }
        })
        .collect();
    let keys = desk.vault.status();
    Ok(StatusView {
        site: desk.settings.site.clone(),
        build: sandbox::BUILD.to_owned(),
        started_at: desk.started_at,
        degraded: desk.settings.sandbox.allow_degraded,
        landlock_abi: desk.proof.landlock_abi,
        counts: desk.store.counts().map_err(refused)?.into_iter().collect(),
        waiting_in_inboxes: sources.iter().map(|source| source.waiting).sum::<u64>()
            + desk.gauges.in_intake(),
        ledger_records: desk.store.applied_seq(),
        keystore_generation: keys.generation,
        free_bytes: desk.free_bytes(),
        floor_bytes: desk.settings.space.floor_bytes,
        ballast_bytes: desk.ballast.held_bytes(),
        sources,
        stations: desk.gauges.stations(),
        rss_bytes: own_rss_bytes(),
        sealed: false,
        queued: desk.queue.files(),
        keys_rotated_at: Some(keys.root_made),
        oldest_undelivered: undelivered::oldest(desk)?,
    })
}

/// How far these documents are, or all.
pub(crate) fn progress(desk: &Desk, folders: &[Arc<Folder>], docs: &[DocId]) -> Result<Progress, Refused> {
    if docs.is_empty() {
        // In this order: a file leaves the inbox only after it is counted as a document.
        let waiting = folders.iter().map(|folder| folder.waiting()).sum::<u64>() + desk.gauges.in_intake();
        let queued = desk.queue.files();
        let counts = desk.store.counts().map_err(refused)?;
        let moving =
            |status: &Status| matches!(status, Status::Received | Status::Processing | Status::Routed);
        let sum = |wanted: bool| {
            counts.iter().filter(|(status, _)| moving(status) == wanted).map(|(_, count)| *count).sum()
        };
        let moving = queued + sum(true);
        return Ok(Progress { waiting_in_inboxes: waiting, moving, resting: sum(false) });
    }
    let mut progress = Progress::default();
    for doc in docs {
        // In this order: a file leaves the queue only after it is a document.
        if desk.queue.holds(*doc) {
            progress.moving += 1;
            continue;
        }
        let state = crate::queries::find(desk, *doc)?.state;
        match state.due(desk.patience()) {
            Due::Run(_) | Due::Stop(_) => progress.moving += 1,
            Due::Person | Due::Clock(_) | Due::Nothing => progress.resting += 1,
        }
    }
    Ok(progress)
}

/// All routes.
pub(crate) fn routes(desk: &Desk) -> Vec<RouteView> {
    let policy = desk.policy.load();
    let view = |route: &policy::Route| RouteView {
        name: route.name.clone(),
        owner: route.owner.clone(),
        sla_hours: route.sla_hours,
        rendition: match route.rendition {
            policy::RouteRendition::Redacted => Rendition::Redacted,
            policy::RouteRendition::Original => Rendition::Original,
        },
        folder: desk.settings.paths.outbox_dir.join(&route.folder).display().to_string(),
        classes: route.classes.clone(),
    };
    policy.routes().iter().map(view).collect()
}

/// Resident set of the daemon, bytes; 0 when it cannot be told.
pub(crate) fn own_rss_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() * 1024
}
