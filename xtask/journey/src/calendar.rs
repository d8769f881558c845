//! The plan for a calendar.

use icalendar::{Calendar, Component as _, Event, Property};
use jiff::civil::Date;

use crate::plan::Due;

/// A day-long entry for each evening.
pub(crate) fn of(plan: &[Due]) -> String {
    let mut calendar = Calendar::new();
    calendar.name("Drain Drills");
    for due in plan {
        for (number, evening) in (1..).zip(&due.evenings) {
            let what = format!("{}: {}", due.drill.name, due.drill.title);
            // Not the date: a plan with other dates is to replace the old one when it is imported.
            let id = format!("{}-{number}@drain-drills", due.drill.name);
            let mut event = Event::new();
            let day = Property::new("DTSTART", basic(*evening)).add_parameter("VALUE", "DATE").done();
            calendar.push(event.uid(&id).summary(&what).append_property(day).done());
        }
    }
    calendar.to_string()
}

/// `20261201`.
fn basic(date: Date) -> String {
    date.strftime("%Y%m%d").to_string()
}
