//! What `cargo xtask check --json` tells, as far as a page shows it.

use std::io::Read;

use serde::Deserialize;

/// The verdicts on some drills.
#[derive(Debug, Deserialize)]
pub(crate) struct Check {
    pub(crate) drills: Vec<Verdict>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Verdict {
    pub(crate) drill: String,
    pub(crate) title: String,
    pub(crate) path: String,
    pub(crate) done: bool,
    pub(crate) changed: Vec<String>,
    pub(crate) not_compared: Option<String>,
    pub(crate) compiler: Option<String>,
    pub(crate) lights: Vec<Light>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Light {
    #[serde(rename = "light")]
    pub(crate) name: String,
    #[serde(rename = "verdict")]
    pub(crate) word: String,
    pub(crate) summary: String,
    pub(crate) criteria: Vec<Criterion>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Criterion {
    pub(crate) test: String,
    #[serde(rename = "criterion")]
    pub(crate) sentence: String,
    pub(crate) why: String,
    #[serde(rename = "verdict")]
    pub(crate) word: String,
    pub(crate) failed: bool,
    pub(crate) seconds: f64,
    pub(crate) headline: String,
    pub(crate) expected: Option<String>,
    pub(crate) observed: Option<String>,
    pub(crate) picture: Vec<String>,
    pub(crate) steps: Vec<Step>,
    pub(crate) facts: Vec<Fact>,
    pub(crate) notes: Vec<String>,
    pub(crate) output: Vec<String>,
    pub(crate) events: Vec<Event>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Step {
    pub(crate) who: String,
    pub(crate) what: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Fact {
    pub(crate) name: String,
    pub(crate) value: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Event {
    pub(crate) at_ms: f64,
    pub(crate) lane: String,
    pub(crate) what: String,
}

/// Reads what the runner tells.
///
/// # Errors
///
/// What cannot be read.
pub(crate) fn read(from: impl Read) -> Result<Check, String> {
    serde_json::from_reader(from).map_err(|error| format!("the verdict: {error}"))
}

impl Verdict {
    pub(crate) fn lights_on(&self) -> usize {
        self.lights.iter().filter(|light| light.word == "ok").count()
    }

    /// The failure that explains the others: it is told in full.
    pub(crate) fn first_failure(&self) -> Option<&Criterion> {
        self.lights.iter().flat_map(|light| &light.criteria).find(|criterion| criterion.failed)
    }

    /// What came of it, in one sentence.
    pub(crate) fn ending(&self) -> String {
        let lights = self.lights_on();
        let unknown = self.lights.iter().any(|light| light.word == "???");
        match self.lights.first() {
            Some(builds) if self.compiler.is_some() => format!("Not done: it {}.", builds.summary),
            _ if self.done => "Done: 5 of 5 lights.".to_owned(),
            _ if self.failed() => format!("Not done: {lights} of 5 lights."),
            _ if unknown => format!("Not judged in full: {lights} of 5 lights."),
            _ if lights == 5 => {
                "Not counted: 5 of 5 lights, by tests that are not the committed ones.".to_owned()
            }
            _ => format!("So far so good: {lights} of 5 lights, the rest was not run."),
        }
    }

    /// The word for all of it.
    pub(crate) fn word(&self) -> &'static str {
        match () {
            () if self.failed() => "RED",
            () if self.done => "ok",
            () => "???",
        }
    }

    fn failed(&self) -> bool {
        self.lights.iter().any(|light| !matches!(light.word.as_str(), "ok" | "--" | "???"))
    }
}

impl Criterion {
    /// What was seen, without the numbers: failures that look alike usually have one cause.
    pub(crate) fn symptom(&self) -> String {
        let seen = self.observed.as_deref().unwrap_or(&self.headline);
        let waits = self.facts.iter().map(|fact| fact.value.as_str());
        let text: String = std::iter::once(seen).chain(waits).collect();
        text.chars().filter(|letter| !letter.is_ascii_digit()).collect()
    }

    /// `14 ms`, `1.50 s`.
    pub(crate) fn took(&self) -> String {
        if self.seconds < 1.0 {
            format!("{:.0} ms", self.seconds * 1e3)
        } else {
            format!("{:.2} s", self.seconds)
        }
    }

    /// What must hold, unless the sentence has just said it.
    pub(crate) fn expected(&self) -> Option<&str> {
        self.expected.as_deref().filter(|expected| *expected != self.sentence)
    }
}

/// A red verdict, in which this is what somebody else has a hand in.
#[cfg(test)]
pub(crate) fn sample(said: &str) -> Check {
    let events = serde_json::json!([
        {"at_ms": 1.0, "lane": "client 1", "what": said},
        {"at_ms": 503.0, "lane": "SIGTERM", "what": ""},
        {"at_ms": 506.0, "lane": "client 1", "what": "cut off"},
    ]);
    let shown = crate::page::shortened(said, 33);
    let picture = [
        format!("    -502 ms   client 1   {shown:<33} ."),
        format!("       0 ms   SIGTERM    {:<33} |", ""),
        format!("      +3 ms   client 1   {:<33} '  <-- here", "cut off"),
    ];
    let red = serde_json::json!({
        "test": "slow_is_answered", "criterion": "A `/slow` in flight is answered", "why": "A person waits", "verdict": "RED", "failed": true,
        "seconds": 0.5, "headline": said, "expected": said, "observed": said, "picture": picture,
        "steps": [{"who": said, "what": said}], "facts": [{"name": "waiting for", "value": said}],
        "notes": [said], "output": [said], "events": events,
    });
    let ok = serde_json::json!({
        "test": "leaks::it_exits", "criterion": "It exits", "why": "", "verdict": "ok", "failed": false, "seconds": 0.014, "headline": "",
        "expected": null, "observed": null, "picture": [], "steps": [], "facts": [], "notes": [said], "output": [],
        "events": [],
    });
    let light = |name: &str, word: &str, criteria: &[&serde_json::Value]| serde_json::json!({"light": name, "verdict": word, "summary": said, "criteria": criteria});
    let check = serde_json::json!({"drills": [{
        "drill": "task-03", "title": "HTTP server", "path": said, "done": false, "changed": [said],
        "not_compared": said, "compiler": null,
        "lights": [light("builds", "ok", &[]), light("tests", "RED", &[&red, &ok]), light("leaks", "ok", &[&ok])],
    }]});
    read(check.to_string().as_bytes()).expect("it is what the runner tells")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_called_done_that_was_not_judged_in_full() {
        let ending = |words: [&str; 3], done| {
            let mut verdict = sample("a").drills.remove(0);
            verdict.done = done;
            verdict.lights.iter_mut().zip(words).for_each(|(light, word)| light.word = word.to_owned());
            (verdict.ending(), verdict.word())
        };
        for (words, begins, word) in [
            (["ok", "RED", "???"], "Not done: 1 of 5", "RED"),
            (["ok", "ok", "???"], "Not judged in full: 2 of 5", "???"),
            (["ok", "ok", "--"], "So far so good: 2 of 5", "???"),
        ] {
            let said = ending(words, false);
            assert!(said.0.starts_with(begins) && said.1 == word, "{words:?}: {said:?}");
        }
        assert_eq!(ending(["ok"; 3], true), ("Done: 5 of 5 lights.".to_owned(), "ok"));
    }
}
