//! Kafka, PostgreSQL and Redis for acceptance tests: one call each, gone when the test ends.
//!
//! ```no_run
//! use drain_kit::{Program, Scenario, Signal};
//! use drain_service_kit::{Kafka, Ledger};
//!
//! # #[allow(unused)]
//! # fn test() {
//! let scenario = Scenario::new();
//! let kafka = Kafka::start(&scenario);
//! let topic = kafka.topic("orders", 3);
//! let keys = kafka.fill(&topic, 100);
//! let ledger = Ledger::new(&scenario);
//!
//! let consumer = Program::new(&scenario, "target/debug/task-13")
//!     .env("KAFKA_BOOTSTRAP_SERVERS", kafka.bootstrap_servers())
//!     .env("TOPIC", topic.name())
//!     .env("LEDGER", ledger.path())
//!     .start();
//! ledger.wait_for(50);
//! consumer.signal(Signal::SIGTERM);
//! consumer.exit_with(0);
//! // ... a second instance processes the rest ...
//! ledger.require_each_once(&keys);
//! # }
//! ```
//!
//! If something that a test needs is missing on this machine, the test ends without a verdict and
//! says how to get it.
//!
//! # Layout, in reading order
//!
//! | file | what it holds |
//! | --- | --- |
//! | `kafka` | [`Kafka`]: an embedded cluster, or a real broker; topics, messages, committed offsets |
//! | `mock` | the embedded cluster on its thread |
//! | `fault` | [`Request`] and [`Refusal`]: what an embedded broker can be told to refuse |
//! | `ledger` | [`Ledger`]: what a program has processed, over all its lives |
//! | `postgres` | [`Postgres`]: a server of one's own; [`Database`]: a database of one's own |
//! | `redis` | [`Redis`]: a server of one's own |
//! | `throwaway` | [`Throwaway`]: what these servers have in common: suspend, resume, stop |
//! | `guard` | stops a server when the test's process has ended, whatever ended it |
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod fault;
mod guard;
mod kafka;
mod ledger;
mod mock;
mod postgres;
mod redis;
mod throwaway;

pub use fault::{Refusal, Request};
pub use kafka::{Broker, Kafka, Message, Topic};
pub use ledger::{Entry, Ledger};
pub use postgres::{Database, Postgres};
pub use redis::Redis;
pub use throwaway::Throwaway;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

/// A name that nobody else uses, not another test nor an earlier run: servers are shared.
fn unique(name: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_millis());
    format!("{name}_{}_{number}_{now}", std::process::id())
}
