//! What is read from the environment.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio::net::TcpListener;

use crate::budget;
use crate::environment::{BadValue, read};
use crate::heartbeat;

const LISTEN_ADDR: &str = "LISTEN_ADDR";
const DRAIN_BUDGET: &str = "DRAIN_BUDGET";
const HEARTBEAT_FILE: &str = "HEARTBEAT_FILE";
const HEARTBEAT_TICK: &str = "HEARTBEAT_TICK";

/// What the environment says, or its defaults.
pub struct Config {
    /// `LISTEN_ADDR`: the address to listen on; port 0 takes any free port.
    pub listen_addr: SocketAddr,
    /// `DRAIN_BUDGET`: how long the drain may take. More than zero.
    pub drain_budget: Duration,
    /// `HEARTBEAT_FILE`: the file of the heartbeat. It is there, and can be written.
    pub heartbeat_file: PathBuf,
    /// `HEARTBEAT_TICK`: the time from one line to the next. More than zero.
    pub heartbeat_tick: Duration,
}

impl Config {
    /// Reads the environment, and makes the file of the heartbeat if there is none.
    ///
    /// # Errors
    ///
    /// The first variable with a value that cannot be used.
    pub fn from_env() -> Result<Self, BadValue> {
        let config = Self {
            listen_addr: read(
                LISTEN_ADDR,
                "127.0.0.1:8080",
                |value| value.parse().ok(),
                "an address and a port, such as 127.0.0.1:8080",
            )?,
            drain_budget: read(DRAIN_BUDGET, "5s", budget::parse, budget::EXPECTED)?,
            heartbeat_file: read(
                HEARTBEAT_FILE,
                "heartbeat.log",
                |value| Some(PathBuf::from(value)),
                "the path of a file",
            )?,
            heartbeat_tick: read(HEARTBEAT_TICK, "1s", budget::parse, budget::EXPECTED)?,
        };
        let file = &config.heartbeat_file;
        heartbeat::open(file).map_err(|error| {
            BadValue::new(
                HEARTBEAT_FILE,
                file.to_string_lossy(),
                format!("a file that can be written ({error})"),
            )
        })?;
        Ok(config)
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
