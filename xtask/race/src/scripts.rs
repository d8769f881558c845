//! Random scripts under random schedules: each schedule draws its own.
//!
//! Producers submit and give up, jobs yield or wait at a gate, a drain comes at any moment or not at all, and is
//! dropped, or called by several. What is judged holds for every pool, whatever its design: no order of jobs is
//! assumed, and before a place must be free all jobs are waited for.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use drain_kit::Scenario;
use shuttle::future::batch_semaphore::{BatchSemaphore, Fairness};
use shuttle::future::{spawn, yield_now};
use shuttle::rand::{Rng as _, thread_rng};

use crate::{Story, explore};

/// A call that has been made, and goes on when it is polled.
pub type Calling<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The pool of a drill, as the scripts drive it.
pub trait Pool: Send + Sync + 'static {
    /// `submit`: whether the job is accepted.
    fn submit(self: Arc<Self>, job: Calling<()>) -> Calling<bool>;

    /// `drain`, with a deadline that never comes, or one that strikes while it waits.
    fn drain(self: Arc<Self>, strikes: bool) -> Calling<Drained>;
}

/// How a drain went, as far as the drill says so.
pub struct Drained {
    /// `Ok`.
    pub complete: bool,
    /// The jobs that are done.
    pub done: Option<usize>,
    /// The jobs that are not.
    pub left: Option<usize>,
}

/// What else may stand in a script.
#[derive(Clone, Copy)]
pub struct Words {
    /// The deadline may strike, and what is left is cut off.
    pub strikes: bool,
    /// How many may call `drain`.
    pub callers: usize,
}

/// Runs random scripts on pools that are started like this, and fails `scenario` with the first schedule in which
/// a promise of task 2 is broken.
pub fn scripts(scenario: &Scenario, words: Words, start: fn(usize, usize) -> Arc<dyn Pool>) {
    explore(scenario, move |story| async move {
        let (workers, queue) = (1 + dice(2), 1 + dice(2));
        story.step("pool", format!("starts: workers {workers}, queue {queue}"));
        let strikes = words.strikes && dice(2) == 0;
        let world = World {
            story,
            pool: start(workers, queue),
            book: Arc::default(),
            workers,
            strikes,
            gate: Arc::new(BatchSemaphore::new(0, Fairness::StrictlyFair)),
            ends: Arc::new(BatchSemaphore::new(0, Fairness::StrictlyFair)),
        };
        let drains = strikes || dice(100) < 65;
        // Then no worker is free again before all producers have been told.
        let held = drains && !strikes && dice(2) == 0;
        let producers: Vec<_> = (0..1 + dice(4)).map(|_| spawn(world.clone().produce(held))).collect();
        if drains {
            for _ in 0..dice(6) {
                yield_now().await;
            }
            let callers: Vec<_> =
                (0..1 + dice(words.callers)).map(|_| spawn(world.clone().drain(words.callers > 1))).collect();
            for producer in producers {
                producer.await.expect("a producer does not panic");
            }
            world.gate.close();
            for caller in callers {
                caller.await.expect("a caller does not panic");
            }
        } else {
            for producer in producers {
                producer.await.expect("a producer does not panic");
            }
            world.all_places_are_back(workers + queue).await;
            world.gate.close();
            world.clone().drain(false).await;
        }
        if words.callers > 1 {
            // Whoever was dropped has left a drain that goes on; a schedule ends with all that it has begun.
            world.clone().drain(false).await;
        }
        world.all_is_over().await;
    });
}

/// One of `0..below`, drawn by the schedule: the same seed gives the same number.
pub fn dice(below: usize) -> usize {
    thread_rng().gen_range(0..below)
}

#[derive(Clone)]
struct World {
    story: Story,
    pool: Arc<dyn Pool>,
    book: Arc<Mutex<Book>>,
    workers: usize,
    /// The deadline strikes: jobs may be cut off.
    strikes: bool,
    /// Holds jobs until it is closed.
    gate: Arc<BatchSemaphore>,
    /// A permit for each job that has come to its end.
    ends: Arc<BatchSemaphore>,
}

#[derive(Default)]
struct Book {
    jobs: Vec<Entry>,
    running: usize,
    /// A drain was complete.
    complete: bool,
    /// What the last drain said that it has counted.
    counted: Option<usize>,
}

struct Entry {
    submit: Submit,
    begun: bool,
    ended: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Submit {
    Waits,
    Accepted,
    Refused,
    GivenUp,
}

impl World {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Submits a few jobs, and gives some of them up.
    async fn produce(self, held: bool) {
        for _ in 0..1 + dice(3) {
            for _ in 0..dice(2) {
                yield_now().await;
            }
            let (yields, gated) = (dice(3), held);
            let patience = (dice(100) < 30).then(|| dice(4));
            let (number, call) = self.submit(yields, gated);
            match impatient(call, patience).await {
                Some(accepted) => self.returned(number, accepted),
                None => self.given_up(number),
            }
        }
    }

    fn submit(&self, yields: usize, gated: bool) -> (usize, Calling<bool>) {
        let mut book = self.book();
        book.jobs.push(Entry { submit: Submit::Waits, begun: false, ended: false });
        let number = book.jobs.len();
        drop(book);
        self.story.step(&format!("submit {number}"), "is called");
        (number, self.pool.clone().submit(Box::pin(self.clone().job(number, yields, gated))))
    }

    fn begins(&self, number: usize) {
        let name = format!("job {number}");
        self.story.step(&name, "begins");
        let mut book = self.book();
        book.running += 1;
        let running = book.running;
        let entry = &mut book.jobs[number - 1];
        let again = std::mem::replace(&mut entry.begun, true);
        let refused = matches!(entry.submit, Submit::Refused | Submit::GivenUp);
        drop(book);
        self.story.require(!again, "each job once", format!("{name} begins again"));
        let most = format!("at most {} jobs at once", self.workers);
        self.story.require(running <= self.workers, most, format!("{running} at once"));
        self.story.require(!refused, format!("{name} never runs: it was refused or given up"), "it begins");
    }

    async fn job(self, number: usize, yields: usize, gated: bool) {
        self.begins(number);
        let leaves = Leaves(self.clone());
        for _ in 0..yields {
            yield_now().await;
        }
        if gated {
            // An error means that the gate is open.
            let _ = self.gate.acquire(1).await;
        }
        self.book().jobs[number - 1].ended = true;
        self.story.step(&format!("job {number}"), "is done");
        drop(leaves);
        self.ends.release(1);
    }

    fn returned(&self, number: usize, accepted: bool) {
        let words = if accepted { "returned Ok: accepted" } else { "returned Err: refused" };
        self.story.step(&format!("submit {number}"), words);
        let mut book = self.book();
        let complete = book.complete;
        let entry = &mut book.jobs[number - 1];
        entry.submit = if accepted { Submit::Accepted } else { Submit::Refused };
        let (begun, late) = (entry.begun, complete && accepted && !entry.ended);
        drop(book);
        let expected = format!("job {number} run before the drain is complete, or refused");
        self.story.require(!late, expected, "accepted after the drain was complete");
        self.story.require(
            accepted || !begun,
            format!("job {number} never runs: it was refused"),
            "it was run",
        );
    }

    fn given_up(&self, number: usize) {
        self.story.step(&format!("submit {number}"), "is dropped");
        let entry = &mut self.book().jobs[number - 1];
        entry.submit = Submit::GivenUp;
        let begun = entry.begun;
        self.story.require(!begun, format!("job {number} never runs: its submit was dropped"), "it was run");
    }

    /// Drains, or may give up draining.
    async fn drain(self, gives_up: bool) {
        self.story.step("drain", "is called");
        let patience = (gives_up && dice(100) < 30).then(|| 1 + dice(3));
        let strikes = self.strikes;
        let Some(drained) = impatient(self.pool.clone().drain(strikes), patience).await else {
            return self.story.step("drain", "is dropped");
        };
        self.story.step("drain", if drained.complete { "returned Ok" } else { "returned the error" });
        let left = self.not_done();
        let mut book = self.book();
        book.complete |= drained.complete;
        book.counted = drained.done.map(|done| done + drained.left.unwrap_or_default());
        let running = book.running;
        drop(book);
        self.story.require(drained.complete || strikes, "Ok: the deadline does not come", "the error");
        let not_done = format!("not done: {left:?}");
        self.story.require(
            !drained.complete || left.is_empty(),
            "all accepted jobs done when the drain returns Ok",
            not_done,
        );
        self.story.require(
            !strikes || running == 0,
            "no job running when the drain has returned",
            format!("{running} running"),
        );
    }

    /// Nobody has drained: at the latest when all jobs are done, every place is free.
    async fn all_places_are_back(&self, places: usize) {
        let accepted = self.book().jobs.iter().filter(|job| job.submit == Submit::Accepted).count();
        self.all_end(accepted).await;
        for _ in 0..places {
            let (number, call) = self.submit(0, true);
            let accepted = call.await;
            self.returned(number, accepted);
        }
    }

    async fn all_end(&self, accepted: usize) {
        if accepted > 0 {
            let _ = self.ends.acquire(accepted).await;
            self.ends.release(accepted);
        }
    }

    /// The pool is closed, and what was accepted is done, or else counted.
    async fn all_is_over(&self) {
        let (number, call) = self.submit(0, false);
        let accepted = call.await;
        self.story.require(!accepted, "Err: the drain has begun", "Ok: accepted");
        self.returned(number, accepted);
        let accepted = self.book().jobs.iter().filter(|job| job.submit == Submit::Accepted).count();
        if !self.strikes {
            self.all_end(accepted).await;
        }
        if let Some(counted) = self.book().counted {
            let expected = format!("{accepted} accepted, and as many done and abandoned together");
            self.story.require(counted == accepted, expected, format!("{counted} done and abandoned"));
        }
    }

    fn not_done(&self) -> Vec<usize> {
        let book = self.book();
        let lost = |number: &usize| {
            let job = &book.jobs[number - 1];
            job.submit == Submit::Accepted && !job.ended
        };
        (1..=book.jobs.len()).filter(lost).collect()
    }
}

/// A job that is over, also if it is cut off.
struct Leaves(World);

impl Drop for Leaves {
    fn drop(&mut self) {
        self.0.book().running -= 1;
    }
}

/// Awaits a call for as many turns as this, and polls it once at least.
async fn impatient<T>(mut call: Calling<T>, turns: Option<usize>) -> Option<T> {
    let Some(turns) = turns else { return Some(call.await) };
    // Is it looked at once more when time is over? Both happen.
    let (last_look, mut first) = (dice(2) == 0, true);
    let mut over = pin!(async {
        for _ in 0..turns {
            yield_now().await;
        }
    });
    poll_fn(|context| {
        if !std::mem::take(&mut first) && !last_look && over.as_mut().poll(context).is_ready() {
            return Poll::Ready(None);
        }
        if let Poll::Ready(done) = call.as_mut().poll(context) {
            return Poll::Ready(Some(done));
        }
        if last_look {
            over.as_mut().poll(context).map(|()| None)
        } else {
            context.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await
}
