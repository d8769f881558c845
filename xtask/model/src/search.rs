//! Plays many scripts, and makes the first that breaks a promise as short as it can be.

use std::ops::RangeInclusive;

use drain_kit::{Race, Scenario};

use crate::promise::Broken;

/// How many scripts are played, unless `DRAIN_SCRIPTS` says otherwise.
const SCRIPTS: u64 = 500;

/// How a script went.
pub struct Played {
    /// The promise that was broken, if one was.
    pub broken: Option<Broken>,
    /// What happened: who did what. Only if it was to be told.
    pub steps: Vec<(String, String)>,
}

/// Draws scripts by their number, and plays each, until one breaks a promise; that is shrunk to one that breaks the
/// same, and told. `play` is asked with `true` for the steps.
///
/// With `DRAIN_SEED` set, only the script of that number is played.
pub fn search<S: Clone>(
    scenario: &Scenario,
    draw: impl Fn(u64) -> S,
    shrink: impl Fn(S, &mut dyn FnMut(&S) -> bool) -> S,
    mut play: impl FnMut(&S, bool) -> Played,
) -> Option<Race> {
    let seeds = seeds();
    let (first, of) = (*seeds.start(), seeds.end() - seeds.start() + 1);
    for seed in seeds {
        let _waiting = scenario.waiting(format!(
            "script {seed} to come to its end: a call spins, or a lock of std is held across an await"
        ));
        let script = draw(seed);
        let Played { broken: Some(broken), .. } = play(&script, false) else { continue };
        let same = |played: &Played| played.broken.as_ref().is_some_and(|b| b.promise == broken.promise);
        let short = shrink(script.clone(), &mut |script| same(&play(script, false)));
        // Code that rolls dice itself, as `select!` does, need not fail a second time.
        let again = |script| Some(play(script, true)).filter(same);
        let told = [&short, &short, &short, &script, &script].into_iter().find_map(again);
        let Played { broken, steps } = told.unwrap_or(Played { broken: Some(broken), steps: Vec::new() });
        let Some(Broken { expected, observed, .. }) = broken else { continue };
        return Some(Race { done: seed - first + 1, of, seed, steps, expected, observed });
    }
    if of > 1 {
        scenario.note(format!("{of} scripts"));
    }
    None
}

/// Tries fewer steps, and simpler ones, until none of them `fails` any more. Of what `simpler` returns, the simplest
/// comes first.
pub fn shrink_steps<T: Clone + PartialEq>(
    mut steps: Vec<T>,
    simpler: impl Fn(&T) -> Vec<T>,
    fails: &mut dyn FnMut(&Vec<T>) -> bool,
) -> Vec<T> {
    loop {
        let before = steps.clone();
        let mut size = steps.len();
        while size > 0 {
            let mut at = 0;
            while at < steps.len() {
                let mut fewer = steps.clone();
                fewer.drain(at..(at + size).min(steps.len()));
                if fails(&fewer) {
                    steps = fewer;
                } else {
                    at += size;
                }
            }
            size /= 2;
        }
        for at in 0..steps.len() {
            for step in simpler(&steps[at]) {
                let mut candidate = steps.clone();
                candidate[at] = step;
                if fails(&candidate) {
                    steps = candidate;
                    break;
                }
            }
        }
        if steps == before {
            return steps;
        }
    }
}

fn seeds() -> RangeInclusive<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|number| number.parse().ok());
    match number("DRAIN_SEED") {
        Some(seed) => seed..=seed,
        None => 1..=number("DRAIN_SCRIPTS").unwrap_or(SCRIPTS),
    }
}
