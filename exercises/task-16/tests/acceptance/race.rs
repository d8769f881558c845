//! Producers on many threads while the phases begin, in real time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use drain_kit::leaks::resident_memory;
use drain_kit::{Program, Scenario, secs};
use task_16::{Jobs, Refused, Work};
use tokio::runtime::Builder;
use tokio::sync::Barrier;
use tokio::task::yield_now;
use tokio::time::Instant;

/// What a race counts.
#[derive(Default)]
struct Course {
    run: AtomicUsize,
    /// Long jobs that were accepted when `quiesce` had returned.
    late: AtomicUsize,
    quiesced: AtomicBool,
}

/// Lets producers race a quiesce and a drain.
pub(crate) async fn race(scenario: &Scenario, producers: usize) {
    let jobs = Arc::new(Jobs::new());
    let course = Arc::new(Course::default());
    let line = Arc::new(Barrier::new(producers + 1));
    let produce = |number| tokio::spawn(produce(jobs.clone(), course.clone(), line.clone(), number));
    let producing: Vec<_> = (0..producers).map(produce).collect();
    line.wait().await;
    for _ in 0..20 {
        yield_now().await;
    }
    jobs.quiesce();
    course.quiesced.store(true, Ordering::SeqCst);
    for _ in 0..20 {
        yield_now().await;
    }
    let drain = jobs.drain(Instant::now() + secs(60));
    let outcome = scenario.wait("the drain to return", drain).await;
    let run = course.run.load(Ordering::SeqCst);
    scenario.require(outcome.is_ok(), "Ok from the drain: no job takes long", format!("{outcome:?}"));
    let mut accepted = 0;
    for producer in producing {
        accepted += scenario.returned(secs(60), "a producer", producer).await;
    }
    scenario.require(
        run == accepted,
        format!("{accepted} accepted jobs run, once each, when the drain returns"),
        format!("{run} run"),
    );
    let run = course.run.load(Ordering::SeqCst);
    scenario.require(run == accepted, "none run after the drain", format!("{} more", run - accepted));
    let late = course.late.load(Ordering::SeqCst);
    scenario.require(late == 0, "no long job accepted once `quiesce` has returned", format!("{late} were"));
    let left = jobs.in_flight(Work::Short) + jobs.in_flight(Work::Long);
    scenario.require(left == 0, "nothing in flight after the drain", format!("{left} jobs"));
}

/// Submits until all is refused, and says how many jobs were accepted.
async fn produce(jobs: Arc<Jobs>, course: Arc<Course>, line: Arc<Barrier>, number: usize) -> usize {
    line.wait().await;
    let mut accepted = 0;
    for round in number.. {
        let work = if round % 2 == 0 { Work::Long } else { Work::Short };
        let quiesced = course.quiesced.load(Ordering::SeqCst);
        let counted = course.clone();
        let answer = jobs.submit(work, async move {
            if round % 3 == 0 {
                yield_now().await;
            }
            counted.run.fetch_add(1, Ordering::SeqCst);
        });
        match answer {
            Ok(()) => {
                accepted += 1;
                if quiesced && work == Work::Long {
                    course.late.fetch_add(1, Ordering::SeqCst);
                }
            }
            Err(Refused::Quiescing) => {}
            Err(Refused::Draining) => break,
        }
        if round % 4 == 0 {
            yield_now().await;
        }
    }
    accepted
}

/// Requires that jobs that have ended are not kept.
pub(crate) fn soak(scenario: &Scenario) {
    const JOBS: usize = 100_000;
    const MOST_KIB: usize = 400;
    // Its memory is its own.
    let program = Program::alone(scenario, || {
        let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
        println!("\n{}", runtime.block_on(grown_by(JOBS)));
    });
    program.exit_with(0);
    let lines = program.stdout();
    let said = lines.iter().find_map(|(_, line)| line.strip_prefix("after all jobs: "));
    let said = said.unwrap_or_else(|| scenario.unknown("the jobs were run, and the memory was not measured"));
    let grown = said.strip_suffix(" KiB more").and_then(|grown| grown.parse().ok());
    scenario.require(
        grown.is_some_and(|grown: usize| grown < MOST_KIB),
        format!("less than {MOST_KIB} KiB more after {JOBS} jobs that have ended"),
        said,
    );
}

/// `after all jobs: 16 KiB more`, or that one was refused.
async fn grown_by(count: usize) -> String {
    let jobs = Jobs::new();
    let _ = jobs.submit(Work::Long, std::future::pending());
    let run = async |count: usize| {
        for number in 1..=count {
            jobs.submit(Work::Short, async {})?;
            while number % 1_000 == 0 && jobs.in_flight(Work::Short) > 0 {
                yield_now().await;
            }
        }
        Ok::<usize, Refused>(resident_memory())
    };
    // What a runtime takes for so many tasks, it has after a fifth of them.
    match (run(count / 5).await, run(count).await) {
        (Ok(before), Ok(after)) => format!("after all jobs: {} KiB more", after.saturating_sub(before)),
        refused => format!("after all jobs: {refused:?}"),
    }
}
