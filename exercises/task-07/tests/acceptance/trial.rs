//! A group on trial: what its components do, and what it says of them.

use std::future::pending;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use drain_kit::{AT_ONCE, Moment, Scenario, Timeline, panic_unseen, secs};
use task_07::{Cause, Error, Group, Report};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// The error with which a component fails, and its text.
pub(crate) const BROKEN: &str = "its disk is full";

/// What a component does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// When it ends by itself, if nobody asked before; from its beginning on.
    pub(crate) alone: Option<(Duration, How)>,
    /// How long it drains, once it is asked; `None` if it does not listen.
    pub(crate) drain: Option<(Duration, How)>,
}

/// How a component ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    Well,
    Error,
    Panic,
}

impl How {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Well => "ends well",
            Self::Error => "fails",
            Self::Panic => "panics",
        }
    }
}

/// Runs until it is asked, and drains for so long.
pub(crate) fn drains(time: Duration) -> Plan {
    Plan { alone: None, drain: Some((time, How::Well)) }
}

/// Runs until it is asked, and fails so long after that.
pub(crate) fn fails_in_the_drain(time: Duration, how: How) -> Plan {
    Plan { alone: None, drain: Some((time, how)) }
}

/// Ends by itself so long after its beginning, whoever asks.
pub(crate) fn ends(time: Duration, how: How) -> Plan {
    Plan { alone: Some((time, how)), drain: None }
}

/// Never ends, whoever asks.
pub(crate) const DEAF: Plan = Plan { alone: None, drain: None };

/// A group, its components, and the scenario that says what must become of them.
pub(crate) struct Trial<'a> {
    scenario: &'a Scenario,
    pub(crate) group: Group,
    pub(crate) book: Arc<Book>,
}

/// What was seen when `run` had returned.
pub(crate) struct Ran<'a> {
    scenario: &'a Scenario,
    pub(crate) report: Report,
    /// When the drain began: at `stop`, or when the first component ended.
    pub(crate) begun: Moment,
    pub(crate) at: Moment,
    pub(crate) book: Arc<Book>,
}

impl<'a> Trial<'a> {
    pub(crate) fn new(scenario: &'a Scenario) -> Self {
        let book = Arc::new(Book::new(Some(scenario.timeline().clone())));
        Self { scenario, group: Group::new(), book }
    }

    /// A group with these components, called `a`, `b`, ...
    pub(crate) fn of(scenario: &'a Scenario, plans: &[Plan]) -> Self {
        let mut trial = Self::new(scenario);
        for (letter, plan) in ('a'..='z').zip(plans) {
            trial.add(&letter.to_string(), *plan);
        }
        trial
    }

    pub(crate) fn add(&mut self, name: &str, plan: Plan) {
        let (book, component) = (self.book.clone(), name.to_owned());
        self.group.add(name, move |token| book.act(component, plan, token));
    }

    /// Runs the group until `stop`, so long from now, or for ever.
    pub(crate) async fn run(self, stop: Option<Duration>, budget: Duration) -> Ran<'a> {
        let Self { scenario, group, book } = self;
        let stop = book.clone().stop(stop);
        let report = scenario.wait_at_most(secs(3_600), "run to return", group.run(stop, budget)).await;
        let at = Moment::now();
        book.mark("run", "returns");
        let begun = book.entries().begun.unwrap_or(at);
        Ran { scenario, report, begun, at, book }
    }
}

impl Ran<'_> {
    /// Requires that `run` returned so long after the drain began.
    pub(crate) fn require_took(&self, time: Duration, what: &str) {
        let due = self.begun.plus(time);
        let (early, late) = (due.since(self.at), self.at.since(due));
        let expected = format!("run returns {time:?} after the drain began: {what}");
        self.scenario.require(early.is_zero(), &expected, format!("{early:?} before that"));
        self.scenario.require(late <= AT_ONCE, &expected, format!("{late:?} after that"));
        let said = self.report.duration;
        self.scenario.require(
            said.abs_diff(time) <= AT_ONCE,
            format!("a duration of {time:?}: from the beginning of the drain to its end"),
            format!("{said:?}"),
        );
    }

    /// Requires this failure, of this component; or none.
    pub(crate) fn require_failure(&self, expected: Option<(&str, Wrong)>) {
        let observed = self.report.failure.as_ref().map(|failure| {
            let shown = Wrong::of(&failure.cause);
            (failure.component.as_str(), shown)
        });
        self.scenario.require(observed == expected, shown(expected), shown(observed));
        if let Some((_, Wrong::Error)) = expected {
            let cause = &self.report.failure.as_ref().expect("it was compared").cause;
            let Cause::Error(error) = cause else { unreachable!("it was compared") };
            self.scenario.require(
                error.to_string() == BROKEN,
                format!("the error that the component returned, `{BROKEN}`"),
                format!("`{error}`"),
            );
        }
    }

    /// Requires that these components were cut off, and no other.
    pub(crate) fn require_cut_off(&self, names: &[&str]) {
        let observed = &self.report.cut_off;
        self.scenario.require(
            observed == names,
            format!("cut off: {names:?}"),
            format!("cut off: {observed:?}"),
        );
        for name in names {
            let entry = self.book.entry(name);
            self.scenario.require(
                entry.dropped.is_some() && entry.ended.is_none(),
                format!("{name} dropped before its end when run returns"),
                if entry.ended.is_some() { "it had ended by itself" } else { "it is still there" },
            );
        }
    }

    /// Requires that these components came to their end, so long after the drain began.
    pub(crate) fn require_drained(&self, drained: &[(&str, Duration)]) {
        for (name, time) in drained {
            let due = self.begun.plus(*time);
            let expected = format!("{name} comes to its end, {time:?} after the drain began");
            match self.book.entry(name).ended {
                Some(at) => {
                    let off = at.since(due).max(due.since(at));
                    let observed = format!("{:?} after it", at.since(self.begun));
                    self.scenario.require(off <= AT_ONCE, expected, observed);
                }
                None => self.scenario.fail(expected, "it was dropped before"),
            }
        }
    }

    /// Requires that these components were asked to drain when the drain began: not before, and at once.
    pub(crate) fn require_asked(&self, names: &[&str]) {
        for name in names {
            let expected = format!("the token of {name} cancelled when the drain begins");
            let Some(asked) = self.book.entry(name).asked else {
                self.scenario.fail(expected, "it was not cancelled");
            };
            let (early, late) = (self.begun.since(asked), asked.since(self.begun));
            self.scenario.require(early.is_zero(), &expected, format!("{early:?} before it"));
            self.scenario.require(late <= AT_ONCE, &expected, format!("{late:?} after it"));
        }
    }
}

/// What a component may have done wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    Error,
    Panicked,
    Ended,
}

impl Wrong {
    pub(crate) fn of(cause: &Cause) -> Self {
        match cause {
            Cause::Error(_) => Self::Error,
            Cause::Panicked => Self::Panicked,
            Cause::Ended => Self::Ended,
        }
    }
}

impl From<How> for Wrong {
    /// Of a component that ended before the drain.
    fn from(how: How) -> Self {
        match how {
            How::Well => Self::Ended,
            How::Error => Self::Error,
            How::Panic => Self::Panicked,
        }
    }
}

pub(crate) fn shown(failure: Option<(&str, Wrong)>) -> String {
    match failure {
        None => "no failure".to_owned(),
        Some((name, wrong)) => format!("the failure of {name}: {wrong:?}"),
    }
}

/// What became of the components.
pub(crate) struct Book {
    /// `None` in a script: there the steps are told.
    timeline: Option<Timeline>,
    entries: Mutex<Entries>,
}

#[derive(Default)]
pub(crate) struct Entries {
    components: Vec<(String, Entry)>,
    begun: Option<Moment>,
}

#[derive(Clone, Copy, Default)]
pub(crate) struct Entry {
    /// When it saw that its token was cancelled.
    pub(crate) asked: Option<Moment>,
    /// When it came to its end.
    pub(crate) ended: Option<Moment>,
    /// When it was dropped, before its end or after it.
    pub(crate) dropped: Option<Moment>,
}

impl Entries {
    /// Whether the drain has begun.
    pub(crate) fn has_begun(&self) -> bool {
        self.begun.is_some()
    }
}

impl Book {
    pub(crate) fn new(timeline: Option<Timeline>) -> Self {
        Self { timeline, entries: Mutex::default() }
    }

    /// Ready so long from now, or never.
    pub(crate) async fn stop(self: Arc<Self>, after: Option<Duration>) {
        match after {
            Some(Duration::ZERO) => {}
            Some(time) => sleep(time).await,
            None => pending().await,
        }
        self.mark("stop", "is ready");
        self.drain_begins();
    }

    fn mark(&self, who: &str, what: &str) {
        if let Some(timeline) = &self.timeline {
            timeline.mark(who, what);
        }
    }

    pub(crate) fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn entry(&self, name: &str) -> Entry {
        let entries = self.entries();
        entries
            .components
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, entry)| *entry)
            .unwrap_or_default()
    }

    /// How many components have begun and have not been dropped.
    pub(crate) fn alive(&self) -> usize {
        self.entries().components.iter().filter(|(_, entry)| entry.dropped.is_none()).count()
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Entry)) {
        let mut entries = self.entries();
        let found = entries.components.iter().position(|(known, _)| known == name);
        let index = found.unwrap_or_else(|| {
            entries.components.push((name.to_owned(), Entry::default()));
            entries.components.len() - 1
        });
        change(&mut entries.components[index].1);
    }

    fn drain_begins(&self) {
        let mut entries = self.entries();
        if entries.begun.is_none() {
            entries.begun = Some(Moment::now());
            if let Some(timeline) = &self.timeline {
                timeline.anchor("the drain");
            }
        }
    }

    /// What a component does.
    pub(crate) async fn act(
        self: Arc<Self>,
        name: String,
        plan: Plan,
        token: CancellationToken,
    ) -> Result<(), Error> {
        let _present = Present::begin(&self, &name);
        let span = self.timeline.as_ref().map(|timeline| timeline.begin(&name, "begins"));
        let alone = async {
            match plan.alone {
                Some((time, how)) => {
                    sleep(time).await;
                    how
                }
                None => pending().await,
            }
        };
        let mut alone = pin!(alone);
        let asked = async {
            match plan.drain {
                Some(drain) => {
                    token.cancelled().await;
                    drain
                }
                None => pending().await,
            }
        };
        let how = tokio::select! {
            biased;
            how = &mut alone => {
                self.drain_begins();
                how
            }
            (time, how) = asked => {
                self.mark(&name, "is asked to drain");
                self.change(&name, |entry| entry.asked = Some(Moment::now()));
                sleep(time).await;
                how
            }
        };
        if let Some(span) = span {
            span.end(how.word());
        }
        self.change(&name, |entry| entry.ended = Some(Moment::now()));
        match how {
            How::Well => Ok(()),
            How::Error => Err(BROKEN.into()),
            How::Panic => panic_unseen(),
        }
    }
}

/// A component that is there.
struct Present {
    book: Arc<Book>,
    name: String,
}

impl Present {
    fn begin(book: &Arc<Book>, name: &str) -> Self {
        book.change(name, |_| {});
        Self { book: book.clone(), name: name.to_owned() }
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.book.change(&self.name, |entry| entry.dropped = Some(Moment::now()));
    }
}
