//! PostgreSQL and Redis for a test: there, empty, and gone with it.

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use drain_kit::{Scenario, ms};
use drain_service_kit::{Database, Postgres, Redis, Throwaway};
use drain_services::postgres::Client;

fn refuses(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_err()
}

/// Databases are empty, and apart from each other.
///
/// Limit: 60 s
#[test]
fn databases_are_empty_and_apart() {
    let scenario = Scenario::new();
    let (one, other) = (Database::new(&scenario), Database::new(&scenario));
    one.query("CREATE TABLE orders (id int); INSERT INTO orders VALUES (7), (8)");
    assert_eq!(one.number("SELECT count(*) FROM orders"), 2);
    assert_eq!(one.query("SELECT id FROM orders ORDER BY id")[1], [Some("8".to_owned())]);
    assert_eq!(other.number("SELECT count(*) FROM pg_tables WHERE tablename = 'orders'"), 0);
    assert!(one.url().starts_with("postgres://drills@127.0.0.1:"), "{}", one.url());
}

/// A shared server serves many tests, and keeps nothing of them.
///
/// Limit: 60 s
#[test]
fn a_shared_server_is_left_as_it_was() {
    let scenario = Scenario::new();
    let shared = Postgres::start(&scenario);
    let output = Command::new(std::env::current_exe().expect("the path of this test"))
        .args(["--exact", "databases_are_empty_and_apart"])
        .env("DATABASE_URL", shared.url())
        .output()
        .expect("this test runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(shared.log().contains("ready to accept connections"), "{}", shared.log());
    let names = "SELECT count(*) FROM pg_database WHERE datname LIKE 'test%'";
    let rows = Client::connect(shared.port(), "drills").and_then(|mut client| client.query(names));
    assert_eq!(rows.expect("rows"), [[Some("0".to_owned())]]);
}

/// A suspended server hangs and goes on; a stopped one refuses.
///
/// Limit: 60 s
#[test]
fn postgres_hangs_goes_on_and_stops() {
    let scenario = Scenario::new();
    let postgres = Postgres::start(&scenario);
    let mut client = Client::connect(postgres.port(), "drills").expect("a connection");
    postgres.suspend();
    let answer = thread::spawn(move || client.query("SELECT 1"));
    thread::sleep(ms(200));
    assert!(!answer.is_finished(), "also a connection that was open hangs");
    postgres.resume();
    answer.join().expect("no panic").expect("an answer, late");
    postgres.suspend();
    postgres.stop();
    postgres.stop();
    assert!(refuses(postgres.port()));
}

/// Redis is empty, hangs, goes on and stops.
///
/// Limit: 60 s
#[test]
fn redis_is_empty_hangs_goes_on_and_stops() {
    let scenario = Scenario::new();
    let redis = Redis::start(&scenario);
    assert_eq!(redis.ask(&["DBSIZE"]).as_deref(), Some("0"));
    redis.suspend();
    let port = redis.port();
    let answer = thread::spawn(move || drain_services::redis::ask(port, &["PING"]));
    thread::sleep(ms(200));
    assert!(!answer.is_finished());
    redis.resume();
    assert_eq!(answer.join().expect("no panic").expect("an answer, late").as_deref(), Some("PONG"));
    redis.stop();
    assert!(refuses(redis.port()));
}

/// Nothing is left of a server after its test, and not after a panic either.
///
/// Limit: 60 s
#[test]
fn nothing_is_left_after_a_panic() {
    let scenario = Scenario::new();
    let mut ports = Vec::new();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let (postgres, redis) = (Postgres::start(&scenario), Redis::start(&scenario));
        ports.extend([postgres.port(), redis.port()]);
        panic!("as a failing test does");
    }));
    assert!(panicked.is_err());
    assert!(ports.iter().all(|&port| refuses(port)), "{ports:?}");
}

/// Nothing is left of a server whose test was killed.
///
/// Limit: 60 s
#[test]
fn nothing_is_left_of_a_test_that_is_killed() {
    let scenario = Scenario::new();
    if std::env::var_os("TO_BE_KILLED").is_some() {
        let (postgres, redis) = (Postgres::start(&scenario), Redis::start(&scenario));
        for server in [&*postgres, &*redis] {
            let server: &Throwaway<'_> = server;
            println!("\nserves {} {}", server.port(), server.folder().display());
        }
        loop {
            thread::park();
        }
    }
    let mut test = Command::new(std::env::current_exe().expect("the path of this test"))
        .args(["--exact", "nothing_is_left_of_a_test_that_is_killed", "--nocapture"])
        .env("TO_BE_KILLED", "1")
        .stdout(Stdio::piped())
        .spawn()
        .expect("this test runs");
    let lines =
        BufReader::new(test.stdout.take().expect("stdout is piped")).lines().map_while(|line| line.ok());
    let servers: Vec<(u16, PathBuf)> = lines
        .filter_map(|line| {
            let (port, folder) = line.strip_prefix("serves ")?.split_once(' ')?;
            Some((port.parse().expect("a port"), PathBuf::from(folder)))
        })
        .take(2)
        .collect();
    assert!(servers.iter().all(|(port, folder)| !refuses(*port) && folder.exists()), "{servers:?}");

    test.kill().expect("it is killed");
    test.wait().expect("it has ended");
    let _waiting = scenario.waiting("the servers to be gone");
    while servers.iter().any(|(port, folder)| !refuses(*port) || folder.exists()) {
        thread::sleep(ms(10));
    }
}
