//! Back to the stub; the old work is kept.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use lexopt::prelude::*;

use crate::command::Command as Entry;
use crate::drill::{Drill, Set};
use crate::error::{At as _, Error, Result};
use crate::progress::{self, Progress};
use crate::{selection, workspace};

pub(crate) const COMMAND: Entry = Entry {
    name: "reset",
    summary: "back to the stub; your work is kept in a backup",
    help: "\
usage: cargo xtask reset SELECTION [--from REVISION]

  --from REVISION   where the stub is taken from; without it origin's main line,
                    or else the last commit

The folder as it was is copied to .drain-drills/backups first, and the path is
printed.
",
    run,
};

fn run(mut arguments: lexopt::Parser) -> Result<u8> {
    let (mut words, mut from) = (Vec::new(), None);
    while let Some(argument) = arguments.next()? {
        match argument {
            Value(word) => words.push(word.string()?),
            Long("from") => from = Some(arguments.value()?.string()?),
            argument => return Err(argument.unexpected().into()),
        }
    }
    for drill in selection::required(&words, "reset")? {
        let revision = revision(&drill, from.as_deref())?;
        let backup = back_up(&drill)?;
        restore(&drill, &revision)?;
        let mut progress = Progress::load()?;
        progress.forget(&drill);
        progress.save()?;
        println!("{}: back to the stub of {revision}", drill.path(Set::Exercises).display());
        println!("your work is in {}", backup.display());
    }
    Ok(0)
}

/// Where the stub is: what was asked for, or else origin's main line, or else the last commit. A
/// revision in which nothing is left `todo!` is somebody's work and not the stub.
fn revision(drill: &Drill, from: Option<&str>) -> Result<String> {
    let source = drill.path(Set::Exercises).join("src");
    let has_stub = |revision: &str| {
        let mut git = git();
        git.args(["grep", "--quiet", "todo!", revision, "--"]).arg(&source).stdout(Stdio::null());
        git.status().is_ok_and(|status| status.success())
    };
    match from {
        Some(revision) if exists(drill, revision) => Ok(revision.to_owned()),
        Some(revision) => Err(Error::new(format!("there is no {} in revision {revision}", source.display()))),
        None => ["origin/HEAD", "origin/main", "HEAD"]
            .into_iter()
            .find(|revision| has_stub(revision))
            .map(str::to_owned)
            .ok_or_else(|| {
                Error::new(format!(
                    "no stub of {} in the last commit; name the revision that has it: --from REVISION",
                    drill.name
                ))
            }),
    }
}

fn exists(drill: &Drill, revision: &str) -> bool {
    let path = format!("{revision}:{}/src", drill.path(Set::Exercises).display());
    git().args(["cat-file", "-e", &path]).status().is_ok_and(|status| status.success())
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

fn restore(drill: &Drill, revision: &str) -> Result<()> {
    let path = drill.path(Set::Exercises);
    // What git does not know would stay: the backup has it.
    let source = workspace::root().join(&path).join("src");
    if source.exists() {
        fs::remove_dir_all(&source).at("remove", &source)?;
    }
    let output = git().args(["restore", "--worktree", "--source", revision, "--"]).arg(&path).output();
    let output = output.map_err(|error| Error::new(format!("cannot run git: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    Err(Error::new(format!(
        "git could not restore {}: {}",
        path.display(),
        String::from_utf8_lossy(&output.stderr).trim()
    )))
}

fn git() -> Command {
    let mut git = Command::new("git");
    git.current_dir(workspace::root()).stdin(Stdio::null()).stderr(Stdio::null());
    git
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
