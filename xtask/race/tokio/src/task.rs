//! `tokio::task`: shuttle's tasks, with what a panic does in tokio.

pub mod join_set;

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use shuttle_tokio::task as shuttles;

pub use join_set::JoinSet;
pub use shuttle_tokio::task::{LocalKey, coop, futures, yield_now};

use crate::visible::point;

/// Tells tasks apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(u64);

impl Id {
    fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

type Panic = Box<dyn Any + Send + 'static>;

/// Begins a task.
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    point();
    let task = async move {
        let mut future = Box::pin(future);
        poll_fn(|context| {
            let poll = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
            poll.map_or_else(|panic| Poll::Ready(Err(of_the_task(panic))), |poll| poll.map(Ok))
        })
        .await
    };
    JoinHandle { task: shuttles::spawn(task), id: Id::next() }
}

/// The panic, if it is one of the task. A scenario that does not hold, and the end of a schedule, unwind
/// too, with what is no text.
fn of_the_task(panic: Panic) -> Panic {
    if panic.is::<String>() || panic.is::<&str>() { panic } else { resume_unwind(panic) }
}

/// Waits for a task. Dropped, it lets the task go on.
#[derive(Debug)]
pub struct JoinHandle<T> {
    task: shuttles::JoinHandle<Result<T, Panic>>,
    id: Id,
}

#[allow(missing_docs)]
impl<T> JoinHandle<T> {
    pub fn abort(&self) {
        self.task.abort();
    }

    pub fn abort_handle(&self) -> AbortHandle {
        AbortHandle { task: self.task.abort_handle(), id: self.id }
    }

    pub fn is_finished(&self) -> bool {
        point();
        self.task.is_finished()
    }

    pub fn id(&self) -> Id {
        self.id
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        point();
        let id = self.id;
        let ended = ready!(Pin::new(&mut self.task).poll(context));
        Poll::Ready(match ended {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(panic)) => Err(JoinError { panic: Some(Mutex::new(panic)), id }),
            Err(_) => Err(JoinError { panic: None, id }),
        })
    }
}

/// Ends a task, without waiting for it.
#[derive(Clone, Debug)]
pub struct AbortHandle {
    task: shuttles::AbortHandle,
    id: Id,
}

#[allow(missing_docs)]
impl AbortHandle {
    pub fn abort(&self) {
        self.task.abort();
    }

    pub fn is_finished(&self) -> bool {
        point();
        self.task.is_finished()
    }

    pub fn id(&self) -> Id {
        self.id
    }
}

/// A task did not come to its end.
pub struct JoinError {
    /// In a lock, so that it can be shared, as tokio's can.
    panic: Option<Mutex<Panic>>,
    id: Id,
}

#[allow(missing_docs)]
impl JoinError {
    pub fn is_cancelled(&self) -> bool {
        self.panic.is_none()
    }

    pub fn is_panic(&self) -> bool {
        self.panic.is_some()
    }

    /// # Panics
    ///
    /// If the task did not panic.
    pub fn into_panic(self) -> Panic {
        self.try_into_panic().expect("the task was cancelled, and did not panic")
    }

    /// # Errors
    ///
    /// Itself, if the task did not panic.
    pub fn try_into_panic(self) -> Result<Panic, Self> {
        let id = self.id;
        let unlocked = |panic: Mutex<Panic>| panic.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.panic.map(unlocked).ok_or(Self { panic: None, id })
    }

    pub fn id(&self) -> Id {
        self.id
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.is_panic() { "panicked" } else { "was cancelled" };
        write!(f, "task {} {what}", self.id)
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinError({self})")
    }
}

impl Error for JoinError {}
