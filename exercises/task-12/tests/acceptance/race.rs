//! Registrations, starts and drains that race each other, in real time.

use std::sync::{Arc, Mutex, PoisonError};

use drain_kit::{Scenario, secs};
use task_12::{Lifecycle, Refused, StartError};
use tokio::sync::Barrier;
use tokio::task::yield_now;
use tokio::time::Instant;

use crate::parts::{Does, Event, Part, Witness};
use crate::trial::shown;

#[derive(Default)]
struct Course(Mutex<Vec<(String, Event)>>);

impl Witness for Course {
    fn saw(&self, part: &str, event: Event) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((part.to_owned(), event));
    }
}

impl Course {
    fn parts(&self, wanted: impl Fn(Event) -> bool) -> Vec<String> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.iter().filter(|(_, event)| wanted(*event)).map(|(part, _)| part.clone()).collect()
    }

    fn last_start_comes_before_the_first_drain(&self) -> bool {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let drain = entries.iter().position(|(_, event)| matches!(event, Event::Drain(_)));
        let start = entries.iter().rposition(|(_, event)| matches!(event, Event::Start | Event::Ready));
        drain.is_none_or(|drain| start.is_none_or(|start| start < drain))
    }
}

/// Lets registrars, starters and callers of the drain race each other; every third start is given up.
pub(crate) async fn race(scenario: &Scenario, registrars: usize, callers: usize) {
    let lifecycle = Arc::new(Lifecycle::new());
    let course = Arc::new(Course::default());
    let line = Arc::new(Barrier::new(registrars + 2 + callers));

    let registering = (0..registrars).map(|number| {
        let (lifecycle, course, line) = (lifecycle.clone(), course.clone(), line.clone());
        tokio::spawn(async move {
            line.wait().await;
            let mut contested = false;
            for name in [format!("part {number} a"), "contested".to_owned(), format!("part {number} b")] {
                let part = Part {
                    name: name.clone(),
                    start: Does::Yields,
                    drain: Does::Yields,
                    witness: course.clone(),
                };
                match lifecycle.register(&name, part) {
                    Ok(()) => contested |= name == "contested",
                    Err(Refused::Draining) => break,
                    Err(Refused::NameTaken) if name == "contested" => {}
                    Err(Refused::NameTaken) => return Err(name),
                }
                yield_now().await;
            }
            Ok(contested)
        })
    });
    let registering: Vec<_> = registering.collect();
    let starting: Vec<_> =
        (0..2).map(|number| tokio::spawn(start(lifecycle.clone(), line.clone(), number))).collect();
    let deadline = Instant::now() + secs(30);
    let calls: Vec<_> = (0..callers)
        .map(|number| {
            let (lifecycle, line) = (lifecycle.clone(), line.clone());
            tokio::spawn(async move {
                line.wait().await;
                for _ in 0..number * 3 {
                    yield_now().await;
                }
                lifecycle.drain(deadline).await
            })
        })
        .collect();

    let mut durations = Vec::new();
    for call in calls {
        let report = scenario.returned(secs(120), "drain to return to every caller", call).await;
        scenario.require(report.failures.is_empty(), "no failure", format!("{report:?}"));
        durations.push(report.duration);
    }
    scenario.require(
        durations.iter().all(|duration| *duration == durations[0]),
        format!("one report for {callers} callers"),
        format!("reports with the durations {durations:?}"),
    );
    for start in starting {
        let wrong = scenario.returned(secs(120), "start to return", start).await;
        scenario.require(wrong.is_none(), "Ok, and Err(Draining) in the end", wrong.unwrap_or_default());
    }
    let mut contested = 0;
    for registrar in registering {
        match scenario.returned(secs(120), "register to return", registrar).await {
            Ok(got) => contested += usize::from(got),
            Err(name) => scenario.fail(format!("`{name}` registered"), "Err(NameTaken): nobody else has it"),
        }
    }
    scenario.require(contested <= 1, "one name for one component", format!("registered {contested} times"));

    let ready = course.parts(|event| event == Event::Ready);
    let mut drained = course.parts(|event| matches!(event, Event::Drain(_)));
    drained.reverse();
    scenario.require(
        drained == ready,
        format!("drained in reverse of the start: {}", ready.join(", ")),
        format!("the reverse of {}", drained.join(", ")),
    );
    let ended = course.parts(|event| event == Event::Drained).len();
    scenario.require(ended == ready.len(), format!("{} drained", ready.len()), format!("{ended} drained"));
    scenario.require(
        course.last_start_comes_before_the_first_drain(),
        "nothing started when the first component is drained",
        "a component is started during the drain",
    );
}

/// Starts again and again, until the drain begins. Returns what else start says.
async fn start(lifecycle: Arc<Lifecycle>, line: Arc<Barrier>, number: usize) -> Option<String> {
    line.wait().await;
    for turn in number.. {
        let started = tokio::select! {
            biased;
            started = lifecycle.start() => started,
            () = yield_now(), if turn % 3 == 0 => continue,
        };
        match started {
            Ok(()) => yield_now().await,
            Err(StartError::Draining) => break,
            Err(StartError::Component(_)) => return Some(shown(&started)),
        }
    }
    None
}
