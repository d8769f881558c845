//! A worker pool that drains: it refuses new jobs, finishes those it has accepted, and keeps a deadline.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs up to `workers` jobs at once; up to `queue` more wait for their turn.
///
/// Share it among tasks in an [`Arc`]. A pool that is dropped without a drain finishes what it has
/// accepted, and nobody waits for it.
pub struct Pool(Arc<Shared>);

struct Shared {
    workers: usize,
    queue: usize,
    state: Mutex<State>,
    /// A job is done, or the drain has begun.
    room: Notify,
    /// The last worker has left.
    idle: Notify,
}

/// All that submit, the workers and the drain must agree on, under one lock that nobody holds while
/// waiting.
#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    /// The worker tasks. One exists only as long as there are jobs for it.
    working: usize,
    draining: bool,
}

impl Pool {
    /// Starts a pool that runs `workers` jobs at once and holds `queue` more.
    ///
    /// # Panics
    ///
    /// If `workers` or `queue` is zero.
    pub fn start(workers: usize, queue: usize) -> Self {
        assert!(workers > 0 && queue > 0, "a pool needs at least one worker and one place in its queue");
        let state = Mutex::default();
        Self(Arc::new(Shared { workers, queue, state, room: Notify::new(), idle: Notify::new() }))
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
        let mut job: Job = Box::pin(job);
        loop {
            // In the line before the look at the state: what happens after the look wakes it.
            let mut room = pin!(self.0.room.notified());
            room.as_mut().enable();
            match self.accept(job)? {
                None => return Ok(()),
                Some(refused) => job = refused,
            }
            room.await;
        }
    }

    /// Gives the job back if there is no room for it.
    fn accept(&self, job: Job) -> Result<Option<Job>, Closed> {
        let mut state = self.0.lock();
        if state.draining {
            return Err(Closed);
        }
        if state.working < self.0.workers {
            state.working += 1;
            drop(state);
            tokio::spawn(work(self.0.clone(), job));
        } else if state.waiting.len() < self.0.queue {
            state.waiting.push_back(job);
        } else {
            return Ok(Some(job));
        }
        Ok(None)
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
        self.0.lock().draining = true;
        self.0.room.notify_waiters();
        let drained = timeout_at(deadline, async {
            loop {
                let mut idle = pin!(self.0.idle.notified());
                idle.as_mut().enable();
                // A worker leaves only when nothing is waiting.
                if self.0.lock().working == 0 {
                    break;
                }
                // Looked at again: it may have been idle before the drain, and not be any more.
                idle.await;
            }
        })
        .await;
        let left = {
            let state = self.0.lock();
            state.working + state.waiting.len()
        };
        let (outcome, abandoned) = match drained {
            Ok(()) => ("complete", 0),
            Err(_) => ("deadline_exceeded", left),
        };
        eprintln!("drain outcome={outcome} duration={:?} abandoned={abandoned}", begun.elapsed());
        drained.map_err(|_| DeadlineExceeded)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next job for a worker, or none: then the worker is no longer counted and must end.
    fn next(&self) -> Option<Job> {
        let mut state = self.lock();
        let next = state.waiting.pop_front();
        if next.is_none() {
            state.working -= 1;
        }
        let idle = state.working == 0;
        // Nobody is woken under the lock that he needs first.
        drop(state);
        if idle {
            self.idle.notify_waiters();
        }
        self.room.notify_one();
        next
    }
}

async fn work(shared: Arc<Shared>, first: Job) {
    let mut next = Some(first);
    while let Some(mut job) = next {
        // A panic ends the job, not the worker: also that of a destructor, which no poll sees.
        poll_fn(|cx| catch_unwind(AssertUnwindSafe(|| job.as_mut().poll(cx))).unwrap_or(Poll::Ready(())))
            .await;
        let _ = catch_unwind(AssertUnwindSafe(|| drop(job)));
        next = shared.next();
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
