//! Handing pages to workers: groups of pages, a second chance for the page a worker died on, px from
//! and to the vault.

use crate::{artefacts::disk, refusal::Refusal};
use sandbox::Worker;
use std::{
    collections::{BTreeMap, VecDeque},
    future::Future,
    io::Read,
    sync::Arc,
};
use tokio::task::JoinSet;
use types::{BlobId, DocId, Limits, PageGeometry, PageWords, Reason, Untrusted};
use vault::{Area, Vault};
use wire::{DATA_CHUNK_BYTES_MAX, Fault};

/// Pages that one worker handles at most, one after the other (design: up to 8 consecutive pages).
pub(crate) const GROUP_PAGES_MAX: usize = 8;
/// Workers that may die on a page before the page is given up.
const PAGE_TRIES_MAX: u32 = 2;
/// Highest resolution a page may claim, dpi.
const DPI_MAX: u32 = 2400;

/// What a worker got done with its group, and how it ended if it did not end well.
pub(crate) struct Got<T> {
    /// Results in the order of the group's pages.
    pub(crate) pages: Vec<Result<T, Reason>>,
    /// Why there are not more.
    pub(crate) ended: Option<Refusal>,
}

/// Spreads pages (in order) over workers so that all processes have work, and collects their results in
/// page order. A page whose workers died is given up with their reason; a violation ends everything.
pub(crate) async fn by_groups<T, F, Fut>(
    pages: Vec<u32>,
    processes: usize,
    run: F,
) -> Result<BTreeMap<u32, Result<T, Reason>>, Refusal>
where
    T: Send + 'static,
    F: Fn(Vec<u32>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Got<T>, Refusal>> + Send + 'static,
{
    let size = pages.len().div_ceil(processes.max(1)).clamp(1, GROUP_PAGES_MAX);
    let run = Arc::new(run);
    let mut groups = JoinSet::new();
    for group in pages.chunks(size) {
        groups.spawn(one_group(group.to_vec(), run.clone()));
    }
    let mut all = BTreeMap::new();
    while let Some(group) = groups.join_next().await {
        all.extend(group.unwrap_or(Err(Refusal::NotNow(Reason::WorkerUnavailable)))?);
    }
    Ok(all)
}

async fn one_group<T, F, Fut>(pages: Vec<u32>, run: Arc<F>) -> Result<Vec<(u32, Result<T, Reason>)>, Refusal>
where
    F: Fn(Vec<u32>) -> Fut,
    Fut: Future<Output = Result<Got<T>, Refusal>>,
{
    let mut done = Vec::with_capacity(pages.len());
    let mut died: BTreeMap<u32, u32> = BTreeMap::new();
    let mut queue = VecDeque::from([pages]);
    while let Some(group) = queue.pop_front() {
        let got = run(group.clone()).await?;
        let count = got.pages.len();
        done.extend(group.iter().copied().zip(got.pages));
        let Some(ended) = got.ended else { continue };
        let Refusal::Worker(fault) = ended else { return Err(ended) };
        if matches!(fault, Fault::SandboxViolation | Fault::Protocol) {
            return Err(ended);
        }
        let Some((page, rest)) = group.get(count..).and_then(<[u32]>::split_first) else { return Err(ended) };
        if !rest.is_empty() {
            queue.push_front(rest.to_vec());
        }
        let deaths = died.entry(*page).or_default();
        *deaths += 1;
        if *deaths < PAGE_TRIES_MAX {
            queue.push_front(vec![*page]);
        } else {
            done.push((*page, Err(fault.reason())));
        }
    }
    Ok(done)
}

/// Sends a whole original to a worker.
pub(crate) fn send_original(
    vault: &Vault,
    worker: &mut Worker,
    doc: DocId,
    original: BlobId,
) -> Result<(), Refusal> {
    send_blob(vault, worker, doc, Area::Original, original)
}

/// Sends a blob to a worker, a chunk at a time.
pub(crate) fn send_blob(
    vault: &Vault,
    worker: &mut Worker,
    doc: DocId,
    area: Area,
    blob: BlobId,
) -> Result<(), Refusal> {
    let mut reader = vault.reader(doc, area, blob)?;
    let mut chunk = vec![0; DATA_CHUNK_BYTES_MAX];
    loop {
        let mut filled = 0;
        while filled < chunk.len() {
            match reader.read(&mut chunk[filled..]).map_err(disk)? {
                0 => break,
                read => filled += read,
            }
        }
        if filled == 0 {
            return Ok(());
        }
        worker.send_data(&chunk[..filled])?;
    }
}

/// Bounds what a worker says of a page.
pub(crate) fn believe_geometry(said: PageGeometry, limits: &Limits) -> Result<PageGeometry, Refusal> {
    let side = 1..=limits.side_px_max;
    let geometry = Untrusted::new(said).bound("page geometry", |page| {
        side.contains(&page.width_px)
            && side.contains(&page.height_px)
            && u64::from(page.width_px) * u64::from(page.height_px) <= limits.page_px_max
            && (1..=DPI_MAX).contains(&page.dpi)
            && matches!(page.rotation_deg, 0 | 90 | 180 | 270)
            && page.transform.0.iter().all(|cell| cell.is_finite())
    })?;
    Ok(geometry)
}

/// Bounds what a worker says it read on a page.
pub(crate) fn believe_words(
    said: PageWords,
    page: &PageGeometry,
    limits: &Limits,
) -> Result<PageWords, Refusal> {
    /// Longest word, bytes: longer ones are not words but floods.
    const WORD_BYTES_MAX: usize = 1024;
    let words = Untrusted::new(said).bound("words of a page", |said| {
        said.words.len() <= limits.page_words_max as usize
            && said.words.iter().all(|word| {
                word.rect.is_inside(page.width_px, page.height_px)
                    && (1..=WORD_BYTES_MAX).contains(&word.text.len())
                    && !word.text.chars().any(char::is_control)
                    && (0.0..=1.0).contains(&word.confidence.get())
            })
    })?;
    Ok(words)
}

/// The plain text of a page: a line of text for each line, an empty one between blocks.
pub(crate) fn page_text(page: &PageWords, text: &mut String) {
    let mut before: Option<(u32, u32)> = None;
    for word in &page.words {
        let here = (word.block, word.line);
        match before {
            Some(there) if there == here => text.push(' '),
            Some((block, _)) if block != word.block => text.push_str("\n\n"),
            Some(_) => text.push('\n'),
            None => {}
        }
        text.push_str(word.text.expose());
        before = Some(here);
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    /// Runs pages 0..6 in one group; the worker dies on page 2 as often as `deaths` says.
    async fn with_a_deadly_page(
        deaths: u32,
        fault: Fault,
    ) -> Result<BTreeMap<u32, Result<u32, Reason>>, Refusal> {
        let left = Arc::new(Mutex::new(deaths));
        by_groups((0..6).collect(), 1, move |group| {
            let left = left.clone();
            async move {
                let mut pages = Vec::new();
                for page in group {
                    let mut left = left.lock().map_err(|_| Refusal::Overtaken)?;
                    if page == 2 && *left > 0 {
                        *left -= 1;
                        return Ok(Got { pages, ended: Some(Refusal::Worker(fault)) });
                    }
                    pages.push(Ok(page));
                }
                Ok(Got { pages, ended: None })
            }
        })
        .await
    }

    // B49, design: one bad page does not fail the others; it is retried alone, then given up.
    #[tokio::test]
    async fn a_page_that_kills_its_worker_is_retried_alone_and_then_given_up() {
        let once = with_a_deadly_page(1, Fault::Crash)
            .await
            .map(|all| all.values().filter(|page| page.is_ok()).count());
        assert_eq!(once.ok(), Some(6));
        let always = with_a_deadly_page(9, Fault::Timeout).await.ok();
        let always = always.map(|all| (all.len(), all.get(&2).cloned()));
        assert_eq!(always, Some((6, Some(Err(Reason::WorkerTimeout)))));
    }

    #[tokio::test]
    async fn a_forbidden_system_call_ends_the_document_at_once() {
        assert!(with_a_deadly_page(1, Fault::SandboxViolation).await.is_err());
    }
}
