//! Acceptance tests for task 17.

mod calls;
mod family;
mod processes;
mod terminal;

use std::thread;
use std::time::Duration;

use drain_kit::leaks::require_no_process_left;
use drain_kit::{Client, Dice, Moment, Outcome, Program, Scenario, Signal, ms, program, secs};
use nix::sys::signal::kill;

use crate::calls::Calls;
use crate::family::{Family, SLOW, other, pid_of};
use crate::processes::runs;
use crate::terminal::Terminal;

/// A `/slow` in flight at the signal is answered, and the parent exits within 500 ms, with code 0.
///
/// Why: whoever stops the parent means both. A parent that just leaves looks like a drain that was quick.
#[test]
fn what_the_child_has_in_flight_is_answered() {
    let scenario = Scenario::new();
    let (family, address) = Family::serving(&scenario, "6s");
    let in_flight = family.slow(address);
    family.parent.signal(Signal::SIGTERM);
    let sent = in_flight.sent();
    let answered = in_flight.answered();
    scenario.at_least(SLOW, sent, answered.at, "the response to GET /slow");
    family.exit_soon(answered.at, 0);
}

/// With nothing in flight both are gone 500 ms after the signal.
///
/// Why: a deploy stops hundreds of processes, one after the other. What each waits for without need adds up.
#[test]
fn with_nothing_in_flight_the_drain_is_over_at_once() {
    let scenario = Scenario::new();
    let (family, _) = Family::serving(&scenario, "5s");
    let child = family.child();
    let signal = family.parent.signal(Signal::SIGTERM);
    family.exit_soon(signal, 0);
    family.require_ended(child, signal, "the child");
}

/// The child gets SIGTERM within 100 ms of the signal, also if it is still starting.
///
/// Why: the budget runs from the signal on. What the parent keeps for itself, the child does not have.
#[test]
fn the_child_is_told_at_once() {
    let scenario = Scenario::new();
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let family = Family::with(&scenario, "told", "5s");
        let signal = family.parent.signal(signal);
        let told = family.parent.line_after(signal, "got SIGTERM");
        scenario.at_most(ms(100), signal, told, "`got SIGTERM` on stdout");
        family.parent.exit_with(0);
    }
    let family = Family::starting(&scenario, "silent", "5s");
    family.child();
    let signal = family.parent.signal(Signal::SIGTERM);
    // SIGTERM has ended it.
    family.exit_soon(signal, 143);
    require_no_process_left(&scenario, &family.parent);
}

/// A second signal to the parent, and a third, brings no second one to the child.
///
/// Why: for most programs the second signal means "now, whatever it costs".
#[test]
fn the_child_is_told_once() {
    let scenario = Scenario::new();
    for signals in [[Signal::SIGTERM, Signal::SIGTERM, Signal::SIGINT], [Signal::SIGINT; 3]] {
        let family = Family::with(&scenario, "told", "5s");
        family.parent.signal(signals[0]);
        let told = family.parent.line("got SIGTERM");
        for (later, signal) in [(100, signals[1]), (250, signals[2])] {
            told.plus(ms(later)).wait();
            family.parent.signal(signal);
        }
        family.parent.exit_with(0);
        family.require_told_once();
    }
}

/// Ctrl-C at a terminal, pressed once or twice, brings the child one SIGTERM, and nothing else, also if the standard input is another.
///
/// Why: the terminal sends it to all in its foreground, and the parent passes it on. The child that gets both believes that
/// somebody has lost patience.
#[test]
fn ctrl_c_at_a_terminal_tells_the_child_once() {
    let scenario = Scenario::new();
    for (presses, stdin) in [(1, None), (2, None), (1, Some("/dev/null"))] {
        let mut terminal = Terminal::open(&scenario);
        let parent = program!();
        let launcher = Program::new(&scenario, program!("other")).arg("terminal").arg(&terminal.name);
        let launcher = launcher.arg(stdin.unwrap_or(&terminal.name)).arg(&parent.to_string_lossy());
        let launcher = launcher.env("CHILD", other("told")).env("DRAIN_BUDGET", "5s");
        let family = Family::start(&scenario, launcher.called("at a terminal"));
        family.parent.line("ready");
        for press in 0..presses {
            thread::sleep(ms(200 * press));
            scenario.timeline().anchor_of("at a terminal", "Ctrl-C");
            terminal.ctrl_c();
        }
        family.parent.line("got SIGTERM");
        family.parent.exit_with(0);
        family.require_told_once();
    }
}

/// A signal that comes while the parent starts leaves no child behind, whether the parent hears it or is ended by it; a child that has just
/// been started is told.
///
/// Why: a deploy that is taken back stops what it has just started. What is left then nobody knows of.
///
/// Limit: 15 s
#[test]
fn a_signal_while_the_parent_starts_leaves_no_child() {
    let scenario = Scenario::new();
    let parent = || Program::new(&scenario, program!()).env("CHILD", other("silent"));
    let (program, hold) = parent().called("held").start_held_before_the_handler(Signal::SIGTERM);
    // Some install no handler, but read signals from a descriptor. Others have a child by now, and block the signal.
    let ends_by_it = hold.held_within(ms(700)) && !processes::block(program.pid(), Signal::SIGTERM);
    if ends_by_it && let [child, ..] = processes::children(program.pid())[..] {
        // What SIGTERM does as long as nobody handles it. One that is held would handle it after all.
        let signal = program.signal(Signal::SIGKILL);
        let family = Family { scenario: &scenario, parent: program };
        family.require_ended(
            child,
            signal,
            "the child of a parent that SIGTERM ends, as it does before its handler is there,",
        );
    }
    drop(hold);

    let mut dice = Dice::new(&scenario);
    for number in 1..=12 {
        let family = Family::start(&scenario, parent().called(&format!("program {number}")));
        // Not before: a signal that comes while a handler is being installed is lost with many libraries.
        let child = family.child();
        thread::sleep(dice.time(ms(0)..ms(3)));
        let signal = family.parent.signal(Signal::SIGTERM);
        let exit = family.parent.exit_at_most(secs(4), signal);
        scenario.require(
            [Outcome::Code(143), Outcome::Killed(Signal::SIGTERM)].contains(&exit.outcome),
            "exit code 143, as the child was told, or the end by SIGTERM itself",
            exit,
        );
        scenario.at_most(ms(500), signal, exit.at, "exit");
        family.require_ended(child, signal.plus(ms(500)), "the child");
        require_no_process_left(&scenario, &family.parent);
    }
}

/// The parent exits with the child's exit code, or with 128 + N if signal N has ended it.
///
/// Why: whoever has started the parent asks it how the work went, and it has no other answer than that of the child.
#[test]
fn the_parent_takes_over_how_the_child_ended() {
    let scenario = Scenario::new();
    let exits = [("exits 0", 0), ("exits 3", 3), ("exits 255", 255)];
    // SIGABRT, SIGKILL, and two without a name.
    let dies = [("dies 6", 134), ("dies 9", 137), ("dies 34", 162), ("dies 64", 192)];
    for (child, code) in exits.into_iter().chain(dies) {
        let family = Family::with(&scenario, child, "5s");
        let signal = family.parent.signal(Signal::SIGTERM);
        family.exit_soon(signal, code);
    }
}

/// A child that is still there at the deadline, deaf, stopped or busy, is killed, and the parent exits with code 1: not
/// before the deadline, not long after it, and neither a second signal renews anything, nor what ends meanwhile.
///
/// Why: whoever has stopped the parent waits for one budget and then kills it. Then nobody is left to kill the child.
#[test]
fn a_child_that_is_still_there_at_the_deadline_is_killed() {
    let scenario = Scenario::new();
    for child in ["deaf", "stopped", "restless"] {
        let family = Family::with(&scenario, child, "700ms");
        let number = family.child();
        while child == "stopped" && processes::state(number) != Some('T') {
            thread::sleep(ms(1));
        }
        let signal = family.parent.signal(Signal::SIGTERM);
        // So late that a deadline which is renewed is missed.
        signal.plus(ms(600)).wait();
        family.parent.signal(Signal::SIGTERM);
        let exit = family.parent.exit_at_the_deadline(ms(700), signal);
        family.require_ended(number, exit.at, "the child");
    }
}

/// `task-17-child` has nine tenths of the budget: with a request in flight that takes longer it leaves by itself, with code 1, before it would
/// be killed.
///
/// Why: a child that is killed says nothing. With the same deadline for both, it is a matter of luck.
#[test]
fn the_child_has_nine_tenths_of_the_budget() {
    const BUDGET: Duration = ms(1_800);
    let scenario = Scenario::new();
    let (family, address) = Family::serving(&scenario, "1800ms");
    let _in_flight = family.slow(address);
    let signal = family.parent.signal(Signal::SIGTERM);
    let exit = family.parent.exit_at_most(BUDGET + secs(2), signal);
    scenario.at_least(BUDGET * 9 / 10 - ms(50), signal, exit.at, "exit");
    let report = family.parent.drain_report();
    if report.outcome != "failed" {
        let expected =
            "the child leaves by itself, nine tenths of the budget after the signal: outcome=failed";
        let observed = format!("outcome={}", report.outcome);
        scenario.too_late(BUDGET * 9 / 10, signal, exit.at, expected, &observed);
    }
    family.parent.exit_with(1);
    scenario.at_most(BUDGET * 9 / 10 + ms(500), signal, exit.at, "exit");
}

/// The child works as long as nobody asks, whichever thread has started it, and with the longest of budgets.
///
/// Why: the signal of `PR_SET_PDEATHSIG` comes when the *thread* ends that started the child, and pools end a thread that has had nothing to do
/// for ten seconds.
///
/// Limit: 20 s
#[test]
fn as_long_as_nobody_asks_the_child_works() {
    let scenario = Scenario::new();
    // Nine times that is no time any more.
    let (family, address) = Family::serving(&scenario, "3000000000000000000s");
    let child = family.child();
    let for_good = processes::children_of_thread(family.parent.pid(), family.parent.pid()).contains(&child);
    // The main thread ends with the parent.
    family.parent.runs_on_for(if for_good { ms(300) } else { secs(11) });
    let client = Client::connected(&scenario, "client", address);
    client.request("/fast", secs(5)).answered();
    let signal = family.parent.signal(Signal::SIGTERM);
    family.exit_soon(signal, 0);
}

/// A child that ends although nobody has asked is noticed: the parent exits within 500 ms, with the child's code, with 128 + N for a signal,
/// and with 1 if the code is 0.
///
/// Why: a parent without a child looks alive to whoever restarts what has died.
#[test]
fn a_child_that_ends_unasked_is_the_failure_of_its_parent() {
    let scenario = Scenario::new();
    for (child, code) in [("ends 7", 7), ("ends 0", 1), ("ends-by 6", 134)] {
        let family = Family::with(&scenario, child, "5s");
        let ready = family.parent.line("ready");
        family.exit_soon(ready, code);
    }
    let (family, _) = Family::serving(&scenario, "5s");
    let child = family.child();
    // Not only in its first moments.
    family.parent.runs_on_for(ms(300));
    let _ = kill(pid_of(child), Signal::SIGKILL);
    family.exit_soon(scenario.timeline().mark("child", "is killed"), 137);
}

/// The child starts with no signal blocked and none ignored, whatever the parent was started with, and the parent hears its signals.
///
/// Why: a mask is inherited. A child that was started with SIGTERM blocked never hears that it is to stop, and nobody sees why.
#[test]
fn nothing_of_signals_is_inherited() {
    let scenario = Scenario::new();
    let (parent, launcher) = (program!(), program!("other"));
    let (parent, launcher) = (parent.to_string_lossy(), launcher.to_string_lossy());
    // Two cannot be ignored, and for three no library takes a handler.
    let unpromised = [Signal::SIGKILL, Signal::SIGSTOP, Signal::SIGILL, Signal::SIGFPE, Signal::SIGSEGV];
    let promised = Signal::iterator().filter(|signal| !unpromised.contains(signal));
    let signals: Vec<String> = promised.map(|signal| (signal as i32).to_string()).collect();
    let ignore = format!("trap '' {}; exec \"$0\"", signals.join(" "));
    let start = |how: &str, child: &str| {
        let start = match how {
            "as usual" => Program::new(&scenario, &*parent),
            "all blocked" => Program::new(&scenario, &*launcher).arg("blocked").arg(&parent),
            _ => Program::new(&scenario, "/bin/sh").arg("-c").arg(&ignore).arg(&parent),
        };
        let start = start.called(how).env("CHILD", child).env("DRAIN_BUDGET", "5s");
        Family::start(&scenario, start)
    };
    for how in ["as usual", "all blocked", "all ignored"] {
        // Says what it was started with, and ends.
        let family = start(how, "grep Sig /proc/self/status");
        family.exit_soon(Moment::now(), 1);
        for (kind, what) in [("SigBlk:", "blocked"), ("SigIgn:", "ignored")] {
            let names = signals_in(kind, &family);
            scenario.require(
                names.is_empty(),
                format!("started {how}: no signal {what} in the child"),
                format!("{what}: {}", names.join(", ")),
            );
        }
        let family = start(how, &other("told"));
        family.parent.line("ready");
        family.parent.signal(Signal::SIGTERM);
        family.exit_soon(family.parent.line("got SIGTERM").plus(ms(600)), 0);
    }
}

fn signals_in(kind: &str, family: &Family<'_>) -> Vec<&'static str> {
    let lines = family.parent.stdout();
    let bits = lines.iter().find_map(|(_, line)| line.strip_prefix(kind)).expect("grep has found it");
    let bits = u64::from_str_radix(bits.trim(), 16).expect("the kernel says it in hexadecimal");
    let set = Signal::iterator().filter(|signal| bits & (1 << (*signal as i32 - 1)) != 0);
    set.map(Signal::as_str).collect()
}

/// The child has the parent's environment, standard output and standard error.
///
/// Why: how the child is configured and what it complains of is seen from outside only if the parent hands both on.
#[test]
fn the_child_has_the_environment_and_the_output_of_its_parent() {
    let scenario = Scenario::new();
    let start = |child: &str| {
        let parent = Program::new(&scenario, program!()).called(child).env("CHILD", child);
        let family = Family::start(&scenario, parent.env("HANDED_ON", "as it was"));
        family.parent.exit();
        family
    };
    let says =
        |lines: Vec<(Moment, String)>, what: &str| lines.iter().any(|(_, line)| line.starts_with(what));
    let printed = start("env").parent.stdout();
    let seen = says(printed, "HANDED_ON=as it was");
    scenario.require(seen, "a variable of the parent in the child", "it is not there");
    // A byte that is no text: a variable may have any but zero.
    let bytes = "NO_TEXT=$(printf 'any\\377thing') exec \"$0\"";
    let parent = Program::new(&scenario, "/bin/sh").arg("-c").arg(bytes).arg(&program!().to_string_lossy());
    let family = Family::start(&scenario, parent.called("with bytes").env("CHILD", "printenv NO_TEXT"));
    family.parent.exit();
    let seen = says(family.parent.stdout(), "any");
    scenario.require(seen, "a variable of the parent that is no text in the child", "it is not there");
    let complained = start("ls /no/such/folder").parent.stderr();
    // Not the folder: the parent may name its child's command line.
    let seen = says(complained, "ls: ");
    scenario.require(seen, "what the child writes to stderr on the parent's stderr", "it is not there");
}

/// A `CHILD` that cannot be started and a `DRAIN_BUDGET` that cannot be used are named in one line on stderr, and the parent
/// exits with code 2.
///
/// Why: whoever has misspelt it reads that line, or searches for an hour.
#[test]
fn a_bad_value_is_named_and_ends_the_program() {
    let scenario = Scenario::new();
    for bad in ["", " ", "/no/such/program", "/no/such/program --with an-argument", "/etc/hostname"] {
        Program::new(&scenario, program!()).require_refused("CHILD", bad);
    }
    for bad in ["", "soon", "5", "0s", "-1s", "12000000000000000000s"] {
        Program::new(&scenario, program!()).require_refused("DRAIN_BUDGET", bad);
    }
}

/// No number is used after the process that it belonged to has been waited for, also if the child ends in the moment in which it is
/// signalled.
///
/// Why: the next process that starts may get it. Then a stranger is killed, once a year, and nobody ever finds out by whom.
///
/// Limit: 20 s
#[test]
fn no_number_is_used_after_the_wait() {
    let scenario = Scenario::new();
    for child in ["deaf", "exits 0", "leaves plain"] {
        let family = Family::with(&scenario, child, "500ms");
        let number = family.child();
        let calls = Calls::watch(&scenario, &family.parent, number);
        family.parent.signal(Signal::SIGTERM);
        let misused = calls.misused();
        scenario.require(
            misused.is_none(),
            format!("{child}: the child's number is used as long as nobody has waited for it"),
            misused.unwrap_or_default(),
        );
        family.parent.exit();
    }
}

mod leaks {
    use super::*;

    /// What the child leaves behind has ended when the parent exits, in whatever group or session it is, however far below, and whether it heeds
    /// signals or not, with a child that was told and with one that ended by itself.
    ///
    /// Why: what is left holds the port, the lock and the file that the next version needs.
    ///
    /// Limit: 20 s
    #[test]
    fn what_the_child_leaves_behind_is_ended() {
        let scenario = Scenario::new();
        for how in ["plain", "deaf", "in-a-group", "in-a-session", "deep"] {
            let family = Family::with(&scenario, &format!("leaves {how}"), "5s");
            // It has come to where it is going.
            thread::sleep(ms(100));
            let signal = family.parent.signal(Signal::SIGTERM);
            family.exit_soon(signal, 0);
            require_no_process_left(&scenario, &family.parent);
        }
        let family = Family::with(&scenario, "leaves chain-19", "5s");
        family.until_generations(20);
        let signal = family.parent.signal(Signal::SIGTERM);
        family.exit_soon(signal, 0);
        require_no_process_left(&scenario, &family.parent);
        for (child, code) in [("leaves-and-ends plain 7", 7), ("leaves-and-ends in-a-session 0", 1)] {
            let family = Family::with(&scenario, child, "5s");
            let ready = family.parent.line("ready");
            family.exit_soon(ready, code);
            require_no_process_left(&scenario, &family.parent);
        }
    }

    /// With a child that was killed at the deadline, nothing is left either.
    ///
    /// Why: what ends badly leaves most behind.
    #[test]
    fn nothing_is_left_after_the_deadline() {
        let scenario = Scenario::new();
        let family = Family::with(&scenario, "leaves-and-stays in-a-session", "500ms");
        let signal = family.parent.signal(Signal::SIGTERM);
        family.parent.exit_at_the_deadline(ms(500), signal);
        require_no_process_left(&scenario, &family.parent);
    }

    /// What loses its parent below the child and then ends is no zombie 500 ms later, while the child works.
    ///
    /// Why: each zombie is an entry in a table that is full one day. Then nobody on the machine can start anything.
    #[test]
    fn nobody_is_a_zombie_for_long() {
        let scenario = Scenario::new();
        let family = Family::with(&scenario, "orphans 20", "5s");
        let ready = family.parent.line("ready");
        let zombies = || processes::zombies(&processes::children(family.parent.pid()));
        // They end 50 ms after they have begun.
        let until = ready.plus(secs(2));
        ready.plus(ms(150)).wait();
        while zombies() > 0 && Moment::now() < until {
            thread::sleep(ms(5));
        }
        let now = Moment::now();
        scenario.require(zombies() == 0, "no zombie below the parent", format!("{} zombies", zombies()));
        scenario.at_most(ms(600), ready, now, "the end of the last zombie");
        family.parent.signal(Signal::SIGTERM);
        family.parent.exit_with(0);
    }

    /// If the parent is killed, `task-17-child` ends within 500 ms, with a request in flight and without, and in the drain.
    ///
    /// Why: whatever kills the parent, such as a lack of memory, asks nobody. Its successor finds the port in use.
    #[test]
    fn the_child_ends_when_its_parent_is_killed() {
        let scenario = Scenario::new();
        for (busy, draining) in [(false, false), (true, false), (true, true)] {
            let (family, address) = Family::serving(&scenario, "5s");
            let child = family.child();
            let in_flight = busy.then(|| family.slow(address));
            if draining {
                family.parent.signal(Signal::SIGTERM).plus(ms(200)).wait();
            }
            let killed = family.parent.signal(Signal::SIGKILL);
            family.require_ended(child, killed, "the child");
            drop(in_flight.map(drain_kit::Pending::outcome));
        }
    }

    /// If the parent is killed while `task-17-child` is still starting, and has done little or nothing yet, it ends, too.
    ///
    /// Why: a signal that the kernel sends for a parent that goes is not sent for one that has gone.
    ///
    /// Limit: 20 s
    #[test]
    fn the_child_ends_when_its_parent_is_killed_while_it_starts() {
        let scenario = Scenario::new();
        for number in 1..=10 {
            let parent = Program::new(&scenario, program!()).called(&format!("program {number}"));
            let family = Family::start(&scenario, parent);
            let child = family.child();
            // It stands, wherever it is, until its parent has gone.
            let _ = kill(pid_of(child), Signal::SIGSTOP);
            family.parent.signal(Signal::SIGKILL);
            let _waiting = scenario.waiting("the parent to be gone");
            while runs(family.parent.pid()) {
                thread::sleep(ms(1));
            }
            let _ = kill(pid_of(child), Signal::SIGCONT);
            let goes_on = scenario.timeline().mark("child", "goes on");
            family.require_ended(child, goes_on, "the child");
        }
    }
}

mod load {
    use super::*;

    use drain_kit::load;

    /// Two hundred `/slow` in flight at the signal are all answered, and the parent exits with code 0.
    ///
    /// Why: what holds for one request, and not for two hundred, holds on the test bench.
    ///
    /// Limit: 20 s
    #[test]
    fn two_hundred_requests_are_answered() {
        let scenario = Scenario::new();
        let (family, address) = Family::serving(&scenario, "8s");
        let in_flight = load::in_flight(&scenario, address, 200, "/slow", secs(10));
        family.parent.signal(Signal::SIGTERM);
        let ledger = load::settle(in_flight);
        scenario.require(ledger.answered == 200, "200 of 200 answered", &ledger);
        family.parent.exit_with(0);
        scenario.note(&ledger);
    }
}

mod report {
    use super::*;

    /// The drain reports itself once: how it went, how long it took, and whether the child had to be killed.
    ///
    /// Why: two lines for one drain are counted as two, and of none nobody knows that it was killed.
    #[test]
    fn the_drain_reports_itself_once() {
        let scenario = Scenario::new();
        let (family, address) = Family::serving(&scenario, "6s");
        let in_flight = family.slow(address);
        let signal = family.parent.signal(Signal::SIGTERM);
        let answered = in_flight.answered();
        let exit = family.parent.exit();
        let report = family.parent.require_report("complete", 0);
        report.require_duration(
            &scenario,
            answered.at.since(signal) - ms(50),
            exit.at.since(signal) + ms(50),
        );
        scenario.note(format!("drain complete in {:.1?}, 0 abandoned", report.duration));

        for (child, outcome, abandoned) in [
            ("exits 0", "complete", 0),
            ("exits 3", "failed", 0),
            ("dies 6", "failed", 0),
            ("deaf", "deadline_exceeded", 1),
        ] {
            let family = Family::with(&scenario, child, "500ms");
            family.parent.signal(Signal::SIGTERM);
            family.parent.require_report(outcome, abandoned);
        }
    }
}
