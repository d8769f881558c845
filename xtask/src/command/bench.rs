//! The time from save to verdict, and from clone to first verdict.
//!
//! Pairs are interleaved in one run, so that a busy machine disturbs both sides alike; what counts is
//! their ratio.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use lexopt::prelude::*;

use crate::command::{Command as Entry, at_least_one};
use crate::drill::{Drill, Set};
use crate::error::{At as _, Error, Result};
use crate::workspace::{self, Workspace};
use crate::{environment, interrupt, selection, typeset};

pub(crate) const COMMAND: Entry = Entry {
    name: "bench",
    summary: "how long a verdict takes, beside bare `cargo test`",
    help: "\
usage: cargo xtask bench feedback [SELECTION...] [--pairs N]
       cargo xtask bench cold

feedback   save to verdict through the runner, beside bare `cargo test` of the
           same criteria; pairs (default 11) are interleaved
cold       clone to first verdict in an empty folder: download, build, judge
",
    run,
};

fn run(mut arguments: lexopt::Parser) -> Result<u8> {
    let (mut words, mut pairs) = (Vec::new(), 11);
    while let Some(argument) = arguments.next()? {
        match argument {
            Value(word) => words.push(word.string()?),
            Long("pairs") => pairs = at_least_one("--pairs", &mut arguments)?,
            argument => return Err(argument.unexpected().into()),
        }
    }
    match words.as_slice() {
        [kind, rest @ ..] if kind == "feedback" => feedback(rest, pairs),
        [kind] if kind == "cold" => cold(),
        _ => Err(Error::new("`bench` measures `feedback [SELECTION]` or `cold`")),
    }
}

/// Save to verdict through the runner, over bare `cargo test`, for the lights that are fast.
fn feedback(words: &[String], pairs: usize) -> Result<u8> {
    let chosen = selection::or_all(words)?;
    println!("drill       bare cargo test   check   ratio (median of {pairs} pairs, smallest to largest)");
    for drill in &chosen {
        let (mut bare, mut checked, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for pair in 0..=pairs {
            let times = [pair % 2 == 0, pair % 2 != 0].map(|runner| (runner, timed(drill, runner)));
            interrupt::check()?;
            if pair == 0 {
                continue; // Warms both up.
            }
            for (runner, time) in times {
                if runner { checked.push(time?) } else { bare.push(time?) }
            }
            ratios.push(checked[pair - 1].as_secs_f64() / bare[pair - 1].as_secs_f64());
        }
        ratios.sort_by(f64::total_cmp);
        println!(
            "{:<9} {:>17} {:>7}   {:.2} ({:.2} to {:.2})",
            drill.name,
            typeset::time(median(&mut bare)),
            typeset::time(median(&mut checked)),
            ratios[pairs / 2],
            ratios[0],
            ratios[pairs - 1]
        );
    }
    Ok(0)
}

fn timed(drill: &Drill, runner: bool) -> Result<Duration> {
    touch(drill)?;
    let mut cargo = workspace::cargo(&Workspace::main());
    if runner {
        cargo.args(["xtask", "check", &drill.name, "--set", "solutions", "--fast"]);
    } else {
        cargo.args([
            "test",
            "--package",
            &drill.package(Set::Solutions),
            "--test",
            "acceptance",
            "--",
            "--skip",
            "load::",
        ]);
    }
    let started = Instant::now();
    let (mut child, _group) =
        interrupt::spawn(cargo.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()))?;
    let status = child.wait().map_err(|error| Error::new(error.to_string()))?;
    let took = started.elapsed();
    // 3: the load light was not run.
    if status.success() || (runner && status.code() == Some(3)) {
        return Ok(took);
    }
    Err(Error::new(format!("{}: not green, so there is nothing to time", drill.name)))
}

/// What an editor does when a file is saved.
fn touch(drill: &Drill) -> Result<()> {
    let source = workspace::root().join(drill.path(Set::Solutions)).join("src");
    let path = ["lib.rs", "main.rs"].map(|file| source.join(file)).into_iter().find(|path| path.exists());
    let path =
        path.ok_or_else(|| Error::new(format!("{} has no lib.rs and no main.rs", source.display())))?;
    let file = fs::OpenOptions::new().append(true).open(&path).at("open", &path)?;
    file.set_modified(SystemTime::now()).at("touch", &path)
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Clone to first verdict: download, build, judge, with nothing there before.
fn cold() -> Result<u8> {
    let folder = std::env::temp_dir().join(format!("drain-drills-cold-{}", std::process::id()));
    let result = cold_in(&folder);
    let _ = fs::remove_dir_all(&folder);
    result
}

fn cold_in(folder: &Path) -> Result<u8> {
    let clone = folder.join("clone");
    fs::create_dir_all(folder).at("create", folder)?;
    let root = workspace::root();
    let steps: [(&str, PathBuf, Vec<&str>); 5] = [
        ("clone", root.clone(), vec!["git", "clone", "--quiet", ".", clone.to_str().unwrap_or_default()]),
        ("download", clone.clone(), vec!["cargo", "fetch", "--locked", "--quiet"]),
        ("build the runner", clone.clone(), vec!["cargo", "build", "--quiet", "--package", "xtask"]),
        (
            "build task-01",
            clone.clone(),
            vec![
                "cargo",
                "test",
                "--quiet",
                "--no-run",
                "--package",
                "task-01-solution",
                "--test",
                "acceptance",
            ],
        ),
        ("judge", clone.clone(), vec!["cargo", "xtask", "check", "task-01", "--set", "solutions"]),
    ];
    let started = Instant::now();
    for (name, place, words) in steps {
        print!("{name:<18}");
        let _ = std::io::stdout().flush();
        let began = Instant::now();
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .current_dir(place)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        environment::for_cargo(&mut command);
        command
            .env("CARGO_HOME", folder.join("cargo-home"))
            .env_remove("CARGO_TARGET_DIR")
            .env_remove("CARGO");
        let (mut child, _group) = interrupt::spawn(&mut command)?;
        let status = child.wait().map_err(|error| Error::new(error.to_string()))?;
        interrupt::check()?;
        println!("{:>9}", typeset::time(began.elapsed()));
        if !status.success() {
            return Err(Error::new(format!("`{}` failed in a fresh clone", words.join(" "))));
        }
    }
    println!("{:<18}{:>9}", "in all", typeset::time(started.elapsed()));
    Ok(0)
}
