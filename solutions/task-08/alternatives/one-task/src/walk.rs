//! The drain itself.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::{Instant, timeout_at};

use crate::component::Component;
use crate::outcome::{Ended, Outcome};
use crate::plan::{Plan, needed_by};

/// Drains each component when those that need it have ended, and reports.
pub(crate) async fn walk(components: Vec<Component>, plan: Plan, deadline: Instant) -> Vec<Ended> {
    let begun = Instant::now();
    let Plan { needs, chain } = plan;
    let mut needed_by = needed_by(&needs);
    let mut waiting: Vec<Option<Component>> = components.into_iter().map(Some).collect();
    let mut draining = FuturesUnordered::new();
    let mut begin = |number: usize| {
        let component = waiting[number].take().expect("the last of those that need it ends once");
        let share = deadline.saturating_duration_since(Instant::now()) / chain[number];
        drain(component, share).map(move |ended| (number, ended))
    };
    draining.extend((0..needs.len()).filter(|number| needed_by[*number] == 0).map(&mut begin));
    let mut all = Vec::new();
    while let Some((number, ended)) = draining.next().await {
        all.push(ended);
        for needed in &needs[number] {
            needed_by[*needed] -= 1;
            if needed_by[*needed] == 0 {
                draining.push(begin(*needed));
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
    let outcome = match catch_unwind(AssertUnwindSafe(|| drain(due))) {
        Err(panic) => Outcome::Failed(said(panic)),
        Ok(mut draining) => {
            let outcome = match timeout_at(due, AssertUnwindSafe(draining.as_mut()).catch_unwind()).await {
                Ok(Ok(Ok(()))) => Outcome::Complete,
                Ok(Ok(Err(error))) => Outcome::Failed(format!("{error:#}")),
                Ok(Err(panic)) => Outcome::Failed(said(panic)),
                Err(_) => Outcome::CutOff,
            };
            // A destructor is code, too.
            catch_unwind(AssertUnwindSafe(|| std::mem::drop(draining)))
                .map_or_else(|panic| Outcome::Failed(said(panic)), |()| outcome)
        }
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
