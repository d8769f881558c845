//! The third component: a listener on which a line is an order.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use task_12::{Drainable, Step};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clerk::Clerk;

/// Needs the clerk until its last order is answered.
pub struct Intake {
    listener: Mutex<Option<TcpListener>>,
    clerk: Arc<Clerk>,
    /// The one who accepts, and the connections.
    tasks: TaskTracker,
    closing: CancellationToken,
}

impl Intake {
    pub fn new(listener: TcpListener, clerk: Arc<Clerk>) -> Self {
        let (tasks, closing) = (TaskTracker::new(), CancellationToken::new());
        Self { listener: Mutex::new(Some(listener)), clerk, tasks, closing }
    }
}

impl Drainable for Intake {
    fn start(&self) -> Step<'_> {
        Box::pin(async {
            let listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner).take();
            let listener = listener.ok_or("it has been started before")?;
            let (clerk, tasks, closing) = (self.clerk.clone(), self.tasks.clone(), self.closing.clone());
            self.tasks.spawn(async move {
                // With the listener goes the port: whoever connects from then on is refused.
                while let Some(accepted) = closing.run_until_cancelled(listener.accept()).await {
                    if let Ok((stream, _)) = accepted {
                        tasks.spawn(serve(stream, clerk.clone(), closing.clone()));
                    }
                }
            });
            Ok(())
        })
    }

    fn drain(&self, _deadline: Instant) -> Step<'_> {
        Box::pin(async {
            self.closing.cancel();
            self.tasks.close();
            self.tasks.wait().await;
            Ok(())
        })
    }
}

/// Answers order after order; when the intake closes, no further one. Of one that has come in part, the rest is
/// waited for.
async fn serve(stream: TcpStream, clerk: Arc<Clerk>, closing: CancellationToken) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut order, mut open) = (Vec::new(), true);
    while open || !order.is_empty() {
        tokio::select! {
            biased;
            read = stream.read_until(b'\n', &mut order) => {
                read?;
                let Some(text) = order.strip_suffix(b"\n") else { break };
                let written = clerk.take(String::from_utf8_lossy(text).into_owned()).await;
                stream.write_all(if written.is_ok() { b"ok\n" } else { b"failed\n" }).await?;
                order.clear();
            }
            () = closing.cancelled(), if open => open = false,
        }
    }
    Ok(())
}
