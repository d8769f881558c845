//! Works on orders, one after the other.

use std::time::Duration;

use tokio::select;
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::stoppable::Stoppable;

/// How many orders may wait.
const WAITING: usize = 64;
/// How long an order takes.
const WORK: Duration = Duration::from_millis(100);

/// Starts the workers. Each order that is handed to them is sent to `journal` when it is done.
pub fn start(journal: mpsc::Sender<String>) -> (mpsc::Sender<String>, Stoppable) {
    let (sender, mut orders) = mpsc::channel(WAITING);
    let workers = Stoppable::start(async move |stop| {
        loop {
            let order = select! {
                order = orders.recv() => order,
                () = stop.cancelled(), if !orders.is_closed() => {
                    // Those that wait are still worked on.
                    orders.close();
                    continue;
                }
            };
            let Some(order) = order else { return Ok(()) };
            sleep(WORK).await;
            journal.send(order).await?;
        }
    });
    (sender, workers)
}
