//! What a pool keeps of the jobs that it has run.

use std::sync::Arc;
use std::time::Duration;

use drain_kit::leaks::resident_memory;
use drain_kit::{Program, Scenario, secs};
use tokio::runtime::Builder;
use tokio::time::{Instant, sleep, timeout};

use crate::book::Shared;
use crate::job::{Ending, Job, Lasts, Token, Work};
use crate::{AT_ONCE, Brief, Outcome, Pool};

const WORKERS: usize = 2;
const QUEUE: usize = 8;
/// So many jobs find a place, and one more that is in no mood to wait for one.
const ROUND: usize = WORKERS + QUEUE;
/// How many jobs are run.
const JOBS: usize = 20_000;
/// The solutions of tasks 4 and 6 were measured to grow by 16 to 60 KiB in this run, twelve right pools of tasks 2, 4
/// and 6 by 0 to 4 in a process without a test around them. The least that can be kept of each job, a word in a vector,
/// is 264; a `Box` for each, 6648.
const MOST_KIB: usize = 200;

/// Runs thousands of jobs, which end in every way there is, and fails `scenario` if the pool has grown by
/// then.
///
/// Call it first in a plain `#[test]`: it runs the test once more, in a process whose memory is its own.
pub fn leaves_nothing_behind(scenario: &Scenario, brief: &'static dyn Brief) {
    let program = Program::alone(scenario, || println!("\n{}", soak(brief)));
    program.exit_with(0);
    let said = program.stdout();
    let grown = said.iter().find_map(|(_, line)| line.strip_prefix("grown by ")?.parse::<usize>().ok());
    let wrong = said.iter().find_map(|(_, line)| line.strip_prefix("drained: "));
    scenario.require(
        wrong.is_none(),
        "every job accepted, and done when the drain is over",
        wrong.unwrap_or_default(),
    );
    let grown =
        grown.unwrap_or_else(|| scenario.unknown("the jobs were run, and the memory was not measured"));
    scenario.require(
        grown <= MOST_KIB,
        format!("no more memory after {JOBS} jobs that are done"),
        format!("{grown} KiB more"),
    );
}

/// `grown by 0`, in KiB; or what went wrong.
fn soak(brief: &'static dyn Brief) -> String {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    let outcome: Result<usize, String> = runtime.block_on(async {
        let pool = brief.start(WORKERS, QUEUE);
        let book = Shared::new(brief, WORKERS, QUEUE);
        // At first the pool and the allocator take what they need for good.
        let first = run(&pool, &book, JOBS / 5).await?;
        let before = resident_memory();
        let accepted = first + run(&pool, &book, JOBS).await?;
        let grown = resident_memory().saturating_sub(before);
        let Outcome { complete, done, .. } = pool.drain(Instant::now() + secs(1)).await;
        if !complete || done.is_some_and(|done| done != accepted) {
            return Err(format!("complete: {complete}, {done:?} of {accepted} jobs done"));
        }
        Ok(grown)
    });
    outcome.map_or_else(|wrong| format!("drained: {wrong}"), |grown| format!("grown by {grown}"))
}

/// Says how many jobs were accepted.
async fn run(pool: &Arc<dyn Pool>, book: &Shared, jobs: usize) -> Result<usize, String> {
    let works = works(book.lock().brief.words().tokens);
    let mut accepted = 0;
    for round in 0..jobs / ROUND {
        for place in 0..=ROUND {
            let work = works[(round + place) % works.len()];
            book.renew(place, work);
            let call = pool.clone().submit(Job::new(place, work, book, pool));
            // The last one is mostly given up.
            let patience = if place < ROUND { secs(1) } else { Duration::ZERO };
            match timeout(patience, call).await {
                Ok(true) => accepted += 1,
                Err(_) if place == ROUND => {}
                other => return Err(format!("submit to an idle pool: {other:?}")),
            }
        }
        // Then all of them are done.
        sleep(AT_ONCE).await;
    }
    Ok(accepted)
}

fn works(tokens: bool) -> Vec<Work> {
    let plain = Work { lasts: Lasts::NoTime, ..Work::PLAIN };
    let mut works: Vec<Work> = [Ending::Done, Ending::Panic, Ending::Destructor, Ending::LateDestructor]
        .map(|ending| Work { ending, ..plain })
        .to_vec();
    if tokens {
        works.push(Work { ending: Ending::PanicWhenCalled, ..plain });
        works.push(Work { token: Token::Cancelled, ..plain });
        works.push(Work { token: Token::Heeded, ..plain });
    }
    works
}
