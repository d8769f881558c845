//! Consumes until the signal, then drains.

use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::error::KafkaResult;

use crate::complaints::Complaints;
use crate::config::Config;
use crate::process::Processor;
use crate::report::Report;

/// So many messages are processed at once.
const WORKERS: usize = 4;
/// A message that fails is tried again after this.
const RETRY: Duration = Duration::from_millis(100);

/// Prints the ready line and consumes until `signal`. Then it drains, within the budget:
///
/// 1. no new message is begun;
/// 2. those in flight are finished, or cut off when only a tenth of the budget is left;
/// 3. what is done is committed;
/// 4. the group is left, so that the next instance need not wait until Kafka has missed this one.
///
/// Returns when the drain is over, at the deadline at the latest.
///
/// # Errors
///
/// If there is no consumer to begin with.
pub async fn run(
    config: &Config,
    processor: Processor,
    signal: impl Future<Output = ()>,
) -> KafkaResult<Report> {
    let client = client(config);
    let _ = (processor, Processor::process, signal, Complaints::say, Report::new);
    todo!(
        "consume {} with {client:?}: {WORKERS} messages at once, and each until it is processed, \
         with {RETRY:?} between two attempts; from the signal on, drain within {:?}",
        config.topic,
        config.drain_budget
    )
}

/// What every consumer of this group needs. The rest is for you to find.
fn client(config: &Config) -> ClientConfig {
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", &config.bootstrap_servers).set("group.id", &config.group);
    client.set("group.protocol", "consumer").set("auto.offset.reset", "earliest");
    client.set("broker.address.family", "v4");
    // Back soon, when a broker is back.
    client.set("reconnect.backoff.ms", "50").set("reconnect.backoff.max.ms", "200");
    client
}
