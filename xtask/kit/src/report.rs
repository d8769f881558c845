//! What a drain says of itself.

use std::time::Duration;

use crate::Scenario;

/// What a drain said of itself: `drain outcome=complete duration=1.503s abandoned=0`.
#[derive(Clone, Debug, PartialEq)]
pub struct DrainReport {
    /// `complete`, `deadline_exceeded` or `failed`.
    pub outcome: String,
    /// From the signal to the end of the drain.
    pub duration: Duration,
    /// How many pieces of work were cut off.
    pub abandoned: u64,
}

impl DrainReport {
    /// Fails unless the duration lies between these two.
    #[track_caller]
    pub fn require_duration(&self, scenario: &Scenario, least: Duration, most: Duration) {
        scenario.require(
            self.duration >= least && self.duration <= most,
            format!("a duration of {least:.1?} to {most:.1?}, from the beginning of the drain to its end"),
            format!("duration={:?}", self.duration),
        );
    }

    /// Reads the line; `None` if it is not as the brief has it.
    pub fn parse(line: &str) -> Option<Self> {
        let field = |name: &str| {
            let (_, rest) = line.split_once(&format!("{name}="))?;
            Some(rest.split_whitespace().next()?.trim_matches(['"', ',', '}', ']']))
        };
        Some(Self {
            outcome: field("outcome")?.to_owned(),
            duration: duration(field("duration")?)?,
            abandoned: field("abandoned")?.parse().ok()?,
        })
    }
}

/// Reads `1.503s`, `250ms`, `12.5µs`, `40ns`, `2m`.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(digits);
    let seconds = match unit {
        "m" => 60.0,
        "s" => 1.0,
        "ms" => 1e-3,
        "µs" | "us" => 1e-6,
        "ns" => 1e-9,
        _ => return None,
    };
    Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ms, secs};

    #[test]
    fn reads_a_report_whatever_a_logger_puts_around_it() {
        let line = "2026-01-01T00:00:00Z  INFO app: drain outcome=complete duration=1.503s abandoned=0";
        let expected = DrainReport { outcome: "complete".to_owned(), duration: ms(1503), abandoned: 0 };
        assert_eq!(DrainReport::parse(line), Some(expected));
        assert_eq!(DrainReport::parse("drain outcome=complete duration=soon abandoned=0"), None);
    }

    #[test]
    fn reads_durations_as_rust_prints_them() {
        for time in [Duration::from_nanos(40), Duration::from_micros(12), ms(250), ms(1_503), secs(75)] {
            assert_eq!(duration(&format!("{time:?}")), Some(time));
        }
    }
}
