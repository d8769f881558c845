//! The second component: the one who writes the orders down, one after the other.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use task_12::{Drainable, Step};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::ledger::Ledger;

/// Needs the ledger until its last order is written.
pub struct Clerk {
    ledger: Arc<Ledger>,
    /// `None` before the start, and from the drain on.
    desk: Mutex<Option<mpsc::Sender<Order>>>,
    work: TaskTracker,
}

struct Order {
    text: String,
    written: oneshot::Sender<io::Result<()>>,
}

impl Clerk {
    pub fn new(ledger: Arc<Ledger>) -> Self {
        Self { ledger, desk: Mutex::default(), work: TaskTracker::new() }
    }

    /// Hands in an order, and waits until it is written.
    pub async fn take(&self, text: String) -> io::Result<()> {
        let desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let desk = desk.ok_or(io::ErrorKind::BrokenPipe)?;
        let (written, done) = oneshot::channel();
        desk.send(Order { text, written }).await.map_err(|_| io::ErrorKind::BrokenPipe)?;
        done.await.unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into()))
    }
}

impl Drainable for Clerk {
    fn start(&self) -> Step<'_> {
        Box::pin(async {
            let (desk, mut orders) = mpsc::channel::<Order>(16);
            let ledger = self.ledger.clone();
            self.work.spawn(async move {
                while let Some(Order { text, written }) = orders.recv().await {
                    let _ = written.send(ledger.write(&text));
                }
            });
            *self.desk.lock().unwrap_or_else(PoisonError::into_inner) = Some(desk);
            Ok(())
        })
    }

    fn drain(&self, _deadline: Instant) -> Step<'_> {
        Box::pin(async {
            // With the last sender the queue is closed, and the task ends when it is empty.
            drop(self.desk.lock().unwrap_or_else(PoisonError::into_inner).take());
            self.work.close();
            self.work.wait().await;
            Ok(())
        })
    }
}
