//! What `cargo xtask review` has gathered.

use std::collections::BTreeMap;
use std::io::Read;

use serde::Deserialize;

use crate::verdict::Verdict;

/// The text of files, by path in the package.
pub(crate) type Files = BTreeMap<String, String>;

/// All that there is to lay out.
#[derive(Debug, Deserialize)]
pub(crate) struct Packet {
    pub(crate) drill: String,
    /// What selects the drill on the command line.
    pub(crate) selection: String,
    pub(crate) submission: Submission,
    pub(crate) other: Option<Submission>,
    /// The exercise before anybody worked on it.
    pub(crate) given: Files,
    pub(crate) reference: Files,
    pub(crate) criteria: Vec<Sentence>,
    pub(crate) zoo: Vec<Bug>,
    /// The checklists, as they stand in their files.
    pub(crate) is_it_finished: String,
    pub(crate) is_it_right: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Submission {
    pub(crate) verdict: Verdict,
    /// None if it could not be found out.
    pub(crate) unformatted: Option<Vec<String>>,
    /// None if it does not compile.
    pub(crate) lints: Option<Vec<String>>,
    pub(crate) sources: Files,
    /// What lies in `tests` beside the tests that were given.
    pub(crate) own_tests: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Sentence {
    pub(crate) test: String,
    pub(crate) criterion: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Bug {
    pub(crate) name: String,
    pub(crate) bug: String,
    pub(crate) costs: String,
    pub(crate) seen_in: String,
    pub(crate) caught_by: Vec<String>,
}

/// Reads what the runner tells.
///
/// # Errors
///
/// What cannot be read.
pub(crate) fn read(from: impl Read) -> Result<Packet, String> {
    serde_json::from_reader(from).map_err(|error| format!("what is to be reviewed: {error}"))
}

impl Packet {
    /// Whether nobody has worked on it yet.
    pub(crate) fn is_untouched(&self) -> bool {
        code(&self.submission.sources).eq(code(&self.given))
    }
}

/// The sources, without manifests and pages.
pub(crate) fn code(files: &Files) -> impl Iterator<Item = (&String, &String)> {
    files.iter().filter(|(path, _)| path.starts_with("src/"))
}

/// A packet about a red submission with a `process::exit` in it, in which this is what somebody else has a hand in.
#[cfg(test)]
pub(crate) fn sample(said: &str) -> Packet {
    let files = |text: &str| Files::from([("src/main.rs".to_owned(), text.to_owned())]);
    let submission = |text: String| Submission {
        verdict: crate::verdict::sample(said).drills.remove(0),
        unformatted: Some(Vec::new()),
        lints: Some(vec![said.to_owned()]),
        sources: files(&text),
        own_tests: Vec::new(),
    };
    let bug = |name: &str, test: &str| Bug {
        name: name.to_owned(),
        bug: format!("`{name}` is forgotten"),
        costs: "an order".to_owned(),
        seen_in: "the brief".to_owned(),
        caught_by: vec![test.to_owned()],
    };
    let names = ["a", "b", "c", "d", "e", "f"];
    Packet {
        drill: "task-03".to_owned(),
        selection: "3".to_owned(),
        submission: submission(format!(
            "#![forbid(unsafe_code)]\nfn main() {{ std::process::exit(1) }} // {said}\n"
        )),
        other: Some(submission(format!("fn main() {{}} // {said}\n"))),
        given: files("fn main() { todo!() }\n"),
        reference: files("fn main() { drain() }\n"),
        criteria: vec![Sentence {
            test: "slow_is_answered".to_owned(),
            criterion: "A `/slow` in flight is answered".to_owned(),
        }],
        zoo: names
            .iter()
            .map(|name| bug(name, if *name < "e" { "slow_is_answered" } else { name }))
            .collect(),
        is_it_finished: include_str!("../../../checklists/submission.md").to_owned(),
        is_it_right: include_str!("../../../checklists/self-review.md").to_owned(),
    }
}
