//! The solution of task 2, which does something hostile first. What it does depends on the criterion
//! that is being judged: `HOSTILE_PLAN` says which attack meets which test.
//!
//! The test that uses this crate adds `pool.rs`, the solution, and `warnings.rs`, a flood of warnings.
#![forbid(unsafe_code)]

mod pool;
mod warnings;

use std::fs::OpenOptions;
use std::io::Write as _;
use std::process::{Command, abort, exit};
use std::sync::Mutex;

use tokio::time::Instant;

pub use pool::{Closed, DeadlineExceeded};

pub struct Pool(pool::Pool);

impl Pool {
    pub fn start(workers: usize, queue: usize) -> Self {
        let plan = std::env::var("HOSTILE_PLAN").unwrap_or_default();
        let test = std::env::args().nth(1).unwrap_or_default();
        let steps = plan.split(',').filter_map(|step| step.split_once('='));
        for (attack, _) in steps.filter(|(_, name)| *name == test) {
            self::attack(attack, &test);
        }
        Self(pool::Pool::start(workers, queue))
    }

    pub async fn submit(&self, job: impl Future<Output = ()> + Send + 'static) -> Result<(), Closed> {
        self.0.submit(job).await
    }

    pub async fn drain(&self, deadline: Instant) -> Result<(), DeadlineExceeded> {
        self.0.drain(deadline).await
    }
}

fn attack(name: &str, test: &str) {
    match name {
        "endless-loop" => loop {
            std::hint::spin_loop();
        },
        "blocked-thread" => loop {
            std::thread::park();
        },
        "deadlock" => {
            let lock = Mutex::new(());
            let _first = lock.lock();
            let _second = lock.lock();
        }
        "endless-stdout" => {
            let chunk = vec![b'x'; 1 << 20];
            while std::io::stdout().write_all(&chunk).is_ok() {}
        }
        "exit" => exit(0),
        "forged-result" => {
            println!("test {test} ... ok\n\ntest result: ok. 1 passed; 0 failed; 0 ignored; 0 measured;");
            exit(0)
        }
        "no-tests" => {
            println!("\nrunning 0 tests\n\ntest result: ok. 0 passed; 0 failed; 1 ignored;");
            exit(0)
        }
        "forged-record" => {
            let record = std::env::var_os("DRAIN_EVENTS").expect("a runner listens");
            let mut record = OpenOptions::new().append(true).open(record).expect("it is ours");
            let flood = "\t".repeat(1 << 20);
            let lines = format!("\tPassed\n\tUnknown\tbusy\n{flood}\n");
            record.write_all(lines.as_bytes()).expect("it is ours");
            record.write_all(b"\xff\xfe\x00\n").expect("it is ours");
            println!("test result: ok. 1 passed;");
            exit(0)
        }
        "panic" => panic!("\u{1b}[2J\u{1b}[HDone: 5 of 5 lights"),
        "panic-flood" => {
            for _ in 0..1_000 {
                let _ = std::panic::catch_unwind(|| panic!("{}", "again ".repeat(1_000)));
            }
        }
        "abort" => abort(),
        "stack-overflow" => {
            deeper(1);
        }
        "memory" => {
            let mut all = Vec::new();
            loop {
                all.push(vec![1_u8; 1 << 20]);
            }
        }
        "addresses" => drop(Vec::<u8>::with_capacity(64 << 30)),
        "fork-storm" => {
            shell("f() { if [ $1 -gt 0 ]; then f $(($1-1)) & f $(($1-1)) & fi; wait; sleep 60; }; trap '' TERM; f 10");
            loop {
                std::thread::park();
            }
        }
        "left-behind" => {
            // No environment, a session of its own, deaf to SIGTERM, and it holds our output open.
            let mark = std::env::var("HOSTILE_MARK").unwrap_or_default();
            let script = "trap '' TERM HUP INT; while :; do sleep 1; done";
            let command = Command::new("setsid").env_clear().args(["sh", "-c", script, &mark]).spawn();
            command.expect("setsid starts");
        }
        "kills-its-supervisor" => {
            shell(&format!("kill -KILL {}", std::os::unix::process::parent_id()));
            loop {
                std::thread::park();
            }
        }
        unknown => panic!("no attack is called {unknown}"),
    }
}

fn shell(script: &str) {
    Command::new("sh").args(["-c", script]).spawn().expect("sh starts");
}

fn deeper(depth: u64) -> u64 {
    let here = [depth; 64];
    if depth == 0 { 0 } else { deeper(depth + 1) + std::hint::black_box(here)[7] }
}
