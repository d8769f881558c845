//! The model on trial: a right pool passes, a wrong one is found out, with a script that is short and comes again.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use tokio_util::task::TaskTracker;

use crate::driver::play;
use crate::job::{Job, Work};
use crate::script::{Act, Deadline, Script, Step, Then};
use crate::search::Played;
use crate::shrink::shrink;
use crate::{Brief, Calling, Outcome, Pool, called};

/// What is wrong with a pool.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bug {
    None,
    /// A place is given back when the job begins.
    TooManyPlaces,
    /// A job that was accepted is never begun.
    ForgetsJobs,
    /// The drain returns though jobs are left.
    DoesNotWait,
    /// The pool goes on taking jobs.
    StaysOpen,
}

struct Task2(Bug);

static RIGHT: Task2 = Task2(Bug::None);
/// With words of the promises that they break.
static WRONG: [(Task2, &[&str]); 4] = [
    (Task2(Bug::TooManyPlaces), &["`workers + queue` jobs are accepted"]),
    (Task2(Bug::ForgetsJobs), &["a job starts as soon as", "an accepted job is run to its end"]),
    (Task2(Bug::DoesNotWait), &["an accepted job is run to its end"]),
    (Task2(Bug::StaysOpen), &["once the drain has begun", "producers that wait are released"]),
];

struct Small {
    bug: Bug,
    places: Arc<Semaphore>,
    workers: Arc<Semaphore>,
    jobs: TaskTracker,
}

impl Brief for Task2 {
    fn start(&self, workers: usize, queue: usize) -> Arc<dyn Pool> {
        let (places, workers) = (Semaphore::new(workers + queue), Semaphore::new(workers));
        Arc::new(Small {
            bug: self.0,
            places: places.into(),
            workers: workers.into(),
            jobs: TaskTracker::new(),
        })
    }
}

impl Pool for Small {
    fn submit(self: Arc<Self>, job: Job) -> Calling<bool> {
        Box::pin(async move {
            let Ok(place) = self.places.clone().acquire_owned().await else { return false };
            if self.bug == Bug::ForgetsJobs {
                std::mem::forget((job, place));
                return true;
            }
            let (bug, workers) = (self.bug, self.workers.clone());
            let task = self.jobs.track_future(async move {
                let place = (bug != Bug::TooManyPlaces).then_some(place);
                let _worker = workers.acquire_owned().await;
                job.run().await;
                drop(place);
            });
            if self.jobs.is_closed() && bug != Bug::StaysOpen {
                return false;
            }
            tokio::spawn(task);
            true
        })
    }

    fn drain(self: Arc<Self>, deadline: Instant) -> Calling<Outcome> {
        Box::pin(async move {
            called().await;
            self.jobs.close();
            if self.bug != Bug::StaysOpen {
                self.places.close();
            }
            if self.bug == Bug::DoesNotWait {
                return Outcome::plain(true);
            }
            Outcome::plain(timeout_at(deadline, self.jobs.wait()).await.is_ok())
        })
    }
}

fn played(brief: &'static Task2, script: &Script) -> Played {
    play(brief, script, &mut None, true)
}

/// The first script that finds something, and what.
fn first_found(brief: &'static Task2) -> (Script, Played) {
    let scripts = (1..=500).map(|seed| Script::draw(seed, brief.words()));
    let mut found = scripts.map(|script| (script.clone(), played(brief, &script)));
    found.find(|(_, played)| played.broken.is_some()).expect("one of 500 scripts finds it")
}

#[test]
fn a_right_pool_keeps_every_promise() {
    for seed in 1..=300 {
        let broken = played(&RIGHT, &Script::draw(seed, RIGHT.words())).broken;
        let told = broken.map(|broken| format!("{} / {}", broken.expected, broken.observed));
        assert_eq!(told, None, "seed {seed}");
    }
}

#[test]
fn each_wrong_pool_is_found_out_for_what_is_wrong() {
    for (brief, promises) in &WRONG {
        let broken = first_found(brief).1.broken.expect("found");
        let named = promises.iter().any(|promise| broken.promise.starts_with(promise));
        assert!(named, "{} / {} / {}", broken.promise, broken.expected, broken.observed);
    }
}

#[test]
fn the_same_seed_is_the_same_script_with_the_same_steps() {
    for seed in [1, 203, u64::MAX] {
        let (one, other) = (Script::draw(seed, RIGHT.words()), Script::draw(seed, RIGHT.words()));
        assert_eq!(one, other);
        assert_eq!(played(&RIGHT, &one).steps, played(&RIGHT, &other).steps);
    }
    assert_ne!(Script::draw(1, RIGHT.words()), Script::draw(2, RIGHT.words()));
}

#[test]
fn a_script_that_is_shrunk_breaks_the_same_promise_in_a_few_steps() {
    for (brief, _) in &WRONG {
        let (script, found) = first_found(brief);
        let promise = found.broken.expect("found").promise;
        let same = |script: &Script| played(brief, script).broken.is_some_and(|b| b.promise == promise);
        let short = shrink(script, same);
        assert!(same(&short));
        assert!(short.steps.len() <= 4, "{:?}", short.steps);
        // Nothing of it can be left out.
        for left_out in 0..short.steps.len() {
            let mut shorter = short.clone();
            shorter.steps.remove(left_out);
            assert!(!same(&shorter), "without step {left_out}: {:?}", short.steps);
        }
    }
}

#[test]
fn shrinking_keeps_what_the_failure_needs_and_nothing_else() {
    let step = |act| Step { act, then: Then::Tasks };
    let call = Act::Call(Deadline::Micros(4_711));
    let steps = vec![step(Act::Fill), step(call), step(Act::EndAll), step(Act::Wait(9)), step(Act::DropPool)];
    let script = Script { workers: 3, queue: 3, steps };
    let calls = |script: &Script| script.steps.iter().any(|step| matches!(step.act, Act::Call(_)));
    let short = shrink(script, |script| script.workers >= 2 && calls(script));
    assert_eq!((short.workers, short.queue), (2, 1));
    assert_eq!(short.steps, [Step { act: Act::Call(Deadline::Far), then: Then::Rest }]);
}

#[test]
fn a_script_is_told_step_by_step() {
    let steps = vec![
        Step { act: Act::Submit(Work::PLAIN, None), then: Then::Rest },
        Step { act: Act::End(0), then: Then::Rest },
    ];
    let told = played(&RIGHT, &Script { workers: 1, queue: 1, steps }).steps;
    let told: Vec<String> = told.iter().map(|(who, what)| format!("{who} {what}")).collect();
    let expected = ["submit 1 is called", "submit 1 Ok(()): accepted", "job 1 begins", "job 1 ends"];
    let mut rest = told.iter();
    for line in expected {
        assert!(rest.any(|told| told == line), "`{line}` is missing, or comes too early: {told:#?}");
    }
}
