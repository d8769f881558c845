//! Acceptance tests for task 1.

mod programs;

use std::ops::RangeInclusive;
use std::time::Duration;

use drain_kit::{Moment, Program, Running, Scenario, Signal, ms, program, secs};

use crate::programs::{
    has_said_draining, programs, require_nothing_after_draining, require_one_draining, running,
};

/// `running` is printed at once, and again every second.
///
/// Why: the first line tells whoever started the program that it is up; the others, that it still is.
#[test]
fn running_is_printed_at_once_and_every_second() {
    let scenario = Scenario::new();
    let started = Moment::now();
    let program = Program::new(&scenario, program!()).start();
    scenario.at_most(ms(500), started, program.line("running"), "`running` on stdout");
    let ticks = program.lines(3, "running");
    for (number, tick) in (0..).zip(&ticks) {
        scenario.at_least(secs(number), started, *tick, format!("line {} of `running`", number + 1));
    }
    for pair in ticks.windows(2) {
        scenario.at_most(ms(1_200), pair[0], pair[1], "`running` on stdout");
    }
}

/// `draining` is printed within 100 ms of SIGTERM, also right after a tick.
///
/// Why: SIGTERM is what Kubernetes, systemd and Docker send. A program that looks for it only once a
/// second wastes the time in which it could have saved its work.
#[test]
fn sigterm_is_answered_within_100_ms() {
    let scenario = Scenario::new();
    let program = Program::new(&scenario, program!()).start();
    program.lines(2, "running");
    let signal = program.signal(Signal::SIGTERM);
    let draining = program.line_after(signal, "draining");
    scenario.at_most(ms(100), signal, draining, "`draining` on stdout");
}

/// The program exits within 100 ms of `draining`, with code 0.
///
/// Why: another code is a crash to whoever started the program: it is restarted, or somebody is
/// woken up, because of a clean stop.
#[test]
fn exits_within_100_ms_with_code_0() {
    let scenario = Scenario::new();
    let program = running(Program::new(&scenario, program!()));
    let signal = program.signal(Signal::SIGTERM);
    let draining = program.line_after(signal, "draining");
    program.exit_at_most(ms(100), draining);
    program.exit_with(0);
}

/// SIGINT means the same: `draining` within 100 ms, the exit within 100 ms of it, code 0, the report.
///
/// Why: Ctrl-C is how people stop the program. If it takes another path than SIGTERM, the path that
/// production takes is the one that nobody has ever tried.
#[test]
fn sigint_means_the_same() {
    let scenario = Scenario::new();
    let program = running(Program::new(&scenario, program!()));
    let signal = program.signal(Signal::SIGINT);
    let draining = program.line_after(signal, "draining");
    scenario.at_most(ms(100), signal, draining, "`draining` on stdout");
    program.exit_at_most(ms(100), draining);
    program.exit_with(0);
    program.drain_report();
}

/// A signal that arrives while the first `running` is being written drains; it does not kill.
///
/// Why: an orchestrator may change its mind while your program starts. A handler that is installed
/// late is a window in which every stop is a crash.
///
/// Limit: 20 s
#[test]
fn a_signal_in_the_first_milliseconds_drains() {
    let scenario = Scenario::new();
    // Many starts: which branch of a `select!` comes first may be a matter of luck.
    for round in 0..4 {
        let programs = programs(&scenario, 1 + 10 * round..=10 + 10 * round, Program::stdout_full);
        let signals = [Signal::SIGTERM, Signal::SIGINT].into_iter().cycle();
        let signal = |(program, signal): (&Running, Signal)| {
            program.blocked_in_write();
            program.signal(signal)
        };
        let signalled: Vec<Moment> = programs.iter().zip(signals).map(signal).collect();
        programs.iter().for_each(Running::read_on);
        for (program, signalled) in programs.iter().zip(signalled) {
            program.exit_at_most(secs(2), signalled);
            program.exit_with(0);
            program.line_after(signalled, "draining");
        }
    }
}

/// A signal right after the first `running` drains also if the thread that installs the handler was late.
///
/// Why: two tasks that start together may come in any order, and on a busy machine they do. One start in many is
/// then killed instead of drained, and nobody finds out why.
///
/// Limit: 20 s
#[test]
fn the_first_line_waits_for_the_handlers() {
    let scenario = Scenario::new();
    let signals = [Signal::SIGTERM, Signal::SIGINT];
    let start = |signal: Signal| {
        let program = Program::new(&scenario, program!()).called(&format!("program for {}", signal.as_str()));
        program.start_held_before_the_handler(signal)
    };
    let held: Vec<_> = signals.into_iter().map(start).collect();
    // Some install no handler, but read signals from a descriptor.
    held.iter().for_each(|(_, hold)| _ = hold.held_within(ms(500)));
    // Who prints only once the handler is there says nothing until it is let go.
    let patience = Moment::now().plus(secs(1));
    let has_line = |program: &Running| !program.stdout().is_empty();
    while !held.iter().all(|(program, _)| has_line(program)) && Moment::now() < patience {
        Moment::now().plus(ms(5)).wait();
    }
    for ((program, hold), signal) in held.into_iter().zip(signals) {
        let hold = Some(hold).filter(|_| has_line(&program));
        program.line("running");
        let signalled = program.signal(signal);
        drop(hold);
        program.exit_with(0);
        program.line_after(signalled, "draining");
    }
}

/// A signal that arrives while a later `running` is being written drains, too: it is not lost.
///
/// Why: a terminal or a log that is slow holds up the line, and a stop that comes in just that moment is
/// as good as any.
///
/// Limit: 20 s
#[test]
fn a_signal_during_a_later_line_drains() {
    let scenario = Scenario::new();
    let programs = programs(&scenario, 1..=10, |program| program.stdout_full_after("running"));
    let signals = [Signal::SIGTERM, Signal::SIGINT].into_iter().cycle();
    let signal = |(program, signal): (&Running, Signal)| {
        program.blocked_in_write();
        program.signal(signal)
    };
    let signalled: Vec<Moment> = programs.iter().zip(signals).map(signal).collect();
    programs.iter().for_each(Running::read_on);
    for (program, signalled) in programs.iter().zip(signalled) {
        program.exit_at_most(secs(2), signalled);
        program.exit_with(0);
        program.line_after(signalled, "draining");
    }
}

/// Nothing is printed on stdout after `draining`, also when a tick is due.
///
/// Why: whoever reads the output takes `draining` for the last word. Work that goes on after it is
/// work that nobody waits for.
#[test]
fn nothing_is_printed_after_draining() {
    let scenario = Scenario::new();
    let programs = programs(&scenario, 1..=10, |program| program);
    let started: Vec<Moment> = programs.iter().map(|program| program.line("running")).collect();
    // A forgotten ticker prints its next line a second after the first: the signals come in the
    // 100 ms before that, so that one drain or the other is under way then.
    let signal = |((program, started), step): ((&Running, Moment), u64)| {
        started.plus(ms(900 + 10 * step)).wait();
        program.signal(Signal::SIGTERM)
    };
    let signals: Vec<Moment> = programs.iter().zip(started).zip(0..).map(signal).collect();
    for (program, signal) in programs.iter().zip(signals) {
        program.line_after(signal, "draining");
        program.exit_with(0);
        require_nothing_after_draining(&scenario, program);
    }
}

/// Nothing is printed after `draining` either if the thread that prints was just about to.
///
/// Why: between a look at a flag and the line that follows there is time for a signal. It is little, until the
/// machine is busy: then somebody finds work in the log that was begun after the end.
///
/// Limit: 20 s
#[test]
fn a_line_that_is_about_to_be_printed_does_not_come_after_draining() {
    let scenario = Scenario::new();
    // A thread that wakes up has printed after some 500 instructions. Each program's is held up after others.
    let moments = (20..=400).step_by(20);
    // Standard error is full: the report holds up the exit, and so leaves time for one more line.
    let programs = programs(&scenario, 1..=moments.clone().count(), Program::stderr_unread);
    let before = programs.iter().map(|program| {
        program.line("running");
        program.threads_ran()
    });
    let before: Vec<_> = before.collect();
    programs.iter().for_each(|program| _ = program.lines(2, "running"));
    let programs_and_moments = programs.iter().zip(&before).zip(moments);
    let holds: Vec<_> = programs_and_moments
        .map(|((program, before), instructions)| program.hold_up(before, instructions))
        .collect();
    let signals = programs.iter().zip(&holds).map(|(program, hold)| {
        hold.held();
        program.fill_stderr();
        program.signal(Signal::SIGTERM)
    });
    let signals: Vec<Moment> = signals.collect();
    // Who needs the thread that is held up is not heard until it goes on.
    let all_drain = || programs.iter().all(has_said_draining);
    let patience = Moment::now().plus(ms(300));
    while !all_drain() && Moment::now() < patience {
        Moment::now().plus(ms(5)).wait();
    }
    drop(holds);
    programs.iter().for_each(Running::read_on);
    for (program, signal) in programs.iter().zip(signals) {
        program.line_after(signal, "draining");
        program.exit_with(0);
        require_nothing_after_draining(&scenario, program);
    }
}

/// A second signal changes nothing: not together with the first, and not while the program drains.
///
/// Why: a terminal sends SIGINT, the supervisor above it SIGTERM, and an impatient colleague both. A program that
/// drains twice saves its work twice; one that is killed by the second saves it not at all.
///
/// Limit: 20 s
#[test]
fn a_second_signal_changes_nothing() {
    let scenario = Scenario::new();
    let (int, term) = (Signal::SIGINT, Signal::SIGTERM);
    let pairs = [(term, int), (int, term), (term, term), (int, int)];
    // These have not seen the first yet: they are in the middle of a line.
    let together = programs(&scenario, 1..=8, |program| program.stdout_full_after("running"));
    // These are in the middle of their drain: standard error, where the report goes, is full.
    let draining = programs(&scenario, 9..=16, Program::stderr_unread);
    for (program, (first, second)) in draining.iter().zip(pairs.into_iter().cycle()) {
        program.line("running");
        program.fill_stderr();
        let signal = program.signal(first);
        // The report may come before the word.
        while !has_said_draining(program) && Moment::now() < signal.plus(ms(200)) {
            Moment::now().plus(ms(1)).wait();
        }
        program.signal(second);
    }
    for (program, (first, second)) in together.iter().zip(pairs.into_iter().cycle()) {
        program.blocked_in_write();
        program.signal(first);
        program.signal(second);
    }
    for program in together.iter().chain(&draining) {
        program.read_on();
        program.exit_with(0);
        require_one_draining(&scenario, program);
        program.drain_report();
    }
}

/// An open standard input does not hold up the exit.
///
/// Why: at a terminal, and under many supervisors, standard input stays open. A thread that still
/// reads from it keeps the process alive.
#[test]
fn an_open_stdin_does_not_hold_up_the_exit() {
    let scenario = Scenario::new();
    let program = running(Program::new(&scenario, program!()).stdin_open());
    let signal = program.signal(Signal::SIGTERM);
    program.exit_at_most(ms(200), signal);
    program.line_after(signal, "draining");
    program.exit_with(0);
}

mod leaks {
    use super::*;

    /// The program leaves no process behind.
    ///
    /// Why: an orphan keeps ports, files and memory, and the next start finds them taken.
    #[test]
    fn no_process_is_left() {
        let scenario = Scenario::new();
        let program = running(Program::new(&scenario, program!()));
        program.signal(Signal::SIGTERM);
        drain_kit::leaks::require_no_process_left(&scenario, &program);
    }
}

mod load {
    use super::*;

    /// Twenty programs, signalled at twenty different moments of their first three seconds, all drain.
    ///
    /// Why: a deploy stops a whole fleet, and each instance is somewhere else in its loop.
    ///
    /// Limit: 30 s
    #[test]
    fn twenty_programs_drain_at_twenty_different_moments() {
        let scenario = Scenario::new();
        let mut slowest = slowest_of(&scenario, 1..=20);
        for again in 1..=2 {
            if scenario.too_busy(ms(100), slowest.0, slowest.1) {
                slowest = slowest_of(&scenario, 1 + 20 * again..=20 + 20 * again);
            }
        }
        scenario.at_most(ms(100), slowest.0, slowest.1, "`draining` on stdout");
    }

    /// The signal and the `draining` of the slowest: a program that is deaf for a while shows it there.
    fn slowest_of(scenario: &Scenario, numbers: RangeInclusive<usize>) -> (Moment, Moment) {
        let programs = programs(scenario, numbers, |program| program);
        let ready = programs.iter().map(|program| program.line("running")).max().expect("twenty programs");
        let signal = |(number, program): (u64, &Running)| {
            // Spread on purpose: the moments, every 50 ms of a second, are what is being tested.
            ready.plus(ms(150 * number)).wait();
            program.signal(Signal::SIGTERM)
        };
        let signals: Vec<Moment> = (0..).zip(&programs).map(signal).collect();
        let drains = programs.iter().zip(signals).map(|(program, signal)| {
            let draining = program.line_after(signal, "draining");
            program.exit_with(0);
            (signal, draining)
        });
        drains.max_by_key(|(signal, draining)| draining.since(*signal)).expect("twenty programs")
    }
}

mod report {
    use super::*;

    /// The drain reports itself once on stderr: complete, how long it took from the signal on, nothing
    /// abandoned.
    ///
    /// Why: the line is what you look for the morning after a deploy that went wrong.
    #[test]
    fn the_drain_reports_itself_once() {
        let scenario = Scenario::new();
        let program = Program::new(&scenario, program!()).start();
        // Up for a second: a clock that began to run at the start now shows too much.
        program.lines(2, "running");
        let signal = program.signal(Signal::SIGTERM);
        let exit = program.exit_with(0);
        let report = program.require_report("complete", 0);
        report.require_duration(&scenario, Duration::ZERO, exit.at.since(signal) + ms(10));
        let before =
            program.stderr().iter().any(|(at, line)| *at < signal && line.contains("drain outcome="));
        scenario.require(!before, "the report after SIGTERM", "the report before SIGTERM");
        scenario.note(format!("drain complete in {:.1?}, 0 abandoned", report.duration));
    }
}
