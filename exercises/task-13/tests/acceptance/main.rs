//! Acceptance tests for task 13.
//!
//! They run on a cluster that is embedded in the test, or, with `KAFKA_BOOTSTRAP_SERVERS` set, on that
//! broker. Those that let the cluster fail always use the embedded one.

mod billing;

use std::thread;
use std::time::Duration;

use drain_kit::{Moment, Outcome, Scenario, Signal, ms, secs};
use drain_service_kit::{Ledger, Refusal, Request};

use crate::billing::*;

/// A hundred messages, and two that have no payload, SIGTERM after fifty, a restart: each is processed once, none is
/// lost, and the drain takes less than 5 s.
///
/// Why: each deploy is such a restart. A message that is processed twice is a customer who pays twice; one that
/// is lost is an order that nobody delivers.
///
/// Limit: 30 s
#[test]
fn a_restart_loses_nothing_and_repeats_nothing() {
    let scenario = Scenario::new();
    let billing = Billing::new(&scenario, 3);
    billing.fill(100);
    billing.send(0, &["", ""]);
    let first = billing.start("5s");
    let signal = billing.signal_after(50, &first, Signal::SIGTERM);
    first.exit_at_most(secs(5), signal);
    first.exit_with(0);
    billing.finish();
    billing.require_each_once();
}

/// When the program has exited, everything that it has processed is committed, in each partition.
///
/// Why: what is committed is all that the next instance knows. What was processed and not committed is done
/// again.
///
/// Limit: 30 s
#[test]
fn what_was_processed_is_committed_before_the_exit() {
    let scenario = Scenario::new();
    let billing = Billing::new(&scenario, 3);
    billing.fill(100);
    let first = billing.start(AMPLE);
    billing.signal_after(50, &first, Signal::SIGTERM);
    first.exit_with(0);
    let processed = billing.processed();
    let committed = billing.committed();
    scenario.require(
        committed == processed,
        format!("committed as far as processed: {processed:?} in the three partitions"),
        format!("committed: {committed:?}"),
    );
}

/// Five restarts in a row, each after a few dozen messages: each message is processed once.
///
/// Why: a deploy that goes wrong is tried again, and again. What goes wrong once in a restart goes wrong five
/// times on such a morning.
///
/// Limit: 60 s
#[test]
fn rapid_restarts_repeat_nothing() {
    let scenario = Scenario::new();
    let billing = Billing::new(&scenario, 3);
    billing.fill(250);
    for restart in 1..=5 {
        let instance = billing.start(AMPLE);
        billing.signal_after(35 * restart, &instance, Signal::SIGTERM);
        instance.exit_with(0);
    }
    billing.finish();
    billing.require_each_once();
}

/// On a broker that takes a while to answer, restarts repeat nothing either: what ends while a commit is under way is
/// committed by the next one.
///
/// Why: a commit takes as long as the broker likes, and the work goes on meanwhile. Whoever takes its answer for an
/// answer to everything that is done by then repeats a few messages at each deploy.
///
/// Limit: 60 s
#[test]
fn restarts_on_a_slow_broker_repeat_nothing() {
    let scenario = Scenario::new();
    let billing = Billing::embedded(&scenario, 3);
    billing.fill(200);
    billing.kafka.answer_after(ms(200));
    for restart in 1..=3 {
        let instance = billing.start(AMPLE);
        billing.signal_after(50 * restart, &instance, Signal::SIGTERM);
        instance.exit_with(0);
    }
    billing.kafka.answer_after(Duration::ZERO);
    billing.finish();
    billing.require_each_once();
}

/// A partition that is lost in the drain, because the group has missed this member, is a failure: what is done
/// there cannot be committed any more.
///
/// Why: a machine that stood still for half a minute has lost its partitions, and does not know it. A drain that forgets
/// them and finds nothing left to commit says that all is well.
///
/// Limit: 90 s
#[test]
fn a_partition_that_is_lost_in_the_drain_is_a_failure() {
    let scenario = Scenario::new();
    let billing = Billing::embedded(&scenario, 1);
    billing.send(0, &["0+40000"; 4]);
    let program = billing.start("60s");
    let begun = billing.begun(4, 4);
    let signal = program.signal(Signal::SIGTERM);
    thread::sleep(secs(2));
    let stopped = program.signal(Signal::SIGSTOP);
    // The embedded group misses a member after 30 s.
    thread::sleep(secs(33));
    billing.kafka.refuse(Request::OffsetCommit, &[Refusal::FencedMemberEpoch; 1_000]);
    program.signal(Signal::SIGCONT);
    billing.require_in_flight(begun, secs(40));
    let exit = program.exit();
    if exit.outcome != Outcome::Code(1) && scenario.lag(signal, stopped) > secs(1) {
        scenario.unknown("machine too busy: the drain may not have begun before the program was stopped");
    }
    program.exit_with(1);
    billing.require_not_complete(&program);
}

/// A message that is being processed at the signal is finished and committed; then the program exits with
/// code 0.
///
/// Why: half an order is worse than none. Its mail has been sent, and nobody has written that down.
///
/// Limit: 30 s
#[test]
fn what_is_in_flight_is_finished() {
    let scenario = Scenario::new();
    let billing = Billing::new(&scenario, 1);
    billing.send(0, &["0+1500"; 4]);
    let program = billing.start(AMPLE);
    let begun = billing.begun(4, 4);
    program.signal(Signal::SIGTERM);
    billing.require_in_flight(begun, ms(1_500));
    let exit = program.exit_with(0);
    scenario.at_least(ms(1_500), begun, exit.at, "the exit, after the work in flight,");
    let committed = billing.committed();
    scenario.require(
        committed == [4],
        "committed behind the four messages that were in flight",
        format!("committed: {committed:?}"),
    );
}

/// No message is begun after the signal: the program leaves when those in flight are done, and what was
/// fetched is left to the next instance.
///
/// Why: a consumer has fetched hundreds of messages before it begins the first. A drain that works them off
/// first takes as long as they do, and then it is killed.
///
/// Limit: 30 s
#[test]
fn nothing_is_begun_after_the_signal() {
    let scenario = Scenario::new();
    let billing = Billing::new(&scenario, 3);
    for partition in 0..3 {
        billing.send(partition, &["1000"; 20]);
    }
    let program = billing.start(AMPLE);
    let first = billing.begun(4, 4);
    let fourth = billing.ledger.entries().len();
    let signal = program.signal(Signal::SIGTERM);
    scenario.at_most(ms(900), first, signal, "the signal, before the next messages are done,");
    program.exit_at_most(secs(1) + LEAVING, signal);
    program.exit_with(0);
    let entries = billing.ledger.entries().len();
    scenario.require(
        entries <= fourth + 4,
        format!("at most 4 messages more than the {fourth} that were processed at the signal"),
        format!("{} more", entries - fourth),
    );
}

/// Four messages are processed at once, and never more.
///
/// Why: with one worker the backlog grows, with a worker for each message the database behind them gives up.
///
/// Limit: 30 s
#[test]
fn four_messages_are_processed_at_once() {
    let scenario = Scenario::new();
    let billing = Billing::new(&scenario, 3);
    for partition in 0..3 {
        billing.send(partition, &[FOR_EVER; 5]);
    }
    let _program = billing.start(AMPLE);
    billing.wait_for(4);
    thread::sleep(ms(700));
    let begun = billing.ledger.entries().len();
    scenario.require(begun == 4, "4 messages in flight", format!("{begun} messages in flight"));
}

/// Nothing is committed beyond a message that is not done yet, also if those behind it are, however many.
///
/// Why: a committed offset says that everything before it is done. If the message in front has failed by
/// then, or the process is killed, nobody will ever look at it again.
///
/// Limit: 60 s
#[test]
fn nothing_is_committed_beyond_a_message_that_is_not_done() {
    let scenario = Scenario::new();
    let billing = Billing::new(&scenario, 1);
    billing.send(0, &["20", "20", "600000"]);
    billing.send(0, &["0"; 2_000]);
    let program = billing.start(SHORT);
    billing.process_all_but(1);
    program.signal(Signal::SIGTERM);
    program.exit();
    let committed = billing.committed();
    scenario.require(
        committed == [2],
        "committed behind the first two messages; the third is not done",
        format!("committed: {committed:?}"),
    );
}

/// A message that fails is tried again after 100 ms, until it succeeds; it is not skipped.
///
/// Why: whatever it needed was away for a moment: a database, a network. To skip it is to lose it, as soon as
/// the next one is committed.
///
/// Limit: 30 s
#[test]
fn a_message_that_fails_is_tried_again() {
    let scenario = Scenario::new();
    let billing = Billing::new(&scenario, 1);
    billing.send(0, &["20"]);
    let program = billing.start(AMPLE);
    billing.wait_for(1);
    let sent = Moment::now();
    billing.send(0, &["0!20"]);
    billing.send(0, &["20"; 10]);
    billing.process_all_but(0);
    let took = Moment::now().since(sent);
    scenario.require(
        took >= secs(2),
        "20 attempts that fail, and 100 ms after each: 2 s",
        format!("all over after {took:?}"),
    );
    program.signal(Signal::SIGTERM);
    program.exit_with(0);
    billing.require_each_once();
}

/// A message that fails keeps its worker until it succeeds: beside it, three are processed at once.
///
/// Why: a message that fails is one that the database behind it cannot take now. With a new one begun in its place
/// each time, there are soon more at the database's door than it ever had to bear.
///
/// Limit: 30 s
#[test]
fn a_message_that_fails_keeps_its_worker() {
    let scenario = Scenario::new();
    let billing = Billing::new(&scenario, 1);
    billing.send(0, &["0!1000000"]);
    billing.send(0, &[FOR_EVER; 5]);
    let _program = billing.start(AMPLE);
    billing.wait_for(3);
    thread::sleep(ms(700));
    let begun = billing.ledger.entries().len();
    scenario.require(
        begun == 3,
        "3 messages in flight beside the one that fails",
        format!("{begun} messages in flight beside it"),
    );
}

/// A message that still fails at the end of the budget is abandoned, and not committed: the next instance
/// tries it again.
///
/// Why: a drain is no reason to give an order up. Nor may the order hold the drain up beyond its deadline.
///
/// Limit: 30 s
#[test]
fn a_message_that_keeps_failing_is_left_to_the_next_instance() {
    let scenario = Scenario::new();
    let billing = Billing::new(&scenario, 1);
    billing.send(0, &["20", "0!1000000", "20"]);
    let program = billing.start(SHORT);
    billing.wait_for(2);
    billing.exits_at_the_deadline(&program);
    let committed = billing.committed();
    scenario.require(
        committed == [1],
        "committed behind the first message; the second has failed",
        format!("committed: {committed:?}"),
    );
}

/// What is done is committed within a second also while the program runs, whether more comes or not.
///
/// Why: not every end is a drain. After a crash everything that was not committed is done again, and with an
/// uptime of weeks that is everything there is.
///
/// Limit: 30 s
#[test]
fn what_is_done_is_committed_while_the_program_runs() {
    let scenario = Scenario::new();
    let billing = Billing::new(&scenario, 1);
    billing.send(0, &["20"; 8]);
    let _program = billing.start(AMPLE);
    billing.wait_for(8);
    billing.committed_soon(8);
    // Right after a commit: the next one is not due by chance.
    billing.send(0, &["20"; 4]);
    billing.wait_for(12);
    billing.committed_soon(12);
    // Three seconds of work lie between the two: nobody may wait for a pause in it.
    billing.send(0, &["20"; 800]);
    billing.wait_for(12 + 100);
    billing.wait_for(12 + 700);
    let committed = billing.committed();
    scenario.require(
        committed[0] >= 100,
        "the first of 800 messages committed when 600 more are processed",
        format!("committed: {committed:?}"),
    );
}

/// Offsets have gaps: what is committed behind one is what is done behind it, also within a second.
///
/// Why: the log is compacted, cut at its beginning, and has marks of transactions in it. Whoever waits for a number that
/// never comes commits nothing any more, and sees no error; the next restart repeats everything since.
///
/// Limit: 30 s
#[test]
fn a_gap_in_the_log_holds_nothing_up() {
    let scenario = Scenario::new();
    let billing = Billing::embedded(&scenario, 1);
    billing.send(0, &["20"; 3]);
    let program = billing.start(AMPLE);
    billing.wait_for(3);
    billing.committed_soon(3);
    // While the program stands still, so much comes that the embedded broker deletes the oldest of it.
    program.signal(Signal::SIGSTOP);
    let late = billing.send(0, &[&*"x".repeat(900_000); 10]);
    program.signal(Signal::SIGCONT);
    billing.process(&late[9..], 0);
    let next = billing.ledger.entries().iter().map(|entry| entry.offset).find(|offset| *offset >= 3);
    if next.is_none_or(|offset| offset == 3) {
        scenario.unknown("the broker has deleted nothing: there is no gap");
    }
    billing.committed_soon(13);
    program.signal(Signal::SIGTERM);
    program.exit_with(0);
    let repeated = billing.ledger.repeated();
    scenario.require(
        repeated.is_empty(),
        "nothing processed twice",
        format!("processed twice: {repeated:?}"),
    );
}

/// With nothing in flight the program leaves at once.
///
/// Why: most consumers are idle most of the time. A drain that waits for its time-out all the same makes each deploy
/// that much longer.
///
/// Limit: 30 s
#[test]
fn an_idle_consumer_leaves_at_once() {
    let scenario = Scenario::new();
    let billing = Billing::new(&scenario, 3);
    billing.fill(10);
    let program = billing.start(AMPLE);
    billing.settle();
    let signal = program.signal(Signal::SIGTERM);
    program.exit_at_most(LEAVING, signal);
    program.exit_with(0);
}

/// A signal that arrives while `ready` is being written drains; it does not kill.
///
/// Why: an orchestrator may change its mind while your program starts. A consumer that is killed then stays a
/// member of its group, with partitions that nobody reads until Kafka notices.
///
/// Limit: 30 s
#[test]
fn a_signal_in_the_first_milliseconds_drains() {
    let scenario = Scenario::new();
    let billing = Billing::new(&scenario, 3);
    billing.fill(10);
    let program = billing.program(AMPLE).stdout_full().start();
    program.blocked_in_write();
    program.signal(Signal::SIGTERM);
    program.read_on();
    program.exit_with(0);
    let processed = billing.processed();
    let committed = billing.committed();
    scenario.require(
        committed == processed,
        format!("committed as far as processed: {processed:?}"),
        format!("committed: {committed:?}"),
    );
}

/// A `DRAIN_BUDGET` that cannot be used is named in one line on stderr, and the program exits with code 2. One that
/// can be used drains, however short or long it is.
///
/// Why: a deadline is made of it at the signal. Whatever goes wrong with that goes wrong then, with messages in
/// flight.
///
/// Limit: 30 s
#[test]
fn a_bad_value_is_named_and_ends_the_program() {
    let scenario = Scenario::new();
    let billing = Billing::new(&scenario, 1);
    for good in ["500us", "1s 500ms", "100years"] {
        let program = billing.start(good);
        program.signal(Signal::SIGTERM);
        let outcome = program.drain_report().outcome;
        program.exit_with(if outcome == "complete" { 0 } else { 1 });
    }
    // The last two are more than a number holds, and more than a clock does.
    for bad in ["", " ", "soon", "5", "7x", "0s", "-1s", "99999999999999999999s", "12000000000000000000s"] {
        billing.program(AMPLE).require_refused("DRAIN_BUDGET", bad);
    }
}

/// Any other value that cannot be used is named in the same way: one that is empty, or a ledger that cannot be written.
///
/// Why: an empty variable is what a template leaves behind when its value is missing. A program that goes on with the default
/// then consumes somebody else's topic; one without a ledger finds that out with the first message.
///
/// Limit: 30 s
///
/// Stub passes: what is read at the start, and how, is there already.
#[test]
fn what_is_empty_or_cannot_be_written_is_named_too() {
    let scenario = Scenario::new();
    let billing = Billing::new(&scenario, 1);
    for variable in ["KAFKA_BOOTSTRAP_SERVERS", "TOPIC", "GROUP", "LEDGER"] {
        billing.program(AMPLE).require_refused(variable, "");
    }
    // A folder that is not there, and one that is.
    let ledger = billing.ledger.path();
    let folder = ledger.trim_end_matches("ledger");
    for unwritable in [format!("{folder}none/ledger"), folder.to_owned()] {
        billing.program(AMPLE).require_refused("LEDGER", &unwritable);
    }
}

/// A topic that does not exist ends the program with code 2 and one line on stderr that names `TOPIC` and its value.
///
/// Why: to the group such a topic is one without partitions, for which its members wait, for ever, in perfect health.
/// That is how a typo becomes a night without invoices.
///
/// Limit: 30 s
#[test]
fn a_topic_that_does_not_exist_is_named_and_ends_the_program() {
    let scenario = Scenario::new();
    let billing = Billing::embedded(&scenario, 1);
    let program = billing.program(AMPLE).env("TOPIC", "no-such-topic").start();
    let started = Moment::now();
    program.exit_at_most(secs(10), started);
    program.exit_with(2);
    let stderr = program.stderr();
    let naming = stderr.iter().filter(|(_, line)| line.contains("TOPIC") && line.contains("no-such-topic"));
    let count = naming.count();
    scenario.require(
        count == 1,
        "one line on stderr that names TOPIC and `no-such-topic`",
        format!("{count} such lines"),
    );
}

/// A broker that is away is waited for, at the start and while the program runs.
///
/// Why: brokers are restarted more often than consumers. One that ends with the first error must be started again by somebody,
/// and one that goes on without consuming looks as if it had nothing to do.
///
/// Limit: 60 s
#[test]
fn a_broker_that_is_away_is_waited_for() {
    let scenario = Scenario::new();
    let billing = Billing::embedded(&scenario, 1);
    billing.send(0, &["20"; 3]);
    billing.kafka.down();
    let program = billing.start(AMPLE);
    program.runs_on_for(secs(2));
    billing.kafka.up();
    billing.wait_for(3);
    billing.kafka.down();
    program.runs_on_for(secs(2));
    billing.kafka.up();
    billing.send(0, &["20"; 3]);
    billing.settle();
    billing.require_each_once();
    program.signal(Signal::SIGTERM);
    program.exit_with(0);
}

/// A broker that is away is complained of, and the same complaint is not said again within a minute.
///
/// Why: a client tries to reach its broker several times a second. A log that is full of that is paid for, and what
/// else is in it is found by nobody.
///
/// Limit: 30 s
#[test]
fn a_broker_that_is_away_does_not_flood_the_log() {
    let scenario = Scenario::new();
    let billing = Billing::embedded(&scenario, 1);
    billing.send(0, &["20", "20", "0+2000"]);
    let program = billing.start(SHORT);
    billing.wait_for(3);
    billing.kafka.down();
    program.runs_on_for(secs(5));
    let lines: Vec<String> = program.stderr().into_iter().map(|(_, line)| line).collect();
    let complaints = lines.iter().filter(|line| line.starts_with("kafka: ")).count();
    let repeated = lines.iter().enumerate().find(|(at, line)| lines[..*at].contains(line));
    scenario.require(
        (1..=4).contains(&complaints) && repeated.is_none(),
        "a line `kafka: ...` or a few on stderr in 5 s without a broker, and none of them twice",
        match repeated {
            Some((_, line)) => format!("twice: `{line}`"),
            None => format!("{complaints} such lines"),
        },
    );
    program.signal(Signal::SIGTERM);
    program.exit_with(1);
}

/// SIGINT means the same.
///
/// Why: Ctrl-C is how you try a drain out. If it takes another path than SIGTERM, nobody has ever tried the
/// path that production takes.
///
/// Limit: 30 s
#[test]
fn sigint_means_the_same() {
    let scenario = Scenario::new();
    let billing = Billing::new(&scenario, 3);
    billing.fill(60);
    let program = billing.start(AMPLE);
    billing.signal_after(30, &program, Signal::SIGINT);
    program.exit_with(0);
    billing.finish();
    billing.require_each_once();
}

/// The next instance takes over at once: it need not wait until Kafka has missed the first one.
///
/// Why: a member that is gone without a word keeps its partitions until its session is over, half a minute and more.
/// So long nobody reads them, at each deploy.
///
/// Limit: 60 s
#[test]
fn the_next_instance_takes_over_at_once() {
    let scenario = Scenario::new();
    let billing = Billing::new(&scenario, 1);
    billing.fill(100);
    let first = billing.start(AMPLE);
    billing.signal_after(20, &first, Signal::SIGTERM);
    first.exit_with(0);
    let before = billing.ledger.entries().len();
    let _second = billing.start(AMPLE);
    billing.at_most(secs(5), Moment::now(), "the first message of the next instance", || {
        billing.ledger.entries().len() > before
    });
}

/// When a second instance joins, a partition changes hands only after what is in flight there is done and
/// committed: each message is processed once.
///
/// Why: a group is shared out again whenever somebody comes or goes. If the old owner is still at a message when
/// the new one begins, both process it.
///
/// Limit: 60 s
#[test]
fn a_partition_changes_hands_when_its_messages_are_done() {
    let scenario = Scenario::new();
    let billing = Billing::new(&scenario, 2);
    // Whichever of the two is handed over: a message of it is in flight, and others behind it are done.
    for partition in 0..2 {
        billing.send(partition, &[RESHARED, "20", "20", "20"]);
    }
    let _first = billing.start(AMPLE);
    billing.wait_for(8);
    let _second = billing.start(AMPLE);
    for partition in 0..2 {
        billing.send(partition, &["20"; 10]);
    }
    billing.settle();
    billing.require_each_once();
}

/// Workers that are all busy do not hold up a handover: it takes no longer than a drain.
///
/// Why: four messages that keep failing are a database that is down. A member that does not listen to its group
/// then keeps its partitions from the others, and after five minutes it is thrown out.
///
/// Limit: 60 s
#[test]
fn busy_workers_do_not_hold_up_a_handover() {
    let scenario = Scenario::new();
    let billing = Billing::new(&scenario, 2);
    billing.send(0, &[FOR_EVER; 4]);
    // More than anybody keeps waiting for a worker.
    billing.send(0, &["20"; 2_000]);
    let _first = billing.start(SHORT);
    billing.wait_for(4);
    let _second = billing.start(SHORT);
    let joined = Moment::now();
    // Whichever partition is handed over: the second instance has this one now, or the first has workers again.
    let keys = billing.send(1, &["20"]);
    billing.at_most(HANDOVER, joined, "the message in the other partition", || {
        billing.ledger.missing(&keys).is_empty()
    });
}

/// What a handover cuts off is not committed: the new owner processes it. The old one's drain does not count it.
///
/// Why: a partition is handed over while the work in it is stuck, and the work is lost if its offset goes with it.
/// That a drain hours later reports it once more sends somebody looking for an outage that is over.
///
/// Limit: 60 s
#[test]
fn what_a_handover_cuts_off_goes_to_the_new_owner() {
    let scenario = Scenario::new();
    let billing = Billing::new(&scenario, 2);
    // Whichever of the two is handed over.
    for partition in 0..2 {
        billing.send(partition, &[FOR_EVER; 2]);
    }
    let first = billing.start(SHORT);
    billing.wait_for(4);
    let _second = billing.start(SHORT);
    billing.at_most(HANDOVER, Moment::now(), "two messages to be processed by the new owner", || {
        billing.ledger.entries().len() >= 6
    });
    first.signal(Signal::SIGTERM);
    first.exit_with(1);
    let committed = billing.committed();
    scenario.require(committed == [0, 0], "nothing committed", format!("committed: {committed:?}"));
    let abandoned = first.drain_report().abandoned;
    scenario.require(
        abandoned == 2,
        "abandoned=2: the two that the drain has cut off",
        format!("abandoned={abandoned}"),
    );
}

/// A partition that is handed over takes its backlog with it, and its old owner never commits there again: each
/// message is processed once, and the new owner's commits stand.
///
/// Why: what the old owner still knows of a partition is out of date at once. What it processes of that is done
/// twice, and what it commits sets the group back.
///
/// Limit: 60 s
#[test]
fn what_was_handed_over_is_forgotten() {
    let scenario = Scenario::new();
    let billing = Billing::new(&scenario, 2);
    // Whichever of the two is handed over: the old owner has been at work in it.
    for partition in 0..2 {
        billing.send(partition, &["20"]);
    }
    let first = billing.start(AMPLE);
    billing.wait_for(2);
    for partition in 0..2 {
        billing.send(partition, &["400"; 50]);
    }
    billing.wait_for(10);
    let second = billing.start(AMPLE);
    billing.settle();
    billing.require_each_once();
    // In this order, so that the last word is the old owner's.
    for program in [second, first] {
        program.signal(Signal::SIGTERM);
        program.exit_with(0);
    }
    let committed = billing.committed();
    scenario.require(committed == [51, 51], "all committed", format!("committed: {committed:?}"));
}

/// A partition that comes back is taken up where the other member has left it: each message is processed once, and
/// what is done there is committed.
///
/// Why: members come and go all day. What is still known of a partition from the last time is wrong: what was fetched
/// then is done by now, and what was open then is somebody else's.
///
/// Limit: 60 s
#[test]
fn a_partition_that_comes_back_is_taken_up_where_the_other_left_it() {
    let scenario = Scenario::new();
    let billing = Billing::new(&scenario, 2);
    // All workers are busy with both when one of them goes, and others wait behind; more than anybody fetches ahead.
    for partition in 0..2 {
        billing.send(partition, &[RESHARED; 2]);
    }
    let first = billing.start(AMPLE);
    billing.wait_for(4);
    for partition in (0..10).flat_map(|_| 0..2) {
        billing.send(partition, &["20"; 10]);
    }
    // In a ledger of its own, to see that it is at work.
    let other = Ledger::new(&scenario);
    let second = billing.program(AMPLE).env("LEDGER", other.path()).start();
    second.line("ready");
    // The handover waits for what is in flight.
    let limit = HANDOVER + secs(20);
    billing.at_most(limit, Moment::now(), "the 100 messages that were handed over with a partition", || {
        other.entries().len() >= 100
    });
    second.signal(Signal::SIGTERM);
    second.exit_with(0);
    billing.add(&other);
    for partition in 0..2 {
        billing.send(partition, &["20"; 10]);
    }
    billing.settle();
    billing.require_each_once();
    let committed = billing.committed();
    scenario.require(committed == [112, 112], "all committed", format!("committed: {committed:?}"));
    first.signal(Signal::SIGTERM);
    first.exit_with(0);
}

/// A handover waits until its commit is taken: one that is refused for the moment is tried again.
///
/// Why: Kafka is never as likely to refuse a commit as while it shares a group out anew, and that is when a handover
/// commits. The new owner goes on where the last commit stands that was taken.
///
/// Limit: 60 s
#[test]
fn a_handover_waits_until_its_commit_is_taken() {
    let scenario = Scenario::new();
    let billing = Billing::embedded(&scenario, 2);
    for partition in 0..2 {
        billing.send(partition, &["0+6000", "20", "20"]);
    }
    let _first = billing.start(AMPLE);
    billing.wait_for(6);
    billing.kafka.refuse(Request::OffsetCommit, &[Refusal::RebalanceInProgress; 1_000]);
    let _second = billing.start(AMPLE);
    // The work in both partitions is over by then, and the handover has begun.
    thread::sleep(ms(7_500));
    billing.kafka.forgive(Request::OffsetCommit);
    billing.settle();
    billing.require_each_once();
}

/// When the next instance joins during the drain, what is in flight is still finished and committed: each
/// message is processed once.
///
/// Why: a rolling deploy starts the new instance while the old one drains. Whoever leaves the group first and works on
/// after that has given his messages away.
///
/// Limit: 60 s
#[test]
fn a_drain_survives_that_the_next_instance_joins() {
    let scenario = Scenario::new();
    let billing = Billing::new(&scenario, 2);
    // Whichever of the two is handed over.
    for partition in 0..2 {
        billing.send(partition, &[RESHARED, "20", "20", "20"]);
    }
    let first = billing.start(AMPLE);
    billing.wait_for(8);
    first.signal(Signal::SIGTERM);
    let _second = billing.start(AMPLE);
    first.exit_with(0);
    billing.settle();
    billing.require_each_once();
}

/// A signal in the middle of a handover drains as any other: by its own deadline.
///
/// Why: in a rolling deploy the new instance comes first, and then the signal. A drain that first waits until the
/// handover is over, and only then looks at the clock, takes twice as long.
///
/// Limit: 60 s
#[test]
fn a_signal_in_the_middle_of_a_handover_drains_in_time() {
    let scenario = Scenario::new();
    let billing = Billing::embedded(&scenario, 2);
    for partition in 0..2 {
        billing.send(partition, &[FOR_EVER; 2]);
    }
    let first = billing.start("8s");
    billing.wait_for(4);
    let _second = billing.start("8s");
    // The embedded group is shared out within 3 s, and the handover takes more than 7.
    thread::sleep(secs(5));
    let signal = first.signal(Signal::SIGTERM);
    first.exit_at_most(secs(8) + TOLERANCE, signal);
    first.exit_with(1);
}

/// A handover in the drain whose commit is refused for good is a failure, also if the last commit is taken.
///
/// Why: what was handed over is processed again by its new owner. Exit code 0 would say that nothing is.
///
/// Limit: 60 s
#[test]
fn a_handover_in_the_drain_that_is_refused_is_a_failure() {
    let scenario = Scenario::new();
    let billing = Billing::embedded(&scenario, 2);
    billing.send(0, &["0+9000"]);
    billing.send(1, &["0+6000"]);
    let first = billing.start(AMPLE);
    billing.wait_for(2);
    first.signal(Signal::SIGTERM);
    let _second = billing.start(AMPLE);
    let joined = Moment::now();
    billing.kafka.refuse(Request::OffsetCommit, &[Refusal::UnknownMember; 1_000]);
    // The one that was handed over, in its new owner's hands.
    billing.at_most(HANDOVER, joined, "a message to be processed by the new owner", || {
        billing.ledger.entries().len() >= 3
    });
    billing.kafka.forgive(Request::OffsetCommit);
    first.exit_with(1);
    billing.require_not_complete(&first);
}

/// A last commit that Kafka refuses, because the group is just being shared out again, is tried again.
///
/// Why: in a rolling deploy somebody is always coming or going, so this is the answer that a drain gets most
/// often. A drain that takes it for the last word repeats its messages at each deploy.
///
/// Limit: 30 s
#[test]
fn a_commit_that_is_refused_for_the_moment_is_tried_again() {
    let scenario = Scenario::new();
    let billing = Billing::embedded(&scenario, 1);
    billing.refuses_for_a_moment(Refusal::RebalanceInProgress);
}

/// A last commit that Kafka refuses, because the member is behind its group by a heartbeat, is tried again.
///
/// Why: the group counts on whenever somebody comes or goes. The member hears of it with its next heartbeat,
/// and what it says then is taken.
///
/// Limit: 30 s
#[test]
fn a_commit_of_a_member_that_is_behind_is_tried_again() {
    let scenario = Scenario::new();
    let billing = Billing::embedded(&scenario, 1);
    billing.refuses_for_a_moment(Refusal::StaleMemberEpoch);
}

/// A commit that Kafka refuses for good ends the drain with exit code 1, by the deadline at the latest.
///
/// Why: the group has gone on without this member. Exit code 0 would say that all is well, and the messages that
/// are about to be repeated would be a riddle.
///
/// Limit: 30 s
#[test]
fn a_commit_that_is_refused_for_good_is_a_failure() {
    let scenario = Scenario::new();
    let billing = Billing::embedded(&scenario, 1);
    billing.send(0, &["0+1500"; 4]);
    let program = billing.start(SHORT);
    let begun = billing.begun(4, 4);
    billing.kafka.refuse(Request::OffsetCommit, &[Refusal::FencedMemberEpoch; 1_000]);
    let signal = program.signal(Signal::SIGTERM);
    billing.require_in_flight(begun, ms(1_500));
    program.exit_at_most(SHORT_DEADLINE + TOLERANCE, signal);
    program.exit_with(1);
    billing.require_not_complete(&program);
    let missing = billing.missing();
    scenario.require(missing.is_empty(), "no message lost", format!("never processed: {missing:?}"));
}

/// A broker that is away for a moment, and back before the deadline, costs nothing: the drain completes.
///
/// Why: brokers are restarted, too, often in the same maintenance. Half a second is no reason to repeat anything.
///
/// Limit: 30 s
#[test]
fn a_broker_that_comes_back_in_time_costs_nothing() {
    let scenario = Scenario::new();
    let billing = Billing::embedded(&scenario, 1);
    billing.send(0, &["0+600"; 4]);
    let program = billing.start(AMPLE);
    let begun = billing.begun(4, 4);
    billing.kafka.down();
    program.signal(Signal::SIGTERM);
    billing.require_in_flight(begun, ms(600));
    thread::sleep(ms(900));
    billing.kafka.up();
    program.exit_with(0);
    billing.finish();
    billing.require_each_once();
}

/// A broker that is gone does not hold up the exit: it comes at the deadline, with code 1. Nothing is lost, and
/// what had been committed before is not repeated.
///
/// Why: when the broker is the reason for the outage, every consumer of it must be restarted. One that waits
/// for the broker has to be killed by hand.
///
/// Limit: 60 s
#[test]
fn a_broker_that_is_gone_does_not_hold_up_the_exit() {
    let scenario = Scenario::new();
    let billing = Billing::embedded(&scenario, 1);
    let early = billing.send(0, &["20"; 10]);
    let program = billing.start(SHORT);
    billing.settle();
    billing.send(0, &["0+1500"; 4]);
    let begun = billing.begun(14, 4);
    billing.kafka.down();
    billing.require_in_flight(begun, ms(1_500));
    let signal = program.signal(Signal::SIGTERM);
    program.exit_at_most(SHORT_DEADLINE + TOLERANCE, signal);
    program.exit_with(1);
    billing.require_not_complete(&program);
    billing.kafka.up();
    // The cluster believes that the first one is still there.
    billing.finish_as(&billing.kafka.heir(&billing.topic, &billing.group));
    let missing = billing.missing();
    let repeated: Vec<String> =
        billing.ledger.repeated().into_iter().filter(|key| early.contains(key)).collect();
    scenario.require(
        missing.is_empty() && repeated.is_empty(),
        "nothing lost, and nothing repeated that was committed before",
        format!("never processed: {missing:?}; committed and processed again: {repeated:?}"),
    );
}

/// A broker that answers too late does not hold up the exit either.
///
/// Why: an overloaded broker is more frequent than a dead one, and harder to see: every call returns, some time.
///
/// Limit: 30 s
#[test]
fn a_broker_that_is_slow_does_not_hold_up_the_exit() {
    let scenario = Scenario::new();
    let billing = Billing::embedded(&scenario, 1);
    billing.send(0, &["0+1500"; 4]);
    let program = billing.start(SHORT);
    let begun = billing.begun(4, 4);
    billing.kafka.answer_after(secs(20));
    billing.require_in_flight(begun, ms(1_500));
    let signal = program.signal(Signal::SIGTERM);
    program.exit_at_most(SHORT_DEADLINE + TOLERANCE, signal);
    program.exit_with(1);
    billing.require_not_complete(&program);
}

/// Work that ends before the last tenth of the budget is finished.
///
/// Why: the budget is what the message's customer has been promised. A drain that gives up after half of it has
/// kept half of the promise.
///
/// Limit: 30 s
#[test]
fn work_that_ends_in_time_is_finished() {
    let scenario = Scenario::new();
    let billing = Billing::new(&scenario, 1);
    // Time for the first is time that the program has been up when the signal comes.
    billing.send(0, &["2000"]);
    let program = billing.start("5s");
    billing.wait_for(1);
    billing.send(0, &["0+3200"]);
    billing.wait_for(2);
    let signal = program.signal(Signal::SIGTERM);
    let exit = program.exit();
    if scenario.too_busy(ms(4_400), signal, exit.at) {
        scenario.unknown("machine too busy: work of 3.2 s was not over after 4.4 s");
    }
    program.exit_with(0);
    let committed = billing.committed();
    scenario.require(committed == [2], "both messages committed", format!("committed: {committed:?}"));
}

/// Work that does not end is cut off when a tenth of the budget is left, and the program exits by the
/// deadline with code 1; what is done in other partitions is committed.
///
/// Why: the tenth is there to write down what was done. Whoever works until the last moment is killed while
/// committing, and repeats everything.
///
/// Limit: 30 s
#[test]
fn work_that_outlives_the_budget_is_cut_off() {
    let scenario = Scenario::new();
    let billing = Billing::new(&scenario, 2);
    billing.send(0, &[FOR_EVER]);
    billing.send(1, &["20"; 5]);
    let program = billing.start(SHORT);
    billing.wait_for(6);
    billing.exits_at_the_deadline(&program);
    let committed = billing.committed();
    scenario.require(
        committed == [0, 5],
        "nothing committed in partition 0, and all in partition 1",
        format!("committed: {committed:?}"),
    );
}

/// Work that would end in the last tenth of the budget is cut off as well.
///
/// Why: the tenth is not a reserve for work. A commit that has to be tried again needs it, and after the deadline
/// comes the SIGKILL.
///
/// Limit: 30 s
#[test]
fn the_last_tenth_is_not_for_work() {
    let scenario = Scenario::new();
    let billing = Billing::new(&scenario, 1);
    billing.send(0, &["20"]);
    let program = billing.start("10s");
    billing.wait_for(1);
    billing.send(0, &["0+9900"]);
    let begun = billing.begun(2, 1);
    billing.require_in_flight(begun, ms(200));
    let signal = program.signal(Signal::SIGTERM);
    let exit = program.exit();
    // 700 ms or more lie between the moment of the cut and the end of the work. Only if the machine took that much, when
    // the signal was to be heard and there, may a program that is right have been too late.
    let (cut, end) = (signal.plus(ms(9_000)), begun.plus(ms(9_900)));
    let late = scenario.lag(signal, signal.plus(ms(500))) + scenario.lag(cut, end);
    if late >= end.since(cut) && exit.outcome != Outcome::Code(1) {
        scenario.unknown("machine too busy: the program may have looked at the clock too late");
    }
    program.exit_with(1);
    let committed = billing.committed();
    scenario.require(
        committed == [1],
        "committed behind the first message",
        format!("committed: {committed:?}"),
    );
}

/// The budget is what was set, whatever the number: work that ends in its nine tenths is finished.
///
/// Why: a budget of `2.9s` that is taken for two seconds breaks off what had half a second left.
///
/// Limit: 30 s
#[test]
fn a_budget_that_is_no_whole_number_is_all_there() {
    let scenario = Scenario::new();
    let billing = Billing::new(&scenario, 1);
    billing.send(0, &["0+2200"]);
    let program = billing.start("2.9s");
    let begun = billing.begun(1, 1);
    billing.require_in_flight(begun, ms(300));
    let signal = program.signal(Signal::SIGTERM);
    let exit = program.exit();
    // It may work for 2.61 s. Who is gone before that has not; who is still there may have been held up.
    let until = signal.plus(ms(2_610));
    if exit.outcome != Outcome::Code(0) && exit.at > until && scenario.lag(begun, until) >= ms(400) {
        scenario.unknown("machine too busy: the work may have ended too late");
    }
    program.exit_with(0);
    let committed = billing.committed();
    scenario.require(
        committed == [1],
        "committed behind the message that was in flight",
        format!("committed: {committed:?}"),
    );
}

/// A message that was cut off after it had its effect is processed again by the next instance: what the
/// deadline cuts off, nobody can promise to do once.
///
/// Why: that is the price, and it has to be known. If it must not happen, what a message does must be made so
/// that it can be done twice: with an idempotency key, or in one transaction with the offset.
///
/// Limit: 30 s
#[test]
fn what_was_cut_off_is_processed_again() {
    let scenario = Scenario::new();
    let billing = Billing::new(&scenario, 1);
    let keys = billing.send(0, &[FOR_EVER]);
    let program = billing.start("1s");
    billing.wait_for(1);
    program.signal(Signal::SIGTERM);
    program.exit_with(1);
    let committed = billing.committed();
    scenario.require(committed == [0], "nothing committed", format!("committed: {committed:?}"));
    // It need not have found the time to leave its group.
    let heir = billing.kafka.heir(&billing.topic, &billing.group);
    let second = billing.program_of(&heir, AMPLE).start();
    second.line("ready");
    billing.wait_for(2);
    let repeated = billing.ledger.repeated();
    scenario.require(repeated == keys, format!("{keys:?} processed again"), format!("{repeated:?}"));
}

/// After a SIGKILL nothing is lost; what was in flight is processed again.
///
/// Why: nobody drains under SIGKILL, a power cut or a crash. All that helps then is what was, and what was not,
/// committed before.
///
/// Limit: 30 s
#[test]
fn a_kill_loses_nothing_and_repeats_what_was_in_flight() {
    let scenario = Scenario::new();
    let billing = Billing::new(&scenario, 1);
    let in_flight = &billing.send(0, &["20", "20", "0+5000"])[2];
    billing.send(0, &["20"; 20]);
    let program = billing.start(AMPLE);
    let begun = billing.begun(23, 23);
    let waiting = scenario.waiting("the first two messages to be committed");
    while billing.committed()[0] < 2 {
        thread::sleep(ms(20));
    }
    drop(waiting);
    program.signal(Signal::SIGKILL);
    billing.require_in_flight(begun, secs(5));
    program.exit();
    billing.finish_as(&billing.kafka.heir(&billing.topic, &billing.group));
    let missing = billing.missing();
    let repeated = billing.ledger.repeated();
    scenario.require(
        missing.is_empty() && repeated.contains(in_flight),
        format!("nothing lost, and {in_flight} processed again"),
        format!("never processed: {missing:?}; processed again: {repeated:?}"),
    );
}

mod leaks {
    use super::*;

    use drain_kit::leaks;

    /// Messages leave nothing behind in the program, nor do those that fail: after five hundred it has as many threads
    /// and descriptors as after fifty.
    ///
    /// Why: a consumer runs for months. Whatever a message leaves behind, there are millions of it.
    ///
    /// Limit: 60 s
    #[test]
    fn messages_leave_no_thread_and_no_descriptor() {
        let scenario = Scenario::new();
        let billing = Billing::new(&scenario, 3);
        billing.send(0, &["1"; 50]);
        let program = billing.start(AMPLE);
        billing.wait_for(50);
        let (threads, descriptors) = (program.threads(), program.descriptors());
        billing.send(1, &["1"; 430]);
        billing.send(2, &["1!2"; 20]);
        billing.wait_for(500);
        leaks::require_threads_at_most(&scenario, &program, threads + 8);
        leaks::require_descriptors_at_most(&scenario, &program, descriptors + 8);
    }

    /// The program leaves no process behind, also when it leaves at the deadline.
    ///
    /// Why: what survives its parent holds its files, and goes on processing.
    ///
    /// Limit: 30 s
    #[test]
    fn no_process_is_left() {
        let scenario = Scenario::new();
        let billing = Billing::new(&scenario, 1);
        billing.send(0, &[FOR_EVER]);
        let program = billing.start("1s");
        billing.wait_for(1);
        program.signal(Signal::SIGTERM);
        leaks::require_no_process_left(&scenario, &program);
    }
}

mod load {
    use super::*;

    /// A thousand messages through ten restarts, at any moment: each is processed once.
    ///
    /// Why: a race that one restart in fifty shows is a wrong invoice every week.
    ///
    /// Limit: 120 s
    #[test]
    fn a_thousand_messages_through_ten_restarts() {
        let scenario = Scenario::new();
        let billing = Billing::new(&scenario, 5);
        for partition in 0..5 {
            billing.send(partition, &["3"; 200]);
        }
        for restart in 1..=10 {
            let instance = billing.start(AMPLE);
            billing.wait_for(97 * restart);
            instance.signal(Signal::SIGTERM);
            instance.exit_with(0);
        }
        billing.finish();
        billing.require_each_once();
        scenario.note("1000 messages through 10 restarts, each processed once");
    }
}

mod report {
    use super::*;

    /// The drain reports itself once on stderr: complete, how long it took from the signal on, and nothing
    /// abandoned.
    ///
    /// Why: the line is what you look for the morning after a deploy that went wrong.
    ///
    /// Limit: 30 s
    #[test]
    fn the_drain_reports_itself_once() {
        let scenario = Scenario::new();
        let billing = Billing::new(&scenario, 1);
        billing.send(0, &["0+3000"; 4]);
        let program = billing.start(AMPLE);
        let begun = billing.begun(4, 4);
        let signal = program.signal(Signal::SIGTERM);
        billing.require_in_flight(begun, ms(1_500));
        let exit = program.exit_with(0);
        let report = program.require_report("complete", 0);
        report.require_duration(&scenario, ms(1_000), exit.at.since(signal));
        scenario.note(format!("drain complete in {:.1?}, 0 abandoned", report.duration));
    }

    /// An overrun is reported, too: the deadline was exceeded, and how many messages were cut off.
    ///
    /// Why: "three orders will be repeated" is a fact to act on before the customers call.
    ///
    /// Limit: 30 s
    #[test]
    fn an_overrun_reports_what_it_abandoned() {
        let scenario = Scenario::new();
        let billing = Billing::new(&scenario, 1);
        billing.send(0, &["20", FOR_EVER, "20", FOR_EVER, FOR_EVER, "20"]);
        let program = billing.start(SHORT);
        billing.wait_for(6);
        program.signal(Signal::SIGTERM);
        program.exit_with(1);
        program.require_report("deadline_exceeded", 3);
    }
    /// If work was cut off, that is the outcome, also if the last commit was refused for good on top of it.
    ///
    /// Why: two things went wrong, and the line has room for one. The one that somebody has to act on is the work.
    ///
    /// Limit: 30 s
    #[test]
    fn what_was_cut_off_is_the_outcome_whatever_kafka_says() {
        let scenario = Scenario::new();
        let billing = Billing::embedded(&scenario, 2);
        billing.send(0, &[FOR_EVER]);
        billing.send(1, &["0+1500"]);
        let program = billing.start(SHORT);
        let begun = billing.begun(2, 2);
        billing.kafka.refuse(Request::OffsetCommit, &[Refusal::FencedMemberEpoch; 1_000]);
        program.signal(Signal::SIGTERM);
        billing.require_in_flight(begun, ms(1_500));
        program.exit_with(1);
        program.require_report("deadline_exceeded", 1);
    }
}
