//! Brings events from the outbox to Kafka, on a thread of its own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rdkafka::error::KafkaError;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use rdkafka::{ClientConfig, ClientContext};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::store::{Batch, Store};

const BATCH: u8 = 100;
/// Events of an instance that has crashed wake nobody.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(200);
const DELIVERY_TIMEOUT_MS: &str = "5000";

/// Tells the relay that there is something in the outbox. Clones tell the same one.
#[derive(Clone, Default)]
pub struct Bell(Arc<(Mutex<bool>, Condvar)>);

impl Bell {
    pub fn ring(&self) {
        let (rung, changed) = &*self.0;
        *rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        changed.notify_one();
    }

    fn wait(&self) {
        let (rung, changed) = &*self.0;
        let guard = rung.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = changed.wait_timeout_while(guard, LOOK_EVERY, |rung| !*rung);
        *waited.unwrap_or_else(PoisonError::into_inner).0 = false;
    }
}

/// The relay, at work on its thread.
pub struct Relay {
    ended: oneshot::Receiver<()>,
    bell: Bell,
    draining: Arc<AtomicBool>,
    left: Arc<AtomicBool>,
}

impl Relay {
    pub fn start(store: Store, producer: BaseProducer<Delivered>, topic: String, bell: Bell) -> Self {
        let (end, ended) = oneshot::channel();
        let (draining, left) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let runtime = Handle::current();
        let work = Work {
            store,
            producer,
            topic,
            bell: bell.clone(),
            draining: draining.clone(),
            left: left.clone(),
            runtime,
        };
        thread::spawn(move || {
            work.run();
            let _ = end.send(());
        });
        Self { ended, bell, draining, left }
    }

    /// Returns when the outbox is empty.
    ///
    /// # Errors
    ///
    /// If the thread has panicked.
    pub async fn drain(&mut self) -> Result<(), oneshot::error::RecvError> {
        self.draining.store(true, Ordering::SeqCst);
        self.bell.ring();
        (&mut self.ended).await
    }
}

impl Drop for Relay {
    /// What it was at stays in the outbox.
    fn drop(&mut self) {
        self.left.store(true, Ordering::SeqCst);
        self.draining.store(true, Ordering::SeqCst);
        self.bell.ring();
    }
}

/// The rows whose events Kafka has, and the first error.
#[derive(Default)]
pub struct Delivered(Mutex<(Vec<i64>, Option<KafkaError>)>);

impl ClientContext for Delivered {}

impl ProducerContext for Delivered {
    type DeliveryOpaque = Box<i64>;

    fn delivery(&self, result: &DeliveryResult<'_>, row: Box<i64>) {
        let mut delivered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(_) => delivered.0.push(*row),
            Err((error, _)) => delivered.1 = Some(error.clone()),
        }
    }
}

/// A producer that keeps the order.
///
/// # Errors
///
/// If librdkafka takes no such configuration.
pub fn producer(bootstrap_servers: &str) -> Result<BaseProducer<Delivered>, KafkaError> {
    ClientConfig::new()
        .set("bootstrap.servers", bootstrap_servers)
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("linger.ms", "1")
        .set("message.timeout.ms", DELIVERY_TIMEOUT_MS)
        .create_with_context(Delivered::default())
}

struct Work {
    store: Store,
    producer: BaseProducer<Delivered>,
    topic: String,
    bell: Bell,
    draining: Arc<AtomicBool>,
    left: Arc<AtomicBool>,
    runtime: Handle,
}

impl Work {
    fn run(&self) {
        while !self.left.load(Ordering::SeqCst) {
            let draining = self.draining.load(Ordering::SeqCst);
            match self.publish_some() {
                // Fewer than it could take: what is left now is at another instance, or new there.
                Ok(told) if draining && told < usize::from(BATCH) => return,
                Ok(0) => self.bell.wait(),
                Ok(_) => {}
                Err(why) => {
                    eprintln!("relay: {why}");
                    thread::sleep(PAUSE);
                }
            }
        }
    }

    fn publish_some(&self) -> Result<usize, String> {
        let batch =
            self.runtime.block_on(self.store.take_events(BATCH.into())).map_err(|error| error.to_string())?;
        let refused = self.hand_in(&batch).err();
        while self.producer.in_flight_count() > 0 {
            self.producer.poll(Duration::from_millis(50));
            if self.left.load(Ordering::SeqCst) {
                return Err("left".to_owned());
            }
        }
        let delivered =
            std::mem::take(&mut *self.producer.context().0.lock().unwrap_or_else(PoisonError::into_inner));
        let (rows, failed) = delivered;
        self.runtime.block_on(batch.published(&rows)).map_err(|error| error.to_string())?;
        match refused.or(failed) {
            Some(error) => Err(error.to_string()),
            None => Ok(rows.len()),
        }
    }

    fn hand_in(&self, batch: &Batch) -> Result<(), KafkaError> {
        for event in &batch.events {
            let key = event.order.to_string();
            let record = BaseRecord::with_opaque_to(&self.topic, Box::new(event.row));
            self.producer.send(record.key(&key).payload(&event.text)).map_err(|(error, _)| error)?;
        }
        Ok(())
    }
}
