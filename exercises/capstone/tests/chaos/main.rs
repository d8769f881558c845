//! Chaos for the capstone: deploys, crashes and failing neighbours, at moments that nobody has thought of.
//!
//! `cargo xtask chaos` plays it with many seeds.

mod customers;
// What the acceptance tests have, and this one does not need.
#[allow(dead_code)]
#[path = "../acceptance/line.rs"]
mod line;
#[allow(dead_code)]
#[path = "../acceptance/shop.rs"]
mod shop;

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use drain_kit::{Dice, Moment, Scenario, Signal, ms, secs};

use crate::customers::{Addresses, Asked, Customers};
use crate::line::Line;
use crate::shop::{Instance, Shop, is_acknowledged};

/// The budget of a drain.
const BUDGET: Duration = secs(4);
/// So much it may be overrun.
const OVERRUN: Duration = ms(500);
/// Deploys, crashes and failures in one run.
const ROUNDS: usize = 5;
/// A failure may be felt so much longer: what was lost with it is built anew.
const AFTERMATH: Duration = secs(1);
/// Within this time an event comes to Kafka.
const TOLD: Duration = secs(10);

/// Whatever fails, and whoever is stopped or killed: each order that was acknowledged is stored once and told, a drain ends in its budget,
/// and as long as the database answers nobody is told 5xx.
///
/// Why: other tests have their failures one at a time, at moments that somebody has thought of.
///
/// Limit: 120 s
///
/// Seed: run
#[test]
fn whatever_happens_nothing_is_lost() {
    let scenario = Scenario::new();
    let Some(shop) = Shop::open(&scenario) else { return };
    let mut chaos = Chaos::begin(&scenario, &shop);
    let customers = Customers::begin(&scenario, &chaos.addresses);
    for _ in 0..ROUNDS {
        chaos.round();
    }
    let asked = customers.end();
    chaos.end(asked);
}

/// A neighbour that fails for a while.
#[derive(Clone, Copy, PartialEq)]
enum Failure {
    None,
    KafkaIsAway,
    KafkaIsSlow,
    DatabaseHangs,
    DatabaseIsCutOff,
}

const FAILURES: [Failure; 6] = [
    Failure::None,
    Failure::None,
    Failure::KafkaIsAway,
    Failure::KafkaIsSlow,
    Failure::DatabaseHangs,
    Failure::DatabaseIsCutOff,
];

#[derive(Clone, Copy)]
enum Act {
    Fail,
    Mend,
    Stop,
}

struct Chaos<'a> {
    scenario: &'a Scenario,
    shop: &'a Shop<'a>,
    line: Line,
    dice: Dice,
    addresses: Addresses,
    instances: Vec<Instance<'a>>,
    started: usize,
    /// From when to when the database may not have answered.
    without_database: Vec<(Moment, Moment)>,
    tally: Tally,
}

#[derive(Default)]
struct Tally {
    complete: usize,
    too_late: usize,
    killed: usize,
    overrun: Duration,
}

impl<'a> Chaos<'a> {
    fn begin(scenario: &'a Scenario, shop: &'a Shop<'a>) -> Self {
        let seed = std::env::var("DRAIN_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
        let mut chaos = Self {
            scenario,
            shop,
            line: Line::to(&shop.database),
            dice: Dice::seeded(seed),
            addresses: Addresses::default(),
            instances: Vec::new(),
            started: 0,
            without_database: Vec::new(),
            tally: Tally::default(),
        };
        chaos.start();
        chaos.start();
        chaos
    }

    fn start(&mut self) {
        self.started += 1;
        let instance = self.shop.start_called_on(&format!("service {}", self.started), &self.line, "4s");
        self.addresses.add(instance.address);
        self.instances.push(instance);
    }

    /// Somebody is stopped, or killed, and replaced, and meanwhile a neighbour fails, or not; in any order.
    fn round(&mut self) {
        let dice = &mut self.dice;
        let failure = dice.pick(&FAILURES);
        let signal = dice.pick(&[Signal::SIGTERM, Signal::SIGTERM, Signal::SIGINT, Signal::SIGKILL]);
        let (which, replaced_before) = (dice.pick(&[0, 1]), dice.pick(&[true, false]));
        let fails = dice.time(ms(0)..ms(800));
        let mut acts = [
            (fails, Act::Fail),
            (fails + dice.time(ms(50)..ms(1_500)), Act::Mend),
            (dice.time(ms(0)..ms(1_000)), Act::Stop),
        ];
        acts.sort_by_key(|(at, _)| *at);
        if replaced_before {
            self.start();
        }
        let stopped = self.instances.remove(which);
        let (begun, mut signalled) = (Moment::now(), Moment::now());
        let mut failed = begun;
        for (at, act) in acts {
            begun.plus(at).wait();
            match act {
                Act::Fail => {
                    failed = Moment::now();
                    self.fail(failure);
                }
                Act::Mend => self.mend(failure, failed),
                Act::Stop => signalled = stopped.program.signal(signal),
            }
        }
        self.ended(&stopped, signal, signalled, failure);
        if !replaced_before {
            self.start();
        }
    }

    fn fail(&self, failure: Failure) {
        match failure {
            Failure::None => {}
            Failure::KafkaIsAway => self.shop.kafka.down(),
            Failure::KafkaIsSlow => self.shop.kafka.answer_after(ms(600)),
            Failure::DatabaseHangs => self.shop.database.suspend(),
            Failure::DatabaseIsCutOff => {
                self.scenario.timeline().mark("database", "cut off");
                self.line.cut();
            }
        }
    }

    fn mend(&mut self, failure: Failure, failed: Moment) {
        match failure {
            Failure::None => return,
            Failure::KafkaIsAway => return self.shop.kafka.up(),
            Failure::KafkaIsSlow => return self.shop.kafka.answer_after(ms(0)),
            Failure::DatabaseHangs => self.shop.database.resume(),
            Failure::DatabaseIsCutOff => {
                self.line.mend();
                self.scenario.timeline().mark("database", "back");
            }
        }
        self.without_database.push((failed, Moment::now().plus(AFTERMATH)));
    }

    /// Waits for its end, and requires that it is one of those that the brief allows.
    fn ended(&mut self, stopped: &Instance, signal: Signal, signalled: Moment, failure: Failure) {
        if signal == Signal::SIGKILL {
            stopped.program.exit();
            self.tally.killed += 1;
        } else {
            let exit = stopped.program.exit_at_most(BUDGET + OVERRUN, signalled);
            let report = stopped.program.drain_report();
            let complete = report.outcome == "complete";
            stopped.program.exit_with(i32::from(!complete));
            if failure == Failure::None {
                stopped.program.require_report("complete", 0);
            }
            let Tally { complete: well, too_late, overrun, .. } = &mut self.tally;
            *if complete { well } else { too_late } += 1;
            *overrun = exit.at.since(signalled.plus(BUDGET)).max(*overrun);
        }
        self.addresses.remove(stopped.address);
    }

    /// What clients were told, what is stored and what Kafka has been told must be the same.
    fn end(mut self, asked: Vec<Asked>) {
        let keys: BTreeSet<&str> = asked.iter().map(|asked| asked.key.as_str()).collect();
        for asked in &asked {
            self.require_allowed(asked);
        }
        let orders = keys.len();
        let acknowledged: Vec<Asked> =
            asked.into_iter().filter(|asked| is_acknowledged(&asked.outcome)).collect();
        self.scenario.require(
            acknowledged.len() == orders,
            format!("each of {orders} orders acknowledged in the end"),
            format!("{} were", acknowledged.len()),
        );
        for Asked { key, outcome, .. } in acknowledged {
            self.shop.acknowledge_anew_or_again(&key, outcome);
        }
        let stored = self.shop.database.query("SELECT 1 FROM orders").len();
        self.scenario.require(
            stored == orders,
            format!("{orders} orders in the database"),
            format!("{stored}"),
        );
        self.wait_until_told(orders);
        for instance in std::mem::take(&mut self.instances) {
            let signalled = instance.program.signal(Signal::SIGTERM);
            self.ended(&instance, Signal::SIGTERM, signalled, Failure::None);
        }
        self.shop.require_events(orders);
        let Tally { complete, too_late, killed, overrun } = self.tally;
        let again = self.shop.messages().len() - orders;
        self.scenario.note(format!(
            "orders={orders} told_again={again} complete={complete} deadline_exceeded={too_late} killed={killed} \
             longest_overrun_ms={}",
            overrun.as_millis()
        ));
    }

    /// Waits until Kafka knows of so many orders; not longer than that may take.
    fn wait_until_told(&self, orders: usize) {
        let from = Moment::now();
        let _waiting = self.scenario.waiting(format!("the events of {orders} orders in Kafka"));
        loop {
            let messages = self.shop.messages();
            let told: BTreeSet<&str> = messages.iter().map(|message| message.key.as_str()).collect();
            if told.len() >= orders || Moment::now().since(from) > TOLD {
                return;
            }
            thread::sleep(ms(100));
        }
    }

    /// Acknowledged, not answered, or 503 while the database did not answer; nothing else.
    fn require_allowed(&self, asked: &Asked) {
        let Asked { key, sent, settled, outcome } = asked;
        let Ok(response) = outcome else { return };
        let excused = self.without_database.iter().any(|(from, to)| settled >= from && sent <= to);
        let expected = format!("the order {key} acknowledged, with a database that answers");
        match response.status {
            200 | 201 => {}
            503 if excused => {}
            // The bound of a request is not for a busy machine to use up.
            503 if settled.since(*sent) > ms(1_500) => {
                self.scenario.too_late(secs(1), *sent, *settled, &expected, &response.to_string());
            }
            _ => self.scenario.fail_at(*settled, expected, response),
        }
    }
}
