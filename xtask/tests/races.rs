//! The screens of submissions with a race. Not among the tests that plain `cargo test` runs, because they
//! build the controlled scheduler: `cargo test -p xtask --test races`.

mod screen;

use std::path::Path;

use screen::{check, judge, judge_with};

/// A scenario that both raced submissions fail.
const RACE: &str = "race::an_accepted_job";

#[test]
fn a_raced_one_is_told_step_by_step_and_the_same_seed_tells_the_same() {
    judge("raced", &["--only", RACE], 1);
    let (first, _) = check("raced", &["--only", RACE], 1, &[]);
    let (_, seed) = first.split_once("cargo xtask check --path raced --seed ").expect("how to see it again");
    let seed = seed.lines().next().expect("a number");
    let (again, _) = check("raced", &["--only", RACE, "--seed", seed], 1, &[]);
    assert_eq!(story(&again), story(&first));
}

#[test]
fn the_verdict_as_json_has_the_steps_and_a_command_that_a_shell_takes() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("it's raced");
    let _ = std::fs::remove_file(&folder);
    let raced = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/submissions/raced");
    std::os::unix::fs::symlink(raced, &folder).expect("a link");
    let path = folder.to_str().expect("UTF-8");
    let (json, _) = check(path, &["--only", RACE, "--json"], 1, &[]);
    let quoted = path.replace('\'', r"'\\''");
    assert!(json.contains(&format!("cargo xtask check --path '{quoted}' --seed ")), "{json}");
    assert!(json.contains("\"who\": \"submit") && json.contains("\"seed\": \""), "{json}");
}

#[test]
fn variables_that_were_left_in_the_shell_hide_no_race() {
    let left = [("DRAIN_SEED", "1"), ("DRAIN_SCHEDULES", "0"), ("SHUTTLE_RANDOM_SEED", "1")];
    judge_with("raced", &["--only", RACE], 1, &left);
}

#[test]
fn one_that_is_aborted_by_its_destructor_is_told_the_race() {
    judge("raced-and-aborted", &["--only", RACE], 1);
}

/// Each would take a minute to hang, and none has been explored.
#[test]
fn one_that_blocks_the_scheduler_is_stopped_once_and_called_green_nowhere() {
    judge("raced-and-blocked", &["--only", "race::"], 1);
}

/// What was expected, what was seen, and the steps.
fn story(screen: &str) -> Vec<&str> {
    let lines = screen.lines().skip_while(|line| !line.trim_start().starts_with("expected"));
    lines.take_while(|line| !line.trim_start().starts_with("again")).collect()
}
