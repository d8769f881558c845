//! Lights, words, stories, exit codes.

use std::path::PathBuf;
use std::time::Duration;

use drain_criteria::{Criterion, Light};
use drain_record::Event;

use crate::drill::{Drill, Set};
use crate::judging::tamper;

/// The word for a criterion or a light, from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Word {
    Ok,
    /// Not run, and why.
    NotRun,
    /// Could not be judged, and why.
    Unknown,
    /// An assertion failed.
    Red,
    /// Stopped at its limit.
    Hung,
    /// The process ended by itself: exit code or signal.
    Crash,
    /// A schedule was found in which it fails.
    Race,
}

impl Word {
    const ALL: [Self; 7] =
        [Self::Ok, Self::NotRun, Self::Unknown, Self::Red, Self::Hung, Self::Crash, Self::Race];

    /// The word with this text.
    pub(crate) fn read(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|word| word.text() == text)
    }

    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::NotRun => "--",
            Self::Unknown => "???",
            Self::Red => "RED",
            Self::Hung => "HUNG",
            Self::Crash => "CRASH",
            Self::Race => "RACE",
        }
    }

    pub(crate) fn is_failure(self) -> bool {
        self >= Self::Red
    }
}

/// What there is to tell about one criterion.
#[derive(Clone, Debug, Default)]
pub(crate) struct Story {
    /// Beside the criterion: `stopped after 5.0 s`, `exit code 0`.
    pub(crate) headline: String,
    pub(crate) expected: Option<String>,
    pub(crate) observed: Option<String>,
    pub(crate) picture: Vec<String>,
    /// The schedule in which it fails: who did what.
    pub(crate) steps: Vec<(String, String)>,
    /// The number of that schedule.
    pub(crate) seed: Option<String>,
    /// Named facts, such as what a hang waited for.
    pub(crate) facts: Vec<(&'static str, String)>,
    /// What a criterion that holds has looked for, and not found: `task`, `thread`, `descriptor`, `process`.
    pub(crate) none_left: Vec<String>,
    /// What a criterion that holds wants to show.
    pub(crate) notes: Vec<String>,
    /// The last lines of the test's own output, where nothing else explains the end.
    pub(crate) output: Vec<String>,
    pub(crate) events: Vec<Event>,
    /// How late the machine may have been, where that mattered.
    pub(crate) lag: Option<Duration>,
}

impl Story {
    /// Why there is no verdict.
    pub(crate) fn because(reason: &str) -> Self {
        Self { facts: vec![("because", reason.to_owned())], ..Self::default() }
    }
}

/// One criterion, judged.
#[derive(Clone, Debug)]
pub(crate) struct Judged {
    pub(crate) criterion: Criterion,
    pub(crate) word: Word,
    pub(crate) took: Duration,
    pub(crate) story: Story,
    /// How often it was asked once more, because the machine had been too busy.
    pub(crate) asked_again: usize,
}

impl Judged {
    /// Not run, for this reason.
    pub(crate) fn not_run(criterion: &Criterion, reason: &str) -> Self {
        let (criterion, story) = (criterion.clone(), Story::because(reason));
        Self { criterion, word: Word::NotRun, took: Duration::ZERO, story, asked_again: 0 }
    }

    /// What was seen, in one line.
    pub(crate) fn seen(&self) -> String {
        let story = &self.story;
        let facts = story.facts.iter().map(|(name, value)| format!("{name} {value}"));
        let said = story.observed.iter().cloned().chain([story.headline.clone()]).chain(facts);
        let parts = said.chain(story.output.iter().cloned()).filter(|part| !part.is_empty());
        parts.collect::<Vec<_>>().join("; ")
    }
}

/// One light of a verdict.
pub(crate) struct LightVerdict {
    pub(crate) light: Light,
    pub(crate) word: Word,
    pub(crate) took: Duration,
    pub(crate) summary: String,
    pub(crate) criteria: Vec<Judged>,
}

/// The verdict on one submission.
pub(crate) struct Verdict {
    pub(crate) drill: Drill,
    pub(crate) set: Set,
    /// Where the submission lies.
    pub(crate) path: PathBuf,
    /// Whether tests, kit and lints are as they are committed.
    pub(crate) tampered: tamper::Found,
    /// What the compiler said, if the submission does not build.
    pub(crate) compiler: Option<String>,
    pub(crate) lights: Vec<LightVerdict>,
    /// Only some criteria were asked for.
    pub(crate) partial: bool,
}

impl Verdict {
    /// All five lights, judged in full by the tests that are committed.
    pub(crate) fn done(&self) -> bool {
        !self.partial
            && self.tampered.changed.is_empty()
            && self.lights.iter().all(|light| light.word == Word::Ok)
    }

    /// Why no schedule was explored, where the drill has a race check and the submission was asked.
    pub(crate) fn race_not_judged(&self) -> Option<String> {
        let criteria = self.lights.iter().flat_map(|light| &light.criteria);
        let mut races = criteria.filter(|judged| judged.criterion.race && judged.word == Word::NotRun);
        races.next().map(|race| race.seen().trim_start_matches("because ").to_owned())
    }

    pub(crate) fn lights_on(&self) -> usize {
        self.lights.iter().filter(|light| light.word == Word::Ok).count()
    }

    /// Whether anything that was judged did not hold.
    pub(crate) fn failed(&self) -> bool {
        self.lights.iter().any(|light| light.word.is_failure())
    }

    fn exit_code(&self) -> u8 {
        let unknown = |light: &LightVerdict| light.word == Word::Unknown;
        match () {
            () if self.failed() => 1,
            () if self.done() => 0,
            () if self.partial && !self.lights.iter().any(unknown) => 0,
            () => 3,
        }
    }
}

/// 0: all done. 1: something failed. 3: something could not be judged, and nothing failed.
pub(crate) fn exit_code(verdicts: &[Verdict]) -> u8 {
    let codes = verdicts.iter().map(Verdict::exit_code);
    codes.fold(0, |worst, code| match (worst, code) {
        (1, _) | (_, 1) => 1,
        (worst, code) => worst.max(code),
    })
}
