//! The word for what became of a criterion, and its story.

use drain_criteria::Criterion;
use drain_record::{Entry, Failed, Hung, Panicked, Race};

use crate::judging::supervise::{self, Ended, Stopped};
use crate::judging::verdict::{Judged, Story, Word};
use crate::typeset;

/// What the test has told. Of what can be told more than once, the last counts.
#[derive(Default)]
struct Told {
    begun: bool,
    waits: Vec<String>,
    failed: Option<Failed>,
    scripted: Option<Race>,
    raced: Option<Race>,
    panicked: Option<Panicked>,
    unknown: Option<String>,
    hung: Option<Hung>,
    held: bool,
}

impl Told {
    /// What decides about the word; what only is to be shown is part of the story.
    fn read(record: Vec<Entry>, story: &mut Story) -> Self {
        let mut told = Self::default();
        for entry in record {
            match entry {
                Entry::Begun => told.begun = true,
                Entry::Event(event) => story.events.push(event),
                Entry::Waiting(open) => told.waits = open,
                Entry::Failed(failed) => told.failed = Some(failed),
                Entry::Scripted(race) => told.scripted = Some(race),
                Entry::Raced(race) => told.raced = Some(race),
                Entry::Panicked(panicked) => told.panicked = Some(panicked),
                Entry::Unknown(reason) => told.unknown = Some(reason),
                Entry::Hung(hung) => told.hung = Some(hung),
                Entry::Lag(late) => story.lag = Some(late),
                Entry::Note(what) => story.notes.push(what),
                Entry::NoneLeft(what) => story.none_left.push(what),
                Entry::Passed => told.held = true,
            }
        }
        told
    }
}

/// From how the process ended, and from what it has told before.
pub(super) fn judge(criterion: &Criterion, ended: Ended, record: Vec<Entry>) -> Judged {
    let mut story = Story::default();
    let told = Told::read(record, &mut story);

    let found = if let Some(reason) = told.unknown {
        story.facts.push(("because", reason));
        Word::Unknown
    } else if let Some(hung) = told.hung {
        story.hung(hung);
        Word::Hung
    } else if let Some(race) = told.raced {
        story.race(race, "schedules");
        Word::Race
    } else if let Some(race) = told.scripted {
        story.race(race, "scripts");
        Word::Red
    } else if let Some(Failed { expected, observed, picture }) = told.failed {
        (story.expected, story.observed, story.picture) = (Some(expected), Some(observed), picture);
        Word::Red
    } else if let Some(stopped) = ended.stopped {
        stopped_word(stopped, told, &ended, &mut story)
    } else if let Some(signal) = ended.signal {
        story.headline = format!("killed by {}", signal_name(signal));
        story.output = last_words(&ended.stderr, &ended.stdout);
        Word::Crash
    } else if let Some(Panicked { place, message }) = told.panicked.filter(|_| ended.code == Some(101)) {
        story.expected = Some(criterion.sentence.clone());
        story.observed = Some(format!("the code panicked at {place}: {message}"));
        Word::Red
    } else if told.held && ended.code == Some(0) && ended.stdout.contains("test result: ok. 1 passed;") {
        left_behind(&ended, &mut story)
    } else if !told.begun
        && let Some(reason) = no_test(&ended)
    {
        story.facts.push(("because", reason.to_owned()));
        Word::Unknown
    } else {
        ended_early(&ended, told.held, &mut story)
    };
    Judged {
        criterion: criterion.clone(),
        word: found,
        took: ended.took,
        story: story.plain(),
        asked_again: 0,
    }
}

fn stopped_word(stopped: Stopped, told: Told, ended: &Ended, story: &mut Story) -> Word {
    match stopped {
        Stopped::AtItsLimit => {
            let waiting_for = match () {
                () if told.held => {
                    "the process to end: a thread, a task or a destructor goes on after the test".to_owned()
                }
                () if !told.waits.is_empty() => told.waits.join(", and for "),
                () if told.begun => {
                    "the code under test to give way: it stands still, or never returns".to_owned()
                }
                () => "the test to begin: the process never got there".to_owned(),
            };
            story.hung(Hung { after: ended.took, waiting_for, alive: String::new() });
            Word::Hung
        }
        Stopped::TooManyProcesses => {
            story.headline = format!("stopped: more than {} processes", supervise::MOST_PROCESSES);
            Word::Crash
        }
        Stopped::TooMuchMemory => {
            story.headline = format!("stopped: more than {} GiB of memory", supervise::MOST_MEMORY);
            Word::Crash
        }
        Stopped::Unsupervised => {
            let signal = ended.signal.map(signal_name).unwrap_or_default();
            story.headline = format!("its supervisor was killed by {signal}");
            Word::Crash
        }
        Stopped::Interrupted => {
            story.facts.push(("because", "interrupted".to_owned()));
            Word::Unknown
        }
    }
}

fn left_behind(ended: &Ended, story: &mut Story) -> Word {
    if ended.left.is_empty() {
        return Word::Ok;
    }
    story.expected = Some("no process left when the test is over".to_owned());
    story.observed = Some(format!("left behind: {}", ended.left.join(", ")));
    Word::Red
}

/// Why the test binary has run no test.
fn no_test(ended: &Ended) -> Option<&'static str> {
    match () {
        () if ended.stdout.contains("0 passed; 0 failed; 1 ignored") => {
            Some("the test is marked `#[ignore]`")
        }
        () if ended.stdout.contains("running 0 tests") => Some("the test binary has no test of this name"),
        () => None,
    }
}

/// The process is over, and the criterion was neither met nor missed.
fn ended_early(ended: &Ended, held: bool, story: &mut Story) -> Word {
    let code = ended.code.unwrap_or(-1);
    let when = if held {
        "after the criterion was met, before the test was over"
    } else {
        "before the criterion was met"
    };
    story.headline = format!("exit code {code}, {when}");
    story.output = last_words(&ended.stderr, &ended.stdout);
    Word::Crash
}

impl Story {
    /// Without commands to the terminal: what a submission prints must not draw on the verdict.
    fn plain(self) -> Self {
        let lines = |lines: Vec<String>| lines.iter().map(|line| typeset::plain(line)).collect();
        Self {
            headline: typeset::plain(&self.headline),
            expected: self.expected.map(|text| typeset::plain(&text)),
            observed: self.observed.map(|text| typeset::plain(&text)),
            picture: lines(self.picture),
            steps: self.steps.iter().map(|(who, what)| (typeset::plain(who), typeset::plain(what))).collect(),
            facts: self.facts.into_iter().map(|(name, value)| (name, typeset::plain(&value))).collect(),
            notes: lines(self.notes),
            output: lines(self.output),
            ..self
        }
    }

    /// One of many runs, and what happened in it.
    fn race(&mut self, race: Race, of_what: &str) {
        let Race { done, of, seed, expected, observed, steps } = race;
        self.headline = format!("after {done} of {of} {of_what}");
        (self.expected, self.observed, self.steps) = (Some(expected), Some(observed), steps);
        self.seed = Some(seed.to_string());
    }

    fn hung(&mut self, Hung { after, waiting_for, alive }: Hung) {
        self.headline = format!("stopped after {:.1} s", after.as_secs_f64());
        self.facts.push(("waiting for", waiting_for));
        if !alive.is_empty() {
            self.facts.push(("alive then", alive));
        }
    }
}

/// The last lines that say something, from stderr or else from stdout; what the test harness prints says
/// nothing.
fn last_words(stderr: &str, stdout: &str) -> Vec<String> {
    let says = |line: &&str| {
        !line.trim().is_empty()
            && *line != "running 1 test"
            && !line.starts_with("note: run with `RUST_BACKTRACE")
    };
    let own = |line: &str| match line.strip_prefix("test ").and_then(|line| line.split_once(" ... ")) {
        Some((_, said)) => without_number(said),
        None => without_number(line),
    };
    let words = |text: &str| -> Vec<String> {
        text.lines().filter(says).map(own).filter(|line| !line.is_empty()).collect()
    };
    let lines = if stderr.trim().is_empty() { words(stdout) } else { words(stderr) };
    let last = lines.len().saturating_sub(4);
    lines[last..].iter().map(|line| line.chars().take(200).collect()).collect()
}

/// `thread 'main' (4711) panicked` has a number that is another each time.
fn without_number(line: &str) -> String {
    let number = line.starts_with("thread '").then(|| line.split_once("' (")).flatten();
    match number.and_then(|(name, rest)| Some((name, rest.split_once(") ")?.1))) {
        Some((name, rest)) => format!("{name}' {rest}"),
        None => line.to_owned(),
    }
}

fn signal_name(signal: i32) -> String {
    nix::sys::signal::Signal::try_from(signal)
        .map_or_else(|_| format!("signal {signal}"), |signal| signal.to_string())
}
