//! A topic, a group that reads it, and what its instances have processed.

use std::cell::{Cell, RefCell};
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::thread;
use std::time::Duration;

use drain_kit::{Moment, Program, Running, Scenario, Signal, ms, program, secs};
use drain_service_kit::{Kafka, Ledger, Refusal, Request, Topic};

/// How long a program takes to leave when nothing is left to do.
pub(crate) const LEAVING: Duration = secs(1);
/// More than the program may take to commit what is done.
pub(crate) const COMMITTED_WITHIN: Duration = secs(2);
/// `DRAIN_BUDGET` where the drain is to end by itself.
pub(crate) const AMPLE: &str = "30s";
/// `DRAIN_BUDGET` where it is not.
pub(crate) const SHORT: &str = "2s";
pub(crate) const SHORT_DEADLINE: Duration = secs(2);
pub(crate) const TOLERANCE: Duration = ms(500);
/// After this without any message being processed, none will be.
const PATIENCE: Duration = secs(10);
/// How long a handover may take of which nothing is in the way: a member hears of it with its next heartbeat, of which
/// there is one in five seconds on a real broker.
pub(crate) const HANDOVER: Duration = secs(15);
/// Longer than a group takes until all members have heard that it is shared out anew; the embedded one takes 3 s.
pub(crate) const RESHARED: &str = "0+9000";
/// Work that no drain here can wait for. The entry in the ledger comes first, so that it can be seen.
pub(crate) const FOR_EVER: &str = "0+600000";

/// A topic, a group that reads it, and what its instances have processed.
pub(crate) struct Billing<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) kafka: Kafka<'a>,
    pub(crate) topic: Topic,
    pub(crate) group: String,
    pub(crate) ledger: Ledger<'a>,
    /// The keys of all messages in the topic.
    pub(crate) keys: RefCell<Vec<String>>,
    pub(crate) instances: Cell<usize>,
}

impl<'a> Billing<'a> {
    pub(crate) fn new(scenario: &'a Scenario, partitions: i32) -> Self {
        Self::on(scenario, Kafka::start(scenario), partitions)
    }

    /// On a cluster that can be told to fail.
    pub(crate) fn embedded(scenario: &'a Scenario, partitions: i32) -> Self {
        Self::on(scenario, Kafka::embedded(scenario), partitions)
    }

    pub(crate) fn on(scenario: &'a Scenario, kafka: Kafka<'a>, partitions: i32) -> Self {
        let (topic, group) = (kafka.topic("orders", partitions), kafka.group("billing"));
        let ledger = Ledger::new(scenario);
        Self { scenario, kafka, topic, group, ledger, keys: RefCell::default(), instances: Cell::new(0) }
    }

    /// Puts `count` messages into the topic, which are processed in 20 ms each.
    pub(crate) fn fill(&self, count: usize) {
        self.keys.replace(self.kafka.fill(&self.topic, count));
    }

    /// Sends messages with these contents, and returns their keys.
    pub(crate) fn send(&self, partition: i32, contents: &[&str]) -> Vec<String> {
        let mut all = self.keys.borrow_mut();
        let first = all.len();
        all.extend((first..).take(contents.len()).map(|number| format!("m-{number}")));
        let keys = &all[first..];
        let messages = keys.iter().zip(contents).map(|(key, content)| (partition, key.as_str(), *content));
        self.kafka.send(&self.topic, messages);
        keys.to_vec()
    }

    pub(crate) fn program(&self, budget: &str) -> Program<'a> {
        self.program_of(&self.group, budget)
    }

    pub(crate) fn program_of(&self, group: &str, budget: &str) -> Program<'a> {
        self.instances.set(self.instances.get() + 1);
        Program::new(self.scenario, program!())
            .called(&format!("instance {}", self.instances.get()))
            .env("KAFKA_BOOTSTRAP_SERVERS", self.kafka.bootstrap_servers())
            .env("TOPIC", self.topic.name())
            .env("GROUP", group)
            .env("LEDGER", self.ledger.path())
            .env("DRAIN_BUDGET", budget)
    }

    /// Starts an instance, and waits until it is ready.
    pub(crate) fn start(&self, budget: &str) -> Running {
        let program = self.program(budget).start();
        program.line("ready");
        program
    }

    /// A last instance processes what is left, and drains.
    pub(crate) fn finish(&self) {
        self.finish_as(&self.group);
    }

    pub(crate) fn finish_as(&self, group: &str) {
        let program = self.program_of(group, AMPLE).start();
        program.line("ready");
        self.wait_for_the_end(group);
        program.signal(Signal::SIGTERM);
        program.exit_with(0);
    }

    /// Waits until all messages are processed and committed.
    pub(crate) fn settle(&self) {
        self.wait_for_the_end(&self.group);
    }

    /// Waits until all messages are processed, and the group has committed them all; or until nothing has
    /// happened for so long that nothing will.
    pub(crate) fn wait_for_the_end(&self, group: &str) {
        let _waiting = self.scenario.waiting("all messages to be processed and committed");
        let end = self.kafka.end_offsets(&self.topic);
        let mut seen = (0, Vec::new());
        let mut changed = Moment::now();
        loop {
            let missing = self.missing().len();
            let now = (self.ledger.entries().len(), self.committed_by(group));
            if missing == 0 && now.1 == end {
                return;
            }
            if now != seen {
                (seen, changed) = (now, Moment::now());
            }
            // Also with all there: work may go on after its entry. On a busy machine it waits until the machine cannot be
            // the reason.
            let now = Moment::now();
            if now.since(changed) > PATIENCE && !self.scenario.too_busy(secs(2), changed, now) {
                return;
            }
            thread::sleep(ms(20));
        }
    }

    /// Waits until all messages but so many are processed. Fails if nothing happens any more before that.
    #[track_caller]
    pub(crate) fn process_all_but(&self, rest: usize) {
        self.process(&self.keys.borrow(), rest);
    }

    /// Waits until all of these messages but so many are processed. Fails if nothing happens any more before that.
    #[track_caller]
    pub(crate) fn process(&self, keys: &[String], rest: usize) {
        let _waiting = self.scenario.waiting("messages to be processed");
        let (mut seen, mut changed) = (keys.len(), Moment::now());
        loop {
            let now = self.ledger.missing(keys).len();
            if now <= rest {
                return;
            }
            if now != seen {
                (seen, changed) = (now, Moment::now());
            }
            self.require_patience(changed, format!("all messages processed but {rest}"), || {
                format!("{seen} not processed")
            });
            thread::sleep(ms(20));
        }
    }

    /// Fails if nothing has happened for so long that nothing will.
    #[track_caller]
    fn require_patience(&self, changed: Moment, expected: String, observed: impl FnOnce() -> String) {
        let now = Moment::now();
        // On a busy machine it waits until the machine cannot be the reason.
        if now.since(changed) < PATIENCE || self.scenario.too_busy(secs(2), changed, now) {
            return;
        }
        self.scenario.fail(expected, format!("{}, and nothing has happened for {PATIENCE:?}", observed()));
    }

    /// Adds what is in a ledger of its own that one instance had.
    pub(crate) fn add(&self, other: &Ledger<'_>) {
        let text = fs::read_to_string(other.path()).unwrap_or_default();
        let ledger = OpenOptions::new().append(true).open(self.ledger.path());
        ledger.and_then(|mut ledger| ledger.write_all(text.as_bytes())).expect("the ledger can be written");
    }

    pub(crate) fn missing(&self) -> Vec<String> {
        self.ledger.missing(&self.keys.borrow())
    }

    pub(crate) fn require_each_once(&self) {
        self.ledger.require_each_once(&self.keys.borrow());
    }

    /// Waits until so many messages are in the ledger. Fails if nothing happens any more before that.
    #[track_caller]
    pub(crate) fn wait_for(&self, count: usize) {
        self.begun(count, 0);
    }

    /// The same. Returns a moment before the last `new` of them came: work that begins with its entry began
    /// then at the earliest.
    #[track_caller]
    pub(crate) fn begun(&self, count: usize, new: usize) -> Moment {
        let _waiting = self.scenario.waiting(format!("{count} messages in the ledger"));
        let mut earliest = Moment::now();
        let (mut seen, mut changed) = (0, earliest);
        loop {
            let look = Moment::now();
            let entries = self.ledger.entries().len();
            if entries <= count - new {
                earliest = look;
            }
            if entries >= count {
                self.scenario.timeline().mark("ledger", format!("{entries} messages processed"));
                return earliest;
            }
            if entries != seen {
                (seen, changed) = (entries, look);
            }
            self.require_patience(changed, format!("{count} messages in the ledger"), || format!("{seen}"));
            thread::sleep(ms(1));
        }
    }

    /// Waits until it is so, which must be at most `limit` after `from`. On a busy machine it waits until the machine cannot
    /// be the reason.
    #[track_caller]
    pub(crate) fn at_most(&self, limit: Duration, from: Moment, what: &str, is_so: impl Fn() -> bool) {
        let _waiting = self.scenario.waiting(what);
        while !is_so() {
            let now = Moment::now();
            if now.since(from) > limit + secs(2) && !self.scenario.too_busy(limit, from, now) {
                break;
            }
            // To ask Kafka takes a client, with threads of its own.
            thread::sleep(ms(50));
        }
        self.scenario.at_most(limit, from, Moment::now(), what);
    }

    /// Requires that work of this length, which began at this moment at the earliest, is still in flight. If not,
    /// the scenario has not come about: by the program's doing, or by the machine's, and then nobody knows.
    #[track_caller]
    pub(crate) fn require_in_flight(&self, begun: Moment, work: Duration) {
        self.scenario.at_most(work, begun, Moment::now(), "this moment, with the work in flight,");
    }

    /// Waits until so many of the messages that [`Billing::fill`] has sent are processed, and sends the signal while
    /// the others are still to come: four at once, each of which takes 20 ms.
    #[track_caller]
    pub(crate) fn signal_after(&self, count: usize, program: &Running, signal: Signal) -> Moment {
        let seen = self.begun(count, 1);
        let signal = program.signal(signal);
        let left = (self.keys.borrow().len() - count) as u64;
        self.scenario.at_most(ms(left * 20 / 4), seen, signal, "the signal, with messages still to come,");
        signal
    }

    /// How many messages of each partition are in the ledger.
    pub(crate) fn processed(&self) -> Vec<i64> {
        let entries = self.ledger.entries();
        let of = |partition| entries.iter().filter(|entry| entry.partition == partition).count() as i64;
        (0..self.topic.partitions()).map(of).collect()
    }

    /// What is committed in each partition; 0 where nothing is.
    pub(crate) fn committed(&self) -> Vec<i64> {
        self.committed_by(&self.group)
    }

    /// Requires that so much of the one partition is committed within a second.
    #[track_caller]
    pub(crate) fn committed_soon(&self, offset: i64) {
        let what = format!("a commit of offset {offset}");
        self.at_most(COMMITTED_WITHIN, Moment::now(), &what, || self.committed() == [offset]);
    }

    pub(crate) fn committed_by(&self, group: &str) -> Vec<i64> {
        let committed = self.kafka.committed(&self.topic, group);
        committed.into_iter().map(Option::unwrap_or_default).collect()
    }

    /// Sends SIGTERM to a program that cannot end its work within the budget [`SHORT`].
    pub(crate) fn exits_at_the_deadline(&self, program: &Running) {
        let signal = program.signal(Signal::SIGTERM);
        let exit = program.exit_at_most(SHORT_DEADLINE + TOLERANCE, signal);
        program.exit_with(1);
        let earliest = SHORT_DEADLINE * 9 / 10 - ms(50);
        self.scenario.require(
            exit.at.since(signal) >= earliest,
            format!("exit not before {earliest:?}: until then the work has time"),
            format!("exit after {:?}", exit.at.since(signal)),
        );
    }

    /// A drain whose commits are refused until half a second after the work is done: with that, the last one
    /// is among them, however often the program commits.
    pub(crate) fn refuses_for_a_moment(&self, refusal: Refusal) {
        self.send(0, &["0+1500"; 4]);
        let program = self.start(AMPLE);
        let begun = self.begun(4, 4);
        program.signal(Signal::SIGTERM);
        self.kafka.refuse(Request::OffsetCommit, &[refusal; 1_000]);
        self.require_in_flight(begun, ms(1_500));
        thread::sleep(ms(2_000));
        self.kafka.forgive(Request::OffsetCommit);
        program.exit_with(0);
        let committed = self.committed();
        self.scenario.require(committed == [4], "all four committed", format!("committed: {committed:?}"));
    }

    /// For drains that end because Kafka does not do what they need.
    pub(crate) fn require_not_complete(&self, program: &Running) {
        let outcome = program.drain_report().outcome;
        self.scenario.require(
            ["deadline_exceeded", "failed"].contains(&outcome.as_str()),
            "outcome=failed or outcome=deadline_exceeded on stderr",
            format!("outcome={outcome}"),
        );
    }
}
