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
use crate::{interrupt, json, judge, screen, tamper};

pub(crate) struct Options {
    pub(crate) words: Vec<String>,
    pub(crate) set: Set,
    pub(crate) path: Option<PathBuf>,
    pub(crate) all_lights: bool,
    pub(crate) skip_load: bool,
    pub(crate) json: bool,
}

/// When the load light is run.
#[derive(Clone, Copy)]
enum When {
    AfterGreenTests,
    Always,
    Never,
}

impl When {
    fn of(options: &Options) -> Self {
        match options {
            Options { skip_load: true, .. } => Self::Never,
            Options { all_lights: true, .. } => Self::Always,
            _ => Self::AfterGreenTests,
        }
    }

    /// Why it is not run, if it is not.
    fn not_run(self, tests_are_green: bool) -> Option<&'static str> {
        match self {
            Self::Never => Some("not run: --skip-load"),
            Self::AfterGreenTests if !tests_are_green => {
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
        remember(&verdict, options)?;
        verdicts.push(verdict);
    }
    if options.json {
        let text = json::verdicts(&verdicts).format().map_err(|error| Error::new(error.to_string()))?;
        println!("{text}");
    } else if let [_, _, ..] = verdicts.as_slice() {
        let done = verdicts.iter().filter(|verdict| verdict.done()).count();
        println!("\n{done} of {} drills done", verdicts.len());
    }
    Ok(verdict::exit_code(&verdicts))
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
        None => judge_package(drill, options.set, &Workspace::main(), When::of(options), options.json)?,
        Some(path) => {
            let scratch = Scratch::of_submission(drill, path)?;
            let workspace = scratch.workspace();
            let verdict = judge_package(drill, Set::Exercises, &workspace, When::of(options), options.json)?;
            Verdict { path: path.clone(), ..verdict }
        }
    };
    verdict.changed = tamper::changes(drill, verdict.set);
    Ok(verdict)
}

/// Builds one package and runs its criteria, light by light.
fn judge_package(drill: &Drill, set: Set, workspace: &Workspace, load: When, quiet: bool) -> Result<Verdict> {
    let criteria = drill.criteria()?;
    let compiled = compile::acceptance(workspace, &drill.package(set), quiet)?;
    let (compiler, lights) = match compiled.result {
        Ok(binary) => (None, lights(&binary, &criteria, compiled.took, load, quiet)?),
        Err(said) => (Some(compile::errors(&said)), not_built(compiled.took)),
    };
    Ok(Verdict { drill: drill.clone(), set, path: drill.path(set), changed: Vec::new(), compiler, lights })
}

fn not_built(took: Duration) -> Vec<LightVerdict> {
    let mut lights = vec![light(Light::Builds, Word::Red, took, "does not compile", Vec::new())];
    let rest = Light::ALL.into_iter().skip(1);
    lights.extend(
        rest.map(|name| {
            light(name, Word::NotRun, Duration::ZERO, "not run: it does not compile", Vec::new())
        }),
    );
    lights
}

fn lights(
    binary: &Binary,
    criteria: &[Criterion],
    build: Duration,
    load: When,
    quiet: bool,
) -> Result<Vec<LightVerdict>> {
    let first: Vec<Criterion> = criteria.iter().filter(|c| c.light() != Light::Load).cloned().collect();
    let mut judged = judge::criteria(binary, &first, quiet)?;
    let tests_ok = judged.iter().filter(|j| j.criterion.light() == Light::Tests).all(|j| j.word == Word::Ok);
    let not_run = load.not_run(tests_ok);
    if not_run.is_none() {
        let load: Vec<Criterion> = criteria.iter().filter(|c| c.light() == Light::Load).cloned().collect();
        judged.extend(judge::criteria(binary, &load, quiet)?);
    }
    interrupt::check()?;

    let mut lights = vec![light(Light::Builds, Word::Ok, build, &screen::time(build), Vec::new())];
    for name in Light::ALL.into_iter().skip(1) {
        let (mine, rest): (Vec<Judged>, Vec<Judged>) =
            judged.into_iter().partition(|j| j.criterion.light() == name);
        judged = rest;
        lights.push(match not_run {
            Some(why) if name == Light::Load => light(name, Word::NotRun, Duration::ZERO, why, Vec::new()),
            _ => summed_up(name, mine),
        });
    }
    Ok(lights)
}

fn light(light: Light, word: Word, took: Duration, summary: &str, criteria: Vec<Judged>) -> LightVerdict {
    LightVerdict { light, word, took, summary: summary.to_owned(), criteria }
}

/// A light is as good as its worst criterion; one without criteria is not on.
fn summed_up(name: Light, criteria: Vec<Judged>) -> LightVerdict {
    let word = criteria.iter().map(|judged| judged.word).max().unwrap_or(Word::Unknown);
    let took = criteria.iter().map(|judged| judged.took).sum();
    let ok = criteria.iter().filter(|judged| judged.word == Word::Ok).count();
    let notes: Vec<&str> =
        criteria.iter().flat_map(|judged| &judged.story.notes).map(String::as_str).collect();
    let summary = match word {
        Word::Ok if !notes.is_empty() && name != Light::Tests => notes.join("; "),
        Word::Ok if name == Light::Leaks => "no task, thread, descriptor or child left".to_owned(),
        _ => format!("{ok} of {}", criteria.len()),
    };
    light(name, word, took, &summary, criteria)
}

/// What a learner's own verdict changes in the progress; a doctored one changes nothing.
fn remember(verdict: &Verdict, options: &Options) -> Result<()> {
    if options.set != Set::Exercises || options.path.is_some() || !verdict.changed.is_empty() {
        return Ok(());
    }
    let mut progress = Progress::load()?;
    progress.set_lights(&verdict.drill, verdict.lights_on());
    progress.save()
}

/// The criteria of a drill, judged for the package at hand. For `verify` and `zoo`.
pub(crate) fn judge_some(
    workspace: &Workspace,
    package: &str,
    criteria: &[Criterion],
) -> Result<std::result::Result<Vec<Judged>, String>> {
    let compiled = compile::acceptance(workspace, package, true)?;
    match compiled.result {
        Ok(binary) => judge::criteria(&binary, criteria, true).map(Ok),
        Err(said) => Ok(Err(compile::errors(&said))),
    }
}

/// A verdict on a package in a scratch workspace, all lights, nothing printed.
pub(crate) fn judge_scratch(drill: &Drill, set: Set, workspace: &Workspace, shown: &Path) -> Result<Verdict> {
    let mut verdict = judge_package(drill, set, workspace, When::Always, true)?;
    verdict.path = shown.to_owned();
    Ok(verdict)
}
