//! Race check for task 8: components that end at the same moment, and callers of the drain against each other, under
//! thousands of schedules.
//!
//! This is your library, compiled a second time with stand-ins for tokio in which every await is a point
//! where the scheduler may let somebody else go on.

#[cfg(feature = "solution")]
extern crate task_08_solution_race as task_08_race;

use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc; // Those of std are seen by the scheduler.

use drain_kit::Scenario;
use drain_race::{NEVER, Story, dice, explore};
use task_08_race::{Component, DrainOrder, Ended};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::Instant;

/// Of those that end at the same moment the last one brings on what they need, once, whatever the schedule.
///
/// Why: two that count down the same number can both see a zero, or neither.
///
/// Limit: 60 s
#[test]
fn the_last_one_brings_on_what_they_need() {
    explore(&Scenario::new(), |story| async move {
        let needs = [vec![2, 3], vec![2, 3], vec![4], vec![4], vec![]];
        let trial = Trial::new(story, &needs, |_| 1);
        let returned = trial.call("drain").await.expect("the drain does not panic");
        trial.judge(&needs, &returned);
    });
}

/// All callers get the entries of one drain, whoever of them is dropped, whatever the schedule.
///
/// Why: between "has it begun?" and "now it has" there is room for a second caller, and between "is it over?" and the
/// wait for it there is room for the end.
///
/// Limit: 60 s
#[test]
fn callers_share_one_drain() {
    explore(&Scenario::new(), |story| async move {
        let needs = [vec![1], vec![]];
        let trial = Trial::new(story, &needs, |_| 0);
        let calls: Vec<_> = (1..=3).map(|number| trial.call(&format!("caller {number}"))).collect();
        let dropped = trial.call("dropped caller");
        yield_now().await;
        dropped.abort();
        for call in calls {
            let returned = call.await.expect("the drain does not panic");
            trial.judge(&needs, &returned);
        }
    });
}

/// Whatever the components need, however they end, and whoever calls: the order holds in every schedule.
///
/// Why: the other scenarios have the components that somebody thought of.
///
/// Limit: 90 s
#[test]
fn whatever_the_script_and_the_schedule() {
    explore(&Scenario::new(), |story| async move {
        let count = 1 + dice(5);
        let needs: Vec<Vec<usize>> =
            (0..count).map(|number| (number + 1..count).filter(|_| dice(2) == 0).collect()).collect();
        let trial = Trial::new(story, &needs, |_| dice(3));
        let callers: Vec<_> =
            (1..=1 + dice(3)).map(|number| trial.call(&format!("caller {number}"))).collect();
        if dice(3) == 0 {
            let dropped = trial.call("dropped caller");
            for _ in 0..dice(4) {
                yield_now().await;
            }
            dropped.abort();
        }
        for caller in callers {
            let returned = caller.await.expect("the drain does not panic");
            trial.judge(&needs, &returned);
        }
    });
}

/// Components that need each other by number, and how many of them have begun and ended.
struct Trial {
    story: Story,
    order: Arc<DrainOrder>,
    ended: Arc<Vec<AtomicUsize>>,
}

/// What a caller got, and how many components had ended by then.
struct Returned {
    entries: Vec<Ended>,
    ended: usize,
}

impl Trial {
    fn new(story: Story, needs: &[Vec<usize>], mut yields: impl FnMut(usize) -> usize) -> Self {
        let ended: Arc<Vec<AtomicUsize>> = Arc::new(needs.iter().map(|_| AtomicUsize::new(0)).collect());
        let mut components = Vec::new();
        for (number, needed) in needs.iter().enumerate() {
            let (story, ended, yields) = (story.clone(), ended.clone(), yields(number));
            let before: Vec<usize> =
                (0..needs.len()).filter(|other| needs[*other].contains(&number)).collect();
            let component = Component::new(&name(number), async move |_| {
                story.step(&name(number), "begins");
                let early = before.iter().find(|other| ended[**other].load(Ordering::SeqCst) == 0);
                if let Some(other) = early {
                    let expected = format!("{} begins when {} has ended", name(number), name(*other));
                    story.require(false, expected, "it begins before");
                }
                for _ in 0..yields {
                    yield_now().await;
                }
                ended[number].fetch_add(1, Ordering::SeqCst);
                story.step(&name(number), "ends");
                if number % 3 == 2 { Err(anyhow::anyhow!("it fails")) } else { Ok(()) }
            });
            components
                .push(needed.iter().fold(component, |component, needed| component.needs(&name(*needed))));
        }
        let order = Arc::new(DrainOrder::new(components).expect("there is an order"));
        Self { story, order, ended }
    }

    /// Calls `drain` with a deadline that never comes.
    fn call(&self, who: &str) -> JoinHandle<Returned> {
        let (story, order, ended, who) =
            (self.story.clone(), self.order.clone(), self.ended.clone(), who.to_owned());
        tokio::spawn(async move {
            story.step(&who, "calls drain");
            // Shared out among five it is still never.
            let entries = order.drain(Instant::now() + NEVER * 5).await;
            story.step(&who, format!("gets {} entries", entries.len()));
            Returned { entries, ended: ended.iter().map(|ended| ended.load(Ordering::SeqCst)).sum() }
        })
    }

    fn judge(&self, needs: &[Vec<usize>], returned: &Returned) {
        let Returned { entries, ended } = returned;
        self.story.require(
            entries.len() == needs.len(),
            format!("{} entries for every caller", needs.len()),
            format!("{} entries", entries.len()),
        );
        self.story.require(
            *ended == needs.len(),
            format!("{} components ended when the drain returns", needs.len()),
            format!("{ended} ended"),
        );
        let place = |number: &usize| entries.iter().position(|ended| ended.name == name(*number));
        for (number, needed) in needs.iter().enumerate() {
            let first = needed.iter().all(|needed| place(&number) < place(needed));
            self.story.require(
                first && place(&number).is_some(),
                format!("the entry of {} before those of what it needs", name(number)),
                "it comes later, or not at all",
            );
        }
    }
}

fn name(number: usize) -> String {
    format!("component {number}")
}
