//! Servers come, die, come again and go.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use drain_services::{Process, postgres, redis};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};

use crate::site::{Site, port, said};

fn signal(pid: u32, signal: Signal) {
    kill(Pid::from_raw(pid.cast_signed()), signal).expect("the process is there");
}

fn kill_at_once(pid: u32) {
    signal(pid, Signal::SIGKILL);
    while Process::of(pid).is_some() {
        thread::sleep(Duration::from_millis(5));
    }
}

/// The whole life of a service. `serve` is a client of it.
fn lives(name: &str, variable: &str, serve: impl Fn(u16)) {
    let site = Site::new();
    assert_eq!(site.status(name).state, "down");

    let exports = site.ok(&["up", name]).stdout;
    let told = site.status(name);
    let (pid, address) = (told.pid.unwrap(), told.address.unwrap());
    assert_eq!(told.state, "up");
    assert_eq!(exports, format!("export {variable}={address}\n"));
    serve(port(&address));

    assert_eq!(site.ok(&["up", name]).stdout, exports, "a second `up` changes nothing");
    assert_eq!(site.status(name).pid, Some(pid));

    kill_at_once(pid);
    let status = site.run(&["status", name]);
    assert_eq!(status.code, 1, "{status:?}");
    assert!(status.stdout.contains("died") && status.stdout.contains(&pid.to_string()), "{status:?}");

    let recovered = site.ok(&["up", name]);
    assert_eq!(recovered.stdout, exports, "it comes back where it was: {recovered:?}");
    let told = site.status(name);
    assert!(told.state == "up" && told.pid != Some(pid), "{told:?}");
    serve(port(&address));
    assert!(!site.ok(&["logs", name]).stdout.is_empty());

    let down = site.ok(&["down", name]);
    assert!(down.stdout.contains("stopped"), "{down:?}");
    assert_eq!(Process::of(told.pid.unwrap()), None);
    assert!(TcpStream::connect(("127.0.0.1", port(&address))).is_err());
    assert_eq!(site.status(name).state, "down");
    assert_eq!(site.ok(&["down", name]).stdout, "", "nothing is left to stop");
}

#[test]
fn kafka_lives() {
    lives("kafka", "KAFKA_BOOTSTRAP_SERVERS", |port| {
        TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    });
}

#[test]
fn postgres_lives() {
    lives("postgres", "DATABASE_URL", |port| {
        let mut client = postgres::Client::connect(port, "drills").expect("a connection");
        let rows = client.query("SELECT current_database(), current_user, NULL, count(*) FROM pg_class");
        let row = &rows.expect("rows")[0];
        assert_eq!(row[..3], [Some("drills".to_owned()), Some("drills".to_owned()), None]);
        let refused = client.query("SELECT nothing").unwrap_err().to_string();
        assert!(refused.contains("\"nothing\" does not exist"), "{refused}");
        client.query("CREATE TABLE seen (at int)").expect("an empty database");
    });
}

#[test]
fn redis_lives() {
    lives("redis", "REDIS_URL", |port| {
        assert_eq!(redis::ask(port, &["GET", "k"]).unwrap(), None);
        assert_eq!(redis::ask(port, &["SET", "k", "two words"]).unwrap().as_deref(), Some("OK"));
        assert_eq!(redis::ask(port, &["GET", "k"]).unwrap().as_deref(), Some("two words"));
        assert!(redis::ask(port, &["INCR", "k"]).unwrap_err().to_string().contains("integer"));
    });
}

#[test]
fn a_port_that_is_taken_is_left_alone() {
    let site = Site::new();
    site.ok(&["up", "redis"]);
    let told = site.status("redis");
    let taken = port(&told.address.unwrap());
    kill_at_once(told.pid.unwrap());
    let _neighbour = TcpListener::bind(("127.0.0.1", taken)).expect("the port is free now");

    site.ok(&["up", "redis"]);
    let told = site.status("redis");
    assert_eq!(told.state, "up");
    assert_ne!(port(&told.address.unwrap()), taken);
}

#[test]
fn down_stops_nobody_else() {
    let site = Site::new();
    site.ok(&["up", "redis"]);
    let pid = site.status("redis").pid.unwrap();
    kill_at_once(pid);

    // As if the number had been given to somebody else by now.
    let mut neighbour = Command::new("sleep").arg("600").spawn().expect("a neighbour");
    let record = site.state().join("redis.json");
    let text = fs::read_to_string(&record).unwrap();
    assert!(text.contains(&pid.to_string()));
    fs::write(&record, text.replace(&pid.to_string(), &neighbour.id().to_string())).unwrap();

    assert_eq!(site.status("redis").state, "died");
    let down = site.ok(&["down"]);
    assert!(down.stdout.contains("had died already"), "{down:?}");
    assert!(neighbour.try_wait().unwrap().is_none(), "the neighbour still runs");
    neighbour.kill().unwrap();
    neighbour.wait().unwrap();
}

#[test]
fn an_interrupted_up_is_taken_up_again() {
    let site = Site::new();
    let mut up = site.command(&["up", "kafka"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while !site.state().join("kafka.json").exists() {
        assert!(up.try_wait().unwrap().is_none(), "it ended too early");
        thread::sleep(Duration::from_millis(1));
    }
    up.kill().unwrap();
    up.wait().unwrap();
    let pid = site.status("kafka").pid.expect("the broker is known");
    assert!(Process::of(pid).is_some(), "the broker was not interrupted");

    site.ok(&["up", "kafka"]);
    let told = site.status("kafka");
    assert_eq!((told.state.as_str(), told.pid), ("up", Some(pid)));
}

#[test]
fn one_that_does_not_answer_is_replaced() {
    let site = Site::new();
    site.ok(&["up", "redis"]);
    let told = site.status("redis");
    let pid = told.pid.unwrap();
    signal(pid, Signal::SIGSTOP);
    assert_eq!(site.status("redis").state, "silent");
    assert_eq!(site.run(&["status", "redis"]).code, 1);

    let up = site.ok(&["up", "redis"]);
    assert!(up.stderr.contains("a new one is started"), "{up:?}");
    assert_eq!(Process::of(pid), None);
    assert_eq!(site.status("redis").address, told.address);
}

#[test]
fn two_ups_at_once_start_one_server() {
    let site = Site::new();
    let up = || site.command(&["up", "redis"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (one, other) = (up(), up());
    let one = said(one.wait_with_output().unwrap());
    let other = said(other.wait_with_output().unwrap());
    assert_eq!((one.code, other.code), (0, 0), "{one:?} {other:?}");
    assert_eq!(one.stdout, other.stdout);
    let starts = [&one, &other].iter().filter(|said| said.stderr.contains("up on port")).count();
    assert_eq!(starts, 1, "{one:?} {other:?}");
}

#[test]
fn a_server_from_outside_is_used_and_never_stopped() {
    let owner = Site::new();
    owner.ok(&["up", "redis"]);
    let address = owner.status("redis").address.unwrap();

    let guest = Site::new().env("REDIS_URL", &address);
    let up = guest.ok(&["up", "redis"]);
    assert_eq!(up.stdout, format!("export REDIS_URL={address}\n"));
    let told = guest.status("redis");
    assert_eq!((told.state.as_str(), told.pid, told.address.as_deref()), ("outside", None, Some(&*address)));
    assert_eq!(guest.ok(&["down"]).stdout, "");
    assert_eq!(owner.status("redis").state, "up");

    owner.ok(&["down"]);
    let up = guest.run(&["up", "redis"]);
    assert_eq!((up.code, up.stdout.as_str()), (1, ""));
    assert!(up.stderr.contains("unset REDIS_URL") && up.stderr.lines().count() == 1, "{up:?}");
}

#[test]
fn an_address_that_up_has_printed_is_not_from_outside() {
    let site = Site::new();
    site.ok(&["up", "redis"]);
    let told = site.status("redis");
    let address = told.address.unwrap();
    let exported = |words: &[&str]| said(site.command(words).env("REDIS_URL", &address).output().unwrap());
    assert!(exported(&["status", "redis"]).stdout.contains("up"));

    kill_at_once(told.pid.unwrap());
    assert!(exported(&["status", "redis"]).stdout.contains("died"));
    assert_eq!(exported(&["up", "redis"]).code, 0);
    assert_eq!(exported(&["down"]).code, 0);
    assert_eq!(exported(&["up", "redis"]).code, 0, "after `down` too");
    assert_eq!(site.status("redis").state, "up");
}

#[test]
fn an_ordinary_user_can_run_it_too() {
    if !geteuid().is_root() {
        return; // Then all other tests show it.
    }
    const DAEMON: u32 = 1; // It is on every Linux; PostgreSQL wants a user that has a name.
    let site = Site::new();
    // A copy of the program, and a target folder, where that user can reach them.
    let program = site.path().join("drain-services");
    fs::copy(env!("CARGO_BIN_EXE_drain-services"), &program).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    chown(site.path(), Some(DAEMON), Some(DAEMON)).unwrap();
    let run = |words: &[&str]| {
        let mut command = Command::new(&program);
        command.args(words).uid(DAEMON).gid(DAEMON).current_dir("/");
        command.env("CARGO_TARGET_DIR", site.path().join("target"));
        for variable in ["DATABASE_URL", "REDIS_URL"] {
            command.env_remove(variable);
        }
        said(command.output().unwrap())
    };
    let up = run(&["up", "postgres", "redis"]);
    let status = run(&["status", "postgres", "redis"]);
    let down = run(&["down"]);
    assert_eq!((up.code, status.code, down.code), (0, 0, 0), "{up:?} {status:?} {down:?}");
    assert_eq!(down.stdout.matches("stopped").count(), 2, "{down:?}");
}

/// PostgreSQL runs as nobody then, who cannot enter: its data lie elsewhere.
#[test]
fn a_folder_that_only_root_can_enter_will_do() {
    let site = Site::new();
    fs::set_permissions(site.path(), fs::Permissions::from_mode(0o700)).unwrap();
    site.ok(&["up", "postgres"]);
    assert_eq!(site.status("postgres").state, "up");
}
