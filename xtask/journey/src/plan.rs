//! `plan`: which drill is due on which evening.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Zoned;
use jiff::civil::Date;
use lexopt::prelude::*;
use serde_json::json;

use crate::calendar;
use crate::drill::{self, Drill};
use crate::evenings::Evenings;

/// A time-box holds the first attempt. The brief, what it names, and the comparison take as long again.
const WITH_READING: u32 = 2;
/// A longer box is no attempt any more, and holds the reading.
const ATTEMPT: Duration = Duration::from_secs(8 * 60 * 60);
/// What one can do after a day's work.
const EVENING: Duration = Duration::from_secs(2 * 60 * 60);

pub(crate) const HELP: &str = "\
usage: cargo xtask plan --start DATE [OPTIONS]

  --start DATE      the first day, for instance 2026-12-01
  --evenings DAYS   on which days you work, for instance mon,wed,thu
                    (default mon,tue,wed,thu,fri)
  --ics FILE        write the plan for a calendar, too
  --json            as JSON on stdout

An evening is two hours, and each drill begins on one of its own; it takes its
time-box, and as long again for the brief, what it names, and the comparison.
The capstone's week is one of full days, and holds all of that: 20 evenings.
";

/// A drill, and the evenings that it takes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) drill: Drill,
    pub(crate) evenings: Vec<Date>,
}

struct Options {
    start: Date,
    evenings: Evenings,
    ics: Option<PathBuf>,
    json: bool,
}

/// What is to be printed.
///
/// # Errors
///
/// What is wrong with the command line, in one line; or that the calendar cannot be written.
pub(crate) fn run(mut arguments: lexopt::Parser) -> Result<String, String> {
    let (mut start, mut evenings, mut ics, mut json) = (None, Evenings::of_working_days(), None, false);
    while let Some(argument) = arguments.next().map_err(|error| error.to_string())? {
        let value = |parser: &mut lexopt::Parser| {
            let value = parser.value().map_err(|error| error.to_string())?;
            value.string().map_err(|error| error.to_string())
        };
        match argument {
            Short('h') | Long("help") => return Ok(HELP.to_owned()),
            Long("start") => start = Some(date(&value(&mut arguments)?)?),
            Long("evenings") => evenings = Evenings::parse(&value(&mut arguments)?)?,
            Long("ics") => ics = Some(PathBuf::from(value(&mut arguments)?)),
            Long("json") => json = true,
            argument => return Err(format!("{}; see `cargo xtask plan --help`", argument.unexpected())),
        }
    }
    let start = start.ok_or("when do you begin? For instance: cargo xtask plan --start 2026-12-01")?;
    let options = Options { start, evenings, ics, json };
    let plan = plan(drill::read(std::io::stdin())?, &options.evenings, options.start);
    if let Some(path) = &options.ics {
        let written = std::fs::write(path, calendar::of(&plan));
        written.map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    let today = Zoned::now().date();
    Ok(if options.json { as_json(&plan, today) } else { as_text(&plan, today) })
}

fn date(text: &str) -> Result<Date, String> {
    text.parse().map_err(|_| format!("`{text}` is no date: for instance 2026-12-01"))
}

/// One drill after the other.
fn plan(drills: Vec<Drill>, evenings: &Evenings, start: Date) -> Vec<Due> {
    let mut dates = evenings.from(start);
    let due = |drill: Drill| {
        let factor = if drill.time_box > ATTEMPT { 1 } else { WITH_READING };
        let needs = (drill.time_box * factor).as_secs().div_ceil(EVENING.as_secs()).max(1);
        Due { evenings: dates.by_ref().take(needs as usize).collect(), drill }
    };
    drills.into_iter().map(due).collect()
}

impl Due {
    fn end(&self) -> Option<Date> {
        self.evenings.last().copied()
    }
}

/// How many drills should be done before today, and how many are done.
fn standing(plan: &[Due], today: Date) -> (usize, usize) {
    let wanted = plan.iter().filter(|due| due.end().is_some_and(|end| end < today)).count();
    (wanted, plan.iter().filter(|due| due.drill.done).count())
}

fn as_text(plan: &[Due], today: Date) -> String {
    let mut text = String::new();
    let width = plan.iter().map(|due| due.drill.title.chars().count()).max().unwrap_or(0);
    let mut week = None;
    for due in plan {
        let (Some(first), Some(end)) = (due.evenings.first(), due.end()) else { continue };
        let this = first.iso_week_date().week();
        if week.is_some_and(|week| week != this) {
            text.push('\n');
        }
        week = Some(this);
        let days = if *first == end { day(end) } else { format!("{} - {}", day(*first), day(end)) };
        let state = match () {
            () if due.drill.done => "done",
            () if (*first..=end).contains(&today) => "today",
            () if end < today => "late",
            () => "",
        };
        let Drill { name, title, level, .. } = &due.drill;
        let _ = writeln!(
            text,
            "{}",
            format!("{days:<24} {name:<9} {title:<width$}  {level:<12}  {state}").trim_end()
        );
    }
    let (wanted, done) = standing(plan, today);
    let how = match done.cmp(&wanted) {
        std::cmp::Ordering::Less => format!("{} behind", wanted - done),
        std::cmp::Ordering::Equal => "as planned".to_owned(),
        std::cmp::Ordering::Greater => format!("{} ahead", done - wanted),
    };
    let _ = writeln!(text, "\n{done} of {} done, {how}.", plan.len());
    if let Some(next) = plan.iter().find(|due| !due.drill.done) {
        let number = next.drill.name.trim_start_matches("task-").trim_start_matches('0');
        let _ = writeln!(
            text,
            "Next: {}, {}. Begin with: cargo xtask check {number}",
            next.drill.name, next.drill.title
        );
    }
    text
}

/// `Tue 1 Dec`.
fn day(date: Date) -> String {
    date.strftime("%a %-d %b").to_string()
}

fn as_json(plan: &[Due], today: Date) -> String {
    let evenings = |due: &Due| due.evenings.iter().map(Date::to_string).collect::<Vec<_>>();
    let row = |due: &Due| json!({"drill": due.drill.name, "evenings": evenings(due), "done": due.drill.done});
    let (wanted, done) = standing(plan, today);
    let value = json!({
        "version": 1,
        "today": today.to_string(),
        "due_before_today": wanted,
        "done": done,
        "drills": plan.iter().map(row).collect::<Vec<_>>(),
    });
    format!("{value:#}\n")
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn drill(name: &str, minutes: u64, done: bool) -> Drill {
        let time_box = Duration::from_secs(60 * minutes);
        Drill {
            name: name.to_owned(),
            title: "A drill".to_owned(),
            level: "beginner".to_owned(),
            time_box,
            done,
        }
    }

    fn three(done: [bool; 3]) -> Vec<Due> {
        let drills = vec![
            drill("task-01", 30, done[0]),
            drill("task-02", 120, done[1]),
            drill("task-03", 60, done[2]),
        ];
        plan(drills, &Evenings::of_working_days(), date(2026, 12, 3))
    }

    #[test]
    fn a_drill_takes_its_box_twice_and_begins_on_an_evening_of_its_own() {
        let plan = three([false; 3]);
        let evenings: Vec<Vec<Date>> = plan.into_iter().map(|due| due.evenings).collect();
        // From a Thursday on.
        assert_eq!(evenings[0], [date(2026, 12, 3)]);
        assert_eq!(evenings[1], [date(2026, 12, 4), date(2026, 12, 7)]);
        assert_eq!(evenings[2], [date(2026, 12, 8)]);
    }

    #[test]
    fn a_box_longer_than_a_day_holds_its_reading() {
        let drills = vec![drill("capstone", 40 * 60, false)];
        let plan = plan(drills, &Evenings::of_working_days(), date(2026, 12, 1));
        assert_eq!(plan[0].evenings.len(), 20);
    }

    #[test]
    fn who_is_behind_is_told_by_how_much_and_what_is_next() {
        let text = as_text(&three([true, false, false]), date(2026, 12, 9));
        assert!(text.contains("1 of 3 done, 2 behind."), "{text}");
        assert!(text.contains("Next: task-02, A drill. Begin with: cargo xtask check 2"), "{text}");
        assert!(text.contains("Fri 4 Dec - Mon 7 Dec") && text.contains("late"), "{text}");
        let text = as_text(&three([true, true, true]), date(2026, 12, 4));
        assert!(text.contains("3 of 3 done, 2 ahead.") && !text.contains("Next"), "{text}");
    }
}
