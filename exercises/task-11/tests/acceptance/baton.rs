//! Work that is handed over between tasks on many threads, each beginning before the one before it has ended.

use std::sync::Arc;
use std::time::Duration;

use drain_kit::{Scenario, ms, secs};
use task_11::{InFlight, Kind, OwnedGuard};
use tokio::sync::mpsc;
use tokio::task::yield_now;
use tokio::time::Instant;

pub(crate) struct Course {
    pub(crate) handed_over: usize,
    pub(crate) idle_too_early: usize,
}

/// Lets so many tasks hand batons to each other for this time, while others wait and look.
pub(crate) async fn run(scenario: &Scenario, runners: usize, time: Duration) -> Course {
    let in_flight = Arc::new(InFlight::new());
    let batons: Vec<_> = (0..runners / 2).map(|_| in_flight.enter_owned(Kind::Work)).collect();
    let until = Instant::now() + time;
    let waiting: Vec<_> = (0..4).map(|_| tokio::spawn(wait(in_flight.clone(), until))).collect();

    let (senders, receivers): (Vec<_>, Vec<_>) = (0..runners).map(|_| mpsc::channel(runners)).unzip();
    let running: Vec<_> = receivers
        .into_iter()
        .enumerate()
        .map(|(number, batons)| {
            let next = senders[(number + 1) % runners].clone();
            tokio::spawn(pass_on(in_flight.clone(), batons, next, until))
        })
        .collect();
    for (sender, baton) in senders.iter().zip(batons) {
        sender.send(baton).await.expect("a runner waits for it");
    }
    drop(senders);

    let mut course = Course { handed_over: 0, idle_too_early: 0 };
    for waiter in waiting {
        course.idle_too_early += scenario.returned(secs(20), "a call to return", waiter).await;
    }
    for runner in running {
        course.handed_over += scenario.returned(secs(20), "a runner to end", runner).await;
    }
    let left = in_flight.count();
    scenario.require(left == 0, "0 in flight in the end", format!("{left}"));
    let deadline = Instant::now() + secs(20);
    let last = scenario.wait("the last call to return", in_flight.wait_idle(deadline)).await;
    scenario.require(last.is_ok(), "Ok: everything is over", format!("{last:?}"));
    course
}

/// Each hand-over begins a piece of work of its own, and only then ends the one that it has received. Returns how many
/// there were.
async fn pass_on(
    in_flight: Arc<InFlight>,
    mut batons: mpsc::Receiver<OwnedGuard>,
    next: mpsc::Sender<OwnedGuard>,
    until: Instant,
) -> usize {
    let mut passed = 0;
    while let Some(received) = batons.recv().await {
        // They end a little after those who wait.
        if Instant::now() > until + ms(300) {
            break;
        }
        let own = in_flight.enter_owned(Kind::Work);
        drop(received);
        for _ in 0..passed % 3 {
            drop(in_flight.enter(Kind::Work));
            yield_now().await;
        }
        passed += 1;
        if next.send(own).await.is_err() {
            break;
        }
    }
    passed
}

/// Calls again and again, with deadlines of its own. Returns how often it was told that the service is idle.
async fn wait(in_flight: Arc<InFlight>, until: Instant) -> usize {
    let mut idle = 0;
    while Instant::now() < until {
        let deadline = until.min(Instant::now() + ms(450));
        idle += usize::from(in_flight.wait_idle(deadline).await.is_ok());
    }
    idle
}
