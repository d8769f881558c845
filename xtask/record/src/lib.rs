//! What a test tells the runner.
//!
//! The kit writes the record while the test runs, and the runner reads it when the test is over. A line is an
//! entry: a word that only the two know, and the parts of the entry, each behind a tab. All else in the
//! file was written by the code under test. A line without its end is no entry: the writer was
//! killed, or the reader has had enough.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

#[macro_use]
mod part;

use std::fmt::{self, Display};
use std::time::Duration;

use part::Part as _;

entries! {
    /// The test has begun, and has read the word.
    Begun,
    /// Something has happened.
    Event(event: Event),
    /// All that is waited for, from now on.
    Waiting(open: Vec<String>),
    /// An assertion failed.
    Failed(failed: Failed),
    /// An assertion failed in one of many scripts.
    Scripted(race: Race),
    /// An assertion failed in one of many schedules.
    Raced(race: Race),
    /// A panic, also one that somebody catches.
    Panicked(panicked: Panicked),
    /// It cannot be judged, for this reason.
    Unknown(reason: String),
    /// It was stopped at its limit.
    Hung(hung: Hung),
    /// The machine itself may have been so late.
    Lag(late: Duration),
    /// A fact to show when all is well.
    Note(what: String),
    /// Looked for, and not found: `task`, `thread`, `descriptor`, `process`.
    NoneLeft(what: String),
    /// The test is at its end, and the criterion holds.
    Passed,
}

parts! {
    /// Something that has happened.
    Event {
        /// After the start of the test.
        at: Duration,
        /// Where: `client 2`, `SIGTERM`.
        lane: String,
        /// What.
        what: String,
    }
}

parts! {
    /// An assertion that failed.
    Failed {
        /// What must hold.
        expected: String,
        /// What was seen.
        observed: String,
        /// The timeline, line by line.
        picture: Vec<String>,
    }
}

parts! {
    /// A schedule, or a script, in which a criterion does not hold.
    Race {
        /// How many were run, this one included.
        done: u64,
        /// How many there would have been.
        of: u64,
        /// The number of this one; the same number gives the same schedule.
        seed: u64,
        /// What must hold.
        expected: String,
        /// What was seen.
        observed: String,
        /// What happened: who did what.
        steps: Vec<(String, String)>,
    }
}

parts! {
    /// A panic.
    Panicked {
        /// File, line and column.
        place: String,
        /// Its message.
        message: String,
    }
}

parts! {
    /// A test at its limit.
    Hung {
        /// The limit.
        after: Duration,
        /// What was waited for.
        waiting_for: String,
        /// What had not ended.
        alive: String,
    }
}

impl Entry {
    /// The line of the record that holds it.
    pub fn line(&self, word: &str) -> String {
        let mut line = word.to_owned();
        self.write(&mut line);
        line + "\n"
    }

    /// The entries of a record that stand behind this word, in their order.
    pub fn all(record: &str, word: &str) -> Vec<Self> {
        let lines = record.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
        let entry = |line: &str| {
            let mut parts = line.strip_prefix(word)?.strip_prefix('\t')?.split('\t');
            Self::read(&mut parts).filter(|_| parts.next().is_none())
        };
        lines.filter_map(entry).collect()
    }
}

impl Display for Race {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { done, of, seed, steps, expected, observed } = self;
        writeln!(f, "    after {done} of {of}, seed {seed}")?;
        writeln!(f, "    expected   {expected}\n    observed   {observed}")?;
        for (number, (who, what)) in (1..).zip(steps) {
            write!(f, "\n    {number:>2} {who:<10} {what}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::part::LONGEST_TEXT;

    const WORD: &str = "5f0c";

    /// One of each kind, with texts that are awkward in a line.
    fn one_of_each() -> Vec<Entry> {
        let awkward = ["", "a\tb\nc\r", r"\t \n \\", "\n", "\u{1b}[2J é"].map(str::to_owned);
        let text = || awkward.concat();
        let steps = awkward.iter().map(|text| (text.clone(), text.clone())).collect();
        let race =
            Race { done: 7, of: u64::MAX, seed: u64::MAX - 1, expected: text(), observed: text(), steps };
        vec![
            Entry::Begun,
            Entry::Event(Event { at: Duration::from_nanos(1), lane: text(), what: text() }),
            Entry::Waiting(awkward.to_vec()),
            Entry::Waiting(Vec::new()),
            Entry::Failed(Failed { expected: text(), observed: text(), picture: awkward.to_vec() }),
            Entry::Scripted(Race { steps: Vec::new(), ..race.clone() }),
            Entry::Raced(race),
            Entry::Panicked(Panicked { place: text(), message: text() }),
            Entry::Unknown(text()),
            Entry::Hung(Hung { after: Duration::MAX, waiting_for: text(), alive: text() }),
            Entry::Lag(Duration::from_secs(3)),
            Entry::Note(text()),
            Entry::NoneLeft(text()),
            Entry::Passed,
        ]
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let entries = one_of_each();
        let kinds: Vec<_> = entries.iter().map(std::mem::discriminant).collect();
        assert_eq!(kinds.iter().collect::<std::collections::HashSet<_>>().len(), Entry::KINDS.len());
        let record: String = entries.iter().map(|entry| entry.line(WORD)).collect();
        assert_eq!(record.lines().count(), entries.len(), "a line each");
        assert_eq!(Entry::all(&record, WORD), entries);
    }

    #[test]
    fn only_whole_lines_behind_the_word_are_entries() {
        let line = Entry::Note("complete".to_owned()).line(WORD);
        for end in 0..line.len() {
            assert_eq!(Entry::all(&line[..end], WORD), [], "cut after {end} bytes");
        }
        let passed = Entry::Passed.line(WORD);
        let forged = [
            "\tPassed\n",
            "Passed\n",
            "5f0d\tPassed\n",
            "5f0cPassed\n",
            "5f0c\tPassed\tPassed\n",
            "5f0c\t\n",
        ];
        for other in forged {
            assert_eq!(Entry::all(&format!("{other}{passed}"), WORD), [Entry::Passed], "{other:?}");
        }
    }

    #[test]
    fn a_text_without_end_is_cut() {
        let line = Entry::Note("é".repeat(LONGEST_TEXT)).line(WORD);
        let [Entry::Note(cut)] = &Entry::all(&line, WORD)[..] else { panic!("{line}") };
        assert!(cut.ends_with("é...") && cut.len() <= LONGEST_TEXT + 3, "{} bytes", cut.len());
    }
}
