//! Runs in which everything that can happen does, at moments that a seed decides.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use drain_criteria::Criterion;
use lexopt::prelude::*;
use tinyjson::JsonValue;

use crate::command::{Command, at_least_one};
use crate::drill::{self, Drill, Set};
use crate::error::{At as _, Error, Result};
use crate::judging::compile::{self, Binary};
use crate::judging::criteria;
use crate::judging::scratch::Scratch;
use crate::judging::submission::Submission;
use crate::judging::verdict::{Judged, Word};
use crate::reporter::Reporter;
use crate::side_by_side::side_by_side;
use crate::specimen::{self, Specimen};
use crate::typeset::{self, count};
use crate::value::{self, list, number, object, text};
use crate::{selection, workspace};

pub(crate) const COMMAND: Command = Command {
    name: "chaos",
    summary: "the capstone under deploys, crashes and failures at random, by seed",
    help: "\
usage: cargo xtask chaos [capstone] [OPTIONS]

  --set SET       exercises (default) or solutions
  --runs N        how many runs, each with a seed of its own (default 20)
  --seed S        the seed of the first run (default 1)
  --jobs N        runs side by side (default 4)
  --bug NAME      the solution with this bug of its zoo, until a run finds
                  it; can be given again
  --json FILE     where the table is kept (default target/drain/chaos.json)

A run that fails is told, with its seed. The seed decides who is stopped and
what fails when; how far the service is at that moment, the machine decides.
",
    run,
};

struct Options {
    words: Vec<String>,
    set: Set,
    runs: usize,
    seed: u64,
    jobs: usize,
    bugs: Vec<String>,
    json: PathBuf,
}

impl Options {
    fn parse(mut arguments: lexopt::Parser) -> Result<Self> {
        let json = workspace::work_folder().join("chaos.json");
        let (words, bugs, set) = (Vec::new(), Vec::new(), Set::Exercises);
        let mut options = Self { words, set, runs: 20, seed: 1, jobs: 4, bugs, json };
        while let Some(argument) = arguments.next()? {
            match argument {
                Value(word) => options.words.push(word.string()?),
                Long("set") => options.set = Set::named(&arguments.value()?.string()?)?,
                Long("runs") => options.runs = at_least_one("--runs", &mut arguments)?,
                Long("seed") => options.seed = arguments.value()?.parse()?,
                Long("jobs") => options.jobs = at_least_one("--jobs", &mut arguments)?,
                Long("bug") => options.bugs.push(arguments.value()?.string()?),
                Long("json") => options.json = arguments.value()?.into(),
                argument => return Err(argument.unexpected().into()),
            }
        }
        Ok(options)
    }
}

fn run(arguments: lexopt::Parser) -> Result<u8> {
    let options = Options::parse(arguments)?;
    let drill = the_drill(&options.words)?;
    let criterion = criterion(&drill)?;
    let played: Vec<Played> = if options.bugs.is_empty() {
        vec![play(&Submission::of_set(&drill, options.set), None, &criterion, &options)?]
    } else {
        let bugs = specimen::bugs(&drill)?;
        let named =
            |name: &String| bugs.iter().find(|bug| bug.name == *name).ok_or_else(|| unknown(name, &drill));
        let chosen: Vec<&Specimen> = options.bugs.iter().map(named).collect::<Result<_>>()?;
        chosen.into_iter().map(|bug| play_bug(&drill, bug, &criterion, &options)).collect::<Result<_>>()?
    };
    played.iter().for_each(Played::print);
    value::write(
        &options.json,
        &object([("version", number(1)), ("played", list(played.iter().map(Played::as_json)))]),
    )?;
    Ok(exit_code(&played))
}

fn unknown(name: &str, drill: &Drill) -> Error {
    Error::new(format!(
        "--bug {name}: there is no such bug; `cargo xtask zoo {}` names them",
        drill.selection()
    ))
}

/// Where the run of a drill stands.
fn source(drill: &Drill) -> PathBuf {
    drill.path(Set::Exercises).join("tests/chaos/main.rs")
}

/// The one that is named, or the only one that has such runs.
fn the_drill(words: &[String]) -> Result<Drill> {
    let has_runs = |drill: &Drill| workspace::root().join(source(drill)).exists();
    let mut chosen = if words.is_empty() { drill::all()? } else { selection::or_all(words)? };
    if let Some(without) = chosen.iter().find(|drill| !words.is_empty() && !has_runs(drill)) {
        return Err(Error::new(format!("{} has no such runs: only the capstone has", without.name)));
    }
    chosen.retain(has_runs);
    chosen.pop().ok_or_else(|| Error::new("no drill has such runs: is the capstone there?"))
}

fn criterion(drill: &Drill) -> Result<Criterion> {
    let path = workspace::root().join(source(drill));
    let found = drain_criteria::read(&fs::read_to_string(&path).at("read", &path)?);
    found.into_iter().next().ok_or_else(|| Error::new(format!("no test in {}", path.display())))
}

/// What was played, and what came of it.
struct Played {
    drill: Drill,
    set: Set,
    bug: Option<String>,
    /// A run each, by its seed.
    runs: Vec<(u64, Judged)>,
    took: Duration,
}

fn play_bug(drill: &Drill, bug: &Specimen, criterion: &Criterion, options: &Options) -> Result<Played> {
    let scratch = Scratch::of_drill("chaos", drill)?;
    scratch.apply(drill, &bug.path)?;
    play(&Submission::in_scratch(drill, Set::Solutions, &scratch), Some(&bug.name), criterion, options)
}

/// Plays all seeds; those of a bug until it is found.
fn play(
    submission: &Submission,
    bug: Option<&str>,
    criterion: &Criterion,
    options: &Options,
) -> Result<Played> {
    let package = submission.package();
    let compiled = compile::test(&submission.workspace, &package, "chaos", &Reporter::new())?;
    let binary =
        compiled.result.map_err(|said| Error::new(format!("{package} does not compile:\n{said}")))?;
    let started = Instant::now();
    let seeds: Vec<u64> = (0..options.runs as u64).map(|run| options.seed.wrapping_add(run)).collect();
    let at_once = if bug.is_some() { options.jobs } else { seeds.len() };
    let mut runs = Vec::new();
    for seeds in seeds.chunks(at_once) {
        runs.extend(play_seeds(&binary, criterion, seeds, options.jobs)?);
        if runs.iter().any(|(_, judged)| judged.word.is_failure()) {
            break;
        }
    }
    let (drill, bug) = (submission.drill.clone(), bug.map(str::to_owned));
    Ok(Played { drill, set: submission.set, bug, runs, took: started.elapsed() })
}

fn play_seeds(
    binary: &Binary,
    criterion: &Criterion,
    seeds: &[u64],
    jobs: usize,
) -> Result<Vec<(u64, Judged)>> {
    let done = AtomicUsize::new(0);
    let played = side_by_side(jobs, seeds, |_, seed| {
        let judged = criteria::at_once(&binary.clone().with_seed(Some(*seed)), criterion)?;
        let done = done.fetch_add(1, Ordering::SeqCst) + 1;
        eprintln!(
            "[{done:>3}/{}] seed {seed} {} {}",
            seeds.len(),
            judged.word.text(),
            typeset::time(judged.took)
        );
        Ok((*seed, judged))
    })?;
    played.into_iter().collect()
}

impl Played {
    fn count(&self, is: fn(Word) -> bool) -> usize {
        self.runs.iter().filter(|(_, judged)| is(judged.word)).count()
    }

    /// What the runs have counted, `name=value` each: together, and of what is `longest_` the longest.
    fn sums(&self) -> BTreeMap<&str, u64> {
        let mut sums = BTreeMap::new();
        let notes = self.runs.iter().flat_map(|(_, judged)| &judged.story.notes);
        let counted = notes.flat_map(|note| note.split_whitespace()).filter_map(|one| one.split_once('='));
        for (name, value) in counted.filter_map(|(name, value)| Some((name, value.parse::<u64>().ok()?))) {
            let sum = sums.entry(name).or_insert(0);
            *sum = if name.starts_with("longest_") { value.max(*sum) } else { value + *sum };
        }
        sums
    }

    fn print(&self) {
        let Self { drill, bug, runs, took, .. } = self;
        let bug = bug.as_ref().map_or(String::new(), |bug| format!(" with {bug}"));
        println!(
            "{}{bug}: {}, {} passed, {} failed, {} unknown, {:.0} s",
            drill.name,
            count(runs.len(), "run"),
            self.count(|word| word == Word::Ok),
            self.count(Word::is_failure),
            self.count(|word| word == Word::Unknown),
            took.as_secs_f64()
        );
        let sums: Vec<String> = self.sums().into_iter().map(|(name, sum)| format!("{name} {sum}")).collect();
        println!("  {}", sums.join(", "));
        let odd = runs.iter().filter(|(_, judged)| judged.word != Word::Ok);
        odd.take(3).for_each(|(seed, judged)| self.tell(*seed, judged));
    }

    /// One run that did not pass.
    fn tell(&self, seed: u64, judged: &Judged) {
        println!("\n  seed {seed}: {}", judged.word.text());
        let story = &judged.story;
        let said = [("expected", &story.expected), ("observed", &story.observed)];
        for (name, said) in said.into_iter().filter_map(|(name, said)| Some((name, said.as_ref()?))) {
            println!("    {name:<10}{said}");
        }
        if story.observed.is_none() {
            println!("    {}", judged.seen());
        }
        story.picture.iter().for_each(|line| println!("    {line}"));
        let of = match (&self.bug, self.set) {
            (Some(bug), _) => format!(" --bug {bug}"),
            (None, Set::Solutions) => " --set solutions".to_owned(),
            (None, Set::Exercises) => String::new(),
        };
        println!("    again     cargo xtask chaos{of} --runs 1 --seed {seed}");
    }

    fn as_json(&self) -> JsonValue {
        let runs = self.runs.iter().map(|(seed, judged)| {
            object([
                ("seed", text(seed.to_string())),
                ("verdict", text(judged.word.text())),
                ("seconds", number(judged.took.as_secs_f64())),
                ("seen", text(judged.seen())),
            ])
        });
        let sums = self.sums().into_iter().map(|(name, sum)| (name.to_owned(), number(sum as f64)));
        object([
            ("drill", text(&self.drill.name)),
            ("set", text(self.set.folder())),
            ("bug", self.bug.as_ref().map_or(JsonValue::Null, text)),
            ("counted", JsonValue::Object(sums.collect())),
            ("runs", list(runs)),
        ])
    }
}

/// 1 if a run failed, 3 if one could not be judged; of bugs, 1 if one was not found.
fn exit_code(played: &[Played]) -> u8 {
    let is_odd = |played: &Played| match played.bug {
        Some(_) => played.count(Word::is_failure) == 0,
        None => played.count(Word::is_failure) > 0,
    };
    match () {
        () if played.iter().any(is_odd) => 1,
        () if played
            .iter()
            .any(|played| played.bug.is_none() && played.count(|word| word == Word::Unknown) > 0) =>
        {
            3
        }
        () => 0,
    }
}
