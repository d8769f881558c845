//! Brings events from the outbox to Kafka: each at least once, whatever ends in between.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::producer::{FutureProducer, FutureRecord};
use tokio::sync::Notify;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::store::{Event, Store};

/// So many events are under way at once.
const BATCH: u8 = 100;
/// Events of an instance that has crashed wake nobody.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Before the next try, when the database or Kafka has failed.
const PAUSE: Duration = Duration::from_millis(200);
/// After this Kafka is not expected to take an event any more, and it is tried again.
const DELIVERY_TIMEOUT_MS: &str = "5000";

/// Tells the relay that there is something in the outbox. Clones tell the same one.
#[derive(Clone, Default)]
pub struct Bell(Arc<Notify>);

impl Bell {
    /// There is something now.
    pub fn ring(&self) {
        self.0.notify_one();
    }
}

/// The relay, at work in a task of its own.
pub struct Relay {
    task: JoinHandle<()>,
    draining: CancellationToken,
}

impl Relay {
    /// Begins to publish what is in the outbox of `store` to `topic`.
    pub fn start(store: Store, producer: FutureProducer, topic: String, bell: Bell) -> Self {
        let draining = CancellationToken::new();
        let work = Work { store, producer, topic, bell, draining: draining.clone() };
        Self { task: tokio::spawn(work.run()), draining }
    }

    /// Returns when all that is in the outbox has been told, or is at another instance. Call it when this one adds
    /// no event any more, and with a bound: while Kafka is away, the outbox stays full.
    ///
    /// # Errors
    ///
    /// If the relay has panicked.
    ///
    /// # Cancellation
    ///
    /// The relay goes on until it is dropped.
    pub async fn drain(&mut self) -> Result<(), JoinError> {
        self.draining.cancel();
        (&mut self.task).await
    }
}

impl Drop for Relay {
    /// What it was at stays in the outbox, for the next instance.
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A producer that keeps the order, and repeats nothing by itself.
///
/// # Errors
///
/// If librdkafka takes no such configuration.
pub fn producer(bootstrap_servers: &str) -> Result<FutureProducer, KafkaError> {
    ClientConfig::new()
        .set("bootstrap.servers", bootstrap_servers)
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("message.timeout.ms", DELIVERY_TIMEOUT_MS)
        // Back soon, when Kafka is. By default up to ten seconds pass between two tries, and no drain can wake it.
        .set("reconnect.backoff.max.ms", "250")
        .create()
}

struct Work {
    store: Store,
    producer: FutureProducer,
    topic: String,
    bell: Bell,
    draining: CancellationToken,
}

impl Work {
    async fn run(self) {
        loop {
            // Asked first: what was added before the drain is seen by the look after this line.
            let draining = self.draining.is_cancelled();
            match self.publish_some().await {
                // Fewer than it could take: what is left now is at another instance, or new there.
                Ok(told) if draining && told < usize::from(BATCH) => return,
                Ok(0) => self.wait().await,
                Ok(_) => {}
                Err(why) => {
                    eprintln!("relay: {why}");
                    sleep(PAUSE).await;
                }
            }
        }
    }

    async fn wait(&self) {
        tokio::select! {
            _ = timeout(LOOK_EVERY, self.bell.0.notified()) => {}
            () = self.draining.cancelled() => {}
        }
    }

    /// Publishes some events, and forgets those that Kafka has confirmed. How many there were.
    async fn publish_some(&self) -> Result<usize, String> {
        let batch = self.store.take_events(BATCH.into()).await.map_err(|error| error.to_string())?;
        let delivered = join_all(batch.events.iter().map(|event| self.publish(event))).await;
        let (rows, refused): (Vec<_>, Vec<_>) = delivered.into_iter().partition(Result::is_ok);
        let rows: Vec<i64> = rows.into_iter().flatten().collect();
        // Only what Kafka has confirmed. An event that is forgotten first is lost if we end in between.
        batch.published(&rows).await.map_err(|error| error.to_string())?;
        match refused.into_iter().find_map(Result::err) {
            Some(error) => Err(error.to_string()),
            None => Ok(rows.len()),
        }
    }

    /// The row of the event, when Kafka has it.
    async fn publish(&self, event: &Event) -> Result<i64, KafkaError> {
        let key = event.order.to_string();
        let record = FutureRecord::to(&self.topic).key(&key).payload(&event.text);
        let sent = self.producer.send_result(record).map_err(|(error, _)| error)?;
        let delivered = sent.await.map_err(|_| KafkaError::Canceled)?;
        delivered.map(|_| event.row).map_err(|(error, _)| error)
    }
}
