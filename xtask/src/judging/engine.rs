//! Builds a submission, runs its criteria, and sorts what was found by light.

use std::fmt::Display;
use std::time::Duration;

use drain_criteria::{Criterion, Light};

use crate::error::{Error, Result};
use crate::judging::compile::{self, Binary, Compiled};
use crate::judging::submission::Submission;
use crate::judging::verdict::{Judged, LightVerdict, Verdict, Word};
use crate::judging::{criteria, race, tamper};
use crate::reporter::Reporter;
use crate::{interrupt, typeset, workspace};

/// How much of a verdict is asked for.
#[derive(Default)]
pub(crate) struct Asked {
    /// When the slower parts are run.
    pub(crate) slow: Slow,
    /// Only what draws at random, and only what it draws with this seed.
    pub(crate) seed: Option<u64>,
    /// Only criteria with this in their sentence or name.
    pub(crate) only: Option<String>,
}

/// When the load light and the race check are run.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Slow {
    #[default]
    AfterGreenTests,
    Always,
    Never,
}

impl Asked {
    /// Everything, whatever the tests light says.
    pub(crate) fn all_lights() -> Self {
        Self { slow: Slow::Always, ..Self::default() }
    }

    fn wants(&self, criterion: &Criterion) -> bool {
        let only = self.only.as_deref();
        let named = |text: &str| criterion.path().contains(text) || criterion.sentence.contains(text);
        only.is_none_or(named) && (self.seed.is_none() || criterion.seed_of.is_some())
    }

    /// The criteria and the scenarios that are asked for.
    fn of(&self, submission: &Submission) -> Result<(Vec<Criterion>, Vec<Criterion>)> {
        let drill = &submission.drill;
        let (mut criteria, mut scenarios) = (drill.criteria()?, race::scenarios(drill)?);
        if self.seed.is_some() && criteria.iter().chain(&scenarios).all(|c| c.seed_of.is_none()) {
            return Err(Error::new(format!("--seed: no criterion of {} draws at random", drill.name)));
        }
        criteria.retain(|criterion| self.wants(criterion));
        scenarios.retain(|scenario| self.wants(scenario));
        match &self.only {
            Some(text) if criteria.is_empty() && scenarios.is_empty() => Err(Error::new(format!(
                "no criterion of {} has `{text}` in its sentence or name",
                drill.name
            ))),
            _ => Ok((criteria, scenarios)),
        }
    }

    /// Why only a part is judged, if so.
    fn partial(&self) -> Option<&'static str> {
        self.seed.map(|_| "not run: --seed").or(self.only.as_ref().map(|_| "not run: --only"))
    }

    /// Why the slower parts are not run, if they are not.
    fn not_run(&self, tests: Word) -> Option<&'static str> {
        match (self.slow, tests) {
            (Slow::Never, _) => Some("not run: --fast"),
            (Slow::Always, _) | (_, Word::Ok) => None,
            (_, Word::Unknown) => Some("not run: see what could not be judged, or check --all-lights"),
            _ => Some("not run: fix the first failure, or check --all-lights"),
        }
    }
}

/// Judges one submission.
///
/// # Errors
///
/// If it cannot be judged at all: cargo or a folder is not there, nothing is asked for, Ctrl-C. What the
/// submission does, not compiling included, is a verdict; and so is that nothing shows what was built.
pub(crate) fn judge(submission: &Submission, asked: &Asked, reporter: &Reporter) -> Result<Verdict> {
    let (criteria, scenarios) = asked.of(submission)?;
    let (compiler, lights) = match compile::acceptance(&submission.workspace, &submission.package(), reporter)
    {
        Err(error) if error.is_unproven() => {
            (None, no_more_than_built(Word::Unknown, Duration::ZERO, &error))
        }
        compiled => {
            let Compiled { took, result, .. } = compiled?;
            match result {
                Err(said) => (
                    Some(submission.in_its_own_paths(&compile::errors(&said))),
                    no_more_than_built(Word::Red, took, &compile::reason(&said)),
                ),
                Ok(binary) => {
                    let binary = binary.with_seed(asked.seed);
                    let judged = run(submission, asked, &binary, criteria, scenarios, reporter)?;
                    (None, lights(judged, took, asked.partial().or(asked.not_run(Word::Red))))
                }
            }
        }
    };
    interrupt::check()?;
    let Submission { drill, set, folder, shown, .. } = submission;
    let tampered = tamper::find(&workspace::root(), drill, *set, folder, shown);
    let (drill, path, partial) = (drill.clone(), shown.clone(), asked.partial().is_some());
    Ok(Verdict { drill, set: *set, path, tampered, compiler, lights, partial })
}

/// First what is quick; what is slow only if it is worth it.
fn run(
    submission: &Submission,
    asked: &Asked,
    binary: &Binary,
    criteria: Vec<Criterion>,
    scenarios: Vec<Criterion>,
    reporter: &Reporter,
) -> Result<Vec<Judged>> {
    let (load, quick): (Vec<_>, Vec<_>) = criteria.into_iter().partition(|c| c.light() == Light::Load);
    let mut judged = criteria::judge(binary, &quick, reporter)?;
    let tests = judged.iter().filter(|judged| judged.criterion.light() == Light::Tests);
    let tests = tests.map(|judged| judged.word).max().unwrap_or(Word::Ok);
    match asked.not_run(tests) {
        Some(why) => {
            judged.extend(load.iter().chain(&scenarios).map(|criterion| Judged::not_run(criterion, why)));
        }
        None => {
            judged.extend(criteria::judge(binary, &load, reporter)?);
            judged.extend(race::judge(submission, &scenarios, asked.seed, reporter)?);
        }
    }
    for judged in &mut judged {
        say_how_to_replay(judged, submission);
    }
    Ok(judged)
}

/// The command that makes a race happen once more, of the same submission.
fn say_how_to_replay(judged: &mut Judged, submission: &Submission) {
    let story = &mut judged.story;
    let again =
        story.seed.as_ref().map(|seed| format!("cargo xtask check {} --seed {seed}", submission.selection));
    story.facts.extend(again.map(|again| ("again", again)));
}

/// There is nothing to run, or nothing that may be run for this submission.
fn no_more_than_built(word: Word, took: Duration, reason: &dyn Display) -> Vec<LightVerdict> {
    let mut lights = vec![light(Light::Builds, word, took, &reason.to_string(), Vec::new())];
    let why = if word == Word::Red { format!("not run: it {reason}") } else { "not run".to_owned() };
    let rest = Light::ALL.into_iter().skip(1);
    lights.extend(rest.map(|name| light(name, Word::NotRun, Duration::ZERO, &why, Vec::new())));
    lights
}

/// Sorts what was judged by light.
fn lights(mut judged: Vec<Judged>, build: Duration, not_run: Option<&str>) -> Vec<LightVerdict> {
    let mut lights = vec![light(Light::Builds, Word::Ok, build, &typeset::time(build), Vec::new())];
    for name in Light::ALL.into_iter().skip(1) {
        let (mine, rest): (Vec<Judged>, Vec<Judged>) =
            judged.into_iter().partition(|j| j.criterion.light() == name);
        judged = rest;
        lights.push(match not_run {
            Some(why) if mine.is_empty() => light(name, Word::NotRun, Duration::ZERO, why, Vec::new()),
            _ => summed_up(name, mine),
        });
    }
    lights
}

fn light(light: Light, word: Word, took: Duration, summary: &str, criteria: Vec<Judged>) -> LightVerdict {
    LightVerdict { light, word, took, summary: summary.to_owned(), criteria }
}

/// A light is as good as its worst criterion; one without criteria is not on. A race check that could
/// not be made is said beside the light, and leaves it as the tests have it.
fn summed_up(name: Light, criteria: Vec<Judged>) -> LightVerdict {
    let (races, tests): (Vec<&Judged>, Vec<&Judged>) =
        criteria.iter().partition(|judged| judged.criterion.race);
    let is_ok = |judged: &&&Judged| judged.word == Word::Ok;
    let judged = tests.iter().copied().chain(races.iter().copied().filter(|race| race.word != Word::NotRun));
    let word = judged.map(|judged| judged.word).max().unwrap_or(Word::Unknown);
    let took = criteria.iter().map(|judged| judged.took).sum();
    let notes: Vec<&str> =
        criteria.iter().flat_map(|judged| &judged.story.notes).map(String::as_str).collect();
    let mut summary = match word {
        // Nothing ran that the learner has to read about one by one: all have the same reason.
        Word::NotRun => tests[0].seen().trim_start_matches("because ").to_owned(),
        Word::Ok if !notes.is_empty() && name != Light::Tests => notes.join("; "),
        Word::Ok if name == Light::Leaks => none_left(&criteria),
        _ => format!("{} of {}", tests.iter().filter(is_ok).count(), tests.len()),
    };
    match races.as_slice() {
        [] => {}
        [first, ..] if first.word == Word::NotRun => summary += ", race check not judged",
        races => {
            summary += &format!(", race check {} of {}", races.iter().filter(is_ok).count(), races.len())
        }
    }
    light(name, word, took, &summary, criteria)
}

/// What was looked for, and not found.
fn none_left(criteria: &[Judged]) -> String {
    let looked =
        |kind: &&str| criteria.iter().any(|judged| judged.story.none_left.iter().any(|left| left == kind));
    let kinds: Vec<&str> = ["task", "thread", "descriptor", "process"].into_iter().filter(looked).collect();
    match kinds.as_slice() {
        [] => format!("{0} of {0}", criteria.len()),
        [only] => format!("no {only} left"),
        [first @ .., last] => format!("no {} or {last} left", first.join(", ")),
    }
}

/// What came of some criteria, judged without a word.
#[derive(Default)]
pub(crate) struct Trial {
    pub(crate) judged: Vec<Judged>,
    /// The first line of each warning of the acceptance test and of what it tests.
    pub(crate) warnings: Vec<String>,
}

/// Judges these criteria; or hands on what the compiler said.
pub(crate) fn judge_some(
    submission: &Submission,
    criteria: &[Criterion],
    reporter: &Reporter,
) -> Result<std::result::Result<Trial, String>> {
    let (scenarios, tests): (Vec<Criterion>, Vec<Criterion>) = criteria.iter().cloned().partition(|c| c.race);
    let mut trial = Trial::default();
    if !tests.is_empty() {
        let compiled = compile::acceptance(&submission.workspace, &submission.package(), reporter)?;
        trial.warnings = compiled.warnings;
        match compiled.result {
            Ok(binary) => trial.judged = criteria::judge(&binary, &tests, reporter)?,
            Err(said) => return Ok(Err(submission.in_its_own_paths(&compile::errors(&said)))),
        }
    }
    trial.judged.extend(race::judge(submission, &scenarios, None, reporter)?);
    Ok(Ok(trial))
}
