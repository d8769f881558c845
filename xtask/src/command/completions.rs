//! What a shell needs to complete a command line of the runner.

use lexopt::prelude::*;

use crate::command::{self, Command, journey, services};
use crate::drill;
use crate::error::{Error, Result};

pub(crate) const COMMAND: Command = Command {
    name: "completions",
    summary: "for bash, zsh or fish: commands, options and drills by tab",
    help: "\
usage: cargo xtask completions SHELL

Prints what SHELL, one of bash, zsh and fish, reads to complete a line that
begins with `cargo xtask`. All other lines of cargo stay what they are.

bash:   cargo xtask completions bash > ~/.drain-drills.bash
        echo 'source ~/.drain-drills.bash' >> ~/.bashrc
zsh:    cargo xtask completions zsh > ~/.drain-drills.zsh
        echo 'source ~/.drain-drills.zsh' >> ~/.zshrc     # behind compinit
fish:   cargo xtask completions fish > ~/.config/fish/completions/xtask.fish
        echo 'source ~/.config/fish/completions/xtask.fish' >> ~/.config/fish/config.fish
",
    run,
};

fn run(mut arguments: lexopt::Parser) -> Result<u8> {
    let mut shell = None;
    while let Some(argument) = arguments.next()? {
        match argument {
            Value(word) if shell.is_none() => shell = Some(word.string()?),
            argument => return Err(argument.unexpected().into()),
        }
    }
    let script = match shell.as_deref() {
        Some("bash") => bash(&words()?),
        // It has a command that understands those of bash.
        Some("zsh") => format!("autoload -U +X bashcompinit && bashcompinit\n{}", bash(&words()?)),
        Some("fish") => fish(&words()?),
        Some(other) => {
            return Err(Error::new(format!("no completions for `{other}`: there are bash, zsh and fish")));
        }
        None => return Err(Error::new("for which shell? For instance: cargo xtask completions bash")),
    };
    print!("{script}");
    Ok(0)
}

/// Each command, with what may stand behind it.
fn words() -> Result<Vec<(&'static str, Vec<String>)>> {
    let drills = drill::all()?;
    let levels = ["beginner", "intermediate", "advanced", "capstone", "all"].map(str::to_owned);
    let names = drills.iter().map(|drill| drill.name.clone()).filter(|name| name != "capstone");
    let selections: Vec<String> = names.chain(levels).collect();
    let of = |command: &Command| {
        let selects = command.help.contains(" SELECTION") || command.help.contains("[SELECTION");
        let selections = if selects { selections.clone() } else { Vec::new() };
        (command.name, [options(command.help), selections].concat())
    };
    let apart = [services::NAME, journey::PLAN, journey::BOOK].map(|name| (name, Vec::new()));
    Ok(command::ALL.iter().map(of).chain(apart).collect())
}

/// Those that a help names.
fn options(help: &str) -> Vec<String> {
    let is_part = |letter: char| letter.is_ascii_lowercase() || letter == '-';
    let is_option =
        |word: &&str| word.strip_prefix("--").is_some_and(|name| name.starts_with(char::is_alphabetic));
    let words = help.split(|letter: char| !is_part(letter)).filter(is_option);
    let mut options: Vec<String> = words.map(str::to_owned).chain(["--help".to_owned()]).collect();
    options.sort();
    options.dedup();
    options
}

fn bash(words: &[(&str, Vec<String>)]) -> String {
    let commands = words.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" ");
    let cases: String =
        words.iter().map(|(name, words)| format!("    {name}) words='{}' ;;\n", words.join(" "))).collect();
    format!(
        "\
_drain_drills() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} words=''
  COMPREPLY=()
  if [[ ${{COMP_WORDS[1]}} != xtask ]]; then
    if declare -f _cargo >/dev/null; then _cargo \"$@\"; fi
    return
  fi
  case $COMP_CWORD:${{COMP_WORDS[2]}} in
    2:*) words='{commands}' ;;
  esac
  if ((COMP_CWORD > 2)); then case ${{COMP_WORDS[2]}} in
{cases}  esac; fi
  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))
}}
complete -o bashdefault -o default -F _drain_drills cargo
"
    )
}

fn fish(words: &[(&str, Vec<String>)]) -> String {
    let on_xtask = "test (commandline -opc)[2] = xtask 2>/dev/null";
    let commands = words.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" ");
    let mut script = format!(
        "complete -c cargo -f -n '{on_xtask}; and test (count (commandline -opc)) -eq 2' -a '{commands}'\n"
    );
    for (name, words) in words.iter().filter(|(_, words)| !words.is_empty()) {
        script += &format!(
            "complete -c cargo -n '{on_xtask}; and test (commandline -opc)[3] = {name} 2>/dev/null' -a '{}'\n",
            words.join(" ")
        );
    }
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_option_of_a_help_is_one() {
        let help = "usage: cargo xtask a [--json]\n\n  --all-lights    with `--json`; --- or -- are none\n";
        assert_eq!(options(help), ["--all-lights", "--help", "--json"]);
    }

    #[test]
    fn who_takes_a_selection_is_offered_drills() {
        let words = words().unwrap();
        let of = |name: &str| &words.iter().find(|(command, _)| *command == name).unwrap().1;
        for name in ["check", "watch", "list", "hint", "diff", "reset", "zoo", "quiz", "verify", "soak"] {
            assert!(of(name).iter().any(|word| word == "task-03"), "{name}: {:?}", of(name));
        }
        assert!(!of("review").iter().any(|word| word == "task-03"));
    }
}
