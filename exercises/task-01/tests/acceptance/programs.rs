//! Programs that run.

use std::ops::RangeInclusive;

use drain_kit::{Program, Running, Scenario, ms, program};

/// Starts the program, and sees that it goes on after its first line: one that ends by itself has drained
/// nothing.
pub(crate) fn running(program: Program<'_>) -> Running {
    let program = program.start();
    program.line("running");
    program.runs_on_for(ms(200));
    program
}

pub(crate) fn programs<'a>(
    scenario: &'a Scenario,
    numbers: RangeInclusive<usize>,
    with: impl Fn(Program<'a>) -> Program<'a>,
) -> Vec<Running> {
    let program = |number| Program::new(scenario, program!()).called(&format!("program {number}"));
    numbers.map(|number| with(program(number)).start()).collect()
}

pub(crate) fn has_said_draining(program: &Running) -> bool {
    program.stdout().iter().any(|(_, line)| line == "draining")
}

pub(crate) fn require_one_draining(scenario: &Scenario, program: &Running) {
    let lines = program.stdout();
    let said = lines.iter().filter(|(_, line)| line == "draining").count();
    scenario.require(said == 1, "`draining` on stdout, once", format!("{said} times"));
}

pub(crate) fn require_nothing_after_draining(scenario: &Scenario, program: &Running) {
    let lines = program.stdout();
    let after = lines.iter().skip_while(|(_, line)| line != "draining").nth(1);
    if let Some((at, line)) = after {
        scenario.fail_at(*at, "nothing on stdout after `draining`", format!("`{line}`"));
    }
}
