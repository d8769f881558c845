//! Bugs that survive a change of the solution.
//!
//! A patch was made for some commit. What has happened to the solution since then and what the bug does
//! are two changes of the same files, so they are merged, as git merges branches.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::git;
use super::working_copy::WorkingCopy;
use crate::drill::{Drill, Set};
use crate::error::{At as _, Error, Result};
use crate::patch::{self, Files, Fit, Patch};
use crate::specimen;
use crate::{typeset, workspace};

/// What became of the bug.
enum Renewed {
    Unchanged,
    ByItself,
    /// Why somebody has to decide.
    ByHand(String),
}

/// A bug, put into the solution as it is now.
enum Mended {
    /// It fits as it is.
    Fits(Files),
    Merged(Files),
    /// Which files have places where both have changed the same lines, and what is known of them.
    Undecided(String, Files),
}

/// Renews these bugs, says what became of each, and returns the exit code.
pub(super) fn renew(drill: &Drill, bugs: &[String]) -> Result<u8> {
    let mut counts = [0; 3];
    for bug in bugs {
        let (word, why, count) = match renew_one(drill, bug)? {
            Renewed::Unchanged => ("unchanged", String::new(), 0),
            Renewed::ByItself => ("renewed", String::new(), 1),
            Renewed::ByHand(why) => ("NEEDS A HAND", why, 2),
        };
        counts[count] += 1;
        println!("  {word:<12}  {bug}");
        for line in typeset::wrap(&why, 62).iter().filter(|line| !line.is_empty()) {
            println!("                  {line}");
        }
    }
    let [unchanged, renewed, by_hand] = counts;
    println!(
        "\n{}: {unchanged} unchanged, {renewed} renewed, {by_hand} {} a hand",
        drill.name,
        if by_hand == 1 { "needs" } else { "need" }
    );
    let number = drill.selection();
    if by_hand > 0 {
        println!("Mend one: cargo xtask zoo {number} --edit NAME, then --save NAME");
    }
    if renewed > 0 {
        println!("See that they are still caught: cargo xtask verify {number}");
    }
    Ok(u8::from(by_hand > 0))
}

fn renew_one(drill: &Drill, bug: &str) -> Result<Renewed> {
    let copy = WorkingCopy::of(drill, bug);
    if copy.exists() {
        let folder = copy.bug();
        return Ok(Renewed::ByHand(format!(
            "somebody is at work on it: save it, or remove {} to begin anew",
            shown(&folder)
        )));
    }
    let path = specimen::zoo(drill).join(format!("{bug}.patch"));
    let kept = fs::read_to_string(&path).at("read", &path)?;
    let old = specimen::read_patch(&path)?;
    let solution = solution(drill)?;
    let changed = match mend(drill, &path, &old, &solution)? {
        Mended::Fits(_) if kept == old.to_string() => return Ok(Renewed::Unchanged),
        Mended::Fits(changed) | Mended::Merged(changed) => changed,
        Mended::Undecided(why, changed) => {
            copy.write(&solution, &changed)?;
            return Ok(Renewed::ByHand(why));
        }
    };
    match patch_of(&old.header, &solution, &changed)? {
        Some(patch) => keep(&path, &patch).map(|()| Renewed::ByItself),
        None => Ok(Renewed::ByHand("it changes nothing any more: what it changed is gone".to_owned())),
    }
}

/// Lays out a working copy of the solution with this bug in it, and says where.
pub(super) fn edit(drill: &Drill, bug: &str) -> Result<u8> {
    let copy = WorkingCopy::of(drill, bug);
    let path = path_of(drill, bug)?;
    let mut what = "the bug is in it".to_owned();
    if copy.exists() {
        what = "as you left it".to_owned();
    } else {
        let solution = solution(drill)?;
        let changed = if path.exists() {
            match mend(drill, &path, &specimen::read_patch(&path)?, &solution)? {
                Mended::Fits(changed) | Mended::Merged(changed) => changed,
                Mended::Undecided(why, changed) => {
                    what = why;
                    changed
                }
            }
        } else {
            what = "a new one: put the bug in".to_owned();
            Files::new()
        };
        copy.write(&solution, &changed)?;
    }
    println!("{}\n", shown(&copy.bug()));
    typeset::wrap(&what, 76).iter().for_each(|line| println!("{line}"));
    if copy.read()?.1.values().any(|text| git::is_undecided(text)) {
        println!("Decide between <<<<<<< and >>>>>>>.");
    }
    println!("Then: cargo xtask zoo {} --save {bug}", drill.selection());
    Ok(0)
}

/// Turns a working copy into the patch of this bug.
pub(super) fn save(drill: &Drill, bug: &str) -> Result<u8> {
    let copy = WorkingCopy::of(drill, bug);
    let number = drill.selection();
    if !copy.exists() {
        return Err(Error::new(format!(
            "there is no working copy of `{bug}`: make one with `cargo xtask zoo {number} --edit {bug}`"
        )));
    }
    let (made_from, mut changed) = copy.read()?;
    let undecided = |changed: &Files| {
        let place = changed.iter().find(|(_, text)| git::is_undecided(text));
        place.map_or(Ok(()), |(path, _)| {
            let path = copy.bug().join(path);
            Err(Error::new(format!("decide between <<<<<<< and >>>>>>> first, in {}", shown(&path))))
        })
    };
    undecided(&changed)?;
    let solution = solution(drill)?;
    if solution != made_from {
        // What has happened to the solution meanwhile is not part of the bug.
        changed = merge(&solution, &made_from, &changed)?.0;
        copy.write(&solution, &changed)?;
        undecided(&changed)?;
    }
    let path = path_of(drill, bug)?;
    let known = path.exists().then(|| specimen::read_patch(&path)).transpose()?;
    let header = known.as_ref().map_or("bug:\ncaught-by:\nseen-in:\ncosts:", |patch| patch.header.as_str());
    let Some(patch) = patch_of(header, &solution, &changed)? else {
        return Err(Error::new(format!(
            "{} is the same as the solution: where is the bug?",
            shown(&copy.bug())
        )));
    };
    keep(&path, &patch)?;
    copy.remove()?;
    println!("saved in {}", shown(&path));
    if known.is_none() {
        println!("Fill in its header: the book's page on the zoo says what belongs there.");
    }
    println!("See it caught: cargo xtask zoo {number} {bug}");
    Ok(0)
}

/// Where the patch of a bug is kept.
fn path_of(drill: &Drill, bug: &str) -> Result<std::path::PathBuf> {
    let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    if bug.is_empty() || !bug.chars().all(plain) {
        return Err(Error::new(format!("`{bug}` is no name for a bug: write it like `no-deadline`")));
    }
    Ok(specimen::zoo(drill).join(format!("{bug}.patch")))
}

fn solution(drill: &Drill) -> Result<Files> {
    patch::files(&workspace::root().join(drill.path(Set::Solutions)))
}

fn mend(drill: &Drill, path: &Path, patch: &Patch, solution: &Files) -> Result<Mended> {
    let here = match patch.apply(solution) {
        Ok((changed, Fit::Exact)) => return Ok(Mended::Fits(changed)),
        here => here,
    };
    let Some((before, bug)) = made_for(drill, path, patch)? else {
        return Ok(match here {
            Ok((changed, _)) => Mended::Fits(changed),
            Err(why) => {
                let why = format!(
                    "{why}; and no commit is known for which it was made. The patch is in {}",
                    shown(path)
                );
                Mended::Undecided(why, Files::new())
            }
        });
    };
    match merge(solution, &before, &bug)? {
        // Its lines have only moved.
        (merged, None) if here.is_ok_and(|(changed, _)| changed == merged) => Ok(Mended::Fits(merged)),
        (merged, None) => Ok(Mended::Merged(merged)),
        (merged, Some(why)) => Ok(Mended::Undecided(why, merged)),
    }
}

/// The files that a patch was made for, and what it makes of them: in the newest commit that it fits,
/// where possible exactly.
fn made_for(drill: &Drill, path: &Path, patch: &Patch) -> Result<Option<(Files, Files)>> {
    let package = drill.path(Set::Solutions);
    let mut moved = None;
    for commit in git::history(&[&package.join("src"), path])? {
        let mut before = Files::new();
        for path in patch.paths() {
            before.extend(git::file(&commit, &package, path)?.map(|text| (path.to_owned(), text)));
        }
        match patch.apply(&before) {
            Ok((bug, Fit::Exact)) => return Ok(Some((before, bug))),
            Ok((bug, Fit::Moved)) => moved = moved.or(Some((before, bug))),
            Err(_) => {}
        }
    }
    Ok(moved)
}

/// Each file with both changes in it; and why somebody has to decide, if so.
fn merge(solution: &Files, before: &Files, bug: &Files) -> Result<(Files, Option<String>)> {
    let (mut merged, mut odd) = (BTreeMap::new(), Vec::new());
    for (path, changed) in bug {
        let before = before.get(path).map_or("", String::as_str);
        let Some(now) = solution.get(path) else {
            odd.push(format!("the solution has no {path} any more"));
            continue;
        };
        let (text, contradict) = git::merge(now, before, changed)?;
        if contradict {
            odd.push(format!("the solution and the bug have changed the same lines of {path}"));
        }
        merged.insert(path.clone(), text);
    }
    Ok((merged, (!odd.is_empty()).then(|| odd.join("; "))))
}

/// The patch that makes of the solution what was wanted; none if that is the solution itself.
fn patch_of(header: &str, solution: &Files, changed: &Files) -> Result<Option<Patch>> {
    let patch = git::difference(header, solution, changed, 3)?;
    if patch.paths().next().is_none() {
        return Ok(None);
    }
    match patch.apply(solution) {
        Ok((patched, Fit::Exact)) if patched.iter().all(|(path, text)| changed.get(path) == Some(text)) => {
            Ok(Some(patch))
        }
        _ => Err(Error::new("the patch does not make what it was made from: end each file with a new line")),
    }
}

/// At once or not at all: a patch that is half written would be lost.
fn keep(path: &Path, patch: &Patch) -> Result<()> {
    let folder = path.parent().expect("a patch lies in a zoo");
    fs::create_dir_all(folder).at("create", folder)?;
    let new = path.with_extension("new");
    fs::write(&new, patch.to_string()).at("write", &new)?;
    fs::rename(&new, path).at("write", path)
}

/// A path as it is typed in the root.
fn shown(path: &Path) -> String {
    path.strip_prefix(workspace::root()).unwrap_or(path).display().to_string()
}
