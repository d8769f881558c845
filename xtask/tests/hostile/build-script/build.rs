//! Fails, as one does that looks for a C library; or hangs, deaf to every signal but SIGKILL.

use std::process::Command;

fn main() {
    if std::env::var("HOSTILE_PLAN").is_ok_and(|plan| plan == "deaf") {
        let script = "trap '' TERM INT HUP; while :; do sleep 1; done";
        let _ = Command::new("setsid").args(["sh", "-c", script]).status();
    }
    panic!("libdrain is not installed");
}
