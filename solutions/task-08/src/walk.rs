//! The drain itself.

use std::any::Any;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use crate::component::Component;
use crate::outcome::{Ended, Outcome};
use crate::plan::{Plan, needed_by};

/// Drains each component when those that need it have ended, and reports.
pub(crate) async fn walk(components: Vec<Component>, plan: Plan, deadline: Instant) -> Vec<Ended> {
    let begun = Instant::now();
    let Plan { needs, chain } = plan;
    let mut needed_by = needed_by(&needs);
    let mut next: Vec<usize> = (0..needs.len()).filter(|number| needed_by[*number] == 0).collect();
    let mut waiting: Vec<Option<Component>> = components.into_iter().map(Some).collect();
    let mut draining = JoinSet::new();
    let mut all = Vec::new();
    loop {
        for number in next.drain(..) {
            let component = waiting[number].take().expect("the last of those that need it ends once");
            // What is left now, not what was left at the beginning: time that others did not use is in it.
            let share = deadline.saturating_duration_since(Instant::now()) / chain[number];
            draining.spawn(async move { (number, drain(component, share).await) });
        }
        let Some(ended) = draining.join_next().await else { break };
        let (number, ended) = ended.expect("a component panics in a task of its own");
        all.push(ended);
        for needed in &needs[number] {
            needed_by[*needed] -= 1;
            if needed_by[*needed] == 0 {
                next.push(*needed);
            }
        }
    }
    report(&all, begun.elapsed());
    all
}

async fn drain(component: Component, share: Duration) -> Ended {
    let Component { name, drain, .. } = component;
    let begun = Instant::now();
    let due = begun + share;
    eprintln!("component={name} event=begin share={share:?}");
    // In a task, which no panic leaves: not that of the call, and not that of a destructor. The time-out is in
    // there too. From outside, an abort could come before the first poll.
    let task = tokio::spawn(async move { timeout_at(due, async { drain(due).await }).await });
    let outcome = match task.await {
        Ok(Ok(Ok(()))) => Outcome::Complete,
        Ok(Ok(Err(error))) => Outcome::Failed(format!("{error:#}")),
        Ok(Err(_)) => Outcome::CutOff,
        Err(error) => Outcome::Failed(error.try_into_panic().map_or("it was aborted".to_owned(), said)),
    };
    let ended = Ended { name, outcome, duration: begun.elapsed() };
    eprintln!("{ended}");
    ended
}

/// What a panic said.
fn said(panic: Box<dyn Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked").to_owned()
}

fn report(all: &[Ended], duration: Duration) {
    let abandoned = all.iter().filter(|ended| ended.outcome == Outcome::CutOff).count();
    let outcome = if abandoned > 0 {
        "deadline_exceeded"
    } else if all.iter().any(|ended| ended.outcome != Outcome::Complete) {
        "failed"
    } else {
        "complete"
    };
    eprintln!("drain outcome={outcome} duration={duration:?} abandoned={abandoned}");
}
