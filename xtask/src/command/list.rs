//! All drills: level, time-box, how far the learner is.

use lexopt::prelude::*;
use tinyjson::JsonValue;

use crate::command::Command;
use crate::drill::Drill;
use crate::error::Result;
use crate::progress::Progress;
use crate::selection;
use crate::time_box::AtWork;
use crate::value::{self, list, number, object, text};

pub(crate) const COMMAND: Command = Command {
    name: "list",
    summary: "all drills: level, time-box, how far you are, how long it took",
    help: "usage: cargo xtask list [SELECTION...] [--json]\n",
    run,
};

fn run(mut arguments: lexopt::Parser) -> Result<u8> {
    let (mut words, mut json) = (Vec::new(), false);
    while let Some(argument) = arguments.next()? {
        match argument {
            Value(word) => words.push(word.string()?),
            Long("json") => json = true,
            argument => return Err(argument.unexpected().into()),
        }
    }
    let chosen = selection::or_all(&words)?;
    let progress = Progress::load()?;
    if json {
        value::print(&as_json(&chosen, &progress))?;
    } else {
        let width = chosen.iter().map(|drill| drill.title.chars().count()).max().unwrap_or(0);
        for drill in &chosen {
            let Drill { name, title, level, time_box, .. } = drill;
            let time =
                progress.at_work(drill).said().map_or(String::new(), |time| format!(", {time} at work"));
            let state = state(drill, &progress);
            println!("{name:<9} {title:<width$}  {level:<12}  {time_box:<10}  {state}{time}");
        }
        println!("\n{} of {} done. {}", done(&chosen, &progress), chosen.len(), progress.next_of(&chosen));
        println!("All that there is to read: cargo xtask book");
    }
    Ok(0)
}

/// The same as a value, for `--json` and for the crate that plans.
pub(crate) fn as_json(drills: &[Drill], progress: &Progress) -> JsonValue {
    let rows = drills.iter().map(|drill| {
        object([
            ("drill", text(&drill.name)),
            ("title", text(&drill.title)),
            ("level", text(&drill.level)),
            ("time_box", text(&drill.time_box)),
            ("state", text(state(drill, progress))),
            ("hints_read", number(progress.hints(drill) as f64)),
            ("at_work_s", number(progress.at_work(drill).time.as_secs_f64())),
        ])
    });
    let next = drills.iter().find(|drill| !progress.is_done(drill));
    object([
        ("version", number(1)),
        ("drills", list(rows)),
        ("done", number(done(drills, progress) as f64)),
        ("next", next.map_or(JsonValue::Null, |drill| text(&drill.name))),
    ])
}

fn done(drills: &[Drill], progress: &Progress) -> usize {
    drills.iter().filter(|drill| progress.is_done(drill)).count()
}

fn state(drill: &Drill, progress: &Progress) -> String {
    match progress.lights(drill) {
        None if progress.at_work(drill) == AtWork::default() => "not begun".to_owned(),
        None => "begun".to_owned(),
        Some(5) => "done".to_owned(),
        Some(lights) => format!("{lights} of 5 lights"),
    }
}
