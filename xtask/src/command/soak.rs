//! The solutions' acceptance again and again on a busy machine: a verdict must not depend on luck.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use drain_criteria::Criterion;

use lexopt::prelude::*;

use crate::command::shard::Shard;
use crate::command::{Command, at_least_one};
use crate::drill::{Drill, Set};
use crate::error::{Error, Result};
use crate::judging::compile::{self, Binary};
use crate::judging::criteria;
use crate::judging::verdict::{Judged, Word};
use crate::reporter::Reporter;
use crate::selection;
use crate::side_by_side::side_by_side;
use crate::typeset::{self, count};
use crate::value::{self, list, number, object, text};
use crate::workspace::{self, Workspace};

pub(crate) const COMMAND: Command = Command {
    name: "soak",
    summary: "the solutions' tests again and again on a busy machine",
    help: "\
usage: cargo xtask soak [SELECTION...] [OPTIONS]

  --runs N        how often each criterion runs (default 200)
  --load N        busy loops beside it, for each core (default 4)
  --jobs N        criteria side by side (default 4)
  --shard I/N     only part I of N; all parts together are the whole
  --json FILE     where the table is kept (default target/drain/soak.json)
",
    run,
};

struct Options {
    words: Vec<String>,
    runs: usize,
    /// Busy loops for each core.
    load: usize,
    /// Criteria side by side.
    jobs: usize,
    shard: Shard,
    json: PathBuf,
}

impl Options {
    fn parse(mut arguments: lexopt::Parser) -> Result<Self> {
        let json = workspace::work_folder().join("soak.json");
        let mut options = Self { words: Vec::new(), runs: 200, load: 4, jobs: 4, shard: Shard::WHOLE, json };
        while let Some(argument) = arguments.next()? {
            match argument {
                Value(word) => options.words.push(word.string()?),
                Long("runs") => options.runs = at_least_one("--runs", &mut arguments)?,
                Long("load") => options.load = arguments.value()?.parse()?,
                Long("jobs") => options.jobs = at_least_one("--jobs", &mut arguments)?,
                Long("shard") => options.shard = Shard::parse(&arguments.value()?.string()?)?,
                Long("json") => options.json = arguments.value()?.into(),
                argument => return Err(argument.unexpected().into()),
            }
        }
        Ok(options)
    }
}

/// What became of one criterion over all runs.
struct Row {
    drill: String,
    criterion: Criterion,
    passed: usize,
    failed: usize,
    unknown: usize,
    slowest: Duration,
    /// What was seen when it was not green, and how late the machine was then.
    seen: Vec<String>,
}

fn run(arguments: lexopt::Parser) -> Result<u8> {
    let options = &Options::parse(arguments)?;
    let chosen = selection::or_all(&options.words)?;
    let mut built = Vec::new();
    for (drill, criteria) in part(chosen, options.shard)? {
        let compiled =
            compile::acceptance(&Workspace::main(), &drill.package(Set::Solutions), &Reporter::new())?;
        let binary = compiled
            .result
            .map_err(|said| Error::new(format!("{} does not compile:\n{said}", drill.name)))?;
        built.push((criteria, drill, binary));
    }
    let busy = Busy::start(options.load);
    let mut rows = Vec::new();
    let started = Instant::now();
    for (criteria, drill, binary) in &built {
        rows.extend(soak(drill, binary, criteria, options)?);
    }
    drop(busy);
    print(&rows, options, started.elapsed());
    write(&rows, options)?;
    let (failed, unknown) = rows.iter().fold((0, 0), |(f, u), row| (f + row.failed, u + row.unknown));
    Ok(if failed > 0 {
        1
    } else if unknown > 0 {
        3
    } else {
        0
    })
}

/// What of these drills belongs to the part.
fn part(drills: Vec<Drill>, shard: Shard) -> Result<Vec<(Drill, Vec<Criterion>)>> {
    let mut work = Vec::new();
    for drill in &drills {
        work.extend(drill.criteria()?.into_iter().map(|criterion| (drill, criterion)));
    }
    let work = shard.of(work);
    let of = |drill: Drill| {
        let mine = work.iter().filter(|(other, _)| **other == drill);
        (drill.clone(), mine.map(|(_, criterion)| criterion.clone()).collect::<Vec<_>>())
    };
    Ok(drills.iter().cloned().map(of).filter(|(_, criteria)| !criteria.is_empty()).collect())
}

fn soak(drill: &Drill, binary: &Binary, criteria: &[Criterion], options: &Options) -> Result<Vec<Row>> {
    let queue: Vec<&Criterion> = (0..options.runs).flat_map(|_| criteria).collect();
    let done = AtomicUsize::new(0);
    let judged = side_by_side(options.jobs, &queue, |_, criterion| {
        let judged = criteria::at_once(binary, criterion);
        progress(drill, done.fetch_add(1, Ordering::SeqCst) + 1, queue.len());
        judged
    })?;
    let judged: Vec<Judged> = judged.into_iter().collect::<Result<_>>()?;
    Ok(criteria.iter().map(|criterion| Row::of(drill, criterion, &judged)).collect())
}

impl Row {
    fn of(drill: &Drill, criterion: &Criterion, judged: &[Judged]) -> Self {
        let mine: Vec<&Judged> = judged.iter().filter(|judged| judged.criterion == *criterion).collect();
        let count = |is: fn(Word) -> bool| mine.iter().filter(|judged| is(judged.word)).count();
        Self {
            drill: drill.name.clone(),
            criterion: criterion.clone(),
            passed: count(|word| word == Word::Ok),
            failed: count(Word::is_failure),
            unknown: count(|word| word == Word::Unknown),
            slowest: mine.iter().map(|judged| judged.took).max().unwrap_or_default(),
            seen: mine.iter().filter(|judged| judged.word != Word::Ok).map(|judged| judged.seen()).collect(),
        }
    }
}

/// Busy loops beside the work, as many for each core as asked for.
struct Busy(Arc<AtomicBool>);

impl Busy {
    fn start(for_each_core: usize) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let cores = thread::available_parallelism().map_or(1, usize::from);
        for _ in 0..for_each_core * cores {
            let over = over.clone();
            thread::spawn(move || while !over.load(Ordering::Relaxed) {});
        }
        Self(over)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn progress(drill: &Drill, done: usize, all: usize) {
    let terminal = std::io::stderr().is_terminal();
    if terminal {
        eprint!("\r{} {done} of {all} ", drill.name);
    } else if done.is_multiple_of((all / 10).max(1)) {
        eprintln!("{} {done} of {all}", drill.name);
    }
    if terminal && done == all {
        eprintln!();
    }
}

fn print(rows: &[Row], options: &Options, took: Duration) {
    println!("drill      pass  fail   ???   slowest  criterion");
    for row in rows {
        let Row { drill, criterion, passed, failed, unknown, slowest, .. } = row;
        println!(
            "{drill:<9} {passed:>5} {failed:>5} {unknown:>5} {:>9}  {}",
            typeset::time(*slowest),
            criterion.name
        );
        for seen in row.seen.iter().take(3) {
            println!("          ! {seen}");
        }
    }
    let sum = |of: fn(&Row) -> usize| rows.iter().map(of).sum::<usize>();
    println!(
        "\n{}, {} a core, {} side by side: {} passed, {} failed, {} unknown, {:.0} s",
        count(options.runs, "run"),
        count(options.load, "busy loop"),
        options.jobs,
        sum(|row| row.passed),
        sum(|row| row.failed),
        sum(|row| row.unknown),
        took.as_secs_f64()
    );
}

fn write(rows: &[Row], options: &Options) -> Result<()> {
    let rows = rows.iter().map(|row| {
        object([
            ("drill", text(&row.drill)),
            ("criterion", text(&row.criterion.name)),
            ("passed", number(row.passed as f64)),
            ("failed", number(row.failed as f64)),
            ("unknown", number(row.unknown as f64)),
            ("slowest_s", number(row.slowest.as_secs_f64())),
            ("seen", list(row.seen.iter().map(text))),
        ])
    });
    let table = object([
        ("version", number(1)),
        ("runs", number(options.runs as f64)),
        ("busy_loops_a_core", number(options.load as f64)),
        ("criteria", list(rows)),
    ]);
    value::write(&options.json, &table)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill;

    #[test]
    fn all_parts_together_are_the_whole() {
        let names = |shard: &str| {
            let part = part(drill::all().unwrap(), Shard::parse(shard).unwrap()).unwrap();
            let names = part.into_iter().flat_map(|(drill, criteria)| {
                criteria.into_iter().map(move |criterion| (drill.name.clone(), criterion.name))
            });
            names.collect::<Vec<_>>()
        };
        let mut together = [names("1/3"), names("2/3"), names("3/3")].concat();
        let mut whole = names("1/1");
        together.sort();
        whole.sort();
        assert!(whole.len() > 100, "{whole:?}");
        assert_eq!(together, whole);
    }
}
