//! Customers who order without a pause, whatever becomes of the instances. Who is told no, or nothing, asks again with
//! the same key.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use drain_kit::{Client, Cut, Moment, Response, Scenario, ms, secs};

use crate::shop::{PATIENCE, TEA, is_acknowledged, post};

/// So many order at once.
const CUSTOMERS: usize = 4;
/// Between two orders, and before the same is asked again.
const PAUSE: Duration = ms(10);
/// When all is well again, the last order of each is acknowledged within this time.
const LAST_ORDER: Duration = secs(20);

/// One request for an order, and what became of it.
pub(crate) struct Asked {
    pub(crate) key: String,
    pub(crate) sent: Moment,
    pub(crate) settled: Moment,
    pub(crate) outcome: Result<Response, Cut>,
}

/// Where instances listen, as a load balancer knows it that hears of who has gone when a connection is refused.
#[derive(Clone, Default)]
pub(crate) struct Addresses {
    all: Arc<Mutex<Vec<SocketAddr>>>,
    turn: Arc<AtomicUsize>,
}

impl Addresses {
    pub(crate) fn add(&self, address: SocketAddr) {
        self.change(|all| all.push(address));
    }

    pub(crate) fn remove(&self, address: SocketAddr) {
        self.change(|all| all.retain(|other| *other != address));
    }

    fn change<T>(&self, change: impl FnOnce(&mut Vec<SocketAddr>) -> T) -> T {
        change(&mut self.all.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Each in its turn.
    fn next(&self) -> Option<SocketAddr> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        self.change(|all| all.get(turn.checked_rem(all.len())?).copied())
    }
}

pub(crate) struct Customers {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Vec<Asked>>>,
}

impl Customers {
    pub(crate) fn begin(scenario: &Scenario, addresses: &Addresses) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let begin = |number: usize| {
            let (scenario, addresses, stop) = (scenario.share(), addresses.clone(), stop.clone());
            thread::spawn(move || {
                let mut asked = Vec::new();
                for order in 0.. {
                    let key = format!("{number}-{order}");
                    if !order_until_acknowledged(&scenario, &addresses, &key, &stop, &mut asked) {
                        break;
                    }
                }
                asked
            })
        };
        let threads = (0..CUSTOMERS).map(begin).collect();
        Self { stop, threads }
    }

    /// Lets each order that was begun come to its end. All that was asked.
    pub(crate) fn end(self) -> Vec<Asked> {
        self.stop.store(true, Ordering::SeqCst);
        let asked = self.threads.into_iter().map(|thread| thread.join());
        asked.flat_map(|asked| asked.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    }
}

/// Whether there is time for one more.
fn order_until_acknowledged(
    scenario: &Scenario,
    addresses: &Addresses,
    key: &str,
    stop: &AtomicBool,
    asked: &mut Vec<Asked>,
) -> bool {
    let mut stopped = None;
    loop {
        if stop.load(Ordering::SeqCst) {
            let stopped = stopped.get_or_insert_with(Moment::now);
            if Moment::now().since(*stopped) > LAST_ORDER {
                return false;
            }
        }
        if let Some(address) = addresses.next() {
            let sent = Moment::now();
            let outcome = order(scenario, address, key);
            if matches!(outcome, Err(Cut::Refused)) {
                addresses.remove(address);
            }
            let acknowledged = is_acknowledged(&outcome);
            asked.push(Asked { key: key.to_owned(), sent, settled: Moment::now(), outcome });
            if acknowledged {
                thread::sleep(PAUSE);
                return !stop.load(Ordering::SeqCst);
            }
        }
        thread::sleep(PAUSE);
    }
}

fn order(scenario: &Scenario, address: SocketAddr, key: &str) -> Result<Response, Cut> {
    let mut client = Client::connect(scenario, key, address)?.quiet();
    post(&mut client, &format!("Idempotency-Key: {key}\r\nConnection: close\r\n"), TEA);
    client.response(PATIENCE)
}
