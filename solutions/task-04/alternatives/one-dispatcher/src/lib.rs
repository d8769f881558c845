//! A worker pool whose drain has a deadline: what is not done by then is told so, cut off, and counted.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

use std::error::Error;
use std::fmt;
use std::future::{pending, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use tokio::select;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;
type Job = Box<dyn FnOnce(CancellationToken) -> Work + Send>;

/// Runs up to `workers` jobs at once; up to `queue` more wait for their turn.
pub struct Pool {
    jobs: mpsc::Sender<Job>,
    /// The deadline, once the drain has begun.
    deadline: watch::Sender<Option<Instant>>,
    tally: watch::Receiver<Option<Tally>>,
}

impl Pool {
    /// Starts a pool that runs `workers` jobs at once and holds `queue` more.
    ///
    /// # Panics
    ///
    /// If `workers` or `queue` is zero.
    pub fn start(workers: usize, queue: usize) -> Self {
        assert!(workers > 0 && queue > 0, "a pool needs at least one worker and one place in its queue");
        let (jobs, queue) = mpsc::channel(queue);
        let (deadline, drain) = watch::channel(None);
        let (entry, tally) = watch::channel(None);
        let dispatcher = Dispatcher {
            workers,
            queue,
            open: true,
            drain,
            running: JoinSet::new(),
            cut: CancellationToken::new(),
            tally: Tally::default(),
        };
        tokio::spawn(async move {
            let tally = dispatcher.run().await;
            entry.send_replace(Some(tally));
        });
        Self { jobs, deadline, tally }
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
        let place = self.jobs.reserve().await.map_err(|_| Closed)?;
        // The dispatcher may not have heard of the drain yet. If it begins only now, the place still counts:
        // a queue that is closed ends when the last place that was given out is used or given back.
        if self.deadline.borrow().is_some() {
            return Err(Closed);
        }
        place.send(Box::new(move |token| Box::pin(job(token))));
        Ok(())
    }

    /// Refuses new jobs, waits for the accepted ones at most until `deadline`, and puts an end to the rest.
    ///
    /// # Errors
    ///
    /// [`DeadlineExceeded`] if a job was left at the deadline.
    pub async fn drain(&self, deadline: Instant) -> Result<Drained, DeadlineExceeded> {
        let begun = Instant::now();
        self.deadline.send_replace(Some(deadline));
        let mut tally = self.tally.clone();
        let tally = tally.wait_for(Option::is_some).await.map(|tally| tally.unwrap_or_default());
        let Tally { done, abandoned } = tally.expect("the dispatcher does not panic");
        let outcome = if abandoned == 0 { "complete" } else { "deadline_exceeded" };
        eprintln!("drain outcome={outcome} duration={:?} abandoned={abandoned}", begun.elapsed());
        if abandoned == 0 { Ok(Drained { done }) } else { Err(DeadlineExceeded { done, abandoned }) }
    }
}

#[derive(Clone, Copy, Default)]
struct Tally {
    done: usize,
    abandoned: usize,
}

/// Owns everything: the queue, the jobs that run, the books. Nothing of it is shared.
struct Dispatcher {
    workers: usize,
    queue: mpsc::Receiver<Job>,
    /// Whether the queue may bring more.
    open: bool,
    drain: watch::Receiver<Option<Instant>>,
    running: JoinSet<()>,
    cut: CancellationToken,
    tally: Tally,
}

impl Dispatcher {
    async fn run(mut self) -> Tally {
        let mut deadline = None;
        while self.open || !self.running.is_empty() {
            select! {
                // What is over is counted before the deadline is looked at.
                biased;
                Some(_) = self.running.join_next() => self.tally.done += 1,
                () = at(deadline) => return self.cut().await,
                Ok(()) = self.drain.changed(), if deadline.is_none() => {
                    deadline = *self.drain.borrow();
                    self.queue.close();
                }
                job = self.queue.recv(), if self.open && self.running.len() < self.workers => match job {
                    Some(job) => drop(self.running.spawn(run(job, self.cut.clone()))),
                    None => self.open = false,
                },
            }
        }
        self.tally
    }

    async fn cut(mut self) -> Tally {
        // The queue first: nothing of it is begun any more.
        while self.queue.recv().await.is_some() {
            self.tally.abandoned += 1;
        }
        // A job that ended before it heard anything is done.
        while self.running.try_join_next().is_some() {
            self.tally.done += 1;
        }
        self.tally.abandoned += self.running.len();
        self.cut.cancel();
        while self.running.join_next().await.is_some() {}
        self.tally
    }
}

async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}

/// Runs a job to its end, or from the deadline on as far as it gets without waiting.
async fn run(job: Job, cut: CancellationToken) {
    let mut job = job(cut.child_token());
    let mut cancelled = pin!(cut.cancelled());
    poll_fn(|context| {
        // Asked first and polled second: the last poll is one that sees the cancellation.
        let last = cancelled.as_mut().poll(context).is_ready();
        let ended = job.as_mut().poll(context).is_ready();
        if ended || last { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
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
