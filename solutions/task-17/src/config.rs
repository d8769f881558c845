//! What is read from the environment.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;

use crate::budget;
use crate::environment::{BadValue, read};

const LISTEN_ADDR: &str = "LISTEN_ADDR";
const DRAIN_BUDGET: &str = "DRAIN_BUDGET";

/// What the environment says, or its defaults.
pub struct Config {
    /// `LISTEN_ADDR`: the address to listen on; port 0 takes any free port.
    pub listen_addr: SocketAddr,
    /// `DRAIN_BUDGET`: how long the drain may take, from the signal on. More than zero.
    pub drain_budget: Duration,
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    ///
    /// The first variable with a value that cannot be used.
    pub fn from_env() -> Result<Self, BadValue> {
        Ok(Self {
            listen_addr: read(
                LISTEN_ADDR,
                "127.0.0.1:8080",
                |value| value.parse().ok(),
                "an address and a port, such as 127.0.0.1:8080",
            )?,
            drain_budget: read(DRAIN_BUDGET, "5s", budget::parse, budget::EXPECTED)?,
        })
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
