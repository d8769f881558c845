//! Acceptance tests for the capstone.
//!
//! Each starts a PostgreSQL of its own and a cluster that is embedded in the test: both can be told to fail.

mod line;
mod shop;

use std::thread;

use drain_kit::{Client, Moment, Program, Scenario, Signal, ms, program, secs};

use crate::line::Line;
use crate::shop::*;

/// An order that is acknowledged is in the database, and its event comes to Kafka, with the order's number as the key.
///
/// Why: whoever acknowledges first and stores then has told a lie whenever the power fails in between.
///
/// Limit: 60 s
#[test]
fn an_acknowledged_order_is_stored_and_told() {
    let scenario = Scenario::new();
    let Some(shop) = Shop::open(&scenario) else { return };
    let instance = shop.start(AMPLE);
    let id = shop.ordered(&instance, "first", 201);
    shop.ordered(&instance, "second", 201);
    let shown = require(&scenario, instance.get("reader", &format!("/orders/{id}")), 200);
    scenario.require(
        number(&shown, "id") == Some(id)
            && text(&shown).contains("ada")
            && number(&shown, "quantity") == Some(2),
        format!("order {id} as it was placed"),
        text(&shown),
    );
    for none in ["/orders/4711", "/orders/abc"] {
        require(&scenario, instance.get("reader", none), 404);
    }
    shop.wait_for_events(2);
    let of_first = shop.messages().into_iter().filter(|message| message.key == id.to_string());
    let payloads: Vec<String> = of_first.map(|message| message.payload).collect();
    scenario.require(
        payloads.iter().all(|payload| payload.contains("event_id") && payload.contains("ada")),
        "an event with an `event_id` and the order",
        format!("{payloads:?}"),
    );
}

/// The same `Idempotency-Key` with the same order, however it is written, is the same order: 200, the same number, and one event. With
/// another order it is 422.
///
/// Why: a client that has heard nothing asks again. It must not matter whether the first time was too early or too late.
///
/// Limit: 60 s
#[test]
fn the_same_key_is_the_same_order() {
    let scenario = Scenario::new();
    let Some(shop) = Shop::open(&scenario) else { return };
    let instance = shop.start(AMPLE);
    shop.ordered(&instance, "key", 201);
    shop.ordered(&instance, "key", 200);
    let otherwise = "{\n  \"quantity\": 2,\n  \"item\": \"tea\",\r\n\t\"customer\": \"ada\"\n}\n";
    shop.acknowledge("key", instance.order("client", "key", otherwise), 200);
    let other = TEA.replace("tea", "coffee");
    require(&scenario, instance.order("other", "key", &other), 422);
    shop.wait_for_events(1);
    // All at once, on two instances.
    let second = shop.start_called("service 2", AMPLE);
    // Until all of them have looked for the key, and have found none.
    shop.database.lock_for("orders", secs(1));
    let outcomes: Vec<_> = thread::scope(|scope| {
        let ask = |number: usize| {
            let instance = if number.is_multiple_of(2) { &instance } else { &second };
            let client = Client::connected(&scenario, &format!("client {number}"), instance.address);
            scope.spawn(move || {
                let mut client = client;
                post(&mut client, "Idempotency-Key: contended\r\n", TEA);
                client.response(PATIENCE)
            })
        };
        let asked: Vec<_> = (0..8).map(ask).collect();
        asked.into_iter().map(|asked| asked.join().expect("a client")).collect()
    });
    let created = outcomes.iter().filter(|outcome| outcome.as_ref().is_ok_and(|r| r.status == 201)).count();
    scenario.require(created == 1, "one of eight clients told 201", format!("{created}"));
    for outcome in outcomes {
        shop.acknowledge_anew_or_again("contended", outcome);
    }
    shop.wait_for_events(2);
}

/// An order whose commit fails is acknowledged to nobody, not even to who asks with the same key in the meantime.
///
/// Why: a key that is remembered before the commit answers for an order that never was.
///
/// Limit: 60 s
#[test]
fn a_key_is_known_from_the_commit_on() {
    let scenario = Scenario::new();
    let Some(shop) = Shop::open(&scenario) else { return };
    let instance = shop.start(AMPLE);
    shop.let_the_first_commit_fail();
    let first = instance.order_in_flight("key");
    shop.wait_until_somebody_commits();
    let second = instance.order("second", "key", TEA);
    // One that was placed in vain may have been placed again.
    for outcome in [first.outcome(), second] {
        if is_acknowledged(&outcome) {
            shop.acknowledge_anew_or_again("key", outcome);
        }
    }
    shop.acknowledge_anew_or_again("key", instance.order("third", "key", TEA));
    shop.wait_for_events(1);
}

/// What is no order is refused in one sentence, and stored nowhere: no key, an empty one, or one of more than 255 characters is 400, a body
/// that makes no sense 400 or 422, and one of more than 16 KiB 413.
///
/// Why: what is stored and makes no sense is found by whoever reads it last, and that is a person.
///
/// Limit: 60 s
#[test]
fn what_is_no_order_is_refused() {
    let scenario = Scenario::new();
    let Some(shop) = Shop::open(&scenario) else { return };
    let instance = shop.start(AMPLE);
    let (longest, too_long) = ("k".repeat(255), "k".repeat(256));
    for key in [None, Some(""), Some(&too_long), Some("schl\u{fc}ssel")] {
        let mut client = Client::connected(&scenario, "without a key", instance.address);
        post(&mut client, &key.map_or(String::new(), |key| format!("Idempotency-Key: {key}\r\n")), TEA);
        require(&scenario, client.response(PATIENCE), 400);
    }
    let quantity = |quantity: &str| TEA.replace('2', quantity);
    let nonsense = [
        "",
        "tea",
        "{}",
        r#"["ada", "tea", 2]"#,
        "{\n  \"customer\": \"ada\",\n  \"item\": \"tea\",\n  \"quantity\": 2,\n  \"gift\": true\n}",
        &TEA.replace("ada", ""),
        &TEA.replace("tea", " "),
        &TEA.replace("tea", r"t\u0000a"),
        &quantity("0"),
        &quantity("-1"),
        &quantity("1.0"),
        &quantity("1000001"),
    ];
    for (number, body) in nonsense.into_iter().enumerate() {
        let outcome = instance.order(&format!("nonsense {number}"), &format!("n{number}"), body);
        let status = outcome.as_ref().map_or(0, |response| response.status);
        let response = require(&scenario, outcome, if status == 400 { 400 } else { 422 });
        let said = text(&response);
        scenario.require(said.trim().lines().count() == 1, "one sentence on what is wrong", said);
    }
    let large = TEA.replace("ada", &"a".repeat(17 * 1024));
    require(&scenario, instance.order("too large", "large", &large), 413);
    shop.ordered(&instance, &longest, 201);
    shop.acknowledge("most", instance.order("most", "most", &quantity("1000000")), 201);
    shop.wait_for_events(2);
}

/// As long as the database does not answer, nothing is acknowledged: 503 with `Retry-After`, within 3 s. With the same key one can
/// ask again when it does, and it is one order.
///
/// Why: an order that nobody has stored and everybody believes in is worse than one that was refused.
///
/// Limit: 60 s
#[test]
fn without_the_database_nothing_is_acknowledged() {
    let scenario = Scenario::new();
    let Some(shop) = Shop::open(&scenario) else { return };
    let instance = shop.start(AMPLE);
    shop.ordered(&instance, "before", 201);
    shop.database.suspend();
    let mut client = Client::connected(&scenario, "client", instance.address);
    let sent = post(&mut client, "Idempotency-Key: meanwhile\r\n", TEA);
    let refused = require(&scenario, client.response(PATIENCE), 503);
    scenario.at_most(secs(3), sent, refused.at, "the 503");
    let retry_after = refused.header("retry-after").unwrap_or("no such header");
    scenario.require(retry_after.parse::<u32>().is_ok(), "Retry-After: a number of seconds", retry_after);
    shop.database.resume();
    shop.acknowledge_anew_or_again("meanwhile", instance.order("client", "meanwhile", TEA));
    shop.wait_for_events(2);
}

/// While Kafka is away, orders are acknowledged all the same; their events come when it is back.
///
/// Why: a shop that closes whenever its message broker restarts needs no message broker.
///
/// Limit: 60 s
#[test]
fn events_wait_for_kafka() {
    let scenario = Scenario::new();
    let Some(shop) = Shop::open(&scenario) else { return };
    let instance = shop.start(AMPLE);
    shop.kafka.down();
    let down = Moment::now();
    for number in 1..=5 {
        shop.ordered(&instance, &format!("order {number}"), 201);
    }
    down.plus(secs(1)).wait();
    shop.kafka.up();
    shop.wait_for_events(5);
}

/// What was acknowledged survives SIGKILL: the next instance tells it to Kafka.
///
/// Why: not every end is a drain. What a drain promises must be there without it; it only comes later then.
///
/// Limit: 60 s
#[test]
fn a_crash_loses_nothing() {
    let scenario = Scenario::new();
    let Some(shop) = Shop::open(&scenario) else { return };
    let first = shop.start(AMPLE);
    shop.kafka.down();
    for number in 1..=20 {
        shop.ordered(&first, &format!("order {number}"), 201);
    }
    first.program.signal(Signal::SIGKILL);
    first.program.exit();
    shop.kafka.up();
    let _second = shop.start_called("service 2", AMPLE);
    shop.wait_for_events(20);
}

/// What was acknowledged survives SIGKILL also if another instance is at work already, and has no order of its own.
///
/// Why: the other one has looked, and has found that somebody is at it. Nobody tells it that this somebody is gone.
///
/// Limit: 60 s
#[test]
fn a_crash_beside_another_instance_loses_nothing() {
    let scenario = Scenario::new();
    let Some(shop) = Shop::open(&scenario) else { return };
    let first = shop.start(AMPLE);
    shop.kafka.down();
    // No more than the first one is at: another would be for the second.
    shop.ordered(&first, "order", 201);
    let second = shop.start_called("service 2", AMPLE);
    second.program.runs_on_for(secs(1));
    first.program.signal(Signal::SIGKILL);
    first.program.exit();
    shop.kafka.up();
    shop.wait_for_events(1);
}

/// An event that is told twice has the same `event_id` both times, and no other event has it.
///
/// Why: whoever is told twice has nothing else to know it by.
///
/// Limit: 60 s
#[test]
fn an_event_that_is_told_again_is_the_same_event() {
    let scenario = Scenario::new();
    let Some(shop) = Shop::open(&scenario) else { return };
    let first = shop.start(AMPLE);
    shop.ordered(&first, "before", 201);
    shop.wait_for_events(1);
    shop.kafka.down();
    shop.ordered(&first, "twice", 201);
    // On its way to Kafka by now. What it does when Kafka has it, it cannot write down.
    first.program.runs_on_for(ms(500));
    shop.database.suspend();
    shop.kafka.up();
    let told = shop.wait_for_messages(2, secs(4));
    first.program.signal(Signal::SIGKILL);
    first.program.exit();
    shop.database.resume();
    let _second = shop.start_called("service 2", AMPLE);
    if told {
        shop.wait_for_messages(3, secs(10));
    }
    shop.wait_for_events(2);
}

/// From the signal on `/ready` says 503, and for a tenth of the budget everything else is as before. Then connections are refused.
///
/// Why: load balancers learn it late. Whoever closes at once refuses those who could not know.
///
/// Limit: 60 s
#[test]
fn in_the_window_all_is_served() {
    let scenario = Scenario::new();
    let Some(shop) = Shop::open(&scenario) else { return };
    let instance = shop.start("20s");
    require(&scenario, instance.get("probe", "/ready"), 200);
    require(&scenario, instance.get("probe", "/healthz"), 200);
    let signal = instance.program.signal(Signal::SIGTERM);
    let mut ready = instance.get("probe", "/ready");
    while ready.as_ref().is_ok_and(|response| response.status == 200) {
        thread::sleep(ms(10));
        ready = instance.get("probe", "/ready");
    }
    let withdrawn = require(&scenario, ready, 503);
    scenario.at_most(ms(200), signal, withdrawn.at, "503 from `/ready`");
    require(&scenario, instance.get("probe", "/healthz"), 200);
    shop.ordered(&instance, "at once", 201);
    signal.plus(ms(1_600)).wait();
    shop.ordered(&instance, "late", 201);
    signal.plus(ms(2_300)).wait();
    let refused = Client::connect(&scenario, "too late", instance.address).is_err();
    scenario.require(refused, "connections refused 300 ms after the window", "one that was accepted");
    instance.complete(secs(5), signal);
    shop.require_events(2);
}

/// An order that is being placed at the signal is acknowledged, and its event is in Kafka when the service exits, with code 0. A second
/// signal changes nothing.
///
/// Why: requests, then events, then the database: in each other order something is accepted that nobody finishes.
///
/// Limit: 60 s
#[test]
fn what_is_in_flight_is_finished() {
    let scenario = Scenario::new();
    let Some(shop) = Shop::open(&scenario) else { return };
    let instance = shop.start("3s");
    shop.ordered(&instance, "before", 201);
    shop.database.lock_for("orders", ms(800));
    let pending = instance.order_in_flight("in flight");
    let signal = instance.program.signal(Signal::SIGTERM);
    for again in [Signal::SIGTERM, Signal::SIGINT] {
        thread::sleep(ms(150));
        instance.program.signal(again);
    }
    shop.acknowledge("in flight", pending.outcome(), 201);
    instance.complete(ms(3_500), signal);
    shop.require_events(2);
}

/// On a Kafka that takes most of a second to answer, the events of all orders are there when the service exits.
///
/// Why: a producer has a queue. Whoever exits with something in it has told nobody.
///
/// Limit: 60 s
#[test]
fn the_drain_waits_for_kafka() {
    let scenario = Scenario::new();
    let Some(shop) = Shop::open(&scenario) else { return };
    let instance = shop.start("5s");
    shop.ordered(&instance, "before", 201);
    shop.wait_for_events(1);
    shop.kafka.answer_after(ms(800));
    for number in 1..=3 {
        shop.ordered(&instance, &format!("order {number}"), 201);
    }
    let signal = instance.program.signal(Signal::SIGTERM);
    instance.complete(ms(5_500), signal);
    shop.kafka.answer_after(ms(0));
    shop.require_events(4);
}

/// An order that is placed while somebody looks into the outbox, and finds nothing, is told before the exit.
///
/// Why: what a look says was true when it began. The last one begins when nothing can be added any more.
///
/// Limit: 60 s
#[test]
fn an_order_beside_the_last_look_is_told() {
    let scenario = Scenario::new();
    let Some(shop) = Shop::open(&scenario) else { return };
    let line = Line::to(&shop.database);
    let instance = shop.start_on(&line, "8s");
    shop.ordered(&instance, "before", 201);
    shop.wait_for_events(1);
    line.keep_an_empty_answer_back();
    shop.ordered(&instance, "beside", 201);
    let signal = instance.program.signal(Signal::SIGTERM);
    // The window is over, and so are the requests.
    signal.plus(ms(1_600)).wait();
    line.let_go();
    instance.complete(ms(8_500), signal);
    shop.require_events(2);
}

/// After four seconds without the database, an order that is placed right before the signal is told before the exit.
///
/// Why: who waits longer after each failure is still waiting when all is well again. Whatever a part of the service waits for, the drain wakes it.
///
/// Limit: 60 s
#[test]
fn the_drain_waits_for_no_pause() {
    let scenario = Scenario::new();
    let Some(shop) = Shop::open(&scenario) else { return };
    let line = Line::to(&shop.database);
    let instance = shop.start_on(&line, "6s");
    shop.ordered(&instance, "before", 201);
    shop.wait_for_events(1);
    line.cut();
    let cut = Moment::now();
    require(&scenario, instance.order("refused", "refused", TEA), 503);
    cut.plus(secs(4)).wait();
    line.mend();
    // That a connection is broken may be seen only when it is used.
    let outcome = (0..10).map(|_| instance.order("late", "late", TEA)).find(is_acknowledged);
    let Some(outcome) = outcome else {
        scenario.fail("an order acknowledged, with the database back", "ten that were not")
    };
    shop.acknowledge("late", outcome, 201);
    let signal = instance.program.signal(Signal::SIGTERM);
    instance.complete(ms(6_500), signal);
    shop.require_events(2);
}

/// If Kafka is away during the drain, the service exits at its deadline at the latest, with code 1, and the next instance tells what is left.
///
/// Why: a drain that waits for somebody else's restart is killed in the middle of whatever it was at.
///
/// Limit: 60 s
#[test]
fn without_kafka_the_drain_ends_in_time_and_loses_nothing() {
    let scenario = Scenario::new();
    let Some(shop) = Shop::open(&scenario) else { return };
    let instance = shop.start("2s");
    shop.kafka.down();
    leaves_five_events(&shop, &instance);
    shop.kafka.up();
    let _second = shop.start_called("service 2", AMPLE);
    shop.wait_for_events(5);
}

/// If Kafka does not answer during the drain, the service exits at its deadline at the latest, with code 1, and the next instance
/// tells what is left.
///
/// Why: a connection over which nothing comes any more looks like one on which nothing was said yet.
///
/// Limit: 60 s
#[test]
fn a_kafka_that_does_not_answer_does_not_hold_up_the_exit() {
    let scenario = Scenario::new();
    let Some(shop) = Shop::open(&scenario) else { return };
    let instance = shop.start("2s");
    shop.ordered(&instance, "before", 201);
    shop.wait_for_events(1);
    shop.kafka.answer_after(secs(60));
    leaves_five_events(&shop, &instance);
    shop.kafka.answer_after(ms(0));
    let _second = shop.start_called("service 2", AMPLE);
    shop.wait_for_events(6);
}

/// Takes five orders whose events nobody takes, and requires that the drain of two seconds ends in time without them.
fn leaves_five_events(shop: &Shop, instance: &Instance) {
    for number in 1..=5 {
        shop.ordered(instance, &format!("order {number}"), 201);
    }
    let signal = instance.program.signal(Signal::SIGTERM);
    instance.program.exit_at_most(ms(2_500), signal);
    instance.program.exit_with(1);
    instance.program.require_report("deadline_exceeded", 0);
}

/// If the database does not answer during the drain, the service exits at its deadline at the latest. Nothing that was
/// acknowledged is lost.
///
/// Why: closing a connection politely takes an answer, too.
///
/// Limit: 60 s
#[test]
fn without_the_database_the_drain_ends_in_time() {
    let scenario = Scenario::new();
    let Some(shop) = Shop::open(&scenario) else { return };
    let instance = shop.start("8s");
    shop.ordered(&instance, "before", 201);
    // In the middle of transactions: a connection that is held is harder to close than one that is idle.
    shop.database.lock_for("orders", secs(1));
    let keys = ["first", "second", "third"];
    let pending = keys.map(|key| instance.order_in_flight(key));
    shop.wait_for_waiting_transactions(keys.len());
    shop.database.suspend();
    let signal = instance.program.signal(Signal::SIGTERM);
    instance.program.exit_at_most(ms(8_500), signal);
    instance.program.exit_with(1);
    // How long a request may take of the drain is not for us to say: it is refused, or cut off. One that was quicker
    // than we were is acknowledged, and must be known to the next instance.
    for (key, outcome) in keys.into_iter().zip(pending.map(InFlight::outcome)) {
        if is_acknowledged(&outcome) {
            shop.acknowledge(key, outcome, 201);
        }
    }
    shop.database.resume();
    let second = shop.start_called("service 2", AMPLE);
    for key in keys {
        shop.acknowledge_anew_or_again(key, second.order("client", key, TEA));
    }
    shop.wait_for_events(4);
}

/// The metrics say which phase it is, and how many orders are in flight, until the exit; `/ready` says the phase, too. When the drain
/// is over they stay for `LAST_SCRAPE`, and have its duration.
///
/// Why: of a service that hangs in its drain one wants to know where; and the drain that nobody could fetch is the one that was slow.
///
/// Limit: 60 s
#[test]
fn the_metrics_say_how_far_the_drain_is() {
    let scenario = Scenario::new();
    let Some(shop) = Shop::open(&scenario) else { return };
    let instance = shop.start_with_last_scrape("30s", "2s");
    shop.ordered(&instance, "before", 201);
    shop.wait_for_events(1);
    instance.wait_for_phase("running");
    let seen_in_flight = (0..5).any(|_| {
        shop.database.lock_for("orders", secs(1));
        let pending = instance.order_in_flight("in flight");
        let seen = instance.metrics().value("orders_in_flight", &[]) == Some(1.0);
        // On a busy machine the lock may be over before we look.
        let _ = pending.outcome();
        seen
    });
    scenario.require(
        seen_in_flight,
        "orders_in_flight 1, with one that waits for the database",
        "another number",
    );
    shop.kafka.down();
    shop.acknowledge_anew_or_again("in flight", instance.order("again", "in flight", TEA));
    shop.ordered(&instance, "late", 201);
    let signal = instance.program.signal(Signal::SIGTERM);
    instance.wait_for_phase("window");
    let ready = text(&require(&scenario, instance.get("probe", "/ready"), 503));
    scenario.require(ready.contains("window"), "`/ready` says `window`", ready);
    instance.wait_for_phase("events");
    shop.kafka.up();
    let last = instance.wait_for_phase("over");
    let report = instance.program.drain_report();
    let exit = instance.complete(report.duration + ms(2_500), signal);
    scenario.at_least(report.duration + ms(1_950), signal, exit.at, "exit");
    require_sample(&scenario, &last, &report);
    shop.require_events(3);
}

/// The metrics say how long each phase of the drain has taken, so far if it is not over, and 0 for those to come. When the drain is
/// over they stand still, and together they are its duration.
///
/// Why: "24 seconds" is no answer. Which step has taken them says whom to ask.
///
/// Limit: 60 s
#[test]
fn the_metrics_say_where_the_time_went() {
    let scenario = Scenario::new();
    let Some(shop) = Shop::open(&scenario) else { return };
    let instance = shop.start_with_last_scrape("10s", "2s");
    shop.kafka.down();
    shop.ordered(&instance, "order", 201);
    let before = phases(&scenario, &instance.metrics());
    scenario.require(before == [0.0; 4], "0 for each phase, before the signal", format!("{before:?}"));
    let signal = instance.program.signal(Signal::SIGTERM);
    let [window, _, early, to_come] = phases(&scenario, &instance.wait_for_phase("events"));
    thread::sleep(ms(300));
    let [_, _, later, _] = phases(&scenario, &instance.metrics());
    scenario.require(
        window > 0.95 && later - early > 0.295 && to_come == 0.0,
        "a window of 1 s; events that have taken 0.3 s more after 0.3 s; 0 for connections",
        format!("window {window} s, events first {early} s and then {later} s, connections {to_come} s"),
    );
    shop.kafka.up();
    let last = phases(&scenario, &instance.wait_for_phase("over"));
    thread::sleep(ms(100));
    let still = phases(&scenario, &instance.metrics());
    scenario.require(still == last, format!("{last:?}, as when the drain was over"), format!("{still:?}"));
    let report = instance.program.drain_report();
    let exit = instance.complete(report.duration + ms(2_500), signal);
    let (together, all) = (last.iter().sum::<f64>(), report.duration.as_secs_f64());
    let lag = scenario.lag(signal, exit.at).as_secs_f64();
    scenario.require(
        (together - all).abs() < 0.1 + lag,
        format!("phases that together are the drain of {all} s"),
        format!("{last:?}, together {together} s"),
    );
}

/// The metrics say how many events Kafka has not confirmed, whoever has stored them and whoever is at them; and when the drain is over,
/// how many are left.
///
/// Why: an outbox that grows is the first sign of a Kafka that is away, and the only one of a relay that is dead.
///
/// Limit: 60 s
#[test]
fn the_metrics_say_how_many_events_are_left() {
    let scenario = Scenario::new();
    let Some(shop) = Shop::open(&scenario) else { return };
    let instance = shop.start_with_last_scrape("10s", "2s");
    shop.kafka.down();
    for number in 1..=3 {
        shop.ordered(&instance, &format!("order {number}"), 201);
    }
    instance.wait_for_backlog(3, Moment::now());
    let signal = instance.program.signal(Signal::SIGTERM);
    instance.wait_for_phase("events");
    shop.kafka.up();
    let left = instance.wait_for_phase("over").value("outbox_events", &[]);
    scenario.require(left == Some(0.0), "outbox_events 0, when all have been told", format!("{left:?}"));
    instance.complete(secs(10), signal);
    shop.require_events(3);
    // After the drain: whoever else is there may be at them, and then they are left.
    let [one, other] = ["service 2", "service 3"].map(|name| shop.start_called(name, AMPLE));
    shop.kafka.down();
    shop.ordered(&one, "order 4", 201);
    let from = Moment::now();
    one.wait_for_backlog(1, from);
    other.wait_for_backlog(1, from);
}

/// The time for the last scrape is a part of the budget, and is there also if the drain has used all of its own.
///
/// Why: a drain that was cut off is the one that somebody will look for.
///
/// Limit: 60 s
#[test]
fn the_last_scrape_has_its_share_of_the_budget() {
    let scenario = Scenario::new();
    let Some(shop) = Shop::open(&scenario) else { return };
    let instance = shop.start_with_last_scrape("5s", "2500ms");
    shop.kafka.down();
    shop.ordered(&instance, "order", 201);
    instance.wait_for_backlog(1, Moment::now());
    let signal = instance.program.signal(Signal::SIGTERM);
    let last = instance.wait_for_phase("over");
    let exit = instance.program.exit_at_most(ms(5_500), signal);
    instance.program.exit_with(1);
    let report = instance.program.require_report("deadline_exceeded", 0);
    scenario.at_least(report.duration + ms(2_450), signal, exit.at, "exit");
    require_sample(&scenario, &last, &report);
    let left = last.value("outbox_events", &[]);
    scenario.require(left == Some(1.0), "outbox_events 1: it has not been told", format!("{left:?}"));
}

/// With nothing to do, the drain is over when the window is.
///
/// Why: a deploy of fifty instances takes fifty times as long as one.
///
/// Limit: 60 s
#[test]
fn an_idle_service_exits_after_the_window() {
    let scenario = Scenario::new();
    let Some(shop) = Shop::open(&scenario) else { return };
    let instance = shop.start("3s");
    let signal = instance.program.signal(Signal::SIGINT);
    let exit = instance.complete(ms(800), signal);
    scenario.at_least(ms(280), signal, exit.at, "exit");
}

/// A value that cannot be used ends the program at the start: code 2, and one line that names the variable and its value.
/// One that can be used is used.
///
/// Why: a service that starts with a default instead is found when it drains.
///
/// Limit: 60 s
#[test]
fn a_bad_value_is_told_in_one_line() {
    let scenario = Scenario::new();
    for (variable, value) in [
        ("DRAIN_BUDGET", "soon"),
        ("LISTEN_ADDR", "here"),
        ("METRICS_ADDR", "there"),
        ("LAST_SCRAPE", "13s"),
        ("DATABASE_URL", "nowhere"),
        ("TOPIC", "order events"),
    ] {
        Program::new(&scenario, program!()).env(variable, value).require_refused(variable, value);
    }
    let Some(shop) = Shop::open(&scenario) else { return };
    let instance = shop.start("1s");
    let signal = instance.program.signal(Signal::SIGTERM);
    instance.complete(secs(1), signal);
}

mod report {
    use super::*;

    /// The drain says how each step goes when it ends, in the order in which they are done, and at the end reports itself once.
    ///
    /// Why: after a drain that went wrong, the log is all there is.
    ///
    /// Limit: 60 s
    #[test]
    fn the_drain_reports_its_steps_and_itself() {
        let scenario = Scenario::new();
        let Some(shop) = Shop::open(&scenario) else { return };
        let instance = shop.start("3s");
        let signal = instance.program.signal(Signal::SIGTERM);
        instance.complete(secs(2), signal);
        let lines: Vec<String> = instance.program.stderr().into_iter().map(|(_, line)| line).collect();
        let steps: Vec<&str> = lines
            .iter()
            .filter(|line| line.contains("outcome=complete"))
            .filter_map(|line| line.split("step=").nth(1)?.split(' ').next())
            .collect();
        scenario.require(
            steps == ["requests", "events", "connections"],
            "`drain step=NAME ... outcome=complete` for requests, events and connections",
            format!("{lines:?}"),
        );
    }
}

mod leaks {
    use super::*;

    /// Connections that were refused, broken or closed leave no descriptor behind.
    ///
    /// Why: a service that loses one a minute runs for two weeks.
    ///
    /// Limit: 60 s
    #[test]
    fn clients_leave_nothing_behind() {
        let scenario = Scenario::new();
        let Some(shop) = Shop::open(&scenario) else { return };
        let instance = shop.start(AMPLE);
        shop.ordered(&instance, "warm up", 201);
        let before = instance.program.descriptors();
        for number in 0..50 {
            let mut client = Client::connected(&scenario, &format!("client {number}"), instance.address);
            client.send_bytes("POST /orders HTTP/1.1\r\nContent-Le");
            // Else it might not even have been accepted when we look.
            client.wait_until_read();
        }
        let from = Moment::now();
        while instance.program.descriptors() > before + 10 && Moment::now().since(from) < secs(5) {
            thread::sleep(ms(20));
        }
        let after = instance.program.descriptors();
        scenario.require(
            after <= before + 10,
            format!("about as many descriptors as before: {before}"),
            format!("{after}, five seconds after 50 clients have gone"),
        );
    }
}

mod load {
    use super::*;

    /// Twenty clients order without a pause while a first instance drains and a second takes over: each order that was acknowledged is
    /// stored once and told, and no answer is a 5xx.
    ///
    /// Why: this is a deploy.
    ///
    /// Limit: 60 s
    #[test]
    fn a_deploy_under_load_loses_nothing() {
        let scenario = Scenario::new();
        let Some(shop) = Shop::open(&scenario) else { return };
        let first = shop.start(AMPLE);
        let second = shop.start_called("service 2", AMPLE);
        let clients: Vec<_> =
            (0..20).map(|client| Buyer::begin(&scenario, client, &[&first, &second])).collect();
        thread::sleep(ms(500));
        let signal = first.program.signal(Signal::SIGTERM);
        first.complete(ms(10_500), signal);
        let orders: usize = clients.into_iter().map(|client| client.end(&shop)).sum();
        scenario.require(orders > 100, "more than 100 orders", orders);
        shop.wait_for_events(orders);
        let stored = shop.database.query("SELECT count(*) FROM orders");
        scenario.require(
            stored == [[Some(orders.to_string())]],
            format!("{orders} orders in the database"),
            format!("{stored:?}"),
        );
    }
}
