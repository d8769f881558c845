//! `up`: starts what does not run, and prints the environment to export.
//!
//! It may be repeated, and it may be stopped at any point: a server is entered in its record before
//! anything else happens to it, and the next `up` goes on from there.

use std::path::Path;
use std::time::{Duration, Instant};

use drain_services::cache::Lock;
use drain_services::{Error, Result, Server, Service, log, postgres, previous_log, progress};

use crate::record::Record;
use crate::standing::Standing;
use crate::status;

/// A server that runs already and does not serve gets this long before it is replaced.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn run(services: &[Service], state: &Path, json: bool) -> Result<u8> {
    let _lock = Lock::of(state)?;
    let mut exit_code = 0;
    let mut standings = Vec::new();
    for &service in services {
        // One that fails does not keep the others from running.
        match bring_up(service, state).and_then(|()| Standing::of(service, state)) {
            Ok(standing) => standings.push((service, standing)),
            Err(error) => {
                progress::line(format!("services: {error}"));
                exit_code = exit_code.max(error.exit_code());
            }
        }
    }
    if json {
        println!("{}", status::as_json(&standings, state, exit_code));
        return Ok(exit_code);
    }
    for (service, standing) in &standings {
        if let Some(address) = standing.address() {
            println!("export {}={}", service.variable(), quoted(&address));
        }
    }
    Ok(exit_code)
}

fn bring_up(service: Service, state: &Path) -> Result<()> {
    let name = service.name();
    match Standing::of(service, state)? {
        Standing::Up(_) | Standing::Outside { listens: true, .. } => return Ok(()),
        Standing::Outside { address, listens: false } => {
            let variable = service.variable();
            return Err(Error::failed(format!(
                "nobody listens at {address}, where {variable} points: start that server, \
                 or unset {variable} to have one started here"
            )));
        }
        Standing::Silent(server, _) => {
            progress::passing(format!("{name}: it runs already, and is asked again"));
            match server.wait_until_ready(&log(state, service), PATIENCE) {
                Ok(()) => return Ok(()),
                Err(error) => progress::line(format!("{error}; a new one is started")),
            }
            stop(&server, state)?;
        }
        Standing::Died(server) => {
            progress::line(format!(
                "{name}: pid {} has died, a new one is started; its log is kept in {}",
                server.process.pid,
                previous_log(state, service).display()
            ));
            stop(&server, state)?;
        }
        Standing::Down => {}
    }
    start(service, state)
}

fn start(service: Service, state: &Path) -> Result<()> {
    let name = service.name();
    if service == Service::Postgres {
        postgres::provide()?;
    }
    progress::passing(format!("{name}: starting"));
    let began = Instant::now();
    let wanted = Record::load(state, service)?.port;
    let server = Server::start(service, state, wanted, |server| Record::started(state, server));
    let server = server.inspect_err(|_| forget(service, state))?;
    let seconds = began.elapsed().as_secs_f64();
    progress::line(format!(
        "{name}: up on port {} after {seconds:.1} s, pid {}",
        server.port, server.process.pid
    ));
    Ok(())
}

/// Stops a server, if it still needs that, and notes that it has been.
pub(crate) fn stop(server: &Server, state: &Path) -> Result<()> {
    server.stop();
    Record::stopped(state, server)
}

/// A start that failed has been cleaned up already.
fn forget(service: Service, state: &Path) {
    if let Ok(Record { server: Some(server), .. }) = Record::load(state, service) {
        let _ = Record::stopped(state, &server);
    }
}

/// As a shell takes it for one word.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./_-[]".contains(c);
    if value.chars().all(plain) { value.to_owned() } else { format!("'{}'", value.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_what_a_shell_would_take_apart() {
        assert_eq!(quoted("redis://127.0.0.1:6379"), "redis://127.0.0.1:6379");
        assert_eq!(quoted("postgres://me:it's@db/x?a=b&c=d"), r"'postgres://me:it'\''s@db/x?a=b&c=d'");
    }
}
