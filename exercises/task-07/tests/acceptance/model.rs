//! Random scripts: components that end, fail, panic, drain and do not listen at random moments, on the paused clock,
//! and a small model of the brief that says what must come of it.
//!
//! No two things happen at the same moment, so that the brief allows one outcome only.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use drain_kit::{AT_ONCE, Dice, Moment, Race, Scenario, ms, secs, settled};
use task_07::{Group, Report};
use tokio::time::timeout;

use crate::trial::{Book, How, Plan, Wrong, shown};

/// How many scripts are played, unless `DRAIN_SCRIPTS` says otherwise.
const SCRIPTS: u64 = 500;
/// What happens is at least so far apart.
const APART: Duration = ms(25);

/// Plays many scripts, and fails `scenario` with the shortest that breaks a promise.
pub(crate) fn check(scenario: &Scenario) {
    let seeds = seeds();
    let (first, of) = (*seeds.start(), seeds.end() - seeds.start() + 1);
    for seed in seeds {
        let _waiting = scenario.waiting(format!("script {seed} to come to its end"));
        let script = Script::draw(seed);
        if play(&script).broken().is_none() {
            continue;
        }
        let short = shrink(script);
        let played = play(&short);
        let Some((expected, observed)) = played.broken() else {
            scenario.unknown(format!("script {seed} breaks a promise now, and none when it is played again"));
        };
        scenario.scripted(&Race {
            done: seed - first + 1,
            of,
            seed,
            steps: played.steps(),
            expected,
            observed,
        });
    }
    if of > 1 {
        scenario.note(format!("{of} scripts"));
    }
}

fn seeds() -> RangeInclusive<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|number| number.parse().ok());
    match number("DRAIN_SEED") {
        Some(seed) => seed..=seed,
        None => 1..=number("DRAIN_SCRIPTS").unwrap_or(SCRIPTS),
    }
}

/// What the components of a group do, and when it is asked to stop.
#[derive(Clone, Debug)]
struct Script {
    /// Called `a`, `b`, ...
    plans: Vec<Plan>,
    stop: Option<Duration>,
    budget: Duration,
}

impl Script {
    /// Draws until no two things happen at the same moment, and something begins the drain.
    fn draw(seed: u64) -> Self {
        let mut dice = Dice::seeded(seed);
        loop {
            let count = dice.pick(&[1, 2, 2, 3, 3, 4, 5]);
            let plans = (0..count).map(|_| plan(&mut dice)).collect();
            let stop = dice.pick(&[true, true, false]).then(|| dice.time(ms(0)..secs(10)));
            let script = Self { plans, stop, budget: dice.time(ms(100)..secs(8)) };
            if script.expected().is_some() {
                return script;
            }
        }
    }

    /// What the brief says; nothing if it allows more than one outcome, or none ever comes.
    fn expected(&self) -> Option<Expected> {
        let alone = self.plans.iter().filter_map(|plan| plan.alone);
        let begun = alone.map(|(time, _)| time).chain(self.stop).min()?;
        let deadline = begun + self.budget;
        let mut moments = vec![deadline];
        moments.extend(self.stop);
        let mut ends = Vec::new();
        for plan in &self.plans {
            let by_itself = plan.alone.filter(|(time, _)| *time == begun || plan.drain.is_none());
            let asked = plan.drain.map(|(time, how)| (begun + time, how));
            let end = by_itself.or(asked);
            moments.extend(end.map(|(time, _)| time));
            ends.push(end.filter(|(time, _)| *time < deadline));
        }
        if self.stop != Some(begun) {
            moments.retain(|moment| *moment != begun);
            moments.push(begun);
        }
        moments.sort_unstable();
        // Who ends when the drain begins and who drains in no time are at the same moment.
        if moments.windows(2).any(|two| two[1] - two[0] < APART) {
            return None;
        }
        let fails = |(end, name): (&Option<(Duration, How)>, char)| {
            let (time, how) = (*end)?;
            let unasked = time == begun && self.stop != Some(begun);
            (how != How::Well || unasked).then(|| (time, name, Wrong::from(how)))
        };
        let failure = ends.iter().zip('a'..).filter_map(fails).min_by_key(|(time, ..)| *time);
        let over = ends.iter().map(|end| end.map_or(deadline, |(time, _)| time)).max().unwrap_or(begun);
        Some(Expected {
            begun,
            ends,
            failure: failure.map(|(_, name, wrong)| (name, wrong)),
            over: over.max(begun),
        })
    }
}

fn plan(dice: &mut Dice) -> Plan {
    let how = |dice: &mut Dice| dice.pick(&[How::Well, How::Well, How::Error, How::Panic]);
    let alone = dice.pick(&[true, false, false]).then(|| (dice.time(ms(0)..secs(12)), how(dice)));
    let drain = dice.pick(&[true, true, true, false]).then(|| (dice.time(ms(0)..secs(6)), how(dice)));
    Plan { alone, drain }
}

/// What must come of a script.
struct Expected {
    begun: Duration,
    /// When and how each component ends; nothing if it is cut off.
    ends: Vec<Option<(Duration, How)>>,
    failure: Option<(char, Wrong)>,
    /// When `run` returns.
    over: Duration,
}

/// A script that has been played.
struct Played {
    script: Script,
    start: Moment,
    /// What `run` returned, and when; nothing if it did not.
    returned: Option<(Report, Moment)>,
    book: Arc<Book>,
    /// Components that were still there when it had returned.
    alive: usize,
}

fn play(script: &Script) -> Played {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(async {
        let (start, book) = (Moment::now(), Arc::new(Book::new(None)));
        let mut group = Group::new();
        for (name, plan) in ('a'..).zip(script.plans.iter().copied()) {
            let (book, name) = (book.clone(), name.to_string());
            group.add(&name.clone(), move |token| book.act(name, plan, token));
        }
        let run = group.run(book.clone().stop(script.stop), script.budget);
        let returned = timeout(secs(60), run).await.ok().map(|report| (report, Moment::now()));
        let alive = book.alive();
        settled().await;
        Played { script: script.clone(), start, returned, book, alive }
    })
}

impl Played {
    /// What was expected and observed, if a promise is broken.
    fn broken(&self) -> Option<(String, String)> {
        let expected = self.script.expected().expect("a script has one outcome");
        let told = |expected: &dyn fmt::Display, observed: &dyn fmt::Display| {
            Some((expected.to_string(), observed.to_string()))
        };
        for (name, end) in ('a'..).zip(&expected.ends) {
            let entry = self.book.entry(&name.to_string());
            let asked = entry.asked.map(|at| at.since(self.start));
            if asked.is_some_and(|at| !at_once(at, expected.begun)) {
                let observed = format!("cancelled at {:?}", asked.unwrap_or_default());
                return told(
                    &format!("the token of {name} cancelled at {:?}, when the drain begins", expected.begun),
                    &observed,
                );
            }
            let ended = entry.ended.map(|at| at.since(self.start));
            let holds = match (end, ended) {
                (Some((time, _)), Some(ended)) => at_once(ended, *time),
                (None, None) => true,
                _ => false,
            };
            if !holds {
                let word = |end: Option<Duration>| {
                    end.map_or(format!("{name} is cut off"), |at| {
                        format!("{name} comes to its end at {at:?}")
                    })
                };
                return told(&word(end.map(|(time, _)| time)), &word(ended));
            }
        }
        let over = format!("run returns at {:?}", expected.over);
        let Some((report, at)) = &self.returned else { return told(&over, &"it does not return") };
        let at = at.since(self.start);
        if !at_once(at, expected.over) {
            return told(&over, &format!("it returns at {at:?}"));
        }
        if self.alive > 0 {
            return told(&"no component left when run returns", &format!("{} left", self.alive));
        }
        let name = expected.failure.map(|(name, wrong)| (name.to_string(), wrong));
        let failure = name.as_ref().map(|(name, wrong)| (name.as_str(), *wrong));
        let observed =
            report.failure.as_ref().map(|failure| (failure.component.as_str(), Wrong::of(&failure.cause)));
        if observed != failure {
            return told(&shown(failure), &shown(observed));
        }
        let cut_off = ('a'..).zip(&expected.ends).filter(|(_, end)| end.is_none());
        let cut_off: Vec<String> = cut_off.map(|(name, _)| name.to_string()).collect();
        if report.cut_off != cut_off {
            return told(&format!("cut off: {cut_off:?}"), &format!("cut off: {:?}", report.cut_off));
        }
        let took = expected.over - expected.begun;
        let said = report.duration;
        if said.abs_diff(took) > AT_ONCE {
            return told(&format!("a duration of {took:?}"), &format!("{said:?}"));
        }
        None
    }

    /// What happened, in its order.
    fn steps(&self) -> Vec<(String, String)> {
        let mut steps = Vec::new();
        let mut step = |at: Option<Moment>, who: &str, what: &str| {
            let at = at.map(|at| at.since(self.start));
            steps.extend(at.map(|at| (at, who.to_owned(), format!("{what}, at {at:?}"))));
        };
        step(self.script.stop.map(|time| self.start.plus(time)), "stop", "is ready");
        for (name, plan) in ('a'..).zip(&self.script.plans) {
            let (name, entry) = (name.to_string(), self.book.entry(&name.to_string()));
            step(entry.asked, &name, "is asked to drain");
            let how = if entry.asked.is_some() { plan.drain } else { plan.alone };
            step(entry.ended, &name, how.map_or("ends", |(_, how)| how.word()));
            if entry.ended.is_none() {
                step(entry.dropped, &name, "is dropped before its end");
            }
        }
        let (returned, due) = (self.returned.as_ref().map(|(_, at)| *at), self.script.expected());
        step(
            due.map(|due| self.start.plus(due.begun + self.script.budget)),
            "deadline",
            "if it comes to that",
        );
        step(returned, "run", "returns");
        steps.sort_by_key(|(at, ..)| *at);
        steps.into_iter().map(|(_, who, what)| (who, what)).collect()
    }
}

fn at_once(observed: Duration, expected: Duration) -> bool {
    observed.abs_diff(expected) <= AT_ONCE
}

/// Leaves out whatever the script breaks a promise without.
fn shrink(mut script: Script) -> Script {
    let breaks = |script: &Script| script.expected().is_some() && play(script).broken().is_some();
    loop {
        let mut simpler: Vec<Script> = Vec::new();
        for at in 0..script.plans.len() {
            let mut without = script.clone();
            without.plans.remove(at);
            simpler.push(without);
            for plan in [Plan { alone: None, ..script.plans[at] }, Plan { drain: None, ..script.plans[at] }] {
                let mut less = script.clone();
                less.plans[at] = plan;
                simpler.push(less);
            }
        }
        simpler.push(Script { stop: None, ..script.clone() });
        let size = |script: &Script| {
            let parts = script
                .plans
                .iter()
                .map(|plan| 1 + usize::from(plan.alone.is_some()) + usize::from(plan.drain.is_some()));
            parts.sum::<usize>() + usize::from(script.stop.is_some())
        };
        match simpler.into_iter().find(|less| size(less) < size(&script) && breaks(less)) {
            Some(less) => script = less,
            None => return script,
        }
    }
}
