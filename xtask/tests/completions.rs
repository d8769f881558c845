//! What a tab offers, in a bash that has read the completions.

use std::process::Command;

/// What the runner prints for this shell.
fn script(shell: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_xtask")).args(["completions", shell]).output();
    let output = output.expect("the runner starts");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// What stands for the last word of this line, of which `_cargo` completes what is cargo's.
fn offered(line: &str) -> Vec<String> {
    let asked = format!(
        "{}\n_cargo() {{ COMPREPLY=(of-cargo); }}\nCOMP_WORDS=({line})\nCOMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n\
         _drain_drills\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
        script("bash")
    );
    let output = Command::new("bash").args(["--norc", "-c", &asked]).output().expect("bash starts");
    assert!(output.stderr.is_empty(), "{output:?}");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(str::to_owned)
        .filter(|word| !word.is_empty())
        .collect()
}

#[test]
fn commands_options_and_drills_are_offered_and_the_rest_is_cargos() {
    assert_eq!(offered("cargo xtask che"), ["check"]);
    assert_eq!(offered("cargo xtask b"), ["bench", "book"]);
    assert_eq!(offered("cargo xtask check --al"), ["--all-lights"]);
    assert_eq!(offered("cargo xtask quiz --fast 1 task-1").len(), 9);
    assert_eq!(offered("cargo xtask zoo cap"), ["capstone"]);
    assert!(offered("cargo xtask reset --x").is_empty());
    assert_eq!(offered("cargo bui"), ["of-cargo"]);
}

#[test]
fn each_shell_has_a_script_and_others_are_named() {
    assert!(script("zsh").contains("bashcompinit") && script("fish").contains("complete -c cargo"));
    for (arguments, named) in [(&["completions"][..], "which shell"), (&["completions", "tcsh"], "`tcsh`")] {
        let output = Command::new(env!("CARGO_BIN_EXE_xtask")).args(arguments).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.code() == Some(2) && said.contains(named) && said.lines().count() == 1,
            "{said}"
        );
    }
}
