//! Kafka, PostgreSQL and Redis on this machine, without Docker: the servers behind
//! `cargo xtask services`, and behind the throw-away servers of the tests.
//!
//! ```no_run
//! use drain_services::{Server, Service};
//!
//! let folder = std::path::Path::new("/tmp/servers");
//! let redis = Server::start(Service::Redis, folder, None, |_| Ok(()))?;
//! println!("REDIS_URL={}", Service::Redis.address(redis.port));
//! redis.stop();
//! # Ok::<(), drain_services::Error>(())
//! ```
//!
//! # Layout, in reading order
//!
//! | file | what it holds |
//! | --- | --- |
//! | `service` | [`Service`]: the three of them; how each is started, asked and stopped |
//! | `server` | [`Server`]: started in a folder of its own, ready once it has served a client |
//! | `process` | [`Process`]: told apart from a later one with the same number |
//! | `kafka`, `postgres`, `redis` | the recipe of each, and as much of its protocol as it takes to ask |
//! | `kafka/jars` | the jars of the broker: fetched by Maven, checked at every start |
//! | `postgres/fetched` | its programs where none are installed: fetched by Maven, once |
//! | `maven` | how it is asked, and that what it brings is what it was |
//! | `cache` | what is made once: jars, and data folders that are ready to be copied |
//! | `tool` | a program on this machine, or one line that says how to get it |
//! | `port`, `progress`, `error` | free ports; what is going on; what went wrong |
//!
//! The program beside it (`main`) is the command: `cli`, `up`, `status`, `down`, `logs`; `record` is
//! what it knows from one command to the next, `outside` are the addresses it was given, `standing`
//! is how things stand.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod cache;
mod error;
mod kafka;
mod maven;
pub mod port;
pub mod postgres;
mod process;
pub mod progress;
pub mod redis;
mod server;
mod service;
mod tool;

pub use error::{Error, Result};
pub use process::Process;
pub use server::{Server, log, previous_log};
pub use service::Service;
