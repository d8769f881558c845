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
    /// A bug and what it costs: which criterion catches it?
    Bug,
    /// What came of it: which bug is it?
    Verdict,
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
    /// So many questions, about bugs that are not known yet as long as there are any.
    pub(super) fn questions(
        &self,
        number: usize,
        seed: u64,
        known: &[String],
        verdicts: bool,
    ) -> Vec<Question> {
        let mut bugs = shuffled(self.bugs.iter(), seed, |bug| &bug.name);
        bugs.sort_by_key(|bug| known.contains(&bug.name));
        let kind = |index: usize| match index % 2 {
            _ if verdicts => Kind::Verdict,
            0 => Kind::Change,
            _ => Kind::Bug,
        };
        let bugs = bugs.into_iter().take(number).enumerate();
        bugs.map(|(index, bug)| self.question(bug, kind(index), seed)).collect()
    }

    fn question(&self, bug: &Specimen, kind: Kind, seed: u64) -> Question {
        let (right, wrong) = match kind {
            Kind::Bug => (self.sentence(bug), self.blind(bug)),
            Kind::Change => (what(bug), self.others(|other| other.name != bug.name)),
            // Bugs with a criterion in common may look the same from outside.
            Kind::Verdict => (what(bug), self.others(|other| !shares(bug, other))),
        };
        // Neither kind of answer may be wrong in other words.
        let wrong = wrong.into_iter().filter(|other| *other != right);
        let seed = hash(&(seed, &bug.name));
        let wrong = shuffled(wrong, seed, |text| text).into_iter().take(CHOICES - 1);
        let choices = shuffled(wrong.chain([right.clone()]), seed + 1, |text| text);
        let right = choices.iter().position(|choice| *choice == right).unwrap_or_default();
        Question { bug: bug.clone(), kind, choices, right }
    }

    /// The sentence of the criterion that its header names first.
    fn sentence(&self, bug: &Specimen) -> String {
        self.sentences(bug).into_iter().next().unwrap_or_default()
    }

    /// The sentences of the criteria that its header names.
    pub(super) fn sentences(&self, bug: &Specimen) -> Vec<String> {
        let sentence = |test: &&str| {
            let criterion = self.criteria.iter().find(|criterion| criterion.path() == **test);
            criterion.map_or(test.to_string(), |criterion| criterion.sentence.clone())
        };
        bug.caught_by().iter().map(sentence).collect()
    }

    /// The sentences of criteria that do not see the bug. A header names those that always do, and others may see it
    /// now and then; so those are left out that see anything together with one of them.
    fn blind(&self, bug: &Specimen) -> Vec<String> {
        let together = |test: &str| {
            let mut relatives = self.bugs.iter().filter(|other| shares(bug, other));
            relatives.any(|other| other.caught_by().contains(&test))
        };
        let blind = self.criteria.iter().filter(|criterion| !together(&criterion.path()));
        blind.map(|criterion| criterion.sentence.clone()).collect()
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
    fn each_bug_of_each_drill_makes_a_question_of_each_kind() {
        for (zoo, seed) in zoos().iter().zip(0..) {
            for bug in &zoo.bugs {
                for kind in [Kind::Change, Kind::Bug, Kind::Verdict] {
                    let question = zoo.question(bug, kind, seed);
                    let mut choices = question.choices.clone();
                    choices.sort();
                    choices.dedup();
                    let name = (&bug.name, kind);
                    assert!(
                        question.choices.len() == choices.len() && choices.len() > 1,
                        "{name:?}: {choices:?}"
                    );
                    let right = &question.choices[question.right];
                    let wanted = if kind == Kind::Bug { zoo.sentence(bug) } else { what(bug) };
                    assert!(*right == wanted && !right.is_empty(), "{name:?}: {right}");
                }
            }
        }
    }

    #[test]
    fn no_wrong_answer_is_a_criterion_that_catches_the_bug() {
        for zoo in zoos() {
            for bug in &zoo.bugs {
                let (question, sentences) = (zoo.question(bug, Kind::Bug, 7), zoo.sentences(bug));
                let also = question.choices.iter().filter(|choice| sentences.contains(choice)).count();
                assert_eq!(also, 1, "{}: {:?}", bug.name, question.choices);
            }
        }
    }

    #[test]
    fn a_seed_asks_the_same_again_and_another_one_something_else() {
        let zoo = zoos().remove(0);
        let names = |seed| {
            let questions = zoo.questions(5, seed, &[], false);
            questions.into_iter().map(|question| (question.bug.name, question.right)).collect::<Vec<_>>()
        };
        assert_eq!(names(1), names(1));
        assert!((2..20).any(|seed| names(seed) != names(1)));
    }

    #[test]
    fn what_is_known_is_asked_last() {
        let zoo = zoos().remove(0);
        let known: Vec<String> = zoo.bugs.iter().skip(1).map(|bug| bug.name.clone()).collect();
        let questions = zoo.questions(2, 1, &known, false);
        assert_eq!(questions[0].bug.name, zoo.bugs[0].name);
        assert_eq!(questions.len(), 2);
    }
}
