//! Waits for a place by calling itself.
#![forbid(unsafe_code)]

use tokio::time::Instant;

pub struct Pool {
    places: usize,
}

impl Pool {
    pub fn start(workers: usize, queue: usize) -> Self {
        Self { places: workers + queue }
    }

    pub async fn submit(&self, job: impl Future<Output = ()> + Send + 'static) -> Result<(), Closed> {
        while self.taken(self.places) > 0 {}
        tokio::spawn(job);
        Ok(())
    }

    fn taken(&self, places: usize) -> usize {
        self.taken(places + 1) + 1
    }

    pub async fn drain(&self, _deadline: Instant) -> Result<(), DeadlineExceeded> {
        self.taken(0);
        Err(DeadlineExceeded)
    }
}

/// The drain has begun.
#[derive(Debug, PartialEq)]
pub struct Closed;

/// The deadline came first.
#[derive(Debug, PartialEq)]
pub struct DeadlineExceeded;
