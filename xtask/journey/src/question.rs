//! Questions about a submission, made from the drill's zoo: bugs that it has not, and that one should be able to point
//! at.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::packet::{Bug, Packet};

/// What is asked, about one bug each.
const ASKED: [&str; 3] = [
    "Where would this stand in this code? Point at the line that keeps it out.",
    "At which moment would somebody meet it, if it were in this code, and which criterion would see it?",
    "What is the smallest change that puts it into this code? Would you have stopped at it in a review?",
];

#[derive(Debug)]
pub(crate) struct Question<'a> {
    pub(crate) bug: &'a Bug,
    pub(crate) asked: &'static str,
    /// The sentences of the criteria that catch it.
    pub(crate) caught_by: Vec<&'a str>,
}

/// Three, of different kinds; another submission gets others, and the same one the same.
pub(crate) fn three(packet: &Packet) -> Vec<Question<'_>> {
    let mut bugs: Vec<&Bug> = packet.zoo.iter().collect();
    bugs.sort_by_cached_key(|bug| {
        let mut hasher = DefaultHasher::new();
        (&packet.submission.sources, &bug.name).hash(&mut hasher);
        hasher.finish()
    });
    let mut chosen: Vec<&Bug> = Vec::new();
    for bug in &bugs {
        if !chosen.iter().any(|other| other.caught_by.first() == bug.caught_by.first()) {
            chosen.push(bug);
        }
    }
    // A small zoo may have fewer kinds.
    bugs.retain(|bug| !chosen.iter().any(|other| other.name == bug.name));
    let ask = |(asked, bug)| Question { bug, asked, caught_by: sentences(bug, packet) };
    ASKED.into_iter().zip(chosen.into_iter().chain(bugs)).map(ask).collect()
}

fn sentences<'a>(bug: &'a Bug, packet: &'a Packet) -> Vec<&'a str> {
    let sentence = |test: &'a String| {
        let known = packet.criteria.iter().find(|known| known.test == *test);
        known.map_or(test.as_str(), |known| &known.criterion)
    };
    bug.caught_by.iter().map(sentence).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::sample;

    #[test]
    fn three_are_asked_of_different_kinds_and_the_same_again() {
        let packet = sample("a");
        let names =
            |packet: &Packet| three(packet).iter().map(|asked| asked.bug.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&packet), names(&sample("a")));
        let questions = three(&packet);
        assert_eq!(questions.len(), 3);
        assert!(
            questions.iter().any(|asked| asked.caught_by == ["A `/slow` in flight is answered"]),
            "{questions:?}"
        );
        let others = (0..20).filter(|number| names(&sample(&number.to_string())) != names(&packet)).count();
        assert!(others > 0, "each submission is asked the same");
    }
}
