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
