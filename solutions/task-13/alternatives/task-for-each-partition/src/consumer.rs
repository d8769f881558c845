//! Consumes until the signal, then drains.
//!
//! Each partition that is assigned gets a queue and a task of its own, which has all that concerns it: its
//! messages, its offset, its commits, its end. Messages are processed side by side, and their ends are taken
//! in the order of their beginnings. So what may be committed is what was taken last: there are no books.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::stream_consumer::{StreamConsumer, StreamPartitionQueue};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{Message as _, OwnedMessage};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaRespErr;
use tokio::select;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot::error::TryRecvError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::{JoinError, JoinHandle, JoinSet};
use tokio::time::{Instant, interval, sleep, timeout_at};
use tokio_util::task::JoinQueue;

use crate::complaints::Complaints;
use crate::config::Config;
use crate::process::Processor;
use crate::report::Report;

/// So many messages are processed at once, in all partitions together.
const WORKERS: usize = 4;
/// A message that fails is tried again after this.
const RETRY: Duration = Duration::from_millis(100);
/// What is done is committed this often.
const COMMIT_INTERVAL: Duration = Duration::from_millis(250);
/// The budget divided by this is kept for the last commit and the close.
const RESERVED_SHARE: u32 = 10;

/// Prints the ready line and consumes until `signal`. Then it drains, within the budget:
///
/// 1. no new message is begun;
/// 2. those in flight are finished, or cut off when only a tenth of the budget is left;
/// 3. what is done is committed;
/// 4. the group is left, so that the next instance need not wait until Kafka has missed this one.
///
/// Returns when the drain is over, at the deadline at the latest. Then a thread may still stand in a
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
    let end = End::within(config.drain_budget);
    let ended = member.drain(end).await;
    let left = timeout_at(end.deadline, member.leave()).await;

    let abandoned = ended.iter().map(|partition| partition.abandoned).sum();
    let commits = ended.into_iter().map(|partition| partition.last_commit);
    let bad = commits.into_iter().find(|commit| !matches!(commit, Some(Ok(()))));
    let last_commit = bad.unwrap_or_else(|| left.ok().map(|_| Ok(())));
    Ok(Report::new(begun.into_std(), abandoned, last_commit))
}

/// When a partition is given up, for a drain or because it is revoked. It may take equally long.
#[derive(Clone, Copy)]
struct End {
    /// What is in flight then is cut off.
    cut: Instant,
    /// The last commit is over by then.
    deadline: Instant,
}

impl End {
    fn within(budget: Duration) -> Self {
        let deadline = Instant::now() + budget;
        Self { cut: deadline - budget / RESERVED_SHARE, deadline }
    }
}

/// How a partition was given up.
struct Ended {
    /// How many messages were cut off.
    abandoned: usize,
    /// What Kafka said of the last commit, or nothing if it came too late.
    last_commit: Option<KafkaResult<()>>,
}

/// What the group says.
enum Event {
    Assigned(TopicPartitionList),
    /// The partitions are wanted back, or, if `lost`, somebody else has them already.
    Revoked {
        partitions: TopicPartitionList,
        lost: bool,
    },
}

/// A member of the consumer group.
struct Member {
    topic: String,
    budget: Duration,
    processor: Arc<Processor>,
    workers: Arc<Semaphore>,
    consumer: Arc<StreamConsumer<Group>>,
    events: UnboundedReceiver<Event>,
    /// The task of each partition, and how it is told to end.
    partitions: HashMap<i32, (oneshot::Sender<End>, JoinHandle<Ended>)>,
    /// Partitions that are being given up.
    leaving: JoinSet<Vec<Ended>>,
    complaints: Complaints,
}

impl Member {
    fn join(config: &Config, processor: Processor) -> KafkaResult<Self> {
        let (sender, events) = unbounded_channel();
        let consumer: StreamConsumer<Group> = client(config).create_with_context(Group(sender))?;
        consumer.subscribe(&[&config.topic])?;
        Ok(Self {
            topic: config.topic.clone(),
            budget: config.drain_budget,
            processor: Arc::new(processor),
            workers: Arc::new(Semaphore::new(WORKERS)),
            consumer: Arc::new(consumer),
            events,
            partitions: HashMap::new(),
            leaving: JoinSet::new(),
            complaints: Complaints::default(),
        })
    }

    /// Waits until something happens, and does what is due then. Cancel safe: it waits first.
    async fn turn(&mut self) {
        select! {
            Some(event) = self.events.recv() => match event {
                Event::Assigned(partitions) => self.assign(&partitions),
                Event::Revoked { partitions, lost } => {
                    let end = End::within(if lost { Duration::ZERO } else { self.budget });
                    let numbers: Vec<i32> = partitions.elements().iter().map(|it| it.partition()).collect();
                    self.give_up(&numbers, end, Some(partitions));
                }
            },
            Some(_) = self.leaving.join_next() => {}
            // Messages come from the partitions' own queues. Polled all the same, whatever happens: Kafka's
            // callbacks run in here, and a member that does not poll is thrown out.
            Err(error) = self.consumer.recv() => self.complaints.say(&error),
        }
    }

    fn assign(&mut self, partitions: &TopicPartitionList) {
        for number in partitions.elements().iter().map(|element| element.partition()) {
            let Some(queue) = self.consumer.split_partition_queue(&self.topic, number) else { continue };
            let partition = Partition {
                topic: self.topic.clone(),
                number,
                queue,
                consumer: self.consumer.clone(),
                processor: self.processor.clone(),
                workers: self.workers.clone(),
            };
            let (sender, end) = oneshot::channel();
            self.partitions.insert(number, (sender, tokio::spawn(partition.run(end))));
        }
        // Only now is anything fetched, so everything goes into the queues.
        let _ = self.consumer.incremental_assign(partitions);
    }

    /// Tells these partitions to end. When they have, those that were revoked are given back.
    fn give_up(&mut self, numbers: &[i32], end: End, revoked: Option<TopicPartitionList>) {
        let mut tasks = Vec::new();
        for (sender, task) in numbers.iter().filter_map(|number| self.partitions.remove(number)) {
            let _ = sender.send(end);
            tasks.push(task);
        }
        let consumer = self.consumer.clone();
        self.leaving.spawn(async move {
            let mut ended = Vec::new();
            for task in tasks {
                let panicked = |_| Ended { abandoned: 0, last_commit: Some(Err(KafkaError::Canceled)) };
                ended.push(task.await.unwrap_or_else(panicked));
            }
            if let Some(partitions) = revoked {
                let _ = consumer.incremental_unassign(&partitions);
            }
            ended
        });
    }

    /// Gives up all partitions. Each of them keeps the deadline itself.
    async fn drain(&mut self, end: End) -> Vec<Ended> {
        let numbers: Vec<i32> = self.partitions.keys().copied().collect();
        self.give_up(&numbers, end, None);
        let (mut ended, mut revoked) = (Vec::new(), Vec::new());
        while !self.leaving.is_empty() {
            select! {
                Some(partitions) = self.leaving.join_next() => ended.extend(partitions.into_iter().flatten()),
                Some(event) = self.events.recv() => match event {
                    // Not begun. They are given back when the group is left.
                    Event::Assigned(partitions) => drop(self.consumer.incremental_assign(&partitions)),
                    // They are being given up already, and not before that may others have them.
                    Event::Revoked { partitions, .. } => revoked.push(partitions),
                },
                _ = self.consumer.recv() => {}
            }
        }
        for partitions in revoked {
            let _ = self.consumer.incremental_unassign(&partitions);
        }
        ended
    }

    /// Leaves the group. The receiver hears when that has happened.
    fn leave(self) -> oneshot::Receiver<()> {
        // Nobody hears of revocations any more.
        drop(self.events);
        let (sender, left) = oneshot::channel();
        // On a thread: it waits for the broker, perhaps for ever, and the runtime would wait for its own.
        thread::spawn(move || {
            // The last handle: this closes, which tells the group.
            drop(self.consumer);
            let _ = sender.send(());
        });
        left
    }
}

/// A partition, as long as it is ours.
struct Partition {
    topic: String,
    number: i32,
    queue: StreamPartitionQueue<Group>,
    consumer: Arc<StreamConsumer<Group>>,
    processor: Arc<Processor>,
    workers: Arc<Semaphore>,
}

impl Partition {
    async fn run(self, mut end: oneshot::Receiver<End>) -> Ended {
        let mut running = JoinQueue::new();
        let mut done = Done::default();
        // One at a time: librdkafka tries a commit again for which the broker was not there, and it would come behind a
        // later one and take it back.
        let mut commit = None;
        let end = {
            let mut tick = interval(COMMIT_INTERVAL);
            // One future for all turns: a message that waits for a worker must not be dropped on the way.
            let mut next = pin!(self.next());
            loop {
                select! {
                    biased;
                    Ok(end) = &mut end => break end,
                    Some(ended) = running.join_next() => done.take(ended),
                    _ = tick.tick() => if let Some(offsets) = self.offsets(&done) && is_over(&mut commit) {
                        // If it is refused, the next one says the same.
                        commit = Some(commit_until(self.consumer.clone(), offsets, Instant::now()));
                    },
                    (message, worker) = &mut next => {
                        running.spawn(process(self.processor.clone(), message, worker));
                        next.set(self.next());
                    }
                }
            }
            // A message that waits for a worker is dropped here, and left to the next owner.
        };

        let finished = timeout_at(end.cut, async {
            while let Some(ended) = running.join_next().await {
                done.take(ended);
            }
        });
        let mut abandoned = 0;
        if finished.await.is_err() {
            running.abort_all();
            while let Some(ended) = running.join_next().await {
                abandoned += usize::from(ended.is_err());
                done.take(ended);
            }
        }
        if let Some(commit) = commit {
            let _ = timeout_at(end.deadline, commit).await;
        }
        let last_commit = match self.offsets(&done) {
            Some(offsets) => {
                let commit = commit_until(self.consumer, offsets, end.deadline);
                let answer = timeout_at(end.deadline, commit).await.ok();
                answer.map(|answer| answer.unwrap_or(Err(KafkaError::Canceled)))
            }
            None => Some(Ok(())),
        };
        Ended { abandoned, last_commit }
    }

    /// A message, and a worker for it. In this order: a partition without messages needs no worker.
    async fn next(&self) -> (OwnedMessage, OwnedSemaphorePermit) {
        let message = loop {
            match self.queue.recv().await {
                Ok(message) => break message.detach(),
                Err(error) => eprintln!("partition {}: {error}", self.number),
            }
        };
        let worker = self.workers.clone().acquire_owned().await.expect("nobody closes it");
        (message, worker)
    }

    fn offsets(&self, done: &Done) -> Option<TopicPartitionList> {
        let offset = Offset::Offset(done.before?);
        Some([(self.topic.clone(), self.number, offset)].into_iter().collect())
    }
}

/// How far a partition has come.
#[derive(Default)]
struct Done {
    /// Everything before this offset that was begun is done.
    before: Option<i64>,
    /// A message was given up. Nothing from it on is ever committed.
    gap: bool,
}

impl Done {
    /// Takes the end of a message; in the order of their beginnings.
    fn take(&mut self, ended: Result<i64, JoinError>) {
        match ended {
            Ok(offset) if !self.gap => self.before = Some(offset + 1),
            Ok(_) => {}
            Err(_) => self.gap = true,
        }
    }
}

/// Processes a message until that succeeds. One that is skipped is lost as soon as a later one is committed.
async fn process(processor: Arc<Processor>, message: OwnedMessage, _worker: OwnedSemaphorePermit) -> i64 {
    while let Err(error) = processor.process(&message).await {
        eprintln!("partition {} offset {}: {error}", message.partition(), message.offset());
        sleep(RETRY).await;
    }
    message.offset()
}

/// What Kafka says of a commit.
type Answer = oneshot::Receiver<KafkaResult<()>>;

/// Whether there is no commit on its way.
fn is_over(commit: &mut Option<Answer>) -> bool {
    commit.as_mut().is_none_or(|answer| !matches!(answer.try_recv(), Err(TryRecvError::Empty)))
}

/// Commits, and tries again until `until`; not later, and not if it is out of the question.
fn commit_until(consumer: Arc<StreamConsumer<Group>>, offsets: TopicPartitionList, until: Instant) -> Answer {
    let (sender, answer) = oneshot::channel();
    // On a thread: see `leave`.
    thread::spawn(move || {
        let result = loop {
            match consumer.commit(&offsets, CommitMode::Sync) {
                Err(error) if may_pass(&error) && Instant::now() + RETRY < until => thread::sleep(RETRY),
                result => break result,
            }
        };
        // Before the answer: the last handle closes the consumer, and it must not be this one.
        drop(consumer);
        let _ = sender.send(result);
    });
    answer
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
    /// Called inside `recv`, on a thread of the runtime, where nothing may wait. So nothing is answered here:
    /// Kafka waits until the partitions are assigned or unassigned, and that may come later.
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        what: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        let assigned = what == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        let all = partitions.clone();
        let event = if assigned {
            Event::Assigned(all)
        } else {
            Event::Revoked { partitions: all, lost: consumer.assignment_lost() }
        };
        // While the consumer is being closed nobody listens, and nothing is left to do.
        if self.0.send(event).is_err() {
            let _ = if assigned {
                consumer.incremental_assign(partitions)
            } else {
                consumer.incremental_unassign(partitions)
            };
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
