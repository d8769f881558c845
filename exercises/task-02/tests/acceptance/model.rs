//! The pool, as the random scripts drive it. What must hold is the default of `Brief`: this very task.

use std::sync::Arc;

use drain_model::{Brief, Calling, Job, Outcome, called};
use task_02::Pool;
use tokio::time::Instant;

pub struct Task2;

struct Subject(Pool);

impl Brief for Task2 {
    fn start(&self, workers: usize, queue: usize) -> Arc<dyn drain_model::Pool> {
        Arc::new(Subject(Pool::start(workers, queue)))
    }
}

impl drain_model::Pool for Subject {
    fn submit(self: Arc<Self>, job: Job) -> Calling<bool> {
        Box::pin(async move { self.0.submit(job.run()).await.is_ok() })
    }

    fn drain(self: Arc<Self>, deadline: Instant) -> Calling<Outcome> {
        Box::pin(async move {
            let drain = self.0.drain(deadline);
            called().await;
            Outcome::plain(drain.await.is_ok())
        })
    }
}
