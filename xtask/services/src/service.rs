//! The three services: how each is started, asked and stopped.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::Signal;
use nix::unistd::mkdtemp;

use crate::error::{At as _, Error, Result};
use crate::{kafka, postgres, redis};

/// What drills and the capstone may need beside themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Apache Kafka, one node in KRaft mode.
    Kafka,
    /// PostgreSQL.
    Postgres,
    /// Redis, or Valkey, which works the same.
    Redis,
}

impl Service {
    /// All of them, in the order in which they are started.
    pub const ALL: [Self; 3] = [Self::Kafka, Self::Postgres, Self::Redis];

    /// As it is called on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kafka => "kafka",
            Self::Postgres => "postgres",
            Self::Redis => "redis",
        }
    }

    /// The environment variable in which programs look for its address.
    pub fn variable(self) -> &'static str {
        match self {
            Self::Kafka => "KAFKA_BOOTSTRAP_SERVERS",
            Self::Postgres => "DATABASE_URL",
            Self::Redis => "REDIS_URL",
        }
    }

    /// The value of that variable for a server on this port.
    pub fn address(self, port: u16) -> String {
        match self {
            Self::Kafka => format!("127.0.0.1:{port}"),
            Self::Postgres => postgres::url(port, postgres::DATABASE),
            Self::Redis => format!("redis://127.0.0.1:{port}"),
        }
    }

    /// The port on which it listens if its address names none.
    pub fn usual_port(self) -> u16 {
        match self {
            Self::Kafka => 9092,
            Self::Postgres => 5432,
            Self::Redis => 6379,
        }
    }

    /// The version that this is tested with; of those that are found on the machine, the major one.
    pub fn tested_version(self) -> &'static str {
        match self {
            Self::Kafka => kafka::version(),
            Self::Postgres => "15",
            Self::Redis => "7.0",
        }
    }

    /// Creates an empty folder for a server, below `parent` if the server can reach it there.
    pub(crate) fn folder(self, parent: &Path) -> Result<PathBuf> {
        let reachable = self != Self::Postgres || postgres::can_reach(parent);
        if !reachable {
            return mkdtemp(&std::env::temp_dir().join("drain-postgres-XXXXXX"))
                .map_err(|error| Error::cannot_run(format!("cannot create a temporary folder: {error}")));
        }
        let folder = parent.join(self.name());
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).at("create", &folder)?;
        Ok(folder)
    }

    /// Fills the empty folder with what the server needs, and says how it is started.
    pub(crate) fn prepare(self, folder: &Path, port: u16) -> Result<Command> {
        match self {
            Self::Kafka => kafka::prepare(folder, port),
            Self::Postgres => postgres::prepare(folder, port),
            Self::Redis => redis::prepare(folder, port),
        }
    }

    /// Asks the server on this port for something that only a working one can answer.
    pub(crate) fn ask(self, port: u16) -> std::io::Result<()> {
        match self {
            Self::Kafka => kafka::Client::connect(port)?.find_broker(port),
            Self::Postgres => {
                postgres::Client::connect(port, postgres::DATABASE)?.query("SELECT 1").map(drop)
            }
            Self::Redis => redis::ask(port, &["PING"]).map(drop),
        }
    }

    /// What is done once, after the first answer and before anybody else is told.
    pub(crate) fn warm_up(self, port: u16) -> std::io::Result<()> {
        match self {
            Self::Kafka => kafka::Client::connect(port)?.run_a_group(),
            Self::Postgres | Self::Redis => Ok(()),
        }
    }

    /// The signal on which it stops by itself, without waiting for its clients.
    pub fn stop_signal(self) -> Signal {
        match self {
            Self::Postgres => Signal::SIGINT, // SIGTERM would wait until the last client has left.
            Self::Kafka | Self::Redis => Signal::SIGTERM,
        }
    }
}
