//! Whether there is a topic to consume.

use std::future::pending;
use std::thread;
use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaResult;
use rdkafka::types::RDKafkaRespErr;
use tokio::sync::oneshot;

use crate::config::Config;

/// How long a broker may take to answer. One that does not is asked again.
const PATIENCE: Duration = Duration::from_secs(1);

/// Returns when a broker has said that there is no such topic. If there is one, it never returns.
///
/// The group does not say it: its members are assigned nothing, and wait.
pub async fn missing(config: &Config) {
    let (sender, answer) = oneshot::channel();
    let (servers, topic) = (config.bootstrap_servers.clone(), config.topic.clone());
    // On a thread, and not one of the runtime's: those are waited for when the process ends.
    thread::spawn(move || sender.send(is_missing(&servers, &topic)));
    if !matches!(answer.await, Ok(Ok(true))) {
        pending().await
    }
}

fn is_missing(servers: &str, topic: &str) -> KafkaResult<bool> {
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", servers).set("broker.address.family", "v4");
    let client: BaseConsumer = client.create()?;
    loop {
        match client.fetch_metadata(Some(topic), PATIENCE) {
            Ok(metadata) => {
                let unknown = Some(RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
                return Ok(metadata.topics().iter().any(|topic| topic.error() == unknown));
            }
            // No broker is there, or none that knows yet.
            Err(_) => thread::sleep(PATIENCE),
        }
    }
}
