//! A free port on the loopback interface.

use std::hash::{BuildHasher as _, RandomState};
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

use crate::error::{Error, Result};

/// Below those that the kernel gives to outgoing connections: no client takes one of these by chance,
/// so a server that comes again finds its port free.
const PORTS: Range<u16> = 15_000..32_000;
const ATTEMPTS: usize = 1_000;

/// A port that nobody listens on: `wanted` if that is free, else any.
///
/// Somebody else may take it before the server does; so a start is tried more than once.
///
/// # Errors
///
/// If no free one is found.
pub fn free(wanted: Option<u16>) -> Result<u16> {
    let any = std::iter::repeat_with(|| {
        let random = RandomState::new().hash_one(()) % u64::from(PORTS.end - PORTS.start);
        PORTS.start + random as u16
    });
    let mut candidates = wanted.into_iter().chain(any).take(ATTEMPTS);
    candidates.find(|&port| is_free(port)).ok_or_else(|| {
        let (first, last) = (PORTS.start, PORTS.end - 1);
        Error::cannot_run(format!("no free port found on 127.0.0.1 from {first} to {last}"))
    })
}

/// A free port that is not this one.
pub(crate) fn free_beside(other: u16) -> Result<u16> {
    loop {
        let port = free(None)?;
        if port != other {
            return Ok(port);
        }
    }
}

/// Whether nobody listens on it.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}
