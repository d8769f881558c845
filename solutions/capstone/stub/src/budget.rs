//! How long a drain may take.

use std::time::{Duration, Instant};

/// What a budget looks like.
pub const EXPECTED: &str = "a duration of more than zero, such as 250ms, 1.5s or 1m 30s";

/// Reads a duration. `None` if it is none, or zero, or so long that its deadline is no point in time.
pub fn parse(text: &str) -> Option<Duration> {
    let budget = humantime::parse_duration(text).ok()?;
    // Twice: the deadline is counted from the signal, and that comes later.
    let exists = Instant::now().checked_add(budget.checked_mul(2)?).is_some();
    (exists && !budget.is_zero()).then_some(budget)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_a_duration() {
        let read = [("250ms", 250), ("5s", 5_000), ("1.5s", 1_500), ("1m", 60_000), ("1m 30s", 90_000)];
        for (text, milliseconds) in read {
            assert_eq!(parse(text), Some(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_budget() {
        for text in ["", " ", "5", "s", "soon", "0", "0s", "0s 0ms", "-5s", "7x", "1e3s", "1.2.3s"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn neither_is_one_without_a_deadline() {
        for text in ["12000000000000000000s", "18446744073709551615s", "99999999999999999999s"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
