//! A lifecycle on trial, its components, and what has become of them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use drain_kit::{AT_ONCE, DrainReport, Moment, Scenario, Timeline, secs};
use task_12::{Cause, Drainable, Failure, Lifecycle, Refused, Report, StartError};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::parts::{Does, Event, Part, Witness};

pub(crate) struct Trial<'a> {
    scenario: &'a Scenario,
    pub(crate) lifecycle: Arc<Lifecycle>,
    pub(crate) log: Arc<Log>,
}

/// What has happened, in its order.
pub(crate) struct Log {
    timeline: Timeline,
    entries: Mutex<Vec<(Moment, String, Event)>>,
}

/// A call of `drain`, in a task of its own.
pub(crate) struct Caller {
    name: String,
    task: JoinHandle<Returned>,
}

/// What a caller of `drain` got, and when.
pub(crate) struct Returned {
    pub(crate) name: String,
    pub(crate) called: Moment,
    pub(crate) at: Moment,
    pub(crate) report: Report,
}

/// What is expected of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Went {
    Failed,
    Panicked,
    CutOff,
    /// Cut off, with a destructor that panics.
    CutOffOrPanicked,
}

impl<'a> Trial<'a> {
    pub(crate) fn new(scenario: &'a Scenario) -> Self {
        let log = Log { timeline: scenario.timeline().clone(), entries: Mutex::default() };
        Self { scenario, lifecycle: Arc::new(Lifecycle::new()), log: Arc::new(log) }
    }

    pub(crate) fn part(&self, name: &str, start: Does, drain: Does) -> Part {
        Part { name: name.to_owned(), start, drain, witness: self.log.clone() }
    }

    /// Registers a component, and requires that it is taken.
    pub(crate) fn register(&self, name: &str, start: Does, drain: Does) {
        self.add(name, self.part(name, start, drain));
    }

    pub(crate) fn add(&self, name: &str, component: impl Drainable + 'static) {
        let registered = self.lifecycle.register(name, component);
        self.scenario.require(
            registered.is_ok(),
            format!("`{name}` registered"),
            format!("{:?}", registered.err()),
        );
    }

    /// Requires that a component is refused.
    pub(crate) fn require_refused(&self, name: &str, why: Refused, when: &str) {
        let refused = self.lifecycle.register(name, self.part(name, Does::Nothing, Does::Nothing));
        self.scenario.require(
            refused == Err(why),
            format!("Err({why:?}) when `{name}` is registered {when}"),
            format!("{refused:?}"),
        );
    }

    /// Calls `start`, in a task of its own.
    pub(crate) fn start(&self) -> JoinHandle<Result<(), StartError>> {
        let lifecycle = self.lifecycle.clone();
        tokio::spawn(async move { lifecycle.start().await })
    }

    pub(crate) async fn started(&self, start: JoinHandle<Result<(), StartError>>) -> Result<(), StartError> {
        self.scenario.returned(secs(120), "start to return", start).await
    }

    /// Starts everything, and requires that all goes well.
    pub(crate) async fn start_all(&self) {
        let started = self.started(self.start()).await;
        self.scenario.require(started.is_ok(), "Ok from start", shown(&started));
    }

    /// Requires that `start` names this component.
    pub(crate) fn require_not_started(&self, started: &Result<(), StartError>, name: &str, went: Went) {
        let holds = matches!(started, Err(StartError::Component(failure)) if went.fits(name, failure));
        self.scenario.require(holds, format!("the error from start: {}", went.of(name)), shown(started));
    }

    pub(crate) fn require_draining(&self, started: &Result<(), StartError>, when: &str) {
        let holds = matches!(started, Err(StartError::Draining));
        self.scenario.require(holds, format!("Err(Draining) from start {when}"), shown(started));
    }

    /// Calls `drain` with this much time until the deadline, in a task of its own.
    pub(crate) fn call(&self, name: &str, limit: Duration) -> Caller {
        let (lifecycle, timeline, caller) =
            (self.lifecycle.clone(), self.log.timeline.clone(), name.to_owned());
        let deadline = Instant::now() + limit;
        let task = tokio::spawn(async move {
            timeline.anchor("drain");
            let call = timeline.begin(&caller, format!("drain within {limit:?}"));
            let called = call.began();
            let report = lifecycle.drain(deadline).await;
            let at = call.end(&report);
            Returned { name: caller, called, at, report }
        });
        Caller { name: name.to_owned(), task }
    }

    pub(crate) async fn over(&self, caller: Caller) -> Returned {
        self.scenario.returned(secs(120), format!("drain to return to {}", caller.name), caller.task).await
    }

    /// Drains with this much time.
    pub(crate) async fn drain(&self, limit: Duration) -> Returned {
        self.over(self.call("caller", limit)).await
    }

    /// Drops a call that waits for the drain.
    pub(crate) async fn give_up(&self, caller: Caller) {
        caller.task.abort();
        let dropped = self.scenario.wait_at_most(AT_ONCE, "the call to be dropped", caller.task).await;
        let waits = dropped.is_err_and(|error| error.is_cancelled());
        self.scenario.require(waits, format!("{} waits for the drain", caller.name), "it does not");
        self.log.timeline.mark(&caller.name, "dropped");
    }

    /// Requires that exactly this has happened, in this order: `a: start`, `a: ready`, and so on. That something
    /// waits is not looked at, unless it is asked for.
    pub(crate) fn require_log(&self, expected: &[&str]) {
        let asked = expected.iter().any(|entry| entry.ends_with(" waits"));
        let seen: Vec<String> =
            self.log.shown().into_iter().filter(|entry| asked || !entry.ends_with(" waits")).collect();
        let (same, expected) = (seen == expected, expected.join(", "));
        let seen = if seen.is_empty() { "nothing".to_owned() } else { seen.join(", ") };
        self.scenario.require(same, expected, seen);
    }

    /// Requires these failures, in this order.
    pub(crate) fn require_failures(&self, returned: &Returned, expected: &[(&str, Went)]) {
        let failures = &returned.report.failures;
        let all = failures.len() == expected.len()
            && failures.iter().zip(expected).all(|(failure, (name, went))| went.fits(name, failure));
        let words: Vec<String> = expected.iter().map(|(name, went)| went.of(name)).collect();
        let words = if words.is_empty() { "no failure".to_owned() } else { words.join(", ") };
        let seen: Vec<String> = failures.iter().map(|failure| format!("{failure:?}")).collect();
        let seen = if seen.is_empty() { "no failure".to_owned() } else { seen.join(", ") };
        self.scenario.require(all, format!("{words}, reported to {}", returned.name), seen);
    }

    /// Requires that `drain` returned at once after this moment, and not before.
    pub(crate) fn require_at(&self, returned: &Returned, moment: Moment, what: &str) {
        let expected = format!("drain returns to {} at {what}", returned.name);
        let early = moment.since(returned.at);
        self.scenario.require(early.is_zero(), &expected, format!("{} ms before it", early.as_millis()));
        let late = returned.at.since(moment);
        self.scenario.require(late <= AT_ONCE, &expected, format!("{} ms after it", late.as_millis()));
    }

    /// Requires that the report is shown like this, with the time from the first call to the end.
    pub(crate) fn require_line(
        &self,
        returned: &Returned,
        outcome: &str,
        duration: Duration,
        abandoned: u64,
    ) {
        let line = returned.report.to_string();
        let expected = format!("`drain outcome={outcome} duration={duration:?} abandoned={abandoned}`");
        let holds = line.starts_with("drain outcome=")
            && DrainReport::parse(&line).is_some_and(|report| {
                report.outcome == outcome
                    && report.abandoned == abandoned
                    && report.duration.abs_diff(duration) <= AT_ONCE
            });
        self.scenario.require(holds, expected, format!("`{line}`"));
        let exact = returned.report.duration.abs_diff(duration) <= AT_ONCE;
        self.scenario.require(exact, format!("{duration:?}"), format!("{:?}", returned.report.duration));
    }

    /// Requires that this happened at once after this moment, and not before.
    pub(crate) fn require_when(&self, entry: &str, moment: Moment, what: &str) {
        let Some(at) = self.log.when(entry) else { self.scenario.fail(entry, "it did not happen") };
        let (early, late) = (moment.since(at), at.since(moment));
        let observed = format!("{} ms before it, {} ms after it", early.as_millis(), late.as_millis());
        self.scenario.require(early.is_zero() && late <= AT_ONCE, format!("`{entry}` at {what}"), observed);
    }
}

impl Log {
    fn entries(&self) -> MutexGuard<'_, Vec<(Moment, String, Event)>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn shown(&self) -> Vec<String> {
        self.entries().iter().map(|(_, part, event)| format!("{part}: {event}")).collect()
    }

    fn when(&self, entry: &str) -> Option<Moment> {
        let entries = self.entries();
        entries.iter().find(|(_, part, event)| format!("{part}: {event}") == entry).map(|(at, ..)| *at)
    }

    /// The deadlines with which components were drained.
    pub(crate) fn deadlines(&self) -> Vec<(String, Instant)> {
        let drained = |(_, part, event): &(Moment, String, Event)| match event {
            Event::Drain(deadline) => Some((part.clone(), *deadline)),
            _ => None,
        };
        self.entries().iter().filter_map(drained).collect()
    }
}

impl Witness for Log {
    fn saw(&self, part: &str, event: Event) {
        let at = self.timeline.mark(part, event);
        self.entries().push((at, part.to_owned(), event));
    }
}

impl Went {
    pub(crate) fn fits(self, name: &str, failure: &Failure) -> bool {
        let cause = match (self, &failure.cause) {
            (Self::Failed, Cause::Failed(error)) => error.to_string() == Part::error_of(name),
            (Self::Panicked | Self::CutOffOrPanicked, Cause::Panicked) => true,
            (Self::CutOff | Self::CutOffOrPanicked, Cause::DeadlineExceeded) => true,
            _ => false,
        };
        failure.component == name && cause
    }

    pub(crate) fn of(self, name: &str) -> String {
        match self {
            Self::Failed => format!("{name} failed (\"{}\")", Part::error_of(name)),
            Self::Panicked => format!("{name} panicked"),
            Self::CutOff => format!("{name} cut off at the deadline"),
            Self::CutOffOrPanicked => format!("{name} cut off at the deadline, or panicked"),
        }
    }
}

pub(crate) fn shown(started: &Result<(), StartError>) -> String {
    match started {
        Ok(()) => "Ok".to_owned(),
        Err(StartError::Draining) => "Err(Draining)".to_owned(),
        Err(StartError::Component(failure)) => format!("the error: {failure:?}"),
    }
}
