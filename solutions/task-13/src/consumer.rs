//! Consumes until the signal, then drains.
//!
//! Calls into Kafka may take for ever: a commit or a close waits for a broker that is gone, and no
//! setting bounds that. So one thread makes them all, and the task that watches the clock makes none. At the
//! deadline the task leaves, whatever the thread is doing.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message as _, OwnedMessage};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout_at};

use crate::config::Config;
use crate::in_flight::{Begun, InFlight};
use crate::process::Processor;
use crate::report::Report;

/// So many messages are processed at once.
const WORKERS: usize = 4;
/// A message that fails is tried again after this.
const RETRY: Duration = Duration::from_millis(100);
/// What is done is committed this often.
const COMMIT_INTERVAL: Duration = Duration::from_millis(250);
/// The budget divided by this is kept for the last commit and the close.
const RESERVED_SHARE: u32 = 10;
/// How long the thread waits for Kafka, or for a worker, before it looks at everything else.
const TICK: Duration = Duration::from_millis(20);

/// Prints the ready line and consumes until `signal`. Then it drains, within the budget:
///
/// 1. no new message is begun;
/// 2. those in flight are finished, or cut off when only a tenth of the budget is left;
/// 3. what is done is committed;
/// 4. the group is left, so that the next instance need not wait until Kafka has missed this one.
///
/// Returns when the drain is over, at the deadline at the latest. Then the thread may still stand in a
/// call into Kafka; it ends with the process.
///
/// # Errors
///
/// If there is no consumer to begin with.
pub async fn run(
    config: &Config,
    processor: Processor,
    signal: impl Future<Output = ()>,
) -> KafkaResult<Report> {
    let in_flight = Arc::new(InFlight::default());
    let draining = Arc::new(OnceLock::new());
    let member = Member::join(config, processor, in_flight.clone(), draining.clone())?;
    let (ended, mut end) = oneshot::channel();
    thread::spawn(move || ended.send(member.run()));
    println!("ready");

    signal.await;
    let begun = Instant::now();
    let deadline = begun + config.drain_budget;
    draining.set(deadline).expect("nobody else sets it");
    let reserved = config.drain_budget / RESERVED_SHARE;
    let result = match timeout_at((deadline - reserved).into(), &mut end).await {
        Err(_) => {
            in_flight.cut();
            timeout_at(deadline.into(), end).await
        }
        in_time => in_time,
    };
    // No answer at all means that the thread has panicked.
    let last_commit = result.ok().map(|answer| answer.unwrap_or(Err(KafkaError::Canceled)));
    Ok(Report::new(begun, in_flight.abandoned(), last_commit))
}

/// A member of the consumer group. It lives on its thread.
struct Member {
    consumer: BaseConsumer<Group>,
    processor: Arc<Processor>,
    in_flight: Arc<InFlight>,
    /// When the drain must be over; set when it begins.
    deadline: Arc<OnceLock<Instant>>,
    workers: Handle,
}

impl Member {
    fn join(
        config: &Config,
        processor: Processor,
        in_flight: Arc<InFlight>,
        deadline: Arc<OnceLock<Instant>>,
    ) -> KafkaResult<Self> {
        let group = Group {
            topic: config.topic.clone(),
            in_flight: in_flight.clone(),
            budget: config.drain_budget,
            rebalances: AtomicUsize::new(0),
        };
        let consumer: BaseConsumer<Group> = client(config).create_with_context(group)?;
        consumer.subscribe(&[&config.topic])?;
        Ok(Self { consumer, processor: Arc::new(processor), in_flight, deadline, workers: Handle::current() })
    }

    /// Consumes until the drain has begun and nothing is in flight; then commits, and leaves the group.
    fn run(self) -> KafkaResult<()> {
        let mut committed = Instant::now();
        let deadline = loop {
            match self.deadline.get() {
                Some(deadline) if self.in_flight.running() == 0 => break *deadline,
                // Polls on: Kafka's callbacks run in here, and a member that does not poll is thrown out.
                Some(_) => self.pass_over(self.consumer.poll(TICK)),
                // First a worker, then a message for it: then there is no queue that a drain has to empty.
                None if self.in_flight.wait_below(WORKERS, TICK) => self.begin(self.consumer.poll(TICK)),
                None => {}
            }
            if committed.elapsed() > COMMIT_INTERVAL {
                committed = Instant::now();
                // Nobody waits for it: the next one says the same, and the last one is waited for.
                let _ = self.consumer.context().commit(&self.consumer, CommitMode::Async);
            }
        };
        let last_commit = self.consumer.context().commit_until(&self.consumer, deadline);
        let left = self.leave();
        last_commit.and(left)
    }

    /// Leaves the group, and returns when its partitions are given back and no rebalance waits to be
    /// served: a client that is closed in the middle of one may hang or abort
    /// (confluentinc/librdkafka#4041).
    fn leave(&self) -> KafkaResult<()> {
        let rebalances = &self.consumer.context().rebalances;
        self.consumer.unsubscribe();
        loop {
            let before = rebalances.load(Ordering::Relaxed);
            let _ = self.consumer.poll(TICK);
            if rebalances.load(Ordering::Relaxed) == before && self.consumer.assignment()?.count() == 0 {
                return Ok(());
            }
        }
    }

    /// Begins what was fetched, on a worker.
    fn begin(&self, fetched: Option<KafkaResult<BorrowedMessage<'_>>>) {
        let Some(message) = received(fetched) else { return };
        let begun = self.in_flight.begin(message.partition(), message.offset());
        let cut = begun.cut();
        let work = process(self.processor.clone(), message.detach(), begun);
        self.workers.spawn(async move { cut.run_until_cancelled(work).await });
    }

    /// Leaves what was fetched to the next instance, and has no more fetched.
    fn pass_over(&self, fetched: Option<KafkaResult<BorrowedMessage<'_>>>) {
        if received(fetched).is_some() {
            let _ = self.consumer.assignment().and_then(|all| self.consumer.pause(&all));
        }
    }
}

fn received<'a>(fetched: Option<KafkaResult<BorrowedMessage<'a>>>) -> Option<BorrowedMessage<'a>> {
    fetched?.inspect_err(|error| eprintln!("kafka: {error}")).ok()
}

/// Processes a message until that succeeds. One that is skipped is lost as soon as a later one is committed.
async fn process(processor: Arc<Processor>, message: OwnedMessage, begun: Begun) {
    while let Err(error) = processor.process(&message).await {
        eprintln!("partition {} offset {}: {error}", message.partition(), message.offset());
        sleep(RETRY).await;
    }
    begun.done();
}

/// What the member owes its group.
struct Group {
    topic: String,
    in_flight: Arc<InFlight>,
    /// How long a partition that is revoked may keep the others waiting: as long as a drain.
    budget: Duration,
    /// How many times partitions have come or gone.
    rebalances: AtomicUsize,
}

impl Group {
    /// Commits what is done, and tries again until `until`; not later, and not if it is out of the question.
    fn commit_until(&self, consumer: &BaseConsumer<Self>, until: Instant) -> KafkaResult<()> {
        loop {
            match self.commit(consumer, CommitMode::Sync) {
                Err(error) if may_pass(&error) && Instant::now() + RETRY < until => thread::sleep(RETRY),
                result => return result,
            }
        }
    }

    fn commit(&self, consumer: &BaseConsumer<Self>, mode: CommitMode) -> KafkaResult<()> {
        let mut offsets = TopicPartitionList::new();
        for (partition, offset) in self.in_flight.done_before() {
            offsets.add_partition_offset(&self.topic, partition, Offset::Offset(offset))?;
        }
        if offsets.count() == 0 { Ok(()) } else { consumer.commit(&offsets, mode) }
    }
}

/// Whether a commit that was refused may be taken when it is tried again. The group has gone on without
/// a member to which it says one of these.
fn may_pass(error: &KafkaError) -> bool {
    use RDKafkaErrorCode::{FencedMemberEpoch, IllegalGeneration, StaleMemberEpoch, UnknownMemberId};
    let code = error.rdkafka_error_code();
    !matches!(code, Some(FencedMemberEpoch | IllegalGeneration | StaleMemberEpoch | UnknownMemberId))
}

impl ClientContext for Group {}

impl ConsumerContext for Group {
    /// Called on the thread of the member, while it polls or closes. When it returns, the partitions may be
    /// given to another member: until then what is in flight there must be done, and committed.
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let Rebalance::Revoke(revoked) = rebalance else { return };
        let partitions: Vec<i32> = revoked.elements().iter().map(|element| element.partition()).collect();
        let now = Instant::now();
        if consumer.assignment_lost() {
            // Somebody else has them already, so what is in flight here is done there, too.
            self.in_flight.settle(&partitions, now);
        } else {
            let until = now + self.budget;
            self.in_flight.settle(&partitions, until);
            let _ = self.commit_until(consumer, until);
        }
        self.in_flight.forget(&partitions);
    }

    fn post_rebalance(&self, _: &BaseConsumer<Self>, _: &Rebalance<'_>) {
        self.rebalances.fetch_add(1, Ordering::Relaxed);
    }
}

fn client(config: &Config) -> ClientConfig {
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", &config.bootstrap_servers).set("group.id", &config.group);
    client.set("group.protocol", "consumer").set("auto.offset.reset", "earliest");
    client.set("broker.address.family", "v4");
    // Back soon, when a broker is back.
    client.set("reconnect.backoff.ms", "50").set("reconnect.backoff.max.ms", "200");
    // By default what was handed out is committed, processed or not.
    client.set("enable.auto.commit", "false").set("enable.auto.offset.store", "false");
    client
}
