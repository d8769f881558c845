//! Components that run together, and drain together: each writes down how it has ended.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod report;

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

pub use report::{Cause, Error, Failure, Report};

/// Named components under one cancellation. Whatever ends one of them makes all of them drain.
#[derive(Debug, Default)]
pub struct Group {
    state: watch::Sender<State>,
    draining: CancellationToken,
    tasks: Tasks,
}

/// What is known of the components. Whoever changes it does so under one lock.
#[derive(Debug, Default)]
struct State {
    components: Vec<Component>,
    /// The first.
    failure: Option<Failure>,
    /// When the drain began, if it has.
    begun: Option<Instant>,
}

#[derive(Debug)]
struct Component {
    name: String,
    end: Option<End>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    ByItself,
    CutOff,
}

/// Aborted when they are dropped.
#[derive(Debug, Default)]
struct Tasks(Vec<AbortHandle>);

impl Tasks {
    fn abort(&self) {
        self.0.iter().for_each(AbortHandle::abort);
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.abort();
    }
}

impl State {
    fn all_ended(&self) -> bool {
        self.components.iter().all(|component| component.end.is_some())
    }

    fn begin(&mut self) {
        self.begun.get_or_insert_with(Instant::now);
    }

    /// Takes note of how a component has ended; `returned` is nothing if it never came to its end.
    fn take_note(&mut self, index: usize, returned: Option<Result<(), Error>>, panicked: bool) {
        let component = &mut self.components[index];
        let cause = match returned {
            None if !panicked => {
                component.end = Some(End::CutOff);
                return;
            }
            None => Some(Cause::Panicked),
            Some(Err(error)) => Some(Cause::Error(error)),
            Some(Ok(())) => self.begun.is_none().then_some(Cause::Ended),
        };
        component.end = Some(End::ByItself);
        if let Some(cause) = cause {
            self.failure.get_or_insert(Failure { component: component.name.clone(), cause });
        }
        self.begin();
    }
}

/// Takes note of the end of a component when it is dropped, which is after the component.
struct Note {
    state: watch::Sender<State>,
    draining: CancellationToken,
    index: usize,
    returned: Option<Result<(), Error>>,
}

impl Note {
    fn came_to_its_end(mut self, returned: Result<(), Error>) {
        self.returned = Some(returned);
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        let (returned, panicked) = (self.returned.take(), std::thread::panicking());
        self.state.send_modify(|state| state.take_note(self.index, returned, panicked));
        // After the note, so that no consequence is noted before its cause.
        if self.state.borrow().begun.is_some() {
            self.draining.cancel();
        }
    }
}

impl Group {
    /// A group without components.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a component, and begins it.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn add<F, C>(&mut self, name: &str, component: F)
    where
        F: FnOnce(CancellationToken) -> C + Send + 'static,
        C: Future<Output = Result<(), Error>> + Send + 'static,
    {
        let mut index = 0;
        self.state.send_modify(|state| {
            index = state.components.len();
            state.components.push(Component { name: name.to_owned(), end: None });
        });
        let (state, draining) = (self.state.clone(), self.draining.clone());
        let component = component(self.draining.child_token());
        let note = Note { state, draining, index, returned: None };
        let task = tokio::spawn(async move {
            let returned = component.await;
            note.came_to_its_end(returned);
        });
        self.tasks.0.push(task.abort_handle());
    }

    /// Runs until `stop` is ready or a component ends, and then lets all of them drain until `budget` is
    /// over. Returns when every component has ended or has been dropped.
    pub async fn run(self, stop: impl Future<Output = ()>, budget: Duration) -> Report {
        let mut seen = self.state.subscribe();
        tokio::select! {
            _ = seen.wait_for(|state| state.begun.is_some()) => {}
            () = stop => self.state.send_modify(State::begin),
        }
        self.draining.cancel();
        let begun = self.state.borrow().begun.expect("it has just begun");
        if timeout_at(begun + budget, seen.wait_for(State::all_ended)).await.is_err() {
            self.tasks.abort();
            let _ = seen.wait_for(State::all_ended).await;
        }
        let mut report = Report { failure: None, cut_off: Vec::new(), duration: begun.elapsed() };
        self.state.send_modify(|state| {
            report.failure = state.failure.take();
            let cut_off = state.components.iter().filter(|component| component.end == Some(End::CutOff));
            report.cut_off = cut_off.map(|component| component.name.clone()).collect();
        });
        report
    }
}
