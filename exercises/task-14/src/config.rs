//! What is read from the environment.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;

use crate::budget;
use crate::environment::{BadValue, read};

const LISTEN_ADDR: &str = "LISTEN_ADDR";
const CLIENT_TIMEOUT: &str = "CLIENT_TIMEOUT";

/// What the environment says, or its defaults.
pub struct Config {
    /// `LISTEN_ADDR`: the address to listen on; port 0 takes any free port.
    pub listen_addr: SocketAddr,
    /// `DOWNSTREAM_ADDR`: the address of the service that is asked.
    pub downstream_addr: SocketAddr,
    /// `CLIENT_TIMEOUT`: how long a call of it may take. More than zero.
    pub client_timeout: Duration,
    /// `DRAIN_BUDGET`: how long the drain may take, from the signal on. More than zero.
    pub drain_budget: Duration,
}

impl Config {
    /// Reads the environment. `client_timeout` is the default for `CLIENT_TIMEOUT`.
    ///
    /// # Errors
    ///
    /// The first variable with a value that cannot be used.
    pub fn from_env(client_timeout: &str) -> Result<Self, BadValue> {
        let address = |value: &str| value.parse().ok();
        let expected = "an address and a port, such as 127.0.0.1:8080";
        Ok(Self {
            listen_addr: read(LISTEN_ADDR, "127.0.0.1:8080", address, expected)?,
            downstream_addr: read("DOWNSTREAM_ADDR", "127.0.0.1:9000", address, expected)?,
            client_timeout: read(CLIENT_TIMEOUT, client_timeout, budget::parse, budget::EXPECTED)?,
            drain_budget: read("DRAIN_BUDGET", "25s", budget::parse, budget::EXPECTED)?,
        })
    }

    /// Requires that a call which begins just before the signal can end within the budget.
    ///
    /// # Errors
    ///
    /// If `CLIENT_TIMEOUT` is not less than `DRAIN_BUDGET`.
    pub fn require_time_for_a_call(&self) -> Result<(), BadValue> {
        todo!("refuse {CLIENT_TIMEOUT} if a call may take as long as a drain, or longer")
    }

    /// Binds the address. From now on the kernel accepts connections; `accept` fetches them.
    ///
    /// # Errors
    ///
    /// If the address cannot be bound: it is in use, or not one of this machine.
    pub async fn listen(&self) -> Result<TcpListener, BadValue> {
        TcpListener::bind(self.listen_addr).await.map_err(|error| {
            let expected = format!("a free address of this machine ({error})");
            BadValue::new(LISTEN_ADDR, self.listen_addr.to_string(), expected)
        })
    }
}
