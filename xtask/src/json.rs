//! JSON: reading it without ceremony, and the verdict as a program reads it.

use std::collections::HashMap;

use tinyjson::JsonValue;

use crate::verdict::{Judged, LightVerdict, Verdict, Word};

/// Changes when a program that reads the output would have to change.
const FORMAT: f64 = 1.0;

/// Fields of an object, with something harmless where there is none.
pub(crate) trait Get {
    fn get_value(&self, name: &str) -> Option<&JsonValue>;
    fn text(&self, name: &str) -> String;
    fn number(&self, name: &str) -> Option<f64>;
    fn list(&self, name: &str) -> Vec<JsonValue>;
}

impl Get for JsonValue {
    fn get_value(&self, name: &str) -> Option<&JsonValue> {
        self.get::<HashMap<String, JsonValue>>()?.get(name)
    }

    fn text(&self, name: &str) -> String {
        self.get_value(name).and_then(|value| value.get::<String>()).cloned().unwrap_or_default()
    }

    fn number(&self, name: &str) -> Option<f64> {
        self.get_value(name)?.get().copied()
    }

    fn list(&self, name: &str) -> Vec<JsonValue> {
        self.get_value(name).and_then(|value| value.get::<Vec<JsonValue>>()).cloned().unwrap_or_default()
    }
}

pub(crate) fn object<const N: usize>(fields: [(&str, JsonValue); N]) -> JsonValue {
    JsonValue::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

pub(crate) fn text(text: impl Into<String>) -> JsonValue {
    JsonValue::String(text.into())
}

pub(crate) fn list(values: impl IntoIterator<Item = JsonValue>) -> JsonValue {
    JsonValue::Array(values.into_iter().collect())
}

pub(crate) fn number(number: impl Into<f64>) -> JsonValue {
    JsonValue::Number(number.into())
}

fn optional(value: Option<impl Into<String>>) -> JsonValue {
    value.map_or(JsonValue::Null, text)
}

/// Everything that the screen shows, and the events behind it.
pub(crate) fn verdicts(verdicts: &[Verdict]) -> JsonValue {
    let worst = crate::verdict::exit_code(verdicts);
    object([
        ("version", number(FORMAT)),
        ("exit_code", number(worst)),
        ("drills", list(verdicts.iter().map(verdict))),
    ])
}

fn verdict(verdict: &Verdict) -> JsonValue {
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
    object([
        ("test", text(&judged.criterion.name)),
        ("criterion", text(&judged.criterion.sentence)),
        ("why", text(&judged.criterion.why)),
        ("verdict", text(judged.word.text())),
        ("seconds", number(judged.took.as_secs_f64())),
        ("headline", text(&story.headline)),
        ("expected", optional(story.expected.as_deref())),
        ("observed", optional(story.observed.as_deref())),
        ("picture", lines(&story.picture)),
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
        ("events", list(story.events.iter().cloned())),
        ("lag_ms", story.lag_ms.map_or(JsonValue::Null, JsonValue::Number)),
        ("failed", JsonValue::Boolean(judged.word.is_failure())),
        ("judged", JsonValue::Boolean(!matches!(judged.word, Word::Unknown | Word::NotRun))),
    ])
}
