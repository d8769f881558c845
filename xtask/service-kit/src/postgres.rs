//! PostgreSQL: a server, or a database, of one's own.

use std::env;
use std::io::{self, Write as _};
use std::ops::Deref;
use std::sync::Once;
use std::thread;
use std::time::Duration;

use drain_kit::{Scenario, ms};
use drain_services::postgres::{Client, Row, url};
use drain_services::{Service, postgres};

use crate::throwaway::Throwaway;
use crate::unique;

/// A PostgreSQL server for one test, which can be suspended and stopped: see [`Throwaway`]. Its
/// address names an empty database.
pub struct Postgres<'a>(Throwaway<'a>);

impl<'a> Postgres<'a> {
    /// Starts an empty server; ends the scenario without a verdict if PostgreSQL is not installed.
    #[track_caller]
    pub fn start(scenario: &'a Scenario) -> Self {
        Self(Throwaway::start(scenario, Service::Postgres))
    }

    /// The same; but under plain `cargo test`, which has no word for what cannot be judged, it is said on stderr, and there is
    /// none.
    #[track_caller]
    pub fn start_or_say(scenario: &'a Scenario) -> Option<Self> {
        if !scenario.has_process_of_its_own()
            && let Some(missing) = postgres::missing()
        {
            // Once, and not by `eprintln`: the output of a test that does not fail is kept from the screen.
            static SAID: Once = Once::new();
            SAID.call_once(|| drop(writeln!(io::stderr(), "\nnot judged here: {missing}")));
            return None;
        }
        Some(Self::start(scenario))
    }

    /// Runs statements, and returns all rows as text; the scenario fails if the server says no.
    #[track_caller]
    pub fn query(&self, sql: &str) -> Vec<Row> {
        query(self.scenario(), self.port(), postgres::DATABASE, sql)
    }

    /// Locks a table against changes for so long. Returns when it is locked.
    #[track_caller]
    pub fn lock_for(&self, table: &str, time: Duration) {
        let port = self.port();
        let lock = format!(
            "BEGIN; LOCK TABLE {table} IN EXCLUSIVE MODE; SELECT pg_sleep({}); COMMIT",
            time.as_secs_f64()
        );
        thread::spawn(move || {
            Client::connect(port, postgres::DATABASE).and_then(|mut client| client.query(&lock))
        });
        let _waiting = self.scenario().waiting(format!("{table} to be locked"));
        let locked = format!(
            "SELECT 1 FROM pg_locks WHERE relation = '{table}'::regclass AND mode = 'ExclusiveLock' AND granted"
        );
        while self.query(&locked).is_empty() {
            thread::sleep(ms(5));
        }
    }
}

impl<'a> Deref for Postgres<'a> {
    type Target = Throwaway<'a>;

    fn deref(&self) -> &Throwaway<'a> {
        &self.0
    }
}

/// An empty database for one test.
///
/// It lies on the server of `DATABASE_URL` if that is set, as `cargo xtask services up` prints it;
/// else on a server of its own.
pub struct Database<'a> {
    scenario: &'a Scenario,
    port: u16,
    name: String,
    server: Option<Postgres<'a>>,
}

impl<'a> Database<'a> {
    /// Creates it; ends the scenario without a verdict if there is no server.
    #[track_caller]
    pub fn new(scenario: &'a Scenario) -> Self {
        if let Ok(address) = env::var("DATABASE_URL") {
            let port = shared_port(&address).unwrap_or_else(|| {
                scenario.unknown(format!(
                    "DATABASE_URL={address} is not as `cargo xtask services up` prints it: \
                     unset it to have a server started for each test"
                ))
            });
            let name = unique("test");
            let created = Client::connect(port, postgres::DATABASE)
                .and_then(|mut c| c.query(&format!("CREATE DATABASE {name}")));
            if let Err(error) = created {
                scenario.unknown(format!("no database at DATABASE_URL={address}: {error}"));
            }
            return Self { scenario, port, name, server: None };
        }
        let server = Postgres::start(scenario);
        Self { scenario, port: server.port(), name: postgres::DATABASE.to_owned(), server: Some(server) }
    }

    /// The address, as programs take it from `DATABASE_URL`.
    pub fn url(&self) -> String {
        url(self.port, &self.name)
    }

    /// Runs statements, and returns all rows as text; the scenario fails if the server says no.
    #[track_caller]
    pub fn query(&self, sql: &str) -> Vec<Row> {
        query(self.scenario, self.port, &self.name, sql)
    }

    /// The number that is the only answer, for instance of `SELECT count(*) FROM orders`.
    #[track_caller]
    pub fn number(&self, sql: &str) -> i64 {
        let rows = self.query(sql);
        let value = rows.first().and_then(|row| row.first()).cloned().flatten();
        let number = value.as_deref().and_then(|value| value.parse().ok());
        number.unwrap_or_else(|| self.scenario.fail(format!("a number from `{sql}`"), format!("{rows:?}")))
    }
}

impl Drop for Database<'_> {
    fn drop(&mut self) {
        if self.server.is_none() {
            let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
            let _ = Client::connect(self.port, postgres::DATABASE).and_then(|mut client| client.query(&drop));
        }
    }
}

#[track_caller]
fn query(scenario: &Scenario, port: u16, database: &str, sql: &str) -> Vec<Row> {
    let rows = Client::connect(port, database).and_then(|mut client| client.query(sql));
    rows.unwrap_or_else(|error| scenario.fail(format!("an answer to `{sql}`"), error))
}

/// The port in an address of a server that lets us in.
fn shared_port(address: &str) -> Option<u16> {
    let (_, rest) = address.split_once(&format!("://{}@127.0.0.1:", postgres::USER))?;
    rest.split('/').next()?.parse().ok()
}
