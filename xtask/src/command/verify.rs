//! Proof that the verdicts can be trusted.
//!
//! For each drill: every criterion is red on the stub and green on the solution; every bug of the
//! zoo is caught by the criteria that its header names, by assertion; every criterion catches a bug;
//! every alternative passes; brief, hints and notes are there.

mod known;
mod papers;
mod proof;
mod table;
mod worker;

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use lexopt::prelude::*;

use crate::command::Command;
use crate::command::shard::Shard;
use crate::command::verify::proof::{Proof, Subject};
use crate::command::verify::worker::{WORKERS, Worker};
use crate::drill::Drill;
use crate::error::Result;
use crate::side_by_side::side_by_side;
use crate::typeset::{self, count};
use crate::{interrupt, selection, workspace};

pub(crate) const COMMAND: Command = Command {
    name: "verify",
    summary: "prove that the tests can be trusted: stubs red, solutions green,\n\
              every bug caught by its criterion, every alternative passes",
    help: "\
usage: cargo xtask verify [SELECTION...] [OPTIONS]

  --task N        the same as a selection
  --fresh         prove all of it; else what was proven before, and has
                  not changed since, is taken as it was
  --shard I/N     only part I of N; all parts together are the whole
  --json FILE     where the table is kept (default target/drain/verify.json)
",
    run,
};

struct Options {
    words: Vec<String>,
    fresh: bool,
    shard: Shard,
    json: PathBuf,
}

impl Options {
    fn parse(mut arguments: lexopt::Parser) -> Result<Self> {
        let json = workspace::work_folder().join("verify.json");
        let mut options = Self { words: Vec::new(), fresh: false, shard: Shard::WHOLE, json };
        while let Some(argument) = arguments.next()? {
            match argument {
                Value(word) => options.words.push(word.string()?),
                Long("task") => options.words.push(arguments.value()?.string()?),
                Long("fresh") => options.fresh = true,
                Long("shard") => options.shard = Shard::parse(&arguments.value()?.string()?)?,
                Long("json") => options.json = arguments.value()?.into(),
                argument => return Err(argument.unexpected().into()),
            }
        }
        Ok(options)
    }
}

fn run(arguments: lexopt::Parser) -> Result<u8> {
    let options = Options::parse(arguments)?;
    let chosen = selection::or_all(&options.words)?;
    let mut work = Vec::new();
    for drill in &chosen {
        work.extend(Subject::all_of(drill)?.into_iter().map(|subject| (drill.clone(), subject)));
    }
    let started = Instant::now();
    let proofs = prove(&options.shard.of(work), options.fresh)?;
    table::print(&chosen, &proofs);
    table::write(&options.json, &chosen, &proofs, started.elapsed())?;
    let problems: usize = proofs.iter().map(|proof| proof.problems.len()).sum();
    let known = match proofs.iter().filter(|proof| proof.known).count() {
        0 => String::new(),
        known => format!(" ({known} known: --fresh proves them again)"),
    };
    println!(
        "{} in {}{known}, {}; the table: {}",
        count(problems, "problem"),
        count(proofs.len(), "proof"),
        typeset::time(started.elapsed()),
        options.json.display()
    );
    Ok(u8::from(problems > 0))
}

/// Several at once.
fn prove(work: &[(Drill, Subject)], fresh: bool) -> Result<Vec<Proof>> {
    worker::prepare();
    let done = AtomicUsize::new(0);
    let proofs = side_by_side(WORKERS, work, |worker, (drill, subject)| {
        let prove = || Proof::make(drill.clone(), subject.clone(), &Worker(worker));
        let proof = if fresh { prove() } else { known::or_prove(drill, subject, prove) };
        // One that was stopped half-way proves nothing, and has no problem either.
        if interrupt::check().is_ok() {
            progress(&proof, done.fetch_add(1, Ordering::SeqCst) + 1, work.len());
        }
        proof
    });
    proofs.map_err(|error| {
        error.with(&format!("not finished: {} of {}", done.into_inner(), count(work.len(), "proof")))
    })
}

/// A line for each proof; on a terminal only those with problems stay.
fn progress(proof: &Proof, done: usize, all: usize) {
    let Proof { drill, subject, .. } = proof;
    let well = match () {
        () if !proof.problems.is_empty() => "PROBLEM",
        () if proof.known => "known",
        () => "ok",
    };
    let (kind, name) = (subject.kind(), subject.name());
    let line =
        format!("[{done:>3}/{all}] {} {kind} {name} {well} {:.1} s", drill.name, proof.took.as_secs_f64());
    let mut stderr = std::io::stderr().lock();
    let _ = match () {
        () if !stderr.is_terminal() => writeln!(stderr, "{line}"),
        () if proof.problems.is_empty() && done < all => write!(stderr, "\r\x1b[K{line:.79}"),
        () => writeln!(stderr, "\r\x1b[K{line}"),
    };
    // There is no table if it is stopped before the end.
    for problem in &proof.problems {
        let _ = writeln!(stderr, "    ! {problem}");
    }
    let _ = stderr.flush();
}
