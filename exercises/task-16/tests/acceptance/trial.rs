//! Jobs on trial, and the book of what became of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use drain_kit::{AT_ONCE, Moment, Scenario, Timeline, panic_unseen, secs};
use task_16::{DeadlineExceeded, Jobs, Refused, Work};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};

/// What a job does when it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Does {
    /// Ends after so long.
    Ends(Duration),
    Panics(Duration),
    /// Ends after so long, and what it holds panics when it is dropped.
    EndsBadly(Duration),
    /// Never ends.
    Hangs,
    /// Never ends, and never waits for anything but its turn.
    Spins,
    /// Never ends, and panics when it is dropped.
    HangsBadly,
}

/// What became of a job.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Entry {
    /// When it was first polled.
    pub(crate) begins: Option<Moment>,
    /// When it came to its end by itself.
    pub(crate) ends: Option<Moment>,
    /// When its future was gone.
    pub(crate) gone: Option<Moment>,
}

/// The book of all jobs.
#[derive(Clone)]
pub(crate) struct Book {
    timeline: Option<Timeline>,
    entries: Arc<Mutex<BTreeMap<String, Entry>>>,
}

impl Book {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        Self { timeline: Some(scenario.timeline().clone()), entries: Arc::default() }
    }

    /// A book of which the picture shows nothing.
    pub(crate) fn unseen() -> Self {
        Self { timeline: None, entries: Arc::default() }
    }

    fn mark(&self, name: &str, what: &str) -> Moment {
        self.timeline.as_ref().map_or_else(Moment::now, |timeline| timeline.mark(name, what))
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn entry(&self, name: &str) -> Entry {
        self.entries().get(name).copied().unwrap_or_default()
    }

    /// A job that does this, and writes it down.
    pub(crate) fn job(&self, name: &str, does: Does) -> impl Future<Output = ()> + Send + 'static {
        let presence = Presence { book: self.clone(), name: name.to_owned(), does };
        async move {
            presence.writes("begins", |entry| &mut entry.begins);
            match does {
                Does::Ends(after) | Does::Panics(after) | Does::EndsBadly(after) if !after.is_zero() => {
                    sleep(after).await;
                }
                Does::Hangs | Does::HangsBadly => std::future::pending().await,
                Does::Spins => loop {
                    yield_now().await;
                },
                _ => {}
            }
            if matches!(does, Does::Panics(_)) {
                panic_unseen();
            }
            presence.writes("ends", |entry| &mut entry.ends);
        }
    }
}

/// Dropped when the job's future is.
struct Presence {
    book: Book,
    name: String,
    does: Does,
}

impl Presence {
    fn writes(&self, what: &str, when: impl FnOnce(&mut Entry) -> &mut Option<Moment>) {
        let now = self.book.mark(&self.name, what);
        when(self.book.entries().entry(self.name.clone()).or_default()).get_or_insert(now);
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.writes("is gone", |entry| &mut entry.gone);
        if matches!(self.does, Does::EndsBadly(_) | Does::HangsBadly) {
            panic_unseen();
        }
    }
}

/// What a drain returned, and when.
pub(crate) struct Drained {
    pub(crate) begun: Moment,
    pub(crate) returned: Moment,
    pub(crate) outcome: Result<(), DeadlineExceeded>,
}

/// Jobs, judged on the paused clock.
pub(crate) struct Trial<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) jobs: Arc<Jobs>,
    pub(crate) book: Book,
}

impl<'a> Trial<'a> {
    pub(crate) fn new(scenario: &'a Scenario) -> Self {
        Self { scenario, jobs: Arc::new(Jobs::new()), book: Book::new(scenario) }
    }

    pub(crate) fn submit(&self, name: &str, work: Work, does: Does) -> Result<(), Refused> {
        self.jobs.submit(work, self.book.job(name, does))
    }

    /// Submits a job, which is to be accepted.
    #[track_caller]
    pub(crate) fn accepted(&self, name: &str, work: Work, does: Does) {
        let answer = self.submit(name, work, does);
        let what = format!("{name}, {}: accepted: the phase is {}", named(work), self.jobs.phase());
        self.scenario.require(answer.is_ok(), what, said(answer));
    }

    /// Submits a job, which is to be refused like this.
    #[track_caller]
    pub(crate) fn refused(&self, name: &str, work: Work, expected: Refused) {
        let answer = self.submit(name, work, Does::Ends(Duration::ZERO));
        let what = format!("{name}, {}: {}", named(work), said(Err(expected)));
        self.scenario.require(answer == Err(expected), what, said(answer));
    }

    /// Drains with a deadline so long from now.
    pub(crate) async fn drain(&self, budget: Duration) -> Drained {
        self.drain_until(Instant::now() + budget).await
    }

    pub(crate) async fn drain_until(&self, deadline: Instant) -> Drained {
        let begun = self.scenario.timeline().anchor("drain");
        let drain = self.jobs.drain(deadline);
        let outcome = self.scenario.wait_at_most(secs(3_600), "the drain to return", drain).await;
        Drained { begun, returned: Moment::now(), outcome }
    }

    #[track_caller]
    pub(crate) fn require_phase(&self, expected: task_16::Phase, when: &str) {
        let observed = self.jobs.phase();
        self.scenario.require(observed == expected, format!("phase {expected}, {when}"), observed);
    }

    #[track_caller]
    pub(crate) fn require_in_flight(&self, short: usize, long: usize, when: &str) {
        let observed = (self.jobs.in_flight(Work::Short), self.jobs.in_flight(Work::Long));
        self.scenario.require(
            observed == (short, long),
            format!("{short} short and {long} long jobs in flight, {when}"),
            format!("{} short, {} long", observed.0, observed.1),
        );
    }

    /// Requires that the drain returned this, so long after it began.
    #[track_caller]
    pub(crate) fn require_drained(
        &self,
        drained: &Drained,
        expected: Result<(), DeadlineExceeded>,
        after: Duration,
    ) {
        self.scenario.require(
            drained.outcome == expected,
            format!("{expected:?} from the drain"),
            format!("{:?}", drained.outcome),
        );
        self.require_at(drained, Some(drained.returned), after, "the drain returns");
    }

    /// Requires that something came at this time of the drain, and not before.
    #[track_caller]
    pub(crate) fn require_at(&self, drained: &Drained, at: Option<Moment>, expected: Duration, what: &str) {
        let Some(at) = at else {
            self.scenario.fail(format!("{what} at {} ms", expected.as_millis()), "it never did")
        };
        let since = at.since(drained.begun);
        self.scenario.require(
            since >= expected && since <= expected + AT_ONCE,
            format!("{what} at {} ms", expected.as_millis()),
            format!("at {} ms", since.as_millis()),
        );
    }

    /// Requires that a job came to its end by itself.
    #[track_caller]
    pub(crate) fn require_ended(&self, name: &str) {
        let entry = self.book.entry(name);
        let observed = match entry {
            Entry { begins: None, .. } => "it never began",
            Entry { gone: None, .. } => "it is still there",
            _ => "it was cut off",
        };
        self.scenario.require(entry.ends.is_some(), format!("{name} runs to its end"), observed);
    }
}

fn named(work: Work) -> &'static str {
    match work {
        Work::Short => "short work",
        Work::Long => "long work",
    }
}

pub(crate) fn said(answer: Result<(), Refused>) -> &'static str {
    match answer {
        Ok(()) => "accepted",
        Err(Refused::Quiescing) => "refused with Quiescing",
        Err(Refused::Draining) => "refused with Draining",
    }
}
