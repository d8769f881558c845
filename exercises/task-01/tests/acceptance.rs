//! Acceptance tests for task 1.

use drain_kit::{Moment, Program, Running, Scenario, Signal, ms, program, secs};

/// `running` is printed at once, and again every second.
///
/// Why: the first line tells whoever started the program that it is up; the others, that it still is.
#[test]
fn running_is_printed_at_once_and_every_second() {
    let scenario = Scenario::new();
    let started = Moment::now();
    let program = Program::new(&scenario, program!()).start();
    scenario.at_most(secs(1), started, program.line("running"), "`running` on stdout");
    let ticks = ticks(&scenario, &program, 3);
    for pair in ticks.windows(2) {
        let pause = pair[1].since(pair[0]);
        scenario.require(
            pause >= ms(800),
            "`running` once a second",
            format!("again after {} ms", pause.as_millis()),
        );
        scenario.at_most(ms(1_200), pair[0], pair[1], "`running` on stdout");
    }
}

/// `draining` is printed within 100 ms of SIGTERM, also right after a tick.
///
/// Why: SIGTERM is what Kubernetes, systemd and Docker send. A program that looks for it only once a
/// second wastes the time in which it could have saved its work.
#[test]
fn sigterm_is_answered_within_100_ms() {
    answers_within_100_ms(Signal::SIGTERM, &Scenario::new());
}

/// `draining` is printed within 100 ms of SIGINT, too.
///
/// Why: Ctrl-C is how people stop the program. If it takes another path than SIGTERM, the path that
/// production takes is the one that nobody has ever tried.
#[test]
fn sigint_is_answered_within_100_ms() {
    answers_within_100_ms(Signal::SIGINT, &Scenario::new());
}

/// The program exits within 100 ms of `draining`, with code 0.
///
/// Why: another code is a crash to whoever started the program: it is restarted, or somebody is
/// woken up, because of a clean stop.
#[test]
fn exits_within_100_ms_with_code_0() {
    let scenario = Scenario::new();
    let program = Program::new(&scenario, program!()).start();
    program.line("running");
    program.signal(Signal::SIGTERM);
    let draining = program.line("draining");
    let exit = program.exit_with(0);
    scenario.at_most(ms(100), draining, exit.at, "exit");
}

/// A signal that arrives while the first `running` is being written drains; it does not kill.
///
/// Why: an orchestrator may change its mind while your program starts. A handler that is installed
/// late is a window in which every stop is a crash.
#[test]
fn a_signal_in_the_first_milliseconds_drains() {
    let scenario = Scenario::new();
    let program = Program::new(&scenario, program!()).stdout_full().start();
    program.blocked_in_write();
    program.signal(Signal::SIGTERM);
    program.read_on();
    program.line("draining");
    program.exit_with(0);
}

/// Nothing is printed on stdout after `draining`, also when a tick is due.
///
/// Why: whoever reads the output takes `draining` for the last word. Work that goes on after it is
/// work that nobody waits for.
#[test]
fn nothing_is_printed_after_draining() {
    let scenario = Scenario::new();
    let program = Program::new(&scenario, program!()).start();
    let first = program.line("running");
    // The moment at which a forgotten ticker would print while the program drains.
    std::thread::sleep(first.plus(ms(970)).since(Moment::now()));
    program.signal(Signal::SIGTERM);
    program.line("draining");
    let exit = program.exit_with(0);
    let lines = program.stdout();
    let (last_at, last) = lines.last().expect("`draining` was seen");
    scenario.require(
        last == "draining",
        "`draining` as the last line on stdout",
        format!("`{last}` after it"),
    );
    scenario.require(*last_at <= exit.at, "`draining` before the exit", "`draining` after the exit");
}

/// An open standard input does not hold up the exit.
///
/// Why: at a terminal, and under many supervisors, standard input stays open. A thread that still
/// reads from it keeps the process alive.
#[test]
fn an_open_stdin_does_not_hold_up_the_exit() {
    let scenario = Scenario::new();
    let program = Program::new(&scenario, program!()).stdin_open().start();
    program.line("running");
    let signal = program.signal(Signal::SIGTERM);
    let _waiting = scenario.waiting("exit with an open stdin");
    let patience = signal.plus(secs(5));
    while program.exited().is_none() && Moment::now() < patience {
        std::thread::sleep(ms(2));
    }
    match program.exited() {
        Some(exit) => scenario.at_most(ms(200), signal, exit.at, "exit"),
        None => scenario.fail("exit at most 200 ms after SIGTERM, with an open stdin", "no exit for 5 s"),
    }
}

mod leaks {
    use super::*;

    /// The program leaves no process behind.
    ///
    /// Why: an orphan keeps ports, files and memory, and the next start finds them taken.
    #[test]
    fn no_process_is_left() {
        let scenario = Scenario::new();
        let program = Program::new(&scenario, program!()).start();
        program.line("running");
        let children = program.children();
        scenario.require(
            children.is_empty(),
            "no child process",
            format!("child processes: {}", children.join(", ")),
        );
        program.signal(Signal::SIGTERM);
        program.exit_with(0);
    }
}

mod load {
    use super::*;

    /// Twenty programs, signalled at twenty different moments of their second, all drain.
    ///
    /// Why: a deploy stops a whole fleet, and each instance is somewhere else in its loop.
    ///
    /// Limit: 20 s
    #[test]
    fn twenty_programs_drain_at_twenty_different_moments() {
        let scenario = Scenario::new();
        let programs: Vec<Running> = (0..20).map(|_| Program::new(&scenario, program!()).start()).collect();
        let ready = programs.iter().map(|program| program.line("running")).max().expect("twenty programs");
        for (number, program) in (0..).zip(&programs) {
            // Spread over one second on purpose: the moments are what is being tested.
            std::thread::sleep(ready.plus(ms(50 * number)).since(Moment::now()));
            let signal = program.signal(Signal::SIGTERM);
            scenario.at_most(ms(100), signal, program.line("draining"), "`draining` on stdout");
            program.exit_with(0);
        }
    }
}

mod report {
    use super::*;

    /// The drain reports itself once on stderr: complete, how long it took, nothing abandoned.
    ///
    /// Why: the line is what you look for the morning after a deploy that went wrong.
    #[test]
    fn the_drain_reports_itself_once() {
        let scenario = Scenario::new();
        let program = Program::new(&scenario, program!()).start();
        program.line("running");
        program.signal(Signal::SIGTERM);
        program.exit_with(0);
        let report = program.drain_report();
        scenario.require(
            report.outcome == "complete",
            "outcome=complete",
            format!("outcome={}", report.outcome),
        );
        scenario.require(report.abandoned == 0, "abandoned=0", format!("abandoned={}", report.abandoned));
        scenario.require(report.duration < secs(1), "a duration below 1 s", format!("{:?}", report.duration));
        scenario.note(format!("drain complete in {:.1?}, 0 abandoned", report.duration));
    }
}

fn answers_within_100_ms(signal: Signal, scenario: &Scenario) {
    let program = Program::new(scenario, program!()).start();
    program.line("running");
    let signalled = program.signal(signal);
    scenario.at_most(ms(100), signalled, program.line("draining"), "`draining` on stdout");
}

fn ticks(scenario: &Scenario, program: &Running, count: usize) -> Vec<Moment> {
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
