//! Shows the bugs that a drill's tests are known to catch, and how one is caught; keeps them up to date.

mod git;
mod renew;
mod working_copy;

use std::fs;

use lexopt::prelude::*;

use crate::command::Command;
use crate::drill::{Drill, Set};
use crate::error::{At as _, Error, Result};
use crate::judging::engine::{self, Asked};
use crate::judging::scratch::Scratch;
use crate::judging::submission::Submission;
use crate::judging::verdict;
use crate::reporter::Reporter;
use crate::showing::{json, screen};
use crate::specimen::{self, Specimen};
use crate::value::{self, list, object, text};
use crate::{selection, typeset};

pub(crate) const COMMAND: Command = Command {
    name: "zoo",
    summary: "the bugs that a drill's tests are known to catch",
    help: "\
usage: cargo xtask zoo SELECTION [NAME] [--json]
       cargo xtask zoo SELECTION [NAME] --renew
       cargo xtask zoo SELECTION --edit NAME
       cargo xtask zoo SELECTION --save NAME

Without NAME: all bugs of the drill, what each costs, which criterion catches it.
With NAME: its patch, and the verdict on the solution with that bug in it. NAME
may also be one of the alternatives.

Who changes a solution, or its zoo:
  --renew   mend the patches that the solution has left behind, or only this one
  --edit    a working copy of the solution with the bug in it, or for a new bug
  --save    turn the working copy into the patch
",
    run,
};

/// What is done with the zoo.
#[derive(Clone, Copy, PartialEq)]
enum Task {
    Show,
    Renew,
    Edit,
    Save,
}

fn run(mut arguments: lexopt::Parser) -> Result<u8> {
    let (mut words, mut json, mut task) = (Vec::new(), false, Task::Show);
    while let Some(argument) = arguments.next()? {
        let asked = match argument {
            Value(word) => {
                words.push(word.string()?);
                continue;
            }
            Long("json") => {
                json = true;
                continue;
            }
            Long("renew") => Task::Renew,
            Long("edit") => Task::Edit,
            Long("save") => Task::Save,
            argument => return Err(argument.unexpected().into()),
        };
        if std::mem::replace(&mut task, asked) != Task::Show {
            return Err(Error::new("one of --renew, --edit and --save at a time"));
        }
    }
    let [drill] = selection::required(&words[..words.len().min(1)], "zoo")?
        .try_into()
        .map_err(|_| Error::new("a zoo is one drill's: name one"))?;
    let name = match &words[1..] {
        [] => None,
        [name] => Some(name.as_str()),
        _ => return Err(Error::new("`zoo` takes a drill and at most one bug")),
    };
    match (task, name) {
        (Task::Edit, Some(name)) => return renew::edit(&drill, name),
        (Task::Save, Some(name)) => return renew::save(&drill, name),
        (Task::Edit | Task::Save, None) => return Err(Error::new("name the bug")),
        (Task::Renew | Task::Show, _) => {}
    }
    let bugs = specimen::bugs(&drill)?;
    match (task, name) {
        (Task::Renew, Some(name)) => renew::renew(&drill, &[find(&drill, &bugs, name)?.name.clone()]),
        (Task::Renew, None) => {
            renew::renew(&drill, &bugs.into_iter().map(|bug| bug.name).collect::<Vec<_>>())
        }
        (_, None) => show_all(&drill, &bugs, json),
        (_, Some(name)) => match specimen::alternatives(&drill)?.iter().find(|other| other.name == name) {
            Some(alternative) => show_alternative(&drill, alternative, json),
            None => show_one(&drill, find(&drill, &bugs, name)?, json),
        },
    }
}

fn find<'a>(drill: &Drill, bugs: &'a [Specimen], name: &str) -> Result<&'a Specimen> {
    bugs.iter().find(|bug| bug.name == name).ok_or_else(|| {
        let nearest = selection::nearest(name, bugs.iter().map(|bug| bug.name.as_str()));
        let meant = nearest.map_or(String::new(), |name| format!("; did you mean `{name}`?"));
        Error::new(format!("the zoo of {} has no bug `{name}`{meant}", drill.name))
    })
}

fn show_all(drill: &Drill, bugs: &[Specimen], json: bool) -> Result<u8> {
    if json {
        let row = |bug: &Specimen| {
            let facts = ["bug", "caught-by", "seen-in", "costs"]
                .map(|fact| (fact, bug.fact(fact).unwrap_or_default()));
            let mut value = object(facts.map(|(fact, value)| (fact, text(value))));
            value["name"] = text(&bug.name);
            value
        };
        let value = object([("drill", text(&drill.name)), ("bugs", list(bugs.iter().map(row)))]);
        value::print(&value)?;
        return Ok(0);
    }
    println!("{drill}: {} bugs that its tests catch\n", bugs.len());
    for bug in bugs {
        println!("  {}", bug.name);
        for (label, fact) in
            [("bug", "bug"), ("costs", "costs"), ("seen in", "seen-in"), ("caught by", "caught-by")]
        {
            for (index, line) in typeset::wrap(bug.fact(fact).unwrap_or("-"), 62).iter().enumerate() {
                println!("    {:<10}  {line}", if index == 0 { label } else { "" });
            }
        }
    }
    println!("\nSee one caught: cargo xtask zoo {} NAME", drill.number);
    Ok(0)
}

fn show_one(drill: &Drill, bug: &Specimen, json: bool) -> Result<u8> {
    let scratch = Scratch::of_drill("zoo", drill)?;
    scratch.apply(drill, &bug.path)?;
    let patch = fs::read_to_string(&bug.path).at("read", &bug.path)?;
    show_verdict(drill, &scratch, bug, &patch, json)
}

fn show_alternative(drill: &Drill, alternative: &Specimen, json: bool) -> Result<u8> {
    let scratch = Scratch::of_drill("zoo", drill)?;
    scratch.lay_over(drill, &alternative.path)?;
    let readme = alternative.path.join("README.md");
    show_verdict(drill, &scratch, alternative, &fs::read_to_string(&readme).at("read", &readme)?, json)
}

fn show_verdict(
    drill: &Drill,
    scratch: &Scratch,
    specimen: &Specimen,
    about: &str,
    json: bool,
) -> Result<u8> {
    let submission =
        Submission { shown: specimen.path.clone(), ..Submission::in_scratch(drill, Set::Solutions, scratch) };
    let verdict = engine::judge(&submission, &Asked::all_lights(), &Reporter::silent())?;
    if json {
        value::print(&json::verdicts(std::slice::from_ref(&verdict)))?;
    } else {
        print!("{}\n\n", about.trim_end());
        print!("{}", screen::draw(&verdict, true, 0));
    }
    Ok(verdict::exit_code(std::slice::from_ref(&verdict)))
}
