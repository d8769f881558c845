//! A worker pool whose drain has a deadline: what is not done by then is told so, cut off, and counted.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

use std::error::Error;
use std::fmt;
use std::future::{pending, ready};
use std::pin::pin;
use std::sync::Arc;

use tokio::select;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Runs up to `workers` jobs at once; up to `queue` more wait for their turn.
pub struct Pool {
    places: Arc<Semaphore>,
    workers: Arc<Semaphore>,
    jobs: TaskTracker,
    /// When the jobs have to end; the drain says it once, and then only waits.
    deadline: watch::Sender<Option<Instant>>,
    tally: watch::Sender<Tally>,
}

impl Pool {
    /// Starts a pool that runs `workers` jobs at once and holds `queue` more.
    ///
    /// # Panics
    ///
    /// If `workers` or `queue` is zero.
    pub fn start(workers: usize, queue: usize) -> Self {
        assert!(workers > 0 && queue > 0, "a pool needs at least one worker and one place in its queue");
        Self {
            places: Arc::new(Semaphore::new(workers + queue)),
            workers: Arc::new(Semaphore::new(workers)),
            jobs: TaskTracker::new(),
            deadline: watch::channel(None).0,
            tally: watch::channel(Tally::default()).0,
        }
    }

    /// Hands in a job, and waits while the pool is full. `Ok` means accepted: the job will be counted,
    /// once, as done or as abandoned.
    ///
    /// # Errors
    ///
    /// [`Closed`] once the drain has begun, also if it begins while this waits.
    pub async fn submit<J, F>(&self, job: J) -> Result<(), Closed>
    where
        J: FnOnce(CancellationToken) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let place = self.places.clone().acquire_owned().await.map_err(|_| Closed)?;
        let workers = self.workers.clone();
        let mut deadline = self.deadline.subscribe();
        let tally = self.tally.clone();
        let task = self.jobs.track_future(async move {
            let _place = place;
            let mut entry = Entry { tally, deadline: deadline.clone(), cut: false };
            let _worker = select! {
                biased;
                () = strikes(&mut deadline) => {
                    entry.cut = true;
                    return;
                }
                worker = workers.acquire_owned() => worker,
            };
            // The others look at the same clock, and may have looked a moment earlier: whose worker is this?
            if is_over(&deadline) {
                return;
            }
            let token = CancellationToken::new();
            let mut job = pin!(job(token.clone()));
            select! {
                () = &mut job => return,
                () = strikes(&mut deadline) => {}
            }
            entry.cut = true;
            token.cancel();
            select! {
                biased;
                () = job => {}
                () = ready(()) => {}
            }
        });
        if self.jobs.is_closed() {
            return Err(Closed);
        }
        tokio::spawn(task);
        Ok(())
    }

    /// Refuses new jobs, waits for the accepted ones at most until `deadline`, and puts an end to the rest.
    ///
    /// # Errors
    ///
    /// [`DeadlineExceeded`] if a job was left at the deadline.
    pub async fn drain(&self, deadline: Instant) -> Result<Drained, DeadlineExceeded> {
        let begun = Instant::now();
        self.jobs.close();
        self.places.close();
        self.deadline.send_replace(Some(deadline));
        // Without a time-out: every job has it.
        self.jobs.wait().await;
        let Tally { done, abandoned } = *self.tally.borrow();
        let outcome = if abandoned == 0 { "complete" } else { "deadline_exceeded" };
        eprintln!("drain outcome={outcome} duration={:?} abandoned={abandoned}", begun.elapsed());
        if abandoned == 0 { Ok(Drained { done }) } else { Err(DeadlineExceeded { done, abandoned }) }
    }
}

/// Returns at the deadline, once there is one.
async fn strikes(deadline: &mut watch::Receiver<Option<Instant>>) {
    let at = deadline.wait_for(Option::is_some).await.ok().and_then(|at| *at);
    match at {
        Some(at) => drop(timeout_at(at, pending::<()>()).await),
        // The pool was dropped without a drain.
        None => pending().await,
    }
}

fn is_over(deadline: &watch::Receiver<Option<Instant>>) -> bool {
    deadline.borrow().is_some_and(|at| at <= Instant::now())
}

#[derive(Default)]
struct Tally {
    done: usize,
    abandoned: usize,
}

/// Enters a job in the tally when it is over, in whatever way.
struct Entry {
    tally: watch::Sender<Tally>,
    deadline: watch::Receiver<Option<Instant>>,
    /// Whether the deadline has been noticed. A job may also have slept through it.
    cut: bool,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let abandoned = self.cut || is_over(&self.deadline);
        self.tally.send_modify(|tally| if abandoned { tally.abandoned += 1 } else { tally.done += 1 });
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
