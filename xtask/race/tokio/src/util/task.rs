//! `tokio_util::task`.

use std::pin::Pin;
use std::task::{Context, Poll};

use crate::task::{AbortHandle, JoinError, JoinHandle};

pub use task_tracker::TaskTracker;

/// Counts tasks, and waits for the last.
pub mod task_tracker {
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use pin_project_lite::pin_project;
    use tokio_util::task::task_tracker as real;

    use crate::runtime::Handle;
    use crate::task::{JoinHandle, spawn};
    use crate::visible::{Visible, VisibleFuture, VisibleGuard, by_path, point};

    /// Counts tasks, and waits for the last.
    pub type TaskTracker = Visible<real::TaskTracker>;
    /// Counts as a task until it is dropped.
    pub type TaskTrackerToken = VisibleGuard<real::TaskTrackerToken>;
    /// Waits until it is closed and there is no task.
    pub type TaskTrackerWaitFuture<'a> = VisibleFuture<real::TaskTrackerWaitFuture<'a>>;

    pin_project! {
        /// Counts as a task until it is dropped.
        #[derive(Debug)]
        #[must_use = "futures do nothing unless you `.await` or poll them"]
        pub struct TrackedFuture<F> {
            #[pin]
            future: F,
            // After the future, which is not over as long as something of it is there.
            token: TaskTrackerToken,
        }
    }

    impl<F: Future> Future for TrackedFuture<F> {
        type Output = F::Output;

        fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
            self.project().future.poll(context)
        }
    }

    #[allow(missing_docs)]
    impl TaskTracker {
        pub fn new() -> Self {
            Self::default()
        }

        pub fn wait(&self) -> TaskTrackerWaitFuture<'_> {
            point();
            VisibleFuture::new(self.real().wait())
        }

        pub fn track_future<F: Future>(&self, future: F) -> TrackedFuture<F> {
            TrackedFuture { future, token: self.token() }
        }

        pub fn token(&self) -> TaskTrackerToken {
            point();
            VisibleGuard::new(self.real().token())
        }

        pub fn spawn<F>(&self, task: F) -> JoinHandle<F::Output>
        where
            F: Future + Send + 'static,
            F::Output: Send + 'static,
        {
            spawn(self.track_future(task))
        }

        pub fn spawn_on<F>(&self, task: F, _on: &Handle) -> JoinHandle<F::Output>
        where
            F: Future + Send + 'static,
            F::Output: Send + 'static,
        {
            self.spawn(task)
        }

        pub fn ptr_eq(left: &Self, right: &Self) -> bool {
            real::TaskTracker::ptr_eq(left.real(), right.real())
        }
    }

    by_path! { [] TaskTracker;
        fn close() -> bool;
        fn reopen() -> bool;
        fn is_closed() -> bool;
        fn is_empty() -> bool;
        fn len() -> usize;
    }

    #[allow(missing_docs)]
    impl TaskTrackerToken {
        pub fn task_tracker(&self) -> TaskTracker {
            Visible::of(self.real().task_tracker().clone())
        }
    }

    impl Clone for TaskTrackerToken {
        fn clone(&self) -> Self {
            point();
            VisibleGuard::new(self.real().clone())
        }
    }
}

/// Aborts its task when it is dropped.
#[derive(Debug)]
#[must_use = "dropped, it aborts the task at once"]
pub struct AbortOnDropHandle<T>(Option<JoinHandle<T>>);

#[allow(missing_docs)]
impl<T> AbortOnDropHandle<T> {
    pub fn new(handle: JoinHandle<T>) -> Self {
        Self(Some(handle))
    }

    pub fn abort(&self) {
        self.handle().abort();
    }

    pub fn is_finished(&self) -> bool {
        self.handle().is_finished()
    }

    pub fn abort_handle(&self) -> AbortHandle {
        self.handle().abort_handle()
    }

    pub fn detach(mut self) -> JoinHandle<T> {
        self.0.take().expect("it is taken once")
    }

    fn handle(&self) -> &JoinHandle<T> {
        self.0.as_ref().expect("it is taken at the end")
    }
}

impl<T> Future for AbortOnDropHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let handle = self.0.as_mut().expect("it is taken at the end");
        Pin::new(handle).poll(context)
    }
}

impl<T> Drop for AbortOnDropHandle<T> {
    fn drop(&mut self) {
        if let Some(handle) = &self.0 {
            handle.abort();
        }
    }
}
