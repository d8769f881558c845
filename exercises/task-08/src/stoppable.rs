//! A task that is told to stop, and waited for.

use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// A task with a token, by which it is told to stop. Dropped, it is aborted.
pub struct Stoppable {
    stop: CancellationToken,
    task: AbortOnDropHandle<anyhow::Result<()>>,
}

impl Stoppable {
    /// Starts the task.
    pub fn start<F>(body: impl FnOnce(CancellationToken) -> F) -> Self
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let stop = CancellationToken::new();
        let task = AbortOnDropHandle::new(tokio::spawn(body(stop.clone())));
        Self { stop, task }
    }

    /// Tells the task to stop, and waits for its end. Dropped before that, it aborts the task.
    ///
    /// # Errors
    ///
    /// That of the task, or its panic.
    pub async fn drain(self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.task.await?
    }
}
