//! One caller at a time, in a program that has nothing else to do: a request in flight beside it would keep the
//! program up, and hide that it does not stay for the caller.

use std::time::Duration;

use drain_kit::{Client, Moment, Scenario, Signal, ms};

use crate::service::{LONG, Service};

/// Moments in the window of the long budget: its beginning, from when on `/ready` must say 503; its middle; and
/// just before its end.
const MOMENTS: [Duration; 3] = [ms(110), ms(500), ms(850)];

/// A program in its window, and the only client that it has.
pub(crate) struct Caller<'a> {
    pub(crate) service: Service<'a>,
    number: usize,
    open: Option<Client>,
    comes: Duration,
}

/// Three programs with a caller each, who comes on a connection that was open before the signal, or on a new one.
#[track_caller]
pub(crate) fn callers(scenario: &Scenario, open: bool) -> Vec<Caller<'_>> {
    let start = |(number, comes)| {
        let service = Service::start_called(scenario, LONG, &format!("program {number}"));
        Caller { service, number, open: None, comes }
    };
    let mut callers: Vec<Caller<'_>> = (1..).zip(MOMENTS).map(start).collect();
    for caller in &mut callers {
        caller.open = open.then(|| caller.service.open(caller.number));
        caller.service.signal(Signal::SIGTERM);
    }
    callers
}

impl Caller<'_> {
    /// Waits until the caller comes, and asks once.
    #[track_caller]
    pub(crate) fn ask(&mut self, path: &str, status: u16) {
        self.service.wait(self.comes);
        match &mut self.open {
            Some(client) => self.service.ask(client, path, status),
            None => self.service.probe(path, status),
        };
    }

    /// Waits until the caller comes, and sends a request.
    #[track_caller]
    pub(crate) fn send(&mut self, path: &str) -> (Client, Moment) {
        self.service.wait(self.comes);
        let mut client = self.open.take().unwrap_or_else(|| self.service.connect(self.number));
        let sent = client.send(path);
        (client, sent)
    }
}
