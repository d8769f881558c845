//! Reads the acceptance criteria out of an acceptance file.
//!
//! The doc comment of a test *is* its criterion. This crate is the one place that knows how such a
//! comment is written; the kit (which prints it when a test fails) and the runner (which prints the
//! screen) both read it from here.
//!
//! ```text
//! /// A job accepted before the drain is processed.          the criterion, as the learner reads it
//! ///
//! /// Why: an order that was acknowledged and never handled. why it matters in production
//! ///
//! /// Limit: 20 s                                            longest run, if not 10 s
//! ///
//! /// Seed: script                                           what a seed plays again, if it draws at random
//! ///
//! /// Stub passes: the stub accepts nothing.                 only where a stub cannot fail it
//! #[test]
//! fn every_accepted_job_is_processed() { … }
//! ```
//!
//! The module a test stands in is its light: `mod leaks`, `mod load`, `mod report`; anything else is
//! the tests light. The scanner expects code that `rustfmt` has formatted; a repository test compares
//! what it finds with a real parser.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

use std::time::Duration;

/// How long a criterion may run when its comment does not say otherwise.
pub const DEFAULT_LIMIT: Duration = Duration::from_secs(10);

/// The five lights of a verdict, in the order in which they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Light {
    /// The submission compiles.
    Builds,
    /// The behaviour that the brief asks for.
    Tests,
    /// Nothing is left over: task, thread, descriptor, process.
    Leaks,
    /// It holds with many clients or producers.
    Load,
    /// The drain says how it went.
    Report,
}

impl Light {
    /// All lights, in the order in which they are shown.
    pub const ALL: [Self; 5] = [Self::Builds, Self::Tests, Self::Leaks, Self::Load, Self::Report];

    /// The word that stands beside the light.
    pub fn name(self) -> &'static str {
        match self {
            Self::Builds => "builds",
            Self::Tests => "tests",
            Self::Leaks => "leaks",
            Self::Load => "load",
            Self::Report => "report",
        }
    }

    /// The light of the test with this name (`leaks::no_task_is_left`).
    pub fn of_test(name: &str) -> Self {
        match name.split_once("::").map(|(module, _)| module) {
            Some("leaks") => Self::Leaks,
            Some("load") => Self::Load,
            Some("report") => Self::Report,
            _ => Self::Tests,
        }
    }
}

/// One acceptance criterion: a test and what its doc comment says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Criterion {
    /// The test's name as the test binary lists it: `leaks::no_task_is_left`.
    pub name: String,
    /// The sentence that the learner reads. Empty if the test has no doc comment.
    pub sentence: String,
    /// Why it matters in production; empty if the comment does not say.
    pub why: String,
    /// Why a stub cannot fail it, for the few criteria of that kind.
    pub stub_passes: Option<String>,
    /// How long it may run before it counts as hung.
    pub limit: Duration,
    /// What a seed plays again, for the criteria that draw at random: `script`, `schedule`.
    pub seed_of: Option<String>,
    /// The line of `fn`, counted from 1.
    pub line: usize,
    /// Whether it is a scenario of the race check, judged under thousands of schedules.
    pub race: bool,
}

impl Criterion {
    /// How headers of the zoo, JSON and the screen name it: scenarios begin with `race::`.
    pub fn path(&self) -> String {
        if self.race { format!("race::{}", self.name) } else { self.name.clone() }
    }

    /// The light that this criterion belongs to.
    pub fn light(&self) -> Light {
        Light::of_test(&self.name)
    }
}

/// All criteria of an acceptance file, in the order in which they stand.
pub fn read(source: &str) -> Vec<Criterion> {
    let mut found = Vec::new();
    let mut modules: Vec<(usize, String)> = Vec::new();
    let mut doc: Vec<&str> = Vec::new();
    let mut is_test = false;
    let mut in_attribute = false;

    for (index, line) in source.lines().enumerate() {
        let text = line.trim();
        let indent = line.len() - line.trim_start().len();
        if in_attribute {
            in_attribute = !text.ends_with(']');
        } else if let Some(comment) = text.strip_prefix("///") {
            doc.push(comment.trim());
        } else if text.starts_with("#[") {
            let path = text.trim_start_matches("#[").split(['(', ']']).next().unwrap_or_default();
            is_test |= path.trim().rsplit("::").next() == Some("test");
            in_attribute = !text.ends_with(']');
        } else if let Some(name) = function_name(text).filter(|_| is_test) {
            let path = modules.iter().map(|(_, module)| module.as_str()).chain([name]);
            let name = path.collect::<Vec<_>>().join("::");
            found.push(criterion(name, &doc, index + 1));
            (doc, is_test) = (Vec::new(), false);
        } else if let Some(name) = text.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(" {")) {
            modules.push((indent, name.to_owned()));
            doc.clear();
        } else if text == "}" && modules.last().is_some_and(|(depth, _)| *depth == indent) {
            modules.pop();
        } else if !text.is_empty() {
            (doc, is_test) = (Vec::new(), false);
        }
    }
    found
}

/// All scenarios of a race check, in the order in which they stand.
pub fn read_schedules(source: &str) -> Vec<Criterion> {
    let seed_of = Some("schedule".to_owned());
    read(source).into_iter().map(|read| Criterion { race: true, seed_of: seed_of.clone(), ..read }).collect()
}

/// The criterion whose test contains this line (counted from 1).
pub fn at_line(source: &str, line: usize) -> Option<Criterion> {
    read(source).into_iter().rev().find(|criterion| criterion.line <= line)
}

fn function_name(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("async ").unwrap_or(text).strip_prefix("fn ")?;
    rest.split(['(', '<']).next()
}

fn criterion(name: String, doc: &[&str], line: usize) -> Criterion {
    let mut found = Criterion {
        name,
        sentence: String::new(),
        why: String::new(),
        stub_passes: None,
        limit: DEFAULT_LIMIT,
        seed_of: None,
        line,
        race: false,
    };
    for paragraph in doc.split(|line| line.is_empty()) {
        let text = paragraph.join(" ");
        if let Some(why) = text.strip_prefix("Why: ") {
            found.why = capitalised(why);
        } else if let Some(reason) = text.strip_prefix("Stub passes: ") {
            found.stub_passes = Some(reason.to_owned());
        } else if let Some(what) = text.strip_prefix("Seed: ") {
            found.seed_of = Some(what.trim_end_matches('.').to_owned());
        } else if let Some(limit) = text.strip_prefix("Limit: ") {
            let seconds = limit.trim_end_matches('.').trim_end_matches(" s").parse();
            found.limit = seconds.map_or(DEFAULT_LIMIT, Duration::from_secs);
        } else if found.sentence.is_empty() {
            found.sentence = text.trim_end_matches('.').to_owned();
        }
    }
    found
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
//! Acceptance tests.

/// Not a test.
fn helper() {}

/// The line comes
/// in time.
///
/// Why: users notice.
///
/// Limit: 20 s
///
/// Seed: script
#[tokio::test(start_paused = true)]
async fn the_line_comes() {
    if true {
    }
}

mod leaks {
    use super::*;

    /// Nothing is left.
    ///
    /// Stub passes: it starts nothing.
    #[test]
    fn nothing_is_left() {}
}

#[test]
fn has_no_comment() {}
"#;

    #[test]
    fn reads_sentence_reason_and_limit() {
        let criteria = read(FILE);
        assert_eq!(criteria.len(), 3, "{criteria:#?}");
        assert_eq!(criteria[0].name, "the_line_comes");
        assert_eq!(criteria[0].sentence, "The line comes in time");
        assert_eq!(criteria[0].why, "Users notice.");
        assert_eq!(criteria[0].limit, Duration::from_secs(20));
        assert_eq!(criteria[0].seed_of.as_deref(), Some("script"));
    }

    #[test]
    fn a_module_is_a_light() {
        let criteria = read(FILE);
        assert_eq!(criteria[1].name, "leaks::nothing_is_left");
        assert_eq!(criteria[1].light(), Light::Leaks);
        assert_eq!(criteria[1].stub_passes.as_deref(), Some("it starts nothing."));
        assert_eq!(criteria[2].name, "has_no_comment", "the module has ended");
        assert_eq!(criteria[2].sentence, "");
    }

    #[test]
    fn finds_the_criterion_around_a_line() {
        let line = 1 + FILE.lines().position(|line| line.contains("if true")).unwrap();
        assert_eq!(at_line(FILE, line).unwrap().name, "the_line_comes");
        assert_eq!(at_line(FILE, 1), None);
    }
}
