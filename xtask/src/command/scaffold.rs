//! What several drills share, told once.
//!
//! Each drill is read and copied without the others, so what they share stands in each. One of the
//! copies is the original, in a solution; `xtask/scaffold.txt` says which.

use std::fs;
use std::path::{Path, PathBuf};

use lexopt::prelude::*;

use crate::command::Command as Entry;
use crate::drill::{Drill, Set};
use crate::error::{At as _, Error, Result};
use crate::{selection, workspace};

pub(crate) const COMMAND: Entry = Entry {
    name: "scaffold",
    summary: "copy what several drills share from its original",
    help: "\
usage: cargo xtask scaffold [--check]

  --check   only say which copies differ

What is the same in which drills stands in xtask/scaffold.txt. An exercise that
somebody works on is left alone.
",
    run,
};

/// A file that must be the same as another.
struct Copy {
    original: PathBuf,
    path: PathBuf,
}

fn run(mut arguments: lexopt::Parser) -> Result<u8> {
    let mut check = false;
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("check") => check = true,
            argument => return Err(argument.unexpected().into()),
        }
    }
    let mut different = 0;
    for Copy { original, path } in copies()? {
        let (original_path, path) = (workspace::root().join(&original), workspace::root().join(path));
        let wanted = fs::read(&original_path).at("read", &original_path)?;
        if fs::read(&path).is_ok_and(|is| is == wanted) {
            continue;
        }
        let shown = path.strip_prefix(workspace::root()).unwrap_or(&path).display();
        if is_at_work(&path)? {
            println!("{shown} is left alone: somebody works on it");
            continue;
        }
        different += 1;
        if check {
            println!("{shown} is not the same as {}: cargo xtask scaffold", original.display());
        } else {
            fs::write(&path, wanted).at("write", &path)?;
            println!("{shown} is now the same as {}", original.display());
        }
    }
    if different == 0 {
        println!("nothing to copy");
    }
    Ok(u8::from(check && different > 0))
}

/// Reads the table: a file, the drill whose solution has the original, where it is copied to.
fn copies() -> Result<Vec<Copy>> {
    let table = workspace::root().join("xtask/scaffold.txt");
    let text = fs::read_to_string(&table).at("read", &table)?;
    let mut copies = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let mut words = line.split_whitespace();
        let (Some(file), Some(first)) = (words.next(), words.next()) else {
            return Err(Error::new(format!("{}: `{line}` names no original", table.display())));
        };
        let original = drill(first)?.path(Set::Solutions).join("src").join(file);
        for word in words {
            let sets: &[Set] = if word.starts_with("exercises/") {
                &[Set::Exercises]
            } else {
                &[Set::Exercises, Set::Solutions]
            };
            let drill = drill(word.trim_start_matches("exercises/"))?;
            // The exercise comes before its stub: whether somebody works on it is seen by that.
            let folders = sets.iter().flat_map(|set| match set {
                Set::Exercises => vec![drill.path(*set), drill.stub()],
                Set::Solutions => vec![drill.path(*set)],
            });
            let paths = folders.map(|folder| folder.join("src").join(file));
            copies.extend(paths.map(|path| Copy { original: original.clone(), path }));
        }
    }
    Ok(copies)
}

fn drill(word: &str) -> Result<Drill> {
    let drills = selection::required(&[word.to_owned()], "scaffold")?;
    let [drill] = drills.try_into().map_err(|_| Error::new(format!("{word}: name one drill")))?;
    Ok(drill)
}

/// Whether a file of an exercise is no longer that of the stub: it is the learner's then.
fn is_at_work(path: &Path) -> Result<bool> {
    let exercises = workspace::root().join(Set::Exercises.folder());
    let Ok(below) = path.strip_prefix(&exercises) else { return Ok(false) };
    let (name, file) = below.to_str().and_then(|below| below.split_once('/')).unwrap_or_default();
    let stub = workspace::root().join(drill(name)?.stub()).join(file);
    Ok(fs::read(path).ok() != fs::read(stub).ok())
}
