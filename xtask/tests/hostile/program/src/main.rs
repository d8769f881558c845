//! The solution of task 1, which does something hostile first. What it does depends on the criterion
//! that is being judged: `HOSTILE_PLAN` says which attack meets which test.
//!
//! The test that uses this crate adds `right.rs`, the solution.
#![forbid(unsafe_code)]

mod right;

use std::fs;
use std::io::Write as _;
use std::os::unix::process::{CommandExt as _, parent_id};
use std::process::{Command, abort, exit};

fn main() -> std::io::Result<()> {
    let plan = std::env::var("HOSTILE_PLAN").unwrap_or_default();
    // Our parent is the test; its first argument is its name.
    let parent = fs::read_to_string(format!("/proc/{}/cmdline", parent_id()))?;
    let test = parent.split('\0').nth(1).unwrap_or_default();
    let steps = plan.split(',').filter_map(|step| step.split_once('='));
    for (attack, _) in steps.filter(|(_, name)| *name == test) {
        self::attack(attack);
    }
    right::main()
}

fn attack(name: &str) {
    match name {
        "endless-loop" => {
            println!("running");
            become_shell("trap '' TERM INT; while :; do :; done")
        }
        "deaf" => become_shell("trap '' TERM INT HUP; echo running; while :; do sleep 1; done"),
        "closed-stdout" => become_shell("exec >&-; trap '' TERM; while :; do sleep 1; done"),
        "exit" => exit(0),
        "panic" => panic!("\u{1b}[2Jout of order"),
        "abort" => abort(),
        "stack-overflow" => {
            deeper(1);
        }
        "gigabyte" => {
            let chunk = vec![b'x'; 1 << 20];
            for _ in 0..1024 {
                let _ = std::io::stdout().write_all(&chunk);
            }
            exit(0)
        }
        "memory" => {
            let mut all = Vec::new();
            loop {
                all.push(vec![1_u8; 1 << 20]);
            }
        }
        "fork-storm" => become_shell(
            "f() { if [ $1 -gt 0 ]; then f $(($1-1)) & f $(($1-1)) & fi; wait; sleep 60; }; trap '' TERM; f 10",
        ),
        "left-behind" => {
            // No environment, a session of its own, deaf to SIGTERM, and it holds our output open.
            let mark = std::env::var("HOSTILE_MARK").unwrap_or_default();
            let script = "trap '' TERM HUP INT; while :; do sleep 1; done";
            let command = Command::new("setsid").env_clear().args(["sh", "-c", script, &mark]).spawn();
            command.expect("setsid starts");
        }
        unknown => panic!("no attack is called {unknown}"),
    }
}

fn become_shell(script: &str) {
    panic!("sh does not start: {}", Command::new("sh").args(["-c", script]).exec());
}

fn deeper(depth: u64) -> u64 {
    let here = [depth; 64];
    if depth == 0 { 0 } else { deeper(depth + 1) + std::hint::black_box(here)[7] }
}
