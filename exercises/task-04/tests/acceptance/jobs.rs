//! Jobs of all kinds, and the book in which they enter what becomes of them.

use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use drain_kit::{Moment, Span, Timeline, panic_unseen};
use tokio::select;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

pub(crate) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A job that takes this long and ignores its token.
pub(crate) fn lasts(time: Duration) -> impl FnOnce(CancellationToken) -> Work + Send + 'static {
    move |_| Box::pin(sleep(time))
}

/// A job that never ends and ignores its token.
pub(crate) fn for_ever() -> impl FnOnce(CancellationToken) -> Work + Send + 'static {
    |_| Box::pin(pending())
}

/// Reads a channel in which there is always one more message.
pub(crate) async fn never_waits() {
    let (sender, mut messages) = mpsc::unbounded_channel();
    loop {
        let _ = sender.send(());
        messages.recv().await;
    }
}

pub(crate) fn panics() -> impl FnOnce(CancellationToken) -> Work + Send + 'static {
    |_| Box::pin(async { panic_unseen() })
}

pub(crate) fn panics_after(time: Duration) -> impl FnOnce(CancellationToken) -> Work + Send + 'static {
    move |_| {
        Box::pin(async move {
            sleep(time).await;
            panic_unseen();
        })
    }
}

/// Panics before there is a future that could.
pub(crate) fn panics_when_called() -> impl FnOnce(CancellationToken) -> Work + Send + 'static {
    |_| panic_unseen()
}

/// Lets go of a job that holds its thread; dropped, it does so too.
pub(crate) struct Busy(std::sync::mpsc::Sender<()>);

impl Busy {
    pub(crate) fn new() -> (Self, Held) {
        let (sender, receiver) = std::sync::mpsc::channel();
        (Self(sender), Held(receiver))
    }

    pub(crate) fn let_go(self) -> Moment {
        let at = Moment::now();
        drop(self.0);
        at
    }
}

pub(crate) struct Held(std::sync::mpsc::Receiver<()>);

impl Held {
    /// Blocks the thread until the test lets go.
    pub(crate) fn hold(&self) {
        let _ = self.0.recv();
    }
}

pub(crate) struct HoldsWhenDropped(pub(crate) Held);

impl Drop for HoldsWhenDropped {
    fn drop(&mut self) {
        self.0.hold();
    }
}

/// Jobs that enter in a book what becomes of them.
#[derive(Clone)]
pub(crate) struct Jobs(Arc<Ward>);

pub(crate) struct Ward {
    timeline: Timeline,
    book: Mutex<Book>,
}

#[derive(Default)]
pub(crate) struct Book {
    /// How often each job has begun.
    pub(crate) begun: BTreeMap<usize, usize>,
    /// When each job has seen the cancellation.
    pub(crate) saw: BTreeMap<usize, Moment>,
    /// The jobs that went on after something.
    pub(crate) went_on: BTreeSet<usize>,
    pub(crate) running: BTreeSet<usize>,
    pub(crate) most_running: usize,
}

impl Jobs {
    pub(crate) fn new(timeline: Timeline) -> Self {
        Self(Arc::new(Ward { timeline, book: Mutex::default() }))
    }

    pub(crate) fn timeline(&self) -> &Timeline {
        &self.0.timeline
    }

    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        lock(&self.0.book)
    }

    /// How many there are that hold these jobs.
    pub(crate) fn references(&self) -> usize {
        Arc::strong_count(&self.0)
    }

    /// A job as the pool gets it: begun when it is called, over when it is dropped.
    pub(crate) fn run<J, F>(
        self,
        number: usize,
        job: J,
        token: CancellationToken,
    ) -> impl Future<Output = ()> + Send
    where
        J: FnOnce(CancellationToken) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let running = Running::enter(self, number);
        let work = job(token);
        async move {
            work.await;
            running.end();
        }
    }

    /// A job that waits for the cancellation, and ends then.
    pub(crate) fn heeds(&self, number: usize) -> impl FnOnce(CancellationToken) -> Work + Send + 'static {
        let jobs = self.clone();
        move |token| {
            Box::pin(async move {
                token.cancelled().await;
                jobs.saw(number);
            })
        }
    }

    /// A job that does something, and ends with the cancellation.
    pub(crate) fn heeds_beside(
        &self,
        number: usize,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> impl FnOnce(CancellationToken) -> Work + Send + 'static {
        let jobs = self.clone();
        move |token| {
            Box::pin(async move {
                select! {
                    biased;
                    () = token.cancelled() => jobs.saw(number),
                    () = work => {}
                }
            })
        }
    }

    /// A job that takes this long, or ends with the cancellation.
    pub(crate) fn heeds_for(
        &self,
        number: usize,
        time: Duration,
    ) -> impl FnOnce(CancellationToken) -> Work + Send + 'static {
        let jobs = self.clone();
        move |token| {
            Box::pin(async move {
                select! {
                    () = sleep(time) => {}
                    () = token.cancelled() => jobs.saw(number),
                }
            })
        }
    }

    pub(crate) fn saw(&self, number: usize) {
        let at = self.0.timeline.mark(&format!("job {number}"), "sees the cancellation");
        self.book().saw.insert(number, at);
    }

    pub(crate) fn went_on(&self, number: usize) {
        self.book().went_on.insert(number);
    }
}

/// A job between its beginning and its end.
pub(crate) struct Running {
    jobs: Jobs,
    number: usize,
    span: Option<Span>,
    last: &'static str,
}

impl Running {
    pub(crate) fn enter(jobs: Jobs, number: usize) -> Self {
        let span = jobs.0.timeline.begin(&format!("job {number}"), "begins");
        let mut book = jobs.book();
        *book.begun.entry(number).or_default() += 1;
        book.running.insert(number);
        book.most_running = book.most_running.max(book.running.len());
        drop(book);
        Self { jobs, number, span: Some(span), last: "cut off" }
    }

    pub(crate) fn end(mut self) {
        self.last = "ends";
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(span) = self.span.take() {
            span.end(if thread::panicking() { "panics" } else { self.last });
        }
        self.jobs.book().running.remove(&self.number);
    }
}

pub(crate) fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
