//! The solutions' acceptance again and again on a busy machine: a verdict must not depend on luck.

use std::collections::VecDeque;
use std::fs;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use drain_criteria::Criterion;

use crate::compile::{self, Binary, Workspace};
use crate::drill::{self, Drill, Set};
use crate::error::{At as _, Error, Result};
use crate::json::{list, number, object, text};
use crate::verdict::{Judged, Word};
use crate::{interrupt, judge, screen};

pub(crate) struct Options {
    pub(crate) words: Vec<String>,
    pub(crate) runs: usize,
    /// Busy loops for each core.
    pub(crate) load: usize,
    /// Criteria side by side.
    pub(crate) jobs: usize,
    pub(crate) json: Option<PathBuf>,
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

pub(crate) fn run(options: &Options) -> Result<u8> {
    let drills = drill::all()?;
    let chosen = if options.words.is_empty() { drills } else { drill::select(&options.words, &drills)? };
    let mut built = Vec::new();
    for drill in chosen {
        let compiled = compile::acceptance(&Workspace::main(), &drill.package(Set::Solutions), false)?;
        let binary = compiled
            .result
            .map_err(|said| Error::new(format!("{} does not compile:\n{said}", drill.name)))?;
        built.push((drill.criteria()?, drill, binary));
    }
    let busy = Busy::start(options.load);
    let mut rows = Vec::new();
    let started = Instant::now();
    for (criteria, drill, binary) in &built {
        rows.extend(soak(drill, binary, criteria, options)?);
    }
    drop(busy);
    print(&rows, options, started.elapsed());
    let path = options.json.clone().unwrap_or_else(|| drill::work_folder().join("soak.json"));
    write(&path, &rows, options)?;
    let (failed, unknown) = rows.iter().fold((0, 0), |(f, u), row| (f + row.failed, u + row.unknown));
    Ok(if failed > 0 {
        1
    } else if unknown > 0 {
        3
    } else {
        0
    })
}

fn soak(drill: &Drill, binary: &Binary, criteria: &[Criterion], options: &Options) -> Result<Vec<Row>> {
    let all = options.runs * criteria.len();
    let queue: VecDeque<&Criterion> = (0..options.runs).flat_map(|_| criteria).collect();
    let queue = Mutex::new(queue);
    let judged = Mutex::new(Vec::with_capacity(all));
    thread::scope(|scope| {
        for _ in 0..options.jobs {
            scope.spawn(|| {
                while interrupt::check().is_ok() {
                    let Some(criterion) = queue.lock().expect("no worker panics").pop_front() else { return };
                    let one = judge::one(binary, criterion, &[]);
                    let mut judged = judged.lock().expect("no worker panics");
                    judged.push(one);
                    progress(drill, judged.len(), all);
                }
            });
        }
    });
    interrupt::check()?;
    let judged: Vec<Judged> =
        judged.into_inner().expect("no worker panics").into_iter().collect::<Result<_>>()?;
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
            screen::time(*slowest),
            criterion.name
        );
        for seen in row.seen.iter().take(3) {
            println!("          ! {seen}");
        }
    }
    let sum = |of: fn(&Row) -> usize| rows.iter().map(of).sum::<usize>();
    println!(
        "\n{} runs, {} busy loops a core, {} side by side: {} passed, {} failed, {} unknown, {:.0} s",
        options.runs,
        options.load,
        options.jobs,
        sum(|row| row.passed),
        sum(|row| row.failed),
        sum(|row| row.unknown),
        took.as_secs_f64()
    );
}

fn write(path: &PathBuf, rows: &[Row], options: &Options) -> Result<()> {
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
    let text = table.format().map_err(|error| Error::new(error.to_string()))?;
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).at("create", folder)?;
    }
    fs::write(path, text + "\n").at("write", path)
}
