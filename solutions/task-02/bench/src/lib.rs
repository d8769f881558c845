//! Pools to compare the reference with. None of them drains; they are what a drain is measured against.
#![forbid(unsafe_code)]

use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

/// A job as a queue holds it.
pub type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// As plain as a pool gets: an unbounded channel for each worker, taken in turn. It takes whatever
/// comes, and never says no.
pub struct Unbounded {
    senders: Vec<mpsc::UnboundedSender<Job>>,
    workers: JoinSet<()>,
}

impl Unbounded {
    /// Starts as many workers.
    pub fn start(workers: usize) -> Self {
        let mut tasks = JoinSet::new();
        let senders = (0..workers).map(|_| {
            let (sender, mut jobs) = mpsc::unbounded_channel::<Job>();
            tasks.spawn(async move {
                while let Some(job) = jobs.recv().await {
                    job.await;
                }
            });
            sender
        });
        Self { senders: senders.collect(), workers: tasks }
    }

    /// Hands in the job of this number.
    pub fn submit(&self, number: usize, job: impl Future<Output = ()> + Send + 'static) {
        let sender = &self.senders[number % self.senders.len()];
        sender.send(Box::pin(job)).expect("the workers run");
    }

    /// Waits for the workers.
    pub async fn finish(mut self) {
        self.senders.clear();
        while self.workers.join_next().await.is_some() {}
    }
}

/// What most people write first: one bounded channel, its receiver shared behind a lock.
pub struct Naive {
    sender: mpsc::Sender<Job>,
    workers: JoinSet<()>,
}

impl Naive {
    /// Starts as many workers behind a queue of this size.
    pub fn start(workers: usize, queue: usize) -> Self {
        let (sender, receiver) = mpsc::channel::<Job>(queue);
        let receiver = Arc::new(Mutex::new(receiver));
        let mut tasks = JoinSet::new();
        for _ in 0..workers {
            let receiver = receiver.clone();
            tasks.spawn(async move {
                loop {
                    let job = receiver.lock().await.recv().await;
                    let Some(job) = job else { return };
                    job.await;
                }
            });
        }
        Self { sender, workers: tasks }
    }

    /// A handle that hands in jobs.
    pub fn sender(&self) -> mpsc::Sender<Job> {
        self.sender.clone()
    }

    /// Waits for the workers.
    pub async fn finish(self) {
        let Self { sender, mut workers } = self;
        drop(sender);
        while workers.join_next().await.is_some() {}
    }
}
