//! How things stand with a service.

use std::path::Path;

use drain_services::{Result, Server, Service};

use crate::outside;
use crate::record::Record;

pub(crate) enum Standing {
    /// Given from outside: used as it is.
    Outside { address: String, listens: bool },
    /// Started here, and it serves.
    Up(Server),
    /// Started here; its process lives, but does not serve.
    Silent(Server, String),
    /// Started here, and not stopped here; its process is gone.
    Died(Server),
    /// Not started here, or stopped.
    Down,
}

impl Standing {
    pub(crate) fn of(service: Service, state: &Path) -> Result<Self> {
        let record = Record::load(state, service)?;
        if let Some(address) = outside::address(service, record.port) {
            let listens = outside::listens(service, &address);
            return Ok(Self::Outside { address, listens });
        }
        Ok(match record.server {
            None => Self::Down,
            Some(server) if !server.process.is_alive() => Self::Died(server),
            Some(server) => match server.serves() {
                Ok(()) => Self::Up(server),
                Err(error) => Self::Silent(server, error.to_string()),
            },
        })
    }

    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Outside { .. } => "outside",
            Self::Up(_) => "up",
            Self::Silent(..) => "silent",
            Self::Died(_) => "died",
            Self::Down => "down",
        }
    }

    /// Where programs find it, if it serves.
    pub(crate) fn address(&self) -> Option<String> {
        match self {
            Self::Outside { address, listens: true } => Some(address.clone()),
            Self::Up(server) => Some(server.service.address(server.port)),
            _ => None,
        }
    }

    /// Whether somebody who counts on it would be disappointed.
    pub(crate) fn is_broken(&self) -> bool {
        matches!(self, Self::Outside { listens: false, .. } | Self::Silent(..) | Self::Died(_))
    }

    pub(crate) fn server(&self) -> Option<&Server> {
        match self {
            Self::Up(server) | Self::Silent(server, _) | Self::Died(server) => Some(server),
            Self::Outside { .. } | Self::Down => None,
        }
    }
}
