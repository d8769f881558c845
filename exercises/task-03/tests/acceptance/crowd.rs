//! Clients at random moments, and what each of them may meet.

use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

use drain_kit::{Cut, Dice, Moment, Scenario, Visit, Visitor, Visits, ms, shown};

use crate::service::{PATIENCE, SLOW};

/// How long before the signal the first clients come.
const BEFORE: Duration = ms(1_900);
/// How many clients come at which time, counted from [`BEFORE`].
const PHASES: [(usize, Range<Duration>); 5] = [
    (10, ms(0)..ms(1_700)),
    // Of these, whoever asks for `/slow` holds the drain until its end.
    (8, ms(1_700)..ms(1_900)),
    (10, ms(1_900)..ms(2_200)),
    (10, ms(2_200)..ms(3_400)),
    (10, ms(3_400)..ms(4_000)),
];

pub(crate) struct Crowd {
    signal: Moment,
    visitors: Vec<Visitor>,
}

impl Crowd {
    /// Sends the clients on their way.
    pub(crate) fn send(scenario: &Scenario, address: SocketAddr) -> Self {
        let mut dice = Dice::new(scenario);
        let start = Moment::now().plus(ms(600));
        let signal = start.plus(BEFORE);
        let visits = Visits { scenario, address, signal, patience: PATIENCE };
        let phases = PHASES.into_iter().flat_map(|(count, when)| vec![when; count]);
        let visitors = (1..).zip(phases).map(|(number, when)| {
            let path = dice.pick(&["/slow", "/slow", "/fast"]);
            let at = start.plus(dice.time(when));
            visits.send(number, path, number % 2 == 0, at, &mut dice)
        });
        Self { signal, visitors: visitors.collect() }
    }

    pub(crate) fn signal_at(&self) -> Moment {
        self.signal
    }

    /// Requires of each client that it has met what it may, and says when the drain had nothing left to do.
    pub(crate) fn judge(self, scenario: &Scenario, signal: Moment) -> Moment {
        let visits: Vec<Visit> = self.visitors.into_iter().filter_map(Visitor::visit).collect();
        for visit in &visits {
            judge(scenario, signal, visit);
        }
        let answered = visits.iter().filter(|visit| visit.outcome.is_ok()).map(|visit| visit.settled);
        answered.max().unwrap_or(signal).max(signal)
    }
}

fn judge(scenario: &Scenario, signal: Moment, visit: &Visit) {
    let Visit { name, path, open, asked, read, outcome, settled } = visit;
    let when = scenario.timeline().when(*asked);
    let connection = if *open { "an open connection" } else { "a new connection" };
    let what = format!("{name}: GET {path} on {connection}, {when}");
    if let Ok(response) = outcome {
        scenario.require(response.status == 200, format!("{what}: 200"), response.status);
        if *path == "/slow" {
            scenario.at_least(SLOW, *asked, response.at, "the response to GET /slow");
        }
    }
    let expected = match outcome {
        // It was in flight.
        Err(_) if read.is_some_and(|read| read < signal) => format!("{what}: 200"),
        Ok(_) | Err(Cut::Refused | Cut::Closed | Cut::Reset) if *open => return,
        // What waits to be accepted when the listener closes is not judged.
        Ok(_) | Err(Cut::Refused | Cut::Closed | Cut::Reset) if *asked < signal.plus(ms(300)) => return,
        Err(Cut::Refused) => return,
        Ok(_) | Err(_) if !open && *asked >= signal.plus(ms(300)) => {
            let expected = format!("{what}: refused");
            scenario.too_late(ms(300), signal, *asked, &expected, &shown(outcome))
        }
        _ => format!("{what}: 200, or turned away before the first byte"),
    };
    scenario.fail_at(*settled, expected, shown(outcome));
}
