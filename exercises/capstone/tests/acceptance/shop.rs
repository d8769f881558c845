//! The service on trial with its database and its Kafka: who orders, and what is there afterwards.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use drain_kit::{
    Client, Cut, DrainReport, Exit, Exposition, Moment, Program, Response, Running, Scenario, ms, program,
    secs, shown,
};
use drain_service_kit::{Kafka, Message, Postgres, Topic};
use tinyjson::JsonValue;

use crate::line::Line;

/// How long a client waits for each part of a response: longer than the service may take.
pub(crate) const PATIENCE: Duration = secs(8);
/// More than a drain needs on a busy machine.
pub(crate) const AMPLE: &str = "10s";
/// What is ordered where it does not matter.
pub(crate) const TEA: &str = r#"{"customer": "ada", "item": "tea", "quantity": 2}"#;

pub(crate) struct Shop<'a> {
    scenario: &'a Scenario,
    pub(crate) database: Postgres<'a>,
    pub(crate) kafka: Kafka<'a>,
    pub(crate) topic: Topic,
    /// What clients were told: the number of the order, by its key.
    acknowledged: RefCell<BTreeMap<String, i64>>,
}

/// One life of the service.
pub(crate) struct Instance<'a> {
    scenario: &'a Scenario,
    pub(crate) program: Running,
    pub(crate) address: SocketAddr,
    metrics: SocketAddr,
}

impl<'a> Shop<'a> {
    /// An empty database, and a Kafka that can be told to fail. `None` where `cargo test` finds no PostgreSQL.
    pub(crate) fn open(scenario: &'a Scenario) -> Option<Self> {
        let (database, kafka) = (Postgres::start_or_say(scenario)?, Kafka::embedded(scenario));
        let topic = kafka.topic("order-events", 3);
        Some(Self { scenario, database, kafka, topic, acknowledged: RefCell::default() })
    }

    pub(crate) fn program(&self, lane: &str, budget: &str) -> Program<'a> {
        Program::new(self.scenario, program!())
            .called(lane)
            .env("DATABASE_URL", self.database.url())
            .env("KAFKA_BOOTSTRAP_SERVERS", self.kafka.bootstrap_servers())
            .env("TOPIC", self.topic.name())
            .env("METRICS_ADDR", "127.0.0.1:0")
            .env("DRAIN_BUDGET", budget)
    }

    /// With this `DRAIN_BUDGET`.
    pub(crate) fn start(&self, budget: &str) -> Instance<'a> {
        self.start_called("service", budget)
    }

    pub(crate) fn start_called(&self, lane: &str, budget: &str) -> Instance<'a> {
        self.started(self.program(lane, budget))
    }

    /// With the database at the other end of this line.
    pub(crate) fn start_on(&self, line: &Line, budget: &str) -> Instance<'a> {
        self.start_called_on("service", line, budget)
    }

    pub(crate) fn start_called_on(&self, lane: &str, line: &Line, budget: &str) -> Instance<'a> {
        self.started(self.program(lane, budget).env("DATABASE_URL", line.url()))
    }

    /// Which leaves so much of its budget for the last scrape.
    pub(crate) fn start_with_last_scrape(&self, budget: &str, last_scrape: &str) -> Instance<'a> {
        self.started(self.program("service", budget).env("LAST_SCRAPE", last_scrape))
    }

    fn started(&self, program: Program<'a>) -> Instance<'a> {
        let program = program.start();
        let (metrics, address) = (program.address_of("metrics"), program.address());
        Instance { scenario: self.scenario, program, address, metrics }
    }

    /// Orders tea with this key, and requires that it is acknowledged with this status. The number of the order.
    #[track_caller]
    pub(crate) fn ordered(&self, instance: &Instance, key: &str, status: u16) -> i64 {
        self.acknowledge(key, instance.order(key, key, TEA), status)
    }

    /// Requires this status, and keeps what the client was told.
    #[track_caller]
    pub(crate) fn acknowledge(&self, key: &str, outcome: Result<Response, Cut>, status: u16) -> i64 {
        let response = require(self.scenario, outcome, status);
        let id = number(&response, "id").unwrap_or_else(|| {
            self.scenario.fail_at(response.at, "the order as JSON, with its `id`", text(&response))
        });
        let known = self.acknowledged.borrow_mut().insert(key.to_owned(), id);
        if let Some(known) = known {
            self.scenario.require(
                known == id,
                format!("order {known}, as the key {key} was told before"),
                format!("order {id}"),
            );
        }
        id
    }

    /// With 201, or with 200 if the order was known already.
    #[track_caller]
    pub(crate) fn acknowledge_anew_or_again(&self, key: &str, outcome: Result<Response, Cut>) -> i64 {
        let status = outcome.as_ref().map_or(0, |response| response.status);
        self.acknowledge(key, outcome, if status == 200 { 200 } else { 201 })
    }

    /// Waits until there is an event for each of these orders.
    #[track_caller]
    pub(crate) fn wait_for_events(&self, orders: usize) {
        self.wait_for_messages(orders, secs(10));
        self.require_events(orders);
    }

    /// Whether there are so many messages within this time, whatever they say.
    pub(crate) fn wait_for_messages(&self, count: usize, limit: Duration) -> bool {
        let _waiting = self.scenario.waiting(format!("{count} messages in Kafka"));
        let from = Moment::now();
        loop {
            let there = self.kafka.count(&self.topic) >= count as i64;
            if there || Moment::now().since(from) > limit {
                return there;
            }
            thread::sleep(ms(20));
        }
    }

    /// Requires an event for each order that was acknowledged, in the topic now, and none for any other. It may have been told
    /// several times, each time with the same `event_id`.
    #[track_caller]
    pub(crate) fn require_events(&self, orders: usize) {
        let messages = self.kafka.messages(&self.topic);
        let told = self.acknowledged.borrow();
        let missing: Vec<&String> = told
            .iter()
            .filter(|(_, id)| !messages.iter().any(|m| m.key == id.to_string()))
            .map(|(key, _)| key)
            .collect();
        let distinct: BTreeSet<&str> = messages.iter().map(|m| m.key.as_str()).collect();
        self.scenario.require(
            missing.is_empty() && distinct.len() == orders,
            format!("events of {orders} orders in Kafka, among them each that was acknowledged"),
            format!(
                "events of {} orders; of {} that were acknowledged there is none",
                distinct.len(),
                missing.len()
            ),
        );
        let ids: BTreeSet<(&str, Option<String>)> =
            messages.iter().map(|message| (message.key.as_str(), event_id(&message.payload))).collect();
        let distinct_ids: BTreeSet<&Option<String>> = ids.iter().map(|(_, id)| id).collect();
        let some: Vec<_> = ids.iter().take(5).collect();
        self.scenario.require(
            ids.len() == orders && distinct_ids.len() == orders && !distinct_ids.contains(&None),
            "one `event_id` for each order",
            format!(
                "{} for {} orders; some of them, with their orders: {some:?}",
                distinct_ids.len(),
                orders
            ),
        );
    }

    /// The first transaction with an order is at its commit for most of a second, and then fails there.
    pub(crate) fn let_the_first_commit_fail(&self) {
        self.database.query(
            "CREATE SEQUENCE commits; \
             CREATE FUNCTION fail_once() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF nextval('commits') = 1 THEN PERFORM pg_sleep(0.7); RAISE 'the first commit fails'; END IF; \
             RETURN NULL; END $$; \
             CREATE CONSTRAINT TRIGGER fail_once AFTER INSERT ON orders DEFERRABLE INITIALLY DEFERRED \
             FOR EACH ROW EXECUTE FUNCTION fail_once()",
        );
    }

    /// Returns when a transaction is at the commit that fails; after a second at the latest.
    pub(crate) fn wait_until_somebody_commits(&self) {
        self.wait_for_rows(1, "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'");
    }

    /// Returns when so many wait for a lock in the database; after a second at the latest.
    pub(crate) fn wait_for_waiting_transactions(&self, count: usize) {
        self.wait_for_rows(count, "SELECT 1 FROM pg_locks WHERE NOT granted");
    }

    fn wait_for_rows(&self, count: usize, query: &str) {
        let from = Moment::now();
        while self.database.query(query).len() < count && Moment::now().since(from) < secs(1) {
            thread::sleep(ms(5));
        }
    }

    pub(crate) fn messages(&self) -> Vec<Message> {
        self.kafka.messages(&self.topic)
    }
}

impl Instance<'_> {
    /// `POST /orders` on a connection of its own.
    pub(crate) fn order(&self, client: &str, key: &str, body: &str) -> Result<Response, Cut> {
        let mut client = Client::connect(self.scenario, client, self.address)?;
        post(&mut client, &format!("Idempotency-Key: {key}\r\n"), body);
        client.response(PATIENCE)
    }

    /// The same, left to a thread. It returns when the service has read it.
    pub(crate) fn order_in_flight(&self, key: &str) -> InFlight {
        let mut client = Client::connected(self.scenario, key, self.address);
        post(&mut client, &format!("Idempotency-Key: {key}\r\n"), TEA);
        client.wait_until_read();
        InFlight(thread::spawn(move || client.response(PATIENCE)))
    }

    pub(crate) fn get(&self, client: &str, path: &str) -> Result<Response, Cut> {
        Client::connect(self.scenario, client, self.address)?.get(path, PATIENCE)
    }

    /// What a scraper is told now.
    #[track_caller]
    pub(crate) fn metrics(&self) -> Exposition {
        Exposition::scrape(self.scenario, self.metrics, "/metrics", PATIENCE)
    }

    /// Waits until the metrics say that it is this phase, and no other; fails if they do not within ten seconds. What they say then.
    #[track_caller]
    pub(crate) fn wait_for_phase(&self, phase: &str) -> Exposition {
        let _waiting = self.scenario.waiting(format!("the phase `{phase}`"));
        let from = Moment::now();
        loop {
            let metrics = self.metrics();
            let samples: Vec<_> = metrics.samples("shutdown_phase", &[]).map(ToString::to_string).collect();
            let ours = metrics.value("shutdown_phase", &[("phase", phase)]);
            if samples.len() == 6 && ours == Some(1.0) && metrics.value("shutdown_phase", &[]) == Some(1.0) {
                return metrics;
            }
            self.scenario.require(
                Moment::now().since(from) < secs(10),
                format!("six samples of `shutdown_phase`, 1 for `{phase}` and 0 for the others"),
                format!("{samples:?}"),
            );
            thread::sleep(ms(10));
        }
    }

    /// Waits until the metrics say that so many events are left; fails if that is more than three seconds after `from`.
    #[track_caller]
    pub(crate) fn wait_for_backlog(&self, events: usize, from: Moment) {
        let _waiting = self.scenario.waiting(format!("outbox_events {events}"));
        loop {
            let left = self.metrics().value("outbox_events", &[]);
            let now = Moment::now();
            if left == Some(events as f64) {
                return self.scenario.at_most(secs(3), from, now, format!("outbox_events {events}"));
            }
            // Long enough that no busy machine is the reason.
            if now.since(from) > secs(6) {
                let expected = format!("outbox_events {events}, within 3 s");
                self.scenario.too_late(secs(3), from, now, &expected, &format!("{left:?}"));
            }
            thread::sleep(ms(20));
        }
    }

    /// Code 0, a report that says `complete`, and an end that comes at most so much later.
    #[track_caller]
    pub(crate) fn complete(&self, limit: Duration, from: Moment) -> Exit {
        self.program.exit_at_most(limit, from);
        let exit = self.program.exit_with(0);
        self.program.require_report("complete", 0);
        exit
    }
}

/// A client that orders without a pause: on the first of the instances as long as that takes connections, then on the next.
pub(crate) struct Buyer {
    stop: Arc<AtomicBool>,
    orders: thread::JoinHandle<Vec<Bought>>,
}

/// The key of an order, when it was sent, and what became of it.
type Bought = (String, Moment, Result<Response, Cut>);

impl Buyer {
    pub(crate) fn begin(scenario: &Scenario, number: usize, instances: &[&Instance]) -> Self {
        let addresses: Vec<SocketAddr> = instances.iter().map(|instance| instance.address).collect();
        let (scenario, stop) = (scenario.share(), Arc::new(AtomicBool::new(false)));
        let stopped = stop.clone();
        let orders = thread::spawn(move || {
            let mut outcomes = Vec::new();
            while !stopped.load(Ordering::SeqCst) {
                let (key, sent) = (format!("{number}-{}", outcomes.len()), Moment::now());
                // Who is refused, or was still waiting to be accepted, goes on to the next instance, as a load balancer does.
                let mut outcome = Err(Cut::Refused);
                for address in &addresses {
                    outcome = order_on_new_connection(&scenario, *address, &key);
                    if !matches!(outcome, Err(Cut::Refused | Cut::Closed | Cut::Reset)) {
                        break;
                    }
                }
                outcomes.push((key, sent, outcome));
            }
            outcomes
        });
        Self { stop, orders }
    }

    /// Each of its orders must have been acknowledged. How many there were.
    #[track_caller]
    pub(crate) fn end(self, shop: &Shop) -> usize {
        self.stop.store(true, Ordering::SeqCst);
        let orders = self.orders.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let count = orders.len();
        for (key, sent, outcome) in orders {
            // The database has a bound of at least 1.5 s, and that is not for a busy machine to use up.
            if let Ok(response) = &outcome
                && response.status == 503
                && response.at.since(sent) > ms(1_500)
            {
                let expected = format!("the order {key} acknowledged, with a database that answers");
                shop.scenario.too_late(secs(1), sent, response.at, &expected, &shown(&outcome));
            }
            shop.acknowledge(&key, outcome, 201);
        }
        count
    }
}

/// An order that is being placed.
pub(crate) struct InFlight(thread::JoinHandle<Result<Response, Cut>>);

impl InFlight {
    pub(crate) fn outcome(self) -> Result<Response, Cut> {
        self.0.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

fn order_on_new_connection(scenario: &Scenario, address: SocketAddr, key: &str) -> Result<Response, Cut> {
    let mut client = Client::connect(scenario, key, address)?.quiet();
    post(&mut client, &format!("Idempotency-Key: {key}\r\nConnection: close\r\n"), TEA);
    client.response(PATIENCE)
}

/// Sends `POST /orders` with these headers.
pub(crate) fn post(client: &mut Client, headers: &str, body: &str) -> Moment {
    let length = body.len();
    client.send_bytes(&format!(
        "POST /orders HTTP/1.1\r\nHost: shop\r\n{headers}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    ))
}

/// Requires that the last scrape has one drain, which went as the report says.
#[track_caller]
pub(crate) fn require_sample(scenario: &Scenario, last: &Exposition, report: &DrainReport) {
    let value = |name: &str, outcome: &str| {
        last.value(&format!("drain_duration_seconds_{name}"), &[("outcome", outcome)])
    };
    let other = if report.outcome == "complete" { "deadline_exceeded" } else { "complete" };
    let (count, sum) = (value("count", &report.outcome), value("sum", &report.outcome));
    let same = sum.is_some_and(|sum| (sum - report.duration.as_secs_f64()).abs() < 0.001);
    scenario.require(
        same && count == Some(1.0) && value("count", other) == Some(0.0),
        format!("one drain in `drain_duration_seconds`, as it was reported: {report:?}"),
        format!("{}: {count:?}, of {sum:?} s; {other}: {:?}", report.outcome, value("count", other)),
    );
    let in_flight = last.value("orders_in_flight", &[]);
    scenario.require(
        in_flight == Some(0.0),
        "orders_in_flight 0, when all is over",
        format!("{in_flight:?}"),
    );
}

/// How many seconds each phase of the drain has taken, from `window` to `connections`.
#[track_caller]
pub(crate) fn phases(scenario: &Scenario, metrics: &Exposition) -> [f64; 4] {
    ["window", "requests", "events", "connections"].map(|phase| {
        let took = metrics.value("drain_phase_seconds", &[("phase", phase)]);
        took.unwrap_or_else(|| {
            scenario.fail(format!("a sample of `drain_phase_seconds` for `{phase}`"), "there is none")
        })
    })
}

/// Requires an answer with this status.
#[track_caller]
pub(crate) fn require(scenario: &Scenario, outcome: Result<Response, Cut>, status: u16) -> Response {
    match outcome {
        Ok(response) if response.status == status => response,
        other => scenario.fail(format!("status {status}"), shown(&other)),
    }
}

pub(crate) fn is_acknowledged(outcome: &Result<Response, Cut>) -> bool {
    outcome.as_ref().is_ok_and(|response| response.status < 300)
}

pub(crate) fn text(response: &Response) -> String {
    String::from_utf8_lossy(&response.body).into_owned()
}

/// The number with this name in a JSON object.
pub(crate) fn number(response: &Response, name: &str) -> Option<i64> {
    Some(*member(&text(response), name)?.get::<f64>()? as i64)
}

/// Whatever an event has for one, as text.
fn event_id(payload: &str) -> Option<String> {
    member(payload, "event_id")?.stringify().ok()
}

fn member(object: &str, name: &str) -> Option<JsonValue> {
    let value: JsonValue = object.parse().ok()?;
    value.get::<HashMap<String, JsonValue>>()?.get(name).cloned()
}
