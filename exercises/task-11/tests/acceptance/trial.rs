//! A counter on trial, those who wait, and when and with what they return.

use std::sync::Arc;
use std::time::Duration;

use drain_kit::{DrainReport, Scenario, Span, Timeline, ms, secs};
use task_11::{DeadlineExceeded, Idle, InFlight, Kind, OwnedGuard};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{Instant, sleep_until};

/// A deadline that does not come.
pub(crate) const FAR: Duration = secs(3_600);
/// What "exact" means.
pub(crate) const EXACT: Duration = ms(1);

pub(crate) struct Trial<'a> {
    scenario: &'a Scenario,
    timeline: Timeline,
    pub(crate) in_flight: Arc<InFlight>,
    begun: Instant,
}

/// A piece of work, in the picture. Dropped, it is over.
pub(crate) struct Work {
    _guard: OwnedGuard,
    _span: Over,
}

struct Over(Option<Span>);

/// A call of `wait_idle`, in a task of its own.
pub(crate) struct Caller {
    name: String,
    task: JoinHandle<Returned>,
}

/// What a caller got, and when.
pub(crate) struct Returned {
    name: String,
    called: Instant,
    at: Instant,
    pub(crate) result: Result<Idle, DeadlineExceeded>,
}

impl<'a> Trial<'a> {
    /// Times are counted from now.
    pub(crate) fn new(scenario: &'a Scenario) -> Self {
        let timeline = scenario.timeline().clone();
        timeline.anchor("the first call");
        Self { scenario, timeline, in_flight: Arc::new(InFlight::new()), begun: Instant::now() }
    }

    /// Waits until so much time has passed since the beginning.
    pub(crate) async fn at(&self, milliseconds: u64) {
        sleep_until(self.begun + ms(milliseconds)).await;
    }

    pub(crate) fn enter(&self, name: &str) -> Work {
        let guard = self.in_flight.enter_owned(Kind::Work);
        Work { _guard: guard, _span: Over(Some(self.timeline.begin(name, "begins"))) }
    }

    /// Work that is over by the time anybody can look.
    pub(crate) fn comes_and_goes(&self, name: &str) {
        drop(self.in_flight.enter(Kind::Work));
        self.timeline.mark(name, "comes and goes");
    }

    pub(crate) fn mark(&self, who: &str, what: &str) {
        self.timeline.mark(who, what);
    }

    /// Calls `wait_idle` with this much time until its deadline. It has been polled when this returns.
    pub(crate) async fn call(&self, name: &str, limit: Duration) -> Caller {
        self.call_until(name, Instant::now() + limit).await
    }

    pub(crate) async fn call_until(&self, name: &str, deadline: Instant) -> Caller {
        let (in_flight, timeline, lane) = (self.in_flight.clone(), self.timeline.clone(), name.to_owned());
        let task = tokio::spawn(async move {
            let called = Instant::now();
            let left = deadline.saturating_duration_since(called);
            let call = timeline.begin(&lane, format!("waits, for at most {left:?}"));
            let result = in_flight.wait_idle(deadline).await;
            let at = Instant::now();
            call.end(match &result {
                Ok(idle) => idle.to_string(),
                Err(busy) => busy.to_string(),
            });
            Returned { name: lane, called, at, result }
        });
        yield_now().await;
        Caller { name: name.to_owned(), task }
    }

    pub(crate) async fn returned(&self, caller: Caller) -> Returned {
        self.scenario.returned(2 * FAR, format!("the call of {} to return", caller.name), caller.task).await
    }

    /// Requires that the call returns `Ok` so many milliseconds after the beginning.
    pub(crate) async fn idle_at(&self, caller: Caller, milliseconds: u64) {
        let returned = self.returned(caller).await;
        let expected = format!("{}: Ok(Idle), {milliseconds} ms after the beginning", returned.name);
        self.require_at(&returned, &expected, milliseconds);
        let Ok(idle) = returned.result else { self.scenario.fail(expected, self.shown(&returned)) };
        self.require_duration(&returned, idle.duration);
    }

    /// Requires that the call returns the error so many milliseconds after the beginning, with so much in flight.
    pub(crate) async fn late_at(&self, caller: Caller, milliseconds: u64, in_flight: usize) {
        let returned = self.returned(caller).await;
        let expected = format!(
            "{}: Err(DeadlineExceeded), {milliseconds} ms after the beginning, {in_flight} in flight",
            returned.name,
        );
        self.require_at(&returned, &expected, milliseconds);
        let holds = returned.result.is_err_and(|busy| busy.in_flight == in_flight);
        self.scenario.require(holds, expected, self.shown(&returned));
        if let Err(busy) = returned.result {
            self.require_duration(&returned, busy.duration);
        }
    }

    fn require_at(&self, returned: &Returned, expected: &str, milliseconds: u64) {
        let moment = self.begun + ms(milliseconds);
        let exact = moment <= returned.at && returned.at <= moment + EXACT;
        self.scenario.require(exact, expected, self.shown(returned));
    }

    fn require_duration(&self, returned: &Returned, duration: Duration) {
        let took = returned.at - returned.called;
        let exact = duration.abs_diff(took) <= EXACT;
        let expected = format!("{}: a duration of {took:?}", returned.name);
        self.scenario.require(exact, expected, format!("{duration:?}"));
    }

    fn shown(&self, returned: &Returned) -> String {
        let after = (returned.at - self.begun).as_millis();
        match returned.result {
            Ok(_) => format!("Ok(Idle), {after} ms after the beginning"),
            Err(DeadlineExceeded { in_flight, .. }) => {
                format!("Err(DeadlineExceeded), {after} ms after the beginning, {in_flight} in flight")
            }
        }
    }

    /// Drops a call that waits.
    pub(crate) async fn give_up(&self, caller: Caller) {
        caller.task.abort();
        let dropped = self.scenario.wait_at_most(secs(1), "the call to be dropped", caller.task).await;
        let waits = dropped.is_err_and(|error| error.is_cancelled());
        self.scenario.require(waits, format!("{} waits", caller.name), "it has returned");
        self.timeline.mark(&caller.name, "is dropped");
    }

    /// Requires that the call has not returned.
    pub(crate) async fn still_waits(&self, caller: &Caller, why: &str) {
        yield_now().await;
        let waits = !caller.task.is_finished();
        self.scenario.require(waits, format!("{} waits: {why}", caller.name), "it has returned");
    }

    pub(crate) fn require_count(&self, expected: usize, when: &str) {
        let count = self.in_flight.count();
        self.scenario.require(count == expected, format!("{expected} in flight {when}"), format!("{count}"));
    }

    /// Requires that the result of this call is shown as this report.
    pub(crate) async fn shown_as(&self, caller: Caller, outcome: &str, duration: Duration, abandoned: u64) {
        let returned = self.returned(caller).await;
        let line = match &returned.result {
            Ok(idle) => idle.to_string(),
            Err(busy) => busy.to_string(),
        };
        let expected = format!("`drain outcome={outcome} duration={duration:?} abandoned={abandoned}`");
        let holds = line.starts_with("drain outcome=")
            && DrainReport::parse(&line).is_some_and(|report| {
                report.outcome == outcome
                    && report.abandoned == abandoned
                    && report.duration.abs_diff(duration) <= EXACT
            });
        self.scenario.require(holds, expected, format!("`{line}`"));
    }
}

impl Drop for Over {
    fn drop(&mut self) {
        if let Some(span) = self.0.take() {
            span.end("ends");
        }
    }
}
