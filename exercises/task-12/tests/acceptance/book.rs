//! What has happened in a script so far, and which promise of the brief it breaks.

use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use drain_kit::AT_ONCE;
use drain_model::promise::Broken;
use task_12::{Refused, Report, StartError};
use tokio::time::Instant;

use crate::parts::{Does, Event, Witness};
use crate::trial::{Went, shown};

#[derive(Clone)]
pub(crate) struct Shared(Arc<Mutex<Book>>);

/// What has happened so far.
pub(crate) struct Book {
    parts: Vec<Entry>,
    starts: Vec<Call>,
    drains: Vec<Call>,
    drain: Option<Drain>,
    /// Calls of `start` that were polled, also if they were dropped, and have not come to their end.
    walks: usize,
    /// Starts that have failed, and that no call has returned yet.
    failed: Vec<(String, Went)>,
    /// What must be in the report, in its order.
    failures: Vec<(String, Went)>,
    /// What the first caller got.
    report: Option<Report>,
    last_event: Instant,
    told: bool,
    pub(crate) steps: Vec<(String, String)>,
    pub(crate) broken: Option<Broken>,
    /// What happens when everything is dropped is no part of the script.
    pub(crate) over: bool,
}

struct Entry {
    name: String,
    registered: bool,
    state: State,
    drain: Does,
    start: Does,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    Starting,
    Ready,
    Draining,
    Over,
}

#[derive(Clone, Copy)]
struct Call {
    /// The drain had begun then.
    late: bool,
    polled: bool,
    dropped: bool,
    returned: bool,
}

#[derive(Clone, Copy)]
struct Drain {
    begun: Instant,
    deadline: Instant,
    /// When the last component came to its end.
    ended: Instant,
}

const ORDER: &str = "components are started one after the other, in the order of registration";
const AGAIN: &str = "what is started is not started again";
const REFUSED: &str = "a component that was refused is never started or drained";
const CLOSED: &str = "once the drain has begun, nothing is registered or started";
const REVERSE: &str =
    "exactly those that are started are drained, each once, in reverse, one after the other";
const CUT: &str = "a drain is cut off at the deadline, and not before";
const GOES_ON: &str = "a start goes on until a component fails or the drain begins";
const SAID: &str = "start says what has happened";
const REPORT: &str = "all callers get the one report, as soon as the drain is over, and none before";

impl Shared {
    pub(crate) fn new(told: bool) -> Self {
        let now = Instant::now();
        Self(Arc::new(Mutex::new(Book {
            parts: Vec::new(),
            starts: Vec::new(),
            drains: Vec::new(),
            drain: None,
            walks: 0,
            failed: Vec::new(),
            failures: Vec::new(),
            report: None,
            last_event: now,
            told,
            steps: Vec::new(),
            broken: None,
            over: false,
        })))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Witness for Shared {
    fn saw(&self, part: &str, event: Event) {
        let mut book = self.lock();
        book.happens();
        book.tell(part, event);
        let Some(at) = book.parts.iter().position(|entry| entry.name == part && entry.registered) else {
            return book.require(false, REFUSED, format_args!("{part} left alone: it was refused"), event);
        };
        book.saw(at, event);
    }
}

impl Book {
    pub(crate) fn tell(&mut self, who: &str, what: impl Display) {
        if self.told && self.broken.is_none() && !self.over {
            self.steps.push((who.to_owned(), what.to_string()));
        }
    }

    pub(crate) fn break_promise(&mut self, broken: Broken) {
        if self.broken.is_none() && !self.over {
            self.broken = Some(broken);
        }
    }

    fn require(
        &mut self,
        holds: bool,
        promise: &'static str,
        expected: impl Display,
        observed: impl Display,
    ) {
        if !holds {
            self.break_promise(Broken::new(promise, expected, observed));
        }
    }

    fn happens(&mut self) {
        self.last_event = Instant::now();
    }

    /// A component that is about to be registered.
    pub(crate) fn enter(&mut self, start: Does, drain: Does) -> String {
        let name = format!("part {}", self.parts.len() + 1);
        self.tell(
            &name,
            format_args!("is registered: its start {}, its drain {}", words(start), words(drain)),
        );
        self.parts.push(Entry { name: name.clone(), registered: true, state: State::Idle, start, drain });
        name
    }

    pub(crate) fn registered(&mut self, name: &str, registered: Result<(), Refused>) {
        self.happens();
        self.tell("register", format_args!("{registered:?}"));
        let expected = if self.drain.is_some() { Err(Refused::Draining) } else { Ok(()) };
        // Whoever has started all that was there may have gone; nobody saw it, if its call was dropped.
        let last = self.parts.len() - 1;
        if self.parts[..last].iter().all(|part| !part.registered || part.state != State::Idle) {
            let waiting = self.starts.iter().filter(|call| call.waits()).count();
            self.walks = self.walks.min(waiting);
        }
        self.parts[last].registered = registered.is_ok();
        self.require(
            registered == expected,
            CLOSED,
            format_args!("{expected:?} for {name}"),
            format_args!("{registered:?}"),
        );
    }

    /// One that is there, whose name another one wants.
    pub(crate) fn pick(&mut self, number: u8) -> Option<String> {
        let there: Vec<&Entry> = self.parts.iter().filter(|part| part.registered).collect();
        (!there.is_empty()).then(|| there[usize::from(number) % there.len()].name.clone())
    }

    pub(crate) fn twin(&mut self, name: &str, refused: Result<(), Refused>) {
        self.happens();
        self.tell("register", format_args!("another {name}: {refused:?}"));
        let expected = if self.drain.is_some() { Refused::Draining } else { Refused::NameTaken };
        let what = "a name that is taken is refused";
        self.require(
            refused == Err(expected),
            what,
            format_args!("Err({expected:?})"),
            format_args!("{refused:?}"),
        );
    }

    pub(crate) fn start_called(&mut self) -> usize {
        self.starts.push(Call::new());
        self.starts.len() - 1
    }

    pub(crate) fn start_polled(&mut self, number: usize) {
        self.happens();
        self.tell(&format!("start {}", number + 1), "is polled for the first time");
        let late = self.drain.is_some();
        let call = &mut self.starts[number];
        (call.polled, call.late) = (true, late);
        self.walks += usize::from(!late);
    }

    pub(crate) fn start_dropped(&mut self, number: usize, what: &str) {
        self.tell(&format!("start {}", number + 1), what);
        self.starts[number].dropped = true;
    }

    pub(crate) fn start_returned(&mut self, number: usize, started: &Result<(), StartError>) {
        self.happens();
        let who = format!("start {}", number + 1);
        self.tell(&who, format_args!("returns {}", shown(started)));
        self.starts[number].returned = true;
        match started {
            Ok(()) => {
                self.walks = self.walks.saturating_sub(1);
                let late = self.starts[number].late;
                self.require(!late, CLOSED, format_args!("Err(Draining) from {who}"), "Ok");
                let left = self
                    .parts
                    .iter()
                    .find(|part| part.registered && matches!(part.state, State::Idle | State::Starting));
                if let Some(name) = left.map(|part| part.name.clone()) {
                    self.require(
                        false,
                        SAID,
                        format_args!("{name} started before {who} returns Ok"),
                        "it is not",
                    );
                }
            }
            Err(StartError::Draining) => {
                self.require(
                    self.drain.is_some(),
                    SAID,
                    format_args!("{who} goes on: no drain has begun"),
                    "Err(Draining)",
                );
            }
            Err(StartError::Component(failure)) => {
                let at = self.failed.iter().position(|(name, went)| went.fits(name, failure));
                match at {
                    Some(at) => _ = self.failed.remove(at),
                    None => self.require(false, SAID, "the error of a start that has failed", shown(started)),
                }
            }
        }
    }

    pub(crate) fn drain_called(&mut self, limit: Option<i32>) -> usize {
        self.drains.push(Call::new());
        let number = self.drains.len();
        let deadline = limit.map_or("far away".to_owned(), |limit| format!("in {limit} ms"));
        self.tell(&format!("drain {number}"), format_args!("is called, its deadline is {deadline}"));
        number - 1
    }

    pub(crate) fn drain_polled(&mut self, number: usize, deadline: Instant) {
        self.happens();
        self.tell(&format!("drain {}", number + 1), "is polled for the first time");
        self.drains[number].polled = true;
        if self.drain.is_none() {
            let now = Instant::now();
            self.drain = Some(Drain { begun: now, deadline, ended: now });
            self.walks = 0;
        }
    }

    pub(crate) fn drain_dropped(&mut self, number: usize) {
        self.tell(&format!("drain {}", number + 1), "is dropped");
        self.drains[number].dropped = true;
    }

    pub(crate) fn drain_returned(&mut self, number: usize, report: &Report) {
        self.happens();
        let who = format!("drain {}", number + 1);
        self.tell(&who, format_args!("returns {report}"));
        self.drains[number].returned = true;
        let Some(drain) = self.drain else { return };
        if let Some(name) = self.left().map(|at| self.parts[at].name.clone()) {
            return self.require(
                false,
                REVERSE,
                format_args!("{name} drained when {who} returns"),
                "it is not",
            );
        }
        let expected: Vec<String> = self.failures.iter().map(|(name, went)| went.of(name)).collect();
        let same = self.failures.len() == report.failures.len()
            && self
                .failures
                .iter()
                .zip(&report.failures)
                .all(|((name, went), failure)| went.fits(name, failure));
        let failures: Vec<String> = report.failures.iter().map(|failure| format!("{failure:?}")).collect();
        let what = "the report has each component whose drain did not return Ok, in the order of the drain";
        self.require(same, what, format!("[{}]", expected.join(", ")), format!("[{}]", failures.join(", ")));
        let took = drain.ended - drain.begun;
        let what = "`duration` is the time from the beginning of the drain to its end";
        let exact = report.duration.abs_diff(took) <= AT_ONCE;
        self.require(exact, what, format_args!("{took:?}"), format_args!("{:?}", report.duration));
        let one = self.report.get_or_insert_with(|| report.clone());
        let same = one.duration == report.duration && one.to_string() == report.to_string();
        let one = one.to_string();
        self.require(same, REPORT, format_args!("`{one}`, as others got"), format_args!("`{report}`"));
    }

    /// One that is started and not drained.
    fn left(&self) -> Option<usize> {
        self.parts.iter().rposition(|part| matches!(part.state, State::Ready | State::Draining))
    }

    fn one_in(&self, state: State) -> Option<&Entry> {
        self.parts.iter().find(|part| part.state == state)
    }

    fn saw(&mut self, at: usize, event: Event) {
        let (name, state) = (self.parts[at].name.clone(), self.parts[at].state);
        match event {
            Event::Start => {
                self.require(
                    self.drain.is_none(),
                    CLOSED,
                    format_args!("{name} not started: the drain has begun"),
                    "it is",
                );
                self.require(
                    matches!(state, State::Idle),
                    AGAIN,
                    format_args!("{name} started once"),
                    "it is started again",
                );
                let before =
                    self.parts[..at].iter().all(|part| !part.registered || part.state == State::Ready);
                self.require(
                    before,
                    ORDER,
                    format_args!("{name} started after those before it"),
                    "it is started earlier",
                );
                let other = self.one_in(State::Starting).map(|part| part.name.clone());
                self.require(
                    other.is_none(),
                    ORDER,
                    "one at a time",
                    format_args!("{other:?} is being started, too"),
                );
                self.parts[at].state = State::Starting;
            }
            Event::Ready => self.parts[at].state = State::Ready,
            Event::StartFailed => self.start_failed(at, Went::Failed),
            Event::StartPanicked => self.start_failed(at, Went::Panicked),
            Event::StartCut => {
                self.require(
                    self.drain.is_some(),
                    "a start is cut off when the drain begins, and not before",
                    format_args!("the start of {name} goes on: no drain has begun"),
                    "it is cut off",
                );
                self.parts[at].state = State::Idle;
                if self.parts[at].start == Does::PanicsWhenCutOff {
                    self.failed.push((name, Went::Panicked));
                }
            }
            Event::Drain(deadline) => self.drain_begins(at, deadline),
            Event::Drained => self.ended(at, None),
            Event::DrainFailed => self.ended(at, Some(Went::Failed)),
            Event::DrainPanicked => self.ended(at, Some(Went::Panicked)),
            Event::DrainCut => {
                let due = self.drain.is_some_and(|drain| drain.deadline <= Instant::now());
                self.require(
                    due,
                    CUT,
                    format_args!("the drain of {name} goes on: the deadline has not come"),
                    "it is cut off",
                );
                let bomb = self.parts[at].drain == Does::PanicsWhenCutOff;
                self.ended(at, Some(if bomb { Went::CutOffOrPanicked } else { Went::CutOff }));
            }
            Event::StartWaits | Event::DrainWaits => {}
        }
    }

    fn start_failed(&mut self, at: usize, went: Went) {
        self.parts[at].state = State::Idle;
        self.walks = self.walks.saturating_sub(1);
        self.failed.push((self.parts[at].name.clone(), went));
    }

    fn drain_begins(&mut self, at: usize, deadline: Instant) {
        let name = self.parts[at].name.clone();
        let Some(drain) = self.drain else {
            return self.require(
                false,
                REVERSE,
                format_args!("{name} not drained: no drain has begun"),
                "it is",
            );
        };
        let ready = self.parts[at].state == State::Ready;
        let observed = format!("it is called, and is {:?}", self.parts[at].state);
        self.require(ready, REVERSE, format_args!("{name} drained once, if it is started"), observed);
        let busy = self.parts.iter().find(|part| matches!(part.state, State::Starting | State::Draining));
        let busy = busy.map(|part| part.name.clone());
        self.require(busy.is_none(), REVERSE, "one at a time", format_args!("{busy:?} is not over"));
        let last = self.left() == Some(at);
        self.require(
            last,
            REVERSE,
            format_args!("{name} drained after those that were started later"),
            "it comes earlier",
        );
        let given = deadline == drain.deadline;
        self.require(
            given,
            "each is called with the deadline of the first caller",
            "that deadline",
            "another one",
        );
        self.parts[at].state = State::Draining;
    }

    fn ended(&mut self, at: usize, went: Option<Went>) {
        self.parts[at].state = State::Over;
        let name = self.parts[at].name.clone();
        self.failures.extend(went.map(|went| (name, went)));
        if let Some(drain) = &mut self.drain {
            drain.ended = Instant::now();
        }
    }

    /// What has happened last, the deadline included.
    pub(crate) fn calm(&self) -> Instant {
        let due = self.drain.map(|drain| drain.deadline).filter(|deadline| *deadline <= Instant::now());
        due.map_or(self.last_event, |due| due.max(self.last_event))
    }

    /// Nothing has happened for a moment: whoever waits has a reason.
    pub(crate) fn at_rest(&mut self) {
        let waiting = |calls: &[Call]| calls.iter().position(Call::waits).map(|number| number + 1);
        let starting = self.one_in(State::Starting).map(|part| part.name.clone());
        let draining = self.one_in(State::Draining).map(|part| part.name.clone());
        let (start, drain) = (waiting(&self.starts), waiting(&self.drains));
        let dropped = self.starts.iter().filter(|call| call.dropped).count();
        let bombs = self.parts.iter().filter(|part| part.start == Does::PanicsWhenCutOff).count();
        let lost = self.failed.len() > dropped + bombs;
        self.require(!lost, SAID, "the error of each start that fails returned", "one was not");
        if let Some(Drain { deadline, .. }) = self.drain {
            if let Some(name) = starting {
                self.require(
                    false,
                    "a start is cut off when the drain begins",
                    format_args!("{name} cut off"),
                    "its start goes on",
                );
            }
            if let Some(number) = start {
                self.require(false, CLOSED, format_args!("Err(Draining) from start {number}"), "it waits");
            }
            if let Some(name) = &draining {
                let late = Instant::now() > deadline + AT_ONCE;
                self.require(!late, CUT, format_args!("{name} cut off at the deadline"), "its drain goes on");
            } else if let Some(at) = self.left() {
                let name = self.parts[at].name.clone();
                self.require(
                    false,
                    REVERSE,
                    format_args!("{name} drained: those after it are over"),
                    "it is not called",
                );
            } else if let Some(number) = drain {
                self.require(
                    false,
                    REPORT,
                    format_args!("the report for drain {number}: the drain is over"),
                    "it waits",
                );
            }
            return;
        }
        let idle = self.parts.iter().find(|part| part.registered && part.state == State::Idle);
        let idle = idle.map(|part| part.name.clone());
        if starting.is_none() {
            match idle {
                Some(name) if self.walks > 0 => {
                    self.require(false, GOES_ON, format_args!("{name} being started"), "nothing is");
                }
                None => {
                    if let Some(number) = start {
                        self.require(
                            false,
                            SAID,
                            format_args!("Ok from start {number}: all are started"),
                            "it waits",
                        );
                    }
                    self.walks = 0;
                }
                Some(_) => {}
            }
        }
    }
}

impl Call {
    fn new() -> Self {
        Self { late: false, polled: false, dropped: false, returned: false }
    }

    fn waits(&self) -> bool {
        self.polled && !self.dropped && !self.returned
    }
}

fn words(does: Does) -> String {
    match does {
        Does::Nothing => "takes no time".to_owned(),
        Does::Yields => "yields".to_owned(),
        Does::Takes(time) => format!("takes {time:?}"),
        Does::FailsAfter(time) => format!("fails after {time:?}"),
        Does::PanicsAfter(time) => format!("panics after {time:?}"),
        Does::PanicsWhenCalled => "panics when it is called".to_owned(),
        Does::Hangs => "hangs".to_owned(),
        Does::PanicsWhenCutOff => "hangs, and panics when it is cut off".to_owned(),
    }
}
