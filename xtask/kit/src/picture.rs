//! The timeline as a learner sees it.
//!
//! ```text
//!      -503 ms   client 1   GET /slow                      .
//!         0 ms   SIGTERM                                   |
//!        +3 ms   client 2   GET /ready: connection refused |  <-- here
//!     +1498 ms   client 1   200, 2 bytes                   '
//! ```

use std::collections::HashMap;

use crate::timeline::{Event, Moment, Record, Role};

/// More lines than this hide the point; the rest is counted.
const MOST_LINES: usize = 20;
/// Work in flight is drawn in this many columns; the rest is left to its events.
const MOST_BARS: usize = 6;
const TEXT_WIDTH: usize = 44;

/// Draws the record. `here` is the moment at which the failure showed: the last event up to it is marked.
pub(crate) fn draw(record: &Record, here: Moment) -> Vec<String> {
    let here = record.events.iter().rposition(|event| event.at <= here);
    let own = here.and_then(|here| anchor_in(&record.events, &record.events[here].lane));
    let zero = own.map(|own| record.events[own].at).or(record.anchor).unwrap_or(record.started);
    let shown = choose(record, here, own);
    let bars = bars(record, &shown);

    let mut lines = Vec::new();
    let mut left_out = 0;
    for (index, event) in record.events.iter().enumerate() {
        if !shown[index] {
            left_out += 1;
            continue;
        }
        if left_out > 0 {
            lines.push(format!("{:>11}   ({left_out} more)", ""));
            left_out = 0;
        }
        let marker = if Some(index) == here { "  <-- here" } else { "" };
        let text = format!("{:<10} {}", event.lane, event.what);
        let line = format!(
            "{:>11}   {:<TEXT_WIDTH$} {}{marker}",
            offset(event.at, zero),
            shortened(&text),
            column(record, index, &bars)
        );
        lines.push(line.trim_end().to_owned());
    }
    if left_out > 0 {
        lines.push(format!("{:>11}   ({left_out} more)", ""));
    }
    lines
}

/// The signal that was sent to one program among several, if this is its lane.
fn anchor_in(events: &[Event], lane: &str) -> Option<usize> {
    events.iter().position(|event| event.role == Role::Anchor && event.lane == lane)
}

/// Keeps the signal, the point of failure and what surrounds them; a crowd becomes a count, and so do
/// the other programs if the failure is one program's `own`.
fn choose(record: &Record, here: Option<usize>, own: Option<usize>) -> Vec<bool> {
    let events = &record.events;
    let anchor = own.or_else(|| events.iter().position(|event| event.role == Role::Anchor));
    let others = |index: usize| {
        own.is_some_and(|own| events[own].lane != events[index].lane)
            && anchor_in(events, &events[index].lane).is_some()
    };
    let mut lanes: HashMap<&str, usize> = HashMap::new();
    events.iter().for_each(|event| *lanes.entry(&event.lane).or_default() += 1);
    let mut by_need: Vec<usize> = (0..events.len()).filter(|index| !others(*index)).collect();
    by_need.sort_by_cached_key(|&index| need(&events[index], index, &lanes, anchor, here));
    let mut shown = vec![false; events.len()];
    // Those that might still fit: a timeline may have a hundred thousand events.
    for index in by_need.into_iter().take(10 * MOST_LINES) {
        shown[index] = true;
        shown[index] = lines(&shown) <= MOST_LINES;
    }
    shown
}

/// Smaller is more needed.
fn need(
    event: &Event,
    index: usize,
    lanes: &HashMap<&str, usize>,
    anchor: Option<usize>,
    here: Option<usize>,
) -> usize {
    let distance = |to: Option<usize>| to.map_or(usize::MAX / 2, |to| to.abs_diff(index));
    match distance(anchor).min(distance(here)) {
        0 => 0,
        _ if !event.lane.starts_with("client") && lanes[event.lane.as_str()] <= 4 => 1,
        distance => 2 + distance,
    }
}

/// How many lines this choice takes: one for each event, one for each gap.
fn lines(shown: &[bool]) -> usize {
    let gap_starts = (0..shown.len()).filter(|&index| !shown[index] && (index == 0 || shown[index - 1]));
    shown.iter().filter(|shown| **shown).count() + gap_starts.count()
}

/// The spans that get a column: those of which the beginning is shown.
fn bars(record: &Record, shown: &[bool]) -> Vec<(usize, usize)> {
    let begun = record.events.iter().enumerate().filter_map(|(index, event)| match event.role {
        Role::Begin(id) if shown[index] => Some((index, id)),
        _ => None,
    });
    let long = begun.filter_map(|(from, id)| {
        let to = record.events.iter().position(|event| event.role == Role::End(id));
        let to = to.unwrap_or(record.events.len());
        (to > from + 1).then_some((from, to))
    });
    long.take(MOST_BARS).collect()
}

fn column(record: &Record, index: usize, bars: &[(usize, usize)]) -> String {
    let last = record.events.len();
    bars.iter()
        .map(|&(from, to)| match index {
            _ if index == from => '.',
            _ if index == to => '\'',
            _ if index > from && index < to.min(last) => '|',
            _ => ' ',
        })
        .collect()
}

fn offset(at: Moment, zero: Moment) -> String {
    let time = at.since(zero).max(zero.since(at)).as_millis();
    let sign = match time {
        0 => "",
        _ if at >= zero => "+",
        _ => "-",
    };
    format!("{sign}{time} ms")
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= TEXT_WIDTH {
        return text.to_owned();
    }
    text.chars().take(TEXT_WIDTH - 3).chain("...".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Timeline, ms};

    fn at(timeline: &Timeline, start: Moment, offset: u64, lane: &str, what: &str, role: Role) {
        timeline.record(lane, what.to_owned(), role, start.plus(ms(offset)));
    }

    #[test]
    fn work_in_flight_is_a_bar_and_the_failure_is_marked() {
        let timeline = Timeline::new();
        let start = Moment::now();
        at(&timeline, start, 0, "client 1", "GET /slow", Role::Begin(1));
        at(&timeline, start, 503, "SIGTERM", "", Role::Anchor);
        at(&timeline, start, 506, "client 2", "connection refused", Role::Point);
        at(&timeline, start, 2001, "client 1", "200, 2 bytes", Role::End(1));
        let mut record = timeline.copy();
        record.anchor = Some(start.plus(ms(503)));
        assert_eq!(
            draw(&record, start.plus(ms(506))),
            [
                "    -503 ms   client 1   GET /slow                         .",
                "       0 ms   SIGTERM                                      |",
                "      +3 ms   client 2   connection refused                |  <-- here",
                "   +1498 ms   client 1   200, 2 bytes                      '",
            ]
        );
    }

    #[test]
    fn of_several_programs_the_one_that_failed_is_shown() {
        let timeline = Timeline::new();
        let start = Moment::now();
        for (offset, lane) in [(0, "program 1"), (30, "program 2"), (60, "program 3")] {
            at(&timeline, start, offset, lane, "SIGTERM", Role::Anchor);
            at(&timeline, start, offset + 2, lane, "stdout draining", Role::Point);
            at(&timeline, start, offset + 40, lane, "exit code 0", Role::Point);
        }
        let mut record = timeline.copy();
        record.anchor = Some(start);
        assert_eq!(
            draw(&record, start.plus(ms(32))),
            [
                "              (2 more)",
                "       0 ms   program 2  SIGTERM",
                "      +2 ms   program 2  stdout draining                     <-- here",
                "              (3 more)",
                "     +40 ms   program 2  exit code 0",
                "              (1 more)",
            ]
        );
    }

    #[test]
    fn a_crowd_is_counted_not_shown() {
        let timeline = Timeline::new();
        let start = Moment::now();
        for client in 0..200 {
            at(&timeline, start, client, &format!("client {client}"), "GET /slow", Role::Point);
        }
        at(&timeline, start, 300, "SIGTERM", "", Role::Anchor);
        at(&timeline, start, 301, "stdout", "draining", Role::Point);
        for client in 0..200 {
            at(&timeline, start, 400 + client, &format!("client {client}"), "200", Role::Point);
        }
        at(&timeline, start, 700, "exit", "code 0", Role::Point);
        let lines = draw(&timeline.copy(), start.plus(ms(700)));
        assert!(lines.len() <= MOST_LINES, "{} lines:\n{}", lines.len(), lines.join("\n"));
        for needed in ["SIGTERM", "draining", "code 0   ", "more)"] {
            assert!(lines.join("\n   ").contains(needed.trim_end()), "{needed}:\n{}", lines.join("\n"));
        }
    }
}
