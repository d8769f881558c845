//! The pool as the random scripts drive it, and what this brief promises beyond task 2.
//!
//! While there is time, all that task 2 promises holds. What becomes of the jobs at the deadline of a drain
//! whose call was dropped before it is nobody's promise.

use std::sync::Arc;

use drain_model::promise::{self, count, promise};
use drain_model::{Book, Brief, Calling, Drain, Job, Kept, Outcome, Run, Submit, TICK, Words, called};
use task_04::{DeadlineExceeded, Drained, Pool};
use tokio::time::Instant;

pub struct Task4;

struct Subject(Pool);

impl Brief for Task4 {
    fn words(&self) -> Words {
        Words { tokens: true, drains: 1, ..Words::default() }
    }

    fn start(&self, workers: usize, queue: usize) -> Arc<dyn drain_model::Pool> {
        Arc::new(Subject(Pool::start(workers, queue)))
    }

    fn begins(&self, book: &Book, job: usize) -> Kept {
        promise::begins(book, job)?;
        match book.drain {
            Some(drain) if book.is_due() && !is_dropped(book) => never_begun(book, drain, job),
            _ => Ok(()),
        }
    }

    fn sees_the_cancellation(&self, book: &Book, job: usize) -> Kept {
        promise(
            book.is_due(),
            "a token is cancelled at the deadline, and not before",
            format_args!("job {} undisturbed: the deadline has not come", job + 1),
            "its token is cancelled",
        )
    }

    fn cut(&self, book: &Book, job: usize) -> Kept {
        if !book.is_due() {
            return promise::cut(book, job);
        }
        let (name, job) = (job + 1, &book.jobs[job]);
        let told = !job.begun || job.token.as_ref().is_none_or(|token| token.is_cancelled());
        let what = "at the deadline the token of every job that runs is cancelled";
        promise(
            told,
            what,
            format_args!("job {name} told, and then cut off"),
            "it is cut off without a word",
        )?;
        let saw = !job.begun || !job.work.heeds() || job.saw.is_some();
        let what = "a job that waits for its token sees the cancellation";
        promise(
            saw,
            what,
            format_args!("job {name} sees the cancellation, and then is cut off"),
            "it does not see it",
        )
    }

    fn returned(&self, book: &Book, _call: usize, outcome: Outcome) -> Kept {
        let Some(drain) = book.drain else { return Ok(()) };
        if outcome.complete {
            let last = book.last_end().unwrap_or(drain.begun).max(drain.begun);
            let what = "the drain returns as soon as the last accepted job is done";
            promise::promise_at(book, what, last, "Ok")?;
        } else {
            promise::not_before(book, drain.deadline)?;
            let what = "if a job is left, the drain returns the error at most 10 ms after the deadline";
            promise::promise_at(book, what, drain.due(), "the error")?;
        }
        nothing_left(book)?;
        counts(book, drain, outcome)?;
        let left = outcome.left.unwrap_or_default();
        promise::report(book, left == 0, left..=left)
    }

    fn at_rest(&self, book: &Book) -> Kept {
        if !book.is_due() {
            undisturbed(book)?;
            return promise::at_rest(book);
        }
        if is_dropped(book) {
            return Ok(());
        }
        let [call] = book.calls.as_slice() else { return Ok(()) };
        let Some((_, outcome)) = call.returned else {
            let expected = format!("the drain over: its deadline came at {}", book.at(call.deadline));
            return promise(
                false,
                "the drain returns at most 10 ms after its deadline",
                expected,
                "it has not returned",
            );
        };
        if let Some(number) = book.attended().first() {
            let what = "producers that wait are released when the drain begins";
            promise(false, what, format_args!("Err(Closed) from submit {}", number + 1), "it waits")?;
        }
        nothing_left(book)?;
        let tasks = count(book.tasks, "task");
        promise(book.tasks == 0, "no task of the pool is left", "no task left: the drain is over", tasks)?;
        let (all, accepted) =
            (outcome.done.unwrap_or_default() + outcome.left.unwrap_or_default(), book.accepted());
        add_up(all == accepted, accepted, outcome)
    }
}

fn is_dropped(book: &Book) -> bool {
    book.calls.iter().any(|call| call.dropped)
}

/// A job that waits for its turn is not begun at the deadline, unless another has ended by itself just then.
fn never_begun(book: &Book, drain: Drain, number: usize) -> Kept {
    let freed = book
        .jobs
        .iter()
        .any(|job| job.saw.is_none() && matches!(job.run, Run::Ended(end) if end + TICK > drain.due()));
    let at_the_deadline = book.now() <= drain.due() + TICK;
    let may = at_the_deadline && (freed || !book.jobs[number].queued);
    let expected = format_args!("job {} never begun: it was waiting at the deadline", number + 1);
    promise(may, "a job that waits for its turn at the deadline is never begun", expected, "it begins")
}

/// Nobody is told before the deadline.
fn undisturbed(book: &Book) -> Kept {
    let cancelled = |number: &usize| {
        let job = &book.jobs[*number];
        !job.work.cancels_its_token() && job.token.as_ref().is_some_and(|token| token.is_cancelled())
    };
    match book.running().find(cancelled) {
        Some(number) => Task4.sees_the_cancellation(book, number),
        None => Ok(()),
    }
}

/// When the drain has returned, no job runs, and what the jobs held has been dropped.
fn nothing_left(book: &Book) -> Kept {
    let mut jobs = book.jobs.iter();
    let left = jobs.position(|job| (job.alive || job.thrown) && job.submit == Submit::Accepted);
    let Some(number) = left else { return Ok(()) };
    let job = &book.jobs[number];
    let observed = match job.run {
        Run::Running => "it still runs",
        _ if job.alive => "it is still held",
        _ => "what it has panicked with is still held",
    };
    let what = "when the drain has returned, no job runs, and what the jobs held has been dropped";
    promise(false, what, format_args!("nothing left of job {}", number + 1), observed)
}

/// Done is who ended before the deadline; who ended because of the cancellation is abandoned.
fn counts(book: &Book, drain: Drain, outcome: Outcome) -> Kept {
    let (done, left) = (outcome.done.unwrap_or_default(), outcome.left.unwrap_or_default());
    let what = "it is `Ok` if nothing was abandoned, and `Err` if something was";
    promise(
        outcome.complete == (left == 0),
        what,
        "the error only if a job was abandoned",
        "the error, 0 left",
    )?;
    let (accepted, unseen) = (book.accepted(), book.waiting().len());
    add_up((accepted..=accepted + unseen).contains(&(done + left)), accepted, outcome)?;
    let ended = || book.jobs.iter().filter(|job| job.ended().is_some_and(|end| end <= drain.due() + TICK));
    let least = ended().filter(|job| job.ended().is_some_and(|end| end + TICK <= drain.due())).count();
    let most = ended().filter(|job| job.saw.is_none()).count() + unseen;
    let expected = if least == most { format!("{least} done") } else { format!("{least} to {most} done") };
    let what = "done is a job that came to its end before the deadline, or panicked before it";
    promise((least..=most).contains(&done), what, expected, format_args!("{done} done"))
}

fn add_up(holds: bool, accepted: usize, outcome: Outcome) -> Kept {
    let (done, left) = (outcome.done.unwrap_or_default(), outcome.left.unwrap_or_default());
    let expected = format_args!("{accepted} accepted, and as many done and abandoned together");
    promise(
        holds,
        "done and abandoned together are the accepted jobs",
        expected,
        format_args!("{done} done, {left} abandoned"),
    )
}

impl drain_model::Pool for Subject {
    fn submit(self: Arc<Self>, job: Job) -> Calling<bool> {
        Box::pin(async move { self.0.submit(move |token| job.call(token)).await.is_ok() })
    }

    fn drain(self: Arc<Self>, deadline: Instant) -> Calling<Outcome> {
        Box::pin(async move {
            let drain = self.0.drain(deadline);
            called().await;
            let (complete, done, left) = match drain.await {
                Ok(Drained { done }) => (true, done, 0),
                Err(DeadlineExceeded { done, abandoned }) => (false, done, abandoned),
            };
            Outcome { done: Some(done), left: Some(left), ..Outcome::plain(complete) }
        })
    }
}
