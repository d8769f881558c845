//! What a scraper of Prometheus is told, in its text format.

use std::fmt::Write;

use task_16_solution::{Jobs, Phase, Work};

/// The text format, and its version.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4";

/// The phase, and how much work is in flight.
pub fn expose(jobs: &Jobs) -> String {
    let now = jobs.phase();
    let mut text = String::from("# HELP shutdown_phase 1 for the phase of the shutdown.\n");
    text += "# TYPE shutdown_phase gauge\n";
    for phase in Phase::ALL {
        let _ = writeln!(text, "shutdown_phase{{phase=\"{phase}\"}} {}", u8::from(phase == now));
    }
    text += "# HELP work_in_flight Jobs that were accepted and have not ended.\n";
    text += "# TYPE work_in_flight gauge\n";
    for (name, work) in [("short", Work::Short), ("long", Work::Long)] {
        let _ = writeln!(text, "work_in_flight{{work=\"{name}\"}} {}", jobs.in_flight(work));
    }
    text
}
