//! The timeline of a failure: what the terminal draws in letters, read back, so that every picture of it tells the
//! same.
//!
//! ```text
//!      -503 ms   client 1   GET /slow                         .
//!         0 ms   SIGTERM                                      |
//!                (2 more)
//!        +3 ms   client 2   connection refused                |  <-- here
//!     +1498 ms   client 1   200, 2 bytes                      '
//! ```

use crate::page::shortened;
use crate::verdict::Event;

const OFFSET_ENDS: usize = 11;
const TEXT_BEGINS: usize = 14;
const TEXT_ENDS: usize = 58;
const BARS_BEGIN: usize = 59;
const LANE: usize = 10;
const HERE: &str = "  <-- here";

/// A row of the picture.
#[derive(Debug, PartialEq)]
pub(crate) enum Row {
    /// Something that happened.
    Event(Happened),
    /// So many events are left out.
    LeftOut(String),
}

#[derive(Debug, PartialEq)]
pub(crate) struct Happened {
    /// From the signal: `+3 ms`.
    pub(crate) offset: String,
    /// Who: `client 1`.
    pub(crate) lane: String,
    /// What, in full.
    pub(crate) what: String,
    /// Work in flight, a letter for each: `.` begins, `|` goes on, `'` ends.
    pub(crate) bars: Vec<char>,
    /// The failure showed here.
    pub(crate) here: bool,
}

/// Reads a picture. What the terminal had to shorten is found among the events.
pub(crate) fn rows(picture: &[String], events: &[Event]) -> Vec<Row> {
    picture.iter().map(|line| row(line, events)).collect()
}

fn row(line: &str, events: &[Event]) -> Row {
    let (line, here) = line.strip_suffix(HERE).map_or((line, false), |line| (line, true));
    let part = |from: usize, to: usize| line.chars().skip(from).take(to - from).collect::<String>();
    let offset = part(0, OFFSET_ENDS).trim().to_owned();
    let text = part(TEXT_BEGINS, TEXT_ENDS).trim_end().to_owned();
    if offset.is_empty() {
        return Row::LeftOut(text);
    }
    let bars = line.chars().skip(BARS_BEGIN).collect();
    let (lane, what) = match events.iter().find(|event| drawn(event) == text) {
        Some(event) => (event.lane.clone(), event.what.clone()),
        None => {
            let (lane, what): (Vec<_>, Vec<_>) =
                text.chars().enumerate().partition(|(column, _)| *column < LANE);
            let [lane, what] =
                [lane, what].map(|part| part.into_iter().map(|(_, letter)| letter).collect::<String>());
            (lane.trim().to_owned(), what.trim().to_owned())
        }
    };
    Row::Event(Happened { offset, lane, what, bars, here })
}

/// An event as the terminal has it.
fn drawn(event: &Event) -> String {
    let text = format!("{:<LANE$} {}", event.lane, event.what);
    let room = TEXT_ENDS - TEXT_BEGINS;
    shortened(&text, room).trim_end().to_owned()
}

impl Happened {
    /// The zero of the picture.
    pub(crate) fn is_the_signal(&self) -> bool {
        self.offset == "0 ms" && [&self.lane, &self.what].iter().any(|text| text.starts_with("SIG"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(lane: &str, what: &str) -> Event {
        Event { at_ms: 0.0, lane: lane.to_owned(), what: what.to_owned() }
    }

    #[test]
    fn a_picture_is_read_as_it_was_drawn() {
        let long = "connection closed without a response, 1 ms after SIGTERM";
        let events = [event("client 1", "GET /slow"), event("SIGTERM", ""), event("client 2", long)];
        let picture = [
            "    -503 ms   client 1   GET /slow                         .",
            "       0 ms   SIGTERM                                      |",
            "              (2 more)",
            "      +3 ms   client 2   connection closed without a re... |'  <-- here",
        ];
        let rows = rows(&picture.map(str::to_owned), &events);
        let Row::Event(begins) = &rows[0] else { panic!("{rows:?}") };
        assert_eq!((begins.offset.as_str(), begins.lane.as_str()), ("-503 ms", "client 1"));
        assert_eq!(
            (begins.what.as_str(), begins.bars.as_slice(), begins.here),
            ("GET /slow", &['.'][..], false)
        );
        let Row::Event(signal) = &rows[1] else { panic!("{rows:?}") };
        assert!(signal.is_the_signal() && !begins.is_the_signal(), "{signal:?}");
        assert_eq!(rows[2], Row::LeftOut("(2 more)".to_owned()));
        let Row::Event(cut) = &rows[3] else { panic!("{rows:?}") };
        assert_eq!(cut.what, long);
        assert_eq!((cut.bars.as_slice(), cut.here), (&['|', '\''][..], true));
    }
}
