//! A worker pool whose drain has a deadline: what is not done by then is told so, cut off, and counted.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
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
    /// The jobs that were accepted and of which something is left. Closed when the drain begins.
    jobs: TaskTracker,
    // TODO: what tells the jobs of the deadline, and what became of those that are over.
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

    /// Hands in a job, and waits while the pool is full. `Ok` means accepted: the job will be counted,
    /// once, as done or as abandoned. A job that panics ends like any other.
    ///
    /// The job is called when its turn has come, with a token that is cancelled at the deadline of the
    /// drain. From then on it runs only up to its next `await` that has to wait: there it is dropped.
    ///
    /// Dropped while it waits, `submit` has submitted nothing.
    ///
    /// # Errors
    ///
    /// [`Closed`] once the drain has begun, also if it begins while this waits. The job is dropped and
    /// never called.
    pub async fn submit<J, F>(&self, job: J) -> Result<(), Closed>
    where
        J: FnOnce(CancellationToken) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let place = self.places.clone().acquire_owned().await.map_err(|_| Closed)?;
        let workers = self.workers.clone();
        let task = self.jobs.track_future(async move {
            // Guards, so that a panic lets go of them too. They need names: `_` alone drops at once.
            let _place = place;
            let _worker = workers.acquire_owned().await;
            // TODO: a token that is cancelled at the deadline, an end for the job soon after, and an entry
            // in the books, however the job ends.
            job(CancellationToken::new()).await;
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
    /// and waits until all accepted jobs are done, at most until `deadline`. What is left then is
    /// cancelled and cut off. Reports itself on stderr.
    ///
    /// When it returns, no job runs, and what the jobs held has been dropped. It is later than
    /// `deadline` only if a job does not come to an `await`: nothing can cut that off.
    ///
    /// Dropped before it is over, it leaves the pool closed; if the deadline has not come by then,
    /// the accepted jobs go on. What becomes of them at that deadline is up to you.
    ///
    /// # Errors
    ///
    /// [`DeadlineExceeded`] if a job was left at the deadline.
    pub async fn drain(&self, deadline: Instant) -> Result<Drained, DeadlineExceeded> {
        // `wait` never returns on a tracker that is open, and a closed tracker still takes tasks: it is
        // the closed places that turn producers away.
        self.jobs.close();
        self.places.close();
        let _ = deadline;
        todo!("wait for the jobs until the deadline; cancel what is left, cut it off, count it, and report")
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

/// All jobs that the pool has ever accepted are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// How many they were.
    pub done: usize,
}

/// The deadline of the drain came before the end of the last job.
///
/// Both numbers together are all the jobs that the pool has ever accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeadlineExceeded {
    /// The jobs that came to their end, or panicked, before the deadline.
    pub done: usize,
    /// The jobs that did not: cut off, cancelled, or never begun. At least one.
    pub abandoned: usize,
}

impl fmt::Display for DeadlineExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { done, abandoned } = self;
        write!(
            f,
            "the drain's deadline came before the last job was done: {done} done, {abandoned} abandoned"
        )
    }
}

impl Error for DeadlineExceeded {}
