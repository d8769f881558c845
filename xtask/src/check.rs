//! The command that judges: compile, run the criteria, show the verdict.

use std::path::{Path, PathBuf};
use std::time::Duration;

use drain_criteria::{Criterion, Light};

use crate::compile::{self, Binary, Workspace};
use crate::drill::{self, Drill, Set};
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::scratch::Scratch;
use crate::verdict::{self, Judged, LightVerdict, Verdict, Word};
use crate::{interrupt, json, judge, race, screen, tamper};

pub(crate) struct Options {
    pub(crate) words: Vec<String>,
    pub(crate) set: Set,
    pub(crate) path: Option<PathBuf>,
    pub(crate) all_lights: bool,
    pub(crate) fast: bool,
    pub(crate) seed: Option<u64>,
    pub(crate) only: Option<String>,
    pub(crate) json: bool,
}

/// Which of the slower parts are run, and how.
#[derive(Clone, Copy)]
struct Slow<'a> {
    when: When,
    seed: Option<u64>,
    /// Only criteria whose sentence or name contains this.
    only: Option<&'a str>,
    quiet: bool,
}

/// When the load light and the race check are run.
#[derive(Clone, Copy)]
enum When {
    AfterGreenTests,
    Always,
    Never,
}

impl<'a> Slow<'a> {
    fn of(options: &'a Options) -> Self {
        let when = match options {
            Options { fast: true, .. } => When::Never,
            Options { all_lights: true, .. } => When::Always,
            _ => When::AfterGreenTests,
        };
        Self { when, seed: options.seed, only: options.only.as_deref(), quiet: options.json }
    }

    fn wants(self, criterion: &Criterion) -> bool {
        self.only.is_none_or(|text| criterion.name.contains(text) || criterion.sentence.contains(text))
    }

    /// Why a light without criteria has none.
    fn left_out(self) -> Option<&'static str> {
        self.seed.map(|_| "not run: --seed").or(self.only.map(|_| "not run: --only"))
    }

    /// Why they are not run, if they are not.
    fn not_run(self, tests_are_green: bool) -> Option<&'static str> {
        match self.when {
            When::Never => Some("not run: --fast"),
            When::AfterGreenTests if !tests_are_green => {
                Some("not run: fix the first failure, or check --all-lights")
            }
            _ => None,
        }
    }
}

pub(crate) fn run(options: &Options) -> Result<u8> {
    let drills = drill::all()?;
    let chosen = choose(options, &drills)?;
    let mut verdicts = Vec::new();
    let mut remembered = Ok(());
    for drill in &chosen {
        let verdict = judge(drill, options)?;
        if !options.json {
            if !verdicts.is_empty() {
                println!();
            }
            if let Some(said) = &verdict.compiler {
                eprintln!("{said}\n");
            }
            print!("{}", screen::draw(&verdict, chosen.len() == 1));
        }
        // A verdict is shown even where it cannot be kept.
        remembered = remembered.and_then(|()| remember(&verdict, options));
        verdicts.push(verdict);
    }
    if options.json {
        let text = json::verdicts(&verdicts).format().map_err(|error| Error::new(error.to_string()))?;
        println!("{text}");
    } else if let [_, _, ..] = verdicts.as_slice() {
        let done = verdicts.iter().filter(|verdict| verdict.done()).count();
        println!("\n{done} of {} drills done", verdicts.len());
    }
    remembered.map(|()| verdict::exit_code(&verdicts))
}

fn choose(options: &Options, drills: &[Drill]) -> Result<Vec<Drill>> {
    let chosen = drill::select(&options.words, drills)?;
    match (&options.path, chosen.as_slice()) {
        (Some(_), [_, _, ..]) => Err(Error::new("--path DIR judges one drill: name one, or none")),
        (Some(path), []) => Ok(vec![Scratch::drill_in(path, drills)?]),
        (None, []) => first_not_done(drills),
        _ => Ok(chosen),
    }
}

fn first_not_done(drills: &[Drill]) -> Result<Vec<Drill>> {
    let progress = Progress::load()?;
    let next = drills.iter().find(|drill| !progress.is_done(drill));
    let next = next.ok_or_else(|| Error::new("all drills are done; name one to judge it again"))?;
    Ok(vec![next.clone()])
}

fn judge(drill: &Drill, options: &Options) -> Result<Verdict> {
    let mut verdict = match &options.path {
        None => judge_package(drill, options.set, &Workspace::main(), Slow::of(options))?,
        Some(path) => {
            let scratch = Scratch::of_submission(drill, path)?;
            let workspace = scratch.workspace();
            let verdict = judge_package(drill, Set::Exercises, &workspace, Slow::of(options))?;
            Verdict { path: path.clone(), ..verdict }
        }
    };
    say_how_to_replay(&mut verdict, options);
    let package = options.path.clone().unwrap_or_else(|| drill::root().join(&verdict.path));
    verdict.tampered = tamper::find(&drill::root(), drill, verdict.set, &package, &verdict.path);
    Ok(verdict)
}

/// The command that makes a race happen once more, of the same submission.
fn say_how_to_replay(verdict: &mut Verdict, options: &Options) {
    let submission = match (&options.path, verdict.set) {
        (Some(path), _) => format!("--path {}", path.display()),
        (None, Set::Exercises) => verdict.drill.selection(),
        (None, Set::Solutions) => format!("{} --set solutions", verdict.drill.selection()),
    };
    for judged in verdict.lights.iter_mut().flat_map(|light| &mut light.criteria) {
        let again =
            judged.story.seed.as_ref().map(|seed| format!("cargo xtask check {submission} --seed {seed}"));
        judged.story.facts.extend(again.map(|again| ("again", again)));
    }
}

/// Builds one package and runs its criteria, light by light.
fn judge_package(drill: &Drill, set: Set, workspace: &Workspace, slow: Slow<'_>) -> Result<Verdict> {
    let (mut criteria, mut scenarios) = (drill.criteria()?, race::criteria(drill)?);
    if slow.seed.is_some() {
        criteria.clear();
    }
    criteria.retain(|criterion| slow.wants(criterion));
    scenarios.retain(|scenario| slow.wants(scenario));
    if let (Some(text), true) = (slow.only, criteria.is_empty() && scenarios.is_empty()) {
        return Err(Error::new(format!(
            "no criterion of {} has `{text}` in its sentence or name",
            drill.name
        )));
    }
    let compiled = compile::acceptance(workspace, &drill.package(set), slow.quiet)?;
    let mut judged = Vec::new();
    let (compiler, lights) = match compiled.result {
        Err(said) => (Some(compile::errors(&said)), not_built(compiled.took, compile::reason(&said))),
        Ok(binary) => {
            let (last, first): (Vec<_>, Vec<_>) =
                criteria.into_iter().partition(|c| c.light() == Light::Load);
            judged.extend(judge::criteria(&binary, &first, slow.quiet)?);
            let green = judged
                .iter()
                .all(|judged| judged.word == Word::Ok || judged.criterion.light() != Light::Tests);
            let not_run = slow.not_run(green);
            match not_run {
                Some(why) => judged.extend(race::not_judged(&scenarios, why)),
                None => {
                    judged.extend(judge::criteria(&binary, &last, slow.quiet)?);
                    judged.extend(race::judge(drill, set, workspace, &scenarios, slow.seed, slow.quiet)?);
                }
            }
            (None, lights(judged, compiled.took, slow.left_out().or(not_run)))
        }
    };
    interrupt::check()?;
    let (drill, path, tampered) = (drill.clone(), drill.path(set), tamper::Found::default());
    Ok(Verdict { drill, set, path, tampered, compiler, lights, partial: slow.left_out().is_some() })
}

fn not_built(took: Duration, reason: &str) -> Vec<LightVerdict> {
    let mut lights = vec![light(Light::Builds, Word::Red, took, reason, Vec::new())];
    let why = format!("not run: it {reason}");
    let rest = Light::ALL.into_iter().skip(1);
    lights.extend(rest.map(|name| light(name, Word::NotRun, Duration::ZERO, &why, Vec::new())));
    lights
}

/// Sorts what was judged by light.
fn lights(mut judged: Vec<Judged>, build: Duration, not_run: Option<&str>) -> Vec<LightVerdict> {
    let mut lights = vec![light(Light::Builds, Word::Ok, build, &screen::time(build), Vec::new())];
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
    let is_race = |judged: &&Judged| judged.criterion.name.starts_with(race::PREFIX);
    let (races, tests): (Vec<&Judged>, Vec<&Judged>) = criteria.iter().partition(is_race);
    let is_ok = |judged: &&&Judged| judged.word == Word::Ok;
    let judged = tests.iter().copied().chain(races.iter().copied().filter(|race| race.word != Word::NotRun));
    let word = judged.map(|judged| judged.word).max().unwrap_or(Word::Unknown);
    let took = criteria.iter().map(|judged| judged.took).sum();
    let notes: Vec<&str> =
        criteria.iter().flat_map(|judged| &judged.story.notes).map(String::as_str).collect();
    let mut summary = match word {
        Word::Ok if !notes.is_empty() && name != Light::Tests => notes.join("; "),
        Word::Ok if name == Light::Leaks => "no task, thread, descriptor or child left".to_owned(),
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

/// What a learner's own verdict changes in the progress; a doctored one changes nothing.
fn remember(verdict: &Verdict, options: &Options) -> Result<()> {
    let counts = !verdict.partial && verdict.tampered.changed.is_empty();
    if !counts || options.set != Set::Exercises || options.path.is_some() {
        return Ok(());
    }
    let mut progress = Progress::load()?;
    progress.set_lights(&verdict.drill, verdict.lights_on());
    progress.save()
}

/// These criteria and scenarios, judged for one set of a scratch workspace; or the compiler's words.
pub(crate) fn judge_some(
    drill: &Drill,
    set: Set,
    workspace: &Workspace,
    criteria: &[Criterion],
) -> Result<std::result::Result<Vec<Judged>, String>> {
    let is_race = |criterion: &&Criterion| criterion.name.starts_with(race::PREFIX);
    let (scenarios, tests): (Vec<Criterion>, Vec<Criterion>) =
        criteria.iter().cloned().partition(|c| is_race(&c));
    let mut judged = Vec::new();
    if !tests.is_empty() {
        match compile::acceptance(workspace, &drill.package(set), true)?.result {
            Ok(binary) => judged.extend(until_known(&binary, &tests)?),
            Err(said) => return Ok(Err(compile::errors(&said))),
        }
    }
    judged.extend(race::judge(drill, set, workspace, &scenarios, None, true)?);
    Ok(Ok(judged))
}

/// Judges criteria again that could not be judged because the machine was busy, twice at most. A verdict
/// is never taken back: only "unknown" is asked again.
fn until_known(binary: &Binary, criteria: &[Criterion]) -> Result<Vec<Judged>> {
    let mut judged = judge::criteria(binary, criteria, true)?;
    for _ in 0..2 {
        for judged in judged.iter_mut().filter(|judged| judged.word == Word::Unknown) {
            *judged = judge::one(binary, &judged.criterion, &[])?;
        }
    }
    Ok(judged)
}

/// A verdict on a package in a scratch workspace, all lights, nothing printed.
pub(crate) fn judge_scratch(drill: &Drill, set: Set, workspace: &Workspace, shown: &Path) -> Result<Verdict> {
    let slow = Slow { when: When::Always, seed: None, only: None, quiet: true };
    let mut verdict = judge_package(drill, set, workspace, slow)?;
    verdict.path = shown.to_owned();
    Ok(verdict)
}
