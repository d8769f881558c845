//! A worker pool that drains: it refuses new jobs, finishes those it has accepted, and keeps a deadline.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::{Mutex, mpsc};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs up to `workers` jobs at once; up to `queue` more wait for their turn.
///
/// Share it among tasks in an [`Arc`]. A pool that is dropped without a drain finishes what it has
/// accepted, and nobody waits for it.
pub struct Pool {
    queue: mpsc::Sender<Job>,
    /// Cancelled when the drain begins.
    closing: CancellationToken,
    /// The jobs that run.
    running: TaskTracker,
    workers: TaskTracker,
}

impl Pool {
    /// Starts a pool that runs `workers` jobs at once and holds `queue` more.
    ///
    /// # Panics
    ///
    /// If `workers` or `queue` is zero.
    pub fn start(workers: usize, queue: usize) -> Self {
        assert!(workers > 0 && queue > 0, "a pool needs at least one worker and one place in its queue");
        let (sender, receiver) = mpsc::channel(queue);
        let receiver = Arc::new(Mutex::new(receiver));
        let pool = Self {
            queue: sender,
            closing: CancellationToken::new(),
            running: TaskTracker::new(),
            workers: TaskTracker::new(),
        };
        for _ in 0..workers {
            pool.workers.spawn(work(receiver.clone(), pool.closing.clone(), pool.running.clone()));
        }
        pool.workers.close();
        pool
    }

    /// Hands in a job, and waits while the pool is full. `Ok` means accepted: the job will be
    /// processed, once. A job that panics ends like any other.
    ///
    /// Dropped while it waits, it has submitted nothing.
    ///
    /// # Errors
    ///
    /// [`Closed`] once the drain has begun, also if it begins while this waits. The job is dropped and
    /// never run.
    pub async fn submit(&self, job: impl Future<Output = ()> + Send + 'static) -> Result<(), Closed> {
        tokio::select! {
            // In order: once the drain has begun, room in the queue no longer counts.
            biased;
            () = self.closing.cancelled() => Err(Closed),
            sent = self.queue.send(Box::pin(job)) => sent.map_err(|_| Closed),
        }
    }

    /// Refuses new jobs from the first poll on, releases everybody who waits in [`submit`](Self::submit),
    /// and waits until all accepted jobs are done, at most until `deadline`. Reports itself on stderr.
    ///
    /// Dropped before it is over, it leaves the pool closed; the accepted jobs go on.
    ///
    /// # Errors
    ///
    /// [`DeadlineExceeded`] if a job is left at the deadline. What is left goes on in the background.
    pub async fn drain(&self, deadline: Instant) -> Result<(), DeadlineExceeded> {
        let begun = Instant::now();
        self.closing.cancel();
        let drained = timeout_at(deadline, self.workers.wait()).await;
        let (outcome, abandoned) = match drained {
            Ok(()) => ("complete", 0),
            Err(_) => ("deadline_exceeded", self.queued() + self.running.len()),
        };
        eprintln!("drain outcome={outcome} duration={:?} abandoned={abandoned}", begun.elapsed());
        drained.map_err(|_| DeadlineExceeded)
    }

    fn queued(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }
}

async fn work(queue: Arc<Mutex<mpsc::Receiver<Job>>>, closing: CancellationToken, running: TaskTracker) {
    while let Some(job) = next(&queue, &closing).await {
        // In a task of its own, so that a panic does not take the worker with it.
        let _ = running.spawn(job).await;
    }
}

/// The next job, or none when the queue is closed and empty. The lock is given back with the job: a
/// worker that runs one must not keep the others from theirs.
async fn next(queue: &Mutex<mpsc::Receiver<Job>>, closing: &CancellationToken) -> Option<Job> {
    let mut queue = queue.lock().await;
    tokio::select! {
        biased;
        () = closing.cancelled() => {
            // What was sent before this is still received, and whatever comes after is refused.
            queue.close();
            queue.recv().await
        }
        job = queue.recv() => job,
    }
}

/// The drain has begun: the pool takes no more jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the pool is closed: its drain has begun")
    }
}

impl Error for Closed {}

/// The deadline of the drain came before the end of the last job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeadlineExceeded;

impl fmt::Display for DeadlineExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the drain's deadline came before the last job was done")
    }
}

impl Error for DeadlineExceeded {}
