//! The bugs that a drill's tests are known to catch, and the other designs that they let pass.

use std::fs;
use std::path::{Path, PathBuf};

use crate::check;
use crate::drill::{self, Drill, Set};
use crate::error::{At as _, Error, Result};
use crate::json::{list, object, text};
use crate::race;
use crate::scratch::Scratch;
use crate::screen;
use crate::verdict;

/// A patch to the solution with a header of facts above it.
#[derive(Clone, Debug)]
pub(crate) struct Specimen {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    facts: Vec<(String, String)>,
}

impl Specimen {
    pub(crate) fn fact(&self, name: &str) -> Option<&str> {
        self.facts.iter().find(|(fact, _)| fact == name).map(|(_, value)| value.as_str())
    }

    /// The criteria that its header says catch it.
    pub(crate) fn caught_by(&self) -> Vec<&str> {
        let names = self.fact("caught-by").unwrap_or_default().split(',');
        names.map(str::trim).filter(|name| !name.is_empty()).collect()
    }

    /// Whether nothing but the race check finds it.
    pub(crate) fn only_a_race(&self) -> bool {
        let names = self.caught_by();
        !names.is_empty() && names.iter().all(|name| name.starts_with(race::PREFIX))
    }
}

/// The bugs of a drill, by name.
pub(crate) fn bugs(drill: &Drill) -> Result<Vec<Specimen>> {
    specimens(&drill::root().join(drill.path(Set::Solutions)).join("zoo"))
}

/// Correct solutions of another design, by name.
pub(crate) fn alternatives(drill: &Drill) -> Result<Vec<Specimen>> {
    specimens(&drill::root().join(drill.path(Set::Solutions)).join("alternatives"))
}

fn specimens(folder: &Path) -> Result<Vec<Specimen>> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.extension().is_some_and(|extension| extension == "patch") {
            let patch = fs::read_to_string(&path).at("read", &path)?;
            let header =
                patch.lines().take_while(|line| !line.starts_with("--- ") && !line.starts_with("diff "));
            let facts = header.filter_map(|line| line.split_once(": "));
            let facts = facts.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            found.push(Specimen { name, path, facts });
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

pub(crate) fn run(words: &[String], json: bool) -> Result<u8> {
    let drills = drill::all()?;
    let [drill] = drill::select(&words[..1], &drills)?
        .try_into()
        .map_err(|_| Error::new("a zoo is one drill's: name one"))?;
    let bugs = bugs(&drill)?;
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
        println!("{}", value.format().map_err(|error| Error::new(error.to_string()))?);
        return Ok(0);
    }
    println!("{drill}: {} bugs that its tests catch\n", bugs.len());
    for bug in bugs {
        println!("  {}", bug.name);
        for (label, fact) in
            [("bug", "bug"), ("costs", "costs"), ("seen in", "seen-in"), ("caught by", "caught-by")]
        {
            for (index, line) in screen::wrap(bug.fact(fact).unwrap_or("-"), 62).iter().enumerate() {
                println!("    {:<10}  {line}", if index == 0 { label } else { "" });
            }
        }
    }
    println!("\nSee one caught: cargo xtask zoo {} NAME", drill.number);
    Ok(0)
}

fn show_one(drill: &Drill, bugs: &[Specimen], name: &str, json: bool) -> Result<u8> {
    let bug = bugs.iter().find(|bug| bug.name == name).ok_or_else(|| {
        let nearest = drill::nearest(name, bugs.iter().map(|bug| bug.name.as_str()));
        let meant = nearest.map_or(String::new(), |name| format!("; did you mean `{name}`?"));
        Error::new(format!("the zoo of {} has no bug `{name}`{meant}", drill.name))
    })?;
    let scratch = Scratch::of_drill("zoo", drill)?;
    scratch.apply(drill, &bug.path)?;
    let verdict = check::judge_scratch(drill, Set::Solutions, &scratch.workspace(), &bug.path)?;
    if json {
        let value = crate::json::verdicts(std::slice::from_ref(&verdict));
        println!("{}", value.format().map_err(|error| Error::new(error.to_string()))?);
    } else {
        print!("{}\n\n", fs::read_to_string(&bug.path).at("read", &bug.path)?.trim_end());
        print!("{}", screen::draw(&verdict, true));
    }
    Ok(verdict::exit_code(std::slice::from_ref(&verdict)))
}
