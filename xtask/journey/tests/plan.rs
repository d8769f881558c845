//! The plan, as a learner gets it.

use std::fs;
use std::path::PathBuf;

use assert_cmd::Command;

const LIST: &str = r#"{"drills": [
    {"drill": "task-01", "title": "Smallest", "level": "beginner", "time_box": "30 minutes", "state": "done"},
    {"drill": "task-02", "title": "Pool", "level": "beginner", "time_box": "2 hours", "state": "not begun"}
]}"#;

/// The exit code, stdout, and stderr.
fn plan(arguments: &str) -> (Option<i32>, String, String) {
    let mut command = Command::cargo_bin("drain-journey").expect("it is built");
    let output = command.arg("plan").args(arguments.split_whitespace()).write_stdin(LIST).output();
    let output = output.expect("it starts");
    let [said, told] = [output.stdout, output.stderr].map(|said| String::from_utf8(said).expect("text"));
    (output.status.code(), said, told)
}

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

#[test]
fn each_drill_has_its_evenings_and_what_is_next_is_named() {
    let (code, said, told) = plan("--start 2026-12-01 --evenings mon,wed");
    assert_eq!((code, told.as_str()), (Some(0), ""));
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[0].starts_with("Wed 2 Dec ") && lines[0].ends_with("done"), "{said}");
    assert!(lines.iter().any(|line| line.starts_with("Mon 7 Dec - Wed 9 Dec    task-02")), "{said}");
    assert!(said.ends_with("Next: task-02, Pool. Begin with: cargo xtask check 2\n"), "{said}");
}

#[test]
fn a_calendar_has_an_entry_for_each_evening_and_a_later_plan_replaces_it() {
    let entries = |start: &str| {
        let path = file(&format!("{start}.ics"));
        let (code, _, told) = plan(&format!("--start {start} --evenings mon,wed --ics {}", path.display()));
        assert_eq!(code, Some(0), "{told}");
        let text = fs::read_to_string(path).expect("the calendar");
        let of = |what: &str| {
            text.lines().filter(|line| line.starts_with(what)).map(str::to_owned).collect::<Vec<_>>()
        };
        (of("DTSTART"), of("UID:"))
    };
    let (days, ids) = entries("2026-12-01");
    let days: Vec<&str> = days.iter().map(|day| day.trim_end()).collect();
    let expected = ["20261202", "20261207", "20261209"].map(|day| format!("DTSTART;VALUE=DATE:{day}"));
    assert_eq!(days, expected);
    // Who imports both has each entry once.
    let (later, same) = entries("2027-01-04");
    assert_eq!(ids, same);
    assert!(later[0].contains("20270104"), "{later:?}");
    assert_eq!(ids.len(), 3);
}

#[test]
fn what_cannot_be_planned_is_said_in_one_line() {
    for (arguments, named) in [
        ("", "--start"),
        ("--start tomorrow", "`tomorrow`"),
        ("--start 2026-02-30", "`2026-02-30`"),
        ("--start 2026-12-01 --evenings mon,someday", "`someday`"),
        ("--start 2026-12-01 --ics /nowhere/at/all.ics", "/nowhere/at/all.ics"),
        ("--begin 2026-12-01", "--begin"),
    ] {
        let (code, said, told) = plan(arguments);
        assert_eq!((code, said.as_str()), (Some(2), ""), "{arguments}");
        assert!(told.starts_with("error: ") && told.lines().count() == 1, "{arguments}: {told}");
        assert!(told.contains(named), "{arguments}: {told}");
    }
}
