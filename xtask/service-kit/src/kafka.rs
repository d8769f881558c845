//! Kafka: an embedded cluster, or the real broker.

use std::env;
use std::net::{TcpStream, ToSocketAddrs as _};
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use drain_kit::{Scenario, ms, secs, while_nothing_starts};
use drain_services::Service;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::{ClientContext, Timestamp};

use crate::mock::Mock;
use crate::throwaway::Throwaway;
use crate::unique;
use crate::{Refusal, Request};

/// How long a broker may take to answer the kit; a test that lets it hang does not ask it meanwhile.
const PATIENCE: Duration = secs(20);

/// A cluster for one test: embedded, or the real broker that `KAFKA_BOOTSTRAP_SERVERS` names.
///
/// The embedded one is librdkafka's own, in this process: nothing to install, up in milliseconds, and
/// it can be told to fail. It does not do real transactions, and consumer groups need
/// `group.protocol=consumer` on it. Topics and groups have names that nobody else uses, so that many
/// tests share a real broker; what was made there is removed when the test ends.
pub struct Kafka<'a> {
    scenario: &'a Scenario,
    bootstrap: String,
    producer: Mutex<Option<Arc<BaseProducer<Deliveries>>>>,
    mock: Option<Mock>,
    topics: Mutex<Vec<String>>,
}

/// A real Kafka broker for one test, which can be suspended and stopped: see [`Throwaway`]. To start
/// one takes Java and some seconds; tests that need no broker of their own share one.
pub struct Broker<'a>(Throwaway<'a>);

impl<'a> Broker<'a> {
    /// Starts an empty broker; ends the scenario without a verdict if Java or Maven are missing.
    #[track_caller]
    pub fn start(scenario: &'a Scenario) -> Self {
        Self(Throwaway::start(scenario, Service::Kafka))
    }
}

impl<'a> Deref for Broker<'a> {
    type Target = Throwaway<'a>;

    fn deref(&self) -> &Throwaway<'a> {
        &self.0
    }
}

/// A topic that was made for this test.
#[derive(Clone, Debug)]
pub struct Topic {
    name: String,
    partitions: i32,
}

impl Topic {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many partitions it has, numbered from 0.
    pub fn partitions(&self) -> i32 {
        self.partitions
    }
}

/// A message, as it lies in its partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The partition.
    pub partition: i32,
    /// The place in it.
    pub offset: i64,
    /// The key; empty if there is none.
    pub key: String,
    /// The content; empty if there is none.
    pub payload: String,
    /// In milliseconds since 1970, as far as it is known.
    pub timestamp: Option<i64>,
}

impl<'a> Kafka<'a> {
    /// The broker that `KAFKA_BOOTSTRAP_SERVERS` names, or else an embedded cluster.
    ///
    /// Ends the scenario without a verdict if that broker does not answer.
    #[track_caller]
    pub fn start(scenario: &'a Scenario) -> Self {
        match env::var("KAFKA_BOOTSTRAP_SERVERS") {
            Ok(servers) if !servers.is_empty() => {
                if !is_anybody_there(&servers) {
                    no_broker(scenario, &servers);
                }
                Self::connect(scenario, servers, None)
            }
            _ => Self::embedded(scenario),
        }
    }

    /// A broker that was started for this test alone, which can be suspended and stopped.
    #[track_caller]
    pub fn on(scenario: &'a Scenario, broker: &Broker<'_>) -> Self {
        Self::connect(scenario, broker.url(), None)
    }

    /// An embedded cluster in any case, for a test that lets it fail.
    #[track_caller]
    pub fn embedded(scenario: &'a Scenario) -> Self {
        match Mock::start() {
            Ok(mock) => Self::connect(scenario, mock.bootstrap.clone(), Some(mock)),
            Err(error) => scenario.unknown(format!("no embedded cluster: {error}")),
        }
    }

    #[track_caller]
    fn connect(scenario: &'a Scenario, bootstrap: String, mock: Option<Mock>) -> Self {
        let kafka = Self { scenario, bootstrap, producer: Mutex::default(), mock, topics: Mutex::default() };
        let _waiting = scenario.waiting("the broker to answer");
        // Whatever listens at an address that is out of date need not speak Kafka, and every criterion asks it.
        let patience = if kafka.is_embedded() { PATIENCE } else { secs(5) };
        if kafka.producer().client().fetch_metadata(None, patience).is_err() {
            no_broker(scenario, &kafka.bootstrap);
        }
        kafka
    }

    /// The address, as programs take it from `KAFKA_BOOTSTRAP_SERVERS`.
    pub fn bootstrap_servers(&self) -> &str {
        &self.bootstrap
    }

    /// Whether this is the embedded cluster, and not a real broker.
    pub fn is_embedded(&self) -> bool {
        self.mock.is_some()
    }

    /// Creates a topic whose name begins with `name`.
    #[track_caller]
    pub fn topic(&self, name: &str, partitions: i32) -> Topic {
        let topic = Topic { name: unique(name), partitions };
        let _waiting = self.scenario.waiting(format!("the topic {}", topic.name));
        let made = match &self.mock {
            Some(mock) => {
                let name = topic.name.clone();
                mock.with(move |cluster| cluster.create_topic(&name, partitions, 1))
                    .map_err(|e| e.to_string())
            }
            None => {
                self.topics.lock().unwrap_or_else(PoisonError::into_inner).push(topic.name.clone());
                self.create_topic(&topic)
            }
        };
        if let Err(error) = made.and_then(|()| self.wait_for_leaders(&topic)) {
            self.scenario.unknown(format!("no topic {}: {error}", topic.name));
        }
        topic
    }

    fn create_topic(&self, topic: &Topic) -> Result<(), String> {
        let results = self.administer(async |admin, options| {
            let new = NewTopic::new(&topic.name, topic.partitions, TopicReplication::Fixed(1));
            admin.create_topics([&new], options).await
        })?;
        results.into_iter().try_for_each(|result| result.map(drop).map_err(|(_, error)| error.to_string()))
    }

    fn wait_for_leaders(&self, topic: &Topic) -> Result<(), String> {
        let until = Instant::now() + PATIENCE;
        loop {
            let metadata = self.producer().client().fetch_metadata(Some(&topic.name), PATIENCE);
            let metadata = metadata.map_err(|error| error.to_string())?;
            let led = metadata.topics().iter().flat_map(|topic| topic.partitions());
            if led.filter(|partition| partition.leader() >= 0).count() == topic.partitions as usize {
                return Ok(());
            }
            if Instant::now() >= until {
                return Err("its partitions have no leader".to_owned());
            }
            thread::sleep(ms(5));
        }
    }

    /// A name for a consumer group, which begins with `name`.
    pub fn group(&self, name: &str) -> String {
        unique(name)
    }

    /// Puts `count` messages into the topic, one after the other into each partition in turn, and
    /// returns their keys, `m-0` and so on; each key is its message's content too.
    #[track_caller]
    pub fn fill(&self, topic: &Topic, count: usize) -> Vec<String> {
        let keys: Vec<String> = (0..count).map(|number| format!("m-{number}")).collect();
        let partitions = (0..topic.partitions).cycle();
        self.send(
            topic,
            partitions.zip(&keys).map(|(partition, key)| (partition, key.as_str(), key.as_str())),
        );
        keys
    }

    /// Puts messages into partitions: each is a partition, a key and a content. One with an empty content has no
    /// payload at all, as what a compacted topic uses to delete a key. When this returns, the broker has them.
    #[track_caller]
    pub fn send<'m>(&self, topic: &Topic, messages: impl IntoIterator<Item = (i32, &'m str, &'m str)>) {
        let _waiting = self.scenario.waiting(format!("messages to be in {}", topic.name));
        let producer = self.producer();
        for (partition, key, payload) in messages {
            let record = BaseRecord::to(&topic.name).partition(partition).key(key);
            let record = if payload.is_empty() { record } else { record.payload(payload) };
            if let Err((error, _)) = producer.send(record) {
                self.scenario.unknown(format!("a message for {} was not sent: {error}", topic.name));
            }
        }
        let flushed = producer.flush(PATIENCE).map_err(|error| error.to_string());
        if let Err(error) = flushed.and_then(|()| producer.context().result()) {
            self.scenario
                .unknown(format!("the broker has not taken the messages for {}: {error}", topic.name));
        }
    }

    /// How many messages lie in the topic.
    #[track_caller]
    pub fn count(&self, topic: &Topic) -> i64 {
        self.end_offsets(topic).iter().sum()
    }

    /// For each partition, the offset that the next message will have.
    #[track_caller]
    pub fn end_offsets(&self, topic: &Topic) -> Vec<i64> {
        let producer = self.producer();
        let ends = (0..topic.partitions).map(|partition| {
            producer.client().fetch_watermarks(&topic.name, partition, PATIENCE).map(|(_, end)| end)
        });
        self.answered(ends.collect())
    }

    /// All messages of the topic that are not part of an open or aborted transaction, partition by
    /// partition. The embedded cluster knows no aborted ones.
    #[track_caller]
    pub fn messages(&self, topic: &Topic) -> Vec<Message> {
        let _waiting = self.scenario.waiting(format!("all messages of {}", topic.name));
        self.answered(self.read(topic))
    }

    fn read(&self, topic: &Topic) -> KafkaResult<Vec<Message>> {
        let mut config = config(&self.bootstrap);
        config.set("group.id", unique("reader")).set("enable.auto.commit", "false");
        config.set("isolation.level", "read_committed").set("enable.partition.eof", "true");
        // An empty partition is known to be at its end when the broker has waited for more in vain.
        config.set("fetch.wait.max.ms", "20");
        let consumer: BaseConsumer = config.create()?;
        let mut partitions = TopicPartitionList::new();
        for partition in 0..topic.partitions {
            partitions.add_partition_offset(&topic.name, partition, Offset::Beginning)?;
        }
        consumer.assign(&partitions)?;
        let mut messages = Vec::new();
        let mut ended = 0;
        while ended < topic.partitions {
            match consumer.poll(PATIENCE) {
                Some(Ok(message)) => {
                    let text = |bytes: Option<&[u8]>| {
                        String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned()
                    };
                    messages.push(Message {
                        partition: message.partition(),
                        offset: message.offset(),
                        key: text(message.key()),
                        payload: text(message.payload()),
                        timestamp: Timestamp::to_millis(message.timestamp()),
                    });
                }
                Some(Err(KafkaError::PartitionEOF(_))) => ended += 1,
                Some(Err(error)) => return Err(error),
                None => return Err(KafkaError::Canceled),
            }
        }
        messages.sort_by_key(|message| (message.partition, message.offset));
        Ok(messages)
    }

    /// For each partition, what the group has committed: the offset at which it goes on.
    #[track_caller]
    pub fn committed(&self, topic: &Topic, group: &str) -> Vec<Option<i64>> {
        let _waiting = self.scenario.waiting(format!("the committed offsets of {group}"));
        let mut config = config(&self.bootstrap);
        config.set("group.id", group).set("enable.auto.commit", "false");
        let committed = config.create::<BaseConsumer>().and_then(|consumer| {
            let mut partitions = TopicPartitionList::new();
            partitions.add_partition_range(&topic.name, 0, topic.partitions - 1);
            consumer.committed_offsets(partitions, PATIENCE)
        });
        let committed = self.answered(committed);
        let offset = |partition| match committed.find_partition(&topic.name, partition)?.offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        };
        (0..topic.partitions).map(offset).collect()
    }

    /// A new group that goes on where this one has committed: for the successor of a program that was
    /// killed, which would otherwise wait until the session of the dead member is over.
    #[track_caller]
    pub fn heir(&self, topic: &Topic, group: &str) -> String {
        let heir = unique(group);
        let committed = self.committed(topic, group);
        let mut config = config(&self.bootstrap);
        config.set("group.id", &heir).set("enable.auto.commit", "false");
        let inherited = config.create::<BaseConsumer>().and_then(|consumer| {
            let mut offsets = TopicPartitionList::new();
            for (partition, offset) in (0..).zip(committed) {
                if let Some(offset) = offset {
                    offsets.add_partition_offset(&topic.name, partition, Offset::Offset(offset))?;
                }
            }
            if offsets.count() > 0 { consumer.commit(&offsets, CommitMode::Sync) } else { Ok(()) }
        });
        self.answered(inherited);
        heir
    }

    /// The next requests of this kind are refused, one for each refusal, in their order; those after
    /// them are answered again. The embedded cluster only.
    #[track_caller]
    pub fn refuse(&self, request: Request, refusals: &[Refusal]) {
        let codes: Vec<_> = refusals.iter().map(|refusal| refusal.code()).collect();
        self.mark(format!("refuses {} {request:?}: {refusals:?}", refusals.len()));
        self.cluster().with(move |cluster| cluster.request_errors(request.key(), &codes));
    }

    /// No request of this kind is refused any more. The embedded cluster only.
    #[track_caller]
    pub fn forgive(&self, request: Request) {
        self.mark(format!("answers {request:?} again"));
        self.cluster().with(move |cluster| cluster.clear_request_errors(request.key()));
    }

    /// Breaks all connections and refuses new ones. The embedded cluster only.
    #[track_caller]
    pub fn down(&self) {
        self.mark("down");
        // It listens on the same port again at once, and stops the process if it cannot.
        self.answered(while_nothing_starts(|| self.cluster().with(|cluster| cluster.broker_down(-1))));
    }

    /// Accepts connections again after [`Kafka::down`]. The embedded cluster only.
    #[track_caller]
    pub fn up(&self) {
        self.answered(self.cluster().with(|cluster| cluster.broker_up(-1)));
        self.mark("up");
    }

    /// From now on every answer takes this long; much longer than the test means that it hangs. The
    /// embedded cluster only.
    #[track_caller]
    pub fn answer_after(&self, time: Duration) {
        self.mark(format!("answers after {time:?}"));
        self.answered(self.cluster().with(move |cluster| cluster.broker_round_trip_time(-1, time)));
    }

    fn mark(&self, what: impl std::fmt::Display) {
        self.scenario.timeline().mark("kafka", what);
    }

    #[track_caller]
    fn cluster(&self) -> &Mock {
        self.mock.as_ref().unwrap_or_else(|| {
            self.scenario.unknown("a real broker cannot be told to fail: this test needs Kafka::embedded")
        })
    }

    #[track_caller]
    fn answered<T>(&self, answer: KafkaResult<T>) -> T {
        answer
            .unwrap_or_else(|error| self.scenario.unknown(format!("Kafka does not answer the test: {error}")))
    }

    #[track_caller]
    fn producer(&self) -> Arc<BaseProducer<Deliveries>> {
        let mut producer = self.producer.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || {
            let new = config(&self.bootstrap).create_with_context(Deliveries::default()).map(Arc::new);
            new.unwrap_or_else(|error| self.scenario.unknown(format!("no Kafka client: {error}")))
        };
        producer.get_or_insert_with(new).clone()
    }

    fn take_producer(&self) -> Option<Arc<BaseProducer<Deliveries>>> {
        self.producer.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// On a thread of its own: the test may be inside a runtime.
    fn administer<T: Send>(
        &self,
        order: impl AsyncFnOnce(&AdminClient<DefaultClientContext>, &AdminOptions) -> KafkaResult<T> + Send,
    ) -> Result<T, String> {
        thread::scope(|scope| {
            let worker = scope.spawn(|| {
                let admin: AdminClient<_> =
                    config(&self.bootstrap).create().map_err(|error| error.to_string())?;
                let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
                let runtime = tokio::runtime::Builder::new_current_thread().build();
                let runtime = runtime.map_err(|error| error.to_string())?;
                runtime.block_on(order(&admin, &options)).map_err(|error| error.to_string())
            });
            worker.join().unwrap_or_else(|_| Err("the administration has panicked".to_owned()))
        })
    }
}

/// Whether anything listens on one of these addresses. The variable may be left over from a broker that was
/// stopped long ago, and librdkafka would wait for it as for one that comes back.
fn is_anybody_there(servers: &str) -> bool {
    const PATIENCE: Duration = secs(2);
    let addresses = servers.split(',').filter_map(|server| server.trim().to_socket_addrs().ok()).flatten();
    let mut reached = addresses.map(|address| TcpStream::connect_timeout(&address, PATIENCE));
    reached.any(|connection| connection.is_ok())
}

#[track_caller]
fn no_broker(scenario: &Scenario, servers: &str) -> ! {
    scenario.unknown(format!(
        "no broker answers at {servers}: start it with `cargo xtask services up kafka`, \
         or unset KAFKA_BOOTSTRAP_SERVERS to use an embedded one"
    ))
}

impl Drop for Kafka<'_> {
    fn drop(&mut self) {
        let topics = std::mem::take(&mut *self.topics.lock().unwrap_or_else(PoisonError::into_inner));
        if !topics.is_empty() {
            let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
            let _ = self.administer(async |admin, options| admin.delete_topics(&topics, options).await);
        }
        // Before the cluster that it talks to.
        drop(self.take_producer());
    }
}

/// What every client of the kit has in common.
fn config(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap).set("broker.address.family", "v4");
    config.set("reconnect.backoff.ms", "50").set("reconnect.backoff.max.ms", "200");
    config
}

/// Remembers the first message that the broker did not take.
#[derive(Default)]
struct Deliveries(Mutex<Option<String>>);

impl Deliveries {
    fn result(&self) -> Result<(), String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)
    }
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, delivery: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = delivery {
            let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert_with(|| error.to_string());
        }
    }
}
