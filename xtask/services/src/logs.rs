//! `logs`: what a server that was started here has to say.

use std::fs::File;
use std::io;
use std::path::Path;

use drain_services::{Error, Result, Service, log};

pub(crate) fn run(service: Service, state: &Path) -> Result<u8> {
    let (name, path) = (service.name(), log(state, service));
    let mut file = File::open(&path).map_err(|_| {
        Error::cannot_run(format!(
            "no log of {name}, in {}: start it with `cargo xtask services up {name}`",
            path.display()
        ))
    })?;
    match io::copy(&mut file, &mut io::stdout()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::failed(format!("cannot read {}: {error}", path.display())))
        }
        _ => Ok(0),
    }
}
