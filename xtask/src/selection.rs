//! The words that name drills: `2`, `task-02`, `1-3`, `beginner`, `all`.

use crate::drill::{self, Drill};
use crate::error::{Error, Result};

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

/// The drills that these words name: `task-02`, `2`, `02`, `1-3`, `beginner`, `all`.
pub(crate) fn select(words: &[String], drills: &[Drill]) -> Result<Vec<Drill>> {
    let mut chosen: Vec<Drill> = Vec::new();
    for word in words {
        let named = matching(word, drills)?;
        chosen.extend(named.into_iter().filter(|drill| !chosen.contains(drill)).collect::<Vec<_>>());
    }
    Ok(chosen)
}

fn matching(word: &str, drills: &[Drill]) -> Result<Vec<Drill>> {
    let wanted = word.to_lowercase();
    let range = wanted.split_once('-').and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
    let matches: Vec<Drill> = drills
        .iter()
        .filter(|drill| match range {
            Some((from, to)) => (from..=to).contains(&drill.number),
            None => {
                wanted == "all"
                    || wanted == drill.level
                    || wanted == drill.name
                    || wanted.parse() == Ok(drill.number)
                    || drill::number(&wanted) == Some(drill.number)
            }
        })
        .cloned()
        .collect();
    if matches.is_empty() { Err(unknown(word, drills)) } else { Ok(matches) }
}

fn unknown(word: &str, drills: &[Drill]) -> Error {
    let names = drills.iter().map(|drill| drill.name.as_str());
    let levels = drills.iter().map(|drill| drill.level.as_str());
    let nearest = nearest(word, names.chain(levels).chain(["all"]));
    let meant = nearest.map_or(String::new(), |name| format!("; did you mean `{name}`?"));
    let known = match drills {
        [first, .., last] => format!("{} to {}", first.name, last.name),
        [only] => only.name.clone(),
        [] => "none".to_owned(),
    };
    Error::new(
        format!("no drill is called `{word}`{meant} There are {known}; `cargo xtask list` shows them")
            .replace("` There", "`. There"),
    )
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
        assert!(error.contains("task-01 to capstone"), "{error}");
    }
}
