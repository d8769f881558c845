//! Judges drills, shows the verdicts, and keeps what the learner has reached.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use lexopt::prelude::*;

use crate::command::Command;
use crate::command::pages::{CHECK, Pages};
use crate::drill::{self, Drill, Set};
use crate::error::{Error, Result};
use crate::judging::engine::{self, Asked, Slow};
use crate::judging::scratch::Scratch;
use crate::judging::submission::Submission;
use crate::judging::verdict::{self, Verdict};
use crate::progress::Progress;
use crate::reporter::Reporter;
use crate::showing::{json, screen};
use crate::{selection, value};

pub(crate) const COMMAND: Command = Command {
    name: "check",
    summary: "judge drills: five lights, what failed, and why it matters",
    help: "\
usage: cargo xtask check [SELECTION...] [OPTIONS]

  --set SET       exercises (default) or solutions
  --path DIR      judge the task crate in DIR, a partner's for instance, with our
                  own acceptance tests; DIR is not changed. If DIR is a clone of
                  this project: its drills, all that were begun without SELECTION
  --all-lights    run the load light also when the tests light is red
  --fast          leave the load light and the race check out
  --only TEXT     only criteria with TEXT in their sentence or test name
  --seed N        only what draws at random, and only what it draws with this seed
  --json          the whole verdict as JSON on stdout
  --html FILE     the verdict as a page, too: timelines, light and dark, no script
  --markdown [FILE]  as Markdown for a pull request; without FILE on stdout

A FILE that is there is written over only if it is as we have written it.

examples: cargo xtask check 3
          cargo xtask check 3 --html verdict.html
          cargo xtask check --path ../partner/exercises/task-03
          cargo xtask check --path ../partner --markdown >> $GITHUB_STEP_SUMMARY
",
    run,
};

struct Options {
    words: Vec<String>,
    set: Set,
    path: Option<PathBuf>,
    asked: Asked,
    json: bool,
    pages: Pages,
}

impl Options {
    fn parse(mut arguments: lexopt::Parser) -> Result<Self> {
        let (words, path, asked) = (Vec::new(), None, Asked::default());
        let (set, pages) = (Set::Exercises, Pages::default());
        let mut options = Self { words, set, path, asked, json: false, pages };
        while let Some(argument) = arguments.next()? {
            match argument {
                Value(word) => options.words.push(word.string()?),
                Long("set") => options.set = Set::named(&arguments.value()?.string()?)?,
                Long("path") => options.path = Some(arguments.value()?.into()),
                Long("all-lights") => options.asked.slow = Slow::Always,
                Long("fast") => options.asked.slow = Slow::Never,
                Long("only") => options.asked.only = Some(arguments.value()?.string()?),
                Long("seed") => options.asked.seed = Some(arguments.value()?.parse()?),
                Long("json") => options.json = true,
                Long("html") => options.pages.html(arguments.value()?)?,
                Long("markdown") => options.pages.markdown(file_beside(&mut arguments)?)?,
                argument => return Err(argument.unexpected().into()),
            }
        }
        if options.json && options.pages.take_stdout() {
            return Err(Error::new("--json and --markdown both want stdout: give --markdown a FILE"));
        }
        Ok(options)
    }

    fn reporter(&self) -> Reporter {
        if self.json { Reporter::silent() } else { Reporter::new() }
    }

    /// Whether a person reads stdout, and not a program.
    fn on_screen(&self) -> bool {
        !self.json && !self.pages.take_stdout()
    }
}

/// The value of an option that need not have one. A drill's name that stands there is a drill's.
fn file_beside(arguments: &mut lexopt::Parser) -> Result<Option<OsString>> {
    if let Some(value) = arguments.optional_value() {
        return Ok(Some(value));
    }
    let drills = drill::all()?;
    let is_file = |word: &OsStr| {
        let word = word.to_string_lossy();
        let is_path = word.contains(['/', '.']);
        !word.starts_with('-') && (is_path || selection::select(&[word.into_owned()], &drills).is_err())
    };
    let mut words = arguments.raw_args()?;
    Ok(words.next_if(is_file))
}

fn run(arguments: lexopt::Parser) -> Result<u8> {
    let options = Options::parse(arguments)?;
    let chosen = choose(&options)?;
    if chosen.is_empty() {
        let said = nothing_chosen(&options)?;
        if options.on_screen() { println!("{said}") } else { eprintln!("{said}") }
    }
    let mut verdicts = Vec::new();
    let mut remembered = Ok(());
    for drill in &chosen {
        let verdict = judge(drill, &options)?;
        if options.on_screen() {
            if !verdicts.is_empty() {
                println!();
            }
            show(&verdict, chosen.len() == 1);
        }
        // A verdict is shown even where it cannot be kept.
        remembered = remembered.and_then(|()| remember(&verdict, &options, chosen.len() == 1));
        verdicts.push(verdict);
    }
    if options.json {
        value::print(&json::verdicts(&verdicts))?;
    } else if options.on_screen() {
        conclude(&verdicts, &options)?;
    }
    remembered?;
    if !verdicts.is_empty() {
        options.pages.write(CHECK, &json::verdicts(&verdicts))?;
    }
    Ok(verdict::exit_code(&verdicts))
}

/// Below the last verdict.
fn conclude(verdicts: &[Verdict], options: &Options) -> Result<()> {
    if let [_, _, ..] = verdicts {
        let done = verdicts.iter().filter(|verdict| verdict.done()).count();
        println!("\n{done} of {} drills done", verdicts.len());
    } else if let [verdict] = verdicts
        && is_the_learners(options)
    {
        let (progress, done) = (Progress::load()?, verdict.done());
        if let Some(advice) = progress.at_work(&verdict.drill).advice(&verdict.drill, done) {
            println!("{advice}");
        }
        if done {
            println!("{}", progress.next_of(&drill::all()?));
        }
    }
    Ok(())
}

fn nothing_chosen(options: &Options) -> Result<String> {
    Ok(match &options.path {
        Some(path) => format!("{}: no drill has been begun", path.display()),
        None => format!("{} Name one to judge it again.", Progress::load()?.next_of(&drill::all()?)),
    })
}

fn choose(options: &Options) -> Result<Vec<Drill>> {
    let drills = drill::all()?;
    let chosen = selection::select(&options.words, &drills)?;
    match (&options.path, chosen.as_slice()) {
        (Some(path), []) if is_clone(path) => {
            let is_begun = |drill: &Drill| {
                let folder = in_clone(path, drill);
                folder.exists() && !super::diff::is_untouched(drill, &folder)
            };
            Ok(drills.into_iter().filter(is_begun).collect())
        }
        (Some(path), _) if is_clone(path) => Ok(chosen),
        (Some(_), [_, _, ..]) => Err(Error::new("--path DIR judges one drill: name one, or none")),
        (Some(path), []) => Ok(vec![Scratch::drill_in(path, &drills)?]),
        (None, []) => first_not_done(&drills),
        _ => Ok(chosen),
    }
}

/// Whether this is a folder of drills, and not of one.
fn is_clone(path: &Path) -> bool {
    path.join(Set::Exercises.folder()).is_dir()
}

fn in_clone(clone: &Path, drill: &Drill) -> PathBuf {
    clone.join(drill.path(Set::Exercises))
}

/// None if all are done.
fn first_not_done(drills: &[Drill]) -> Result<Vec<Drill>> {
    let progress = Progress::load()?;
    let next = drills.iter().find(|drill| !progress.is_done(drill));
    Ok(next.cloned().into_iter().collect())
}

fn judge(drill: &Drill, options: &Options) -> Result<Verdict> {
    let judge = |submission| engine::judge(&submission, &options.asked, &options.reporter());
    match &options.path {
        None => judge(Submission::of_set(drill, options.set)),
        Some(path) => {
            let path = &if is_clone(path) { in_clone(path, drill) } else { path.clone() };
            let scratch = Scratch::of_submission(drill, path)?;
            judge(Submission::at(path, drill, &scratch))
        }
    }
}

/// Neither a solution nor a partner's.
fn is_the_learners(options: &Options) -> bool {
    options.set == Set::Exercises && options.path.is_none()
}

fn show(verdict: &Verdict, alone: bool) {
    if let Some(said) = &verdict.compiler {
        eprintln!("{said}\n");
    }
    print!("{}", screen::draw(verdict, alone, hints_left(&verdict.drill)));
}

fn hints_left(drill: &Drill) -> usize {
    Progress::load().map_or(0, |progress| super::hint::left(drill, &progress))
}

/// What a learner's own verdict changes in the progress: a doctored one no lights, and what was only not run takes
/// none away. Who checks one drill is at work on it.
fn remember(verdict: &Verdict, options: &Options, alone: bool) -> Result<()> {
    if !is_the_learners(options) {
        return Ok(());
    }
    let mut progress = Progress::load()?;
    if alone {
        progress.see_at_work(&verdict.drill, SystemTime::now());
    }
    let counts = !verdict.partial && verdict.tampered.changed.is_empty();
    let lights = verdict.lights_on();
    if counts && (verdict.failed() || progress.lights(&verdict.drill).is_none_or(|known| known < lights)) {
        progress.set_lights(&verdict.drill, lights);
    }
    progress.save()
}
