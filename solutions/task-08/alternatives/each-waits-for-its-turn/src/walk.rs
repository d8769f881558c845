//! The drain itself.

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::component::Component;
use crate::outcome::{Ended, Outcome};
use crate::plan::Plan;

/// Gives each component a task, in which it waits until all that need it are over.
pub(crate) async fn walk(components: Vec<Component>, plan: Plan, deadline: Instant) -> Vec<Ended> {
    let begun = Instant::now();
    let Plan { needs, chain } = plan;
    let over: Vec<CancellationToken> = needs.iter().map(|_| CancellationToken::new()).collect();
    let mut before: Vec<Vec<CancellationToken>> = vec![Vec::new(); needs.len()];
    for (number, needed) in needs.iter().enumerate() {
        needed.iter().for_each(|needed| before[*needed].push(over[number].clone()));
    }
    let all = Arc::new(Mutex::new(Vec::new()));
    let tasks = TaskTracker::new();
    for (((component, before), over), chain) in components.into_iter().zip(before).zip(over).zip(chain) {
        let all = all.clone();
        tasks.spawn(async move {
            for before in before {
                before.cancelled().await;
            }
            let share = deadline.saturating_duration_since(Instant::now()) / chain;
            let ended = drain(component, share).await;
            all.lock().unwrap_or_else(PoisonError::into_inner).push(ended);
            over.cancel();
        });
    }
    tasks.close();
    tasks.wait().await;
    let all = std::mem::take(&mut *all.lock().unwrap_or_else(PoisonError::into_inner));
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
