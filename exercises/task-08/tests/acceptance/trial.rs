//! Components on trial, and the book of what became of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::anyhow;
use drain_kit::{AT_ONCE, Moment, Scenario, Timeline, panic_unseen, secs};
use task_08::{Component, DrainOrder, Ended, Outcome};
use tokio::time::{Instant, sleep};

/// What a component does when it is drained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Does {
    /// Ends after so long.
    Ends(Duration),
    Fails(Duration),
    Panics(Duration),
    PanicsWhenCalled,
    /// Never ends.
    Hangs,
    /// Never ends, and panics when it is dropped.
    PanicsWhenDropped,
}

/// What became of a component.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry {
    /// When it was called, each time.
    pub(crate) begins: Vec<Moment>,
    /// The end of its time, as it was told.
    pub(crate) due: Option<Moment>,
    /// When its future was gone: ended or dropped.
    pub(crate) gone: Option<Moment>,
}

/// The book of all components.
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

    pub(crate) fn entries(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn entry(&self, name: &str) -> Entry {
        self.entries().get(name).cloned().unwrap_or_default()
    }

    /// A component that does this when it is drained, and writes it down.
    pub(crate) fn component(&self, name: &str, does: Does) -> Component {
        let (book, own) = (self.clone(), name.to_owned());
        Component::new(name, move |due| {
            book.begins(&own, due);
            let presence = Presence { book, name: own, does };
            if does == Does::PanicsWhenCalled {
                panic_unseen();
            }
            act(presence, does)
        })
    }

    fn begins(&self, name: &str, due: Instant) {
        let now = self.mark(name, "begins");
        let mut entries = self.entries();
        let entry = entries.entry(name.to_owned()).or_default();
        entry.begins.push(now);
        entry.due = Some(now.plus(due.saturating_duration_since(Instant::now())));
    }
}

async fn act(presence: Presence, does: Does) -> anyhow::Result<()> {
    let _presence = presence;
    match does {
        Does::Ends(after) | Does::Fails(after) | Does::Panics(after) if !after.is_zero() => {
            sleep(after).await
        }
        Does::Hangs | Does::PanicsWhenDropped => std::future::pending().await,
        _ => {}
    }
    match does {
        Does::Fails(_) => Err(anyhow!("no space left")),
        Does::Panics(_) => panic_unseen(),
        _ => Ok(()),
    }
}

/// Dropped when the component's future is.
struct Presence {
    book: Book,
    name: String,
    does: Does,
}

impl Drop for Presence {
    fn drop(&mut self) {
        let now = self.book.mark(&self.name, "is over");
        if let Some(entry) = self.book.entries().get_mut(&self.name) {
            entry.gone = Some(now);
        }
        if self.does == Does::PanicsWhenDropped {
            panic_unseen();
        }
    }
}

/// One drain, judged on the paused clock.
pub(crate) struct Trial<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) book: Book,
}

/// What a drain returned, and when.
pub(crate) struct Drained {
    pub(crate) begun: Moment,
    pub(crate) returned: Moment,
    pub(crate) ended: Vec<Ended>,
}

impl<'a> Trial<'a> {
    pub(crate) fn new(scenario: &'a Scenario) -> Self {
        Self { scenario, book: Book::new(scenario) }
    }

    pub(crate) fn component(&self, name: &str, does: Does) -> Component {
        self.book.component(name, does)
    }

    /// An order that the test knows to be one.
    pub(crate) fn order(&self, components: impl IntoIterator<Item = Component>) -> DrainOrder {
        match DrainOrder::new(components) {
            Ok(order) => order,
            Err(bad) => self.scenario.fail("an order: there is one", format!("{bad:?}")),
        }
    }

    /// A chain, in which each needs the next.
    pub(crate) fn chain(&self, all: &[(&str, Does)]) -> DrainOrder {
        let component = |(at, (name, does)): (usize, &(&str, Does))| {
            let component = self.component(name, *does);
            match all.get(at + 1) {
                Some((next, _)) => component.needs(next),
                None => component,
            }
        };
        // Told from the end: the order of the list is not the order of the drain.
        let mut components: Vec<_> = all.iter().enumerate().map(component).collect();
        components.reverse();
        self.order(components)
    }

    /// Drains with a deadline so long from now.
    pub(crate) async fn drain(&self, order: &DrainOrder, budget: Duration) -> Drained {
        self.drain_until(order, Instant::now() + budget).await
    }

    pub(crate) async fn drain_until(&self, order: &DrainOrder, deadline: Instant) -> Drained {
        let begun = self.scenario.timeline().anchor("drain");
        let ended =
            self.scenario.wait_at_most(secs(3_600), "the drain to return", order.drain(deadline)).await;
        Drained { begun, returned: Moment::now(), ended }
    }

    /// Requires that something came at this time of the drain, and not before.
    #[track_caller]
    pub(crate) fn require_at(&self, drained: &Drained, at: Option<Moment>, expected: Duration, what: &str) {
        let Some(at) = at else {
            self.scenario.fail(format!("{what} at {}", shown(expected)), "it never did")
        };
        let since = at.since(drained.begun);
        self.scenario.require(
            since >= expected && since <= expected + AT_ONCE,
            format!("{what} at {}", shown(expected)),
            format!("at {}", shown(since)),
        );
    }

    /// Requires that a component began once, at this time of the drain.
    #[track_caller]
    pub(crate) fn require_begins(&self, drained: &Drained, name: &str, expected: Duration) {
        let begins = self.book.entry(name).begins;
        self.require_at(drained, begins.first().copied(), expected, &format!("{name} begins"));
        self.scenario.require(
            begins.len() == 1,
            format!("{name} begins once"),
            format!("{} times", begins.len()),
        );
    }

    /// Requires that a component was over at this time of the drain.
    #[track_caller]
    pub(crate) fn require_over(&self, drained: &Drained, name: &str, expected: Duration) {
        self.require_at(drained, self.book.entry(name).gone, expected, &format!("{name} is over"));
    }

    #[track_caller]
    pub(crate) fn require_returned(&self, drained: &Drained, expected: Duration) {
        self.require_at(drained, Some(drained.returned), expected, "the drain returns");
    }

    /// Requires these outcomes, in any order; `Failed` may say what it likes.
    #[track_caller]
    pub(crate) fn require_outcomes(&self, drained: &Drained, expected: &[(&str, Outcome)]) {
        let words = |outcomes: &mut dyn Iterator<Item = (&str, &Outcome)>| {
            let mut all: Vec<String> =
                outcomes.map(|(name, outcome)| format!("{name} {}", word(outcome))).collect();
            all.sort_unstable();
            all.join(", ")
        };
        let expected = words(&mut expected.iter().map(|(name, outcome)| (*name, outcome)));
        let observed = words(&mut drained.ended.iter().map(|ended| (ended.name.as_str(), &ended.outcome)));
        self.scenario.require(observed == expected, expected, &observed);
    }
}

pub(crate) fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Complete => "complete",
        Outcome::Failed(_) => "failed",
        Outcome::CutOff => "cut off",
    }
}

fn shown(time: Duration) -> String {
    format!("{} ms", time.as_micros() as f64 / 1e3)
}

/// An error that a component returned, or a panic.
pub(crate) fn failed() -> Outcome {
    Outcome::Failed(String::new())
}
