//! The table of all proofs: for a person, and as JSON.

use std::path::Path;
use std::time::Duration;

use tinyjson::JsonValue;

use crate::command::verify::proof::{Proof, Subject};
use crate::drill::Drill;
use crate::error::Result;
use crate::judging::verdict::Word;
use crate::typeset;
use crate::value::{self, list, number, object, text};

/// In the order in which they are shown.
const KINDS: [&str; 5] = ["papers", "stub", "solution", "alternative", "bug"];
/// So many of the slowest proofs are named.
const SLOWEST: usize = 10;

pub(super) fn print(drills: &[Drill], proofs: &[Proof]) {
    for drill in drills {
        println!("{drill}");
        for kind in KINDS {
            let mut rows: Vec<&Proof> =
                of_drill(drill, proofs).filter(|proof| proof.subject.kind() == kind).collect();
            rows.sort_by_key(|proof| proof.subject.name());
            rows.into_iter().for_each(print_row);
        }
        println!();
    }
    print_problems(proofs);
}

/// Once more where somebody looks first: the table is hundreds of lines long.
fn print_problems(proofs: &[Proof]) {
    for proof in proofs {
        let subject = [&proof.drill.name, proof.subject.kind(), proof.subject.name()].join(" ");
        for said in &proof.nearly {
            println!("~ {}: {said}", subject.trim_end());
        }
        for problem in &proof.problems {
            println!("! {}: {problem}", subject.trim_end());
        }
    }
}

fn of_drill<'a>(drill: &'a Drill, proofs: &'a [Proof]) -> impl Iterator<Item = &'a Proof> {
    proofs.iter().filter(move |proof| proof.drill == *drill)
}

fn print_row(proof: &Proof) {
    let known = if proof.known { "known: " } else { "" };
    println!("  {:<11} {:<28} {known}{}", proof.subject.kind(), proof.subject.name(), summary(proof));
    let nearly = proof.nearly.iter().map(|said| ("~", said));
    for (mark, said) in nearly.chain(proof.problems.iter().map(|problem| ("!", problem))) {
        for (index, line) in typeset::wrap(said, 70).iter().enumerate() {
            println!("    {} {line}", if index == 0 { mark } else { " " });
        }
    }
}

fn summary(proof: &Proof) -> String {
    let words = &proof.words;
    let count = |word: Word| words.iter().filter(|(_, other)| *other == word).count();
    let failing = words.len() - count(Word::Ok) - count(Word::Unknown) - count(Word::NotRun);
    match &proof.subject {
        Subject::Papers if proof.problems.is_empty() => "complete".to_owned(),
        Subject::Papers => "incomplete".to_owned(),
        Subject::Stub => format!("{failing} of {} red", words.len()),
        Subject::Solution | Subject::Alternative(_) => format!("{} of {} ok", count(Word::Ok), words.len()),
        Subject::Bug(_) => {
            let words = words.iter().map(|(name, word)| format!("{} {name}", word.text()));
            words.collect::<Vec<_>>().join(", ")
        }
    }
}

/// Where the time went: by drill, and the slowest proofs. Times of a drill are those of its proofs, one
/// after the other.
pub(super) fn write(path: &Path, drills: &[Drill], proofs: &[Proof], took: Duration) -> Result<()> {
    let by_drill = drills.iter().map(|drill| {
        let sum = |of: fn(&Proof) -> Duration| seconds(of_drill(drill, proofs).map(of).sum());
        let count = |of: fn(&Proof) -> usize| number(of_drill(drill, proofs).map(of).sum::<usize>() as f64);
        object([
            ("drill", text(&drill.name)),
            ("proofs", count(|_| 1)),
            ("known", count(|proof| usize::from(proof.known))),
            ("problems", count(|proof| proof.problems.len())),
            ("asked_again", count(|proof| proof.asked_again)),
            ("seconds", sum(|proof| proof.took)),
            ("waiting_to_build_s", sum(|proof| proof.waited)),
            ("building_s", sum(|proof| proof.built)),
        ])
    });
    let mut slowest: Vec<&Proof> = proofs.iter().collect();
    slowest.sort_by_key(|proof| std::cmp::Reverse(proof.took));
    slowest.truncate(SLOWEST);
    let table = object([
        ("version", number(2)),
        ("seconds", seconds(took)),
        ("drills", list(by_drill)),
        ("slowest", list(slowest.into_iter().map(row))),
        ("proofs", list(proofs.iter().map(row))),
    ]);
    value::write(path, &table)
}

fn row(proof: &Proof) -> JsonValue {
    object([
        ("drill", text(&proof.drill.name)),
        ("subject", text(proof.subject.kind())),
        ("name", text(proof.subject.name())),
        ("criteria", words(proof)),
        ("problems", list(proof.problems.iter().map(text))),
        ("nearly", list(proof.nearly.iter().map(text))),
        ("known", JsonValue::Boolean(proof.known)),
        ("asked_again", number(proof.asked_again as f64)),
        ("seconds", seconds(proof.took)),
        ("waiting_to_build_s", seconds(proof.waited)),
        ("building_s", seconds(proof.built)),
    ])
}

/// Criterion by criterion, what became of it.
pub(super) fn words(proof: &Proof) -> JsonValue {
    let words = proof.words.iter();
    list(words.map(|(name, word)| object([("criterion", text(name)), ("verdict", text(word.text()))])))
}

/// To the millisecond.
fn seconds(time: Duration) -> JsonValue {
    number((time.as_secs_f64() * 1e3).round() / 1e3)
}
