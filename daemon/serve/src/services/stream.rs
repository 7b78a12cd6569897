//! Answers that come in many messages, and the bound on how many of them are under way.

use crate::answer::temporary;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::timeout,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

/// The stream type of every streaming answer.
pub(crate) type Answers<T> = ReceiverStream<Result<T, Status>>;

/// Documents whose content is being read out at once; each may hold a whole document's words in memory.
const READERS_MAX: usize = 8;
/// A reader that takes nothing for this long loses its place.
const READER_STALL: Duration = Duration::from_secs(60);
/// Messages that wait for a slow reader.
const WAITING_MESSAGES: usize = 4;

/// Places for readers.
#[derive(Clone)]
pub(crate) struct Readers(Arc<Semaphore>);

impl Readers {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(READERS_MAX)))
    }

    /// A place, kept until the answer is out.
    pub(crate) async fn place(&self) -> Result<OwnedSemaphorePermit, Status> {
        let place = timeout(READER_STALL, self.0.clone().acquire_owned()).await;
        place
            .ok()
            .and_then(Result::ok)
            .ok_or_else(|| temporary("too many documents are being read; try again"))
    }
}

/// Hands out what is known already, message by message.
pub(crate) fn answers<T, I>(items: I, place: Option<OwnedSemaphorePermit>) -> Answers<T>
where
    T: Send + 'static,
    I: IntoIterator<Item = T> + Send + 'static,
    I::IntoIter: Send,
{
    let (sender, receiver) = mpsc::channel(WAITING_MESSAGES);
    tokio::spawn(async move {
        for item in items {
            if !send(&sender, Ok(item)).await {
                return;
            }
        }
        drop(place);
    });
    ReceiverStream::new(receiver)
}

/// Passes on what the pipeline reads, until it ends, fails or nobody listens.
pub(crate) fn relay<A, T>(
    mut from: mpsc::Receiver<A>,
    place: OwnedSemaphorePermit,
    mut turn: impl FnMut(A) -> Vec<Result<T, Status>> + Send + 'static,
) -> Answers<T>
where
    A: Send + 'static,
    T: Send + 'static,
{
    let (sender, receiver) = mpsc::channel(WAITING_MESSAGES);
    tokio::spawn(async move {
        while let Some(read) = from.recv().await {
            for message in turn(read) {
                if !send(&sender, message).await {
                    return;
                }
            }
        }
        drop(place);
    });
    ReceiverStream::new(receiver)
}

/// False when the reader is gone or has stalled.
async fn send<T>(sender: &mpsc::Sender<Result<T, Status>>, message: Result<T, Status>) -> bool {
    timeout(READER_STALL, sender.send(message)).await.is_ok_and(|sent| sent.is_ok())
}
