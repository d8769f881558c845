//! Proof that the verdicts can be trusted.
//!
//! For each drill: every criterion is red on the stub and green on the solution; every bug of the
//! zoo is caught by the criteria that its header names, by assertion; every criterion catches a bug;
//! every alternative passes; brief, hints and notes are there.

use std::collections::VecDeque;
use std::fs;
use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use drain_criteria::Criterion;
use lexopt::prelude::*;

use crate::command::Command;
use crate::drill::{Drill, Set};
use crate::error::{Error, Result};
use crate::judging::scratch::Scratch;
use crate::judging::submission::Submission;
use crate::judging::verdict::{Judged, Word};
use crate::judging::{compile, engine, race};
use crate::reporter::Reporter;
use crate::specimen::{self, Specimen};
use crate::value::{self, list, number, object, text};
use crate::{interrupt, selection, typeset, workspace};

/// Bugs that only the race check finds, in a drill that has one.
const FEWEST_RACES: usize = 3;

/// One thing to prove, and how it went.
struct Proof {
    drill: Drill,
    subject: Subject,
    /// Criterion by criterion: its name and the word it got.
    words: Vec<(String, Word)>,
    problems: Vec<String>,
    seconds: f64,
}

#[derive(Clone)]
enum Subject {
    /// Brief, hints, notes, headers: what can be seen without running anything.
    Papers,
    Stub,
    Solution,
    Bug(Specimen),
    Alternative(Specimen),
}

impl Subject {
    fn kind(&self) -> &'static str {
        match self {
            Self::Papers => "papers",
            Self::Stub => "stub",
            Self::Solution => "solution",
            Self::Bug(_) => "bug",
            Self::Alternative(_) => "alternative",
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Bug(specimen) | Self::Alternative(specimen) => &specimen.name,
            _ => "",
        }
    }
}

pub(crate) const COMMAND: Command = Command {
    name: "verify",
    summary: "prove that the tests can be trusted: stubs red, solutions green,\n\
              every bug caught by its criterion, every alternative passes",
    help: "\
usage: cargo xtask verify [SELECTION...] [OPTIONS]

  --task N        the same as a selection
  --json FILE     where the table is kept (default target/drain/verify.json)
",
    run,
};

fn run(mut arguments: lexopt::Parser) -> Result<u8> {
    let (mut words, mut path) = (Vec::new(), workspace::work_folder().join("verify.json"));
    while let Some(argument) = arguments.next()? {
        match argument {
            Value(word) => words.push(word.string()?),
            Long("task") => words.push(arguments.value()?.string()?),
            Long("json") => path = arguments.value()?.into(),
            argument => return Err(argument.unexpected().into()),
        }
    }
    let chosen = selection::or_all(&words)?;
    let mut work = VecDeque::new();
    for drill in &chosen {
        work.extend(subjects(drill)?.into_iter().map(|subject| (drill.clone(), subject)));
    }
    let started = Instant::now();
    let mut proofs = prove_all(work)?;
    proofs.sort_by_key(|proof| proof.drill.number);
    print_table(&chosen, &proofs);
    write_table(&path, &proofs)?;
    let problems: usize = proofs.iter().map(|proof| proof.problems.len()).sum();
    println!(
        "{problems} problems in {} proofs, {:.0} s; the table: {}",
        proofs.len(),
        started.elapsed().as_secs_f64(),
        path.display()
    );
    Ok(u8::from(problems > 0))
}

fn subjects(drill: &Drill) -> Result<Vec<Subject>> {
    let mut subjects = vec![Subject::Papers, Subject::Stub, Subject::Solution];
    subjects.extend(specimen::bugs(drill)?.into_iter().map(Subject::Bug));
    subjects.extend(specimen::alternatives(drill)?.into_iter().map(Subject::Alternative));
    Ok(subjects)
}

/// As many at once as there are cores; each worker has a scratch workspace of its own.
fn prove_all(work: VecDeque<(Drill, Subject)>) -> Result<Vec<Proof>> {
    let all = work.len();
    let queue = Mutex::new(work);
    let proofs = Mutex::new(Vec::new());
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for worker in 0..workers {
            let (queue, proofs) = (&queue, &proofs);
            scope.spawn(move || {
                while interrupt::check().is_ok() {
                    let Some((drill, subject)) = queue.lock().expect("no worker panics").pop_front() else {
                        return;
                    };
                    let proof = prove(drill, subject, &format!("worker-{worker}"));
                    let mut proofs = proofs.lock().expect("no worker panics");
                    progress(&proof, proofs.len() + 1, all);
                    proofs.push(proof);
                }
            });
        }
    });
    interrupt::check()?;
    Ok(proofs.into_inner().expect("no worker panics"))
}

fn progress(proof: &Proof, done: usize, all: usize) {
    let well = if proof.problems.is_empty() { "ok" } else { "PROBLEM" };
    let line = format!(
        "[{done:>3}/{all}] {} {} {} {well} {:.1} s",
        proof.drill.name,
        proof.subject.kind(),
        proof.subject.name(),
        proof.seconds
    );
    if std::io::stderr().is_terminal() {
        eprintln!("\r{line:<79}");
    } else {
        eprintln!("{line}");
    }
}

fn prove(drill: Drill, subject: Subject, slot: &str) -> Proof {
    let started = Instant::now();
    let mut proof = Proof { drill, subject, words: Vec::new(), problems: Vec::new(), seconds: 0.0 };
    if let Err(error) = proof.run(slot) {
        proof.problems.push(error.to_string());
    }
    proof.seconds = started.elapsed().as_secs_f64();
    proof
}

impl Proof {
    fn run(&mut self, slot: &str) -> Result<()> {
        let mut criteria = self.drill.criteria()?;
        criteria.extend(race::scenarios(&self.drill)?);
        match self.subject.clone() {
            Subject::Papers => self.papers(&criteria),
            Subject::Stub => self.stub(&criteria, slot),
            Subject::Solution => {
                let scratch = Scratch::of_drill(slot, &self.drill)?;
                self.all_green(&scratch, &criteria)
            }
            Subject::Alternative(specimen) => {
                self.require_facts(&specimen, &["design", "differs"]);
                let scratch = Scratch::of_drill(slot, &self.drill)?;
                scratch.lay_over(&self.drill, &specimen.path)?;
                self.no_lints(&scratch)?;
                self.all_green(&scratch, &criteria)
            }
            Subject::Bug(specimen) => self.bug(&specimen, &criteria, slot),
        }
    }

    /// What can be seen without running anything.
    fn papers(&mut self, criteria: &[Criterion]) -> Result<()> {
        let root = workspace::root();
        let drill = self.drill.clone();
        let notes = drill.path(Set::Solutions).join("README.md");
        for (path, what) in
            [(drill.brief(), "brief"), (drill.hints(), "hints"), (notes, "notes on the solution")]
        {
            if fs::read_to_string(root.join(&path)).unwrap_or_default().trim().is_empty() {
                self.problems.push(format!("no {what}: write {}", path.display()));
            }
        }
        let hints = fs::read_to_string(root.join(drill.hints())).unwrap_or_default();
        if hints.matches("\n## ").count() < 3 {
            self.problems
                .push("fewer than three hints: a nudge, the direction, nearly the solution".to_owned());
        }
        for (what, known) in [("level", &drill.level), ("time-box", &drill.time_box)] {
            if known == "unknown" {
                self.problems.push(format!(
                    "{} does not say its {what} in a line `Level: ... · Time-box: ...`",
                    drill.brief().display()
                ));
            }
        }
        let (stub, solution) = (drill.stub(), drill.path(Set::Solutions));
        if !sources(&root.join(&stub).join("src")).contains("todo!(") {
            self.problems.push(format!("{}: no todo!(\"...\") says what to build", stub.display()));
        }
        if dependencies(&root.join(&stub)) != dependencies(&root.join(&solution)) {
            self.problems.push("stub and solution have different dependencies".to_owned());
        }
        let bugs = specimen::bugs(&drill)?;
        let (fewest_bugs, fewest_alternatives) = (if drill.number == 1 { 6 } else { 8 }, 2);
        if bugs.len() < fewest_bugs {
            self.problems.push(format!("only {} bugs in the zoo: {fewest_bugs} are needed", bugs.len()));
        }
        let only_races = bugs.iter().filter(|bug| bug.only_a_race()).count();
        if !race::scenarios(&drill)?.is_empty() && only_races < FEWEST_RACES {
            self.problems.push(format!(
                "only {only_races} bugs that only the race check finds: {FEWEST_RACES} are needed"
            ));
        }
        let alternatives = specimen::alternatives(&drill)?.len();
        if alternatives < fewest_alternatives {
            self.problems.push(format!("only {alternatives} alternatives: {fewest_alternatives} are needed"));
        }
        for criterion in criteria {
            if criterion.sentence.is_empty() || criterion.why.is_empty() {
                self.problems.push(format!("{} does not say what must hold and why", criterion.path()));
            }
            if !bugs.iter().any(|bug| bug.caught_by().contains(&criterion.path().as_str())) {
                self.problems.push(format!(
                    "{} catches no bug of the zoo: nobody has seen it fail on a realistic one",
                    criterion.path()
                ));
            }
        }
        Ok(())
    }

    fn stub(&mut self, criteria: &[Criterion], slot: &str) -> Result<()> {
        let scratch = Scratch::of_drill(slot, &self.drill)?;
        let judged = self.judge(&scratch, Set::Exercises, criteria)?;
        let package = self.drill.package(Set::Exercises);
        let compiled = compile::acceptance(&scratch.workspace(), &package, &Reporter::silent())?;
        self.problems
            .extend(compiled.warnings.first().map(|warning| format!("the stub has warnings: {warning}")));
        for judged in judged {
            let marked = &judged.criterion.stub_passes;
            match (judged.word, marked) {
                (Word::Red | Word::Hung | Word::Race, None) | (Word::Ok, Some(_)) => {}
                (Word::Ok, None) => {
                    self.problems.push(format!("{} is green on the stub", judged.criterion.path()))
                }
                (word, Some(_)) => self.problems.push(format!(
                    "{} is {} on the stub, though marked as one that a stub cannot fail",
                    judged.criterion.path(),
                    word.text()
                )),
                (word, None) => self.problems.push(format!(
                    "{} is {} on the stub: {}",
                    judged.criterion.path(),
                    word.text(),
                    judged.seen()
                )),
            }
        }
        Ok(())
    }

    fn all_green(&mut self, scratch: &Scratch, criteria: &[Criterion]) -> Result<()> {
        for judged in self.judge(scratch, Set::Solutions, criteria)? {
            // A race check that cannot be made is said, and is no failure.
            let excused = judged.word == Word::NotRun && matches!(self.subject, Subject::Alternative(_));
            if judged.word != Word::Ok && !excused {
                self.problems.push(format!(
                    "{} is {}: {}",
                    judged.criterion.path(),
                    judged.word.text(),
                    judged.seen()
                ));
            }
        }
        Ok(())
    }

    fn bug(&mut self, specimen: &Specimen, criteria: &[Criterion], slot: &str) -> Result<()> {
        self.require_facts(specimen, &["bug", "caught-by", "seen-in", "costs"]);
        let mut named = Vec::new();
        for name in specimen.caught_by() {
            match criteria.iter().find(|criterion| criterion.path() == name) {
                Some(criterion) => named.push(criterion.clone()),
                None => self.problems.push(format!("caught-by names `{name}`, which is no criterion")),
            }
        }
        let scratch = Scratch::of_drill(slot, &self.drill)?;
        scratch.apply(&self.drill, &specimen.path)?;
        self.no_warnings(&scratch)?;
        for judged in self.judge(&scratch, Set::Solutions, &named)? {
            let problem = not_caught(&judged, specimen);
            self.problems.extend(
                problem.map(|problem| format!("{} {problem}: {}", judged.criterion.path(), judged.seen())),
            );
        }
        if specimen.only_a_race() {
            let caught = std::mem::take(&mut self.words);
            let tests: Vec<Criterion> =
                criteria.iter().filter(|criterion| !criterion.race).cloned().collect();
            self.let_pass(&scratch, &tests)?;
            self.words = caught;
        }
        Ok(())
    }

    /// A bug that the compiler points at is not one that a review has to find.
    fn no_warnings(&mut self, scratch: &Scratch) -> Result<()> {
        let package = self.drill.package(Set::Solutions);
        let compiled = compile::acceptance(&scratch.workspace(), &package, &Reporter::silent())?;
        self.problems.extend(compiled.warnings.first().map(|warning| format!("has warnings: {warning}")));
        Ok(())
    }

    /// Alternatives are no members of the workspace, so clippy does not see them elsewhere.
    fn no_lints(&mut self, scratch: &Scratch) -> Result<()> {
        let lints = compile::lints(&scratch.workspace(), &self.drill.package(Set::Solutions))?;
        self.problems.extend(lints.first().map(|lint| format!("clippy: {lint}")));
        Ok(())
    }

    /// Whether the ordinary criteria let a bug pass. Real threads find a race now and then; a bug that
    /// gets through once in three runs is one that they cannot be trusted to find.
    fn let_pass(&mut self, scratch: &Scratch, tests: &[Criterion]) -> Result<()> {
        let problems = self.problems.len();
        for _ in 0..3 {
            self.problems.truncate(problems);
            self.all_green(scratch, tests)?;
            if self.problems.len() == problems {
                break;
            }
        }
        Ok(())
    }

    fn require_facts(&mut self, specimen: &Specimen, facts: &[&str]) {
        for fact in facts.iter().filter(|fact| specimen.fact(fact).is_none_or(str::is_empty)) {
            self.problems.push(format!("{} has no line `{fact}: ...`", specimen.path.display()));
        }
    }

    fn judge(&mut self, scratch: &Scratch, set: Set, criteria: &[Criterion]) -> Result<Vec<Judged>> {
        let judged = engine::judge_some(&Submission::in_scratch(&self.drill, set, scratch), criteria)?;
        let judged = judged.map_err(|said| {
            Error::new(format!("does not compile: {}", said.lines().next().unwrap_or_default()))
        })?;
        self.words = judged.iter().map(|judged| (judged.criterion.path(), judged.word)).collect();
        Ok(judged)
    }
}

/// What is wrong with the way in which a criterion caught a bug.
fn not_caught(judged: &Judged, specimen: &Specimen) -> Option<String> {
    let wanted = match specimen.fact("as") {
        _ if judged.criterion.race => Word::Race,
        Some("HUNG") => Word::Hung,
        _ => Word::Red,
    };
    let observed = judged.story.observed.as_deref().unwrap_or("the code panicked");
    match () {
        () if judged.word != wanted => Some(format!("is {} and not {}", judged.word.text(), wanted.text())),
        () if wanted == Word::Red && observed.starts_with("the code panicked") => {
            Some("is red by accident".to_owned())
        }
        () => None,
    }
}

/// All source files of a folder, one after the other.
fn sources(folder: &Path) -> String {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries
        .map(|path| if path.is_dir() { sources(&path) } else { fs::read_to_string(path).unwrap_or_default() })
        .collect()
}

fn dependencies(folder: &Path) -> String {
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    let section = manifest.split("\n[dependencies]\n").nth(1).unwrap_or_default();
    section.split("\n[").next().unwrap_or_default().trim().to_owned()
}

fn print_table(drills: &[Drill], proofs: &[Proof]) {
    for drill in drills {
        let of_drill: Vec<&Proof> = proofs.iter().filter(|proof| proof.drill == *drill).collect();
        println!("{drill}");
        for kind in ["papers", "stub", "solution", "alternative", "bug"] {
            let mut rows: Vec<&&Proof> =
                of_drill.iter().filter(|proof| proof.subject.kind() == kind).collect();
            rows.sort_by_key(|proof| proof.subject.name());
            for proof in rows {
                println!("  {:<11} {:<28} {}", kind, proof.subject.name(), proof.summary());
                for problem in &proof.problems {
                    for (index, line) in typeset::wrap(problem, 70).iter().enumerate() {
                        println!("    {} {line}", if index == 0 { "!" } else { " " });
                    }
                }
            }
        }
        println!();
    }
}

impl Proof {
    fn summary(&self) -> String {
        let count = |word: Word| self.words.iter().filter(|(_, other)| *other == word).count();
        let failing = self.words.len() - count(Word::Ok) - count(Word::Unknown) - count(Word::NotRun);
        match &self.subject {
            Subject::Papers if self.problems.is_empty() => "complete".to_owned(),
            Subject::Papers => "incomplete".to_owned(),
            Subject::Stub => format!("{failing} of {} red", self.words.len()),
            Subject::Solution | Subject::Alternative(_) => {
                format!("{} of {} ok", count(Word::Ok), self.words.len())
            }
            Subject::Bug(_) => self
                .words
                .iter()
                .map(|(name, word)| format!("{} {name}", word.text()))
                .collect::<Vec<_>>()
                .join(", "),
        }
    }
}

fn write_table(path: &Path, proofs: &[Proof]) -> Result<()> {
    let rows = proofs.iter().map(|proof| {
        let words = proof
            .words
            .iter()
            .map(|(name, word)| object([("criterion", text(name)), ("verdict", text(word.text()))]));
        object([
            ("drill", text(&proof.drill.name)),
            ("subject", text(proof.subject.kind())),
            ("name", text(proof.subject.name())),
            ("criteria", list(words)),
            ("problems", list(proof.problems.iter().map(text))),
            ("seconds", number(proof.seconds)),
        ])
    });
    value::write(path, &object([("version", number(1)), ("proofs", list(rows))]))
}
