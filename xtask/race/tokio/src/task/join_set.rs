//! Several tasks, and whichever ends next.

use std::fmt;
use std::future::poll_fn;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::runtime::Handle;
use crate::visible::point;

use super::{AbortHandle, Id, JoinError, JoinHandle, spawn};

/// Tasks that are aborted when it is dropped.
pub struct JoinSet<T> {
    tasks: Vec<JoinHandle<T>>,
}

#[allow(missing_docs)]
impl<T> JoinSet<T> {
    pub fn new() -> Self {
        Self { tasks: Vec::new() }
    }

    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    pub fn abort_all(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }

    pub fn detach_all(&mut self) {
        self.tasks.clear();
    }
}

#[allow(missing_docs)]
impl<T: 'static> JoinSet<T> {
    pub fn spawn<F>(&mut self, task: F) -> AbortHandle
    where
        F: Future<Output = T> + Send + 'static,
        T: Send,
    {
        let task = spawn(task);
        let abort = task.abort_handle();
        self.tasks.push(task);
        abort
    }

    pub fn spawn_on<F>(&mut self, task: F, _on: &Handle) -> AbortHandle
    where
        F: Future<Output = T> + Send + 'static,
        T: Send,
    {
        self.spawn(task)
    }

    pub async fn join_next(&mut self) -> Option<Result<T, JoinError>> {
        poll_fn(|context| self.poll_join_next(context)).await
    }

    pub async fn join_next_with_id(&mut self) -> Option<Result<(Id, T), JoinError>> {
        poll_fn(|context| self.poll_join_next_with_id(context)).await
    }

    pub fn try_join_next(&mut self) -> Option<Result<T, JoinError>> {
        let without_id = |ended: Result<(Id, T), JoinError>| ended.map(|(_, value)| value);
        self.try_join_next_with_id().map(without_id)
    }

    pub fn try_join_next_with_id(&mut self) -> Option<Result<(Id, T), JoinError>> {
        match self.poll_join_next_with_id(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(ended) => ended,
            Poll::Pending => None,
        }
    }

    pub fn poll_join_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<T, JoinError>>> {
        let without_id = |ended: Result<(Id, T), JoinError>| ended.map(|(_, value)| value);
        self.poll_join_next_with_id(context).map(|ended| ended.map(without_id))
    }

    pub fn poll_join_next_with_id(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<(Id, T), JoinError>>> {
        if self.tasks.is_empty() {
            return Poll::Ready(None);
        }
        point();
        for at in 0..self.tasks.len() {
            let id = self.tasks[at].id();
            if let Poll::Ready(ended) = Pin::new(&mut self.tasks[at]).poll(context) {
                drop(self.tasks.remove(at));
                return Poll::Ready(Some(ended.map(|value| (id, value))));
            }
        }
        Poll::Pending
    }

    pub async fn shutdown(&mut self) {
        self.abort_all();
        while self.join_next().await.is_some() {}
    }

    /// # Panics
    ///
    /// If one of the tasks panics, with the same panic, or if one is aborted.
    pub async fn join_all(mut self) -> Vec<T> {
        let mut values = Vec::new();
        while let Some(ended) = self.join_next().await {
            match ended.map_err(JoinError::try_into_panic) {
                Ok(value) => values.push(value),
                Err(Ok(panic)) => resume_unwind(panic),
                Err(Err(cancelled)) => panic!("{cancelled}"),
            }
        }
        values
    }
}

impl<T> Drop for JoinSet<T> {
    fn drop(&mut self) {
        self.abort_all();
    }
}

impl<T> Default for JoinSet<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for JoinSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinSet").field("len", &self.len()).finish()
    }
}

impl<T, F> FromIterator<F> for JoinSet<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    fn from_iter<I: IntoIterator<Item = F>>(tasks: I) -> Self {
        let mut set = Self::new();
        for task in tasks {
            set.spawn(task);
        }
        set
    }
}
