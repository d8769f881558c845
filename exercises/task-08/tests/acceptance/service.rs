//! The service under test: who orders what, and what its log and its journal say in the end.

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use drain_kit::{Client, Moment, Program, Running, Scenario, Signal, ms, program, secs, shown};
use tempfile::TempDir;

/// How long an order is checked.
const CHECKS: Duration = ms(300);
/// How long a client waits for a response.
const PATIENCE: Duration = secs(6);

pub(crate) struct Service<'a> {
    scenario: &'a Scenario,
    pub(crate) program: Running,
    address: SocketAddr,
    folder: TempDir,
    /// The orders that were answered with 202.
    accepted: Vec<String>,
}

/// An order that has been sent, and read.
pub(crate) struct Order {
    name: String,
    sent: Moment,
    client: Client,
}

impl<'a> Service<'a> {
    /// Starts the service with this budget and a journal of its own.
    #[track_caller]
    pub(crate) fn start(scenario: &'a Scenario, budget: &str) -> Self {
        Self::start_with(scenario, budget, "")
    }

    /// With this journal, if it is given.
    #[track_caller]
    pub(crate) fn start_with(scenario: &'a Scenario, budget: &str, journal: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let own = folder.path().join("journal").to_string_lossy().into_owned();
        let journal = if journal.is_empty() { &own } else { journal };
        let program =
            Program::new(scenario, program!()).env("DRAIN_BUDGET", budget).env("JOURNAL", journal).start();
        let address = program.address();
        Self { scenario, program, address, folder, accepted: Vec::new() }
    }

    pub(crate) fn signal(&mut self, signal: Signal) -> Moment {
        self.program.signal(signal)
    }

    #[track_caller]
    pub(crate) fn client(&self, name: &str) -> Client {
        Client::connected(self.scenario, name, self.address)
    }

    /// Sends this many orders at the same time, each on a connection of its own, and returns when they have been read.
    #[track_caller]
    pub(crate) fn order_many(&self, name: &str, count: usize) -> Vec<Order> {
        let order = |number| {
            let name = format!("{name}-{number}");
            let mut client = self.client(&name);
            let sent = client.send_bytes(&format!(
                "POST /orders/{name} HTTP/1.1\r\nHost: drill\r\nContent-Length: 0\r\n\r\n"
            ));
            Order { name, sent, client }
        };
        let orders: Vec<Order> = (1..=count).map(order).collect();
        for order in &orders {
            order.client.wait_until_read();
        }
        orders
    }

    /// Requires that each of these is answered with 202: there is room for all of them.
    #[track_caller]
    pub(crate) fn accepted(&mut self, orders: Vec<Order>) {
        for Order { name, mut client, .. } in orders {
            match client.response(PATIENCE) {
                Ok(response) if response.status == 202 => self.accepted.push(name),
                outcome => self.scenario.fail(format!("POST /orders/{name}: 202"), shown(&outcome)),
            }
        }
    }

    /// Requires that orders are still being checked.
    #[track_caller]
    pub(crate) fn require_in_checks(&self, orders: &[Order]) {
        let oldest = orders.iter().map(|order| order.sent).min().expect("there are orders");
        self.scenario.at_most(
            CHECKS - ms(50),
            oldest,
            Moment::now(),
            "this moment, with the orders being checked,",
        );
    }

    /// Requires that the journal has each accepted order, once, and no other.
    #[track_caller]
    pub(crate) fn require_journal(&self) {
        let text = fs::read_to_string(self.folder.path().join("journal")).unwrap_or_default();
        let mut written: Vec<&str> = text.lines().collect();
        let mut accepted: Vec<&str> = self.accepted.iter().map(String::as_str).collect();
        written.sort_unstable();
        accepted.sort_unstable();
        self.scenario.require(
            written == accepted,
            format!("the accepted orders in the journal, each once: {}", accepted.join(", ")),
            if written.is_empty() { "an empty journal".to_owned() } else { written.join(", ") },
        );
    }

    /// Requires a tree on stderr, printed before the ready line: each component below the one that needs it.
    #[track_caller]
    pub(crate) fn require_tree(&self) {
        let ready = self.program.stdout().first().map(|(at, _)| *at).expect("the ready line");
        let _waiting = self.scenario.waiting("the tree on stderr");
        // Two pipes: what was printed first may be read a moment later.
        let until = Moment::now().plus(ms(500));
        let lines = loop {
            let lines = self.program.stderr();
            if lines.len() >= 3 || Moment::now() > until {
                break lines;
            }
            std::thread::sleep(ms(5));
        };
        let indent = |name: &str| {
            let at = lines.iter().position(|(_, line)| line.trim_end().ends_with(name))?;
            let (_, line) = &lines[at];
            Some((at, line.chars().count() - name.len()))
        };
        let places: Vec<_> = ["front", "workers", "journal"].into_iter().map(indent).collect();
        let tree = places.iter().all(Option::is_some)
            && places.windows(2).all(|pair| pair[0] < pair[1] && pair[0].map(|p| p.1) < pair[1].map(|p| p.1));
        let shown: Vec<&str> = lines.iter().map(|(_, line)| line.as_str()).collect();
        self.scenario.require(
            tree,
            format!(
                "on stderr, {}: front, below it workers, below that journal",
                self.scenario.timeline().when(ready)
            ),
            format!("`{}`", shown.join(" / ")),
        );
    }
}

/// Requires the log of a drain of front, workers and journal.
#[track_caller]
pub(crate) fn require_component_lines(service: &Service, outcomes: &[(&str, &str)]) {
    require_lines(service.scenario, &service.program, outcomes);
}

/// Requires that the log shows these components one after the other, and how each ended, and then the report.
#[track_caller]
pub(crate) fn require_lines(scenario: &Scenario, program: &Running, outcomes: &[(&str, &str)]) {
    let event = |line: &str| {
        if line.contains("component=") {
            let field = |name: &str| {
                let rest = line.split_once(&format!("{name}=")).map(|(_, rest)| rest);
                rest.and_then(|rest| rest.split_whitespace().next()).unwrap_or_default().to_owned()
            };
            let outcome = field("outcome");
            let outcome = if outcome.is_empty() { outcome } else { format!(" {outcome}") };
            return Some(format!("{} {}{outcome}", field("component"), field("event")));
        }
        line.contains("drain outcome=").then(|| "report".to_owned())
    };
    let observed: Vec<String> = program.stderr().iter().filter_map(|(_, line)| event(line)).collect();
    let mut expected = Vec::new();
    for (name, outcome) in outcomes {
        expected.push(format!("{name} begin"));
        expected.push(format!("{name} end {outcome}"));
    }
    expected.push("report".to_owned());
    scenario.require(
        observed == expected,
        format!("in the log: {}", expected.join(", ")),
        if observed.is_empty() { "no such lines".to_owned() } else { observed.join(", ") },
    );
}
