//! Prints `running` every second until it is told to stop, then `draining`.
#![forbid(unsafe_code)]

fn main() {
    todo!(
        "print `running` at once and every second; on SIGINT or SIGTERM print `draining` and exit with code 0"
    )
}
