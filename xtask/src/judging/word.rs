//! The word for what became of a criterion, and its story.

use std::time::Duration;

use drain_criteria::Criterion;
use tinyjson::JsonValue;

use crate::judging::supervise::{self, Ended, Stopped};
use crate::judging::verdict::{Judged, Story, Word};
use crate::typeset;
use crate::value::Get as _;

/// From how the process ended, and from what the kit has recorded.
pub(super) fn judge(criterion: &Criterion, ended: Ended, record: &[JsonValue]) -> Judged {
    let of_kind = |kind: &str| record.iter().rev().find(|entry| entry.text("kind") == kind);
    let all_of_kind =
        |kind: &str| record.iter().filter(|entry| entry.text("kind") == kind).cloned().collect::<Vec<_>>();
    let mut story = Story {
        events: all_of_kind("event"),
        none_left: all_of_kind("none left").iter().map(|left| left.text("what")).collect(),
        notes: all_of_kind("note").iter().map(|note| note.text("what")).collect(),
        lag_ms: of_kind("lag").and_then(|lag| lag.number("late_ms")),
        ..Story::default()
    };
    let held = of_kind("passed").is_some();

    let found = if let Some(unknown) = of_kind("unknown") {
        story.facts.push(("because", unknown.text("reason")));
        Word::Unknown
    } else if let Some(hung) = of_kind("hung") {
        let after = Duration::from_secs_f64(hung.number("after_s").unwrap_or_default());
        story.hung(after, hung.text("waiting_for"), hung.text("alive"));
        Word::Hung
    } else if let Some(raced) = of_kind("raced") {
        story.raced(raced);
        Word::Race
    } else if let Some(failed) = of_kind("failed") {
        story.failed(failed);
        Word::Red
    } else if let Some(stopped) = ended.stopped {
        stopped_word(stopped, held, record, &ended, &mut story)
    } else if let Some(signal) = ended.signal {
        story.headline = format!("killed by {}", signal_name(signal));
        story.output = last_words(&ended.stderr, &ended.stdout);
        Word::Crash
    } else if let Some(panicked) = of_kind("panicked").filter(|_| ended.code == Some(101)) {
        story.expected = Some(criterion.sentence.clone());
        story.observed =
            Some(format!("the code panicked at {}: {}", panicked.text("place"), panicked.text("message")));
        Word::Red
    } else if held && ended.code == Some(0) && ended.stdout.contains("test result: ok. 1 passed;") {
        left_behind(&ended, &mut story)
    } else if of_kind("begun").is_none()
        && let Some(reason) = no_test(&ended)
    {
        story.facts.push(("because", reason.to_owned()));
        Word::Unknown
    } else {
        ended_early(&ended, held, &mut story)
    };
    Judged { criterion: criterion.clone(), word: found, took: ended.took, story: story.plain() }
}

fn stopped_word(
    stopped: Stopped,
    held: bool,
    record: &[JsonValue],
    ended: &Ended,
    story: &mut Story,
) -> Word {
    match stopped {
        Stopped::AtItsLimit => {
            let waits = record
                .iter()
                .rev()
                .find(|entry| entry.text("kind") == "waiting")
                .map(|entry| entry.list("for"));
            let waits: Vec<String> =
                waits.unwrap_or_default().iter().filter_map(|wait| wait.get().cloned()).collect();
            let waiting = match () {
                () if held => {
                    "the process to end: a thread, a task or a destructor goes on after the test".to_owned()
                }
                () if !waits.is_empty() => waits.join(", and for "),
                () if record.iter().any(|entry| entry.text("kind") == "begun") => {
                    "the code under test to give way: it stands still, or never returns".to_owned()
                }
                () => "the test to begin: the process never got there".to_owned(),
            };
            story.hung(ended.took, waiting, String::new());
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

    fn failed(&mut self, failed: &JsonValue) {
        self.expected = Some(failed.text("expected"));
        self.observed = Some(failed.text("observed"));
        self.picture = failed.list("picture").iter().filter_map(|line| line.get().cloned()).collect();
        self.run(failed, "scripts");
    }

    fn raced(&mut self, raced: &JsonValue) {
        self.expected = Some(raced.text("expected"));
        self.observed = Some(raced.text("observed"));
        self.run(raced, "schedules");
    }

    /// Which of many runs it was, and its steps; other failures have none.
    fn run(&mut self, told: &JsonValue, of_what: &str) {
        let (Some(done), Some(of)) = (told.number("schedules"), told.number("of")) else { return };
        self.headline = format!("after {done} of {of} {of_what}");
        let steps = told.list("steps").into_iter().filter_map(|step| step.get::<Vec<JsonValue>>().cloned());
        let part = |step: &[JsonValue], at: usize| {
            step.get(at).and_then(|part| part.get().cloned()).unwrap_or_default()
        };
        self.steps = steps.map(|step| (part(&step, 0), part(&step, 1))).collect();
        self.seed = Some(told.text("seed"));
    }

    fn hung(&mut self, after: Duration, waiting_for: String, alive: String) {
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
