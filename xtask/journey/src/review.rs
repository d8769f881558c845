//! `review`: what a program can say about a submission, in the order in which a pair reads it.

use crate::difference::Difference;
use crate::packet::Packet;
use crate::question::{self, Question};
use crate::seen::{Found, Looked, look};
use crate::{checklist, difference};

/// All that is shown, as a page or as Markdown.
pub(crate) struct Review<'a> {
    pub(crate) packet: &'a Packet,
    /// The list for a submission: is it finished?
    pub(crate) finished: Vec<Looked>,
    /// The list for a reviewer: is it right where no test looks?
    pub(crate) right: Vec<Looked>,
    pub(crate) questions: Vec<Question<'a>>,
    /// From the submission to the reference; none before anything was written, because it would give all away.
    pub(crate) to_reference: Option<Vec<Difference>>,
    /// From the submission to the other one.
    pub(crate) to_other: Option<Vec<Difference>>,
}

impl<'a> Review<'a> {
    /// Looks at everything.
    ///
    /// # Errors
    ///
    /// A checklist that is not understood.
    pub(crate) fn of(packet: &'a Packet) -> Result<Self, String> {
        let list = |text: &str| {
            let items = checklist::read(text, &packet.drill, &packet.selection);
            items.into_iter().map(|item| look(item, packet)).collect::<Result<Vec<_>, String>>()
        };
        let own = &packet.submission.sources;
        Ok(Self {
            packet,
            finished: list(&packet.is_it_finished)?,
            right: list(&packet.is_it_right)?,
            questions: question::three(packet),
            to_reference: (!packet.is_untouched()).then(|| difference::between(own, &packet.reference)),
            to_other: packet.other.as_ref().map(|other| difference::between(own, &other.sources)),
        })
    }

    /// What a program has seen, of both lists.
    pub(crate) fn ticked(&self) -> Vec<&Looked> {
        self.finished.iter().chain(&self.right).filter(|looked| looked.is_ticked()).collect()
    }

    /// What is left for a person, by list.
    pub(crate) fn open(&self) -> [(&'static str, Vec<&Looked>); 2] {
        let lists = [("Is it finished?", &self.finished), ("Is it right where no test looks?", &self.right)];
        lists.map(|(name, list)| (name, list.iter().filter(|looked| !looked.is_ticked()).collect()))
    }
}

impl Looked {
    pub(crate) fn is_ticked(&self) -> bool {
        matches!(self.found, Found::Seen(_))
    }

    /// By what it was ticked, or what there is to know.
    pub(crate) fn said(&self) -> &str {
        let (Found::Seen(said) | Found::Open(said)) = &self.found;
        said
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{Submission, sample};

    fn said(packet: &Packet, title: &str) -> (bool, String) {
        let review = Review::of(packet).expect("a review");
        let looked = review.finished.iter().chain(&review.right).find(|looked| looked.item.title() == title);
        let looked = looked.unwrap_or_else(|| panic!("no checklist has `{title}`"));
        (looked.is_ticked(), looked.said().to_owned())
    }

    fn command(packet: &Packet, title: &str) -> Option<String> {
        let review = Review::of(packet).expect("a review");
        let looked = review.ticked().into_iter().find(|looked| looked.item.title() == title)?;
        looked.item.command().map(str::to_owned)
    }

    /// The red one, with this in it.
    fn with(change: impl FnOnce(&mut Submission)) -> Packet {
        let mut packet = sample("a");
        change(&mut packet.submission);
        packet
    }

    fn source(text: &str) -> impl FnOnce(&mut Submission) {
        move |submission| drop(submission.sources.insert("src/main.rs".to_owned(), text.to_owned()))
    }

    /// Each item of which a program can say something is ticked for one submission, and not for another.
    #[test]
    fn an_item_is_ticked_if_it_is_so_and_only_then() {
        let mut green = sample("a").submission.verdict;
        green.done = true;
        green.changed.clear();
        green.not_compared = None;
        let on = |name: &str| {
            let mut light = sample("a").submission.verdict.lights.remove(0);
            light.name = name.to_owned();
            light
        };
        green.lights = ["builds", "tests", "leaks", "load", "report"].map(on).into();
        let well = with(|submission| {
            submission.verdict = green;
            submission.lints = Some(Vec::new());
            submission.own_tests = vec!["mine.rs".to_owned()];
            let text = "#![forbid(unsafe_code)]\n//! The listener closes first, then the pool drains.\nfn main() {}\n";
            submission.sources.insert("src/main.rs".to_owned(), text.to_owned());
        });
        let badly = with(|submission| {
            submission.unformatted = Some(vec!["src/main.rs".to_owned()]);
            let text = "fn main() { std::process::exit(1); dbg!(1) }\n";
            submission.sources.insert("src/main.rs".to_owned(), text.to_owned());
            submission.verdict.lights[2].word = "RED".to_owned();
        });
        for title in [
            "It is formatted",
            "Clippy has nothing to say",
            "No `unsafe`, no leftovers",
            "Five lights",
            "You judged your own work",
            "Only `main` ends the process, by returning",
            "`main` returns",
            "Nothing is left",
            "The drain reports itself once",
            "A test of your own",
            "The order of the drain is written down",
        ] {
            let (ticked, by) = said(&well, title);
            assert!(ticked && !by.is_empty(), "{title}: {by}");
            assert!(command(&well, title).is_some(), "{title} names no command that checks it");
            let (ticked, why) = said(&badly, title);
            assert!(!ticked && !why.is_empty(), "{title}: {why}");
        }
    }

    /// Where an item asks for several things, each of them is missed.
    #[test]
    fn half_of_an_item_is_not_enough() {
        let unsafe_or_left_over = "No `unsafe`, no leftovers";
        let lints = "Clippy has nothing to say";
        for (text, title, ticked) in [
            ("#![forbid(unsafe_code)]\nfn main() {}\n", unsafe_or_left_over, true),
            ("fn main() {}\n", unsafe_or_left_over, false),
            ("#![forbid(unsafe_code)]\nfn main() { todo!() }\n", unsafe_or_left_over, false),
            ("fn main() {}\n", lints, true),
            ("#![allow(dead_code)]\nfn main() {}\n", lints, false),
        ] {
            let packet = with(|submission| {
                submission.lints = Some(Vec::new());
                source(text)(submission);
            });
            assert_eq!(said(&packet, title).0, ticked, "{title}: {text}");
        }
    }

    #[test]
    fn the_race_check_is_ticked_only_if_all_its_scenarios_hold() {
        let scenario = |word: &str| {
            let word = word.to_owned();
            with(|submission| {
                let criterion = &mut submission.verdict.lights[1].criteria[1];
                (criterion.test, criterion.word) = ("race::no_job_is_lost".to_owned(), word);
            })
        };
        assert!(said(&scenario("ok"), "The race check has run").0);
        for word in ["RACE", "--"] {
            assert!(!said(&scenario(word), "The race check has run").0, "{word}");
        }
        assert!(!said(&sample("a"), "The race check has run").0, "there is none");
    }

    #[test]
    fn what_a_person_has_to_look_at_comes_with_the_lines() {
        let packet = with(source("fn main() {\n    tokio::spawn(work());\n}\n"));
        let review = Review::of(&packet).expect("a review");
        let item = review
            .finished
            .iter()
            .find(|looked| looked.item.title() == "Everything that is spawned is waited for");
        let item = item.expect("it is on the list");
        assert_eq!((item.places[0].at.as_str(), item.places.len()), ("src/main.rs:2", 1));
        assert!(!item.is_ticked() && item.item.text.contains("exercises/task-03/src"), "{item:?}");
    }

    #[test]
    fn what_was_given_is_no_word_about_the_order() {
        let mut packet = with(source("//! It stops first, then it drains.\n"));
        assert!(said(&packet, "The order of the drain is written down").0);
        packet.given = packet.submission.sources.clone();
        assert!(!said(&packet, "The order of the drain is written down").0);
    }

    #[test]
    fn a_test_that_was_given_is_none_of_its_own() {
        let mut packet = with(source("#[test]\nfn given() {}\n"));
        assert!(said(&packet, "A test of your own").0);
        packet.given = packet.submission.sources.clone();
        assert!(!said(&packet, "A test of your own").0);
        let text = packet.submission.sources.get_mut("src/main.rs").expect("a file");
        text.push_str("    #[tokio::test(start_paused = true)]\n");
        assert!(said(&packet, "A test of your own").0);
    }

    #[test]
    fn before_anything_is_written_the_reference_is_not_shown() {
        let mut packet = sample("a");
        assert!(Review::of(&packet).expect("a review").to_reference.is_some());
        packet.given = packet.submission.sources.clone();
        assert!(Review::of(&packet).expect("a review").to_reference.is_none());
    }
}
