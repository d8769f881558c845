//! One more hint, each time the learner asks.

use std::fs;

use crate::drill::{self, Drill};
use crate::error::{At as _, Error, Result};
use crate::json::{list, number, object, text};
use crate::progress::Progress;

/// One step of the hints: its heading and its text.
struct Hint {
    heading: String,
    text: String,
}

pub(crate) fn run(words: &[String], json: bool) -> Result<u8> {
    let drills = drill::all()?;
    let [drill] = drill::select(words, &drills)?
        .try_into()
        .map_err(|_| Error::new("hints are for one drill at a time"))?;
    let hints = read(&drill)?;
    let mut progress = Progress::load()?;
    let shown = (progress.hints(&drill) + 1).min(hints.len());
    progress.set_hints(&drill, shown);
    progress.save()?;
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
        println!("{}", value.format().map_err(|error| Error::new(error.to_string()))?);
        return Ok(0);
    }
    println!("{drill}\n");
    for (number, hint) in (1..).zip(&hints[..shown]) {
        println!("Hint {number} of {}: {}\n\n{}\n", hints.len(), hint.heading, hint.text);
    }
    if shown == hints.len() {
        println!("That was the last hint. The solution: solutions/{}/README.md", drill.name);
    }
    Ok(0)
}

/// How many hints the learner has not read yet.
pub(crate) fn left(drill: &Drill, progress: &Progress) -> usize {
    read(drill).map_or(0, |hints| hints.len().saturating_sub(progress.hints(drill)))
}

fn read(drill: &Drill) -> Result<Vec<Hint>> {
    let path = drill::root().join(drill.hints());
    let source = fs::read_to_string(&path).at("read", &path)?;
    let sections = source.split("\n## ").skip(1);
    let hint = |section: &str| {
        let (heading, text) = section.split_once('\n').unwrap_or((section, ""));
        Hint { heading: heading.trim().to_owned(), text: text.trim().to_owned() }
    };
    Ok(sections.map(hint).collect())
}
