//! A worker pool that drains once, however often it is told to.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

use std::error::Error;
use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _, Shared};
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
    hooks: Arc<Mutex<Vec<Hook>>>,
    /// The one drain, from the moment when it begins.
    drain: OnceLock<Drain>,
}

type Hook = Box<dyn FnOnce() + Send>;

/// A drain that has begun.
struct Drain {
    /// That of the first caller.
    deadline: Instant,
    /// Of the task in which the drain goes on: if all clones are dropped, the task is not.
    outcome: Shared<BoxFuture<'static, Outcome>>,
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
            hooks: Arc::default(),
            drain: OnceLock::new(),
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
        // Both do no harm when they are repeated. Done by everybody, they are done before anybody
        // returns.
        self.jobs.close();
        self.places.close();
        // The initialiser is not async, so it is never left half-way; others wait for it, but it only
        // begins the drain. The waiting is everybody's own.
        let drain = self.drain.get_or_init(|| self.begin(deadline));
        let over = drain.outcome.clone();
        if deadline >= drain.deadline {
            // The drain itself keeps that deadline. A second timer for the same moment could be the
            // first to strike, and return before the hooks are called.
            return over.await;
        }
        let too_early = |_| Err(DeadlineExceeded { unfinished: self.jobs.len() });
        timeout_at(deadline, over).await.unwrap_or_else(too_early)
    }

    fn begin(&self, deadline: Instant) -> Drain {
        let begun = Instant::now();
        let (jobs, hooks) = (self.jobs.clone(), self.hooks.clone());
        let task = tokio::spawn(async move {
            let finished = timeout_at(deadline, jobs.wait()).await.is_ok();
            let unfinished = if finished { 0 } else { jobs.len() };
            let hooks = mem::take(&mut *hooks.lock().await);
            for hook in hooks {
                // Unwinding from here would cost the other hooks, and everybody the outcome.
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
        });
        let outcome = async { task.await.expect("the drain's task ends with an outcome") };
        Drain { deadline, outcome: outcome.boxed().shared() }
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
