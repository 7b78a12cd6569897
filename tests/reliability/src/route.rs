//! The way of one document, walked again and again, each time with a fault at another call.

use crate::{
    Fault, Findings, Load, Promise, Shim, Site, Station, judge,
    senders::drop_durably,
    station::{SOURCES, UPLOADS},
};
use anyhow::{Context as _, Result, ensure};
use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
    thread::{scope, sleep},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// How long a full disk stays full.
const FULL: Duration = Duration::from_millis(500);
/// Everything must be well so soon after a fault, s.
const REST_S: u64 = 60;
/// The index is written behind; after this time it has been.
const BEHIND: Duration = Duration::from_millis(600);

/// What came of one walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Met {
    /// The call was made.
    pub hit: bool,
    /// The daemon ended by itself and was started again.
    pub ended: bool,
}

/// An appliance with a shim, and files to send through it.
pub struct Route {
    station: Station,
    shim: Shim,
    load: Load,
    delivered: bool,
    promises: Vec<Promise>,
    files: TempDir,
}

impl Route {
    /// Sets it up and sends the first documents. `delivered`: a page that is read, approved and delivered;
    /// otherwise a file that is refused from outside.
    ///
    /// # Errors
    /// When that fails.
    pub fn new(name: &str, delivered: bool) -> Result<Self> {
        let files = tempfile::Builder::new().prefix("lazaret-route-").tempdir()?;
        let mut station = Station::new(files.path(), &[])?;
        let shim = Shim::under(&mut station.appliance)?;
        station.start()?;
        let mut route =
            Self { station, shim, load: Load::cheap(name), delivered, promises: Vec::new(), files };
        route.walk()?;
        Ok(route)
    }

    /// Every call that one walk makes, in order.
    ///
    /// # Errors
    /// When the walk fails.
    pub fn sites(&mut self) -> Result<Vec<Site>> {
        sleep(BEHIND);
        self.shim.forget_trace()?;
        self.walk()?;
        sleep(BEHIND);
        self.shim.sites()
    }

    /// One walk with a fault; the daemon is started again if it ends, and nobody does anything else.
    ///
    /// # Errors
    /// When it does not come to rest.
    pub fn walk_with(&mut self, fault: Fault, site: &Site) -> Result<Met> {
        let over = AtomicBool::new(false);
        self.shim.arm(fault, site)?;
        let shim = &mut self.shim;
        let walk = (&mut self.station, &self.load, &mut self.promises, self.delivered, &self.files);
        let (hit, ended) = scope(|scope| {
            let releasing = scope.spawn(|| -> Result<bool> {
                while !over.load(Ordering::Relaxed) && shim.hits()? == 0 {
                    sleep(Duration::from_millis(2));
                }
                let hit = shim.hits()? > 0;
                if hit && fault == Fault::Full {
                    sleep(FULL);
                }
                shim.disarm()?;
                Ok(hit)
            });
            let (station, load, promises, delivered, files) = walk;
            let ended = walk_once(station, load, promises, delivered, files);
            over.store(true, Ordering::Relaxed);
            let hit = releasing.join().unwrap_or_else(|_| Err(anyhow::anyhow!("the release panicked")));
            (hit, ended)
        });
        Ok(Met { hit: hit?, ended: ended.with_context(|| format!("{fault:?} at {site}"))? })
    }

    /// Compares everything with what was promised; fetches what came since `from`.
    ///
    /// # Errors
    /// When the appliance does not answer, also after another start: what failed behind may end it a little later.
    pub fn judge(&mut self, from: usize) -> Result<Findings> {
        if let Ok(found) = judge(&self.station, &self.promises, from)
            && self.station.appliance.runs()?
        {
            return Ok(found);
        }
        self.station.rest(REST_S)?;
        judge(&self.station, &self.promises, from)
    }

    /// The appliance.
    #[must_use]
    pub fn appliance(&self) -> &kit::Appliance {
        &self.station.appliance
    }

    /// Promises so far.
    #[must_use]
    pub fn promised(&self) -> usize {
        self.promises.len()
    }

    fn walk(&mut self) -> Result<()> {
        let ended =
            walk_once(&mut self.station, &self.load, &mut self.promises, self.delivered, &self.files)?;
        ensure!(!ended, "it ended by itself:\n{}", self.station.appliance.log());
        Ok(())
    }
}

/// One file through an inbox, one uploaded; each comes to rest. Says whether the daemon ended meanwhile.
fn walk_once(
    station: &mut Station,
    load: &Load,
    promises: &mut Vec<Promise>,
    delivered: bool,
    files: &TempDir,
) -> Result<bool> {
    let before = station.starts();
    let (name, bytes) = if delivered { load.next_page() } else { load.next() };
    drop_durably(&station.appliance.inbox(SOURCES[0]), &name, &bytes)?;
    let sha256 = kit::sha256_hex(&bytes);
    promises.push(Promise { source: SOURCES[0].to_owned(), sha256: sha256.clone(), id: None });
    station.rest(REST_S)?;
    if delivered {
        approve(station, &sha256)?;
        // What follows on the way of an upload was walked already, but for its beginning.
        return Ok(station.starts() > before);
    }
    let (_, bytes) = load.next();
    let file = files.path().join("upload");
    fs::write(&file, &bytes)?;
    let id =
        until_accepted(station, &["submit", "--source", UPLOADS, "-o", "name", &file.to_string_lossy()])?;
    let (sha256, id) = (kit::sha256_hex(&bytes), id.lines().next().map(str::to_owned));
    promises.push(Promise { source: UPLOADS.to_owned(), sha256, id });
    station.rest(REST_S)?;
    Ok(station.starts() > before)
}

/// A reviewer agrees; tries again as a person does whom the appliance told to.
fn approve(station: &mut Station, sha256: &str) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(REST_S);
    loop {
        let listed = station.ctl(&["doc", "list", "-o", "json"])?;
        let list = listed.json().unwrap_or_default();
        let docs = list["documents"].as_array().cloned().unwrap_or_default();
        let doc = docs.iter().find(|doc| doc["sha256"]["original"] == sha256);
        let state = doc.and_then(|doc| doc["state"].as_str()).unwrap_or_default();
        let id = doc.and_then(|doc| doc["id"].as_str()).unwrap_or_default();
        match state {
            "delivered" => return Ok(()),
            // Ended while the answer was under way, or waiting for the disk: asked again.
            "review" => drop(station.ctl(&["review", "approve", id])?),
            _ => {}
        }
        ensure!(Instant::now() < deadline, "{doc:?} is not delivered:\n{}", station.appliance.log());
        station.supervise()?;
        drop(station.ctl(&["wait", "--all", "--timeout", "2"])?);
    }
}

/// Calls until the appliance says yes, as a sender does.
fn until_accepted(station: &mut Station, args: &[&str]) -> Result<String> {
    let deadline = Instant::now() + Duration::from_secs(REST_S);
    loop {
        let outcome = station.ctl(args)?;
        if outcome.code == 0 {
            return Ok(outcome.text());
        }
        ensure!(Instant::now() < deadline, "never accepted: {}\n{}", outcome.stderr, station.appliance.log());
        station.supervise()?;
        sleep(Duration::from_millis(50));
    }
}
