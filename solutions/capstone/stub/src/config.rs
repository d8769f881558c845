//! What is read from the environment.

use std::net::SocketAddr;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use tokio::net::TcpListener;

use crate::budget;
use crate::environment::{BadValue, read};

const LISTEN_ADDR: &str = "LISTEN_ADDR";
const METRICS_ADDR: &str = "METRICS_ADDR";

/// What the environment says, or its defaults.
pub struct Config {
    /// `LISTEN_ADDR`: the address to listen on; port 0 takes any free port.
    pub listen_addr: SocketAddr,
    /// `METRICS_ADDR`: the address where scrapers ask.
    pub metrics_addr: SocketAddr,
    /// `DATABASE_URL`: the database of the orders.
    pub database: PgConnectOptions,
    /// `KAFKA_BOOTSTRAP_SERVERS`: where the events go.
    pub kafka: String,
    /// `TOPIC`: the topic of the events.
    pub topic: String,
    /// `DRAIN_BUDGET`: how long the drain may take, from the signal on. More than zero.
    pub drain_budget: Duration,
    /// `LAST_SCRAPE`: how much of that is for scrapers, after the drain. At most half.
    pub last_scrape: Duration,
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    ///
    /// The first variable with a value that cannot be used.
    pub fn from_env() -> Result<Self, BadValue> {
        let text = |value: &str| (!value.trim().is_empty()).then(|| value.to_owned());
        let drain_budget = read("DRAIN_BUDGET", "25s", budget::parse, budget::EXPECTED)?;
        Ok(Self {
            listen_addr: address(LISTEN_ADDR, "127.0.0.1:8080")?,
            metrics_addr: address(METRICS_ADDR, "127.0.0.1:9100")?,
            database: read(
                "DATABASE_URL",
                "postgres://postgres@127.0.0.1:5432/postgres",
                |value| value.parse().ok(),
                "an address such as postgres://user@127.0.0.1:5432/database",
            )?,
            kafka: read(
                "KAFKA_BOOTSTRAP_SERVERS",
                "127.0.0.1:9092",
                text,
                "an address such as 127.0.0.1:9092",
            )?,
            topic: read("TOPIC", "order-events", topic, "up to 249 of a-z, A-Z, 0-9, `.`, `_` and `-`")?,
            drain_budget,
            last_scrape: read(
                "LAST_SCRAPE",
                "0s",
                |value| humantime::parse_duration(value).ok().filter(|time| *time <= drain_budget / 2),
                &format!("a duration of at most {:?}, half the DRAIN_BUDGET", drain_budget / 2),
            )?,
        })
    }

    /// Binds both addresses, that of the orders and that of the metrics. From now on the kernel accepts
    /// connections; `accept` fetches them.
    ///
    /// # Errors
    ///
    /// If an address cannot be bound: it is in use, or not one of this machine.
    pub async fn listen(&self) -> Result<(TcpListener, TcpListener), BadValue> {
        Ok((bind(LISTEN_ADDR, self.listen_addr).await?, bind(METRICS_ADDR, self.metrics_addr).await?))
    }
}

fn address(variable: &'static str, default: &str) -> Result<SocketAddr, BadValue> {
    let expected = format!("an address and a port, such as {default}");
    read(variable, default, |value| value.parse().ok(), &expected)
}

async fn bind(variable: &'static str, address: SocketAddr) -> Result<TcpListener, BadValue> {
    TcpListener::bind(address).await.map_err(|error| {
        let expected = format!("a free address of this machine ({error})");
        BadValue::new(variable, address.to_string(), expected)
    })
}

/// What Kafka takes for the name of a topic. With any other, no event would ever be told.
fn topic(value: &str) -> Option<String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let name = (1..=249).contains(&value.len()) && value.chars().all(legal) && !matches!(value, "." | "..");
    name.then(|| value.to_owned())
}
