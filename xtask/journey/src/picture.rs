//! A timeline as SVG: time goes down, a column for each lane, work in flight as a bar in it.
//!
//! Nothing is scaled: lengths are pixels, and text begins at the left. So it is as readable on a phone as on a wide
//! screen, where more of each text is shown. Colours are those of the page.

use maud::{Markup, html};

use crate::page::shortened;
use crate::timeline::{Happened, Row};

const ROW: usize = 36;
const TIME_ENDS: usize = 66;
const FIRST_COLUMN: usize = 80;
const COLUMN: usize = 14;
/// Then the others share the last one: a phone has no room for more.
const MOST_COLUMNS: usize = 7;
const BAR: usize = 8;
/// A picture is so wide on a phone, and on a wide screen, and a letter of its text hardly ever wider.
const PHONE: usize = 335;
const SCREEN: usize = 900;
const TENTHS_OF_A_LETTER: usize = 64;

pub(crate) fn svg(rows: &[Row]) -> Markup {
    let bars = bars(rows);
    let columns = Columns::of(rows, &bars);
    let height = ROW * rows.len();
    let texts = columns.x(columns.lanes.len());
    html! {
        svg.timeline width="100%" height=(height) role="img" aria-label=(spoken(rows)) {
            @for (row, top) in rows.iter().zip((0..).step_by(ROW)) {
                @if let Row::Event(Happened { here: true, .. }) = row {
                    rect.here x="0" y=(top) width="100%" height=(ROW) rx="4" {}
                }
            }
            @for column in 0..columns.lanes.len() {
                line.lane x1=(columns.x(column)) x2=(columns.x(column)) y1="0" y2=(height) {}
            }
            @for (bar, &column) in bars.iter().zip(&columns.of_bars) {
                (bar.svg(columns.x(column)))
            }
            @for (row, top) in rows.iter().zip((0..).step_by(ROW)) {
                (one(row, top, &columns, texts))
            }
        }
    }
}

fn one(row: &Row, top: usize, columns: &Columns, texts: usize) -> Markup {
    let (first_line, second_line) = (top + 14, top + 29);
    let Row::Event(event) = row else {
        let Row::LeftOut(text) = row else { unreachable!("there are two kinds") };
        return html! { text.quiet x=(texts) y=(top + 22) { (text) } };
    };
    let (middle, x) = (top + ROW / 2, columns.x(columns.of_lane(&event.lane)));
    html! {
        @if event.is_the_signal() {
            line.signal x1=(TIME_ENDS + 4) x2=(texts - 4) y1=(middle) y2=(middle) {}
        }
        text.time x=(TIME_ENDS) y=(top + 22) text-anchor="end" { (event.offset) }
        circle.failed[event.here] cx=(x) cy=(middle) r="4" {}
        text.who.zero[event.is_the_signal()] x=(texts) y=(if event.what.is_empty() { top + 22 } else { first_line }) {
            (event.lane)
            @if event.here { tspan.failed { " \u{25c0} here" } }
        }
        @let [wide, narrow] = [SCREEN, PHONE].map(|width| shortened(&event.what, (width - texts) * 10 / TENTHS_OF_A_LETTER));
        @if narrow == wide {
            text x=(texts) y=(second_line) { (wide) }
        } @else {
            text.wide x=(texts) y=(second_line) { (wide) }
            text.narrow x=(texts) y=(second_line) { (narrow) }
        }
    }
}

/// A piece of work in flight.
#[derive(Debug, PartialEq)]
struct Bar {
    lane: String,
    from: usize,
    to: usize,
    /// Its end is in the picture.
    ended: bool,
    /// The failure showed when it ended.
    failed: bool,
}

impl Bar {
    fn svg(&self, x: usize) -> Markup {
        let begins = self.from * ROW + ROW / 2;
        let ends = self.to * ROW + if self.ended { ROW / 2 } else { ROW };
        html! {
            rect.bar.failed[self.failed].open[!self.ended] x=(x - BAR / 2) y=(begins) width=(BAR) height=(ends - begins) rx="3" {}
        }
    }
}

/// The columns of letters at the right of the picture.
fn bars(rows: &[Row]) -> Vec<Bar> {
    let mut bars: Vec<(usize, Bar)> = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let Row::Event(event) = row else { continue };
        for (number, letter) in event.bars.iter().enumerate() {
            let open = bars.iter_mut().find(|(of, bar)| *of == number && !bar.ended);
            match (letter, open) {
                ('.', None) => {
                    let bar =
                        Bar { lane: event.lane.clone(), from: index, to: index, ended: false, failed: false };
                    bars.push((number, bar));
                }
                ('|', Some((_, bar))) => bar.to = index,
                ('\'', Some((_, bar))) => (bar.to, bar.ended, bar.failed) = (index, true, event.here),
                _ => {}
            }
        }
    }
    bars.into_iter().map(|(_, bar)| bar).collect()
}

/// Which lane is drawn where.
struct Columns {
    lanes: Vec<String>,
    of_bars: Vec<usize>,
}

impl Columns {
    /// Each lane has a column; work of one lane that is in flight at the same time stands side by side.
    fn of(rows: &[Row], bars: &[Bar]) -> Self {
        let mut columns = Self { lanes: Vec::new(), of_bars: Vec::new() };
        for (number, bar) in bars.iter().enumerate() {
            let taken = |column: usize| {
                let others = bars[..number].iter().zip(&columns.of_bars);
                others
                    .into_iter()
                    .any(|(other, &of)| of == column && other.from <= bar.to && bar.from <= other.to)
            };
            let free =
                (0..columns.lanes.len()).find(|&column| columns.lanes[column] == bar.lane && !taken(column));
            let column = free.unwrap_or(columns.lanes.len());
            if free.is_none() {
                columns.lanes.push(bar.lane.clone());
            }
            columns.of_bars.push(column);
        }
        for row in rows {
            if let Row::Event(event) = row
                && !columns.lanes.contains(&event.lane)
                && columns.lanes.len() < MOST_COLUMNS
            {
                columns.lanes.push(event.lane.clone());
            }
        }
        columns
    }

    fn of_lane(&self, lane: &str) -> usize {
        let own = self.lanes.iter().position(|other| other == lane);
        own.unwrap_or(self.lanes.len().saturating_sub(1))
    }

    fn x(&self, column: usize) -> usize {
        FIRST_COLUMN + COLUMN * column
    }
}

/// For who does not see it.
fn spoken(rows: &[Row]) -> String {
    let told = rows.iter().map(|row| match row {
        Row::LeftOut(text) => text.clone(),
        Row::Event(event) => {
            let here = if event.here { " (here it failed)" } else { "" };
            format!("{} {} {}{here}", event.offset, event.lane, event.what)
        }
    });
    format!("Timeline: {}", told.collect::<Vec<_>>().join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn happened(lane: &str, what: &str, bars: &str, here: bool) -> Row {
        let (offset, lane, what) = ("+1 ms".to_owned(), lane.to_owned(), what.to_owned());
        Row::Event(Happened { offset, lane, what, bars: bars.chars().collect(), here })
    }

    #[test]
    fn work_in_flight_is_a_bar_in_the_column_of_its_lane_and_what_was_cut_off_is_marked() {
        let rows = [
            happened("client 1", "GET /slow", ".", false),
            happened("client 2", "GET /slow", "|.", false),
            happened("stdout", "draining", "||", false),
            happened("client 2", "cut off", "|'", true),
        ];
        let bars = bars(&rows);
        let bar = |lane: &str, from, ended| Bar { lane: lane.to_owned(), from, to: 3, ended, failed: ended };
        assert_eq!(bars, [bar("client 1", 0, false), bar("client 2", 1, true)]);
        let columns = Columns::of(&rows, &bars);
        assert_eq!((columns.of_bars.as_slice(), columns.lanes.len()), (&[0, 1][..], 3));
        let drawn = svg(&rows).into_string();
        assert!(drawn.contains("class=\"bar failed\"") && drawn.contains("class=\"bar open\""), "{drawn}");
        assert_eq!(drawn.matches("here</tspan>").count(), 1, "{drawn}");
        assert_eq!(drawn.matches("class=\"here\"").count(), 1, "{drawn}");
    }

    #[test]
    fn a_crowd_takes_no_more_columns_than_a_phone_has_room_for() {
        let rows: Vec<Row> =
            (0..40).map(|client| happened(&format!("client {client}"), "200", "", false)).collect();
        let columns = Columns::of(&rows, &[]);
        assert_eq!(columns.lanes.len(), MOST_COLUMNS);
        assert_eq!(columns.of_lane("client 39"), MOST_COLUMNS - 1);
    }
}
