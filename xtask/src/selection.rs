//! The words that name drills: `2`, `task-02`, `exercises/task-02`, `1-3`, `beginner`, `all`.

use std::path::{Component, Path};

use crate::drill::{self, Drill, Set};
use crate::error::{Error, Result};
use crate::workspace;

/// The drills that these words name, or all if there are none.
pub(crate) fn or_all(words: &[String]) -> Result<Vec<Drill>> {
    let drills = drill::all()?;
    if words.is_empty() { Ok(drills) } else { select(words, &drills) }
}

/// The drills that these words name; a command that changes or shows something wants at least one.
pub(crate) fn required(words: &[String], command: &str) -> Result<Vec<Drill>> {
    if words.is_empty() {
        return Err(Error::new(format!("which drill? For instance: cargo xtask {command} 1")));
    }
    select(words, &drill::all()?)
}

/// The drills that these words name.
pub(crate) fn select(words: &[String], drills: &[Drill]) -> Result<Vec<Drill>> {
    let mut chosen: Vec<Drill> = Vec::new();
    for word in words {
        let named = matching(word, drills)?;
        chosen.extend(named.into_iter().filter(|drill| !chosen.contains(drill)).collect::<Vec<_>>());
    }
    Ok(chosen)
}

fn matching(word: &str, drills: &[Drill]) -> Result<Vec<Drill>> {
    let wanted = match in_folder(word)? {
        Some(name) => name,
        None => word.to_lowercase(),
    };
    let range = wanted.split_once('-').and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
    if let Some((from, to)) = range {
        return between(from, to, word, drills);
    }
    let is_meant = |drill: &&Drill| {
        wanted == "all"
            || wanted == drill.level
            || wanted == drill.name
            || wanted.parse() == Ok(drill.number)
            || drill::number(&wanted) == Some(drill.number)
    };
    let matches: Vec<Drill> = drills.iter().filter(is_meant).cloned().collect();
    if matches.is_empty() { Err(unknown(word, drills)) } else { Ok(matches) }
}

/// Both ends must be there: who asks for 1-99 has something else in mind.
fn between(from: u32, to: u32, word: &str, drills: &[Drill]) -> Result<Vec<Drill>> {
    if from > to {
        return Err(Error::new(format!("`{word}` runs backwards: write {to}-{from}")));
    }
    if let Some(end) = [from, to].into_iter().find(|end| drills.iter().all(|drill| drill.number != *end)) {
        return Err(Error::new(format!("`{word}`: there is no drill {end}; there are {}", numbers(drills))));
    }
    Ok(drills.iter().filter(|drill| (from..=to).contains(&drill.number)).cloned().collect())
}

/// The drill's name, if this is a path into its exercise.
fn in_folder(word: &str) -> Result<Option<String>> {
    let path = Path::new(word);
    let is_path = word.contains('/') || path.is_dir();
    let Some(path) = path.canonicalize().ok().filter(|_| is_path) else { return Ok(None) };
    let root = workspace::root().canonicalize().unwrap_or_else(|_| workspace::root());
    let mut parts = path.strip_prefix(root).into_iter().flat_map(Path::components).map(Component::as_os_str);
    let (set, name) = (parts.next(), parts.next().and_then(|name| name.to_str()));
    match (set, name) {
        (Some(set), Some(name)) if set == Set::Exercises.folder() => Ok(Some(name.to_owned())),
        (Some(set), Some(name)) if set == Set::Solutions.folder() => Err(Error::new(format!(
            "{word} lies in the solution of {name}: name the drill, and `check` takes `--set solutions`"
        ))),
        _ => Err(Error::new(format!(
            "{word} lies in no exercise of this project; `check --path {word}` judges what lies elsewhere"
        ))),
    }
}

fn unknown(word: &str, drills: &[Drill]) -> Error {
    let names = drills.iter().map(|drill| drill.name.as_str());
    let levels = drills.iter().map(|drill| drill.level.as_str());
    // One number is as like another as any.
    let nearest = match word.parse::<u32>() {
        Ok(_) => None,
        Err(_) => nearest(word, names.chain(levels).chain(["all"])),
    };
    let meant = nearest.map_or(String::new(), |name| format!("; did you mean `{name}`? "));
    let there_are = format!("There are {}; `cargo xtask list` shows them", numbers(drills));
    Error::new(format!(
        "no drill is called `{word}`{}{there_are}",
        if meant.is_empty() { ". " } else { &meant }
    ))
}

/// `1-14, 16 and capstone`.
fn numbers(drills: &[Drill]) -> String {
    let mut runs: Vec<(&Drill, &Drill)> = Vec::new();
    for drill in drills {
        match runs.last_mut() {
            Some((_, last)) if last.number + 1 == drill.number && drill.number != drill::CAPSTONE => {
                *last = drill
            }
            _ => runs.push((drill, drill)),
        }
    }
    let run = |(first, last): (&Drill, &Drill)| match first == last {
        true => first.selection(),
        false => format!("{}-{}", first.selection(), last.selection()),
    };
    match runs.into_iter().map(run).collect::<Vec<_>>().as_slice() {
        [] => "none".to_owned(),
        [only] => only.clone(),
        [others @ .., last] => format!("{} and {last}", others.join(", ")),
    }
}

/// The known word that is most like this one, if one is like it at all.
pub(crate) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let scored = known.map(|name| (distance(word, name), name));
    scored.filter(|(distance, name)| *distance <= name.len() / 2).min().map(|(_, name)| name)
}

/// How many letters must be changed, added or removed to make `a` into `b`.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, other) in b.iter().enumerate() {
            let change = diagonal + usize::from(letter != *other);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill::CAPSTONE;

    fn drills() -> Vec<Drill> {
        let drill = |number: u32, level: &str| Drill {
            name: if number == CAPSTONE { "capstone".to_owned() } else { format!("task-{number:02}") },
            number,
            title: String::new(),
            level: level.to_owned(),
            time_box: String::new(),
        };
        vec![
            drill(1, "beginner"),
            drill(2, "beginner"),
            drill(6, "intermediate"),
            drill(CAPSTONE, "capstone"),
        ]
    }

    fn names(words: &[&str]) -> Vec<String> {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        select(&words, &drills()).unwrap().into_iter().map(|drill| drill.name).collect()
    }

    #[test]
    fn a_drill_has_several_names() {
        for word in ["task-02", "2", "02", "TASK-02", "task-2"] {
            assert_eq!(names(&[word]), ["task-02"], "{word}");
        }
    }

    #[test]
    fn ranges_levels_and_all() {
        assert_eq!(names(&["1-6"]), ["task-01", "task-02", "task-06"]);
        assert_eq!(names(&["beginner"]), ["task-01", "task-02"]);
        assert_eq!(names(&["all"]).len(), 4);
        assert_eq!(names(&["capstone", "2", "1-2"]), ["capstone", "task-02", "task-01"]);
    }

    #[test]
    fn an_unknown_name_gets_the_nearest() {
        let error = select(&["taks-02".to_owned()], &drills()).unwrap_err().to_string();
        assert!(error.contains("did you mean `task-02`?"), "{error}");
        let error = select(&["begginer".to_owned()], &drills()).unwrap_err().to_string();
        assert!(error.contains("`beginner`"), "{error}");
        let error = select(&["42".to_owned()], &drills()).unwrap_err().to_string();
        assert!(error.contains("There are 1-2, 6 and capstone"), "{error}");
    }

    #[test]
    fn a_range_has_two_ends_that_are_there() {
        for (range, said) in [("1-99", "no drill 99"), ("3-6", "no drill 3"), ("6-1", "write 1-6")] {
            let error = select(&[range.to_owned()], &drills()).unwrap_err().to_string();
            assert!(error.contains(said), "{range}: {error}");
        }
    }

    #[test]
    fn a_path_names_the_exercise_that_it_lies_in() {
        let root = workspace::root();
        let path = |path: &str| root.join(path).display().to_string();
        assert_eq!(names(&[&path("exercises/task-02")]), ["task-02"]);
        assert_eq!(names(&[&path("exercises/task-02/src/lib.rs")]), ["task-02"]);
        for (wrong, said) in [("solutions/task-02", "--set solutions"), ("docs", "--path")] {
            let error = select(&[path(wrong)], &drills()).unwrap_err().to_string();
            assert!(error.contains(said), "{wrong}: {error}");
        }
    }
}
