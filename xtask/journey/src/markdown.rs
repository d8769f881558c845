//! A verdict as Markdown, for a pull request or the summary of a run on CI.
//!
//! What comes from a submission stands in code, where it calls nobody, links nowhere, and is no HTML.

use std::fmt::Write as _;

use crate::page::harmless;
use crate::verdict::{Check, Criterion, Light, Verdict};

/// The verdicts, one below the other.
pub(crate) fn of(check: &Check) -> String {
    let verdicts: Vec<String> = check.drills.iter().map(verdict).collect();
    harmless(&verdicts.join("\n"))
}

pub(crate) fn verdict(verdict: &Verdict) -> String {
    let mut out = format!("## {}: {}\n\n", verdict.drill, verdict.title);
    let _ = writeln!(out, "**{}** {}\n", verdict.ending(), code(&verdict.path));
    for change in &verdict.changed {
        let _ = writeln!(out, "changed: {}\n", code(change));
    }
    if let Some(reason) = &verdict.not_compared {
        let _ = writeln!(out, "unchecked, whether the tests are the committed ones: {}\n", code(reason));
    }
    out += "| light | verdict | |\n| --- | --- | --- |\n";
    for Light { name, word, summary, .. } in &verdict.lights {
        let _ = writeln!(out, "| {name} | {word} | {} |", code(summary).replace('|', "\\|"));
    }
    if let Some(said) = &verdict.compiler {
        let _ = write!(out, "\n{}", block(said));
    }
    let first = verdict.first_failure();
    let told =
        verdict.lights.iter().flat_map(|light| &light.criteria).filter(|one| one.failed || one.word == "???");
    for criterion in told {
        let in_full = first.is_some_and(|first| std::ptr::eq(first, criterion));
        let same = !in_full && first.is_some_and(|first| first.symptom() == criterion.symptom());
        out += &story(criterion, in_full, same);
    }
    out
}

fn story(criterion: &Criterion, in_full: bool, same: bool) -> String {
    let Criterion { word, sentence, headline, .. } = criterion;
    let beside = match () {
        () if same => " (the same)".to_owned(),
        () if headline.is_empty() => String::new(),
        () => format!(" ({})", code(headline)),
    };
    let mut out = format!("\n**{word}** {sentence}{beside}\n");
    if same {
        return out;
    }
    let mut told = String::new();
    let expected = criterion.expected().filter(|_| in_full).map(|expected| ("expected", expected));
    let observed = criterion.observed.as_deref().map(|observed| ("observed", observed));
    let facts = criterion.facts.iter().map(|fact| (fact.name.as_str(), fact.value.as_str()));
    for (name, value) in expected.into_iter().chain(observed).chain(facts) {
        let _ = writeln!(told, "{name:<12}  {value}");
    }
    for line in &criterion.output {
        let _ = writeln!(told, "| {line}");
    }
    if in_full {
        for (number, step) in (1..).zip(&criterion.steps) {
            let _ = writeln!(told, "{number:>3} {:<10} {}", step.who, step.what);
        }
        if !criterion.picture.is_empty() {
            let _ = write!(told, "\n{}\n", criterion.picture.join("\n"));
        }
    }
    if !told.is_empty() {
        let _ = write!(out, "\n{}", block(told.trim_end()));
    }
    if in_full && !criterion.why.is_empty() {
        let _ = writeln!(out, "\n> {}", criterion.why);
    }
    out
}

/// Text in a line, as code.
pub(crate) fn code(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_empty() {
        return text;
    }
    let marks = "`".repeat(longest_run(&text) + 1);
    let room = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{marks}{room}{text}{room}{marks}")
}

/// Lines, as a block of code that none of them ends.
pub(crate) fn block(text: &str) -> String {
    fenced("text", text)
}

pub(crate) fn fenced(language: &str, text: &str) -> String {
    let fence = "`".repeat((longest_run(text) + 1).max(3));
    format!("{fence}{language}\n{text}\n{fence}\n")
}

/// How many backticks stand side by side.
fn longest_run(text: &str) -> usize {
    text.split(|letter| letter != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::sample;

    #[test]
    fn text_of_a_stranger_does_not_leave_its_code() {
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("a``b"), "```a``b```");
        assert_eq!(code("`\n@all"), "`` ` @all ``");
        assert_eq!(block("```\n<b>"), "````text\n```\n<b>\n````\n");
    }

    #[test]
    fn a_verdict_says_what_was_expected_what_was_seen_and_when() {
        let text = of(&sample("GET /slow"));
        for needed in [
            "**Not done: 2 of 5 lights.**",
            "| tests | RED | `GET /slow` |",
            "**RED** A `/slow` in flight is answered",
            "observed      GET /slow",
            "'  <-- here",
            "> A person waits",
        ] {
            assert!(text.contains(needed), "{needed}: {text}");
        }
    }

    #[test]
    fn a_stranger_calls_nobody_and_writes_no_html() {
        let text = of(&sample("@all <img src=x> | ``` [a](b)"));
        let outside: String = text.split("````").step_by(2).collect();
        assert!(text.contains("@all") && !outside.contains("@all") && !outside.contains("<img"), "{outside}");
    }
}
