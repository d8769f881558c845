//! Clients at random moments, and what each of them may meet.

use std::ops::Range;
use std::time::Duration;

use drain_kit::{Cut, Dice, Moment, Visit, Visitor, Visits, ms};

use crate::service::{LIMIT, PATIENCE, SLOW, Service};

/// How long before the signal the first clients come.
const BEFORE: Duration = ms(300);
/// How many clients come at which time, counted from [`BEFORE`]: the quiesce lasts from 300 to 800 ms, and the drain until
/// 2200 ms or so.
const PHASES: [(usize, Range<Duration>); 6] = [
    (6, ms(0)..ms(300)),
    (8, ms(300)..ms(420)),
    (14, ms(420)..ms(700)),
    (12, ms(700)..ms(920)),
    (14, ms(920)..ms(1_400)),
    (6, ms(1_400)..ms(2_200)),
];
/// Who comes later comes on a new connection: idle ones are closed after two seconds.
const OPEN_UNTIL: Duration = ms(1_400);

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
            let path = dice.pick(&["/slow", "/fast", "/ready", "/healthz", "/metrics"]);
            let at = start.plus(dice.time(when.clone()));
            let open = number % 2 == 0 && when.end <= OPEN_UNTIL;
            visits.send(number, path, open, at, &mut dice)
        });
        Self { signal, visitors: visitors.collect() }
    }

    /// Returns a moment before the signal is to be sent.
    pub(crate) fn wait_for_the_signal(&self) {
        self.signal.wait();
    }

    /// Requires of each client that it has met what it may: the drain lasts until this moment at the least.
    pub(crate) fn judge(self, service: &Service<'_>, signal: Moment, until: Moment) {
        for visit in self.visitors.into_iter().filter_map(Visitor::visit) {
            judge(service, signal, until, &visit);
        }
    }
}

fn judge(service: &Service<'_>, signal: Moment, until: Moment, visit: &Visit) {
    let Visit { name, path, open, asked, outcome, settled, .. } = visit;
    let scenario = service.scenario;
    let connection = if *open { "an open connection" } else { "a new connection" };
    let what = format!("{name}: GET {path} on {connection}, {}", service.when(*asked));
    let drain = signal.plus(service.quiesce);
    let statuses = match *path {
        "/healthz" | "/metrics" => vec![200],
        // What was read long before the signal has been accepted.
        _ if *settled < signal => vec![200],
        "/slow" if visit.read.is_some_and(|read| read.plus(ms(100)) < signal) => vec![200],
        "/fast" if asked.plus(ms(100)) < signal => vec![200],
        "/fast" if settled.plus(ms(50)) < drain => vec![200],
        "/slow" | "/ready" if *asked >= signal.plus(ms(100)) => vec![503],
        "/fast" if *asked >= drain.plus(ms(100)) => vec![503],
        _ => vec![200, 503],
    };
    let expected = statuses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
    let expected = format!("{what}: {expected}");
    match outcome {
        Ok(response) if statuses.contains(&response.status) => {
            if *path == "/slow" && response.status == 200 {
                scenario.at_least(SLOW, *asked, response.at, "the response to GET /slow");
            } else {
                scenario.at_most(LIMIT, *asked, response.at, format!("the answer to {name}"));
            }
        }
        // The program saw the signal late, and so the phase began late.
        Ok(response) if *asked >= signal && response.status == 200 => {
            let begins = if *path == "/fast" { drain } else { signal };
            scenario.too_late(ms(100), begins, *asked, &expected, "200");
        }
        Err(cut @ (Cut::TimedOut(_) | Cut::NotAccepted)) => {
            scenario.too_late(LIMIT, *asked, *settled, &expected, &cut.to_string());
        }
        // The drain was over, or may have been.
        Err(Cut::Refused | Cut::Closed | Cut::Reset) if *settled >= until => {}
        outcome => scenario.fail_at(*settled, expected, service.shown(outcome)),
    }
}
