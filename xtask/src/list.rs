//! All drills: level, time-box, how far the learner is.

use crate::drill::{self, Drill};
use crate::error::{Error, Result};
use crate::json::{list, number, object, text};
use crate::progress::Progress;

pub(crate) fn run(words: &[String], json: bool) -> Result<u8> {
    let drills = drill::all()?;
    let chosen = if words.is_empty() { drills } else { drill::select(words, &drills)? };
    let progress = Progress::load()?;
    if json {
        let rows = chosen.iter().map(|drill| {
            object([
                ("drill", text(&drill.name)),
                ("title", text(&drill.title)),
                ("level", text(&drill.level)),
                ("time_box", text(&drill.time_box)),
                ("state", text(state(drill, &progress))),
                ("hints_read", number(progress.hints(drill) as f64)),
            ])
        });
        let value = object([("version", number(1)), ("drills", list(rows))]);
        println!("{}", value.format().map_err(|error| Error::new(error.to_string()))?);
    } else {
        let width = chosen.iter().map(|drill| drill.title.chars().count()).max().unwrap_or(0);
        for drill in &chosen {
            let Drill { name, title, level, time_box, .. } = drill;
            println!("{name:<9} {title:<width$}  {level:<12}  {time_box:<10}  {}", state(drill, &progress));
        }
    }
    Ok(0)
}

fn state(drill: &Drill, progress: &Progress) -> String {
    match progress.lights(drill) {
        None => "not begun".to_owned(),
        Some(5) => "done".to_owned(),
        Some(lights) => format!("{lights} of 5 lights"),
    }
}
