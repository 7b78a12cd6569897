//! Takes a document through every confined role, as the daemon does but with nothing in between.

use sandbox::{LaunchError, Launcher, Worker};
use types::{Limits, PageGeometry, Reason, Rect};
use wire::{
    Done, Fault, Job, Kind, OcrPage, PageJob, PageResult, ParsedDocument, Refusal, Role, VerifiedPage,
    decode, encode, packed_bytes,
};

/// Processor seconds and wall-clock ms for a page: generous, because other tests run beside these.
const PAGE_SECONDS: u32 = 60;

/// Why a document did not get through.
#[derive(Debug, PartialEq, Eq)]
pub enum Stopped {
    /// The worker refused it in words.
    Refused(Reason),
    /// The worker failed.
    Fault(Fault),
}

impl From<Fault> for Stopped {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// One page as a raster.
pub struct Page {
    /// Its size and place.
    pub geometry: PageGeometry,
    /// Its px, packed.
    pub px: Vec<u8>,
}

/// Takes a document's structure.
///
/// # Errors
/// [`Stopped`].
pub fn parse(launcher: &Launcher, document: &[u8]) -> Result<ParsedDocument, Stopped> {
    let mut worker = start(launcher, Role::Parse, 1);
    order(&mut worker, &Job::Parse { bytes: document.len() as u64, limits: Limits::default() })?;
    worker.send_data(document)?;
    match done(&mut worker)? {
        Done::Parsed(parsed) => leave(worker, parsed),
        _ => Err(Fault::Protocol.into()),
    }
}

/// Takes a document's pages.
///
/// # Errors
/// [`Stopped`].
pub fn normalise(launcher: &Launcher, document: &[u8], count: u32) -> Result<Vec<Page>, Stopped> {
    let mut worker = start(launcher, Role::Normalise, count);
    let (bytes, limits) = (document.len() as u64, Limits::default());
    order(&mut worker, &Job::Normalise { bytes, limits, first: 0, count, turns: Vec::new() })?;
    worker.send_data(document)?;
    let mut pages = Vec::new();
    for _ in 0..count {
        match page(&mut worker)? {
            PageResult::Raster { geometry, .. } => {
                let px = data(&mut worker, packed_bytes(&geometry))?;
                pages.push(Page { geometry, px });
            }
            PageResult::Failed { reason } => return Err(Stopped::Refused(reason)),
            PageResult::Words(_) | PageResult::Verified(_) => return Err(Fault::Protocol.into()),
        }
    }
    done(&mut worker)?;
    leave(worker, pages)
}

/// Takes what is written on pages.
///
/// # Errors
/// [`Stopped`].
pub fn read(launcher: &Launcher, pages: &[Page]) -> Result<Vec<OcrPage>, Stopped> {
    read_within(launcher, Limits::default().worker_memory_bytes_max, pages)
}

/// As [`read`], with so much address space.
///
/// # Errors
/// [`Stopped`]; also when the worker cannot even start in so little.
pub fn read_within(launcher: &Launcher, memory_bytes: u64, pages: &[Page]) -> Result<Vec<OcrPage>, Stopped> {
    let count = count(pages);
    let mut worker = start_within(launcher, Role::Ocr, count, memory_bytes)?;
    order(&mut worker, &Job::Ocr { pages: count })?;
    let mut read = Vec::new();
    for Page { geometry, px } in pages {
        give_page(&mut worker, &PageJob::Read { geometry: *geometry, orient: true })?;
        worker.send_data(px)?;
        match page(&mut worker)? {
            PageResult::Words(words) => read.push(words),
            PageResult::Failed { reason } => return Err(Stopped::Refused(reason)),
            PageResult::Raster { .. } | PageResult::Verified(_) => return Err(Fault::Protocol.into()),
        }
    }
    done(&mut worker)?;
    leave(worker, read)
}

/// Takes the product: every page with its words and with `boxes` painted black.
///
/// # Errors
/// [`Stopped`].
pub fn redact(
    launcher: &Launcher,
    pages: &[Page],
    read: &[OcrPage],
    boxes: &[Rect],
) -> Result<Vec<u8>, Stopped> {
    let mut worker = start(launcher, Role::Redact, count(pages));
    order(&mut worker, &Job::Redact { pages: count(pages) })?;
    for (Page { geometry, px }, read) in pages.iter().zip(read) {
        let words = read.words.words.clone();
        give_page(
            &mut worker,
            &PageJob::Paint { geometry: *geometry, boxes: boxes.to_vec(), words, black: false },
        )?;
        worker.send_data(px)?;
    }
    match done(&mut worker)? {
        Done::Product { bytes } => {
            let product = data(&mut worker, bytes)?;
            leave(worker, product)
        }
        _ => Err(Fault::Protocol.into()),
    }
}

/// Takes what a product shows, and whether it is built as it must be.
///
/// # Errors
/// [`Stopped`].
pub fn verify(
    launcher: &Launcher,
    product: &[u8],
    pages: &[Page],
    boxes: &[Rect],
) -> Result<(Vec<VerifiedPage>, bool), Stopped> {
    let count = count(pages);
    let mut worker = start(launcher, Role::Verify, count);
    order(&mut worker, &Job::Verify { bytes: product.len() as u64, first: 0, count, pages: count })?;
    worker.send_data(product)?;
    let mut verified = Vec::new();
    for Page { geometry, .. } in pages {
        give_page(&mut worker, &PageJob::Check { geometry: *geometry, boxes: boxes.to_vec(), black: false })?;
        match page(&mut worker)? {
            PageResult::Verified(page) => verified.push(page),
            PageResult::Failed { reason } => return Err(Stopped::Refused(reason)),
            PageResult::Raster { .. } | PageResult::Words(_) => return Err(Fault::Protocol.into()),
        }
    }
    match done(&mut worker)? {
        Done::Verified { structure_sound } => leave(worker, (verified, structure_sound)),
        _ => Err(Fault::Protocol.into()),
    }
}

fn start(launcher: &Launcher, role: Role, pages: u32) -> Worker {
    let memory_bytes = Limits::default().worker_memory_bytes_max;
    start_within(launcher, role, pages, memory_bytes).expect("a worker of this build can be started")
}

fn start_within(launcher: &Launcher, role: Role, pages: u32, memory_bytes: u64) -> Result<Worker, Fault> {
    let mut worker = match launcher.spawn(role, memory_bytes) {
        Ok(worker) => worker,
        Err(LaunchError::NotReady { fault, .. }) => return Err(fault),
        Err(error) => panic!("no worker: {error}"),
    };
    worker.allow(pages, PAGE_SECONDS, u64::from(PAGE_SECONDS) * 1000);
    worker.conversation().expect_pages(pages);
    Ok(worker)
}

fn order(worker: &mut Worker, job: &Job) -> Result<(), Fault> {
    worker.send(Kind::Job, &encode(job).map_err(|_| Fault::Protocol)?)
}

fn give_page(worker: &mut Worker, job: &PageJob) -> Result<(), Fault> {
    worker.send(Kind::PageJob, &encode(job).map_err(|_| Fault::Protocol)?)
}

fn page(worker: &mut Worker) -> Result<PageResult, Stopped> {
    answer(worker, Kind::PageResult)
}

fn done(worker: &mut Worker) -> Result<Done, Stopped> {
    answer(worker, Kind::Done)
}

fn answer<T: serde::de::DeserializeOwned>(worker: &mut Worker, kind: Kind) -> Result<T, Stopped> {
    let frame = worker.recv()?;
    if frame.kind == Kind::Refusal {
        let refusal: Refusal = decode(&frame.payload).map_err(|_| Fault::Protocol)?;
        return Err(Stopped::Refused(refusal.reason));
    }
    if frame.kind != kind {
        return Err(Fault::Protocol.into());
    }
    Ok(decode(&frame.payload).map_err(|_| Fault::Protocol)?)
}

fn data(worker: &mut Worker, bytes: u64) -> Result<Vec<u8>, Fault> {
    worker.conversation().expect_data(bytes);
    let mut data = Vec::new();
    while (data.len() as u64) < bytes {
        data.extend(worker.recv()?.payload);
    }
    Ok(data)
}

/// The worker must also leave without a fault.
fn leave<T>(worker: Worker, result: T) -> Result<T, Stopped> {
    worker.end().fault.map_or(Ok(result), |fault| Err(fault.into()))
}

fn count(pages: &[Page]) -> u32 {
    u32::try_from(pages.len()).expect("a sample has few pages")
}
