//! Programs that run, and the lines that they print.

use std::ops::RangeInclusive;

use drain_kit::{Moment, Program, Running, Scenario, ms, program};

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

pub(crate) fn ticks(scenario: &Scenario, program: &Running, count: usize) -> Vec<Moment> {
    let _waiting = scenario.waiting(format!("{count} lines `running`"));
    loop {
        let lines = program.stdout();
        let ticks: Vec<Moment> =
            lines.iter().filter(|(_, line)| line == "running").map(|(at, _)| *at).collect();
        if ticks.len() >= count {
            return ticks;
        }
        if let Some(exit) = program.exited() {
            scenario.fail_at(
                exit.at,
                format!("{count} lines `running`"),
                format!("{exit} after {}", ticks.len()),
            );
        }
        std::thread::sleep(ms(5));
    }
}
