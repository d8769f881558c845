//! Callers that race each other, and producers, in real time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use drain_kit::{Scenario, secs};
use task_06::{Closed, Pool};
use tokio::sync::Barrier;
use tokio::task::yield_now;
use tokio::time::Instant;

use crate::trial::{hooks_called, shortly};

/// What a race may take in real time. It takes milliseconds, but the machine may be busy.
const RACE: Duration = secs(15);

/// What a race counts.
#[derive(Default)]
pub(crate) struct Course {
    /// Jobs that have come to their end.
    run: AtomicUsize,
    /// The hooks that have been called.
    hooks: Mutex<Vec<usize>>,
}

impl Course {
    pub(crate) fn hooks(&self) -> Vec<usize> {
        self.hooks.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Lets callers race each other while producers submit; every fourth caller gives up when it has begun.
/// Returns how many jobs were accepted.
pub(crate) async fn race(scenario: &Scenario, callers: usize, producers: usize) -> usize {
    let pool = Arc::new(Pool::start(2, 4));
    let course = Arc::new(Course::default());
    for number in 1..=3 {
        let course = course.clone();
        let added = pool.on_drain(move || {
            course.hooks.lock().unwrap_or_else(PoisonError::into_inner).push(number);
        });
        scenario.require(added.await.is_ok(), "a hook accepted: no drain has begun", "Err(Closed)");
    }

    let produce = |_| tokio::spawn(produce(pool.clone(), course.clone()));
    let producers: Vec<_> = (0..producers).map(produce).collect();
    let line = Arc::new(Barrier::new(callers));
    let deadline = Instant::now() + RACE;
    let call = |number| {
        let (pool, course, line) = (pool.clone(), course.clone(), line.clone());
        tokio::spawn(async move {
            line.wait().await;
            let outcome = tokio::select! {
                biased;
                outcome = pool.drain(deadline) => outcome,
                () = yield_now(), if number % 4 == 0 => return None,
            };
            Some((outcome, course.run.load(Ordering::SeqCst), course.hooks()))
        })
    };
    let calls: Vec<_> = (0..callers).map(call).collect();

    let mut seen = Vec::new();
    for call in calls {
        seen.extend(scenario.returned(secs(120), "drain to return to every caller", call).await);
    }
    let mut accepted = 0;
    for producer in producers {
        accepted += scenario.returned(secs(120), "submit to return", producer).await;
    }
    let outcome = seen[0].0;
    scenario.require(outcome.is_ok(), "Ok from the drain: no job takes long", shortly(&outcome));
    let others = seen.iter().filter(|(other, ..)| *other != outcome).count();
    scenario.require(
        others == 0,
        format!("one outcome for {} callers", seen.len()),
        format!("{others} of them got another one than the first"),
    );
    for (_, run, hooks) in seen {
        scenario.require(
            hooks == [1, 2, 3],
            format!("{}, in this order, when drain returns", hooks_called(&[1, 2, 3])),
            hooks_called(&hooks),
        );
        scenario.require(
            run == accepted,
            format!("{accepted} accepted jobs run when drain returns"),
            format!("{run} run"),
        );
    }
    let hooks = course.hooks();
    scenario.require(
        hooks == [1, 2, 3],
        format!("{}, in this order, and no more", hooks_called(&[1, 2, 3])),
        hooks_called(&hooks),
    );
    accepted
}

/// Submits until it is refused, and says how many jobs were accepted.
pub(crate) async fn produce(pool: Arc<Pool>, course: Arc<Course>) -> usize {
    for accepted in 0.. {
        let course = course.clone();
        let job = async move {
            if accepted % 3 == 0 {
                yield_now().await;
            }
            course.run.fetch_add(1, Ordering::SeqCst);
        };
        if let Err(Closed) = pool.submit(job).await {
            return accepted;
        }
    }
    unreachable!("it is refused before it has counted to the end")
}
