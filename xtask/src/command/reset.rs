//! Back to the stub; the old work is kept.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use lexopt::prelude::*;

use crate::command::Command;
use crate::drill::{Drill, Set};
use crate::error::{At as _, Error, Result};
use crate::progress::{self, Progress};
use crate::{selection, workspace};

pub(crate) const COMMAND: Command = Command {
    name: "reset",
    summary: "back to the stub; your work is kept in a backup",
    help: "\
usage: cargo xtask reset SELECTION

Puts `src` and `Cargo.toml` back as they were before anybody worked on them: as
they are in `solutions/task-NN/stub`, whatever has been committed since. The
folder as it was is copied to .drain-drills/backups first, and the path is
printed.
",
    run,
};

fn run(mut arguments: lexopt::Parser) -> Result<u8> {
    let mut words = Vec::new();
    while let Some(argument) = arguments.next()? {
        match argument {
            Value(word) => words.push(word.string()?),
            argument => return Err(argument.unexpected().into()),
        }
    }
    for drill in selection::required(&words, "reset")? {
        let stub = workspace::root().join(drill.stub());
        if !stub.join("src").is_dir() {
            return Err(Error::new(format!("there is no stub of {} in {}", drill.name, stub.display())));
        }
        let backup = back_up(&drill)?;
        restore(&drill, &stub)?;
        let mut progress = Progress::load()?;
        progress.forget(&drill);
        progress.save()?;
        println!("{}: back to the stub", drill.path(Set::Exercises).display());
        println!("your work is in {}", backup.display());
    }
    Ok(0)
}

fn back_up(drill: &Drill) -> Result<PathBuf> {
    let seconds = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_secs());
    let folders = (0..)
        .map(|again| progress::folder().join("backups").join(format!("{}-{}", drill.name, seconds + again)));
    let backup =
        folders.into_iter().find(|folder| !folder.exists()).expect("one of infinitely many names is free");
    copy_folder(&workspace::root().join(drill.path(Set::Exercises)), &backup)?;
    Ok(backup)
}

fn restore(drill: &Drill, stub: &Path) -> Result<()> {
    let exercise = workspace::root().join(drill.path(Set::Exercises));
    // A file of the learner's own would stay: the backup has it.
    let source = exercise.join("src");
    if source.exists() {
        fs::remove_dir_all(&source).at("remove", &source)?;
    }
    copy_folder(stub, &exercise)
}

/// Copies a folder and everything in it.
pub(crate) fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).at("create", to)?;
    for entry in fs::read_dir(from).at("read", from)?.flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target).at("copy", &entry.path())?;
        }
    }
    Ok(())
}
