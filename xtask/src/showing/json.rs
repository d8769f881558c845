//! The verdict as a program reads it.

use std::time::Duration;

use drain_record::Event;
use tinyjson::JsonValue;

use crate::judging::verdict::{self, Judged, LightVerdict, Verdict, Word};
use crate::value::{list, number, object, optional, text};

/// Changes when a program that reads the output would have to change.
const FORMAT: f64 = 1.0;

/// Everything that the screen shows, and the events behind it.
pub(crate) fn verdicts(verdicts: &[Verdict]) -> JsonValue {
    let worst = verdict::exit_code(verdicts);
    object([
        ("version", number(FORMAT)),
        ("exit_code", number(worst)),
        ("drills", list(verdicts.iter().map(verdict))),
    ])
}

pub(crate) fn verdict(verdict: &Verdict) -> JsonValue {
    object([
        ("drill", text(&verdict.drill.name)),
        ("title", text(&verdict.drill.title)),
        ("set", text(verdict.set.folder())),
        ("path", text(verdict.path.display().to_string())),
        ("done", JsonValue::Boolean(verdict.done())),
        ("changed", list(verdict.tampered.changed.iter().map(text))),
        ("not_compared", optional(verdict.tampered.not_compared.as_deref())),
        ("compiler", optional(verdict.compiler.as_deref())),
        ("lights", list(verdict.lights.iter().map(light))),
    ])
}

fn light(light: &LightVerdict) -> JsonValue {
    object([
        ("light", text(light.light.name())),
        ("verdict", text(light.word.text())),
        ("summary", text(&light.summary)),
        ("seconds", number(light.took.as_secs_f64())),
        ("criteria", list(light.criteria.iter().map(criterion))),
    ])
}

fn criterion(judged: &Judged) -> JsonValue {
    let story = &judged.story;
    let lines = |lines: &[String]| list(lines.iter().map(text));
    let steps = story.steps.iter().map(|(who, what)| object([("who", text(who)), ("what", text(what))]));
    object([
        ("test", text(judged.criterion.path())),
        ("criterion", text(&judged.criterion.sentence)),
        ("why", text(&judged.criterion.why)),
        ("verdict", text(judged.word.text())),
        ("seconds", number(judged.took.as_secs_f64())),
        ("headline", text(&story.headline)),
        ("expected", optional(story.expected.as_deref())),
        ("observed", optional(story.observed.as_deref())),
        ("picture", lines(&story.picture)),
        ("steps", list(steps)),
        ("seed", optional(story.seed.as_deref())),
        (
            "facts",
            list(
                story
                    .facts
                    .iter()
                    .map(|(name, value)| object([("name", text(*name)), ("value", text(value))])),
            ),
        ),
        ("notes", lines(&story.notes)),
        ("output", lines(&story.output)),
        ("events", list(story.events.iter().map(event))),
        ("lag_ms", story.lag.map_or(JsonValue::Null, milliseconds)),
        ("failed", JsonValue::Boolean(judged.word.is_failure())),
        ("judged", JsonValue::Boolean(!matches!(judged.word, Word::Unknown | Word::NotRun))),
    ])
}

fn event(Event { at, lane, what }: &Event) -> JsonValue {
    object([("at_ms", milliseconds(*at)), ("lane", text(lane)), ("what", text(what))])
}

fn milliseconds(time: Duration) -> JsonValue {
    number(time.as_secs_f64() * 1e3)
}
