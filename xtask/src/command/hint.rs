//! One more hint, each time the learner asks.

use std::fs;

use lexopt::prelude::*;

use crate::command::Command;
use crate::drill::Drill;
use crate::error::{At as _, Error, Result};
use crate::progress::Progress;
use crate::value::{self, list, number, object, text};
use crate::{selection, workspace};

/// One step of the hints: its heading and its text.
struct Hint {
    heading: String,
    text: String,
}

pub(crate) const COMMAND: Command = Command {
    name: "hint",
    summary: "one more hint, each time you ask",
    help: "\
usage: cargo xtask hint SELECTION [OPTIONS]

Shows the hints that you have seen, and the next one.

  --again         only those that you have seen
  --json          as JSON on stdout
",
    run,
};

fn run(mut arguments: lexopt::Parser) -> Result<u8> {
    let (mut words, mut again, mut json) = (Vec::new(), false, false);
    while let Some(argument) = arguments.next()? {
        match argument {
            Value(word) => words.push(word.string()?),
            Long("again") => again = true,
            Long("json") => json = true,
            argument => return Err(argument.unexpected().into()),
        }
    }
    let [drill] = selection::required(&words, "hint")?
        .try_into()
        .map_err(|_| Error::new("hints are for one drill at a time"))?;
    let hints = read(&drill)?;
    let mut progress = Progress::load()?;
    let shown = (progress.hints(&drill) + usize::from(!again)).min(hints.len());
    if !again {
        progress.set_hints(&drill, shown);
        progress.save()?;
    }
    if json {
        let rows = hints[..shown]
            .iter()
            .map(|hint| object([("heading", text(&hint.heading)), ("text", text(&hint.text))]));
        let left = number((hints.len() - shown) as f64);
        let value = object([
            ("version", number(1)),
            ("drill", text(&drill.name)),
            ("hints", list(rows)),
            ("left", left),
        ]);
        value::print(&value)?;
        return Ok(0);
    }
    println!("{drill}\n");
    for (number, hint) in (1..).zip(&hints[..shown]) {
        println!("Hint {number} of {}: {}\n\n{}\n", hints.len(), hint.heading, hint.text);
    }
    if shown == 0 {
        println!("You have seen none yet. The first: cargo xtask hint {}", drill.selection());
    } else if shown == hints.len() {
        println!("That was the last hint. The solution: solutions/{}/README.md", drill.name);
    }
    Ok(0)
}

/// How many hints the learner has not read yet.
pub(crate) fn left(drill: &Drill, progress: &Progress) -> usize {
    read(drill).map_or(0, |hints| hints.len().saturating_sub(progress.hints(drill)))
}

fn read(drill: &Drill) -> Result<Vec<Hint>> {
    let path = workspace::root().join(drill.hints());
    let source = fs::read_to_string(&path).at("read", &path)?;
    let sections = source.split("\n## ").skip(1);
    let hint = |section: &str| {
        let (heading, text) = section.split_once('\n').unwrap_or((section, ""));
        Hint { heading: heading.trim().to_owned(), text: text.trim().to_owned() }
    };
    Ok(sections.map(hint).collect())
}
