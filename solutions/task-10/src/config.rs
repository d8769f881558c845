//! What is read from the environment.

use std::env;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;

use crate::budget;
use crate::environment::{BadValue, read};

const LISTEN_ADDR: &str = "LISTEN_ADDR";
const METRICS_ADDR: &str = "METRICS_ADDR";
const DRAIN_BUDGET: &str = "DRAIN_BUDGET";
const LAST_SCRAPE: &str = "LAST_SCRAPE";

/// The time for the last scrape is the budget divided by this, where nothing else is said.
const LAST_SCRAPE_SHARE: u32 = 5;

/// What the environment says, or its defaults.
pub struct Config {
    /// `LISTEN_ADDR`: the address to listen on; port 0 takes any free port.
    pub listen_addr: SocketAddr,
    /// `METRICS_ADDR`: the address where scrapers ask.
    pub metrics_addr: SocketAddr,
    /// `DRAIN_BUDGET`: how long all may take, from the signal to the exit. More than zero.
    pub drain_budget: Duration,
    /// `LAST_SCRAPE`: how much of that is for scrapers, after the drain. More than zero, and less than the budget.
    pub last_scrape: Duration,
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    ///
    /// The first variable with a value that cannot be used.
    pub fn from_env() -> Result<Self, BadValue> {
        let drain_budget = read(DRAIN_BUDGET, "5s", budget::parse, budget::EXPECTED)?;
        let last_scrape = match env::var_os(LAST_SCRAPE) {
            None => drain_budget / LAST_SCRAPE_SHARE,
            Some(_) => read(
                LAST_SCRAPE,
                "",
                |value| budget::parse(value).filter(|time| *time < drain_budget),
                &format!(
                    "a duration of more than zero and less than {drain_budget:?}, the {DRAIN_BUDGET}, such as 1s"
                ),
            )?,
        };
        Ok(Self {
            listen_addr: address(LISTEN_ADDR, "127.0.0.1:8080")?,
            metrics_addr: address(METRICS_ADDR, "127.0.0.1:9100")?,
            drain_budget,
            last_scrape,
        })
    }

    /// Binds both addresses: the one for requests, and the one for scrapers.
    ///
    /// # Errors
    ///
    /// If an address cannot be bound: it is in use, or not one of this machine.
    pub async fn listen(&self) -> Result<(TcpListener, TcpListener), BadValue> {
        Ok((bind(LISTEN_ADDR, self.listen_addr).await?, bind(METRICS_ADDR, self.metrics_addr).await?))
    }
}

fn address(variable: &'static str, default: &str) -> Result<SocketAddr, BadValue> {
    read(variable, default, |value| value.parse().ok(), "an address and a port, such as 127.0.0.1:8080")
}

async fn bind(variable: &'static str, address: SocketAddr) -> Result<TcpListener, BadValue> {
    TcpListener::bind(address).await.map_err(|error| {
        let expected = format!("a free address of this machine ({error})");
        BadValue::new(variable, address.to_string(), expected)
    })
}
