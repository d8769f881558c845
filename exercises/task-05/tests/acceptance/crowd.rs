//! Clients at random moments, and what each of them may meet.

use std::ops::Range;
use std::time::Duration;

use drain_kit::{Cut, Dice, Moment, Visit, Visitor, Visits, ms};

use crate::service::{PATIENCE, PROBE_LIMIT, SLOW, Service};

/// How long before the signal the first clients come.
const BEFORE: Duration = ms(300);
/// How many clients come at which time, counted from [`BEFORE`]; the window lasts from 300 to 1300 ms.
const PHASES: [(usize, Range<Duration>); 6] = [
    (6, ms(0)..ms(300)),
    (8, ms(300)..ms(400)),
    (14, ms(400)..ms(1_150)),
    (8, ms(1_150)..ms(1_250)),
    (8, ms(1_250)..ms(1_600)),
    (6, ms(1_600)..ms(2_200)),
];

pub(crate) struct Crowd {
    signal: Moment,
    visitors: Vec<Visitor>,
}

impl Crowd {
    /// Sends the clients on their way.
    pub(crate) fn send(service: &Service<'_>) -> Self {
        let mut dice = Dice::new(service.scenario);
        let start = Moment::now().plus(ms(600));
        let signal = start.plus(BEFORE);
        let (scenario, address) = (service.scenario, service.address);
        let visits = Visits { scenario, address, signal, patience: PATIENCE };
        let phases = PHASES.into_iter().flat_map(|(count, when)| vec![when; count]);
        let visitors = (1..).zip(phases).map(|(number, when)| {
            let path = dice.pick(&["/slow", "/fast", "/ready", "/healthz"]);
            let at = start.plus(dice.time(when));
            visits.send(number, path, number % 2 == 0, at, &mut dice)
        });
        Self { signal, visitors: visitors.collect() }
    }

    pub(crate) fn signal_at(&self) -> Moment {
        self.signal
    }

    /// Requires of each client that it has met what it may, and says when the last was answered.
    pub(crate) fn judge(self, service: &Service<'_>, signal: Moment) -> Moment {
        let visits: Vec<Visit> = self.visitors.into_iter().filter_map(Visitor::visit).collect();
        for visit in &visits {
            judge(service, signal, visit);
        }
        let answered = visits.iter().filter(|visit| visit.outcome.is_ok()).map(|visit| visit.settled);
        answered.max().unwrap_or(signal)
    }
}

fn judge(service: &Service<'_>, signal: Moment, visit: &Visit) {
    let Visit { name, path, open, asked, outcome, settled, .. } = visit;
    let scenario = service.scenario;
    let connection = if *open { "an open connection" } else { "a new connection" };
    let what = format!("{name}: GET {path} on {connection}, {}", service.when(*asked));
    let observed = service.shown(outcome);
    let closed_from = service.window + ms(300);
    if !open && *asked >= signal.plus(closed_from) {
        if !matches!(outcome, Err(Cut::Refused)) {
            scenario.too_late(closed_from, signal, *asked, &format!("{what}: refused"), &observed);
        }
        return;
    }
    match outcome {
        Ok(response) => {
            let right = match *path {
                "/ready" if response.at < signal => response.status == 200,
                "/ready" if *asked < signal.plus(ms(100)) => [200, 503].contains(&response.status),
                "/ready" if response.status == 200 => {
                    scenario.too_late(ms(100), signal, *asked, &format!("{what}: 503"), &observed)
                }
                "/ready" => response.status == 503,
                _ => response.status == 200,
            };
            let status = if *path == "/ready" { "what /ready says then" } else { "200" };
            scenario.require(right, format!("{what}: {status}"), &observed);
            match *path {
                "/slow" => scenario.at_least(SLOW, *asked, response.at, "the response to GET /slow"),
                _ => scenario.at_most(PROBE_LIMIT, *asked, response.at, format!("the answer to {name}")),
            }
        }
        // The window was over, or may have been.
        Err(Cut::Refused | Cut::Closed | Cut::Reset) if *asked >= service.window_end() => {}
        Err(_) => service.fail_known(*asked, *settled, &format!("{what}: answered"), &observed),
    }
}
