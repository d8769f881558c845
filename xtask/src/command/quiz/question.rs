//! Questions made from a zoo. The same seed asks the same.

use std::hash::{DefaultHasher, Hash, Hasher as _};

use drain_criteria::Criterion;

use crate::specimen::Specimen;

/// An answer that is right and, where the zoo has as many, three that are wrong.
const CHOICES: usize = 4;

/// What somebody is shown, and asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// What was changed: which bug is it?
    Change,
    /// What it costs: which bug is it?
    Costs,
    /// What came of it: which bug is it?
    Verdict,
    /// A bug and its change: which criterion sees it?
    Criterion,
}

pub(super) struct Question {
    pub(super) bug: Specimen,
    pub(super) kind: Kind,
    pub(super) choices: Vec<String>,
    /// Which of them it is.
    pub(super) right: usize,
}

/// What a drill has to ask about.
pub(super) struct Zoo {
    pub(super) bugs: Vec<Specimen>,
    pub(super) criteria: Vec<Criterion>,
}

impl Zoo {
    /// So many bugs, those that are not known yet first.
    pub(super) fn bugs(&self, number: usize, seed: u64, known: &[String]) -> Vec<&Specimen> {
        let mut bugs = shuffled(self.bugs.iter(), seed, |bug| &bug.name);
        bugs.sort_by_key(|bug| known.contains(&bug.name));
        bugs.truncate(number);
        bugs
    }

    /// About this bug; with the criteria that a verdict on it has seen hold, if it was judged. A header names only some of
    /// those that do not.
    pub(super) fn question(&self, bug: &Specimen, kind: Kind, green: &[String], seed: u64) -> Question {
        let is_green = |test: &str| green.iter().any(|other| other == test);
        let (right, wrong) = match kind {
            Kind::Change => (what(bug), self.others(|_| true)),
            Kind::Costs => (
                what(bug),
                self.others(|other| other.fact("costs") != bug.fact("costs") && !shares(bug, other)),
            ),
            // With another bug something would be red that is green.
            Kind::Verdict => (what(bug), self.others(|other| other.caught_by().into_iter().any(is_green))),
            Kind::Criterion => {
                let green = self.criteria.iter().filter(|criterion| is_green(&criterion.path()));
                let right = self.sentences(bug).into_iter().next().unwrap_or_default();
                (right, green.map(|criterion| criterion.sentence.clone()).collect())
            }
        };
        // Neither kind of answer may be wrong in other words.
        let wrong = wrong.into_iter().filter(|other| *other != right);
        let seed = hash(&(seed, &bug.name));
        let wrong = shuffled(wrong, seed, |text| text).into_iter().take(CHOICES - 1);
        let choices = shuffled(wrong.chain([right.clone()]), seed + 1, |text| text);
        if choices.len() == 1 && kind != Kind::Change {
            // Everything is red: what could be wrong?
            return self.question(bug, Kind::Change, green, seed);
        }
        let right = choices.iter().position(|choice| *choice == right).unwrap_or_default();
        Question { bug: bug.clone(), kind, choices, right }
    }

    /// The sentences of the criteria that its header names.
    pub(super) fn sentences(&self, bug: &Specimen) -> Vec<String> {
        let sentence = |test: &&str| {
            let criterion = self.criteria.iter().find(|criterion| criterion.path() == **test);
            criterion.map_or(test.to_string(), |criterion| criterion.sentence.clone())
        };
        bug.caught_by().iter().map(sentence).collect()
    }

    fn others(&self, is_wrong: impl Fn(&Specimen) -> bool) -> Vec<String> {
        self.bugs.iter().filter(|other| is_wrong(other)).map(what).collect()
    }
}

/// What is wrong, in a sentence.
fn what(bug: &Specimen) -> String {
    bug.fact("bug").unwrap_or_default().to_owned()
}

fn shares(bug: &Specimen, other: &Specimen) -> bool {
    bug.caught_by().iter().any(|test| other.caught_by().contains(test))
}

fn shuffled<T>(items: impl Iterator<Item = T>, seed: u64, name: impl Fn(&T) -> &String) -> Vec<T> {
    let mut items: Vec<T> = items.collect();
    items.sort_by_cached_key(|item| hash(&(seed, name(item))));
    items
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    // There is room for one more.
    hasher.finish() >> 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill;
    use crate::judging::race;
    use crate::specimen;

    fn zoos() -> Vec<Zoo> {
        let zoo = |drill: drill::Drill| {
            let mut criteria = drill.criteria().unwrap();
            criteria.extend(race::scenarios(&drill).unwrap());
            Zoo { bugs: specimen::bugs(&drill).unwrap(), criteria }
        };
        drill::all().unwrap().into_iter().map(zoo).collect()
    }

    #[test]
    fn each_bug_of_each_drill_makes_a_question_with_one_right_answer() {
        for (zoo, seed) in zoos().iter().zip(0..) {
            for bug in &zoo.bugs {
                for kind in [Kind::Change, Kind::Costs] {
                    let question = zoo.question(bug, kind, &[], seed);
                    let (name, choices) = ((&bug.name, kind), &question.choices);
                    assert!(choices.len() > 1 && choices.len() <= CHOICES, "{name:?}: {choices:?}");
                    assert_eq!(choices.iter().filter(|choice| **choice == what(bug)).count(), 1, "{name:?}");
                    assert_eq!(choices[question.right], what(bug), "{name:?}");
                }
            }
        }
    }

    #[test]
    fn a_verdict_rules_out_every_wrong_answer() {
        for zoo in zoos() {
            for bug in &zoo.bugs {
                let mut green: Vec<String> = zoo.criteria.iter().map(Criterion::path).collect();
                green.retain(|test| !bug.caught_by().contains(&test.as_str()));
                let question = zoo.question(bug, Kind::Verdict, &green, 7);
                let wrong = |choice: &&String| **choice != what(bug);
                for choice in question.choices.iter().filter(wrong).filter(|_| question.kind == Kind::Verdict)
                {
                    let mut others = zoo.bugs.iter().filter(|other| what(other) == *choice);
                    let seen = others.all(|other| {
                        other.caught_by().iter().any(|test| green.iter().any(|green| green == test))
                    });
                    assert!(seen, "{}: {choice}", bug.name);
                }
                let question = zoo.question(bug, Kind::Criterion, &green, 7);
                let sentences = zoo.sentences(bug);
                let named = question.choices.iter().filter(|choice| sentences.contains(choice)).count();
                assert!(
                    question.kind == Kind::Criterion && named == 1,
                    "{}: {:?}",
                    bug.name,
                    question.choices
                );
            }
        }
    }

    #[test]
    fn where_all_is_red_the_change_is_shown() {
        let zoo = zoos().remove(0);
        for kind in [Kind::Verdict, Kind::Criterion] {
            assert_eq!(zoo.question(&zoo.bugs[0], kind, &[], 1).kind, Kind::Change);
        }
    }

    #[test]
    fn a_seed_asks_the_same_again_and_another_one_something_else() {
        let zoo = zoos().remove(0);
        let asked = |seed| {
            let bugs = zoo.bugs(5, seed, &[]).into_iter();
            bugs.map(|bug| (&bug.name, zoo.question(bug, Kind::Change, &[], seed).right)).collect::<Vec<_>>()
        };
        assert_eq!(asked(1), asked(1));
        assert!((2..20).any(|seed| asked(seed) != asked(1)));
    }

    #[test]
    fn what_is_known_is_asked_last() {
        let zoo = zoos().remove(0);
        let known: Vec<String> = zoo.bugs.iter().skip(1).map(|bug| bug.name.clone()).collect();
        let bugs = zoo.bugs(2, 1, &known);
        assert_eq!((bugs[0].name.as_str(), bugs.len()), (zoo.bugs[0].name.as_str(), 2));
    }
}
