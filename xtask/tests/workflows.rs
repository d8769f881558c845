//! The workflows, each step run with bash beside a cargo that only says what it was asked.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The text of a workflow, and its `run:` steps by name.
fn workflow(name: &str) -> (String, BTreeMap<String, String>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let text = fs::read_to_string(root.join(".github/workflows").join(name)).expect("a workflow");
    let (mut steps, mut step) = (BTreeMap::new(), String::new());
    let lines: Vec<&str> = text.lines().collect();
    for (index, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let entry = line.trim_start().trim_start_matches("- ");
        if let Some(name) = entry.strip_prefix("name: ").filter(|_| indent > 0) {
            step = name.to_owned();
        } else if let Some(script) = entry.strip_prefix("run: ") {
            let is_below = |line: &&&str| line.len() - line.trim_start().len() > indent;
            let below =
                lines[index + 1..].iter().take_while(is_below).map(|line| format!("{}\n", line.trim()));
            let script = if script == "|" { below.collect() } else { script.to_owned() };
            steps.insert(step.clone(), script);
        }
    }
    (text, steps)
}

/// Where a step runs, and what became of it.
struct Place(PathBuf);

impl Place {
    /// With these folders in it. Its cargo notes what it is asked, and finds everything red.
    fn new(name: &str, folders: &[&str]) -> Self {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("workflows").join(name);
        let _ = fs::remove_dir_all(&root);
        for folder in [&["bin"], folders].concat() {
            fs::create_dir_all(root.join(folder)).expect("a folder");
        }
        let cargo = root.join("bin/cargo");
        fs::write(&cargo, "#!/bin/sh\necho \"$@\" >> asked\necho '## red'\nexit 1\n").expect("a script");
        fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).expect("it can be run");
        Self(root)
    }

    /// As GitHub runs a script. The exit code.
    fn run(&self, script: &str, variables: &[(&str, &str)]) -> Option<i32> {
        let path = std::env::var("PATH").expect("a path");
        let mut bash = Command::new("bash");
        bash.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script]).current_dir(&self.0);
        bash.env("PATH", format!("{}:{path}", self.0.join("bin").display())).envs(variables.iter().copied());
        bash.env("GITHUB_STEP_SUMMARY", self.0.join("summary")).env("GITHUB_OUTPUT", self.0.join("output"));
        bash.output().expect("bash starts").status.code()
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.0.join(file)).unwrap_or_default()
    }
}

#[test]
fn the_parts_of_the_gate_are_the_whole() {
    let (text, steps) = workflow("gate.yml");
    let script = &steps["prove that the tests can be trusted"];
    let of: usize =
        script.rsplit('/').next().and_then(|of| of.trim().parse().ok()).expect("a number of parts");
    let parts: Vec<String> = (1..=of).map(|part| part.to_string()).collect();
    assert!(text.contains(&format!("shard: [{}]", parts.join(", "))), "{text}");
    let place = Place::new("gate", &[]);
    assert_eq!(place.run(&script.replace("${{ matrix.shard }}", "2"), &[]), Some(1));
    assert_eq!(place.read("asked"), format!("xtask verify --fresh --shard 2/{of}\n"));
    // The first that fails ends the step.
    assert_eq!(place.run(&steps["style"], &[]), Some(1));
    assert!(place.read("asked").ends_with("fmt --check\n"), "{}", place.read("asked"));
}

#[test]
fn a_red_drill_is_in_the_summary_and_fails_the_run() {
    let (_, steps) = workflow("drills.yml");
    let place = Place::new("drills", &[]);
    assert_eq!(place.run(&steps["judge what has been begun"], &[]), Some(1));
    assert_eq!(place.read("asked"), "xtask check --path . --markdown\n");
    assert_eq!(place.read("summary"), "## red\n");
}

#[test]
fn everybody_in_the_class_is_judged() {
    let (text, steps) = workflow("class.yml");
    let place = Place::new("class", &["class/anna", "class/bo b"]);
    assert_eq!(place.run(&steps["who is in the class"], &[]), Some(0));
    assert_eq!(place.read("output"), "names=[\"anna\",\"bo b\"]\n");
    assert!(text.contains("fail-fast: false"), "one that is red would end the others");
    assert_eq!(place.run(&steps["judge what has been begun"], &[("LEARNER", "bo b")]), Some(1));
    assert_eq!(place.read("asked"), "xtask check --path class/bo b --markdown\n");
    assert_eq!(place.read("summary"), "# bo b\n## red\n");
    let nobody = Place::new("no-class", &[]);
    assert_eq!(nobody.run(&steps["who is in the class"], &[]), Some(1));
}

/// What somebody has named a folder must not become a part of a script, and what is judged has no rights.
#[test]
fn nothing_of_a_submission_is_run_as_a_script() {
    for name in ["gate.yml", "drills.yml", "class.yml"] {
        let (text, steps) = workflow(name);
        assert!(text.contains("permissions:\n  contents: read\n"), "{name}");
        assert!(!text.contains("secrets.") && !text.contains("pull_request_target"), "{name}");
        for script in steps.values() {
            let script = script.replace("${{ matrix.shard }}", "");
            assert!(!script.contains("${{"), "{name}: {script}");
        }
    }
}
