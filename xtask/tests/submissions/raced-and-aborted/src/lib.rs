//! Asks whether the pool is closed, and then counts the job; its
//! destructor makes sure that none is left.
#![forbid(unsafe_code)]

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use tokio_util::task::TaskTracker;

pub struct Pool {
    places: Arc<Semaphore>,
    workers: Arc<Semaphore>,
    jobs: TaskTracker,
    /// A clone for each job that is not done.
    left: Arc<()>,
}

impl Pool {
    pub fn start(workers: usize, queue: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(workers + queue)),
            workers: Arc::new(Semaphore::new(workers)),
            jobs: TaskTracker::new(),
            left: Arc::default(),
        }
    }

    pub async fn submit(&self, job: impl Future<Output = ()> + Send + 'static) -> Result<(), Closed> {
        let place = self.places.clone().acquire_owned().await.map_err(|_| Closed)?;
        if self.jobs.is_closed() {
            return Err(Closed);
        }
        let (workers, left) = (self.workers.clone(), self.left.clone());
        self.jobs.spawn(async move {
            let _place = place;
            let _worker = workers.acquire_owned().await;
            job.await;
            drop(left);
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

impl Drop for Pool {
    fn drop(&mut self) {
        assert!(Arc::strong_count(&self.left) == 1, "a pool must be drained before it is dropped");
    }
}

#[derive(Debug, PartialEq)]
pub struct Closed;

#[derive(Debug, PartialEq)]
pub struct DeadlineExceeded;
