//! Clients that come at random moments before a signal, in the drain and after it.
//!
//! What such a client may meet depends on when it came, and that is for the test to say: here it is only
//! watched.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::net::SocketAddr;
use std::ops::Range;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::{Client, Cut, Moment, Response, Scenario, ms};

/// An open connection stays idle for less than any server's keep-alive time-out, if it can.
const IDLE: Range<Duration> = ms(20)..ms(500);

/// Random numbers, and the seed that gives them again.
pub struct Dice(u64);

impl Dice {
    /// Throws dice that nobody has thrown before, or those of `DRAIN_SEED`; marks the seed.
    pub fn new(scenario: &Scenario) -> Self {
        let given = std::env::var("DRAIN_SEED").ok().and_then(|seed| seed.parse().ok());
        // Each of these has keys of its own.
        let seed = given.unwrap_or_else(|| RandomState::new().build_hasher().finish());
        scenario.timeline().mark("seed", seed);
        Self(seed)
    }

    /// Throws the same numbers for the same seed.
    pub fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// Splitmix64: any seed is as good as any other.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[(self.next() % of.len() as u64) as usize]
    }

    /// A time in this range.
    pub fn time(&mut self, range: Range<Duration>) -> Duration {
        let width = range.end.saturating_sub(range.start).as_micros().max(1) as u64;
        range.start + Duration::from_micros(self.next() % width)
    }
}

/// One request of one client, and what became of it.
pub struct Visit {
    /// The client's lane in the picture.
    pub name: String,
    /// What it asked for.
    pub path: &'static str,
    /// Whether its connection was open, and idle, before the signal.
    pub open: bool,
    /// When it came: began to connect or, on an open connection, to write.
    pub asked: Moment,
    /// When the program had read the request, of one that came before the signal.
    pub read: Option<Moment>,
    /// What it got.
    pub outcome: Result<Response, Cut>,
    /// When it knew.
    pub settled: Moment,
}

/// A client that is on its way.
pub struct Visitor(JoinHandle<Option<Visit>>);

impl Visitor {
    /// Waits for what became of the request. Nothing, if the client had no open connection by the signal.
    #[track_caller]
    pub fn visit(self) -> Option<Visit> {
        self.0.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

/// Where the clients come, and when the signal is to be sent.
pub struct Visits<'a> {
    /// The scenario in which they come.
    pub scenario: &'a Scenario,
    /// The server.
    pub address: SocketAddr,
    /// When the signal is going to be sent.
    pub signal: Moment,
    /// For how long a client waits for a response.
    pub patience: Duration,
}

impl Visits<'_> {
    /// Sends a client that asks for `path` at this moment, on a new connection or on one that is open and
    /// idle by then, and was opened before the signal.
    pub fn send(
        &self,
        number: usize,
        path: &'static str,
        open: bool,
        at: Moment,
        dice: &mut Dice,
    ) -> Visitor {
        let scenario = self.scenario.share();
        let (address, patience, before) = (self.address, self.patience, at < self.signal);
        let latest = if before { at } else { self.signal };
        let idle_from = Moment::now().plus(latest.since(Moment::now()).saturating_sub(dice.time(IDLE)));
        let name = format!("client {number}");
        Visitor(self.scenario.spawn(move || {
            let mut client = None;
            if open {
                idle_from.wait();
                let opened = Client::connect(&scenario, &name, address).and_then(|mut client| {
                    client.get("/fast", patience)?;
                    Ok(client)
                });
                match opened {
                    Ok(opened) => client = Some(opened),
                    Err(_) if scenario.timeline().anchored() => return None,
                    Err(cut) => scenario.fail(format!("{name}: GET /fast answered, before the signal"), cut),
                }
                if scenario.timeline().anchored() && before {
                    return None;
                }
            }
            at.wait();
            let asked = Moment::now();
            let connected = client.map_or_else(|| Client::connect(&scenario, &name, address), Ok);
            let mut read = None;
            let outcome = connected.and_then(|mut client| {
                client.send(path);
                if before {
                    client.wait_until_read();
                    read = Some(Moment::now());
                }
                client.response(patience)
            });
            let settled = outcome.as_ref().map_or_else(|_| Moment::now(), |response| response.at);
            Some(Visit { name, path, open, asked, read, outcome, settled })
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_numbers_again() {
        let throw = |seed| {
            let mut dice = Dice(seed);
            let times: Vec<Duration> = (0..100).map(|_| dice.time(ms(100)..ms(200))).collect();
            (times, (0..100).map(|_| dice.pick(&[1, 2, 3])).collect::<Vec<_>>())
        };
        let (times, picked) = throw(7);
        assert_eq!(throw(7), (times.clone(), picked.clone()));
        assert_ne!(throw(8).0, times);
        assert!(times.iter().all(|time| (ms(100)..ms(200)).contains(time)), "{times:?}");
        assert!([1, 2, 3].iter().all(|number| picked.contains(number)), "{picked:?}");
    }
}
