//! Many clients through a drain, with a ledger of what became of each request.

use std::fmt::{self, Display};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::http::wait_until_all_read;
use crate::{Client, Cut, Moment, Pending, Response, Scenario, descriptors};

/// Connects come in bursts, each after the one before has been accepted: a burst of 200 overflows the
/// backlog of 128 that a correct server may have.
const CONNECTS_AT_ONCE: usize = 50;

/// What became of every request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Requests of which the program got at least the connection.
    pub sent: usize,
    /// Complete responses with status 200.
    pub answered: usize,
    /// The program takes no more work: the connect failed or, once the program has its signal, the
    /// connection ended in the accept queue.
    pub refused: usize,
    /// An open connection was closed before any byte of a response to the next request on it, and no response
    /// had announced that.
    pub closed: usize,
    /// A request that the program had, and that got no complete response; or a connect that it did not answer.
    pub lost: usize,
    /// A second response to one request, or bytes that nobody asked for.
    pub duplicated: usize,
    /// Complete responses with another status.
    pub wrong_status: usize,
}

impl Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sent, answered, .. } = self;
        write!(f, "{answered} of {sent} answered")?;
        let rest = [
            ("refused", self.refused),
            ("closed while idle", self.closed),
            ("lost", self.lost),
            ("duplicated", self.duplicated),
            ("with another status", self.wrong_status),
        ];
        rest.iter()
            .filter(|(_, count)| *count > 0)
            .try_for_each(|(what, count)| write!(f, ", {count} {what}"))
    }
}

/// Opens `count` connections, fifty at a time, and puts one `GET path` in flight on each.
///
/// Returns when the program has read every request. A connect that fails ends the scenario.
#[track_caller]
pub fn in_flight(
    scenario: &Scenario,
    address: SocketAddr,
    count: usize,
    path: &str,
    patience: Duration,
) -> Vec<Pending> {
    descriptors::make_room(scenario, count);
    let mut pending = Vec::with_capacity(count);
    while pending.len() < count {
        let numbers = pending.len() + 1..=count.min(pending.len() + CONNECTS_AT_ONCE);
        let connect = |number| {
            let mut client = Client::connected(scenario, &format!("client {number}"), address);
            (client.send(path), client)
        };
        let (sent, clients): (Vec<Moment>, Vec<Client>) = numbers.map(connect).unzip();
        wait_until_all_read(&clients);
        pending.extend(clients.into_iter().zip(sent).map(|(client, sent)| client.pending(sent, patience)));
    }
    pending
}

/// Waits for all of them, and enters each in a ledger.
pub fn settle(pending: Vec<Pending>) -> Ledger {
    let mut ledger = Ledger::default();
    for request in pending {
        ledger.sent += 1;
        match request.outcome().1 {
            Ok(response) if response.status == 200 => ledger.answered += 1,
            Ok(_) => ledger.wrong_status += 1,
            Err(_) => ledger.lost += 1,
        }
    }
    ledger
}

/// Clients that send one request after the other until they are stopped or refused.
pub struct Load {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Ledger>>,
}

impl Load {
    /// Starts `clients` clients; every other one opens a new connection for each request, the rest
    /// keep theirs. Returns when each of them has sent its first request and knows what became of it.
    pub fn start(
        scenario: &Scenario,
        address: SocketAddr,
        clients: usize,
        path: &str,
        patience: Duration,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (begun, all_begun) = mpsc::channel::<()>();
        let client = |number| {
            let (scenario, stop, path) = (scenario.share(), stop.clone(), path.to_owned());
            let mut begun = Some(begun.clone());
            let keep_alive = number % 2 == 0;
            scenario.share().spawn(move || {
                let mut ledger = Ledger::default();
                let mut connection = None;
                while !stop.load(Ordering::Relaxed) {
                    let fresh = connection.is_none();
                    let client = connection.take().map_or_else(
                        || {
                            Client::connect(&scenario, &format!("client {number}"), address)
                                .map(Client::quiet)
                        },
                        Ok,
                    );
                    let mut client = match client {
                        Ok(client) => client,
                        Err(Cut::Refused) => {
                            ledger.refused += 1;
                            break;
                        }
                        // Neither taken nor turned away.
                        Err(_) => {
                            ledger.sent += 1;
                            ledger.lost += 1;
                            break;
                        }
                    };
                    let outcome = client.get(&path, patience);
                    begun.take();
                    let signalled = scenario.timeline().anchored();
                    if !ledger.enter(&outcome, fresh, signalled) {
                        continue;
                    }
                    let announced = outcome.is_ok_and(|response| {
                        response.header("connection").is_some_and(|says| says.eq_ignore_ascii_case("close"))
                    });
                    if keep_alive && !announced {
                        connection = Some(client);
                    }
                }
                ledger
            })
        };
        let clients = (1..=clients).map(client).collect();
        drop(begun);
        // Nothing is ever sent: it ends when the last client has let go of its end.
        let _waiting = scenario.waiting("the first response to each client");
        let _ = all_begun.recv();
        Self { stop, clients }
    }

    /// Stops the clients after the request that each has in flight, and adds up their ledgers.
    pub fn stop(self) -> Ledger {
        self.stop.store(true, Ordering::Relaxed);
        let ledgers = self.clients.into_iter().map(|client| client.join().expect("a client does not panic"));
        ledgers.fold(Ledger::default(), Ledger::plus)
    }
}

impl Ledger {
    /// Enters one outcome; says whether the connection can be used again.
    fn enter(&mut self, outcome: &Result<Response, Cut>, fresh: bool, signalled: bool) -> bool {
        self.sent += 1;
        match outcome {
            Ok(response) if response.status == 200 => self.answered += 1,
            Ok(_) => self.wrong_status += 1,
            // A listener that closes resets what waits in its accept queue. From here that looks like a
            // connection that was accepted and dropped, so neither is judged.
            Err(Cut::Closed | Cut::Reset) if fresh && signalled => {
                self.sent -= 1;
                self.refused += 1;
            }
            // The program may close an idle connection while the next request is on its way.
            Err(Cut::Closed | Cut::Reset) if !fresh => {
                self.sent -= 1;
                self.closed += 1;
            }
            Err(_) => self.lost += 1,
        }
        outcome.is_ok()
    }

    fn plus(self, other: Self) -> Self {
        Self {
            sent: self.sent + other.sent,
            answered: self.answered + other.answered,
            refused: self.refused + other.refused,
            closed: self.closed + other.closed,
            lost: self.lost + other.lost,
            duplicated: self.duplicated + other.duplicated,
            wrong_status: self.wrong_status + other.wrong_status,
        }
    }
}
