//! Random components against a small model of the brief.
//!
//! What each of them needs and does is drawn. When it begins and ends, and how, is computed from that; the drain on
//! tokio's paused clock must agree. The first script that does not is made as short as it can be.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use drain_kit::{AT_ONCE, Moment, Scenario, ms, secs};
use drain_model::promise::Broken;
use drain_model::{Dice, Played, search};
use task_08::{DrainOrder, Ended, Outcome};
use tokio::time::{Instant, sleep, timeout};

use crate::trial::{Book, Does, Entry, failed, word};

const NAMES: [&str; 7] = ["a", "b", "c", "d", "e", "f", "g"];

/// Components, the deadline, and who calls.
#[derive(Clone, Debug, PartialEq)]
struct Script {
    components: Vec<Part>,
    /// In milliseconds; less than zero is in the past.
    deadline: i64,
    /// The first call is dropped after so long.
    dropped: Option<u64>,
    /// A second call, with this deadline, comes after so long.
    again: Option<(u64, u64)>,
}

#[derive(Clone, Debug, PartialEq)]
struct Part {
    name: &'static str,
    needs: Vec<&'static str>,
    does: Does,
}

/// What the brief says of a component.
struct Expected {
    begins: Duration,
    due: Duration,
    over: Duration,
    outcome: Option<Outcome>,
}

/// Fails `scenario` with the shortest script that breaks a promise.
pub(crate) fn check(scenario: &Scenario) {
    let play = |script: &Script, _| Played { broken: play(script), steps: script.steps() };
    if let Some(race) = search(scenario, Script::draw, shrink, play) {
        scenario.scripted(&race);
    }
}

impl Script {
    fn draw(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let count = 1 + dice.below(6);
        // Numbers that no sum of others meets, so that nothing happens at the same time by chance.
        let mut part = |at: usize| {
            let needs = NAMES[at + 1..count].iter().copied().filter(|_| dice.below(100) < 45).collect();
            let after = ms(if dice.below(5) == 0 { 0 } else { 37 + 61 * dice.below(40) as u64 + at as u64 });
            let does = match dice.below(12) {
                0..=4 => Does::Ends(after),
                5 => Does::Fails(after),
                6 => Does::Panics(after),
                7 => Does::PanicsWhenCalled,
                8 => Does::PanicsWhenDropped,
                _ => Does::Hangs,
            };
            Part { name: NAMES[at], needs, does }
        };
        let mut components: Vec<Part> = (0..count).map(&mut part).collect();
        // In any order: what is needed may stand before or behind.
        for at in (1..components.len()).rev() {
            components.swap(at, dice.below(at + 1));
        }
        let deadline = [-1_000, 0, 1_003, 3_001, 6_007, 6_007, 3_600_000][dice.below(7)];
        let dropped = (dice.below(4) == 0).then(|| [0, 150, 900][dice.below(3)]);
        let again =
            (dice.below(3) == 0).then(|| (1 + dice.below(700) as u64, [0, 400, 9_000][dice.below(3)]));
        // Whoever drops the only call must ask again.
        let again = again.or(dropped.map(|at| (at + 1, 0)));
        Self { components, deadline, dropped, again }
    }

    fn steps(&self) -> Vec<(String, String)> {
        let mut steps = Vec::new();
        for Part { name, needs, does } in &self.components {
            let needs = if needs.is_empty() { "nothing".to_owned() } else { needs.join(", ") };
            steps.push(((*name).to_owned(), format!("needs {needs}; {}", Shown(*does))));
        }
        let deadline = match self.deadline {
            ..0 => "with a deadline in the past".to_owned(),
            0 => "with the deadline now".to_owned(),
            more => format!("with {more} ms until the deadline"),
        };
        steps.push(("drain".to_owned(), deadline));
        if let Some(at) = self.dropped {
            steps.push(("drain".to_owned(), format!("the call is dropped after {at} ms")));
        }
        if let Some((at, own)) = self.again {
            steps.push((
                "drain".to_owned(),
                format!("called again after {at} ms, with {own} ms until its deadline"),
            ));
        }
        steps
    }
}

/// What a component does, in words.
struct Shown(Does);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Does::Ends(after) => write!(f, "ends after {} ms", after.as_millis()),
            Does::Fails(after) => write!(f, "fails after {} ms", after.as_millis()),
            Does::Panics(after) => write!(f, "panics after {} ms", after.as_millis()),
            Does::PanicsWhenCalled => f.write_str("panics when it is called"),
            Does::Hangs => f.write_str("never ends"),
            Does::PanicsWhenDropped => f.write_str("never ends, and panics when it is dropped"),
        }
    }
}

/// The model: the times of a drain, computed.
fn expected(script: &Script) -> BTreeMap<&'static str, Expected> {
    let budget = ms(u64::try_from(script.deadline).unwrap_or(0));
    let part =
        |name: &str| script.components.iter().find(|part| part.name == name).expect("a name of the script");
    let mut all: BTreeMap<&'static str, Expected> = BTreeMap::new();
    // Those that nobody needs any more, until there is none left.
    while all.len() < script.components.len() {
        for Part { name, does, .. } in &script.components {
            let mut before = script.components.iter().filter(|other| other.needs.contains(name));
            if all.contains_key(name) || !before.all(|other| all.contains_key(other.name)) {
                continue;
            }
            let before = script.components.iter().filter(|other| other.needs.contains(name));
            let begins = before.map(|other| all[other.name].over).max().unwrap_or_default();
            let share = budget.saturating_sub(begins) / chain(part(name), &part);
            let due = begins + share;
            let (takes, outcome) = match *does {
                Does::Ends(after) => (Some(after), Outcome::Complete),
                Does::Fails(after) | Does::Panics(after) => (Some(after), failed()),
                Does::PanicsWhenCalled => (Some(ms(0)), failed()),
                Does::Hangs => (None, Outcome::CutOff),
                Does::PanicsWhenDropped => (None, failed()),
            };
            let (over, outcome) = match takes {
                // In the very moment it may be either.
                Some(takes) if takes > ms(0) && takes.abs_diff(share) <= AT_ONCE => {
                    (begins + takes.min(share), None)
                }
                Some(takes) if takes <= share => (begins + takes, Some(outcome)),
                Some(_) => (due, Some(Outcome::CutOff)),
                None => (due, Some(outcome)),
            };
            all.insert(name, Expected { begins, due, over, outcome });
        }
    }
    all
}

fn chain<'a>(of: &'a Part, part: &impl Fn(&str) -> &'a Part) -> u32 {
    1 + of.needs.iter().map(|needed| chain(part(needed), part)).max().unwrap_or(0)
}

fn play(script: &Script) -> Option<Broken> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(judged(script)).err()
}

async fn judged(script: &Script) -> Result<(), Broken> {
    let book = Book::unseen();
    let component = |part: &Part| {
        part.needs
            .iter()
            .fold(book.component(part.name, part.does), |component, needs| component.needs(needs))
    };
    let order = DrainOrder::new(script.components.iter().map(component))
        .map_err(|bad| Broken::new("order", "an order: there is one", format!("{bad:?}")))?;
    // Far enough from zero for a deadline in the past.
    sleep(secs(10)).await;
    let begun = Moment::now();
    let zero = Instant::now();
    let at = |offset: i64| {
        if offset < 0 { zero - ms(offset.unsigned_abs()) } else { zero + ms(offset.unsigned_abs()) }
    };
    let first = async {
        let call = order.drain(at(script.deadline));
        match script.dropped {
            Some(after) => timeout(ms(after), call).await.ok(),
            None => Some(call.await),
        }
        .map(|ended| (Moment::now(), ended))
    };
    let again = async {
        let (after, own) = script.again?;
        sleep(ms(after)).await;
        let ended = order.drain(Instant::now() + ms(own)).await;
        Some((Moment::now(), ended))
    };
    let expected = expected(script);
    let end = expected.values().map(|expected| expected.over).max().unwrap_or_default();
    let Ok(returned) = timeout(end + secs(10), async { tokio::join!(first, again) }).await else {
        return Err(Broken::new(
            "returns",
            format!("the drain returns at {}", shown(end)),
            "it has not returned 10 s later",
        ));
    };
    let depth = script.components.len() as u32;
    for (name, expected) in &expected {
        component_as_expected(name, expected, &book.entry(name), begun, AT_ONCE * depth)?;
    }
    let (first, again) = returned;
    let called_again = ms(script.again.map_or(0, |(after, _)| after));
    for (returned, due) in [(first, end), (again, end.max(called_again))] {
        if let Some((at, ended)) = returned {
            returned_as_expected(at.since(begun), &ended, due, &expected, AT_ONCE * depth)?;
        }
    }
    Ok(())
}

fn component_as_expected(
    name: &str,
    expected: &Expected,
    entry: &Entry,
    begun: Moment,
    late: Duration,
) -> Result<(), Broken> {
    require(
        "once",
        entry.begins.len() == 1,
        || format!("{name} begins once"),
        || format!("{} times", entry.begins.len()),
    )?;
    for (promise, what, expected, observed) in [
        ("begins", "begins", expected.begins, Some(entry.begins[0])),
        ("due", "is told that its share ends", expected.due, entry.due),
        ("over", "is over", expected.over, entry.gone),
    ] {
        let since = observed.map(|at| at.since(begun));
        require(
            promise,
            since.is_some_and(|since| since + ms(2) >= expected && since <= expected + late),
            || format!("{name} {what} at {}", shown(expected)),
            || since.map_or_else(|| "never".to_owned(), |since| format!("at {}", shown(since))),
        )?;
    }
    Ok(())
}

fn returned_as_expected(
    at: Duration,
    ended: &[Ended],
    end: Duration,
    expected: &BTreeMap<&'static str, Expected>,
    late: Duration,
) -> Result<(), Broken> {
    require(
        "returns",
        at + ms(2) >= end && at <= end + late,
        || format!("the drain returns at {}", shown(end)),
        || format!("at {}", shown(at)),
    )?;
    require(
        "entries",
        ended.len() == expected.len(),
        || format!("{} entries", expected.len()),
        || format!("{} entries", ended.len()),
    )?;
    for Ended { name, outcome, duration } in ended {
        let Some(expected) = expected.get(name.as_str()) else {
            return require(
                "entries",
                false,
                || "entries of the components".to_owned(),
                || format!("one for {name}"),
            );
        };
        if let Some(expected) = &expected.outcome {
            require(
                "outcome",
                word(outcome) == word(expected),
                || format!("{name} {}", word(expected)),
                || format!("{name} {}", word(outcome)),
            )?;
        }
        let took = expected.over - expected.begins;
        require(
            "duration",
            duration.abs_diff(took) <= late,
            || format!("{name} took {}", shown(took)),
            || format!("duration {}", shown(*duration)),
        )?;
    }
    let over = |ended: &Ended| expected[ended.name.as_str()].over;
    let sorted = ended.windows(2).all(|pair| over(&pair[0]) <= over(&pair[1]) + late);
    require(
        "sorted",
        sorted,
        || "entries in the order in which they ended".to_owned(),
        || ended.iter().map(|ended| ended.name.as_str()).collect::<Vec<_>>().join(", "),
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

fn shown(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}

/// The shortest script that still fails: fewer components, needs and calls, and simpler ones.
fn shrink(mut script: Script, fails: &mut dyn FnMut(&Script) -> bool) -> Script {
    while let Some(simpler) = simpler(&script).into_iter().find(|script| fails(script)) {
        script = simpler;
    }
    script
}

/// Each is a step nearer to nothing, so there is an end.
fn simpler(script: &Script) -> Vec<Script> {
    let mut all = Vec::new();
    for gone in 0..script.components.len() {
        let mut fewer = script.clone();
        let Part { name, .. } = fewer.components.remove(gone);
        fewer.components.iter_mut().for_each(|part| part.needs.retain(|needs| *needs != name));
        all.push(fewer);
    }
    if script.dropped.is_some() {
        all.push(Script { dropped: None, ..script.clone() });
    } else if script.again.is_some() {
        all.push(Script { again: None, ..script.clone() });
    }
    for (at, part) in script.components.iter().enumerate() {
        for gone in 0..part.needs.len() {
            let mut fewer = script.clone();
            fewer.components[at].needs.remove(gone);
            all.push(fewer);
        }
        if part.does != Does::Ends(ms(100)) {
            let mut plain = script.clone();
            plain.components[at].does = Does::Ends(ms(100));
            all.push(plain);
        }
    }
    if script.deadline != 6_007 {
        all.push(Script { deadline: 6_007, ..script.clone() });
    }
    all
}
