//! Race check for task 16: submit against quiesce against drain, and a deadline that strikes at every point, under
//! thousands of schedules.
//!
//! These are your jobs, compiled a second time with stand-ins for tokio in which every await, and every use of a lock or
//! an atomic, is a point where the scheduler may let somebody else go on.

#[cfg(feature = "solution")]
extern crate task_16_solution_race as task_16_race;

use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::Arc; // Those of std are seen by the scheduler.

use drain_kit::Scenario;
use drain_race::{NEVER, Story, dice, explore};
use task_16_race::{DeadlineExceeded, Jobs, Phase, Refused, Work};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{Instant, clear_triggers, trigger_timeouts};

/// What was accepted has run when the drain returns, and nothing runs after it, whatever the schedule.
///
/// Why: between "may it?" and "it is counted" there is room for a drain that sees nobody.
///
/// Limit: 60 s
#[test]
fn what_was_accepted_has_run_when_the_drain_returns() {
    explore(&Scenario::new(), |story| async move {
        let trial = Trial::new(&story);
        let submitting = [
            trial.submitting(1, Work::Short, 1),
            trial.submitting(2, Work::Long, 1),
            trial.submitting(3, Work::Short, 0),
        ];
        let quiescing = trial.quiescing();
        let drained = trial.draining("drain", Strikes::Never).await.expect("the drain does not panic");
        let accepted = accepted(submitting).await;
        trial.judge(&drained, &accepted);
        quiescing.await.expect("a quiesce does not panic");
        trial.nothing_comes_after(&drained).await;
    });
}

/// When `quiesce` has returned no long job is accepted, and when the drain has begun no job at all, whatever the schedule.
///
/// Why: whoever has quiesced tells the load balancer next how much there is left to wait for.
///
/// Limit: 60 s
#[test]
fn a_phase_that_has_begun_holds() {
    explore(&Scenario::new(), |story| async move {
        let trial = Trial::new(&story);
        let early = [trial.submitting(1, Work::Long, 1), trial.submitting(2, Work::Long, 0)];
        let quiescing = [trial.quiescing(), trial.quiescing()];
        yield_now().await;
        let late = [trial.submitting(3, Work::Long, 0), trial.submitting(4, Work::Short, 0)];
        let looking = trial.looking(Phase::Running);
        let drained = trial.draining("drain", Strikes::Never).await.expect("the drain does not panic");
        let last = [trial.submitting(5, Work::Long, 0), trial.submitting(6, Work::Short, 0)];
        let accepted = [accepted(early).await, accepted(late).await, accepted(last).await].concat();
        trial.judge(&drained, &accepted);
        for quiescing in quiescing {
            quiescing.await.expect("a quiesce does not panic");
        }
        looking.await.expect("to look does not panic");
        let phase = trial.jobs.phase();
        story.require(phase == Phase::Draining, "phase draining when the drain is over", phase);
    });
}

/// Whenever the deadline strikes, the jobs that were cut off are those that are counted, and none is left.
///
/// Why: from this number somebody decides what has to be done again.
///
/// Limit: 90 s
#[test]
fn the_counts_hold_whenever_the_deadline_strikes() {
    explore(&Scenario::new(), |story| async move {
        let trial = Trial::new(&story);
        let submitting = [
            trial.submitting(1, Work::Long, ENDLESS),
            trial.submitting(2, Work::Long, 1),
            trial.submitting(3, Work::Short, 2),
        ];
        trial.quiescing().await.expect("a quiesce does not panic");
        let drained = trial.draining("drain", Strikes::Sometime).await.expect("the drain does not panic");
        let accepted = accepted(submitting).await;
        trial.judge(&drained, &accepted);
        trial.nothing_comes_after(&drained).await;
    });
}

/// All callers get the outcome of one drain, when nothing is left, whoever of them is dropped, whatever the schedule.
///
/// Why: between "has it begun?" and "now it has" there is room for a second caller, and between "is it over?" and the wait
/// for it there is room for the end.
///
/// Limit: 60 s
#[test]
fn callers_share_one_drain() {
    explore(&Scenario::new(), |story| async move {
        let trial = Trial::new(&story);
        let submitting = [trial.submitting(1, Work::Long, 1), trial.submitting(2, Work::Short, 1)];
        let calls = [1, 2, 3].map(|number| trial.draining(&format!("caller {number}"), Strikes::Never));
        let dropped = trial.draining("dropped caller", Strikes::Never);
        yield_now().await;
        dropped.abort();
        let accepted = accepted(submitting).await;
        for call in calls {
            let drained = call.await.expect("the drain does not panic");
            trial.judge(&drained, &accepted);
        }
    });
}

/// Whatever is submitted, whoever quiesces and drains, and whoever goes on first: the promises hold.
///
/// Why: the other scenarios have their calls in an order that somebody thought of.
///
/// Limit: 90 s
#[test]
fn whatever_the_script_and_the_schedule() {
    explore(&Scenario::new(), |story| async move {
        let trial = Trial::new(&story);
        let mut submitting = Vec::new();
        let mut others = Vec::new();
        let mut drains = Vec::new();
        let strikes = if dice(2) == 0 { Strikes::Sometime } else { Strikes::Never };
        for number in 1..=2 + dice(5) {
            match dice(6) {
                0 => others.push(trial.quiescing()),
                1 if drains.len() < 3 => {
                    drains.push(trial.draining(&format!("caller {}", drains.len() + 1), strikes));
                }
                _ => {
                    let work = if dice(2) == 0 { Work::Long } else { Work::Short };
                    let yields = if strikes == Strikes::Sometime && dice(4) == 0 { ENDLESS } else { dice(3) };
                    submitting.push(trial.submitting(number, work, yields));
                }
            }
            for _ in 0..dice(3) {
                yield_now().await;
            }
        }
        drains.push(trial.draining("last caller", strikes));
        let accepted = accepted(submitting).await;
        for other in others {
            other.await.expect("a quiesce does not panic");
        }
        let mut outcome = None;
        for drain in drains {
            let drained = drain.await.expect("the drain does not panic");
            trial.judge(&drained, &accepted);
            let same = *outcome.get_or_insert(drained.outcome) == drained.outcome;
            story.require(same, "one outcome for all callers", format!("{:?}", drained.outcome));
        }
    });
}

/// A job that never ends, in the place of how often it yields.
const ENDLESS: usize = usize::MAX;

#[derive(Clone, Copy, PartialEq)]
enum Strikes {
    Never,
    Sometime,
}

/// Jobs, and what became of them.
struct Trial {
    jobs: Arc<Jobs>,
    story: Story,
    tally: Arc<Tally>,
}

#[derive(Default)]
struct Tally {
    /// What has become of each job, by its number.
    jobs: [AtomicUsize; 10],
    /// A drain has been called, and this many jobs had ended by then.
    called: AtomicBool,
    before: AtomicUsize,
    /// `quiesce` has returned.
    quiesced: AtomicBool,
    /// A drain has returned, or was seen to have begun.
    draining: AtomicBool,
}

const BEGUN: usize = 1;
/// It has come to its end, and is still there.
const OVER: usize = 2;
/// It has come to its end, and is gone.
const ENDED: usize = 3;
/// Dropped before its end: cut off, or refused.
const DROPPED: usize = 4;

/// What a caller got, and what had become of the jobs at that moment.
struct Drained {
    outcome: Result<(), DeadlineExceeded>,
    strikes: Strikes,
    after: [usize; 10],
}

impl Trial {
    fn new(story: &Story) -> Self {
        // The triggers of the schedule before this one are still there.
        clear_triggers();
        Self { jobs: Arc::new(Jobs::new()), story: story.clone(), tally: Arc::default() }
    }

    /// Submits one job; the task has its number if it was accepted.
    fn submitting(&self, number: usize, work: Work, yields: usize) -> JoinHandle<Option<usize>> {
        let (jobs, story, tally) = (self.jobs.clone(), self.story.clone(), self.tally.clone());
        tokio::spawn(async move {
            let who = format!("submit {number}");
            let kind = if work == Work::Long { "long" } else { "short" };
            let (quiesced, draining) = (is(&tally.quiesced), is(&tally.draining));
            story.step(&who, format!("is called: {kind} work"));
            let job = Job { number, name: format!("job {number}"), story: story.clone(), tally };
            let answer = jobs.submit(work, job.run(yields));
            story.step(&who, format!("returned {answer:?}"));
            let late = draining || quiesced && work == Work::Long;
            story.require(!late || answer.is_err(), "refused: the phase had begun", "accepted");
            let wrong = work == Work::Short && answer == Err(Refused::Quiescing);
            story.require(!wrong, "short work accepted, or refused with Draining", "refused with Quiescing");
            let wrong = draining && answer == Err(Refused::Quiescing);
            story.require(!wrong, "refused with Draining: the drain had begun", "refused with Quiescing");
            answer.ok().map(|()| number)
        })
    }

    fn quiescing(&self) -> JoinHandle<()> {
        let (jobs, story, tally) = (self.jobs.clone(), self.story.clone(), self.tally.clone());
        tokio::spawn(async move {
            story.step("quiesce", "is called");
            jobs.quiesce();
            tally.quiesced.store(true, Ordering::SeqCst);
            story.step("quiesce", "returned");
            let phase = jobs.phase();
            story.require(phase > Phase::Running, "phase quiescing or draining after quiesce", phase);
        })
    }

    /// Looks at the phase again and again: there is no way back.
    fn looking(&self, mut last: Phase) -> JoinHandle<()> {
        let (jobs, story, tally) = (self.jobs.clone(), self.story.clone(), self.tally.clone());
        tokio::spawn(async move {
            for _ in 0..4 {
                let phase = jobs.phase();
                story.step("phase", format!("is {phase}"));
                story.require(phase >= last, format!("no way back from {last}"), phase);
                if phase == Phase::Draining {
                    tally.draining.store(true, Ordering::SeqCst);
                }
                last = phase;
                yield_now().await;
            }
        })
    }

    fn draining(&self, who: &str, strikes: Strikes) -> JoinHandle<Drained> {
        let (jobs, story, tally) = (self.jobs.clone(), self.story.clone(), self.tally.clone());
        let who = who.to_owned();
        tokio::spawn(async move {
            if strikes == Strikes::Sometime {
                let story = story.clone();
                tokio::spawn(async move {
                    yield_now().await;
                    story.step("deadline", "strikes");
                    trigger_timeouts(|_| true);
                });
            }
            if !tally.called.swap(true, Ordering::SeqCst) {
                let ended = tally.now().iter().filter(|job| **job == ENDED).count();
                tally.before.store(ended, Ordering::SeqCst);
            }
            story.step(&who, "calls drain");
            // It has come already for those who look at the clock themselves.
            let deadline = if strikes == Strikes::Sometime { Instant::now() } else { Instant::now() + NEVER };
            let outcome = jobs.drain(deadline).await;
            tally.draining.store(true, Ordering::SeqCst);
            // Nothing is awaited in between: this is the very moment of the return.
            let drained = Drained { outcome, strikes, after: tally.now() };
            story.step(&who, format!("returned {outcome:?}"));
            drained
        })
    }

    /// Requires what holds of every drain; these are the jobs that were accepted.
    fn judge(&self, drained: &Drained, accepted: &[usize]) {
        let Drained { outcome, strikes, after } = drained;
        let those = |what| accepted.iter().filter(|number| after[**number] == what).count();
        let (ended, cut) = (those(ENDED), those(DROPPED));
        self.story.require(
            ended + cut == accepted.len(),
            format!("{} accepted, and gone when the drain returns: ended or cut off", accepted.len()),
            format!("{ended} ended, {cut} cut off"),
        );
        let polled = (0..after.len())
            .find(|number| [BEGUN, OVER, ENDED].contains(&after[*number]) && !accepted.contains(number));
        if let Some(number) = polled {
            self.story.require(false, format!("job {number} never polled: it was refused"), "it was polled");
        }
        let counted = outcome.err().map_or(0, |DeadlineExceeded { abandoned }| abandoned);
        // Who ends when it strikes may be counted either way.
        let most = match strikes {
            Strikes::Never => 0,
            Strikes::Sometime => accepted.len() - self.tally.before.load(Ordering::SeqCst),
        };
        self.story.require(
            cut <= counted && counted <= most,
            format!(
                "{cut} jobs counted, which were cut off; or up to {most}, with those that ended just then"
            ),
            format!("{outcome:?}"),
        );
        self.story.require(
            outcome.is_ok() == (counted == 0),
            "Ok if none was cut off",
            format!("{outcome:?}"),
        );
        let left = self.jobs.in_flight(Work::Short) + self.jobs.in_flight(Work::Long);
        self.story.require(left == 0, "nothing in flight when the drain is over", format!("{left} jobs"));
    }

    /// Requires that no job begins or ends any more.
    async fn nothing_comes_after(&self, drained: &Drained) {
        for _ in 0..4 {
            yield_now().await;
        }
        let ran = |jobs: &[usize; 10]| jobs.iter().filter(|job| [BEGUN, OVER, ENDED].contains(job)).count();
        let (then, later) = (ran(&drained.after), ran(&self.tally.now()));
        self.story.require(
            later == then,
            "no job runs after the drain",
            format!("{} more", later.abs_diff(then)),
        );
    }
}

impl Tally {
    fn now(&self) -> [usize; 10] {
        self.jobs.each_ref().map(|job| job.load(Ordering::SeqCst))
    }
}

struct Job {
    number: usize,
    name: String,
    story: Story,
    tally: Arc<Tally>,
}

impl Job {
    async fn run(self, yields: usize) {
        self.becomes(BEGUN, "begins");
        if yields == ENDLESS {
            std::future::pending().await
        }
        for _ in 0..yields {
            yield_now().await;
        }
        self.becomes(OVER, "ends");
    }

    fn becomes(&self, state: usize, what: &str) {
        self.tally.jobs[self.number].store(state, Ordering::SeqCst);
        self.story.step(&self.name, what);
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        let over = self.tally.jobs[self.number].load(Ordering::SeqCst) == OVER;
        self.becomes(if over { ENDED } else { DROPPED }, "is dropped");
    }
}

fn is(flag: &AtomicBool) -> bool {
    flag.load(Ordering::SeqCst)
}

/// Which of these were accepted.
async fn accepted(submitting: impl IntoIterator<Item = JoinHandle<Option<usize>>>) -> Vec<usize> {
    let mut accepted = Vec::new();
    for one in submitting {
        accepted.extend(one.await.expect("submit does not panic"));
    }
    accepted
}
