//! What is known of each drill.

use std::collections::HashMap;
use std::io::Read;
use std::time::Duration;

use tinyjson::JsonValue;

/// One drill, as `cargo xtask list --json` tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Drill {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) level: String,
    pub(crate) time_box: Duration,
    pub(crate) done: bool,
}

/// Reads them all.
///
/// # Errors
///
/// What cannot be read.
pub(crate) fn read(mut from: impl Read) -> Result<Vec<Drill>, String> {
    let mut text = String::new();
    from.read_to_string(&mut text).map_err(|error| format!("the list of drills: {error}"))?;
    let list: JsonValue = text.parse().map_err(|error| format!("the list of drills is no JSON: {error}"))?;
    let drills = object(&list).and_then(|list| list.get("drills")?.get::<Vec<JsonValue>>());
    drills.ok_or("the list of drills has no `drills`")?.iter().map(one).collect()
}

fn one(value: &JsonValue) -> Result<Drill, String> {
    let text = |name: &str| {
        let text = object(value).and_then(|drill| drill.get(name)?.get::<String>());
        text.cloned().ok_or_else(|| format!("a drill in the list has no `{name}`"))
    };
    let (name, time_box) = (text("drill")?, text("time_box")?);
    let time_box = humantime::parse_duration(&time_box)
        .map_err(|error| format!("the time-box of {name} is `{time_box}`: {error}"))?;
    Ok(Drill { title: text("title")?, level: text("level")?, done: text("state")? == "done", name, time_box })
}

fn object(value: &JsonValue) -> Option<&HashMap<String, JsonValue>> {
    value.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drill_is_read_as_the_list_tells_it() {
        let list = r#"{"version": 1, "next": null, "drills": [{"drill": "task-01", "title": "Smallest", "level": "beginner",
            "time_box": "30 minutes", "state": "done", "hints_read": 0}]}"#;
        let [drill] = read(list.as_bytes()).unwrap().try_into().unwrap();
        assert_eq!((drill.time_box, drill.done), (Duration::from_secs(1_800), true));
    }

    #[test]
    fn what_is_no_list_is_said() {
        for list in [
            "",
            "[]",
            "{\"drills\": [{}]}",
            "{\"drills\": [{\"drill\": \"task-01\", \"time_box\": \"long\"}]}",
        ] {
            assert!(read(list.as_bytes()).is_err(), "{list}");
        }
    }
}
