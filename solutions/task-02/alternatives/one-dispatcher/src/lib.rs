//! A worker pool that drains: it refuses new jobs, finishes those it has accepted, and keeps a deadline.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

use std::error::Error;
use std::fmt;
use std::pin::Pin;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs up to `workers` jobs at once; up to `queue` more wait for their turn.
///
/// Share it among tasks in an [`Arc`](std::sync::Arc). A pool that is dropped without a drain finishes what it has
/// accepted, and nobody waits for it.
pub struct Pool {
    queue: mpsc::Sender<Job>,
    /// Cancelled when the drain begins.
    closing: CancellationToken,
    /// The jobs that run.
    running: TaskTracker,
    dispatcher: TaskTracker,
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
        let pool = Self {
            queue: sender,
            closing: CancellationToken::new(),
            running: TaskTracker::new(),
            dispatcher: TaskTracker::new(),
        };
        pool.dispatcher.spawn(dispatch(receiver, workers, pool.closing.clone(), pool.running.clone()));
        pool.dispatcher.close();
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
        let drained = timeout_at(deadline, self.dispatcher.wait()).await;
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

/// Owns the queue and the jobs that run: nothing is shared, so nothing is locked.
async fn dispatch(
    mut queue: mpsc::Receiver<Job>,
    workers: usize,
    closing: CancellationToken,
    running: TaskTracker,
) {
    let mut jobs = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            // What was sent before this is still received, and whatever comes after is refused.
            () = closing.cancelled(), if !queue.is_closed() => queue.close(),
            // Reaped at once, also those that have panicked: a set keeps what nobody takes out.
            Some(_) = jobs.join_next() => {}
            // A job is taken off the queue only when a worker is free for it, or the pool would hold
            // one more than it says.
            Some(job) = queue.recv(), if jobs.len() < workers => {
                jobs.spawn(running.track_future(job));
            }
            else => return,
        }
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
