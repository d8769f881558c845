//! A worker pool that drains: it refuses new jobs, finishes those it has accepted, and keeps a deadline.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

use std::error::Error;
use std::fmt;

use tokio::time::Instant;

/// Runs up to `workers` jobs at once; up to `queue` more wait for their turn.
///
/// Share it among tasks in an [`Arc`](std::sync::Arc).
pub struct Pool {
    // TODO: what the pool has to remember.
}

impl Pool {
    /// Starts a pool that runs `workers` jobs at once and holds `queue` more.
    ///
    /// # Panics
    ///
    /// If `workers` or `queue` is zero.
    pub fn start(workers: usize, queue: usize) -> Self {
        todo!("start a pool with workers={workers} and queue={queue}")
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
        drop(job);
        todo!("wait while the pool is full, then accept the job; `Err(Closed)` once the drain has begun")
    }

    /// Refuses new jobs from the first poll on, releases everybody who waits in [`submit`](Self::submit),
    /// and waits until all accepted jobs are done, at most until `deadline`. Reports itself on stderr.
    ///
    /// # Errors
    ///
    /// [`DeadlineExceeded`] if a job is left at the deadline. What is left goes on in the background.
    pub async fn drain(&self, deadline: Instant) -> Result<(), DeadlineExceeded> {
        todo!("close the pool, wait for the accepted jobs until {deadline:?}, report on stderr")
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
