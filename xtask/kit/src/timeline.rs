//! What happened when, measured from the signal.

use std::fmt::{self, Display};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use drain_record::Entry;
use tokio::time::Instant;

use crate::wire;

/// `1 thread`, `2 threads`.
pub(crate) struct Count(pub(crate) usize, pub(crate) &'static str);

impl Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(number, what) = self;
        write!(f, "{number} {what}{}", if *number == 1 { "" } else { "s" })
    }
}

/// A point in time: the paused clock's inside a runtime whose clock is paused, else the real one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(Instant);

impl Moment {
    /// Now.
    pub fn now() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn instant(self) -> std::time::Instant {
        self.0.into_std()
    }

    /// The time from `earlier` to this moment; zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_duration_since(earlier.0)
    }

    /// Blocks this thread until then, in real time.
    pub fn wait(self) {
        std::thread::sleep(self.since(Self::now()));
    }

    /// The moment `time` after this one.
    pub fn plus(self, time: Duration) -> Self {
        Self(self.0 + time)
    }
}

/// Everything that a scenario has seen, in the order in which it happened.
///
/// Cheap to clone; all clones write to the same record. Nothing here blocks for longer than it takes
/// to copy a line.
#[derive(Clone)]
pub struct Timeline(Arc<Mutex<Record>>);

#[derive(Clone)]
pub(crate) struct Record {
    pub(crate) started: Moment,
    /// The signal, or whatever else begins the drain: `t = 0` of the picture.
    pub(crate) anchor: Option<Moment>,
    pub(crate) events: Vec<Event>,
    spans: usize,
}

#[derive(Clone)]
pub(crate) struct Event {
    pub(crate) at: Moment,
    pub(crate) lane: String,
    pub(crate) what: String,
    pub(crate) role: Role,
}

/// What an event means for the bars that show work in flight.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Point,
    Anchor,
    Begin(usize),
    End(usize),
}

impl Timeline {
    pub(crate) fn new() -> Self {
        let started = Moment::now();
        Self(Arc::new(Mutex::new(Record { started, anchor: None, events: Vec::new(), spans: 0 })))
    }

    /// Records that `lane` (a client, `stdout`, a worker) did or showed `what`.
    pub fn mark(&self, lane: &str, what: impl Display) -> Moment {
        self.record(lane, what.to_string(), Role::Point, Moment::now())
    }

    /// Records the start of the drain, the zero of the picture. Only the first one counts as zero.
    pub fn anchor(&self, what: &str) -> Moment {
        let role = if self.lock().anchor.is_none() { Role::Anchor } else { Role::Point };
        let at = self.record(what, String::new(), role, Moment::now());
        self.lock().anchor.get_or_insert(at);
        at
    }

    /// Whether the drain has begun.
    pub(crate) fn anchored(&self) -> bool {
        self.lock().anchor.is_some()
    }

    /// Records the start of the drain of one among several. It is the zero of the picture if what goes
    /// wrong goes wrong in this lane.
    pub fn anchor_of(&self, lane: &str, what: &str) -> Moment {
        let first = !self.lock().events.iter().any(|event| event.lane == lane && event.role == Role::Anchor);
        let role = if first { Role::Anchor } else { Role::Point };
        let at = self.record(lane, what.to_owned(), role, Moment::now());
        self.lock().anchor.get_or_insert(at);
        at
    }

    /// Records the start of a piece of work that stays in flight until [`Span::end`].
    pub fn begin(&self, lane: &str, what: impl Display) -> Span {
        let id = {
            let mut record = self.lock();
            record.spans += 1;
            record.spans
        };
        let at = self.record(lane, what.to_string(), Role::Begin(id), Moment::now());
        Span { timeline: self.clone(), lane: lane.to_owned(), id, at }
    }

    /// `3 ms after SIGTERM`, or `3 ms after the start` while there is no signal yet.
    pub fn when(&self, at: Moment) -> String {
        let record = self.lock();
        let anchor = record.events.iter().find(|event| event.role == Role::Anchor);
        match anchor {
            Some(event) if at >= event.at => format!("{} after {}", Millis(at.since(event.at)), event.lane),
            Some(event) => format!("{} before {}", Millis(event.at.since(at)), event.lane),
            None => format!("{} after the start", Millis(at.since(record.started))),
        }
    }

    pub(crate) fn record(&self, lane: &str, what: String, role: Role, at: Moment) -> Moment {
        let mut record = self.lock();
        let since = at.since(record.started);
        wire::tell(Entry::Event(drain_record::Event {
            at: since,
            lane: lane.to_owned(),
            what: what.clone(),
        }));
        record.events.push(Event { at, lane: lane.to_owned(), what, role });
        at
    }

    pub(crate) fn copy(&self) -> Record {
        let mut record = self.lock().clone();
        record.events.sort_by_key(|event| (event.at, event.lane == "exit"));
        record
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A piece of work that is in flight. Dropped without [`Span::end`], it stays open in the picture.
pub struct Span {
    timeline: Timeline,
    lane: String,
    id: usize,
    at: Moment,
}

impl Span {
    /// When the work began.
    pub fn began(&self) -> Moment {
        self.at
    }

    /// Records how the work ended.
    pub fn end(self, what: impl Display) -> Moment {
        self.timeline.record(&self.lane, what.to_string(), Role::End(self.id), Moment::now())
    }
}

/// A duration as the screen shows it: `131 ms`, `1.50 s`.
pub(crate) struct Millis(pub(crate) Duration);

impl Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            time if time < Duration::from_millis(1) => write!(f, "{} us", time.as_micros()),
            time if time < Duration::from_secs(10) => write!(f, "{} ms", time.as_millis()),
            time => write!(f, "{:.2} s", time.as_secs_f64()),
        }
    }
}
