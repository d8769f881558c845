//! The pool as the random scripts drive it, and what this brief promises beyond task 2.

use std::sync::Arc;

use drain_model::promise::{self, count, promise};
use drain_model::{AT_ONCE, Book, Brief, Calling, Drain, Job, Kept, Outcome, TICK, Words, called};
use task_06::{DeadlineExceeded, Drained, Pool};
use tokio::time::Instant;

pub struct Task6;

struct Subject(Pool);

const OVER: &str = "all callers get the outcome of the drain as soon as it is over, and none before";
const LEAVES: &str = "a caller whose own deadline is earlier gets the error at its own deadline";
const HOOKS: &str = "each hook is called once, in order, when the last job is done or the deadline has come";
const SAME: &str = "all callers get the one outcome of the drain";

impl Brief for Task6 {
    fn words(&self) -> Words {
        Words { hooks: true, drains: 5, ..Words::default() }
    }

    fn start(&self, workers: usize, queue: usize) -> Arc<dyn drain_model::Pool> {
        Arc::new(Subject(Pool::start(workers, queue)))
    }

    fn hook(&self, book: &Book, hook: usize) -> Kept {
        let name = hook + 1;
        promise(
            !book.hooks[hook].called,
            HOOKS,
            format_args!("hook {name} called once"),
            "it is called again",
        )?;
        let added = book.hooks[hook].added != Some(false);
        promise(
            added,
            "a hook that was refused is never called",
            format_args!("hook {name} never called"),
            "it is called",
        )?;
        let expected =
            format_args!("hook {name} not called yet: jobs are left, and the deadline has not come");
        promise(
            book.drain.is_some() && (book.held() == 0 || book.is_due()),
            HOOKS,
            expected,
            "it is called",
        )?;
        let before = book.hooks[..hook].iter().all(|other| other.called || other.added != Some(true));
        let after = book.hooks[hook..].iter().any(|other| other.called);
        promise(
            before && !after,
            HOOKS,
            "the hooks called in the order in which they were added",
            format_args!("hook {name} is called out of its turn"),
        )
    }

    fn returned(&self, book: &Book, call: usize, outcome: Outcome) -> Kept {
        let Some(drain) = book.drain else { return Ok(()) };
        let own = own_deadline(book, call);
        match end(book, drain) {
            // Not over: only who has an earlier deadline may be here.
            None => leaves(book, call, own, outcome, book.calls[call].deadline < drain.deadline),
            Some(end) if own.is_some_and(|own| own + TICK < end) && !book.calls[call].was_neglected => {
                leaves(book, call, own, outcome, true)
            }
            // In the same moment, or looked at when both had come.
            Some(end) if own.is_some_and(|own| own < end + TICK) => {
                leaves(book, call, own, outcome, true).or_else(|_| shares(book, drain, call, end, outcome))
            }
            Some(end) => shares(book, drain, call, end, outcome),
        }
    }

    fn at_rest(&self, book: &Book) -> Kept {
        promise::places_and_workers(book)?;
        promise::nothing_behind(book)?;
        let Some(drain) = book.drain else { return Ok(()) };
        let Some(end) = end(book, drain) else { return nobody_overstays(book) };
        if let Some(call) = book.calls.iter().position(|call| call.waits()) {
            let expected = format!("drain {} returned: it was over at {}", call + 1, book.at(end));
            promise(false, OVER, expected, "it waits")?;
        }
        all_hooks_called(book)?;
        book.line()?;
        let tasks = count(book.tasks, "task");
        promise(
            book.held() > 0 || book.tasks == 0,
            "once the drain is over and the last job is done, no task of the pool is left",
            "no task left: the drain is over, all jobs are done",
            tasks,
        )
    }
}

/// When the drain is over, if it is: with its last job, or at its deadline.
fn end(book: &Book, drain: Drain) -> Option<Instant> {
    let last = book.last_end().unwrap_or(drain.begun).max(drain.begun);
    if book.held() == 0 && last <= drain.due() {
        return Some(last);
    }
    book.is_due().then(|| drain.due())
}

/// When a call has to leave, if its deadline is earlier than that of the drain.
fn own_deadline(book: &Book, call: usize) -> Option<Instant> {
    let (drain, call) = (book.drain?, &book.calls[call]);
    (call.deadline < drain.deadline).then_some(call.deadline.max(call.polled?))
}

/// A caller gets the error, with the number of jobs that are not done, at its own deadline.
fn leaves(book: &Book, call: usize, own: Option<Instant>, outcome: Outcome, earlier: bool) -> Kept {
    let Some(own) = own.filter(|_| earlier) else {
        return promise(false, OVER, "nothing yet: the drain is not over", "it returned");
    };
    promise(!outcome.complete, LEAVES, format_args!("the error, at {}", book.at(own)), "Ok")?;
    promise(
        book.now() >= own,
        LEAVES,
        format_args!("the error not before {}", book.at(own)),
        "it came earlier",
    )?;
    if book.calls[call].was_neglected {
        // It is as late as it was polled, and counts then.
        return Ok(());
    }
    promise::promise_at(book, LEAVES, own, "the error")?;
    let (least, most) = book.left_at(own);
    let left = outcome.left.unwrap_or_default();
    promise(
        (least..=most).contains(&left),
        LEAVES,
        format_args!("{least} left at {}", book.at(own)),
        format_args!("{left} left"),
    )
}

/// A caller gets the outcome of the drain, when it is over.
fn shares(book: &Book, drain: Drain, call: usize, end: Instant, outcome: Outcome) -> Kept {
    let polled = book.calls[call].polled.unwrap_or(end);
    if !book.calls[call].was_neglected {
        promise::promise_at(book, OVER, end.max(polled), "the outcome")?;
    }
    let (least, most) = book.left_at(drain.due());
    // Whoever had not ended when the hooks were called had not ended at the deadline.
    let least = if outcome.complete { least } else { least.max(book.held_at_hooks.unwrap_or_default()) };
    let left = outcome.left.unwrap_or_default();
    let what = "the outcome is `Ok` if all accepted jobs are done, or else the number of those that are not";
    let expected = format_args!("{least} left at {}", book.at(drain.due()));
    promise(least.min(most) <= left && left <= most, what, expected, format_args!("{left} left"))?;
    if let Some(duration) = outcome.duration {
        let took = end - drain.begun;
        let what = "`duration` is the time from the beginning of the drain to its end";
        promise(
            duration.abs_diff(took) <= AT_ONCE,
            what,
            format_args!("{took:?}"),
            format_args!("{duration:?}"),
        )?;
    }
    same(book, call, end, outcome)?;
    all_hooks_called(book)?;
    promise::report(book, outcome.complete, left..=left)
}

/// Those who have got the outcome of the drain have all got the same.
fn same(book: &Book, call: usize, end: Instant, outcome: Outcome) -> Kept {
    let sure = |call: usize| own_deadline(book, call).is_none_or(|own| own > end + TICK);
    let mut others = (0..book.calls.len()).filter(|&other| other != call && sure(call) && sure(other));
    let other = others.find_map(|other| book.calls[other].returned.filter(|(_, got)| *got != outcome));
    let Some((_, other)) = other else { return Ok(()) };
    promise(false, SAME, format_args!("{other}, as another caller got"), format_args!("{outcome}"))
}

fn all_hooks_called(book: &Book) -> Kept {
    let left = book.hooks.iter().position(|hook| hook.added == Some(true) && !hook.called);
    let Some(hook) = left else { return Ok(()) };
    promise(
        false,
        HOOKS,
        format_args!("hook {} called: the drain is over", hook + 1),
        "it has not been called",
    )
}

/// The drain goes on: nobody has reported it, and only those wait for it who may.
fn nobody_overstays(book: &Book) -> Kept {
    for number in (0..book.calls.len()).filter(|&number| book.calls[number].waits()) {
        if let Some(own) = own_deadline(book, number).filter(|own| *own + AT_ONCE < book.now()) {
            let expected = format!("the error from drain {}, at {}", number + 1, book.at(own));
            promise(false, LEAVES, expected, "it waits")?;
        }
    }
    let lines = book.report.as_ref().map_or(0, Vec::len);
    promise(
        lines == 0,
        "the drain reports itself once, when it is over",
        "no report yet",
        count(lines, "line"),
    )
}

impl drain_model::Pool for Subject {
    fn submit(self: Arc<Self>, job: Job) -> Calling<bool> {
        Box::pin(async move { self.0.submit(job.run()).await.is_ok() })
    }

    fn drain(self: Arc<Self>, deadline: Instant) -> Calling<Outcome> {
        Box::pin(async move {
            let drain = self.0.drain(deadline);
            called().await;
            match drain.await {
                Ok(Drained { duration }) => Outcome { duration: Some(duration), ..Outcome::plain(true) },
                Err(DeadlineExceeded { unfinished }) => {
                    Outcome { left: Some(unfinished), ..Outcome::plain(false) }
                }
            }
        })
    }

    fn on_drain(self: Arc<Self>, hook: Box<dyn Fn() + Send + Sync>) -> Calling<bool> {
        Box::pin(async move { self.0.on_drain(hook).await.is_ok() })
    }
}
