//! A worker pool that drains once, however often it is told to.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

use std::error::Error;
use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, timeout_at};
use tokio_util::task::TaskTracker;

/// Runs up to `workers` jobs at once; up to `queue` more wait for their turn.
///
/// Share it among tasks in an [`Arc`]. A pool that is dropped without a drain finishes what it has
/// accepted, and nobody waits for it; its hooks are dropped.
pub struct Pool {
    /// A permit for each job that the pool may hold, running or waiting.
    places: Arc<Semaphore>,
    /// A permit for each job that may run.
    workers: Arc<Semaphore>,
    /// The jobs that were accepted and are not done. Closed from the moment when the drain begins.
    jobs: TaskTracker,
    /// What to call at the end of the drain.
    hooks: Mutex<Vec<Hook>>,
    // TODO: what a second caller has to know of the drain.
}

type Hook = Box<dyn FnOnce() + Send>;

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
            hooks: Mutex::default(),
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

    /// Adds a hook: it is called at the end of the drain, after those that were added before it. It
    /// must not block. One that panics costs that one hook.
    ///
    /// # Errors
    ///
    /// [`Closed`] once the drain has begun. The hook is dropped and never called.
    pub async fn on_drain(&self, hook: impl FnOnce() + Send + 'static) -> Result<(), Closed> {
        let mut hooks = self.hooks.lock().await;
        // Asked under the lock: the hooks are taken after the pool is closed, so one that is added here
        // is not too late.
        if self.jobs.is_closed() {
            return Err(Closed);
        }
        hooks.push(Box::new(hook));
        Ok(())
    }

    /// Begins the drain, or joins the one that has begun, and waits for its end. From the first poll
    /// on, new jobs are refused, and everybody who waits in [`submit`](Self::submit) is released.
    ///
    /// There is one drain, and one outcome for all callers. It is over when all accepted jobs are done,
    /// or at the deadline of its first caller, and when the hooks have been called after that. It
    /// reports itself on stderr. Once it is over, its outcome is returned at once.
    ///
    /// Dropped before it is over, this changes nothing: the drain goes on.
    ///
    /// # Errors
    ///
    /// [`DeadlineExceeded`] if a job is left at the deadline of the drain, or at `deadline`, if that is
    /// earlier and the drain is not over. What is left goes on in the background.
    pub async fn drain(&self, deadline: Instant) -> Outcome {
        let begun = Instant::now();
        // TODO: this is the drain of task 2, with hooks at its end. It works once, for a caller who stays.
        // `close` says whether it was this call that closed the tracker.
        if !self.jobs.close() {
            todo!("the drain has begun: wait for its end, but not past `deadline`; return its outcome")
        }
        // `wait` never returns on a tracker that is open, and a closed tracker still takes tasks: it is
        // the closed places that turn producers away.
        self.places.close();
        let finished = timeout_at(deadline, self.jobs.wait()).await.is_ok();
        let unfinished = if finished { 0 } else { self.jobs.len() };
        let hooks = mem::take(&mut *self.hooks.lock().await);
        for hook in hooks {
            // Unwinding from here would cost the other hooks, and the outcome.
            let _ = catch_unwind(AssertUnwindSafe(hook));
        }
        let duration = begun.elapsed();
        let (name, outcome) = if finished {
            ("complete", Ok(Drained { duration }))
        } else {
            ("deadline_exceeded", Err(DeadlineExceeded { unfinished }))
        };
        eprintln!("drain outcome={name} duration={duration:?} abandoned={unfinished}");
        outcome
    }
}

/// How a drain went: [`Drained`] if all accepted jobs are done.
pub type Outcome = Result<Drained, DeadlineExceeded>;

/// All accepted jobs are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// From the beginning of the drain to its end.
    pub duration: Duration,
}

/// The deadline came before the end of the last job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeadlineExceeded {
    /// How many accepted jobs were not done at the deadline.
    pub unfinished: usize,
}

impl fmt::Display for DeadlineExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the drain's deadline came before the end of {} jobs", self.unfinished)
    }
}

impl Error for DeadlineExceeded {}

/// The drain has begun: the pool takes no more jobs and no more hooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the pool is closed: its drain has begun")
    }
}

impl Error for Closed {}
