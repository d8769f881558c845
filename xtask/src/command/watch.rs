//! Judges a drill at each save.
//!
//! The check is a process of its own: a save ends it in its middle, with all that it has started, also where
//! what it judges hangs.

mod keys;
mod look;

use std::env;
use std::path::PathBuf;
use std::process::{Child, Command as Process, Stdio};
use std::time::{Duration, Instant};

use lexopt::prelude::*;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::command::Command;
use crate::command::watch::keys::{Key, Keys};
use crate::command::watch::look::Look;
use crate::drill::{self, Drill};
use crate::error::{Error, Result};
use crate::interrupt::{self, Group};
use crate::progress::Progress;
use crate::{selection, workspace};

/// How often the files are looked at: a save is seen after this long at most. It takes some microseconds, and it
/// works where a kernel tells nothing of what others write.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Who saves several files saves one soon after the other.
const QUIET: Duration = Duration::from_millis(60);
/// Then it is judged, whatever is still being written.
const PATIENCE: Duration = Duration::from_secs(1);

pub(crate) const COMMAND: Command = Command {
    name: "watch",
    summary: "judge a drill at each save",
    help: "\
usage: cargo xtask watch [SELECTION] [OPTIONS]

Judges one drill, and judges it again as soon as a file of it is saved; without
a selection the first that is not done. A save while it is being judged begins
anew, also if your code hangs.

  --fast          leave the load light and the race check out

On a terminal: enter judges again, h shows a hint, d your code beside the
solution, n goes to the next drill, l lists all, q ends it with exit code 0.
Ctrl-C ends it, too, with 130.

examples: cargo xtask watch
          cargo xtask watch 4 --fast
",
    run,
};

fn run(mut arguments: lexopt::Parser) -> Result<u8> {
    let (mut words, mut options) = (Vec::new(), Vec::new());
    while let Some(argument) = arguments.next()? {
        match argument {
            Value(word) => words.push(word.string()?),
            Long("fast") => options.push("--fast"),
            argument => return Err(argument.unexpected().into()),
        }
    }
    let Some(mut drill) = choose(&words)? else {
        println!("{}", Progress::load()?.next_of(&drill::all()?));
        return Ok(0);
    };
    let runner = env::current_exe().map_err(|error| Error::new(format!("where is the runner? {error}")))?;
    let mut keys = Keys::of_the_terminal();
    while let Some(next) = (Watch { drill: &drill, runner: &runner, options: &options }).run(&mut keys)? {
        drill = next;
    }
    Ok(0)
}

/// None if all are done.
fn choose(words: &[String]) -> Result<Option<Drill>> {
    let drills = drill::all()?;
    if words.is_empty() {
        return first_not_done(drills);
    }
    let chosen = selection::select(words, &drills)?;
    let [drill] = chosen.try_into().map_err(|_| Error::new("one drill is watched at a time"))?;
    Ok(Some(drill))
}

fn first_not_done(drills: Vec<Drill>) -> Result<Option<Drill>> {
    let progress = Progress::load()?;
    Ok(drills.into_iter().find(|drill| !progress.is_done(drill)))
}

struct Watch<'a> {
    drill: &'a Drill,
    runner: &'a PathBuf,
    options: &'a [&'a str],
}

impl Watch<'_> {
    /// Until the learner goes on to another drill, or ends it.
    fn run(&self, keys: &mut Keys) -> Result<Option<Drill>> {
        let mut look = Look::at(workspace::root().join(self.drill.path(drill::Set::Exercises)));
        let mut check = Some(self.check()?);
        loop {
            let key = keys.pressed_within(LOOK_EVERY);
            interrupt::check()?;
            if let Some(path) = look.changed(check.is_some()) {
                let stopped = if check.is_some() { ", what was being judged is stopped" } else { "" };
                println!("\n-- {} saved{stopped}", path.display());
                // What it says of the older files is of no use to anybody.
                drop(check.take());
                settle(&mut look)?;
                check = Some(self.check()?);
            }
            if check.as_mut().is_some_and(|check| check.is_over()) {
                check = None;
                println!("\n-- waiting for a save{}", keys.help());
            }
            match key {
                None => {}
                Some(Key::Quit) => return Ok(None),
                Some(Key::Again) => {
                    drop(check.take());
                    check = Some(self.check()?);
                }
                Some(Key::Next) => match self.next()? {
                    Some(next) => return Ok(Some(next)),
                    None => println!("\n-- all others are done"),
                },
                Some(Key::Hint) => self.show(&["hint", &self.drill.name])?,
                Some(Key::Diff) => self.show(&["diff", &self.drill.name])?,
                Some(Key::List) => self.show(&["list"])?,
            }
        }
    }

    fn check(&self) -> Result<Running> {
        println!("\n-- {}", self.drill);
        self.start(&[&["check", &self.drill.name], self.options].concat())
    }

    /// Runs another command of the runner to its end.
    fn show(&self, arguments: &[&str]) -> Result<()> {
        println!();
        let mut running = self.start(arguments)?;
        while !running.is_over() {
            interrupt::check()?;
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    fn start(&self, arguments: &[&str]) -> Result<Running> {
        let mut command = Process::new(self.runner);
        command.args(arguments).stdin(Stdio::null());
        let (child, group) = interrupt::spawn(&mut command)?;
        Ok(Running { child, _group: group })
    }

    /// The next one that is not done, after the last one the first.
    fn next(&self) -> Result<Option<Drill>> {
        let (before, after): (Vec<_>, Vec<_>) =
            drill::all()?.into_iter().partition(|drill| drill.number <= self.drill.number);
        let others = after.into_iter().chain(before).filter(|drill| drill.name != self.drill.name);
        first_not_done(others.collect())
    }
}

/// Waits until nothing is saved any more.
fn settle(look: &mut Look) -> Result<()> {
    let began = Instant::now();
    let mut last = began;
    while last.elapsed() < QUIET && began.elapsed() < PATIENCE {
        std::thread::sleep(LOOK_EVERY);
        interrupt::check()?;
        if look.changed(false).is_some() {
            last = Instant::now();
        }
    }
    Ok(())
}

/// The runner, at work. When this is dropped, it is stopped, and all that it has started.
struct Running {
    child: Child,
    _group: Group,
}

impl Running {
    fn is_over(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.is_over() {
            // It stops what it has started, and then itself.
            let _ = kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGTERM);
            let _ = self.child.wait();
        }
    }
}
