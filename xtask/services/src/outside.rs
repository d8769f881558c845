//! Addresses that are given from outside, in the environment.

use std::env;
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use drain_services::Service;

const ANSWER: Duration = Duration::from_secs(2);

/// The address in the service's variable, unless it is the one that our own server has, or had: then
/// it was exported here, from what `up` prints.
pub(crate) fn address(service: Service, our_port: Option<u16>) -> Option<String> {
    let address = env::var(service.variable()).ok().filter(|address| !address.trim().is_empty())?;
    let hosts = hosts(&address, service.usual_port());
    let ours = |(host, port): &(String, u16)| {
        ["127.0.0.1", "localhost"].contains(&host.as_str()) && Some(*port) == our_port
    };
    let is_ours = !hosts.is_empty() && hosts.iter().all(ours);
    (!is_ours).then_some(address)
}

/// Whether somebody listens there. Whom it lets in is its owner's business. An address without a host
/// cannot be tried.
pub(crate) fn listens(service: Service, address: &str) -> bool {
    let hosts = hosts(address, service.usual_port());
    let reached = |(host, port): &(String, u16)| {
        let addresses = (host.as_str(), *port).to_socket_addrs().into_iter().flatten();
        addresses.into_iter().any(|address| TcpStream::connect_timeout(&address, ANSWER).is_ok())
    };
    hosts.is_empty() || hosts.iter().any(reached)
}

/// The hosts and ports in `HOST:PORT,HOST:PORT` and in `scheme://user:password@HOST:PORT/path?query`.
fn hosts(address: &str, usual_port: u16) -> Vec<(String, u16)> {
    let behind_scheme = address.split_once("://").map_or(address, |(_, rest)| rest);
    let authority = behind_scheme.split(['/', '?']).next().unwrap_or_default();
    let hosts = authority.rsplit('@').next().unwrap_or_default();
    let parts = hosts.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let with_port = part.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
            let (host, port) = with_port.unwrap_or((part, usual_port));
            (host.trim_matches(['[', ']']).to_owned(), port)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_hosts_in_every_form_of_address() {
        let one = |host: &str, port| vec![(host.to_owned(), port)];
        assert_eq!(hosts("127.0.0.1:9093", 9092), one("127.0.0.1", 9093));
        assert_eq!(hosts("a:1, b", 9092), [one("a", 1), one("b", 9092)].concat());
        assert_eq!(hosts("postgres://me:p@ss@db.example/orders?x=y:1", 5432), one("db.example", 5432));
        assert_eq!(hosts("redis://[::1]:7000/2", 6379), one("::1", 7000));
        assert_eq!(hosts("postgres:///orders?host=/run/postgresql", 5432), vec![]);
    }
}
