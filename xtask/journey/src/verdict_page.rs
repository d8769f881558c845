//! A verdict as a page.

use maud::{Markup, html};

use crate::page::prose;
use crate::verdict::{Check, Criterion, Event, Light, Verdict};
use crate::{page, picture, timeline};

/// Of a crowd, the page shows so many events.
const MOST_EVENTS: usize = 200;

/// The verdicts as one page.
pub(crate) fn of(check: &Check) -> String {
    let names: Vec<&str> = check.drills.iter().map(|verdict| verdict.drill.as_str()).collect();
    let content = html! { @for verdict in &check.drills { (article(verdict)) } };
    page::of(&format!("{}: verdict", names.join(", ")), &content)
}

/// One verdict.
pub(crate) fn article(verdict: &Verdict) -> Markup {
    html! {
        article {
            h1 {
                (verdict.drill) ": " (verdict.title)
                small { code { (verdict.path) } }
            }
            p.ending.(class(verdict.word())) { (verdict.ending()) }
            @for change in &verdict.changed {
                p.remark { "changed: " (change) }
            }
            @if let Some(reason) = &verdict.not_compared {
                p.remark { "unchecked, whether the tests are the committed ones: " (reason) }
            }
            ol.lights {
                @for light in &verdict.lights {
                    li.(class(&light.word)) {
                        b { (light.name) } " " span.word.(class(&light.word)) { (light.word) }
                        small { (light.summary) }
                    }
                }
            }
            @if let Some(said) = &verdict.compiler { pre { (said) } }
            @for light in verdict.lights.iter().filter(|light| !light.criteria.is_empty()) {
                (section(light, verdict.first_failure()))
            }
        }
    }
}

fn section(light: &Light, first: Option<&Criterion>) -> Markup {
    // What came of each failure is told below the others, so that these stay together.
    let (failed, others): (Vec<&Criterion>, Vec<&Criterion>) =
        light.criteria.iter().partition(|one| one.failed);
    html! {
        section {
            h2 { (light.name) }
            @for criterion in failed { (story(criterion, first)) }
            @if !others.is_empty() {
                table {
                    @for criterion in others { (line(criterion)) }
                }
            }
        }
    }
}

/// A criterion that holds, or that was not judged.
fn line(criterion: &Criterion) -> Markup {
    html! {
        tr {
            td { span.word.(class(&criterion.word)) { (criterion.word) } }
            td {
                (prose(&criterion.sentence))
                @for note in &criterion.notes { br; span.quiet { (note) } }
                @if criterion.word != "ok" {
                    @for fact in &criterion.facts { br; span.quiet { (fact.name) " " (fact.value) } }
                }
            }
            td.took { @if criterion.word == "ok" { (criterion.took()) } }
        }
    }
}

/// A criterion that does not hold: the first is told at once, those that look the same only to who asks.
fn story(criterion: &Criterion, first: Option<&Criterion>) -> Markup {
    let is_first = first.is_some_and(|first| std::ptr::eq(first, criterion));
    let same = !is_first && first.is_some_and(|first| first.symptom() == criterion.symptom());
    html! {
        details.story open[is_first] {
            summary {
                span.word.(class(&criterion.word)) { (criterion.word) }
                (prose(&criterion.sentence)) " "
                span.quiet { @if same { "(the same)" } @else { (criterion.headline) } }
            }
            dl {
                @if let Some(expected) = criterion.expected() { dt { "expected" } dd { (expected) } }
                @if let Some(observed) = &criterion.observed { dt { "observed" } dd { (observed) } }
                @for fact in &criterion.facts { dt { (fact.name) } dd { (fact.value) } }
            }
            @if !criterion.steps.is_empty() { (steps(criterion)) }
            @if !criterion.output.is_empty() { pre { (criterion.output.join("\n")) } }
            @if !criterion.picture.is_empty() {
                figure { (picture::svg(&timeline::rows(&criterion.picture, &criterion.events))) }
            }
            @if !criterion.why.is_empty() { p.why { (prose(&criterion.why)) } }
            @if !criterion.events.is_empty() { (recorded(&criterion.events)) }
        }
    }
}

/// The schedule in which it fails.
fn steps(criterion: &Criterion) -> Markup {
    html! {
        table {
            @for (number, step) in (1..).zip(&criterion.steps) {
                tr { td.quiet { (number) } td { b { (step.who) } } td { (step.what) } }
            }
        }
    }
}

/// Everything, for who wants to know more than the picture shows.
fn recorded(events: &[Event]) -> Markup {
    let left_out = events.len().saturating_sub(MOST_EVENTS);
    html! {
        details.recorded {
            summary.quiet { "all that was recorded, from the start of the test on" }
            table {
                @for event in events.iter().take(MOST_EVENTS) {
                    tr { td.took { (format!("{:.1} ms", event.at_ms)) } td { b { (event.lane) } } td { (event.what) } }
                }
            }
            @if left_out > 0 { p.quiet { "(" (left_out) " more)" } }
        }
    }
}

/// A word as a class.
pub(crate) fn class(word: &str) -> &str {
    match word {
        "???" => "unknown",
        "--" => "not-run",
        word => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::sample;

    #[test]
    fn what_a_stranger_has_written_stays_text() {
        let hostile = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>&amp;";
        let tags = |said: &str| of(&sample(said)).matches('<').count();
        for hostile in ["<b>", hostile] {
            let harmless = "x".repeat(hostile.len());
            assert_eq!(tags(hostile), tags(&harmless), "{hostile} is taken for tags");
        }
        let mut check = sample(hostile);
        check.drills[0].compiler = Some(hostile.to_owned());
        for text in ["drill", "title"] {
            let field = if text == "drill" { &mut check.drills[0].drill } else { &mut check.drills[0].title };
            *field = hostile.to_owned();
        }
        let page = of(&check);
        assert!(!page.contains("<script") && !page.contains("<img") && !page.contains("\"'>"), "{page}");
        assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "it is shown: {page}");
    }

    #[test]
    fn a_failure_is_told_with_its_picture_and_the_moment_at_which_it_failed() {
        let page = of(&sample("GET /slow"));
        for needed in [
            "Not done: 2 of 5 lights.",
            "<code>/slow</code> in flight is answered",
            "<dt>expected</dt>",
            "<dt>observed</dt>",
            "<svg class=\"timeline\"",
            "class=\"bar failed\"",
            "here</tspan>",
            "+3 ms client 1 cut off (here it failed)",
            "A person waits",
            "14 ms",
        ] {
            assert!(page.contains(needed), "{needed}: {page}");
        }
    }

    #[test]
    fn failures_that_look_the_same_are_told_once() {
        let mut check = sample("GET /slow");
        let again = sample("GET /slow").drills.remove(0).lights.remove(1).criteria.remove(0);
        check.drills[0].lights[1].criteria.push(again);
        let page = of(&check);
        assert_eq!(page.matches("<details class=\"story\" open").count(), 1, "{page}");
        assert_eq!(page.matches("(the same)").count(), 1, "{page}");
    }
}
