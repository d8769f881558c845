//! Consumes until the signal, then drains.
//!
//! librdkafka commits by itself, but only what it is told: after each message that ends, the offset before
//! which all is done is *stored*, and what is stored is committed every quarter of a second. One thread has
//! the consumer and the books, and shares neither. A commit or a close may hold it up for ever, so the task
//! that watches the clock does nothing else, and leaves at the deadline.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{Message as _, OwnedMessage};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaRespErr;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::complaints::Complaints;
use crate::config::Config;
use crate::process::Processor;
use crate::report::Report;

/// So many messages are processed at once.
const WORKERS: usize = 4;
/// With so many messages waiting for a worker, no more are fetched.
const BACKLOG: usize = 64;
/// A message that fails is tried again after this, and so is a commit.
const RETRY: Duration = Duration::from_millis(100);
/// The budget divided by this is kept for the last commit and the close.
const RESERVED_SHARE: u32 = 10;
/// How long the thread waits for Kafka, or for a worker, before it looks at everything else.
const TICK: Duration = Duration::from_millis(10);

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
    let drain = Arc::new(Drain::default());
    let member = Member::join(config, processor, drain.clone())?;
    let (ended, mut end) = oneshot::channel();
    thread::spawn(move || ended.send(member.run()));
    println!("ready");

    signal.await;
    let begun = Instant::now();
    let deadline = begun + config.drain_budget;
    drain.deadline.set(deadline).expect("nobody else sets it");
    let reserved = config.drain_budget / RESERVED_SHARE;
    let result = match timeout_at((deadline - reserved).into(), &mut end).await {
        Err(_) => {
            drain.cut.cancel();
            timeout_at(deadline.into(), end).await
        }
        in_time => in_time,
    };
    // No answer at all means that the thread has panicked.
    let last_commit = result.ok().map(|answer| answer.unwrap_or(Err(KafkaError::Canceled)));
    Ok(Report::new(begun, drain.abandoned.load(Ordering::SeqCst), last_commit))
}

/// What the task that watches the clock, the thread and the workers have in common.
#[derive(Default)]
struct Drain {
    /// When the drain must be over; set when it begins.
    deadline: OnceLock<Instant>,
    /// Cancelled when what is in flight is to be cut off.
    cut: CancellationToken,
    /// How many messages were cut off in the drain.
    abandoned: AtomicUsize,
}

/// A member of the consumer group. It lives on its thread, and so do the books.
struct Member {
    topic: String,
    consumer: BaseConsumer<Group>,
    /// From the callback in [`Group`].
    revocations: Receiver<Revocation>,
    drain: Arc<Drain>,
    processor: Arc<Processor>,
    workers: Handle,
    ended: Receiver<Ended>,
    /// Each worker has a clone.
    end: Sender<Ended>,

    partitions: HashMap<i32, Partition>,
    /// Received, and waiting for a worker.
    waiting: VecDeque<OwnedMessage>,
    /// Nothing is fetched until no message is waiting.
    paused: bool,
    revoked: Vec<Revocation>,
    /// Why what was handed over in the drain is not committed.
    refused: Option<KafkaError>,
    complaints: Complaints,
}

struct Partition {
    /// The offsets that were begun and are not done, in flight or given up.
    open: BTreeSet<i64>,
    /// The offset after the last one that was begun. Not all numbers below it are messages: a log has gaps.
    next: i64,
    running: usize,
    cut: CancellationToken,
}

/// Partitions that the group wants back. They are given back when nothing of them is in flight.
struct Revocation {
    partitions: TopicPartitionList,
    /// What is in flight then is cut off.
    until: Instant,
}

impl Revocation {
    fn concerns(&self, partition: i32) -> bool {
        self.partitions.elements().iter().any(|element| element.partition() == partition)
    }
}

/// How a message has ended.
#[derive(Clone, Copy)]
struct Ended {
    partition: i32,
    offset: i64,
    done: bool,
}

impl Member {
    fn join(config: &Config, processor: Processor, drain: Arc<Drain>) -> KafkaResult<Self> {
        let (sender, revocations) = channel();
        let group = Group { revocations: sender, budget: config.drain_budget };
        let consumer: BaseConsumer<Group> = client(config).create_with_context(group)?;
        consumer.subscribe(&[&config.topic])?;
        let (end, ended) = channel();
        Ok(Self {
            topic: config.topic.clone(),
            consumer,
            revocations,
            drain,
            processor: Arc::new(processor),
            workers: Handle::current(),
            ended,
            end,
            partitions: HashMap::new(),
            waiting: VecDeque::new(),
            paused: false,
            revoked: Vec::new(),
            refused: None,
            complaints: Complaints::default(),
        })
    }

    /// Consumes until the drain has begun and nothing is in flight; then commits, and leaves the group.
    fn run(mut self) -> KafkaResult<()> {
        let deadline = loop {
            if let Some(deadline) = self.drain.deadline.get() {
                self.waiting.clear();
                if self.running() == 0 {
                    break *deadline;
                }
            }
            while self.running() < WORKERS
                && let Some(message) = self.waiting.pop_front()
            {
                self.begin(message);
            }
            // Always polls, even if no worker is free and in the drain: Kafka's callbacks run in there, and a
            // member that does not poll is thrown out.
            self.poll();
            self.hear();
            self.hand_over();
        };
        let result = self.commit_until(deadline);
        for revocation in self.revoked {
            let _ = self.consumer.incremental_unassign(&revocation.partitions);
        }
        // Nobody hears of revocations any more. Dropping the consumer closes it, which tells the group.
        drop(self.revocations);
        drop(self.consumer);
        self.refused.map_or(result, Err)
    }

    fn running(&self) -> usize {
        self.partitions.values().map(|partition| partition.running).sum()
    }

    /// Takes what was fetched, and what has ended. Waits for a moment if there is neither.
    fn poll(&mut self) {
        let draining = self.drain.deadline.get().is_some();
        // For a message if there is a worker for it, and else for a worker.
        let idle = !draining && self.running() < WORKERS;
        match self.consumer.poll(if idle { TICK } else { Duration::ZERO }) {
            // Not wanted here any more.
            Some(Ok(message)) if self.revoked.iter().any(|it| it.concerns(message.partition())) => {}
            Some(Ok(message)) => {
                self.waiting.push_back(message.detach());
                if draining || self.waiting.len() >= BACKLOG {
                    self.paused = true;
                    let _ = self.consumer.assignment().and_then(|all| self.consumer.pause(&all));
                }
            }
            Some(Err(error)) => self.complaints.say(&error),
            None => {}
        }
        if self.paused && self.waiting.is_empty() && !draining {
            self.paused = false;
            let _ = self.consumer.assignment().and_then(|all| self.consumer.resume(&all));
        }
        let first = self.ended.recv_timeout(if idle { Duration::ZERO } else { TICK }).ok();
        let ended: Vec<Ended> = first.into_iter().chain(self.ended.try_iter()).collect();
        ended.into_iter().for_each(|ended| self.end(ended));
    }

    fn begin(&mut self, message: OwnedMessage) {
        let (number, offset) = (message.partition(), message.offset());
        let partition = self.partitions.entry(number).or_insert_with(|| Partition {
            open: BTreeSet::new(),
            next: offset,
            running: 0,
            cut: self.drain.cut.child_token(),
        });
        partition.open.insert(offset);
        partition.next = offset + 1;
        partition.running += 1;
        let worker = Worker {
            ended: Ended { partition: number, offset, done: false },
            cut: partition.cut.clone(),
            drain: self.drain.clone(),
            end: self.end.clone(),
        };
        self.workers.spawn(worker.work(self.processor.clone(), message));
    }

    /// A message has ended. The offset before all that are not done is stored: the next commit takes it.
    fn end(&mut self, ended: Ended) {
        // No partition is forgotten while a message of it is in flight.
        let Some(partition) = self.partitions.get_mut(&ended.partition) else { return };
        partition.running -= 1;
        if ended.done {
            partition.open.remove(&ended.offset);
            let offset = Offset::Offset(partition.open.first().copied().unwrap_or(partition.next));
            let offsets = [(self.topic.clone(), ended.partition, offset)].into_iter().collect();
            // Refused if the partition has been lost: then it is not ours to say.
            let _ = self.consumer.store_offsets(&offsets);
        }
    }

    fn hear(&mut self) {
        for revocation in self.revocations.try_iter() {
            self.waiting.retain(|message| !revocation.concerns(message.partition()));
            self.revoked.push(revocation);
        }
    }

    /// Gives back what was revoked, as soon as nothing of it is in flight.
    fn hand_over(&mut self) {
        for revocation in mem::take(&mut self.revoked) {
            let concerned = self.partitions.iter().filter(|(number, _)| revocation.concerns(**number));
            if concerned.clone().all(|(_, partition)| partition.running == 0) {
                if let Err(error) = self.commit_until(revocation.until) {
                    eprintln!("kafka: a handover without a commit: {error}");
                    let draining = self.drain.deadline.get().is_some();
                    self.refused = self.refused.take().or(draining.then_some(error));
                }
                self.partitions.retain(|number, _| !revocation.concerns(*number));
                let _ = self.consumer.incremental_unassign(&revocation.partitions);
            } else {
                if Instant::now() >= revocation.until {
                    concerned.for_each(|(_, partition)| partition.cut.cancel());
                }
                self.revoked.push(revocation);
            }
        }
    }

    /// Commits what is stored, and tries again until `until`; not later, and not if that is of no use.
    ///
    /// librdkafka would commit what is stored when partitions are given back, but it would not try again.
    fn commit_until(&self, until: Instant) -> KafkaResult<()> {
        loop {
            match self.consumer.commit_consumer_state(CommitMode::Sync) {
                // All that is stored is committed.
                Err(error) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::NoOffset) => return Ok(()),
                Err(error) if may_pass(&error) && Instant::now() + RETRY < until => thread::sleep(RETRY),
                result => return result,
            }
        }
    }
}

/// Processes one message, and says how that has ended, also if it is cut off or panics.
struct Worker {
    ended: Ended,
    cut: CancellationToken,
    drain: Arc<Drain>,
    end: Sender<Ended>,
}

impl Worker {
    /// Tries until it succeeds. A message that is skipped is lost as soon as a later one is committed.
    async fn work(mut self, processor: Arc<Processor>, message: OwnedMessage) {
        let work = async {
            while let Err(error) = processor.process(&message).await {
                eprintln!("partition {} offset {}: {error}", message.partition(), message.offset());
                sleep(RETRY).await;
            }
        };
        self.ended.done = self.cut.run_until_cancelled(work).await.is_some();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if !self.ended.done && self.cut.is_cancelled() && self.drain.deadline.get().is_some() {
            self.drain.abandoned.fetch_add(1, Ordering::SeqCst);
        }
        let _ = self.end.send(self.ended);
    }
}

/// Whether a commit that was refused may be taken when it is tried again. The group has gone on without
/// a member to which it says one of these.
fn may_pass(error: &KafkaError) -> bool {
    use RDKafkaErrorCode::{FencedMemberEpoch, IllegalGeneration, UnknownMemberId};
    !matches!(error.rdkafka_error_code(), Some(FencedMemberEpoch | IllegalGeneration | UnknownMemberId))
}

/// Passes on what the group says.
struct Group {
    revocations: Sender<Revocation>,
    /// How long a partition that is revoked may keep the others waiting: as long as a drain.
    budget: Duration,
}

impl ClientContext for Group {}

impl ConsumerContext for Group {
    /// Called on the thread of the member, while it polls or closes. A revocation is only noted: Kafka
    /// waits until the partitions are unassigned, and that may come later.
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        what: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        if what == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            let _ = consumer.incremental_assign(partitions);
            // One that was paused when it went comes back paused.
            let _ = consumer.resume(partitions);
            return;
        }
        // If they are lost, somebody else has them already, and what is in flight here is done there, too.
        let patience = if consumer.assignment_lost() { Duration::ZERO } else { self.budget };
        let revocation = Revocation { partitions: partitions.clone(), until: Instant::now() + patience };
        // While the consumer is being closed nobody listens, and nothing is left to do.
        if self.revocations.send(revocation).is_err() {
            let _ = consumer.incremental_unassign(partitions);
        }
    }
}

fn client(config: &Config) -> ClientConfig {
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", &config.bootstrap_servers).set("group.id", &config.group);
    client.set("group.protocol", "consumer").set("auto.offset.reset", "earliest");
    client.set("broker.address.family", "v4");
    // Back soon, when a broker is back.
    client.set("reconnect.backoff.ms", "50").set("reconnect.backoff.max.ms", "200");
    // What is stored is committed by itself. By default what was handed out is stored, processed or not.
    client.set("enable.auto.commit", "true").set("auto.commit.interval.ms", "250");
    client.set("enable.auto.offset.store", "false");
    client
}
