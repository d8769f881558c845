//! Acceptance tests for task 16.

use drain_kit::{Program, Scenario, program};

/// A variable with a bad value is one line with its name, the value and what was expected, and exit code 2.
///
/// Why: a quiesce that is longer than the budget is a drain that has no time.
///
/// Stub passes: the start of the server is finished.
#[test]
fn a_bad_value_is_told_in_one_line() {
    let scenario = Scenario::new();
    for (variable, value) in [
        ("DRAIN_BUDGET", "soon"),
        ("DRAIN_BUDGET", ""),
        ("LISTEN_ADDR", "localhost"),
        ("QUIESCE_PERIOD", ""),
        ("QUIESCE_PERIOD", "1"),
        ("QUIESCE_PERIOD", "-1s"),
        ("QUIESCE_PERIOD", "5s"),
        ("QUIESCE_PERIOD", "99999999999999999999s"),
    ] {
        Program::new(&scenario, program!()).env(variable, value).require_refused(variable, value);
    }
}
