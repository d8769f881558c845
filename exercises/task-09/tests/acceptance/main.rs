//! Acceptance tests for task 9.

mod tried;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use drain_kit::{Program, Running, Scenario, Signal, ms, program, secs};

use crate::tried::{Tried, service, start, tried, tried_at};

/// Services of different build that drain are said to have drained.
///
/// Why: a test that accuses those who are right is turned off after a week, and then it finds nothing any more.
///
/// Limit: 15 s
#[test]
fn healthy_services_have_drained() {
    let scenario = Scenario::new();
    let names =
        ["threads", "hyper", "chunked", "closes", "until-closed", "clock", "no-content", "master", "lingers"];
    // Each looks at what is in flight as often as it can: more of them at once keep each other waiting.
    for names in names.chunks(3) {
        let all: Vec<Tried> = names.iter().map(|name| tried(&scenario, name, "--get /slow")).collect();
        for tried in all {
            tried.says_in_flight("drained", 4);
        }
    }
    let unusual = tried(&scenario, "exits-143", "--get /slow --exit-code 143");
    // Each request has the answer of its own path as its measure.
    let mixed = tried(&scenario, "threads", "--get /slow --get /nothing");
    unusual.says("drained");
    mixed.says_in_flight("drained", 4);
}

/// Whatever a service prints, text or not, before and after the signal, is read: it does not stand still because of a full
/// pipe.
///
/// Why: the service works for months, hangs in your test, and people look for the fault in the service.
#[test]
fn a_service_that_prints_much_is_not_held_up() {
    let scenario = Scenario::new();
    let all =
        ["noisy", "garbled"].map(|name| tried(&scenario, name, "--get /slow --startup 4s --deadline 3s"));
    for tried in all {
        tried.says("drained");
        tried.passes_on("draining");
    }
}

/// The service is up when its line comes, when a path is answered with a 2xx, or when it takes connections.
///
/// Why: a service that is asked before it is up looks broken, and a fixed pause is too short on the day on which the
/// machine is busy.
#[test]
fn a_slow_starter_is_waited_for() {
    let scenario = Scenario::new();
    let addresses = free_addresses::<4>();
    let by_line = tried(&scenario, "slow-start", "--get /slow");
    let options = addresses.map(|address| format!("--get /slow --address {address}"));
    let all = [
        tried_at(&scenario, addresses[0], &options[0], "slow-start"),
        tried_at(&scenario, addresses[1], &format!("{} --ready /ready", options[1]), "slow-start"),
        tried_at(&scenario, addresses[2], &format!("{} --ready-line soon", options[2]), "slow-start"),
        tried_at(&scenario, addresses[3], &options[3], "silent"),
    ];
    by_line.says("drained");
    for tried in all {
        tried.says("drained");
    }
}

/// The signal comes when the service has taken the requests, and those that it does not take are not judged.
///
/// Why: a connection in the accept queue belongs to nobody yet. Who signals too early accuses the service of what the
/// kernel does.
///
/// Limit: 15 s
#[test]
fn what_was_not_taken_is_not_judged() {
    let scenario = Scenario::new();
    let slow = tried(&scenario, "slow-to-accept", "--get /slow --get /long");
    let one = tried(&scenario, "one-at-a-time", "--get /slow");
    slow.says_in_flight("drained", 4);
    one.says_in_flight("drained", 1);
}

/// `dropped`: the connection of a request in flight was closed without a response, be it one of four, a new one or one
/// that was used before.
///
/// Why: it is what a service does that has no drain at all, and it has no status that a dashboard could count.
#[test]
fn dropped_requests_are_named() {
    let scenario = Scenario::new();
    all_say(&scenario, &["drops", "drops-one", "drops-new", "drops-keep-alive"], "--get /slow", "dropped");
}

/// `reset`: the connection of a request in flight was reset, before the response or in its middle.
///
/// Why: a reset in a proxy's log is blamed on the network. It was the deploy.
#[test]
fn resets_are_named() {
    let scenario = Scenario::new();
    all_say(&scenario, &["resets", "resets-in-the-body"], "--get /slow", "reset");
}

/// `truncated`: the response ends too soon, whatever its status was.
///
/// Why: the status comes first. Who counts those counts half a file as a success.
#[test]
fn truncated_responses_are_named() {
    let scenario = Scenario::new();
    let names = ["truncates", "truncates-the-head", "truncates-chunks"];
    all_say(&scenario, &names, "--get /slow", "truncated");
}

/// `server_error`: a request in flight was answered with a status of 500 or more.
///
/// Why: "we are closing" is for those who come now, not for those who were let in before.
#[test]
fn server_errors_are_named() {
    let scenario = Scenario::new();
    all_say(&scenario, &["server-error"], "--get /slow", "server_error");
}

/// `different`: a request in flight got another status than in the rehearsal, no body where there was one, or no HTTP.
///
/// Why: an empty 200 is the most expensive answer: everybody believes it.
#[test]
fn other_answers_than_in_the_rehearsal_are_named() {
    let scenario = Scenario::new();
    all_say(&scenario, &["not-found", "empties", "empties-chunks", "babbles"], "--get /slow", "different");
}

/// `killed`, `exit_code`: how the process ended is part of the drain.
///
/// Why: an orchestrator that sees another code than zero writes down a crash, and somebody is woken up.
#[test]
fn a_bad_end_is_named() {
    let scenario = Scenario::new();
    let all = [tried(&scenario, "dies", "--get /slow"), tried(&scenario, "aborts", "--get /slow")];
    let coded = tried(&scenario, "exit-code", "--get /slow");
    let expected = tried(&scenario, "threads", "--get /slow --exit-code 143");
    for tried in all {
        tried.says("killed");
    }
    coded.says("exit_code");
    expected.says("exit_code");
}

/// `hung`: the service had not exited at the deadline: it does not hear the signal, it does not exit, or it waits for
/// clients to hang up, which they do not.
///
/// Why: at the end of the grace period it is killed, with everything that it has not written down.
#[test]
fn a_service_that_hangs_is_named() {
    let scenario = Scenario::new();
    all_say(&scenario, &["hangs", "deaf", "waits", "stalls"], "--get /slow --deadline 1s", "hung");
}

/// `refused_early`: in the window new connections are answered, from its beginning to its end.
///
/// Why: a load balancer hears of the drain seconds later. Until then it sends new users.
#[test]
fn the_window_is_watched() {
    let scenario = Scenario::new();
    let window = "--get /slow --window 1s";
    let ready = format!("{window} --ready /ready");
    // They run on beyond the window: an exit before its end is another case.
    let refusing =
        [("threads", 900), ("cuts-early", 900), ("refuses-early", 600), ("refuses-a-little-early", 200)];
    let refusing = refusing.map(|(name, time)| {
        tried(&scenario, name, &format!("{ready} --get /long")).that_refuses_for(ms(time))
    });
    let gone = tried(&scenario, "threads", "--get /fast --window 1s");
    let drained = [tried(&scenario, "window", window), tried(&scenario, "window", &ready)];
    for tried in refusing {
        tried.says("refused_early");
    }
    gone.says("refused_early");
    for tried in drained {
        tried.says_in_flight("drained", 4);
    }
}

/// `accepting`: half a second after the window new connections are not taken any more, neither by the service nor by
/// the kernel for it.
///
/// Why: who is taken and not served waits for a time-out. Who is refused goes to the next one at once.
#[test]
fn who_goes_on_accepting_is_named() {
    let scenario = Scenario::new();
    let all = ["accepts", "kernel-accepts"].map(|name| tried(&scenario, name, "--get /long"));
    let healthy = tried(&scenario, "hyper", "--get /long");
    let window = tried(&scenario, "window", "--get /long --window 1s");
    for tried in all {
        tried.says("accepting");
    }
    healthy.says("drained");
    window.says("drained");
}

/// Of several faults the first one of the table is named.
///
/// Why: a name is where somebody begins to look. The one that explains the others comes first.
#[test]
fn the_first_of_several_faults_is_named() {
    let scenario = Scenario::new();
    let all = [
        ("drops-and-leaks", "--get /slow", "dropped"),
        // Each request may have another one.
        ("truncates-and-drops-new", "--get /slow", "dropped"),
        ("truncates-and-drops-keep-alive", "--get /slow", "dropped"),
        ("dies", "--get /slow --window 300ms", "killed"),
        ("hangs", "--get /slow --window 300ms --deadline 1s", "hung"),
        ("server-error", "--get /slow --window 300ms --exit-code 1", "server_error"),
        ("exit-code", "--get /slow --window 300ms", "refused_early"),
    ];
    let all = all.map(|(name, options, expected)| (tried(&scenario, name, options), expected));
    for (tried, expected) in all {
        tried.says(expected);
    }
}

/// A trial in which nothing was in flight at the signal says that it proves nothing; a fault is named all the same.
///
/// Why: it is how such tests go bad. The path gets faster, or answers without looking, and from then on the test is green for
/// nothing.
#[test]
fn nothing_in_flight_proves_nothing() {
    let scenario = Scenario::new();
    let nothing = [
        tried(&scenario, "threads", "--get /fast"),
        tried(&scenario, "empty-at-once", "--get /slow"),
        tried(&scenario, "hyper", "--get /fast --get /ready --connections 1"),
    ];
    let some = tried(&scenario, "threads", "--get /slow --get /fast --connections 3");
    let fault = tried(&scenario, "exit-code", "--get /fast");
    for tried in nothing {
        tried.says_in_flight("proves_nothing", 0);
    }
    some.says_in_flight("drained", 2);
    fault.says("exit_code");
}

/// A service that cannot be started, exits by itself, is never up, or does not answer before the signal was not tried.
///
/// Why: "no fault was seen" is true of a service that was never there.
#[test]
fn a_service_that_cannot_be_tried_is_no_success() {
    let scenario = Scenario::new();
    let [address] = free_addresses();
    let all = [
        tried(&scenario, "exits", "--get /slow"),
        tried(&scenario, "exits-in-the-load", "--get /slow"),
        tried(&scenario, "breaks-in-the-load", "--get /slow"),
        tried(&scenario, "never-up", "--startup 1s"),
        tried(&scenario, "never-ready", "--startup 1s --ready /ready"),
        tried(&scenario, "mute", "--startup 1s"),
        // It is up after 700 ms, and the rehearsal takes as long.
        tried(&scenario, "slow-start", "--get /slow --startup 1s"),
        tried(&scenario, "threads", "--get /nowhere"),
        tried_at(&scenario, address, &format!("--startup 1s --address {address}"), "never-up"),
        start(&scenario, Program::new(&scenario, program!()), &[], "", "/nowhere/service"),
    ];
    for tried in all {
        let said = tried.says("could_not_run");
        let told = said.reason.is_some_and(|reason| !reason.trim().is_empty());
        scenario.require(told && said.in_flight == 0.0, "a reason, and nothing in flight", "no reason");
    }
}

/// Somebody else who listens at the address is not mistaken for the service, nor harmed: a leftover of an earlier run,
/// another process, one that shares the port.
///
/// Why: the leftover of yesterday answers, and hears no signal. The test is about something that was never there.
#[test]
fn somebody_else_at_the_address_is_not_mistaken() {
    let scenario = Scenario::new();
    let (leftover, address) = other(&scenario, "shares");
    let at = |startup: &str| format!("--get /slow --startup {startup} --address {address}");
    let all = [
        tried_at(&scenario, address, &at("1s"), "threads"),
        tried_at(&scenario, address, &at("1s"), "stays"),
        // It comes up: with less time, a slow rehearsal might be what stops it.
        tried_at(&scenario, address, &at("5s"), "shares"),
    ];
    let line = Program::new(&scenario, program!()).called("lies");
    let lies = format!("{} lies {address}", service());
    let lies = start(&scenario, line, &["--ready-line", "listening on"], "--startup 1s", &lies);
    // Whose line says where it listens does not care who listens elsewhere.
    let elsewhere = tried(&scenario, "threads", &format!("--get /slow --address {address}"));
    for tried in all {
        tried.says("could_not_run");
    }
    elsewhere.says("drained");
    lies.says("could_not_run");
    let still = leftover.exited().map_or_else(|| "running".to_owned(), |exit| exit.to_string());
    scenario.require(still == "running", "the other one still running", still);
}

/// The signal is the one that was asked for.
///
/// Why: nginx drains on SIGQUIT, and on SIGTERM it does not. The wrong one tests another program.
#[test]
fn the_signal_is_the_one_that_was_asked_for() {
    let scenario = Scenario::new();
    let quit = tried(&scenario, "quit", "--get /slow --signal QUIT");
    let others =
        ["TERM", "INT"].map(|name| tried(&scenario, "quit", &format!("--get /slow --signal {name}")));
    let interrupted = tried(&scenario, "threads", "--get /slow --signal INT");
    quit.says("drained");
    interrupted.says("drained");
    for tried in others {
        tried.says("killed");
    }
}

/// A trial ends two seconds after its startup and its deadline, at the latest.
///
/// Why: a job of a CI that hangs costs an hour, and the next one as well.
#[test]
fn a_trial_ends_in_time() {
    let scenario = Scenario::new();
    let limits = "--get /slow --startup 2s --deadline 1s";
    for (tried, expected) in [
        (tried(&scenario, "hangs", limits), "hung"),
        (tried(&scenario, "deaf", limits), "hung"),
        (tried(&scenario, "stalls", limits), "hung"),
        (tried(&scenario, "mute", limits), "could_not_run"),
        (tried(&scenario, "never-up", limits), "could_not_run"),
    ] {
        tried.takes_at_most(secs(5));
        tried.says(expected);
    }
}

/// With 128 descriptors twenty connections work; what does not work is said.
///
/// Why: a test that has no descriptors left sees connections fail, and the service gets the blame.
#[test]
fn few_descriptors_are_enough_or_it_is_said() {
    let scenario = Scenario::new();
    let few = |connections: usize| {
        let shell = Program::new(&scenario, "/bin/sh").called(&format!("{connections} connections"));
        let limited = "ulimit -n 128; exec \"$0\" \"$@\"";
        let program = program!().to_string_lossy().into_owned();
        let shell = shell.arg("-c").arg(limited).arg(&program);
        // Who is left without descriptors may wait for an answer until its startup is over.
        let options = format!("--get /slow --startup 4s --connections {connections}");
        let command = format!("{} threads", service());
        start(&scenario, shell, &["--ready-line", "listening on"], &options, &command)
    };
    let [enough, too_many] = [20, 300].map(few);
    enough.says_in_flight("drained", 20);
    too_many.says("could_not_run");
    // Also who has no descriptor left to look for it finds what is to be killed.
    too_many.leaves_nothing();
}

mod leaks {
    use super::*;

    /// `process_left`: a process that the service has started and that survives it is named, in whatever session it is.
    ///
    /// Why: it holds the port, the lock or the file that the next one needs.
    #[test]
    fn a_process_that_is_left_is_named() {
        let scenario = Scenario::new();
        let all = ["leaks", "leaks-a-session"].map(|name| tried(&scenario, name, "--get /slow"));
        for tried in all {
            tried.says("process_left");
            tried.leaves_nothing();
        }
    }

    /// However a trial ends, nothing is left that it has started.
    ///
    /// Why: what a failed test leaves behind is what the next one stumbles over.
    #[test]
    fn nothing_is_left_however_a_trial_ends() {
        let scenario = Scenario::new();
        let limits = "--get /slow --startup 2s --deadline 2s";
        let all = [
            ("threads", "drained"),
            ("hangs", "hung"),
            ("deaf", "hung"),
            ("deaf-master", "hung"),
            ("mute", "could_not_run"),
            ("never-up", "could_not_run"),
            ("drops-and-leaks", "dropped"),
        ];
        for (tried, expected) in all.map(|(name, expected)| (tried(&scenario, name, limits), expected)) {
            tried.says(expected);
            tried.leaves_nothing();
        }
    }

    /// SIGINT and SIGTERM stop the program within a second, and the service with it, before the signal to that and after it.
    ///
    /// Why: Ctrl-C is how most runs of a test end that somebody is working on.
    #[test]
    fn a_signal_stops_all_of_it() {
        let scenario = Scenario::new();
        let endless = "--get /slow --deadline 8s";
        let cases = [
            ("deaf", "listening", Signal::SIGINT, 130),
            ("hangs", "draining", Signal::SIGTERM, 143),
            ("deaf-master", "listening", Signal::SIGTERM, 143),
        ];
        for (name, line, signal, code) in cases {
            let tried = tried(&scenario, name, endless);
            tried.passes_on(line);
            let signalled = tried.program.signal(signal);
            tried.program.exit_at_most(secs(1), signalled);
            tried.program.exit_with(code);
            tried.leaves_nothing();
        }
    }
}

mod load {
    use super::*;

    /// Two hundred requests in flight are seen to their end, and one that is dropped among a hundred is named.
    ///
    /// Why: with one request there is always room. What is lost in a deploy is one of many.
    ///
    /// Limit: 20 s
    #[test]
    fn one_of_many_is_not_overlooked() {
        let scenario = Scenario::new();
        tried(&scenario, "hyper", "--get /long --connections 200").says_in_flight("drained", 200);
        tried(&scenario, "drops-one", "--get /long --connections 100").says("dropped");
    }
}

mod report {
    use super::*;

    /// The result is one line of JSON with its five fields, and of the service nothing is on stdout.
    ///
    /// Why: what reads it is a program, at night.
    #[test]
    fn the_result_is_one_line_of_json() {
        let scenario = Scenario::new();
        let all = [
            ("hyper", "--get /slow", "drained"),
            ("drops", "--get /slow", "dropped"),
            ("hangs", "--get /slow --deadline 1s", "hung"),
            ("threads", "--get /nowhere", "could_not_run"),
            ("threads", "--get /fast", "proves_nothing"),
        ];
        let all = all.map(|(name, options, expected)| (tried(&scenario, name, options), expected));
        for (tried, expected) in all {
            let said = tried.says(expected);
            let has_exited = !["hung", "could_not_run"].contains(&expected);
            scenario.require(
                said.reason.is_some() == (expected != "drained") && said.duration_ms.is_some() == has_exited,
                format!("{expected}: a reason unless it has drained, a duration if it has exited"),
                format!("reason {:?}, duration_ms {:?}", said.reason, said.duration_ms),
            );
            // The rehearsal comes before the signal, and takes as long as a request.
            let whole = tried.program.exit().at.since(tried.begun).as_millis() as f64;
            let takes = said.duration_ms.unwrap_or_default();
            scenario.require(
                expected != "drained" || takes > 0.0 && takes + 700.0 <= whole,
                "the time from the signal to the exit",
                format!("{takes} ms, and the whole took {whole}"),
            );
        }
        scenario.note("each verdict as one line of JSON");
    }

    /// The JUnit file has one test case, which is a failure, an error, or neither.
    ///
    /// Why: it is what the page of a pull request shows to those who read no log.
    #[test]
    fn the_result_is_a_junit_file() {
        let scenario = Scenario::new();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let all = [
            ("hyper", "--get /slow", "drained", ""),
            ("drops", "--get /slow", "dropped", "<failure type=\"dropped\""),
            ("threads", "--get /nowhere", "could_not_run", "<error type=\"could_not_run\""),
            ("threads", "--get /fast", "proves_nothing", "<error type=\"proves_nothing\""),
        ];
        let all = all.map(|(name, options, expected, element)| {
            let file = folder.path().join(expected);
            let options = format!("{options} --junit {}", file.display());
            (tried(&scenario, name, &options), file, expected, element)
        });
        for (tried, file, expected, element) in all {
            tried.says(expected);
            let xml = std::fs::read_to_string(&file).unwrap_or_default();
            let faults = xml.matches("<failure").count() + xml.matches("<error").count();
            let holds = xml.matches("<testcase").count() == 1
                && xml.contains(element)
                && faults == usize::from(!element.is_empty());
            let wanted = format!(
                "{expected}: one test case, with {}",
                if element.is_empty() { "nothing in it" } else { element }
            );
            scenario.require(holds, wanted, xml.split_whitespace().collect::<Vec<_>>().join(" "));
        }
    }

    /// A command line that cannot be used is told in one line, with exit code 2.
    ///
    /// Why: a misspelt option that is passed over tests something else than what it says.
    ///
    /// Stub passes: the command line is read already.
    #[test]
    fn a_bad_command_line_is_told_in_one_line() {
        let scenario = Scenario::new();
        for words in ["", "--deadline soon ./service", "--get slow ./service", "--quiet ./service"] {
            let program = Program::new(&scenario, program!()).called(words);
            let program = words.split_whitespace().fold(program, Program::arg).start();
            program.exit_with(2);
            let (told, printed) = (program.stderr(), program.stdout());
            scenario.require(
                told.len() == 1 && printed.is_empty(),
                format!("`{words}`: one line on stderr, and nothing on stdout"),
                format!("{} lines, and {}", told.len(), printed.len()),
            );
        }
    }
}

/// Tries all of these at the same time, and requires the same of each.
#[track_caller]
fn all_say(scenario: &Scenario, names: &[&str], options: &str, expected: &str) {
    let all: Vec<Tried> = names.iter().map(|name| tried(scenario, name, options)).collect();
    for tried in all {
        tried.says(expected);
    }
}

/// Addresses at which nobody listens, on one of the many names that this machine has for itself: no other process
/// takes a port there by chance.
fn free_addresses<const COUNT: usize>() -> [SocketAddr; COUNT] {
    let [_, _, high, low] = std::process::id().to_be_bytes();
    let own = Ipv4Addr::new(127, 9, high, low);
    let listeners = std::array::from_fn(|_| TcpListener::bind((own, 0)).expect("a port of our own"));
    listeners.map(|listener: TcpListener| listener.local_addr().expect("it has one"))
}

/// A service that runs already.
fn other(scenario: &Scenario, name: &str) -> (Running, SocketAddr) {
    let [address] = free_addresses();
    let program = Program::new(scenario, service()).called("the other one").arg(name);
    let program = program.env("LISTEN_ADDR", address.to_string()).start();
    program.line(&format!("listening on {address}"));
    (program, address)
}
