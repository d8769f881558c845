//! How long a learner has been at work on a drill, and what to do when its time-box is over.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::drill::Drill;

/// Who was away for longer has made a pause.
const PAUSE: Duration = Duration::from_secs(30 * 60);
const MINUTE: Duration = Duration::from_secs(60);

/// The clock of a drill. It starts with the first check, and goes on from check to check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct AtWork {
    pub(crate) time: Duration,
    /// The last check, in seconds since 1970.
    pub(crate) seen: u64,
}

impl AtWork {
    /// Something was checked now. A clock that was set back adds nothing.
    pub(crate) fn see(&mut self, now: SystemTime) {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let since = Duration::from_secs(now.saturating_sub(self.seen));
        if since <= PAUSE {
            self.time += since;
        }
        self.seen = now;
    }

    /// `27 min`, `1 h 5 min`; nothing before the first minute is over.
    pub(crate) fn said(self) -> Option<String> {
        let minutes = self.time.as_secs() / MINUTE.as_secs();
        match (minutes / 60, minutes % 60) {
            (0, 0) => None,
            (0, minutes) => Some(format!("{minutes} min")),
            (hours, minutes) => Some(format!("{hours} h {minutes} min")),
        }
    }

    /// What somebody is told who is at work on this drill, or has just done it.
    pub(crate) fn advice(self, drill: &Drill, done: bool) -> Option<String> {
        let said = self.said()?;
        let time_box = &drill.time_box;
        let is_over = minutes(time_box).is_some_and(|minutes| self.time >= minutes * MINUTE);
        match (done, is_over) {
            (true, _) => Some(format!("{said} at work; the time-box is {time_box}.")),
            (false, true) => Some(format!(
                "{said} at work: the time-box of {time_box} is over. Whatever the lights say, now compare, and note\n\
                 in a sentence what you did not see: cargo xtask diff {}",
                drill.selection()
            )),
            (false, false) => None,
        }
    }
}

/// Of `30 minutes`, `1 hour` and `2 hours`. Weeks have no clock.
fn minutes(time_box: &str) -> Option<u32> {
    let (number, unit) = time_box.split_once(' ')?;
    let number: u32 = number.parse().ok()?;
    match unit.trim_end_matches('s') {
        "minute" => Some(number),
        "hour" => number.checked_mul(60),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drill(time_box: &str) -> Drill {
        let (name, title, level) = ("task-04".to_owned(), String::new(), String::new());
        Drill { name, number: 4, title, level, time_box: time_box.to_owned() }
    }

    fn after(minutes: &[u64]) -> AtWork {
        let mut at_work = AtWork::default();
        for minutes in minutes {
            at_work.see(UNIX_EPOCH + Duration::from_secs(1_000_000_000 + 60 * minutes));
        }
        at_work
    }

    #[test]
    fn the_clock_starts_with_the_first_check_and_stands_in_a_pause() {
        assert_eq!(after(&[0]).said(), None);
        assert_eq!(after(&[0, 10, 27]).said().as_deref(), Some("27 min"));
        assert_eq!(after(&[0, 10, 600, 605]).said().as_deref(), Some("15 min"));
        assert_eq!(after(&[0, 25, 50, 65]).said().as_deref(), Some("1 h 5 min"));
        assert_eq!(after(&[0, 10, 5, 8]).said().as_deref(), Some("13 min"), "set back by 5 minutes");
    }

    #[test]
    fn who_is_over_the_box_is_told_what_to_do() {
        let advice = |time_box, minutes, done| after(minutes).advice(&drill(time_box), done);
        assert_eq!(advice("30 minutes", &[0, 29], false), None);
        let told = advice("30 minutes", &[0, 30], false).unwrap();
        assert!(told.starts_with("30 min at work: the time-box of 30 minutes is over."), "{told}");
        assert!(told.ends_with("cargo xtask diff 4"), "{told}");
        assert_eq!(advice("2 weeks", &[0, 30], false), None);
        let told = advice("1 hour", &[0, 27], true);
        assert_eq!(told.as_deref(), Some("27 min at work; the time-box is 1 hour."));
    }
}
