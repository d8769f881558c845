//! Random scripts against a small model of the brief.
//!
//! When which job is submitted, and when the phases begin, is drawn. Whether a job is accepted, when it is gone, and what
//! the drain returns is computed from that; the jobs on tokio's paused clock must agree. The first script in which they do
//! not is made as short as it can be.

use std::fmt;
use std::ops::RangeInclusive;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use drain_kit::{AT_ONCE, Moment, Scenario, ms, secs};
use drain_model::promise::Broken;
use drain_model::{Dice, Played, search, shrink_steps};
use task_16::{DeadlineExceeded, Jobs, Phase, Refused, Work};
use tokio::time::{Instant, sleep, timeout};

use crate::trial::{Book, Does, Entry, said};

/// Of what no script sees the end.
const NEVER: Duration = secs(100 * 24 * 3_600);

/// What comes at which time, in milliseconds.
#[derive(Clone, Debug, PartialEq)]
struct Step {
    at: u64,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum What {
    Submit(Work, Does),
    Quiesce,
    /// A call of the drain: in how many milliseconds its deadline is, less than zero if it has passed; and after how many
    /// it is dropped.
    Drain(i64, Option<u64>),
}

/// Fails `scenario` with the shortest script that breaks a promise.
pub(crate) fn check(scenario: &Scenario) {
    let shrink = |steps, fails: &mut dyn FnMut(&Vec<Step>) -> bool| shrink_steps(steps, simpler, fails);
    let told = |steps: &[Step]| {
        steps.iter().map(|step| (format!("{} ms", step.at), step.what.to_string())).collect()
    };
    let play = |steps: &Vec<Step>, _| Played { broken: play(steps), steps: told(steps) };
    if let Some(race) = search(scenario, draw, shrink, play) {
        scenario.scripted(&race);
    }
}

fn draw(seed: u64) -> Vec<Step> {
    let mut dice = Dice::new(seed);
    let mut at = 0;
    let steps = 2 + dice.below(11);
    let mut step = |_| {
        // Some come at the same time.
        at += if dice.chance(15) { 0 } else { 20 + 37 * dice.below(30) as u64 };
        let what = match dice.below(100) {
            0..68 => What::Submit(dice.of(&[Work::Short, Work::Long]), does(&mut dice)),
            68..84 => What::Quiesce,
            _ => {
                let dropped = dice.chance(40).then(|| dice.of(&[0, 1, 150, 900]));
                What::Drain(dice.of(&[-500, 0, 503, 1_501, 3_007, 3_007, 3_600_000]), dropped)
            }
        };
        Step { at, what }
    };
    (0..steps).map(&mut step).collect()
}

fn does(dice: &mut Dice) -> Does {
    let after = if dice.chance(10) { ms(0) } else { ms(11 + 61 * dice.below(40) as u64) };
    match dice.below(12) {
        0..6 => Does::Ends(after),
        6 => Does::Panics(after),
        7 => Does::EndsBadly(after),
        8 => Does::HangsBadly,
        _ => Does::Hangs,
    }
}

/// The simplest first.
fn simpler(step: &Step) -> Vec<Step> {
    let what = match step.what {
        What::Submit(work, does) if does != Does::Ends(ms(100)) => {
            vec![What::Submit(work, Does::Ends(ms(100)))]
        }
        What::Drain(budget, Some(_)) => vec![What::Drain(budget, None)],
        What::Drain(budget, None) if budget != 3_007 => vec![What::Drain(3_007, None)],
        _ => vec![],
    };
    what.into_iter().map(|what| Step { what, ..step.clone() }).collect()
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Submit(work, does) => {
                let work = if work == Work::Long { "long" } else { "short" };
                match does {
                    Does::Ends(after) => write!(f, "{work} work that ends after {} ms", after.as_millis()),
                    Does::Panics(after) => {
                        write!(f, "{work} work that panics after {} ms", after.as_millis())
                    }
                    Does::EndsBadly(after) => {
                        write!(
                            f,
                            "{work} work that ends after {} ms and panics when dropped",
                            after.as_millis()
                        )
                    }
                    Does::HangsBadly => write!(f, "{work} work that never ends and panics when dropped"),
                    Does::Hangs | Does::Spins => write!(f, "{work} work that never ends"),
                }
            }
            Self::Quiesce => f.write_str("quiesce"),
            Self::Drain(budget, dropped) => {
                match budget {
                    ..0 => f.write_str("drain with a deadline in the past")?,
                    _ => write!(f, "drain with {budget} ms until the deadline")?,
                }
                dropped.map_or(Ok(()), |after| write!(f, "; the call is dropped after {after} ms"))
            }
        }
    }
}

/// What the brief says of a job.
struct Job {
    name: String,
    work: Work,
    does: Does,
    accepted: bool,
    /// When it ends if nobody cuts it off.
    end: Option<Duration>,
}

/// The model: what has happened so far.
#[derive(Default)]
struct Model {
    quiesced: bool,
    jobs: Vec<Job>,
    /// When the drain began, and when what is left is cut off.
    drain: Option<(Duration, Duration)>,
}

impl Model {
    fn phase(&self) -> Phase {
        match (self.drain, self.quiesced) {
            (Some(_), _) => Phase::Draining,
            (None, true) => Phase::Quiescing,
            (None, false) => Phase::Running,
        }
    }

    fn answer(&self, work: Work) -> Result<(), Refused> {
        match (self.phase(), work) {
            (Phase::Draining, _) => Err(Refused::Draining),
            (Phase::Quiescing, Work::Long) => Err(Refused::Quiescing),
            _ => Ok(()),
        }
    }

    fn submit(&mut self, now: Duration, work: Work, does: Does) -> &Job {
        let takes = match does {
            Does::Ends(after) | Does::Panics(after) | Does::EndsBadly(after) => Some(after),
            Does::Hangs | Does::HangsBadly | Does::Spins => None,
        };
        let name = format!("job {}", self.jobs.len() + 1);
        let accepted = self.answer(work).is_ok();
        self.jobs.push(Job { name, work, does, accepted, end: takes.map(|takes| now + takes) });
        self.jobs.last().expect("it has just been put there")
    }

    fn drain(&mut self, now: Duration, budget: i64) {
        let budget = ms(u64::try_from(budget).unwrap_or(0));
        self.drain.get_or_insert((now, now + budget));
    }

    fn cut(&self) -> Duration {
        self.drain.map_or(NEVER, |(_, cut)| cut)
    }

    /// When it is gone, and whether it was cut off: nobody knows, if both come at the same time.
    fn gone(&self, job: &Job) -> (Duration, Option<bool>) {
        let cut = self.cut();
        match job.end {
            Some(end) if end.abs_diff(cut) <= AT_ONCE => (end.min(cut), None),
            Some(end) if end < cut => (end, Some(false)),
            _ => (cut, Some(true)),
        }
    }

    fn accepted(&self) -> impl Iterator<Item = &Job> {
        self.jobs.iter().filter(|job| job.accepted)
    }

    /// How many of this kind are in flight now.
    fn in_flight(&self, now: Duration, work: Work) -> RangeInclusive<usize> {
        let count = |from: Duration| {
            self.accepted().filter(|job| job.work == work && self.gone(job).0 > from).count()
        };
        count(now + AT_ONCE)
            ..=self.accepted().filter(|job| job.work == work && self.gone(job).0 + AT_ONCE >= now).count()
    }

    /// When the drain is over, and how many were cut off by then.
    fn over(&self) -> (Duration, RangeInclusive<usize>) {
        let begun = self.drain.map_or(Duration::ZERO, |(begun, _)| begun);
        let over = self.accepted().map(|job| self.gone(job).0).fold(begun, Duration::max);
        let cut =
            |which: fn(Option<bool>) -> bool| self.accepted().filter(|job| which(self.gone(job).1)).count();
        (over, cut(|cut| cut == Some(true))..=cut(|cut| cut != Some(false)))
    }
}

fn play(steps: &[Step]) -> Option<Broken> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(judged(steps)).err()
}

type Returned = Option<(Moment, Result<(), DeadlineExceeded>)>;

async fn judged(steps: &[Step]) -> Result<(), Broken> {
    let jobs = std::sync::Arc::new(Jobs::new());
    let book = Book::unseen();
    let mut model = Model::default();
    let mut calls = Vec::new();
    // Far enough from zero for a deadline in the past.
    sleep(secs(10)).await;
    let (zero, begun) = (Instant::now(), Moment::now());
    let call = |budget: i64, dropped: Option<u64>| {
        let jobs = jobs.clone();
        let now = Instant::now();
        let budget_of = ms(budget.unsigned_abs());
        let deadline = if budget < 0 { now - budget_of } else { now + budget_of };
        let call = async move { (jobs.drain(deadline).await, Moment::now()) };
        tokio::spawn(async move {
            let returned = match dropped {
                Some(after) => timeout(ms(after), call).await.ok(),
                None => Some(call.await),
            };
            returned.map(|(outcome, at)| (at, outcome)) as Returned
        })
    };
    for step in steps {
        tokio::time::sleep_until(zero + ms(step.at)).await;
        let now = ms(step.at);
        match step.what {
            What::Submit(work, does) => {
                let expected = model.answer(work);
                // A destructor that panics when its job is refused panics here.
                let does = if expected.is_ok() { does } else { Does::Hangs };
                let job = model.submit(now, work, does);
                // That of one that is refused and should not be panics, too, and out of `submit`.
                let submit = AssertUnwindSafe(|| jobs.submit(work, book.job(&job.name, does)));
                let Ok(answer) = catch_unwind(submit) else {
                    let expected = format!("at {} ms: {}", step.at, said(expected));
                    return Err(Broken::new("answer", expected, "refused"));
                };
                require(
                    "answer",
                    answer == expected,
                    || format!("at {} ms: {}", step.at, said(expected)),
                    || said(answer).to_owned(),
                )?;
            }
            What::Quiesce => {
                jobs.quiesce();
                model.quiesced = true;
            }
            What::Drain(budget, dropped) => {
                calls.push((now, dropped, call(budget, dropped)));
                // It is polled before anything else happens.
                tokio::task::yield_now().await;
                model.drain(now, budget);
            }
        }
        let phase = jobs.phase();
        require(
            "phase",
            phase == model.phase(),
            || format!("phase {} at {} ms", model.phase(), step.at),
            || phase.to_string(),
        )?;
        for work in [Work::Short, Work::Long] {
            let (expected, observed) = (model.in_flight(now, work), jobs.in_flight(work));
            require(
                "in_flight",
                expected.contains(&observed),
                || format!("{} {work:?} in flight at {} ms", count(&expected), step.at),
                || observed.to_string(),
            )?;
        }
    }
    let now = zero.elapsed();
    model.drain(now, 3_600_000);
    calls.push((now, None, call(3_600_000, None)));
    let (over, abandoned) = model.over();
    for (called, dropped, call) in calls {
        let due = over.max(called);
        let Ok(Ok(returned)) = timeout(over + secs(10), call).await else {
            return Err(Broken::new(
                "returns",
                format!("the drain returns at {}", shown(due)),
                "it has not returned 10 s later, or has panicked",
            ));
        };
        match returned {
            Some((at, outcome)) => returned_as_expected(at.since(begun), outcome, due, &abandoned)?,
            None => require(
                "returns",
                dropped.is_some_and(|after| called + ms(after) <= due + AT_ONCE),
                || format!("the drain returns at {}", shown(due)),
                || "it has not returned by then".to_owned(),
            )?,
        }
    }
    // What is refused is gone at once; what is not, by now.
    model.jobs.iter().try_for_each(|job| job_as_expected(&model, job, book.entry(&job.name), begun))
}

fn returned_as_expected(
    at: Duration,
    outcome: Result<(), DeadlineExceeded>,
    due: Duration,
    abandoned: &RangeInclusive<usize>,
) -> Result<(), Broken> {
    require(
        "returns",
        at + ms(2) >= due && at <= due + AT_ONCE,
        || format!("the drain returns at {}", shown(due)),
        || format!("at {}", shown(at)),
    )?;
    let observed = match outcome {
        Ok(()) => 0,
        Err(DeadlineExceeded { abandoned }) => abandoned,
    };
    require(
        "outcome",
        abandoned.contains(&observed) && (observed == 0) == outcome.is_ok(),
        || format!("{} cut off, and Ok only if that is none", count(abandoned)),
        || format!("{outcome:?}"),
    )
}

fn job_as_expected(model: &Model, job: &Job, entry: Entry, begun: Moment) -> Result<(), Broken> {
    let Job { name, does, accepted, end, .. } = job;
    let Entry { begins, ends, gone } = entry;
    if !accepted {
        return require(
            "refused",
            begins.is_none() && gone.is_some(),
            || format!("{name}, which was refused: dropped, and never polled"),
            || if begins.is_some() { "it was polled" } else { "it is still held" }.to_owned(),
        );
    }
    let (expected, cut) = model.gone(job);
    let at = gone.map(|gone| gone.since(begun));
    require(
        "gone",
        at.is_some_and(|at| at + ms(2) >= expected && at <= expected + AT_ONCE * 2),
        || format!("{name} is gone at {}", shown(expected)),
        || at.map_or_else(|| "it is still there".to_owned(), |at| format!("at {}", shown(at))),
    )?;
    let by_itself = ends.is_some();
    require(
        "ends",
        // Of one that panics there is only the time.
        matches!(does, Does::Panics(_)) || cut.is_none_or(|cut| cut != by_itself),
        || match (cut, end) {
            (Some(false), Some(end)) => format!("{name} ends by itself at {}", shown(*end)),
            _ => format!("{name} is cut off at {}", shown(expected)),
        },
        || if by_itself { "it ended by itself" } else { "it was cut off" }.to_owned(),
    )
}

fn require(
    promise: &'static str,
    holds: bool,
    expected: impl FnOnce() -> String,
    observed: impl FnOnce() -> String,
) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(Broken::new(promise, expected(), observed())) }
}

fn count(range: &RangeInclusive<usize>) -> String {
    let (least, most) = (range.start(), range.end());
    if least == most { least.to_string() } else { format!("{least} to {most}") }
}

fn shown(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}
