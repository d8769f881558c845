//! The drain itself.

use std::any::Any;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use crate::component::Component;
use crate::outcome::{Ended, Outcome};
use crate::plan::{Plan, needed_by};

/// Begins those that nobody needs; they begin the others. Over when the last of them is gone.
pub(crate) async fn walk(components: Vec<Component>, plan: Plan, deadline: Instant) -> Vec<Ended> {
    let begun = Instant::now();
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let needed_by = needed_by(&plan.needs);
    let first: Vec<usize> = (0..needed_by.len()).filter(|number| needed_by[*number] == 0).collect();
    let walk = Arc::new(Walk {
        waiting: components.into_iter().map(|component| Mutex::new(Some(component))).collect(),
        needed_by: needed_by.into_iter().map(AtomicUsize::new).collect(),
        plan,
        deadline,
        ended: sender,
    });
    for number in first {
        walk.clone().begin(number);
    }
    // What is left of it belongs to the components: the channel is closed when none of them goes on.
    drop(walk);
    let mut all = Vec::new();
    while let Some(ended) = receiver.recv().await {
        all.push(ended);
    }
    report(&all, begun.elapsed());
    all
}

struct Walk {
    waiting: Vec<Mutex<Option<Component>>>,
    needed_by: Vec<AtomicUsize>,
    plan: Plan,
    deadline: Instant,
    ended: mpsc::UnboundedSender<Ended>,
}

impl Walk {
    fn begin(self: Arc<Self>, number: usize) {
        let component = self.waiting[number].lock().unwrap_or_else(PoisonError::into_inner).take();
        let component = component.expect("only the last one that needs it begins it");
        let share = self.deadline.saturating_duration_since(Instant::now()) / self.plan.chain[number];
        tokio::spawn(async move {
            // Told before anybody is begun: the entries are in the order of the ends.
            let _ = self.ended.send(drain(component, share).await);
            for needed in &self.plan.needs[number] {
                // One step: of those that count down at the same moment one sees that it was the last.
                if self.needed_by[*needed].fetch_sub(1, Ordering::AcqRel) == 1 {
                    self.clone().begin(*needed);
                }
            }
        });
    }
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
