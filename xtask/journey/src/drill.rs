//! What is known of each drill.

use std::io::Read;
use std::time::Duration;

use serde::Deserialize;

/// A week of full days. For `humantime` one has nights, too.
const WEEK: Duration = Duration::from_secs(5 * 8 * 60 * 60);

/// One drill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Drill {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) level: String,
    pub(crate) time_box: Duration,
    pub(crate) done: bool,
}

/// As `cargo xtask list --json` tells them.
#[derive(Deserialize)]
struct List {
    drills: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    drill: String,
    title: String,
    level: String,
    time_box: String,
    state: String,
}

/// Reads them all.
///
/// # Errors
///
/// What cannot be read.
pub(crate) fn read(from: impl Read) -> Result<Vec<Drill>, String> {
    let list: List = serde_json::from_reader(from).map_err(|error| format!("the list of drills: {error}"))?;
    list.drills.into_iter().map(one).collect()
}

fn one(Listed { drill: name, title, level, time_box, state }: Listed) -> Result<Drill, String> {
    let time_box =
        duration(&time_box).map_err(|why| format!("the time-box of {name} is `{time_box}`: {why}"))?;
    Ok(Drill { name, title, level, time_box, done: state == "done" })
}

fn duration(text: &str) -> Result<Duration, String> {
    let weeks = text.strip_suffix("week").or(text.strip_suffix("weeks"));
    match weeks.map(|weeks| weeks.trim().parse::<u32>()) {
        Some(Ok(weeks)) => Ok(WEEK * weeks),
        _ => humantime::parse_duration(text).map_err(|error| error.to_string()),
    }
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
    fn a_week_has_five_days_of_eight_hours() {
        for (text, hours) in [("1 week", 40), ("2 weeks", 80), ("2 hours", 2)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(hours * 3_600)), "{text}");
        }
        assert!(duration("some weeks").is_err());
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
