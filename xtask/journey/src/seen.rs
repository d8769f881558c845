//! What a program can see of a checklist, and where a person has to look.

use regex::Regex;

use crate::checklist::Item;
use crate::packet::{Packet, Submission, code};

/// What became of an item.
#[derive(Debug, PartialEq)]
pub(crate) enum Found {
    /// Ticked, and by what.
    Seen(String),
    /// For somebody to look at, and what there is to know.
    Open(String),
}

/// A line of the sources.
#[derive(Debug, PartialEq)]
pub(crate) struct Place {
    /// `src/main.rs:12`.
    pub(crate) at: String,
    pub(crate) line: String,
}

/// More places than that are a list that nobody reads.
const MOST_PLACES: usize = 12;

/// An item, what was found, and the lines that its commands find.
#[derive(Debug)]
pub(crate) struct Looked {
    pub(crate) item: Item,
    pub(crate) found: Found,
    pub(crate) places: Vec<Place>,
    /// So many more there are.
    pub(crate) left_out: usize,
}

/// Looks at one item.
///
/// # Errors
///
/// A command of the checklist that is not understood.
pub(crate) fn look(item: Item, packet: &Packet) -> Result<Looked, String> {
    let mut places = Vec::new();
    let patterns = item.patterns()?;
    for pattern in &patterns {
        places.extend(lines(&packet.submission, |line| pattern.is_match(line)));
    }
    let found = match by_title(item.title(), packet, &places) {
        Some(found) => found,
        None if !patterns.is_empty() && places.is_empty() => {
            Found::Open("its command finds nothing".to_owned())
        }
        None => Found::Open(String::new()),
    };
    let left_out = places.len().saturating_sub(MOST_PLACES);
    places.truncate(MOST_PLACES);
    Ok(Looked { item, found, places, left_out })
}

/// The lines of the sources for which this is so.
fn lines(submission: &Submission, is_one: impl Fn(&str) -> bool) -> Vec<Place> {
    let mut places = Vec::new();
    for (path, text) in code(&submission.sources) {
        let numbered = (1..).zip(text.lines()).filter(|(_, line)| is_one(line));
        places.extend(
            numbered
                .map(|(number, line)| Place { at: format!("{path}:{number}"), line: line.trim().to_owned() }),
        );
    }
    places
}

/// What a program can say about the item of this title; none if that takes a person.
fn by_title(title: &str, packet: &Packet, places: &[Place]) -> Option<Found> {
    let Submission { verdict, unformatted, lints, own_tests, .. } = &packet.submission;
    Some(match title {
        "It is formatted" => match unformatted.as_deref() {
            Some([]) => seen("rustfmt would change nothing"),
            Some(files) => open(&format!("rustfmt would change {}", files.join(", "))),
            None => open("rustfmt could not be asked"),
        },
        "Clippy has nothing to say" => match lints.as_deref() {
            Some([]) if places.is_empty() => seen("no lint, and none is silenced"),
            Some([]) => open("no lint, but some are silenced"),
            Some(lints) => open(&lints.join("; ")),
            None => open("not asked: it does not compile"),
        },
        "No `unsafe`, no leftovers" => match without_a_ban_on_unsafe(&packet.submission) {
            roots if !roots.is_empty() => {
                open(&format!("no `#![forbid(unsafe_code)]` in {}", roots.join(", ")))
            }
            _ => if_none(places, "it is forbidden, and there are no leftovers"),
        },
        "Five lights" => match verdict.done {
            true => seen("5 of 5"),
            false => open(&format!("{} of 5", verdict.lights_on())),
        },
        "You judged your own work" => match (verdict.changed.as_slice(), &verdict.not_compared) {
            ([], None) => seen("by tests that are as they were committed"),
            ([], Some(reason)) => open(reason),
            (changed, _) => open(&changed.join("; ")),
        },
        "Only `main` ends the process, by returning" => if_none(places, "nothing else does"),
        "`main` returns" => if_none(places, "nothing else ends the process"),
        "Nothing is left" => light("leaks", packet),
        "The drain reports itself once" => light("report", packet),
        "The race check has run" => race(packet)?,
        "A test of your own" => match tests_of_its_own(packet) {
            tests if !tests.is_empty() || !own_tests.is_empty() => {
                let all: Vec<String> =
                    own_tests.iter().map(|file| format!("tests/{file}")).chain(tests).collect();
                seen(&all.join(", "))
            }
            _ => open("none was found in src and tests"),
        },
        "The order of the drain is written down" => match order_in_words(packet) {
            Some(Place { at, line }) => {
                seen(&format!("there are words, whether they are right is for you: {at} \"{line}\""))
            }
            None => open("no such words were found at the top of a module or in a page beside them"),
        },
        _ => return None,
    })
}

fn seen(by: &str) -> Found {
    Found::Seen(by.to_owned())
}

fn open(what: &str) -> Found {
    Found::Open(what.to_owned())
}

fn if_none(places: &[Place], by: &str) -> Found {
    if places.is_empty() { seen(by) } else { open("its command finds these lines") }
}

fn light(name: &str, packet: &Packet) -> Found {
    match packet.submission.verdict.lights.iter().find(|light| light.name == name) {
        Some(light) if light.word == "ok" => seen(&format!("the {name} light: {}", light.summary)),
        _ => open(&format!("the {name} light is not on")),
    }
}

/// None where the drill has no race check.
fn race(packet: &Packet) -> Option<Found> {
    let criteria = packet.submission.verdict.lights.iter().flat_map(|light| &light.criteria);
    let races: Vec<_> = criteria.filter(|criterion| criterion.test.starts_with("race::")).collect();
    let first = races.first()?;
    let held = races.iter().filter(|race| race.word == "ok").count();
    Some(match held == races.len() {
        true => seen(&format!("{held} of {held} scenarios, in every schedule that was explored")),
        false if first.word == "--" => open("it was not judged"),
        false => open(&format!("{held} of {} scenarios", races.len())),
    })
}

/// Roots of a crate that do not forbid it.
fn without_a_ban_on_unsafe(submission: &Submission) -> Vec<&str> {
    let is_root = |path: &str| matches!(path, "src/main.rs" | "src/lib.rs") || path.starts_with("src/bin/");
    let bans = |text: &str| text.lines().any(|line| line.trim_start().starts_with("#![forbid(unsafe_code)]"));
    let roots = code(&submission.sources).filter(|(path, text)| is_root(path) && !bans(text));
    roots.map(|(path, _)| path.as_str()).collect()
}

/// Where tests stand in the sources, in files that have more of them than was given.
fn tests_of_its_own(packet: &Packet) -> Vec<String> {
    let is_test = Regex::new(r"(?m)^\s*#\[(\w+::)*test\b").expect("it is one");
    let count = |text: &str| is_test.find_iter(text).count();
    let given = |path: &String| packet.given.get(path).map_or(0, |text| count(text));
    let own = code(&packet.submission.sources).filter(|(path, text)| count(text) > given(path));
    own.map(|(path, _)| path.clone()).collect()
}

/// A line that says what stops before what: in the text at the top of a module, or in a page; what was given does not count.
fn order_in_words(packet: &Packet) -> Option<Place> {
    let subject = Regex::new(r"(?i)\b(drain|shut|stop|clos|flush)").expect("it is one");
    let order = Regex::new(r"(?i)\b(before|after|then|first|last|until|order)\b").expect("it is one");
    let says = |line: &str| subject.is_match(line) && order.is_match(line);
    let mut given: Vec<&str> = packet.given.values().flat_map(|text| text.lines()).collect();
    given.sort_unstable();
    for (path, text) in &packet.submission.sources {
        let is_page = path.ends_with(".md");
        for (number, line) in (1..).zip(text.lines()) {
            let is_text = is_page || line.trim_start().starts_with("//!");
            if is_text && says(line) && given.binary_search(&line).is_err() {
                return Some(Place { at: format!("{path}:{number}"), line: line.trim().to_owned() });
            }
        }
    }
    None
}
