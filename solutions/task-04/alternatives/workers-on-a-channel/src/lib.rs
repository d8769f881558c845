//! A worker pool whose drain has a deadline: what is not done by then is told so, cut off, and counted.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

use std::error::Error;
use std::fmt;
use std::future::ready;
use std::pin::{Pin, pin};
use std::sync::Arc;

use tokio::select;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;
type Job = Box<dyn FnOnce(CancellationToken) -> Work + Send>;

/// Runs up to `workers` jobs at once; up to `queue` more wait for their turn.
pub struct Pool {
    /// A permit for each job that the pool may hold. It goes with the job.
    places: Arc<Semaphore>,
    intake: Mutex<Intake>,
    cut: CancellationToken,
    /// Each returns how many jobs it has done.
    workers: Mutex<Vec<JoinHandle<usize>>>,
}

struct Intake {
    /// None once the drain has begun: the workers then end with the queue.
    queue: Option<mpsc::UnboundedSender<(Job, OwnedSemaphorePermit)>>,
    accepted: usize,
}

impl Pool {
    /// Starts a pool that runs `workers` jobs at once and holds `queue` more.
    ///
    /// # Panics
    ///
    /// If `workers` or `queue` is zero.
    pub fn start(workers: usize, queue: usize) -> Self {
        assert!(workers > 0 && queue > 0, "a pool needs at least one worker and one place in its queue");
        let places = Arc::new(Semaphore::new(workers + queue));
        let (sender, receiver) = mpsc::unbounded_channel();
        let receiver = Arc::new(Mutex::new(receiver));
        let cut = CancellationToken::new();
        let worker = |_| tokio::spawn(work(receiver.clone(), cut.clone()));
        let workers = Mutex::new((0..workers).map(worker).collect());
        Self { places, intake: Mutex::new(Intake { queue: Some(sender), accepted: 0 }), cut, workers }
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
        let mut intake = self.intake.lock().await;
        let job: Job = Box::new(move |token| Box::pin(job(token)));
        let queue = intake.queue.as_ref().ok_or(Closed)?;
        queue.send((job, place)).map_err(|_| Closed)?;
        intake.accepted += 1;
        Ok(())
    }

    /// Refuses new jobs, waits for the accepted ones at most until `deadline`, and puts an end to the rest.
    ///
    /// # Errors
    ///
    /// [`DeadlineExceeded`] if a job was left at the deadline.
    pub async fn drain(&self, deadline: Instant) -> Result<Drained, DeadlineExceeded> {
        let begun = Instant::now();
        self.places.close();
        let accepted = {
            // Nobody waits with this lock, so it is free within a moment.
            let mut intake = self.intake.lock().await;
            intake.queue = None;
            intake.accepted
        };
        let mut workers = self.workers.lock().await;
        let mut join = pin!(async {
            let mut done = 0;
            // A handle leaves the list when it has been waited for, not before.
            while let Some(worker) = workers.last_mut() {
                done += worker.await.expect("a worker does not panic: its jobs have tasks of their own");
                workers.pop();
            }
            done
        });
        let done = match timeout_at(deadline, &mut join).await {
            Ok(done) => done,
            Err(_) => {
                self.cut.cancel();
                join.await
            }
        };
        let abandoned = accepted - done;
        let outcome = if abandoned == 0 { "complete" } else { "deadline_exceeded" };
        eprintln!("drain outcome={outcome} duration={:?} abandoned={abandoned}", begun.elapsed());
        if abandoned == 0 { Ok(Drained { done }) } else { Err(DeadlineExceeded { done, abandoned }) }
    }
}

/// Takes one job after the other until the queue has ended or the deadline has come. What is then in the
/// queue is dropped with it, by the last worker.
async fn work(
    queue: Arc<Mutex<mpsc::UnboundedReceiver<(Job, OwnedSemaphorePermit)>>>,
    cut: CancellationToken,
) -> usize {
    let mut done = 0;
    loop {
        let next = async { queue.lock().await.recv().await };
        let (job, _place) = select! {
            biased;
            () = cut.cancelled() => return done,
            next = next => match next {
                Some(next) => next,
                None => return done,
            },
        };
        // In a task of its own, because it may panic, and awaited whatever happens.
        let _ = tokio::spawn(run(job, cut.clone())).await;
        if cut.is_cancelled() {
            return done;
        }
        done += 1;
    }
}

/// Runs a job to its end, or from the deadline on as far as it gets without waiting.
async fn run(job: Job, cut: CancellationToken) {
    let mut job = job(cut.child_token());
    select! {
        () = &mut job => return,
        () = cut.cancelled() => {}
    }
    // Its last turn, in which it sees the cancellation.
    select! {
        biased;
        () = job => {}
        () = ready(()) => {}
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
