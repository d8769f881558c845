//! Jobs that a gate can hold, and the book in which they enter what becomes of them.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use drain_kit::{Moment, Span, Timeline, panic_unseen};
use tokio::sync::Semaphore;
use tokio::task;
use tokio::time::sleep;

/// A job that takes this long, from when it begins on.
pub(crate) async fn lasts(time: Duration) {
    sleep(time).await;
}

pub(crate) async fn panics() {
    panic_unseen();
}

/// Jobs that enter their beginning and their end in a book, and that a gate can hold in between.
#[derive(Clone)]
pub(crate) struct Jobs(Arc<Ward>);

pub(crate) struct Ward {
    timeline: Timeline,
    gate: Semaphore,
    book: Mutex<Book>,
}

/// What became of the jobs.
#[derive(Default)]
pub(crate) struct Book {
    /// How often each job has begun.
    pub(crate) runs: BTreeMap<usize, usize>,
    /// The jobs that have come to their end.
    pub(crate) ends: BTreeSet<usize>,
    pub(crate) last_end: Option<Moment>,
    pub(crate) running: usize,
    pub(crate) most_running: usize,
    /// The tasks in which jobs are running now.
    pub(crate) tasks: HashSet<task::Id>,
}

impl Jobs {
    pub(crate) fn new(timeline: Timeline) -> Self {
        Self(Arc::new(Ward { timeline, gate: Semaphore::new(0), book: Mutex::default() }))
    }

    pub(crate) fn timeline(&self) -> &Timeline {
        &self.0.timeline
    }

    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        lock(&self.0.book)
    }

    /// How many jobs are running now, and in how many tasks.
    pub(crate) fn running(&self) -> (usize, usize) {
        let book = self.book();
        (book.running, book.tasks.len())
    }

    /// A job that does `what`, entered in the book.
    pub(crate) fn job(
        &self,
        number: usize,
        what: impl Future<Output = ()> + Send + 'static,
    ) -> impl Future<Output = ()> + Send + 'static {
        let jobs = self.clone();
        async move {
            let running = RunningJob::enter(&jobs, number);
            what.await;
            running.end();
        }
    }

    /// Waits until the gate lets one more pass.
    pub(crate) fn gate(&self) -> impl Future<Output = ()> + Send + 'static {
        let jobs = self.clone();
        async move { jobs.0.gate.acquire().await.expect("the gate is never taken down").forget() }
    }

    /// Panics when the gate lets it pass.
    pub(crate) fn panics_at_the_gate(&self) -> impl Future<Output = ()> + Send + 'static {
        let gate = self.gate();
        async {
            gate.await;
            panics().await;
        }
    }

    pub(crate) fn let_go(&self, count: usize) {
        self.0.gate.add_permits(count);
    }

    pub(crate) fn let_all_go(&self) {
        self.let_go(10_000);
    }

    /// Holds jobs again after [`Jobs::let_all_go`].
    pub(crate) fn hold(&self) {
        self.0.gate.forget_permits(usize::MAX);
    }
}

/// A job between its beginning and its end; dropped without [`RunningJob::end`], it was cut off.
pub(crate) struct RunningJob<'a> {
    jobs: &'a Jobs,
    number: usize,
    task: Option<task::Id>,
    span: Option<Span>,
}

impl<'a> RunningJob<'a> {
    pub(crate) fn enter(jobs: &'a Jobs, number: usize) -> Self {
        let span = jobs.0.timeline.begin(&format!("job {number}"), "begins");
        let task = task::try_id();
        let mut book = jobs.book();
        *book.runs.entry(number).or_default() += 1;
        book.running += 1;
        book.most_running = book.most_running.max(book.running);
        book.tasks.extend(task);
        drop(book);
        Self { jobs, number, task, span: Some(span) }
    }

    pub(crate) fn end(mut self) {
        let end = self.span.take().map(|span| span.end("ends"));
        let mut book = self.jobs.book();
        book.ends.insert(self.number);
        book.last_end = book.last_end.max(end);
    }
}

impl Drop for RunningJob<'_> {
    fn drop(&mut self) {
        if let Some(span) = self.span.take() {
            span.end(if std::thread::panicking() { "panics" } else { "cut off" });
        }
        let mut book = self.jobs.book();
        book.running -= 1;
        if let Some(task) = self.task {
            book.tasks.remove(&task);
        }
    }
}

pub(crate) fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
