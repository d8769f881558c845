//! What a pair of `enter` and drop costs, beside the same in Go: one after the other, again and again, so that a
//! neighbour who is busy is so for both.
#![forbid(unsafe_code)]

mod go;

use std::sync::Arc;
use std::time::{Duration, Instant};

use task_11_solution::{InFlight, Kind};
use tokio::runtime::Runtime;
use tokio::task::yield_now;

use go::Go;

/// Many and short: a neighbour costs some of them much, and not all of them a little.
const ROUNDS: usize = 41;
const PAIRS: usize = 1_000_000;
/// Between two looks at the clock of the runtime.
const AT_A_TIME: usize = 4_096;

/// Who does it: what it is called, how many tasks, and whether somebody waits meanwhile.
const MEASURES: [(&str, usize, bool); 3] =
    [("OneTask", 1, false), ("FourTasks", 4, false), ("FourTasksWhileSomebodyWaits", 4, true)];

fn main() {
    let runtime = Runtime::new().expect("a runtime");
    let go = Go::build();
    println!("ns a pair, the median of {ROUNDS} [lowest, highest]; load before: {}", load());
    for (name, tasks, waits) in MEASURES {
        let (mut here, mut there) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let rust = |here: &mut Vec<f64>| here.push(runtime.block_on(pairs(tasks, waits)));
            let other = |there: &mut Vec<f64>| there.extend(go.as_ref().map(|go| go.pairs(name, PAIRS)));
            if round % 2 == 0 {
                rust(&mut here);
                other(&mut there);
            } else {
                other(&mut there);
                rust(&mut here);
            }
        }
        let ratio = ahead(&mut here, &mut there);
        println!("{name:30} {:24} go {:24} {ratio}", shown(&mut here), shown(&mut there));
    }
}

/// How many nanoseconds a pair takes, of all the tasks together.
async fn pairs(tasks: usize, waits: bool) -> f64 {
    let in_flight = Arc::new(InFlight::new());
    let far = tokio::time::Instant::now() + Duration::from_secs(3_600);
    let waiter = waits.then(|| {
        let in_flight = in_flight.clone();
        tokio::spawn(async move { in_flight.wait_idle(far).await })
    });
    tokio::time::sleep(Duration::from_millis(2)).await;
    let begun = Instant::now();
    let all: Vec<_> = (0..tasks)
        .map(|_| {
            let in_flight = in_flight.clone();
            tokio::spawn(async move {
                for _ in 0..PAIRS / tasks / AT_A_TIME {
                    some(&in_flight);
                    yield_now().await;
                }
            })
        })
        .collect();
    for task in all {
        task.await.expect("it does not panic");
    }
    let took = begun.elapsed();
    if let Some(waiter) = waiter {
        waiter.abort();
    }
    took.as_nanos() as f64 / PAIRS as f64
}

/// Outside of a future, whose loop counter would be in memory.
#[inline(never)]
fn some(in_flight: &InFlight) {
    for _ in 0..AT_A_TIME {
        drop(in_flight.enter(Kind::Work));
    }
}

fn median(numbers: &mut [f64]) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

/// By how much this is ahead of Go: in the median, and of the best of both.
fn ahead(here: &mut [f64], there: &mut [f64]) -> String {
    if there.is_empty() {
        return String::new();
    }
    let median = median(there) / median(here);
    format!("{median:.2}x, at best {:.2}x", there[0] / here[0])
}

fn shown(numbers: &mut [f64]) -> String {
    if numbers.is_empty() {
        return "-".to_owned();
    }
    let median = median(numbers);
    format!("{median:.1} [{:.1}, {:.1}]", numbers[0], numbers[numbers.len() - 1])
}

fn load() -> String {
    std::fs::read_to_string("/proc/loadavg")
        .unwrap_or_default()
        .split(' ')
        .next()
        .unwrap_or_default()
        .to_owned()
}
