//! Shows the bugs that a drill's tests are known to catch, and how one is caught.

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
usage: cargo xtask zoo SELECTION [BUG] [--json]

Without BUG: all bugs of the drill, what each costs, which criterion catches it.
With BUG: its patch, and the verdict on the solution with that bug in it.
",
    run,
};

fn run(mut arguments: lexopt::Parser) -> Result<u8> {
    let (mut words, mut json) = (Vec::new(), false);
    while let Some(argument) = arguments.next()? {
        match argument {
            Value(word) => words.push(word.string()?),
            Long("json") => json = true,
            argument => return Err(argument.unexpected().into()),
        }
    }
    let [drill] = selection::required(&words[..words.len().min(1)], "zoo")?
        .try_into()
        .map_err(|_| Error::new("a zoo is one drill's: name one"))?;
    let bugs = specimen::bugs(&drill)?;
    match &words[1..] {
        [] => show_all(&drill, &bugs, json),
        [name] => show_one(&drill, &bugs, name, json),
        _ => Err(Error::new("`zoo` takes a drill and at most one bug")),
    }
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

fn show_one(drill: &Drill, bugs: &[Specimen], name: &str, json: bool) -> Result<u8> {
    let bug = bugs.iter().find(|bug| bug.name == name).ok_or_else(|| {
        let nearest = selection::nearest(name, bugs.iter().map(|bug| bug.name.as_str()));
        let meant = nearest.map_or(String::new(), |name| format!("; did you mean `{name}`?"));
        Error::new(format!("the zoo of {} has no bug `{name}`{meant}", drill.name))
    })?;
    let scratch = Scratch::of_drill("zoo", drill)?;
    scratch.apply(drill, &bug.path)?;
    let submission =
        Submission { shown: bug.path.clone(), ..Submission::in_scratch(drill, Set::Solutions, &scratch) };
    let verdict = engine::judge(&submission, &Asked::all_lights(), &Reporter::silent())?;
    if json {
        value::print(&json::verdicts(std::slice::from_ref(&verdict)))?;
    } else {
        print!("{}\n\n", fs::read_to_string(&bug.path).at("read", &bug.path)?.trim_end());
        print!("{}", screen::draw(&verdict, true, 0));
    }
    Ok(verdict::exit_code(std::slice::from_ref(&verdict)))
}
