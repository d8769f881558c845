//! `down`: stops what `up` has started, and nothing else.

use std::path::Path;

use drain_services::cache::Lock;
use drain_services::{Result, Service};

use crate::record::Record;
use crate::up;

pub(crate) fn run(services: &[Service], state: &Path) -> Result<u8> {
    let _lock = Lock::of(state)?;
    for &service in services {
        // Whatever the environment says: what was started here is stopped here.
        let Some(server) = Record::load(state, service)?.server else { continue };
        let lived = server.process.is_alive();
        up::stop(&server, state)?;
        let how = if lived { "stopped" } else { "had died already" };
        println!("{}: {how}, pid {}", service.name(), server.process.pid);
    }
    Ok(0)
}
