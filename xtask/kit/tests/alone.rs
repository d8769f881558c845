//! A test that is run once more, in a process of its own.

use std::process::Command;

use drain_kit::{Program, Scenario};

#[test]
fn nobody_is_alone_by_inheritance() {
    if std::env::var_os("DRAIN_ALONE").is_none() {
        let mut again = Command::new(std::env::current_exe().unwrap());
        again.args(["nobody_is_alone_by_inheritance", "--exact"]).env("DRAIN_ALONE", "1");
        assert!(again.status().unwrap().success());
        return;
    }
    let scenario = Scenario::new();
    let program = Program::alone(&scenario, || println!("\nalone"));
    program.exit_with(0);
    program.line("alone");
}
