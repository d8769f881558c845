//! What has happened in a script so far, and which promise of the brief it breaks.

use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use drain_model::promise::Broken;
use task_11::{DeadlineExceeded, Idle, QUIET};
use tokio::time::Instant;

use crate::trial::EXACT;

#[derive(Clone)]
pub(crate) struct Shared(Arc<Mutex<Book>>);

/// What has happened so far.
pub(crate) struct Book {
    /// What is in flight.
    pub(crate) count: usize,
    /// When nothing has been in flight: each time, up to the next arrival; the last one goes on if nothing is in flight.
    idle: Vec<(Instant, Option<Instant>)>,
    calls: Vec<Call>,
    began: Instant,
    told: bool,
    pub(crate) steps: Vec<(String, String)>,
    pub(crate) broken: Option<Broken>,
    /// What happens when everything is dropped is no part of the script.
    pub(crate) over: bool,
}

#[derive(Clone, Copy)]
struct Call {
    deadline: Instant,
    begun: Option<Instant>,
    /// It is polled when it is woken.
    polled: bool,
    over: bool,
}

const EARLY: &str = "it is idle when nothing has been in flight for 200 ms without a break, not before";
const LATE: &str = "it returns as soon as it is idle";
const DEADLINE: &str = "it returns the error at the deadline, and not before";
const TIE: &str = "what is idle by the deadline is idle";
const COUNT: &str = "count is what is in flight";
const ABANDONED: &str = "the error has what is in flight";
const DURATION: &str = "the duration is the time from the first poll to the return";

impl Shared {
    pub(crate) fn new(told: bool) -> Self {
        let now = Instant::now();
        Self(Arc::new(Mutex::new(Book {
            count: 0,
            idle: vec![(now, None)],
            calls: Vec::new(),
            began: now,
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

impl Book {
    pub(crate) fn tell(&mut self, who: &str, what: impl Display) {
        if self.told && self.broken.is_none() && !self.over {
            let at = self.began.elapsed().as_millis();
            self.steps.push((who.to_owned(), format!("{what}, at {at} ms")));
        }
    }

    pub(crate) fn require(
        &mut self,
        holds: bool,
        promise: &'static str,
        expected: impl Display,
        observed: impl Display,
    ) {
        if !holds && self.broken.is_none() && !self.over {
            self.broken = Some(Broken::new(promise, expected, observed));
        }
    }

    pub(crate) fn entered(&mut self) {
        self.count += 1;
        if let Some((_, end @ None)) = self.idle.last_mut() {
            *end = Some(Instant::now());
        }
    }

    pub(crate) fn left(&mut self) {
        self.count -= 1;
        if self.count == 0 {
            self.idle.push((Instant::now(), None));
        }
    }

    /// What `count` says, now.
    pub(crate) fn counted(&mut self, count: usize) {
        let expected = self.count;
        self.require(count == expected, COUNT, format_args!("{expected} in flight"), count);
    }

    pub(crate) fn called(&mut self, deadline: Instant, polled: bool) -> usize {
        self.calls.push(Call { deadline, begun: None, polled, over: false });
        self.calls.len()
    }

    pub(crate) fn begun(&mut self, number: usize) {
        self.calls[number - 1].begun = Some(Instant::now());
    }

    pub(crate) fn dropped(&mut self, number: usize, what: &str) {
        self.calls[number - 1].over = true;
        self.tell(&format!("call {number}"), what);
    }

    /// When the window ends that is open, for one who began then.
    fn end_of_the_window(&self, begun: Instant) -> Option<Instant> {
        let (since, end) = *self.idle.last()?;
        end.is_none().then(|| since.max(begun) + QUIET)
    }

    pub(crate) fn returned(&mut self, number: usize, result: Result<Idle, DeadlineExceeded>) {
        let now = Instant::now();
        let who = format!("call {number}");
        let shown = match result {
            Ok(_) => "returns Ok(Idle)".to_owned(),
            Err(DeadlineExceeded { in_flight, .. }) => {
                format!("returns Err(DeadlineExceeded), {in_flight} in flight")
            }
        };
        self.tell(&who, &shown);
        let call = &mut self.calls[number - 1];
        call.over = true;
        let Call { deadline, polled, begun: Some(begun), .. } = *call else { return };
        let took = now - begun;
        let duration = match result {
            Ok(idle) => idle.duration,
            Err(busy) => busy.duration,
        };
        self.require(
            duration.abs_diff(took) <= EXACT,
            DURATION,
            format_args!("{took:?}"),
            format_args!("{duration:?}"),
        );
        match result {
            Ok(_) if polled => {
                let end = self.end_of_the_window(begun).filter(|end| *end <= now);
                self.require(end.is_some(), EARLY, format_args!("{who} waits"), &shown);
                let in_time = end.is_none_or(|end| end <= deadline);
                self.require(in_time, DEADLINE, format_args!("{who}: Err(DeadlineExceeded)"), &shown);
            }
            Ok(_) => {
                let long = |(since, end): &(Instant, Option<Instant>)| {
                    end.unwrap_or(now) >= (*since).max(begun) + QUIET
                };
                let idle = self.idle.iter().any(long);
                self.require(idle, EARLY, format_args!("{who} waits"), &shown);
            }
            Err(busy) => {
                self.require(
                    deadline <= now,
                    DEADLINE,
                    format_args!("{who} waits: its deadline has not come"),
                    &shown,
                );
                let count = self.count;
                let expected = format_args!("{count} in flight");
                self.require(busy.in_flight == count, ABANDONED, expected, busy.in_flight);
                // By a millisecond it may be late, and then the deadline was first.
                let tie = self.end_of_the_window(begun).is_none_or(|end| end + EXACT > deadline);
                self.require(tie || !polled, TIE, format_args!("{who}: Ok(Idle)"), &shown);
            }
        }
    }

    /// Whether a call may still return, though its moment has come: it is allowed to be a little late.
    pub(crate) fn is_due(&self) -> bool {
        let now = Instant::now();
        self.waiting().any(|(_, due, _)| due <= now && now < due + 2 * EXACT)
    }

    /// The calls that wait and are polled: their number, when they have to return, and whether because it is idle.
    fn waiting(&self) -> impl Iterator<Item = (usize, Instant, bool)> {
        self.calls.iter().enumerate().filter(|(_, call)| call.polled && !call.over).filter_map(
            |(at, call)| {
                let begun = call.begun?;
                let deadline = call.deadline.max(begun);
                Some(match self.end_of_the_window(begun) {
                    Some(end) if end <= deadline => (at + 1, end, true),
                    _ => (at + 1, deadline, false),
                })
            },
        )
    }

    /// All tasks have gone as far as they can.
    pub(crate) fn at_rest(&mut self) {
        let late = |due: Instant| Instant::now().saturating_duration_since(due) > EXACT;
        let late = self.waiting().find(|(_, due, _)| late(*due));
        if let Some((number, due, idle)) = late {
            let promise = if idle { LATE } else { DEADLINE };
            let at = (due - self.began).as_millis();
            let late: Duration = due.elapsed();
            let observed = format!("it waits, {} ms later", late.as_millis());
            self.require(false, promise, format_args!("call {number} to return at {at} ms"), observed);
        }
    }
}
