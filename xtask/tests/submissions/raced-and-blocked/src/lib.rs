//! Lets somebody else go on while it holds a lock that the scheduler does not see: whoever wants it next blocks
//! the thread on which both of them run.
#![forbid(unsafe_code)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use once_cell::sync::OnceCell;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use tokio_util::task::TaskTracker;

pub struct Pool {
    places: Arc<Semaphore>,
    workers: Arc<Semaphore>,
    jobs: TaskTracker,
    submitted: AtomicUsize,
    first: OnceCell<usize>,
}

impl Pool {
    pub fn start(workers: usize, queue: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(workers + queue)),
            workers: Arc::new(Semaphore::new(workers)),
            jobs: TaskTracker::new(),
            submitted: AtomicUsize::new(0),
            first: OnceCell::new(),
        }
    }

    pub async fn submit(&self, job: impl Future<Output = ()> + Send + 'static) -> Result<(), Closed> {
        self.first.get_or_init(|| self.submitted.fetch_add(1, Ordering::SeqCst));
        let place = self.places.clone().acquire_owned().await.map_err(|_| Closed)?;
        let counted = self.jobs.token();
        if self.jobs.is_closed() {
            return Err(Closed);
        }
        let workers = self.workers.clone();
        self.jobs.spawn(async move {
            let _held = (place, counted);
            let _worker = workers.acquire_owned().await;
            job.await;
        });
        Ok(())
    }

    pub async fn drain(&self, deadline: Instant) -> Result<(), DeadlineExceeded> {
        let begun = Instant::now();
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

#[derive(Debug, PartialEq)]
pub struct Closed;

#[derive(Debug, PartialEq)]
pub struct DeadlineExceeded;
