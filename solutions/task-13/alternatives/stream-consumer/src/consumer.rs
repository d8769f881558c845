//! Consumes until the signal, then drains.
//!
//! One task does everything but the work, and it never blocks: all that happens comes to it as one of a few
//! events, and after each it does what is due. Two calls wait for the broker, perhaps for ever: a commit that
//! is waited for, and the close. A thread makes those. Not `spawn_blocking`: the runtime would wait for it
//! before the process ends.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::mem;
use std::pin::pin;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, StreamConsumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{Message as _, OwnedMessage};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaRespErr;
use tokio::select;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::{self, AbortHandle, JoinError, JoinSet};
use tokio::time::{Instant, Interval, interval, sleep, timeout_at};

use crate::complaints::Complaints;
use crate::config::Config;
use crate::process::Processor;
use crate::report::Report;

/// So many messages are processed at once.
const WORKERS: usize = 4;
/// With so many messages waiting for a worker, no more are fetched.
const BACKLOG: usize = 64;
/// A message that fails is tried again after this.
const RETRY: Duration = Duration::from_millis(100);
/// What is done is committed this often, and so a commit that was refused is tried again after this.
const COMMIT_INTERVAL: Duration = Duration::from_millis(100);
/// The budget divided by this is kept for the last commit and the close.
const RESERVED_SHARE: u32 = 10;

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
    let mut member = Member::join(config, processor)?;
    println!("ready");

    let mut signal = pin!(signal);
    loop {
        select! {
            biased;
            () = &mut signal => break,
            () = member.turn() => {}
        }
    }
    let begun = Instant::now();
    let deadline = begun + config.drain_budget;
    member.stop();
    if timeout_at(deadline - config.drain_budget / RESERVED_SHARE, member.end_work()).await.is_err() {
        member.tasks.abort_all();
    }
    let committed = timeout_at(deadline, member.end_commits()).await.ok();
    let abandoned = member.abandoned + member.tasks.len();
    let left = timeout_at(deadline, member.leave()).await;
    let last_commit = committed.filter(|_| left.is_ok());
    Ok(Report::new(begun.into_std(), abandoned, last_commit))
}

/// What happens, besides messages.
enum Event {
    /// Partitions are wanted back, or, if `lost`, somebody else has them already.
    Revoked { partitions: TopicPartitionList, lost: bool },
    /// A commit was answered.
    Answered { offsets: TopicPartitionList, result: KafkaResult<()> },
}

/// A member of the consumer group.
struct Member {
    topic: String,
    budget: Duration,
    processor: Arc<Processor>,
    /// Shared with the thread, which keeps it longer and so closes it.
    consumer: Arc<StreamConsumer<Group>>,
    events: UnboundedReceiver<Event>,
    /// To the thread: offsets to commit.
    commits: mpsc::Sender<TopicPartitionList>,
    /// From the thread: the consumer is closed.
    left: oneshot::Receiver<()>,
    tick: Interval,

    partitions: HashMap<i32, Partition>,
    /// Received, and waiting for a worker.
    waiting: VecDeque<OwnedMessage>,
    /// Nothing is fetched until no message is waiting.
    paused: bool,
    tasks: JoinSet<()>,
    /// What each task processes: partition and offset.
    running: HashMap<task::Id, (i32, i64, AbortHandle)>,
    revoked: Vec<Revocation>,
    /// The thread is at a commit: the next one comes after it.
    committing: bool,
    /// Why the last commit was refused, if it was.
    refused: Option<KafkaError>,
    /// What was done and handed over in the drain is not committed.
    lost: bool,
    complaints: Complaints,
    /// No message is begun any more.
    stopped: bool,
    /// How many messages were cut off after that.
    abandoned: usize,
}

struct Partition {
    /// The offsets that were begun and are not done, in flight or given up.
    open: BTreeSet<i64>,
    /// The offset after the last one that was begun. Not all numbers below it are messages: a log has gaps.
    next: i64,
    /// So much is committed.
    committed: i64,
}

impl Partition {
    /// The offset before which everything that was begun is done.
    fn mark(&self) -> i64 {
        self.open.first().copied().unwrap_or(self.next)
    }
}

/// Partitions that are to be handed over.
struct Revocation {
    partitions: TopicPartitionList,
    /// So long what is in flight there has time, and the commit.
    until: Instant,
}

impl Revocation {
    fn concerns(&self, partition: i32) -> bool {
        self.partitions.elements().iter().any(|element| element.partition() == partition)
    }
}

impl Member {
    fn join(config: &Config, processor: Processor) -> KafkaResult<Self> {
        let (sender, events) = unbounded_channel();
        let group = Group(sender.clone());
        let consumer: Arc<StreamConsumer<Group>> = Arc::new(client(config).create_with_context(group)?);
        consumer.subscribe(&[&config.topic])?;
        let (commits, left) = commit_then_close(consumer.clone(), sender);
        Ok(Self {
            topic: config.topic.clone(),
            budget: config.drain_budget,
            processor: Arc::new(processor),
            consumer,
            events,
            commits,
            left,
            tick: interval(COMMIT_INTERVAL),
            partitions: HashMap::new(),
            waiting: VecDeque::new(),
            paused: false,
            tasks: JoinSet::new(),
            running: HashMap::new(),
            revoked: Vec::new(),
            committing: false,
            refused: None,
            lost: false,
            complaints: Complaints::default(),
            stopped: false,
            abandoned: 0,
        })
    }

    /// Waits until something happens, and does what is due then. Cancel safe: it waits first.
    ///
    /// It always polls, even if no worker is free and in the drain: Kafka's callbacks run in there, and a
    /// member that does not poll is thrown out.
    async fn turn(&mut self) {
        select! {
            // Events first: a message may be of a partition that has just been revoked.
            biased;
            Some(event) = self.events.recv() => self.hear(event),
            Some(ended) = self.tasks.join_next_with_id() => self.end(ended),
            _ = self.tick.tick() => self.commit(),
            message = async { self.consumer.recv().await.map(|message| message.detach()) } => match message {
                Ok(message) => self.receive(message),
                Err(error) => self.complaints.say(&error),
            },
        }
        while self.tasks.len() < WORKERS
            && let Some(message) = self.waiting.pop_front()
        {
            self.begin(message);
        }
        if self.paused && self.waiting.is_empty() && !self.stopped {
            self.paused = false;
            let _ = self.consumer.assignment().and_then(|all| self.consumer.resume(&all));
        }
        self.hand_over();
    }

    fn hear(&mut self, event: Event) {
        match event {
            Event::Revoked { partitions, lost } => {
                let until = Instant::now() + if lost { Duration::ZERO } else { self.budget };
                let revocation = Revocation { partitions, until };
                self.waiting.retain(|message| !revocation.concerns(message.partition()));
                self.revoked.push(revocation);
            }
            Event::Answered { offsets, result } => {
                self.committing = false;
                for element in offsets.elements().iter().filter(|_| result.is_ok()) {
                    if let (Some(partition), Offset::Offset(offset)) =
                        (self.partitions.get_mut(&element.partition()), element.offset())
                    {
                        partition.committed = offset;
                    }
                }
                self.refused = result.inspect_err(|error| self.complaints.say(error)).err();
            }
        }
    }

    fn receive(&mut self, message: OwnedMessage) {
        if self.stopped {
            // Of a partition that was assigned in the drain. It is left to the next instance.
            self.pause();
        } else if !self.revoked.iter().any(|revocation| revocation.concerns(message.partition())) {
            self.waiting.push_back(message);
            if self.waiting.len() >= BACKLOG {
                self.pause();
            }
        }
    }

    fn pause(&mut self) {
        self.paused = true;
        let _ = self.consumer.assignment().and_then(|all| self.consumer.pause(&all));
    }

    fn begin(&mut self, message: OwnedMessage) {
        let (number, offset) = (message.partition(), message.offset());
        let partition = self.partitions.entry(number).or_insert_with(|| Partition {
            open: BTreeSet::new(),
            next: offset,
            committed: offset,
        });
        partition.open.insert(offset);
        partition.next = offset + 1;
        let task = self.tasks.spawn(process(self.processor.clone(), message));
        self.running.insert(task.id(), (number, offset, task));
    }

    fn end(&mut self, ended: Result<(task::Id, ()), JoinError>) {
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, ())| *id);
        let Some((number, offset, _)) = self.running.remove(&id) else { return };
        match ended {
            Ok(_) => {
                // No partition is forgotten while a message of it is in flight.
                if let Some(partition) = self.partitions.get_mut(&number) {
                    partition.open.remove(&offset);
                }
            }
            // It stays open, and so nothing from it on is ever committed.
            Err(error) if error.is_cancelled() && self.stopped => self.abandoned += 1,
            Err(_) => {}
        }
    }

    /// What is done and not known to be committed.
    fn due(&self) -> TopicPartitionList {
        let due = self.partitions.iter().filter(|(_, it)| it.mark() > it.committed);
        due.map(|(number, it)| (self.topic.clone(), *number, Offset::Offset(it.mark()))).collect()
    }

    fn commit(&mut self) {
        let due = self.due();
        if !self.committing && due.count() > 0 {
            self.committing = self.commits.send(due).is_ok();
        }
    }

    /// Gives back what was revoked, as soon as what is in flight there is done and committed.
    fn hand_over(&mut self) {
        for revocation in mem::take(&mut self.revoked) {
            let too_late = Instant::now() >= revocation.until;
            let running: Vec<_> =
                self.running.values().filter(|(number, ..)| revocation.concerns(*number)).collect();
            if too_late {
                running.iter().for_each(|(.., task)| task.abort());
            }
            let due = self.due();
            let uncommitted = due.elements().iter().any(|element| revocation.concerns(element.partition()));
            if running.is_empty() && (too_late || self.is_refused_for_good() || !uncommitted) {
                self.lost |= self.stopped && uncommitted;
                self.partitions.retain(|number, _| !revocation.concerns(*number));
                let _ = self.consumer.incremental_unassign(&revocation.partitions);
            } else {
                self.revoked.push(revocation);
            }
        }
    }

    fn is_refused_for_good(&self) -> bool {
        self.refused.as_ref().is_some_and(|error| !may_pass(error))
    }

    /// Begins no message any more.
    fn stop(&mut self) {
        self.stopped = true;
        self.refused = None;
        self.waiting.clear();
        self.pause();
    }

    async fn end_work(&mut self) {
        while !self.tasks.is_empty() {
            self.turn().await;
        }
    }

    /// Waits until what is done is committed, or never will be.
    async fn end_commits(&mut self) -> KafkaResult<()> {
        self.end_work().await;
        while self.due().count() > 0 {
            if self.is_refused_for_good() {
                return self.refused.take().map_or(Ok(()), Err);
            }
            self.turn().await;
        }
        if self.lost { Err(self.refused.take().unwrap_or(KafkaError::Canceled)) } else { Ok(()) }
    }

    /// Leaves the group. The receiver hears when that has happened.
    fn leave(self) -> oneshot::Receiver<()> {
        for revocation in self.revoked {
            let _ = self.consumer.incremental_unassign(&revocation.partitions);
        }
        // In this order: nobody hears of revocations any more, the thread has the last handle, and is told.
        drop(self.events);
        drop(self.consumer);
        drop(self.commits);
        self.left
    }
}

/// A thread that makes the calls that wait for the broker. It commits what it is sent; when nobody is left
/// who could send it anything, it closes the consumer.
fn commit_then_close(
    consumer: Arc<StreamConsumer<Group>>,
    answers: UnboundedSender<Event>,
) -> (mpsc::Sender<TopicPartitionList>, oneshot::Receiver<()>) {
    let (commits, inbox) = mpsc::channel();
    let (sender, left) = oneshot::channel();
    thread::spawn(move || {
        for offsets in inbox {
            let result = consumer.commit(&offsets, CommitMode::Sync);
            let _ = answers.send(Event::Answered { offsets, result });
        }
        // The last handle: this closes, which tells the group.
        drop(consumer);
        let _ = sender.send(());
    });
    (commits, left)
}

/// Processes a message until that succeeds. One that is skipped is lost as soon as a later one is committed.
async fn process(processor: Arc<Processor>, message: OwnedMessage) {
    while let Err(error) = processor.process(&message).await {
        eprintln!("partition {} offset {}: {error}", message.partition(), message.offset());
        sleep(RETRY).await;
    }
}

/// Whether a commit that was refused may be taken when it is tried again. The group has gone on without
/// a member to which it says one of these.
fn may_pass(error: &KafkaError) -> bool {
    use RDKafkaErrorCode::{FencedMemberEpoch, IllegalGeneration, UnknownMemberId};
    !matches!(error.rdkafka_error_code(), Some(FencedMemberEpoch | IllegalGeneration | UnknownMemberId))
}

/// Passes on what the group says.
struct Group(UnboundedSender<Event>);

impl ClientContext for Group {}

impl ConsumerContext for Group {
    /// Called inside `recv`, on a thread of the runtime, where nothing may wait. So a revocation is not
    /// answered here: Kafka waits until the partitions are unassigned, and that may come later.
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
        let event = Event::Revoked { partitions: partitions.clone(), lost: consumer.assignment_lost() };
        // While the consumer is being closed nobody listens, and nothing is left to do.
        if self.0.send(event).is_err() {
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
    // By default what was handed out is committed, processed or not.
    client.set("enable.auto.commit", "false").set("enable.auto.offset.store", "false");
    client
}
