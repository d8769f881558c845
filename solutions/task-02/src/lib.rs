//! A worker pool that drains: it refuses new jobs, finishes those it has accepted, and keeps a deadline.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use tokio_util::task::TaskTracker;

/// Runs up to `workers` jobs at once; up to `queue` more wait for their turn.
///
/// Share it among tasks in an [`Arc`]. A pool that is dropped without a drain finishes what it has
/// accepted, and nobody waits for it.
pub struct Pool {
    /// A permit for each job that the pool may hold, running or waiting.
    places: Arc<Semaphore>,
    /// A permit for each job that may run.
    workers: Arc<Semaphore>,
    /// The jobs that were accepted and are not done. Closed from the moment when the drain begins.
    jobs: TaskTracker,
}

impl Pool {
    /// Starts a pool that runs `workers` jobs at once and holds `queue` more.
    ///
    /// # Panics
    ///
    /// If `workers` or `queue` is zero, or both together are more than [`Semaphore::MAX_PERMITS`].
    pub fn start(workers: usize, queue: usize) -> Self {
        assert!(workers > 0 && queue > 0, "a pool needs at least one worker and one place in its queue");
        Self {
            places: Arc::new(Semaphore::new(workers + queue)),
            workers: Arc::new(Semaphore::new(workers)),
            jobs: TaskTracker::new(),
        }
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
        let place = self.places.clone().acquire_owned().await.map_err(|_| Closed)?;
        let workers = self.workers.clone();
        let task = self.jobs.track_future(async move {
            // Guards, so that a panic gives them back too. They need names: `_` alone drops at once.
            let _place = place;
            let _worker = workers.acquire_owned().await;
            job.await;
        });
        // Counted first, asked second. In this order either the drain sees the job and waits for it,
        // or the job sees the drain; the other way round, both can miss each other.
        if self.jobs.is_closed() {
            return Err(Closed);
        }
        tokio::spawn(task);
        Ok(())
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
        // `wait` never returns on a tracker that is open, and a closed tracker still takes tasks: it is
        // the closed places that turn producers away.
        self.jobs.close();
        self.places.close();
        let drained = timeout_at(deadline, self.jobs.wait()).await;
        let (outcome, abandoned) = match drained {
            Ok(()) => ("complete", 0),
            Err(_) => ("deadline_exceeded", self.jobs.len()),
        };
        eprintln!("drain outcome={outcome} duration={:?} abandoned={abandoned}", begun.elapsed());
        drained.map_err(|_| DeadlineExceeded)
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
