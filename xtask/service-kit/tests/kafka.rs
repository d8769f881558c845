//! The cluster for a test, embedded and real.

use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use drain_kit::{Scenario, ms, secs};
use drain_service_kit::{Broker, Kafka, Refusal, Request, Topic};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message as _};

/// A member of a group, as a program under test would be one.
fn member(kafka: &Kafka<'_>, group: &str, topic: &Topic) -> BaseConsumer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", kafka.bootstrap_servers()).set("group.id", group);
    config.set("group.protocol", "consumer").set("enable.auto.commit", "false");
    config.set("auto.offset.reset", "earliest").set("broker.address.family", "v4");
    let consumer: BaseConsumer = config.create().expect("a consumer");
    consumer.subscribe(&[topic.name()]).expect("a subscription");
    consumer
}

fn next(consumer: &BaseConsumer) -> BorrowedMessage<'_> {
    loop {
        if let Some(Ok(message)) = consumer.poll(ms(100)) {
            return message;
        }
    }
}

/// What is put into a topic lies there, once, in the order of its partitions.
///
/// Limit: 60 s
#[test]
fn messages_are_counted_and_read() {
    let scenario = Scenario::new();
    let kafka = Kafka::start(&scenario);
    let (topic, other) = (kafka.topic("orders", 3), kafka.topic("orders", 1));
    assert_ne!(topic.name(), other.name());
    assert_eq!((kafka.count(&topic), kafka.messages(&topic)), (0, vec![]));

    let keys = kafka.fill(&topic, 10);
    assert_eq!((kafka.count(&topic), kafka.end_offsets(&topic)), (10, vec![4, 3, 3]));
    let messages = kafka.messages(&topic);
    let places: Vec<_> = messages.iter().map(|message| (message.partition, message.offset)).collect();
    assert_eq!(places[..5], [(0, 0), (0, 1), (0, 2), (0, 3), (1, 0)]);
    let mut read: Vec<_> = messages.into_iter().map(|message| message.key).collect();
    read.sort();
    assert_eq!(read, keys);
    assert_eq!(kafka.count(&other), 0);

    kafka.send(&other, [(0, "a key", "a content")]);
    let message = &kafka.messages(&other)[0];
    assert_eq!((message.key.as_str(), message.payload.as_str()), ("a key", "a content"));
}

/// What a group has committed is known, and is its own.
///
/// Limit: 60 s
#[test]
fn committed_offsets_are_known() {
    let scenario = Scenario::new();
    let kafka = Kafka::start(&scenario);
    let topic = kafka.topic("orders", 2);
    let (group, other) = (kafka.group("billing"), kafka.group("billing"));
    kafka.send(&topic, [(1, "a", ""), (1, "b", ""), (1, "c", "")]);
    assert_eq!(kafka.committed(&topic, &group), [None, None]);

    let consumer = member(&kafka, &group, &topic);
    next(&consumer);
    consumer.commit_message(&next(&consumer), CommitMode::Sync).expect("a commit");
    assert_eq!(kafka.committed(&topic, &group), [None, Some(2)]);
    assert_eq!(kafka.committed(&topic, &other), [None, None]);
}

/// An heir goes on where the group has committed, and begins at the beginning where it has not.
///
/// Limit: 60 s
#[test]
fn an_heir_goes_on_where_the_group_has_committed() {
    let scenario = Scenario::new();
    let kafka = Kafka::start(&scenario);
    let topic = kafka.topic("orders", 2);
    let group = kafka.group("billing");
    kafka.send(&topic, [(1, "a", ""), (1, "b", "")]);
    let killed = member(&kafka, &group, &topic);
    killed.commit_message(&next(&killed), CommitMode::Sync).expect("a commit");

    let heir = kafka.heir(&topic, &group);
    assert_ne!(heir, group);
    assert_eq!(kafka.committed(&topic, &heir), [None, Some(1)]);
    assert_eq!(next(&member(&kafka, &heir, &topic)).key(), Some(&b"b"[..]));
}

/// A refused commit surfaces, and only the one that was to be refused.
///
/// Limit: 60 s
#[test]
fn commits_are_refused_as_told() {
    let scenario = Scenario::new();
    let kafka = Kafka::embedded(&scenario);
    let topic = kafka.topic("orders", 1);
    let group = kafka.group("billing");
    kafka.fill(&topic, 1);
    let consumer = member(&kafka, &group, &topic);
    let message = next(&consumer);
    for (refusal, code) in [
        (Refusal::RebalanceInProgress, RDKafkaErrorCode::RebalanceInProgress),
        (Refusal::StaleMemberEpoch, RDKafkaErrorCode::StaleMemberEpoch),
    ] {
        kafka.refuse(Request::OffsetCommit, &[refusal]);
        let refused = consumer.commit_message(&message, CommitMode::Sync);
        assert_eq!(refused, Err(KafkaError::ConsumerCommit(code)));
    }
    kafka.refuse(Request::OffsetCommit, &[Refusal::UnknownMember]);
    kafka.forgive(Request::OffsetCommit);
    consumer.commit_message(&message, CommitMode::Sync).expect("a commit");
    assert_eq!(kafka.committed(&topic, &group), [Some(1)]);
}

/// A broker that is down refuses, and one that comes up again serves.
///
/// Limit: 60 s
#[test]
fn a_broker_goes_down_and_comes_up() {
    let scenario = Scenario::new();
    let kafka = Kafka::embedded(&scenario);
    let address = kafka.bootstrap_servers().to_owned();
    let topic = kafka.topic("orders", 1);
    kafka.down();
    assert!(std::net::TcpStream::connect(&address).is_err());
    kafka.up();
    kafka.fill(&topic, 1);
    assert_eq!(kafka.count(&topic), 1);
}

/// A slow broker answers late.
///
/// Limit: 60 s
#[test]
fn a_broker_answers_late() {
    let scenario = Scenario::new();
    let kafka = Kafka::embedded(&scenario);
    let topic = kafka.topic("orders", 1);
    kafka.answer_after(ms(300));
    let began = Instant::now();
    kafka.count(&topic);
    assert!(began.elapsed() >= ms(300), "{:?}", began.elapsed());
}

/// All of the above that may use the real broker, with the real broker.
///
/// Limit: 120 s
#[test]
fn a_real_broker_does_the_same() {
    let scenario = Scenario::new();
    let broker = Broker::start(&scenario);
    let output = Command::new(std::env::current_exe().expect("the path of this test"))
        .args([
            "--exact",
            "messages_are_counted_and_read",
            "committed_offsets_are_known",
            "an_heir_goes_on_where_the_group_has_committed",
        ])
        .env("KAFKA_BOOTSTRAP_SERVERS", broker.url())
        .output()
        .expect("this test runs");
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("3 passed"), "{said}");

    let kafka = Kafka::on(&scenario, &broker);
    let topic = kafka.topic("orders", 1);
    assert!(!kafka.is_embedded());
    assert_eq!(topics(&broker.url()), [topic.name()], "what the other tests made there is gone");

    broker.suspend();
    let (address, answer) = (broker.url(), mpsc::channel());
    thread::spawn(move || answer.0.send(topics(&address)));
    assert!(answer.1.recv_timeout(ms(300)).is_err(), "a broker that is suspended hangs");
    broker.resume();
    assert_eq!(answer.1.recv().expect("an answer, late"), [topic.name()]);
}

/// The topics that a broker has, without its own.
fn topics(address: &str) -> Vec<String> {
    let consumer: BaseConsumer =
        ClientConfig::new().set("bootstrap.servers", address).create().expect("a client");
    let metadata = consumer.fetch_metadata(None, secs(60)).expect("metadata");
    let names = metadata.topics().iter().map(|topic| topic.name().to_owned());
    names.filter(|name| !name.starts_with("__")).collect()
}

/// An embedded cluster costs a test next to nothing.
///
/// Limit: 60 s
#[test]
fn an_embedded_cluster_is_there_at_once() {
    let scenario = Scenario::new();
    let began = Instant::now();
    for _ in 0..10 {
        let kafka = Kafka::embedded(&scenario);
        kafka.topic("orders", 3);
    }
    let one: Duration = began.elapsed() / 10;
    assert!(one < secs(1), "{one:?}");
}
