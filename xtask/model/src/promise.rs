//! What the brief of task 2 promises. Tasks 4 and 6 promise it too, and more.
//!
//! Each function is asked at one kind of moment, and says which sentence is broken, if one is. Nothing is
//! promised about the order in which jobs get their turn, or producers a place: the model counts.
//!
//! Right designs differ, and the model allows for it, where
//! - a `submit` was served and nobody has polled it since: whether it is accepted shows only then;
//! - a job ends in the same millisecond in which the deadline comes;
//! - an idle pool is drained whose deadline is over: its workers may need a turn to leave.

use std::fmt::Display;

use tokio::time::Instant;

use crate::book::{Book, Job, Run, Submit};
use crate::{AT_ONCE, Outcome, TICK};

/// A promise that was broken.
#[derive(Clone, Debug)]
pub struct Broken {
    /// The same for the same sentence of the brief, whatever the numbers.
    pub(crate) promise: &'static str,
    pub(crate) expected: String,
    pub(crate) observed: String,
}

impl Broken {
    /// A promise, in the words of the brief, and what was seen instead.
    pub fn new(promise: &'static str, expected: impl Display, observed: impl Display) -> Self {
        Self { promise, expected: expected.to_string(), observed: observed.to_string() }
    }
}

/// Whether a promise was kept.
pub type Kept = Result<(), Broken>;

/// Says that the promise is broken unless it `holds`.
///
/// # Errors
///
/// [`Broken`], if it does not hold.
pub fn promise(holds: bool, promise: &'static str, expected: impl Display, observed: impl Display) -> Kept {
    if holds { Ok(()) } else { Err(Broken::new(promise, expected, observed)) }
}

const RUN_ONCE: &str = "an accepted job is run to its end, exactly once";
const REFUSED: &str = "once the drain has begun, `submit` returns `Err(Closed)` at once";
const SOON: &str = "the drain returns as soon as the last accepted job is done";
const DEADLINE: &str =
    "if a job is left at the deadline, the drain returns the error: not before, at most 10 ms after";

/// `submit` has returned `Ok`.
pub(crate) fn accepted(book: &Book, number: usize) -> Kept {
    let Job { run, before_drain, .. } = book.jobs[number];
    if let Some(drain) = book.drain
        && !drain.unsure
    {
        let in_time = before_drain && book.late <= drain.free;
        let expected = format_args!("Err(Closed) from submit {}: the drain has begun", number + 1);
        promise(in_time, REFUSED, expected, "Ok(()): accepted")?;
    }
    let complete = book.calls.iter().any(|call| call.returned.is_some_and(|(_, outcome)| outcome.complete));
    let late = complete && matches!(run, Run::Not | Run::Running);
    let expected = format_args!("job {} run before the drain is complete, or refused", number + 1);
    promise(!late, RUN_ONCE, expected, "Ok(()), accepted, after the drain was complete")?;
    if matches!(run, Run::Cut(_)) {
        book.brief.cut(book, number)?;
    }
    let (held, places) = (book.held(), book.places);
    promise(
        held <= places,
        "`workers + queue` jobs are accepted; the next `submit` waits until a job is done",
        format_args!("at most {places} jobs accepted and not done"),
        format_args!("{held} jobs accepted and not done"),
    )
}

/// `submit` has returned `Err(Closed)`.
pub(crate) fn refused(book: &Book, number: usize) -> Kept {
    let name = format_args!("submit {}", number + 1);
    promise(
        book.drain.is_some(),
        "the drain begins when `drain` is first polled",
        format_args!("{name} accepted, or waiting: no drain has begun"),
        "Err(Closed)",
    )?;
    never_begun(book, number, "it was refused")
}

/// A call of `submit` was dropped, or refused.
pub(crate) fn never_begun(book: &Book, number: usize, why: &str) -> Kept {
    promise(
        !book.jobs[number].begun,
        "a job that was refused or given up never runs",
        format_args!("job {} never runs: {why}", number + 1),
        "it was begun",
    )
}

/// A job is about to begin.
pub fn begins(book: &Book, number: usize) -> Kept {
    let job = &book.jobs[number];
    let expected = format_args!("job {} run once", number + 1);
    promise(!job.begun, RUN_ONCE, expected, "it begins again")?;
    let why = match job.submit {
        Submit::Refused => "it was refused",
        Submit::GivenUp => "its submit was dropped",
        Submit::Waits | Submit::Accepted => return Ok(()),
    };
    let expected = format_args!("job {} never runs: {why}", number + 1);
    promise(false, "a job that was refused or given up never runs", expected, "it begins")
}

/// A job is polled for the first time.
pub(crate) fn alone_in_its_task(book: &Book, number: usize) -> Kept {
    let task = book.jobs[number].task;
    let other = book.running().find(|&other| other != number && book.jobs[other].task == task);
    let Some(other) = other else { return Ok(()) };
    let observed = format_args!("jobs {} and {} run in one task", other + 1, number + 1);
    promise(false, "no two jobs run in one task", "no two jobs at once in one task", observed)
}

/// A job has begun.
pub(crate) fn runs(book: &Book) -> Kept {
    let (running, workers) = (book.running().count(), book.workers);
    promise(
        running <= workers,
        "never more jobs run at once than there are workers",
        format_args!("at most {workers} jobs at once"),
        format_args!("{running} at once"),
    )
}

/// A job that was accepted or has begun was dropped before its end.
pub fn cut(book: &Book, number: usize) -> Kept {
    let observed = if book.jobs[number].begun { "it was cut off" } else { "it was thrown away" };
    promise(false, RUN_ONCE, format_args!("job {} run to its end", number + 1), observed)
}

/// Time has passed, and nothing happens any more.
pub fn at_rest(book: &Book) -> Kept {
    places_and_workers(book)?;
    nothing_behind(book)?;
    calls(book)?;
    let over = book.calls.iter().any(|call| call.returned.is_some());
    promise(
        !over || book.held() > 0 || book.tasks == 0,
        "once the drain is over and the last job is done, no task of the pool is left",
        "no task left: the drain is over, all jobs are done",
        format_args!("{} left", count(book.tasks, "task")),
    )
}

/// Whoever waits has a reason, and every worker has a job if there is one for it.
pub fn places_and_workers(book: &Book) -> Kept {
    let (held, places) = (book.held(), book.places);
    if let Some(number) = book.attended().first() {
        let name = format_args!("submit {}", number + 1);
        promise(
            book.drain.is_none(),
            "producers that wait are released with `Err(Closed)` when the drain begins",
            format_args!("Err(Closed) from {name}: the drain has begun"),
            "it waits",
        )?;
        promise(
            held >= places,
            "the next `submit` waits until a job is done, and then one more is accepted",
            format_args!("{name} accepted: {held} of {places} places are taken"),
            "it waits",
        )?;
    }
    let (running, due) = (book.running().count(), held.min(book.workers));
    promise(
        running >= due,
        "a job starts as soon as one of the workers is free",
        format_args!("{due} running: {held} accepted and not done, {}", count(book.workers, "worker")),
        format_args!("{running} running"),
    )
}

/// The future of a job that is done is dropped, whoever has written it.
pub fn nothing_behind(book: &Book) -> Kept {
    let left = book.jobs.iter().position(|job| job.alive && matches!(job.run, Run::Ended(_)));
    let Some(number) = left else { return Ok(()) };
    let expected = format_args!("nothing left of job {}, which is done", number + 1);
    promise(false, "a job that is done leaves nothing behind", expected, "its future is still held")
}

/// Whoever waits for the drain has a reason.
fn calls(book: &Book) -> Kept {
    let Some(drain) = book.drain else { return Ok(()) };
    let waits = book.calls.iter().any(|call| call.waits());
    promise(
        !waits || book.held() > 0,
        SOON,
        "the drain over: all accepted jobs are done",
        "it has not returned",
    )?;
    let late = book.now() > drain.due() + AT_ONCE;
    let expected = format_args!("the error, at the deadline ({})", book.at(drain.due()));
    promise(
        !(waits && late),
        DEADLINE,
        expected,
        format_args!("at {} it has not returned", book.at(book.now())),
    )
}

/// A call of `drain` has returned, the only one there is.
pub fn returned(book: &Book, outcome: Outcome) -> Kept {
    let Some(drain) = book.drain else { return Ok(()) };
    let (now, held) = (book.now(), book.held());
    let last = book.last_end().unwrap_or(drain.begun).max(drain.begun);
    if outcome.complete {
        promise(held == 0, RUN_ONCE, "all accepted jobs done when the drain is complete", not_done(held))?;
        let expected = "the error: jobs were left at the deadline";
        promise(last <= drain.due(), DEADLINE, expected, format_args!("Ok, at {}", book.at(now)))?;
        promise_at(book, SOON, last, "Ok")?;
    } else {
        not_before(book, drain.deadline)?;
        promise_at(book, DEADLINE, drain.due(), "the error")?;
        // The last one may end in the very moment of the deadline, and idle workers may need a turn to leave.
        let barely = last + TICK > drain.deadline;
        promise(held > 0 || barely, SOON, "Ok: no job is left", "the error")?;
    }
    reported(book, outcome)
}

/// The error does not come before the deadline.
pub fn not_before(book: &Book, deadline: Instant) -> Kept {
    let observed = format_args!("it came at {}", book.at(book.now()));
    promise(
        book.now() >= deadline,
        DEADLINE,
        format_args!("the error not before {}", book.at(deadline)),
        observed,
    )
}

/// Now is at most 10 ms after this moment.
pub fn promise_at(book: &Book, what: &'static str, moment: Instant, outcome: &str) -> Kept {
    let expected = format_args!("{outcome} at most 10 ms after {}", book.at(moment));
    promise(book.now() <= moment + AT_ONCE, what, expected, format_args!("at {}", book.at(book.now())))
}

/// The line of a drain that has just returned.
fn reported(book: &Book, outcome: Outcome) -> Kept {
    let (least, most) = if outcome.complete { (0, 0) } else { book.left_at(book.now()) };
    // What has been accepted and not done is exact, but for an end in this very millisecond.
    report(book, outcome.complete, least..=most)
}

/// The report says so, and that so many jobs were abandoned.
pub fn report(book: &Book, complete: bool, abandoned: std::ops::RangeInclusive<usize>) -> Kept {
    let Some(report) = book.line()? else { return Ok(()) };
    let word = if complete { "complete" } else { "deadline_exceeded" };
    let what = "the report says how the drain went";
    promise(
        report.outcome == word,
        what,
        format_args!("outcome={word}"),
        format_args!("outcome={}", report.outcome),
    )?;
    let what = "`abandoned` is the number of accepted jobs that are not done";
    let holds = usize::try_from(report.abandoned).is_ok_and(|number| abandoned.contains(&number));
    let expected = format_args!("abandoned={}", abandoned.start());
    promise(holds, what, expected, format_args!("abandoned={}", report.abandoned))?;
    let (took, most) = (report.duration, book.took_at_most());
    let what = "`duration` is the time from the beginning of the drain to its end";
    promise(
        took <= most,
        what,
        format_args!("a duration of at most {most:?}"),
        format_args!("duration={took:?}"),
    )
}

fn not_done(held: usize) -> String {
    format!("{} accepted and not done", count(held, "job"))
}

/// `1 job`, `2 jobs`.
pub fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
